"""Migrate the tables from one version to the next; a new list gets those of the last version at once.

All steps of a migration are one transaction: it happens whole or not at all, and a process that is killed leaves the
list as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from sqlalchemy import text
from sqlalchemy.engine import Connection

from undeliverable.store._errors import StoreError
from undeliverable.store._reidentify import reidentify
from undeliverable.store._schema import (
    DOMAINS,
    IGNORED,
    META,
    METADATA,
    PROOFS,
    REPLIES,
    SCOPED,
    SCOPES,
    SENT,
    STANDINGS,
    TRAFFIC,
)

__all__ = ["SCHEMA", "migrate", "version_of"]


def _second(connection: Connection) -> None:
    """Add indexes for the retention of raw replies, and for lists of suppressed addresses."""
    REPLIES.create(connection)
    STANDINGS.create(connection)


def _third(connection: Connection) -> None:
    """Add scopes, suppressions of whole domains, and the record of what was sent."""
    _SCOPED[connection.dialect.name](connection)
    connection.execute(text("ALTER TABLE undeliverable_forgotten ADD COLUMN scope TEXT NOT NULL DEFAULT ''"))
    SCOPED.create(connection)
    for table in (SCOPES, DOMAINS, SENT):
        table.create(connection)


def _scoped_in_sqlite(connection: Connection) -> None:
    """Write the table of addresses anew: SQLite changes no constraints."""
    columns = "id, address, shown, standing, cause, until, trigger_key, state"
    for statement in (
        "ALTER TABLE undeliverable_addresses RENAME TO undeliverable_addresses_2",
        """CREATE TABLE undeliverable_addresses (
            id INTEGER NOT NULL, address TEXT NOT NULL, shown TEXT NOT NULL, standing TEXT NOT NULL, cause TEXT,
            until BIGINT, trigger_key TEXT, state TEXT NOT NULL, scope TEXT DEFAULT '' NOT NULL, PRIMARY KEY (id),
            CONSTRAINT undeliverable_addresses_address UNIQUE (address, scope)
        )""",
        f"INSERT INTO undeliverable_addresses ({columns}) SELECT {columns} FROM undeliverable_addresses_2",  # noqa: S608
        "DROP TABLE undeliverable_addresses_2",
    ):
        connection.execute(text(statement))
    STANDINGS.create(connection)


def _scoped_in_postgresql(connection: Connection) -> None:
    for change in (
        "ADD COLUMN scope TEXT NOT NULL DEFAULT ''",
        "DROP CONSTRAINT undeliverable_addresses_address",
        "ADD CONSTRAINT undeliverable_addresses_address UNIQUE (address, scope)",
    ):
        connection.execute(text(f"ALTER TABLE undeliverable_addresses {change}"))


_SCOPED: Final[Mapping[str, Callable[[Connection], None]]] = MappingProxyType(
    {"sqlite": _scoped_in_sqlite, "postgresql": _scoped_in_postgresql}
)


def _fourth(connection: Connection) -> None:
    """Add holds, the traffic that they come from, and what is ignored for lack of proof."""
    connection.execute(text("ALTER TABLE undeliverable_addresses ADD COLUMN held_until BIGINT"))
    for table in (PROOFS, IGNORED, TRAFFIC):
        table.create(connection)


_MIGRATIONS: Final[tuple[Callable[[Connection], None], ...]] = (_second, _third, _fourth)
"""The step to each version after the first."""

_COMPARED_ANEW: Final = 3
"""The first version whose addresses are compared by the rule of :func:`undeliverable.address_identity`."""

SCHEMA: Final = len(_MIGRATIONS) + 1
"""The version of the tables that this code reads and writes."""


def version_of(connection: Connection) -> int:
    """Return the version of the tables in a database; 0 if there are none."""
    if not connection.dialect.has_table(connection, META.name):
        return 0
    found = connection.execute(META.select().where(META.c.name == "schema")).first()
    return 0 if found is None else int(found.value)


def migrate(connection: Connection) -> None:
    """Create the tables, or migrate them to the version of this code, in the transaction and under the caller's lock.

    :raises StoreError: when the tables have a later version.
    """
    version = version_of(connection)
    if version > SCHEMA:
        raise StoreError(
            f"the tables have version {version}, but this program supports {SCHEMA} at most: update undeliverable"
        )
    if version == 0:
        METADATA.create_all(connection)
        connection.execute(META.insert().values(name="schema", value=str(SCHEMA)))
        return
    for step in _MIGRATIONS[version - 1 :]:
        step(connection)
    if version < _COMPARED_ANEW:  # when all tables have their columns, since states are written
        reidentify(connection)
    connection.execute(META.update().where(META.c.name == "schema").values(value=str(SCHEMA)))
