"""What a reader asks of a connection: few commands, each with two ways to fail.

A :class:`~undeliverable.mailbox.RefusedError` leaves the connection as it was; after a
:class:`~undeliverable.mailbox.DroppedError` it is of no use any more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Protocol

from undeliverable.mailbox._stop import Stop

__all__ = ["Mail", "Session"]


@dataclass(frozen=True)
class Mail:
    """A message as it lies in the mailbox.

    :ivar uid: its UID, which names it in this mailbox as long as the UIDVALIDITY stays.
    :ivar raw: its octets, or the first of them where it is too long.
    :ivar size: the number of its octets, as the server says.
    :ivar received: when the server received it (INTERNALDATE).
    :ivar source: its URL.
    """

    uid: int
    raw: bytes
    size: int
    received: datetime
    source: str

    @cached_property
    def digest(self) -> str:
        """What identifies the message when its UID does not."""
        return hashlib.sha256(b"%d\n%b" % (self.size, self.raw)).hexdigest()[:32]


class Session(Protocol):
    """A connection to one mailbox, which is selected."""

    @property
    def validity(self) -> int:
        """The UIDVALIDITY."""
        ...

    def search(self, first: int) -> list[int]:
        """Return the UIDs of the messages from `first` on, ascending; without those that are marked as deleted."""
        ...

    def sizes(self, uids: Sequence[int]) -> Mapping[int, int]:
        """Return the sizes of messages; those that have left the mailbox are missing."""
        ...

    def fetch(self, uids: Sequence[int], most: int) -> Sequence[Mail]:
        """Return messages without marking them as seen, of each not more than `most` octets."""
        ...

    def move(self, uids: Sequence[int], folder: str) -> None:
        """Move messages into a folder, which is made if it is missing; its levels are separated by slashes."""
        ...

    def wait(self, stop: Stop) -> None:
        """Return when there may be new messages, after some time in any case, or when it is to stop."""
        ...

    def close(self) -> None:
        """End the connection; never raises."""
        ...
