"""Group commit: lines that arrive while the disk is busy share the next write."""

from __future__ import annotations

import asyncio
import os

from undeliverable.serve import records

__all__ = ["GroupCommit"]


class GroupCommit:
    """An appender of lines to a file of records, many at a time; belongs to one event loop.

    A write takes as long for a hundred lines as for one, because it waits for the disk. So there is one write at a time,
    in a thread, and all lines that arrive meanwhile go into the next.
    """

    __slots__ = ("_path", "_waiting", "_writer")

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = path
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def add(self, line: bytes) -> None:
        """Return when the line is on disk; raise OSError when it could not be stored."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((line, done))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        # A cancelled caller must not cancel the write, which holds the lines of others too.
        await asyncio.shield(done)

    async def drain(self) -> None:
        """Return when no line is waiting any more."""
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
    except Exception as error:  # noqa: BLE001 # every waiting caller must get the error
        for _, done in batch:
            done.set_exception(OSError(f"not stored: {error}"))
            done.exception()  # mark it as retrieved: its caller may be gone
    else:
        for _, done in batch:
            done.set_result(None)
