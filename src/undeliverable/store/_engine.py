"""The way to a database: a path is SQLite's, a URL may be PostgreSQL's."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
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
_PAUSE: Final = 0.01  # seconds between two tries where SQLite does not wait by itself
_ATTEMPTS: Final = 8
_LOCK: Final = 0x756E64656C6976  # of PostgreSQL's advisory locks, the one that is ours
_AGAIN: Final = frozenset({"40001", "40P01"})  # serialization failure, deadlock: whoever hears it tries again

INSERT: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
)
"""An INSERT that knows ON CONFLICT, by dialect."""

# One parameter holds a whole list, so that the statement is the same for every length and no limit on their number is
# met. Each is written so that the planner can do nothing but look into the index once per value, whatever it believes of
# the sizes: CROSS JOIN keeps SQLite from turning the order around, ARRAY and LIMIT keep PostgreSQL from scanning.
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
    """The rows of `table` where `columns` have one of `values`.

    :param kind: what the values are: texts, numbers, or pairs of a number and a text.
    :param only: the columns that are wanted.
    :param where: a further condition, on ``t``.
    :param lock: whether the rows stay locked until the transaction ends; they are locked in the order of their ids.
    """
    dialect = connection.dialect.name
    source = _FROM[dialect][kind].format(*columns, table=table.name)
    # Only names of our own stand in the statement, all else is a parameter.
    query = f"SELECT {', '.join(f't.{column}' for column in only)} FROM {source}{f' AND {where}' if where else ''}"  # noqa: S608
    if lock:
        query += f" ORDER BY t.id{' FOR UPDATE OF t' if dialect == 'postgresql' else ''}"
    return connection.execute(text(query), {"members": json.dumps(values), **parameters}).all()


def engine_for(place: str | os.PathLike[str], *, create: bool) -> Engine:
    """The engine for a path or a URL.

    :param create: whether a file that is not there is made.
    :raises StoreError: for a URL of another database, and for a file that is not there.
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
            raise StoreError(f"{place}: there is no such list")
        return URL.create("sqlite", database=place)
    try:
        url = make_url("postgresql" + place[8:] if place.startswith("postgres://") else place)
    except ArgumentError:
        raise StoreError(f"{place}: no URL of a database") from None
    if url.get_backend_name() not in INSERT:
        raise StoreError(f"{url.get_backend_name()}: lists are kept in SQLite or PostgreSQL")
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _connected(connection: Any, _record: object) -> None:  # noqa: ANN401 # sqlite3 behind SQLAlchemy's interface
    # The driver would begin transactions by its own lights; here they begin as `_begun` says.
    connection.isolation_level = None
    cursor = connection.cursor()
    _write_ahead(cursor)
    for pragma in ("synchronous = NORMAL", "cache_size = -65536"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    # A new file is switched once. The switch begins as a reader and then wants the lock of a writer, and there SQLite
    # does not wait for whoever has it, because two of them would wait for each other: it says "locked" at once.
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
    # A transaction that reads first and writes then would fail when another one wrote in between.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def reading(engine: Engine) -> Generator[Connection, None, None]:
    """A connection to read from, in one transaction.

    :raises StoreError: when the database cannot be reached or read.
    """
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        raise StoreError(f"{engine.url.render_as_string()}: {_said(error)}") from error


def writing(engine: Engine, work: Callable[[Connection], T]) -> T:
    """What `work` gives in a transaction of its own, tried again where others were in the way.

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
    """Keeps all other writers of the schema out until the transaction ends; SQLite's lock does so already."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def _passes(error: DBAPIError) -> bool:
    if getattr(error.orig, "sqlstate", None) in _AGAIN:
        return True
    return isinstance(error, OperationalError) and "locked" in str(error.orig)


def _said(error: DBAPIError) -> str:
    said: Sequence[str] = str(error.orig).strip().splitlines()
    return said[0] if said else type(error.orig).__name__
