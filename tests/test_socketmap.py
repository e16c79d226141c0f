"""Look-ups for a mail server: the answers, the two protocols, slow clients, and a list that cannot be read."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import threading
from argparse import Namespace
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import socketmap_load
from undeliverable import BounceType, Fault, UndeliverableError
from undeliverable.cli import main
from undeliverable.cli.serve import _look_up_listeners
from undeliverable.serve import _look_ups, socketmap
from undeliverable.serve._look_ups import reject_text
from undeliverable.serve._places import Places
from undeliverable.serve.socketmap import IfUnreadable, LookUps, SocketmapServer, _next_request
from undeliverable.store import SuppressionList
from undeliverable.suppression import EventKind, ListEvent

from .serving import serving

REJECT = f"OK REJECT 5.7.1 {reject_text()}"
NOT_FOUND = "NOTFOUND "


@pytest.fixture
def known(tmp_path: Path) -> Iterator[SuppressionList]:
    now = datetime.now(UTC)
    with SuppressionList(tmp_path / "list.db") as opened:
        opened.suppress("kim@example.org", who="lee", why="asked for it")
        opened.suppress("postmaster@example.org", who="lee", why="a mistake")
        opened.suppress("grün@bücher.example", who="lee", why="asked for it")
        complaint = ListEvent(kind=EventKind.COMPLAINT, time=now, key="complaint")
        hard = ListEvent(kind=EventKind.BOUNCE, time=now, key="hard", bounce_type=BounceType.HARD, fault=Fault.ADDRESS)
        opened.record([("ann@example.org", complaint), ("bob@example.org", complaint), ("bob@example.org", hard)])
        yield opened


OPEN: list[Client] = []
Talk = Callable[[SocketmapServer], Awaitable[None]]


def run(look_ups: Callable[[], LookUps], talk: Talk, **options: int) -> None:
    async def both() -> None:
        server = SocketmapServer(look_ups(), ("127.0.0.1", 0), **options)
        await server.start()
        try:
            await talk(server)
        finally:
            for client in OPEN:
                client.writer.transport.abort()
                with suppress(ConnectionError):
                    await client.writer.wait_closed()
            OPEN.clear()
            await server.stop()

    asyncio.run(both())


def netstring(text: str | bytes) -> bytes:
    octets = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    return b"%d:%b," % (len(octets), octets)


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        OPEN.append(self)

    @classmethod
    async def of(cls, server: SocketmapServer) -> Client:
        return cls(*await asyncio.open_connection("127.0.0.1", int(server.port)))

    async def ask(self, key: str) -> str:
        self.writer.write(netstring(f"suppressions {key}"))
        return await self.answer()

    async def answer(self) -> str:
        length = int((await asyncio.wait_for(self.reader.readuntil(b":"), 60))[:-1])
        octets = await asyncio.wait_for(self.reader.readexactly(length + 1), 60)
        assert octets.endswith(b",")
        return octets[:-1].decode()

    async def rest(self) -> bytes:
        return await asyncio.wait_for(self.reader.read(), 60)


# --- answers


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("kim@example.org", REJECT),
        ("KIM@EXAMPLE.ORG", REJECT),
        ("ann@example.org", REJECT),
        ("grün@xn--bcher-kva.example", REJECT),
        ("lee@example.org", NOT_FOUND),
        # what Postfix asks for as well (access(5)), or has no address
        ("kim@", NOT_FOUND),
        ("example.org", NOT_FOUND),
        (".example.org", NOT_FOUND),
        ("@example.org", NOT_FOUND),
        ("", NOT_FOUND),
        ("<>", NOT_FOUND),
        ("192.0.2.1", NOT_FOUND),
        # somebody has to be there
        ("postmaster@example.org", NOT_FOUND),
        ("Postmaster@example.org", NOT_FOUND),
        ('"postmaster"@example.org', NOT_FOUND),
        ("abuse@example.org", NOT_FOUND),
        ("postmaster", NOT_FOUND),
        # whatever octets
        ("a b c@example.org", NOT_FOUND),
        ("\udcff\0@example.org", NOT_FOUND),
        ("x" * 900 + "@example.org", NOT_FOUND),
    ],
)
def test_answers(key: str, answer: str, known: SuppressionList) -> None:
    async def talk(server: SocketmapServer) -> None:
        client = await Client.of(server)
        assert await client.ask(key) == answer
        assert await client.ask("kim@example.org") == REJECT

    run(lambda: LookUps(known), talk)


def test_an_answer_says_no_cause_and_skips_no_restriction() -> None:
    """OK would skip the restrictions behind it, DISCARD would drop the copies of all recipients (access(5))."""
    assert REJECT.split()[:3] == ["OK", "REJECT", "5.7.1"]
    for word in ("bounce", "complain", "unsubscri", "spam", "unknown"):
        assert word not in REJECT.lower()


def test_a_complaint_alone_does_not_stop_the_transactional_stream(known: SuppressionList) -> None:
    known.suppress("cem@example.org", who="lee", why="asked for it")
    known.forget("cem@example.org")

    async def talk(server: SocketmapServer) -> None:
        client = await Client.of(server)
        addresses = ("ann@example.org", "bob@example.org", "kim@example.org", "cem@example.org")
        assert [await client.ask(address) for address in addresses] == [NOT_FOUND, REJECT, REJECT, REJECT]

    run(lambda: LookUps(known, stream="transactional"), talk)


def test_scopes_and_whole_domains_count(known: SuppressionList) -> None:
    known.suppress_domain("down.example", who="lee", why="asked for it")
    now = datetime.now(UTC)
    complaint = ListEvent(kind=EventKind.COMPLAINT, time=now, key="complaint")
    known.record([("dan@down.example", complaint)])
    place = known.place
    with SuppressionList(place, scope="acme/shop") as own, SuppressionList(place, scope="acme") as above:
        own.record([("eve@example.org", complaint), ("ann@example.org", complaint)])
        above.record([("fay@example.org", complaint)])
        above.suppress("gus@example.org", who="lee", why="asked for it")
    addresses = ("ann", "eve", "fay", "gus", "kim", "bob", "lee")

    def expect(stream: str | None, stopped: str) -> None:
        async def talk(server: SocketmapServer) -> None:
            client = await Client.of(server)
            found = [name for name in addresses if await client.ask(f"{name}@example.org") == REJECT]
            assert " ".join(found) == stopped
            assert await client.ask("dan@down.example") == REJECT
            assert await client.ask("new@down.example") == REJECT

        run(lambda: LookUps(SuppressionList(place, scope="acme/shop"), stream=stream), talk)

    expect(None, "ann eve fay gus kim bob")
    expect("transactional", "gus kim bob")


@pytest.mark.parametrize("text", ["", " ", "two\nlines", "größer", "a\tb"])
def test_a_text_that_cannot_be_said(text: str, known: SuppressionList) -> None:
    with pytest.raises(ValueError, match="one line of printable ASCII"):
        LookUps(known, text=text)


# --- the protocols


def test_requests_in_any_pieces(known: SuppressionList) -> None:
    async def talk(server: SocketmapServer) -> None:
        client = await Client.of(server)
        octets = b"".join(netstring(f"map {name}@example.org") for name in ("kim", "lee", "kim", "ann", "postmaster"))
        for octet in octets:
            client.writer.write(bytes([octet]))
            await client.writer.drain()
        client.writer.write(octets)
        client.writer.write_eof()
        expected = [REJECT, NOT_FOUND, REJECT, REJECT, NOT_FOUND] * 2
        assert [await client.answer() for _ in expected] == expected
        assert await client.rest() == b""

    run(lambda: LookUps(known), talk)


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"lookup kim@example.org\n", f"{REJECT}\n"),
        (b"lookup kim@example.org\r\n", f"{REJECT}\n"),
        (b"lookup kim@example.org", f"{REJECT}\n"),
        (b"lookup lee@example.org", f"{NOT_FOUND}\n"),
        (b"lookup \n", f"{NOT_FOUND}\n"),
        (b"kim@example.org\n", "PERM expected: lookup ADDRESS\n"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "PERM expected: lookup ADDRESS\n"),
        (b"\n", "PERM expected: lookup ADDRESS\n"),
        (b"", ""),
        (b"19:map kim@example.org;", ""),
        (b"19x", ""),
        (b"99999:", ""),
        (b"1001:", ""),
        (b"12345", ""),
        (b"12", ""),
        (b"19:map kim@exam", ""),
        (b"x" * 5000, ""),
    ],
)
def test_a_line_has_one_answer_and_nonsense_none(request_: bytes, answer: str, known: SuppressionList) -> None:
    async def talk(server: SocketmapServer) -> None:
        client = await Client.of(server)
        client.writer.write(request_)
        client.writer.write_eof()
        assert (await client.rest()).decode() == answer
        other = await Client.of(server)
        assert await other.ask("kim@example.org") == REJECT

    run(lambda: LookUps(known), talk)


@given(st.binary(max_size=1200))
def test_no_octets_raise_anything_else(octets: bytes) -> None:
    for has_ended in (True, False):
        buffer = bytearray(octets)
        try:
            while _next_request(buffer, has_ended=has_ended) is not None:
                pass
        except ValueError:
            pass


@given(st.text(max_size=200).filter(lambda text: len(text.encode("utf-8", "replace")) < 900), st.binary(max_size=20))
def test_a_netstring_is_taken_whole(key: str, rest: bytes) -> None:
    octets = netstring(f"map {key}".encode("utf-8", "replace"))
    for end in range(len(octets)):
        assert _next_request(bytearray(octets[:end]), has_ended=False) is None
    buffer = bytearray(octets + rest)
    request = _next_request(buffer, has_ended=False)
    assert request is not None
    assert request.key == key.encode("utf-8", "replace").decode()
    assert bytes(buffer) == rest


def test_a_client_that_does_not_read_takes_little(known: SuppressionList) -> None:
    async def talk(server: SocketmapServer) -> None:
        narrow = socket.socket()
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        narrow.connect(("127.0.0.1", int(server.port)))
        narrow.setblocking(False)
        client = Client(*await asyncio.open_connection(sock=narrow))
        while not server.connections:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        (connection,) = server.connections
        connection._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        client.writer.write(netstring("map kim@") * 40_000)
        async with asyncio.timeout(60):
            while not connection._is_full or connection._transport.is_reading():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert len(connection._buffer) < 1 << 19
        assert connection._transport.get_write_buffer_size() < 1 << 18
        assert await (await Client.of(server)).ask("kim@example.org") == REJECT
        wanted = netstring(NOT_FOUND) * 40_000
        assert await asyncio.wait_for(client.reader.readexactly(len(wanted)), 120) == wanted

    run(lambda: LookUps(known), talk)


# --- slow and many


def test_slow_clients_do_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reduced: a list of a few thousand; python -m tests.socketmap_load measures."""
    monkeypatch.setattr(socketmap_load, "ADDRESSES", 2000)
    place = str(tmp_path / "list.db")
    socketmap_load.make(place)
    with serving("--socketmap", f"unix:{tmp_path / 'look-ups'}", "--list", place) as server:
        figures = asyncio.run(socketmap_load.load(str(tmp_path / "look-ups"), 20, 100, 2.0))
        assert figures["a second"] > 10
        assert figures["ms, worst"] < 60_000  # the slow ones are closed after 110 seconds
        assert server.stop() == 0
    assert not (tmp_path / "look-ups").exists()


def test_who_waits_longest_makes_room(known: SuppressionList) -> None:
    async def talk(server: SocketmapServer) -> None:
        first, second = await Client.of(server), await Client.of(server)
        assert await first.ask("kim@example.org") == REJECT
        second.writer.write(b"19:map")
        third = await Client.of(server)
        assert await third.ask("kim@example.org") == REJECT
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await second.answer()
        assert await first.ask("kim@example.org") == REJECT

    run(lambda: LookUps(known), talk, connections=2)


def test_places_where_everybody_works() -> None:
    class Connection:
        aborted = False

        def abort(self) -> None:
            self.aborted = True

    places, one, other = Places(1), Connection(), Connection()
    assert places.enter(one)
    assert not places.enter(other)
    places.waits(other)  # has no place
    places.waits(one)
    places.works(one)
    assert not places.enter(other)
    places.waits(one)
    assert places.enter(other)
    assert (one.aborted, other.aborted) == (True, False)
    places.leave(one)
    places.leave(other)
    assert places.enter(one)


def test_a_new_client_of_a_full_server_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_look_ups, "_PATIENCE", 60)
    busy, free = threading.Event(), threading.Event()

    class Slow(Stub):
        def check(self, addresses: Iterable[str], _at: object) -> Iterator[tuple[str, bool]]:
            busy.set()
            assert free.wait(60)
            yield from ((address, True) for address in addresses)

    async def talk(server: SocketmapServer) -> None:
        client = await Client.of(server)
        client.writer.write(netstring("map kim@example.org"))
        assert await asyncio.to_thread(busy.wait, 60)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await (await Client.of(server)).ask("kim@example.org")
        free.set()
        assert await client.answer() == REJECT

    run(lambda: LookUps(Slow()), talk, connections=1)  # type: ignore[arg-type]


def test_idle_clients_are_closed(known: SuppressionList, monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk(server: SocketmapServer) -> None:
        client = await Client.of(server)
        assert await client.ask("kim@example.org") == REJECT
        (connection,) = server.connections
        for _ in range(2):
            connection._active -= socketmap._IDLE  # as if so much time had passed
            assert await client.ask("kim@example.org") == REJECT
            connection._check_time()
        assert await client.ask("kim@example.org") == REJECT
        connection._active -= socketmap._IDLE
        connection._check_time()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await client.answer()
        assert not server.connections
        monkeypatch.setattr(socketmap, "_IDLE", 0.05)
        client = await Client.of(server)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await client.answer()
        assert not server.connections

    run(lambda: LookUps(known), talk)


# --- a list that cannot be read


class Stub:
    """Stands in for a list."""

    scope = ""

    def check(self, _addresses: Iterable[str], _at: object) -> Iterator[tuple[str, bool]]:
        raise UndeliverableError("gone")

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("choice", "answer"),
    [("open", NOT_FOUND), ("temp", "TEMP the list cannot be read"), ("perm", "PERM the list cannot be read")],
)
def test_a_list_that_cannot_be_read(choice: str, answer: str, caplog: pytest.LogCaptureFixture) -> None:
    async def talk(server: SocketmapServer) -> None:
        client = await Client.of(server)
        for _ in range(3):
            assert await client.ask("kim@example.org") == answer
        assert await client.ask("example.org") == NOT_FOUND

    run(lambda: LookUps(Stub(), if_unreadable=IfUnreadable(choice)), talk)  # type: ignore[arg-type]
    assert [record.getMessage().rpartition(": ")[2] for record in caplog.records] == ["gone"]


def test_a_list_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_look_ups, "_PATIENCE", 0.3)
    busy, free = threading.Event(), threading.Event()

    class Stuck(Stub):
        def check(self, addresses: Iterable[str], _at: object) -> Iterator[tuple[str, bool]]:
            busy.set()
            assert free.wait(60)
            yield from ((address, True) for address in addresses)

    async def talk(server: SocketmapServer) -> None:
        clients = [await Client.of(server) for _ in range(3)]
        first = asyncio.create_task(clients[0].ask("kim@example.org"))
        assert await asyncio.to_thread(busy.wait, 60)
        second = asyncio.create_task(clients[1].ask("lee@example.org"))  # waits for the next reading
        assert await first == await second == "TEMP the list cannot be read"
        assert server.look_ups.ask("kim@example.org", pytest.fail) == "TEMP the list cannot be read"  # at once
        assert await clients[2].ask("kim@example.org") == "TEMP the list cannot be read"
        monkeypatch.setattr(_look_ups, "_PATIENCE", 60)
        free.set()
        async with asyncio.timeout(60):
            while server.look_ups._is_stuck:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert await clients[2].ask("kim@example.org") == REJECT

    run(lambda: LookUps(Stuck(), if_unreadable=IfUnreadable.TEMP), talk)  # type: ignore[arg-type]


# --- where it listens


def test_a_socket_file(known: SuppressionList, tmp_path: Path) -> None:
    path = tmp_path / "look-ups"

    async def both() -> None:
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(path))  # of a server that was killed
        server = SocketmapServer(LookUps(known), str(path))
        await server.start()
        assert server.port == f"unix:{path}"
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        other = SocketmapServer(LookUps(known), str(path))
        with pytest.raises(OSError, match="another server listens there"):
            await other.start()
        reader, writer = await asyncio.open_unix_connection(str(path))
        client = Client(reader, writer)
        assert await client.ask("kim@example.org") == REJECT
        await server.stop()
        assert await client.rest() == b""
        writer.close()
        OPEN.clear()
        assert not path.exists()

    before = os.umask(0o022)
    try:
        asyncio.run(both())
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


def test_a_file_that_is_no_socket_stays(known: SuppressionList, tmp_path: Path) -> None:
    path = tmp_path / "mine"
    path.write_text("mine", encoding="utf-8")

    async def start() -> None:
        server = SocketmapServer(LookUps(known), str(path))
        with pytest.raises(OSError):  # noqa: PT011 # each system has its own
            await server.start()

    asyncio.run(start())
    assert path.read_text(encoding="utf-8") == "mine"


def test_a_connection_that_ends_before_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_look_ups, "_PATIENCE", 60)
    busy, free = threading.Event(), threading.Event()

    class Slow(Stub):
        def check(self, addresses: Iterable[str], _at: object) -> Iterator[tuple[str, bool]]:
            busy.set()
            assert free.wait(60)
            yield from ((address, True) for address in addresses)

    async def talk(server: SocketmapServer) -> None:
        client = await Client.of(server)
        client.writer.write(netstring("map kim@example.org"))
        assert await asyncio.to_thread(busy.wait, 60)
        (connection,) = server.connections
        connection.abort()
        free.set()
        assert await client.rest() == b""
        assert await (await Client.of(server)).ask("kim@example.org") == REJECT

    run(lambda: LookUps(Slow()), talk)  # type: ignore[arg-type]


def test_what_the_options_ask_for(known: SuppressionList) -> None:
    options = Namespace(
        socketmap=("127.0.0.1", 0), list=known.place, scope="", stream=None, if_unreadable="temp", reject_text=None
    )
    (listener,) = _look_up_listeners(options)
    server = listener.server
    assert isinstance(server, SocketmapServer)
    assert listener.about == f"socketmap: look-ups in {known.place}"

    async def ask() -> str:
        await server.start()
        client = await Client.of(server)
        answer = await client.ask("kim@example.org")
        client.writer.close()
        OPEN.clear()
        await server.stop()
        return answer

    assert asyncio.run(ask()) == REJECT
    assert _look_up_listeners(Namespace(socketmap=None)) == []


def test_a_server_that_never_started(known: SuppressionList) -> None:
    asyncio.run(SocketmapServer(LookUps(known), ("127.0.0.1", 0)).stop())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--socketmap", "127.0.0.1:0"], "--list is required"),
        (["--socketmap", "0.0.0.0:0", "--list", "x", "--listen-any"], "reachable from other hosts"),
        (["--socketmap", "192.0.2.1:0", "--list", "x"], "reachable from other hosts"),
        (["--socketmap", "unix:/tmp/x", "--list", "{list}", "--reject-text", "a\nb"], "--reject-text"),
        (["--socketmap", "unix:/tmp/x", "--list", "/nowhere/list.db"], "no such list"),
    ],
)
def test_wrong_usage(
    arguments: list[str], said: str, known: SuppressionList, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", *(argument.format(list=known.place) for argument in arguments)]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("place", ["unix:relative", "8025", "unix:"])
def test_a_place_that_is_none(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--socketmap", place])
    assert "HOST:PORT" in capsys.readouterr().err


def test_the_command_answers(known: SuppressionList) -> None:
    options = ["--list", known.place, "--reject-text", "No mail to you", "--stream", "transactional"]
    with serving("--socketmap", "127.0.0.1:0", *options) as server:
        with socket.create_connection(("127.0.0.1", server.ports[0]), 10) as client:
            client.sendall(b"lookup kim@example.org")
            client.shutdown(socket.SHUT_WR)
            assert client.recv(100) == b"OK REJECT 5.7.1 No mail to you\n"
        with socket.create_connection(("127.0.0.1", server.ports[0]), 10) as client:
            client.sendall(netstring("map ann@example.org"))
            assert client.recv(100) == netstring(NOT_FOUND)
        assert server.stop() == 0
