"""`undeliverable check`: check a list of addresses before a send."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from undeliverable.cli._address_rows import AddressRows
from undeliverable.cli._check_rows import screen_lines
from undeliverable.cli._command import Command, RunError, UsageError, open_binary
from undeliverable.cli._lists import open_list
from undeliverable.cli._numbers import add_timeout_option, within
from undeliverable.cli._screen import Screen
from undeliverable.cli._tables import aligned, print_csv, print_lines
from undeliverable.cli._words import counted, words_of

if TYPE_CHECKING:
    from undeliverable.check import Checked, Lookups, Marker

__all__ = ["COMMAND"]

_COLUMNS: Final = ("line", "address", "next", "cause", "detail", "suggestion", "marks")
_STRICT: Final = 3


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="LIST", help="CSV, or one address per line; - for standard input")
    parser.add_argument(
        "--column", metavar="NAME", help="the CSV column with the addresses; detected by its name by default"
    )
    parser.add_argument(
        "--against", metavar="LIST", help="a suppression list: a SQLite file, or the URL of a PostgreSQL database"
    )
    parser.add_argument(
        "--only", metavar="WORDS", action="append", default=[],
        help="show only addresses with one of these causes, next steps or marks, separated by commas",
    )  # fmt: skip
    parser.add_argument(
        "--format",
        choices=tuple(_FORMATS),
        default="table",
        help="table (default), jsonl or csv: one line per address",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help=f"exit with status {_STRICT} unless the next step of every address is `send`",
    )
    _mark_arguments(parser)
    _dns_arguments(parser)


def _mark_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--disposable", metavar="FILE",
        help="more disposable domains, one on each line; a line that begins with ! takes one out",
    )  # fmt: skip
    parser.add_argument(
        "--review", metavar="MARKS", action="append", default=[],
        help="have addresses with these marks reviewed: role, disposable; by default a mark is only shown",
    )  # fmt: skip


def _dns_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--nameserver", metavar="IP", action="append", default=[],
        help="query this name server instead of the system's; repeatable",
    )  # fmt: skip
    parser.add_argument(
        "--port", metavar="PORT", type=within(int, 1, 65_535), default=53, help="the port of these name servers (53)"
    )
    add_timeout_option(parser, "one DNS query with its repetitions (5)", default=5.0)
    parser.add_argument(
        "--concurrency",
        metavar="NUMBER",
        type=within(int, 1),
        default=64,
        help="the number of domains queried at a time (64)",
    )
    parser.add_argument(
        "--trust-nameserver",
        action="store_true",
        help="do not ask the name servers for large mailbox providers first: for a network that knows only its own names",
    )
    parser.add_argument(
        "--own-network",
        action="store_true",
        help="accept mail exchangers at private addresses: those of your own network",
    )


def _run(options: Namespace) -> int:
    lookups = _lookups(options)
    from undeliverable.check import ResolverError, check_addresses

    words, review = _words(options.only), _marks(options.review)
    marker = _marker(options.disposable)
    counts = _Counts()
    with ExitStack() as stack:
        stack.enter_context(lookups)
        against = None if options.against is None else stack.enter_context(open_list(options.against))
        rows = stack.enter_context(AddressRows(options.file, options.column))
        lines: deque[int] = deque()
        checked = check_addresses(
            _remembered(rows, lines),
            lookups=lookups,
            against=against,
            marker=marker,
            review=review,
            own_network=options.own_network,
        )
        shown = (
            (line, one)
            for line, one in ((lines.popleft(), counts.add(one)) for one in checked)
            if not words or not words.isdisjoint((one.cause, one.next, *one.marks))
        )
        try:
            _FORMATS[options.format](shown)
        except ResolverError as error:
            sys.stdout.flush()
            raise RunError(f"{error}{counts.so_far()}") from None
        sys.stdout.flush()
    if not options.quiet:
        print(counts.line(), file=sys.stderr)
    if not counts.addresses or rows.failed:
        return 1
    return _STRICT if options.strict and counts.rest else 0


def _lookups(options: Namespace) -> Lookups:
    from undeliverable.check import Lookups

    try:
        return Lookups(
            nameservers=options.nameserver,
            port=options.port,
            timeout=options.timeout,
            concurrency=options.concurrency,
            canaries=() if options.trust_nameserver else None,
        )
    except (ValueError, OSError) as error:
        raise UsageError(str(error)) from None


def _remembered(rows: AddressRows, lines: deque[int]) -> Iterator[str]:
    """Yield the addresses and collect their line numbers, which match the results one to one."""
    for line, address in rows:
        lines.append(line)
        yield address


def _words(lists: list[str]) -> frozenset[str]:
    from undeliverable.check import Cause, Mark, Next

    return words_of("--only", lists, {*map(str, Cause), *map(str, Next), *map(str, Mark)})


def _marks(lists: list[str]) -> frozenset[str]:
    from undeliverable.check import Mark

    return words_of("--review", lists, set(map(str, Mark)))


def _marker(path: str | None) -> Marker:
    """Return the lists of role addresses and disposable domains, with those of a file."""
    from undeliverable.check import Marker

    if path is None:
        return Marker()
    with open_binary(path) as file:
        return Marker(line.decode("utf-8", "replace").removeprefix("\ufeff") for line in file)


class _Counts:
    """Counts of addresses by next step and by cause."""

    __slots__ = ("_causes", "_marks", "_steps", "addresses")

    def __init__(self) -> None:
        self.addresses = 0
        self._steps: Counter[str] = Counter()
        self._causes: Counter[str] = Counter()
        self._marks: Counter[str] = Counter()

    def add(self, one: Checked) -> Checked:
        self.addresses += 1
        self._steps[one.next] += 1
        self._causes[one.cause] += 1
        self._marks.update(map(str, one.marks))
        return one

    def so_far(self) -> str:
        """Return how much was checked when the check ended early."""
        return f" ({counted(self.addresses, 'address', 'addresses')} checked before)" if self.addresses else ""

    @property
    def rest(self) -> int:
        """The number of addresses whose next step is not `send`."""
        return self.addresses - self._steps["send"]

    def line(self) -> str:
        parts = (
            counted(self.addresses, "address", "addresses"),
            ", ".join(f"{number:,} {step}" for step, number in self._steps.most_common()),
            ", ".join(f"{number:,} {cause}" for cause, number in self._causes.most_common()),
            ", ".join(f"{number:,} marked {mark}" for mark, number in self._marks.most_common()),
        )
        return "; ".join(filter(None, parts))


_Rows = Iterator[tuple[int, "Checked"]]


def _row(line: int, one: Checked) -> tuple[object, ...]:
    return line, one.address, one.next, one.cause, one.detail, one.suggestion, " ".join(one.marks)


def _as_table(rows: _Rows) -> None:
    screen = Screen.of(sys.stdout)
    if screen.is_terminal:
        print_lines(screen_lines(rows, screen))
    else:
        print_lines(aligned((_row(*row) for row in rows), _COLUMNS))


def _as_csv(rows: _Rows) -> None:
    print_csv(_COLUMNS, (_row(*row) for row in rows))


def _as_jsonl(rows: _Rows) -> None:
    import json

    print_lines(json.dumps({"line": line} | one.to_dict()) for line, one in rows)


_FORMATS: Final = MappingProxyType[str, Callable[[_Rows], None]](
    {"table": _as_table, "jsonl": _as_jsonl, "csv": _as_csv}
)

COMMAND: Final = Command(
    name="check",
    help="check a list of addresses before a send",
    examples=(
        "undeliverable check subscribers.csv                        # syntax, domain, mail exchangers, typos",
        "undeliverable check subscribers.csv --against list.db --only send --format csv > send.csv",
        "undeliverable check --only leave_out,review subscribers.csv",
    ),
    arguments=_arguments,
    run=_run,
)
