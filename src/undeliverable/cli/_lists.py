"""Suppression lists on the command line: opening one, writing reports into it, and showing an address."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from undeliverable import KnowledgeError, UndeliverableError
from undeliverable.cli._command import UsageError
from undeliverable.verdict import Report

if TYPE_CHECKING:
    from undeliverable.store import Entry, Outcome, SuppressionList
    from undeliverable.suppression import Policy

__all__ = ["Intake", "Into", "add_list", "open_list", "policy_named", "record_of", "said"]

_MISSING: Final = "suppression lists need the extra `store`: pip install 'undeliverable[store]'"
_PART: Final = 500


def add_list(parser: ArgumentParser) -> None:
    """Declare LIST, which is always the last argument."""
    parser.add_argument("list", metavar="LIST", help="the path of a SQLite file, or the URL of a PostgreSQL database")


def open_list(place: str, *, create: bool = False, policy: Policy | None = None) -> SuppressionList:
    """Open the list at a path or URL.

    :param policy: the policy of a new list.
    :raises UsageError: when it cannot be opened.
    """
    try:
        from undeliverable.store import SuppressionList
    except ImportError:
        raise UsageError(_MISSING) from None
    try:
        return SuppressionList(place, create=create, policy=policy)
    except KnowledgeError:
        raise
    except UndeliverableError as error:
        raise UsageError(str(error)) from None


def policy_named(name: str) -> Policy:
    """Return the ready-made policy of a name, or the policy in a file."""
    from undeliverable.suppression import Policy

    return Policy.from_file(name) if os.path.exists(name) else Policy.builtin(name)


class Into:
    """`--into`: collect the events of reports and write them in batches."""

    __slots__ = ("_known", "_outcome", "_waiting")

    def __init__(self, place: str) -> None:
        from undeliverable.suppression import ListEvent

        self._known = open_list(place, create=True)
        self._outcome: Outcome | None = None
        self._waiting: list[tuple[str, ListEvent]] = []

    def add(self, report: Report) -> None:
        """Collect the events of a report's recipients."""
        from undeliverable.suppression import events_of, receipt_of

        self._waiting += events_of(report, receipt_of(report, datetime.now(UTC)))
        if len(self._waiting) >= _PART:
            self._write()

    def close(self) -> str:
        """Write the last batch, drop raw replies that are too old, and return a summary of all batches."""
        self._write()
        self._known.tidy()
        self._known.close()
        return f"{self._known.place}: {said(self._outcome)}"

    def _write(self) -> None:
        if self._waiting:
            outcome = self._known.record(self._waiting)
            self._outcome = outcome if self._outcome is None else self._outcome + outcome
            self._waiting.clear()


class Intake:
    """`serve --into`: write reports before the request is answered; safe to call from any thread."""

    __slots__ = ("_known", "_lock")

    def __init__(self, place: str) -> None:
        from threading import Lock

        self._known = open_list(place, create=True)
        self._lock = Lock()

    def add(self, reports: Sequence[Report]) -> None:
        """Record the events of reports; raise when they could not be written."""
        with self._lock:
            for report in reports:
                self._known.record_report(report)


def said(outcome: Outcome | None) -> str:
    """Return the counts of recorded events in one line."""
    if outcome is None:
        return "no events"
    parts = (
        f"{outcome.new:,} new events",
        f"{outcome.known:,} known" if outcome.known else "",
        f"{outcome.forgotten:,} of forgotten addresses" if outcome.forgotten else "",
        f"{len(outcome.suppressed):,} addresses suppressed",
        f"{len(outcome.released):,} released" if outcome.released else "",
    )
    return ", ".join(filter(None, parts))


def record_of(entry: Entry, at: datetime) -> dict[str, object]:
    """Return an address as a JSON record."""
    return {
        "address": entry.shown,
        "suppressed": entry.state.is_suppressed(at),
        "state": entry.state.to_dict(),
        "trigger": None if entry.trigger is None else entry.trigger.to_dict(),
    }
