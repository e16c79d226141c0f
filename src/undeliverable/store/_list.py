"""The suppression list: what is known, what is suppressed, and what may be sent to."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from types import TracebackType
from typing import Any, Final, Self

from sqlalchemy import func, or_, select
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
    """A list in a database, opened; a context manager, and safe to use from several processes.

    :ivar place: the path or URL that it was opened with.
    :ivar identity: when two spellings are one address; fixed when the list is made.
    """

    def __init__(
        self,
        place: str | os.PathLike[str],
        *,
        policy: Policy | None = None,
        identity: AddressIdentity | None = None,
        create: bool = True,
    ) -> None:
        """Opens the list, and makes it where there is none.

        :param place: a path (SQLite) or a URL such as ``postgresql://user@host/database``.
        :param policy: for a new list, the builtin default unless given; an old one keeps its own until
            :meth:`set_policy` changes it.
        :param identity: for a new list; an old one must have the same, where one is given.
        :param create: whether to make a list where there is none.
        :raises StoreError: when it cannot be opened, or is not there, or is of a later version.
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
        """Closes all connections."""
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
            raise StoreError(f"{self.place}: there is no list in it")

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
            raise StoreError(f"{self.place}: the list compares addresses in another way: {own}")
        return own

    def _setting(self, name: str) -> str | None:
        with reading(self._engine) as connection:
            return _read.setting(connection, name)

    def _set(self, name: str, value: str, connection: Connection) -> None:
        insert = INSERT[connection.dialect.name](META).values(name=name, value=value)
        connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"value": value}))

    @property
    def policy(self) -> Policy:
        """What decides about suppression."""
        with reading(self._engine) as connection:
            return self._policy(connection)

    def _policy(self, connection: Connection) -> Policy:
        return Policy.from_dict(json.loads(_read.setting(connection, "policy") or "{}"), file=self.place)

    def set_policy(self, policy: Policy) -> None:
        """Takes another policy, and judges every history by it anew."""

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
        """How long raw replies are kept; None: for ever."""
        days = self._setting("keep_replies")
        return None if not days else timedelta(days=float(days))

    @keep_replies.setter
    def keep_replies(self, time: timedelta | None) -> None:
        value = "" if time is None else str(time / timedelta(days=1))
        writing(self._engine, lambda connection: self._set("keep_replies", value, connection))

    def tidy(self, at: datetime | None = None) -> int:
        """Drops the raw replies that are older than they may be, and says how many."""
        time = self.keep_replies
        if time is None:
            return 0
        before = stamp((at or datetime.now(UTC)) - time)
        update = EVENTS.update().where(EVENTS.c.reply.is_not(None), EVENTS.c.time < before).values(reply=None)
        return writing(self._engine, lambda connection: int(connection.execute(update).rowcount))

    # --- writing ----------------------------------------------------------------------------------------------------

    def record(self, events: Iterable[tuple[str, ListEvent]]) -> Outcome:
        """Takes events, each once whoever brings it, and in any order; what came of them.

        They are written in parts, each whole or not at all: after an interruption the same events can be given again.

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
        """Takes what a report says of its recipients.

        :param received: when it came in; now, unless given.
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
        """Takes an address off by hand; until when, or for ever."""
        return self._by_hand(address, EventKind.SUPPRESSION, who, why, at, until)

    def reactivate(self, address: str, *, why: str, who: str | None = None, at: datetime | None = None) -> Outcome:
        """Puts an address back; it may bounce again, and then counts from the beginning."""
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
        """Deletes all that is known of an address; whether there was something.

        Where it is suppressed a keyed hash stays, so that it stays suppressed without being known.
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
        """What is known of an address, or None where nothing is."""
        with reading(self._engine) as connection:
            return _read.entry(connection, self.identity.of(address))

    def state(self, address: str) -> AddressState | None:
        """The state of an address, or None where nothing is known of it."""
        entry = self.get(address)
        return None if entry is None else entry.state

    def history(self, address: str) -> tuple[ListEvent, ...]:
        """All events of an address in their order."""
        with reading(self._engine) as connection:
            return _read.history(connection, self.identity.of(address))

    def is_suppressed(self, address: str, at: datetime | None = None) -> bool:
        """Whether nothing should be sent to an address."""
        return not list(self.filter((address,), at))

    def filter(self, addresses: Iterable[str], at: datetime | None = None) -> Iterator[str]:
        """Those of `addresses` that may be sent to, in their order and as they are written.

        Memory stays small however many there are.

        :param at: when they would be sent to; now, unless given.
        """
        for address, suppressed in self.check(addresses, at):
            if not suppressed:
                yield address

    def check(self, addresses: Iterable[str], at: datetime | None = None) -> Iterator[tuple[str, bool]]:
        """Each of `addresses` with whether it is suppressed, in their order."""
        time, source, of = stamp(at or datetime.now(UTC)), iter(addresses), self.identity.of
        while part := list(islice(source, _PROBE)):
            identities = [of(address) for address in part]
            with reading(self._engine) as connection:
                found = _read.suppressed(connection, identities, time, self._secret)
            yield from ((address, identity in found) for address, identity in zip(part, identities, strict=True))

    def entries(
        self, *, suppressed: bool | None = None, cause: Cause | None = None, at: datetime | None = None
    ) -> Iterator[Entry]:
        """The addresses of the list, one after the other.

        :param suppressed: only those that are, or only those that are not.
        :param cause: only those that are suppressed for that cause.
        :param at: when; now, unless given.
        """
        time = stamp(at or datetime.now(UTC))
        off = (ADDRESSES.c.standing == "suppressed") & or_(ADDRESSES.c.until.is_(None), ADDRESSES.c.until > time)
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
        """Numbers of the whole list."""
        with reading(self._engine) as connection:
            return _read.stats(connection, stamp(at or datetime.now(UTC)))

    def __len__(self) -> int:
        """How many addresses are known."""
        with reading(self._engine) as connection:
            return int(connection.execute(select(func.count()).select_from(ADDRESSES)).scalar_one())

    def __repr__(self) -> str:
        return f"SuppressionList({self._engine.url.render_as_string()!r})"
