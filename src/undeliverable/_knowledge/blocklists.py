"""DNS blocklists (RFC 5782) by name: which of them a refusal names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from undeliverable._rules.comparisons import strings
from undeliverable._text.lazy import lazy
from undeliverable.errors._tables import as_list, as_table

__all__ = ["Blocklists"]

# What stands before the zone that a server looked up (RFC 5782 2.1), for lists that are not known by name.
_ZONE_COMES: Final = (
    "using ",
    "listed in ",
    "listed at ",
    "listed by ",
    "listed on ",
    "rbl ",
    "dnsbl ",
    "rbl: ",
    "dnsbl: ",
)
_ZONE: Final = lazy(r"(?:[a-z0-9-]{1,63}\.){1,6}[a-z]{2,24}(?![\w-])")
_WORDS: Final = bytes(byte if byte < 128 and chr(byte).isalnum() else 32 for byte in range(256))


class Blocklists:
    """The DNS blocklists known by name, filed under the longest word of each phrase that names them; immutable."""

    def __init__(self, marks: tuple[tuple[str, str], ...] = ()) -> None:
        """Take `marks`: pairs of a phrase and a name, the most specific phrase first."""
        self.marks: Final = marks
        self._filed: dict[str, list[tuple[int, str, str]]] = {}
        for rank, (phrase, name) in enumerate(marks):
            word = max(_words(phrase), key=len)
            self._filed.setdefault(word, []).append((rank, phrase, name))
        self._words = frozenset(self._filed)

    @classmethod
    def from_table(cls, document: Mapping[str, object]) -> Blocklists:
        """Return the lists of a document with ``[[blocklist]]`` tables.

        :raises EntryError: naming the key at fault.
        """
        tables = map(as_table, as_list(document.get("blocklist")) or ())
        return cls(
            tuple(
                (mark.casefold(), strings(table.get("name"), "name")[0])
                for table in tables
                if table is not None
                for mark in strings(table.get("marks"), "marks")
            )
        )

    def named(self, folded: str) -> str | None:
        """Return the name of the list that a casefolded reply names, or the zone as it stands if it is unknown."""
        found = [
            mark for word in self._words.intersection(_words(folded)) for mark in self._filed[word] if mark[1] in folded
        ]
        return min(found)[2] if found else _zone(folded)


def _words(text: str) -> list[str]:
    return text.encode("ascii", "replace").translate(_WORDS).decode("ascii").split()


def _zone(folded: str) -> str | None:
    if not ("listed " in folded or "using " in folded or "rbl" in folded or "nsbl" in folded):
        return None
    for before in _ZONE_COMES:
        at = folded.find(before)
        found = None if at < 0 else _ZONE.match(folded, at + len(before))
        if found is not None:
            return found[0]
    return None
