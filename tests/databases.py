"""A PostgreSQL server for the tests: Debian's, in a directory of its own, on a port that is free."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER = "postgres"


def programs() -> Path | None:
    """Return the folder of initdb and pg_ctl, which Debian keeps off the PATH; None where no server can be started."""
    if os.geteuid() == 0 and shutil.which("runuser") is None:
        return None  # the server refuses to run as root
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    other = shutil.which("initdb")
    return found[-1].parent if found else (Path(other).parent if other else None)


def run(command: list[str]) -> None:
    # The server refuses to run as root.
    words = ["runuser", "-u", USER, "--", *command] if os.geteuid() == 0 else command
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(bin_: Path) -> Iterator[str]:
    """Start a server and yield the URL of its database."""
    folder = Path(tempfile.mkdtemp(prefix="undeliverable-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
        data, port = folder / "data", free_port()
        run([str(bin_ / "initdb"), "-D", str(data), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync"])
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c log_min_messages=panic"
        log = str(folder / "log")
        run([str(bin_ / "pg_ctl"), "-D", str(data), "-w", "-t", "60", "-l", log, "-o", options, "start"])
        try:
            yield f"postgresql://{USER}@127.0.0.1:{port}/postgres"
        finally:
            run([str(bin_ / "pg_ctl"), "-D", str(data), "-w", "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
