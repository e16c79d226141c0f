"""Find the links in a reply: what their words say is no cause."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter
from typing import Final

from undeliverable._text.lazy import lazy

__all__ = ["links_in", "within"]

_LINKS: Final = (
    ("://", lazy(r"https?://[^\s<>\"')\]]{1,500}")),
    ("www.", lazy(r"www\.[^\s<>\"')\]]{1,500}")),
)
"""Patterns of links, each with what stands in all of them."""
_IN_PATH: Final = lazy(r"\.[a-z]{2,24}/")
# A host name with a path, as links are abbreviated: "help.example.net/user-unknown".
_PATH: Final = lazy(r"(?<![\w./@-])(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}/[^\s<>\"')\]]{1,300}")


def links_in(text: str) -> list[tuple[int, int]]:
    """Return where links stand in `text`, in order and without overlaps."""
    if "/" not in text and "www." not in text:
        return []
    found = [link.span() for mark, pattern in _LINKS if mark in text for link in pattern.finditer(text)]
    path = _IN_PATH.search(text)
    if path is not None:
        found += [link.span() for link in _PATH.finditer(text, text.rfind(" ", 0, path.start()) + 1)]
    found.sort()
    links: list[tuple[int, int]] = []
    for link in found:
        if not links or link[0] >= links[-1][1]:
            links.append(link)
    return links


def within(at: int, places: Sequence[tuple[int, int]]) -> bool:
    """Return whether `at` is in one of the `places`, which are in order and do not overlap."""
    number = bisect_right(places, at, key=itemgetter(0))
    return number > 0 and at < places[number - 1][1]
