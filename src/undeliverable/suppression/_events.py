"""Events in the history of an address.

Reports arrive twice, and other people write them. So an event says what proves it, when it was received, and what makes
it the same event as another: a key, and for proved ones the token. Where two are the same, the one with the better
:attr:`~ListEvent.precedence` counts, whichever arrived first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

from undeliverable import Advice, BounceType, Fault, Proof, Reason, Verdict, address_identity, is_same_address
from undeliverable.model import Shown
from undeliverable.suppression._proof import strength

__all__ = ["EventKind", "ListEvent", "aware"]


class EventKind(StrEnum):
    """The kind of an event.

    ``bounce``: a verdict about a failure; ``complaint``: the recipient reported the mail as spam; ``delivery``: a
    message arrived, or was evidently read; ``suppression``: a person or a service suppressed the address;
    ``reactivation``: a person lifted the suppression; ``expiry``: the suppression ran out; ``release``: a person voided
    the hard failures of a span of time; ``confirmation``: a person let held failures take effect.
    """

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    DELIVERY = "delivery"
    SUPPRESSION = "suppression"
    REACTIVATION = "reactivation"
    EXPIRY = "expiry"
    RELEASE = "release"
    CONFIRMATION = "confirmation"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ListEvent(Shown):
    """One event in the history of one address.

    :ivar kind: the kind of event.
    :ivar time: the time of receipt, in UTC. A report's own dates are written by strangers, so nothing is decided by them.
    :ivar key: identifies the event among those of the address; a duplicate has the same key.
    :ivar bounce_type: copied from the verdict, as are ``reason``, ``fault`` and ``advice``; soft where another address
        failed than the one that was mailed. A release voids failures with its ``reason`` only, None voids all.
    :ivar until: the end of a suppression by hand, None leaves it to the policy; of a release, the end of its span.
    :ivar who: the person who suppressed or reactivated, or the service or server that reported it.
    :ivar why: the explanation, in words; of an unproved failure or delivery why nothing proves it.
    :ivar status: the enhanced status code, for the record.
    :ivar reply: the raw reply, for the record; the first part to be dropped.
    :ivar rule: the id of the rule that found the reason.
    :ivar policy: the id of the policy that set the consequence.
    :ivar vendor: the e-mail service's own code or words.
    :ivar proof: what proves that the event is about a message of your own; None where nobody asked.
    :ivar token: the signed token that proves it, as key, day and id: ``a/2026-11-20/42``. An event of the same kind with
        the same token is a repeat.
    :ivar provider: who received the mail: the provider's id, else the domain. A release voids failures at its provider
        only, None voids all.
    :ivar reported: the date in the report, for the record.
    :ivar held_until: the time until which a hard failure is held, since too many came from its provider.
    :ivar since: the start of the span of a release; None goes back to the first event.
    :ivar hearsay: True if another system says that the address is on its own suppression list.
    """

    kind: EventKind
    time: datetime
    key: str
    bounce_type: BounceType | None = None
    reason: Reason | None = None
    fault: Fault | None = None
    advice: Advice | None = None
    until: datetime | None = None
    who: str | None = None
    why: str | None = None
    status: str | None = None
    reply: str | None = None
    rule: str | None = None
    policy: str | None = None
    vendor: str | None = None
    proof: Proof | None = None
    token: str | None = None
    provider: str | None = None
    reported: datetime | None = None
    held_until: datetime | None = None
    since: datetime | None = None
    hearsay: bool = False

    def __post_init__(self) -> None:
        for name in _TIMES:
            time = getattr(self, name)
            if time is not None and time.tzinfo is not UTC:
                object.__setattr__(self, name, aware(time))

    @property
    def order(self) -> tuple[datetime, str]:
        """The sort key of the event in the history of its address."""
        return self.time, self.key

    @property
    def digest(self) -> str:
        """A digest of what was reported, except the raw reply; distinguishes events with the same key."""
        said = sorted((name, str(value)) for name, value in self.to_dict().items() if name not in _NOT_REPORTED)
        return sha256(repr(said).encode(errors="backslashreplace")).hexdigest()[:16]

    @property
    def rank(self) -> int:
        """The rank by proof, then by hardness: 0 is the best proved and the hardest."""
        hardness = _BOUNCES[self.bounce_type] if self.kind is EventKind.BOUNCE else _KINDS[self.kind]
        return strength(self.proof) * _RANKS + hardness

    @property
    def precedence(self) -> tuple[int, datetime, str]:
        """The place among events that are the same: the smallest counts, whichever arrived first.

        The better proof comes first, then the harder event, then the earlier receipt.
        """
        return self.rank, self.time, self.digest

    @property
    def token_day(self) -> date:
        """The day on which the token was made; the first of all days if there is none."""
        _, _, rest = (self.token or "").partition("/")
        try:
            return date.fromisoformat(rest.partition("/")[0])
        except ValueError:
            return date.min

    @property
    def is_held(self) -> bool:
        """True for a hard failure that is held, so that it does not suppress at once."""
        return self.held_until is not None and self.bounce_type is BounceType.HARD and self.held_until > self.time

    def voids(self, other: ListEvent) -> bool:
        """Return whether this is a release that voids `other`: a hard failure, before the release, that it describes."""
        return (
            self.kind is EventKind.RELEASE
            and other.kind is EventKind.BOUNCE
            and other.bounce_type is BounceType.HARD
            and other.order < self.order
            and (self.since is None or self.since <= other.time)
            and (self.until is None or other.time <= self.until)
            and self.provider in (None, other.provider)
            and self.reason in (None, other.reason)
        )

    @classmethod
    def of(
        cls, verdict: Verdict, time: datetime, *, kind: EventKind = EventKind.BOUNCE, key: str | None = None
    ) -> ListEvent:
        """Return the event of a verdict.

        :param verdict: the verdict on a failed recipient, unless `kind` says otherwise.
        :param time: the time of receipt.
        :param key: replaces the verdict's own key, for replies without a message around them.
        """
        return cls(
            kind=kind,
            time=time,
            key=key or (verdict.key if kind is EventKind.BOUNCE else f"{kind}:{verdict.key}"),
            bounce_type=BounceType.SOFT if _is_anothers(verdict) else verdict.bounce_type,
            reason=verdict.reason,
            fault=verdict.fault,
            advice=verdict.advice,
            who=verdict.remote_mta,
            status=None if verdict.status is None else str(verdict.status),
            reply=verdict.reply,
            rule=None if verdict.rule is None else verdict.rule.id,
            policy=None if verdict.policy is None else verdict.policy.id,
            vendor=verdict.vendor_code,
            proof=verdict.proof,
            token=verdict.token,
            provider=verdict.provider or _domain(verdict.sent_to or verdict.recipient),
            reported=verdict.last_attempt_date,
        )

    def to_dict(self) -> dict[str, object]:
        """Return the event as JSON values, without fields that have their default."""
        # Lists write many events: identity takes half as long as a comparison with both defaults.
        return {
            name: _encoded(value)
            for name in self.__slots__
            if (value := getattr(self, name)) is not None and value is not False
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, object]) -> ListEvent:
        """Return the event that :meth:`to_dict` wrote.

        :raises ValueError: when the record is not an event; the message says why.
        """
        values: dict[str, Any] = {}
        for name, value in record.items():
            if name not in cls.__slots__:
                raise ValueError(f"not an event: unknown field {name}; expected one of {', '.join(cls.__slots__)}")
            if value is not None:
                values[name] = value if isinstance(value, datetime) else _READ.get(name, str)(str(value))
        if not {"kind", "time", "key"} <= values.keys():
            raise ValueError("not an event: kind, time and key are required")
        return cls(**values)


def aware(time: datetime) -> datetime:
    """Return a time in UTC; a time without a zone is taken for UTC, and so is one that is out of range there."""
    if time.tzinfo is not None:
        with suppress(OverflowError):  # in the first hours of the year 1, or the last ones of 9999
            return time.astimezone(UTC)
    return time.replace(tzinfo=UTC)


def _is_anothers(verdict: Verdict) -> bool:
    """Return whether an address failed that the mail was only passed on to, or one that the report does not name.

    The one that was mailed may be alive: an alias outlives its members.
    """
    return (
        verdict.bounce_type is BounceType.HARD
        and verdict.sent_to is not None
        and not is_same_address(verdict.sent_to, verdict.recipient)
    )


def _domain(address: str | None) -> str | None:
    return None if address is None else address_identity(address).rpartition("@")[2] or None


def _encoded(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, bool) else str(value)


# Replies can be dropped, and whether an event is held is the list's own decision at its first receipt.
# A time of receipt differs between two readings of the same mail: which of two events counts must not hang on it.
_NOT_REPORTED: Final = frozenset({"reply", "time", "held_until"})
_TIMES: Final = ("time", "until", "since", "reported", "held_until")
# Of events with one key and equal proof, the one that says the worst counts.
_KINDS: Final[Mapping[EventKind, int]] = MappingProxyType(
    {
        EventKind.COMPLAINT: 0,
        EventKind.SUPPRESSION: 1,
        EventKind.EXPIRY: 6,
        EventKind.DELIVERY: 7,
        EventKind.REACTIVATION: 8,
        EventKind.CONFIRMATION: 9,
        EventKind.RELEASE: 10,
    }
)
_BOUNCES: Final[Mapping[BounceType | None, int]] = MappingProxyType(
    {BounceType.HARD: 2, BounceType.SOFT: 3, BounceType.UNDETERMINED: 4, None: 5}
)
_RANKS: Final = 16
_time: Final = datetime.fromisoformat
_READ: Final[Mapping[str, Callable[[str], object]]] = MappingProxyType(
    {
        "kind": EventKind,
        **dict.fromkeys(_TIMES, _time),
        "bounce_type": BounceType,
        "reason": lambda text: Reason(text),  # type: ignore[call-arg] # noqa: PLW0108 # found by value; the constructor takes more
        "fault": Fault,
        "advice": Advice,
        "proof": Proof,
        "hearsay": lambda text: text.lower() == "true",
    }
)
