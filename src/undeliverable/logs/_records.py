"""Log records: lines that are JSON objects or CSV rows, read by shapes that describe the place of each fact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from undeliverable._knowledge.log_shapes import LogTable, Path, RecordShape
from undeliverable.errors._tables import as_list, as_table
from undeliverable.model import Action

__all__ = ["Record", "journal_line", "parse_object", "read_columns", "read_json", "read_row"]

# RFC 3463 2: the parts of a status, by their names in the RFC.
_STATUS_PARTS: Final = ("class", "subject", "detail")
_MANY: Final = 1_000  # entries of a list that are read
_JOURNAL: Final = ("__REALTIME_TIMESTAMP", "_HOSTNAME", "MESSAGE", "SYSLOG_IDENTIFIER")  # systemd.journal-fields(7)


class Record(NamedTuple):
    """A record about a delivery.

    :ivar type: the record's own word for the outcome.
    :ivar found: the facts, as texts by name.
    """

    shape: RecordShape
    type: str
    action: Action
    found: Mapping[str, str]


def parse_object(line: str) -> Mapping[str, object] | None:
    """Decode a line that is a JSON object (RFC 8259); None if it is not."""
    import json  # imported only for logs in JSON

    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return as_table(value)


def journal_line(value: Mapping[str, object]) -> tuple[str, str | None, str, str] | None:
    """Return message, host, microseconds since 1970 and program of an entry of ``journalctl -o json``, or None."""
    stamp, host, message, program = (value.get(key) for key in _JOURNAL)
    if not isinstance(message, str) or not isinstance(stamp, str):
        return None
    return message, host if isinstance(host, str) else None, stamp, program if isinstance(program, str) else ""


def read_json(value: Mapping[str, object], table: LogTable) -> Record | None:
    """Return the record of a JSON object, or None if it is not about a delivery."""
    for shape in table.records:
        for path in shape.inside:
            inner = as_table(_at(value, path))
            if inner is not None and all(inner.get(key) for key in shape.needs):
                return _record(shape, inner)
    return None


def read_columns(cells: Sequence[str], table: LogTable) -> tuple[RecordShape, tuple[str, ...]] | None:
    """Return the shape and the columns of a CSV header, or None if `cells` are not a header."""
    for shape in table.rows:
        if cells[0] == shape.columns[0] and set(shape.needs) <= set(cells):
            return shape, tuple(cells)
    return None


def read_row(
    cells: Sequence[str], table: LogTable, header: tuple[RecordShape, tuple[str, ...]] | None
) -> Record | None:
    """Return the record of a CSV row, or None if it is not about a delivery; the default columns need no header."""
    for shape, columns in [header] if header else [(shape, shape.columns) for shape in table.rows]:
        if cells[0].casefold() in shape.outcomes and len(cells) >= len(shape.needs):
            row = dict(zip(columns, cells, strict=False))
            if all(row.get(key) for key in shape.needs):
                return _record(shape, row)
    return None


def _record(shape: RecordShape, row: Mapping[str, object]) -> Record | None:
    found = {fact: text for fact, paths in shape.facts.items() if (text := _first(row, paths))}
    kind = found.get("outcome", "").casefold()
    action = shape.outcomes.get(kind)
    if action is None:
        return None
    if kind in shape.expired:
        found["expired"] = kind
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


def _first(row: Mapping[str, object], paths: tuple[Path, ...]) -> str:
    for path in paths:
        text = _as_text(_at(row, path))
        if text:
            return text
    return ""


def _at(value: object, path: Path) -> object:
    for key in path:
        table = as_table(value)
        value = None if table is None else table.get(key)
    return value


def _as_text(value: object) -> str:
    """Return a value as text: the items of a list joined by commas, a status in three parts (RFC 3463 2) by dots."""
    several = as_list(value)
    if several is not None:
        return ",".join(filter(None, map(_scalar, several[:_MANY])))
    parts = as_table(value)
    if parts is not None:
        return (
            ".".join(_scalar(parts.get(part)) for part in _STATUS_PARTS) if parts.keys() >= set(_STATUS_PARTS) else ""
        )
    return _scalar(value)


def _scalar(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""
