"""uvicorn, started and stopped like the mail servers of `undeliverable serve`, and with deadlines for clients.

uvicorn waits for ever for the rest of a request, or for a client to read an answer, and counts such connections like busy
ones, so that a few hundred clients that send half a header would keep everybody else out. Here a header has to be complete
in time, and answers have to be read. Where there are too many connections, the one that has waited longest for its client
makes room for the new one. Of a client that asks without end no more is read than one request that waits for its turn; what is
no request is refused after the answers before it; a wish to upgrade is ignored, and a half-closed client is answered. A client
that may still be sending when its connection ends gets time to read the answer.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any, Final, Protocol

from undeliverable.errors import missing_extra
from undeliverable.serve import _heads, _lingering
from undeliverable.serve._places import Places
from undeliverable.serve._problems import ApiError, too_busy

try:
    import httptools
    import uvicorn
    from uvicorn.protocols.http.flow_control import FlowControl
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
except ModuleNotFoundError as error:
    raise missing_extra(error, "undeliverable.serve.http") from None

__all__ = ["HttpServer"]

_LOG: Final = logging.getLogger("undeliverable.serve")
_BACKLOG: Final = 128  # connections that wait to be accepted, and that asyncio accepts at once
_HEADER: Final = 10.0  # seconds for a request's header
_LARGEST: Final = 1 << 16  # octets of a header, of trailers, and of what stands between the chunks of a body
_PIECE: Final = 1 << 13  # octets that are parsed before it is looked whether a request waits for its turn


class App(Protocol):
    """An ASGI application that can be drained."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...  # noqa: ANN401 # as ASGI has them
    async def drain(self) -> None: ...


class _Config(uvicorn.Config):
    """The configuration, through which connections know of each other."""

    def __init__(self, app: App, connections: int) -> None:
        super().__init__(
            app,
            http=_Connection,
            ws="none",
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=30,
            backlog=_BACKLOG,
        )
        self.places: Final = Places(connections)
        self.lingering: Final = Places(connections)


class _Flow(FlowControl):
    """Reads nothing while a request waits for its turn, whatever an application asks for.

    uvicorn goes on reading after each answer, and a client that never stops asking fills the memory.
    """

    def __init__(self, transport: asyncio.Transport, waiting: deque[Any]) -> None:
        super().__init__(transport)
        self._requests: Final = waiting

    def resume_reading(self) -> None:
        if not self._requests:
            super().resume_reading()


class _Connection(HttpToolsProtocol):
    """One connection: it waits for a header, reads a body, has requests answered, or is refused and only closed."""

    def __init__(self, config: uvicorn.Config, **more: Any) -> None:  # noqa: ANN401 # uvicorn's own
        super().__init__(config, **more)
        assert isinstance(config, _Config)
        self._places = config.places
        self._lingering = config.lingering
        self._deadline: asyncio.TimerHandle | None = None
        self._unsent = 0  # octets of answers, when the deadline was set
        self._octets = 0  # that were received since the last header or piece of a body ended
        self.url = b""
        self._unread = b""  # what is parsed when no request waits for its turn
        self._is_in_header = self._is_in_body = False
        self._is_over = False  # the client has said all
        self._is_lingering = False  # all has been said to the client, which may still be sending
        self._refusal = b""  # of what came last; it is sent when the requests before it are answered

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._real = transport
        super().connection_made(_lingering.Transport(transport))
        self.flow = _Flow(self.transport, self.pipeline)
        if self._places.enter(self):
            self._follow()
        else:
            self._refuse(too_busy("there are too many connections"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._places.leave(self)
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not (self._refusal or self.transport.is_closing()):
            self._unread += data
            self._read()
            self._follow()

    def eof_received(self) -> bool:  # type: ignore[override] # uvicorn closes, and the answer is lost
        """Return whether there is something to answer: a client that has said all may still read."""
        if not self._unread and (self._is_answered() or self.cycle.more_body):
            return False
        self._is_over = True
        self._read()
        return True

    def _read(self) -> None:
        """Have octets parsed until a request waits for its turn."""
        unread, at = self._unread, 0
        while at < len(unread) and not (self.pipeline or self._refusal or self.transport.is_closing()):
            piece = unread[at : at + _PIECE]
            at += _PIECE
            self._octets += len(piece)
            self._unset_keepalive_if_required()
            is_new = not (self._is_in_header or self._is_in_body)
            try:
                self._feed(piece)
            except httptools.HttpParserError as error:
                # Where another message has ended in this piece, it is not known where this one began.
                self._refuse(_refusal_of(error, piece if is_new and self._octets else b""))
            else:
                if self._octets > _LARGEST:
                    self._refuse(_heads.too_large(self.url if self._is_in_header else None, _LARGEST))
        self._unread = unread[at:]
        if self._is_over and not self._unread:
            self.cycle.keep_alive = False  # the last request

    def _refuse(self, error: ApiError) -> None:
        """Answer what is no HTTP, in its turn, and read nothing more."""
        is_known = (self._is_in_header or self._is_in_body) and self.url
        is_head = bool(is_known) and self.parser.get_method() == b"HEAD"
        self._refusal = _heads.response(error, self.server_state.default_headers, is_head=is_head)
        if self._is_in_body and self.pipeline:
            self.pipeline.popleft()  # the request whose body it is; there is one before it
        elif self._is_in_body and self.cycle.response_started:
            self.transport.close()  # it has its answer
        elif self._is_in_body or self._is_answered():
            self._send_refusal()

    def _is_answered(self) -> bool:
        """Return whether the last request is."""
        return getattr(self.cycle, "response_complete", True)  # there is none before the first

    def _feed(self, data: bytes) -> None:
        """Have octets parsed, those of a request to upgrade too.

        No other protocol is offered. llhttp takes the body of such a request for octets of that protocol, and it would be
        lost, or be taken for a request that no proxy has seen: so the header is read again, without the wish.
        """
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as stopped:
                fields = [b"%b: %b" % field for field in self.headers if field[0] != b"upgrade"]
                line = b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
                data = b"\r\n".join([line, *fields, b"", data[stopped.args[0] :]])
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
            else:
                return

    # --- httptools' side: the names are its own -----------------------------------------------------------------------

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_header = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_in_header:  # the fields behind a body are no part of the header (RFC 9110 6.5.1)
            super().on_header(name, value.rstrip(b" \t"))  # which llhttp leaves (RFC 9112 5.1)

    def on_headers_complete(self) -> None:
        version = self.parser.get_http_version()
        self.url, self.headers = _heads.checked(self.parser.get_method(), self.url, version, self.headers)
        self.scope["headers"] = self.headers
        self._octets, self._is_in_header = 0, False
        if not self.parser.should_upgrade():
            self.expect_100_continue = self.expect_100_continue and version != "1.0"  # RFC 9110 10.1.1
            super().on_headers_complete()
            if self.expect_100_continue:  # who is answered before may leave out the body: what follows is ambiguous
                self.cycle.keep_alive = False
            self._is_in_body = True

    def on_body(self, body: bytes) -> None:
        self._octets = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._octets = 0
        if not self.parser.should_upgrade():
            self._is_in_body = False
            if self.expect_100_continue:
                self.cycle.keep_alive = self.parser.should_keep_alive()
            super().on_message_complete()

    # --- uvicorn's side -----------------------------------------------------------------------------------------------

    def on_response_complete(self) -> None:
        was_last = not self.pipeline
        super().on_response_complete()
        if self._refusal and was_last and not self.transport.is_closing():
            self._send_refusal()
        self.flow.resume_reading()
        if self._unread:
            self._read()
        self._follow()

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection of a client that is silent; a header that came with the last request has its own deadline."""
        if not self._is_in_header:
            super().timeout_keep_alive_handler()

    def _send_refusal(self) -> None:
        """Answer what no application sees."""
        self.transport.write(self._refusal)
        self.transport.close()

    def end(self) -> None:
        """Close the connection; wait for its client, unless it has sent all, or waits for nothing."""
        if not self._is_answered():
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        is_more_due = self._is_in_header or self._is_in_body or self._unread or self.pipeline
        is_idle = not self.url or self.timeout_keep_alive_task is not None  # no request yet, or it was answered before
        if self._is_over or (is_idle and not (is_more_due or self._refusal)):
            self._real.close()
        else:
            self._places.leave(self)
            self._disarm()
            self._is_lingering = True
            _lingering.Lingering(self._real, self._lingering, self.connection_lost)

    def shutdown(self) -> None:
        """Close the connection, for the server stops; one that lingers has had its answer."""
        if self._is_lingering and not self._real.get_write_buffer_size():
            self._real.abort()
        else:
            super().shutdown()

    def abort(self) -> None:
        """Close the connection at once."""
        self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._follow()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._follow()

    def _follow(self) -> None:
        """Note what the connection waits for: a header or a client that reads, which have a deadline, a body, or nothing."""
        if self._is_lingering or self not in self.connections:
            return  # it has ended
        is_idle = self._is_answered() or self.flow.write_paused or self.transport.is_closing()
        if not is_idle:
            self._disarm()
        elif self._deadline is None:
            self._arm()
        if is_idle or (self.cycle.more_body and not self.pipeline):
            self._places.waits(self)
        else:
            self._places.works(self)

    def _arm(self) -> None:
        self._unsent = self.transport.get_write_buffer_size()
        is_moving = self._unsent or self._is_in_body
        self._deadline = self.loop.call_later(_lingering.MOVING if is_moving else _HEADER, self._expire)

    def _expire(self) -> None:
        """Close the connection, unless its client has read something: then it gets as much time again.

        Half a header is answered (RFC 9110 15.5.9), silence is not: no request has begun.
        """
        if self.transport.get_write_buffer_size() < self._unsent:
            self._arm()
        elif self._is_in_header and not self._unsent:
            self._refuse(_heads.too_slow(_HEADER))
        else:
            self.abort()

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _refusal_of(error: httptools.HttpParserError, octets: bytes) -> ApiError:
    """Return the error for what is no request.

    :param error: says why, or what a callback raised.
    :param octets: with which the request began, if that is known.
    """
    cause = error.__context__
    if isinstance(cause, ApiError):
        return cause
    if not isinstance(cause, httptools.HttpParserError | UnicodeError | None):
        _LOG.error("a request was refused for a fault of the server", exc_info=error)
    is_method = isinstance(error, httptools.HttpParserInvalidMethodError)
    return _heads.refusal(str(error), is_method_unknown=is_method and _heads.has_line(octets))


class _Server(uvicorn.Server):
    """A server that installs no signal handlers: the command has its own."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class HttpServer:
    """An HTTP server at one address.

    :ivar port: the port it listens on; chosen by the system if 0 was given.
    """

    def __init__(self, app: App, *, host: str, port: int, connections: int) -> None:
        self._app = app
        self._place = (host, port)
        self._server = _Server(_Config(app, connections))
        self._task: asyncio.Task[None] | None = None
        self.port = port

    async def start(self) -> None:
        """Return when connections are accepted; raise OSError when the address cannot be used."""
        family = socket.AF_INET6 if ":" in self._place[0] else socket.AF_INET
        listener = socket.create_server(self._place, family=family, backlog=_BACKLOG)
        # Connections inherit it. asyncio sets it only where a socket names its protocol, and without it the body of a
        # response waits some 40 ms for the client to acknowledge the header.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
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
