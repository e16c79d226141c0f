"""Connections to the database: a path opens SQLite, a URL SQLite or PostgreSQL.

Transactions are short, and a writer waits for the others. Where the database reports a conflict between two writers,
the transaction is tried again from the start.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar

from sqlalchemy import Row, Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from undeliverable.store._errors import StoreError

__all__ = ["INSERT", "engine_for", "lock_all", "members", "reading", "writing"]

T = TypeVar("T")

_PATIENCE: Final = 120  # seconds that a writer waits for the others
_PAUSE: Final = 0.01  # seconds between two attempts where SQLite does not wait by itself
_ATTEMPTS: Final = 8
_LOCK: Final = 0x756E64656C6976  # the number of our advisory lock in PostgreSQL
_AGAIN: Final = frozenset({"40001", "40P01"})  # serialization failure, deadlock: errors after which to try again

_PARAMETER: Final = re.compile(r":(\w+)")

INSERT: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
)
"""The INSERT with ON CONFLICT of each dialect."""

# One parameter holds a whole list, so that the statement is the same for every length and no limit on the number of
# parameters applies. The statements force the planner to look into the index once per value, whatever its statistics
# say: CROSS JOIN keeps SQLite from reordering the tables, ARRAY and LIMIT keep PostgreSQL from scanning.
_FROM: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "sqlite": {
            "text": "json_each(:members) AS m CROSS JOIN {table} AS t WHERE t.{0} = m.value",
            "number": "json_each(:members) AS m CROSS JOIN {table} AS t WHERE t.{0} = m.value",
            "pair": "json_each(:members) AS m CROSS JOIN {table} AS t"
            " WHERE t.{0} = json_extract(m.value, '$[0]') AND t.{1} = json_extract(m.value, '$[1]')",
        },
        "postgresql": {
            "text": "{table} AS t WHERE t.{0} = ANY(ARRAY(SELECT json_array_elements_text(CAST(:members AS json))))",
            "number": "{table} AS t WHERE t.{0} ="
            " ANY(ARRAY(SELECT CAST(json_array_elements_text(CAST(:members AS json)) AS bigint)))",
            "pair": "json_array_elements(CAST(:members AS json)) AS m(value) CROSS JOIN LATERAL"
            " (SELECT * FROM {table} AS i WHERE i.{0} = CAST(m.value ->> 0 AS bigint) AND i.{1} = m.value ->> 1 LIMIT 1)"
            " AS t WHERE true",
        },
    }
)


def members(
    connection: Connection,
    table: Table,
    kind: Literal["text", "number", "pair"],
    columns: Sequence[str],
    values: Sequence[object],
    *,
    only: Sequence[str] = ("*",),
    where: str = "",
    lock: bool = False,
    **parameters: object,
) -> Sequence[Row[Any]]:
    """Return the rows of `table` where `columns` have one of `values`.

    :param kind: the type of the values: texts, numbers, or pairs of a number and a text.
    :param only: the columns to return.
    :param where: a further condition, on ``t``.
    :param lock: True to lock the rows until the transaction ends, in the order of their ids.
    """
    dialect = connection.dialect.name
    source = _FROM[dialect][kind].format(*columns, table=table.name)
    # The statement contains only our own names; everything else is a parameter.
    query = f"SELECT {', '.join(f't.{column}' for column in only)} FROM {source}{f' AND {where}' if where else ''}"  # noqa: S608
    if lock:
        query += f" ORDER BY t.id{' FOR UPDATE OF t' if dialect == 'postgresql' else ''}"
    # Past SQLAlchemy, which takes five times as long for a statement as SQLite does for the look-ups in it.
    return connection.exec_driver_sql(_native(dialect, query), {"members": json.dumps(values), **parameters}).all()


@lru_cache(maxsize=64)
def _native(dialect: str, query: str) -> str:
    """Return a query with its parameters named as the driver has them."""
    return _PARAMETER.sub(r"%(\1)s", query) if dialect == "postgresql" else query


def engine_for(place: str | os.PathLike[str], *, create: bool) -> Engine:
    """Return the engine for a path or a URL.

    :param create: True to create a missing file.
    :raises StoreError: for a URL of another database, and for a missing file.
    """
    url = _url(os.fspath(place), create=create)
    try:
        if url.get_backend_name() == "postgresql":
            return create_engine(url)
        engine = create_engine(url, connect_args={"timeout": _PATIENCE})
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise StoreError(f"{place}: {error}; install the driver, such as 'undeliverable[postgres]'") from None
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begun)
    return engine


def _url(place: str, *, create: bool) -> URL:
    if "://" not in place:
        if not create and not Path(place).exists():
            raise StoreError(f"{place}: no such list")
        return URL.create("sqlite", database=place)
    try:
        url = make_url("postgresql" + place[8:] if place.startswith("postgres://") else place)
    except ArgumentError:
        raise StoreError(f"{place}: not a database URL") from None
    if url.get_backend_name() not in INSERT:
        raise StoreError(f"unknown database {url.get_backend_name()!r}; expected sqlite or postgresql")
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _connected(connection: Any, _record: object) -> None:  # noqa: ANN401 # sqlite3 through SQLAlchemy's interface
    # Keep the driver from beginning transactions by itself: `_begun` does it.
    connection.isolation_level = None
    cursor = connection.cursor()
    _write_ahead(cursor)
    for pragma in ("synchronous = FULL", "cache_size = -65536"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    # A new file is switched once. The switch starts as a reader and then needs the lock of a writer. SQLite does not wait
    # for that lock, because two such connections would deadlock: it reports "locked" at once.
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_PAUSE)
        else:
            return


def _begun(connection: Connection) -> None:
    # A transaction that reads and then writes would fail if another one wrote in between.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def reading(engine: Engine) -> Generator[Connection, None, None]:
    """Yield a connection for reading, in one transaction.

    :raises StoreError: when the database cannot be reached or read.
    """
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        raise StoreError(f"{engine.url.render_as_string()}: {_said(error)}") from error


def writing(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Run `work` in a transaction and return its result; try again after conflicts with other writers.

    :raises StoreError: when the database cannot be reached or written.
    """
    attempt = 0
    while True:
        try:
            with engine.connect().execution_options(writes=True) as connection, connection.begin():
                return work(connection)
        except DBAPIError as error:
            attempt += 1
            if attempt >= _ATTEMPTS or not _passes(error):
                raise StoreError(f"{engine.url.render_as_string()}: {_said(error)}") from error


def lock_all(connection: Connection) -> None:
    """Lock out all other writers of the schema until the transaction ends; SQLite's own lock does that already."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def _passes(error: DBAPIError) -> bool:
    if getattr(error.orig, "sqlstate", None) in _AGAIN:
        return True
    return isinstance(error, OperationalError) and "locked" in str(error.orig)


def _said(error: DBAPIError) -> str:
    said: Sequence[str] = str(error.orig).strip().splitlines()
    return said[0] if said else type(error.orig).__name__
