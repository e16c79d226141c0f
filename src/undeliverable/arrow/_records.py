"""Public records as rows, and rows as typed columns.

The record is what ``Report.to_dict()`` gives and ``classify --format jsonl`` writes, so the columns and the JSON say the same
by construction. A row is a tuple in the order of the schema; columns are made of many rows at once, which costs less than
a call for each value.
"""

# pyarrow has no types.
# pyright: basic, reportAttributeAccessIssue=false, reportOptionalMemberAccess=false, reportUnusedImport=false

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from operator import itemgetter
from typing import Any, Final, TypeAlias, cast

import pyarrow as pa

from undeliverable.arrow._schema import SCHEMA, without_dictionaries

__all__ = ["ROWS", "Row", "columns", "from_records", "row_of_error", "rows_of", "rows_of_verdict"]

Row: TypeAlias = tuple[object, ...]
Record: TypeAlias = Mapping[str, Any]

ROWS: Final = 4_096
"""Rows that are kept as Python objects before they become columns."""

_VERDICT: Final = SCHEMA.names[SCHEMA.names.index("recipient") : SCHEMA.names.index("rule")]
_MESSAGE: Final = SCHEMA.names[SCHEMA.names.index("generator") : SCHEMA.names.index("original_message_id")]
_RETURNED: Final = ("message_id", "from", "to", "subject", "date")
_verdict_values: Final = itemgetter(*_VERDICT)
_message_values: Final = itemgetter(*_MESSAGE)
_returned_values: Final = itemgetter(*_RETURNED)

_NO_RULES: Final = (None,) * 6  # rule, rule_layer, policy, policy_layer, policies, shadowed
_NO_VERDICT: Final = (None,) * (len(_VERDICT) + len(_NO_RULES))
_NOT_RETURNED: Final = (None,) * (len(_RETURNED) + 1)
_NO_REPORT: Final = (None,) * (len(_MESSAGE) + len(_NOT_RETURNED) + 2)  # with feedback and event


def rows_of(record: Record) -> list[Row]:
    """Return the rows of a report: one for each verdict, numbered from 1; one without a verdict has the number 0."""
    message = record["message"]
    returned, feedback, event = message["returned"], message["feedback"], record["event"]
    end = (
        *_message_values(message),
        *(_NOT_RETURNED if returned is None else (*_returned_values(returned), _pairs(returned["headers"]))),
        feedback and _feedback(feedback),
        event and _event(event),
        record["remarks"],
        None,
    )
    kind = record["kind"]
    if not record["verdicts"]:
        return [(kind, 0, *_NO_VERDICT, *end)]
    return [(kind, number, *_of_verdict(verdict), *end) for number, verdict in enumerate(record["verdicts"], 1)]


def rows_of_verdict(verdict: Record, error: str | None) -> Row:
    """Return the row of a verdict that no report goes with: that on a reply.

    :param error: what is wrong with the input all the same, or None.
    """
    return (None, 1, *_of_verdict(verdict), *_NO_REPORT, [], error)


def row_of_error(error: str) -> Row:
    """Return the row of something that could not be judged, which says why."""
    return (None, 0, *_NO_VERDICT, *_NO_REPORT, [], error)


def _of_verdict(verdict: Record) -> Row:
    rule, policy, policies, shadowed = verdict["rule"], verdict["policy"], verdict["policies"], verdict["shadowed"]
    return (
        *_verdict_values(verdict),
        *((None, None) if rule is None else (rule["id"], rule["layer"])),
        *((None, None) if policy is None else (policy["id"], policy["layer"])),
        [{"sets": name, **setter} for name, setter in policies.items()] if policies else [],
        shadowed,
    )


def _pairs(values: Mapping[str, object]) -> list[dict[str, str]]:
    return [
        {"name": name, "value": value if isinstance(value, str) else json.dumps(value, default=str)}
        for name, value in values.items()
    ]


def _feedback(feedback: Record) -> dict[str, object]:
    fields = [{"name": name, "values": values} for name, values in feedback["fields"].items()]
    return {**feedback, "arrival_date": _time(feedback["arrival_date"]), "fields": fields}


def _event(event: Record) -> dict[str, object]:
    tags = [tag if isinstance(tag, str) else json.dumps(tag, default=str) for tag in event["tags"]]
    return {**event, "tags": tags, "metadata": _pairs(event["metadata"])}


# ----------------------------------------------------------------------------------------------------------------
# Columns


def from_records(records: Iterable[Record], *, dictionary: bool = True) -> pa.Table:
    """Return a table of public records, with the columns ``source``, ``received`` and those of :data:`SCHEMA`.

    :param records: what ``Report.to_dict()`` gave, or lines of JSON that ``classify`` wrote, decoded.
    :param dictionary: False for plain strings instead of dictionaries.
    """
    own = SCHEMA if dictionary else without_dictionaries(SCHEMA)
    place = pa.schema([("source", pa.string()), ("received", pa.timestamp("us", tz="UTC"))])
    fields = pa.schema([*place, *own])
    rows = (
        (record["source"], record.get("received"), *row) for record in records for row in rows_of(_completed(record))
    )
    batches: list[pa.RecordBatch] = []
    while some := list(islice(rows, ROWS)):
        batches.append(pa.record_batch(columns(some, fields), schema=fields))
    return pa.Table.from_batches(batches, schema=fields)


def _completed(record: Record) -> Record:
    """Return a record of version 1 with the keys that it lacks."""
    if record["schema"] > 1:
        return record
    from undeliverable import Report

    return Report.from_dict(record).to_dict()


def columns(rows: Sequence[Row], fields: pa.Schema) -> list[pa.Array]:
    """Return rows as columns of the types of `fields`."""
    if not rows:
        return [pa.array([], field.type) for field in fields]
    return [_column(values, field.type) for values, field in zip(zip(*rows, strict=True), fields, strict=True)]


def _column(values: Sequence[object], kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind):
        return _times(cast("Sequence[str | None]", values), kind)
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:  # half a surrogate pair, which no file in UTF-8 can hold
        return pa.array([_encodable(value) for value in values], kind)


def _times(values: Sequence[str | None], kind: pa.DataType) -> pa.Array:
    if not any(values):
        return pa.nulls(len(values), kind)
    return pa.array([_time(value) for value in values], kind)


def _time(value: str | None) -> datetime | None:
    """Return a date of a record; one without an offset is taken for UTC."""
    if value is None:
        return None
    time = datetime.fromisoformat(value)
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _encodable(value: object) -> object:
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, Mapping):
        return {key: _encodable(one) for key, one in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list):
        return [_encodable(one) for one in cast("list[object]", value)]
    return value
