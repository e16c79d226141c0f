"""A progress bar on standard error, for long work on a terminal."""

from __future__ import annotations

import sys
import time
from typing import Final

__all__ = ["Progress"]

_PATIENCE: Final = 1.0  # seconds before a bar appears
_INTERVAL: Final = 0.1  # seconds between two drawings
_WIDTH: Final = 30


class Progress:
    """A bar that appears after a second, and only if standard error is a terminal."""

    __slots__ = ("_next", "_shown", "_total", "shows")

    def __init__(self, total: int, *, shows: bool) -> None:
        self.shows = shows
        self._total = total
        self._next = time.monotonic() + _PATIENCE
        self._shown = False

    def update(self, done: int, messages: int) -> None:
        """Redraw the bar, at most once per interval."""
        if not self.shows or (now := time.monotonic()) < self._next:
            return
        self._next = now + _INTERVAL
        self._shown = True
        sys.stderr.write(f"\r\x1b[K{_bar(done, self._total)}{messages:,} messages")
        sys.stderr.flush()

    def clear(self) -> None:
        """Erase the bar, so that other lines can be written."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False


def _bar(done: int, total: int) -> str:
    if not total:
        return ""
    share = min(done / total, 1.0)
    full = int(share * _WIDTH)
    return f"[{'#' * full}{'.' * (_WIDTH - full)}] {share:4.0%}  "
