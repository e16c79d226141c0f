"""The tables, and their migration from one version to the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, Text, UniqueConstraint
from sqlalchemy.engine import Connection

from undeliverable.store._errors import StoreError

__all__ = ["ADDRESSES", "EVENTS", "FORGOTTEN", "META", "SCHEMA", "migrate", "version_of"]

_METADATA: Final = MetaData()
_ID: Final = BigInteger().with_variant(Integer(), "sqlite")

META: Final = Table(
    "undeliverable_meta",
    _METADATA,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
# Times are stored as microseconds since 1970, which both databases compare in the same way.
ADDRESSES: Final = Table(
    "undeliverable_addresses",
    _METADATA,
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
    _METADATA,
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
    _METADATA,
    Column("hash", Text, primary_key=True),
    Column("until", BigInteger),
    sqlite_with_rowid=False,
)
# Added by the second version, for the retention of raw replies.
_REPLIES: Final = Index(
    "undeliverable_events_replies",
    EVENTS.c.time,
    sqlite_where=EVENTS.c.reply.is_not(None),
    postgresql_where=EVENTS.c.reply.is_not(None),
)
_STANDINGS: Final = Index(
    "undeliverable_addresses_standing",
    ADDRESSES.c.standing,
    ADDRESSES.c.id,
    sqlite_where=ADDRESSES.c.standing != "clear",
    postgresql_where=ADDRESSES.c.standing != "clear",
)


def _first(connection: Connection) -> None:
    for table in (META, ADDRESSES, EVENTS, FORGOTTEN):
        indexes, table.indexes = table.indexes, set()
        try:
            table.create(connection)
        finally:
            table.indexes = indexes


def _second(connection: Connection) -> None:
    _REPLIES.create(connection)
    _STANDINGS.create(connection)


_MIGRATIONS: Final[tuple[Callable[[Connection], None], ...]] = (_first, _second)
SCHEMA: Final = len(_MIGRATIONS)
"""The version of the tables that this code reads and writes."""


def version_of(connection: Connection) -> int:
    """Return the version of the tables in a database; 0 if there are none."""
    if not connection.dialect.has_table(connection, META.name):
        return 0
    found = connection.execute(META.select().where(META.c.name == "schema")).first()
    return 0 if found is None else int(found.value)


def migrate(connection: Connection) -> None:
    """Migrate the tables to the version of this code, in the transaction and under the lock of the caller.

    :raises StoreError: when the tables have a later version.
    """
    version = version_of(connection)
    if version > SCHEMA:
        raise StoreError(
            f"the tables have version {version}, but this program supports {SCHEMA} at most: update undeliverable"
        )
    for step in _MIGRATIONS[version:]:
        step(connection)
    if version == 0:
        connection.execute(META.insert().values(name="schema", value=str(SCHEMA)))
    elif version < SCHEMA:
        connection.execute(META.update().where(META.c.name == "schema").values(value=str(SCHEMA)))
