"""Regular expressions as small trees, for what must be known of a pattern before it is used.

:func:`parse_pattern` reads a pattern that :mod:`re` has accepted. Every character stands for the set of ASCII
characters that it matches in either case, and one more that stands for all others: enough to compare what two pieces
can begin with. Groups, flags and names leave no trace. Back references and conditional groups are refused, since the
time that they take depends on more than the place in the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from undeliverable._text.lazy import lazy

__all__ = ["ALL", "OTHER", "Chars", "Choice", "Node", "PatternError", "Place", "Repeat", "Sequence", "parse_pattern"]

OTHER: Final = "\u00e9"
"""Stands for all that is not ASCII."""

_ASCII: Final = frozenset(map(chr, range(128)))
ALL: Final = _ASCII | {OTHER}
_SPACES: Final = frozenset(" \t\n\r\f\v")
_DIGITS: Final = frozenset("0123456789")
_WORDS: Final = frozenset(char for char in _ASCII if char.isalnum()) | {"_", OTHER}
_CLASSES: Final = {
    "s": _SPACES, "S": ALL - _SPACES, "d": _DIGITS, "D": ALL - _DIGITS, "w": _WORDS, "W": ALL - _WORDS | {OTHER},
}  # fmt: skip
_CONTROL: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "a": "\a", "0": "\0"}
_QUANTIFIER: Final = lazy(r"[*+?]|\{(\d*)(,?)(\d*)\}")
_FLAGS: Final = r"([a-zA-Z]*)(?:-([a-zA-Z]+))?"
_GROUP: Final = lazy(rf"\((?:\?(?:P<\w+>|{_FLAGS}:|<?[=!]|>|([a-zA-Z]+)\)))?")
_SKIPPED: Final = lazy(r"(?:\s|#[^\n]*(?:\n|\Z))+")


class PatternError(Exception):
    """A pattern must not be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a set."""

    chars: frozenset[str]


@dataclass(frozen=True, slots=True)
class Place:
    """A position, such as ``$``, or what must be found or not be found there.

    :ivar inner: what is looked for, or None.
    :ivar is_start: whether it is the beginning of the text.
    """

    inner: Node | None = None
    is_start: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    """One piece after the other."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several alternatives."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A repeated piece; `high` is None without an upper limit."""

    item: Node
    low: int
    high: int | None


Node: TypeAlias = Chars | Place | Sequence | Choice | Repeat


def parse_pattern(pattern: str) -> Node:
    """Return the tree of a pattern that :func:`re.compile` accepts.

    :raises PatternError: for what a tree cannot say.
    :raises RecursionError: for groups that are nested too deeply.
    """
    return _Parser(pattern).choice()


class _Parser:
    """A parser for patterns that :mod:`re` has accepted."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at: int = 0
        self._verbose: bool = False
        self._by_line: bool = False

    def choice(self) -> Node:
        """Parse all alternatives up to the closing parenthesis or the end."""
        options = [self._sequence()]
        while self._peek() == "|":
            self.at += 1
            options.append(self._sequence())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def _skip(self) -> None:
        """Skip comments, and in a verbose pattern blanks."""
        while True:
            if self.pattern.startswith("(?#", self.at):
                self.at = self.pattern.index(")", self.at) + 1
            elif self._verbose and (blank := _SKIPPED.match(self.pattern, self.at)) is not None:
                self.at = blank.end()
            else:
                return

    def _sequence(self) -> Node:
        items: list[Node] = []
        self._skip()
        while self._peek() not in {"", "|", ")"}:
            items.append(self._quantified())
            self._skip()
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def _quantified(self) -> Node:
        node = self._atom()
        self._skip()
        match = _QUANTIFIER.match(self.pattern, self.at)
        while match is not None and not (match[0][0] == "{" and not any(match.groups())):
            self.at = match.end()
            if self._peek() in {"?", "+"}:
                self.at += 1
            node = Repeat(node, *_bounds(match))
            match = _QUANTIFIER.match(self.pattern, self.at)
        return node

    def _atom(self) -> Node:
        char = self._peek()
        if char == "(":
            return self._group()
        self.at += 1
        if char == "[":
            return Chars(self._set())
        if char == ".":
            return Chars(ALL)
        if char in "^$":
            return Place(is_start=char == "^" and not self._by_line)
        if char == "\\":
            at_start = self._peek() == "A"
            chars = self._escaped()
            return Place(is_start=at_start) if chars is None else Chars(chars)
        return Chars(_both_cases(char))

    def _group(self) -> Node:
        match = _GROUP.match(self.pattern, self.at)
        if match is None or self.pattern[match.end() : match.end() + 1] == "?":
            raise PatternError("only groups, flags and look-around are allowed in parentheses")
        self.at = match.end()
        switched_on, switched_off, for_all = match.groups()
        if for_all:
            self._verbose |= "x" in for_all
            self._by_line |= "m" in for_all
            return Place()
        outside = self._verbose
        self._by_line |= "m" in (switched_on or "")  # to the end, to be on the safe side
        self._verbose = (outside or "x" in (switched_on or "")) and "x" not in (switched_off or "")
        node = self.choice()
        self._verbose = outside
        self.at += 1
        return Place(node) if match[0] in {"(?=", "(?!", "(?<=", "(?<!"} else node

    def _escaped(self) -> frozenset[str] | None:
        """Parse an escape and return its characters; None if it matches a position."""
        char = self._peek()
        self.at += 1
        if char in "AZbB":
            return None
        if char in "123456789":
            raise PatternError("back references are not allowed")
        if char in _CLASSES:
            return _CLASSES[char]
        if char in "xuUN":
            length = {"x": 2, "u": 4, "U": 8}.get(char, self.pattern.find("}", self.at) + 1 - self.at)
            digits = self.pattern[self.at : self.at + length]
            self.at += length
            return _both_cases(chr(int(digits, 16))) if char != "N" else frozenset(OTHER)
        return _both_cases(_CONTROL.get(char, char))

    def _set(self) -> frozenset[str]:
        """Parse a set after its opening bracket and return its characters."""
        negated = self._peek() == "^"
        self.at += negated
        chars: set[str] = set()
        first = True
        while first or self._peek() != "]":
            first = False
            member, low = self._member()
            if self._peek() == "-" and self.pattern[self.at + 1 : self.at + 2] not in {"]", ""}:
                self.at += 1
                last, high = self._member()
                member |= last | frozenset(char for char in ALL if low <= char <= high)
            for char in member:
                chars |= _both_cases(char)
        self.at += 1
        return ALL - (chars - {OTHER}) if negated else frozenset(chars)

    def _member(self) -> tuple[frozenset[str], str]:
        """Parse one member of a set and return its characters, and itself as the end of a range."""
        at, char = self.at, self._peek()
        self.at += 1
        if char != "\\":
            return _both_cases(char), char
        if self._peek() == "b":
            self.at += 1
            return frozenset("\b"), "\b"
        found = self._escaped() or frozenset()
        return found, _written(self.pattern[at : self.at])


def _both_cases(char: str) -> frozenset[str]:
    """Return the character in both cases, since rules match in either: the Kelvin sign is a k, and a long s an s."""
    plain = {case[0] for case in (char, char.lower(), char.upper())} & _ASCII
    found = frozenset(case for one in plain for case in (one.lower(), one.upper()))
    return found if char in _ASCII else found | {OTHER}


def _written(escape: str) -> str:
    """Return the character that an escape stands for; of a class of characters, the highest there is."""
    kind = escape[1]
    if kind in "xuU":
        return chr(int(escape.lstrip("\\xuU"), base=16))
    return OTHER if kind in _CLASSES or kind == "N" else _CONTROL.get(kind, kind)


def _bounds(match: re.Match[str]) -> tuple[int, int | None]:
    """Return the lowest and the highest count of a quantifier."""
    sign = match[0][0]
    if sign != "{":
        return (1 if sign == "+" else 0), (1 if sign == "?" else None)
    low = int(match[1] or 0)
    return low, (int(match[3]) if match[3] else None if match[2] else low)
