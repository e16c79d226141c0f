"""Group commit: what arrives while the disk is busy shares the next write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from undeliverable import UndeliverableError

__all__ = ["GroupCommit"]

T = TypeVar("T")
R = TypeVar("R")


class GroupCommit(Generic[T, R]):
    """A writer of many items at a time; belongs to one event loop.

    A write takes as long for a hundred items as for one, because it waits for the disk. So there is one write at a time,
    in a thread, and all items that arrive meanwhile go into the next.

    :param store: returns when the items are on disk, or raises; what it returns, everybody gets whose items it stored.
    """

    __slots__ = ("_store", "_waiting", "_writer")

    def __init__(self, store: Callable[[Sequence[T]], R]) -> None:
        self._store = store
        self._waiting: list[tuple[tuple[T, ...], asyncio.Future[R | None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def add(self, *items: T) -> R | None:
        """Return when the items are on disk; raise OSError when they could not be stored.

        The result is that of `store`, also about items of others; None without items.
        """
        if not items:
            return None
        done: asyncio.Future[R | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((items, done))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        # A cancelled caller must not cancel the write, which holds the items of others too.
        return await asyncio.shield(done)

    async def drain(self) -> None:
        """Return when no item is waiting any more."""
        while self._writer is not None:
            await asyncio.wait({self._writer})

    async def _write(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._store_all(batch)
        finally:
            self._writer = None

    async def _store_all(self, batch: list[tuple[tuple[T, ...], asyncio.Future[R | None]]]) -> None:
        try:
            result = await asyncio.to_thread(self._store, [item for items, _ in batch for item in items])
        except Exception as error:  # noqa: BLE001 # every waiting caller must get the error
            if len(batch) > 1 and not isinstance(error, OSError | UndeliverableError):
                for one in batch:  # one of them cannot be stored: no reason to refuse those of others
                    await self._store_all([one])
                return
            for _, done in batch:
                failure = OSError(f"not stored: {error}")
                failure.__cause__ = error
                done.set_exception(failure)
                done.exception()  # mark it as retrieved: its caller may be gone
        else:
            for _, done in batch:
                done.set_result(result)
