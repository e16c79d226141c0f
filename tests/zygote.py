"""A process that forks itself for each command line, so that a test of hundreds of them takes seconds.

The child gets its standard streams as a shell would give them, closed ones included, and ends as the interpreter does:
with a traceback for what is not caught, and with 120 for output that cannot be flushed.
"""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Done", "Zygote", "zygote"]

_SECONDS = 60
_SIZE = 2048  # octets; messages of the command fit in, lists and reports do not
_BROKEN = "broken pipe"


class Done(NamedTuple):
    """What a command line came to."""

    status: int
    errors: str


class Zygote:
    """The process, and what to ask it."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._errors = folder / "errors"

    def run(
        self,
        words: Sequence[str],
        cwd: Path,
        *,
        stdin: str | None = os.devnull,
        stdout: str | None = os.devnull,
        stderr: str | None = "",
        files: int = 0,
        size: bool = False,
        remove: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> Done:
        """Run a command line.

        :param stdin: a path; None for a closed stream. So are `stdout` and `stderr`, which is kept unless given.
        :param files: how many files may be open at a time.
        :param size: True if no file may grow, as on a full disk.
        :param remove: True if the working directory is removed before.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._errors.write_bytes(b"")
        order = {
            "words": [os.fsencode(word).decode("latin-1") for word in words], "cwd": str(cwd), "stdin": stdin,
            "stdout": stdout, "stderr": str(self._errors) if stderr == "" else stderr, "files": files, "size": size, "remove": remove,
            "environment": dict(environment or {}),
        }  # fmt: skip
        self._process.stdin.write(f"{json.dumps(order)}\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        return Done(status, self._errors.read_text(encoding="utf-8", errors="replace"))


@contextmanager
def zygote(folder: Path) -> Iterator[Zygote]:
    """Start the process, and stop it at the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.zygote"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Zygote(process, folder)
        assert process.stdin is not None
        process.stdin.close()


def serve() -> None:
    """Answer each line of standard input with the status of the command line in it."""
    # What each child would import again.
    import undeliverable.check
    import undeliverable.cli._failures
    import undeliverable.cli._options
    import undeliverable.serve._http_server
    import undeliverable.serve.server
    import undeliverable.store  # noqa: F401
    from undeliverable import parse
    from undeliverable.cli._main import full_parser

    full_parser()
    parse(b"Subject: x\n\n")
    for line in sys.stdin:
        child = os.fork()
        if not child:
            os._exit(_child(json.loads(line)))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _child(order: dict[str, Any]) -> int:
    signal.alarm(_SECONDS)
    os.chdir(order["cwd"])
    os.environ.update(order["environment"])
    streams = []
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        place = order[name]
        os.close(number)
        if place is not None:
            opened = _broken() if place == _BROKEN else os.open(place, os.O_RDWR | (os.O_APPEND if number else 0))
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
        streams.append(place)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = None
        if streams[number] is not None:
            buffer: Any = os.fdopen(number, "wb" if number else "rb", closefd=False)
            stream = io.TextIOWrapper(buffer, encoding="utf-8", errors="backslashreplace", line_buffering=number == 2)
        setattr(sys, name, stream)
    if order["remove"]:
        os.rmdir(order["cwd"])
    if order["files"]:
        resource.setrlimit(resource.RLIMIT_NOFILE, (order["files"], order["files"]))
    if order["size"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (_SIZE, _SIZE))
    return _ended([os.fsdecode(word.encode("latin-1")) for word in order["words"]])


def _broken() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def _ended(words: list[str]) -> int:
    from undeliverable.cli import main

    try:
        status: Any = main(words)
    except SystemExit as left:
        status = left.code
    except BaseException:  # noqa: BLE001 # as the interpreter does
        traceback.print_exc()
        status = 1
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        return 120
    return int(status or 0)


if __name__ == "__main__":
    serve()
