"""Tracking events of django-anymail, which have been normalised and proved there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from undeliverable.webhooks._service import Service

__all__ = ["NAME", "event_fields", "named_after"]

NAME: Final = "anymail"
"""The name of the description of its events, and of the service where Anymail names one that is not known here."""
_ATTRIBUTES: Final = (
    "event_type",
    "timestamp",
    "event_id",
    "message_id",
    "recipient",
    "reject_reason",
    "description",
    "mta_response",
    "tags",
    "metadata",
)


def event_fields(event: object) -> dict[str, object]:
    """Return what an event says, as the fields that the description of Anymail names."""
    found: dict[str, object] = {name: getattr(event, name, None) for name in _ATTRIBUTES}
    date = found["timestamp"]
    return found | {"timestamp": date.isoformat() if isinstance(date, datetime) else date}


def named_after(service: Service, esp_name: str | None, services: Iterable[Service]) -> Service:
    """Return `service` under the name of the one that Anymail calls `esp_name`, if it is known here."""
    letters = "".join(filter(str.isalnum, esp_name or "")).casefold()
    name = next((one.name for one in services if one.name.replace("_", "") == letters), None)
    return service if name is None else replace(service, name=name)
