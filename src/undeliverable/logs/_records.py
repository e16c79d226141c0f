"""Log records: a JSON object or a CSV row a line, as a described shape says where its facts stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from undeliverable._knowledge.log_shapes import LogTable, Path, RecordShape, as_list, as_table
from undeliverable.model import Action

__all__ = ["Record", "journal_line", "parse_object", "read_columns", "read_json", "read_row"]

# RFC 3463 2: the parts of a status, by the names that the RFC has for them.
_STATUS_PARTS: Final = ("class", "subject", "detail")
_MANY: Final = 1_000  # entries of a list that are read
_PRIVATE: Final = ("__REALTIME_TIMESTAMP", "_HOSTNAME", "MESSAGE")


class Record(NamedTuple):
    """What a record says.

    :ivar type: the record's own word for what happened.
    :ivar found: the facts, as texts.
    """

    shape: RecordShape
    type: str
    action: Action
    found: Mapping[str, str]


def parse_object(line: str) -> Mapping[str, object] | None:
    """The JSON object that `line` is (RFC 8259), or None."""
    import json  # only who has such lines pays for it

    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return as_table(value)


def journal_line(value: Mapping[str, object]) -> tuple[str, str | None, str] | None:
    """Message, host and microseconds since 1970 of a journal entry as ``journalctl -o json`` prints it, else None."""
    stamp, host, message = (value.get(key) for key in _PRIVATE)
    if not isinstance(message, str) or not isinstance(stamp, str):
        return None
    return message, host if isinstance(host, str) else None, stamp


def read_json(value: Mapping[str, object], table: LogTable) -> Record | None:
    """What a JSON object says of a delivery, or None."""
    for shape in table.records:
        for path in shape.inside:
            inner = as_table(_at(value, path))
            if inner is not None and all(inner.get(key) for key in shape.needs):
                return _record(shape, inner)
    return None


def read_columns(cells: Sequence[str], table: LogTable) -> tuple[RecordShape, tuple[str, ...]] | None:
    """The shape and the columns that a header names, or None where `cells` are no header."""
    for shape in table.rows:
        if cells[0] == shape.columns[0] and set(shape.needs) <= set(cells):
            return shape, tuple(cells)
    return None


def read_row(
    cells: Sequence[str], table: LogTable, header: tuple[RecordShape, tuple[str, ...]] | None
) -> Record | None:
    """What a CSV row says of a delivery, or None; without a header the usual columns are taken."""
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
    """Makes a reply of a code, a status and a text that stand apart; what the server said itself stays its own words."""
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
    """A text or a number as text; of a list its texts, and of a status in three parts (RFC 3463 2) the usual form."""
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
