"""The summary of `classify` on standard error: a small table that adds up.

On the left stands what was read, on the right what became of it: the recipients of the bounces by type, with what to do
and why, then everything else. Where a list has no room, its end is summed up, so that the numbers still add up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import zip_longest
from types import MappingProxyType
from typing import Final, NamedTuple

from undeliverable.cli._fit import fold, padded, width_of
from undeliverable.cli._rows import GAP, Line
from undeliverable.cli._screen import Screen
from undeliverable.cli._summary import Failure, Tally
from undeliverable.reasons import BounceType
from undeliverable.verdict import Kind

__all__ = ["Notes", "closing_lines"]

_NARROW: Final = 60
_WIDE: Final = 110
_BAR: Final = 15
_SHORT: Final = 8  # steps of a bar that leaves room for words
_INDENT: Final = 2
_RANKS: Final = MappingProxyType({str(kind): rank for rank, kind in enumerate(BounceType)})
_NOUNS: Final[Mapping[Kind, tuple[str, str]]] = MappingProxyType(
    {
        Kind.DELAY: ("delay", "delays"),
        Kind.DELIVERED: ("delivery report", "delivery reports"),
        Kind.COMPLAINT: ("complaint", "complaints"),
        Kind.AUTO_REPLY: ("auto-reply", "auto-replies"),
        Kind.CHALLENGE: ("challenge", "challenges"),
        Kind.DISPOSITION: ("read receipt", "read receipts"),
        Kind.SUPPRESSED: ("suppressed", "suppressed"),
        Kind.UNSUBSCRIBED: ("unsubscribed", "unsubscribed"),
        Kind.OTHER: ("not a report", "not reports"),
    }
)


class Notes(NamedTuple):
    """What the reader of the files, and the writer, counted.

    :ivar failed: number of files that could not be read.
    :ivar skipped: number of files that hold no mail.
    :ivar unread: number of lines in files of records that are none.
    :ivar unnamed: number of recipients without an address, where addresses are written.
    :ivar names: True if skipped files have been named.
    """

    failed: int = 0
    skipped: int = 0
    unread: int = 0
    unnamed: int = 0
    names: bool = False


class _Block(NamedTuple):
    """Lines with what was counted on their left.

    :ivar labels: numbers and nouns.
    :ivar lines: makes what stands beside them, in so many columns.
    """

    labels: list[tuple[int, str]]
    lines: Callable[[int], list[Line]]


def closing_lines(tally: Tally, notes: Notes, screen: Screen) -> list[Line]:
    """Return the lines of the summary, none of them wider than the screen."""
    blocks = list(_blocks(tally, notes, screen))
    labels = [label for block in blocks for label in block.labels]
    numbers = max(len(f"{number:,}") for number, _ in labels)
    width = max(width_of(noun) for _, noun in labels) + numbers + 5
    narrow = screen.width < _NARROW
    lines: list[Line] = []
    for block in blocks:
        left = [(f" {number:>{numbers},} {noun}", "bold") for number, noun in block.labels]
        right = block.lines(screen.width - (_INDENT if narrow else width))
        lines += _above(left, right) if narrow else _beside(left, right, width)
    return lines


def _above(left: list[tuple[str, str]], right: list[Line]) -> list[Line]:
    return [*([label] for label in left), *([(" " * _INDENT, ""), *line] for line in right if line)]


def _beside(left: list[tuple[str, str]], right: list[Line], width: int) -> list[Line]:
    rows = zip_longest(left, right, fillvalue=None)
    return [[_label(label, width), *(line or ())] for label, line in rows]


def _label(label: tuple[str, str] | None, width: int) -> tuple[str, str]:
    return (" " * width, "") if label is None else (padded(label[0], width), label[1])


def _blocks(tally: Tally, notes: Notes, screen: Screen) -> Iterator[_Block]:
    bounces = tally.kinds[Kind.BOUNCE]
    recipients, others = tally.recipients.total(), tally.messages - bounces
    if not tally.messages:
        yield _Block([(0, "messages")], partial(_text, ""))
    if bounces:
        labels = [(bounces, _noun(bounces, "bounce"))]
        if recipients != bounces:
            labels.append((recipients, _noun(recipients, "recipient")))
        yield _Block(labels, partial(_states, tally.recipients, screen))
    if others:
        yield _Block([(others, _noun(others, "other"))], partial(_others, tally.kinds, screen))
    for number, noun, text in _remarks(tally, notes):
        if number:
            yield _Block([(number, _noun(number, noun))], partial(_text, text))


def _remarks(tally: Tally, notes: Notes) -> tuple[tuple[int, str, str], ...]:
    """Return what else was counted: number, noun, and what is to be said of it."""
    named = "named above" if notes.names else "-v names them" if notes.skipped > 1 else "-v names it"
    return (
        (tally.inside, "report", "inside another message, so only for review"),
        (notes.unnamed, "recipient", "without an address in the report"),
        (tally.lines, "line", "of the log read"),
        (notes.skipped, "file", f"skipped, no mail ({named})"),
        (notes.unread + tally.unread, "line", "skipped, no record"),
        (notes.failed + tally.broken, "file", "failed, see above"),
    )


def _text(text: str, room: int) -> list[Line]:
    from textwrap import wrap  # only few runs have remarks

    return [[(line, "dim")] for line in wrap(text, max(room, 1))]


def _others(kinds: Counter[Kind], screen: Screen, room: int) -> list[Line]:
    counts = sorted(
        ((number, kind) for kind, number in kinds.items() if kind is not Kind.BOUNCE and number), reverse=True
    )
    # What is no report at all comes last: it is the rest.
    counts.sort(key=lambda count: count[1] is Kind.OTHER)
    items = [(number, f"{number:,} {_NOUNS[kind][number != 1]}") for number, kind in counts]
    return [[(fold(items, room, screen.signs.separator, screen.signs.ellipsis), "")]]


def _states(recipients: Counter[Failure], screen: Screen, room: int) -> list[Line]:
    """Return what became of the recipients: for each type its number, a bar, what to do, and why."""
    return _Types(recipients, screen, room).lines() if recipients else []


class _Types:
    """The recipients of the bounces by type, as lines of so many columns."""

    def __init__(self, recipients: Counter[Failure], screen: Screen, room: int) -> None:
        self._recipients = recipients
        self._signs = screen.signs
        self._counts = _sums(recipients, lambda failure: failure[0])
        self._most = max(self._counts.values())
        self._digits = len(f"{self._most:,}")
        self._words = max(map(len, self._counts))
        self._steps = 0 if screen.width < _NARROW else _BAR if screen.width >= _WIDE else _SHORT
        self._begin = self._digits + self._words + 3 + (self._steps + 2 if self._steps else 0)
        self._room = room - self._begin
        self._is_wide = screen.width >= _WIDE
        widest = max(width_of(self._folded(state, 1, room)) for state in self._counts)
        self._column = min(widest, self._room // 2) if self._is_wide else self._room

    def lines(self) -> list[Line]:
        """Return one line for each type, or two where advice and reasons do not stand beside each other."""
        ranked = sorted(self._counts, key=lambda state: (_RANKS.get(state, len(_RANKS)), state))
        return [line for state in ranked for line in self._lines_of(state)]

    def _lines_of(self, state: str) -> list[Line]:
        number = self._counts[state]
        bar = self._signs.bar * round(number / self._most * self._steps)
        advice = self._folded(state, 1, self._column)
        start: Line = [
            (f"{number:>{self._digits},} ", ""),
            (f"{state:<{self._words}}  ", state),
            (padded(bar, self._steps + 2 if self._steps else 0), state),
        ]
        if self._is_wide:
            reasons = self._folded(state, 2, self._room - self._column - GAP)
            return [[*start, (padded(advice, self._column + GAP), ""), (reasons, "dim")]]
        below = self._begin if self._steps else _INDENT  # a narrow screen has only a number and a word in a line
        room = self._begin + self._room - below
        first, others = ([advice], []) if self._steps else ([], [self._folded(state, 1, room)])
        others.append(self._folded(state, 2, room))
        return [
            [*start, *((text, "") for text in first)],
            *([(" " * below, ""), (text, "dim")] for text in others if text),
        ]

    def _folded(self, state: str, part: int, room: int) -> str:
        """Return the advices or the reasons of a type, the most frequent first; nothing where none is given."""
        own = Counter({failure: number for failure, number in self._recipients.items() if failure[0] == state})
        sums = _sums(own, lambda failure: failure[part])
        counts = sorted(((word, number) for word, number in sums.items() if word), key=lambda one: (-one[1], one[0]))
        items = [(number, f"{word} {number:,}") for word, number in counts]
        return fold(items, room, self._signs.separator, self._signs.ellipsis)


def _sums(recipients: Counter[Failure], key: Callable[[Failure], str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for failure, number in recipients.items():
        counts[key(failure)] += number
    return counts


def _noun(number: int, noun: str) -> str:
    return noun if number == 1 else f"{noun}s"
