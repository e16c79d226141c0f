"""The suppression list: record events, look up addresses, and filter a list of recipients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice

from sqlalchemy import select
from sqlalchemy.engine import Connection

from undeliverable import Proof, Report
from undeliverable.store._engine import INSERT, writing
from undeliverable.store._lookups import LookUps
from undeliverable.store._opened import BATCH
from undeliverable.store._records import Outcome, stamp
from undeliverable.store._schema import ADDRESSES, EVENTS, FORGOTTEN
from undeliverable.store._write import Located, Writer, hash_of
from undeliverable.suppression import EventKind, ListEvent, Standing, events_of

__all__ = ["SuppressionList"]


class SuppressionList(LookUps):
    """An open list in a database; a context manager, and safe to use from several processes.

    :ivar place: the path or URL that it was opened with.
    :ivar identity: the comparison of addresses; fixed when the list is created.
    """

    def record(self, events: Iterable[tuple[str, ListEvent]]) -> Outcome:
        """Record events in any order, each once however often it is given, and return the counts.

        They are written in batches, each completely or not at all: after an interruption, give the same events again.

        :raises StoreError: when the database cannot be written.
        """
        outcome, source = Outcome(), iter(events)
        while part := list(islice(source, BATCH)):
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
        event = ListEvent(kind=kind, time=time, key=key, who=who, why=why, until=until, proof=Proof.OWN)
        return self.record([(address, event)])

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
