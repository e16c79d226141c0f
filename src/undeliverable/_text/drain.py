"""Going through many things without keeping them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

__all__ = ["each_once"]

_Thing = TypeVar("_Thing")


def each_once(things: list[_Thing]) -> Iterator[_Thing]:
    """Yield the items in order while emptying the list, so that each can be freed as soon as it is used."""
    things.reverse()
    while things:
        yield things.pop()
