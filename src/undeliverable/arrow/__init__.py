"""Verdicts as Arrow columns, for the engines that read archives beyond one machine: Spark, DuckDB, Polars, Ray, Dask.

One function takes a batch of raw messages and returns a batch of verdicts, a row for each; another does so for SMTP replies.
Both are pure: they depend on their arguments alone, so an engine may call them anywhere, again and in any order. Rules are
named by profiles and paths, never sent as objects, and each process keeps what it has loaded.

The words that a verdict has few of are dictionaries, which Spark's workers do not hand back: there ``dictionary=False`` gives
plain strings. It needs the extra ``arrow``.
"""

# pyarrow has no types.
# pyright: basic, reportAttributeAccessIssue=false, reportOptionalMemberAccess=false, reportUnusedImport=false

from __future__ import annotations

from undeliverable.errors import missing_extra

try:
    from undeliverable.arrow._changes import COMPARED, changes, changes_sql
    from undeliverable.arrow._read import Batch, classify_replies, read
    from undeliverable.arrow._records import from_records
    from undeliverable.arrow._schema import SCHEMA, ddl, schema
except ModuleNotFoundError as error:
    raise missing_extra(error, __name__) from None

__all__ = [
    "COMPARED",
    "SCHEMA",
    "Batch",
    "changes",
    "changes_sql",
    "classify_replies",
    "ddl",
    "from_records",
    "read",
    "schema",
]
