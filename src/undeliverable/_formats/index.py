"""Find the described format that a text is of without trying each.

The beginnings of the text's lines lead to a few formats, and only their conditions are checked. So a hundred formats
cost little more than one, and only those few are compiled from their descriptions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from undeliverable._formats.below import BEGINNINGS, FormatsBelow, Places
from undeliverable._formats.schema import HEAD_LIMIT, Format, begins_line

__all__ = ["FormatTable"]

# BEGINNINGS for text in ASCII, which nearly all text is: without the other branch it takes less time.
_ASCII_BEGINNINGS: Final = re.compile(r"\n[ \t]*+(\S[^\n]{12})")


_NOTHING: Final = FormatsBelow()


class FormatTable:
    """The formats to choose from; the order matters only if two fit the same text: then the first counts.

    :param formats: formats, the first one first.
    :param below: more of them, of lower rank.
    """

    def __init__(self, formats: Iterable[Format] = (), below: FormatsBelow = _NOTHING) -> None:
        self._upper = tuple(formats)
        self._below = below
        self._places = below.places
        self._made: dict[int, Format] = {}
        if self._upper:
            self._places = self._places.under(Places.of(enumerate(self._upper, -len(self._upper))))

    @property
    def formats(self) -> tuple[Format, ...]:
        """Return all formats but the generic one."""
        ranks = range(-len(self._upper), self._below.format_count)
        return tuple(one for one in map(self._format, ranks) if not one.is_generic)

    @property
    def generic(self) -> tuple[Format, ...]:
        """Return the descriptions of unknown text, one per layer that has one."""
        return tuple(map(self._format, self._places.generic))

    def _format(self, rank: int) -> Format:
        return self._upper[rank] if rank < 0 else self._below.format(rank)

    def recognise(self, header: Callable[[str], str | None], text: str) -> Format | None:
        """Return the format that a text is of, or None.

        :param header: gives the first value of the message's header of a name, or None.
        :param text: the notification, decoded.
        """
        by_line, by_sender, others, _ = self._places
        head = "\n" + text[:HEAD_LIMIT]
        beginnings = (_ASCII_BEGINNINGS if head.isascii() else BEGINNINGS).findall(head)
        begun = [
            rank
            for key in by_line.keys() & beginnings
            for rank, literal in by_line[key]
            if literal in head and begins_line((literal,), head)
        ]
        sender = (header("from") or "").lower()
        found = [*others]
        for literal, ranks in by_sender.items():
            if literal in sender:
                found += ranks
        return self._first(begun + found, header, text, begun)

    def _first(
        self, ranks: list[int], header: Callable[[str], str | None], text: str, begun: Sequence[int] = ()
    ) -> Format | None:
        """Return the first format that fits; of those in `begun` it is known that a line begins as they say."""
        if len(ranks) > 1:
            ranks = sorted(set(ranks))
        made = self._made
        for rank in ranks:
            described = made.get(rank)
            if described is None:
                described = made[rank] = self._format(rank)
            if described.fits(header, text, begun=rank in begun):
                return described
        return None

    def recognise_unknown(self, header: Callable[[str], str | None], text: str) -> Format | None:
        """Return the description of unknown text that fits, or None; to be asked if no format has been recognised."""
        return self._first(self._places.generic, header, text)
