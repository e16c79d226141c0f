"""The wish to stop, as a flag for loops and as a file that wakes whoever waits for a socket."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Sequence

__all__ = ["Stop"]


class Stop:
    """Set once, by a signal handler; every wait ends then."""

    __slots__ = ("_reader", "_writer", "is_set")

    def __init__(self) -> None:
        self.is_set = False
        self._reader, self._writer = os.pipe()

    def set(self) -> None:
        """Ask to stop."""
        if not self.is_set:
            self.is_set = True
            os.write(self._writer, b"x")

    def wait(self, seconds: float, *sockets: socket.socket) -> Sequence[object]:
        """Wait for this time, for the wish to stop, or until one of the sockets has something; return these."""
        waiting: list[int | socket.socket] = [self._reader, *sockets]
        ready, _, _ = select.select(waiting, [], [], max(seconds, 0.0))
        return [one for one in ready if one != self._reader]

    def close(self) -> None:
        """Free the file."""
        os.close(self._reader)
        os.close(self._writer)
