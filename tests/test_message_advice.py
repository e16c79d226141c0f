"""What to do with the message itself: the rows of an operator, and what a policy changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from undeliverable import classify

ROWS: Final = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "fixtures" / "message_advice.jsonl").read_text("utf-8").splitlines()
]
KEYS: Final = ("message_advice", "applies_to", "retry_after")


@pytest.mark.parametrize("row", ROWS, ids=[row["reply"][:60] for row in ROWS])
def test_an_operator_gets_what_is_expected(row: dict[str, Any]) -> None:
    verdict = classify(row["reply"], command=row["command"], host=row["host"])
    assert {key: getattr(verdict, key) for key in KEYS} == {key: row[key] for key in KEYS}
    record = verdict.to_dict()
    assert {key: record[key] for key in KEYS} == {key: row[key] for key in KEYS}
