"""Find the places where the messages of an mbox begin (RFC 4155)."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["LINE", "separators"]

# RFC 4155: a message begins with a "From " line, at the very beginning or after an empty line, and that line has a
# date. A sentence that begins with "From" after an empty line has none.
_SEPARATOR: Final = re.compile(rb"\n\r?\n(?=From )")
_DATE: Final = tuple(
    map(re.compile, (rb"[ \d]\d:\d\d", rb"\b(?:19|20)\d\d\b", rb"Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"))
)
LINE: Final = 256
"""Octets of a "From " line that are searched for its date."""
# The form that nearly all programs write; a match makes the slower search for a date unnecessary.
_USUAL: Final = re.compile(
    rb"From [^\s]{1,200} +[A-Z][a-z]{2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
    rb" [ \d]?\d \d\d:\d\d(?::\d\d)? (?:19|20)\d\d\r?\n"
)


def separators(buffer: bytearray, start: int) -> list[int]:
    """Return the offsets after `start` at which messages begin."""
    return [at for match in _SEPARATOR.finditer(buffer, start) if _begins(buffer, at := match.end())]


def _begins(buffer: bytearray, at: int) -> bool:
    if _USUAL.match(buffer, at):
        return True
    line = bytes(buffer[at : at + LINE]).partition(b"\n")[0]
    return all(part.search(line) for part in _DATE)
