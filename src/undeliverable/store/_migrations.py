"""Migrate the tables from one version to the next; a new list gets those of the last version at once.

All steps of a migration are one transaction: it happens whole or not at all, and a process that is killed leaves the
list as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy.engine import Connection

from undeliverable.store._errors import StoreError
from undeliverable.store._schema import META, METADATA, REPLIES, STANDINGS

__all__ = ["SCHEMA", "migrate", "version_of"]


def _second(connection: Connection) -> None:
    """Add indexes for the retention of raw replies, and for lists of suppressed addresses."""
    REPLIES.create(connection)
    STANDINGS.create(connection)


def _third(_connection: Connection) -> None:
    """Add scopes, wildcards and the record of what was sent, and compare addresses by one rule."""


def _fourth(_connection: Connection) -> None:
    """Add what is ignored, traffic, and holds."""


_MIGRATIONS: Final[tuple[Callable[[Connection], None], ...]] = (_second, _third, _fourth)
"""The step to each version after the first."""

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
    connection.execute(META.update().where(META.c.name == "schema").values(value=str(SCHEMA)))
