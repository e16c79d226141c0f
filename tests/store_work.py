"""What other processes do in the tests of the store: `python -m tests.store_work`-like, as a script of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from undeliverable import Advice, BounceType, Fault, Reason
from undeliverable.store import SuppressionList, read_import
from undeliverable.suppression import EventKind, ListEvent

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def record(place: str, name: str, number: int) -> None:
    """Writes events in small parts: some for addresses of its own, some for addresses that all share."""
    events = (
        (
            f"shared{item % 2000}@example.org" if item % 2 else f"{name}{item % 1000}@example.org",
            ListEvent(
                kind=EventKind.BOUNCE,
                time=BEGIN + timedelta(minutes=item),
                key=f"{name}:{item}",
                bounce_type=BounceType.SOFT,
                reason=Reason.SYSTEM_ERROR,
                fault=Fault.SYSTEM,
                advice=Advice.RETRY,
                reply="451 4.3.0 try again later",
            ),
        )
        for item in range(number)
    )
    with SuppressionList(place) as known:
        while part := list(islice(events, 250)):
            known.record(part)


def load(place: str, file: str) -> None:
    """Imports a file."""
    with SuppressionList(place) as known, Path(file).open("rb") as source:
        known.record(_told(read_import(source)))
        print("done", flush=True)


def _told(events: Iterable[tuple[str, ListEvent]]) -> Iterator[tuple[str, ListEvent]]:
    """The events, with their number said now and then."""
    for number, item in enumerate(events):
        if number % 500 == 0:
            print(number, flush=True)
        yield item


if __name__ == "__main__":
    if sys.argv[1] == "record":
        record(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        load(sys.argv[2], sys.argv[3])
