"""Base classes of the public enumerations and values."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

__all__ = ["Record", "Word"]


class Word(StrEnum):
    """A member of a public enumeration, which compares and hashes as its string, so that either finds it in a table."""

    __hash__ = str.__hash__


class Record:
    """Equality, hash and repr for dataclasses with slots, declared with ``eq=False, repr=False``.

    The results equal those of the generated methods, but generating these per class would take a tenth of the import.
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
