"""`undeliverable serve` as a process of its own, and its HTTP server in this one, for tests that need real connections."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from undeliverable.serve._http_server import HttpServer

_LISTENING = re.compile(r"^undeliverable: listening on (\S+), (?:LMTP|SMTP|HTTP|socketmap): ")


def place_in(line: str) -> str | None:
    """Return where a line says that the server listens, None for another line."""
    found = _LISTENING.match(line)
    return None if found is None else found[1]


def port_said(stream: IO[str]) -> int:
    """Return the port that the next place of a server has, and read the lines before it."""
    while line := stream.readline():
        place = place_in(line)
        if place is not None:
            return int(place.rpartition(":")[2])
    raise AssertionError("the server listens nowhere")


class Server:
    """A server that runs.

    :ivar ports: the ports in the order of the options that ask for them.
    :ivar said: what it printed until it listened.
    """

    def __init__(self, process: subprocess.Popen[str], ports: list[int], said: list[str]) -> None:
        self.process = process
        self.ports = ports
        self.said = said

    def peak(self) -> int:
        """Return the most memory that it has had, in octets."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def serving(*options: object, listening: int = 1) -> Iterator[Server]:
    """Yield a server with these options, once it says of so many addresses that it listens there."""
    command = [sys.executable, "-m", "undeliverable", "serve", *map(str, options)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        lines: list[str] = []
        found: list[str] = []
        while len(found) < listening:
            lines.append(process.stderr.readline())
            assert lines[-1], lines
            place = place_in(lines[-1])
            found += [] if place is None else [place]
        ports = [int(place.rpartition(":")[2]) for place in found if not place.startswith("unix:")]
        yield Server(process, ports, lines)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def answer_to(port: int, *octets: bytes, ends: bool = False) -> bytes:
    """Return all that a server answers to a client that sends everything before it reads.

    :param octets: what it sends, one after the other.
    :param ends: whether it then says that it will send no more.
    """
    with socket.create_connection(("127.0.0.1", port), 60) as client:
        for block in octets:
            client.sendall(block)
        if ends:
            client.shutdown(socket.SHUT_WR)
        received = b""
        while block := client.recv(1 << 16):
            received += block
        return received


def statuses(answers: bytes) -> list[int]:
    """Return the statuses of answers that stand one behind the other."""
    return [int(part[:3]) for part in answers.split(b"HTTP/1.1 ")[1:]]


@contextmanager
def in_thread(app: Any, *, connections: int = 100) -> Iterator[HttpServer]:
    """Yield an HTTP server that runs in a thread, so that many tests can ask it."""
    ready, servers = threading.Event(), list[Any]()

    async def talk(server: HttpServer) -> None:
        servers.append(server)
        ready.set()
        await asyncio.to_thread(done.wait)

    done = threading.Event()
    thread = threading.Thread(target=with_server, args=(app, talk), kwargs={"connections": connections})
    thread.start()
    try:
        assert ready.wait(60)
        yield servers[0]
    finally:
        done.set()
        thread.join()


def with_server(app: Any, talk: object, *, connections: int = 10) -> None:
    from undeliverable.serve._http_server import HttpServer  # not for those who only start a process

    async def both() -> None:
        server = HttpServer(app, host="127.0.0.1", port=0, connections=connections)
        await server.start()
        try:
            await talk(server)  # type: ignore[operator]
        finally:
            await server.stop()

    asyncio.run(both())


class Echo:
    """An application that answers with what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(scope["path"])
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        names = sorted(name.decode() for name, _ in scope["headers"])
        answer = json.dumps([scope["path"], body.decode(), names]).encode()
        headers = [(b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def drain(self) -> None:
        pass


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        client.settimeout(60)
        client.connect(("127.0.0.1", port))
        yield client
