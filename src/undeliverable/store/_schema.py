"""The tables. `_migrations` creates them, and brings those of an earlier version up to date."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, Text, UniqueConstraint

__all__ = [
    "ADDRESSES",
    "DOMAINS",
    "EVENTS",
    "FORGOTTEN",
    "IGNORED",
    "META",
    "METADATA",
    "PROOFS",
    "REPLIES",
    "SCOPED",
    "SCOPES",
    "SENT",
    "STANDINGS",
    "TRAFFIC",
]  # fmt: skip

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
    Column("scope", Text, nullable=False, server_default=""),
    Column("held_until", BigInteger),
    UniqueConstraint("address", "scope", name="undeliverable_addresses_address"),
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
    Column("scope", Text, nullable=False, server_default=""),
    sqlite_with_rowid=False,
)
# The scopes that hold something, except the global one.
SCOPES: Final = Table(
    "undeliverable_scopes",
    METADATA,
    Column("name", Text, primary_key=True),
    sqlite_with_rowid=False,
)
# What was decided about whole domains, by hand; of a domain in a scope the last row counts.
DOMAINS: Final = Table(
    "undeliverable_domains",
    METADATA,
    Column("domain", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("time", BigInteger, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("who", Text),
    Column("why", Text),
    sqlite_with_rowid=False,
)
# What was mailed. `address` is the form for comparison, `shown` the spelling where that is another one.
SENT: Final = Table(
    "undeliverable_sent",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    Column("shown", Text),
    Column("day", Integer, nullable=False),
    Index("undeliverable_sent_address", "address"),
    Index("undeliverable_sent_day", "day"),
    sqlite_with_rowid=False,
)
Index(
    "undeliverable_sent_message",
    SENT.c.message_id,
    sqlite_where=SENT.c.message_id != "",
    postgresql_where=SENT.c.message_id != "",
)
# How many events of a day counted, and how many were ignored, by their proof; the empty one is that of nobody asked.
PROOFS: Final = Table(
    "undeliverable_proofs",
    METADATA,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("scope", Text, primary_key=True),
    Column("proof", Text, primary_key=True),
    Column("taken", BigInteger, nullable=False),
    Column("ignored", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
# The first events of an address that were ignored; the numbers keep them few.
IGNORED: Final = Table(
    "undeliverable_ignored",
    METADATA,
    Column("address_id", _ID, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("reply", Text),
    sqlite_with_rowid=False,
)
# What each provider answered lately, and its spells; the empty name is that of all together. See `_traffic`.
TRAFFIC: Final = Table(
    "undeliverable_traffic",
    METADATA,
    Column("provider", Text, primary_key=True),
    Column("newest", BigInteger, nullable=False),
    Column("counts", Text, nullable=False),
    Column("spells", Text),
    sqlite_with_rowid=False,
)
Index(
    "undeliverable_traffic_spells",
    TRAFFIC.c.provider,
    sqlite_where=TRAFFIC.c.spells.is_not(None),
    postgresql_where=TRAFFIC.c.spells.is_not(None),
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
# Added by the third version: the addresses of one tenant are found without reading those of all.
SCOPED: Final = Index(
    "undeliverable_addresses_scope",
    ADDRESSES.c.scope,
    ADDRESSES.c.id,
    sqlite_where=ADDRESSES.c.scope != "",
    postgresql_where=ADDRESSES.c.scope != "",
)
