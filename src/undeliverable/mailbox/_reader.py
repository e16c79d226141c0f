"""Take the messages of a mailbox, each exactly once.

A message goes through four steps, in this order: it is judged; its record and its events are on disk; its UID is
remembered; it is moved. Whatever ends the reader between two of them, the next one finds the message in the mailbox and
goes on from there: it writes no record twice (the memory has the place in the file), no event (the list takes each
once), and what is remembered is only moved.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from undeliverable.mailbox._errors import RefusedError
from undeliverable.mailbox._memory import Memory, Taken
from undeliverable.mailbox._outputs import Judgement, Outputs
from undeliverable.mailbox._place import Place
from undeliverable.mailbox._session import Mail, Session
from undeliverable.mailbox._stop import Stop

__all__ = ["Limits", "Reader"]

T = TypeVar("T")

_ASKED: Final = 500  # messages in one question, so that a command stays short
_HOUR: Final = 3600.0
_PAUSE: Final = 300.0  # seconds until a folder is tried again that took nothing


class Limits(NamedTuple):
    """How much is read at once.

    :ivar message: octets of a message that are read; a bounce says in its first part what happened.
    :ivar batch: octets of messages that are held in memory together.
    :ivar messages: the number of messages that share a write.
    """

    message: int = 16 << 20
    batch: int = 16 << 20
    messages: int = 50


class Reader:
    """A reader of one mailbox.

    :param judge: says what a message is.
    :param folders: the folder that messages of a kind are moved to; kinds without one stay.
    :param stop: asked between two writes.
    :param say: prints one line about something that somebody should look at.
    :ivar place: the mailbox.
    :ivar counts: how many messages of each kind were taken since somebody set it back.
    :ivar has_problems: True if something could not be read or moved.
    """

    def __init__(
        self,
        place: Place,
        memory: Memory,
        judge: Callable[[Mail], Judgement],
        outputs: Outputs,
        *,
        folders: Mapping[str, str],
        stop: Stop,
        say: Callable[[str], None],
        limits: Limits | None = None,
    ) -> None:
        self.place = place
        self._memory = memory
        self._judge = judge
        self._outputs = outputs
        self._folders = folders
        self._stop = stop
        self._say = say
        self._limits = limits or Limits()
        self._next = 1
        self._anew = 0.0
        self._closed: dict[str, float] = {}
        self.counts: Counter[str] = Counter()
        self.has_problems = False

    def read_all(self, session: Session) -> None:
        """Compare the whole mailbox with the memory, and take what is new.

        :raises MailboxError: when the connection fails.
        :raises OSError: when something cannot be written; nothing is lost, read again later.
        """
        memory = self._memory
        self._resolve()
        if memory.begin(session.validity):
            self._say(f"{self.place.url}: the server has new UIDs; messages are recognised by their contents")
        uids = session.search(1)
        memory.forget(memory.taken.keys() - set(uids))
        self._anew = time.monotonic() + _HOUR
        self._closed = {}
        self._move(session, list(memory.taken))
        self._take_all(session, [uid for uid in uids if uid not in memory.taken])
        self._next = max(uids, default=0) + 1
        if not self._stop.is_set:
            memory.settle()
        memory.shorten()

    def read_new(self, session: Session) -> None:
        """Take what has arrived since the last time, and try again to move what could not be moved.

        Once an hour everything is compared again: what could not be read before, and what somebody has removed.

        :raises MailboxError: when the connection fails.
        :raises OSError: when something cannot be written; read everything again later.
        """
        if time.monotonic() >= self._anew:
            self.read_all(session)
            return
        uids = session.search(self._next)
        self._take_all(session, [uid for uid in uids if uid not in self._memory.taken])
        self._next = max([self._next - 1, *uids]) + 1
        if self._closed and time.monotonic() >= min(self._closed.values()):
            self._closed = {}
            self._move(session, list(self._memory.taken))

    def _resolve(self) -> None:
        """Find out how far the reader was that was interrupted."""
        memory = self._memory
        if memory.mark is None or memory.validity is None:
            return
        written = self._outputs.sources_since(memory.mark)
        memory.resolve(uid for uid in memory.pending if self.place.source(memory.validity, uid) in written)

    def _take_all(self, session: Session, uids: Sequence[int]) -> None:
        for asked in _parts(uids, _ASKED):
            sizes = session.sizes(asked)
            for batch in self._batches(sizes):
                if self._stop.is_set:
                    return
                self._take(session, self._fetched(session, batch))

    def _batches(self, sizes: Mapping[int, int]) -> Iterator[list[int]]:
        """Yield UIDs whose messages fit into memory together."""
        batch: list[int] = []
        octets = 0
        for uid, size in sorted(sizes.items()):
            read = min(size, self._limits.message)
            if batch and (octets + read > self._limits.batch or len(batch) >= self._limits.messages):
                yield batch
                batch, octets = [], 0
            batch.append(uid)
            octets += read
        if batch:
            yield batch

    def _fetched(self, session: Session, uids: Sequence[int]) -> list[Mail]:
        """Return messages; one that the server cannot give must not keep the others back."""
        try:
            return list(session.fetch(uids, self._limits.message))
        except RefusedError as error:
            if len(uids) > 1:
                return [mail for uid in uids for mail in self._fetched(session, [uid])]
            (uid,) = uids
            self.has_problems = True
            self._say(f"{self.place.url}: message {uid} is left, since it cannot be read: {error.reply}")
            return []

    def _take(self, session: Session, mails: Sequence[Mail]) -> None:
        if not mails:
            return
        memory = self._memory
        former = memory.former(mail.digest for mail in mails)
        new = [mail for mail, kind in zip(mails, former, strict=True) if kind is None]
        judged = [self._judge(mail) for mail in new]
        recorded = memory.are_recorded(mail.digest for mail in new)
        if any(one.line for one in judged):
            memory.begin_taking({mail.uid: mail.digest for mail in new}, self._outputs.mark())
        self._outputs.store(judged, recorded=recorded)
        kinds = {mail.uid: kind for mail, kind in zip(mails, former, strict=True) if kind is not None}
        kinds |= {mail.uid: one.kind for mail, one in zip(new, judged, strict=True)}
        memory.take({mail.uid: Taken(mail.digest, kinds[mail.uid]) for mail in mails})
        self.counts.update(one.kind for one in judged)
        self._move(session, [mail.uid for mail in mails])

    def _move(self, session: Session, uids: Sequence[int]) -> None:
        """Move what has a folder; what the server refuses to move stays, and is tried again later."""
        by_folder: dict[str, list[int]] = {}
        for uid in uids:
            folder = self._folders.get(self._memory.taken[uid].kind)
            if folder is not None and folder not in self._closed:
                by_folder.setdefault(folder, []).append(uid)
        for folder, found in by_folder.items():
            for part in _parts(found, _ASKED):
                if not self._moved(session, part, folder):
                    break

    def _moved(self, session: Session, uids: Sequence[int], folder: str) -> bool:
        try:
            session.move(uids, folder)
        except RefusedError as error:
            self.has_problems = True
            self._closed[folder] = time.monotonic() + _PAUSE
            self._say(f"{self.place.url}: {error}; what was read is recorded, and stays where it is until this works")
            return False
        self._memory.forget(uids)
        return True


def _parts(items: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), most):
        yield items[start : start + most]
