"""What a cold process costs: the import alone, and one small mail from start to finish."""

from __future__ import annotations

import os
import pathlib
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence

RUNS = 7


def cold_start(mails: Sequence[bytes]) -> Iterator[str]:
    """CPU milliseconds of the best of several cold processes."""
    bare = _milliseconds(["-c", "pass"])
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "one.eml"
        path.write_bytes(min(mails, key=len))
        imported = _milliseconds(["-c", "import undeliverable"])
        command = _milliseconds(["-m", "undeliverable", "classify", str(path)])
    yield f"import undeliverable       {imported - bare:6.1f} ms CPU above the bare interpreter ({bare:.1f} ms)"
    yield f"classify one small mail    {command:6.1f} ms CPU, start to finish"


def _milliseconds(arguments: list[str]) -> float:
    return min(_once(arguments) for _ in range(RUNS))


def _once(arguments: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
