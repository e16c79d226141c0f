"""A pseudo-terminal of a given size, and what stands on it: for tests of what people see."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from unicodedata import combining, east_asian_width

__all__ = ["cells", "escapes_of", "plain", "terminal"]

_RICH = "import sys; sys.argv[0] = 'undeliverable'; from undeliverable.cli import main; sys.exit(main())"
_WITHOUT_RICH = f"import sys; sys.modules['rich'] = None; {_RICH}"

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")
_ONLY_HERE = ("NO_COLOR", "COLUMNS", "LINES", "CI")


def plain(text: str) -> str:
    """Return what was written without its escape sequences."""
    return _ESCAPE.sub("", text).replace("\r\n", "\n")


def escapes_of(text: str) -> list[str]:
    """Return the escape sequences in what was written."""
    return _ESCAPE.findall(text)


def cells(line: str) -> int:
    """Return the columns that a line takes."""
    return sum(0 if combining(one) else 2 if east_asian_width(one) in "WF" else 1 for one in line)


def terminal(
    arguments: Sequence[str],
    width: int = 80,
    *,
    height: int = 40,
    rich: bool = True,
    environment: Mapping[str, str] | None = None,
    status: int = 0,
    cwd: str | None = None,
) -> str:
    """Return what the command writes on a terminal of this size, escape sequences and all."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    given = {name: value for name, value in os.environ.items() if name not in _ONLY_HERE}
    process = subprocess.Popen(
        [sys.executable, "-c", _RICH if rich else _WITHOUT_RICH, *arguments],
        stdin=follower, stdout=follower, stderr=follower, cwd=cwd,
        env=given | {"TERM": "xterm-256color", "LANG": "C.UTF-8"} | dict(environment or {}),
    )  # fmt: skip
    os.close(follower)
    shown = _all(leader, process)
    os.close(leader)
    assert process.wait(120) == status, shown
    return shown


def _all(leader: int, process: subprocess.Popen[bytes]) -> str:
    shown, until = b"", time.monotonic() + 120
    while time.monotonic() < until:
        if select.select([leader], [], [], 0.2)[0]:
            try:
                block = os.read(leader, 65536)
            except OSError:  # how Linux says that the other end is closed
                break
            shown += block
        elif process.poll() is not None:
            break
    return shown.decode("utf-8", "replace")
