"""The summary line of `classify` on standard error."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

from undeliverable.cli._words import counted
from undeliverable.reasons import BounceType
from undeliverable.verdict import INSIDE, Report

__all__ = ["Tally", "is_inside"]


def is_inside(report: Report) -> bool:
    """Return whether what was read stands inside another message."""
    return any(INSIDE in verdict.conflicts for verdict in report.verdicts)


class Tally:
    """Counts of reports and verdicts.

    :ivar messages: number of messages read; for logs, of lines about a delivery.
    :ivar lines: number of log lines read.
    :ivar inside: number of reports that stand inside another message.
    :ivar unread: number of records that are none.
    :ivar broken: number of messages that the library failed on, each of them a bug.
    """

    __slots__ = (
        "_begin",
        "_kinds",
        "_reasons",
        "_types",
        "_verdicts",
        "broken",
        "inside",
        "lines",
        "messages",
        "unread",
    )

    def __init__(self) -> None:
        self.messages = 0
        self.broken = 0
        self.unread = 0
        self.inside = 0
        self.lines = 0
        self._verdicts = 0
        self._begin = time.perf_counter()
        self._kinds: Counter[str] = Counter()
        self._types: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()

    def add(self, report: Report) -> None:
        """Count one report with its verdicts."""
        self.messages += 1
        self._kinds[str(report.kind)] += 1
        self.inside += is_inside(report)
        for verdict in report.verdicts:
            self._verdicts += 1
            if verdict.bounce_type is not None:
                self._types[str(verdict.bounce_type)] += 1
            if verdict.reason is not None:
                self._reasons[str(verdict.reason)] += 1

    def join(self, other: Tally) -> None:
        """Add the counts of another tally."""
        self.messages += other.messages
        self.broken += other.broken
        self.unread += other.unread
        self.inside += other.inside
        self.lines += other.lines
        self._verdicts += other._verdicts
        self._kinds.update(other._kinds)
        self._types.update(other._types)
        self._reasons.update(other._reasons)

    def line(self, *, failed: int, skipped: int, unread: int = 0) -> str:
        """Return the summary in one line."""
        unread += self.unread
        seconds = time.perf_counter() - self._begin
        types = ", ".join(f"{self._types[kind]} {kind}" for kind in BounceType if self._types[kind])
        parts = (
            f"{counted(self.lines, 'line')} read" if self.lines else "",
            f"{counted(self.messages, 'message')}{_brackets(_ranked(self._kinds))}",
            f"{counted(self._verdicts, 'verdict')}{_brackets(types)}",
            _ranked(self._reasons),
            f"{self.inside} inside another message" if self.inside else "",
            f"{counted(skipped, 'file')} skipped, no mail" if skipped else "",
            f"{counted(unread, 'line')} skipped, no record" if unread else "",
            f"{counted(failed + self.broken, 'file')} failed" if failed + self.broken else "",
            f"{seconds:.2f} s",
        )
        return "; ".join(filter(None, parts))


def _brackets(text: str) -> str:
    return f" ({text})" if text else ""


def _ranked(counts: Counter[str]) -> str:
    ranked: Iterable[tuple[str, int]] = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{number} {name}" for name, number in ranked)
