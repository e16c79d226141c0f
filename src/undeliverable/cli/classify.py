"""`undeliverable classify`: verdicts for files, folders, mailboxes and standard input."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Final

from undeliverable.cli._command import Command, add_knowledge_options
from undeliverable.cli._formats import FORMATS
from undeliverable.cli._into import add_into_options, add_max_age_option
from undeliverable.cli._signer import add_envelope_option, add_proof_options

if TYPE_CHECKING:
    from argparse import _ArgumentGroup as ArgumentGroup  # pyright: ignore[reportPrivateUsage]

__all__ = ["COMMAND"]


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="+",
        help="a message, a folder (searched recursively), an mbox, a Maildir, records (.jsonl) written before, or an archive "
        "(zip, tar) of them, compressed or not; - for standard input; records keep their verdicts",
    )
    _showing_arguments(parser.add_argument_group("what is shown, and where"))
    _reading_arguments(parser.add_argument_group("how it is read"))
    add_knowledge_options(parser.add_argument_group("rules"))
    _list_arguments(parser.add_argument_group("suppression list and proof"))


def _showing_arguments(options: ArgumentGroup) -> None:
    """Add the options that decide which verdicts are shown, in what form, and where."""
    options.add_argument(
        "--format",
        choices=FORMATS,
        help="table (default); txt: addresses, each once; csv: one line per recipient; jsonl: one record per message; "
        "parquet: a folder of columns; by default what the name of the file of -o says",
    )
    options.add_argument(
        "--only",
        metavar="WORDS",
        action="append",
        default=[],
        help="show only verdicts of these bounce types, reasons, kinds of report or advice, separated by commas",
    )
    options.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="write to a file, which is replaced only when all is written, or with parquet to a new folder; - for standard output",
    )
    options.add_argument(
        "--fields",
        metavar="NAMES",
        help="the columns of table and csv, or the keys of jsonl, such as recipient,reason,code,reply",
    )
    options.add_argument("--unique", action="store_true", help="show each address once, with its first verdict")
    options.add_argument("--excel", action="store_true", help="CSV that Excel opens as UTF-8: with a byte order mark")
    options.add_argument(
        "--all", action="store_true", help="on a terminal, show all rows: also those of mail that is no report"
    )
    options.add_argument("--no-progress", action="store_true", help="show no progress of long work")


def _reading_arguments(options: ArgumentGroup) -> None:
    """Add the options that decide what is read."""
    options.add_argument(
        "--log", action="store_true", help="the files are mail server logs: one record per line about a delivery"
    )
    options.add_argument(
        "--attached",
        action="store_true",
        help="of a message that passes on others and is no report itself, read those inside: bounces that people forward",
    )
    options.add_argument(
        "--column", metavar="NAME", default="raw", help="the column of Parquet files that holds the messages (raw)"
    )
    options.add_argument(
        "--keep-header",
        metavar="NAME",
        action="append",
        default=[],
        help="also put this header field of the returned message into the record, such as X-Campaign; may be repeated",
    )
    options.add_argument(
        "--received-by",
        metavar="HOST",
        action="append",
        default=[],
        help="your own host that hands mail over to the mailbox: its Received field, on top of a message, says when; "
        "repeatable",
    )
    options.add_argument(
        "--jobs",
        metavar="N",
        type=int,
        default=1,
        help="the number of processes that share the work; the output stays the same",
    )


def _list_arguments(options: ArgumentGroup) -> None:
    """Add the options of the suppression list, and of what bounces have to prove."""
    add_into_options(options)
    add_max_age_option(
        options,
        "what was received before is left out of the list (10): an archive says how addresses were, not how they are",
    )
    add_proof_options(options)
    add_envelope_option(options)


def _run(options: Namespace) -> int:
    from undeliverable.cli._classifying import classify  # no help needs it

    return classify(options)


COMMAND: Final = Command(
    name="classify",
    help="report what happened to each recipient in bounced mail",
    examples=(
        "undeliverable classify bounces/                               # a line per recipient, and what to do next",
        "undeliverable classify --only suppress -o dead.txt inbox.mbox # the dead addresses, one a line",
        "undeliverable classify --format csv -o bounces.csv ~/Maildir  # for a spreadsheet",
        "undeliverable classify --format jsonl ~/Maildir | jq .        # full records, one line per message",
        "undeliverable classify --jobs 4 -o all.jsonl archive.mbox     # four processes, the same output",
        "undeliverable classify --log /var/log/mail.log*               # the logs of a mail server, gzip included",
        "undeliverable classify --rules my.toml - < bounce.eml         # standard input, with your own rules",
    ),
    arguments=_arguments,
    run=_run,
)
