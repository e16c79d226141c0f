"""The exit status that makes a mail server keep a message, and the error message that goes with it.

Imports nothing of the package, so that `pipe` can report any other import that fails.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final

__all__ = ["TEMPFAIL", "say"]

TEMPFAIL: Final = 75
"""EX_TEMPFAIL of sysexits.h: a mail server keeps the message and tries again; on other statuses it gives up."""


def say(message: str) -> None:
    """Write `message` to standard error if possible, past the stream's buffer so that nothing is left in it."""
    with suppress(OSError):
        os.write(2, f"undeliverable: {message}\n".encode("ascii", "backslashreplace"))
