"""All described formats together: which of them a notice is of, found without asking each.

The beginnings of the text's lines lead to the few formats that may be meant; only their conditions are checked. So a
hundred formats cost little more than one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from undeliverable._format_schema import HEAD_LIMIT, Format

__all__ = ["FormatTable"]

# How a line leads to the formats that know it: its first 16 characters, or 4 where a script says more with each.
_BEGINNINGS: Final = re.compile(r"\n[ \t]*([^\x00-\x7f]{4}|\S[^\n]{15})")
_Place = dict[int, Format]


class FormatTable:
    """The formats to choose from; the order matters only where two fit the same notice: then the first is meant.

    :ivar formats: all formats but the generic one.
    :ivar generic: the description of unknown text; one per layer that has one.
    """

    __slots__ = ("_by_line", "_by_sender", "_others", "formats", "generic")

    def __init__(self, formats: Iterable[Format]) -> None:
        everyone = tuple(formats)
        self.formats = tuple(one for one in everyone if not one.is_generic)
        self.generic = tuple(one for one in everyone if one.is_generic)
        self._by_line: dict[str, _Place] = {}
        self._by_sender: dict[str, _Place] = {}
        self._others: _Place = {}
        for rank, described in enumerate(self.formats):
            for place in self._places(described):
                place[rank] = described

    def _places(self, described: Format) -> Iterator[_Place]:
        """Where to look for `described`: under its lines where all are long enough, else under its senders."""
        keys = [_BEGINNINGS.match("\n" + literal) for literal in described.body]
        senders = dict(described.headers).get("from", ())
        if keys and all(keys):
            yield from (self._by_line.setdefault(key[1], {}) for key in keys if key is not None)
        elif senders:
            yield from (self._by_sender.setdefault(sender, {}) for sender in senders)
        else:
            yield self._others

    def recognise(self, header: Callable[[str], str | None], text: str) -> Format | None:
        """The format that a notice is of, or None.

        :param header: gives the first value of the message's header of a name, or None.
        :param text: the notification, decoded.
        """
        by_line, sender = self._by_line, header("from")
        known = {"from": sender}

        def look(name: str) -> str | None:
            if name not in known:
                known[name] = header(name)
            return known[name]

        sender, found = (sender or "").lower(), self._others
        for key in by_line.keys() & set(_BEGINNINGS.findall("\n" + text[:HEAD_LIMIT])):
            found = found | by_line[key]
        for literal, place in self._by_sender.items():
            if literal in sender:
                found = found | place
        for rank in sorted(found):
            if found[rank].fits(look, text):
                return found[rank]
        return None

    def recognise_unknown(self, header: Callable[[str], str | None], text: str) -> Format | None:
        """The description of unknown text that fits a notice, or None; to be asked when nothing else spoke."""
        return next((one for one in self.generic if one.fits(header, text)), None)
