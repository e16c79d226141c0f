"""The suppression list: record events, look up addresses, and filter a list of recipients."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from functools import partial
from itertools import islice

from sqlalchemy import select
from sqlalchemy.engine import Connection

from undeliverable import Proof, Report, bare_address
from undeliverable.store import _domains, _read, _sent
from undeliverable.store._engine import INSERT, reading, writing
from undeliverable.store._errors import AddressError, PatternError, StoreError
from undeliverable.store._forgotten import Hashes
from undeliverable.store._holding import Holding
from undeliverable.store._identity import shortened
from undeliverable.store._opened import BATCH
from undeliverable.store._records import Migrated, Outcome, moment, stamp
from undeliverable.store._reidentify import REPORT
from undeliverable.store._rows import state_of
from undeliverable.store._schema import ADDRESSES, EVENTS, FORGOTTEN, IGNORED, META
from undeliverable.store._scopes import GLOBAL, is_below
from undeliverable.store._sent import SentRow
from undeliverable.store._write import Located, Writer
from undeliverable.suppression import EventKind, ListEvent, events_of, receipt_of

__all__ = ["SuppressionList"]


class SuppressionList(Holding):
    """An open list in a database; a context manager, and safe to use from several processes.

    :ivar place: the path or URL that it was opened with.
    :ivar scope: whose list it is; what is recorded goes there.
    :ivar identity: the comparison of addresses; fixed when the list is created.
    :ivar migrated: what changed when the list was migrated from an earlier version, until :meth:`clear_migrated`.
    :ivar remarks: what somebody should know: files that others may read, and that could not be closed to them.
    """

    def record(self, events: Iterable[tuple[str, ListEvent]]) -> Outcome:
        """Record events in any order, each once however often it is given, and return the counts.

        They are written in batches, each completely or not at all: after an interruption, give the same events again.

        :raises StoreError: when the database cannot be written.
        """
        outcome, source = Outcome(), iter(events)
        while part := list(islice(source, BATCH)):
            located = [
                (self.identity.of(address), bare_address(address) or address.strip(), event) for address, event in part
            ]
            outcome += writing(self._engine, self._recorder(located))
        return outcome

    def _recorder(self, located: Sequence[Located]) -> Callable[[Connection], Outcome]:
        return lambda connection: Writer(connection, self._terms(connection), self._hashes, self.scope).write(located)

    def record_report(self, report: Report, received: datetime | None = None) -> Outcome:
        """Record the events of a report's recipients.

        :param received: the time of receipt; by default the one that the report has, else now.
        """
        return self.record(events_of(report, received or receipt_of(report, datetime.now(UTC))))

    def suppress(
        self,
        address: str,
        *,
        who: str | None = None,
        why: str | None = None,
        until: datetime | None = None,
        at: datetime | None = None,
    ) -> Outcome:
        """Suppress an address by hand, for ever unless `until` is given.

        :param address: the address, also with a display name: ``Kim <kim@example.org>``.
        :raises PatternError: for a pattern such as ``*@example.org``, which takes :meth:`suppress_domain`.
        :raises AddressError: for what is no address, or several; it is a ValueError as well.
        """
        return self._by_hand(_one_address(address), EventKind.SUPPRESSION, who, why, at, until)

    def reactivate(self, address: str, *, why: str, who: str | None = None, at: datetime | None = None) -> Outcome:
        """Lift a suppression by hand; later failures are counted from zero.

        :raises PatternError: for a pattern such as ``*@example.org``, which takes :meth:`reactivate_domain`.
        :raises AddressError: as by :meth:`suppress`.
        """
        return self._by_hand(_one_address(address), EventKind.REACTIVATION, who, why, at, None)

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

    def suppress_domain(
        self, domain: str, *, who: str | None = None, why: str | None = None, at: datetime | None = None
    ) -> int:
        """Suppress all addresses at a domain, known or not, until it is reactivated.

        :param domain: the domain, also as ``*@example.org``; those below it are not included.
        :return: the number of known addresses that it covers, in this scope and those below it.
        :raises StoreError: when it is no domain.
        """
        return self._change_domain(self._domain(domain), EventKind.SUPPRESSION, who, why, at)

    def reactivate_domain(self, domain: str, *, why: str, who: str | None = None, at: datetime | None = None) -> int:
        """Lift the suppression of a whole domain; addresses that are suppressed for themselves stay so.

        :return: the number of known addresses at the domain.
        :raises StoreError: when the domain is not suppressed as a whole in this scope.
        """
        name = self._domain(domain)
        if not any(found.domain == name for found in self.domains(at)):
            raise StoreError(f"{domain}: not suppressed as a whole domain")
        return self._change_domain(name, EventKind.REACTIVATION, who, why, at)

    def _domain(self, text: str) -> str:
        return _domains.domain_of(self.identity.of(f"x@{_domains.domain_named(text)}"))

    def _change_domain(
        self, domain: str, kind: EventKind, who: str | None, why: str | None, at: datetime | None
    ) -> int:
        time = at or datetime.now(UTC)

        def work(connection: Connection) -> None:
            _domains.change(connection, domain, self.scope, kind, time, who, why)

        writing(self._engine, work)
        with reading(self._engine) as connection:
            return _domains.covered(connection, domain, self.scope)

    def record_sent(self, rows: Iterable[SentRow], *, day: date | None = None) -> int:
        """Record what was mailed, so that tokens and Message-IDs prove reports; return the number of new rows.

        The list is a :class:`~undeliverable.proof.Sent` then. :meth:`tidy` drops rows after 60 days.

        :param rows: the address that was mailed, the id of its token or None, and the Message-ID or None.
        :param day: the day on which it was mailed; today by default.
        :raises StoreError: for a row that holds no address, or neither id nor Message-ID.
        """
        new, source, day = 0, iter(rows), day or datetime.now(UTC).date()
        while part := list(islice(source, BATCH)):
            new += writing(self._engine, partial(_sent.write, rows=part, identity=self.identity, day=day))
        return new

    def forget(self, address: str, at: datetime | None = None) -> bool:
        """Delete all data about an address in this scope and those below it; return True if there was any.

        Where it is suppressed a keyed hash is kept, so that it stays suppressed without being stored.
        """
        time, identity = stamp(at or datetime.now(UTC)), self.identity.of(address)
        return writing(self._engine, lambda connection: _forget(connection, identity, self.scope, time, self._hashes))


def _forget(connection: Connection, identity: str, scope: str, time: int, hashes: Hashes) -> bool:
    query = select(ADDRESSES).where(ADDRESSES.c.address == identity).order_by(ADDRESSES.c.id)
    rows = [row for row in connection.execute(query.with_for_update()) if is_below(row.scope, scope)]
    for row in rows:
        if state_of(row.state).is_suppressed(moment(time)):
            values = {"hash": hashes.of(identity, row.scope), "until": row.until, "scope": row.scope}
            insert = INSERT[connection.dialect.name](FORGOTTEN).values(**values)
            connection.execute(insert.on_conflict_do_update(index_elements=["hash"], set_={"until": row.until}))
        for table in (EVENTS, IGNORED):
            connection.execute(table.delete().where(table.c.address_id == row.id))
        connection.execute(ADDRESSES.delete().where(ADDRESSES.c.id == row.id))
    report = _read.setting(connection, REPORT)
    if report is not None:
        left = Migrated.from_dict(json.loads(report)).without(identity)
        connection.execute(META.update().where(META.c.name == REPORT).values(value=json.dumps(left.to_dict())))
    # What was mailed is known of the platform as a whole; one tenant's wish does not take it from the others.
    sent = _sent.forget(connection, identity) if scope == GLOBAL else 0
    return bool(rows or sent)


def _one_address(text: str) -> str:
    """Return the address that a person gave, without a display name."""
    address = bare_address(text)
    if _domains.is_pattern(address or text):
        raise PatternError(
            f"{text!r} stands for many addresses: suppress a whole domain by suppress_domain(), or the command"
            " 'suppressions add-domain'"
        )
    if address is None:
        raise AddressError(
            f"{shortened(text)} is no address; expected one such as kim@example.org, or Kim <kim@example.org>"
        )
    return address
