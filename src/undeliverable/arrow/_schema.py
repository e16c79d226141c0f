"""The columns of a result: their names, types, order, and how other engines write them.

The order is that of the public record: what the message is, then the verdict, then what the report says of itself and of the
original message. Nested objects of which a row has one become columns of their own; lists stay lists. A type is never
guessed from the values, so every batch has the same schema, an empty one as well.
"""

# pyarrow has no types.
# pyright: basic, reportAttributeAccessIssue=false, reportOptionalMemberAccess=false, reportUnusedImport=false

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import pyarrow as pa

__all__ = ["SCHEMA", "ddl", "kept_fields", "schema", "without_dictionaries"]

_TEXT: Final = pa.string()
_WORD: Final = pa.dictionary(pa.int32(), _TEXT)
"""What has few different values in a batch."""
_TIME: Final = pa.timestamp("us", tz="UTC")
_FLAG: Final = pa.bool_()
_NUMBER: Final = pa.int32()
_LARGE: Final = pa.int64()
_TEXTS: Final = pa.list_(_TEXT)


def _struct(*fields: tuple[str, pa.DataType]) -> pa.DataType:
    return pa.struct(list(fields))


_REF: Final = _struct(("id", _TEXT), ("layer", _TEXT))
_PAIRS: Final = pa.list_(_struct(("name", _TEXT), ("value", _TEXT)))
_FEEDBACK: Final = _struct(
    ("type", _TEXT),
    ("source_ip", _TEXT),
    ("original_mail_from", _TEXT),
    ("reported_domain", _TEXT),
    ("arrival_date", _TIME),
    ("user_agent", _TEXT),
    ("feedback_id", _TEXT),
    ("fields", pa.list_(_struct(("name", _TEXT), ("values", _TEXTS)))),
)
_EVENT: Final = _struct(
    ("id", _TEXT),
    ("service", _TEXT),
    ("type", _TEXT),
    ("class", _TEXT),
    ("subclass", _TEXT),
    ("tags", _TEXTS),
    ("metadata", _PAIRS),
)

_COLUMNS: Final[tuple[tuple[str, pa.DataType], ...]] = (
    ("kind", _WORD), ("verdict", _NUMBER),
    # the verdict
    ("recipient", _TEXT), ("original_recipient", _TEXT), ("action", _WORD), ("bounce_type", _WORD), ("reason", _WORD),
    ("fault", _WORD), ("advice", _WORD), ("label", _WORD), ("status", _WORD), ("status_from", _WORD),
    ("reported_status", _WORD), ("reply_code", _NUMBER), ("reply", _TEXT), ("command", _WORD), ("remote_mta", _TEXT),
    ("provider", _WORD), ("expired", _FLAG), ("conflicts", _TEXTS), ("last_attempt_date", _TIME),
    ("will_retry_until", _TIME), ("vendor_code", _TEXT), ("key", _TEXT), ("blocklist", _WORD), ("retry_after", _NUMBER),
    ("help_url", _TEXT), ("auth_mechanism", _WORD), ("size_limit", _LARGE), ("sent_to", _TEXT), ("proof", _WORD),
    ("confidence", _WORD), ("provider_from", _WORD), ("message_advice", _WORD), ("applies_to", _WORD), ("token", _TEXT),
    ("rule", _WORD), ("rule_layer", _WORD), ("policy", _WORD), ("policy_layer", _WORD),
    ("policies", pa.list_(_struct(("sets", _TEXT), ("id", _TEXT), ("layer", _TEXT)))), ("shadowed", pa.list_(_REF)),
    # the report itself
    ("generator", _WORD), ("reporting_mta", _TEXT), ("received_from_mta", _TEXT), ("arrival_date", _TIME),
    ("original_envelope_id", _TEXT), ("queue_id", _TEXT), ("date", _TIME), ("message_id", _TEXT),
    # the original message
    ("original_message_id", _TEXT), ("original_from", _TEXT), ("original_to", _TEXT), ("original_subject", _TEXT),
    ("original_date", _TIME), ("original_headers", _PAIRS),
    # what few reports have
    ("feedback", _FEEDBACK), ("event", _EVENT), ("remarks", _TEXTS), ("error", _TEXT),
)  # fmt: skip

SCHEMA: Final = pa.schema([pa.field(name, kind) for name, kind in _COLUMNS])
"""The columns that a result has behind those that are kept of the input; names are added, never changed."""


def schema(fields: pa.Schema, *, keep: Sequence[str] = ("id",), dictionary: bool = True) -> pa.Schema:
    """Return the schema of what :func:`read` makes of batches with the schema `fields`, as some engines want it in advance.

    :param fields: the schema of the input.
    :param keep: names of its columns that are copied.
    :param dictionary: False for plain strings instead of dictionaries.
    :raises ValueError: when there is no such column, or the result has one of that name itself.
    """
    own = SCHEMA if dictionary else without_dictionaries(SCHEMA)
    return pa.schema([*kept_fields(fields, keep), *own])


def kept_fields(fields: pa.Schema, keep: Iterable[str]) -> list[pa.Field]:
    """Return the fields of the columns to keep, each checked."""
    found: list[pa.Field] = []
    for name in keep:
        if name in SCHEMA.names:
            raise ValueError(f"keep: the result has a column {name!r} itself; rename yours")
        if fields.get_field_index(name) < 0:
            raise ValueError(f"keep: no column {name!r}, or several; expected one of {', '.join(fields.names)}")
        found.append(fields.field(name))
    return found


def without_dictionaries(fields: pa.Schema) -> pa.Schema:
    """Return the schema with plain strings instead of dictionaries."""
    return pa.schema(
        [
            pa.field(field.name, field.type.value_type) if pa.types.is_dictionary(field.type) else field
            for field in fields
        ]
    )


_DDL: Final = {
    _TEXT: "STRING",
    pa.large_string(): "STRING",
    pa.binary(): "BINARY",
    pa.large_binary(): "BINARY",
    _FLAG: "BOOLEAN",
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    _NUMBER: "INT",
    _LARGE: "BIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.date32(): "DATE",
}


def ddl(fields: pa.Schema) -> str:
    """Return the columns as Spark and Hive declare them: what ``DataFrame.mapInArrow`` takes as its schema.

    :raises ValueError: when a column has a type that is not known here.
    """
    return ", ".join(f"`{field.name}` {_declared(field.name, field.type)}" for field in fields)


def _declared(name: str, kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        return _declared(name, kind.value_type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"ARRAY<{_declared(name, kind.value_type)}>"
    if pa.types.is_struct(kind):
        inner = (f"`{field.name}`: {_declared(name, field.type)}" for field in kind)
        return f"STRUCT<{', '.join(inner)}>"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP" if kind.tz else "TIMESTAMP_NTZ"
    if kind not in _DDL:
        raise ValueError(f"column {name!r}: no SQL type is known for {kind}; cast it or leave it out")
    return _DDL[kind]
