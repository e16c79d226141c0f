"""uvicorn, started and stopped like the other sinks of `undeliverable serve`."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Final

import uvicorn

from undeliverable.serve.http import Webhooks

__all__ = ["HttpServer"]

_BACKLOG: Final = 128


class _Server(uvicorn.Server):
    """A server that leaves the signals to whoever started it."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class HttpServer:
    """Listens at one address.

    :ivar port: where it listens; chosen by the system if it was 0.
    """

    def __init__(self, app: Webhooks, *, host: str, port: int, connections: int) -> None:
        self._app = app
        self._place = (host, port)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            limit_concurrency=connections,
            timeout_graceful_shutdown=30,
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None
        self.port = port

    async def start(self) -> None:
        """Returns when connections are taken; raises OSError when the address cannot be had."""
        family = socket.AF_INET6 if ":" in self._place[0] else socket.AF_INET
        listener = socket.create_server(self._place, family=family, backlog=_BACKLOG)
        self.port = listener.getsockname()[1]
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))
        while not self._server.started and not self._task.done():  # noqa: ASYNC110 # uvicorn has no event for it
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Ends what is going on, then returns; what was answered with 2xx is on the disk."""
        self._server.should_exit = True
        if self._task is not None:
            with suppress(asyncio.CancelledError):
                await self._task
        await self._app.drain()
