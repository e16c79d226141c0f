"""Through real mail servers, what became of each message arrives in a list, proved, for the address that was mailed."""

from __future__ import annotations

import os
import shutil
import smtplib
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import pytest

from undeliverable import Action, Advice, BounceType, Proof, Report, Verdict
from undeliverable.serve import records
from undeliverable.serve._look_ups import reject_text
from undeliverable.store import SuppressionList
from undeliverable.suppression import EventKind, ListEvent
from undeliverable.verp import Signer

from .remote import Remotes, Script
from .servers import LMTP, PIPE, Server
from .trusted import FORWARDED, TOPS, EximGate, EximSecond, Gate, PostfixGate, PostfixSecond, Second

SECRET: Final = b"of the live tests only"
SIGNERS: Final = {door: Signer(f"bounces+{{token}}@{door}", {"k": SECRET}) for door in TOPS}
DEAD: Final = "550 5.1.1 no such user here"
FULL: Final = "552 5.2.2 mailbox full"
SPAM: Final = "554 5.7.1 this message looks like spam"
STRANGER: Final = "127.0.0.9"
PATIENCE: Final = 120  # seconds for all bounces to arrive
Event: TypeAlias = tuple[EventKind, BounceType | None]
HARD: Final = (EventKind.BOUNCE, BounceType.HARD)
SOFT: Final = (EventKind.BOUNCE, BounceType.SOFT)
ARRIVED: Final = (EventKind.DELIVERY, None)
SPAMMED: Final = (EventKind.COMPLAINT, None)


FEEDBACK: Final = """\
From: fbl@provider.example
To: fbl@{door}
Subject: FW: Hello
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

This is a report about spam.
--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Provider/1.0
Version: 1
{named}

--b
Content-Type: message/rfc822

{proof}
From: news@sender.example
Subject: Hello

Hello!
--b--
"""


class Mailing(NamedTuple):
    """One message: who is mailed, the return path being signed for the first; and the event that comes of it, if any."""

    to: tuple[str, ...]
    event: Event | None
    notify: str | None = None


def mailings(top: str) -> dict[str, Mailing]:
    """The messages by the id of their token."""
    person = top.partition(".")[0]
    forward, success = f"forward.{top}", "SUCCESS,FAILURE,DELAY"
    return {
        "dead": Mailing((f"dead@rcpt.{top}",), HARD),
        "full": Mailing((f"full@rcpt.{top}",), SOFT),
        "spam": Mailing((f"kim@end.{top}",), SOFT),
        "mixed": Mailing(tuple(f"{name}@rcpt.{top}" for name in ("dead-1", "dead-2", "full-1")), HARD),
        "later": Mailing((f"later@rcpt.{top}",), SOFT),
        "alias": Mailing((f"alias-{person}@{forward}",), SOFT),
        "plain": Mailing((f"plain-{person}@plain.{top}",), SOFT),
        "dotforward": Mailing((f"nobody+{person}@{forward}",), SOFT),
        "arrived": Mailing((f"nobody@{forward}",), ARRIVED, success),
        "relayed": Mailing((f"fine@rcpt.{top}",), None, success),
        "complaint": Mailing((f"lee@rcpt.{top}",), SPAMMED),
        "cfbl": Mailing((f"sam@rcpt.{top}",), SPAMMED),
        "silent": Mailing((f"silent@rcpt.{top}",), None),
    }


MAILINGS: Final = {door: mailings(top) for door, top in TOPS.items()}
NAMES: Final = tuple(MAILINGS[PIPE])


def scripts() -> dict[str, Script]:
    found: dict[str, Script] = {}
    for top in TOPS.values():
        rcpt = dict.fromkeys(("dead", "dead-1", "dead-2"), DEAD) | dict.fromkeys(("full", "full-1"), FULL)
        found[f"rcpt.{top}"] = Script(rcpt=rcpt | {"later": "450 4.2.0 greylisted, try again later"})
        found[f"end.{top}"] = Script({"END": SPAM})
        found[f"target.{top}"] = Script(rcpt={f"dead-{person}": DEAD for person in FORWARDED})
    return found


@dataclass
class Run:
    """Both servers while they run, and what the first one has taken so far."""

    gate: Gate
    second: Second

    def expected(self, door: str) -> dict[str, Event | None]:
        events = {name: mailing.event for name, mailing in MAILINGS[door].items()}
        if self.gate.relayed is not None:
            events["relayed"] = (self.gate.relayed, None)
        return events

    def verdicts(self, door: str, name: str) -> list[Verdict]:
        """What was reported along the return path of a message."""
        found: list[Verdict] = []
        taken = self.gate.taken[door]
        read: list[dict[str, Any]] = list(records.read(taken)) if taken.exists() else []
        for record in read:
            token = SIGNERS[door].read(record["envelope"]["recipients"][0])
            if token is not None and token.id == name:
                found += Report.from_dict(record).verdicts
        return found

    def history(self, door: str, address: str) -> tuple[ListEvent, ...]:
        with SuppressionList(self.gate.lists[door]) as known:
            return known.history(address)

    def addresses(self, door: str) -> set[str]:
        with SuppressionList(self.gate.lists[door]) as known:
            return {entry.address for entry in known.entries()}

    def lacks(self) -> set[tuple[str, str]]:
        """The outcomes that have not arrived yet, by domain and id."""
        return {
            (door, name)
            for door, sent in MAILINGS.items()
            for name, event in self.expected(door).items()
            if (event is not None and not self.history(door, sent[name].to[0]))
            or (name == "relayed" and not self.verdicts(door, name))
        }


@pytest.fixture(scope="module", params=[(PostfixGate, PostfixSecond), (EximGate, EximSecond)], ids=["Postfix", "Exim"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    kind, other = request.param
    reason: str | None = kind.lacks if "LIVE_TESTS" in os.environ else "LIVE_TESTS is not set: .ci/live runs these"
    if reason is not None:
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="undeliverable-"))
    folder.chmod(0o755)
    (folder / "gate").mkdir()
    (folder / "second").mkdir()
    try:
        with Remotes(scripts()) as remotes:
            gate = kind(folder / "gate", remotes)
            second = other(folder / "second", remotes, gate)
            gate.write_keys(SECRET)
            for door, sent in MAILINGS.items():
                gate.record_sent(door, {name: mailing.to[0] for name, mailing in sent.items()})
            with gate.service(), running(gate), running(second):
                found = Run(gate, second)
                inject(gate.port)
                wait(lambda: not found.lacks(), found)
                yield found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running(server: Server) -> Iterator[None]:
    server.start()
    try:
        yield
    finally:
        server.stop()


def path_of(door: str, name: str) -> str:
    return SIGNERS[door].sign(MAILINGS[door][name].to[0], id=name, day=datetime.now(UTC).date())


def inject(port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        for door, sent in MAILINGS.items():
            for name, (to, _, notify) in sent.items():
                text = (
                    f"From: news@sender.example\nTo: {to[0]}\nMessage-ID: <{name}@{door}>\nSubject: Hello\n\nHello!\n"
                )
                client.sendmail(path_of(door, name), to, text, rcpt_options=[f"NOTIFY={notify}"] if notify else [])
            today = datetime.now(UTC).date()
            lee = sent["cfbl"].to[0]
            proofs = {
                f"Return-Path: <{path_of(door, 'complaint')}>": "X-Nobody: is named",
                f"CFBL-Feedback-ID: {SIGNERS[door].feedback_id(lee, id='cfbl', day=today)}": f"Original-Rcpt-To: {lee}",
            }
            for proof, named in proofs.items():
                client.sendmail("", [f"fbl@{door}"], FEEDBACK.format(proof=proof, named=named, door=door))


def said_by(server: Server) -> list[str]:
    lines = server.log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line for line in lines if " queue run: " not in line]


def wait(until: Callable[[], bool], run: Run) -> None:
    deadline = time.monotonic() + PATIENCE
    while not until():
        if time.monotonic() > deadline:
            logs = "\n".join(line for server in (run.gate, run.second) for line in said_by(server)[-60:])
            raise AssertionError(f"after {PATIENCE} s: {run.lacks()} are missing\n{logs}")
        time.sleep(0.5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("door", TOPS)
def test_each_outcome_arrives_as_proved_for_whom_was_mailed(run: Run, door: str, name: str) -> None:
    event = run.expected(door)[name]
    found = [(event.kind, event.bounce_type, event.proof) for event in run.history(door, MAILINGS[door][name].to[0])]
    assert found == ([] if event is None else [(*event, Proof.TOKEN)])


@pytest.mark.parametrize("door", TOPS)
def test_nobody_else_is_in_the_list(run: Run, door: str) -> None:
    assert run.addresses(door) == {MAILINGS[door][name].to[0] for name, event in run.expected(door).items() if event}


@pytest.mark.parametrize("door", TOPS)
def test_one_path_proves_one_recipient(run: Run, door: str) -> None:
    proofs = {verdict.recipient: verdict.proof for verdict in run.verdicts(door, "mixed")}
    first, *others = MAILINGS[door]["mixed"].to
    assert proofs == {first: Proof.TOKEN} | dict.fromkeys(others, Proof.UNPROVED)


@pytest.mark.parametrize("door", TOPS)
def test_of_forwarded_mail_the_address_that_was_mailed_counts(run: Run, door: str) -> None:
    for name in FORWARDED:
        (verdict,) = run.verdicts(door, name)
        assert (verdict.recipient, verdict.sent_to) == (f"dead-{name}@target.{TOPS[door]}", MAILINGS[door][name].to[0])
        assert (verdict.bounce_type, verdict.advice) == (BounceType.HARD, Advice.RETRY)
        assert (verdict.original_recipient is None) is (name == "plain")


@pytest.mark.parametrize("door", TOPS)
def test_what_is_under_way_is_no_event(run: Run, door: str) -> None:
    *warnings, last = run.verdicts(door, "later")
    (relayed,) = run.verdicts(door, "relayed")
    assert {warning.action for warning in warnings} == {Action.DELAYED}
    assert (last.action, relayed.action) == (Action.FAILED, Action.DELIVERED if run.gate.relayed else Action.RELAYED)
    assert {verdict.proof for verdict in (*warnings, last, relayed)} == {Proof.TOKEN}


def answer(run: Run, recipient: str, client: str = "127.0.0.1") -> tuple[int, str]:
    """What the first server answers to RCPT for a client at this address."""
    with smtplib.SMTP("127.0.0.1", run.gate.port, timeout=60, source_address=(client, 0)) as smtp:
        smtp.ehlo()
        smtp.mail("news@sender.example")
        code, text = smtp.rcpt(recipient)
    return code, text.decode("ascii")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in FORWARDED])
def test_the_server_rejects_whom_the_list_suppresses(run: Run, name: str) -> None:
    to, event, _ = MAILINGS[LMTP][name]
    code, text = answer(run, to[0])
    is_suppressed = event in {HARD, SPAMMED}
    assert (code, reject_text() in text) == (run.gate.refuses_with if is_suppressed else 250, is_suppressed)


def test_strangers_may_not_relay_and_learn_nothing(run: Run) -> None:
    for name in ("dead", "silent"):
        code, text = answer(run, MAILINGS[LMTP][name].to[0], STRANGER)
        assert (code, reject_text() in text) == (run.gate.refuses_with, False)
    for door in TOPS:
        assert answer(run, path_of(door, "dead"), STRANGER)[0] == 250


@pytest.mark.parametrize("door", TOPS)
def test_what_the_look_up_refused_is_no_event_when_it_comes_back(run: Run, door: str) -> None:
    to = MAILINGS[LMTP]["dead"].to[0]
    path = SIGNERS[door].sign(to, id="again", day=datetime.now(UTC).date())
    before = [run.history(other, to) for other in TOPS]
    with smtplib.SMTP("127.0.0.1", run.second.port, timeout=60) as client:
        client.sendmail(path, [to], f"From: news@sender.example\nTo: {to}\nSubject: Again\n\nHello again!\n")
    wait(lambda: bool(run.verdicts(door, "again")), run)
    time.sleep(2)  # an event would come after the record
    (verdict,) = run.verdicts(door, "again")
    assert reject_text() in (verdict.reply or "")
    assert (verdict.proof, verdict.bounce_type, verdict.reason) == (Proof.TOKEN, None, None)
    assert [run.history(other, to) for other in TOPS] == before
