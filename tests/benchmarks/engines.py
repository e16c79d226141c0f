"""One engine over folders of Parquet: `python -m tests.benchmarks.engines NAME` reads folders line by line, prints figures as JSON.

Each engine hands every batch to `undeliverable.arrow.read` and takes all columns back; nothing is written. What a process does
once, from the first import to the last verdict on the first folder, is the start, and its line of figures comes apart.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROWS = 2_000  # of a batch
TICKS = os.sysconf("SC_CLK_TCK")


Run = Callable[[str], int]
"""Judges all messages of a folder, and returns the number of rows."""


class Process(NamedTuple):
    """A process and what it has used: seconds of CPU time, and MB of memory at its peak."""

    pid: int
    parent: int
    cpu: float
    peak: float
    command: str


def processes() -> list[Process]:
    """All processes below this one, and itself."""
    found: dict[int, Process] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                peak = (folder / "status").read_text().partition("VmHWM:")[2].split()
                command = (folder / "cmdline").read_text()
            except OSError:  # gone meanwhile
                continue
            # of itself, and of children that have ended
            cpu = sum(map(int, fields[11:15])) / TICKS
            found[int(folder.name)] = Process(
                int(folder.name), int(fields[1]), cpu, int(peak[0]) / 1024 if peak else 0, command
            )
    own = {os.getpid()}
    while more := {one.pid for one in found.values() if one.parent in own} - own:
        own |= more
    return [one for pid, one in found.items() if pid in own]


def cpu() -> float:
    return sum(one.cpu for one in processes())


def bare() -> Run:
    """The function alone, in a loop over the batches of the files."""
    import pyarrow.parquet as pq

    from undeliverable.arrow import read

    def run(folder: str) -> int:
        rows = 0
        for path in sorted(Path(folder).glob("*.parquet")):
            for batch in pq.ParquetFile(path).iter_batches(batch_size=ROWS, columns=["id", "raw"], use_threads=False):
                rows += int(read(batch).num_rows)
        return rows

    return run


def duckdb() -> Run:
    import duckdb as engine
    import pyarrow as pa

    from undeliverable.arrow import read, schema

    def run(folder: str) -> int:
        source, target = engine.connect(), engine.connect()
        reader = source.sql(f"SELECT id, raw FROM '{folder}/*.parquet'").to_arrow_reader(ROWS)
        target.register("verdicts", pa.RecordBatchReader.from_batches(schema(reader.schema), map(read, reader)))
        found = target.execute(f"SELECT count(*), {_asked()} FROM verdicts").fetchone()
        assert found is not None
        return int(found[0])

    return run


def _asked() -> str:
    """Columns of SQL that ask for every column of the result, so that none is left out."""
    from undeliverable.arrow import SCHEMA

    return ", ".join(f'count("{name}")' for name in SCHEMA.names)


def polars() -> Run:
    import polars as pl

    from undeliverable.arrow import read

    def judged(frame: Any) -> Any:
        parts = [pl.DataFrame(read(part.to_arrow())) for part in frame.iter_slices(ROWS)]
        return pl.concat(parts) if parts else pl.DataFrame(read(frame.to_arrow()))

    def run(folder: str) -> int:
        frame = pl.scan_parquet(f"{folder}/*.parquet").select("id", "raw")
        nothing = pl.DataFrame(schema=frame.collect_schema())
        lazy = frame.map_batches(judged, schema=judged(nothing).schema, streamable=True)
        counted = lazy.select(pl.len().alias("rows"), pl.all().count()).collect(engine="streaming")
        return int(counted["rows"][0])

    return run


def spark() -> Run:
    import pyarrow as pa
    from pyspark.sql import SparkSession

    from tests.spark import SETTINGS
    from undeliverable.arrow import ddl, schema

    os.environ |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    builder = SparkSession.builder
    for key, value in SETTINGS.items():
        builder = builder.config(key, value)
    session = builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", str(ROWS)).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    fields = ddl(schema(pa.schema([("id", pa.string()), ("raw", pa.binary())]), dictionary=False))

    def judged(batches: Iterable[Any]) -> Iterator[Any]:
        from undeliverable.arrow import read

        for batch in batches:
            yield read(batch, dictionary=False)

    def run(folder: str) -> int:
        frame = session.read.parquet(folder).select("id", "raw")
        found = frame.mapInArrow(judged, fields)
        return int(found.selectExpr("count(*)", *(f"count(`{name}`)" for name in found.columns)).collect()[0][0])

    return run


ENGINES = {"bare": bare, "duckdb": duckdb, "polars": polars, "spark": spark}


def main(name: str) -> None:
    run: Run | None = None
    for line in sys.stdin:
        began, used = time.perf_counter(), cpu()
        run = run or ENGINES[name]()
        rows = run(line.strip())
        figures = {"rows": rows, "wall": time.perf_counter() - began, "cpu": cpu() - used}
        workers = [one for one in processes() if "pyspark" in one.command and "daemon" in one.command]
        peak = max(one.peak for one in workers or processes())
        print(json.dumps(figures | {"peak": peak}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
