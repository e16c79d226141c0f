"""Answer a mail server, before it accepts a recipient, whether the list stops mail to it.

Two protocols on one address: that of socketmap_table(5), whose requests are netstrings, for Postfix; and lines of text
for Exim's ``${readsocket}``, each ``lookup ADDRESS``. Neither knows who asks, so the server listens on a loopback address
or a socket file only.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from undeliverable.serve._look_ups import IfUnreadable, LookUps
from undeliverable.serve._places import Places

__all__ = ["IfUnreadable", "LookUps", "SocketmapServer"]

_LONGEST: Final = 1000  # octets of a request; an address has 320 at most (RFC 5321 4.5.3.1)
_KEPT: Final = 1 << 14  # octets of further requests that a client may send before it has its answer
_LENGTH: Final = re.compile(rb"(\d{1,4}):")  # https://cr.yp.to/proto/netstrings.txt
_WORD: Final = "lookup"
_UNKNOWN: Final = "PERM expected: lookup ADDRESS"
_IDLE: Final = 110.0  # seconds; Postfix keeps a connection for 100 at most
_CONNECTIONS: Final = 500
_BACKLOG: Final = 512
_UMASK: Final = 0o117  # so that the socket file has the mode 0660


class SocketmapServer:
    """A listening server; belongs to one event loop.

    :param look_ups: gives the answers; closed with the server.
    :param place: a pair of host and port, or the path of a socket file.
    :param connections: number of simultaneous clients; where there are more, those that wait longest are closed.
    :ivar port: the port it listens on, chosen by the system if 0 was given; for a socket file ``unix:`` and its path.
    """

    def __init__(self, look_ups: LookUps, place: tuple[str, int] | str, *, connections: int = _CONNECTIONS) -> None:
        self.look_ups: Final = look_ups
        self.places: Final = Places(connections)
        self.connections: Final[set[_Connection]] = set()
        self._place = place
        self._server: asyncio.Server | None = None
        self.port: int | str = f"unix:{place}" if isinstance(place, str) else place[1]

    async def start(self) -> None:
        """Start to listen; raise OSError when the address cannot be used."""
        loop = asyncio.get_running_loop()
        if isinstance(self._place, str):
            _clear(self._place)
            with _mask():
                self._server = await loop.create_unix_server(self._protocol, self._place, backlog=_BACKLOG)
        else:
            host, port = self._place
            self._server = await loop.create_server(self._protocol, host, port, backlog=_BACKLOG)
            self.port = int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close all connections; mail servers connect again, or ask another."""
        if self._server is not None:
            self._server.close()
            if isinstance(self._place, str):
                _remove(self._place)
        for connection in tuple(self.connections):
            connection.abort()
        await asyncio.to_thread(self.look_ups.close)

    def _protocol(self) -> asyncio.BaseProtocol:
        return _Connection(self)


class _Connection(asyncio.Protocol):
    """One connection: answers its requests one after the other, as fast as the client reads."""

    def __init__(self, server: SocketmapServer) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._is_asking = False  # an answer is being looked up
        self._is_full = False  # the client does not read its answers
        self._has_ended = False  # the client sends no more
        self._active = self._loop.time()
        self._timer = self._loop.call_later(_IDLE, self._check_time)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.connections.add(self)
        if self._server.places.enter(self):
            self._server.places.waits(self)
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 # its base names it
        self._timer.cancel()
        self._server.connections.discard(self)
        self._server.places.leave(self)

    def data_received(self, data: bytes) -> None:
        self._active = self._loop.time()
        self._buffer += data
        self._proceed()
        if len(self._buffer) > _KEPT:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        self._has_ended = True
        self._proceed()
        return True  # the answer can still be sent

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._proceed()

    def abort(self) -> None:
        """Close the connection at once."""
        self._transport.abort()

    def _check_time(self) -> None:
        left = self._active + _IDLE - self._loop.time()
        if left <= 0:
            self.abort()
        else:
            self._timer = self._loop.call_later(left, self._check_time)

    def _proceed(self) -> None:
        """Answer requests until one has to be looked up, the client has to read first, or no more are there."""
        while not (self._is_asking or self._is_full or self._transport.is_closing()) and self._take_next():
            pass
        if len(self._buffer) <= _KEPT:
            self._transport.resume_reading()

    def _take_next(self) -> bool:
        """Take the next request; return False if there is none."""
        try:
            request = _next_request(self._buffer, has_ended=self._has_ended)
        except ValueError:
            self._transport.close()  # another protocol: nothing can be said in it
            return False
        if request is not None:
            self._ask(request)
        elif self._has_ended:
            self._transport.close()
        return request is not None

    def _ask(self, request: _Request) -> None:
        if request.key is None:
            self._write(request, _UNKNOWN)
            return

        def then(answer: str) -> None:
            self._is_asking = False
            self._server.places.waits(self)
            self._write(request, answer)
            self._proceed()

        answer = self._server.look_ups.ask(request.key, then)
        if answer is None:
            self._is_asking = True
            self._server.places.works(self)
        else:
            self._write(request, answer)

    def _write(self, request: _Request, answer: str) -> None:
        if self._transport.is_closing():
            return
        octets = answer.encode()
        self._active = self._loop.time()
        self._transport.write(b"%d:%b," % (len(octets), octets) if request.is_netstring else octets + b"\n")
        if not request.is_netstring:
            self._transport.close()  # Exim reads to the end


class _Request(NamedTuple):
    """One request; the key is None if it asks for nothing that is known."""

    key: str | None
    is_netstring: bool


def _next_request(buffer: bytearray, *, has_ended: bool) -> _Request | None:
    """Take the next request out of the buffer: a netstring of map name and key, or a line; None if it is not complete.

    :param has_ended: whether no more octets will come; then a line needs no end.
    :raises ValueError: for what is neither, or too long.
    """
    if not buffer:
        return None
    if not buffer[:1].isdigit():
        return _next_line(buffer, has_ended=has_ended)
    length = _LENGTH.match(buffer)
    if length is None:
        if len(buffer) > len(str(_LONGEST)) or not buffer.isdigit():
            raise ValueError("not a netstring")
        return None
    start, size = length.end(), int(length[1])
    if size > _LONGEST:
        raise ValueError("too long")
    if len(buffer) <= start + size:
        return None
    if buffer[start + size] != ord(","):
        raise ValueError("a netstring ends with a comma")
    key = _text(buffer[start : start + size]).partition(" ")[2]
    del buffer[: start + size + 1]
    return _Request(key, is_netstring=True)


def _next_line(buffer: bytearray, *, has_ended: bool) -> _Request | None:
    end = buffer.find(b"\n", 0, _LONGEST)
    if end < 0 and len(buffer) >= _LONGEST:
        raise ValueError("too long")
    if end < 0 and not has_ended:
        return None
    word, _, key = _text(buffer if end < 0 else buffer[:end]).strip().partition(" ")
    del buffer[: len(buffer) if end < 0 else end + 1]
    return _Request(key if word == _WORD else None, is_netstring=False)


def _text(octets: bytearray) -> str:
    return octets.decode("utf-8", "surrogateescape")


def _clear(path: str) -> None:
    """Remove the socket file of a server that is no more; raise OSError if one listens there."""
    if not Path(path).is_socket():
        return
    with socket.socket(socket.AF_UNIX) as probe, suppress(ConnectionRefusedError):
        probe.connect(path)
        raise OSError(f"{path}: another server listens there")
    _remove(path)


def _remove(path: str) -> None:
    Path(path).unlink(missing_ok=True)


@contextmanager
def _mask() -> Generator[None, None, None]:
    """Let a socket file be made with its mode, so that it never has another."""
    before = os.umask(_UMASK)
    try:
        yield
    finally:
        os.umask(before)
