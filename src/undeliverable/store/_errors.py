"""The errors of the store."""

from __future__ import annotations

from undeliverable import UndeliverableError

__all__ = ["MissingListError", "StoreError", "UnavailableError"]


class StoreError(UndeliverableError):
    """A list that cannot be opened or used, or a file that cannot be imported."""


class MissingListError(StoreError):
    """A list that was never made."""


class UnavailableError(StoreError):
    """A list that is locked, or whose database cannot be reached, for now: try again."""

    is_temporary = True
