"""Hold hard bounces while a provider answers wrongly: the traffic in the database, see `_traffic` for what is a spell.

Counts are read without a lock and added under one at the end of the transaction, so that writers wait for each other
only briefly. What one writer has not committed yet, another one may not see; no count is lost by that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.engine import Connection

from undeliverable import BounceType
from undeliverable.store._engine import INSERT, members
from undeliverable.store._identity import bounded, storable
from undeliverable.store._records import Hold
from undeliverable.store._schema import TRAFFIC
from undeliverable.store._traffic import LEAST, Spell, Traffic, Tried, first_text, moment_of, slot_of
from undeliverable.suppression import AddressState, EventKind, ListEvent, Policy, Signal, Standing

__all__ = ["Watch", "adopt", "decided", "drop", "holds", "undecided"]

HELD_FOR: Final = timedelta(hours=24)
"""For how long a hard bounce is held before it takes effect by itself."""

# As text, since this runs for every event that is recorded alone.
_SAVE: Final = text(
    "INSERT INTO undeliverable_traffic (provider, newest, counts, spells) VALUES (:provider, :newest, :counts, :spells)"
    " ON CONFLICT (provider)"
    " DO UPDATE SET newest = excluded.newest, counts = excluded.counts, spells = excluded.spells"
)
_HOUR: Final = timedelta(hours=1)
_ALL: Final = ""  # the name under which all providers are counted together
_KEPT: Final = timedelta(days=60)  # a provider without traffic is forgotten then
_OFF: Final = frozenset({Standing.SUPPRESSED, Standing.HELD})
_TRIED: Final = frozenset({EventKind.BOUNCE, EventKind.DELIVERY})


class _Provider:
    """A provider while a batch is written, with what has to be added to its traffic."""

    __slots__ = ("_counted", "_held", "_is_all", "_row", "_traffic")

    def __init__(self, row: Any, *, is_all: bool = False) -> None:  # noqa: ANN401 # a row of the table, or None
        self._row = row
        self._is_all = is_all
        self._traffic: Traffic | None = None  # most providers are domains with few addresses, which need none
        self._counted: list[tuple[int, Tried]] = []
        self._held: list[tuple[Spell, int]] = []

    @property
    def is_changed(self) -> bool:
        """Whether there is something to add."""
        return bool(self._counted or self._held)

    @property
    def traffic(self) -> Traffic:
        """The traffic with what was added."""
        if self._traffic is None:
            self._traffic = self._added_to(_traffic(self._row, is_all=self._is_all))
        return self._traffic

    def count(self, slot: int, what: Tried) -> None:
        """Count a recipient in a slot."""
        self._counted.append((slot, what))
        if self._traffic is not None:
            self._traffic.count(slot, what)

    def hold(self, spell: Spell, slot: int) -> None:
        """Count a hard bounce in a slot as held."""
        self.traffic.hold(replace(spell), slot)
        self._held.append((spell, slot))

    def spell(self, slot: int, everything: _Provider, times: float) -> Spell | None:
        """Return the spell that a slot is part of, with its latest sign."""
        if self._row is None and len(self._counted) < LEAST:
            return None
        return self.traffic.judge(slot, everything.traffic, times)

    def merge(self, row: Any) -> None:  # noqa: ANN401 # as above
        """Take over what another writer has added since the row was read."""
        if row.counts != (None if self._row is None else self._row.counts):
            adopts = self._traffic is not None and self._traffic.is_adopted
            self._row, self._traffic = row, None
            if adopts:
                self.traffic.adopt()

    def values(self, name: str) -> dict[str, object]:
        """Return the row with what was added."""
        if self._row is None and self._traffic is None and len(self._counted) == 1:
            slot, what = self._counted[0]
            return {"provider": name, "newest": slot, "counts": first_text(slot, what), "spells": None}
        counts, spells = self.traffic.to_texts()
        return {"provider": name, "newest": self.traffic.newest, "counts": counts, "spells": spells}

    def _added_to(self, traffic: Traffic) -> Traffic:
        for slot, what in self._counted:
            traffic.count(slot, what)
        for spell, slot in self._held:
            traffic.hold(replace(spell), slot)
        return traffic


class Watch:
    """Count the traffic of one batch, and hold what is part of a spell."""

    __slots__ = ("_all", "_connection", "_policy", "_providers", "_times", "held")

    def __init__(self, connection: Connection, policy: Policy, times: float) -> None:
        self._connection = connection
        self._policy = policy
        self._times = times
        self._all = _Provider(None, is_all=True)
        self._providers: dict[str, _Provider] = {}
        self.held: dict[str, None] = {}  # the providers of what was held

    def open(self, events: Iterable[ListEvent]) -> None:
        """Read the traffic of the providers of `events`."""
        names = {_named(event.provider) for event in events if event.provider and _is_traffic(event)}
        if names:
            found = members(self._connection, TRAFFIC, "text", ("provider",), [_ALL, *sorted(names)])
            rows = {row.provider: row for row in found}
            self._all = _Provider(rows.get(_ALL), is_all=True)
            self._providers = {name: _Provider(rows.get(name)) for name in names}

    def take(self, event: ListEvent, state: AddressState, *, is_new: bool) -> ListEvent:
        """Return the event, held if it is part of a spell.

        :param state: the state of the address before it.
        :param is_new: False for an event of which another version was counted before.
        """
        if not event.provider or not _is_traffic(event):
            return event
        slot, name = slot_of(event.time), _named(event.provider)
        provider, what = self._providers[name], self._result(event)
        is_new = is_new and not _is_counted(what, event, state)
        spell = provider.spell(slot, self._all, self._times) if what is Tried.HARD else None
        if spell is None:
            if is_new:
                provider.count(slot, what)
                self._all.count(slot, what)
            return event
        if is_new:
            provider.hold(spell, slot)
        self.held[name] = None
        return replace(event, held_until=event.time + HELD_FOR)

    def _result(self, event: ListEvent) -> Tried:
        if event.kind is EventKind.DELIVERY:
            return Tried.DELIVERED
        is_hard = event.bounce_type is BounceType.HARD and self._policy.signal(event) is not Signal.HARMLESS
        return Tried.HARD if is_hard else Tried.OTHER

    def save(self) -> None:
        """Add what was counted to the traffic in the database."""
        everything = {_ALL: self._all, **self._providers}
        changed = {name: one for name, one in sorted(everything.items()) if one.is_changed}
        if not changed:
            return
        if self._connection.dialect.name == "postgresql":
            # Lock the rows: other writers may have added to them since they were read.
            first = [{"provider": name, "newest": 0, "counts": "", "spells": None} for name in changed]
            self._connection.execute(INSERT["postgresql"](TRAFFIC).on_conflict_do_nothing(), first)
            for row in members(self._connection, TRAFFIC, "text", ("provider",), list(changed), lock="provider"):
                changed[row.provider].merge(row)
        self._connection.execute(_SAVE, [one.values(name) for name, one in changed.items()])


def holds(connection: Connection, since: datetime) -> list[Hold]:
    """Return the holds that were on after a time, the latest first."""
    query = select(TRAFFIC.c.provider, TRAFFIC.c.counts, TRAFFIC.c.spells).where(TRAFFIC.c.spells.is_not(None))
    found = [_hold(row.provider, spell) for row in connection.execute(query) for spell in _traffic(row).spells]
    return sorted((hold for hold in found if hold.until > since), key=lambda hold: hold.since, reverse=True)


def _hold(provider: str, spell: Spell) -> Hold:
    return Hold(
        provider=provider,
        since=moment_of(spell.since),
        until=moment_of(spell.end),
        held=spell.held,
        hard=spell.hard,
        tried=spell.tried,
        expected=spell.expected,
    )


def adopt(connection: Connection, providers: Iterable[str]) -> None:
    """End the holds of providers: what is held there was no error."""
    rows = members(
        connection, TRAFFIC, "text", ("provider",), sorted(set(providers)), where="t.spells IS NOT NULL", lock="provider",
    )  # fmt: skip
    for row in rows:
        traffic = _traffic(row)
        traffic.adopt()
        counts, spells = traffic.to_texts()
        update = TRAFFIC.update().where(TRAFFIC.c.provider == row.provider)
        connection.execute(update.values(counts=counts, spells=spells))


def drop(connection: Connection, at: datetime) -> None:
    """Forget providers at which nothing was tried for long."""
    connection.execute(TRAFFIC.delete().where(TRAFFIC.c.newest < slot_of(at - _KEPT)))


def decided(event: ListEvent) -> ListEvent:
    """Return an event of a list that is imported: whether to hold it was decided there."""
    return event if event.held_until is not None else replace(event, held_until=event.time)


def undecided(event: ListEvent) -> ListEvent:
    """Return the event without the mark of :func:`decided`."""
    return replace(event, held_until=None) if event.held_until == event.time else event


def _traffic(row: Any, *, is_all: bool = False) -> Traffic:  # noqa: ANN401 # a row of the table, or None
    if row is None or not row.counts:
        return Traffic(everything=is_all)
    return Traffic.from_texts(row.counts, row.spells, everything=is_all)


def _named(provider: str) -> str:
    """Return the name of a provider that fits an index."""
    return bounded(storable(provider))


def _is_traffic(event: ListEvent) -> bool:
    """Return whether an event shows that a delivery was attempted; one of an imported list does not."""
    return event.kind in _TRIED and event.held_until is None


def _is_counted(what: Tried, event: ListEvent, state: AddressState) -> bool:
    """Return whether the recipient was counted before: what counts are recipients, not messages."""
    if what is Tried.HARD:
        return state.standing in _OFF
    last = state.last_delivery if what is Tried.DELIVERED else state.last_bounce
    return last is not None and abs(event.time - last) < _HOUR
