"""Lines that look like deliveries and were not read are counted, and no others: a log without them has the number 0."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

import undeliverable
from tests.test_log_shapes import DOCUMENTS
from tests.test_logs import EXIM, LINES, POSTFIX
from undeliverable._text.linear import check_linear
from undeliverable.logs import LogReader
from undeliverable.logs._unread import Unread

FIXTURES: Final = Path(__file__).parent.parent / "fixtures"
TABLE: Final[dict[str, list[dict[str, Any]]]] = tomllib.loads(
    (Path(undeliverable.__file__).parent / "data" / "log_lines" / "unread.toml").read_text(encoding="utf-8")
)
DELIVERIES: Final = [line for entry in TABLE["delivery"] for line in entry["example"]]
OTHERS: Final = [line for entry in TABLE["other"] for line in entry["example"]]
LOGGERS: Final = [
    json.loads(line) for line in (FIXTURES / "logs" / "loggers.jsonl").read_text(encoding="utf-8").splitlines()
]
READ: Final = {
    **LINES,
    "Postfix": POSTFIX,
    "Exim": EXIM,
    **{f"{name}, described": [example["line"] for kind in ("line", "record") for table in document.get(kind, ()) for example in table["example"]] for name, document in DOCUMENTS.items()},
    **{f"{one['logger']} {number}": one["lines"] for number, one in enumerate(LOGGERS)},
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_no_line_of_a_log_that_is_read_is_counted(name: str) -> None:
    reader = LogReader()
    for line in READ[name]:
        reader.feed(line)
    assert (reader.unread, reader.first_unread) == (0, None)


@pytest.mark.parametrize("line", DELIVERIES)
def test_a_line_about_a_delivery_is_counted_if_it_is_not_read(line: str) -> None:
    for text in (line, line.encode(), f"Nov 21 21:16:19 mx relay[281]: {line}", f"app-1  | {line}"):
        reader = LogReader()
        assert reader.feed(text, source="mail.log:7") is None
        assert (reader.unread, reader.first_unread) == (1, f"mail.log:7: {text if isinstance(text, str) else line}")


@pytest.mark.parametrize("line", OTHERS)
def test_other_lines_are_not_counted(line: str) -> None:
    reader = LogReader()
    for _ in range(2):  # the second time, the program is known
        assert reader.feed(line) is None
    assert reader.unread == 0


def test_the_first_one_is_kept_and_all_are_counted() -> None:
    reader = LogReader()
    for number, line in enumerate(DELIVERIES, start=1):
        reader.feed(line, source=f"-:{number}")
    assert reader.unread == len(DELIVERIES)
    assert reader.first_unread == f"-:1: {DELIVERIES[0]}"
    reader = LogReader()
    reader.feed(DELIVERIES[0] + " x" * 9_000)
    assert reader.first_unread == (DELIVERIES[0] + " x" * 9_000)[:500]


def test_rows_of_unknown_columns_are_among_them() -> None:
    reader = LogReader()
    row = "b,news@example.net,kim@example.org,5.1.1 (bad),smtp;550 5.1.1 no such user"
    for _ in range(2):
        assert reader.feed(row) is None
    assert reader.unread == 2
    assert reader.first_unread == row
    assert reader.feed("text") is None
    assert reader.unread == 2


@pytest.mark.parametrize("entry", [*TABLE["delivery"], *TABLE["other"]], ids=lambda entry: entry["what"])
def test_the_patterns_are_linear_and_each_has_examples(entry: dict[str, Any]) -> None:
    assert entry["example"]
    assert check_linear(entry["pattern"]) is None
    assert "programs" not in entry or check_linear(entry["programs"]) is None


@pytest.mark.parametrize("number", range(len(TABLE["delivery"])))
def test_every_shape_is_needed(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, one of its examples is counted no more."""
    from undeliverable.logs import _unread

    table = _unread._table()
    left = tuple(one for at, one in enumerate(table.deliveries) if at != number)
    monkeypatch.setattr(_unread, "_table", lambda: table._replace(deliveries=left))
    found = Unread()
    for line in TABLE["delivery"][number]["example"]:
        found.add(line, None)
    assert found.count < len(TABLE["delivery"][number]["example"])


def test_names_of_programs_are_bounded() -> None:
    found = Unread()
    for number in range(3_000):
        found.add(f"Nov 21 21:16:18 mx policy{number}: x@example.org", None)
    assert len(found._idle) == 1_000
    assert found.count == 0


def test_the_lines_of_a_message_are_no_log_that_was_read() -> None:
    """Whoever gives a mail where a log is meant is warned, since what is in it was not read."""
    reader = LogReader()
    for line in (FIXTURES / "bounces" / "exim-mixed.eml").read_text(encoding="utf-8").splitlines():
        reader.feed(line)
    assert reader.unread > 0
