"""What the enumerations of this library have in common."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Word"]


class Word(StrEnum):
    """A word of the public record. It hashes as the string that it equals, which is what it is looked up by."""

    __hash__ = str.__hash__
