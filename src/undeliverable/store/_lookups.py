"""Look-ups in a list: single addresses, lists of recipients, and all entries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from sqlalchemy import func, select

from undeliverable.store import _read
from undeliverable.store._engine import reading
from undeliverable.store._opened import Opened
from undeliverable.store._records import Entry, Stats, stamp
from undeliverable.store._schema import ADDRESSES
from undeliverable.suppression import AddressState, Cause, ListEvent

__all__ = ["LookUps"]

_PROBE: Final = 10_000


class LookUps(Opened):
    """What a list can be asked; see :class:`~undeliverable.store.SuppressionList`."""

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
