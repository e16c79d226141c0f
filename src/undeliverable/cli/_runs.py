"""`undeliverable rules compare`: two runs in Parquet, verdicts that classify or an engine wrote, joined by their key.

Only the columns that are compared are read, and they are joined in memory; runs that are too large for that are compared by
the engine that wrote them (see docs/howto/spark-duckdb-polars.md).
"""

# pyarrow has no types.
# pyright: basic, reportAttributeAccessIssue=false, reportOptionalMemberAccess=false, reportUnusedImport=false

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from typing import Any, Final

from undeliverable.cli._command import UsageError
from undeliverable.cli._diff import EPILOG, print_moves
from undeliverable.cli._moves import COMPARED, Example, Moves, Outcome
from undeliverable.errors import missing_extra

__all__ = ["compare_arguments", "compare_runs"]

_NAMES: Final = ("source", "id")
"""Columns that name the message: those of classify, and of engines."""
_READ: Final = ("verdict", "recipient", "provider", "rule", "policy", "policies", *COMPARED)


def compare_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    for name in ("old", "new"):
        parser.add_argument(
            name, metavar=name.upper(), help="a folder or file of Parquet with the verdicts of classify or of an engine"
        )
    parser.add_argument(
        "--on", metavar="COLUMNS", help="the columns that name a verdict in both (source,verdict or id,verdict)"
    )
    parser.add_argument("--format", choices=("table", "json"), default="table", help="table (default) or json")
    parser.epilog = EPILOG


def compare_runs(options: Namespace) -> int:
    """Compare, print what differs, and return 1 if anything does."""
    return print_moves(_moves(options.old, options.new, options.on), options)


def _moves(old: str, new: str, on: str | None) -> Moves:
    """Return what differs between two runs.

    :param on: the columns that name a verdict, separated by commas; by default they are found.
    :raises UsageError: when one is no run, or they cannot be joined.
    """
    try:
        import pyarrow as pa

        from undeliverable.arrow import changes
    except ModuleNotFoundError as error:
        raise missing_extra(error, "Parquet") from None
    files = [_opened(path, pa) for path in (old, new)]
    key = tuple(on.split(",")) if on else _key(files)
    for path, file in zip((old, new), files, strict=True):
        missing = [name for name in (*key, *_READ) if name not in file.schema.names]
        if missing:
            raise UsageError(f"{path}: no column {', '.join(missing)}")
    try:
        before, after = (file.read(columns=list(dict.fromkeys((*key, *_READ)))) for file in files)
        found = changes(before, after, on=key)
    except (pa.ArrowException, ValueError, OSError) as error:
        raise UsageError(f"{old}, {new}: {error}") from None
    moves = Moves(read=_number(before, after, key[:1]), verdicts=_number(before, after, key))
    for row in found.to_pylist():
        provider, example = row["provider"], Example(str(row[key[0]]), row["recipient"])
        moves.count(_outcome(row, "old_"), _outcome(row, "new_"), provider, example)
    return moves


def _opened(path: str, pa: Any) -> Any:  # noqa: ANN401 # pyarrow has no types
    import pyarrow.parquet as pq

    if not os.path.exists(path):
        raise UsageError(f"{path}: no such folder or file of verdicts; rules are compared by rules diff")
    try:
        return pq.ParquetDataset(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UsageError(f"{path}: no verdicts in Parquet: {error}; rules are compared by rules diff") from None


def _key(files: list[Any]) -> tuple[str, str]:
    """Return the columns that name a verdict in both runs."""
    for name in _NAMES:
        if all(name in file.schema.names for file in files):
            return name, "verdict"
    raise UsageError(f"--on: both runs need a column {' or '.join(_NAMES)}; name yours, such as --on message,verdict")


def _number(before: Any, after: Any, on: tuple[str, ...]) -> int:  # noqa: ANN401 # as above
    """Return how many different keys there are in both together; of verdicts those that stand for one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    keys = [run.select([*dict.fromkeys((*on, "verdict"))]) for run in (before, after)]
    if len(on) > 1:
        keys = [key.filter(pc.greater(key["verdict"], 0)) for key in keys]
    plain = [
        key.select(list(on)).cast(pa.schema([(name, _plain(key.schema.field(name).type)) for name in on]))
        for key in keys
    ]
    return int(pa.concat_tables(plain).group_by(list(on)).aggregate([]).num_rows)


def _plain(kind: Any) -> Any:  # noqa: ANN401 # as above
    import pyarrow as pa

    return pa.int64() if pa.types.is_integer(kind) else pa.string()


def _outcome(row: dict[str, Any], side: str) -> Outcome:
    values = (row[f"{side}{name}"] for name in COMPARED)
    policies = dict.fromkeys(one["id"] for one in row[f"{side}policies"] or ())
    return Outcome(
        tuple(None if value is None else str(value) for value in values), row[f"{side}rule"], tuple(policies)
    )
