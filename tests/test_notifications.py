"""Notifications that nobody described, in many languages, and mail that is none: `fixtures/notifications.jsonl`.

Each line has the header fields and the text of a message, what it is, and the recipients. Those listed in FAILING are known
to be read wrong, because too little says what they are.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from undeliverable import Report, parse

ROWS: Final[list[dict[str, Any]]] = [
    json.loads(line)
    for line in (Path(__file__).parent.parent / "fixtures" / "notifications.jsonl").read_text("utf-8").splitlines()
]
FAILING: Final = {"second-it-b", "sixth-en-2"}


def read(row: dict[str, Any]) -> Report:
    header = "".join(f"{name}: {value}\n" for name, value in row["headers"].items())
    kind = "html" if row.get("html") else "plain"
    fields = f"MIME-Version: 1.0\nContent-Type: text/{kind}; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
    return parse(f"{header}{fields}\n{row['text']}".encode())


def param(row: dict[str, Any]) -> Any:
    marks = [pytest.mark.xfail(strict=True, reason="too few signs")] if row["id"] in FAILING else []
    return pytest.param(row, id=row["id"], marks=marks)


@pytest.mark.parametrize("row", [param(row) for row in ROWS])
def test_notification(row: dict[str, Any]) -> None:
    report = read(row)
    kinds = row["kind"] if isinstance(row["kind"], list) else [row["kind"]]
    assert str(report.kind) in kinds
    if "auto_reply" not in kinds:
        assert sorted(str(verdict.recipient) for verdict in report.verdicts) == sorted(row["recipients"])


def test_each_has_its_own_id() -> None:
    assert len({row["id"] for row in ROWS}) == len(ROWS)
