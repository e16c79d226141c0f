"""`--jobs`: messages judged by several processes, with results returned in input order.

Messages are grouped into chunks, bounded in number and size, and a bounded number of chunks is under way at a time, so
memory does not grow with the input. One process or many, the same functions do the work: the output is byte for byte
the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple

from undeliverable import Kind, Knowledge, UndeliverableError, attached, parse
from undeliverable.cli._command import Known, UsageError
from undeliverable.cli._into import Located, Recording
from undeliverable.cli._rows import Rows
from undeliverable.cli._select import Selection
from undeliverable.cli._signer import Proving
from undeliverable.cli._summary import Tally, is_inside
from undeliverable.cli._writers import Form
from undeliverable.files import Mail, RecordError, report_of
from undeliverable.verdict import Report

__all__ = ["Done", "Work", "done_by"]

Read = Callable[[Mail], Report | None]

_MOST: Final = 128
"""Messages per chunk: with fewer, the transfer between processes costs more than it saves."""
_FEW: Final = 16
"""Messages per chunk that stays in this process."""
_LARGEST: Final = 4 * 1024 * 1024
"""Octets per chunk, so that memory stays bounded."""
_WAITING: Final = 8
"""Chunks per process that are queued, in work or waiting for output. Enough to keep all processes busy while one of them is
held up."""
_HEAVY: Final = 3 * _LARGEST
"""Octets per process that are under way: three of the largest chunks. A single chunk may exceed it."""


class Done:
    """The results of a chunk of messages.

    :ivar tally: their number, kinds and reasons.
    :ivar shown: the rows of each message that is to be shown; finished text is joined to one row.
    :ivar found: reports with the verdicts to be shown, where only the first process can say which: each address once.
    :ivar events: what goes into the list, if there is one.
    :ivar old: number of messages that are too old to give events.
    :ivar problems: records that are none, and messages that the library failed on, each of these a bug.
    """

    __slots__ = ("events", "found", "old", "problems", "shown", "tally")

    def __init__(self) -> None:
        self.tally = Tally()
        self.shown: list[Rows] = []
        self.found: list[Report] = []
        self.events: list[Located] = []
        self.old = 0
        self.problems: list[str] = []

    def fail(self, mail: Mail, error: Exception) -> None:
        """Count a record that is none, or a message that the library failed on."""
        if isinstance(error, RecordError):
            self.tally.unread += 1
            self.problems.append(str(error))
        else:
            self.tally.broken += 1
            self.problems.append(f"{mail.source}: {type(error).__name__}: {error}")


class Work(NamedTuple):
    """The work to do on each message; can be sent to another process.

    :ivar form: what is written of a report.
    :ivar recording: what of the reports goes into the list, if there is one.
    :ivar proving: what proves messages, if anything was asked for.
    :ivar attached: True to read the messages inside a message that is no report by itself.
    :ivar keep_headers: names of header fields of the returned message that come into the record.
    :ivar known: what else is known of the mail.
    :ivar hides: True to leave out what is no report.
    :ivar unique: True if each address is to be shown once, which takes all of them.
    """

    knowledge: Knowledge
    selection: Selection
    form: Form
    recording: Recording | None = None
    proving: Proving | None = None
    attached: bool = False
    keep_headers: tuple[str, ...] = ()
    known: Known = {}  # noqa: RUF012 # never changed
    hides: bool = False
    unique: bool = False

    def read(self, mail: Mail) -> Report:
        """Return the report of a message, or the one that a record holds."""
        return report_of(mail, partial(parse, knowledge=self.knowledge, keep_headers=self.keep_headers, **self.known))

    def on(self, mails: Iterable[Mail], read: Read) -> Done:
        """Read, judge and render `mails`."""
        done = Done()
        for mail in mails:
            try:
                reports = self._reports(mail, read)
            except UndeliverableError:  # what was mailed cannot be looked up: no message can be proved
                raise
            except Exception as error:  # noqa: BLE001 # mail never raises; if it does, the other messages must not suffer
                done.fail(mail, error)
                continue
            for report in reports:
                self._take(report, mail, done)
        done.shown = self.form.joined(done.shown)
        return done

    def _reports(self, mail: Mail, read: Read) -> tuple[Report, ...]:
        report = read(mail)
        if report is None:
            return ()
        if mail.is_record:
            return (report,)
        inner = attached(mail.raw) if self.attached and (report.kind is Kind.OTHER or is_inside(report)) else ()
        if not inner:
            return (self._proved(report, mail.raw),)
        each = (
            self.read(mail._replace(source=f"{mail.source}/{number}", raw=raw)) for number, raw in enumerate(inner, 1)
        )
        # Whoever wrote the message around it wrote its header as well; our own mail server did not.
        return tuple(self._proved(report, b"") for report in each)

    def _proved(self, report: Report, raw: bytes) -> Report:
        return report if self.proving is None else self.proving.prove(report, raw)

    def _take(self, report: Report, mail: Mail, done: Done) -> None:
        done.tally.add(report)
        if self.recording is not None:
            events, is_old = self.recording.events_of(report, mail)
            done.events += events
            done.old += is_old
        verdicts = None if self.hides and report.kind is Kind.OTHER else self.selection.verdicts(report)
        if verdicts is None:
            return
        if self.unique:
            done.found.append(replace(report, verdicts=tuple(verdicts)))  # sent once, not in two places
            return
        done.tally.shown += len(verdicts) or 1
        done.shown.append(self.form.rows(report, verdicts))


def done_by(jobs: int, work: Work, mails: Iterable[Mail], read: Read | None = None) -> Iterator[Done]:
    """Yield the results of `mails` in their order; a bounded number of them is under way at a time.

    :param jobs: number of processes; with 1 the work is done in this one.
    :param read: the function that reads a message, by default `Work.read`; only with one process.
    """
    if jobs == 1:  # chunks of one line: a log may still be growing
        return (work.on(chunk, read or work.read) for chunk in _chunks(mails, 1 if read else _FEW))
    return _done_elsewhere(jobs, work, mails)


def _done_elsewhere(jobs: int, work: Work, mails: Iterable[Mail]) -> Iterator[Done]:
    from concurrent.futures import Future, ProcessPoolExecutor  # not needed by one process
    from concurrent.futures.process import BrokenProcessPool

    waiting: deque[tuple[int, Future[Done]]] = deque()
    under_way = 0
    pool = ProcessPoolExecutor(jobs, initializer=_begin, initargs=(work,))
    try:
        for chunk in _chunks(mails, _MOST):
            size = sum(len(mail.raw) for mail in chunk)
            waiting.append((size, pool.submit(_work, chunk)))
            under_way += size
            while len(waiting) >= jobs * _WAITING or (under_way >= jobs * _HEAVY and waiting):
                size, first = waiting.popleft()
                yield first.result()
                under_way -= size
        for _, left in waiting:
            yield left.result()
    except BrokenProcessPool as error:
        raise UsageError("a worker process of --jobs was killed, perhaps because memory ran out") from error
    finally:
        pool.shutdown(cancel_futures=True)


def _chunks(mails: Iterable[Mail], most: int) -> Iterator[list[Mail]]:
    chunk: list[Mail] = []
    size = 0
    for mail in mails:
        chunk.append(mail)
        size += len(mail.raw)
        if len(chunk) == most or size >= _LARGEST:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


# ----------------------------------------------------------------------------------------------------------------
# In the other processes


_current: list[Work] = []
"""The work of this process, set once when it starts: sending the rules with every chunk would cost more than the mail."""


def _begin(work: Work) -> None:
    import signal  # needed in worker processes only

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process is interrupted as well, and ends this one
    _current.append(work)


def _work(mails: list[Mail]) -> Done:
    work = _current[0]
    return work.on(mails, work.read)
