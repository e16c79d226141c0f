"""All described formats together: which of them a notice is of, found without asking each.

The beginnings of the text's lines lead to the few formats that may be meant; only their conditions are checked. So a
hundred formats cost little more than one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from undeliverable._format_schema import HEAD_LIMIT, Format

__all__ = ["FormatTable"]

_KEY: Final = 10
"""How many characters of a line lead to the formats that know it."""


class FormatTable:
    """The formats to choose from; the order matters only where two fit the same notice: then the first is meant.

    :ivar formats: all formats but the generic ones.
    :ivar generic: the descriptions of unknown text.
    """

    __slots__ = ("_by_line", "_others", "formats", "generic")

    def __init__(self, formats: Iterable[Format]) -> None:
        everyone = tuple(formats)
        self.formats = tuple(one for one in everyone if not one.is_generic)
        self.generic = tuple(one for one in everyone if one.is_generic)
        self._by_line: dict[str, dict[int, Format]] = {}
        self._others: dict[int, Format] = {}
        for rank, described in enumerate(self.formats):
            for literal in described.body:
                key = literal.split("\n", 1)[0][:_KEY]
                place = self._by_line.setdefault(key, {}) if len(key) == _KEY else self._others
                place[rank] = described
            if not described.body:
                self._others[rank] = described

    def recognise(self, header: Callable[[str], str | None], text: str) -> Format | None:
        """The format that a notice is of, or None.

        :param header: gives the first value of the message's header of a name, or None.
        :param text: the notification, decoded.
        """
        by_line = self._by_line
        found = self._others
        for line in text[:HEAD_LIMIT].split("\n"):
            meant = by_line.get(line.lstrip()[:_KEY])
            if meant is not None:
                found = found | meant
        for rank in sorted(found):
            if found[rank].fits(header, text):
                return found[rank]
        return None

    def recognise_unknown(self, header: Callable[[str], str | None], text: str) -> Format | None:
        """The description of unknown text that fits a notice, or None; to be asked when nothing else spoke."""
        return next((one for one in self.generic if one.fits(header, text)), None)
