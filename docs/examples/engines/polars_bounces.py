"""Judge mail with Polars: python polars_bounces.py MAIL VERDICTS.

MAIL is a folder of Parquet with the columns id, received and raw, as `undeliverable export` writes it; VERDICTS becomes a file of
Parquet with a row for each verdict. The frame is lazy: filters and sums may stand before and behind the function.
"""

from __future__ import annotations

import sys

import polars as pl

from undeliverable.arrow import read

KEEP = ("id", "received")


def judged(frame: pl.DataFrame) -> pl.DataFrame:
    """Judge some rows."""
    found = pl.from_arrow(read(frame.to_arrow(), keep=KEEP))
    assert isinstance(found, pl.DataFrame)
    return found


def main(mail: str, verdicts: str) -> None:
    """Read all, write all."""
    frame = pl.scan_parquet(f"{mail}/*.parquet").select(*KEEP, "raw")
    nothing = pl.DataFrame(schema=frame.collect_schema())
    frame.map_batches(judged, schema=judged(nothing).schema, streamable=True).sink_parquet(verdicts)
    print(pl.scan_parquet(verdicts).group_by("kind", "reason").len().sort("kind", "reason").collect())


if __name__ == "__main__":
    main(*sys.argv[1:])
