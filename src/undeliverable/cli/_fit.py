"""Fit text into the columns of a terminal: how wide it is, and how to shorten it so that it can still be recognised.

Addresses are read from both ends: the domain says who refused, the first letters say who was mailed. So an address loses
the middle of its local part, a path the middle of its folders, and only plain words lose their end.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Final

__all__ = ["ELLIPSIS", "address_need", "cut", "fold", "padded", "short_address", "short_path", "width_of"]

ELLIPSIS: Final = "…"
_HEAD: Final = 2  # letters of an address that always stay in front
_LONGEST_DOMAIN: Final = 40  # longer ones are shortened like the rest: one of them must not cost all rows their columns
_SEPARATOR: Final = " · "


def width_of(text: str) -> int:
    """Return the number of terminal columns that a text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def _cells(letter: str) -> int:
    from unicodedata import combining, east_asian_width

    return 0 if combining(letter) else 1 + (east_asian_width(letter) in "WF")


def padded(text: str, width: int) -> str:
    """Return the text with spaces up to a width."""
    return f"{text}{' ' * (width - width_of(text))}"


def cut(text: str, width: int, ellipsis: str = ELLIPSIS) -> str:
    """Return the text, without its end if it is wider than `width`."""
    if width_of(text) <= width:
        return text
    return _first(text, width - len(ellipsis)) + ellipsis[: max(width, 0)]


def short_address(text: str, width: int, ellipsis: str = ELLIPSIS) -> str:
    """Return an address that fits: without the middle of its local part, or of the whole if its domain is too wide."""
    if width_of(text) <= width:
        return text
    local, at, domain = text.rpartition("@")
    room = width - len(ellipsis) - width_of(at + domain)
    least = width_of(text[:_HEAD])
    if not at or room < least:
        return _middle(text, least, width, ellipsis)
    return _middle(local, max(least, (room + 1) // 2), room + len(ellipsis), ellipsis) + at + domain


def address_need(text: str) -> int:
    """Return the least width in which an address keeps its domain whole; 0 where its domain is absurdly long."""
    whole = width_of(text)
    _, at, domain = text.rpartition("@")
    wide = width_of(domain)
    if not at or wide > _LONGEST_DOMAIN:
        return 0
    return min(whole, width_of(text[:_HEAD]) + len(ELLIPSIS) + 1 + wide)


def short_path(text: str, width: int, ellipsis: str = ELLIPSIS) -> str:
    """Return a path that fits: its end says most, so two thirds of the room are for that."""
    return _middle(text, (width - len(ellipsis)) // 3, width, ellipsis)


def fold(items: list[tuple[int, str]], width: int, separator: str = _SEPARATOR, ellipsis: str = ELLIPSIS) -> str:
    """Return counted words in one line; those without room are summed up as "N more", so that the counts still add up.

    Where there is no room for that either, the first one stands there alone with an ellipsis, or just the ellipsis.

    :param items: numbers with their words, the most important first.
    """
    for shown in range(len(items), 0, -1):
        left = sum(number for number, _ in items[shown:])
        parts = [word for _, word in items[:shown]] + ([f"{left:,} more"] if left else [])
        text = separator.join(parts)
        if width_of(text) <= width:
            return text
    alone = f"{items[0][1]} {ellipsis}" if items else ""
    return alone if width_of(alone) <= width else ellipsis[: max(width, 0)]


def _middle(text: str, head: int, width: int, ellipsis: str) -> str:
    if width_of(text) <= width:
        return text
    if width <= len(ellipsis) + head:
        return cut(text, width, ellipsis)
    first = _first(text, head)
    return first + ellipsis + _last(text, width - len(ellipsis) - width_of(first))


def _first(text: str, width: int) -> str:
    """Return the longest beginning of a text that is at most so wide."""
    if text.isascii():
        return text[: max(width, 0)]
    return text[: sum(reached <= width for reached in accumulate(map(_cells, text)))]


def _last(text: str, width: int) -> str:
    if text.isascii():
        return text[len(text) - width :] if width > 0 else ""
    kept = sum(reached <= width for reached in accumulate(map(_cells, reversed(text))))
    return text[len(text) - kept :]
