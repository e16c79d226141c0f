"""Reading a mailbox: places, folders, what is remembered, what is left, and where passwords come from."""

from __future__ import annotations

import json
import os
import stat
import sys
import types
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.mailbox_server import PLACE, Account, FileSession, Listed, judge, message
from undeliverable import Kind
from undeliverable.errors import MissingExtraError
from undeliverable.mailbox import (
    FOLDERS,
    Credentials,
    DroppedError,
    Limits,
    Mail,
    MailboxError,
    Memory,
    Outputs,
    Place,
    Reader,
    RefusedError,
    Stop,
    _credentials,
    _memory,
    _reader,
    folders_of,
    read_once,
    watch,
)
from undeliverable.mailbox._journal import Journal
from undeliverable.mailbox._memory import Taken
from undeliverable.serve import records

# --- where a mailbox is


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("imaps://kim@imap.example.com", ("imaps", "kim", "imap.example.com", 993, "INBOX")),
        ("imaps://kim%40example.com@imap.example.com/", ("imaps", "kim@example.com", "imap.example.com", 993, "INBOX")),
        ("imaps://kim@example.com@IMAP.example.com/A/B", ("imaps", "kim@example.com", "imap.example.com", 993, "A/B")),
        ("imap://kim@[::1]:1143/Re%C3%A7us", ("imap", "kim", "::1", 1143, "Reçus")),
    ],
)
def test_a_place(text: str, place: tuple[object, ...]) -> None:
    found = Place.of(text)
    assert tuple(found) == place
    assert Place.of(found.url) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kim@example.com", "is not imaps://USER@HOST/FOLDER"),
        ("https://kim@imap.example.com/", "is not imaps"),
        ("imaps://imap.example.com/INBOX", "is not imaps"),
        ("imaps://kim@/INBOX", "is not imaps"),
        ("imaps://kim@imap.example.com/INBOX?x", "is not imaps"),
        ("imaps://kim@imap.example.com:port/", "port"),
        ("imaps://kim:secret@imap.example.com/", "--password-file"),
        ("imaps://kim%0aA1@imap.example.com/", "control characters"),
    ],
)
def test_what_is_no_place(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as failed:
        Place.of(text)
    assert "secret" not in str(failed.value)


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [("127.0.0.1", True), ("[::1]", True), ("localhost", True), ("192.0.2.1", False), ("imap.example.com", False)],
)
def test_only_loopback_leaves_this_host_on_no_wire(host: str, is_loopback: bool) -> None:
    assert Place.of(f"imap://kim@{host}").is_loopback is is_loopback


def test_each_message_has_a_url_of_its_own() -> None:
    assert PLACE.source(7, 42) == "imaps://bounces@imap.example.com/INBOX;UIDVALIDITY=7/;UID=42"
    assert Place.of("imaps://kim@imap.example.com:1993").url == "imaps://kim@imap.example.com:1993/INBOX"


# --- folders


def test_every_kind_but_other_has_a_folder() -> None:
    assert set(FOLDERS) == set(Kind) - {Kind.OTHER}
    assert folders_of([]) == dict(FOLDERS)


def test_folders_are_changed_one_by_one() -> None:
    folders = folders_of(["bounce=Done, really,delay=", "complaint=/A/B/"])
    assert (folders["bounce"], folders["complaint"]) == ("Done, really", "A/B")
    assert "delay" not in folders
    assert folders["auto_reply"] == FOLDERS["auto_reply"]


@pytest.mark.parametrize("text", ["bounce", "other=Trash", "nonsense=A", ""])
def test_what_is_no_folder_names_the_kinds(text: str) -> None:
    with pytest.raises(ValueError, match="with a kind of bounce, delay"):
        folders_of([text])


# --- what is remembered


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_the_state_is_private_and_is_read_by_one_process(state: Path) -> None:
    memory = Memory(state, PLACE.account)
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    with pytest.raises(MailboxError, match="another process reads this mailbox"):
        Memory(state, PLACE.account)
    memory.close()
    Memory(state, PLACE.account).close()


def test_the_state_of_another_mailbox_is_refused(state: Path) -> None:
    Memory(state, PLACE.account).close()
    with pytest.raises(MailboxError, match=r"is the state of bounces@imap\.example\.com/INBOX"):
        Memory(state, "kim@imap.example.org/INBOX")
    Memory(state, PLACE.account).close()


@pytest.mark.parametrize(
    "text",
    [
        b"some other file\n", b"no line ending", b"[1]\n", b"1\n", b"[" * 100_000 + b"\n",
        b'{"mailbox":"x","version":2}\n', b'{"mailbox":"bounces@imap.example.com/INBOX","version":1}\n{"what":1}\n',
        b'{"mailbox":"bounces@imap.example.com/INBOX","version":1}\n{"taken":1}\n',
        b'{"mailbox":"bounces@imap.example.com/INBOX","version":1}\n{"mark":1,"taking":{}}\n',
        *(b'{"mailbox":"bounces@imap.example.com/INBOX","version":1}\n%b\n' % line for line in (
            b"{}", b'{"validity":"7"}', b'{"recorded":{"d":"x"}}', b'{"recorded":{"d":null}}',
            b'{"taken":{"1":["d",["bounce"]]}}', b'{"former":{"d":[null]}}',
            b'{"taking":{"1":"d"},"mark":[1,"2",3],"recorded":{}}',
        )),
    ],
)  # fmt: skip
def test_a_file_that_is_no_state_is_refused_and_kept(text: bytes, state: Path) -> None:
    state.write_bytes(text)
    with pytest.raises(MailboxError):
        Memory(state, PLACE.account)
    assert state.read_bytes() == text


@pytest.mark.parametrize("what", ["link", "fifo"])
def test_what_is_no_file_holds_no_state(what: str, state: Path) -> None:
    if what == "link":
        state.symlink_to("other")
    else:
        os.mkfifo(state)
    with pytest.raises(MailboxError, match="--state"):
        Memory(state, PLACE.account)
    assert not state.with_name("other").exists()


@pytest.mark.parametrize("torn", [b'{"taken":{"1":["d', b"\0\0\0"])
def test_a_torn_line_is_cut_off(torn: bytes, state: Path) -> None:
    Memory(state, PLACE.account).close()
    whole = state.read_bytes()
    state.write_bytes(whole + torn)
    Memory(state, PLACE.account).close()
    assert state.read_bytes() == whole
    state.write_bytes(torn)
    Memory(state, PLACE.account).close()
    assert state.read_bytes() == whole


def test_a_long_state_becomes_a_short_one_with_the_same_meaning(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_memory, "_SHORT", 5)
    monkeypatch.setattr(_memory, "_CHUNK", 2)
    memory = Memory(state, PLACE.account)
    for _ in range(9):
        memory.settle()
        memory.begin(5)
        memory.begin(6)
    memory.close()
    memory = Memory(state, PLACE.account)
    assert (memory.validity, memory.mark) == (6, None)
    memory.begin(6)
    memory.take({1: Taken("old", "bounce")})
    memory.begin(7)
    for uid in range(1, 6):
        memory.take({uid: Taken(f"d{uid}", "other")})
    memory.begin_taking({8: "d8", 9: "d9"}, _memory.Mark(1, 2, 3))
    memory.close()
    lines = len(state.read_bytes().splitlines())
    for _ in range(2):
        again = Memory(state, PLACE.account)
        assert (again.validity, again.taken, again.pending, again.mark) == (
            7, memory.taken, {8: "d8", 9: "d9"}, (1, 2, 3),
        )  # fmt: skip
        assert again.former(["old", "old", "new"]) == ["bounce", None, None]
        again.close()
    assert len(state.read_bytes().splitlines()) < lines
    again = Memory(state, PLACE.account)
    again.resolve([9])
    again.close()
    again = Memory(state, PLACE.account)
    assert again.are_recorded(["d8", "d9", "d9"]) == [False, True, False]
    again.settle()
    again.settle()
    assert again.are_recorded(["d9"]) == [False]
    again.close()


def test_the_state_of_a_reader_that_runs_for_months_stays_short(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("undeliverable.mailbox._reader.time.monotonic", lambda: clock[0])
    monkeypatch.setattr(_memory, "_SHORT", 20)
    session = FileSession(bench.account)
    bench.reader.read_all(session)
    sizes: list[int] = []
    for number in range(40):
        bench.deliver(number)
        bench.reader.read_new(session)
        clock[0] += 600
        sizes.append(len((bench.folder / "state").read_bytes().splitlines()))
    assert max(sizes) < 20 + 3 * 7
    assert bench.numbers() == list(range(40))


def test_two_messages_of_the_same_octets_are_two(state: Path) -> None:
    memory = Memory(state, PLACE.account)
    memory.begin(1)
    memory.take({1: Taken("d", "bounce"), 2: Taken("d", "bounce")})
    assert memory.begin(2)
    assert memory.former(["d", "d", "d"]) == ["bounce", "bounce", None]
    memory.take({1: Taken("d", "bounce")})
    assert memory.former(["d", "d"]) == ["bounce", None]
    memory.close()


def test_a_full_disk_leaves_the_state_as_it_was(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory(state, PLACE.account)
    before, write = state.read_bytes(), os.write

    def full(file: int, data: Any) -> int:
        if len(data) > 10:
            return write(file, bytes(data)[:10])
        return 0

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left") as failed:
        memory.begin(1)
    assert failed.value.filename == str(state)
    assert (state.read_bytes(), memory.validity) == (before, None)
    journal = memory._journal
    with pytest.raises(OSError, match="No space left"):
        journal.replace([{"a": 1}])
    assert state.read_bytes() == before
    monkeypatch.undo()
    assert not memory.begin(1)
    memory.close()


def test_a_journal_that_is_replaced_meanwhile_is_opened_again(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state.write_bytes(b"")
    real, seen = os.lstat, list[object]()

    def replaced(path: Any) -> os.stat_result:
        seen.append(path)
        if len(seen) == 1:
            raise FileNotFoundError
        return real("/") if len(seen) == 2 else real(path)

    monkeypatch.setattr(os, "lstat", replaced)
    Journal(state).close()
    assert len(seen) == 3


def test_a_state_that_cannot_be_locked(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", fail)
    with pytest.raises(OSError, match="not supported"):
        Journal(state)


# --- reading


class Bench:
    """A reader with all that it needs."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.account = Account(folder / "server")
        self.said: list[str] = []
        self.stop = Stop()
        self.list = Listed(folder / "list")
        self.memory = Memory(folder / "state", PLACE.account)
        outputs = options.pop("outputs", None) or Outputs(folder / "records", self.list.record)
        self.reader = Reader(
            PLACE, self.memory, options.pop("judge", judge), outputs,
            folders=options.pop("folders", FOLDERS), stop=self.stop, say=self.said.append, **options,
        )  # fmt: skip

    def deliver(self, *numbers: int, kind: str = "bounce") -> list[int]:
        return [self.account.deliver(message(number, kind)) for number in numbers]

    def numbers(self) -> list[object]:
        path = self.folder / "records"
        return [record["number"] for record in records.read(path)] if path.exists() else []


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.memory.close()
    bench.stop.close()


def test_what_was_read_is_moved_by_kind_and_other_mail_is_left(bench: Bench) -> None:
    bench.deliver(1, 2)
    bench.deliver(3, kind="delay")
    bench.deliver(4, kind="other")
    bench.reader.read_all(FileSession(bench.account))
    assert bench.account.moved("Undeliverable/Bounces") == [message(1), message(2)]
    assert bench.account.moved("Undeliverable/Delays") == [message(3, "delay")]
    assert [bench.account.raw(uid) for uid in bench.account.uids()] == [message(4, "other")]
    assert bench.reader.counts == {"bounce": 2, "delay": 1, "other": 1}
    assert not bench.reader.has_problems


def test_other_mail_is_looked_at_once(bench: Bench) -> None:
    bench.deliver(1, kind="other")
    seen: list[int] = []
    session = FileSession(bench.account)
    real = session.fetch
    session.fetch = lambda uids, most: (seen.extend(uids), real(uids, most))[1]  # type: ignore[method-assign,func-returns-value]
    for _ in range(2):
        bench.reader.read_all(session)
    bench.reader.read_new(session)
    assert seen == [1]


def test_without_folders_what_was_read_is_remembered(tmp_path: Path) -> None:
    bench = Bench(tmp_path, folders={})
    bench.deliver(1)
    session = FileSession(bench.account)
    for _ in range(2):
        bench.reader.read_all(session)
    bench.deliver(2)
    bench.reader.read_new(session)
    assert bench.numbers() == [1, 2]
    assert len(bench.account.uids()) == 2


def test_a_message_that_is_brought_back_is_read_again(bench: Bench) -> None:
    for _ in range(2):
        bench.deliver(1)
        bench.reader.read_all(FileSession(bench.account))
    assert bench.numbers() == [1, 1]


def test_a_folder_that_takes_nothing_is_said_once_and_tried_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("undeliverable.mailbox._reader.time.monotonic", lambda: clock[0])
    session = FileSession(bench.account)
    session.refused["Undeliverable/Bounces"] = "NO [OVERQUOTA] full"
    bench.deliver(1)
    bench.reader.read_all(session)
    bench.deliver(2)
    bench.deliver(3, kind="delay")
    bench.reader.read_new(session)
    assert bench.numbers() == [1, 2, 3]
    assert len(bench.said) == 1
    assert "full; what was read is recorded, and stays" in bench.said[0]
    assert bench.account.uids() == [1, 2]
    assert bench.reader.has_problems
    session.refused.clear()
    clock[0] += 200
    bench.reader.read_new(session)
    assert bench.account.uids() == [1, 2]
    clock[0] += 200
    bench.reader.read_new(session)
    assert bench.account.uids() == []


def test_many_moves_end_at_the_first_that_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_reader, "_ASKED", 2)
    session = FileSession(bench.account)
    session.refused["Undeliverable/Bounces"] = "NO full"
    bench.deliver(*range(1, 6))
    bench.reader.read_all(session)
    session.refused.clear()
    bench.reader.read_all(session)
    assert bench.account.uids() == []
    assert len(bench.said) == 1


def test_a_message_that_the_server_cannot_give_keeps_no_other_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("undeliverable.mailbox._reader.time.monotonic", lambda: clock[0])
    session = FileSession(bench.account)
    bench.deliver(1, 2, 3)
    session.unreadable = {2}
    bench.reader.read_all(session)
    assert bench.numbers() == [1, 3]
    assert bench.account.uids() == [2]
    assert "message 2 is left" in bench.said[0]
    assert bench.reader.has_problems
    session.unreadable = set()
    bench.reader.read_new(session)
    assert bench.numbers() == [1, 3]
    clock[0] += 3600
    bench.reader.read_new(session)
    assert bench.numbers() == [1, 3, 2]


def test_a_message_that_leaves_meanwhile_is_no_problem(bench: Bench) -> None:
    bench.deliver(1, 2)
    session = FileSession(bench.account)
    session.search = lambda first: [1, 2, 3]  # type: ignore[method-assign]
    session.fetch = lambda uids, most: []  # type: ignore[method-assign]
    bench.reader.read_all(session)
    assert bench.numbers() == []


def test_batches_are_bounded_by_octets_and_number(tmp_path: Path) -> None:
    bench = Bench(tmp_path, limits=Limits(message=100, batch=120, messages=3))
    for size in (10, 10, 10, 10, 1_000, 1_000, 5):
        bench.account.deliver(b"Subject: other 1\n\n".ljust(size, b"x"))
    batches: list[list[int]] = []
    session = FileSession(bench.account)
    real = session.fetch

    def fetch(uids: Any, most: int) -> Any:
        batches.append(list(uids))
        found = real(uids, most)
        assert sum(len(mail.raw) for mail in found) <= 120
        return found

    session.fetch = fetch  # type: ignore[method-assign]
    bench.reader.read_all(session)
    assert batches == [[1, 2, 3], [4, 5], [6, 7]]


def test_new_uids_are_said(bench: Bench) -> None:
    bench.deliver(1, kind="other")
    bench.reader.read_all(FileSession(bench.account))
    bench.account.renumber()
    bench.reader.read_all(FileSession(bench.account))
    assert "new UIDs" in bench.said[0]
    assert bench.reader.counts == {"other": 1}


def test_a_list_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    broken = [True]

    def record(_: Iterable[object]) -> None:
        if broken.pop():
            raise OSError(28, "No space left on device")

    bench = Bench(tmp_path, outputs=Outputs(tmp_path / "records", record))
    broken[:] = [False, True]
    bench.deliver(1)
    with pytest.raises(OSError, match="No space"):
        bench.reader.read_all(FileSession(bench.account))
    assert bench.account.uids() == [1]
    bench.reader.read_all(FileSession(bench.account))
    assert bench.numbers() == [1]
    assert bench.account.uids() == []


def test_a_list_alone_needs_no_mark(tmp_path: Path) -> None:
    bench = Bench(tmp_path, outputs=Outputs(None, Listed(tmp_path / "list").record))
    bench.deliver(1)
    bench.reader.read_all(FileSession(bench.account))
    assert "taking" not in (tmp_path / "state").read_text()
    assert Outputs().sources_since(_memory.Mark(1, 2, 3)) == set()
    assert bench.list.addresses() == {"kim1@example.org"}


def test_the_wish_to_stop_ends_between_two_writes(tmp_path: Path) -> None:
    bench = Bench(tmp_path, limits=Limits(messages=1))
    bench.deliver(1, 2, 3)

    def stopping(mail: Mail) -> Any:
        bench.stop.set()
        bench.stop.set()
        return judge(mail)

    bench.reader._judge = stopping
    bench.reader.read_all(FileSession(bench.account))
    assert bench.numbers() == [1]
    assert bench.account.uids() == [2, 3]


def test_a_message_that_was_announced_for_nothing(bench: Bench) -> None:
    bench.reader._take(FileSession(bench.account), [])
    assert not bench.reader.counts


def test_a_rotated_file_is_looked_into(tmp_path: Path) -> None:
    path = tmp_path / "records"
    outputs = Outputs(path)
    mark = outputs.mark()
    assert mark is not None
    records.append(path, [b'{"source":"a"}\n'])
    path.rename(tmp_path / "records.1")
    records.append(path, [b'{"source":"b"}\n', b"1\n"])
    (tmp_path / "other").write_text("x")
    assert outputs.sources_since(mark) == {"a", "b"}
    later = outputs.mark()
    assert later is not None
    assert later.offset > 0
    records.append(path, [b'{"source":"c"}\n'])
    assert outputs.sources_since(later) == {"c"}


# --- the loop


def test_a_first_connection_that_fails_ends_it(bench: Bench) -> None:
    def connect() -> FileSession:
        raise MailboxError("no such user")

    with pytest.raises(MailboxError, match="no such user"):
        watch(connect, bench.reader, bench.stop, begun=print, done=print, failed=print)


def test_pauses_grow_and_begin_anew(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(Stop, "wait", lambda _, seconds: pauses.append(seconds))

    def drop() -> None:
        raise DroppedError("gone")

    sessions: list[Any] = [
        FileSession(bench.account, waits=[drop]), *[DroppedError("away")] * 10,
        FileSession(bench.account, waits=[drop]), FileSession(bench.account),
    ]  # fmt: skip
    every = list(sessions)

    def connect() -> FileSession:
        one = sessions.pop(0)
        if isinstance(one, DroppedError):
            raise one
        return one  # type: ignore[no-any-return]

    begun: list[int] = []
    failures: list[str] = []

    def failed(error: Exception, pause: float) -> None:
        failures.append(f"{error} {pause:g}")

    watch(connect, bench.reader, bench.stop, begun=lambda: begun.append(1), done=lambda: None, failed=failed)
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 1]
    assert len(begun) == 3
    assert all(one.is_closed for one in every if isinstance(one, FileSession))
    assert failures[:2] == ["gone 1", "away 2"]


def test_once_closes_its_session(bench: Bench) -> None:
    session = FileSession(bench.account)
    read_once(lambda: session, bench.reader)
    assert session.is_closed


# --- passwords and tokens


def test_a_password_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_bytes("pässword with spaces \r\nsecond line\n".encode())
    path.chmod(0o644)
    with pytest.raises(MailboxError, match="chmod 600"):
        Credentials("file", str(path)).secret("kim")
    path.chmod(0o600)
    assert Credentials("file", str(path)).secret("kim") == "pässword with spaces "


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "no password"), (b"\nx", "no password"), (b"\xff", "not UTF-8"), (None, "No such file")],
)
def test_a_file_without_a_password(content: bytes | None, words: str, tmp_path: Path) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
        path.chmod(0o600)
    with pytest.raises(MailboxError, match=words):
        Credentials("file", str(path)).secret("kim")


def test_a_command_is_run_without_a_shell_each_time(tmp_path: Path) -> None:
    credentials = Credentials("command", f"{sys.executable} -c 'print(\"$HOME; x\")'")
    assert credentials.secret("kim") == "$HOME; x"
    assert not credentials.is_token
    assert Credentials("token", "x").is_token


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("false", "false: ended with status 1"),
        ("true", "no token in its first line"),
        ("/no/such/program x", "/no/such/program: No such file"),
        ("", "cannot be run"),
        ("'", "cannot be run"),
        (f"{sys.executable} -c \"import os; os.write(1, b'\\xff')\"", "UTF-8"),
        ("sleep 5", "not done after 0.05 s"),
    ],
)
def test_a_command_that_gives_no_token(command: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if command == "sleep 5":
        monkeypatch.setattr(_credentials, "_PATIENCE", 0.05)
    with pytest.raises(MailboxError, match=words):
        Credentials("token", command).secret("kim")


@pytest.mark.parametrize("command", ["false --key hidden", "sleep 5 hidden", "'hidden"])
def test_an_error_of_a_command_repeats_none_of_its_arguments(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_credentials, "_PATIENCE", 0.05)
    with pytest.raises(MailboxError) as caught:
        Credentials("token", command).secret("kim")
    assert "hidden" not in str(caught.value)


class KeyringError(Exception):
    """As in keyring.errors."""


def with_keyring(monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
    def get_password(service: str, user: str) -> object:
        assert (service, user) == ("imap.example.com", "kim")
        if isinstance(answer, Exception):
            raise answer
        return answer

    keyring, errors = types.ModuleType("keyring"), types.ModuleType("keyring.errors")
    keyring.get_password = get_password  # type: ignore[attr-defined]
    errors.KeyringError = KeyringError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)


def test_a_password_in_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    with_keyring(monkeypatch, "secret")
    assert Credentials("keyring", "imap.example.com").secret("kim") == "secret"


@pytest.mark.parametrize(
    ("answer", "words"),
    [(None, "keyring set imap.example.com kim"), (KeyringError("locked"), "cannot be read: locked")],
)
def test_a_keyring_without_a_password(answer: object, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with_keyring(monkeypatch, answer)
    with pytest.raises(MailboxError, match=words):
        Credentials("keyring", "imap.example.com").secret("kim")


def test_a_keyring_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(MissingExtraError, match=r"undeliverable\[keyring\]"):
        Credentials("keyring", "imap.example.com").secret("kim")


# --- errors


def test_a_refusal_has_its_code() -> None:
    assert RefusedError("x", "move failed: [OVERQUOTA] full").code == "OVERQUOTA"
    assert RefusedError("x", "no code").code == ""


def test_the_digest_covers_what_was_not_read() -> None:
    received = datetime(2026, 11, 16, tzinfo=UTC)
    first, second = (Mail(1, b"abc", size, received, "x") for size in (10, 20))
    assert first.digest != second.digest
    assert len(first.digest) == 32
    assert json.dumps(first.digest)
