"""Patterns tried on texts made from themselves, with every step counted.

What :mod:`~undeliverable._text.linear` computes is an upper limit, derived from a pattern without running it. This is
the second look: for each repetition of the pattern a text that keeps it busy and then fails, and a matcher that tries
the ways of a pattern in the order of :mod:`re` and counts them. It has no clock, so the answer is the same everywhere.
Look-around is taken to hold, which can only lead to more steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from undeliverable._text.patterns import Chars, Choice, Node, Place, Repeat, Sequence

__all__ = ["slow_text"]

_LENGTH: Final = 60  # a text that is twice as long takes twice, at most four times, as many steps
_MOST_TEXTS: Final = 12
_END: Final = "\x00"
_PREFERRED: Final = "a1 .-@"  # a sample of a set is one of these, if it has one


def slow_text(node: Node, most_steps: int) -> str | None:
    """Return a text on which the pattern takes more than `most_steps` steps for each character, or None."""
    tries = dict.fromkeys(_texts(node))
    return next((text for text in list(tries)[:_MOST_TEXTS] if _is_slow(node, text, most_steps * len(text))), None)


def _texts(node: Node) -> Iterator[str]:
    """Yield texts that keep one repetition of the pattern busy and cannot match in the end."""
    before = ""
    for item in node.items if isinstance(node, Sequence) else (node,):
        for repeated in _repeated(item):
            for sample in _samples(repeated):
                yield before + (sample * _LENGTH)[:_LENGTH] + _END
        before = (before + _sample(item))[-_LENGTH:]


def _repeated(node: Node) -> Iterator[Node]:
    """Yield every piece of a pattern that can be repeated."""
    match node:
        case Repeat(item):
            yield item
            yield from _repeated(item)
        case Sequence(items):
            for item in items:
                yield from _repeated(item)
        case Choice(options):
            for option in options:
                yield from _repeated(option)
        case _:
            return


def _samples(node: Node) -> Iterator[str]:
    """Yield short texts that the piece matches: one for each alternative."""
    for option in node.options if isinstance(node, Choice) else (node,):
        text = _sample(option)
        if text:
            yield text


def _sample(node: Node) -> str:
    match node:
        case Chars(chars):
            return next((char for char in _PREFERRED if char in chars), min(chars, default=""))
        case Sequence(items):
            return "".join(map(_sample, items))
        case Choice(options):
            return _sample(options[0])
        case Repeat(item, low, _):
            return _sample(item) * min(max(low, 1), _LENGTH)
        case _:
            return ""


class _TooManyStepsError(Exception):
    """Raised when the limit is reached."""


class _Matcher:
    """A backtracking matcher that yields where a pattern can end, in the order in which :mod:`re` tries it."""

    def __init__(self, text: str, most_steps: int) -> None:
        self.text = text
        self.left = most_steps

    def ends(self, node: Node, at: int) -> Iterator[int]:
        self.left -= 1
        if self.left < 0:
            raise _TooManyStepsError
        match node:
            case Chars(chars):
                return iter((at + 1,) if self.text[at : at + 1] in chars else ())
            case Place():
                return iter((at,))
            case Sequence(items):
                return self._sequence(items, at)
            case Choice(options):
                return (end for option in options for end in self.ends(option, at))
            case _:  # a Repeat
                return self._repeat(node.item, node.low, _LENGTH if node.high is None else min(node.high, _LENGTH), at)

    def _sequence(self, items: tuple[Node, ...], at: int) -> Iterator[int]:
        open_ends = [iter((at,))]
        while open_ends:
            end = next(open_ends[-1], None)
            if end is None:
                open_ends.pop()
            elif len(open_ends) > len(items):
                yield end
            else:
                open_ends.append(self.ends(items[len(open_ends) - 1], end))

    def _repeat(self, item: Node, low: int, high: int, at: int) -> Iterator[int]:
        """Yield the ends of the longest repetition first; what matches nothing may stand for any number of items."""
        places, open_ends, is_empty = [at], [self.ends(item, at) if high else iter(())], [False]
        while open_ends:
            end = next(open_ends[-1], None)
            if end is None:
                open_ends.pop()
                here, enough = places.pop(), is_empty.pop() or len(open_ends) >= low
                if enough:
                    yield here
            elif end == places[-1]:
                is_empty[-1] = True
            else:
                places.append(end)
                is_empty.append(False)
                open_ends.append(self.ends(item, end) if len(open_ends) < high else iter(()))


def _is_slow(node: Node, text: str, most_steps: int) -> bool:
    matcher = _Matcher(text, most_steps)
    try:
        for at in range(len(text)):
            next(matcher.ends(node, at), None)
    except _TooManyStepsError:
        return True
    return False
