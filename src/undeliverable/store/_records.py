"""The results of the store, and times as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from undeliverable.suppression import AddressState, ListEvent

__all__ = ["Entry", "Outcome", "Stats", "moment", "stamp"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Entry:
    """One address of a list.

    :ivar address: the form for comparison, see :class:`~undeliverable.store.AddressIdentity`.
    :ivar shown: the spelling that was recorded first.
    :ivar state: the state after its last event.
    :ivar trigger: the event that suppressed it, None if it is not suppressed.
    """

    address: str
    shown: str
    state: AddressState
    trigger: ListEvent | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of recording events.

    :ivar new: number of new events.
    :ivar known: number of events that were recorded before.
    :ivar forgotten: number of events that were skipped because their address is forgotten and suppressed.
    :ivar suppressed: the addresses that became suppressed.
    :ivar released: the addresses that are no longer suppressed.
    """

    new: int = 0
    known: int = 0
    forgotten: int = 0
    suppressed: tuple[str, ...] = ()
    released: tuple[str, ...] = ()

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.new + other.new,
            self.known + other.known,
            self.forgotten + other.forgotten,
            self.suppressed + other.suppressed,
            self.released + other.released,
        )


@dataclass(frozen=True, slots=True)
class Stats:
    """Statistics of a list.

    :ivar addresses: number of known addresses.
    :ivar events: number of events.
    :ivar forgotten: number of forgotten addresses that stay suppressed.
    :ivar standings: addresses by standing; a suppression that has run out counts as clear.
    :ivar causes: suppressed addresses by cause.
    :ivar reasons: suppressed addresses by the reason of the event that suppressed them.
    """

    addresses: int
    events: int
    forgotten: int
    standings: Mapping[str, int] = field(default_factory=dict[str, int])
    causes: Mapping[str, int] = field(default_factory=dict[str, int])
    reasons: Mapping[str, int] = field(default_factory=dict[str, int])


def stamp(time: datetime) -> int:
    """Return a time as microseconds since 1970."""
    return (time - _EPOCH) // _MICROSECOND


def moment(microseconds: int) -> datetime:
    """Return the time of a number that :func:`stamp` made."""
    return _EPOCH + timedelta(microseconds=microseconds)
