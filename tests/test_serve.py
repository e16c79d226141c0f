"""The sink for LMTP and SMTP, its handler, and the file of records."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from undeliverable import Proof, parse
from undeliverable.cli import main
from undeliverable.cli._command import RunError
from undeliverable.cli._serve_said import Listener, verbose
from undeliverable.cli.serve import _check_return_path
from undeliverable.proof import Prover
from undeliverable.serve import BounceHandler, Delivery, records
from undeliverable.serve._taken import log_taken
from undeliverable.serve.server import Limits, Sink
from undeliverable.store import SuppressionList
from undeliverable.verp import Signer

from .service import SECRETS, TOKEN
from .serving import port_said, serving
from .test_pipe import MESSAGE, bounce
from .test_webhook_endpoint import POSTMARK
from .ways import KEY, deliver, keys_in

DOMAIN = "bounces.example.com"
TO = f"b@{DOMAIN}"
ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 120  # seconds for what must come, in its turn, on a busy machine


class Client:
    """Speaks a line at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def reply(self) -> str:
        lines: list[str] = []
        while not lines or lines[-1][3:4] == "-":
            lines.append((await asyncio.wait_for(self._reader.readline(), PATIENCE)).decode().rstrip())
            if not lines[-1]:
                return ""
        return "\n".join(lines)

    async def say(self, line: str) -> str:
        await self.send(line.encode() + b"\r\n")
        return await self.reply()

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def envelope(self, *recipients: str, hello: str = "LHLO") -> list[str]:
        await self.reply()
        await self.say(f"{hello} client.example")
        return [await self.say("MAIL FROM:<>"), *[await self.say(f"RCPT TO:<{to}>") for to in recipients]]

    async def data(self, message: bytes, replies: int = 1) -> list[str]:
        assert (await self.say("DATA")).startswith("354")
        await self.send(dotted(message))
        return [await self.reply() for _ in range(replies)]

    async def drip(self, data: bytes) -> None:
        for _ in range(200):
            await self.send(data)
            await asyncio.sleep(0.05)

    async def ended(self) -> bool:
        return not await asyncio.wait_for(self._reader.read(), PATIENCE)

    def close(self) -> None:
        self._writer.close()


def dotted(message: bytes) -> bytes:
    lines = b"\n" + message.replace(b"\r\n", b"\n")
    return lines.replace(b"\n", b"\r\n").replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


Talk = Callable[[Sink, Client], Awaitable[None]]


def run(talk: Talk, handler: BounceHandler, *, lmtp: bool = True, limits: Limits | None = None) -> None:
    async def both() -> None:
        sink = Sink(handler, lmtp=lmtp, limits=limits)
        await sink.start()
        client = await connect(sink)
        try:
            await talk(sink, client)
        finally:
            client.close()
            await sink.stop()

    asyncio.run(both())


async def connect(sink: Sink) -> Client:
    return Client(*await asyncio.open_connection("127.0.0.1", sink.port))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bounces.jsonl"


@pytest.fixture
def handler(path: Path) -> BounceHandler:
    return BounceHandler([DOMAIN], to=path)


def stored(path: Path) -> list[dict[str, Any]]:
    return list(records.read(path))


def test_a_message_is_recorded_before_the_reply(handler: BounceHandler, path: Path) -> None:
    async def talk(_sink: Sink, client: Client) -> None:
        assert await client.envelope(TO) == ["250 OK", "250 2.1.5 OK"]
        assert await client.data(MESSAGE) == ["250 2.0.0 recorded"]
        (record,) = stored(path)
        assert record["envelope"] == {"sender": "", "recipients": [TO]}
        assert record["verdicts"][0]["reply_code"] == 550
        assert (await client.say("QUIT")).startswith("221")

    run(talk, handler)


def test_one_reply_per_accepted_recipient(handler: BounceHandler, path: Path) -> None:
    async def talk(_sink: Sink, client: Client) -> None:
        answers = await client.envelope(TO, "b@example.net", f"c@{DOMAIN}", f"d@{DOMAIN}")
        assert [answer[:3] for answer in answers] == ["250", "250", "550", "250", "250"]
        assert await client.data(MESSAGE, replies=3) == ["250 2.0.0 recorded"] * 3
        assert await client.say("NOOP") == "250 OK"
        assert len(stored(path)) == 1

    run(talk, handler)


def test_smtp_has_one_reply(handler: BounceHandler, path: Path) -> None:
    async def talk(_sink: Sink, client: Client) -> None:
        await client.envelope(TO, f"c@{DOMAIN}", hello="EHLO")
        assert await client.data(MESSAGE) == ["250 2.0.0 recorded"]
        assert await client.say("NOOP") == "250 OK"

    run(talk, handler, lmtp=False)
    assert stored(path)[0]["envelope"]["recipients"] == [TO, f"c@{DOMAIN}"]


def test_lmtp_offers_what_rfc_2033_wants(handler: BounceHandler) -> None:
    async def talk(_sink: Sink, client: Client) -> None:
        await client.reply()
        offered = await client.say("LHLO client.example")
        assert {"250-PIPELINING", "250-ENHANCEDSTATUSCODES", "250-8BITMIME"} <= set(offered.splitlines())
        assert (await client.say("EHLO client.example")).startswith("500")

    run(talk, handler)


def test_commands_in_groups(handler: BounceHandler, path: Path) -> None:
    async def talk(_sink: Sink, client: Client) -> None:
        await client.reply()
        await client.say("LHLO client.example")
        group = f"MAIL FROM:<>\r\nRCPT TO:<{TO}>\r\nDATA\r\n".encode()
        await client.send(group + dotted(MESSAGE) + group + dotted(b"Subject: x\n\n.dots\n..\n") + b"QUIT\r\n")
        codes = [(await client.reply())[:3] for _ in range(9)]
        assert codes == ["250", "250", "354", "250"] * 2 + ["221"]

    run(talk, handler)
    assert len(stored(path)) == 2


@pytest.mark.parametrize(
    "message", [b"", b".\n", b"x\n", b"\n.\n..\n", b"a" * (1 << 20) + b"\n", b"bare\r\rreturns\n\0\xff\n"]
)
def test_messages_arrive_as_they_were(message: bytes) -> None:
    seen: list[bytes] = []

    class Handler(BounceHandler):
        async def received(self, delivery: Delivery, content: bytes) -> None:
            seen.append(content)

    async def talk(_sink: Sink, client: Client) -> None:
        await client.envelope(TO)
        await client.data(message)
        await client.say("MAIL FROM:<news@example.net>")
        await client.say(f"RCPT TO:<{TO}>")
        assert (await client.say("DATA"))[:3] == "354"
        for octet in dotted(message)[-2000:]:
            await client.send(bytes([octet]))
        assert (await client.reply())[:3] == "250"

    run(talk, Handler([DOMAIN]))
    whole = message.replace(b"\n", b"\r\n")
    assert seen[0] == whole
    assert whole.endswith(seen[1])


def test_what_is_too_large_is_refused_and_the_next_is_taken(path: Path) -> None:
    async def talk(_sink: Sink, client: Client) -> None:
        await client.envelope(TO, f"c@{DOMAIN}")
        answers = await client.data(b"x" * 300_000 + b"\n", replies=2)
        assert [answer[:9] for answer in answers] == ["552 5.3.4"] * 2
        await client.say("MAIL FROM:<>")
        await client.say(f"RCPT TO:<{TO}>")
        assert (await client.data(MESSAGE))[0][:3] == "250"
        assert (await client.say("MAIL FROM:<> SIZE=100000000"))[:3] == "552"

    run(talk, BounceHandler([DOMAIN], to=path), limits=Limits(size=100_000))
    assert len(stored(path)) == 1


def test_a_little_too_large_is_too_large(path: Path) -> None:
    async def talk(_sink: Sink, client: Client) -> None:
        await client.envelope(TO)
        assert (await client.data(b"x" * 999 + b"\n"))[0][:3] == "552"
        await client.say("MAIL FROM:<>")
        await client.say(f"RCPT TO:<{TO}>")
        assert (await client.data(b"x" * 998 + b"\n"))[0][:3] == "250"

    run(talk, BounceHandler([DOMAIN], to=path), limits=Limits(size=1000))


def test_a_large_message_is_read_in_a_thread(handler: BounceHandler, path: Path) -> None:
    async def talk(_sink: Sink, client: Client) -> None:
        await client.envelope(TO)
        assert (await client.data(MESSAGE + b"x\n" * 200_000))[0][:3] == "250"

    run(talk, handler)
    assert stored(path)[0]["kind"] == "bounce"


@pytest.mark.parametrize("where", ["/no/such/folder/b.jsonl", "/dev/full"])
def test_what_cannot_be_stored_is_451(where: str) -> None:
    async def talk(_sink: Sink, client: Client) -> None:
        await client.envelope(TO, f"c@{DOMAIN}")
        assert [answer[:9] for answer in await client.data(MESSAGE, replies=2)] == ["451 4.3.0"] * 2

    run(talk, BounceHandler([DOMAIN], to=where))


def test_code_of_ones_own_decides_as_well(path: Path) -> None:
    class Handler(BounceHandler):
        async def received(self, delivery: Delivery, content: bytes) -> None:
            assert content
            if delivery.sender:
                raise RuntimeError("no")

    async def talk(_sink: Sink, client: Client) -> None:
        await client.envelope(TO)
        assert (await client.data(MESSAGE))[0][:3] == "250"
        await client.say("MAIL FROM:<news@example.net>")
        await client.say(f"RCPT TO:<{TO}>")
        assert (await client.data(MESSAGE))[0][:3] == "451"

    run(talk, Handler([DOMAIN], to=path))
    assert len(stored(path)) == 1


def test_recipients() -> None:
    handler = BounceHandler(["Example.COM", "@x.example."], recipients=["Bounces@example.net"], most_recipients=2)
    for good in (
        "a@example.com",
        "A@X.EXAMPLE",
        "bounces@example.net",
        "bounces+tok@Example.net",
        "prvs=0776abcdef=a@x.example",
    ):
        assert handler.accepts(good), good
    for bad in (
        "a@sub.example.com",
        "other@example.net",
        "postmaster",
        "",
        "bounces@example.org",
        "a@example.com@evil.example",
    ):
        assert not handler.accepts(bad), bad

    async def talk(_sink: Sink, client: Client) -> None:
        answers = await client.envelope("a@example.com", "b@example.com", "c@example.com")
        assert [answer[:9] for answer in answers[1:]] == ["250 2.1.5", "250 2.1.5", "452 4.5.3"]

    run(talk, handler)


def test_signed_return_paths(path: Path) -> None:
    from datetime import UTC, datetime

    signer = Signer(f"b+{{token}}@{DOMAIN}", {"a": b"0123456789abcdef"})
    good = signer.sign("kim@example.org", id="1", day=datetime.now(UTC).date())

    async def talk(_sink: Sink, client: Client) -> None:
        await client.envelope(good)
        await client.data(MESSAGE)
        await client.say("MAIL FROM:<>")
        await client.say(f"RCPT TO:<{TO}>")
        await client.data(MESSAGE)

    run(talk, BounceHandler([DOMAIN], to=path, prover=signer))
    assert [record["verdicts"][0]["advice"] for record in stored(path)] == ["suppress", "review"]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("DATA", "503"),
        ("DATA now", "501"),
        ("RCPT TO:<b@bounces.example.com>", "503"),
        ("MAIL FROM:<<<", "553"),
        ('MAIL FROM:<"odd local"@example.com>', "250"),
        ("BDAT 10", "500"),
        ("\x01\x02", "500"),
        ("", "500"),
    ],
)
def test_malformed_commands(line: str, answer: str, handler: BounceHandler) -> None:
    async def talk(_sink: Sink, client: Client) -> None:
        await client.reply()
        await client.say("LHLO client.example")
        assert (await client.say(line))[:3] == answer
        assert await client.say("NOOP") == "250 OK"

    run(talk, handler)


def test_a_fault_in_the_server_is_temporary(handler: BounceHandler, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> str:
        raise RuntimeError("a fault")

    monkeypatch.setattr(handler, "handle_RCPT", fail)

    async def talk(_sink: Sink, client: Client) -> None:
        assert (await client.envelope(TO))[1][:3] == "451"

    run(talk, handler)


# --- slow, many, and the end


def test_slow_clients_keep_nobody_waiting(handler: BounceHandler, path: Path) -> None:
    """A client is served while the others hold their connections, whatever the time that takes on a busy machine."""

    async def talk(sink: Sink, client: Client) -> None:
        silent = await connect(sink)
        drip = await connect(sink)
        await drip.envelope(TO)
        await drip.say("DATA")
        endless = await connect(sink)
        await endless.send(b"x" * 3_000_000)
        await client.envelope(TO)
        assert (await client.data(MESSAGE))[0][:3] == "250"
        assert len(sink.sessions) >= 3  # the client's, and those of the first two
        for one in (silent, drip, endless):
            one.close()

    run(talk, handler)
    assert len(stored(path)) == 1


def test_slow_clients_are_cut_off(handler: BounceHandler, path: Path) -> None:
    async def talk(sink: Sink, client: Client) -> None:
        await client.envelope(TO)
        await client.say("DATA")
        silent = await connect(sink)
        with pytest.raises(ConnectionError):
            await client.drip(b"x\r\n")
        await silent.reply()
        assert await silent.ended()
        assert not sink.sessions
        silent.close()

    run(talk, handler, limits=Limits(command=3.0))
    assert not path.exists()


def test_a_session_that_has_ended_may_be_cut(handler: BounceHandler) -> None:
    async def talk(sink: Sink, client: Client) -> None:
        await client.reply()
        (session,) = sink.sessions
        client.close()
        await session.ended
        session.cut()
        session.dismiss()
        assert not sink.sessions

    run(talk, handler)


def test_a_session_ends(handler: BounceHandler) -> None:
    async def talk(_sink: Sink, client: Client) -> None:
        with suppress(ConnectionError):  # it may have ended on a busy machine
            await client.reply()
        with pytest.raises(ConnectionError):
            await client.drip(b"NOOP\r\n")

    run(talk, handler, limits=Limits(session=0.3))


def test_one_client_too_many(handler: BounceHandler) -> None:
    async def talk(sink: Sink, client: Client) -> None:
        await client.reply()
        second = await connect(sink)
        assert (await second.reply())[:9] == "421 4.3.2"
        assert await second.ended()
        second.close()
        assert (await client.say("NOOP"))[:3] == "250"

    run(talk, handler, limits=Limits(connections=1))


def test_the_end_waits_for_messages_on_their_way(handler: BounceHandler, path: Path) -> None:
    async def talk(sink: Sink, client: Client) -> None:
        idle = await connect(sink)
        await idle.reply()
        await client.envelope(TO)
        await client.say("DATA")
        await client.send(dotted(MESSAGE)[:-3])
        stopping = asyncio.create_task(sink.stop())
        assert (await idle.reply())[:9] == "421 4.3.2"
        assert await idle.ended()
        await client.send(b".\r\n")
        assert (await client.reply())[:3] == "250"
        assert (await client.reply())[:3] == "421"
        await stopping
        idle.close()

    run(talk, handler)
    assert len(stored(path)) == 1


def test_the_end_does_not_wait_for_ever(handler: BounceHandler) -> None:
    async def talk(sink: Sink, client: Client) -> None:
        await client.envelope(TO)
        await client.say("DATA")
        await sink.stop()
        assert not sink.sessions or all(
            session.transport is None or session.transport.is_closing() for session in sink.sessions
        )

    run(talk, handler, limits=Limits(stop=0.1))


def test_a_sink_that_never_started(handler: BounceHandler) -> None:
    async def stop() -> None:
        sink = Sink(handler, port=8024)
        assert sink.port == 8024
        await sink.stop()

    asyncio.run(stop())


def test_many_share_a_write(path: Path) -> None:
    from undeliverable.serve._commit import GroupCommit

    writes: list[int] = []

    def counted(lines: Sequence[bytes]) -> None:
        writes.append(len(lines))
        time.sleep(0.05)
        records.append(path, lines)

    async def add() -> None:
        store = GroupCommit(counted)
        await store.add()
        tasks = [asyncio.create_task(store.add(b'{"number":%d}\n' % number)) for number in range(50)]
        await asyncio.sleep(0.01)
        tasks[0].cancel()  # a client that went away
        tasks += [asyncio.create_task(store.add(b'{"number":%d}\n' % number)) for number in range(50, 60)]
        await store.drain()
        await asyncio.wait(tasks)

    asyncio.run(add())
    assert writes == [50, 10]
    assert [record["number"] for record in stored(path)] == list(range(60))


@pytest.mark.parametrize(
    ("error", "stored_all"), [(OverflowError("date value out of range"), [0, 2]), (OSError("no space"), [])]
)
def test_what_cannot_be_stored_fails_alone(path: Path, error: Exception, stored_all: list[int]) -> None:
    """A full disk is a matter of all of them, and tried once."""
    from undeliverable.serve._commit import GroupCommit

    def fails(lines: Sequence[bytes]) -> None:
        if b'{"number":1}\n' in lines:
            raise error
        records.append(path, lines)

    async def add() -> list[BaseException | None]:
        store = GroupCommit(fails)
        return await asyncio.gather(
            *(store.add(b'{"number":%d}\n' % number) for number in range(3)), return_exceptions=True
        )

    results = asyncio.run(add())
    assert isinstance(results[1], OSError)
    assert [number for number, result in enumerate(results) if result is None] == stored_all
    assert ([record["number"] for record in stored(path)] if path.exists() else []) == stored_all


def test_five_hundred_messages_and_twenty_clients(handler: BounceHandler, path: Path) -> None:
    async def talk(sink: Sink, client: Client) -> None:
        async def one(number: int) -> None:
            own = await connect(sink)
            await own.envelope(TO)
            for count in range(25):
                message = bounce("kim@example.org", "5.1.1", "550 no", message_id=f"<{number}.{count}@x.example>")
                assert (await own.data(message))[0][:3] == "250"
                await own.say("MAIL FROM:<>")
                await own.say(f"RCPT TO:<{TO}>")
            own.close()

        await asyncio.gather(*(one(number) for number in range(20)))
        await client.reply()

    run(talk, handler)
    found = stored(path)
    assert len({record["verdicts"][0]["key"] for record in found}) == len(found) == 500


# --- the command


def serve(*arguments: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "undeliverable", "serve", "--to", str(path), *arguments],
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_command_serves_until_it_is_told_to_end(path: Path) -> None:
    process = serve(
        "--lmtp", "127.0.0.1:0", "--smtp", "[::1]:0" if has_ipv6() else "127.0.0.1:0", "--domain", DOMAIN, path=path
    )
    assert process.stderr is not None
    ports = [port_said(process.stderr) for _ in range(2)]
    with socket.create_connection(("127.0.0.1", ports[0]), 60) as client:
        assert client.recv(100).startswith(b"220")
        process.send_signal(signal.SIGTERM)
        assert b"421" in client.recv(100)
    assert process.wait(60) == 0
    process.stderr.close()


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    "arguments",
    [
        ["--domain", DOMAIN],
        ["--lmtp", "127.0.0.1:0"],
        ["--lmtp", "0.0.0.0:0", "--domain", DOMAIN],
        ["--lmtp", "mx.example.com:24", "--domain", DOMAIN],
        ["--lmtp", "127.0.0.1:0", "--domain", DOMAIN, "--profile", "nonsense"],
    ],
)
def test_wrong_usage(arguments: list[str], path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--to", str(path), *arguments]) == 2
    assert capsys.readouterr().err.startswith("undeliverable: ")


@pytest.mark.parametrize("address", ["8024", ":8024", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000"])
def test_an_address_that_is_none(address: str, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--to", str(path), "--domain", DOMAIN, "--lmtp", address])
    assert "is not HOST:PORT" in capsys.readouterr().err


def test_without_aiosmtpd(path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in [name for name in sys.modules if name.startswith(("aiosmtpd", "undeliverable.serve."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "aiosmtpd", None)
    assert main(["serve", "--to", str(path), "--domain", DOMAIN, "--lmtp", "localhost:0"]) == 2
    assert "undeliverable[lmtp]" in capsys.readouterr().err


@pytest.mark.parametrize("protocol", ["--lmtp", "--smtp", "--http", "--socketmap"])
def test_a_port_that_is_taken(protocol: str, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--to", str(path), "--domain", DOMAIN, "--list", str(path.parent / "list.db")]
    SuppressionList(path.parent / "list.db").close()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        more = ["--no-auth"] if protocol == "--http" else []
        assert main(["serve", *options, protocol, address, *more]) == 1
    what = "Address already in use; another program listens there; stop it, or choose another port"
    assert capsys.readouterr().err == f"undeliverable: {address}: {what}\n"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError("another server listens there"), "another server listens there"),
        (socket.gaierror(-2, "Name or service not known"), "[::1]:24: Name or service not known"),
        (PermissionError(13, "bind: denied"), "[::1]:24: Permission denied; check the owner"),
    ],
)
def test_a_place_that_cannot_be_used_is_named(error: OSError, said: str) -> None:
    class Broken:
        port = 24

        async def start(self) -> None:
            raise error

        async def stop(self) -> None: ...

    with pytest.raises(RunError) as raised:
        asyncio.run(Listener(Broken(), "::1", "").start())
    assert str(raised.value).startswith(said)


def test_each_place_says_what_it_does(tmp_path: Path) -> None:
    place, to, secrets = tmp_path / "list.db", tmp_path / "b.jsonl", tmp_path / "secrets.toml"
    secrets.write_text(SECRETS + POSTMARK, encoding="utf-8")
    secrets.chmod(0o600)
    options: list[object] = [
        "--domain",
        "b.example.com",
        "--domain",
        "example.com",
        "--recipient",
        f"b@{DOMAIN}",
        "--to",
        to,
    ]
    options += ["--into", place, "--list", place, "--secrets", secrets, *keys_in(tmp_path)]
    SuppressionList(place, require_proof="required").close()
    at = "127.0.0.1:0"
    listening = ["--lmtp", at, "--smtp", at, "--http", at, "--socketmap", f"unix:{tmp_path}/look-ups"]
    with serving(*options, *listening, listening=4) as server:
        said = [re.sub(r":\d+, ", ":N, ", line.removeprefix("undeliverable: ").strip()) for line in server.said]
        text = "".join(server.said)
    records = f"; records to {to}; list {place} (proof required); key a"
    mail = f"mail for @b.example.com, @example.com, b@{DOMAIN}{records}"
    assert said == [
        f"listening on 127.0.0.1:N, LMTP: {mail}",
        f"listening on 127.0.0.1:N, SMTP: {mail}",
        f"listening on 127.0.0.1:N, HTTP: API for all, reader, webhooks of postmark, unsubscribe links{records}",
        f"listening on unix:{tmp_path}/look-ups, socketmap: look-ups in {place}",
    ]
    assert KEY.hex() not in text
    assert TOKEN not in text


def test_a_line_for_each_message_if_it_is_wanted(path: Path) -> None:
    foreign = MESSAGE.replace(b"kim@example.org", b"kim\x1b[31m@example.org")
    for options in ([], ["-v"]):
        with serving("--lmtp", "127.0.0.1:0", "--domain", DOMAIN, "--to", path, *options) as server:
            for message in (MESSAGE, foreign):
                assert deliver(server.ports[0], message, (f"b+1@{DOMAIN}",)) == 0
            assert server.stop() == 0
            assert server.process.stderr is not None
            lines = server.process.stderr.read().splitlines()
        assert len(lines) == (2 if options else 0)
    assert lines[0] == (f"undeliverable: mail to b+1@{DOMAIN}: bounce; kim@example.org hard user_unknown suppress")
    assert lines[1].isprintable()


def test_what_a_message_says_is_short(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "undeliverable.serve")
    (verdict,) = parse(MESSAGE).verdicts
    long = replace(verdict, recipient="x" * 500, proof=Proof.OWN)
    log_taken("webhook", replace(parse(MESSAGE), verdicts=(long,) * 9), ["a", "b", "c", "d", "e"])
    log_taken("api", parse(b"Subject: hello\n\nhello\n"))
    assert caplog.messages[0].startswith("webhook to a, b, c and 2 more: bounce; xxx")
    assert caplog.messages[0].endswith("(own) and 6 more")
    assert len(caplog.messages[0]) < 500
    assert caplog.messages[1] == "api: other; no recipients"


def test_other_hosts_may_be_let_in(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("undeliverable.cli.serve.warn", lambda _: os.kill(os.getpid(), signal.SIGINT))  # it listens
    assert main(["serve", "--to", str(path), "--domain", DOMAIN, "--smtp", "0.0.0.0:0", "--listen-any"]) == 0


# --- the file of records


def test_lines_are_whole_or_refused(path: Path) -> None:
    for bad in (b"", b"{}", b"{}\n{}\n", b"\n{}"):
        with pytest.raises(ValueError, match="one line"):
            records.append(path, [b"{}\n", bad])
    assert not path.exists()
    records.append(path, [])
    assert path.read_bytes() == b""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b""),
        (b'{"a":1}\n', b'{"a":1}\n'),
        (b'{"a":1}\n{"b"', b'{"a":1}\n'),
        (b'{"b', b""),
        (b'{"a":1}\n\0\0\0\0', b'{"a":1}\n'),
        (b'{"a":1}\n{"b":2}', b'{"a":1}\n{"b":2}\n'),
        (b"a text of somebody else's", b"a text of somebody else's\n"),
        (b'{"a":1}\n' + b'{"b":"' + b"x" * 200_000, b'{"a":1}\n'),
        (b"{" * 100_000, b""),
    ],
)
def test_a_torn_line_is_repaired(before: bytes, after: bytes, path: Path) -> None:
    path.write_bytes(before)
    whole = [json.loads(line) for line in before.split(b"\n")[:-1] if line.startswith(b"{")]
    assert stored(path) == whole
    records.append(path, [b'{"c":3}\n'])
    assert path.read_bytes() == after + b'{"c":3}\n'
    assert stored(path)[-1] == {"c": 3}


def test_readers_pass_over_what_is_no_record(path: Path) -> None:
    path.write_bytes(b'[1]\nnonsense\n\xff\n{"a":1}\n' + b"[" * 100_000 + b"\n\n")
    assert stored(path) == [{"a": 1}]


def test_only_regular_files(tmp_path: Path) -> None:
    link, fifo = tmp_path / "link", tmp_path / "fifo"
    link.symlink_to(tmp_path / "target")
    os.mkfifo(fifo)
    for path in (link, fifo, tmp_path):
        with pytest.raises(OSError):  # noqa: PT011 # each system has its own
            records.append(path, [b"{}\n"])
        with pytest.raises(OSError):  # noqa: PT011
            stored(path)
    assert not (tmp_path / "target").exists()


def test_modes(path: Path) -> None:
    before = os.umask(0)
    try:
        records.append(path, [b"{}\n"])
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_may_be_renamed_away_meanwhile(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    lock, asks = fcntl.flock, threading.Event()

    def noted(file: int, how: int) -> None:
        asks.set()
        lock(file, how)

    for replaced in (True, False):
        records.append(path, [b'{"old":1}\n'])
        with open(path, "rb") as holder:
            lock(holder, fcntl.LOCK_EX)
            asks.clear()
            monkeypatch.setattr(fcntl, "flock", noted)
            writer = threading.Thread(target=records.append, args=(path, [b'{"new":1}\n']))
            writer.start()
            assert asks.wait(60)  # the file is open
            path.rename(path.with_suffix(".1"))
            if replaced:
                path.touch()
        writer.join()
        assert stored(path) == [{"new": 1}]
        assert {"old": 1} in stored(path.with_suffix(".1"))
        path.unlink()


def test_a_failed_write_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records.append(path, [b'{"a":1}\n'])

    def fail(_file: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space"):
        records.append(path, [b'{"b":2}\n'])
    monkeypatch.setattr(os, "ftruncate", lambda _file, _size: fail(0))
    with pytest.raises(OSError, match="no space"):
        records.append(path, [b'{"b":2}\n'])
    assert path.read_bytes().startswith(b'{"a":1}\n')


# --- the recipes of the documentation


def recipe(name: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location(name, ROOT / "docs" / "examples" / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_recipe_for_an_application(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def talk(_sink: Sink, client: Client) -> None:
        await client.envelope(TO)
        assert (await client.data(MESSAGE))[0][:3] == "250"

    run(talk, recipe("take_with_aiosmtpd").Bounces([DOMAIN], to=path))
    assert len(stored(path)) == 1
    assert "kim@example.org: user_unknown" in caplog.text


def test_the_recipe_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module = recipe("take_with_aiosmtpd")

    async def cancelled() -> None:
        task = asyncio.create_task(module.main())
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())


def test_a_delivery_is_a_record() -> None:
    delivery = Delivery(parse(MESSAGE), "", (TO,))
    assert json.loads(delivery.line()) == json.loads(json.dumps(delivery.to_dict()))
    assert delivery.line().isascii()
    assert delivery.line().count(b"\n") == 1


def test_lines_for_each_message_end_with_the_server(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("undeliverable.serve")
    before = log.level, list(log.handlers)
    for is_wanted in (True, False):
        with verbose(is_wanted=is_wanted):
            log_taken("api", parse(b"Subject: hello\n\nhello\n"))
        assert capsys.readouterr().err == ("undeliverable: api: other; no recipients\n" if is_wanted else "")
        assert (log.level, log.handlers) == before


@pytest.mark.parametrize(
    ("host", "port", "place"),
    [("127.0.0.1", 24, "127.0.0.1:24"), ("::1", 24, "[::1]:24"), (None, "unix:/run/look-ups", "unix:/run/look-ups")],
)
def test_a_place_is_named_as_options_name_it(host: str | None, port: int | str, place: str) -> None:
    assert Listener(SimpleNamespace(port=port), host, "").place == place


@pytest.mark.parametrize("accepts", [True, False])
def test_a_return_path_that_nobody_accepts_is_said(*, accepts: bool, capsys: pytest.CaptureFixture[str]) -> None:
    signer = Signer(f"b+{{token}}@{DOMAIN}", {"a": b"0123456789abcdef"})
    _check_return_path(Prover(signer), lambda address: accepts and address == f"b+token@{DOMAIN}")
    _check_return_path(None, lambda _: False)
    assert ("for which no --domain or --recipient accepts mail" in capsys.readouterr().err) is not accepts
