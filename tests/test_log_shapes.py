"""Every described log against its own examples: those with expectations are deliveries, the others are not."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

import undeliverable
from undeliverable import parse_log_line
from undeliverable._knowledge.log_shapes import FACTS, LogTable, Role, compile_log
from undeliverable.errors import EntryError
from undeliverable.knowledge import Knowledge
from undeliverable.logs import LogReader
from undeliverable.verdict import Report

FOLDER: Final = Path(undeliverable.__file__).parent / "data" / "logs"
DOCUMENTS: Final[dict[str, dict[str, Any]]] = {
    path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.toml"))
}
TABLES: Final = [
    (name, kind, number, table)
    for name, document in DOCUMENTS.items()
    for kind in ("line", "record")
    for number, table in enumerate(document.get(kind, ()), start=1)
]
EXAMPLES: Final = [
    pytest.param(name, kind, number, example, id=f"{name}-{kind}{number}-{index}")
    for name, kind, number, table in TABLES
    for index, example in enumerate(table["example"])
]
SOFTWARE: Final = {
    "courier", "exchange", "exim", "haraka", "kumomta", "maddy", "momentum", "mox", "msmtp", "opensmtpd", "postfix", "powermta", "qmail", "sendmail",
    "stalwart", "zonemta",
}  # fmt: skip


def said(report: Report) -> dict[str, object]:
    """What an example may expect of a report, flat."""
    record = report.to_dict()
    message, verdicts = record["message"], record["verdicts"]
    assert isinstance(message, dict)
    assert isinstance(verdicts, list)
    returned, event = message["returned"] or {}, record["event"] or {}
    assert isinstance(event, dict)
    first = {key: "" if value is None else value for key, value in verdicts[0].items()}
    more = {
        "kind": record["kind"],
        "queue_id": message["queue_id"],
        "date": message["date"],
        "class": event.get("class"),
    }
    return first | more | {"sender": returned.get("from"), "recipients": [one["recipient"] for one in verdicts]}


def test_all_software_is_described() -> None:
    assert set(DOCUMENTS) == SOFTWARE, "each log's name stands in SOFTWARE of tests/test_log_shapes.py"
    unsaid = [f"{name}.toml" for name, one in DOCUMENTS.items() if not one.get("title") or not one.get("source")]
    assert not unsaid, "a log has a title and a source"


@pytest.mark.parametrize(("name", "kind", "number", "example"), EXAMPLES)
def test_an_example_says_what_is_expected(name: str, kind: str, number: int, example: dict[str, Any]) -> None:
    report = parse_log_line(example["line"])
    expected = example.get("expect")
    if expected is None:
        assert report is None
        return
    assert report is not None, f"an example of [[{kind}]] number {number} of {name}.toml is not read"
    assert report.message.generator == name, f"an example of {name}.toml is read as {report.message.generator}"
    assert {key: said(report)[key] for key in expected} == expected
    (pattern,) = {evidence.pattern for verdict in report.verdicts for evidence in verdict.evidence}
    assert pattern == (f"{name}.{number}" if kind == "line" else f"{name}.record")


@pytest.mark.parametrize(("name", "kind", "number", "table"), TABLES)
def test_every_table_has_an_example(name: str, kind: str, number: int, table: dict[str, Any]) -> None:
    assert table.get("example"), f"[[{kind}]] number {number} of {name}.toml has no example"
    if kind == "line" and table.get("role", Role.OUTCOME) == Role.OUTCOME and "waits" not in table:
        expects = any("expect" in example for example in table["example"])
        assert expects, f"no example of [[{kind}]] number {number} of {name}.toml says what to expect"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_description_passes_the_checks(name: str) -> None:
    lines, records = compile_log(name, DOCUMENTS[name])
    assert lines or records


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_is_remembered_matches_its_example(name: str) -> None:
    lines, _ = compile_log(name, DOCUMENTS[name])
    for shape, table in zip(lines, DOCUMENTS[name].get("line", ()), strict=True):
        if shape.role is Role.OUTCOME:
            continue
        for example in table["example"]:
            reader = LogReader()
            assert reader.feed(example["line"]) is None
            read = reader._reader._lines.read(example["line"])
            assert read is not None
            assert (read.role, read.name) == (shape.role, name)
            assert read.found["queue_id"]


def test_the_builtin_table_is_that_of_the_files() -> None:
    table = Knowledge.builtin().logs
    lines, records = (
        {shape.name for shape in table.lines},
        {shape.name for shape in (*table.records, *table.tails, *table.rows)},
    )
    assert lines | records == SOFTWARE


LINE: Final = {"contains": "x", "pattern": "x {recipient}", "action": "failed"}
RECORD: Final = {"form": "json", "needs": ["a"]}


@pytest.mark.parametrize(
    ("document", "key"),
    [
        ({"line": [LINE | {"colour": 1}]}, "colour"),
        ({"line": [LINE | {"contains": []}]}, "contains"),
        ({"line": [LINE | {"contains": ["x", ""]}]}, "contains"),
        ({"line": [LINE | {"pattern": 1}]}, "pattern"),
        ({"line": [LINE | {"pattern": "x (.*)*"}]}, "pattern"),
        ({"line": [LINE | {"pattern": "x (?P<colour>.)"}]}, "pattern"),
        ({"line": [LINE | {"action": "eaten"}]}, "action"),
        ({"line": [LINE | {"role": "king"}]}, "role"),
        ({"line": [LINE | {"outcomes": 1}]}, "outcomes"),
        ({"line": [LINE | {"outcomes": {"a": "eaten"}}]}, "outcomes"),
        ({"line": [LINE | {"expired_words": 1}]}, "expired_words"),
        ({"line": [LINE | {"unescape": 1}]}, "unescape"),
        ({"line": [LINE | {"unescape": [["a"]]}]}, "unescape"),
        ({"line": [LINE | {"unescape": [["(a+)+", "b"]]}]}, "pattern"),
        ({"record": [RECORD | {"form": "xml"}]}, "form"),
        ({"record": [RECORD | {"facts": {"colour": "a"}}]}, "facts.colour"),
        ({"record": [RECORD | {"facts": {"recipient": 1}}]}, "facts.recipient"),
    ],
)
def test_a_wrong_description_is_refused_with_its_place(document: dict[str, Any], key: str) -> None:
    with pytest.raises(EntryError) as caught:
        compile_log("mine", document)
    assert caught.value.key == key
    assert (caught.value.entry or "").startswith("mine.")


def test_a_document_without_shapes_is_empty() -> None:
    assert compile_log("mine", {"line": "no list", "record": [1]}) == ([], [])
    assert LogTable.of([("mine", {})]) == LogTable()


def test_every_fact_is_used() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.toml"))
    unused = {
        fact for fact in FACTS if f"{{{fact}}}" not in text and f"<{fact}>" not in text and f"\n{fact} = " not in text
    }
    assert not unused
