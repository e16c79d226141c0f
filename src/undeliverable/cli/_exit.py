"""Exit statuses, and the standard streams that may be closed, full or broken when the command starts or ends.

Imports nothing of the package, so that `pipe` can report any other import that fails.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Final

__all__ = ["INTERRUPTED", "STATUSES", "TEMPFAIL", "flushed", "open_closed_streams", "say"]

TEMPFAIL: Final = 75
"""EX_TEMPFAIL of sysexits.h: a mail server keeps the message and tries again; on other statuses it gives up."""

INTERRUPTED: Final = 130
"""The exit status after Ctrl-C, as shells give it (128 + SIGINT)."""

STATUSES: Final[Mapping[int, str]] = MappingProxyType(
    {
        0: "done",
        1: "nothing was found, or something could not be read or written",
        2: "the command line, a settings file or a rule file is wrong",
        3: "check --strict: not every address may be mailed; --fail-on: watch",
        4: "--fail-on: pause",
        TEMPFAIL: "pipe: not recorded; the mail server keeps the message",
        INTERRUPTED: "interrupted",
    }
)
"""The meaning of every exit status, for the help text and the manual."""


def say(message: str) -> None:
    """Write `message` to standard error if possible, past the stream's buffer so that nothing is left in it."""
    with suppress(OSError):
        os.write(2, f"undeliverable: {message}\n".encode("ascii", "backslashreplace"))


def open_closed_streams() -> None:
    """Put the null device where a standard stream is closed (``>&-``).

    Otherwise the next file that is opened, such as a list, gets the number of the stream, and messages are written into
    it. Reading from the closed input and writing to the closed output fail as before; messages go nowhere.
    """
    for number, name, flags in ((0, "stdin", os.O_WRONLY), (1, "stdout", os.O_RDONLY), (2, "stderr", os.O_RDWR)):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, flags), True)  # noqa: FBT003 # gets the lowest free number
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115 # for the whole run


def flushed() -> bool:
    """Flush the standard streams and return success; the interpreter would end with 120 on output it cannot flush."""
    succeeded = True
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            succeeded = False
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    return succeeded
