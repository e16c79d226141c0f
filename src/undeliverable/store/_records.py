"""The results of the store, and times as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from undeliverable.model import Shown
from undeliverable.suppression import AddressState, ListEvent

__all__ = ["Entry", "Hold", "Migrated", "Outcome", "Stats", "SuppressedDomain", "moment", "stamp"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, repr=False)
class Entry(Shown):
    """One address of a list.

    :ivar address: the form for comparison, see :class:`~undeliverable.store.AddressIdentity`.
    :ivar shown: the spelling that was recorded first.
    :ivar state: the state after its last event.
    :ivar trigger: the event that suppressed it, None if it is not suppressed.
    :ivar scope: the scope that it is in; the global one has an empty name.
    """

    address: str
    shown: str
    state: AddressState
    trigger: ListEvent | None = None
    scope: str = ""

    def to_dict(self, at: datetime) -> dict[str, object]:
        """Return the entry as JSON values.

        :param at: the time at which it is suppressed or not.
        """
        return {
            "address": self.shown,
            "scope": self.scope,
            "suppressed": self.state.is_suppressed(at),
            "state": self.state.to_dict(),
            "trigger": None if self.trigger is None else self.trigger.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class SuppressedDomain:
    """A domain that is suppressed as a whole.

    :ivar domain: the domain in the form for comparison, with A-labels.
    :ivar scope: the scope in which it is suppressed; the global one has an empty name.
    :ivar since: the time of the decision.
    :ivar who: who decided.
    :ivar why: the reason, in words.
    """

    domain: str
    scope: str
    since: datetime
    who: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Migrated(Shown):
    """What changed when a list was migrated to the present rule by which addresses are compared.

    :ivar merged: addresses that had several entries; their histories are one now.
    :ivar split: pairs of two addresses that were recorded as one. The history went to the first, except for events whose
        reply names the second: the other events of the second cannot be recovered.
    :ivar patterns: entries such as ``*@example.org``, which never stopped anything: a whole domain takes
        :meth:`~undeliverable.store.SuppressionList.suppress_domain`.
    """

    merged: tuple[str, ...] = ()
    split: tuple[tuple[str, str], ...] = ()
    patterns: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.merged or self.split or self.patterns)

    def without(self, address: str) -> Migrated:
        """Return the report without an address that is forgotten."""
        return Migrated(
            tuple(other for other in self.merged if other != address),
            tuple(pair for pair in self.split if address not in pair),
            tuple(other for other in self.patterns if other != address),
        )

    def to_dict(self) -> dict[str, object]:
        """Return the report as JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_dict(cls, record: Mapping[str, list[Any]]) -> Migrated:
        """Return the report that :meth:`to_dict` wrote."""
        split = tuple((first, second) for first, second in record["split"])
        return cls(tuple(record["merged"]), split, tuple(record["patterns"]))


@dataclass(frozen=True, slots=True, repr=False)
class Outcome(Shown):
    """The result of recording events.

    :ivar new: number of new events.
    :ivar known: number of events that were recorded before.
    :ivar forgotten: number of events that were skipped because their address is forgotten and suppressed.
    :ivar suppressed: the addresses that became suppressed.
    :ivar released: the addresses that are no longer suppressed, or held.
    :ivar ignored: number of events without the proof that the list requires.
    :ivar held: the addresses whose suppression is held, since too many of their provider's bounce.
    :ivar on_hold: the providers of events that were held.
    :ivar ignored_keys: the keys of the events that were ignored.
    """

    new: int = 0
    known: int = 0
    forgotten: int = 0
    suppressed: tuple[str, ...] = ()
    released: tuple[str, ...] = ()
    ignored: int = 0
    held: tuple[str, ...] = ()
    on_hold: tuple[str, ...] = ()
    ignored_keys: tuple[str, ...] = field(default=(), compare=False)

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.new + other.new,
            self.known + other.known,
            self.forgotten + other.forgotten,
            self.suppressed + other.suppressed,
            self.released + other.released,
            self.ignored + other.ignored,
            self.held + other.held,
            tuple(dict.fromkeys(self.on_hold + other.on_hold)),
            self.ignored_keys + other.ignored_keys,
        )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Hold(Shown):
    """A time in which hard bounces of a provider are held, since there are far more of them than usual.

    :ivar provider: the provider's id, else the domain.
    :ivar since: the begin, to five minutes.
    :ivar until: the end, unless there are further signs.
    :ivar held: number of addresses whose hard bounces were held.
    :ivar hard: number of hard bounces when it began, in the ten to sixty minutes before.
    :ivar tried: number of recipients in the same time, as far as their results are recorded.
    :ivar expected: number of hard bounces that would have been usual.
    """

    provider: str
    since: datetime
    until: datetime
    held: int
    hard: int
    tried: int
    expected: float

    @property
    def text(self) -> str:
        """The hold in one line, for people."""
        return (
            f"{self.provider}: hard bounces are held since {self.since:%Y-%m-%d %H:%M} UTC: {self.hard:,} of"
            f" {self.tried:,} recipients failed where {self.expected:,.0f} are usual; {self.held:,} addresses are held"
        )

    def is_on(self, at: datetime) -> bool:
        """Return True if hard bounces at time `at` are held."""
        return self.since <= at < self.until


@dataclass(frozen=True, slots=True, repr=False)
class Stats(Shown):
    """Statistics of a list.

    :ivar addresses: number of known addresses.
    :ivar events: number of events.
    :ivar forgotten: number of forgotten addresses that stay suppressed.
    :ivar standings: addresses by standing; a suppression that has run out counts as clear.
    :ivar causes: suppressed addresses by cause.
    :ivar reasons: suppressed addresses by the reason of the event that suppressed them.
    :ivar domains: number of domains that are suppressed as a whole.
    :ivar ignored: events that were ignored in the last 28 days, by their proof; ``none`` where nobody asked for it.
    :ivar warnings: what somebody should look into: many ignored events, and providers on hold.
    """

    addresses: int
    events: int
    forgotten: int
    standings: Mapping[str, int] = field(default_factory=dict[str, int])
    causes: Mapping[str, int] = field(default_factory=dict[str, int])
    reasons: Mapping[str, int] = field(default_factory=dict[str, int])
    domains: int = 0
    ignored: Mapping[str, int] = field(default_factory=dict[str, int])
    warnings: tuple[str, ...] = ()


def stamp(time: datetime) -> int:
    """Return a time as microseconds since 1970."""
    return (time - _EPOCH) // _MICROSECOND


def moment(microseconds: int) -> datetime:
    """Return the time of a number that :func:`stamp` made."""
    return _EPOCH + timedelta(microseconds=microseconds)
