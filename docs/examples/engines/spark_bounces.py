"""Judge mail with Spark: spark-submit --py-files deps.zip spark_bounces.py MAIL VERDICTS.

MAIL is a folder of Parquet with the columns id, received and raw, as `undeliverable export` writes it; any path that Spark reads
will do. VERDICTS gets a row for each verdict.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

import pyarrow as pa
from pyspark.sql import SparkSession

from undeliverable.arrow import ddl, read, schema

MAIL = pa.schema([("id", pa.string()), ("received", pa.timestamp("us", tz="UTC")), ("raw", pa.binary())])
KEEP = ("id", "received")


def judged(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Judge what a worker gets; Spark's workers take plain strings, no dictionaries."""
    for batch in batches:
        yield read(batch, keep=KEEP, dictionary=False)


def main(mail: str, verdicts: str) -> None:
    """Read all, write all."""
    spark = SparkSession.builder.appName("bounces").getOrCreate()
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "2000")  # 10,000 letters of 30 KB are 300 MB
    frame = spark.read.parquet(mail).select(*MAIL.names)
    frame.mapInArrow(judged, ddl(schema(MAIL, keep=KEEP, dictionary=False))).write.parquet(verdicts)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
