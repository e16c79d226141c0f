"""Remote servers that refuse as they are told: one address for each script, on loopback."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Self

OK = "250 2.0.0 OK"
GREETING = "220 remote.example ESMTP"
HELLO = "250-remote.example\r\n250 8BITMIME"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Script:
    """What one remote server answers; a command that is not named is answered with OK.

    `rcpt` is asked for by the local part of the recipient. Octets that are no UTF-8 are surrogate escapes.
    """

    replies: Mapping[str, str] = field(default_factory=dict)
    rcpt: Mapping[str, str] = field(default_factory=dict)

    def answer(self, line: str) -> str:
        command = (line.replace(":", " ").upper().split(maxsplit=1) or ["NOOP"])[0]
        if command == "RCPT":
            return self.rcpt.get(line.partition("<")[2].partition("@")[0], OK)
        defaults = {"EHLO": HELLO, "DATA": "354 go on", "QUIT": "221 2.0.0 bye"}
        return self.replies.get(command, defaults.get(command, OK))


def octets(reply: str) -> bytes:
    return reply.encode("utf-8", "surrogateescape") + b"\r\n"


class Remotes:
    """A thread with a server for each script; a context manager that gives their addresses and their port.

    They share one port, for Sendmail knows a single one for all hosts.
    """

    def __init__(self, scripts: Mapping[str, Script]) -> None:
        self._scripts = scripts
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.places = {domain: f"127.0.{1 + number // 250}.{1 + number % 250}" for number, domain in enumerate(scripts)}
        self.port = free_port()
        self.accepted: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        servers: list[asyncio.Server] = []
        for domain, script in self._scripts.items():
            talk = partial(self._talk, script)
            servers.append(await asyncio.start_server(talk, self.places[domain], self.port, limit=1 << 20))
        self._ready.set()
        await self._stop.wait()
        for server in servers:
            server.close()

    async def _talk(self, script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reply = script.replies.get("CONNECT", GREETING)
        try:
            while True:
                writer.write(octets(reply))
                await writer.drain()
                line = (await reader.readline()).decode("latin-1")
                if not line:
                    break
                reply = script.answer(line)
                if reply.startswith("354"):
                    writer.write(octets(reply))
                    self.accepted.append((await reader.readuntil(b"\r\n.\r\n")).decode("latin-1"))
                    reply = script.replies.get("END", OK)
                elif reply.startswith("221"):
                    writer.write(octets(reply))
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
