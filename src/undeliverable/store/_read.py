"""Queries: single addresses, pages of addresses, statistics, and look-ups of whole lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, case, func, literal_column, or_, select, true
from sqlalchemy.engine import Connection

from undeliverable.store import _proof
from undeliverable.store._domains import active, covering, domain_of
from undeliverable.store._engine import members
from undeliverable.store._forgotten import Hashes
from undeliverable.store._hold import holds
from undeliverable.store._records import Entry, Stats, moment
from undeliverable.store._rows import event_of, state_of
from undeliverable.store._schema import ADDRESSES, EVENTS, FORGOTTEN, META, SCOPES
from undeliverable.store._scopes import GLOBAL, has_scopes
from undeliverable.suppression import ListEvent

__all__ = [
    "below", "entries", "history", "in_scope", "is_held", "is_off", "page", "scopes", "setting", "settings", "stats", "suppressed",
]  # fmt: skip

_PAGE: Final = 1_000
_LASTING: Final = "(t.until IS NULL OR t.until > :time)"
# The concatenation keeps planners from using the index of standings instead of the one of addresses.
_OFF: Final = (
    f"t.standing || '' IN ('suppressed', 'held') AND (t.held_until IS NULL OR t.held_until <= :time) AND {_LASTING}"
)
_OTHERS: Final = "SELECT EXISTS (SELECT 1 FROM undeliverable_forgotten), EXISTS (SELECT 1 FROM undeliverable_domains)"

_WITH_TRIGGER: Final = ADDRESSES.outerjoin(
    EVENTS, (EVENTS.c.address_id == ADDRESSES.c.id) & (EVENTS.c.key == ADDRESSES.c.trigger_key)
)
_ENTRIES: Final = select(
    ADDRESSES.c.id, ADDRESSES.c.address, ADDRESSES.c.shown, ADDRESSES.c.state, ADDRESSES.c.scope,
    EVENTS.c.key, EVENTS.c.time, EVENTS.c.body, EVENTS.c.reply,
).select_from(_WITH_TRIGGER)  # fmt: skip


def settings(connection: Connection) -> dict[str, str]:
    """Return all settings of the list."""
    return {row.name: row.value for row in connection.execute(META.select())}


def setting(connection: Connection, name: str) -> str | None:
    """Return a setting of the list, or None."""
    return connection.execute(select(META.c.value).where(META.c.name == name)).scalar()


def entries(connection: Connection, address: str, scopes: Sequence[str]) -> tuple[Entry, ...]:
    """Return the entries of an address in scopes, in their order."""
    query = _ENTRIES.where(ADDRESSES.c.address == address, ADDRESSES.c.scope.in_(scopes))
    found = map(_entry, connection.execute(query))
    return tuple(sorted(found, key=lambda entry: scopes.index(entry.scope)))


def page(connection: Connection, after: int, wanted: Sequence[Any], most: int = _PAGE) -> list[tuple[int, Entry]]:
    """Return the next page of entries after an id, each with its own id; an empty list at the end."""
    query = _ENTRIES.where(ADDRESSES.c.id > after, *wanted).order_by(ADDRESSES.c.id).limit(most)
    return [(row.id, _entry(row)) for row in connection.execute(query)]


def _entry(row: Any) -> Entry:  # noqa: ANN401 # a row of the join above
    trigger = None if row.key is None else event_of(row)
    return Entry(row.address, row.shown, state_of(row.state), trigger, row.scope)


def history(connection: Connection, address: str, scope: str) -> tuple[ListEvent, ...]:
    """Return all events of an address in a scope, in order."""
    query = select(EVENTS).join(ADDRESSES, ADDRESSES.c.id == EVENTS.c.address_id)
    rows = connection.execute(query.where(ADDRESSES.c.address == address, ADDRESSES.c.scope == scope))
    return tuple(sorted(map(event_of, rows), key=lambda event: event.order))


def in_scope(scope: str) -> ColumnElement[bool]:
    """Return the condition that an address is in a scope."""
    # The second condition lets planners use the index of scopes, which leaves the global one out.
    return ADDRESSES.c.scope == scope if scope == GLOBAL else (ADDRESSES.c.scope == scope) & (ADDRESSES.c.scope != "")


def below(scope: str) -> ColumnElement[bool]:
    """Return the condition that an address is in a scope or in one below it."""
    if scope == GLOBAL:
        return true()
    return or_(ADDRESSES.c.scope == scope, func.substr(ADDRESSES.c.scope, 1, len(scope) + 1) == f"{scope}/")


def suppressed(
    connection: Connection, identities: Sequence[str], time: int, hashes: Hashes, seen_scopes: Sequence[str]
) -> set[str]:
    """Return the `identities` that are suppressed at `time` in one of the scopes: by address, by hash, or by domain."""
    names = {f"scope_{number}": scope for number, scope in enumerate(seen_scopes)}
    seen = f"t.scope IN ({', '.join(f':{name}' for name in names)})"
    rows = members(
        connection, ADDRESSES, "text", ("address",), identities,
        only=("address",), where=f"{seen} AND {_OFF}", time=time, **names,
    )  # fmt: skip
    found: set[str] = {row[0] for row in rows}
    has_forgotten, has_domains = connection.exec_driver_sql(_OTHERS).one()
    if has_forgotten:
        owners = hashes.owners(identities, seen_scopes)
        kept = members(
            connection, FORGOTTEN, "text", ("hash",), list(owners), only=("hash",), where=_LASTING, time=time
        )
        found = found.union(*(owners[row[0]] for row in kept))
    if has_domains:
        domains = {identity: domain_of(identity) for identity in identities}
        whole = {row.domain for row in covering(connection, set(domains.values()), time, seen_scopes)}
        found |= {identity for identity, domain in domains.items() if domain in whole}
    return found


def is_off(time: int) -> ColumnElement[bool]:
    """Return the condition that an address is suppressed at `time`."""
    begun = or_(ADDRESSES.c.held_until.is_(None), ADDRESSES.c.held_until <= time)
    return ADDRESSES.c.standing.in_(("suppressed", "held")) & begun & _is_lasting(time)


def is_held(time: int) -> ColumnElement[bool]:
    """Return the condition that the suppression of an address is held at `time`."""
    return (ADDRESSES.c.standing == "held") & (ADDRESSES.c.held_until > time)


def _is_lasting(time: int) -> ColumnElement[bool]:
    return or_(ADDRESSES.c.until.is_(None), ADDRESSES.c.until > time)


def stats(connection: Connection, time: int, scope: str) -> Stats:
    """Return the statistics of a scope."""
    own = in_scope(scope)
    off = is_off(time) & own
    standing = case((is_held(time), "held"), (ADDRESSES.c.standing == "counting", "counting"), else_="clear")
    still = select(standing, func.count()).where(own, ~is_off(time)).group_by(literal_column("1"))
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
        events=_count_events(connection, scope),
        forgotten=_count(connection, FORGOTTEN, FORGOTTEN.c.scope == scope),
        standings=standings,
        causes=by_cause,
        reasons={str(name): int(number) for name, number in connection.execute(reasons)},
        domains=len(active(connection, time, scope)),
        ignored=_proof.by_proof(connection, scope, time),
        warnings=_warnings(connection, scope, time),
    )


def _warnings(connection: Connection, scope: str, time: int) -> tuple[str, ...]:
    now = moment(time)
    on = [hold.text for hold in holds(connection, now) if hold.is_on(now)]
    ignored = _proof.warning(connection, scope, time)
    return (*on, *(() if ignored is None else (ignored,)))


def scopes(connection: Connection) -> tuple[str, ...]:
    """Return the names of all scopes except the global one."""
    return tuple(connection.execute(select(SCOPES.c.name).order_by(SCOPES.c.name)).scalars())


def _count_events(connection: Connection, scope: str) -> int:
    if scope == GLOBAL and not has_scopes(connection):
        return _count(connection, EVENTS)
    joined = EVENTS.join(ADDRESSES, ADDRESSES.c.id == EVENTS.c.address_id)
    return int(connection.execute(select(func.count()).select_from(joined).where(in_scope(scope))).scalar_one())


def _count(connection: Connection, table: Any, *where: Any) -> int:  # noqa: ANN401 # any table, any conditions
    return int(connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one())
