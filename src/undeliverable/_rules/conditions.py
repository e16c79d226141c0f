"""A condition on parsed facts: what a rule or a policy asks before it applies.

Codes are compared as parsed values, never as text. Words are compared with the reply as
:mod:`undeliverable._rules.visible` makes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple, TypeVar

from undeliverable._rules.concept_names import CONCEPTS
from undeliverable._rules.visible import stands_in
from undeliverable._text.fold import fold
from undeliverable._text.lazy import lazy
from undeliverable.codes import REPLY_CODES, StatusCode
from undeliverable.errors import EntryError
from undeliverable.errors._tables import as_list, expected
from undeliverable.model import Command
from undeliverable.reasons import Fault, Reason

__all__ = [
    "ABSENT",
    "PATTERN_LIMIT",
    "PolicyCondition",
    "RuleCondition",
    "describe",
    "status_by_key",
    "status_key",
    "strings",
]

ABSENT: Final = 0
"""The code or status key that stands for "there is none"."""
PATTERN_LIMIT: Final = 998
"""How many characters of a reply a regular expression may see: one line of RFC 5321 4.5.3.1.6."""
_STATUS_PATTERN: Final = lazy(r"([245xX*])\.(\d{1,3}|[xX*])\.(\d{1,3}|[xX*])")
_REPLY_PATTERN: Final = lazy(r"[2-5xX*][0-5xX*][0-9xX*]")
_WILD: Final = frozenset("xX*")
# An underscore between letters, which the fold makes a blank; what else may hold one is left alone: names and classes.
_JOINED: Final = lazy(r"\(\?P[<=>][^)>]{0,64}|\[[^\]]{0,256}\]|(?<=[a-zA-Z])(?<!\\[a-zA-Z])_(?=[a-zA-Z])")
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


class RuleCondition(NamedTuple):
    """What a ``[[rule]]`` asks; None and empty: anything. ``when`` is the table as it was written."""

    when: str
    reply: Codes | None = None
    status: Codes | None = None
    words: tuple[str, ...] = ()
    any_words: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None
    commands: frozenset[Command | None] | None = None
    providers: frozenset[str | None] | None = None
    means: frozenset[str] = frozenset()
    unless: tuple[str, ...] = ()
    unless_means: frozenset[str] = frozenset()

    @property
    def asks_words(self) -> bool:
        """Whether it asks for words of the reply, not for codes alone."""
        return bool(self.words or self.any_words or self.pattern or self.means)

    @classmethod
    def compile(cls, when: Mapping[str, object], *, trusted: bool = False) -> RuleCondition:
        """Return the condition of a rule's ``when`` table.

        :param trusted: leave out the check of its pattern, which the tests make of built-in data.

        :raises EntryError: naming the key at fault.
        """
        _known(when, _RULE_KEYS)
        condition = cls(
            describe(when),
            _codes(when, "reply", _reply_codes),
            _codes(when, "status", _status_codes),
            _phrases(when, "words"),
            _phrases(when, "any_words"),
            _pattern(when, trusted=trusted),
            _members(when, "command", Command),
            _names(when, "provider"),
            frozenset(_concept(name, "when.means") for name in _asked(when, "means")),
            tuple(phrase for phrase in _phrases(when, "unless") if not phrase.startswith(_CONCEPT)),
            frozenset(
                _concept(name.removeprefix(_CONCEPT), "when.unless")
                for name in _asked(when, "unless")
                if name.startswith(_CONCEPT)
            ),
        )
        if not when.keys() - {"unless"}:
            raise EntryError("a rule must ask for something", key="when")
        return condition

    def covers(self, other: RuleCondition) -> bool:
        """Return whether whatever fits `other` fits this: an entry below this one never applies."""
        return (
            _covers(self.reply, other.reply)
            and _covers(self.status, other.status)
            and _within(self.commands, other.commands)
            and _within(self.providers, other.providers)
            and all(any(stands_in(mine, theirs) for theirs in other.words) for mine in self.words)
            and self._any_covers(other)
            and self.means <= other.means
            and self.unless_means <= other.unless_means
            and set(self.unless) <= set(other.unless)
            and (self.pattern is None or (other.pattern is not None and self.pattern.pattern == other.pattern.pattern))
        )

    def _any_covers(self, other: RuleCondition) -> bool:
        def holds(text: str) -> bool:
            return any(stands_in(mine, text) for mine in self.any_words)

        return (
            not self.any_words
            or any(holds(text) for text in other.words)
            or (bool(other.any_words) and all(holds(text) for text in other.any_words))
        )


class PolicyCondition(NamedTuple):
    """What a ``[[policy]]`` asks; None: anything."""

    when: str
    reasons: frozenset[Reason] | None = None
    reply: Codes | None = None
    status: Codes | None = None
    providers: frozenset[str | None] | None = None
    commands: frozenset[Command | None] | None = None
    expired: bool | None = None
    services: frozenset[str | None] | None = None
    classes: frozenset[str | None] | None = None

    @classmethod
    def compile(cls, when: Mapping[str, object]) -> PolicyCondition:
        """Return the condition of a policy's ``when`` table; an empty table fits every failure.

        :raises EntryError: naming the key at fault.
        """
        _known(when, _POLICY_KEYS)
        reasons = _members(when, "reason", Reason)
        faults = _members(when, "fault", Fault)
        if faults is not None:
            blamed = frozenset(reason for reason in Reason if reason.fault in faults)
            reasons = blamed if reasons is None else blamed & reasons
        expired = when.get("expired")
        if not isinstance(expired, bool | None):
            raise EntryError("must be true or false", key="when.expired")
        return cls(
            describe(when),
            None if reasons is None else frozenset(reason for reason in reasons if reason is not None),
            _codes(when, "reply", _reply_codes),
            _codes(when, "status", _status_codes),
            _names(when, "provider"),
            _members(when, "command", Command),
            expired,
            _names(when, "service"),
            _names(when, "class"),
        )

    def covers(self, other: PolicyCondition) -> bool:
        """Return whether whatever fits `other` fits this."""
        return (
            _within(self.reasons, other.reasons)
            and _covers(self.reply, other.reply)
            and _covers(self.status, other.status)
            and _within(self.providers, other.providers)
            and _within(self.commands, other.commands)
            and self.expired in {None, other.expired}
            and _within(self.services, other.services)
            and _within(self.classes, other.classes)
        )


_RULE_KEYS: Final = frozenset(
    ("reply", "status", "words", "any_words", "pattern", "command", "provider", "means", "unless")
)
_CONCEPT: Final = "@"
"""Stands before a concept where a phrase might stand as well."""
_POLICY_KEYS: Final = frozenset(
    ("reason", "fault", "reply", "status", "provider", "command", "expired", "service", "class")
)


def describe(when: Mapping[str, object]) -> str:
    """Return a ``when`` table in the words of a rule file, long lists cut."""
    return ", ".join(f"{key} = {_shown(value)}" for key, value in when.items())


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    items = as_list(value)
    if items is None:
        return f'"{value}"'
    more = f", ... {len(items) - 4} more" if len(items) > 4 else ""
    return "[" + ", ".join(f'"{item}"' for item in items[:4]) + more + "]"


def _covers(mine: Codes | None, other: Codes | None) -> bool:
    return mine is None or (other is not None and mine.cover(other))


def _within(mine: frozenset[object] | None, other: frozenset[object] | None) -> bool:
    return mine is None or (other is not None and other <= mine)


def _known(when: Mapping[str, object], keys: frozenset[str]) -> None:
    for key in when:
        if key not in keys:
            raise EntryError(f"unknown condition; known are {', '.join(sorted(keys))}", key=f"when.{key}")


def strings(value: object, key: str) -> tuple[str, ...]:
    """Return the strings of a value that may be one string or a list of them.

    :raises EntryError: for anything else, an empty list and empty strings.
    """
    items = as_list(value)
    found = tuple(item for item in ((value,) if items is None else items) if isinstance(item, str) and item.strip())
    if not found or (items is not None and len(found) != len(items)):
        raise EntryError("must be a string or a list of strings, none of them empty", key=key)
    return found


def _asked(when: Mapping[str, object], key: str) -> tuple[str, ...]:
    return strings(when[key], f"when.{key}") if key in when else ()


def _phrases(when: Mapping[str, object], key: str) -> tuple[str, ...]:
    return tuple(" ".join(fold(phrase).split()) for phrase in _asked(when, key))


def _concept(name: str, key: str) -> str:
    if name not in CONCEPTS:
        raise EntryError(f"unknown concept {name!r}; {expected(CONCEPTS)}", key=key)
    return name


def _names(when: Mapping[str, object], key: str) -> frozenset[str | None] | None:
    names = _asked(when, key)
    return frozenset(None if name == "none" else name.casefold() for name in names) if names else None


def _members(when: Mapping[str, object], key: str, enum: type[_E]) -> frozenset[_E | None] | None:
    return frozenset(_member(name, f"when.{key}", enum) for name in _asked(when, key)) if key in when else None


def _member(name: str, key: str, enum: type[_E]) -> _E | None:
    if name == "none" and enum is Command:
        return None
    member = next((member for member in enum if member == name), None)
    if member is None:
        raise EntryError(f"unknown {key.rpartition('.')[2]} {name!r}; known are {', '.join(enum)}", key=key)
    return member


def _codes(when: Mapping[str, object], key: str, read: Callable[[str], Codes]) -> Codes | None:
    if key not in when:
        return None
    found = [Codes(frozenset((ABSENT,))) if text == "none" else read(text) for text in _asked(when, key)]
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


def _pattern(when: Mapping[str, object], *, trusted: bool) -> re.Pattern[str] | None:
    if "pattern" not in when:
        return None
    pattern = when["pattern"]
    if not isinstance(pattern, str) or not pattern:
        raise EntryError("must be a regular expression", key="when.pattern")
    if not trusted:
        _check_linear(pattern)
    return lazy(_JOINED.sub(lambda found: " " if found[0] == "_" else found[0], pattern), re.IGNORECASE)


def _check_linear(pattern: str) -> None:
    from undeliverable._text.linear import MOST_STEPS, check_linear  # what is built in was checked before it was packed

    problem = check_linear(pattern, most_steps=MOST_STEPS)
    if problem is not None:
        raise EntryError(problem, key="when.pattern")
