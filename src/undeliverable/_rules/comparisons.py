"""How conditions compare: codes as parsed values, names as members of a set, words as :mod:`undeliverable._rules.visible` has them.

Each reader takes the value that a ``when`` table has under a key, and raises an error that names the key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Final, NamedTuple, TypeVar

from undeliverable._text.fold import fold
from undeliverable._text.lazy import lazy
from undeliverable.codes import REPLY_CODES, StatusCode
from undeliverable.errors import EntryError
from undeliverable.errors._tables import as_list, as_table, unknown
from undeliverable.model import Command
from undeliverable.reasons import Fault, Reason

__all__ = [
    "ABSENT",
    "Codes",
    "asked",
    "describe",
    "members",
    "names",
    "phrases",
    "refuse_unknown_conditions",
    "replies",
    "status_by_key",
    "status_key",
    "statuses",
    "strings",
]

ABSENT: Final = 0
"""The code or status key that stands for "there is none"."""
_STATUS_PATTERN: Final = lazy(r"([245xX*])\.(\d{1,3}|[xX*])\.(\d{1,3}|[xX*])", re.ASCII)
_REPLY_PATTERN: Final = lazy(r"[2-5xX*][0-5xX*][0-9xX*]")
_WILD: Final = frozenset("xX*")
_E = TypeVar("_E", Reason, Fault, Command)


def status_key(status: StatusCode | None) -> int:
    """Return `status` as one integer that conditions compare: 5.1.1 is 5001001; `ABSENT` for None."""
    return ABSENT if status is None else status.class_ * 1_000_000 + status.subject * 1_000 + status.detail


def status_by_key(key: int) -> StatusCode | None:
    """Return the status whose :func:`status_key` is `key`."""
    return None if key == ABSENT else StatusCode(key // 1_000_000, key // 1_000 % 1_000, key % 1_000)


class Codes(NamedTuple):
    """Which integers fit: single ones and ranges."""

    single: frozenset[int]
    ranges: tuple[tuple[int, int], ...] = ()

    def fit(self, value: int) -> bool:
        """Return whether `value` is one of them."""
        return value in self.single or any(low <= value <= high for low, high in self.ranges)

    def cover(self, other: Codes) -> bool:
        """Return whether every value that fits `other` fits this."""
        return all(self.fit(value) for value in other.single) and all(
            any(low <= first and last <= high for low, high in self.ranges) for first, last in other.ranges
        )

    def any(self) -> int:
        """Return one of the values."""
        return min(self.single) if self.single else self.ranges[0][0]


def describe(when: Mapping[str, object]) -> str:
    """Return a ``when`` table in the words of a rule file, long lists cut."""
    return ", ".join(f"{key} = {_shown(value)}" for key, value in when.items())


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    table, items = as_table(value), as_list(value)
    if table is not None:
        return f"{{ {describe(table)} }}"
    if items is None:
        return str(value)
    more = f", ... {len(items) - 4} more" if len(items) > 4 else ""
    return "[" + ", ".join(map(_shown, items[:4])) + more + "]"


def strings(value: object, key: str) -> tuple[str, ...]:
    """Return the strings of a value that may be one string or a list of them.

    :raises EntryError: for anything else, an empty list and empty strings.
    """
    items = as_list(value)
    found = tuple(item for item in ((value,) if items is None else items) if isinstance(item, str) and item.strip())
    if not found or (items is not None and len(found) != len(items)):
        raise EntryError("must be a string or a list of strings, none of them empty", key=key)
    return found


def asked(when: Mapping[str, object], key: str) -> tuple[str, ...]:
    """Return the strings under `key`; none where it is not there."""
    return strings(when[key], f"when.{key}") if key in when else ()


def phrases(when: Mapping[str, object], key: str) -> tuple[str, ...]:
    """Return the phrases under `key`, folded as replies are."""
    return tuple(" ".join(fold(phrase).split()) for phrase in asked(when, key))


def refuse_unknown_conditions(when: Mapping[str, object], keys: Collection[str]) -> None:
    """Refuse a ``when`` table with a condition that is not among `keys`."""
    for key in when:
        if key not in keys:
            raise EntryError(unknown("condition", key, keys), key=f"when.{key}")


def names(when: Mapping[str, object], key: str) -> frozenset[str | None] | None:
    """Return the names under `key`, casefolded; ``"none"`` is None."""
    found = asked(when, key)
    return frozenset(None if name == "none" else name.casefold() for name in found) if found else None


def members(when: Mapping[str, object], key: str, enum: type[_E]) -> frozenset[_E | None] | None:
    """Return the members of an enumeration that `key` names; ``"none"`` is None for commands."""
    return frozenset(_member(name, f"when.{key}", enum) for name in asked(when, key)) if key in when else None


def _member(name: str, key: str, enum: type[_E]) -> _E | None:
    if name == "none" and enum is Command:
        return None
    member = next((member for member in enum if member == name), None)
    if member is None:
        raise EntryError(unknown(key.rpartition(".")[2], name, map(str, enum)), key=key)
    return member


def replies(when: Mapping[str, object], key: str = "reply") -> Codes | None:
    """Return the reply codes under `key`."""
    return _codes(when, key, _reply_codes)


def statuses(when: Mapping[str, object], key: str = "status") -> Codes | None:
    """Return the status keys under `key`."""
    return _codes(when, key, _status_codes)


def _codes(when: Mapping[str, object], key: str, read: Callable[[str], Codes]) -> Codes | None:
    if key not in when:
        return None
    found = [Codes(frozenset((ABSENT,))) if text == "none" else read(text) for text in asked(when, key)]
    return Codes(
        frozenset(value for codes in found for value in codes.single),
        tuple(pair for codes in found for pair in codes.ranges),
    )


@lru_cache(maxsize=256)
def _reply_codes(text: str) -> Codes:
    if not _REPLY_PATTERN.fullmatch(text):
        raise EntryError(f'not a reply code such as "550", "45x" or "none": {text!r}', key="when.reply")
    if text.isdecimal():
        return Codes(frozenset((int(text),)))
    return Codes(frozenset(int(code) for code in REPLY_CODES.values() if code.matches(text)))


@lru_cache(maxsize=1_024)
def _status_codes(text: str) -> Codes:
    match = _STATUS_PATTERN.fullmatch(text)
    if match is None:
        raise EntryError(f'not a status such as "5.1.1", "5.7.*", "x.1.1" or "none": {text!r}', key="when.status")
    classes = (2, 4, 5) if match[1] in _WILD else (int(match[1]),)
    if match[2] in _WILD and match[3] not in _WILD:  # "5.*.1": no range, but no more than a thousand of each class
        detail = int(match[3])
        return Codes(frozenset(c * 1_000_000 + s * 1_000 + detail for c in classes for s in range(1_000)))
    if match[3] not in _WILD:
        return Codes(frozenset(c * 1_000_000 + int(match[2]) * 1_000 + int(match[3]) for c in classes))
    low, high = (0, 999_999) if match[2] in _WILD else (int(match[2]) * 1_000, int(match[2]) * 1_000 + 999)
    return Codes(frozenset(), tuple((c * 1_000_000 + low, c * 1_000_000 + high) for c in classes))
