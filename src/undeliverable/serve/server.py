"""An LMTP or SMTP server on `aiosmtpd` that receives bounces, and that no client can block.

It accepts mail for the recipients of its :class:`~undeliverable.serve.BounceHandler` and sends none. Size, number and
duration of connections are limited, and so are the octets of all messages in transfer. Messages are read in large blocks
instead of aiosmtpd's line by line, since returned messages may have lines of any length. Needs the extra ``lmtp``.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Final

from undeliverable.errors import missing_extra
from undeliverable.serve._budget import Budget, Share
from undeliverable.serve._handler import BounceHandler
from undeliverable.serve._incoming import NO_ROOM, Incoming

try:
    from aiosmtpd.lmtp import LMTP
    from aiosmtpd.smtp import SMTP, Envelope
except ModuleNotFoundError as error:
    raise missing_extra(error, __name__) from None

__all__ = ["Limits", "Sink"]

# RFC 5321 4.1.2: a path of a dot-string and a domain, or the null path; then parameters
_PATH: Final = re.compile(r"<([A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+)?>((?: .*)?)", re.ASCII)
_EVERYTHING: Final = 1 << 30  # octets; more than the stream buffer ever holds
_BUSY: Final = b"421 4.3.2 too many connections\r\n"
_CLOSING: Final = "421 4.3.2 closing down"
# Limits per session. A client that repeats commands which move no mail has no bounce to deliver.
_CALLS: Final = {"*": 1_000_000, "NOOP": 100, "VRFY": 20, "HELP": 20, "EXPN": 20, "LHLO": 20, "EHLO": 20, "HELO": 20}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits for clients.

    :ivar size: octets of one message, announced by the SIZE extension (RFC 1870); larger ones get a 552.
    :ivar connections: number of simultaneous clients; the next one gets a 421.
    :ivar command: seconds to wait for the next command, or for the end of a message.
    :ivar session: seconds that one connection may last.
    :ivar stop: seconds that messages in transfer get when the server stops.
    """

    size: int = 64 << 20
    connections: int = 100
    command: float = 60.0
    session: float = 1800.0
    stop: float = 10.0


class Sink:
    """A listening server; belongs to one event loop.

    :param handler: accepts and records the messages.
    :param lmtp: True for LMTP (RFC 2033), with one reply per accepted recipient; False for SMTP.
    :param budget: the octets that all messages in transfer may take together; give several servers the same one. A
        message for which there is no room gets a 452.
    """

    def __init__(
        self,
        handler: BounceHandler,
        *,
        lmtp: bool = True,
        host: str = "127.0.0.1",
        port: int = 0,
        hostname: str = "localhost",
        limits: Limits | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.handler: Final = handler
        self.hostname: Final = hostname
        self.limits: Final = limits or Limits()
        self.budget: Final = budget or Budget()
        self.sessions: Final[set[_Session]] = set()
        self.stopping = False
        self._session = _LmtpSession if lmtp else _Session
        self._address = (host, port)
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port that the server listens on; chosen by the system if 0 was given."""
        if self._server is None or not self._server.sockets:
            return self._address[1]
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Start to listen; raise OSError when the address cannot be used."""
        host, port = self._address
        self._server = await asyncio.get_running_loop().create_server(self._protocol, host, port)

    async def stop(self) -> None:
        """Stop: refuse new connections, finish messages in transfer, and close all other connections with 421."""
        self.stopping = True
        if self._server is not None:
            self._server.close()
        for session in tuple(self.sessions):
            session.dismiss()
        ended = [session.ended for session in self.sessions]
        if ended:
            await asyncio.wait(ended, timeout=self.limits.stop)
        for session in tuple(self.sessions):
            session.cut()
        await self.handler.drain()

    def _protocol(self) -> asyncio.BaseProtocol:
        if self.stopping or len(self.sessions) >= self.limits.connections:
            return _Dismissal()
        return self._session(self)


class _Dismissal(asyncio.Protocol):
    """A connection over the limit: answered with 421 and closed."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(_BUSY)
        transport.close()


class _Session(SMTP):
    """One connection."""

    line_length_limit = 1 << 16  # half of what a connection buffers; the lines of a message are not limited

    def __init__(self, sink: Sink) -> None:
        super().__init__(
            sink.handler,
            data_size_limit=sink.limits.size,
            enable_SMTPUTF8=True,
            hostname=sink.hostname,
            ident="undeliverable",
            timeout=sink.limits.command,
            command_call_limit=_CALLS,
            loop=asyncio.get_running_loop(),
        )
        self.ended: Final = self.loop.create_future()
        self._sink = sink
        self._receiving = False
        self._deadline = self.loop.call_later(sink.limits.session, self.cut)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._sink.sessions.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._deadline.cancel()
        self._sink.sessions.discard(self)
        self.ended.set_result(None)
        super().connection_lost(error)

    def cut(self) -> None:
        """Close the connection at once, even if the client has not read everything."""
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()

    def dismiss(self) -> None:
        """Close the connection with 421, or leave it open until a message in transfer is complete (RFC 5321 3.8)."""
        if not self._receiving and isinstance(self.transport, asyncio.WriteTransport):
            self.transport.write(_CLOSING.encode("ascii") + b"\r\n")
            self.transport.close()

    def _timeout_cb(self) -> None:
        self.cut()

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        # The form that nearly all clients send; fifty times as fast as the parser of the email package.
        plain = _PATH.fullmatch(arg)
        return (plain[1] or "<>", plain[2]) if plain else super()._getaddr(arg)

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 # aiosmtpd's name
        """Handle DATA (RFC 5321 4.1.1.4); aiosmtpd's own method reads line by line and refuses long lines."""
        envelope = self.envelope
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
        elif envelope is None or not envelope.rcpt_tos:
            await self.push("503 5.5.1 no valid recipients")  # also before EHLO, when there are none
        else:
            self._receiving = True
            try:
                await self._take(envelope)
            finally:
                self._receiving = False
            if self._sink.stopping:
                self.dismiss()

    async def _take(self, envelope: Envelope) -> None:
        if _announced(envelope) > self._sink.budget.free:
            await self.push(NO_ROOM)
        else:
            with self._sink.budget.share() as share:
                await self.push("354 end with <CRLF>.<CRLF>")
                status = await self._handled(envelope, await self._incoming(share))
                envelope.original_content = envelope.content = None
            await self.push("\r\n".join([status] * self._replies_to(envelope)))
        self.envelope = self._create_envelope()

    async def _incoming(self, share: Share) -> Incoming:
        incoming = Incoming(self._sink.limits.size, share)
        rest = None
        while rest is None:
            rest = incoming.feed(await self._reader.read(_EVERYTHING))
        # The rest is the next command (RFC 2920 3.1). It goes back into the reader, which is empty.
        self._reader.feed_data(rest)
        return incoming

    async def _handled(self, envelope: Envelope, incoming: Incoming) -> str:
        if incoming.refusal is not None:
            return incoming.refusal
        content = incoming.content()
        async with self._sink.budget.turn(len(content)):
            envelope.original_content = envelope.content = content
            return await self._sink.handler.handle_DATA(self, self.session, envelope)

    def _replies_to(self, _envelope: Envelope) -> int:
        return 1


class _LmtpSession(_Session, LMTP):
    """One LMTP connection: after the message there is a reply for each recipient (RFC 2033 4.2)."""

    def _replies_to(self, envelope: Envelope) -> int:
        return len(envelope.rcpt_tos)


def _announced(envelope: Envelope) -> int:
    """Return the size that MAIL announced (RFC 1870 6), or 0; aiosmtpd has refused what is no number."""
    sizes = [option[5:] for option in envelope.mail_options if option.upper().startswith("SIZE=")]
    return int(sizes[0][:20]) if sizes and sizes[0].isdecimal() else 0
