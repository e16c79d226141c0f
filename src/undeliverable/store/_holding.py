"""What can be done about a provider that answers wrongly: see what is held, confirm it, or release it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import groupby
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, exists, select, true
from sqlalchemy.engine import Connection

from undeliverable import BounceType, Proof, Reason
from undeliverable.store import _hold, _proof, _read
from undeliverable.store._engine import reading, writing
from undeliverable.store._errors import StoreError
from undeliverable.store._lookups import LookUps
from undeliverable.store._opened import BATCH
from undeliverable.store._records import Entry, Hold, Outcome, stamp
from undeliverable.store._schema import ADDRESSES, EVENTS
from undeliverable.store._write import Writer
from undeliverable.suppression import EventKind, ListEvent

__all__ = ["Holding"]

_REMEMBERED: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class _Which:
    """The hard failures that a decision is about."""

    provider: str | None
    reason: Reason | None
    since: datetime | None
    until: datetime | None

    @property
    def condition(self) -> ColumnElement[bool]:
        """The condition on the table of events."""
        # The body is JSON of our own, which escapes quotation marks in texts: these pairs stand in it as written.
        pairs = {"kind": EventKind.BOUNCE, "bounce_type": BounceType.HARD, "provider": self.provider}
        body = (f'"{name}": {json.dumps(value)}' for name, value in pairs.items() if value is not None)
        return and_(
            *(EVENTS.c.body.contains(pair, autoescape=True) for pair in body),
            true() if self.reason is None else EVENTS.c.reason == str(self.reason),
            true() if self.since is None else EVENTS.c.time >= stamp(self.since),
            true() if self.until is None else EVENTS.c.time <= stamp(self.until),
        )

    def key(self, kind: EventKind, time: datetime) -> str:
        """Return the key of a decision about them."""
        said = repr([None if value is None else str(value) for value in astuple(self)])
        return f"{kind}:{stamp(time)}:{sha256(said.encode(errors='backslashreplace')).hexdigest()[:16]}"


class Holding(LookUps):
    """What is held or ignored in a list; see :class:`~undeliverable.store.SuppressionList`."""

    def ignored(self, address: str) -> tuple[ListEvent, ...]:
        """Return the first events of an address that were ignored for lack of proof, in the list's own scope."""
        with reading(self._engine) as connection:
            return _proof.kept(connection, self.identity.of(address), self.scope)

    def holds(self, at: datetime | None = None) -> tuple[Hold, ...]:
        """Return the times in which hard bounces of a provider are held, now or in the last 30 days, the latest first.

        They are those of the whole list, whatever the scope: all of it mails the same providers.
        """
        with reading(self._engine) as connection:
            return tuple(_hold.holds(connection, (at or datetime.now(UTC)) - _REMEMBERED))

    def held(self, provider: str | None = None, at: datetime | None = None) -> Iterator[Entry]:
        """Yield the entries whose suppression is held, in the list's own scope and those below it.

        :param provider: only those that are held since this provider's hard bounces are; by default all.
        :param at: the time at which they are held; now by default.
        """
        wanted = [_read.is_held(stamp(at or datetime.now(UTC))), _read.below(self.scope)]
        if provider is not None:
            wanted.append(_Which(provider, None, None, None).condition)
        yield from self._entries(wanted)

    def release(
        self,
        *,
        provider: str | None = None,
        reason: Reason | str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        why: str,
        who: str | None = None,
        at: datetime | None = None,
    ) -> Outcome:
        """Void the hard failures of a span of time, whether they are held or suppress already; return what changed.

        The states are evaluated as if these failures had not been, in the list's own scope and those below it. After an
        interruption, release the same span again.

        :param provider: only failures at this provider: its id, else the domain; by default at all.
        :param reason: only failures for this reason.
        :param since: the begin of the span, by time of receipt.
        :param until: its end; now by default.
        :raises StoreError: without provider and begin, which would void all that ever failed; for an unknown reason.
        """
        if provider is None and since is None:
            raise StoreError("a release needs a provider, or the time since when its failures are void")
        which = _Which(provider, _reason_named(reason), _aware(since), _aware(until))
        time = _aware(at) or datetime.now(UTC)
        event = ListEvent(
            kind=EventKind.RELEASE, time=time, key=which.key(EventKind.RELEASE, time), proof=Proof.OWN,
            provider=which.provider, reason=which.reason, since=which.since, until=which.until, who=who, why=why,
        )  # fmt: skip
        failed = exists().where(EVENTS.c.address_id == ADDRESSES.c.id, EVENTS.c.time <= stamp(time), which.condition)
        return self._decide(event, failed)

    def confirm(
        self,
        *,
        provider: str | None = None,
        reason: Reason | str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        why: str | None = None,
        who: str | None = None,
        at: datetime | None = None,
    ) -> Outcome:
        """Let failures that are held take effect at once, and end the holds of their providers; return what changed.

        As many hard bounces as there were are usual for these providers from then on. The failures are those in the
        list's own scope and in those below it.

        :param provider: only failures at this provider: its id, else the domain; by default at all. Likewise ``reason``,
            and ``since`` and ``until``, which are times of receipt.
        :raises StoreError: for an unknown reason.
        """
        which = _Which(provider, _reason_named(reason), _aware(since), _aware(until))
        time = _aware(at) or datetime.now(UTC)
        key = which.key(EventKind.CONFIRMATION, time)
        event = ListEvent(kind=EventKind.CONFIRMATION, time=time, key=key, proof=Proof.OWN, who=who, why=why)
        trigger = and_(EVENTS.c.address_id == ADDRESSES.c.id, EVENTS.c.key == ADDRESSES.c.trigger_key, which.condition)
        outcome = self._decide(event, and_(_read.is_held(stamp(time)), exists().where(trigger)))
        ended = {hold.provider for hold in self.holds(time) if hold.is_on(time)} if provider is None else {provider}
        writing(self._engine, lambda connection: _hold.adopt(connection, ended))
        return outcome

    def _decide(self, event: ListEvent, which: ColumnElement[bool]) -> Outcome:
        """Record a decision in the histories of all addresses that fulfil a condition, in batches."""
        outcome = Outcome()
        last: int | None = 0
        while last is not None:
            part, last = writing(self._engine, self._decider(event, which, last))
            outcome += part
        return outcome

    def _decider(
        self, event: ListEvent, which: ColumnElement[bool], after: int
    ) -> Callable[[Connection], tuple[Outcome, int | None]]:
        query = select(ADDRESSES.c.id, ADDRESSES.c.address, ADDRESSES.c.shown, ADDRESSES.c.scope)
        query = (
            query.where(ADDRESSES.c.id > after, _read.below(self.scope), which).order_by(ADDRESSES.c.id).limit(BATCH)
        )

        def work(connection: Connection) -> tuple[Outcome, int | None]:
            rows, outcome = connection.execute(query).all(), Outcome()
            for scope, found in groupby(sorted(rows, key=_scope_of), key=_scope_of):
                writer = Writer(connection, self._terms(connection), self._hashes, scope)
                outcome += writer.write((row.address, row.shown, event) for row in found)
            return outcome, rows[-1].id if rows else None

        return work


def _scope_of(row: Any) -> str:  # noqa: ANN401 # a row of the query above
    return str(row.scope)


def _aware(time: datetime | None) -> datetime | None:
    """Return a time in UTC; a time without a zone is taken for UTC."""
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time


def _reason_named(value: Reason | str | None) -> Reason | None:
    if value is None:
        return None
    try:
        return Reason(value)  # type: ignore[call-arg]
    except ValueError:
        raise StoreError(f"unknown reason {value!r}; expected one of {', '.join(Reason)}") from None
