"""Events and states as rows of the database."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from undeliverable.store._records import moment, stamp
from undeliverable.suppression import AddressState, EventKind, ListEvent

__all__ = ["Precedence", "event_of", "precedence_of", "row_of", "state_of", "use_of"]

Precedence = tuple[int, datetime, str]
"""The place of an event among those that are the same."""


def event_of(row: Any) -> ListEvent:  # noqa: ANN401 # a row of the table of events
    """Return the event in a row, with its raw reply unless that was dropped."""
    record = _record(row)
    if row.reply is not None:
        record["reply"] = json.loads(row.reply)
    return ListEvent.from_dict(record)


def _record(row: Any) -> dict[str, object]:  # noqa: ANN401 # as above
    record: dict[str, object] = json.loads(row.body)
    record["key"], record["time"] = row.key, moment(row.time)
    return record


def precedence_of(row: Any) -> Precedence:  # noqa: ANN401 # as above
    """Return the precedence of the event in a row."""
    event = ListEvent.from_dict(_record(row))
    return event.rank, event.time, row.digest


def use_of(row: Any) -> tuple[tuple[EventKind, str | None], Precedence]:  # noqa: ANN401 # as above
    """Return the kind and the token of the event in a row, and its precedence."""
    event = ListEvent.from_dict(_record(row))
    return (event.kind, event.token), (event.rank, event.time, row.digest)


def state_of(text: str) -> AddressState:
    """Return the state in a row of the table of addresses."""
    return AddressState.from_dict(json.loads(text))


def row_of(id_: int, event: ListEvent, digest: str) -> dict[str, object]:
    """Return the row of an event of an address.

    :param digest: the digest of the event, which takes time to make.
    """
    body = {name: value for name, value in event.to_dict().items() if name not in {"key", "time", "reply"}}
    return {
        "address_id": id_,
        "key": event.key,
        "time": stamp(event.time),
        "digest": digest,
        "body": json.dumps(body),
        "reason": None if event.reason is None else str(event.reason),
        # JSON, because a reply may hold characters that a text column does not accept.
        "reply": None if event.reply is None else json.dumps(event.reply),
    }
