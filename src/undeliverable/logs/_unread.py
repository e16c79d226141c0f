"""Lines that look like deliveries and were not read: of a server that is not known yet, or in a frame that nobody took off.

Nothing is read out of them; they are counted, so that a summary never looks complete when it is not. What they look like
is data. Most lines of a log are none of them: one search for a character dismisses those without an address, and the
name of their program most others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from undeliverable.data import read

__all__ = ["Unread"]

_TABLE: Final = "log_lines/unread.toml"
_LONGEST: Final = 2_048  # characters of a line that are searched: what happened stands near its beginning
_HEAD: Final = 128  # characters in which the name of the program ends
_SHOWN: Final = 500  # characters of the first line that are kept
_PROGRAMS: Final = 1_000  # names of programs that are remembered


class _Table(NamedTuple):
    """The shapes, as data has them.

    :ivar deliveries: one of these is in a line about a delivery.
    :ivar programs: none of these programs delivers.
    :ivar literals: none of these is in a line about a delivery; nor is one of the patterns in `others`.
    """

    deliveries: tuple[re.Pattern[str], ...]
    programs: re.Pattern[str]
    literals: tuple[str, ...]
    others: tuple[re.Pattern[str], ...]


class Unread:
    """The lines of a log that look like deliveries and were not read.

    :ivar count: their number.
    :ivar first: the first of them, with its place before it if that is known.
    """

    __slots__ = ("_idle", "count", "first")

    def __init__(self) -> None:
        self.count = 0
        self.first: str | None = None
        self._idle: set[str] = set()

    def add(self, text: str, source: str | None) -> None:
        """Count a line that was not read if it looks like a delivery.

        The name of the program that wrote a line stands before the first colon.
        """
        end = text.find(": ", 0, _HEAD)
        program = text[text.rfind(" ", 0, end) + 1 : end].partition("[")[0]
        if program not in self._idle and not self._is_idle(program) and _is_delivery(text[:_LONGEST]):
            self.take(text, source)

    def take(self, text: str, source: str | None) -> None:
        """Count a line about a delivery."""
        self.count += 1
        if self.first is None:
            self.first = text[:_SHOWN] if source is None else f"{source}: {text[:_SHOWN]}"

    def _is_idle(self, program: str) -> bool:
        """Return whether a program delivers nothing, and remember that."""
        idle = _table().programs.fullmatch(program) is not None
        if idle and len(self._idle) < _PROGRAMS:
            self._idle.add(program)
        return idle


def _is_delivery(text: str) -> bool:
    table = _table()
    if "@" not in text or any(literal in text for literal in table.literals):
        return False
    found = any(pattern.search(text) for pattern in table.deliveries)
    return found and not any(pattern.search(text) for pattern in table.others)


@cache
def _table() -> _Table:
    import tomllib  # 2 ms, for logs with lines of programs that are not read

    document: Mapping[str, list[dict[str, Any]]] = tomllib.loads(read(_TABLE))
    others = document["other"]
    return _Table(
        tuple(re.compile(entry["pattern"], re.ASCII) for entry in document["delivery"]),
        re.compile("|".join(entry["programs"] for entry in others if "programs" in entry), re.ASCII),
        tuple(literal for entry in others for literal in entry.get("contains", ())),
        tuple(re.compile(entry["pattern"], re.ASCII) for entry in others),
    )
