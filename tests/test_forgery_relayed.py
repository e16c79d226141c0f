"""What real servers made of hostile replies, addresses and mail: `fixtures/forgery/relayed/`.

`python -m tests.live.forge` collects them. `table.jsonl` has a line for each file: who was refused, and with which words;
who was spared; which command was answered. The law is in `tests/forged.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.forged import FORMS, broken
from undeliverable import parse

RELAYED: Final = Path(__file__).parent.parent / "fixtures" / "forgery" / "relayed"
ROWS: Final[tuple[dict[str, Any], ...]] = tuple(
    json.loads(line) for line in (RELAYED / "table.jsonl").read_text(encoding="ascii").splitlines()
)


def cases() -> Iterator[Any]:
    for row in ROWS:
        for form in FORMS:
            yield pytest.param(row, form, id=f"{row['file'].removesuffix('.eml')}-{form}")


@pytest.mark.parametrize(("row", "form"), tuple(cases()))
def test_nobody_is_condemned_who_was_not_refused(row: dict[str, Any], form: str) -> None:
    report = parse(FORMS[form]((RELAYED / row["file"]).read_bytes()))
    assert broken(report, row["refused"], row["spared"], complete=form == "as_received") == []


def test_each_file_is_in_the_table_once() -> None:
    assert sorted(row["file"] for row in ROWS) == sorted(path.name for path in RELAYED.glob("*.eml"))
