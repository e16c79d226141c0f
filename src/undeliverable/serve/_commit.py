"""Group commit: whoever comes while the disk is busy shares the next write."""

from __future__ import annotations

import asyncio
import os

from undeliverable.serve import records

__all__ = ["GroupCommit"]


class GroupCommit:
    """Appends lines to a file of records, many at a time; belongs to one event loop.

    A write is as slow as the disk, whether it holds one line or a hundred: so there is one at a time, in a thread, and
    all lines that came meanwhile go into the next.
    """

    __slots__ = ("_path", "_waiting", "_writer")

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = path
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def add(self, line: bytes) -> None:
        """Returns when the line is on the disk; raises OSError when it could not be stored."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((line, done))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        # Whoever waits may be cut off: the write goes on, and the other lines in it do not suffer.
        await asyncio.shield(done)

    async def drain(self) -> None:
        """Returns when nothing is waiting any more."""
        while self._writer is not None:
            await asyncio.wait({self._writer})

    async def _write(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await _store(self._path, batch)
        finally:
            self._writer = None


async def _store(path: str | os.PathLike[str], batch: list[tuple[bytes, asyncio.Future[None]]]) -> None:
    try:
        await asyncio.to_thread(records.append, path, [line for line, _ in batch])
    except Exception as error:  # noqa: BLE001 # whatever it is, every one of them has to be told
        for _, done in batch:
            done.set_exception(OSError(f"not stored: {error}"))
            done.exception()  # nobody may be waiting any more
    else:
        for _, done in batch:
            done.set_result(None)
