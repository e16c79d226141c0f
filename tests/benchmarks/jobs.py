"""`classify --jobs` on a large mailbox: efficiency, memory, and the same bytes."""

from __future__ import annotations

import hashlib
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence

SIZE = int(os.environ.get("MAILBOX_MB", "30")) * 1_000_000
SEPARATOR = b"From MAILER-DAEMON Mon Nov 16 09:12:33 2026\n"


def jobs_on_a_mailbox(mails: Sequence[bytes], own: dict[str, float]) -> Iterator[str]:
    """One process and two on the same mailbox of `MAILBOX_MB` MB (default: 30)."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "large.mbox"
        number = _write(path, mails)
        single = alone = 0.0
        for jobs in (1, 2):
            wall, cpu, memory, digest = _measured(path, jobs)
            single, alone = single or wall, alone or cpu
            own |= {"jobs/wall": single / wall / jobs, "jobs/memory": memory}
            yield (
                f"{jobs} jobs  {path.stat().st_size / 1e6:6.0f} MB  {number / wall:7,.0f} mails/s  {wall:6.1f} s wall  {cpu:6.1f} s CPU  "
                f"{memory:4.0f} MB in the largest process  efficiency {single / wall / jobs:4.0%} of the wall clock, {alone / cpu:4.0%} of the CPU  output {digest}"
            )


def _write(path: pathlib.Path, mails: Sequence[bytes]) -> int:
    number = size = 0
    with path.open("wb") as file:
        while size < SIZE:
            for raw in mails:
                plain = raw.replace(b"\r\n", b"\n").replace(b"\nFrom ", b"\n>From ").removeprefix(SEPARATOR)
                size += file.write(SEPARATOR + plain + b"\n\n")
                number += 1
    return number


def _measured(path: pathlib.Path, jobs: int) -> tuple[float, float, float, str]:
    command = [sys.executable, "-m", "undeliverable", "classify", "--format", "jsonl", "--jobs", str(jobs), str(path)]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    digest = hashlib.sha256()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        while block := process.stdout.read(1 << 20):
            digest.update(block)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return time.perf_counter() - began, cpu, after.ru_maxrss / 1024, digest.hexdigest()[:12]
