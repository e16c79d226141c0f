"""The error of the store."""

from __future__ import annotations

from undeliverable import UndeliverableError

__all__ = ["StoreError"]


class StoreError(UndeliverableError):
    """A list that cannot be opened or used, or a file that cannot be imported."""
