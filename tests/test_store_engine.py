"""Files, locks and lost connections: what the list does when somebody else is in its way."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection

from tests.databases import programs, server
from tests.suppression_words import event
from undeliverable.store import StoreError, SuppressionList
from undeliverable.store import _engine as engine_module
from undeliverable.store import _files as files
from undeliverable.store._engine import engine_for, reading, writing

POSIX = pytest.mark.skipif(os.name != "posix", reason="rights are those of POSIX")


# --- the rights of files --------------------------------------------------------------------------------------------


def rights(place: Path) -> dict[str, str]:
    return {
        part: oct(stat.S_IMODE(Path(f"{place}{part}").stat().st_mode))
        for part in ("", "-wal", "-shm")
        if Path(f"{place}{part}").exists()
    }


CLOSED = {"": "0o600", "-wal": "0o600", "-shm": "0o600"}


@POSIX
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_new_list_belongs_to_its_owner_alone(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        for place in (tmp_path / "list.db", f"sqlite:///{tmp_path / 'other.db'}"):
            with SuppressionList(place) as known:
                known.suppress("kim@example.org")
                assert known.remarks == ()
                assert rights(Path(str(place).removeprefix("sqlite:///"))) == CLOSED
    finally:
        os.umask(before)


@POSIX
def test_a_list_that_others_can_read_is_closed_to_them(tmp_path: Path) -> None:
    place = tmp_path / "list.db"
    with SuppressionList(place) as known:
        known.suppress("kim@example.org")
        for part in CLOSED:
            Path(f"{place}{part}").chmod(0o664)
        with SuppressionList(place, create=False) as other:
            assert other.remarks == ()
            assert rights(place) == CLOSED
            assert other.is_suppressed("kim@example.org")


@POSIX
def test_a_file_of_somebody_else_is_remarked_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "list.db"
    SuppressionList(place).close()
    place.chmod(0o644)

    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "chmod", refused)
    with SuppressionList(place) as known:
        assert known.remarks == (f"{place}: others have access, and only its owner can change that: chmod 600 {place}",)


def test_rights_are_left_alone_where_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.name", "nt")
    assert files.protect(str(tmp_path / "list.db"), create=True) == ()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", [":memory:", "sqlite://", "sqlite:///file::memory:?uri=true"])
def test_a_list_in_memory_has_no_files(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with SuppressionList(place) as known:
        assert known.remarks == ()
        assert known.suppress("kim@example.org").new == 1
    assert list(tmp_path.iterdir()) == []


def test_a_url_of_a_file_that_is_not_there_creates_none(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such list"):
        SuppressionList(f"sqlite:///{tmp_path / 'list.db'}", create=False)
    assert list(tmp_path.iterdir()) == []


# --- locks ----------------------------------------------------------------------------------------------------------

HOLD = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], isolation_level=None)
other.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked(place: Path) -> Iterator[int]:
    """Let another process lock a list, and yield its id."""
    command = [sys.executable, "-c", HOLD, str(place)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        yield process.pid
        process.kill()


def test_a_list_that_stays_locked_says_so_and_by_whom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine_module._PATIENCE == 5
    monkeypatch.setattr(engine_module, "_PATIENCE", 0.2)
    place = tmp_path / "list.db"
    with SuppressionList(place) as known:
        known.suppress("kim@example.org")
        with locked(place) as process:
            started = time.perf_counter()
            with pytest.raises(StoreError) as caught:
                known.suppress("lee@example.org")
            assert time.perf_counter() - started < 60  # and not as long as usual
            assert known.is_suppressed("kim@example.org"), "reading goes on"
        said = str(caught.value)
        assert "the list is locked" in said
        assert "within 0.2 seconds" in said
        if Path("/proc/locks").exists():
            assert f"by process {process} (python" in said
        assert known.suppress("lee@example.org").new == 1


def test_a_file_that_stays_locked_cannot_be_made_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_PATIENCE", 0)
    place = tmp_path / "list.db"
    with locked(place), pytest.raises(StoreError, match="the list is locked"):
        SuppressionList(place)
    place.write_bytes(b"this is no database of any kind, and longer than a header" * 99)
    with pytest.raises(StoreError, match="not a database"):
        SuppressionList(place)


def taken(place: Path, number: int) -> sqlite3.Connection:
    """Return a connection that has begun to write; in the same process, so that nothing depends on a clock."""
    other = sqlite3.connect(place, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO undeliverable_meta VALUES (?, '')", (f"x{number}",))
    return other


@pytest.mark.parametrize("longest", [120, -1])
def test_a_writer_waits_while_others_make_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, longest: float
) -> None:
    """Others take turns, each for longer than the patience, but none for ever; and one does not wait for ever, either."""
    monkeypatch.setattr(engine_module, "_PATIENCE", 0)
    monkeypatch.setattr(engine_module, "_LONGEST", longest)
    place = tmp_path / "list.db"
    SuppressionList(place).close()
    commits = engine_module._commits_of_others
    turns: list[sqlite3.Connection] = []

    def others_go_on(raw: object) -> object:
        """Say what is committed; each time after the first, the next one has taken the place of the last."""
        if turns:
            turns[-1].execute("COMMIT")
        if len(turns) < 12:
            turns.append(taken(place, len(turns)))
        return commits(raw)

    with SuppressionList(place) as known:
        monkeypatch.setattr(engine_module, "_commits_of_others", others_go_on)
        if longest < 0:
            with pytest.raises(StoreError, match="locked"):
                known.suppress("lee@example.org")
            assert len(turns) == 2
        else:
            assert known.record([("kim@example.org", event(0, "hard"))]).new == 1
            assert len(turns) == 12
    for other in turns:
        other.close()


def test_nobody_knows_who_locks_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "list.db"
    SuppressionList(place).close()
    assert files.locked_by(str(place)) is None
    inode = place.stat().st_ino
    table = tmp_path / "locks"
    monkeypatch.setattr(files, "_LOCKS", table)
    assert files.locked_by(str(place)) is None
    rows = [
        f"1: POSIX  ADVISORY  READ 999999991 fe:00:{inode} 1073741824 1073742335",
        f"1: -> POSIX  ADVISORY  WRITE 999999992 fe:00:{inode} 1073741824 1073742335",
        f"2: FLOCK  ADVISORY  WRITE 999999993 fe:00:{inode} 0 EOF",
        f"3: POSIX  ADVISORY  WRITE 999999994 fe:00:{inode} 120 120",
        f"4: POSIX  ADVISORY  WRITE 999999995 fe:00:{inode + 1} 0 EOF",
    ]
    table.write_text("\n".join(rows))
    assert files.locked_by(str(place)) is None
    table.write_text("\n".join([*rows, f"5: POSIX  ADVISORY  WRITE 999999996 fe:00:{inode} 1073741825 1073741825"]))
    assert files.locked_by(str(place)) == "process 999999996"
    table.write_text("\n".join([*rows, f"5: POSIX  ADVISORY  WRITE 999999997 fe:00:{inode} 0 EOF"]))
    assert files.locked_by(str(place)) == "process 999999997"
    table.write_text("5: POSIX  ADVISORY  WRITE nobody")
    assert files.locked_by(str(place)) is None


def test_a_server_says_who_locks_the_list(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.conftest import new_database

    monkeypatch.setattr(engine_module, "_PATIENCE", 1)
    place = new_database(postgres)
    with SuppressionList(place) as known, SuppressionList(place) as other:
        known.suppress("kim@example.org")
        with reading(other._engine) as connection:
            pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            connection.execute(text("SELECT 1 FROM undeliverable_addresses FOR UPDATE"))
            time.sleep(0.5)
            started = time.perf_counter()
            with pytest.raises(StoreError, match=f"locked by connection {pid}, and was not free within 1 seconds"):
                known.record([("kim@example.org", event(3, "hard"))])
            assert time.perf_counter() - started < 60  # and not as long as usual
        assert known.record([("kim@example.org", event(3, "hard"))]).new == 1


def test_nobody_can_be_asked_who_locks_a_list() -> None:
    engine = engine_for("postgresql://nobody@127.0.0.1:1/none?connect_timeout=2", create=False)
    assert engine_module._server_locked_by(engine) is None
    engine.dispose()

    class Exclusive:
        def execute(self, _: str) -> None:
            raise sqlite3.OperationalError("database is locked")

    assert engine_module._commits_of_others(Exclusive()) is None


# --- a server that goes away ----------------------------------------------------------------------------------------


def everything(known: SuppressionList) -> list[Callable[[], object]]:
    """All that touches the database."""
    return [
        lambda: known.record([("kim@example.org", event(0, "hard"))]),
        lambda: known.suppress("kim@example.org"),
        lambda: known.reactivate("kim@example.org", why="alive"),
        lambda: known.suppress_domain("example.org"),
        lambda: known.reactivate_domain("example.org", why="alive"),
        lambda: known.record_sent([("kim@example.org", "1", None)]),
        lambda: known.forget("kim@example.org"),
        known.tidy,
        lambda: known.set_policy(known.policy),
        lambda: known.keep_replies,
        lambda: known.is_suppressed("kim@example.org"),
        lambda: list(known.check(["kim@example.org"])),
        lambda: list(known.entries()),
        lambda: known.get("kim@example.org"),
        lambda: known.find("kim@example.org"),
        lambda: known.history("kim@example.org"),
        known.domains,
        lambda: known.covering("kim@example.org"),
        known.scopes,
        lambda: known.address_of("1"),
        lambda: known.recipients_of("1@example.com"),
        known.stats,
        known.clear_migrated,
        lambda: len(known),
        lambda: SuppressionList(known.place),
    ]


def test_a_server_that_goes_away_is_an_error_of_the_store() -> None:
    found = programs()
    if found is None:
        pytest.skip("needs PostgreSQL")
    with server(found) as url:
        known = SuppressionList(url)
        known.suppress("kim@example.org")
    for number, work in enumerate(everything(known)):
        with pytest.raises(StoreError, match="postgresql") as caught:
            work()
        assert "\n" not in str(caught.value), number
    known.close()


def test_a_lost_connection_is_replaced(postgres: str) -> None:
    from tests.conftest import new_database

    place = new_database(postgres)
    with SuppressionList(place) as known, SuppressionList(place) as other:
        for number in range(3):
            known.suppress(f"u{number}@example.org")
            terminate(other)
            assert known.suppress(f"v{number}@example.org").new == 1
        terminate(other)
        with pytest.raises(StoreError):
            known.stats()
        assert known.stats().addresses == 6


def terminate(known: SuppressionList) -> None:
    """End all connections of the database except the own one."""
    ends = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with reading(known._engine) as connection:
        connection.execute(ends)


# --- errors of the database -----------------------------------------------------------------------------------------


def failure(words: str, sqlstate: str | None = None, *, is_lost: bool = False) -> DBAPIError:
    cause = sqlite3.OperationalError(words)
    cause.sqlstate = sqlstate  # type: ignore[attr-defined]
    return OperationalError("statement", {}, cause, connection_invalidated=is_lost)


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (failure("", "40001"), 8),
        (failure("", "40P01"), 8),
        (failure("gone", is_lost=True), 2),
        (failure("disk is full"), 1),
        (failure("", "55P03"), 1),
        (NoConnection("QueuePool limit reached"), 1),
    ],
)
def test_what_passes_is_tried_again(error: Exception, tries: int, tmp_path: Path) -> None:
    engine = engine_for(tmp_path / "list.db", create=True)
    seen: list[int] = []

    def work(_: Connection) -> int:
        seen.append(len(seen))
        if len(seen) < tries:
            raise error
        return 7

    if tries > 1:
        assert writing(engine, work) == 7
        assert len(seen) == tries
    seen.clear()

    def never(_: Connection) -> None:
        seen.append(len(seen))
        raise error

    with pytest.raises(StoreError, match=r"list\.db: \w"):
        writing(engine, never)
    assert len(seen) == tries
    engine.dispose()
