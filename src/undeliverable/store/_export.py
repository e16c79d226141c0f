"""Export a list: as rows for another system, or with its whole history as records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from undeliverable.store._errors import StoreError
from undeliverable.store._formats import Shape, format_named
from undeliverable.store._list import SuppressionList
from undeliverable.store._records import Entry
from undeliverable.suppression import Cause

__all__ = ["export_records", "export_rows"]


def export_rows(
    known: SuppressionList,
    format: str = "csv",  # noqa: A002 # as the command's option is called
    *,
    cause: Cause | None = None,
    at: datetime | None = None,
) -> tuple[tuple[str, ...], Iterator[tuple[str, ...]]]:
    """Return the column names, and a row for each suppressed address, in the format of another system.

    A format with separate files per cause, such as bounces and complaints, exports hard bounces unless `cause` is given.

    :raises StoreError: for a format that does not exist or cannot express that cause.
    """
    shape = _shape(format, cause)
    rows = (shape.write(entry) for entry in known.entries(suppressed=True, cause=cause, at=at) if _taken(shape, entry))
    return shape.columns, rows


def export_records(known: SuppressionList, at: datetime) -> Iterator[Mapping[str, object]]:
    """Yield a record for each address with its whole history; importing them gives the same list."""
    for entry in known.entries():
        yield {
            "address": entry.shown,
            "suppressed": entry.state.is_suppressed(at),
            "state": entry.state.to_dict(),
            "events": [event.to_dict() for event in known.history(entry.address)],
        }


def _shape(name: str, cause: Cause | None) -> Shape:
    for shape in format_named(name).shapes:
        if shape.takes(cause or Cause.HARD_BOUNCE):
            return shape
    raise StoreError(f"{name}: this format cannot express the cause {cause}")


def _taken(shape: Shape, entry: Entry) -> bool:
    return entry.state.cause is not None and shape.takes(entry.state.cause)
