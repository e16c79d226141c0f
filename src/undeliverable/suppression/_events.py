"""What happens to an address on a list: events, and how a report becomes some."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

from undeliverable import Action, Advice, BounceType, Fault, Kind, Reason, Report, Verdict

__all__ = ["EventKind", "ListEvent", "events_of"]


class EventKind(StrEnum):
    """What happened.

    ``bounce``: a verdict about a failure; ``complaint``: the recipient called the mail spam; ``delivery``: a message
    arrived, or something shows that somebody read it; ``suppression``: somebody, or a service, took the address off;
    ``reactivation``: somebody put it back; ``expiry``: the suppression has run out.
    """

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    DELIVERY = "delivery"
    SUPPRESSION = "suppression"
    REACTIVATION = "reactivation"
    EXPIRY = "expiry"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListEvent:
    """One thing that happened to one address.

    :ivar kind: what happened.
    :ivar time: when, with a time zone.
    :ivar key: tells the event from every other of the address; the same thing heard twice has the same key.
    :ivar bounce_type: of the verdict, as are ``reason``, ``fault`` and ``advice``.
    :ivar until: when a suppression by hand ends; None: as the policy says.
    :ivar who: who suppressed or reactivated, or which service or server said so.
    :ivar why: why, in words.
    :ivar status: the enhanced status code, for the record.
    :ivar reply: the raw reply, for the record; the first thing to be forgotten.
    :ivar rule: the id of the rule that found the reason.
    :ivar policy: the id of the policy that drew the consequence.
    :ivar vendor: an e-mail service's own words.
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

    def __post_init__(self) -> None:
        if self.time.tzinfo is not UTC:
            object.__setattr__(self, "time", _aware(self.time))
        if self.until is not None:
            object.__setattr__(self, "until", _aware(self.until))

    @property
    def order(self) -> tuple[datetime, str]:
        """The place of the event in the history of its address."""
        return self.time, self.key

    @property
    def digest(self) -> str:
        """Tells events with the same key apart, by all that they say but the raw reply."""
        said = sorted((name, str(value)) for name, value in self.to_dict().items() if name != "reply")
        return sha256(repr(said).encode(errors="backslashreplace")).hexdigest()[:16]

    @property
    def precedence(self) -> tuple[datetime, str]:
        """Of two events with the same key the lesser one counts, whichever came first."""
        return self.time, self.digest

    @classmethod
    def of(
        cls, verdict: Verdict, time: datetime, *, kind: EventKind = EventKind.BOUNCE, key: str | None = None
    ) -> ListEvent:
        """The event that a verdict is.

        :param verdict: of a recipient that failed, unless `kind` says otherwise.
        :param time: when it happened.
        :param key: instead of the verdict's own, for replies without a message around them.
        """
        return cls(
            kind=kind,
            time=time,
            key=key or (verdict.key if kind is EventKind.BOUNCE else f"{kind}:{verdict.key}"),
            bounce_type=verdict.bounce_type,
            reason=verdict.reason,
            fault=verdict.fault,
            advice=verdict.advice,
            who=verdict.remote_mta,
            status=None if verdict.status is None else str(verdict.status),
            reply=verdict.reply,
            rule=None if verdict.rule is None else verdict.rule.id,
            policy=None if verdict.policy is None else verdict.policy.id,
            vendor=verdict.vendor_code,
        )

    def to_dict(self) -> dict[str, object]:
        """The event as JSON values; what is None is left out."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else str(value)
            for name in self.__slots__
            if (value := getattr(self, name)) is not None
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, object]) -> ListEvent:
        """The event that :meth:`to_dict` wrote.

        :raises ValueError: when it is none; the sentence says why.
        """
        values: dict[str, Any] = {}
        for name, value in record.items():
            if name not in cls.__slots__:
                raise ValueError(f"no event: {name} is unknown")
            if value is not None:
                values[name] = value if isinstance(value, datetime) else _READ.get(name, str)(str(value))
        if not {"kind", "time", "key"} <= values.keys():
            raise ValueError("no event: kind, time and key are needed")
        return cls(**values)


def events_of(report: Report, received: datetime) -> tuple[tuple[str, ListEvent], ...]:
    """The addresses that `report` speaks of, each with its event; what neither harms nor helps gives none.

    The time is that of the last attempt, else of the report, and never later than `received`: dates in mail are
    written by strangers.

    :param received: when the report came in; also the time where the report tells none.
    """
    return tuple(
        (verdict.recipient, _event(report, verdict, kind, _aware(received)))
        for verdict in report.verdicts
        if verdict.recipient and (kind := _kind(report.kind, verdict.action)) is not None
    )


# A delay says that the mail is still on its way, and a relayed or expanded recipient may yet fail.
_BY_ACTION: Final = MappingProxyType({Action.FAILED: EventKind.BOUNCE, Action.DELIVERED: EventKind.DELIVERY})
_BY_KIND: Final = MappingProxyType(
    {
        Kind.COMPLAINT: EventKind.COMPLAINT,
        Kind.SUPPRESSED: EventKind.SUPPRESSION,
        Kind.UNSUBSCRIBED: EventKind.SUPPRESSION,
        Kind.DELIVERED: EventKind.DELIVERY,
        Kind.BOUNCE: EventKind.BOUNCE,
    }
)


def _kind(kind: Kind, action: Action | None) -> EventKind | None:
    return _BY_KIND.get(kind) if action is None else _BY_ACTION.get(action)


def _event(report: Report, verdict: Verdict, kind: EventKind, received: datetime) -> ListEvent:
    message, told = report.message, report.event
    known = verdict.last_attempt_date or message.date or message.arrival_date
    event = ListEvent.of(verdict, received if known is None else min(_aware(known), received), kind=kind)
    by_service = None if told is None else f"{told.type or ''} {told.class_ or ''} {told.subclass or ''}".strip()
    return replace(
        event,
        who=event.who or (message.reporting_mta if told is None else told.service),
        why=str(report.kind) if kind is EventKind.SUPPRESSION else None,
        vendor=event.vendor or by_service or None,
    )


_READ: Final[Mapping[str, Callable[[str], object]]] = MappingProxyType(
    {
        "kind": EventKind,
        "time": datetime.fromisoformat,
        "until": datetime.fromisoformat,
        "bounce_type": BounceType,
        "reason": lambda text: Reason(text),  # type: ignore[call-arg] # noqa: PLW0108 # found by value; the constructor takes more
        "fault": Fault,
        "advice": Advice,
    }
)


def _aware(time: datetime) -> datetime:
    """In UTC; a time without a zone is taken for UTC."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
