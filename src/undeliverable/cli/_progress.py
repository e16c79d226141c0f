"""How far long work has come, on standard error: a bar with rate and time left on a terminal, plain lines in a log.

Nothing is shown before some time has passed, and nothing is imported or measured for it either: most work is short.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Final, Protocol

from undeliverable.cli._fit import cut

__all__ = ["Progress"]

_PATIENCE: Final = 1.0  # seconds before a bar appears
_INTERVAL: Final = 0.1  # seconds between two drawings
_LINES: Final = 30.0  # seconds between two lines in a log
_WIDTH: Final = 30


class _Bar(Protocol):
    def draw(self, share: float | None, text: str) -> None:
        """Show how much is done, from 0 to 1 where that is known, and the text."""

    def clear(self) -> None:
        """Take away what was drawn."""


class Progress:
    """The progress of some work, shown only if it takes a while."""

    __slots__ = ("_bar", "_begin", "_colours", "_interval", "_next", "_total", "shows")

    def __init__(self, total: int | Callable[[], int], *, shows: bool, colours: bool = True) -> None:
        """Show nothing yet.

        :param total: the bytes to read, or a function that finds out; 0 where nobody knows.
        :param shows: False for no progress at all.
        :param colours: False for a bar without colours.
        """
        self.shows = shows
        self._colours = colours
        self._total = total
        self._begin = time.monotonic()
        self._interval = _INTERVAL if _draws() else _LINES
        self._next = self._begin + (_PATIENCE if _draws() else _LINES)
        self._bar: _Bar | None = None

    def update(self, done: int, messages: int) -> None:
        """Show how far it is, at most once per interval."""
        if not self.shows or (now := time.monotonic()) < self._next:
            return
        self._next = now + self._interval
        if callable(self._total):
            self._total = self._total()
        self._bar = self._bar or _bar(colours=self._colours)
        share = min(done / self._total, 1.0) if self._total else None
        self._bar.draw(share, _text(messages, share, now - self._begin))

    def clear(self) -> None:
        """Take the bar away, so that other lines can be written."""
        if self._bar is not None:
            self._bar.clear()


class _PlainBar:
    """A bar that needs nothing but a terminal."""

    def __init__(self) -> None:
        self._shown = False

    def draw(self, share: float | None, text: str) -> None:
        self._shown = True
        sys.stderr.write(f"\r\x1b[K{cut(f'{_steps(share)}{text}', _columns() - 1)}")
        sys.stderr.flush()

    def clear(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False


class _Lines:
    """Lines for a log."""

    def draw(self, share: float | None, text: str) -> None:
        done = "" if share is None else f"{share:.0%}  "
        print(f"undeliverable: {done}{text}", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Leave the lines where they are."""


def _bar(*, colours: bool) -> _Bar:
    if not _draws():
        return _Lines()
    if not colours:
        return _PlainBar()
    try:
        from undeliverable.cli._rich_progress import RichBar
    except ImportError:
        return _PlainBar()
    return RichBar()


def _draws() -> bool:
    """Return True if standard error is a terminal on which something can be drawn."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def _text(messages: int, share: float | None, seconds: float) -> str:
    """Return the number of messages, their rate, and the time left where that can be known."""
    rate = f"  {messages / seconds:,.0f}/s" if seconds > 0 else ""
    return f"{messages:,} messages{rate}{_left(share, seconds)}"


def _left(share: float | None, seconds: float) -> str:
    if not share:
        return ""
    left = round(seconds * (1 - share) / share)
    hours, minutes = divmod(left // 60, 60)
    return f"  {hours}:{minutes:02}:{left % 60:02} left"


def _steps(share: float | None) -> str:
    if share is None:
        return ""
    full = int(share * _WIDTH)
    return f"[{'#' * full}{'.' * (_WIDTH - full)}] {share:4.0%}  "


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
