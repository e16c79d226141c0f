"""Queries: single addresses, pages of addresses, statistics, and look-ups of whole lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, func, literal_column, or_, select
from sqlalchemy.engine import Connection

from undeliverable.store._engine import members
from undeliverable.store._records import Entry, Stats
from undeliverable.store._schema import ADDRESSES, EVENTS, FORGOTTEN, META
from undeliverable.store._write import event_of, hash_of, state_of
from undeliverable.suppression import ListEvent

__all__ = ["entry", "history", "is_off", "page", "setting", "stats", "suppressed"]

_PAGE: Final = 1_000
_LASTING: Final = "(t.until IS NULL OR t.until > :time)"
# The concatenation keeps planners from using the index of standings instead of the one of addresses.
_OFF: Final = f"t.standing || '' = 'suppressed' AND {_LASTING}"

_WITH_TRIGGER: Final = ADDRESSES.outerjoin(
    EVENTS, (EVENTS.c.address_id == ADDRESSES.c.id) & (EVENTS.c.key == ADDRESSES.c.trigger_key)
)
_ENTRIES: Final = select(
    ADDRESSES.c.id, ADDRESSES.c.address, ADDRESSES.c.shown, ADDRESSES.c.state,
    EVENTS.c.key, EVENTS.c.time, EVENTS.c.body, EVENTS.c.reply,
).select_from(_WITH_TRIGGER)  # fmt: skip


def setting(connection: Connection, name: str) -> str | None:
    """Return a setting of the list, or None."""
    return connection.execute(select(META.c.value).where(META.c.name == name)).scalar()


def entry(connection: Connection, address: str) -> Entry | None:
    """Return the entry of an address, or None."""
    row = connection.execute(_ENTRIES.where(ADDRESSES.c.address == address)).first()
    return None if row is None else _entry(row)


def page(connection: Connection, after: int, wanted: Sequence[Any]) -> list[tuple[int, Entry]]:
    """Return the next page of entries after an id, each with its own id; an empty list at the end."""
    query = _ENTRIES.where(ADDRESSES.c.id > after, *wanted).order_by(ADDRESSES.c.id).limit(_PAGE)
    return [(row.id, _entry(row)) for row in connection.execute(query)]


def _entry(row: Any) -> Entry:  # noqa: ANN401 # a row of the join above
    return Entry(row.address, row.shown, state_of(row.state), None if row.key is None else event_of(row))


def history(connection: Connection, address: str) -> tuple[ListEvent, ...]:
    """Return all events of an address in order."""
    query = select(EVENTS).join(ADDRESSES, ADDRESSES.c.id == EVENTS.c.address_id).where(ADDRESSES.c.address == address)
    return tuple(sorted(map(event_of, connection.execute(query)), key=lambda event: event.order))


def suppressed(connection: Connection, identities: Sequence[str], time: int, secret: bytes) -> set[str]:
    """Return the `identities` that are suppressed at `time`, found by address or by hash."""
    names = members(connection, ADDRESSES, "text", ("address",), identities, only=("address",), where=_OFF, time=time)
    found: set[str] = {row[0] for row in names}
    if connection.execute(select(FORGOTTEN.c.hash).limit(1)).first() is None:
        return found
    hashes = {hash_of(identity, secret): identity for identity in identities}
    rows = members(connection, FORGOTTEN, "text", ("hash",), list(hashes), only=("hash",), where=_LASTING, time=time)
    return found | {hashes[row[0]] for row in rows}


def is_off(time: int) -> ColumnElement[bool]:
    """Return the condition that an address is suppressed at `time`."""
    return (ADDRESSES.c.standing == "suppressed") & or_(ADDRESSES.c.until.is_(None), ADDRESSES.c.until > time)


def stats(connection: Connection, time: int) -> Stats:
    """Return the statistics of the whole list."""
    off = is_off(time)
    standing = func.coalesce(func.nullif(ADDRESSES.c.standing, "suppressed"), "clear")
    still = select(standing, func.count()).where(~off).group_by(literal_column("1"))
    standings = {str(name): int(number) for name, number in connection.execute(still)}
    causes = select(ADDRESSES.c.cause, func.count()).where(off).group_by(ADDRESSES.c.cause)
    by_cause = {str(name): int(number) for name, number in connection.execute(causes)}
    reasons = (
        select(EVENTS.c.reason, func.count())
        .select_from(_WITH_TRIGGER)
        .where(off, EVENTS.c.reason.is_not(None))
        .group_by(EVENTS.c.reason)
    )
    if by_cause:
        standings["suppressed"] = sum(by_cause.values())
    return Stats(
        addresses=sum(standings.values()),
        events=_count(connection, EVENTS),
        forgotten=_count(connection, FORGOTTEN),
        standings=standings,
        causes=by_cause,
        reasons={str(name): int(number) for name, number in connection.execute(reasons)},
    )


def _count(connection: Connection, table: Any) -> int:  # noqa: ANN401 # any table
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())
