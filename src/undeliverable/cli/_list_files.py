"""Files of addresses against a suppression list, into it and out of it."""

from __future__ import annotations

import io
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import BinaryIO, Final, TypeVar, cast

from undeliverable.cli._command import UsageError, warn
from undeliverable.cli._files import STDIN
from undeliverable.cli._lists import open_list, said, show
from undeliverable.cli._neutral import neutral_cell
from undeliverable.cli._progress import Progress

__all__ = ["export", "export_arguments", "filter_", "filter_arguments", "import_", "import_arguments"]

T = TypeVar("T")

_EVERY: Final = 1_000


@contextmanager
def _opened(path: str) -> Generator[BinaryIO, None, None]:
    if path == STDIN:
        yield cast("BinaryIO", sys.stdin.buffer)
        return
    try:
        file = open(path, "rb")  # noqa: SIM115 # closed below; only opening it is wrong usage
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    with file:
        yield file


def _watched(rows: Iterable[T], file: BinaryIO, path: str) -> Iterator[T]:
    """The rows, with a progress bar for those who watch."""
    shows = sys.stderr.isatty() and path != STDIN
    progress = Progress(os.path.getsize(path) if shows else 0, shows=shows)
    for number, row in enumerate(rows):
        if shows and number % _EVERY == 0:
            progress.update(file.tell(), number)
        yield row
    progress.clear()


def filter_arguments(parser: ArgumentParser) -> None:
    """Declares the arguments of `filter`."""
    parser.add_argument("file", metavar="FILE", help="one address a line, or CSV; - for standard input")
    parser.add_argument("--column", metavar="NAME", help="the CSV column that holds the address; whole rows are kept")
    parser.add_argument("--suppressed", action="store_true", help="keep those that must not be sent to instead")


def filter_(options: Namespace) -> int:
    """Writes the addresses, or rows, that may be sent to; says on standard error how many were left out."""
    from itertools import tee

    kept = left = 0
    with open_list(options.list) as known, _opened(options.file) as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        rows, addresses = tee(_rows(_watched(text, file, options.file), options.column))
        for (row, _), (_, off) in zip(rows, known.check(address for _, address in addresses), strict=True):
            if off is options.suppressed:
                sys.stdout.buffer.write(row.encode(errors="surrogateescape"))
                kept += 1
            else:
                left += 1
        text.detach()
    sys.stdout.flush()
    print(f"{kept:,} kept, {left:,} left out", file=sys.stderr)
    return 0


def _rows(lines: Iterator[str], column: str | None) -> Iterator[tuple[str, str]]:
    """Rows as they are to be written, each with its address."""
    if column is None:
        yield from ((f"{line.rstrip(chr(10) + chr(13))}\n", line) for line in lines if line.strip())
        return
    import csv

    reader = csv.reader(lines)
    names: list[str] = next(reader, cast("list[str]", []))
    at = next((at for at, name in enumerate(names) if name.strip().casefold() == column.casefold()), None)
    if at is None:
        raise UsageError(f"--column: there is no column {column!r} among {', '.join(map(repr, names[:8]))}")
    sys.stdout.buffer.write(_line(names).encode())
    yield from ((_line(cells), cells[at]) for cells in reader if len(cells) > at)


def _line(cells: Iterable[str]) -> str:
    import csv

    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()


def import_arguments(parser: ArgumentParser) -> None:
    """Declares the arguments of `import`."""
    parser.add_argument("file", metavar="FILE", help="CSV, JSON or JSON Lines; - for standard input")
    parser.add_argument(
        "--from", metavar="FORMAT", dest="format", help="whose list it is; found by its columns unless given"
    )
    parser.add_argument("--judge", action="store_true", help="judge the replies in it anew; only dead addresses count")


def import_(options: Namespace) -> int:
    """Takes a list over; after an interruption the same command completes it."""
    with open_list(options.list, create=True) as known, _opened(options.file) as file:
        from undeliverable.store import read_import

        source = read_import(file, format=options.format, judge=options.judge)
        outcome = known.record(_watched(source, file, options.file))
        known.tidy()
    if source.skips:
        rows = ", ".join(map(str, source.skipped))
        warn(f"{source.skips:,} rows say nothing of an address, the first of them {rows}")
    print(f"{source.rows:,} rows; {said(outcome)}", file=sys.stderr)
    return 0 if source.rows > source.skips or not source.rows else 1


def export_arguments(parser: ArgumentParser) -> None:
    """Declares the arguments of `export`."""
    parser.add_argument(
        "--format", metavar="FORMAT", default="jsonl",
        help="jsonl: the whole history (the default); csv; or a system whose import takes it",
    )  # fmt: skip
    parser.add_argument("--cause", metavar="CAUSE", help="only those suppressed for this cause")


def export(options: Namespace) -> int:
    """Writes the list to standard output."""
    import csv
    import json

    from undeliverable.suppression import Cause

    if options.cause is not None and options.cause not in set(Cause):
        raise UsageError(f"--cause: one of {', '.join(Cause)}")
    with open_list(options.list) as known:
        from undeliverable.store import export_records, export_rows

        if options.format == "jsonl":
            show(json.dumps(record) for record in export_records(known, datetime.now(UTC)))
            return 0
        cause = None if options.cause is None else Cause(options.cause)
        columns, rows = export_rows(known, options.format, cause=cause)
        write = csv.writer(sys.stdout, lineterminator="\n").writerow
        write(columns)
        for row in rows:
            write([neutral_cell(cell) for cell in row])
    return 0
