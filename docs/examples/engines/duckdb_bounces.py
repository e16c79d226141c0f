"""Judge mail with DuckDB: python duckdb_bounces.py MAIL VERDICTS.

MAIL is a folder of Parquet with the columns id, received and raw, as `undeliverable export` writes it; VERDICTS becomes a file of
Parquet with a row for each verdict. Batches flow through: memory does not grow with the mail.
"""

from __future__ import annotations

import sys

import duckdb
import pyarrow as pa

from undeliverable.arrow import read, schema

KEEP = ("id", "received")
ROWS = 2_000  # of a batch


def main(mail: str, verdicts: str) -> None:
    """Read all, write all."""
    source, target = duckdb.connect(), duckdb.connect()
    messages = source.sql("SELECT id, received, raw FROM read_parquet(?)", params=[f"{mail}/*.parquet"])
    reader = messages.to_arrow_reader(ROWS)  # fetch_arrow_reader in older versions
    judged = (read(batch, keep=KEEP) for batch in reader)
    target.register("verdicts", pa.RecordBatchReader.from_batches(schema(reader.schema, keep=KEEP), judged))
    target.table("verdicts").write_parquet(verdicts)
    duckdb.read_parquet(verdicts).aggregate("kind, reason, count(*) AS verdicts").order("kind, reason").show()


if __name__ == "__main__":
    main(*sys.argv[1:])
