"""Where reports go before they are acknowledged: into a file of records, then into a suppression list.

A report is acknowledged when both have it on disk. If the program dies between the two, or one of them cannot be
written, the sender repeats: the record then stands in the file a second time, with the same keys, and the list takes
each event once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from undeliverable import Report
from undeliverable.serve import records
from undeliverable.suppression import ListEvent, events_of

__all__ = ["Intake", "Recorder", "Taken", "ignored_of"]


class Recorder(Protocol):
    """What takes the events of reports: a :class:`~undeliverable.store.SuppressionList`."""

    def record(self, events: Iterable[tuple[str, ListEvent]], /) -> object:
        """Record events, each once however often it is given; raise when they could not be written."""
        ...


class Taken(NamedTuple):
    """One report on its way.

    :ivar report: the report, with the time of its receipt.
    :ivar line: its line in the file of records; None if that has it already.
    :ivar counts: False for one that is too old to say how its addresses are; it gives the list no events.
    """

    report: Report
    line: bytes | None
    counts: bool = True


class Intake:
    """A file of records and a list, or one of them.

    :param to: the file of records (:mod:`undeliverable.serve.records`), or None.
    :param into: the list, or None.
    """

    __slots__ = ("into", "to")

    def __init__(self, to: str | os.PathLike[str] | None = None, into: Recorder | None = None) -> None:
        self.to = to
        self.into = into

    def store(self, taken: Sequence[Taken]) -> object:
        """Return when all of `taken` is on disk; raise when it is not, and then the sender has to repeat it.

        The result is that of the list, for :func:`ignored_of`.
        """
        # Judged before anything is written: what fails here would otherwise add a line whenever the sender repeats it.
        counting = [each.report for each in taken if each.counts] if self.into is not None else []
        events = [event for report in counting for event in _events(report)]
        lines = [each.line for each in taken if each.line is not None]
        if self.to is not None and lines:
            records.append(self.to, lines)
        return None if self.into is None else self.into.record(events)


def ignored_of(report: Report, outcome: object) -> int:
    """Return how many events of a report a list ignored.

    :param outcome: what :meth:`Intake.store` returned for this report and perhaps others.
    """
    keys: tuple[str, ...] = getattr(outcome, "ignored_keys", ())
    return sum(event.key in keys for _, event in _events(report)) if keys else 0


def _events(report: Report) -> Iterable[tuple[str, ListEvent]]:
    return events_of(report, report.received or datetime.now(UTC))
