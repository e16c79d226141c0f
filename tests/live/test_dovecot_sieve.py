"""Dovecot hands bounces to the command by Sieve: they come into the list, and whatever fails leaves them in the mailbox."""

from __future__ import annotations

import os
import shutil
import smtplib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from undeliverable.serve import records
from undeliverable.store import SuppressionList
from undeliverable.verp import Signer

from .remote import Remotes
from .servers import PIPE
from .sieve import DovecotSieve

SECRET: Final = b"of the live tests only"
SIGNER: Final = Signer(f"bounces+{{token}}@{PIPE}", {"k": SECRET})
KIM: Final = "kim@remote.example"
BOUNCE: Final = f"""\
From: MAILER-DAEMON@mx.sender.example
To: bounces@{PIPE}
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Your message could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.sender.example

Final-Recipient: rfc822; {KIM}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user here

--b--
""".encode("ascii")
LETTER: Final = b"From: Lee <lee@remote.example>\nTo: you\nSubject: A question\n\nWhen do you open?\n"

Start = Callable[[str], DovecotSieve]


@pytest.fixture
def start() -> Iterator[Start]:
    reason = DovecotSieve.lacks if "LIVE_TESTS" in os.environ else "LIVE_TESTS is not set: .ci/live runs these"
    if reason is not None:
        pytest.skip(reason)
    folder, servers = Path(tempfile.mkdtemp(prefix="sieve-")), list[DovecotSieve]()

    def start(script: str) -> DovecotSieve:
        with Remotes({}) as nobody:
            server = DovecotSieve(folder, nobody, script)
        server.write_keys(SECRET)
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()
    shutil.rmtree(folder)


def path() -> str:
    return SIGNER.sign(KIM, id="1", day=datetime.now(UTC).date())


def is_suppressed(server: DovecotSieve) -> bool:
    with SuppressionList(server.lists[PIPE]) as known:
        return known.is_suppressed(KIM)


def test_a_bounce_is_piped_into_the_list(start: Start) -> None:
    server = start("bounces.sieve")
    server.record_sent(PIPE, {"1": KIM})
    server.deliver(path(), BOUNCE)
    assert is_suppressed(server), server.log.read_text(encoding="utf-8")
    (record,) = records.read(server.records)
    assert record["envelope"] == {"sender": "", "recipients": [path()]}
    assert record["verdicts"][0]["proof"] == "token"  # type: ignore[index]
    assert not server.mailbox()


def test_what_could_not_be_taken_stays_in_the_mailbox(start: Start) -> None:
    server = start("bounces.sieve")
    (server.folder / "out" / "keys").chmod(0o644)  # others may read it: refused
    with suppress(smtplib.SMTPException):
        server.deliver(path(), BOUNCE)
    kept = server.mailbox()
    log = server.log.read_text(encoding="utf-8")
    assert len(kept) == 1, log
    assert b"no such user here" in kept[0]
    assert "take-bounce" in log
    assert "undeliverable: " in log


def test_letters_are_left_to_people(start: Start) -> None:
    server = start("replies.sieve")
    server.deliver(f"bounces@{PIPE}", LETTER, "lee@remote.example")
    server.deliver(path(), BOUNCE)
    assert [LETTER.splitlines()[2] in message for message in server.mailbox()] == [True]
    assert len(server.mailbox(".Bounces")) == 1
    assert [record["kind"] for record in records.read(server.records)] == ["bounce"]
