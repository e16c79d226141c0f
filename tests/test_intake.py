"""Records and the list: both hold a report before it is acknowledged, and whatever dies in between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests import intake_load, webhook_load
from undeliverable import Proof, Report, parse
from undeliverable.proof import Prover, SentTable
from undeliverable.serve import BounceHandler
from undeliverable.serve._intake import Intake, Taken
from undeliverable.serve._receiver import Receiver
from undeliverable.serve.server import Sink
from undeliverable.store import StoreError, SuppressionList
from undeliverable.suppression import EventKind, ListEvent
from undeliverable.verp import Signer

from .serving import serving
from .test_pipe import MESSAGE
from .test_serve import DOMAIN, TO, Client, run, stored
from .test_webhook_endpoint import BASIC, BOUNCE, ENDPOINTS

KIM = "kim@example.org"
SIGNER = Signer(f"b+{{token}}@{DOMAIN}", {"a": b"0123456789abcdef"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "b.jsonl"


@pytest.fixture
def known(tmp_path: Path) -> Iterator[SuppressionList]:
    with SuppressionList(tmp_path / "list.db") as opened:
        yield opened


class Failing:
    """A list that cannot be written."""

    def record(self, _events: Iterable[tuple[str, ListEvent]]) -> object:
        raise StoreError("the list is locked")


def taken(report: Report) -> Taken:
    return Taken(report, json.dumps(report.to_dict()).encode() + b"\n")


def keys(path: Path) -> list[Any]:
    return [record["verdicts"][0]["key"] for record in stored(path)]


def test_the_record_comes_first_and_a_repeat_doubles_nothing_in_the_list(path: Path, known: SuppressionList) -> None:
    report = parse(MESSAGE)
    with pytest.raises(StoreError):
        Intake(path, Failing()).store([taken(report)])
    assert len(stored(path)) == 1
    for _ in range(2):
        Intake(path, known).store([taken(report)])
    assert len(set(keys(path))) == 1
    assert len(known.history(KIM)) == 1
    assert known.is_suppressed(KIM)


def test_what_cannot_be_judged_adds_no_line_however_often_it_is_repeated(
    path: Path, known: SuppressionList, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OverflowError

    monkeypatch.setattr("undeliverable.serve._intake.events_of", fails)
    for _ in range(2):
        with pytest.raises(OverflowError):
            Intake(path, known).store([taken(parse(MESSAGE))])
    assert not path.exists()


def test_without_the_record_nothing_goes_into_the_list(tmp_path: Path, known: SuppressionList) -> None:
    with pytest.raises(OSError):  # noqa: PT011 # each system has its own
        Intake(tmp_path, known).store([taken(parse(MESSAGE))])
    assert len(known) == 0


def test_either_of_them_is_enough(path: Path, known: SuppressionList) -> None:
    Intake(path).store([taken(parse(MESSAGE))])
    assert len(stored(path)) == 1
    Intake(None, known).store([taken(parse(MESSAGE)), Taken(parse(MESSAGE), None)])
    assert len(known.history(KIM)) == 1
    Intake(path).store([Taken(parse(MESSAGE), None)])
    assert len(stored(path)) == 1


# --- LMTP


def test_a_message_is_in_both_before_the_reply(path: Path, known: SuppressionList) -> None:
    began = datetime.now(UTC)

    async def talk(_sink: Sink, client: Client) -> None:
        await client.envelope(TO)
        assert (await client.data(MESSAGE))[0][:3] == "250"
        (record,), (event,) = stored(path), known.history(KIM)
        assert began <= event.time <= datetime.now(UTC)
        assert datetime.fromisoformat(record["received"]) == event.time
        assert known.is_suppressed(KIM)

    run(talk, BounceHandler([DOMAIN], to=path, into=known))


def test_a_list_that_cannot_be_written_is_451_and_the_repeat_is_taken(path: Path, known: SuppressionList) -> None:
    handler = BounceHandler([DOMAIN], to=path, into=Failing())

    async def talk(_sink: Sink, client: Client) -> None:
        await client.envelope(TO)
        assert (await client.data(MESSAGE))[0][:9] == "451 4.3.0"

    run(talk, handler)

    async def again(_sink: Sink, client: Client) -> None:
        await client.envelope(TO)
        assert (await client.data(MESSAGE))[0][:3] == "250"

    run(again, BounceHandler([DOMAIN], to=path, into=known))
    assert len(set(keys(path))) == 1
    assert len(known.history(KIM)) == 1


@pytest.mark.parametrize("has_table", [True, False])
def test_a_proved_bounce_reaches_the_list_for_the_address_that_was_mailed(
    path: Path, known: SuppressionList, *, has_table: bool
) -> None:
    prover = Prover(SIGNER, SentTable([("7", KIM)]) if has_table else None)
    token = SIGNER.sign(KIM, id="7", day=datetime.now(UTC).date())

    async def talk(_sink: Sink, client: Client) -> None:
        await client.envelope(token)
        await client.data(MESSAGE)
        await client.say("MAIL FROM:<>")
        await client.say(f"RCPT TO:<{TO}>")
        await client.data(MESSAGE.replace(b"kim@", b"lee@"))

    run(talk, BounceHandler([DOMAIN], to=path, into=known, prover=prover))
    assert [record["verdicts"][0]["proof"] for record in stored(path)] == ["token", "unproved"]
    assert [event.proof for event in known.history(KIM)] == [Proof.TOKEN]
    assert known.is_suppressed(KIM)
    assert not known.is_suppressed("lee@example.org")


# --- webhooks


def take(receiver: Receiver, body: bytes) -> int:
    return asyncio.run(receiver.take("postmark", body, BASIC)).status


def test_a_webhook_is_signed_and_in_both(path: Path, known: SuppressionList) -> None:
    assert take(Receiver(ENDPOINTS, to=path, into=known), BOUNCE) == 200
    (record,), (event,) = stored(path), known.history("kim1@example.org")
    assert record["verdicts"][0]["proof"] == "signed"
    assert event.proof is Proof.SIGNED
    assert datetime.fromisoformat(record["received"]) == event.time


@pytest.mark.parametrize("is_restarted", [True, False])
def test_an_event_in_the_file_alone_reaches_the_list_when_it_comes_again(
    path: Path, known: SuppressionList, *, is_restarted: bool
) -> None:
    class Once(Failing):
        fails = True

        def record(self, events: Iterable[tuple[str, ListEvent]]) -> object:
            return super().record(events) if self.fails else known.record(events)

    into, seen = Once(), list[Report]()
    receiver = Receiver(ENDPOINTS, to=path, into=into, received=seen.extend)
    assert take(receiver, BOUNCE) == 503
    assert len(stored(path)) == 1
    into.fails = False
    if is_restarted:
        receiver = Receiver(ENDPOINTS, to=path, into=into, received=seen.extend)
    for _ in range(3):
        assert take(receiver, BOUNCE) == 200
    assert len(known.history("kim1@example.org")) == 1
    assert len(set(keys(path))) == 1


def test_webhooks_into_a_list_alone(known: SuppressionList) -> None:
    receiver = Receiver(ENDPOINTS, into=known)
    for number in ("1", "2", "1"):
        assert take(receiver, webhook_load.event(number)) == 200
    assert len(known) == 2


# --- the command


def test_a_bounce_reaches_the_list_of_the_command(tmp_path: Path, path: Path) -> None:
    """Proved by what the list itself says was sent."""
    keys_file, place = tmp_path / "keys", tmp_path / "list.db"
    keys_file.write_text(f"a {b'0123456789abcdef'.hex()}\n", encoding="ascii")
    keys_file.chmod(0o600)
    with SuppressionList(place) as known:
        known.record_sent([("team@example.org", "7", None)])
    token = SIGNER.sign("team@example.org", id="7", day=datetime.now(UTC).date())
    options = ["--domain", DOMAIN, "--into", place, "--to", path]
    proof = ["--return-path", f"b+{{token}}@{DOMAIN}", "--keys", keys_file]
    with serving("--lmtp", "127.0.0.1:0", *options, *proof) as server:

        async def send() -> None:
            client = Client(*await asyncio.open_connection("127.0.0.1", server.ports[0]))
            await client.envelope(token)
            assert (await client.data(MESSAGE))[0][:3] == "250"
            client.close()

        asyncio.run(send())
        assert server.stop() == 0
    with SuppressionList(place) as known:
        (event,) = known.history("team@example.org")
        assert (event.kind, event.proof) == (EventKind.BOUNCE, Proof.TOKEN)
        assert not known.is_suppressed("team@example.org")  # its member is dead, not the team
        assert known.get(KIM) is None
    assert [record["verdicts"][0]["sent_to"] for record in stored(path)] == ["team@example.org"]


def test_killed_between_record_and_list(tmp_path: Path) -> None:
    """Reduced; python -m tests.intake_load --rounds 100 is the measurement."""
    figures = intake_load.kill(tmp_path, 3)
    assert figures["acknowledged"] > 3
    assert figures["lost"] == figures["twice in the list"] == 0
