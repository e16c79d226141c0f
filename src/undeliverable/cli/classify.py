"""`undeliverable classify`: verdicts for files, folders, mailboxes and standard input."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from undeliverable.cli._command import Command, UsageError, add_knowledge_options, knowledge_of, known_of, warn
from undeliverable.cli._into import Into, Recording, add_into_options, list_of
from undeliverable.cli._jobs import Work, done_by
from undeliverable.cli._progress import Progress
from undeliverable.cli._select import Selection
from undeliverable.cli._signer import (
    ListedSent,
    Proving,
    add_envelope_option,
    add_proof_options,
    asking,
    prover_of,
)
from undeliverable.cli._summary import Tally
from undeliverable.cli._writers import FORMATS, writer
from undeliverable.files import Inbox, Mail, size_of
from undeliverable.logs import LogReader
from undeliverable.mail import ENVELOPE_TO
from undeliverable.verdict import Report

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
    _list_arguments(parser)
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
    work, prover = _work(options), prover_of(options)
    known = list_of(options, reads_mail=not options.log)
    if known is None:
        return _classify(options, work._replace(proving=_proving(options, prover)), None)
    known.close()  # processes are forked before it is opened again: no two may share a connection
    max_age, sent = timedelta(days=options.max_age), ListedSent(known)
    proving = _proving(options, asking(prover, sent))
    try:
        return _classify(options, work._replace(proving=proving, recording=Recording(max_age)), Into(known, max_age))
    finally:
        sent.close()
        known.close()


def _proving(options: Namespace, prover: Prover | None) -> Proving | None:
    """Return what proves messages; logs are our own, and prove themselves."""
    if prover is None or options.log:
        return None
    return Proving(prover, tuple(options.envelope_to) or ENVELOPE_TO, tuple(options.received_by))


def _classify(options: Namespace, work: Work, into: Into | None) -> int:
    watched = sys.stderr.isatty()
    progress = Progress(size_of(options.paths) if watched else 0, shows=watched)
    output = writer(options.format)
    inbox = Inbox(options.paths, warn=warn, is_log=options.log, received_by=options.received_by)
    tally = Tally()
    lines = LogReader(knowledge=work.knowledge, **work.known) if options.log else None
    for done in done_by(options.jobs, work, inbox, None if lines is None else _line_reader(work, lines)):
        tally.lines += options.log
        tally.join(done.tally)
        for problem in done.problems:
            warn(problem)
        if into is not None:
            into.add(done.events, done.old)
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
    for line in () if into is None else into.close():
        print(line, file=sys.stderr)
    return 0 if (tally.messages or tally.lines) and not inbox.refused else 1


def _work(options: Namespace) -> Work:
    """Return the work to do on each message."""
    knowledge = knowledge_of(options)
    return Work(
        knowledge,
        Selection.of(options.only),
        options.format,
        attached=options.attached,
        keep_headers=tuple(options.keep_header),
        known=known_of(options, knowledge),
    )


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
