"""Engines over an archive in Parquet: how much of the bare function's speed per core each keeps, its memory and its start.

`SCALE_OUT` is the number of messages (200,000), and `MAILBOX_MB` the size of the mailbox for `classify` and `export` (30; the bar
for memory is at 1000). Each engine is a process of its own. They take turns, part by part, since the speed of a machine changes
within minutes; what all parts took together counts.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Self

from tests import spark
from tests.benchmarks import jobs

NUMBER = int(os.environ.get("SCALE_OUT", "200000"))
FILE = 2_500  # messages of a file, which is one row group
PART = 10_000  # messages that an engine judges before it is another one's turn
PASSES = 2  # of the commands, of which the better one counts
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


def write(folder: pathlib.Path, mails: Sequence[bytes], numbers: range) -> None:
    """Write the messages of these numbers as Parquet, in several files, which Spark reads side by side."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields = pa.schema([("id", pa.string()), ("raw", pa.binary())])
    folder.mkdir()
    for file in range(numbers.start, numbers.stop, FILE):
        with pq.ParquetWriter(folder / f"{file:08}.parquet", fields, compression="zstd") as writer:
            some = range(file, min(file + FILE, numbers.stop))
            raws = [fresh(mails[one % len(mails)], one) for one in some]
            writer.write_table(pa.table([[f"{one:08}" for one in some], raws], schema=fields))


def engines_against_the_loop(mails: Sequence[bytes], own: dict[str, float]) -> Iterator[str]:
    """Each engine and the bare loop, taking turns, on messages that no memo has seen."""
    names = ["bare", "duckdb", "polars", *(["spark"] if spark.missing() is None else [])]
    with tempfile.TemporaryDirectory() as made:
        folders = list(_parts(pathlib.Path(made), mails))
        size = sum(path.stat().st_size for folder in folders for path in folder.iterdir()) / 1e6
        yield f"{NUMBER:,} messages, {size:,.0f} MB of Parquet"
        figures = _measured(names, folders)
    for name in names:
        own[f"scale-out/{name}"] = figures["bare"]["cpu"] / figures[name]["cpu"]
        yield _line(name, figures[name], figures["bare"])
    why = spark.missing()
    if why is not None:
        yield f"spark      left out: {why}"
    yield from _command(mails)


def _parts(made: pathlib.Path, mails: Sequence[bytes]) -> Iterator[pathlib.Path]:
    """Write the messages to start with, and then part by part those that count."""
    start = 4_000
    cuts = [0, *range(start, start + NUMBER, PART), start + NUMBER]
    for first, last in itertools.pairwise(cuts):
        write(made / f"{first}", mails, range(first, last))
        yield made / f"{first}"


def _measured(names: Sequence[str], folders: Sequence[pathlib.Path]) -> dict[str, dict[str, float]]:
    """Return the sums of the figures of each engine; the first folder is its start."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))}
    with contextlib.ExitStack() as stack:
        engines = {name: stack.enter_context(_Engine(name, environment)) for name in names}
        found = {name: engine.judge(folders[0]) for name, engine in engines.items()}
        for figures in found.values():
            figures |= {"start": figures["wall"], "wall": 0, "cpu": 0, "rows": 0}
        for number, folder in enumerate(folders[1:]):
            turns = [*names[number % len(names) :], *names[: number % len(names)]]  # nobody always comes first
            for name in turns:
                for key, value in engines[name].judge(folder).items():
                    found[name][key] = value if key == "peak" else found[name][key] + value
    return found


class _Engine:
    """A process that judges folders when it is asked."""

    def __init__(self, name: str, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.engines", name]
        pipe = subprocess.PIPE
        self._name = name
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def judge(self, folder: pathlib.Path) -> dict[str, float]:
        """Return the figures of one folder."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{folder}\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("{"):
                found: dict[str, float] = json.loads(line)
                return found
        raise RuntimeError(f"{self._name} ended; standard error says why")


def _line(name: str, one: dict[str, float], bare: dict[str, float]) -> str:
    cores = CORES.get(name, 1)
    return (
        f"{name:8s} {NUMBER / one['wall']:8,.0f} messages/s on {cores}  {1e6 * one['cpu'] / NUMBER:7.1f} us of CPU a message  "
        f"of the loop per core: {bare['cpu'] / one['cpu']:4.0%} by CPU, {bare['wall'] / one['wall'] / cores:4.0%} by the clock  "
        f"peak {one['peak']:4.0f} MB  start {one['start']:5.1f} s  {one['rows']:,.0f} rows"
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
