"""A mailbox in a folder of files, behind the protocol of a session: it survives the process, and fails when it is asked to."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from undeliverable.mailbox import DroppedError, Judgement, Mail, Place, RefusedError, Stop

T = TypeVar("T")

PLACE = Place.of("imaps://bounces@imap.example.com/INBOX")
RECEIVED = datetime(2026, 11, 16, 9, 12, tzinfo=UTC)


def message(number: int, kind: str = "bounce") -> bytes:
    return f"Subject: {kind} {number}\n\nkim{number}@example.org\n".encode()


class Account:
    """The server's side: folders with files, named after their UIDs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "INBOX").mkdir(parents=True, exist_ok=True)

    @property
    def validity(self) -> int:
        path = self.folder / "validity"
        return int(path.read_text()) if path.exists() else 1

    def deliver(self, raw: bytes) -> int:
        uid = self._next()
        (self.folder / "INBOX" / str(uid)).write_bytes(raw)
        return uid

    def renumber(self) -> None:
        """Give all messages new UIDs, in another order, under a new UIDVALIDITY."""
        (self.folder / "validity").write_text(str(self.validity + 1))
        files = sorted((self.folder / "INBOX").iterdir(), key=lambda path: -int(path.name))
        (self.folder / "next").write_text("100")
        for path in files:
            path.rename(path.with_name(str(self._next())))

    def uids(self) -> list[int]:
        return sorted(int(path.name) for path in (self.folder / "INBOX").iterdir())

    def raw(self, uid: int) -> bytes:
        return (self.folder / "INBOX" / str(uid)).read_bytes()

    def moved(self, folder: str) -> list[bytes]:
        return sorted(path.read_bytes() for path in (self.folder / folder).glob("*"))

    def move(self, uid: int, folder: str) -> None:
        source = self.folder / "INBOX" / str(uid)
        if source.exists():
            (self.folder / folder).mkdir(parents=True, exist_ok=True)
            source.rename(self.folder / folder / f"{self.validity}-{uid}")

    def _next(self) -> int:
        path = self.folder / "next"
        uid = int(path.read_text()) if path.exists() else 1
        path.write_text(str(uid + 1))
        return uid


class FileSession:
    """A session with an account in files.

    :param step: called before and after each command; it may raise, or end the process.
    :param waits: what happens in each wait, in order; after the last one it is stopped.
    """

    def __init__(
        self, account: Account, step: Callable[[], None] = lambda: None, waits: Iterable[Callable[[], object]] = ()
    ) -> None:
        self.account = account
        self.validity = account.validity
        self.refused: dict[str, str] = {}
        self.unreadable: set[int] = set()
        self.is_closed = False
        self._step = step
        self._waits = iter(waits)

    def search(self, first: int) -> list[int]:
        return self._stepped(lambda: [uid for uid in self.account.uids() if uid >= first])

    def sizes(self, uids: Sequence[int]) -> Mapping[int, int]:
        present = set(self.account.uids())
        return self._stepped(lambda: {uid: len(self.account.raw(uid)) for uid in uids if uid in present})

    def fetch(self, uids: Sequence[int], most: int) -> Sequence[Mail]:
        if self.unreadable & set(uids):
            raise RefusedError("messages cannot be read", "NO [SERVERBUG] not convertible")
        return self._stepped(lambda: [self._mail(uid, most) for uid in uids if uid in self.account.uids()])

    def move(self, uids: Sequence[int], folder: str) -> None:
        if folder in self.refused:
            raise RefusedError(f"messages cannot be moved to {folder}", self.refused[folder])
        for uid in uids:
            self._stepped(partial(self.account.move, uid, folder))

    def wait(self, stop: Stop) -> None:
        happens = next(self._waits, stop.set)
        self._stepped(happens)

    def close(self) -> None:
        self.is_closed = True

    def _mail(self, uid: int, most: int) -> Mail:
        raw = self.account.raw(uid)
        return Mail(uid, raw[:most], len(raw), RECEIVED, PLACE.source(self.validity, uid))

    def _stepped(self, do: Callable[[], T]) -> T:
        self._step()
        found = do()
        self._step()
        return found


def judge(mail: Mail) -> Judgement:
    """Tell a message by its subject; the record has its source and its number."""
    kind, _, number = mail.raw.partition(b"\n")[0].decode().removeprefix("Subject: ").partition(" ")
    if kind == "other":
        return Judgement("other")
    line = json.dumps({"source": mail.source, "number": int(number)}).encode() + b"\n"
    return Judgement(kind, line, [(f"kim{number}@example.org", None)])  # type: ignore[list-item] # any event will do


class Listed:
    """A list that takes each event once: a file for each address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def record(self, events: Iterable[tuple[str, object]]) -> None:
        for address, _ in events:
            with open(self.folder / address, "wb") as file:
                os.fsync(file.fileno())

    def addresses(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}


class Dropping:
    """A step that drops the connection, once, at its n-th call."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise DroppedError("the connection has ended")
