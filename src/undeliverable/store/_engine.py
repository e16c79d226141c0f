"""Connections to the database: a path opens SQLite, a URL SQLite or PostgreSQL.

Transactions are short, and a writer waits for the others: 5 seconds for a list that stays locked, longer while others
make progress. Where the database reports a conflict between two writers, or that the connection was lost, the
transaction is tried again from the start; an event is recorded once all the same.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar

from sqlalchemy import Row, Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection

from undeliverable.errors import missing_extra
from undeliverable.store._errors import MissingListError, StoreError, UnavailableError
from undeliverable.store._files import locked_by, protect

__all__ = ["INSERT", "engine_for", "lock_all", "members", "protect_files", "reading", "writing"]

T = TypeVar("T")

_PATIENCE: Final = 5  # seconds that a list may stay locked
_LONGEST: Final = 120  # seconds that a writer waits while others commit
_PAUSE: Final = 0.01  # seconds between two attempts where SQLite does not wait by itself
_ATTEMPTS: Final = 8
_LOCK: Final = 0x756E64656C6976  # the number of our advisory lock in PostgreSQL
_AGAIN: Final = frozenset({"40001", "40P01"})  # serialization failure, deadlock: errors after which to try again
_TIMEOUT: Final = "55P03"  # lock not available
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

_HOLDERS: Final = text("""
    SELECT a.pid, a.application_name AS name FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
    LEFT JOIN pg_class AS c ON c.oid = l.relation
    WHERE l.granted AND l.mode <> 'AccessShareLock' AND a.pid <> pg_backend_pid() AND l.database = a.datid
    AND a.datname = current_database() AND a.xact_start <= now() - make_interval(secs => :seconds)
    AND (c.relname LIKE 'undeliverable%' OR l.locktype = 'advisory') ORDER BY a.xact_start LIMIT 1
""")

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
    lock: str | None = None,
    **parameters: object,
) -> Sequence[Row[Any]]:
    """Return the rows of `table` where `columns` have one of `values`.

    :param kind: the type of the values: texts, numbers, or pairs of a number and a text.
    :param only: the columns to return.
    :param where: a further condition, on ``t``.
    :param lock: a column, to lock the rows in its order until the transaction ends.
    """
    if not values:
        return []
    dialect = connection.dialect.name
    source = _FROM[dialect][kind].format(*columns, table=table.name)
    # The statement contains only our own names; everything else is a parameter.
    query = f"SELECT {', '.join(f't.{column}' for column in only)} FROM {source}{f' AND {where}' if where else ''}"  # noqa: S608
    if lock:
        query += f" ORDER BY t.{lock}{' FOR UPDATE OF t' if dialect == 'postgresql' else ''}"
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
    :raises MissingExtraError: without the extra `postgres`.
    """
    url = _url(os.fspath(place), create=create)
    try:
        if url.get_backend_name() == "postgresql":
            engine = create_engine(url)
            event.listen(engine, "connect", _connected_to_server)
            return engine
        engine = create_engine(url, connect_args={"timeout": _PATIENCE})
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "psycopg":
            raise missing_extra(error, "undeliverable.store (PostgreSQL)") from None
        raise StoreError(f"{place}: {error}; install the driver, such as 'undeliverable[postgres]'") from None
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begun)
    return engine


def protect_files(engine: Engine, *, create: bool) -> tuple[str, ...]:
    """Leave the files of a list to their owner alone, and return remarks where that is impossible.

    :param create: True to create a missing file.
    """
    file = _file_of(engine)
    return () if file is None else protect(file, create=create)


def _file_of(engine: Engine) -> str | None:
    """Return the file of a list; None if it is in memory, on a server, or named by a URI of SQLite's own."""
    database = engine.url.database
    is_file = engine.dialect.name == "sqlite" and database and not database.startswith((":", "file:"))
    return database if is_file else None


def _url(place: str, *, create: bool) -> URL:
    if "://" not in place:
        return _existing(URL.create("sqlite", database=place), place, create=create)
    try:
        url = make_url("postgresql" + place[8:] if place.startswith("postgres://") else place)
    except ArgumentError:
        raise StoreError(f"{place}: not a database URL") from None
    if url.get_backend_name() not in INSERT:
        raise StoreError(f"unknown database {url.get_backend_name()!r}; expected sqlite or postgresql")
    if url.drivername == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    return _existing(url, place, create=create)


def _existing(url: URL, place: str, *, create: bool) -> URL:
    if not create and url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        raise MissingListError(f"{place}: no such list")
    return url


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


def _connected_to_server(connection: Any, _record: object) -> None:  # noqa: ANN401 # psycopg through SQLAlchemy's interface
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{_PATIENCE}s'")
    connection.commit()


def _begun(connection: Connection) -> None:
    # A transaction that reads and then writes would fail if another one wrote in between.
    if connection.get_execution_options().get("writes", False):
        _begin_writing(connection)
    else:
        connection.exec_driver_sql("BEGIN")


def _begin_writing(connection: Connection) -> None:
    """Begin as the only writer; wait as long as others commit, since SQLite's waiting is not fair."""
    raw: Any = connection.connection.dbapi_connection
    until = time.monotonic() + _LONGEST
    seen = _commits_of_others(raw)
    while True:
        try:
            raw.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            now = _commits_of_others(raw)
            if not _is_busy(error) or now == seen or time.monotonic() > until:
                raise UnavailableError(_message(connection.engine, error)) from error
            seen = now
        else:
            return


def _commits_of_others(raw: Any) -> object:  # noqa: ANN401 # sqlite3 through SQLAlchemy's interface
    """Return a number that changes whenever another connection commits."""
    with suppress(sqlite3.OperationalError):  # while somebody has the list to themselves
        return raw.execute("PRAGMA data_version").fetchone()
    return None


@contextmanager
def reading(engine: Engine) -> Generator[Connection, None, None]:
    """Yield a connection for reading, in one transaction.

    :raises StoreError: when the database cannot be reached or read.
    """
    try:
        with engine.connect() as connection:
            yield connection
    except (DBAPIError, NoConnection) as error:
        raise _failure(engine, error) from error


def writing(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Run `work` in a transaction and return its result; try again after conflicts with other writers.

    :raises StoreError: when the database cannot be reached or written.
    """
    attempt = 0
    while True:
        try:
            with engine.connect().execution_options(writes=True) as connection, connection.begin():
                return work(connection)
        except (DBAPIError, NoConnection) as error:
            attempt += 1
            if attempt >= _ATTEMPTS or not _passes(error, attempt):
                raise _failure(engine, error) from error


def lock_all(connection: Connection) -> None:
    """Lock out all other writers of the schema until the transaction ends; SQLite's own lock does that already."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def _passes(error: DBAPIError | NoConnection, attempt: int) -> bool:
    if getattr(_cause(error), "sqlstate", None) in _AGAIN:
        return True
    # A server that was started anew leaves connections behind that are lost; the next one is new.
    return attempt == 1 and isinstance(error, DBAPIError) and error.connection_invalidated


def _cause(error: Exception) -> object:
    """Return the driver's own error."""
    return getattr(error, "orig", None) or error


def _is_busy(error: object) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _BUSY


def _failure(engine: Engine, error: Exception) -> StoreError:
    kind = UnavailableError if isinstance(error, OperationalError | NoConnection) else StoreError
    return kind(_message(engine, error))


def _message(engine: Engine, error: Exception) -> str:
    """Return the error in one line, for people: who locks the list, or what the database says."""
    place = engine.url.render_as_string()
    cause = _cause(error)
    if not _is_busy(cause) and getattr(cause, "sqlstate", None) != _TIMEOUT:
        said = str(cause).strip().splitlines()
        return f"{place}: {said[0] if said else type(cause).__name__}"
    file = _file_of(engine)
    who = _server_locked_by(engine) if engine.dialect.name == "postgresql" else file and locked_by(file)
    return f"{place}: the list is locked{f' by {who}' if who else ''}, and was not free within {_PATIENCE} seconds"


def _server_locked_by(engine: Engine) -> str | None:
    """Return the connection that has held locks on the list for longer than others wait, or None if nobody knows."""
    with suppress(DBAPIError, NoConnection), engine.connect() as connection:
        row = connection.execute(_HOLDERS, {"seconds": _PATIENCE}).first()
        return None if row is None else f"connection {row.pid}{f' ({row.name})' if row.name else ''}"
    return None
