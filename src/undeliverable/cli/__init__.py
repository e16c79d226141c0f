"""The command `undeliverable`: a thin layer over the public API, for people and for shell scripts.

`pipe` is the one subcommand that is started by mail servers. It must end with 0 or 75 whatever happens, even where an
import fails, so its guard stands here and everything else is imported inside it.
"""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Sequence

from undeliverable.cli._exit import TEMPFAIL, flushed, open_closed_streams, say

__all__ = ["TEMPFAIL", "main", "say"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status; wrong usage raises SystemExit(2), as argparse does.

    `pipe` is started by mail servers and returns 0 or 75, whatever happens.
    """
    open_closed_streams()
    if arguments is None:
        atexit.register(gc.freeze)  # the interpreter ends with the command: to look for garbage once more takes 6 ms
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
    # Flush in any case: never skip it on failure.
    return 0 if flushed() and not status else TEMPFAIL
