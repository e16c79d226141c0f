"""Regular expressions that run in linear time on any text, the only ones allowed in data.

The engine of :mod:`re` backtracks. Three shapes make it slow: a repetition inside an unbounded repetition
(``(a+)+``), alternatives under an unbounded repetition that can begin alike (``(a|ab)*``), and two unbounded
repetitions that can match the same characters (``.*x.*y``). The check parses the pattern, computes for each piece the
characters it can begin with and hold, and rejects these shapes. It is conservative: a pattern that could be slow on
some text is rejected. ``{0,80}`` instead of ``*`` is always allowed.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from undeliverable._text.lazy import lazy

__all__ = ["check_linear"]

_LARGE: Final = 512  # a repetition with a higher limit counts as unbounded
_ASCII: Final = frozenset(map(chr, range(128)))
_OTHER: Final = "\u00e9"  # stands for all that is not ASCII
_ALL: Final = _ASCII | {_OTHER}
_SPACES: Final = frozenset(" \t\n\r\f\v")
_DIGITS: Final = frozenset("0123456789")
_WORDS: Final = frozenset(char for char in _ASCII if char.isalnum()) | {"_", _OTHER}
_CLASSES: Final = {
    "s": _SPACES, "S": _ALL - _SPACES, "d": _DIGITS, "D": _ALL - _DIGITS, "w": _WORDS, "W": _ALL - _WORDS | {_OTHER},
}  # fmt: skip
_CONTROL: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "a": "\a", "0": "\0"}
_QUANTIFIER: Final = lazy(r"[*+?]|\{(\d*)(,?)(\d*)\}")
_GROUP: Final = lazy(r"\((?:\?(?:P<\w+>|[a-zA-Z]*(?:-[a-zA-Z]+)?:|<?[=!]|>|[a-zA-Z]+\)))?")
_TWO_REPEATS: Final = "two unbounded repetitions can match the same characters; bound one of them, for example {0,80}"


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a pattern, described by the characters that it can match.

    :ivar chars: the characters that it can begin with.
    :ivar whole: all characters that it can hold.
    :ivar runs: the characters of its unbounded repetitions; empty if it has none.
    :ivar optional: whether it can match the empty string.
    :ivar guarded: whether its repetitions come after something mandatory that they cannot match themselves.
    """

    chars: frozenset[str]
    whole: frozenset[str]
    runs: frozenset[str] = frozenset()
    optional: bool = False
    guarded: bool = False


_EMPTY: Final = _Piece(frozenset(), frozenset(), optional=True)


class _PatternError(Exception):
    """A pattern must not be used; the message says why."""


def check_linear(pattern: str) -> str | None:
    """Return what is wrong with `pattern`, in one sentence, or None if it can be used."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a later Python may read such a pattern differently
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        return f"not a regular expression: {error}"
    try:
        _Scanner(pattern).alternatives(at_end=True)
    except _PatternError as problem:
        return str(problem)
    except RecursionError:
        return "nested too deeply"
    return None


class _Scanner:
    """A parser for patterns that :mod:`re` has accepted."""

    def __init__(self, pattern: str) -> None:
        self.pattern = re.sub(r"(?<!\\)((?:\\\\)*)\(\?#[^)]*\)", r"\1", pattern)
        self.at = 0
        self._heads: list[frozenset[str]] = []

    def alternatives(self, *, at_end: bool) -> _Piece:
        """Parse all alternatives up to the closing parenthesis or the end.

        :param at_end: whether nothing that must match follows.
        """
        found = [self._sequence(at_end=at_end)]
        while self._peek() == "|":
            self.at += 1
            found.append(self._sequence(at_end=at_end))
        self._heads = [piece.chars for piece in found]
        return _Piece(
            _union(piece.chars for piece in found),
            _union(piece.whole for piece in found),
            _union(piece.runs for piece in found),
            any(piece.optional for piece in found),
            all(piece.guarded for piece in found if piece.runs),
        )

    def _peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def _sequence(self, *, at_end: bool) -> _Piece:
        pieces: list[_Piece] = []
        while self._peek() not in {"", "|", ")"}:
            pieces.append(self._quantified())
        _check_sequence(_fallible(pieces) if at_end else pieces)
        return _sum(pieces)

    def _quantified(self) -> _Piece:
        piece, alternatives = self._atom()
        match = _QUANTIFIER.match(self.pattern, self.at)
        while match is not None and not (match[0][0] == "{" and not any(match.groups())):
            self.at = match.end()
            if self._peek() in {"?", "+"}:
                self.at += 1
            piece = _repeated(piece, alternatives, *_bounds(match))
            match = _QUANTIFIER.match(self.pattern, self.at)
        return piece

    def _atom(self) -> tuple[_Piece, list[frozenset[str]]]:
        char = self._peek()
        if char == "(":
            return self._group()
        self.at += 1
        if char == "[":
            return _one(self._set()), []
        if char == ".":
            return _one(_ALL), []
        if char in "^$":
            return _EMPTY, []
        if char == "\\":
            chars = self._escaped()
            return (_EMPTY if chars is None else _one(chars)), []
        return _one(_both_cases(char)), []

    def _group(self) -> tuple[_Piece, list[frozenset[str]]]:
        match = _GROUP.match(self.pattern, self.at)
        if match is None or self.pattern[match.end() : match.end() + 1] == "?":
            raise _PatternError("only groups, flags and look-around are allowed in parentheses")
        self.at = match.end()
        if match[0].endswith(")"):  # flags for the whole pattern
            return _EMPTY, []
        piece = self.alternatives(at_end=False)
        heads = self._heads
        self.at += 1
        if match[0] in {"(?=", "(?!", "(?<=", "(?<!"}:
            return _EMPTY, []
        return piece, heads

    def _escaped(self) -> frozenset[str] | None:
        """Parse an escape and return its characters; None if it matches a position."""
        char = self._peek()
        self.at += 1
        if char in "AZbB":
            return None
        if char in "123456789":
            raise _PatternError("back references are not allowed")
        if char in _CLASSES:
            return _CLASSES[char]
        if char in "xuUN":
            length = {"x": 2, "u": 4, "U": 8}.get(char, self.pattern.find("}", self.at) + 1 - self.at)
            digits = self.pattern[self.at : self.at + length]
            self.at += length
            return frozenset(chr(int(digits, 16))) & _ASCII or frozenset(_OTHER) if char != "N" else frozenset(_OTHER)
        return _both_cases(_CONTROL.get(char, char))

    def _set(self) -> frozenset[str]:
        """Parse a set after its opening bracket and return its characters."""
        negated = self._peek() == "^"
        self.at += negated
        chars: set[str] = set()
        first = True
        while first or self._peek() != "]":
            first = False
            low = self._member()
            if self._peek() == "-" and self.pattern[self.at + 1 : self.at + 2] not in {"]", ""}:
                self.at += 1
                high = self._member()
                low = frozenset(char for char in _ALL if min(low) <= char <= max(high)) | low | high
            for char in low:
                chars |= _both_cases(char)
        self.at += 1
        return _ALL - (chars - {_OTHER}) if negated else frozenset(chars)

    def _member(self) -> frozenset[str]:
        char = self._peek()
        self.at += 1
        if char != "\\":
            return frozenset(char) if char in _ASCII else frozenset(_OTHER)
        if self._peek() == "b":
            self.at += 1
            return frozenset("\b")
        return self._escaped() or frozenset()


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset(char for chars in sets for char in chars)


def _both_cases(char: str) -> frozenset[str]:
    """Return the character in both cases, since rules match casefolded text."""
    return frozenset((char.lower(), char.upper())) if char in _ASCII else frozenset(_OTHER)


def _one(chars: frozenset[str]) -> _Piece:
    return _Piece(chars, chars)


def _bounds(match: re.Match[str]) -> tuple[int, int]:
    """Return the lowest and the highest count of a quantifier."""
    sign = match[0][0]
    if sign != "{":
        return (1 if sign == "+" else 0), (1 if sign == "?" else _LARGE + 1)
    low = int(match[1] or 0)
    return low, (int(match[3]) if match[3] else _LARGE + 1 if match[2] else low)


def _repeated(piece: _Piece, heads: list[frozenset[str]], low: int, high: int) -> _Piece:
    optional = piece.optional or low == 0
    if high <= _LARGE:
        return _Piece(piece.chars, piece.whole, piece.runs, optional, piece.guarded)
    if piece.runs:
        raise _PatternError("a repetition inside an unbounded repetition; bound one of them, for example {0,80}")
    if piece.optional:
        raise _PatternError("an unbounded repetition of something that can be empty")
    if any(one & other for index, one in enumerate(heads) for other in heads[:index]):
        raise _PatternError("alternatives that begin alike inside an unbounded repetition")
    return _Piece(piece.chars, piece.whole, piece.whole, optional)


def _sum(pieces: list[_Piece]) -> _Piece:
    """Combine a sequence of pieces into one."""
    chars: frozenset[str] = frozenset()
    for piece in pieces:
        chars |= piece.chars
        if not piece.optional:
            break
    return _Piece(
        chars,
        _union(piece.whole for piece in pieces),
        _union(piece.runs for piece in pieces),
        all(piece.optional for piece in pieces),
        all(_is_guarded(pieces, index) for index, piece in enumerate(pieces) if piece.runs),
    )


def _is_guarded(pieces: list[_Piece], index: int) -> bool:
    runs = pieces[index].runs
    return pieces[index].guarded or any(not piece.optional and not piece.chars & runs for piece in pieces[:index])


def _fallible(pieces: list[_Piece]) -> list[_Piece]:
    """Return the pieces at the end of a pattern that can be forced to backtrack when a later piece fails."""
    count = len(pieces)
    while count and pieces[count - 1] is _EMPTY:
        count -= 1
    if count < len(pieces) and not (count and pieces[count - 1].runs == _ALL):
        return pieces  # "$" or another position must match, and the last piece may stop short of it
    while count and pieces[count - 1].optional:
        count -= 1
    return pieces[: max(count - 1, 0)]


def _check_sequence(pieces: list[_Piece]) -> None:
    """Reject two unbounded pieces that can match the same characters with nothing between to separate them."""
    for index, first in enumerate(pieces):
        for later in range(index + 1, len(pieces) if first.runs else 0):
            second = pieces[later]
            between = [piece.chars for piece in pieces[index + 1 : later] if not piece.optional]
            apart = second.guarded or any(not chars & first.runs or not chars & second.runs for chars in between)
            if first.runs & second.runs and not apart:
                raise _PatternError(_TWO_REPEATS)
