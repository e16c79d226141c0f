"""Octets as decisions: what a fuzzer changes in them changes one decision of a structured input, not its grammar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


class Choices:
    """Decisions read from octets; when they are used up every decision is the first one, and `more` says no."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def more(self) -> bool:
        """Whether octets are left."""
        return self._at < len(self._data)

    def number(self, most: int) -> int:
        """From 0 to `most`."""
        value = 0
        for _ in range((most.bit_length() + 7) // 8):
            value = value << 8 | (self._data[self._at] if self.more() else 0)
            self._at += 1
        return value % (most + 1)

    def pick(self, items: Sequence[Item]) -> Item:
        """One of `items`."""
        return items[self.number(len(items) - 1)]

    def chance(self, of: int) -> bool:
        """True once in `of` times; never when octets are used up."""
        return self.more() and self.number(of - 1) == of - 1

    def several(self, items: Sequence[Item], most: int) -> list[Item]:
        """Some of `items`, perhaps the same again."""
        return [self.pick(items) for _ in range(self.number(most))]

    def raw(self, most: int) -> str:
        """Octets as they stand, one character each."""
        length = self.number(most)
        taken = self._data[self._at : self._at + length]
        self._at += length
        return taken.decode("latin-1")
