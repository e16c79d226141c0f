"""What a reader remembers of a mailbox: which messages it has taken, and how far it was with those that it was taking.

Messages are remembered by UID, and by a digest of their octets: a server that loses its UIDs announces a new UIDVALIDITY
(RFC 3501 2.3.1.1), and then the digests say which of the messages are known. Messages that have left the mailbox are
forgotten, so that the memory is as small as what lies in the mailbox.

A file of records cannot be asked for a message, so the memory has its place in that file before records are written:
whatever ended a reader, the next one looks behind that place for what was already written.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, Final, NamedTuple, TypeVar, cast

from undeliverable.mailbox._errors import MailboxError
from undeliverable.mailbox._journal import Entry, Journal

__all__ = ["Mark", "Memory", "Taken"]

_VERSION: Final = 1
_SHORT: Final = 200  # lines that are not worth replacing
T = TypeVar("T")

_CHUNK: Final = 1_000  # messages in one line of a replaced file


class Taken(NamedTuple):
    """A message that needs no more than a move.

    :ivar digest: the digest of its octets.
    :ivar kind: its kind as a report.
    """

    digest: str
    kind: str


class Mark(NamedTuple):
    """A place in a file: the file's device and number, and the offset."""

    device: int
    inode: int
    offset: int


class Memory:
    """The memory of one mailbox, kept in a file.

    :param path: the file.
    :param account: the mailbox that it is about.
    :raises MailboxError: when it is that of another mailbox, or another process has it.
    :raises OSError: when it cannot be read or written.
    """

    def __init__(self, path: str | os.PathLike[str], account: str) -> None:
        self._journal = Journal(path)
        self._header: Entry = {"mailbox": account, "version": _VERSION}
        self._lines = 1
        self.validity: int | None = None
        self.taken: dict[int, Taken] = {}
        """Messages in the mailbox that were taken, by UID."""
        self.pending: dict[int, str] = {}
        """Digests of the messages that were being taken when the reader stopped."""
        self.mark: Mark | None = None
        """Where the records of `pending` begin."""
        self._former: dict[str, list[str]] = {}
        self._recorded: Counter[str] = Counter()
        try:
            self._replay(path)
        except BaseException:
            self._journal.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._journal.close()

    def begin(self, validity: int) -> bool:
        """Begin to read a mailbox of this UIDVALIDITY; return True if that is a new one."""
        if validity == self.validity:
            return False
        is_new = self.validity is not None
        self._note({"validity": validity})
        return is_new

    def former(self, digests: Iterable[str]) -> list[str | None]:
        """Return for each digest the kind of a message that was taken under a former UIDVALIDITY, or None.

        Two messages of the same octets are two.
        """
        left = {digest: list(kinds) for digest, kinds in self._former.items()}
        return [kinds.pop() if (kinds := left.get(digest)) else None for digest in digests]

    def are_recorded(self, digests: Iterable[str]) -> list[bool]:
        """Return for each digest whether its record was already written."""
        left = self._recorded.copy()
        found: list[bool] = []
        for digest in digests:
            found.append(left[digest] > 0)
            left[digest] -= 1
        return found

    def begin_taking(self, messages: Mapping[int, str], mark: Mark | None) -> None:
        """Note that the records of these messages (UID, digest) will be written from `mark` on."""
        if mark is not None:
            recorded = {digest: number for digest, number in self._recorded.items() if number > 0}
            self._note({"taking": _keyed(messages), "mark": list(mark), "recorded": recorded})

    def resolve(self, written: Iterable[int]) -> None:
        """Note which of `pending` have their record, by UID, before anything else is taken."""
        found = Counter(self.pending[uid] for uid in written)
        self._note({"recorded": dict(self._recorded + found)})

    def take(self, messages: Mapping[int, Taken]) -> None:
        """Note that messages are on disk, by UID."""
        self._note({"taken": _keyed(messages)})

    def forget(self, uids: Iterable[int]) -> None:
        """Note that messages have left the mailbox."""
        gone = sorted(self.taken.keys() & set(uids))
        if gone:
            self._note({"gone": gone})

    def settle(self) -> None:
        """Forget what only helps to recognise messages: all that lie in the mailbox have been taken."""
        if self._former or +self._recorded:
            self._note({"settled": True})

    def shorten(self) -> None:
        """Replace a file that has grown by a short one with the same meaning."""
        if self._lines > _SHORT:
            entries = [self._header, *self._summary()]
            self._journal.replace(entries)
            self._lines = len(entries)

    def _note(self, entry: Entry) -> None:
        self._journal.append(entry)
        self._lines += 1
        self._apply(entry)

    def _replay(self, path: str | os.PathLike[str]) -> None:
        entries = self._journal.entries
        if not entries:
            self._journal.append(self._header)
            return
        if entries[0] != self._header:
            raise MailboxError(
                f"{os.fspath(path)} is the state of {entries[0].get('mailbox')}; name another file with --state"
            )
        try:
            for entry in entries[1:]:
                self._apply(entry)
        except (KeyError, TypeError, ValueError, AttributeError, StopIteration):
            raise MailboxError(
                f"{os.fspath(path)} was written by another version, or is damaged; move it away to begin anew"
            ) from None
        self._lines = len(entries)
        self._journal.entries.clear()
        self.shorten()

    def _summary(self) -> Iterator[Entry]:
        """Yield few entries with the meaning of all."""
        yield {"validity": self.validity}
        items = list(self.taken.items())
        for start in range(0, len(items), _CHUNK):
            yield {"taken": _keyed(dict(items[start : start + _CHUNK]))}
        yield {"former": self._former}
        recorded = dict(+self._recorded)
        if self.mark is None:
            yield {"recorded": recorded}
        else:
            yield {"taking": _keyed(self.pending), "mark": list(self.mark), "recorded": recorded}

    def _apply(self, entry: Mapping[str, object]) -> None:
        """Apply a step, when it is made as well as when it is replayed."""
        name = next(iter(entry))
        self._STEPS[name](self, entry)

    def _apply_validity(self, entry: Mapping[str, object]) -> None:
        for taken in self.taken.values():
            self._former.setdefault(taken.digest, []).append(taken.kind)
        self.taken = {}
        self.validity = None if entry["validity"] is None else _number(entry["validity"])

    def _apply_taking(self, entry: Mapping[str, object]) -> None:
        self.pending = _by_uid(cast("Mapping[str, str]", entry["taking"]))
        self.mark = Mark(*map(_number, cast("Sequence[object]", entry["mark"])))
        self._recorded = _numbers(entry["recorded"])

    def _apply_recorded(self, entry: Mapping[str, object]) -> None:
        self._recorded = _numbers(entry["recorded"])
        self._end_taking()

    def _apply_taken(self, entry: Mapping[str, object]) -> None:
        messages = cast("Mapping[str, Sequence[str]]", entry["taken"])
        for uid, (digest, kind) in _by_uid(messages).items():
            self.taken[uid] = Taken(_text(digest), _text(kind))
            if self._former.get(digest):
                self._former[digest].pop()
            elif self._recorded[digest] > 0:
                self._recorded[digest] -= 1
        self._end_taking()

    def _apply_gone(self, entry: Mapping[str, object]) -> None:
        for uid in cast("Sequence[int]", entry["gone"]):
            self.taken.pop(uid, None)

    def _apply_former(self, entry: Mapping[str, object]) -> None:
        self._former = {
            digest: [*map(_text, kinds)] for digest, kinds in cast("Mapping[str, list[str]]", entry["former"]).items()
        }

    def _apply_settled(self, _: Mapping[str, object]) -> None:
        self._former = {}
        self._recorded = Counter()

    _STEPS: ClassVar = {
        "validity": _apply_validity,
        "taking": _apply_taking,
        "recorded": _apply_recorded,
        "taken": _apply_taken,
        "gone": _apply_gone,
        "former": _apply_former,
        "settled": _apply_settled,
    }
    """What each step does, by the first key of its line."""

    def _end_taking(self) -> None:
        self.pending = {}
        self.mark = None


# A file that is damaged, or was edited, must be found out when it is read, not in the middle of the work.


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError("expected a number")
    return value


def _numbers(value: object) -> Counter[str]:
    return Counter({digest: _number(number) for digest, number in cast("Mapping[str, object]", value).items()})


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("expected a text")
    return value


def _keyed(messages: Mapping[int, object]) -> Entry:
    return {str(uid): value for uid, value in messages.items()}


def _by_uid(messages: Mapping[str, T]) -> dict[int, T]:
    return {int(uid): value for uid, value in messages.items()}
