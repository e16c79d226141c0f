"""What the enumerations and the public values of this library have in common."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

__all__ = ["Record", "Word"]


class Word(StrEnum):
    """A word of the public record. It hashes as the string that it equals, which is what it is looked up by."""

    __hash__ = str.__hash__


class Record:
    """How dataclasses with slots are compared and shown: the same as their own way, which is compiled for each anew.

    That would take a tenth of the time of an import. They are declared with ``eq=False, repr=False``.
    """

    __slots__: Iterable[str] = ()

    def _values(self) -> list[object]:
        return [getattr(self, name) for name in self.__slots__]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record) or other.__class__ is not self.__class__:
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(tuple(self._values()))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in zip(self.__slots__, self._values(), strict=True))
        return f"{type(self).__qualname__}({shown})"
