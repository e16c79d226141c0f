"""Engines over an archive in Parquet: how much of the bare function's speed per core each keeps, its memory and its start.

`SCALE_OUT` is the number of messages (200,000), `SCALE_OUT_PASSES` how often each is measured (2; the best counts), and
`MAILBOX_MB` the size of the mailbox for `classify` and `export` (30; the bar for memory is at 1000).
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from tests import spark
from tests.benchmarks import jobs

NUMBER = int(os.environ.get("SCALE_OUT", "200000"))
PASSES = int(os.environ.get("SCALE_OUT_PASSES", "2"))
CORES = {"spark": 2}  # local[2,4]
ROOT = pathlib.Path(__file__).resolve().parents[2]

_ADDRESS = re.compile(rb"(?i)(?<![\w.+-])(?!mailer-daemon|postmaster)([\w.+-]+)@(?=[\w-]+\.)")
_HOST = re.compile(rb"(?<![\w@.-])(\w[\w-]*)\.(?=example\.(?:org|net|com)\b)")
_ID = re.compile(rb"(?<![\w.])(?:[0-9A-F]{8,}|\d{6,})(?![\w.])")
_BOUNDARY = re.compile(rb'(?i)boundary="?([^\s";]{6,})')
_REPLY = re.compile(rb"(?im)^(diagnostic-code:[^\r\n]*)")


def fresh(raw: bytes, number: int) -> bytes:
    """The same message as nobody has seen it before: with other ids, addresses, hosts, boundaries and words of the reply."""
    mark = b"%x" % number
    raw = _ADDRESS.sub(rb"\g<1>." + mark + b"@", raw)
    raw = _HOST.sub(rb"\g<1>-" + mark + b".", raw)
    raw = _ID.sub(lambda found: (found[0] + b"%08X" % number)[-max(len(found[0]), 8) :], raw)
    for boundary in set(_BOUNDARY.findall(raw)):
        raw = raw.replace(boundary, boundary[:40] + mark)
    return _REPLY.sub(rb"\g<1> (case " + mark + b" of ours)", raw)


def write(folder: pathlib.Path, mails: Sequence[bytes], number: int) -> None:
    """Write so many messages as Parquet, in files and row groups as `undeliverable export` makes them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields = pa.schema([("id", pa.string()), ("raw", pa.binary())])
    for file in range(0, number, 50_000):
        with pq.ParquetWriter(folder / f"part-{file:08}.parquet", fields, compression="zstd") as writer:
            for begin in range(file, min(file + 50_000, number), 2_000):
                some = range(begin, min(begin + 2_000, file + 50_000, number))
                raws = [fresh(mails[one % len(mails)], one) for one in some]
                writer.write_table(pa.table([[f"{one:08}" for one in some], raws], schema=fields))


def engines_against_the_loop(mails: Sequence[bytes], own: dict[str, float]) -> Iterator[str]:
    """Each engine and the bare loop, alternating, on messages that no memo has seen."""
    names = ["bare", "duckdb", "polars", *(["spark"] if spark.missing() is None else [])]
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(made)
        write(folder, mails, NUMBER)
        size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        yield f"{NUMBER:,} messages, {size:,.0f} MB of Parquet"
        best: dict[str, dict[str, Any]] = {}
        for _ in range(PASSES):
            for name in names:
                figures = _measured(name, folder)
                best[name] = (
                    figures if name not in best else {key: min(figures[key], best[name][key]) for key in figures}
                )
        for name in names:
            own[f"scale-out/{name}"] = best["bare"]["cpu"] / best[name]["cpu"]
            yield _line(name, best[name], best["bare"])
    why = spark.missing()
    if why is not None:
        yield f"spark      left out: {why}"
    yield from _command(mails)


def _measured(name: str, folder: pathlib.Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.engines", name, str(folder)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-3000:]}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _line(name: str, one: dict[str, Any], bare: dict[str, Any]) -> str:
    cores = CORES.get(name, 1)
    return (
        f"{name:8s} {NUMBER / one['wall']:8,.0f} messages/s on {cores}  {1e6 * one['cpu'] / NUMBER:7.1f} us of CPU a message  "
        f"of the loop per core: {bare['cpu'] / one['cpu']:4.0%} by CPU, {bare['wall'] / one['wall'] / cores:4.0%} by the clock  "
        f"peak {one['peak']:4.0f} MB  start {one['start']:5.1f} s  {one['rows']:,} rows"
    )


def _command(mails: Sequence[bytes]) -> Iterator[str]:
    """The command on a mailbox: columns against JSON Lines, and the export."""
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(made)
        path, out = folder / "large.mbox", folder / "out"
        number, size = _mailbox(path, mails)
        words = {
            "classify --format jsonl": ["classify", "-q", "--format", "jsonl", "-o", str(folder / "out.jsonl")],
            "classify --format parquet": ["classify", "-q", "--format", "parquet", "-o", str(out)],
            "export --to parquet": ["export", "-q", "--to", "parquet", "-o", str(out)],
        }
        best = {name: (float("inf"), 0.0) for name in words}
        for _ in range(PASSES):
            for name, some in words.items():
                shutil.rmtree(out, ignore_errors=True)
                cpu, peak = _run([*some, str(path)])
                best[name] = min(cpu, best[name][0]), max(peak, best[name][1])
        against = best["classify --format jsonl"][0]
        for name, (cpu, peak) in best.items():
            yield (
                f"{name:26s} {size / 1e6:6,.0f} MB  {number / cpu:8,.0f} messages/s of CPU  {against / cpu:5.0%} of jsonl  "
                f"peak {peak:4.0f} MB"
            )


def _mailbox(path: pathlib.Path, mails: Sequence[bytes]) -> tuple[int, int]:
    number = size = 0
    with path.open("wb") as file:
        while size < jobs.SIZE:
            raw = fresh(mails[number % len(mails)], number)
            plain = raw.replace(b"\r\n", b"\n").replace(b"\nFrom ", b"\n>From ").removeprefix(jobs.SEPARATOR)
            size += file.write(jobs.SEPARATOR + plain + b"\n\n")
            number += 1
    return number, size


def _run(words: list[str]) -> tuple[float, float]:
    """CPU seconds and the peak in MB of one run, as the kernel counts them."""
    process = subprocess.Popen([sys.executable, "-m", "undeliverable", *words], stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"undeliverable {' '.join(words)}: status {process.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
