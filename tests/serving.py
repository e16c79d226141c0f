"""`undeliverable serve` as a process of its own, for tests that need its memory, its death, or its ports."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Server:
    """A server that runs.

    :ivar ports: the ports in the order of the options that ask for them.
    """

    def __init__(self, process: subprocess.Popen[str], ports: list[int]) -> None:
        self.process = process
        self.ports = ports

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
        lines = [process.stderr.readline() for _ in range(listening)]
        found = [re.search(r"listening on (?:port )?(\S+)$", line.strip()) for line in lines]
        assert all(found), lines
        yield Server(process, [int(match[1]) for match in found if match and match[1].isdigit()])
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
