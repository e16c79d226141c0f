"""Fields of a decoded object, each read as the type that it should have.

Services change their payloads without notice, and anybody can post to an endpoint. A value of another type therefore
becomes a remark, never an exception, and everything that is copied into a report is bounded in size and depth.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, cast

from undeliverable._text.dates import in_utc_too, parse_date

__all__ = ["Fields", "as_list", "as_object", "plain"]

_MILLISECONDS: Final = 1e11  # larger numbers are milliseconds: in seconds this is the year 5138
_MOST_REMARKS: Final = 20
_DEEPEST: Final = 16
_WIDEST: Final = 8192  # bits of an integer; Python refuses to write far larger ones in digits
_LONGEST: Final = 4096  # items of one list that are read
_KINDS: Final = {
    dict: "an object",
    list: "a list",
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
}


def as_object(value: object) -> Mapping[str, object] | None:
    """Return `value` if it is a decoded object, else None."""
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else None


def as_list(value: object) -> list[object] | None:
    """Return `value` if it is a decoded list, else None."""
    return list(cast("list[object]", value)) if isinstance(value, list | tuple) else None


class Fields:
    """One object of a body, and the list that collects remarks about it.

    :ivar values: the object itself.
    """

    __slots__ = ("_path", "_remarks", "values")

    def __init__(self, value: object, remarks: list[str], path: str = "") -> None:
        self.values: Mapping[str, object] = as_object(value) or {}
        self._remarks = remarks
        self._path = path

    def beside(self, values: Mapping[str, object]) -> Fields:
        """Return other fields whose remarks are about this object."""
        return Fields(values, self._remarks, self._path)

    def raw(self, *names: str) -> object:
        """Return the first of these fields that is present and not null, unchanged."""
        for name in names:
            value = self.values.get(name)
            if value is not None:
                return value
        return None

    def present(self, *names: str) -> dict[str, object]:
        """Return those of these fields that are present, unchanged, by name."""
        return {name: self.values[name] for name in names if name in self.values}

    def text(self, *names: str) -> str | None:
        """Return the first of these fields that holds text or a number, as text; None if none does."""
        for name in names:
            value = self.values.get(name)
            if isinstance(value, str):
                if value:
                    return value
            elif isinstance(value, int | float) and not isinstance(value, bool):
                return _digits(value)
            elif value is not None:
                self.mismatch(name, value, "text")
        return None

    def texts(self, name: str) -> tuple[str, ...]:
        """Return all texts of a list, or the one text in its place."""
        return tuple(self._items(name, str, "text"))

    def sub(self, *names: str) -> Fields:
        """Return the object in the first of these fields; an empty one if there is none."""
        for name in names:
            value = self.values.get(name)
            if as_object(value) is not None:
                return Fields(value, self._remarks, f"{self._path}{name}.")
            if value is not None:
                self.mismatch(name, value, "an object")
        return Fields({}, self._remarks, f"{self._path}{names[0]}.")

    def subs(self, name: str) -> tuple[Fields, ...]:
        """Return all objects of a list, or the one object in its place."""
        path = f"{self._path}{name}."
        return tuple(Fields(value, self._remarks, path) for value in self._items(name, Mapping, "an object"))

    def flag(self, name: str) -> bool | None:
        """Return a boolean, which may be spelled as text or as a digit; None if it is absent."""
        value = self.values.get(name)
        if value is None or isinstance(value, bool):
            return value
        word = str(value).strip().casefold() if isinstance(value, str | int) else ""
        if word in {"true", "1", "false", "0"}:
            return word in {"true", "1"}
        self.mismatch(name, value, "true or false")
        return None

    def moment(self, *names: str) -> datetime | None:
        """Return a date: seconds or milliseconds since 1970, ISO 8601 or RFC 5322; UTC if it has no zone."""
        text = self.text(*names)
        if text is None:
            return None
        date = _moment(text)
        if date is None:
            self.remark(f"{self._path}{names[0]} is no date: {text[:40]!r}")
        return date

    def mismatch(self, name: str, value: object, expected: str) -> None:
        """Note that a field has another type than it should."""
        found = next((word for kind, word in _KINDS.items() if isinstance(value, kind)), "something else")
        self.remark(f"{self._path}{name} is {found}, not {expected}")

    def remark(self, text: str) -> None:
        """Note something about this object, once."""
        if len(self._remarks) < _MOST_REMARKS and text not in self._remarks:
            self._remarks.append(text)

    def _items(self, name: str, kind: type, expected: str) -> Iterator[str]:
        value = self.values.get(name)
        if value is None or value == "":
            return
        found = as_list(value)
        items = [value] if found is None else found
        if len(items) > _LONGEST:
            self.remark(f"{self._path}{name} has {len(items)} items, of which {_LONGEST} were read")
        for item in items[:_LONGEST]:
            if isinstance(item, kind):
                yield cast("str", item)
            else:
                self.mismatch(name, item, expected)


def plain(value: object, depth: int = 0) -> object:
    """Return `value` as JSON can hold it, bounded in depth: deeper values and other types become text."""
    found, items = as_object(value), as_list(value)
    if found is None and items is None:
        return _plain_scalar(value)
    if depth >= _DEEPEST:
        return "..."
    if found is not None:
        return {str(key): plain(item, depth + 1) for key, item in found.items()}
    return [plain(item, depth + 1) for item in items or ()]


def _plain_scalar(value: object) -> object:
    if isinstance(value, int) and value.bit_length() >= _WIDEST:
        return _digits(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)


def _digits(value: float) -> str:
    try:
        return str(value)
    except ValueError:  # an integer with more digits than Python writes
        return f"{value:#x}" if isinstance(value, int) else repr(value)


def _moment(text: str) -> datetime | None:
    text = text.strip()[:64]
    try:
        seconds = float(text)
    except ValueError:
        return _written(text)
    try:
        return datetime.fromtimestamp(seconds / 1000 if abs(seconds) > _MILLISECONDS else seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _written(text: str) -> datetime | None:
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return parse_date(text)
    return in_utc_too(date) if date.tzinfo is not None else date.replace(tzinfo=UTC)
