"""Find the links and names in a reply: what the words of a link, host or file say is no cause."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter
from typing import Final

from undeliverable._text.lazy import lazy

__all__ = ["links_in", "unnamed", "within"]

_LINKS: Final = (
    ("://", 5, lazy(r"(?:https?|ftps?|file|smb)://[^\s<>\"')\]]{1,500}")),
    ("www.", 0, lazy(r"www\.[^\s<>\"')\]]{1,500}")),
)
"""Patterns of links, each with what stands in all of them, and how many characters may stand before that."""
_IN_PATH: Final = lazy(r"\.[a-z]{2,24}/")
# A host name with a path, as links are abbreviated: "help.example.net/user-unknown".
_PATH: Final = lazy(r"(?<![\w./@-])(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}/[^\s<>\"')\]]{1,300}")


def links_in(text: str) -> list[tuple[int, int]]:
    """Return where links stand in `text`, in order and without overlaps."""
    found: list[tuple[int, int]] = []
    for mark, before, pattern in _LINKS:
        at = text.find(mark)
        if at >= 0:
            found += [link.span() for link in pattern.finditer(text, max(at - before, 0))]
    at = 0
    while (path := _IN_PATH.search(text, at)) is not None:  # the slow pattern is tried from each such place on
        start = max(at, text.rfind(" ", 0, path.start()) + 1)
        end = text.find(" ", path.end())
        at = len(text) if end < 0 else end
        found += [link.span() for link in _PATH.finditer(text, start, at)]
    found.sort()
    links: list[tuple[int, int]] = []
    for link in found:
        if not links or link[0] >= links[-1][1]:
            links.append(link)
    return links


# A host name of three labels or with a hyphen, or the absolute path of a file.
_NAME: Final = lazy(
    r"(?<![\w.@/-])(?:(?:[a-z0-9-]{1,63}\.){2,8}[a-z]{2,24}|[a-z0-9]{1,63}-[a-z0-9-]{1,63}\.[a-z]{2,24})(?![\w-])"
    r"|(?<![\w.@/<>-])(?:/[\w.-]{1,64}){2,16}"
)
_IN_NAME: Final = lazy(r"\.(?<=[a-z0-9-]\.)[a-z]{2}")
_IN_PLACE: Final = "0"  # of a name: no word, and no mark that ends a clause


def unnamed(text: str) -> str:
    """Return `text` without the names of hosts and the paths of files; the text itself if there are none."""
    if "/" not in text and _IN_NAME.search(text) is None:
        return text  # as most are; the pattern is slow where it may begin anywhere
    return " ".join([_NAME.sub(_IN_PLACE, part) if "." in part or "/" in part else part for part in text.split(" ")])


def within(at: int, places: Sequence[tuple[int, int]]) -> bool:
    """Return whether `at` is in one of the `places`, which are in order and do not overlap."""
    number = bisect_right(places, at, key=itemgetter(0))
    return number > 0 and at < places[number - 1][1]
