"""The formats of `classify`: their names, and the endings of files that stand for them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from undeliverable.cli._command import UsageError

__all__ = ["FOLDERS", "FORMATS", "format_of"]

FORMATS: Final = ("table", "txt", "csv", "jsonl", "parquet")
"""The names of the formats; the first is the default."""

FOLDERS: Final = frozenset(("parquet",))
"""Those that are folders of files."""

_ENDINGS: Final[Mapping[str, str]] = MappingProxyType(
    {".txt": "txt", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
)


def format_of(name: str | None, path: str | None, *, excel: bool) -> str:
    """Return the format: what is asked for, else what the name of the file says, else a table.

    :raises UsageError: for `--excel` with another format than CSV, and for a folder of files without a name.
    """
    by_name = _ENDINGS.get(os.path.splitext(path)[1].lower()) if path else None
    chosen = name or ("csv" if excel else by_name) or FORMATS[0]
    if excel and chosen != "csv":
        raise UsageError(f"--excel is about --format csv, not {chosen}")
    if chosen in FOLDERS and path is None:
        raise UsageError(f"--format {chosen} needs -o DIR, the folder to make")
    return chosen
