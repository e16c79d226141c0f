"""The receivers' own codes in a reply: neither a reply code nor an enhanced status, but what people group by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from undeliverable._rules.comparisons import strings
from undeliverable._rules.visible import TEXT_LIMIT
from undeliverable._text.lazy import lazy
from undeliverable.errors._tables import as_list, as_table

__all__ = ["VendorCodes"]


class VendorCodes:
    """The known shapes of such codes, in order; immutable."""

    def __init__(self, shapes: tuple[tuple[str, str], ...] = ()) -> None:
        """Take `shapes`: pairs of a literal that the code has, and a pattern whose group is the code."""
        self._shapes: Final = tuple((literal, lazy(pattern, re.ASCII)) for literal, pattern in shapes)

    @classmethod
    def from_table(cls, document: Mapping[str, object]) -> VendorCodes:
        """Return the shapes of a document with ``[[vendor_code]]`` tables.

        :raises EntryError: naming the key at fault.
        """
        tables = map(as_table, as_list(document.get("vendor_code")) or ())
        return cls(
            tuple(
                (strings(table.get("contains"), "contains")[0], strings(table.get("pattern"), "pattern")[0])
                for table in tables
                if table is not None
            )
        )

    def find(self, text: str | None) -> str | None:
        """Return the code of the first shape that stands in a reply, or None."""
        if not text:
            return None
        text = text[:TEXT_LIMIT]
        for literal, pattern in self._shapes:
            found = pattern.search(text) if literal in text else None
            if found is not None:
                return found[1]
        return None
