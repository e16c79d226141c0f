"""What a remote server refuses is what is recorded: through a real mail server, its bounces and its log."""

from __future__ import annotations

import os
import shutil
import smtplib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from undeliverable import Verdict
from undeliverable.logs import iter_log
from undeliverable.serve import records
from undeliverable.verp import Signer

from .remote import Remotes, Script, free_port
from .servers import LMTP, PIPE, Exim, Postfix, Server

SECRET = b"of the live tests only"
PATIENCE = 90  # seconds for all bounces to arrive


@dataclass(frozen=True)
class Case:
    """One recipient whom a remote server refuses."""

    recipient: str
    code: int
    status: str
    command: str
    expired: bool = False

    def seen(self, verdict: dict[str, Any]) -> tuple[object, ...]:
        # A server may wait in vain after a 5yz greeting, RFC 5321 3.1, and so it does expire.
        expired = verdict["expired"] and self.command != "connect"
        return (*(verdict[key] for key in ("recipient", "action", "reply_code", "status")), self.step(verdict), expired)

    def step(self, verdict: dict[str, Any]) -> object:
        """The command; some servers use the same words for a refused greeting and a refused EHLO."""
        early = {"connect", "ehlo"}
        return self.command if self.command in early and verdict["command"] in early else verdict["command"]

    def wanted(self) -> tuple[object, ...]:
        return (self.recipient, "failed", self.code, self.status, self.command, self.expired)


STAGES = {
    "connect": ("CONNECT", "554 5.7.1 no service for your address", 554, "5.7.1"),
    "connect2": ("CONNECT", "554-5.7.1 no service\r\n554 5.7.1 for your address", 554, "5.7.1"),
    "ehlo": ("EHLO", "550 5.7.1 we do not talk to you", 550, "5.7.1"),
    "mail": ("MAIL", "550 5.1.8 sender's domain does not exist", 550, "5.1.8"),
    "mail2": ("MAIL", "553-5.1.8 this sender\r\n553-5.1.8 is refused\r\n553 5.1.8 for good", 553, "5.1.8"),
    "data": ("DATA", "554 5.5.1 not now, and not later", 554, "5.5.1"),
    "end": ("END", "550 5.7.1 this message looks like spam", 550, "5.7.1"),
    "end2": ("END", "552-5.3.4 the message\r\n552 5.3.4 is too large", 552, "5.3.4"),
    "later": ("MAIL", "451 4.7.1 greylisted, come back later", 451, "4.7.1"),
    "later2": ("END", "452 4.3.1 the disk is full", 452, "4.3.1"),
}
RCPT = {
    "unknown": "550 5.1.1 no such user here",
    "unknown2": "550-5.1.1 there is no such user here.\r\n550-5.1.1 Please look at the address,\r\n550 5.1.1 and try again",
    "full": "552 5.2.2 mailbox full",
    "plain": "550 no such user here",
    "grey": "450 4.2.0 greylisted",
}
COMMANDS = {"CONNECT": "connect", "EHLO": "ehlo", "MAIL": "mail", "DATA": "data", "END": "end_of_data"}


DOORS = {PIPE: "pipe.example", LMTP: "lmtp.example"}
"""The top of all recipients' domains by door: a server must not wait for one because of the other."""


def scripts() -> dict[str, Script]:
    found: dict[str, Script] = {}
    for top in DOORS.values():
        found |= {f"{name}.{top}": Script({stage: reply}) for name, (stage, reply, *_) in STAGES.items()}
        found[f"ehlo.{top}"] = Script({"EHLO": STAGES["ehlo"][1], "HELO": STAGES["ehlo"][1]})
        found[f"rcpt.{top}"] = found[f"mixed.{top}"] = Script(rcpt=RCPT)
    return found


def cases(top: str) -> dict[str, tuple[Case, ...]]:
    """The recipients of each message, by the message's id."""
    found: dict[str, tuple[Case, ...]] = {
        name: (Case(f"kim@{name}.{top}", code, status, COMMANDS[stage], expired=code < 500),)
        for name, (stage, _, code, status) in STAGES.items()
    }
    for name, reply in RCPT.items():
        found[name] = (refused(f"{name}@rcpt.{top}", reply),)
    found["mixed"] = tuple(refused(f"{name}@mixed.{top}", RCPT[name]) for name in ("unknown", "full", "grey"))
    return found


def refused(recipient: str, reply: str) -> Case:
    code = int(reply[:3])
    status = {"plain": "5.0.0"}.get(recipient.partition("@")[0], reply[4:9])
    return Case(recipient, code, status, "rcpt", expired=code < 500)


CASES = {door: cases(top) for door, top in DOORS.items()}
NAMES = tuple(CASES[PIPE])
SIGNERS = {domain: Signer(f"b+{{token}}@{domain}", {"k": SECRET}) for domain in (PIPE, LMTP)}


@dataclass(frozen=True)
class Run:
    """What became of all messages: the records of both doors, and the log."""

    server: type[Server]
    doors: dict[str, list[dict[str, Any]]]
    log: bytes
    delivered: list[str]


@pytest.fixture(scope="module", params=[Postfix, Exim], ids=lambda server: server.__name__)
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    kind: type[Server] = request.param
    reason: str | None = kind.lacks if "LIVE_TESTS" in os.environ else "LIVE_TESTS is not set: .ci/live runs these"
    if reason is not None:
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="undeliverable-"))
    try:
        yield send_all(kind, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def send_all(kind: type[Server], folder: Path) -> Run:
    lmtp_port, taken = free_port(), folder / "lmtp.jsonl"
    keys = folder / "keys"
    keys.write_text(f"k {SECRET.hex()}\n", encoding="ascii")
    keys.chmod(0o600)
    sink = subprocess.Popen(
        [sys.executable, "-m", "undeliverable", "serve", "--lmtp", f"127.0.0.1:{lmtp_port}", "--to", str(taken),
         "--domain", LMTP, "--return-path", f"b+{{token}}@{LMTP}", "--keys", str(keys)],
        env=os.environ | {"PYTHONWARNINGS": "default"},
    )  # fmt: skip
    try:
        with Remotes(scripts()) as remotes:
            server = kind(folder, remotes, lmtp_port)
            server.start()
            try:
                inject(server.port)
                doors = wait_for({PIPE: server.records, LMTP: taken}, server)
            finally:
                server.stop()
            log = server.log.read_bytes()
    finally:
        sink.terminate()
        assert sink.wait(20) == 0
    return Run(kind, doors, log, remotes.accepted)


def inject(port: int) -> None:
    today = datetime.now(UTC).date()
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        for domain, signer in SIGNERS.items():
            for name, members in CASES[domain].items():
                to = [case.recipient for case in members]
                fine = [f"fine@mixed.{DOORS[domain]}"] if name == "mixed" else []
                message = (
                    f"From: news@sender.example\nTo: {to[0]}\nMessage-ID: <{name}@{domain}>\nSubject: Hello\n\nHello!\n"
                )
                client.sendmail(signer.sign(to[0], id=name, day=today), [*to, *fine], message)


def wait_for(files: dict[str, Path], server: Server) -> dict[str, list[dict[str, Any]]]:
    deadline = time.monotonic() + PATIENCE
    while True:
        found = {domain: list(records.read(path)) if path.exists() else [] for domain, path in files.items()}
        missing = {domain: expected(domain) - recipients(reports) for domain, reports in found.items()}
        if not any(missing.values()):
            return found
        if time.monotonic() > deadline:
            log = server.log.read_text(encoding="utf-8", errors="replace")[-6000:] if server.log.exists() else ""
            raise AssertionError(f"after {PATIENCE} s still missing: {missing}\n{log}")
        time.sleep(0.2)


def expected(door: str) -> set[tuple[str, str]]:
    return {(name, case.recipient) for name, members in CASES[door].items() for case in members}


def recipients(reports: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """Message and recipient of all verdicts."""
    return {(message_of(report), verdict["recipient"]) for report in reports for verdict in report["verdicts"]}


def json_of(verdict: Verdict) -> dict[str, Any]:
    return verdict.to_dict()


def message_of(report: dict[str, Any]) -> str:
    returned = report["message"]["returned"] or {"message_id": ""}
    return str(returned["message_id"]).strip("<>").partition("@")[0]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("door", DOORS)
def test_a_bounce_says_what_was_refused(run: Run, door: str, name: str) -> None:
    reports = [report for report in run.doors[door] if message_of(report) == name]
    verdicts = {verdict["recipient"]: verdict for report in reports for verdict in report["verdicts"]}
    assert {report["kind"] for report in reports} == {"bounce"}
    assert set(verdicts) == {case.recipient for case in CASES[door][name]}
    for case in CASES[door][name]:
        assert case.seen(verdicts[case.recipient]) == case.wanted()


@pytest.mark.parametrize("name", NAMES)
def test_a_log_says_what_was_refused(run: Run, name: str) -> None:
    wanted = {case.recipient: case for door in DOORS for case in CASES[door][name]}
    verdicts = [
        json_of(verdict)
        for report in iter_log(run.log.splitlines(keepends=True))
        for verdict in report.verdicts
        # A queue run before its time only says that nothing was tried.
        if verdict.recipient in wanted
        and (verdict.action == "failed" or (wanted[verdict.recipient].expired and verdict.reply_code is not None))
    ]
    assert {verdict["recipient"] for verdict in verdicts} == set(wanted)
    for verdict in verdicts:
        case = wanted[verdict["recipient"]]
        assert (verdict["reply_code"], case.step(verdict)) == (case.code, case.command)


def test_the_return_path_proves_whose_bounce_it_is(run: Run) -> None:
    proven, unproven = set[tuple[str, str]](), set[tuple[str, str]]()
    for report in run.doors[LMTP]:
        for verdict in report["verdicts"]:
            doubted = any(conflict.startswith("unproven: ") for conflict in verdict["conflicts"])
            (unproven if doubted else proven).add((message_of(report), verdict["recipient"]))
            assert not (doubted and verdict["advice"] == "suppress")
    # A token is made for one recipient; the others of the same message are not proven by it.
    assert unproven == {("mixed", case.recipient) for case in CASES[LMTP]["mixed"][1:]}
    assert len(proven) == len(expected(LMTP)) - len(unproven)


def test_what_was_not_refused_was_delivered(run: Run) -> None:
    assert len([message for message in run.delivered if "<mixed@" in message]) >= 2
    assert not any(verdict["recipient"].startswith("fine@") for reports in run.doors.values()
                   for report in reports for verdict in report["verdicts"])  # fmt: skip


def test_the_records_are_private_and_tell_their_envelope(run: Run) -> None:
    for domain, reports in run.doors.items():
        for report in reports:
            assert report["envelope"]["sender"] == ""
            (path,) = report["envelope"]["recipients"]
            token = SIGNERS[domain].read(path)
            assert token is not None
            assert token.id == message_of(report)
        if domain == PIPE:
            assert all(report["source"] for report in reports)
