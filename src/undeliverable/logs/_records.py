"""Log records: lines that are JSON objects or CSV rows, read by shapes that describe the place of each fact."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from undeliverable._knowledge.log_shapes import LogTable, RecordShape, outcome_of
from undeliverable.errors._tables import as_table
from undeliverable.logs._frames import dated
from undeliverable.logs._values import text_at, value_at
from undeliverable.model import Action

__all__ = ["Columns", "Record", "parse_object", "read_columns", "read_json", "read_row"]


class Record(NamedTuple):
    """A record about a delivery.

    :ivar type: the record's own word for the outcome.
    :ivar found: the facts, as texts by name.
    :ivar remarks: what was left out, and why.
    """

    shape: RecordShape
    type: str
    action: Action
    found: Mapping[str, str]
    remarks: tuple[str, ...] = ()


Columns = tuple[RecordShape, tuple[str, ...]]
"""The shape of a CSV file's rows, and the names of its columns."""


def parse_object(line: str) -> Mapping[str, object] | None:
    """Decode a line that is a JSON object (RFC 8259); None if it is not."""
    import json  # imported only for logs in JSON

    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return as_table(value)


def read_json(value: Mapping[str, object], shapes: Iterable[RecordShape]) -> Record | None:
    """Return the record of a JSON object, or None if it is not about a delivery."""
    for shape in shapes:
        for path in shape.inside:
            inner = as_table(value_at(value, path))
            if inner is not None and all(inner.get(key) for key in shape.needs):
                return _record(shape, inner)
    return None


def read_columns(cells: Sequence[str], table: LogTable) -> Columns | None:
    """Return the shape and the columns of a CSV header, or None if `cells` are not a header."""
    for shape in table.rows:
        first = cells[0].removeprefix(shape.header)
        if first == shape.columns[0] and set(shape.needs) <= {first, *cells[1:]}:
            return shape, (first, *cells[1:])
    return None


def read_row(cells: Sequence[str], table: LogTable, header: Columns | None) -> Record | None:
    """Return the record of a CSV row, or None if it is not about a delivery; the default columns need no header.

    Columns are configurable, so each address, date and status must look like one; what does not leaves a remark.
    """
    for shape, columns in [header] if header else [(shape, shape.columns) for shape in table.rows]:
        if len(cells) >= len(shape.needs):
            row = dict(zip(columns, cells, strict=False))
            record = _record(shape, row) if all(row.get(key) for key in shape.needs) else None
            if record is not None:
                return _checked(record)
    return None


def _checked(record: Record) -> Record:
    """Return the record without the facts that cannot be what their columns should hold; remarks say which."""
    odd = [fact for fact, text in record.found.items() if fact in _CHECKS and not _CHECKS[fact](text)]
    if not odd:
        return record
    names = {fact: ".".join(record.shape.facts[fact][0]) for fact in odd}
    remarks = tuple(f"{names[fact]} is no {_NOUNS[fact]}" for fact in odd)
    found = {fact: text for fact, text in record.found.items() if fact not in names}
    return record._replace(found=found, remarks=remarks)


def _is_address(text: str) -> bool:
    return "@" in text or text == "<>"


def _is_date(text: str) -> bool:
    return dated(text) is not None


def _is_status(text: str) -> bool:
    return text[0] in "245" and text[1:2] == "."


_CHECKS: Final[Mapping[str, Callable[[str], bool]]] = {
    "recipient": _is_address,
    "recipients": _is_address,
    "original_recipient": _is_address,
    "sender": _is_address,
    "date": _is_date,
    "status": _is_status,
}
_NOUNS: Final = {fact: "date" if fact == "date" else "status" if fact == "status" else "address" for fact in _CHECKS}


def _record(shape: RecordShape, row: Mapping[str, object]) -> Record | None:
    found = {fact: text for fact, paths in shape.facts.items() if (text := text_at(row, paths))}
    kind = found.get("outcome", "").casefold()
    action = outcome_of(shape.outcomes, kind)
    if action is None:
        return None
    if kind in shape.expired:
        found["expired"] = kind
    if shape.separator and shape.separator in found.get("recipients", ""):
        found["recipients"] = found["recipients"].replace(shape.separator, ",")
        found.pop("text", None)
    _join_reply(shape, found)
    return Record(shape, found["outcome"], action, found)


def _join_reply(shape: RecordShape, found: dict[str, str]) -> None:
    """Join a code, a status and a text from separate fields to a reply; the logging server's own words stay words."""
    text, code, status = found.get("text", ""), found.pop("code", None), found.get("status")
    if found["outcome"].casefold() in shape.own_types or (shape.own_words and shape.own_words in text):
        found["words"] = text
        return
    if code is None or text.startswith(code):
        return
    parts = (code, "" if status is None or status in text else status, text)
    found["reply"] = " ".join(filter(None, parts))
