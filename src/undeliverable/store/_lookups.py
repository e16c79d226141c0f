"""Look-ups in a list: single addresses, lists of recipients, and all entries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from sqlalchemy import func, select

from undeliverable.store import _domains, _read, _sent
from undeliverable.store._engine import reading
from undeliverable.store._opened import Opened
from undeliverable.store._records import Entry, Stats, SuppressedDomain, stamp
from undeliverable.store._schema import ADDRESSES
from undeliverable.store._scopes import visible
from undeliverable.suppression import AddressState, Cause, ListEvent

__all__ = ["LookUps"]

_PROBE: Final = 10_000


class LookUps(Opened):
    """What a list can be asked; see :class:`~undeliverable.store.SuppressionList`."""

    def get(self, address: str) -> Entry | None:
        """Return the entry of an address in the list's own scope, or None if it is unknown there."""
        with reading(self._engine) as connection:
            return next(iter(_read.entries(connection, self.identity.of(address), (self.scope,))), None)

    def find(self, address: str) -> tuple[Entry, ...]:
        """Return the entries of an address in all scopes that a look-up sees, the nearest first."""
        with reading(self._engine) as connection:
            return _read.entries(connection, self.identity.of(address), visible(self.scope))

    def state(self, address: str) -> AddressState | None:
        """Return the state of an address in the list's own scope, or None if it is unknown there."""
        entry = self.get(address)
        return None if entry is None else entry.state

    def history(self, address: str) -> tuple[ListEvent, ...]:
        """Return all events of an address in the list's own scope, in order."""
        with reading(self._engine) as connection:
            return _read.history(connection, self.identity.of(address), self.scope)

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
        scopes = visible(self.scope)
        while part := list(islice(source, _PROBE)):
            identities = [of(address) for address in part]
            with reading(self._engine) as connection:
                found = _read.suppressed(connection, identities, time, self._hashes, scopes)
            yield from ((address, identity in found) for address, identity in zip(part, identities, strict=True))

    def entries(
        self, *, suppressed: bool | None = None, cause: Cause | None = None, at: datetime | None = None
    ) -> Iterator[Entry]:
        """Yield the entries of the list's own scope.

        :param suppressed: True for suppressed addresses only, False for all others only.
        :param cause: only addresses that are suppressed for this cause.
        :param at: the time at which they are suppressed; now by default.
        """
        yield from self._entries(self._wanted(suppressed, cause, at))

    def page(
        self,
        cursor: int = 0,
        limit: int = 100,
        *,
        suppressed: bool | None = None,
        cause: Cause | None = None,
        at: datetime | None = None,
    ) -> tuple[list[Entry], int | None]:
        """Return the next entries after a cursor, and the cursor after them; None at the end.

        The other arguments are those of :meth:`entries`.

        :param cursor: 0, or what the call before returned.
        :param limit: the most entries to return.
        """
        with reading(self._engine) as connection:
            found = _read.page(connection, cursor, self._wanted(suppressed, cause, at), limit + 1)
        entries = [entry for _, entry in found[:limit]]
        return entries, found[limit - 1][0] if len(found) > limit else None

    def _wanted(self, suppressed: bool | None, cause: Cause | None, at: datetime | None) -> list[Any]:  # noqa: FBT001 # as of both above
        off = _read.is_off(stamp(at or datetime.now(UTC)))
        wanted: list[Any] = [_read.in_scope(self.scope)]
        if suppressed is not None:
            wanted.append(off if suppressed else ~off)
        if cause is not None:
            wanted += [off, ADDRESSES.c.cause == str(cause)]
        return wanted

    def _entries(self, wanted: Sequence[Any]) -> Iterator[Entry]:
        """Yield the entries that fulfil all conditions, page by page, so that memory stays small."""
        last = 0
        while True:
            with reading(self._engine) as connection:
                page = _read.page(connection, last, wanted)
            if not page:
                return
            yield from (entry for _, entry in page)
            last = page[-1][0]

    def domains(self, at: datetime | None = None) -> tuple[SuppressedDomain, ...]:
        """Return the domains that are suppressed as a whole in the list's own scope."""
        with reading(self._engine) as connection:
            return tuple(_domains.active(connection, stamp(at or datetime.now(UTC)), self.scope))

    def covering(self, address: str, at: datetime | None = None) -> tuple[SuppressedDomain, ...]:
        """Return the suppressions of whole domains that cover an address, in all scopes that a look-up sees."""
        domain = _domains.domain_of(self.identity.of(address))
        with reading(self._engine) as connection:
            time = stamp(at or datetime.now(UTC))
            return tuple(_domains.covering(connection, {domain}, time, visible(self.scope)))

    def scopes(self) -> tuple[str, ...]:
        """Return the names of all scopes that hold something, except the global one."""
        with reading(self._engine) as connection:
            return _read.scopes(connection)

    def address_of(self, token_id: str) -> str | None:
        """Return the address that was mailed with a token of this id.

        None if :meth:`~undeliverable.store.SuppressionList.record_sent` was given none, or more than one address.
        """
        with reading(self._engine) as connection:
            return _sent.address_of(connection, token_id)

    def recipients_of(self, message_id: str) -> Sequence[str]:
        """Return all addresses that were recorded as mailed with this Message-ID."""
        with reading(self._engine) as connection:
            return _sent.recipients_of(connection, message_id)

    def stats(self, at: datetime | None = None) -> Stats:
        """Return the statistics of the list's own scope."""
        with reading(self._engine) as connection:
            return _read.stats(connection, stamp(at or datetime.now(UTC)), self.scope)

    def __len__(self) -> int:
        """Return the number of known addresses in the list's own scope."""
        with reading(self._engine) as connection:
            query = select(func.count()).select_from(ADDRESSES).where(_read.in_scope(self.scope))
            return int(connection.execute(query).scalar_one())
