"""The suppression list: record events, look up addresses, and filter a list of recipients."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from types import TracebackType
from typing import Any, Final, Self

from sqlalchemy import func, select
from sqlalchemy.engine import Connection, Engine

from undeliverable import Report
from undeliverable.store import _read
from undeliverable.store._engine import INSERT, engine_for, lock_all, reading, writing
from undeliverable.store._errors import StoreError
from undeliverable.store._identity import AddressIdentity
from undeliverable.store._records import Entry, Outcome, Stats, stamp
from undeliverable.store._schema import ADDRESSES, EVENTS, FORGOTTEN, META, SCHEMA, migrate, version_of
from undeliverable.store._write import Located, Writer, fold_anew, hash_of, save_states
from undeliverable.suppression import AddressState, Cause, EventKind, ListEvent, Policy, Standing, events_of

__all__ = ["SuppressionList"]

_BATCH: Final = 2_000
_PROBE: Final = 10_000


class SuppressionList:
    """An open list in a database; a context manager, and safe to use from several processes.

    :ivar place: the path or URL that it was opened with.
    :ivar identity: the comparison of addresses; fixed when the list is created.
    """

    def __init__(
        self,
        place: str | os.PathLike[str],
        *,
        policy: Policy | None = None,
        identity: AddressIdentity | None = None,
        create: bool = True,
    ) -> None:
        """Open the list, and create it if it is missing.

        :param place: a path (SQLite) or a URL such as ``postgresql://user@host/database``.
        :param policy: the policy of a new list, by default the builtin one; an existing list keeps its own until
            :meth:`set_policy` changes it.
        :param identity: the comparison of addresses in a new list; must equal that of an existing list if given.
        :param create: False to raise an error for a missing list.
        :raises StoreError: when the list cannot be opened, is missing, or was written by a later version.
        """
        self.place = os.fspath(place)
        self._engine: Engine = engine_for(place, create=create)
        try:
            self._prepare(policy or Policy.builtin(), identity or AddressIdentity(), create=create)
            self.identity = self._checked(identity)
            self._secret = bytes.fromhex(self._setting("secret") or "")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- settings ---------------------------------------------------------------------------------------------------

    def _prepare(self, policy: Policy, identity: AddressIdentity, *, create: bool) -> None:
        with reading(self._engine) as connection:
            version = version_of(connection)
        if version == SCHEMA:
            return
        if not version and not create:
            raise StoreError(f"{self.place}: no list in this database")

        def work(connection: Connection) -> None:
            lock_all(connection)
            migrate(connection)
            first = {
                "policy": json.dumps(policy.to_dict()),
                "identity": json.dumps(identity.to_dict()),
                "secret": secrets.token_hex(32),
            }
            insert = INSERT[connection.dialect.name](META).on_conflict_do_nothing()
            connection.execute(insert, [{"name": name, "value": value} for name, value in first.items()])

        writing(self._engine, work)

    def _checked(self, wanted: AddressIdentity | None) -> AddressIdentity:
        own = AddressIdentity(**json.loads(self._setting("identity") or "{}"))
        if wanted is not None and wanted != own:
            raise StoreError(f"{self.place}: the list compares addresses differently: {own}")
        return own

    def _setting(self, name: str) -> str | None:
        with reading(self._engine) as connection:
            return _read.setting(connection, name)

    def _set(self, name: str, value: str, connection: Connection) -> None:
        insert = INSERT[connection.dialect.name](META).values(name=name, value=value)
        connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"value": value}))

    @property
    def policy(self) -> Policy:
        """The policy of the list."""
        with reading(self._engine) as connection:
            return self._policy(connection)

    def _policy(self, connection: Connection) -> Policy:
        return Policy.from_dict(json.loads(_read.setting(connection, "policy") or "{}"), file=self.place)

    def set_policy(self, policy: Policy) -> None:
        """Change the policy, and evaluate all histories again with it."""

        def change(connection: Connection) -> None:
            lock_all(connection)
            self._set("policy", json.dumps(policy.to_dict()), connection)

        writing(self._engine, change)
        self._refold(policy)

    def _refold(self, policy: Policy) -> None:
        last: int | None = 0
        while last is not None:
            last = writing(self._engine, self._refolder(last, policy))

    def _refolder(self, after: int, policy: Policy) -> Callable[[Connection], int | None]:
        def work(connection: Connection) -> int | None:
            query = select(ADDRESSES.c.id).where(ADDRESSES.c.id > after).order_by(ADDRESSES.c.id).limit(_BATCH)
            ids = list(connection.execute(query.with_for_update()).scalars())
            save_states(connection, fold_anew(connection, ids, policy))
            return ids[-1] if ids else None

        return work

    @property
    def keep_replies(self) -> timedelta | None:
        """The retention time of raw replies; None means for ever."""
        days = self._setting("keep_replies")
        return None if not days else timedelta(days=float(days))

    @keep_replies.setter
    def keep_replies(self, time: timedelta | None) -> None:
        value = "" if time is None else str(time / timedelta(days=1))
        writing(self._engine, lambda connection: self._set("keep_replies", value, connection))

    def tidy(self, at: datetime | None = None) -> int:
        """Drop raw replies older than :attr:`keep_replies`, and return their number."""
        time = self.keep_replies
        if time is None:
            return 0
        before = stamp((at or datetime.now(UTC)) - time)
        update = EVENTS.update().where(EVENTS.c.reply.is_not(None), EVENTS.c.time < before).values(reply=None)
        return writing(self._engine, lambda connection: int(connection.execute(update).rowcount))

    # --- writing ----------------------------------------------------------------------------------------------------

    def record(self, events: Iterable[tuple[str, ListEvent]]) -> Outcome:
        """Record events in any order, each once however often it is given, and return the counts.

        They are written in batches, each completely or not at all: after an interruption, give the same events again.

        :raises StoreError: when the database cannot be written.
        """
        outcome, source = Outcome(), iter(events)
        while part := list(islice(source, _BATCH)):
            located = [(self.identity.of(address), address.strip(), event) for address, event in part]
            outcome += writing(self._engine, self._recorder(located))
        return outcome

    def _recorder(self, located: Sequence[Located]) -> Callable[[Connection], Outcome]:
        return lambda connection: Writer(connection, self._policy(connection)).write(located, self._secret)

    def record_report(self, report: Report, received: datetime | None = None) -> Outcome:
        """Record the events of a report's recipients.

        :param received: the time of arrival; now by default.
        """
        return self.record(events_of(report, received or datetime.now(UTC)))

    def suppress(
        self,
        address: str,
        *,
        who: str | None = None,
        why: str | None = None,
        until: datetime | None = None,
        at: datetime | None = None,
    ) -> Outcome:
        """Suppress an address by hand, for ever unless `until` is given."""
        return self._by_hand(address, EventKind.SUPPRESSION, who, why, at, until)

    def reactivate(self, address: str, *, why: str, who: str | None = None, at: datetime | None = None) -> Outcome:
        """Lift a suppression by hand; later failures are counted from zero."""
        return self._by_hand(address, EventKind.REACTIVATION, who, why, at, None)

    def _by_hand(
        self,
        address: str,
        kind: EventKind,
        who: str | None,
        why: str | None,
        at: datetime | None,
        until: datetime | None,
    ) -> Outcome:
        time = at or datetime.now(UTC)
        key = f"{kind}:{stamp(time.replace(tzinfo=UTC) if time.tzinfo is None else time)}:{who or ''}:{why or ''}"
        return self.record([(address, ListEvent(kind=kind, time=time, key=key, who=who, why=why, until=until))])

    def forget(self, address: str, at: datetime | None = None) -> bool:
        """Delete all data about an address; return True if there was any.

        For a suppressed address a keyed hash is kept, so that it stays suppressed without being stored.
        """
        time, identity = at or datetime.now(UTC), self.identity.of(address)

        def work(connection: Connection) -> bool:
            row = connection.execute(select(ADDRESSES).where(ADDRESSES.c.address == identity).with_for_update()).first()
            if row is None:
                return False
            if row.standing == Standing.SUPPRESSED and (row.until is None or row.until > stamp(time)):
                values = {"hash": hash_of(identity, self._secret), "until": row.until}
                insert = INSERT[connection.dialect.name](FORGOTTEN).values(**values)
                connection.execute(insert.on_conflict_do_update(index_elements=["hash"], set_={"until": row.until}))
            connection.execute(EVENTS.delete().where(EVENTS.c.address_id == row.id))
            connection.execute(ADDRESSES.delete().where(ADDRESSES.c.id == row.id))
            return True

        return writing(self._engine, work)

    # --- reading ----------------------------------------------------------------------------------------------------

    def get(self, address: str) -> Entry | None:
        """Return the entry of an address, or None if it is unknown."""
        with reading(self._engine) as connection:
            return _read.entry(connection, self.identity.of(address))

    def state(self, address: str) -> AddressState | None:
        """Return the state of an address, or None if it is unknown."""
        entry = self.get(address)
        return None if entry is None else entry.state

    def history(self, address: str) -> tuple[ListEvent, ...]:
        """Return all events of an address in order."""
        with reading(self._engine) as connection:
            return _read.history(connection, self.identity.of(address))

    def is_suppressed(self, address: str, at: datetime | None = None) -> bool:
        """Return True if the address must not receive mail."""
        return not list(self.filter((address,), at))

    def filter(self, addresses: Iterable[str], at: datetime | None = None) -> Iterator[str]:
        """Yield the `addresses` that are not suppressed, in order and unchanged.

        Memory stays small however many there are.

        :param at: the time of the send; now by default.
        """
        for address, suppressed in self.check(addresses, at):
            if not suppressed:
                yield address

    def check(self, addresses: Iterable[str], at: datetime | None = None) -> Iterator[tuple[str, bool]]:
        """Yield each of `addresses` with True if it is suppressed, in order."""
        time, source, of = stamp(at or datetime.now(UTC)), iter(addresses), self.identity.of
        while part := list(islice(source, _PROBE)):
            identities = [of(address) for address in part]
            with reading(self._engine) as connection:
                found = _read.suppressed(connection, identities, time, self._secret)
            yield from ((address, identity in found) for address, identity in zip(part, identities, strict=True))

    def entries(
        self, *, suppressed: bool | None = None, cause: Cause | None = None, at: datetime | None = None
    ) -> Iterator[Entry]:
        """Yield the entries of the list.

        :param suppressed: True for suppressed addresses only, False for all others only.
        :param cause: only addresses that are suppressed for this cause.
        :param at: the time at which they are suppressed; now by default.
        """
        time = stamp(at or datetime.now(UTC))
        off = _read.is_off(time)
        wanted: list[Any] = [] if suppressed is None else [off if suppressed else ~off]
        if cause is not None:
            wanted += [off, ADDRESSES.c.cause == str(cause)]
        last = 0
        while True:
            with reading(self._engine) as connection:
                page = _read.page(connection, last, wanted)
            if not page:
                return
            yield from (entry for _, entry in page)
            last = page[-1][0]

    def stats(self, at: datetime | None = None) -> Stats:
        """Return the statistics of the whole list."""
        with reading(self._engine) as connection:
            return _read.stats(connection, stamp(at or datetime.now(UTC)))

    def __len__(self) -> int:
        """Return the number of known addresses."""
        with reading(self._engine) as connection:
            return int(connection.execute(select(func.count()).select_from(ADDRESSES)).scalar_one())

    def __repr__(self) -> str:
        return f"SuppressionList({self._engine.url.render_as_string()!r})"
