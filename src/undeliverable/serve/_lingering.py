"""The end of a connection whose client may still be sending: what comes is dropped until the client has read the answer.

A socket that is closed while octets are unread is reset by the system, and the reset takes the answer away from a client that
sends first and reads afterwards. So only the sending side is closed; what comes is read and dropped until the client closes
its side too, within bounds of time, size and number (RFC 9112 9.6).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol, cast

from undeliverable.serve._places import Places

__all__ = ["MOVING", "Connection", "Lingering", "Transport"]

MOVING: Final = 30.0
"""Seconds in which a client has to read something of an answer, or to send the rest of a body."""
_SILENCE: Final = 2.0  # seconds in which a client has to send something, or to close
_ROUNDS: Final = 15  # such times, all together
_MOST: Final = 64 << 20  # octets that are dropped


class Connection(Protocol):
    """A protocol that closes its connection itself."""

    def end(self) -> None:
        """Close the connection, at once or later."""
        ...


class Transport(asyncio.Transport):
    """A transport that leaves it to its protocol, a :class:`Connection`, what closing means.

    It does not hold the protocol, which would live until the next collection of garbage, with all headers of its requests.

    :param real: does everything else.
    """

    def __init__(self, real: asyncio.Transport) -> None:
        super().__init__()
        self.real: Final = real
        self._is_closed = False

    def close(self) -> None:
        """Close the connection in the way of its protocol."""
        if not self.is_closing():
            self._is_closed = True
            cast("Connection", self.real.get_protocol()).end()

    def is_closing(self) -> bool:
        """Return whether nothing more is to be sent."""
        return self._is_closed or self.real.is_closing()

    def write(self, data: Any) -> None:  # noqa: ANN401 # its base's types differ by the version of Python
        """Send octets, unless the connection has been closed."""
        if not self._is_closed:
            self.real.write(data)

    def abort(self) -> None:
        """Close the connection at once."""
        self.real.abort()

    def pause_reading(self) -> None:
        """Read nothing for now."""
        self.real.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        self.real.resume_reading()

    def get_write_buffer_size(self) -> int:
        """Return the number of octets that the client has not taken yet."""
        return self.real.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 # whatever the transport knows
        """Return what the transport knows of itself."""
        return self.real.get_extra_info(name, default)


class Lingering(asyncio.Protocol):
    """A connection that has sent all: it becomes the protocol of its transport.

    :param transport: the transport.
    :param places: its places bound the number; where all are taken, the one that has lingered longest is closed.
    :param lost: is called when the connection has ended.
    """

    def __init__(self, transport: asyncio.Transport, places: Places, lost: Callable[[Exception | None], None]) -> None:
        self._transport: Final = transport
        self._places: Final = places
        self._lost: Final = lost
        self._left = _MOST
        self._rounds = _ROUNDS
        self._is_sending = False  # the client, since it was last looked
        self._unsent = 0
        transport.set_protocol(self)
        places.enter(self)
        places.waits(self)
        with suppress(OSError):  # where the client has gone already
            transport.write_eof()
        transport.resume_reading()
        self._timer = self._later()

    def data_received(self, data: bytes) -> None:
        """Drop what comes."""
        self._is_sending = True
        self._left -= len(data)
        if self._left < 0:
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the owner."""
        self._timer.cancel()
        self._places.leave(self)
        self._lost(exc)

    def abort(self) -> None:
        """Close the connection at once."""
        self._transport.abort()

    def _later(self) -> asyncio.TimerHandle:
        self._unsent = self._transport.get_write_buffer_size()
        self._is_sending = False
        return asyncio.get_running_loop().call_later(MOVING if self._unsent else _SILENCE, self._check)

    def _check(self) -> None:
        """Close the connection unless its client reads, or sends and has some time left."""
        self._rounds -= 1
        is_reading = self._transport.get_write_buffer_size() < self._unsent
        if is_reading or (self._is_sending and not self._unsent and self._rounds > 0):
            self._timer = self._later()
        else:
            self.abort()
