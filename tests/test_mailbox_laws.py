"""Laws of reading a mailbox: whatever ends the reader, at whatever step, each message is taken exactly once."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.mailbox_server import PLACE, Account, Dropping, FileSession, Listed, judge, message
from undeliverable.mailbox import FOLDERS, Limits, Memory, Outputs, Reader, Stop, _memory, read_once, watch
from undeliverable.serve import records

BOUNCES, OTHERS = (1, 2, 4, 5, 6), (3, 7)
LIMITS = Limits(messages=3)
KILLED = 9


def filled(folder: Path) -> Account:
    account = Account(folder / "server")
    for number in range(1, 8):
        account.deliver(message(number, "other" if number in OTHERS else "bounce"))
    return account


def reader_of(folder: Path, memory: Memory, stop: Stop, said: list[str] | None = None) -> Reader:
    outputs = Outputs(folder / "records", Listed(folder / "list").record)
    say = print if said is None else said.append
    return Reader(PLACE, memory, judge, outputs, folders=FOLDERS, stop=stop, say=say, limits=LIMITS)


def run(folder: Path, account: Account, step: Callable[[], None] = lambda: None) -> None:
    stop, memory = Stop(), Memory(folder / "state", PLACE.account)
    read_once(lambda: FileSession(account, step), reader_of(folder, memory, stop))
    memory.close()
    stop.close()


def numbers_in(folder: Path) -> list[object]:
    """The numbers of all records, also of those in a file that was rotated away."""
    return sorted(record["number"] for path in folder.glob("records*") for record in records.read(path))  # type: ignore[type-var]


def check(folder: Path, account: Account, bounces: tuple[int, ...] = BOUNCES) -> None:
    assert numbers_in(folder) == list(bounces)
    assert Listed(folder / "list").addresses() == {f"kim{number}@example.org" for number in bounces}
    assert account.moved("Undeliverable/Bounces") == sorted(map(message, bounces))
    assert sorted(map(account.raw, account.uids())) == sorted(message(number, "other") for number in OTHERS)


class Killer:
    """Ends the process at the n-th step: before or after a command, in the middle of a write, or beside a sync."""

    def __init__(self, at: int) -> None:
        self.left = at
        self._write, self._replace = os.write, os.replace

    def __call__(self) -> None:
        self.left -= 1
        if self.left == 0:
            os._exit(KILLED)

    def arm(self) -> None:
        os.write, os.fsync, os.replace = self.write, self.fsync, self.replace  # type: ignore[assignment]

    def write(self, file: int, data: Any) -> int:
        self()
        if self.left == 1:
            self._write(file, bytes(data)[: len(data) // 2])
        self()
        return self._write(file, data)

    def fsync(self, file: int) -> None:
        self()

    def replace(self, source: Any, target: Any) -> None:
        self()
        self._replace(source, target)
        self()


def killed_at(step: int, folder: Path, account: Account) -> bool:
    """Run a reader that is killed at a step; False if it ended before."""
    child = os.fork()
    if not child:
        try:
            killer = Killer(step)
            killer.arm()
            run(folder, account, killer)
        except BaseException as error:  # noqa: BLE001 # nothing may leave the child
            os._exit(1 if isinstance(error, Exception) else 2)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {0, KILLED}
    return status == KILLED


@pytest.mark.parametrize(
    ("happens", "stride"), [("nothing", 2), ("new UIDs", 1), ("the file is rotated", 3), ("killed again", 3)]
)
def test_killed_at_every_step_each_is_taken_once(
    happens: str, stride: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_memory, "_SHORT", 3)  # so that each start replaces the state
    monkeypatch.setattr(os, "fsync", lambda _: None)  # the machine goes on, so what was written is there
    step = 0
    was_killed = True
    while was_killed:
        step += stride
        folder = tmp_path / str(step)
        folder.mkdir()
        account = filled(folder)
        was_killed = killed_at(step, folder, account)
        if happens == "new UIDs":
            account.renumber()
        elif happens == "killed again":
            killed_at(step * 7 % 40 + 1, folder, account)
        elif happens == "the file is rotated" and (folder / "records").exists():
            (folder / "records").rename(folder / "records.1")
        run(folder, account)
        check(folder, account)
    assert step > 50


def noting(said: list[str]) -> Callable[[Exception, float], None]:
    return lambda error, _: said.append(str(error))


def test_dropped_at_every_step_each_is_taken_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stop, "wait", lambda *_: ())  # no pauses
    monkeypatch.setattr(os, "fsync", lambda _: None)
    step, dropped = 0, True
    while dropped:
        step += 1
        folder = tmp_path / str(step)
        folder.mkdir()
        account, stop, said = filled(folder), Stop(), list[str]()
        memory, drop = Memory(folder / "state", PLACE.account), Dropping(step)
        reader = reader_of(folder, memory, stop, said)
        late: list[Callable[[], object]] = [lambda: None, partial(account.deliver, message(8))]
        sessions = 0

        def connect(
            account: Account = account, drop: Dropping = drop, late: list[Callable[[], object]] = late
        ) -> FileSession:
            nonlocal sessions
            sessions += 1
            return FileSession(account, drop, [late.pop(0)] if late else [])

        watch(
            connect,
            reader,
            stop,
            begun=lambda: None,
            done=lambda: None,
            failed=noting(said),
        )
        dropped = drop.left <= 0
        memory.close()
        assert sessions == 1 + len(said)  # a drop on the way out needs no other session
        numbers = numbers_in(folder)
        assert numbers in ([*BOUNCES], [*BOUNCES, 8])
        assert len(account.moved("Undeliverable/Bounces")) == len(numbers)
    assert step > 20
