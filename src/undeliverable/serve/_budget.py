"""A budget of octets for everything that is being received, over all sessions of a process.

Each connection has limits of its own, but a hundred connections at their limits would be gigabytes. So every session
takes what it receives from one budget, and gives it back when its message has been stored or refused. Reading a message
takes memory as well, some times its size (docs/reference/limits.md): of large messages, one is read at a time.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio

__all__ = ["Budget", "Share"]

_OCTETS: Final = 256 << 20
_LARGE: Final = 1 << 20  # octets from which messages wait for their turn


class Budget:
    """The octets that sessions may hold together; belongs to one event loop.

    :param octets: their number, 256 MiB by default.
    """

    __slots__ = ("_turn", "free")

    def __init__(self, octets: int = _OCTETS) -> None:
        self.free = octets
        self._turn: asyncio.Lock | None = None

    @contextmanager
    def share(self) -> Generator[Share, None, None]:
        """Yield the share of one message, given back at the end."""
        share = Share(self)
        try:
            yield share
        finally:
            share.give_back()

    @asynccontextmanager
    async def turn(self, size: int) -> AsyncGenerator[None, None]:
        """Wait until a message of `size` octets may be read: at once, or if it is large, after the others that are."""
        if size < _LARGE:
            yield
            return
        if self._turn is None:
            import asyncio  # not by those who only want records

            self._turn = asyncio.Lock()
        async with self._turn:
            yield


class Share:
    """What one message takes of a budget."""

    __slots__ = ("_budget", "_taken")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._taken = 0

    def take(self, octets: int) -> bool:
        """Take `octets` and return True, or return False if the budget has fewer."""
        if octets > self._budget.free:
            return False
        self._budget.free -= octets
        self._taken += octets
        return True

    def give_back(self) -> None:
        """Give back all octets taken so far."""
        self._budget.free += self._taken
        self._taken = 0
