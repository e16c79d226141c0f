"""The processes that judge batches of replies, so that all cores work on them and nobody else waits for them.

Each is started when the first batch needs it, and ends with the server, however that ends. Where one dies, another one
gets its batch. What cannot be started, say from a zip file, is not tried again: the server judges everything itself.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import socket
import subprocess
import sys
from typing import Final

from undeliverable.serve._problems import ApiError
from undeliverable.serve._replies import Judged
from undeliverable.serve._worker import LENGTH, Job, Setup, packed

__all__ = ["Workers"]

_LOG: Final = logging.getLogger("undeliverable.serve")
_LONGEST: Final = 60.0  # seconds for a batch
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
            for _ in range(2):
                worker = self._free.pop() if self._free else await _Worker.start()
                try:
                    found = await asyncio.wait_for(worker.ask(setup, job), _LONGEST)
                except (OSError, EOFError, TimeoutError) as error:
                    await worker.end()
                    if not worker.has_answered:
                        _LOG.warning("no process for batches can be started, the server judges them itself: %r", error)
                        self._number = 0
                        return None
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

    async def close(self) -> None:
        """End all processes that have nothing to do."""
        while self._free:
            await self._free.pop().end()


class _Worker:
    """One process."""

    def __init__(
        self, process: subprocess.Popen[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.has_answered = False
        self._process = process
        self._reader = reader
        self._writer = writer
        self._knowledge: object = None

    @classmethod
    async def start(cls) -> _Worker:
        """Start a process."""
        ours, its = socket.socketpair()
        with its:
            process = subprocess.Popen(  # noqa: ASYNC220, S603 # it returns at once; of arguments of our own
                [sys.executable, "-c", _PROGRAM, str(its.fileno())],
                pass_fds=[its.fileno()],
                stdin=subprocess.DEVNULL,
            )
        reader, writer = await asyncio.open_connection(sock=ours, limit=_LIMIT)
        return cls(process, reader, writer)

    async def ask(self, setup: Setup, job: Job) -> Judged | Exception:
        """Return its answer; raise OSError or EOFError when it has died."""
        if self._knowledge is not setup.knowledge:
            self._writer.write(packed(setup))
            self._knowledge = setup.knowledge
        self._writer.write(packed(job))
        await self._writer.drain()
        (length,) = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))
        found: Judged | Exception = pickle.loads(await self._reader.readexactly(length))  # noqa: S301 # of a process that this one started
        self.has_answered = True
        return found

    async def end(self) -> None:
        """Close its socket, upon which it ends; kill it if it does not."""
        self._writer.close()
        try:
            await asyncio.to_thread(self._process.wait, _END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
