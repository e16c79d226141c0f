"""The plugin for Haraka when something is missing: the service, its answer, the disk, or Haraka itself for a moment."""

from __future__ import annotations

import shutil
import smtplib
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.dns_server import SERVFAIL, dns_server
from undeliverable import Advice, parse
from undeliverable.store import SuppressionList

from .haraka import Haraka, Outcomes, Recording, lacking, send, wait
from .refusals import RULES
from .remote import Remotes, free_port

DEAD, LATER, FINE = "dead@remote.example", "later@remote.example", "fine@remote.example"
REPLIES: Final = {"dead": "550 5.1.1 no such user here", "later": "451 4.3.0 in a moment"}
GONE: Final = "Recipient is suppressed by this sending system"

pytestmark = pytest.mark.skipif(lacking() is not None, reason=lacking() or "Haraka can be run")


@pytest.fixture
def outcomes() -> Iterator[Outcomes]:
    folder = Path(tempfile.mkdtemp(prefix="haraka-"))
    (folder / "rules.toml").write_text(RULES, encoding="ascii")
    yield Outcomes(folder, free_port())
    shutil.rmtree(folder)


@pytest.fixture
def remote() -> Recording:
    return Recording(rcpt=REPLIES)


@contextmanager
def running(
    outcomes: Outcomes, remote: Recording, *, always_split: bool = True, **settings: dict[str, object]
) -> Iterator[tuple[Haraka, Remotes]]:
    with Remotes({"remote.example": remote, "sender.example": Recording()}) as remotes:
        haraka = Haraka(outcomes.folder / "server", remotes, outcomes.port, always_split=always_split, **settings)
        haraka.start()
        try:
            yield haraka, remotes
        finally:
            haraka.stop()


def kinds(outcomes: Outcomes) -> dict[str, str]:
    """Return the kind of the first record of each recipient."""
    found: dict[str, str] = {}
    for record in outcomes.found():
        found.setdefault(record["verdicts"][0]["recipient"], record["kind"])
    return found


def is_suppressed(outcomes: Outcomes, address: str) -> bool:
    with SuppressionList(outcomes.addresses) as known:
        return known.is_suppressed(address)


def returned(remotes: Remotes, recipient: str) -> list[str]:
    return [mail for mail in remotes.accepted if f"rfc822;{recipient}" in mail]


def test_an_address_suppressed_while_its_mail_waits_gets_no_other_attempt(
    outcomes: Outcomes, remote: Recording
) -> None:
    with outcomes.service(), running(outcomes, remote) as (haraka, remotes):
        assert not send(haraka.port, LATER)
        wait(lambda: remote.asked == [LATER], haraka)
        outcomes.post("/v1/suppressions/add", {"address": LATER, "why": "asked for it"})
        wait(lambda: len(returned(remotes, LATER)) == 1, haraka)
        time.sleep(1)
        assert remote.asked == [LATER]
        (notification,) = returned(remotes, LATER)
        assert "Status: 5.7.1" in notification
        assert GONE in notification
        assert "No MX" not in notification
        (verdict,) = parse(notification.encode()).verdicts
        assert verdict.advice is not Advice.SUPPRESS  # should it come back to us
        wait(lambda: "suppressed" in {record["kind"] for record in outcomes.found()}, haraka)


def test_of_a_message_to_several_only_the_suppressed_recipient_is_left_out(
    outcomes: Outcomes, remote: Recording
) -> None:
    with (
        outcomes.service(),
        running(outcomes, remote, check={"rcpt": "false"}, always_split=False) as (
            haraka,
            remotes,
        ),
    ):
        outcomes.post("/v1/suppressions/add", {"address": DEAD})
        with smtplib.SMTP("127.0.0.1", haraka.port, timeout=30) as client:
            client.sendmail("news@sender.example", [DEAD, FINE], "Subject: Hello\n\nHello!\n")
        wait(lambda: kinds(outcomes) == {DEAD: "suppressed", FINE: "delivered"}, haraka)
        wait(lambda: len(returned(remotes, DEAD)) == 1, haraka)
        assert remote.asked == [FINE]


def test_without_the_service_mail_flows_and_its_outcomes_survive_a_kill(outcomes: Outcomes, remote: Recording) -> None:
    with running(outcomes, remote) as (haraka, remotes):
        assert not send(haraka.port, DEAD, LATER, FINE)
        wait(lambda: len(returned(remotes, DEAD)) == 1 and len(haraka.spooled()) >= 1, haraka)
        wait(lambda: FINE in remote.asked and LATER in remote.asked, haraka)
        assert "not classified" in haraka.log()
        time.sleep(1)
        haraka.kill()
        haraka.start()
        with outcomes.service():
            wait(lambda: {DEAD: "bounce", LATER: "delay", FINE: "delivered"}.items() <= kinds(outcomes).items(), haraka)
            wait(lambda: not haraka.spooled(), haraka)
            assert is_suppressed(outcomes, DEAD)
            assert not is_suppressed(outcomes, LATER)


def test_a_service_that_does_not_answer_holds_nothing_up(outcomes: Outcomes, remote: Recording) -> None:
    with socket.create_server(("127.0.0.1", outcomes.port)) as silent:
        taken: list[socket.socket] = []
        threading.Thread(target=lambda: accept(silent, taken), daemon=True).start()
        with running(outcomes, remote) as (haraka, _):
            began = time.monotonic()
            assert not send(haraka.port, FINE)
            wait(lambda: remote.asked == [FINE], haraka)
            assert time.monotonic() - began < 12  # once for RCPT, once for the attempt
            assert "no answer in 3 s" in haraka.log()


def accept(server: socket.socket, taken: list[socket.socket]) -> None:
    while True:
        try:
            taken.append(server.accept()[0])
        except OSError:
            return


def test_clients_may_be_told_to_wait_for_the_service(outcomes: Outcomes, remote: Recording) -> None:
    with running(outcomes, remote, check={"defer_if_down": "true"}) as (haraka, _):
        refused = send(haraka.port, FINE)
        assert refused[FINE][0] == 450
        assert not remote.asked


def test_a_folder_that_cannot_be_written_loses_nothing_while_haraka_runs(outcomes: Outcomes, remote: Recording) -> None:
    with (
        outcomes.service(),
        running(outcomes, remote, record={"spool": "/dev/null/outcomes"}) as (haraka, _),
    ):
        assert not send(haraka.port, DEAD, FINE)
        wait(lambda: kinds(outcomes) == {DEAD: "bounce", FINE: "delivered"}, haraka)
        assert "are in memory only" in haraka.log()


def test_a_name_server_that_fails_condemns_nobody(
    outcomes: Outcomes, remote: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    ill = {"MX ill.example": (), "A ill.example": SERVFAIL, "AAAA ill.example": SERVFAIL}
    with dns_server(ill) as names, outcomes.service():
        preload = outcomes.folder / "names.js"
        preload.write_text(f"require('node:dns').setServers(['127.0.0.1:{names.port}']);\n", encoding="ascii")
        monkeypatch.setenv("NODE_OPTIONS", f"--require {preload}")
        with running(outcomes, remote) as (haraka, remotes):
            assert not send(haraka.port, "kim@ill.example", "lee@gone.example")
            wait(lambda: kinds(outcomes) == {"kim@ill.example": "delay", "lee@gone.example": "bounce"}, haraka)
            wait(lambda: len(returned(remotes, "lee@gone.example")) == 1, haraka)
            assert not returned(remotes, "kim@ill.example")
            assert not is_suppressed(outcomes, "kim@ill.example")
            assert is_suppressed(outcomes, "lee@gone.example")
