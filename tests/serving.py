"""`undeliverable serve` as a process of its own, for tests that need its memory, its death, or its ports."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_LISTENING = re.compile(r"^undeliverable: listening on (\S+), (?:LMTP|SMTP|HTTP|socketmap): ")


def place_in(line: str) -> str | None:
    """Return where a line says that the server listens, None for another line."""
    found = _LISTENING.match(line)
    return None if found is None else found[1]


def port_said(stream: IO[str]) -> int:
    """Return the port that the next place of a server has, and read the lines before it."""
    while line := stream.readline():
        place = place_in(line)
        if place is not None:
            return int(place.rpartition(":")[2])
    raise AssertionError("the server listens nowhere")


class Server:
    """A server that runs.

    :ivar ports: the ports in the order of the options that ask for them.
    :ivar said: what it printed until it listened.
    """

    def __init__(self, process: subprocess.Popen[str], ports: list[int], said: list[str]) -> None:
        self.process = process
        self.ports = ports
        self.said = said

    def peak(self) -> int:
        """Return the most memory that it has had, in octets."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def serving(*options: object, listening: int = 1) -> Iterator[Server]:
    """Yield a server with these options, once it says of so many addresses that it listens there."""
    command = [sys.executable, "-m", "undeliverable", "serve", *map(str, options)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        lines: list[str] = []
        found: list[str] = []
        while len(found) < listening:
            lines.append(process.stderr.readline())
            assert lines[-1], lines
            place = place_in(lines[-1])
            found += [] if place is None else [place]
        ports = [int(place.rpartition(":")[2]) for place in found if not place.startswith("unix:")]
        yield Server(process, ports, lines)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
