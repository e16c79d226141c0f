"""Words that explain themselves."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

__all__ = ["Explained"]


class Explained(StrEnum):
    """An enumeration whose members are words; each member's ``meaning`` is a sentence."""

    meaning: str

    def __new__(cls, name: str, meaning: str) -> Self:
        member = str.__new__(cls, name)
        member._value_ = name
        member.meaning = meaning
        return member
