"""Values in decoded JSON objects and CSV rows, each read as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from undeliverable._knowledge.log_frames import Path
from undeliverable.errors._tables import as_list, as_table

__all__ = ["line_at", "text_at", "value_at"]

# RFC 3463 2: the parts of a status, by their names in the RFC.
_STATUS_PARTS: Final = ("class", "subject", "detail")
_MANY: Final = 1_000  # entries of a list that are read
_AROUND: Final = "\r\n\0 "  # line endings, and the blank that rsyslog keeps behind a tag of RFC 3164
_LONGEST: Final = 16_384  # octets of a line that journald writes as numbers


def text_at(row: Mapping[str, object], paths: tuple[Path, ...]) -> str:
    """Return the first of these values that is not empty, as text."""
    for path in paths:
        text = _as_text(value_at(row, path))
        if text:
            return text
    return ""


def line_at(row: Mapping[str, object], paths: tuple[Path, ...]) -> str:
    """Return the first of these values that is a line; journald writes one that is not UTF-8 as a list of octets."""
    for path in paths:
        value = value_at(row, path)
        if isinstance(value, str) and value:
            return value.strip(_AROUND)
        octets = _octets(as_list(value) or ())
        if octets:
            return octets.decode("latin-1").strip(_AROUND)
    return ""


def _octets(values: Sequence[object]) -> bytes:
    numbers = [value for value in values[:_LONGEST] if isinstance(value, int) and 0 <= value < 256]
    return bytes(numbers) if len(numbers) == min(len(values), _LONGEST) else b""


def value_at(value: object, path: Path) -> object:
    """Return the value at a path, or None if there is none."""
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
