"""Regular expressions that run in linear time on any text, the only ones allowed in data.

The engine of :mod:`re` backtracks. Three shapes make it slow without any limit: a repetition inside an unbounded
repetition (``(a+)+``), alternatives under an unbounded repetition that can begin alike (``(a|ab)*``), and two unbounded
repetitions that can match the same characters (``.*x.*y``). The check computes for each piece of a pattern the
characters it can begin with and hold, and rejects these shapes.

Limits multiply: ``(?:a{1,30}){1,30}`` and ``.{0,200}.{0,200}.{0,200}`` are bounded and run for minutes. So the check
also counts in how many ways a piece can match at one place, and how many steps the engine takes to try them all. Two
ways that the next character separates count once. A pattern that can take more than :data:`MOST_STEPS` steps for
each character of a text is rejected. The count is an upper limit, so a pattern that could be slow on some text is
rejected, and sometimes one that could not.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from collections.abc import Sequence as Several
from dataclasses import dataclass
from typing import Final

from undeliverable._text.patterns import ALL, Chars, Choice, Node, PatternError, Place, Repeat, Sequence, parse_pattern
from undeliverable._text.trial import slow_text

__all__ = ["MOST_STEPS", "check_linear"]

MOST_STEPS: Final = 5_000
"""The steps of the engine, some 20 ns each, that a pattern may take for each character of a text."""

_LARGE: Final = 512  # a repetition with a higher limit counts as unbounded
_MANY: Final = 10**9  # no count of ways or steps is higher
_RUN: Final = 8  # the engine compares so many characters of a run in the time of one step
_TEXT: Final = 1_000  # a text of this length must not take long
_DEEP: Final = 32  # two ways, so many times over, are too many
_LEAD: Final = 32  # so many characters at the beginning of a piece are compared with others
_TWO_REPEATS: Final = (
    "two unbounded repetitions can match the same characters; limit one of them, for example by {0,30}"
)
_TOO_MANY: Final = (
    "its repetitions can match a text in too many ways; "
    "leave out all but one of them, or put between them what they cannot match"
)
_NONE: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a pattern, described by the characters that it can match.

    :ivar chars: the characters that it can begin with.
    :ivar whole: all characters that it can hold.
    :ivar runs: the characters of its unbounded repetitions; empty if it has none.
    :ivar optional: whether it can match the empty string.
    :ivar guarded: whether its repetitions come after something mandatory that they cannot match themselves.
    :ivar lead: the sets of the characters that it must begin with, one for each place.
    :ivar fixed: whether `lead` is all of it.
    :ivar starts: whether it can match at the beginning of a text only.
    :ivar goes_on: the characters that one way of matching can hold where another one ends.
    :ivar ends: in how many ways it can match at one place.
    :ivar same: in how many of these ways it can end at the same place.
    :ivar cost: how many steps the engine takes to try them all.
    :ivar dense: whether it is a run of single characters, which can end anywhere.
    """

    chars: frozenset[str] = _NONE
    whole: frozenset[str] = _NONE
    runs: frozenset[str] = _NONE
    optional: bool = False
    guarded: bool = False
    lead: tuple[frozenset[str], ...] = ()
    fixed: bool = False
    starts: bool = False
    goes_on: frozenset[str] = _NONE
    ends: int = 1
    same: int = 1
    cost: int = 1
    dense: bool = False


def check_linear(pattern: str, *, most_steps: int | None = None) -> str | None:
    """Return what is wrong with `pattern`, in one sentence, or None if it can be used.

    :param most_steps: the steps that it may take for each character of a text, counted both by what the pattern could
        do and on texts made from it; None for patterns of lines that are matched at their beginning only.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a later Python may read such a pattern differently
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        return f"not a regular expression: {error}"
    try:
        node = parse_pattern(pattern)
        piece = _measured(node, at_end=True)
    except PatternError as problem:
        return str(problem)
    except RecursionError:
        return "nested too deeply"
    return None if most_steps is None else _check_steps(node, piece, most_steps)


def _check_steps(node: Node, piece: _Piece, most_steps: int) -> str | None:
    starts = _TEXT if piece.starts else _period(piece.lead)
    if piece.cost // starts > most_steps:
        return _TOO_MANY
    text = slow_text(node, most_steps)
    return None if text is None else f"it takes more than {most_steps} steps for each character of {text!r}"


def _measured(node: Node, *, at_end: bool = False) -> _Piece:
    """Return what a part of a pattern can match.

    :param at_end: whether nothing that must match follows.
    """
    match node:
        case Chars(chars):
            return _Piece(chars, chars, lead=(chars,), fixed=True)
        case Place(inner, is_start):
            cost = 1 if inner is None else _measured(inner).cost
            return _Piece(optional=True, fixed=True, starts=is_start, cost=cost)
        case Sequence(items):
            return _sequence([_measured(item) for item in items], at_end=at_end)
        case Choice(options):
            return _choice([_measured(option, at_end=at_end) for option in options])
        case Repeat(item, low, high):
            return _repeat(_measured(item), low, _LARGE + 1 if high is None else high)


def _sequence(pieces: list[_Piece], *, at_end: bool) -> _Piece:
    _check_sequence(_fallible(pieces) if at_end else pieces)
    ends = same = alive = 1
    cost = 0
    goes_on: list[frozenset[str]] = []
    lead, fixed = _lead(pieces)
    for index, piece in enumerate(pieces):
        cost += _cost(piece, alive, after_run=bool(index) and pieces[index - 1].dense)
        chars, is_needed = _following(pieces, index + 1)
        distinct = not piece.goes_on & chars
        alive *= (piece.same if distinct else _spread(piece, pieces[index + 1 :])) if is_needed else piece.ends
        same *= piece.same if distinct else piece.ends
        ends = alive
        if not is_needed:
            goes_on += (piece.goes_on, chars)
        if not distinct:
            goes_on += (one.whole for one in pieces[index:])
    return _Piece(
        _following(pieces, 0)[0],
        _union(piece.whole for piece in pieces),
        _union(piece.runs for piece in pieces),
        all(piece.optional for piece in pieces),
        all(_is_guarded(pieces, index) for index, piece in enumerate(pieces) if piece.runs),
        lead,
        fixed,
        bool(pieces) and pieces[0].starts,
        _union(goes_on),
        min(ends, _MANY),
        min(same, _MANY),
        min(cost, _MANY),
    )


def _choice(pieces: list[_Piece]) -> _Piece:
    alike = [[other for other in pieces if _can_begin_alike(piece, other)] for piece in pieces]
    pairs = [(piece, other) for piece, others in zip(pieces, alike, strict=True) for other in others]
    first = pieces[0].lead
    return _Piece(
        _union(piece.chars for piece in pieces),
        _union(piece.whole for piece in pieces),
        _union(piece.runs for piece in pieces),
        any(piece.optional for piece in pieces),
        all(piece.guarded for piece in pieces if piece.runs),
        tuple(_union(sets) for sets in zip(*(piece.lead for piece in pieces), strict=False)),
        all(piece.fixed and len(piece.lead) == len(first) for piece in pieces),
        all(piece.starts for piece in pieces),
        _union((*(piece.goes_on for piece in pieces), *(_longer(*pair) for pair in pairs))),
        min(max(sum(one.ends for one in others) for others in alike), _MANY),
        min(max(_same_ends(piece, others) for piece, others in zip(pieces, alike, strict=True)), _MANY),
        min(max(sum(one.cost for one in others) for others in alike) + len(pieces), _MANY),
    )


def _repeat(piece: _Piece, low: int, high: int) -> _Piece:
    distinct = not piece.optional and not piece.goes_on & piece.chars
    again = piece.same if distinct else max(piece.ends, 2 if piece.optional else 1)
    if high > _LARGE:
        _check_unbounded(piece, again)
    is_one = piece.lead and piece.fixed and len(piece.lead) == 1 and piece.cost == 1
    ways = min(again ** min(max(high - 1, 0), _DEEP), _MANY)
    ends = piece.ends * (high - low + 1 if again == 1 else ways)
    cost = high // _RUN + 1 if is_one else piece.cost * (high + 1 if again == 1 else 2 * ways)
    is_fixed = piece.fixed and low == high and low * len(piece.lead) <= _LEAD
    return _Piece(
        piece.chars,
        piece.whole,
        piece.whole if high > _LARGE else piece.runs,
        piece.optional or low == 0,
        piece.guarded and high <= _LARGE,
        (piece.lead * (low if piece.fixed else 1))[:_LEAD] if low else (),
        is_fixed,
        piece.starts and low > 0,
        piece.goes_on | (piece.chars if high > low else _NONE) | (_NONE if distinct or high < 2 else piece.whole),
        min(ends, _MANY),
        min(piece.same if again == 1 or high < 2 else ends, _MANY),
        min(cost, _MANY),
        bool(is_one) and high > low,
    )


def _check_unbounded(piece: _Piece, again: int) -> None:
    """Reject what must not be repeated without limit."""
    if piece.runs:
        raise PatternError("a repetition inside an unbounded repetition; leave out one of them, or limit the outer one")
    if piece.optional:
        raise PatternError("an unbounded repetition of something that can be empty")
    if again > 1:
        raise PatternError("alternatives that begin alike inside an unbounded repetition")


def _lead(pieces: Several[_Piece]) -> tuple[tuple[frozenset[str], ...], bool]:
    """Return the sets of the characters that a sequence must begin with, and whether that is all of it."""
    lead: list[frozenset[str]] = []
    for piece in pieces:
        lead += piece.lead
        if not piece.fixed or len(lead) > _LEAD:
            return tuple(lead[:_LEAD]), False
    return tuple(lead), True


def _following(pieces: list[_Piece], index: int) -> tuple[frozenset[str], bool]:
    """Return what the pieces from `index` on can begin with, and whether one of them must match a character."""
    chars: list[frozenset[str]] = []
    for piece in pieces[index:]:
        chars.append(piece.chars)
        if not piece.optional:
            return _union(chars), True
    return _union(chars), False


def _spread(piece: _Piece, rest: Several[_Piece]) -> int:
    """Return how many ends of `piece` the rest can follow: of a run, only those that are as far apart as its words."""
    return -(-piece.ends // _period(_lead(rest)[0])) if piece.dense else piece.ends


def _cost(piece: _Piece, ways: int, *, after_run: bool) -> int:
    """Return the steps of trying `piece` at so many places; after a run, its first character is looked for at a stretch."""
    if not (after_run and piece.lead):
        return ways * piece.cost
    return ways // _RUN + -(-ways // _period(piece.lead)) * (piece.cost - 1)


def _period(lead: Several[frozenset[str]]) -> int:
    """Return how far apart two places must be at least where characters of these sets stand."""
    return next(
        (
            apart
            for apart in range(1, len(lead))
            if all(one & two for one, two in zip(lead, lead[apart:], strict=False))
        ),
        max(len(lead), 1),
    )


def _can_begin_alike(one: _Piece, other: _Piece) -> bool:
    return all(first & second for first, second in zip(one.lead, other.lead, strict=False))


def _longer(one: _Piece, other: _Piece) -> frozenset[str]:
    """Return the characters that `other` can hold where `one`, which can begin like it, ends."""
    if one is other:
        return _NONE
    if one.fixed and other.fixed:
        return _union(other.lead[len(one.lead) : len(one.lead) + 1])
    return other.whole


def _same_ends(piece: _Piece, others: list[_Piece]) -> int:
    """Return in how many ways of `others` a text can end where it ends with `piece`."""
    length = len(piece.lead) if piece.fixed else None
    return sum(one.same for one in others if length is None or not one.fixed or len(one.lead) == length)


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return _NONE.union(*sets)


def _is_guarded(pieces: list[_Piece], index: int) -> bool:
    runs = pieces[index].runs
    return pieces[index].guarded or any(not piece.optional and not piece.chars & runs for piece in pieces[:index])


def _fallible(pieces: list[_Piece]) -> list[_Piece]:
    """Return the pieces at the end of a pattern that can be forced to backtrack when a later piece fails."""
    count = len(pieces)
    while count and not pieces[count - 1].whole:
        count -= 1
    if count < len(pieces) and not (count and pieces[count - 1].runs == ALL):
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
                raise PatternError(_TWO_REPEATS)
