"""`undeliverable classify`: verdicts for files, folders, mailboxes and standard input."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from undeliverable.cli._classifying import Run, streams
from undeliverable.cli._command import Command, UsageError, add_knowledge_options, knowledge_of, known_of
from undeliverable.cli._fields import FIELDS, fields_of
from undeliverable.cli._into import Into, Recording, add_into_options, list_of
from undeliverable.cli._jobs import Work
from undeliverable.cli._output import Wanted, format_of
from undeliverable.cli._select import Selection
from undeliverable.cli._signer import (
    ListedSent,
    Proving,
    add_envelope_option,
    add_proof_options,
    asking,
    prover_of,
)
from undeliverable.cli._writers import FORMATS, Form
from undeliverable.mail import ENVELOPE_TO
from undeliverable.verdict import Kind

if TYPE_CHECKING:
    from undeliverable.proof import Prover

__all__ = ["COMMAND"]

_LONGEST: Final = 36_500  # days


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="+",
        help="a message, a folder (searched recursively), an mbox, a Maildir, or records (.jsonl) written before, any of "
        "them gzipped, or - for standard input; records keep their verdicts",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="table (default); txt: addresses, each once; csv: one line per recipient; jsonl: one record per message; "
        "parquet: a folder of columns; by default what the name of the file of -o says",
    )
    _output_arguments(parser)
    parser.add_argument(
        "--only",
        metavar="WORDS",
        action="append",
        default=[],
        help="show only verdicts with one of these bounce types, reasons, advices or kinds of report, separated by commas",
    )
    _reading_arguments(parser)
    _list_arguments(parser)
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=int,
        default=1,
        help="the number of processes that share the work; the output stays the same",
    )
    add_knowledge_options(parser)


def _output_arguments(parser: ArgumentParser) -> None:
    """Add the options that decide what is written, and where."""
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="write to a file, which is replaced only when all is written; with parquet to a new folder",
    )
    parser.add_argument(
        "--fields",
        metavar="NAMES",
        help=f"the columns of table and csv, or the keys of jsonl, in this order: {', '.join(FIELDS)}",
    )
    parser.add_argument("--unique", action="store_true", help="show each address once, with its first verdict")
    parser.add_argument("--excel", action="store_true", help="CSV that Excel opens as UTF-8: with a byte order mark")
    parser.add_argument(
        "--all", action="store_true", help="on a terminal, show all rows: also those of mail that is no report"
    )
    parser.add_argument("--no-progress", action="store_true", help="show no progress of long work")


def _reading_arguments(parser: ArgumentParser) -> None:
    """Add the options that decide what is read."""
    parser.add_argument(
        "--log", action="store_true", help="the files are mail server logs: one record per line about a delivery"
    )
    parser.add_argument(
        "--attached",
        action="store_true",
        help="of a message that passes on others and is no report itself, read those inside: bounces that people forward",
    )
    parser.add_argument(
        "--column", metavar="NAME", default="raw", help="the column of Parquet files that holds the messages (raw)"
    )
    parser.add_argument(
        "--keep-header",
        metavar="NAME",
        action="append",
        default=[],
        help="also put this header field of the returned message into the record, such as X-Campaign; may be repeated",
    )
    parser.add_argument(
        "--received-by",
        metavar="HOST",
        action="append",
        default=[],
        help="your own host that hands mail over to the mailbox: its Received field, on top of a message, says when; "
        "repeatable",
    )


def _list_arguments(parser: ArgumentParser) -> None:
    """Add the options of the suppression list, and of what bounces have to prove."""
    add_into_options(parser)
    parser.add_argument(
        "--max-age",
        metavar="DAYS",
        type=float,
        default=10,
        help="what was received before is left out of the list (10): an archive says how addresses were, not how they are",
    )
    add_proof_options(parser)
    add_envelope_option(parser)


def _run(options: Namespace) -> int:
    if options.jobs < 1 or (options.jobs > 1 and options.log):
        raise UsageError("--jobs: must be at least 1, and exactly 1 with --log, where lines depend on each other")
    if not 0 < options.max_age <= _LONGEST:
        raise UsageError(f"--max-age: must be more than 0 and at most {_LONGEST} days")
    wanted = _wanted(options)
    hides = wanted.path is None and sys.stdout.isatty() and wanted.form.format == "table" and not options.all
    work, prover = _work(options, wanted.form, hides=hides), prover_of(options)
    known = list_of(options, reads_mail=not options.log)
    if known is None:
        return Run(options, work._replace(proving=_proving(options, prover)), wanted, None)()
    known.close()  # processes are forked before it is opened again: no two may share a connection
    max_age, sent = timedelta(days=options.max_age), ListedSent(known)
    proving = _proving(options, asking(prover, sent))
    try:
        work = work._replace(proving=proving, recording=Recording(max_age))
        return Run(options, work, wanted, Into(known, max_age))()
    finally:
        sent.close()
        known.close()


def _wanted(options: Namespace) -> Wanted:
    """Return what is to be written, and where.

    :raises UsageError: for options that contradict each other.
    """
    name = format_of(options.format, options.output, excel=options.excel)
    fields = fields_of(options.fields)
    if name == "txt" and fields:
        raise UsageError("--fields: txt has addresses only; csv, jsonl and table have fields")
    if name == "parquet" and fields:
        raise UsageError("--fields: parquet has all columns, of which engines read those that they need")
    return Wanted(
        Form.of(name, fields),
        options.output,
        color=options.color,
        excel=options.excel,
        shows_all=options.all,
        streams=streams(options),
    )


def _proving(options: Namespace, prover: Prover | None) -> Proving | None:
    """Return what proves messages; logs are our own, and prove themselves."""
    if prover is None or options.log:
        return None
    return Proving(prover, tuple(options.envelope_to) or ENVELOPE_TO, tuple(options.received_by))


def _work(options: Namespace, form: Form, *, hides: bool) -> Work:
    """Return the work to do on each message."""
    knowledge = knowledge_of(options)
    addresses = form.format == "txt"
    selection = Selection.of(options.only, of_mailed=addresses)
    return Work(
        knowledge,
        selection,
        form,
        attached=options.attached,
        keep_headers=tuple(options.keep_header),
        known=known_of(options, knowledge),
        hides=hides and str(Kind.OTHER) not in selection.words,
        unique=options.unique and not addresses,
    )


COMMAND: Final = Command(
    name="classify",
    help="report what happened to each recipient in bounced mail",
    examples=(
        "undeliverable classify bounces/                            # a folder, as a table",
        "undeliverable classify --only hard --format csv inbox.mbox # the dead addresses, for a spreadsheet",
        "undeliverable classify --format jsonl ~/Maildir | jq .     # full records, one line per message",
        "undeliverable classify --jobs 4 --format jsonl archive.mbox # four processes, the same output",
        "undeliverable classify --log /var/log/mail.log*             # the logs of a mail server, gzip included",
        "undeliverable classify --rules my.toml - < bounce.eml      # standard input, with your own rules",
    ),
    arguments=_arguments,
    run=_run,
)
