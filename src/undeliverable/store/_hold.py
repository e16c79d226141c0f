"""Hold hard bounces while a provider answers wrongly: the traffic in the database, see `_traffic` for what is a spell.

Counts are read without a lock and added under one at the end of the transaction, so that writers wait for each other
only briefly. What one writer has not committed yet, another one may not see; no count is lost by that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.engine import Connection

from undeliverable import BounceType
from undeliverable.store._engine import INSERT, members
from undeliverable.store._identity import bounded, storable
from undeliverable.store._records import Hold
from undeliverable.store._schema import TRAFFIC
from undeliverable.store._traffic import AFTER, DAY, Spell, Traffic, Tried, moment_of, slot_of
from undeliverable.suppression import AddressState, EventKind, ListEvent, Policy, Signal, Standing

__all__ = ["Watch", "adopt", "decided", "drop", "holds", "undecided"]

HELD_FOR: Final = timedelta(hours=24)
"""For how long a hard bounce is held before it takes effect by itself."""

_HOUR: Final = timedelta(hours=1)
_ALL: Final = ""  # the name under which all providers are counted together
_KEPT: Final = timedelta(days=60)  # a provider without traffic is forgotten then
_OFF: Final = frozenset({Standing.SUPPRESSED, Standing.HELD})
_TRIED: Final = frozenset({EventKind.BOUNCE, EventKind.DELIVERY})


@dataclass(slots=True)
class _Provider:
    """A provider while a batch is written, with what has to be added to its traffic."""

    text: str
    traffic: Traffic
    counted: Counter[tuple[int, Tried]] = field(default_factory=Counter[tuple[int, Tried]])
    held: list[tuple[Spell, int]] = field(default_factory=list[tuple[Spell, int]])
    adopted: bool = False

    def count(self, slot: int, what: Tried) -> None:
        self.traffic.count(slot, what)
        self.counted[slot, what] += 1

    def hold(self, spell: Spell, slot: int) -> None:
        self.traffic.hold(replace(spell), slot)
        self.held.append((spell, slot))

    def added_to(self, other: Traffic) -> Traffic:
        """Return traffic that another writer has changed with the additions of this one."""
        if self.adopted:
            other.adopt()
        for (slot, what), number in self.counted.items():
            other.count(slot, what, number)
        for spell, slot in self.held:
            other.hold(replace(spell), slot)
        return other


class Watch:
    """Count the traffic of one batch, and hold what is part of a spell."""

    __slots__ = ("_connection", "_policy", "_providers", "_times", "held")

    def __init__(self, connection: Connection, policy: Policy, times: float) -> None:
        self._connection = connection
        self._policy = policy
        self._times = times
        self._providers: dict[str, _Provider] = {}
        self.held: dict[str, None] = {}  # the providers of what was held

    def open(self, events: Iterable[ListEvent]) -> None:
        """Read the traffic of the providers of `events`."""
        names = {name for event in events if (name := _provider_of(event)) is not None}
        if not names:
            return
        names.add(_ALL)
        rows = {row.provider: row for row in members(self._connection, TRAFFIC, "text", ("provider",), sorted(names))}
        self._providers = {name: _opened(name, rows.get(name)) for name in names}

    def take(self, event: ListEvent, state: AddressState, *, is_new: bool) -> ListEvent:
        """Return the event, held if it is part of a spell.

        :param state: the state of the address before it.
        :param is_new: False for an event of which another version was counted before.
        """
        name = _provider_of(event)
        if name is None:
            return event
        slot, provider = slot_of(event.time), self._providers[name]
        what = self._result(event)
        if what is not Tried.HARD:
            if is_new and not _is_counted(event, state):
                self._count(provider, slot, what)
            return event
        # Whoever is suppressed or held already was counted when that began.
        counts = is_new and state.standing not in _OFF
        spell = self._spell(provider, slot)
        if spell is None:
            if counts:
                self._count(provider, slot, what)
            return event
        if counts:
            provider.hold(spell, slot)
        self.held[name] = None
        return replace(event, held_until=event.time + HELD_FOR)

    def _result(self, event: ListEvent) -> Tried:
        if event.kind is EventKind.DELIVERY:
            return Tried.DELIVERED
        is_hard = event.bounce_type is BounceType.HARD and self._policy.signal(event) is not Signal.HARMLESS
        return Tried.HARD if is_hard else Tried.OTHER

    def _count(self, provider: _Provider, slot: int, what: Tried) -> None:
        provider.count(slot, what)
        self._providers[_ALL].count(slot, what)

    def _spell(self, provider: _Provider, slot: int) -> Spell | None:
        """Return the spell that a slot is part of, with its latest sign."""
        on = provider.traffic.spell(slot)
        if on is not None and slot - on.since >= DAY:
            # It lasts too long for an error: whatever it is, it is usual now.
            provider.traffic.adopt()
            provider.adopted, on = True, None
        sign = provider.traffic.sign(slot, self._providers[_ALL].traffic, self._times)
        if on is None:
            return sign
        return replace(on, held=0, last=on.last if sign is None else max(on.last, sign.last))

    def save(self) -> None:
        """Add what was counted to the traffic in the database."""
        changed = {name: one for name, one in self._providers.items() if one.counted or one.held or one.adopted}
        if not changed:
            return
        insert = INSERT[self._connection.dialect.name](TRAFFIC)
        if self._connection.dialect.name == "postgresql":
            first = [{"provider": name, "newest": 0, "counts": "", "spells": None} for name in sorted(changed)]
            self._connection.execute(insert.on_conflict_do_nothing(), first)
            self._merge_others(changed)
        update = {name: insert.excluded[name] for name in ("newest", "counts", "spells")}
        rows = [
            {
                "provider": name,
                "newest": one.traffic.newest,
                "counts": one.traffic.to_text(),
                "spells": one.traffic.spells_to_text(),
            }
            for name, one in sorted(changed.items())
        ]
        self._connection.execute(insert.on_conflict_do_update(index_elements=["provider"], set_=update), rows)

    def _merge_others(self, changed: dict[str, _Provider]) -> None:
        """Lock the rows, and take over what other writers have added since they were read."""
        rows = members(self._connection, TRAFFIC, "text", ("provider",), sorted(changed), lock="provider")
        for row in rows:
            one = changed[row.provider]
            if row.counts != one.text:
                one.traffic = one.added_to(_traffic(row.provider, row))


def holds(connection: Connection, since: datetime) -> list[Hold]:
    """Return the holds that were on after a time, the latest first."""
    query = select(TRAFFIC.c.provider, TRAFFIC.c.counts, TRAFFIC.c.spells).where(TRAFFIC.c.spells.is_not(None))
    found = [_hold(row.provider, spell) for row in connection.execute(query) for spell in _traffic("", row).spells]
    return sorted((hold for hold in found if hold.until > since), key=lambda hold: hold.since, reverse=True)


def _hold(provider: str, spell: Spell) -> Hold:
    return Hold(
        provider=provider,
        since=moment_of(spell.since),
        until=moment_of(spell.last + AFTER + 1),
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
        traffic = _traffic(row.provider, row)
        traffic.adopt()
        values = {"counts": traffic.to_text(), "spells": traffic.spells_to_text()}
        connection.execute(TRAFFIC.update().where(TRAFFIC.c.provider == row.provider).values(**values))


def drop(connection: Connection, at: datetime) -> None:
    """Forget providers at which nothing was tried for long."""
    connection.execute(TRAFFIC.delete().where(TRAFFIC.c.newest < slot_of(at - _KEPT)))


def decided(event: ListEvent) -> ListEvent:
    """Return an event of a list that is imported: whether to hold it was decided there."""
    return event if event.held_until is not None else replace(event, held_until=event.time)


def undecided(event: ListEvent) -> ListEvent:
    """Return the event without the mark of :func:`decided`."""
    return replace(event, held_until=None) if event.held_until == event.time else event


def _opened(name: str, row: Any) -> _Provider:  # noqa: ANN401 # a row of the table of traffic, or None
    return _Provider("" if row is None else row.counts, _traffic(name, row))


def _traffic(name: str, row: Any) -> Traffic:  # noqa: ANN401 # as above
    if row is None or not row.counts:
        return Traffic(everything=name == _ALL)
    return Traffic.from_text(row.counts, row.spells, everything=name == _ALL)


def _is_counted(event: ListEvent, state: AddressState) -> bool:
    """Return whether the recipient was counted within the hour: what counts are recipients, not messages."""
    last = state.last_delivery if event.kind is EventKind.DELIVERY else state.last_bounce
    return last is not None and abs(event.time - last) < _HOUR


def _provider_of(event: ListEvent) -> str | None:
    """Return the provider at which an event tells that mail was tried; None for other events and decided ones."""
    if event.kind not in _TRIED or not event.provider or event.held_until is not None:
        return None
    return bounded(storable(event.provider))
