"""Suppression lists as the command line names them, and how addresses of one are shown."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from undeliverable import KnowledgeError, UndeliverableError
from undeliverable.cli._command import UsageError
from undeliverable.cli._neutral import neutral
from undeliverable.verdict import Report

if TYPE_CHECKING:
    from undeliverable.store import Entry, Outcome, SuppressionList
    from undeliverable.suppression import Policy

__all__ = ["Intake", "Into", "add_list", "open_list", "policy_named", "record_of", "said", "show", "table"]

_MISSING: Final = "a suppression list needs more than the library alone: pip install 'undeliverable[store]'"
_PART: Final = 500


def add_list(parser: ArgumentParser) -> None:
    """Declares LIST, which is always the last argument."""
    parser.add_argument("list", metavar="LIST", help="the path of a SQLite file, or the URL of a PostgreSQL database")


def open_list(place: str, *, create: bool = False, policy: Policy | None = None) -> SuppressionList:
    """The list at a path or URL.

    :param policy: for a list that is made now.
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
    """The ready policy of a name, or the one in a file."""
    from undeliverable.suppression import Policy

    return Policy.from_file(name) if os.path.exists(name) else Policy.builtin(name)


class Into:
    """`--into`: takes reports as they are read, and writes them in parts."""

    __slots__ = ("_known", "_outcome", "_waiting")

    def __init__(self, place: str) -> None:
        from undeliverable.suppression import ListEvent

        self._known = open_list(place, create=True)
        self._outcome: Outcome | None = None
        self._waiting: list[tuple[str, ListEvent]] = []

    def add(self, report: Report) -> None:
        """Takes what a report says of its recipients."""
        from undeliverable.suppression import events_of

        self._waiting += events_of(report, datetime.now(UTC))
        if len(self._waiting) >= _PART:
            self._write()

    def close(self) -> str:
        """Writes what was held back, drops raw replies that are too old, and says what came of it all."""
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
    """`serve --into`: writes reports before it returns, whichever thread they come in."""

    __slots__ = ("_known", "_lock")

    def __init__(self, place: str) -> None:
        from threading import Lock

        self._known = open_list(place, create=True)
        self._lock = Lock()

    def add(self, reports: Sequence[Report]) -> None:
        """Takes what reports say of their recipients; raises when it could not be written."""
        with self._lock:
            for report in reports:
                self._known.record_report(report)


def said(outcome: Outcome | None) -> str:
    """What came of events, in one line."""
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


def table(rows: Iterable[Sequence[object]], header: Sequence[str]) -> Iterator[str]:
    """Aligned lines, in blocks, so that memory stays small; foreign text made harmless."""
    widths = [len(name) for name in header]
    block: list[list[str]] = [list(header)]
    for row in rows:
        block.append(["-" if cell in (None, "") else neutral(str(cell)) for cell in row])
        if len(block) >= _PART:
            yield from _aligned(block, widths)
            block = []
    yield from _aligned(block, widths)


def _aligned(block: Sequence[Sequence[str]], widths: list[int]) -> Iterator[str]:
    for row in block:
        for index, cell in enumerate(row):
            widths[index] = max(widths[index], len(cell))
    for row in block:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def record_of(entry: Entry, at: datetime) -> dict[str, object]:
    """An address as a JSON record."""
    return {
        "address": entry.shown,
        "suppressed": entry.state.is_suppressed(at),
        "state": entry.state.to_dict(),
        "trigger": None if entry.trigger is None else entry.trigger.to_dict(),
    }


def show(lines: Iterable[str]) -> None:
    """Writes lines to standard output."""
    for line in lines:
        sys.stdout.write(f"{line}\n")
