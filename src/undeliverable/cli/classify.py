"""`undeliverable classify`: verdicts for files, folders, mailboxes and standard input."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Final

from undeliverable.cli._command import Command, UsageError, add_knowledge_options, knowledge_of, known_of, warn
from undeliverable.cli._jobs import Work, done_by
from undeliverable.cli._lists import Into
from undeliverable.cli._progress import Progress
from undeliverable.cli._select import Selection
from undeliverable.cli._summary import Tally
from undeliverable.cli._writers import FORMATS, writer
from undeliverable.files import Inbox, Mail, size_of
from undeliverable.logs import LogReader
from undeliverable.verdict import Report

__all__ = ["COMMAND"]


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
        choices=tuple(FORMATS),
        default="table",
        help="table (default), jsonl: one record per message, csv: one line per recipient",
    )
    parser.add_argument(
        "--only",
        metavar="WORDS",
        action="append",
        default=[],
        help="show only verdicts with one of these bounce types, reasons or kinds of report, separated by commas",
    )
    _reading_arguments(parser)
    parser.add_argument(
        "--into", metavar="LIST", help="also record the results in a suppression list: a SQLite file, or a database URL"
    )
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=int,
        default=1,
        help="the number of processes that share the work; the output stays the same",
    )
    add_knowledge_options(parser)


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


def _run(options: Namespace) -> int:
    if options.jobs < 1 or (options.jobs > 1 and options.log):
        raise UsageError("--jobs: must be at least 1, and exactly 1 with --log, where lines depend on each other")
    knowledge = knowledge_of(options)
    work = Work(
        knowledge,
        Selection.of(options.only),
        options.format,
        keep=options.into is not None,
        attached=options.attached,
        keep_headers=tuple(options.keep_header),
        known=known_of(options, knowledge),
    )
    watched = sys.stderr.isatty()
    progress = Progress(size_of(options.paths) if watched else 0, shows=watched)
    output = writer(options.format)
    into = None if options.into is None else Into(options.into)
    inbox = Inbox(options.paths, warn=warn, is_log=options.log, received_by=options.received_by)
    tally = Tally()
    lines = LogReader(knowledge=knowledge, **work.known) if options.log else None
    for done in done_by(options.jobs, work, inbox, None if lines is None else _line_reader(work, lines)):
        tally.lines += options.log
        tally.join(done.tally)
        for problem in done.problems:
            warn(problem)
        if into is not None:
            for report in done.reports:
                into.add(report)
        for rows in done.shown:
            output.put(rows)
        progress.update(inbox.done, tally.messages)
    progress.clear()
    for remark in () if lines is None else lines.remarks:
        warn(remark)
    output.close()
    if inbox.records and (options.rules or options.profile):
        warn("warning: records keep their verdicts; --rules and --profile judge mail")
    sys.stdout.flush()
    print(tally.line(failed=inbox.failed, skipped=inbox.skipped, unread=inbox.unread), file=sys.stderr)
    if into is not None:
        print(into.close(), file=sys.stderr)
    return 0 if tally.messages or tally.lines else 1


def _line_reader(work: Work, reader: LogReader) -> Callable[[Mail], Report | None]:
    def read(line: Mail) -> Report | None:
        return work.read(line) if line.is_record else reader.feed(line.raw, source=line.source)

    return read


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
