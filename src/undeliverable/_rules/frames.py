"""Find what stands around a cause: what a relaying server or a client wraps around a reply, and polite words.

"Your message to kim could not be delivered: mailbox full" and "The server response was: mailbox full" say no more than
"mailbox full". The phrases are data (``data/languages``, ``data/clients.toml``); these functions say how far each reaches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from undeliverable._text.lazy import lazy

__all__ = ["STANDARD", "courtesy_end", "frame_end", "is_about_a_host", "parts", "wrapper_end"]

STANDARD: Final = "mailbox unavailable"
"""RFC 5321 4.2.3's own words for 550, which servers write in front of whatever they have to say."""
_MARKS: Final = frozenset(",;:")
# A host's name or address: "Giving up on 192.0.2.1." is qmail's last line, "giving up on this message" is not.
_HOST: Final = lazy(r" \[?(?:\d{1,3}\.\d|[\w-]{1,63}\.\w|[\da-f]{1,4}:)")
_WORDS: Final = lazy(r"[^\W\d_]{2}")
_SENTENCE: Final = lazy(r"[^\W\d_]{2}\S{0,60} .{0,60}[^\W\d_]{2}")
# What may stand between a frame's phrase and its colon: "to kim, at example.org (SMTP): "; a header's name ends none.
_INTRODUCED: Final = lazy(r"(?:[^.;:]|[.:](?=\S)){0,160}?(?<! to)(?<! from)(?<! cc): (?=\S)")
_MARK: Final = lazy(r"[,:()\[\]、，：（）]")


def parts(text: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the places of the parts of a clause that commas, colons and brackets separate."""
    for mark in (*(found.start() for found in _MARK.finditer(text, begin, end)), end):
        if mark > begin:
            yield begin, mark
        begin = mark


def wrapper_end(text: str, ends: Iterable[int]) -> int:
    """Return where the last wrapper of a client ends that has more than a word behind it, or 0.

    :param ends: where its phrases end.
    """
    return max((end for end in ends if _SENTENCE.search(text, end)), default=0)


def frame_end(text: str, begin: int, end: int, hits: Iterable[tuple[int, int]]) -> int:
    """Return where the frame ends with which the sentence from `begin` to `end` opens, or `begin` if there is none.

    A frame begins the sentence, and a colon ends it; what it introduces has words.
    """
    found = begin
    for start, stop in hits:
        if _MARKS.isdisjoint(text[found:start]):
            colon = _INTRODUCED.match(text, stop, end)
            if colon is not None and _WORDS.search(text, colon.end()):
                found = colon.end()
    return found


def courtesy_end(text: str, begin: int, end: int, hits: Iterable[tuple[int, int]]) -> int:
    """Return where the polite words end that open the sentence from `begin` to `end`, or `begin` if there are none.

    A phrase that ends with a mark ends there ("Sorry,"), others with the sentence ("Thank you for").
    """
    for start, stop in hits:
        if not text[begin:start].strip():
            return end if text[stop - 1].isalnum() else stop
    return begin


def is_about_a_host(text: str, end: int) -> bool:
    """Return whether a host is named behind `end`."""
    return _HOST.match(text, end) is not None
