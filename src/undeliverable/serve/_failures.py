"""Failures in the log: one line where a disk or a database is at fault, a traceback where the program may be.

What anybody can cause, such as a request with a wrong token, is counted and logged at most once a minute: strangers must
not fill the log.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from math import inf
from typing import Final

from undeliverable import UndeliverableError

__all__ = ["Refusals", "log_failure"]

_LOG: Final = logging.getLogger("undeliverable.serve")
_PAUSE: Final = 60.0  # seconds


def log_failure(what: str, error: Exception) -> None:
    """Log what could not be done, and why.

    :param what: what happened, and how it was answered.
    """
    first = error.__cause__ if isinstance(error, OSError) else None  # what kept a batch of many from being stored
    is_known = isinstance(first or error, OSError | UndeliverableError)
    _LOG.error("%s: %s", what, error, exc_info=None if is_known else error)


class Refusals:
    """The requests that were refused since the log said so last; belongs to one event loop."""

    __slots__ = ("_counts", "_next")

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._next = -inf

    def count(self, what: str) -> None:
        """Count a refusal, and log all of them if a minute has passed.

        :param what: the request and the answer, in words of our own: as many different ones as there are routes.
        """
        self._counts[what] += 1
        if time.monotonic() >= self._next:
            self.flush()

    def flush(self) -> None:
        """Log what was not logged yet."""
        for what, number in self._counts.items():
            _LOG.warning("%s, %s", what, "once" if number == 1 else f"{number:,} times")
        if self._counts:
            self._next = time.monotonic() + _PAUSE
        self._counts.clear()
