"""Base classes of the public enumerations and values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from enum import StrEnum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import Field
    from typing import Any

__all__ = ["Record", "Shown", "Word", "draft_of"]


class Word(StrEnum):
    """A member of a public enumeration, which compares and hashes as its string, so that either finds it in a table."""

    __hash__ = str.__hash__

    @classmethod
    def _missing_(cls, value: object) -> Word:
        raise ValueError(f"unknown {cls.__name__.lower()} {value!r:.100}; expected one of {', '.join(cls)}")


class Shown:
    """A repr in one line for dataclasses, declared with ``repr=False``: set values only, and long ones cut."""

    __slots__: Iterable[str] = ()

    def __repr__(self) -> str:
        from undeliverable._text.shown import values_line

        pairs = [(field, getattr(self, field.name)) for field in _fields(self)]
        return values_line(
            type(self).__qualname__, [(field.name, value) for field, value in pairs if value != field.default]
        )


class Record(Shown):
    """Equality and hash for dataclasses, declared with ``eq=False, repr=False``.

    The results equal those of the generated methods, but generating these per class would take a tenth of the import.
    """

    __slots__: Iterable[str] = ()

    def _values(self) -> list[object]:
        return [getattr(self, field.name) for field in _fields(self)]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record) or other.__class__ is not self.__class__:
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(tuple(self._values()))


def draft_of(cls: type) -> Any:  # noqa: ANN401 # a class whose instances take any attribute
    """Return a class with the slots of the frozen class `cls` and without its guard.

    To fill a frozen dataclass takes thirteen times as many instructions as to fill the same slots without its guard. So what
    every mail has is written as a draft, which becomes an instance of `cls` when it is full: that saves a tenth of a mail.
    """
    found: Any = cls
    return type(f"{cls.__name__}Draft", cls.__bases__, {"__slots__": found.__slots__})


def _fields(value: Any) -> tuple[Field[Any], ...]:  # noqa: ANN401 # a dataclass, as all these classes are
    """Return the fields of a value, those of the classes that it derives from included."""
    return fields(value)
