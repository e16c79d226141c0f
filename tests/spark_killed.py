"""A program for Spark whose first worker is killed in mid-run: spark_killed.py MAIL VERDICTS MARK."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any


def judged(mark: str) -> Callable[[Iterable[Any]], Iterator[Any]]:
    """Return a function whose process is killed after its first batch, unless that has happened already."""

    def judge(batches: Iterable[Any]) -> Iterator[Any]:
        import undeliverable
        from undeliverable.arrow import read

        assert ".zip" in undeliverable.__file__, undeliverable.__file__
        for batch in batches:
            yield read(batch, keep=("id",), dictionary=False)
            try:
                os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                continue
            os.kill(os.getpid(), signal.SIGKILL)

    return judge


def main(mail: str, verdicts: str, mark: str) -> None:
    import pyarrow as pa
    from pyspark.sql import SparkSession

    from undeliverable.arrow import ddl, schema

    spark = SparkSession.builder.getOrCreate()
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "100")
    fields = pa.schema([("id", pa.string()), ("raw", pa.binary())])
    frame = spark.read.parquet(mail).select("id", "raw")
    frame.mapInArrow(judged(mark), ddl(schema(fields, dictionary=False))).write.parquet(verdicts)
    spark.stop()
    assert Path(mark).exists()


if __name__ == "__main__":
    main(*sys.argv[1:])
