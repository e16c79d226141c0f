"""The run of `classify`: read, judge, write, and sum up, whatever ends it.

Rows go to standard output or a file, everything else to standard error. Ctrl-C ends the reading only: what was judged until
then is written and summed up.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, TextIO

from undeliverable import address_identity
from undeliverable.cli._closing import Notes, closing_lines
from undeliverable.cli._command import UsageError, knowledge_of, known_of, refuse_input, warn
from undeliverable.cli._exit import INTERRUPTED
from undeliverable.cli._fields import address_of, fields_of
from undeliverable.cli._formats import format_of
from undeliverable.cli._into import Into, Recording, list_of, max_age_of
from undeliverable.cli._jobs import Done, Work, done_by
from undeliverable.cli._neutral import neutral
from undeliverable.cli._output import Output, Wanted, paint_of
from undeliverable.cli._progress import Progress
from undeliverable.cli._rows import Line
from undeliverable.cli._screen import Screen
from undeliverable.cli._select import Selection
from undeliverable.cli._signer import ListedSent, Proving, asking, prover_of
from undeliverable.cli._summary import Tally
from undeliverable.cli._words import counted, log_remarks
from undeliverable.cli._writers import Addresses, Form
from undeliverable.files import STDIN, Inbox, Mail, size_of
from undeliverable.logs import LogReader
from undeliverable.mail import ENVELOPE_TO
from undeliverable.verdict import Kind, Report, Verdict

if TYPE_CHECKING:
    from undeliverable.proof import Prover

__all__ = ["classify"]

_MOST_JOBS: Final = (
    256  # every process is started at once and takes memory: a slip of the finger would stop the machine
)


def classify(options: Namespace) -> int:
    """Do what the options say, and return the exit status.

    :raises UsageError: for options that cannot be used.
    :raises RunError: when a list cannot be written.
    :raises OSError: when a file cannot be written.
    """
    if not 1 <= options.jobs <= (1 if options.log else _MOST_JOBS):
        raise UsageError(
            f"--jobs: must be 1 to {_MOST_JOBS}, and exactly 1 with --log, where lines depend on each other"
        )
    max_age, wanted = max_age_of(options), _wanted(options)
    hides = wanted.path is None and sys.stdout.isatty() and wanted.form.format == "table" and not options.all
    work, prover = _work(options, wanted.form, hides=hides), prover_of(options)
    known = list_of(options, reads_mail=not options.log)
    if known is None:
        return _Run(options, work._replace(proving=_proving(options, prover)), wanted, None)()
    known.close()  # processes are forked before it is opened again: no two may share a connection
    sent = ListedSent(known)
    proving = _proving(options, asking(prover, sent))
    try:
        work = work._replace(proving=proving, recording=Recording(max_age))
        return _Run(options, work, wanted, Into(known, max_age))()
    finally:
        sent.close()
        known.close()


def _wanted(options: Namespace) -> Wanted:
    """Return what is to be written, and where.

    :raises UsageError: for options that contradict each other.
    """
    path = None if options.output == STDIN else options.output
    refuse_input("-o", path, options.paths)
    name = format_of(options.format, path, excel=options.excel)
    fields = fields_of(options.fields)
    if name == "txt" and fields:
        raise UsageError("--fields: txt has addresses only; csv, jsonl and table have fields")
    if name == "parquet" and fields:
        raise UsageError("--fields: parquet has all columns, of which engines read those that they need")
    return Wanted(
        Form.of(name, fields),
        path,
        color=options.color,
        excel=options.excel,
        shows_all=options.all,
        streams=_streams(options),
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


def _streams(options: Namespace) -> bool:
    """Return True if a log is read that may still be growing: from a pipe or a terminal."""
    mode = _mode_of(sys.stdin) if options.log and STDIN in options.paths else 0
    return bool(mode) and not stat.S_ISREG(mode)


def _mode_of(stream: TextIO) -> int:
    """Return the type of the file behind a stream, 0 where there is none."""
    try:
        return os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):
        return 0


def _is_paged(wanted: Wanted) -> bool:
    """Return True if the rows may go to a pager, which has the terminal for itself."""
    return wanted.path is None and stat.S_ISFIFO(_mode_of(sys.stdout))


class _Run:
    """One run, from the first file to the summary.

    :param into: the list that events go into, if any.
    """

    def __init__(self, options: Namespace, work: Work, wanted: Wanted, into: Into | None) -> None:
        self._options = options
        self._work = work
        self._into = into
        self._begin = time.perf_counter()
        self._tally = Tally()
        self._seen: set[str] = set()
        self._output = Output(wanted)
        shows = not (options.quiet or options.no_progress or wanted.streams or self._output.draws or _is_paged(wanted))
        colours = Screen.of(sys.stderr, options.color).colours
        self._progress = Progress(lambda: size_of(options.paths), shows=shows, colours=colours)
        self._inbox = Inbox(
            options.paths,
            warn=self._warn,
            is_log=options.log,
            received_by=options.received_by,
            skipped_file=self._skip if options.verbose else None,
            column=options.column,
        )
        self._lines = LogReader(knowledge=work.knowledge, **work.known) if options.log else None
        self._wanted = wanted

    def __call__(self) -> int:
        """Do it, and return the exit status."""
        try:
            is_whole = self._read()
            self._progress.clear()
            if is_whole or self._wanted.path is None:
                self._output.close()
        finally:
            self._progress.clear()
            self._output.abandon()
        self._sum_up(is_whole=is_whole)
        if not is_whole:
            return INTERRUPTED
        was_read = self._tally.messages or self._tally.lines
        return 0 if was_read and not self._inbox.failed and not self._tally.broken else 1

    def _read(self) -> bool:
        """Read and write all there is; return False if the user interrupts it."""
        try:
            for done in done_by(self._options.jobs, self._work, self._inbox, self._reader()):
                self._take(done)
        except KeyboardInterrupt:
            return False
        return True

    def _take(self, done: Done) -> None:
        self._tally.lines += self._lines is not None
        self._tally.join(done.tally)
        for problem in done.problems:
            self._warn(problem)
        if self._into is not None:
            self._into.add(done.events, done.old)
        for report in done.found:
            self._show(report, report.verdicts)
        for rows in done.shown:
            self._output.put(rows)
        self._progress.update(self._inbox.done, self._tally.messages)

    def _show(self, report: Report, verdicts: tuple[Verdict, ...]) -> None:
        """Show the recipients whose addresses have not been shown before."""
        new = tuple(filter(self._is_new, verdicts))
        if new or not verdicts:
            self._tally.shown += len(new) or 1
            self._output.put(self._work.form.rows(report, new))

    def _is_new(self, verdict: Verdict) -> bool:
        address = address_of(verdict)
        if address is None:
            return True
        identity, number = address_identity(address), len(self._seen)
        self._seen.add(identity)
        return len(self._seen) > number

    def _reader(self) -> Callable[[Mail], Report | None] | None:
        lines = self._lines
        if lines is None:
            return None

        def read(line: Mail) -> Report | None:
            return self._work.read(line) if line.is_record else lines.feed(line.raw, source=line.source)

        return read

    def _skip(self, path: str, why: str) -> None:
        self._progress.clear()
        warn(f"{path}: skipped: {why}")

    def _warn(self, message: str) -> None:
        self._progress.clear()
        if not (self._options.quiet and "warning: " in message):
            warn(message)

    # ------------------------------------------------------------------------------------------------------------
    # The end

    def _sum_up(self, *, is_whole: bool) -> None:
        lines = [] if self._into is None else self._into.close()
        if not is_whole:
            warn("interrupted; this is what was done until then")
            if self._wanted.path is not None:
                warn(f"{self._wanted.path}: not written")
        if self._options.quiet:
            return
        for remark in self._remarks():
            self._warn(remark)
        screen = Screen.of(sys.stderr, self._options.color)
        paint = paint_of(screen)
        paint([*closing_lines(self._tally, self._notes(), screen), *self._ending(screen)])
        for line in lines:
            print(line, file=sys.stderr)
        sys.stderr.flush()

    def _remarks(self) -> Iterator[str]:
        if self._lines is not None:
            yield from log_remarks(self._lines)
        if self._inbox.records and (self._options.rules or self._options.profile):
            yield "warning: records keep their verdicts; --rules and --profile judge mail"

    def _notes(self) -> Notes:
        writer = self._output.writer
        return Notes(
            self._inbox.failed,
            self._inbox.skipped,
            self._inbox.unread,
            writer.unnamed if isinstance(writer, Addresses) else 0,
            names=self._options.verbose,
        )

    def _ending(self, screen: Screen) -> Iterator[Line]:
        """Yield what was written where, how long it took, and what to do next."""
        writer = self._output.writer
        if self._wanted.path is not None and self._output.is_kept:
            if isinstance(writer, Addresses):
                number = counted(writer.number, "address", "addresses")
            else:
                number = counted(self._tally.shown, "row")
            yield [(f" {number} in {neutral(self._wanted.path)}", "bold")]
        if self._options.verbose:
            seconds = time.perf_counter() - self._begin
            yield [(f" {counted(self._tally.messages, 'message')} in {seconds:.2f} s", "dim")]
        if self._wanted.form.format == "table":
            from undeliverable.cli._next import next_step  # other formats are for people who know what is next

            for line in next_step(self._options, self._tally, screen.width):
                yield [(line, "")]
