"""Where formats are looked for, and formats that stand there already: those of the built-in layer.

That layer derives from a class here and is never compiled; neither is this module.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple, TypeVar

from undeliverable._formats.schema import Format

__all__ = ["BEGINNINGS", "FormatsBelow", "Places"]

BEGINNINGS: Final = re.compile(r"\n[ \t]*+([^\x00-\x7f]{4}|\S[^\n]{12})")
"""How a line leads to the formats that know it: its first 13 characters, or 4 where a script says more with each."""

_Item = TypeVar("_Item")


class Places(NamedTuple):
    """Where to look for formats, which stand there with their ranks.

    :ivar by_line: under the beginnings of their lines, if all are long enough; each with the line's literal.
    :ivar by_sender: else under their senders.
    :ivar others: those that have neither.
    :ivar generic: descriptions of unknown text.
    """

    by_line: dict[str, list[tuple[int, str]]]
    by_sender: dict[str, list[int]]
    others: list[int]
    generic: list[int]

    @classmethod
    def of(cls, formats: Iterable[tuple[int, Format]]) -> Places:
        """Return the places of formats that are given with their ranks."""
        places = cls({}, {}, [], [])
        for rank, described in formats:
            places.put(rank, described)
        return places

    def put(self, rank: int, described: Format) -> None:
        """File a format."""
        keys = [BEGINNINGS.match("\n" + literal) for literal in described.body]
        senders = dict(described.headers).get("from", ())
        if described.is_generic:
            self.generic.append(rank)
        elif keys and all(keys):
            for key, literal in zip(keys, described.body, strict=True):
                if key is not None:  # pragma: no branch - all are; the type checkers cannot know
                    self.by_line.setdefault(key[1], []).append((rank, literal))
        elif senders:
            for sender in senders:
                self.by_sender.setdefault(sender, []).append(rank)
        else:
            self.others.append(rank)

    def under(self, upper: Places) -> Places:
        """Return these places joined with those of formats that rank higher."""
        return Places(
            _joined(self.by_line, upper.by_line),
            _joined(self.by_sender, upper.by_sender),
            upper.others + self.others,
            upper.generic + self.generic,
        )


def _joined(lower: dict[str, list[_Item]], upper: dict[str, list[_Item]]) -> dict[str, list[_Item]]:
    return lower | {key: ranks + lower.get(key, []) for key, ranks in upper.items()}


class FormatsBelow:
    """Formats that a table is given with their places; here none."""

    places: Places = Places({}, {}, [], [])
    format_count: int = 0

    def format(self, rank: int) -> Format:
        """Return the format of a rank, from 0."""
        raise IndexError(rank)
