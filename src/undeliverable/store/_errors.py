"""What the store raises."""

from __future__ import annotations

from undeliverable import UndeliverableError

__all__ = ["StoreError"]


class StoreError(UndeliverableError):
    """A list that cannot be opened or used, or a file that no import can read; nothing of it was taken over."""
