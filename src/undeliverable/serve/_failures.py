"""Failures in the log: one line where a disk or a database is at fault, a traceback where the program may be."""

from __future__ import annotations

import logging
from typing import Final

from undeliverable import UndeliverableError

__all__ = ["log_failure"]

_LOG: Final = logging.getLogger("undeliverable.serve")


def log_failure(what: str, error: Exception) -> None:
    """Log what could not be done, and why.

    :param what: what happened, and how it was answered.
    """
    first = error.__cause__ if isinstance(error, OSError) else None  # what kept a batch of many from being stored
    is_known = isinstance(first or error, OSError | UndeliverableError)
    _LOG.error("%s: %s", what, error, exc_info=None if is_known else error)
