"""`undeliverable export`: mail from files, folders, mailboxes and archives, as Parquet for the engines."""

# pyarrow has no types.
# pyright: basic, reportAttributeAccessIssue=false, reportOptionalMemberAccess=false, reportUnusedImport=false

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from array import array
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, Final

from undeliverable.cli._command import Command, warn
from undeliverable.cli._neutral import neutral
from undeliverable.cli._numbers import within
from undeliverable.cli._parquet import FILE, Folder
from undeliverable.cli._words import counted
from undeliverable.files import Inbox, Mail

__all__ = ["COMMAND"]

_FORMS: Final = ("parquet",)
_MB: Final = 1024 * 1024
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)
_PIECE: Final = 100_000
"""Octets of messages that are kept as Python objects before they become columns."""


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "paths", metavar="PATH", nargs="+",
        help="messages, folders, mbox files, Maildirs and archives, as for classify, or - for standard input",
    )  # fmt: skip
    parser.add_argument("--to", choices=_FORMS, default=_FORMS[0], help="the form to write: parquet (default)")
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        required=True,
        help="the folder to make, which is there only when it is complete",
    )
    parser.add_argument(
        "--file-size", metavar="MB", type=within(int, 1), default=FILE // _MB,
        help=f"the size at which the next file begins ({FILE // _MB})",
    )  # fmt: skip
    parser.add_argument(
        "--received-by", metavar="HOST", action="append", default=[],
        help="your own host that hands mail over to the mailbox: its Received field, on top of a message, says when",
    )  # fmt: skip


def _run(options: Namespace) -> int:
    inbox = Inbox(options.paths, warn=warn, received_by=options.received_by)
    number = 0
    with Folder(options.output, _fields, file_size=options.file_size * _MB, raw="raw") as folder:
        for piece in _pieces(inbox):
            number += len(piece)
            folder.write([_batch(piece)])
    return _summed_up(options, inbox, number, folder)


def _summed_up(options: Namespace, inbox: Inbox, number: int, folder: Folder) -> int:
    if inbox.records:
        warn(f"warning: {counted(inbox.records, 'record')} left out: a record does not hold its message")
    if not options.quiet:
        size = f"{folder.octets / _MB:,.1f} MB in {counted(folder.files, 'file')}"
        skipped = f"; {counted(inbox.skipped, 'file')} skipped" if inbox.skipped else ""
        print(f"{counted(number, 'message')} in {neutral(options.output)}: {size}{skipped}", file=sys.stderr)
    return 1 if inbox.failed or not number else 0


def _pieces(inbox: Inbox) -> Iterator[list[Mail]]:
    piece: list[Mail] = []
    octets = 0
    for mail in inbox:
        if mail.is_record:
            continue
        piece.append(mail)
        octets += len(mail.raw)
        if octets >= _PIECE:
            yield piece
            piece, octets = [], 0
    if piece:
        yield piece


def _fields() -> Any:  # noqa: ANN401 # pyarrow has no types
    import pyarrow as pa

    return pa.schema([("id", pa.string()), ("received", pa.timestamp("us", tz="UTC")), ("raw", pa.binary())])


def _batch(mails: list[Mail]) -> Any:  # noqa: ANN401 # as above
    """Return messages as a record batch.

    Its buffers are filled here: pyarrow looks whether values are of pandas, and for that imports it where it is installed,
    which takes twice the memory that all the rest does.
    """
    import pyarrow as pa

    names = [mail.source.encode(errors="replace") for mail in mails]
    times = array("q", [0 if mail.received is None else (mail.received - _EPOCH) // _TICK for mail in mails])
    known = (
        None if None not in (mail.received for mail in mails) else _bits(mail.received is not None for mail in mails)
    )
    fields = _fields()
    columns = [
        _octets(names, fields.field("id").type),
        pa.Array.from_buffers(fields.field("received").type, len(mails), [known, pa.py_buffer(times)]),
        _octets([mail.raw for mail in mails], fields.field("raw").type),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=fields)


def _octets(values: Sequence[bytes], kind: Any) -> Any:  # noqa: ANN401 # as above
    """Return a column of octets: where each value begins, the end of the last one, and all of them in a row."""
    import pyarrow as pa

    places = pa.py_buffer(array("i", accumulate(map(len, values), initial=0)))
    return pa.Array.from_buffers(kind, len(values), [None, places, pa.py_buffer(b"".join(values))])


def _bits(values: Iterable[bool]) -> Any:  # noqa: ANN401 # as above
    """Return truth values as Arrow packs them: the first is the lowest bit of the first octet."""
    import pyarrow as pa

    kept = tuple(values)
    number = sum(value << place for place, value in enumerate(kept))
    return pa.py_buffer(number.to_bytes((len(kept) + 7) // 8, "little"))


COMMAND: Final = Command(
    name="export",
    help="write mail as Parquet, for Spark, DuckDB, Polars and others",
    examples=(
        "undeliverable export --to parquet inbox.mbox -o mail      # an mbox, as a folder of Parquet files",
        "undeliverable export bounces/ ~/Maildir -o mail           # folders and Maildirs",
        "undeliverable export --file-size 64 inbox.mbox -o mail    # smaller files, for more workers",
    ),
    arguments=_arguments,
    run=_run,
)
