"""What clients of the servers can take: octets in transfer, connections, time."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable import Report
from undeliverable.serve import BounceHandler, Budget, _http_server
from undeliverable.serve._api import Api
from undeliverable.serve._http_server import HttpServer
from undeliverable.serve._incoming import Incoming
from undeliverable.serve.http import Webhooks
from undeliverable.serve.server import Limits, Sink

from .serving import serving
from .test_pipe import MESSAGE
from .test_serve import DOMAIN, TO, Client, connect, dotted, run, stored
from .test_webhook_endpoint import BASIC, BOUNCE, ENDPOINTS, posting

MIB = 1 << 20


# --- a message in blocks


def taken(message: bytes, cuts: Sequence[int], limit: int = MIB) -> tuple[Incoming, bytes]:
    with Budget().share() as share:
        incoming = Incoming(limit, share)
        for start, end in itertools.pairwise([0, *sorted(cuts), len(message)]):
            rest = incoming.feed(message[start:end])
            if rest is not None:
                return incoming, rest + message[end:]
    raise AssertionError("no end")


LINES = st.lists(st.sampled_from([b".", b"..", b"", b"\r", b"\n", b"\r.", b"\n.", b".\r", b"a", b"a\r\r"])).map(
    lambda lines: b"".join(line + b"\r\n" for line in lines)
)


@given(LINES, st.data())
def test_blocks_of_any_size_give_one_message(message: bytes, data: st.DataObject) -> None:
    sent = (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\nNOOP\r\n"
    cuts = data.draw(st.lists(st.integers(0, len(sent))))
    incoming, rest = taken(sent, cuts)
    assert incoming.content() == message
    assert rest == b"NOOP\r\n"
    assert taken(sent, range(len(sent)))[0].content() == message


@pytest.mark.parametrize(("limit", "refusal"), [(7, None), (6, "552 5.3.4 message too large")])
def test_the_limit_counts_what_is_sent(limit: int, refusal: str | None) -> None:
    incoming, rest = taken(b"a\r\n..\r\n.\r\nx", [4], limit)
    assert incoming.refusal == refusal
    assert incoming.content() == (b"" if refusal else b"a\r\n.\r\n")
    assert rest == b"x"


# --- the budget


def test_a_share_is_given_back() -> None:
    budget = Budget(10)
    with budget.share() as one, budget.share() as other:
        assert one.take(6)
        assert not other.take(5)
        assert other.take(4)
        assert budget.free == 0
        one.give_back()
        assert budget.free == 6
    assert budget.free == 10


def test_large_messages_are_read_one_at_a_time() -> None:
    async def together() -> list[str]:
        budget, order = Budget(), list[str]()

        async def read(name: str, size: int) -> None:
            async with budget.turn(size):
                order.append(f"{name} begins")
                await asyncio.sleep(0)
                order.append(f"{name} ends")

        await asyncio.gather(read("one", MIB), read("two", MIB), read("small", 10))
        return order

    order = asyncio.run(together())
    assert order.index("one ends") < order.index("two begins")
    assert order.index("small begins") < order.index("one ends")


def sink_with(budget: Budget, handler: BounceHandler, *clients: bytes) -> list[str]:
    """Return the replies to messages that are all sent but for their ends, and then ended one after the other."""

    async def talk() -> list[str]:
        sink = Sink(handler, budget=budget, limits=Limits(size=10 * MIB))
        await sink.start()
        open_ = [await connect(sink) for _ in clients]
        for client, message in zip(open_, clients, strict=True):
            await client.envelope(TO)
            await client.say("DATA")
            await client.send(dotted(message)[:-5])
        replies: list[str] = []
        for client in open_:
            await client.send(b"\r\n.\r\n")
            replies.append((await client.reply())[:9])
            client.close()
        await sink.stop()
        return replies

    return asyncio.run(talk())


def test_a_message_without_room_is_452_and_there_is_room_again(tmp_path: Path) -> None:
    path, budget = tmp_path / "b.jsonl", Budget(3 * MIB)
    padding = b"x" * (2 * MIB) + b"\n"
    replies = sink_with(budget, BounceHandler([DOMAIN], to=path), MESSAGE + padding, MESSAGE + padding)
    assert sorted(replies) == ["250 2.0.0", "452 4.3.1"]
    assert budget.free == 3 * MIB
    assert sink_with(budget, BounceHandler([DOMAIN], to=path), MESSAGE + padding) == ["250 2.0.0"]
    assert len(stored(path)) == 2


def test_an_announced_size_without_room_is_452_at_once(tmp_path: Path) -> None:
    async def talk(sink: Sink, client: Client) -> None:
        await client.reply()
        await client.say("LHLO client.example")
        with sink.budget.share() as share:
            assert share.take(sink.budget.free - 1000)
            await client.say("MAIL FROM:<> SIZE=2000")
            await client.say(f"RCPT TO:<{TO}>")
            assert (await client.say("DATA"))[:9] == "452 4.3.1"
        await client.say("MAIL FROM:<> SIZE=2000")
        await client.say(f"RCPT TO:<{TO}>")
        assert (await client.data(MESSAGE))[0][:3] == "250"

    run(talk, BounceHandler([DOMAIN], to=tmp_path / "b.jsonl"))


def test_a_body_without_room_is_503(tmp_path: Path) -> None:
    budget = Budget(len(BOUNCE) - 1)
    app = Webhooks(ENDPOINTS, to=tmp_path / "e.jsonl", budget=budget)
    answer = posting(app, "/webhooks/postmark", BOUNCE, BASIC)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert budget.free == len(BOUNCE) - 1
    app = Webhooks(ENDPOINTS, to=tmp_path / "e.jsonl", budget=Budget(len(BOUNCE)))
    assert posting(app, "/webhooks/postmark", BOUNCE, BASIC).status_code == 200


def test_the_memory_of_a_server_is_bounded(tmp_path: Path) -> None:
    """Reduced; the full measurement is 20 clients with 60 MB each."""
    message = dotted(MESSAGE.rstrip() + b"\n" + b"The same line again and again.\n" * 400_000)

    async def one(port: int) -> str:
        client = Client(*await asyncio.open_connection("127.0.0.1", port))
        await client.envelope(TO)
        await client.say("DATA")
        await client.send(message)
        reply = await client.reply()
        client.close()
        return reply[:9]

    async def all_(port: int) -> list[str]:
        return await asyncio.gather(*(one(port) for _ in range(12)))

    options = ["--lmtp", "127.0.0.1:0", "--domain", DOMAIN, "--max-in-flight", "32", "--to", tmp_path / "b.jsonl"]
    with serving(*options) as server:
        replies = asyncio.run(all_(server.ports[0]))
        assert {"250 2.0.0", "452 4.3.1"} == set(replies)
        assert server.peak() <= 32 * MIB + 100_000_000
        assert server.stop() == 0
    assert len(stored(tmp_path / "b.jsonl")) == replies.count("250 2.0.0")


# --- HTTP: two lengths, half a header, too many


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    path = tmp_path / "secrets.toml"
    path.write_text('[postmark]\nusername = "user"\npassword = "password"\n', encoding="utf-8")
    path.chmod(0o600)
    return path


def answer_to(port: int, octets: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        received = b""
        with suppress(ConnectionError):  # what is closed before all was read is reset
            client.sendall(octets)
        with suppress(ConnectionError):
            while block := client.recv(4096):
                received += block
        return received


@pytest.mark.parametrize("waiting", [b"", b"POST /webhooks/postmark HTTP/1.1\r\nHost: x\r\nConte"])
def test_half_a_header_keeps_nobody_waiting(waiting: bytes, secrets: Path, tmp_path: Path) -> None:
    with serving("--http", "127.0.0.1:0", "--secrets", secrets, "--to", tmp_path / "e.jsonl") as server:
        held = [socket.create_connection(("127.0.0.1", server.ports[0]), 10) for _ in range(200)]
        for client in held:
            client.sendall(waiting)
        for number in range(5):
            began = time.monotonic()
            connection = http.client.HTTPConnection("127.0.0.1", server.ports[0], timeout=20)
            connection.request("POST", "/webhooks/postmark", BOUNCE.replace(b'"1"', b'"%d"' % number), BASIC)
            assert connection.getresponse().status == 200
            connection.close()
            assert time.monotonic() - began < 1
        for client in held:
            client.close()


def with_server(app: Any, talk: object, *, connections: int = 10) -> None:
    async def both() -> None:
        server = HttpServer(app, host="127.0.0.1", port=0, connections=connections)
        await server.start()
        try:
            await talk(server)  # type: ignore[operator]
        finally:
            await server.stop()

    asyncio.run(both())


def test_a_header_has_a_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_http_server, "_HEADER", 0.3)

    async def talk(server: HttpServer) -> None:
        for octets in (b"", b"GET /health HTTP/1.1\r\nHost", b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET"):
            began = time.monotonic()
            received = await asyncio.to_thread(answer_to, server.port, octets)
            assert received.startswith(b"HTTP/1.1 200") == octets.endswith(b"GET")
            assert 0.25 < time.monotonic() - began < 4

    with_server(Webhooks(ENDPOINTS, to=tmp_path / "e.jsonl"), talk)


def test_dripping_octets_do_not_move_the_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_http_server, "_HEADER", 0.3)

    async def talk(server: HttpServer) -> None:
        client = Client(*await asyncio.open_connection("127.0.0.1", server.port))
        with pytest.raises(ConnectionError):
            await client.drip(b"G")
        client.close()

    with_server(Webhooks(ENDPOINTS, to=tmp_path / "e.jsonl"), talk)


def test_what_comes_after_the_end_is_not_read(tmp_path: Path) -> None:
    """A connection over the limit, or one whose request was refused, takes no more of what its client sends."""

    class Transport(asyncio.Transport):
        is_closed = False

        def write(self, _data: object) -> None:
            pass

        def close(self) -> None:
            self.is_closed = True

        def is_closing(self) -> bool:
            return self.is_closed

        def get_write_buffer_size(self) -> int:
            return 0

    async def talk(server: HttpServer) -> None:
        config = server._server.config
        connection = _http_server._Connection(config, server_state=server._server.server_state, app_state={})
        transport = Transport()
        connection.connection_made(transport)
        transport.close()
        connection.data_received(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.cycle is None
        connection.connection_lost(None)

    with_server(Webhooks(ENDPOINTS, to=tmp_path / "e.jsonl"), talk)


HEAD = b"GET /health HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b"POST /webhooks/postmark HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "octets",
    [
        b"nonsense\r\n\r\n",
        b"GET /health HTTP/1.1\r\n\r\n",  # without a host
        HEAD + b"Host: y\r\n\r\n",
        HEAD + b"X: " + b"x" * 70_000,
        HEAD + b"X: x\r\n" * 12_000,
        HEAD + b"X: a\x00b\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\n folded\r\n : x\r\n\r\n",
        b"GET /" + b"x" * 70_000,
        b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /webhooks/postmark HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        CHUNKED + b"zz\r\n",
        CHUNKED.replace(b"chunked", b"gzip, chunked") + b"0\r\n\r\n",
        CHUNKED.replace(b"chunked", b"identity\r\nTransfer-Encoding: chunked") + b"0\r\n\r\n",
        HEAD.replace(b"1.1", b"2.0") + b"\r\n",
        HEAD.replace(b"1.1", b"0.9") + b"\r\n",
    ],
    ids=lambda octets: f"{octets[:40]!r}",
)
def test_what_is_no_request_is_refused_at_once(tmp_path: Path, octets: bytes) -> None:
    async def talk(server: HttpServer) -> None:
        began = time.monotonic()
        received = await asyncio.to_thread(answer_to, server.port, octets)
        assert received.startswith(b"HTTP/1.1 400")
        assert received.count(b"HTTP/1.1") == 1
        assert time.monotonic() - began < 8  # and not the 10 seconds of a header

    with_server(Webhooks(ENDPOINTS, to=tmp_path / "e.jsonl"), talk)


@pytest.mark.parametrize(
    "octets",
    [
        b"1;" + b"x" * 400_000,
        b"1\r\na\r\n0\r\nTrailer: " + b"x" * 400_000,
        b"1\r\na\r\n0\r\n" + b"X: x\r\n" * 70_000,
    ],
    ids=["extension", "trailer", "trailers"],
)
def test_a_body_has_nothing_endless_beside_it(tmp_path: Path, octets: bytes) -> None:
    async def talk(server: HttpServer) -> None:
        began = time.monotonic()
        assert (await asyncio.to_thread(answer_to, server.port, CHUNKED + octets)).startswith(b"HTTP/1.1 400")
        assert time.monotonic() - began < 8  # and not the 10 seconds of a header

    with_server(Webhooks(ENDPOINTS, to=tmp_path / "e.jsonl"), talk)


@pytest.mark.parametrize("number", [2, 300])
def test_requests_in_one_piece_are_answered_in_order(tmp_path: Path, number: int) -> None:
    async def talk(server: HttpServer) -> None:
        octets = (HEAD + b"\r\n") * (number - 1) + HEAD + b"Connection: close\r\n\r\n"
        received = await asyncio.to_thread(answer_to, server.port, octets)
        assert received.count(b"HTTP/1.1 200") == number

    with_server(Webhooks(ENDPOINTS, to=tmp_path / "e.jsonl"), talk)


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


def seen_of(octets: bytes) -> list[Any]:
    """Return what an application saw of the requests that one client sent at once."""

    async def talk(server: HttpServer) -> None:
        blocks.append(await asyncio.to_thread(answer_to, server.port, octets))

    blocks: list[bytes] = []
    app = Echo()
    with_server(app, talk)
    found = [json.loads(part.partition(b"\r\n\r\n")[2]) for part in blocks[0].split(b"HTTP/1.1 200 OK")[1:]]
    assert [path for path, _, _ in found] == app.asked
    return found


LAST = b"POST /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab"
SEEN_LAST = ["/last", "ab", ["connection", "content-length", "host"]]


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("wish", ["h2c", "websocket"])
def test_the_body_of_a_wish_for_another_protocol_is_no_request(version: str, wish: str) -> None:
    """Java's client sends such a wish with each request of HTTP/1.1."""
    inner = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    head = f"POST /x HTTP/{version}\r\nHost: x\r\nContent-Length: {len(inner)}\r\n"
    asked = f"{head}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {wish}\r\nHTTP2-Settings: AAMA\r\n\r\n".encode()
    seen = ["/x", inner.decode(), ["connection", "content-length", "host", "http2-settings"]]
    expected = [seen, SEEN_LAST] if version == "1.1" else [seen]
    assert seen_of(asked + inner + LAST) == expected
    if version == "1.1":
        assert seen_of((asked + inner) * 3 + LAST) == [seen] * 3 + [SEEN_LAST]


def test_a_wish_for_another_protocol_without_a_body() -> None:
    wish = HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    assert [path for path, _, _ in seen_of(wish + LAST)] == ["/health", "/last"]


class Slow(Echo):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.05)
        await super().__call__(scope, receive, send)


BROKEN = b"POST /broken HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"


@pytest.mark.parametrize("before", [0, 1, 2, 3])
@pytest.mark.parametrize("wrong", [b"\x00\r\n\r\n", HEAD + b"Host: y\r\n\r\n", BROKEN + b"zz\r\n", b"G" * 70_000])
def test_what_is_no_request_is_refused_in_its_turn(wrong: bytes, before: int) -> None:
    """A client would take the refusal for the answer to a request before it, which has been worked on."""

    async def talk(server: HttpServer) -> None:
        octets = LAST.replace(b"Connection: close\r\n", b"") * before + wrong
        received = await asyncio.to_thread(answer_to, server.port, octets)
        found = [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]]
        assert found == [b"200"] * before + [b"400"]

    with_server(Slow(), talk)


@pytest.mark.parametrize("number", [0, 1, 2, 1000])
def test_who_has_said_all_gets_the_answers(number: int) -> None:
    """Where the number is 0, a request breaks off; a thousand are more than what is parsed before the end is seen."""

    async def talk(server: HttpServer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        whole = LAST.replace(b"Connection: close\r\n", b"")
        writer.write(whole * number + whole[:-1] * (not number))
        writer.write_eof()
        assert (await asyncio.wait_for(reader.read(), 20)).count(b"HTTP/1.1 200") == number
        writer.close()

    with_server(Slow() if number < 10 else Echo(), talk)


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
        assert b"HTTP/1.1" not in await asyncio.wait_for(reader.read(), 5)
        writer.close()

    with_server(Hasty(), talk)


class Large(Echo):
    """Its answers fit into no buffer of the system."""

    size = 20 * MIB

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"%d" % self.size)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"x" * self.size})


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        client.settimeout(10)
        client.connect(("127.0.0.1", port))
        yield client


@pytest.mark.parametrize("more", [b"", b"Connection: close\r\n"])
def test_who_does_not_read_the_answer_is_closed(monkeypatch: pytest.MonkeyPatch, more: bytes) -> None:
    monkeypatch.setattr(_http_server, "_MOVING", 0.3)

    async def talk(server: HttpServer) -> None:
        with connected(server.port) as client:
            client.sendall(HEAD + more + b"\r\n")
            connections = server._server.server_state.connections
            async with asyncio.timeout(20):
                while not connections:  # noqa: ASYNC110 # uvicorn has no event for it
                    await asyncio.sleep(0.01)
                while connections:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)

    with_server(Large(), talk)


@pytest.mark.parametrize("more", [b"", b"Connection: close\r\n"])
def test_who_reads_slowly_gets_the_whole_answer(monkeypatch: pytest.MonkeyPatch, more: bytes) -> None:
    monkeypatch.setattr(_http_server, "_HEADER", 0.3)

    def read(port: int) -> int:
        with connected(port) as client:
            client.sendall(HEAD + more + b"\r\n")
            number = 0
            while number < Large.size and (block := client.recv(MIB)):
                number += len(block)
                time.sleep(len(block) / MIB / 10)
            return number

    async def talk(server: HttpServer) -> None:
        assert await asyncio.to_thread(read, server.port) >= Large.size

    with_server(Large(), talk)


def test_who_asks_without_reading_makes_room() -> None:
    async def talk(server: HttpServer) -> None:
        with connected(server.port) as held:
            held.sendall((HEAD + b"\r\n") * 2)
            await asyncio.sleep(0.3)
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
        if not with_body:
            writer.write(head)
            await asyncio.sleep(0.3)  # it waits
        writer.write(head + rest if with_body else rest)
        received = b""
        with suppress(ConnectionError):
            while block := await asyncio.wait_for(reader.read(4096), 5):
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
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
            connection.request("POST", "/v1/classify", b"x" * 20 * MIB, {"Content-Type": "application/json"})
            with closing(connection):
                return connection.getresponse().status

        assert await asyncio.to_thread(post) == 413

    with_server(Api(None), talk)


def test_fields_behind_a_body_are_no_header() -> None:
    """They would name another host, or be a token that a proxy did not see."""
    body = b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nAuthorization: Bearer x\r\nHost: elsewhere.example\r\n\r\n"
    seen = ["/webhooks/postmark", "abcde", ["host", "transfer-encoding"]]
    assert seen_of(CHUNKED + body + LAST) == [seen, SEEN_LAST]


def test_two_lengths_are_refused(tmp_path: Path) -> None:
    async def talk(server: HttpServer) -> None:
        head = "POST /webhooks/postmark HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        received = await asyncio.to_thread(
            answer_to, server.port, head.encode() + b"0\r\n\r\nGET /health HTTP/1.1\r\n\r\n"
        )
        assert received.startswith(b"HTTP/1.1 400")
        assert received.count(b"HTTP/1.1") == 1  # what follows is not taken for a request

    with_server(Webhooks(ENDPOINTS, to=tmp_path / "e.jsonl"), talk)
    assert not (tmp_path / "e.jsonl").exists()


def test_a_server_with_nobody_who_waits_is_full() -> None:
    busy, free = threading.Event(), threading.Event()

    def received(_reports: Sequence[Report]) -> None:
        busy.set()
        assert free.wait(20)

    async def talk(server: HttpServer) -> None:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
            request = asyncio.create_task(client.post("/webhooks/postmark", content=BOUNCE, headers=BASIC, timeout=30))
            assert await asyncio.to_thread(busy.wait, 20)
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as other:
                answer = await other.get("/health")
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
            free.set()
            assert (await request).status_code == 200

    with_server(Webhooks(ENDPOINTS, received=received), talk, connections=1)
