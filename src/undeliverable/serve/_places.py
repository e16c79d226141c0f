"""The places for connections of a server: where all are taken, the one that has only waited longest makes room."""

from __future__ import annotations

from typing import Final, Protocol

__all__ = ["Places", "Waiting"]


class Waiting(Protocol):
    """A connection that can be closed while it waits for its client."""

    def abort(self) -> None:
        """Close the connection at once."""
        ...


class Places:
    """The connections of a server.

    Clients that send nothing, or half a request, would otherwise keep everybody else out.

    :param most: how many places there are.
    """

    def __init__(self, most: int) -> None:
        self._most: Final = most
        self._all: set[Waiting] = set()
        self._waiting: dict[Waiting, None] = {}  # in the order in which they began to wait

    def enter(self, connection: Waiting) -> bool:
        """Return True if there is a place for a new connection, perhaps that of one that only waits."""
        if len(self._all) >= self._most:
            oldest = next(iter(self._waiting), None)
            if oldest is None:
                return False
            self.leave(oldest)
            oldest.abort()
        self._all.add(connection)
        return True

    def leave(self, connection: Waiting) -> None:
        """Give up the place of a connection that has ended."""
        self._all.discard(connection)
        self._waiting.pop(connection, None)

    def waits(self, connection: Waiting) -> None:
        """Note that a connection waits for its client, unless it already does."""
        if connection in self._all:
            self._waiting.setdefault(connection)

    def works(self, connection: Waiting) -> None:
        """Note that a client waits for the connection."""
        self._waiting.pop(connection, None)
