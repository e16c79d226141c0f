"""The parts of the public record that repeat the facts of a report, as :mod:`undeliverable.model` has them."""

from __future__ import annotations

from undeliverable._text.dates import date_text
from undeliverable.model import Event, MessageFacts

__all__ = ["event_record", "message_record"]


def message_record(facts: MessageFacts) -> dict[str, object]:
    """Return what the report says of itself and of the original message."""
    return {
        "generator": facts.generator,
        "reporting_mta": facts.reporting_mta,
        "received_from_mta": facts.received_from_mta,
        "arrival_date": date_text(facts.arrival_date),
        "original_envelope_id": facts.original_envelope_id,
        "queue_id": facts.queue_id,
        "date": date_text(facts.date),
        "message_id": facts.message_id,
        "returned": None if facts.returned is None else facts.returned.to_dict(),
        "feedback": None if facts.feedback is None else facts.feedback.to_dict(),
    }


def event_record(event: Event) -> dict[str, object]:
    """Return the notification of an e-mail service."""
    return {
        "id": event.id,
        "service": event.service,
        "type": event.type,
        "class": event.class_,
        "subclass": event.subclass,
        "tags": list(event.tags),
        "metadata": dict(event.metadata),
    }
