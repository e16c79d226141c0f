"""Events in the history of an address, and their extraction from a report."""

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
    """The kind of an event.

    ``bounce``: a verdict about a failure; ``complaint``: the recipient reported the mail as spam; ``delivery``: a
    message arrived, or was evidently read; ``suppression``: a person or a service suppressed the address;
    ``reactivation``: a person lifted the suppression; ``expiry``: the suppression ran out.
    """

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    DELIVERY = "delivery"
    SUPPRESSION = "suppression"
    REACTIVATION = "reactivation"
    EXPIRY = "expiry"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListEvent:
    """One event in the history of one address.

    :ivar kind: the kind of event.
    :ivar time: the time, in UTC.
    :ivar key: identifies the event among those of the address; a duplicate has the same key.
    :ivar bounce_type: copied from the verdict, as are ``reason``, ``fault`` and ``advice``.
    :ivar until: the end of a suppression by hand; None leaves it to the policy.
    :ivar who: the person who suppressed or reactivated, or the service or server that reported it.
    :ivar why: the explanation, in words.
    :ivar status: the enhanced status code, for the record.
    :ivar reply: the raw reply, for the record; the first part to be dropped.
    :ivar rule: the id of the rule that found the reason.
    :ivar policy: the id of the policy that set the consequence.
    :ivar vendor: the e-mail service's own code or words.
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
        """The sort key of the event in the history of its address."""
        return self.time, self.key

    @property
    def digest(self) -> str:
        """A digest of all fields except the raw reply; distinguishes events with the same key."""
        said = sorted((name, str(value)) for name, value in self.to_dict().items() if name != "reply")
        return sha256(repr(said).encode(errors="backslashreplace")).hexdigest()[:16]

    @property
    def precedence(self) -> tuple[datetime, str]:
        """The rank among events with the same key: the smallest counts, whichever arrived first."""
        return self.time, self.digest

    @classmethod
    def of(
        cls, verdict: Verdict, time: datetime, *, kind: EventKind = EventKind.BOUNCE, key: str | None = None
    ) -> ListEvent:
        """Return the event of a verdict.

        :param verdict: the verdict on a failed recipient, unless `kind` says otherwise.
        :param time: the time of the event.
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
        )

    def to_dict(self) -> dict[str, object]:
        """Return the event as JSON values, without fields that are None."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else str(value)
            for name in self.__slots__
            if (value := getattr(self, name)) is not None
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


def events_of(report: Report, received: datetime) -> tuple[tuple[str, ListEvent], ...]:
    """Return the recipients of `report`, each with its event; recipients without consequences are left out.

    The time is that of the last attempt, else of the report, and never later than `received`: dates in mail are
    written by strangers.

    :param received: the time of arrival of the report; also used where the report contains no date.
    """
    return tuple(
        (address, _event(report, verdict, kind, _aware(received)))
        for verdict in report.verdicts
        if (address := verdict.recipient and (verdict.sent_to or verdict.recipient))
        and (kind := _kind(report.kind, verdict.action)) is not None
    )


# Delayed, relayed and expanded recipients give no event: the mail is still under way and may yet fail.
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


def _is_anothers(verdict: Verdict) -> bool:
    """Return whether an address failed that the mail was only passed on to: of the one that was mailed that says little."""
    other = verdict.original_recipient
    is_other = other is not None and other != verdict.recipient
    return is_other and verdict.bounce_type is BounceType.HARD and verdict.advice is Advice.RETRY


def _kind(kind: Kind, action: Action | None) -> EventKind | None:
    return _BY_KIND.get(kind) if action is None else _BY_ACTION.get(action)


def _event(report: Report, verdict: Verdict, kind: EventKind, received: datetime) -> ListEvent:
    message, service = report.message, report.event
    known = verdict.last_attempt_date or message.date or message.arrival_date
    event = ListEvent.of(verdict, received if known is None else min(_aware(known), received), kind=kind)
    words = [] if service is None else [service.type or "", service.class_ or "", service.subclass or ""]
    return replace(
        event,
        who=event.who or (message.reporting_mta if service is None else service.service),
        why=str(report.kind) if kind is EventKind.SUPPRESSION else None,
        vendor=event.vendor or " ".join(words).strip() or None,
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
    """Return a time in UTC; a time without a zone is taken for UTC."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
