"""The events of a report: one for each recipient that something follows for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from undeliverable import Action, Kind, Proof, Report, Verdict
from undeliverable.suppression._events import EventKind, ListEvent, aware
from undeliverable.verdict import UNPROVEN

__all__ = ["events_of", "receipt_of"]


def events_of(report: Report, received: datetime) -> tuple[tuple[str, ListEvent], ...]:
    """Return the addresses that were mailed, each with its event; recipients without consequences are left out.

    The dates in a report decide nothing, since strangers write them: a streak of five days is one of five days on which
    reports were received. They are kept in :attr:`ListEvent.reported`.

    :param received: the time of receipt of the report.
    """
    if report.is_own_look_up:
        return ()  # the list would tell itself
    time = aware(received)
    return tuple(
        (address, _event(report, verdict, kind, time))
        for verdict in report.verdicts
        if (address := verdict.sent_to or verdict.recipient) and (kind := _kind(report.kind, verdict)) is not None
    )


def receipt_of(report: Report, now: datetime) -> datetime:
    """Return the time of receipt of a report: its own, but never later than `now`; without one, `now`."""
    latest = aware(now)
    return latest if report.received is None else min(aware(report.received), latest)


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


def _kind(kind: Kind, verdict: Verdict) -> EventKind | None:
    # What a service did not send, because of its own list, some call failed: yet no server refused anything.
    is_unsent = kind is Kind.SUPPRESSED and verdict.bounce_type is None
    if verdict.action is None or (is_unsent and verdict.action is Action.FAILED):
        return _BY_KIND.get(kind)
    return _BY_ACTION.get(verdict.action)


def _refusal(verdict: Verdict) -> str | None:
    """Return why nothing proves a verdict, where somebody asked."""
    if verdict.proof is not Proof.UNPROVED:
        return None
    return next((text.removeprefix(UNPROVEN) for text in verdict.conflicts if text.startswith(UNPROVEN)), None)


def _event(report: Report, verdict: Verdict, kind: EventKind, received: datetime) -> ListEvent:
    message, service = report.message, report.event
    event = ListEvent.of(verdict, received, kind=kind)
    words = [] if service is None else [service.type or "", service.class_ or "", service.subclass or ""]
    is_suppression = kind is EventKind.SUPPRESSION
    return replace(
        event,
        who=event.who or (message.reporting_mta if service is None else service.service),
        why=str(report.kind) if is_suppression else _refusal(verdict),
        vendor=event.vendor or " ".join(words).strip() or None,
        reported=event.reported or message.date or message.arrival_date,
        hearsay=is_suppression and report.kind is Kind.SUPPRESSED,
    )
