"""The errors of the store."""

from __future__ import annotations

from undeliverable import UndeliverableError

__all__ = ["AddressError", "MissingListError", "PatternError", "StoreError", "UnavailableError"]


class StoreError(UndeliverableError):
    """A list that cannot be opened or used, or a file that cannot be imported."""


class AddressError(StoreError, ValueError):
    """A text that is no address, where one is needed; several addresses in one text are none."""


class MissingListError(StoreError):
    """A list that was never made."""


class PatternError(StoreError):
    """An address that stands for many, such as ``*@example.org``, where one is needed."""


class UnavailableError(StoreError):
    """A list that is locked, or whose database cannot be reached, for now: try again."""

    is_temporary = True
