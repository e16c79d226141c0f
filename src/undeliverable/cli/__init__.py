"""The command `undeliverable`: a thin layer over the public API, for people and for shell scripts.

`pipe` is the one subcommand that is started by mail servers. It must end with 0 or 75 whatever happens, even where an
import fails, so its guard stands here and everything else is imported inside it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from undeliverable.cli._exit import TEMPFAIL, say

__all__ = ["TEMPFAIL", "main", "say"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status; wrong usage raises SystemExit(2), as argparse does.

    `pipe` is started by mail servers and returns 0 or 75, whatever happens.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words[:1] == ["pipe"]:
        return _zero_or_tempfail(words)
    from undeliverable.cli._main import main as run

    return run(words)


def _zero_or_tempfail(words: list[str]) -> int:
    try:
        from undeliverable.cli._main import main as run  # an import that fails must not lose a message

        status = run(words)
    except SystemExit as left:
        if not left.code:  # --help
            raise
        status = TEMPFAIL
    except BaseException as error:  # noqa: BLE001 # every other status makes a mail server give up
        say(f"{type(error).__name__}: {error}")
        status = TEMPFAIL
    flushed = _flushed()  # in any case: never skip it on failure
    return 0 if flushed and not status else TEMPFAIL


def _flushed() -> bool:
    """Flush the standard streams and return success; the interpreter would end with 120 on output it cannot flush."""
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
