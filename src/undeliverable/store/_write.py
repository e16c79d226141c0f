"""Write events into the tables, each once, and update the states of their addresses.

Events in order advance a state one by one. Where an event arrives late, or replaces one with the same key, the whole
history of the address is folded again.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.engine import Connection

from undeliverable.store import _proof
from undeliverable.store._engine import INSERT, members
from undeliverable.store._forgotten import Hashes
from undeliverable.store._hold import Watch, undecided
from undeliverable.store._identity import bounded, storable
from undeliverable.store._records import Outcome, stamp
from undeliverable.store._rows import Precedence, event_of, precedence_of, row_of, state_of, use_of
from undeliverable.store._schema import ADDRESSES, EVENTS, FORGOTTEN
from undeliverable.store._scopes import GLOBAL, has_scopes, is_observed, register
from undeliverable.store._terms import Terms
from undeliverable.suppression import (
    AddressState,
    EventKind,
    ListEvent,
    Standing,
    apply,
    fold,
    is_stale,
    may_repeat,
)

__all__ = ["Located", "Writer", "fold_anew", "save_states"]

Located = tuple[str, str, ListEvent]
"""The address in the form for comparison, its spelling, and the event."""

_MOST_REPEATS: Final = 5  # events of one kind and token that are kept, of which one counts
_Use = tuple[EventKind, str | None]
"""The kind and the token of an event."""


@dataclass(slots=True)
class _Account:
    """One address while a batch is written."""

    id: int
    state: AddressState
    before: AddressState
    known: dict[str, Precedence] = field(default_factory=dict[str, Precedence])
    used: dict[_Use, list[Precedence]] = field(default_factory=dict[_Use, list[Precedence]])
    anew: bool = False


class Writer:
    """A writer of one batch of events into a scope, in the transaction of a connection."""

    __slots__ = (
        "_accounts", "_connection", "_fresh", "_hashes", "_known", "_replaced", "_scope", "_taken", "_terms", "_watch",
    )  # fmt: skip

    def __init__(self, connection: Connection, terms: Terms, hashes: Hashes, scope: str = GLOBAL) -> None:
        self._connection = connection
        self._terms = terms
        self._hashes = hashes
        self._scope = scope
        self._watch = None if terms.hold is None else Watch(connection, terms.policy, terms.hold)
        self._taken = _proof.ByProof()
        self._accounts: dict[str, _Account] = {}
        self._fresh: dict[tuple[int, str], dict[str, object]] = {}
        self._replaced: dict[tuple[int, str], dict[str, object]] = {}
        self._known = 0

    def write(self, events: Iterable[Located]) -> Outcome:
        """Write `events` and return the counts."""
        events = [(address, shown, _named(event)) for address, shown, event in events]
        accepts = self._intake(events)
        accepted = [located for located in events if accepts(located[2])]
        wanted = self._without_forgotten(accepted)
        rest = [(address, event) for address, _, event in events if not accepts(event)]
        outcome = Outcome(
            forgotten=len(accepted) - len(wanted),
            ignored=len(rest),
            ignored_keys=tuple(event.key for _, event in rest),
        )
        if wanted:
            self._open(wanted)
            for address, _, event in sorted(wanted, key=lambda located: located[2].order):
                self._take(self._accounts[address], event)
            self._store()
            self._fold_late()
            outcome += self._close()
        ignored = _proof.keep(self._connection, rest, self._scope) if rest else _proof.ByProof()
        _proof.count(self._connection, self._scope, self._taken, ignored)
        return outcome

    def _intake(self, events: Iterable[Located]) -> Callable[[ListEvent], bool]:
        """Return the test of what is recorded: by its proof, and in the global scope of tenants by its origin."""
        if (
            self._scope == GLOBAL
            and not all(is_observed(event) for _, _, event in events)
            and has_scopes(self._connection)
        ):
            return is_observed
        return lambda event: self._terms.require.accepts(event.proof)

    def _without_forgotten(self, events: Sequence[Located]) -> list[Located]:
        """Return the events without those of forgotten, suppressed addresses; a reactivation readmits an address."""
        if self._connection.execute(select(FORGOTTEN.c.hash).limit(1)).first() is None:
            return list(events)
        owners = self._hashes.owners({address for address, _, _ in events}, (self._scope,))
        rows = members(self._connection, FORGOTTEN, "text", ("hash",), sorted(owners))
        now = stamp(datetime.now(UTC))
        forgotten = {row.hash for row in rows if row.until is None or row.until > now}
        again = {address for address, _, event in events if event.kind is EventKind.REACTIVATION}
        readmitted = {hash_ for hash_ in forgotten if owners[hash_] & again}
        if readmitted:
            self._connection.execute(FORGOTTEN.delete().where(FORGOTTEN.c.hash.in_(readmitted)))
        still = set[str]().union(*(owners[hash_] for hash_ in forgotten - readmitted))
        return [located for located in events if located[0] not in still]

    def _open(self, events: Sequence[Located]) -> None:
        """Find or create the rows of the addresses and lock them, always in the same order to avoid deadlocks."""
        shown = {address: shown for address, shown, _ in reversed(events)}
        found = self._select(sorted(shown))
        missing = sorted(set(shown) - set(found))
        if missing:
            insert = INSERT[self._connection.dialect.name](ADDRESSES).on_conflict_do_nothing()
            rows = [
                {
                    "address": address,
                    "scope": self._scope,
                    "shown": storable(shown[address]),
                    "standing": "clear",
                    "state": "{}",
                }
                for address in missing
            ]
            self._connection.execute(insert, rows)
            register(self._connection, self._scope)
            found |= self._select(missing)
        self._accounts = found
        self._find_known(events)
        self._find_used(events)
        if self._watch is not None:
            self._watch.open(event for _, _, event in events)

    def _select(self, addresses: Sequence[str]) -> dict[str, _Account]:
        columns = ("id", "address", "state")
        rows = members(
            self._connection, ADDRESSES, "text", ("address",), addresses,
            only=columns, where="t.scope = :scope", lock="id", scope=self._scope,
        )  # fmt: skip
        found: dict[str, _Account] = {}
        for row in rows:
            state = state_of(row.state)
            found[row.address] = _Account(row.id, state, state)
        return found

    def _find_known(self, events: Sequence[Located]) -> None:
        accounts = {account.id: account for account in self._accounts.values()}
        pairs = {(self._accounts[address].id, event.key) for address, _, event in events}
        columns = ("address_id", "key", "time", "digest", "body")
        for row in members(self._connection, EVENTS, "pair", columns[:2], sorted(pairs), only=columns):
            accounts[row.address_id].known[row.key] = precedence_of(row)

    def _find_used(self, events: Sequence[Located]) -> None:
        """Find the tokens that are used, where one of the new events may have one of them."""
        ids = {
            account.id: account
            for address, _, event in events
            if may_repeat((account := self._accounts[address]).state, event)
        }
        columns = ("address_id", "key", "time", "digest", "body")
        for row in members(self._connection, EVENTS, "number", ("address_id",), sorted(ids), only=columns):
            use, precedence = use_of(row)
            ids[row.address_id].used.setdefault(use, []).append(precedence)

    def _take(self, account: _Account, event: ListEvent) -> None:
        key = event.key
        place, precedence = (account.id, key), event.precedence
        other = account.known.get(key)
        if other is not None and other <= precedence:
            self._known += 1
            return
        repeated = [] if event.token is None else account.used.setdefault((event.kind, event.token), [])
        if len(repeated) >= _MOST_REPEATS and all(each <= precedence for each in repeated):
            self._known += 1  # whoever has a token can send any number of reports with it
            return
        account.known[key] = precedence
        if self._watch is not None:
            is_new = other is None and not repeated and not is_stale(account.state, event)
            event = self._watch.take(event, account.state, is_new=is_new)
        repeated.append(precedence)
        event = undecided(event)
        row = row_of(account.id, event, precedence[2])
        if other is not None:
            self._known += 1
            account.anew = True
            (self._fresh if place in self._fresh else self._replaced)[place] = row
            return
        self._fresh[place] = row
        self._taken[_proof.proved(stamp(event.time), event.proof)] += 1
        decision = apply(account.state, event, self._terms.policy, self._terms.require)
        account.anew |= decision.anew
        account.state = decision.state

    def _store(self) -> None:
        if self._fresh:
            self._connection.execute(EVENTS.insert(), list(self._fresh.values()))
        if self._replaced:
            update = EVENTS.update().where(EVENTS.c.address_id == bindparam("at"), EVENTS.c.key == bindparam("named"))
            rows = [
                {"at": id_, "named": key, **{name: row[name] for name in ("time", "digest", "body", "reason", "reply")}}
                for (id_, key), row in self._replaced.items()
            ]
            self._connection.execute(update, rows)

    def _fold_late(self) -> None:
        late = {account.id: account for account in self._accounts.values() if account.anew}
        for id_, state in fold_anew(self._connection, sorted(late), self._terms):
            late[id_].state = state

    def _close(self) -> Outcome:
        changed = [account for account in self._accounts.values() if account.state != account.before]
        save_states(self._connection, ((account.id, account.state) for account in changed))
        on_hold: Iterable[str] = ()
        if self._watch is not None:
            self._watch.save()
            on_hold = self._watch.held
        changes: Mapping[str, list[str]] = defaultdict(list)
        for address, account in self._accounts.items():
            change = _change(account.before.standing, account.state.standing)
            if change is not None:
                changes[change].append(address)
        return Outcome(
            new=len(self._fresh),
            known=self._known,
            suppressed=tuple(changes["suppressed"]),
            released=tuple(changes["released"]),
            held=tuple(changes["held"]),
            on_hold=tuple(on_hold),
        )


_STOPPED: Final[Mapping[Standing, str]] = MappingProxyType({Standing.SUPPRESSED: "suppressed", Standing.HELD: "held"})


def _change(before: Standing, now: Standing) -> str | None:
    """Return the field of an outcome for an address that has changed, None if it belongs to none."""
    if now is before:
        return None
    return _STOPPED.get(now, "released" if before in _STOPPED else None)


def fold_anew(connection: Connection, ids: Sequence[int], terms: Terms) -> list[tuple[int, AddressState]]:
    """Return the states of addresses, by id, computed from their whole histories."""
    histories: dict[int, list[ListEvent]] = {id_: [] for id_ in ids}
    for row in members(connection, EVENTS, "number", ("address_id",), ids):
        histories[row.address_id].append(event_of(row))
    return [(id_, fold(events, terms.policy, terms.require)) for id_, events in histories.items()]


def save_states(connection: Connection, states: Iterable[tuple[int, AddressState]]) -> None:
    """Write the states of addresses into their rows."""
    rows = [
        {
            "at": id_,
            "standing": str(state.standing),
            "cause": None if state.cause is None else str(state.cause),
            "until": None if state.until is None else stamp(state.until),
            "held_until": None if state.held_until is None else stamp(state.held_until),
            "trigger_key": state.trigger,
            "state": json.dumps(state.to_dict()),
        }
        for id_, state in states
    ]
    if rows:
        connection.execute(ADDRESSES.update().where(ADDRESSES.c.id == bindparam("at")), rows)


def _named(event: ListEvent) -> ListEvent:
    """Return the event with a key that fits an index."""
    key = bounded(storable(event.key))
    return event if key == event.key else replace(event, key=key)
