"""uvicorn, started and stopped like the mail servers of `undeliverable serve`."""

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
    """A server that installs no signal handlers: the command has its own."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class HttpServer:
    """An HTTP server at one address.

    :ivar port: the port it listens on; chosen by the system if 0 was given.
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
        """Return when connections are accepted; raise OSError when the address cannot be used."""
        family = socket.AF_INET6 if ":" in self._place[0] else socket.AF_INET
        listener = socket.create_server(self._place, family=family, backlog=_BACKLOG)
        self.port = listener.getsockname()[1]
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))
        while not self._server.started and not self._task.done():  # noqa: ASYNC110 # uvicorn offers no event to wait for
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Finish the current requests, then return; everything answered with 2xx is on disk."""
        self._server.should_exit = True
        if self._task is not None:
            with suppress(asyncio.CancelledError):
                await self._task
        await self._app.drain()
