"""Going through many things without keeping them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

__all__ = ["each_once"]

_Thing = TypeVar("_Thing")


def each_once(things: list[_Thing]) -> Iterator[_Thing]:
    """The things in their order; the list is empty then, for they may be tens of thousands."""
    things.reverse()
    while things:
        yield things.pop()
