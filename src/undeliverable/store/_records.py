"""What the store answers with."""

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

    :ivar address: as it is compared, see :class:`~undeliverable.store.AddressIdentity`.
    :ivar shown: as it was written first.
    :ivar trigger: the event that suppressed it, None where nothing did.
    """

    address: str
    shown: str
    state: AddressState
    trigger: ListEvent | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of events that were recorded.

    :ivar new: how many were not known.
    :ivar known: how many were.
    :ivar forgotten: how many were left out because their address wants to be forgotten.
    :ivar suppressed: the addresses that are suppressed now and were not before.
    :ivar released: the addresses that were suppressed and are no more.
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
    """Numbers of a list.

    :ivar standings: addresses by standing; a suppression that has run out counts as clear.
    :ivar causes: suppressed addresses by cause.
    :ivar reasons: suppressed addresses by the reason of the event that decided.
    """

    addresses: int
    events: int
    forgotten: int
    standings: Mapping[str, int] = field(default_factory=dict[str, int])
    causes: Mapping[str, int] = field(default_factory=dict[str, int])
    reasons: Mapping[str, int] = field(default_factory=dict[str, int])


def stamp(time: datetime) -> int:
    """Microseconds since 1970."""
    return (time - _EPOCH) // _MICROSECOND


def moment(microseconds: int) -> datetime:
    """The time that :func:`stamp` made a number of."""
    return _EPOCH + timedelta(microseconds=microseconds)
