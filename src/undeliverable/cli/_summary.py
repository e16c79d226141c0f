"""The counts of `classify`: of messages by kind, and of recipients by what became of them."""

from __future__ import annotations

from collections import Counter

from undeliverable.cli._fields import state_of
from undeliverable.reasons import Advice
from undeliverable.verdict import INSIDE, Kind, Report

__all__ = ["Failure", "Tally", "is_inside"]

Failure = tuple[str, str, str]
"""The state of a recipient, the advice and the reason; empty where there is none."""


def is_inside(report: Report) -> bool:
    """Return whether what was read stands inside another message."""
    return any(INSIDE in verdict.conflicts for verdict in report.verdicts)


class Tally:
    """Counts of reports and recipients.

    :ivar messages: number of messages read; for logs, of lines about a delivery.
    :ivar lines: number of log lines read.
    :ivar inside: number of reports that stand inside another message.
    :ivar unread: number of records that are none.
    :ivar broken: number of messages that the library failed on, each of them a bug.
    :ivar shown: number of rows that are to be shown.
    :ivar kinds: number of messages of each kind.
    :ivar recipients: number of the recipients in bounces, by state, advice and reason.
    """

    __slots__ = ("broken", "inside", "kinds", "lines", "messages", "recipients", "shown", "unread")

    def __init__(self) -> None:
        self.messages = 0
        self.broken = 0
        self.unread = 0
        self.inside = 0
        self.lines = 0
        self.shown = 0
        self.kinds: Counter[Kind] = Counter()
        self.recipients: Counter[Failure] = Counter()

    def add(self, report: Report) -> None:
        """Count one report with its verdicts."""
        self.messages += 1
        self.kinds[report.kind] += 1
        self.inside += is_inside(report)
        if report.kind is Kind.BOUNCE:
            for one in report.verdicts:
                advice = "" if one.advice in {None, Advice.NONE} else str(one.advice)
                self.recipients[state_of(report, one), advice, str(one.reason or "")] += 1

    def join(self, other: Tally) -> None:
        """Add the counts of another tally."""
        self.messages += other.messages
        self.broken += other.broken
        self.unread += other.unread
        self.inside += other.inside
        self.lines += other.lines
        self.shown += other.shown
        self.kinds.update(other.kinds)
        self.recipients.update(other.recipients)
