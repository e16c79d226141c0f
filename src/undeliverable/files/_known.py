"""Recognise files that are known and not read, by their first octets: a table in ``data/files`` names the way out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Final, NamedTuple

from undeliverable.data import read

__all__ = ["Known", "known_by_head", "known_by_names", "known_formats"]

_TABLE: Final = "files/known.toml"


class Known(NamedTuple):
    """A form of files that are not read.

    :ivar what: a file of it, in words.
    :ivar do: how to get at what it holds.
    :ivar begins: what it begins with; None where it is a zip archive.
    :ivar members: names of which the archive holds one then.
    """

    what: str
    do: str
    begins: re.Pattern[bytes] | None
    members: frozenset[str]

    def __str__(self) -> str:
        """Return why such a file is not read, and what to do."""
        return f"{self.what}, which is not read: {self.do}"


@cache
def known_formats() -> tuple[Known, ...]:
    """Return the table."""
    import tomllib  # 2 ms, for files that do not begin as mail

    return tuple(
        Known(
            entry["what"],
            entry["do"],
            re.compile(entry["begins"].encode("latin-1"), re.DOTALL) if "begins" in entry else None,
            frozenset(entry.get("members", ())),
        )
        for entry in tomllib.loads(read(_TABLE))["format"]
    )


def known_by_head(head: bytes) -> Known | None:
    """Return what a file is by its first octets, or None."""
    return next((one for one in known_formats() if one.begins is not None and one.begins.match(head)), None)


def known_by_names(names: Iterable[str]) -> Known | None:
    """Return what a zip archive is by the names in it, or None."""
    held = set(names)
    return next((one for one in known_formats() if one.members & held), None)
