"""All described formats together: which of them a notice is of, found without asking each.

A literal of a header (Subject, else From) leads to the few formats that may be meant; only their literals are looked
for in the text. So a hundred formats cost little more than ten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from undeliverable._format_schema import HEAD_LIMIT, NO_HEADER, Format

__all__ = ["FormatTable"]

_KEYS: Final = ("subject", "from")
"""The headers that lead to a format: every notice has them, and a format that knows its Subject is well told by it."""


class _Row:
    """One format, its conditions laid out for the search."""

    __slots__ = ("begin", "body", "format", "others", "rank", "sender")

    def __init__(self, rank: int, described: Format, key: str | None) -> None:
        self.rank = rank
        self.format = described
        self.body = described.body
        self.begin = described.begin
        headers = dict(described.headers)
        self.sender = headers.pop("from", ()) if key != "from" else ()
        self.others = tuple((name, literals) for name, literals in headers.items() if name != key)


class FormatTable:
    """The formats to choose from; the order matters only where two fit the same notice: then the first is meant.

    :ivar formats: all formats but the generic ones.
    :ivar generic: the descriptions of unknown text.
    """

    __slots__ = ("_by_sender", "_by_subject", "_rest", "formats", "generic")

    def __init__(self, formats: Iterable[Format]) -> None:
        everyone = tuple(formats)
        self.formats = tuple(one for one in everyone if not one.is_generic)
        self.generic = tuple(one for one in everyone if one.is_generic)
        by_literal: dict[str, dict[str, list[_Row]]] = {"subject": {}, "from": {}}
        self._rest: list[_Row] = []
        for rank, described in enumerate(self.formats):
            headers = dict(described.headers)
            key = next((name for name in _KEYS if name in headers), None)
            row = _Row(rank, described, key)
            if key is None:
                self._rest.append(row)
            else:
                for literal in headers[key]:
                    by_literal[key].setdefault(literal, []).append(row)
        self._by_subject = list(by_literal["subject"].items())
        self._by_sender = list(by_literal["from"].items())

    def recognise(self, header: Callable[[str], str | None], text: str) -> Format | None:
        """The format that a notice is of, or None.

        :param header: gives the first value of the message's header of a name, or None.
        :param text: the notification, decoded.
        """
        subject = (header("subject") or "").lower()
        sender = (header("from") or "").lower()
        rows: list[_Row] = []
        for literal, meant in self._by_subject:
            if literal in subject:
                rows += meant
        for literal, meant in self._by_sender:
            if literal in sender:
                rows += meant
        rows += self._rest
        head = text[:HEAD_LIMIT]
        best: _Row | None = None
        for row in rows:
            if (best is None or row.rank < best.rank) and _fits(row, header, sender, head):
                best = row
        return None if best is None else best.format

    def recognise_unknown(self, header: Callable[[str], str | None], text: str) -> Format | None:
        """The description of unknown text that fits a notice, or None; to be asked when nothing else spoke."""
        return next((one for one in self.generic if one.fits(header, text)), None)


def _fits(row: _Row, header: Callable[[str], str | None], sender: str, head: str) -> bool:
    if row.sender:
        for literal in row.sender:
            if literal in sender:
                break
        else:
            return False
    for name, literals in row.others:
        value = (header(name) or NO_HEADER).lower()
        if value is NO_HEADER or not any([literal in value for literal in literals]):
            return False
    for wanted in (row.body, row.begin):
        if wanted:
            for literal in wanted:
                if literal in head:
                    break
            else:
                return False
    return True
