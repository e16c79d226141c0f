"""`suppressions filter`, `import` and `export`: files of addresses and a suppression list."""

from __future__ import annotations

import io
import os
import sys
from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO, Final, NoReturn, TypeVar

from undeliverable.cli._command import RunError, UsageError, open_binary, warn
from undeliverable.cli._lists import open_list, said, warnings_of
from undeliverable.cli._neutral import neutral
from undeliverable.cli._progress import Progress
from undeliverable.cli._tables import print_csv, print_lines
from undeliverable.cli._words import bad_rows, counted, unknown_column, unknown_value
from undeliverable.files import STDIN, CsvRows, ListFile, Row, lists_in

__all__ = [
    "export",
    "export_arguments",
    "filter_",
    "filter_arguments",
    "import_",
    "import_arguments",
    "lists_of",
    "opened",
    "watched",
]

if TYPE_CHECKING:
    from undeliverable.store import SuppressionList

T = TypeVar("T")

_EVERY: Final = 1_000
_UNPROVED: Final = (
    "an import proves nothing; records keep the proof that their mail had when it was read: read that again with 'undeliverable"
    " classify --into LIST --return-path PATTERN --keys FILE'"
)
_NAMED: Final = 10


@contextmanager
def lists_of(path: str, say: Callable[[str], None] = warn) -> Generator[Iterator[ListFile], None, None]:
    """Yield the list in a file or on standard input, decompressed where it needs to be, or those in an archive.

    :param say: called with what cannot be read.
    """
    file = open_binary(path)
    with nullcontext() if path == STDIN else file:
        try:
            yield lists_in(file, path, say, lambda name, why: warn(f"{name}: {why}; skipped"))
        except OSError as error:
            if error.errno is not None:  # a disk's error, or a pipe's
                raise
            raise RunError(f"{path}: {error}") from None


@contextmanager
def opened(path: str) -> Generator[BinaryIO, None, None]:
    """Yield the list in a file, or on standard input, decompressed where it needs to be."""
    with lists_of(path) as lists:
        first = next(lists, None)
        if first is None or first.path != path:
            raise UsageError(f"{path}: an archive; unpack it and name the list in it")
        yield first.file


def watched(rows: Iterable[T], file: BinaryIO, path: str) -> Iterator[T]:
    """Yield the rows, and draw a progress bar on a terminal."""
    shows = sys.stderr.isatty() and path != STDIN
    progress = Progress(os.path.getsize(path) if shows else 0, shows=shows)
    for number, row in enumerate(rows):
        if shows and number % _EVERY == 0:
            progress.update(file.tell(), number)
        yield row
    progress.clear()


def filter_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `filter`."""
    parser.add_argument("file", metavar="FILE", help="one address per line, or CSV; - for standard input")
    parser.add_argument("--column", metavar="NAME", help="the CSV column with the addresses; whole rows are kept")
    parser.add_argument("--suppressed", action="store_true", help="keep the suppressed addresses instead")


def filter_(options: Namespace) -> int:
    """Write the addresses, or rows, that are not suppressed; print the counts on standard error."""
    from itertools import tee

    kept = left = 0
    with open_list(options.list, scope=options.scope) as known, opened(options.file) as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        lines = watched(text, file, options.file)
        table = None if options.column is None else CsvRows(lines)
        rows, addresses = tee(_lines(lines) if table is None else _rows(table, str(options.column)))
        for (row, _), (_, off) in zip(rows, known.check(address for _, address in addresses), strict=True):
            if off is options.suppressed:
                sys.stdout.buffer.write(row.encode(errors="surrogateescape"))
                kept += 1
            else:
                left += 1
        text.detach()
    sys.stdout.flush()
    print(f"{kept:,} kept, {left:,} left out", file=sys.stderr)
    return 0 if table is None else bad_rows(options.file, table.bad, table.faults)


def _lines(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    """Yield each line as it is to be written, with its address."""
    return ((f"{line.rstrip(chr(10) + chr(13))}\n", line) for line in lines if line.strip())


def _rows(table: CsvRows, column: str) -> Iterator[tuple[str, str]]:
    """Yield each row as it is to be written, with its address."""
    rows = iter(table)
    names = next(rows, Row(0, 0, [])).cells
    at = next((at for at, name in enumerate(names) if name.strip().casefold() == column.casefold()), None)
    if at is None:
        raise unknown_column(column, names)
    sys.stdout.buffer.write(_line(names).encode())
    yield from ((_line(row.cells), row.cells[at]) for row in rows)


def _line(cells: Iterable[str]) -> str:
    import csv

    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()


def import_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `import`."""
    parser.add_argument(
        "file", metavar="FILE", help="CSV, JSON or JSON Lines, or an archive of them; - for standard input"
    )
    parser.add_argument(
        "--from",
        metavar="FORMAT",
        dest="format",
        help="the system that wrote the file; detected from its columns by default",
    )
    parser.add_argument(
        "--judge", action="store_true", help="judge the replies in the file instead of trusting its verdicts"
    )
    for name in ("--keys", "--return-path"):  # looked for where a list takes only what is proved
        parser.add_argument(name, help=SUPPRESS, type=_refuse_keys)
    parser.epilog = (
        "Lists of other systems need no proof. In a list that requires one, records of\n"
        "reports count if their mail was proved when it was read: by classify, pipe,\n"
        "mailbox or serve with --keys and --return-path."
    )


def _refuse_keys(_text: str) -> NoReturn:
    raise ArgumentTypeError(_UNPROVED)


def import_(options: Namespace) -> int:
    """Import a list, or each list in an archive; after an interruption the same command completes it."""
    status, problems = 0, list[str]()
    with (
        open_list(options.list, scope=options.scope, create=True) as known,
        lists_of(options.file, problems.append) as lists,
    ):
        from undeliverable.store import StoreError

        for one in lists:
            try:
                status |= _import(options, known, one)
            except StoreError as error:
                if one.path == options.file:
                    raise
                problems.append(f"{one.path}: {error}")
        known.tidy()
    for problem in problems:
        warn(problem)
    return 1 if problems else status


def _import(options: Namespace, known: SuppressionList, one: ListFile) -> int:
    """Import one list, print its counts, and return the status."""
    from undeliverable.store import read_import

    alone = one.path == options.file
    source = read_import(one.file, format=options.format, judge=options.judge)
    outcome = known.record(watched(source, one.file, options.file) if alone else source)
    skips = source.skips - source.bad - source.patterns
    if skips:
        rows = ", ".join(map(str, source.skipped))
        warn(f"{skips:,} rows without a usable address were skipped, the first of them {rows}")
    if source.patterns:
        warn(
            f"{one.path}: {counted(source.patterns, 'pattern')} left out: {'; '.join(source.named_patterns)};"
            " suppress a whole domain with 'undeliverable suppressions add-domain DOMAIN LIST'"
        )
    if outcome.ignored and not known.scope and known.scopes():
        warn("the global scope of a list with tenants takes no lists of others: name the tenant with --scope")
    for line in warnings_of(outcome):
        warn(line)
    lacks_proof = outcome.ignored > 0 and known.require_proof == "required"
    if lacks_proof:
        warn(_UNPROVED)
    place = "" if alone else f"{neutral(one.path)}: "
    print(f"{place}{source.rows:,} rows; {said(outcome)}", file=sys.stderr)
    status = bad_rows(one.path, source.bad, source.faults)
    is_vain = lacks_proof and not (outcome.new or outcome.known or outcome.forgotten)
    return 1 if source.patterns or is_vain or (source.rows and source.rows == source.skips) else status


def export_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `export`."""
    parser.add_argument(
        "--format", metavar="FORMAT", default="jsonl",
        help="jsonl: the whole history (default); csv; or the system that is to import the file",
    )  # fmt: skip
    parser.add_argument("--cause", metavar="CAUSE", help="only addresses suppressed for this cause")


def export(options: Namespace) -> int:
    """Write the list to standard output."""
    import json

    from undeliverable.suppression import Cause

    if options.cause is not None and options.cause not in set(Cause):
        raise unknown_value("--cause", options.cause, Cause)
    with open_list(options.list, scope=options.scope) as known:
        from undeliverable.store import export_records, export_rows

        _warn_of_domains(known)
        if options.format == "jsonl":
            print_lines(json.dumps(record) for record in export_records(known, datetime.now(UTC)))
            return 0
        cause = None if options.cause is None else Cause(options.cause)
        columns, rows = export_rows(known, options.format, cause=cause)
        print_csv(columns, rows)
    return 0


def _warn_of_domains(known: SuppressionList) -> None:
    domains = known.domains()
    if domains:
        named = ", ".join(found.domain for found in domains[:_NAMED])
        warn(
            f"{counted(len(domains), 'whole domain')} left out, which no import takes: {named}; see 'suppressions list'"
        )
