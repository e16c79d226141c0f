"""Carriers of AWS: what Lambda, SQS, Kinesis, Firehose and S3 put around the events of a topic or a bus.

Each carrier is a list of records, or a record that holds a text, which may be base64 and is JSON again. They are unpacked
until an envelope of SNS, a record of EventBridge or an event remains. What cannot be decoded is yielded as it is.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Final

from undeliverable.errors import WebhookError
from undeliverable.webhooks._body import read_json
from undeliverable.webhooks._fields import as_list, as_object

__all__ = ["carried"]

# Lambda (any trigger); Firehose's HTTP endpoint; SQS ReceiveMessage.
_LISTS: Final = ("Records", "records", "Messages")
# Where a record holds what it carries: SNS, Kinesis and Firehose records, SQS messages of Lambda and of the API.
_OBJECTS: Final = ("Sns", "kinesis")
_TEXTS: Final = ("data", "body", "Body")
# What is no carrier but the event itself, or an envelope that names one.
_EVENTS: Final = frozenset(("eventType", "notificationType", "detail-type", "Type"))
_DEEPEST: Final = 12  # a list, a record in it and what that holds are three


def carried(service: str, body: object) -> object:
    """Return a body without its carriers: the one value in it, or the list of them."""
    if not _is_carrier(body):
        return body
    return list(_unpacked(service, body, 0))


def _is_carrier(body: object) -> bool:
    items = as_list(body)
    first = as_object(body if items is None else next(iter(items), None))
    return (
        first is not None
        and first.keys().isdisjoint(_EVENTS)
        and any(name in first for name in (*_LISTS, *_OBJECTS, *_TEXTS))
    )


def _unpacked(service: str, value: object, depth: int) -> Iterator[object]:
    items = as_list(value)
    found = as_object(value)
    if depth < _DEEPEST and items is None and found is not None and found.keys().isdisjoint(_EVENTS):
        items = next((listed for name in _LISTS if (listed := as_list(found.get(name))) is not None), None)
        if items is None:
            inner = _inside(service, found)
            if inner is not None:
                yield from _unpacked(service, inner, depth + 1)
                return
    if items is None or depth == _DEEPEST:
        yield value
        return
    for item in items:
        yield from _unpacked(service, item, depth + 1)


def _inside(service: str, record: Mapping[str, object]) -> object:
    """Return what one record carries, or None if it is no carrier."""
    for name in _OBJECTS:
        if as_object(record.get(name)) is not None:
            return record[name]
    text = next((text for name in _TEXTS if isinstance(text := record.get(name), str)), None)
    return None if text is None else _decoded(service, text)


def _decoded(service: str, text: str) -> object:
    """Decode JSON, or JSON in base64; what is neither is taken as a message of SNS that is no event."""
    candidates: tuple[str | bytes | None, ...] = (text, _from_base64(text))
    for candidate in candidates:
        try:
            if candidate is not None:
                return read_json(service, candidate)
        except WebhookError:
            continue
    return {"Type": "Notification", "Message": text[:1_000]}


def _from_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
