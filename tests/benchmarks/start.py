"""What a cold process costs: the import alone, and one small message from start to finish."""

from __future__ import annotations

import os
import pathlib
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence

RUNS = 9


def cold_start(mails: Sequence[bytes], own: dict[str, float]) -> Iterator[str]:
    """CPU milliseconds of the best of several cold processes, modules compiled before as after any installation."""
    reports = [raw for raw in mails if b"message/delivery-status" in raw] or mails
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "one.eml"
        path.write_bytes(min(reports, key=len))
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        bare, imported, command, page = (
            _milliseconds(arguments, environment, folder)
            for arguments in (
                ["-c", "pass"],
                ["-c", "import undeliverable"],
                ["-m", "undeliverable", "classify", str(path)],
                ["-m", "undeliverable", "--help"],
            )
        )
    own |= {"start/import": imported - bare, "start/report": command, "start/help": page}
    yield f"import undeliverable       {imported - bare:6.1f} ms CPU above the bare interpreter ({bare:.1f} ms)"
    yield f"classify one small report  {command:6.1f} ms CPU, start to finish"
    yield f"--help                     {page:6.1f} ms CPU"


def _milliseconds(arguments: list[str], environment: Mapping[str, str], folder: str) -> float:
    return min(_once(arguments, environment, folder) for _ in range(RUNS))


def _once(arguments: list[str], environment: Mapping[str, str], folder: str) -> float:
    """Run the interpreter in a folder without settings, and return its CPU time: a `pyproject.toml` would be read."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd=folder,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
