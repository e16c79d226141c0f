"""`--jobs`: messages judged by several processes, what they say taken back in the order in which it was read.

One process or many, the same functions do the work: the output has the same bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from undeliverable import Knowledge, parse
from undeliverable.cli._command import UsageError
from undeliverable.cli._inputs import Mail
from undeliverable.cli._rows import Rows
from undeliverable.cli._select import Selection
from undeliverable.cli._summary import Tally
from undeliverable.cli._writers import RENDERERS, Renderer, joined
from undeliverable.verdict import Report

__all__ = ["Done", "Work", "done_by"]

Read = Callable[[Mail], Report | None]

_MOST: Final = 128
"""Messages of a chunk: fewer cost more in handing over than they save."""
_FEW: Final = 16
"""Messages of a chunk that stays in this process."""
_LARGEST: Final = 4 * 1024 * 1024
"""Octets of a chunk, so that memory stays bounded."""
_WAITING: Final = 8
"""Chunks per process that are under way: in work, to be begun, to be written. While the machine is busy elsewhere and one
process waits for it, the others go on."""
_HEAVY: Final = 3 * _LARGEST
"""Octets per process that are under way, unless it is one chunk: three of the largest."""


class Done:
    """What came of some messages.

    :ivar tally: their number, kinds and reasons.
    :ivar shown: the rows of each message that is to be shown, or of all of them.
    :ivar reports: the reports, where they were asked for.
    :ivar problems: what the library failed on, which would be a fault of its own.
    """

    __slots__ = ("problems", "reports", "shown", "tally")

    def __init__(self) -> None:
        self.tally = Tally()
        self.shown: list[Rows] = []
        self.reports: list[Report] = []
        self.problems: list[str] = []


class Work(NamedTuple):
    """What is to be done with messages; can be sent to another process.

    :ivar format: of the output.
    :ivar keep: the reports themselves are asked for, too.
    """

    knowledge: Knowledge
    selection: Selection
    format: str
    keep: bool = False

    def read(self, mail: Mail) -> Report:
        """The report that a message is."""
        return parse(mail.raw, knowledge=self.knowledge, source=mail.source)

    def on(self, mails: Iterable[Mail], read: Read) -> Done:
        """Reads, judges and renders `mails`."""
        done, render = Done(), RENDERERS[self.format]
        for mail in mails:
            try:
                report = read(mail)
            except Exception as error:  # noqa: BLE001 # mail never raises; if it does, one must not cost the others
                done.tally.broken += 1
                done.problems.append(f"{mail.source}: {type(error).__name__}: {error}")
                continue
            if report is not None:
                self._take(report, done, render)
        done.shown = joined(self.format, done.shown)
        return done

    def _take(self, report: Report, done: Done, render: Renderer) -> None:
        done.tally.add(report)
        if self.keep:
            done.reports.append(report)
        verdicts = self.selection.verdicts(report)
        if verdicts is not None:
            done.shown.append(render(report, verdicts))


def done_by(jobs: int, work: Work, mails: Iterable[Mail], read: Read | None = None) -> Iterator[Done]:
    """What came of `mails`, in their order; a bounded number of them is under way at a time.

    :param jobs: how many processes; with 1 the work is done in this one.
    :param read: how a message is read where it is not `Work.read`; only for one process.
    """
    if jobs == 1:  # a line of a log that still grows is not held back
        return (work.on(chunk, read or work.read) for chunk in _chunks(mails, 1 if read else _FEW))
    return _done_elsewhere(jobs, work, mails)


def _done_elsewhere(jobs: int, work: Work, mails: Iterable[Mail]) -> Iterator[Done]:
    from concurrent.futures import Future, ProcessPoolExecutor  # costs a cold start of one process nothing
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
        raise UsageError("a process of --jobs was ended from outside, perhaps for want of memory") from error
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
"""The work of this process, set once when it begins: sent with every chunk, the rules would cost more than the mail."""


def _begin(work: Work) -> None:
    import signal  # of the other processes only

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process is interrupted, too, and ends this one
    _current.append(work)


def _work(mails: list[Mail]) -> Done:
    work = _current[0]
    return work.on(mails, work.read)
