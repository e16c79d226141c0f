"""What clients of the servers can take: octets in transfer, connections, time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable.serve import BounceHandler, Budget
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
