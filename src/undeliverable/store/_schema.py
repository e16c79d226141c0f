"""The tables. `_migrations` creates them, and brings those of an earlier version up to date."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, Text, UniqueConstraint

__all__ = ["ADDRESSES", "EVENTS", "FORGOTTEN", "META", "METADATA", "REPLIES", "STANDINGS"]

METADATA: Final = MetaData()
_ID: Final = BigInteger().with_variant(Integer(), "sqlite")

META: Final = Table(
    "undeliverable_meta",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
# Times are stored as microseconds since 1970, which both databases compare in the same way.
ADDRESSES: Final = Table(
    "undeliverable_addresses",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("address", Text, nullable=False),
    Column("shown", Text, nullable=False),
    Column("standing", Text, nullable=False),
    Column("cause", Text),
    Column("until", BigInteger),
    Column("trigger_key", Text),
    Column("state", Text, nullable=False),
    UniqueConstraint("address", name="undeliverable_addresses_address"),
)
EVENTS: Final = Table(
    "undeliverable_events",
    METADATA,
    Column("address_id", _ID, primary_key=True, autoincrement=False),
    Column("key", Text, primary_key=True),
    Column("time", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("reason", Text),
    Column("reply", Text),
    sqlite_with_rowid=False,
)
FORGOTTEN: Final = Table(
    "undeliverable_forgotten",
    METADATA,
    Column("hash", Text, primary_key=True),
    Column("until", BigInteger),
    sqlite_with_rowid=False,
)
# Added by the second version, for the retention of raw replies.
REPLIES: Final = Index(
    "undeliverable_events_replies",
    EVENTS.c.time,
    sqlite_where=EVENTS.c.reply.is_not(None),
    postgresql_where=EVENTS.c.reply.is_not(None),
)
STANDINGS: Final = Index(
    "undeliverable_addresses_standing",
    ADDRESSES.c.standing,
    ADDRESSES.c.id,
    sqlite_where=ADDRESSES.c.standing != "clear",
    postgresql_where=ADDRESSES.c.standing != "clear",
)
