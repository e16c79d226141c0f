"""The command `undeliverable`: a thin layer over the public API, for people and for shell scripts."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from undeliverable.cli._exit import TEMPFAIL, say

__all__ = ["TEMPFAIL", "main", "say"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status; wrong usage leaves by SystemExit(2), as argparse does.

    `pipe` is run by mail servers and returns 0 or 75, whatever happens.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words[:1] == ["pipe"]:
        return _zero_or_tempfail(words)
    from undeliverable.cli._main import main as run

    return run(words)


def _zero_or_tempfail(words: list[str]) -> int:
    try:
        from undeliverable.cli._main import main as run  # what cannot be imported must not cost a message

        status = run(words)
    except SystemExit as left:
        if not left.code:  # --help
            raise
        status = TEMPFAIL
    except BaseException as error:  # noqa: BLE001 # every other status makes a mail server give up
        say(f"{type(error).__name__}: {error}")
        status = TEMPFAIL
    flushed = _flushed()  # whatever the status is
    return 0 if flushed and not status else TEMPFAIL


def _flushed() -> bool:
    """Whether the standard streams got rid of everything: what stays would make the interpreter end with 120."""
    flushed = True
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            flushed = False
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    return flushed
