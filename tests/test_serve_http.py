"""What the HTTP server makes of connections and of octets: deadlines, places, order, refusals, and the end."""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
import socket
import struct
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from undeliverable import Report
from undeliverable.serve import _http_server, _lingering
from undeliverable.serve._api import Api
from undeliverable.serve._http_server import HttpServer
from undeliverable.serve._places import Places
from undeliverable.serve.http import Webhooks

from .serving import Echo, answer_to, connected, in_thread, statuses, with_server
from .test_webhook_endpoint import BASIC, BOUNCE, ENDPOINTS

MIB = 1 << 20


class Slow(Echo):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.05)
        await super().__call__(scope, receive, send)


class Shared(NamedTuple):
    """A server for many tests, and its application."""

    port: int
    app: Echo


@pytest.fixture(scope="module")
def echo() -> Iterator[Shared]:
    app = Echo()
    with in_thread(app) as server:
        yield Shared(server.port, app)


@pytest.fixture(scope="module")
def slow() -> Iterator[Shared]:
    app = Slow()
    with in_thread(app) as server:
        yield Shared(server.port, app)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with in_thread(Api(None)) as server:
        yield server.port


@pytest.mark.parametrize("waiting", [b"", b"POST /webhooks/postmark HTTP/1.1\r\nHost: x\r\nConte"])
def test_half_a_header_keeps_nobody_waiting(waiting: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_http_server, "_HEADER", 600)  # nobody waits until a header is overdue
    with in_thread(Webhooks(ENDPOINTS, to=tmp_path / "e.jsonl")) as server:
        held = [socket.create_connection(("127.0.0.1", server.port), 60) for _ in range(200)]
        for client in held:
            with suppress(ConnectionError):  # it has made room already
                client.sendall(waiting)
        for number in range(5):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            connection.request("POST", "/webhooks/postmark", BOUNCE.replace(b'"1"', b'"%d"' % number), BASIC)
            assert connection.getresponse().status == 200
            connection.close()
        for client in held:
            client.close()


class Hurrying(Echo):
    """Shortens the deadline of headers when it is asked: what comes before may take its time on a busy machine."""

    def __init__(self, app: Echo, patch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self._app, self._patch = app, patch

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._patch.setattr(_http_server, "_HEADER", 0.3)
        await self._app(scope, receive, send)


HALF = b"GET /health HTTP/1.1\r\nHost: x\r\nX: "


@pytest.mark.parametrize(
    ("octets", "found"),
    [
        (b"", []),
        (b"\r\n", []),
        (HALF[:1], [408]),
        (HALF, [408]),
        (HALF + b"y\r\n\r\n" + HALF, [200, 408]),
        (HALF + b"y\r\n\r\n", [200]),
    ],
)
def test_a_header_has_a_deadline(
    octets: bytes, found: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a header is answered before the connection is closed; silence is not (RFC 9110 15.5.9)."""
    monkeypatch.setattr(_http_server, "_HEADER", 1.5)  # the client may be stopped for as long, on a busy machine
    received: list[bytes] = []

    async def talk(server: HttpServer) -> None:
        received.append(await asyncio.to_thread(answer_to, server.port, octets))

    with_server(Webhooks(ENDPOINTS, to=tmp_path / "e.jsonl"), talk)
    assert statuses(received[0]) == found
    if found[-1:] == [408]:
        head, _, body = received[0].rpartition(b"\r\n\r\n")
        assert b"\r\nconnection: close" in head
        assert json.loads(body)["code"] == "timeout"
        assert json.loads(body)["detail"] == "the header did not arrive within 1.5 seconds"


def test_half_a_header_behind_a_request_has_the_time_of_a_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It came before the answer to that request, behind which the client is not silent."""
    monkeypatch.setattr(_http_server, "_HEADER", 1.5)

    async def talk(server: HttpServer) -> None:
        server._server.config.timeout_keep_alive = 1
        answer = await asyncio.to_thread(answer_to, server.port, HALF + b"y\r\n\r\n" + HALF)
        assert statuses(answer) == [200, 408]

    with_server(Webhooks(ENDPOINTS, to=tmp_path / "e.jsonl"), talk)


def test_dripping_octets_do_not_move_the_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_http_server, "_HEADER", 1.5)

    async def talk(server: HttpServer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        answer = asyncio.create_task(reader.read())
        writer.write(HALF)
        async with asyncio.timeout(60):
            while not answer.done():
                writer.write(b"x")
                await asyncio.sleep(0.02)
        writer.close()
        assert statuses(await answer) == [408]

    with_server(Webhooks(ENDPOINTS, to=tmp_path / "e.jsonl"), talk)


class Stub(asyncio.Transport):
    """A transport without a connection.

    :ivar unsent: what the client has not read.
    :ivar is_over: whether the connection was closed.
    """

    unsent = 0
    is_over = False
    protocol: asyncio.BaseProtocol
    written = b""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self.protocol

    def resume_reading(self) -> None:
        pass

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def write_eof(self) -> None:
        raise OSError("reset")

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def get_extra_info(self, _name: str, default: Any = None) -> Any:
        return default

    def close(self) -> None:
        self.is_over = True

    abort = close

    def is_closing(self) -> bool:
        return self.is_over


def test_what_comes_after_the_end_is_not_read(tmp_path: Path) -> None:
    """A connection that has ended takes no more of what its client sends, and sends nothing."""

    async def talk(server: HttpServer) -> None:
        config = server._server.config
        connection = _http_server._Connection(config, server_state=server._server.server_state, app_state={})
        transport = Stub()
        transport.set_protocol(connection)
        connection.connection_made(transport)
        connection.transport.close()
        assert transport.is_over
        connection.data_received(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.transport.write(b"x")
        assert connection.cycle is None
        assert transport.written == b""
        connection.connection_lost(None)

    with_server(Webhooks(ENDPOINTS, to=tmp_path / "e.jsonl"), talk)


def test_who_reads_something_of_an_answer_has_more_time() -> None:
    async def talk(server: HttpServer) -> None:
        config = server._server.config
        connection = _http_server._Connection(config, server_state=server._server.server_state, app_state={})
        transport = Stub()
        transport.unsent = 9
        connection.connection_made(transport)
        transport.unsent = 5
        connection._expire()
        assert not transport.is_over
        connection._expire()
        assert transport.is_over
        connection.connection_lost(None)

    with_server(Echo(), talk)


@pytest.mark.parametrize(
    ("octets", "unsent", "written"),
    [
        (b"", 0, b""),
        (HALF, 0, b"HTTP/1.1 408 Request Timeout\r\n"),
        (HALF.replace(b"GET", b"HEAD"), 0, b"HTTP/1.1 408 Request Timeout\r\n"),
        (HALF, 9, b""),  # it does not even read the answer before
    ],
)
def test_what_a_deadline_says_to_a_client(octets: bytes, unsent: int, written: bytes) -> None:
    async def talk(server: HttpServer) -> None:
        config = server._server.config
        connection = _http_server._Connection(config, server_state=server._server.server_state, app_state={})
        transport = Stub()
        transport.unsent = unsent
        transport.set_protocol(connection)
        connection.connection_made(transport)
        connection.data_received(octets)
        connection._expire()
        assert transport.written.startswith(written)
        assert bool(transport.written) is bool(written) is not transport.is_over
        assert transport.written.endswith(b"\r\n\r\n") is octets.startswith(b"HEAD")
        lingering = transport.get_protocol()
        assert (lingering is connection) is not bool(written)
        assert isinstance(lingering, asyncio.Protocol)
        lingering.connection_lost(None)

    with_server(Echo(), talk)


def test_a_server_that_was_not_started_can_be_stopped() -> None:
    asyncio.run(HttpServer(Echo(), host="127.0.0.1", port=0, connections=1).stop())


HEAD = b"GET /health HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b"POST /webhooks/postmark HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("number", [2, 300])
def test_requests_in_one_piece_are_answered_in_order(echo: Shared, number: int) -> None:
    paths = [f"/{each}" for each in range(number - 1)]
    octets = b"".join(HEAD.replace(b"/health", path.encode()) + b"\r\n" for path in paths)
    assert [path for path, _, _ in seen_of(echo, octets + LAST)] == [*paths, "/last"]


def seen_of(echo: Shared, *octets: bytes) -> list[Any]:
    """Return what an application saw of the requests that one client sent at once."""
    echo.app.asked.clear()
    blocks = answer_to(echo.port, *octets)
    found = [json.loads(part.partition(b"\r\n\r\n")[2]) for part in blocks.split(b"HTTP/1.1 200 OK")[1:]]
    assert [path for path, _, _ in found] == echo.app.asked
    return found


LAST = b"POST /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab"
SEEN_LAST = ["/last", "ab", ["connection", "content-length", "host"]]


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("wish", ["h2c", "websocket"])
def test_the_body_of_a_wish_for_another_protocol_is_no_request(echo: Shared, version: str, wish: str) -> None:
    """Java's client sends such a wish with each request of HTTP/1.1."""
    inner = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    head = f"POST /x HTTP/{version}\r\nHost: x\r\nContent-Length: {len(inner)}\r\n"
    asked = f"{head}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {wish}\r\nHTTP2-Settings: AAMA\r\n\r\n".encode()
    seen = ["/x", inner.decode(), ["connection", "content-length", "host", "http2-settings"]]
    expected = [seen, SEEN_LAST] if version == "1.1" else [seen]
    assert seen_of(echo, asked + inner + LAST) == expected
    if version == "1.1":
        assert seen_of(echo, (asked + inner) * 3 + LAST) == [seen] * 3 + [SEEN_LAST]


def test_a_wish_for_another_protocol_without_a_body(echo: Shared) -> None:
    wish = HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    assert [path for path, _, _ in seen_of(echo, wish + LAST)] == ["/health", "/last"]


BROKEN = b"POST /broken HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"


@pytest.mark.parametrize("before", [0, 1, 2, 3])
@pytest.mark.parametrize("wrong", [b"\x00\r\n\r\n", HEAD + b"Host: y\r\n\r\n", BROKEN + b"zz\r\n", b"G" * 70_000])
def test_what_is_no_request_is_refused_in_its_turn(slow: Shared, wrong: bytes, before: int) -> None:
    """A client would take the refusal for the answer to a request before it, which has been worked on."""
    octets = LAST.replace(b"Connection: close\r\n", b"") * before + wrong
    assert statuses(answer_to(slow.port, octets)) == [200] * before + [400]


@pytest.mark.parametrize("number", [0, 1, 2, 1000])
def test_who_has_said_all_gets_the_answers(slow: Shared, echo: Shared, number: int) -> None:
    """Where the number is 0, a request breaks off; a thousand are more than what is parsed before the end is seen."""
    whole = LAST.replace(b"Connection: close\r\n", b"")
    octets = whole * number + whole[:-1] * (not number)
    assert statuses(answer_to(slow.port if number < 10 else echo.port, octets, ends=True)) == [200] * number


def test_a_body_that_breaks_off_after_its_answer_gets_no_other_one() -> None:
    class Hasty(Echo):
        async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
            async def nothing() -> Any:
                return {"type": "http.request"}

            await super().__call__(scope, nothing, send)

    async def talk(server: HttpServer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(BROKEN)
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        writer.write(b"zz\r\n")
        assert b"HTTP/1.1" not in await asyncio.wait_for(reader.read(), 60)
        writer.close()

    with_server(Hasty(), talk)


class Large(Echo):
    """Its answers fit into no buffer of the system."""

    size = 20 * MIB

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        self.asked.append(scope["path"])
        headers = [(b"content-length", b"%d" % self.size)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"x" * self.size})


@pytest.mark.parametrize("more", [b"", b"Connection: close\r\n"])
def test_who_does_not_read_the_answer_is_closed(monkeypatch: pytest.MonkeyPatch, more: bytes) -> None:
    monkeypatch.setattr(_lingering, "MOVING", 0.3)
    large = Large()

    async def talk(server: HttpServer) -> None:
        with connected(server.port) as client:
            client.sendall(HEAD + more + b"\r\n")
            async with asyncio.timeout(60):
                while not large.asked:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            await ended(server)

    with_server(large, talk)


@pytest.mark.parametrize("more", [b"", b"Connection: close\r\n"])
def test_who_reads_slowly_gets_the_whole_answer(monkeypatch: pytest.MonkeyPatch, more: bytes) -> None:
    def read(port: int) -> int:
        with connected(port) as client:
            client.sendall(HEAD + more + b"\r\n")
            number = 0
            while number < Large.size and (block := client.recv(MIB)):
                number += len(block)
                time.sleep(len(block) / MIB / 20)
            return number

    async def talk(server: HttpServer) -> None:
        assert await asyncio.to_thread(read, server.port) >= Large.size

    with_server(Hurrying(Large(), monkeypatch), talk)


def test_who_asks_without_reading_makes_room() -> None:
    async def talk(server: HttpServer) -> None:
        with connected(server.port) as held:
            held.sendall((HEAD + b"\r\n") * 2)
            connections = server._server.server_state.connections
            async with asyncio.timeout(60):
                while not any(each.flow.write_paused for each in connections):  # type: ignore[union-attr] # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            with connected(server.port) as client:
                client.sendall(HEAD + b"\r\n")
                assert (await asyncio.to_thread(client.recv, 15)) == b"HTTP/1.1 200 OK"

    with_server(Large(), talk, connections=1)


def test_who_never_stops_asking_is_read_no_further() -> None:
    """Requests that wait for their turn take a hundred times the memory of their octets."""
    waiting: list[int] = []
    servers: list[Any] = []

    class Counting(Echo):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            (connection,) = servers[0]._server.server_state.connections
            waiting.append(len(connection.pipeline))
            await super().__call__(scope, receive, send)

    async def talk(server: HttpServer) -> None:
        servers.append(server)
        octets = (HEAD + b"\r\n") * 4_999 + HEAD + b"Connection: close\r\n\r\n"
        received = await asyncio.to_thread(answer_to, server.port, octets)
        assert received.count(b"HTTP/1.1 200") == 5_000

    with_server(Counting(), talk)
    assert len(waiting) == 5_000
    assert max(waiting) <= _http_server._PIECE / len(HEAD)


@pytest.mark.parametrize(
    ("line", "with_body", "said"),
    [
        ("POST /u/x HTTP/1.1", False, [b"100", b"400", b"200"]),
        ("POST /u/x HTTP/1.0", False, [b"400"]),  # RFC 9110 10.1.1
        ("POST /health HTTP/1.1", True, [b"405", b"200"]),
        ("POST /health HTTP/1.1", False, [b"405"]),
    ],
)
def test_who_waits_for_leave_to_send_a_body(tmp_path: Path, line: str, with_body: bool, said: list[bytes]) -> None:
    """Who gets an answer instead may leave the body out: then what follows would be taken for it."""

    async def talk(server: HttpServer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = f"{line}\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n".encode()
        rest = b"x" + HEAD + b"Connection: close\r\n\r\n"
        received = b""
        if not with_body:
            writer.write(head)
            if line.endswith("1.1"):  # it waits for what is said; in HTTP/1.0 that is nothing
                received += await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
        writer.write(head + rest if with_body else rest)
        with suppress(ConnectionError):
            while block := await asyncio.wait_for(reader.read(4096), 60):
                received += block
        assert [answer[:3] for answer in received.split(b"HTTP/1.1 ")[1:]] == said
        writer.close()

    with_server(Webhooks(ENDPOINTS, to=tmp_path / "e.jsonl"), talk)


def test_a_fault_of_the_server_is_logged(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """httptools takes whatever a callback raises for a fault of the request."""

    def fail(_self: object, _body: bytes) -> None:
        raise RuntimeError("our own")

    monkeypatch.setattr(_http_server._Connection, "on_body", fail)

    async def talk(server: HttpServer) -> None:
        assert (await asyncio.to_thread(answer_to, server.port, LAST)).startswith(b"HTTP/1.1 400")
        assert (await asyncio.to_thread(answer_to, server.port, b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n")) != b""

    with_server(Echo(), talk)
    assert caplog.text.count("a fault of the server") == 1


def test_who_sends_too_much_sees_the_answer() -> None:
    """A connection that is closed before all was read is reset, and the answer is lost."""

    async def talk(server: HttpServer) -> None:
        def post() -> int:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            connection.request("POST", "/v1/classify", b"x" * 20 * MIB, {"Content-Type": "application/json"})
            with closing(connection):
                return connection.getresponse().status

        assert await asyncio.to_thread(post) == 413

    with_server(Api(None), talk)


def test_fields_behind_a_body_are_no_header(echo: Shared) -> None:
    """They would name another host, or be a token that a proxy did not see."""
    body = b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nAuthorization: Bearer x\r\nHost: elsewhere.example\r\n\r\n"
    seen = ["/webhooks/postmark", "abcde", ["host", "transfer-encoding"]]
    assert seen_of(echo, CHUNKED + body + LAST) == [seen, SEEN_LAST]


def test_a_server_with_nobody_who_waits_is_full() -> None:
    busy, free = threading.Event(), threading.Event()

    def received(_reports: Sequence[Report]) -> None:
        busy.set()
        assert free.wait(60)

    async def talk(server: HttpServer) -> None:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
            request = asyncio.create_task(client.post("/webhooks/postmark", content=BOUNCE, headers=BASIC, timeout=60))
            assert await asyncio.to_thread(busy.wait, 60)
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as other:
                answer = await other.get("/health")
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
            free.set()
            assert (await request).status_code == 200

    with_server(Webhooks(ENDPOINTS, received=received), talk, connections=1)


# --- the end of a connection whose client is still sending


def head_of(*lines: str, length: int = 5 * MIB) -> bytes:
    return "\r\n".join(["POST /v1/classify HTTP/1.1", "Host: x", f"Content-Length: {length}", *lines, "", ""]).encode()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (head_of("Host: y"), 400),
        (head_of(f"X: {'x' * 80_000}"), 431),
        (LAST, 404),  # it says that it closes, and does not
        (head_of("Connection: close"), 403),  # an application refuses it before its body has come
        (head_of("Expect: 100-continue"), 403),
        (head_of().replace(b"1.1", b"1.0"), 403),
        (head_of(), 403),  # this connection stays
    ],
    ids=["nonsense", "hosts", "header", "whole", "close", "expect", "1.0", "open"],
)
def test_who_sends_five_megabytes_on_gets_the_answer(port: int, head: bytes, status: int) -> None:
    """A client that reads only when it has sent everything must not be reset before."""
    assert statuses(answer_to(port, head, *[b"x" * MIB] * 5, ends=True)) == [status]


def test_who_is_one_too_many_gets_the_answer() -> None:
    answers: list[bytes] = []

    class Busy(Echo):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            (server,) = servers
            octets = [head_of(), *[b"x" * MIB] * 5]
            answers.append(await asyncio.to_thread(answer_to, server.port, *octets))
            await super().__call__(scope, receive, send)

    async def talk(server: HttpServer) -> None:
        servers.append(server)
        answers.append(await asyncio.to_thread(answer_to, server.port, LAST))

    servers: list[HttpServer] = []
    with_server(Busy(), talk, connections=1)
    assert [statuses(answer) for answer in answers] == [[503], [200]]


async def ended(server: HttpServer) -> None:
    """Wait until the server has no connection."""
    async with asyncio.timeout(60):
        while server._server.server_state.connections:  # noqa: ASYNC110 # uvicorn has no event for it
            await asyncio.sleep(0.01)


async def refused(server: HttpServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a connection whose first octets were refused, and which is still open on the client's side."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"nonsense\r\n\r\n")
    assert statuses(await reader.read()) == [400]
    return reader, writer


def test_who_is_refused_and_stays_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lingering, "_SILENCE", 0.05)

    async def talk(server: HttpServer) -> None:
        _, writer = await refused(server)
        await ended(server)
        writer.close()

    with_server(Echo(), talk)


@pytest.mark.parametrize("bound", ["_ROUNDS", "_MOST"])
def test_who_is_refused_and_sends_for_ever_is_closed(monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    monkeypatch.setattr(_lingering, "_SILENCE", 0.1 if bound == "_ROUNDS" else 20)
    monkeypatch.setattr(_lingering, bound, 3)

    async def talk(server: HttpServer) -> None:
        async def send() -> None:
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.01)

        _, writer = await refused(server)
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(send(), 60)
        await ended(server)

    with_server(Echo(), talk)


def test_the_number_of_those_who_linger_is_bounded() -> None:
    """They take no place of others, and the one that has lingered longest is closed first."""

    async def talk(server: HttpServer) -> None:
        clients = [await refused(server) for _ in range(4)]
        async with asyncio.timeout(60):
            while len(server._server.server_state.connections) > 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert statuses(await asyncio.to_thread(answer_to, server.port, LAST)) == [200]
        for _, writer in clients:
            writer.close()
        await ended(server)

    with_server(Echo(), talk, connections=2)


def test_who_lingers_gets_a_long_answer() -> None:
    def read(port: int) -> int:
        with connected(port) as client:
            client.sendall(head_of("Connection: close"))
            return sum(map(len, iter(lambda: client.recv(MIB), b"")))

    async def talk(server: HttpServer) -> None:
        assert await asyncio.to_thread(read, server.port) > Large.size

    with_server(Large(), talk)


def test_who_lingers_has_time_while_something_happens() -> None:
    """Each number of octets is what the client had not read yet when it was looked; `sent` is what it sent before."""

    async def closed_after(unsent: Sequence[int], sent: bytes = b"") -> int:
        transport = Stub()
        transport.unsent = unsent[0]
        lingering = _lingering.Lingering(transport, Places(1), lambda _error: None)
        for number, transport.unsent in enumerate(unsent[1:], 1):
            if sent:
                lingering.data_received(sent)
            lingering._check()
            if transport.is_over:
                lingering.connection_lost(None)
                return number
        raise AssertionError("not closed")

    async def all_() -> None:
        assert await closed_after([0, 0]) == 1
        assert await closed_after([9, 9]) == 1
        assert await closed_after([9, 5, 1, 1]) == 3
        assert await closed_after([9, 0, 0]) == 2
        assert await closed_after([99, *range(98, 50, -1), 51]) == 49  # who reads has all the time
        assert await closed_after([9, 9], b"x") == 1
        assert await closed_after([0] * 99, b"x") == _lingering._ROUNDS
        assert await closed_after([0, 0], b"x" * (_lingering._MOST + 1)) == 1

    asyncio.run(all_())


def test_a_body_that_breaks_off_during_its_answer_ends_it() -> None:
    """The application sees that nobody is there any more."""
    seen: list[str] = []

    class Streaming(Echo):
        async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"part", "more_body": True})
            while not seen or seen[-1] == "http.request":
                seen.append((await receive())["type"])
            await send({"type": "http.response.body", "body": b"never"})

    async def talk(server: HttpServer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(BROKEN)
        assert (await reader.readuntil(b"part")).startswith(b"HTTP/1.1 200")
        writer.write(b"zz\r\n")
        assert b"never" not in await asyncio.wait_for(reader.read(), 60)
        writer.close()

    with_server(Streaming(), talk)
    assert seen[-1] == "http.disconnect"


def test_who_resets_the_connection_is_forgotten() -> None:
    async def talk(server: HttpServer) -> None:
        for octets in (b"nonsense\r\n\r\n", head_of() + b"x" * 1000, LAST[:-1], b""):
            with socket.create_connection(("127.0.0.1", server.port)) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.sendall(octets)
        assert statuses(await asyncio.to_thread(answer_to, server.port, LAST)) == [200]
        await ended(server)

    with_server(Echo(), talk)


@pytest.mark.parametrize(
    "octets", [b"nonsense\r\n\r\n", head_of("Host: y"), head_of("Connection: close"), LAST, LAST[:-1]]
)
def test_a_connection_that_has_ended_is_freed(octets: bytes) -> None:
    """With all its headers, and without waiting for the collection of garbage, which many small requests come before."""

    async def talk(server: HttpServer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        async with asyncio.timeout(60):
            while not server._server.server_state.connections:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        (connection,) = server._server.server_state.connections
        seen = weakref.ref(connection)
        del connection
        writer.write(octets)
        writer.write_eof()
        await reader.read()
        writer.close()
        await ended(server)
        await asyncio.sleep(0)
        assert seen() is None

    gc.disable()
    try:
        with_server(Api(None), talk)
    finally:
        gc.enable()


def test_a_burst_of_connections_is_accepted_in_parts() -> None:
    """A socket takes a file descriptor even if there is no place for it, and the file of records needs one too."""

    async def talk(server: HttpServer) -> None:
        (listener,) = server._server.servers
        assert getattr(listener, "_backlog") <= 128  # noqa: B009 # asyncio accepts as many at once

    with_server(Echo(), talk)


def test_who_sends_on_while_the_server_stops_gets_the_answer() -> None:
    """The client learns from this answer only that it is the last one."""
    busy, stopping, free, answers = threading.Event(), threading.Event(), threading.Event(), list[bytes]()

    class Held(Echo):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            busy.set()
            await asyncio.to_thread(free.wait, 60)
            await super().__call__(scope, receive, send)

    def ask(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), 60) as client:
            client.sendall(LAST.replace(b"Connection: close\r\n", b""))
            assert stopping.wait(60)
            free.set()
            for _ in range(50):
                client.sendall(HEAD + b"\r\n")
            return b"".join(iter(lambda: client.recv(MIB), b""))

    async def talk(server: HttpServer) -> None:
        asking = asyncio.create_task(asyncio.to_thread(ask, server.port))
        await asyncio.to_thread(busy.wait, 60)
        stop = asyncio.create_task(server.stop())
        connections: Any = server._server.server_state.connections
        async with asyncio.timeout(60):
            while all(each.cycle.keep_alive for each in connections):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        stopping.set()
        answers.append(await asking)
        await stop

    with_server(Held(), talk)
    assert statuses(answers[0]) == [200]


def test_who_has_its_last_answer_does_not_hold_up_a_server_that_stops() -> None:
    async def talk(server: HttpServer) -> None:
        with connected(server.port) as client:
            client.sendall(b"nonsense\r\n\r\n")
            assert (await asyncio.to_thread(client.recv, 15)).startswith(b"HTTP/1.1 400")
            client.sendall(b"x")  # it goes on sending, and would be listened to for some seconds
            async with asyncio.timeout(20):
                stopping = asyncio.create_task(server.stop())
                while not stopping.done():
                    with suppress(OSError):
                        client.sendall(b"x")
                    await asyncio.sleep(0.05)

    with_server(Echo(), talk)
