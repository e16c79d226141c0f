"""`undeliverable check`: a list of addresses before it is sent to."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from undeliverable.cli._address_rows import AddressRows
from undeliverable.cli._command import Command, UsageError
from undeliverable.cli._lists import open_list, table
from undeliverable.cli._neutral import neutral_cell

if TYPE_CHECKING:
    from undeliverable.check import Checked, Lookups

__all__ = ["COMMAND"]

_COLUMNS: Final = ("line", "address", "next", "cause", "detail", "suggestion")
_STRICT: Final = 3


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="LIST", help="CSV, or one address a line; - for standard input")
    parser.add_argument(
        "--column", metavar="NAME", help="the CSV column that holds the address; found by its name unless given"
    )
    parser.add_argument(
        "--against", metavar="LIST", help="a suppression list: a SQLite file, or the URL of a PostgreSQL database"
    )
    parser.add_argument(
        "--only", metavar="WORDS", action="append", default=[],
        help="show only addresses with one of these causes or next steps, separated by commas",
    )  # fmt: skip
    parser.add_argument(
        "--format",
        choices=tuple(_FORMATS),
        default="table",
        help="table (the default), jsonl or csv: a line per address",
    )
    parser.add_argument(
        "--strict", action="store_true", help=f"leave with status {_STRICT} unless every address may be sent to"
    )
    parser.add_argument(
        "--nameserver", metavar="IP", action="append", default=[],
        help="ask this name server instead of the system's; may be given again",
    )  # fmt: skip
    parser.add_argument("--port", metavar="PORT", type=int, default=53, help="of these name servers (53)")
    parser.add_argument("--timeout", metavar="SECONDS", type=float, default=5.0, help="for one question to DNS (5)")
    parser.add_argument(
        "--concurrency", metavar="NUMBER", type=int, default=64, help="domains asked for at a time (64)"
    )


def _run(options: Namespace) -> int:
    lookups = _lookups(options)
    from undeliverable.check import check_addresses

    words = _words(options.only)
    counts = _Counts()
    with ExitStack() as stack:
        stack.enter_context(lookups)
        against = None if options.against is None else stack.enter_context(open_list(options.against))
        rows = stack.enter_context(AddressRows(options.file, options.column))
        lines: deque[int] = deque()
        checked = check_addresses(_remembered(rows, lines), lookups=lookups, against=against)
        shown = (
            (line, one)
            for line, one in ((lines.popleft(), counts.add(one)) for one in checked)
            if not words or one.cause in words or one.next in words
        )
        _FORMATS[options.format](shown)
        sys.stdout.flush()
    print(counts.line(), file=sys.stderr)
    if not counts.addresses or rows.failed:
        return 1
    return _STRICT if options.strict and counts.rest else 0


def _lookups(options: Namespace) -> Lookups:
    try:
        from undeliverable.check import Lookups
    except ImportError:
        raise UsageError("this needs more than the library alone: pip install 'undeliverable[check]'") from None
    try:
        return Lookups(
            nameservers=options.nameserver, port=options.port, timeout=options.timeout, concurrency=options.concurrency
        )
    except (ValueError, OSError) as error:
        raise UsageError(str(error)) from None


def _remembered(rows: AddressRows, lines: deque[int]) -> Iterator[str]:
    """The addresses alone, their lines kept: every address comes out once and in its place."""
    for line, address in rows:
        lines.append(line)
        yield address


def _words(lists: list[str]) -> frozenset[str]:
    from undeliverable.check import Cause, Next

    known = {*map(str, Cause), *map(str, Next)}
    words = frozenset(word for text in lists for word in text.replace(",", " ").lower().split())
    for word in sorted(words - known):
        raise UsageError(f"--only: {word!r} is none of {', '.join(sorted(known))}")
    if lists and not words:
        raise UsageError("--only: names nothing")
    return words


class _Counts:
    """How many addresses there were, and what was found out."""

    __slots__ = ("_causes", "_steps", "addresses")

    def __init__(self) -> None:
        self.addresses = 0
        self._steps: Counter[str] = Counter()
        self._causes: Counter[str] = Counter()

    def add(self, one: Checked) -> Checked:
        self.addresses += 1
        self._steps[one.next] += 1
        self._causes[one.cause] += 1
        return one

    @property
    def rest(self) -> int:
        """How many may not simply be sent to."""
        return self.addresses - self._steps["send"]

    def line(self) -> str:
        parts = (
            f"{self.addresses:,} address{'' if self.addresses == 1 else 'es'}",
            ", ".join(f"{number:,} {step}" for step, number in self._steps.most_common()),
            ", ".join(f"{number:,} {cause}" for cause, number in self._causes.most_common()),
        )
        return "; ".join(filter(None, parts))


_Rows = Iterator[tuple[int, "Checked"]]


def _row(line: int, one: Checked) -> tuple[object, ...]:
    return line, one.address, one.next, one.cause, one.detail, one.suggestion


def _as_table(rows: _Rows) -> None:
    for text in table((_row(*row) for row in rows), _COLUMNS):
        sys.stdout.write(f"{text}\n")


def _as_csv(rows: _Rows) -> None:
    import csv

    write = csv.writer(sys.stdout, lineterminator="\n").writerow
    write(_COLUMNS)
    for row in rows:
        write([neutral_cell(cell) for cell in _row(*row)])


def _as_jsonl(rows: _Rows) -> None:
    import json

    for line, one in rows:
        sys.stdout.write(f"{json.dumps({'line': line} | one.to_dict())}\n")


_FORMATS: Final = MappingProxyType[str, Callable[[_Rows], None]](
    {"table": _as_table, "jsonl": _as_jsonl, "csv": _as_csv}
)

COMMAND: Final = Command(
    name="check",
    help="check a list of addresses before it is sent to",
    examples=(
        "undeliverable check subscribers.csv                        # syntax, domain, mail exchangers, slips",
        "undeliverable check subscribers.csv --against list.db --only send --format csv > send.csv",
        "undeliverable check --only leave_out,review subscribers.csv",
    ),
    arguments=_arguments,
    run=_run,
)
