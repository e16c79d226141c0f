"""The processes that judge batches of replies, so that all cores work on them and nobody else waits for them.

Each is started when the first batch needs it, and ends with the server, however that ends. Where one dies, another one
gets its batch. Where none can be started, the server judges the batch; if none ever could, say from a zip file, it is not tried again.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import socket
import subprocess
import sys
from typing import Any, Final

from undeliverable.serve._problems import ApiError
from undeliverable.serve._replies import Judged
from undeliverable.serve._worker import LENGTH, Job, Setup, packed

__all__ = ["Workers"]

_LOG: Final = logging.getLogger("undeliverable.serve")
_LONGEST: Final = 60.0  # seconds for a batch, and for a process to start
_END: Final = 5.0  # seconds for a process to end
_LIMIT: Final = 1 << 22
# With -m, the classes of the messages would be those of another module than here.
_PROGRAM: Final = "import sys; from undeliverable.serve._worker import main; main(sys.argv[1:])"


class Workers:
    """Some processes; belongs to one event loop.

    :param number: how many there may be; 0 for none.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._free: list[_Worker] = []
        self._has_started = False
        self._places = asyncio.Semaphore(max(1, number))

    @property
    def are_there(self) -> bool:
        """True if batches can be given to them."""
        return self._number > 0

    async def judge(self, setup: Setup, job: Job) -> Judged | None:
        """Return what a batch gives, or None if no process can be started.

        :raises ApiError: for a body that cannot be used, and for one that two processes did not survive.
        """
        async with self._places:
            for is_first in (True, False):
                worker = await self._next()
                if worker is None and is_first:
                    return None
                if worker is None:
                    break  # the batch may be what ended the process before: it must not end the server
                try:
                    found = await asyncio.wait_for(worker.ask(setup, job), _LONGEST)
                except (OSError, EOFError, TimeoutError) as error:
                    await worker.end()
                    _LOG.warning("a process for batches died, another one gets its batch: %r", error)
                except BaseException:
                    await worker.end()
                    raise
                else:
                    self._free.append(worker)
                    if isinstance(found, Exception):
                        raise found
                    return found
        raise ApiError("internal", "the batch could not be judged; the log of the server has more")

    async def _next(self) -> _Worker | None:
        """Return a process that has nothing to do, or a new one; None if it cannot be started."""
        while self._free:
            worker = self._free.pop()
            if worker.is_alive:
                return worker
            await worker.end()
        try:
            worker = await _Worker.start()
        except (OSError, EOFError, TimeoutError) as error:
            _LOG.warning("no process for batches can be started, the server judges them itself: %r", error)
            if not self._has_started:
                self._number = 0
            return None
        self._has_started = True
        return worker

    async def close(self) -> None:
        """End all processes that have nothing to do."""
        while self._free:
            await self._free.pop().end()


class _Worker:
    """One process."""

    def __init__(
        self, process: subprocess.Popen[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._knowledge: object = None

    @classmethod
    async def start(cls) -> _Worker:
        """Return a process that can be given batches.

        :raises OSError, EOFError, TimeoutError: when none can be started.
        """
        ours, its = socket.socketpair()
        with its:
            process = subprocess.Popen(  # noqa: ASYNC220, S603 # it returns at once; of arguments of our own
                [sys.executable, "-c", _PROGRAM, str(its.fileno())],
                pass_fds=[its.fileno()],
                stdin=subprocess.DEVNULL,
            )
        reader, writer = await asyncio.open_connection(sock=ours, limit=_LIMIT)
        worker = cls(process, reader, writer)
        try:
            await asyncio.wait_for(worker._read(), _LONGEST)
        except BaseException:
            await worker.end()
            raise
        return worker

    @property
    def is_alive(self) -> bool:
        """True if the process has not ended."""
        return self._process.poll() is None

    async def ask(self, setup: Setup, job: Job) -> Judged | Exception:
        """Return its answer; raise OSError or EOFError when it has died."""
        if self._knowledge is not setup.knowledge:
            self._writer.write(packed(setup))
            self._knowledge = setup.knowledge
        self._writer.write(packed(job))
        await self._writer.drain()
        found: Judged | Exception = await self._read()
        return found

    async def _read(self) -> Any:  # noqa: ANN401 # a message
        (length,) = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))
        return pickle.loads(await self._reader.readexactly(length))  # noqa: S301 # of a process that this one started

    async def end(self) -> None:
        """Close its socket, upon which it ends; kill it if it does not."""
        self._writer.close()
        try:
            await asyncio.to_thread(self._process.wait, _END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
