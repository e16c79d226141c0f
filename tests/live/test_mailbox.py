"""From a real Dovecot into records and a list: killed, dropped, renumbered, and each bounce exactly once."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_pipe import bounce
from undeliverable.serve import records
from undeliverable.store import SuppressionList

from .dovecot import PASSWORD, USER, Dovecot

REASON = Dovecot.lacks if "LIVE_TESTS" in os.environ else "LIVE_TESTS is not set: .ci/live runs these"
pytestmark = pytest.mark.skipif(REASON is not None, reason=str(REASON))
MAILS, OTHERS, KILLS = 2_000, 50, 20
LUNCH = b"From: pat@example.org\nSubject: lunch?\n\nAt one?\n"


def letter(number: int) -> bytes:
    return bounce(
        f"kim{number}@example.org", "5.1.1", "550 5.1.1 no such user", message_id=f"<{number}@example.com>"
    ).replace(b"<1@mx.example.net>", f"<{number}@mx.example.net>".encode())


class Mailbox:
    """A Dovecot, and the command that reads from it."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.server = Dovecot(folder, **settings)
        self.password(PASSWORD)
        self.out = folder / "b.jsonl"
        self.list = folder / "list.db"

    def password(self, text: str) -> None:
        (self.folder / "password").write_text(f"{text}\n", encoding="utf-8")
        (self.folder / "password").chmod(0o600)

    def command(self, *words: str, scheme: str = "imaps", ca: str = "ca.pem", folder: str = "INBOX") -> list[str]:
        port = self.server.tls_port if scheme == "imaps" else self.server.port
        return [
            sys.executable, "-m", "undeliverable", "mailbox", f"{scheme}://{USER}@127.0.0.1:{port}/{folder}",
            f"--password-file={self.folder / 'password'}", f"--ca-file={self.folder / ca}",
            f"--to={self.out}", f"--into={self.list}", *words,
        ]  # fmt: skip

    def once(self, *words: str, **options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command("--once", *words, **options), capture_output=True, text=True, check=False, timeout=120
        )

    def watching(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(self.command(), stderr=subprocess.PIPE, text=True)
        self.wait_for("watching", process)
        return process

    @staticmethod
    def wait_for(words: str, process: subprocess.Popen[str]) -> str:
        assert process.stderr is not None
        for line in process.stderr:
            if words in line:
                return line
        raise AssertionError(f"ended without saying {words!r}")

    def recipients(self) -> list[str]:
        if not self.out.exists():
            return []
        return [record["verdicts"][0]["recipient"] for record in records.read(self.out)]  # type: ignore[index]

    def written(self) -> int:
        """The size of what the reader remembers: it grows just before something is taken."""
        return sum(path.stat().st_size for path in self.folder.glob("*.state"))

    def addresses(self) -> dict[str, int]:
        """The addresses in the list, each with the number of its events."""
        with SuppressionList(self.list, create=False) as known:
            return {entry.address: len(known.history(entry.address)) for entry in known.entries()}


@pytest.fixture
def mailbox(request: pytest.FixtureRequest) -> Iterator[Mailbox]:
    folder = Path(tempfile.mkdtemp(prefix="undeliverable-"))
    box = Mailbox(folder, **getattr(request, "param", {}))
    box.server.start()
    try:
        yield box
    finally:
        box.server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_imap_killed_at_random_each_is_there_once(mailbox: Mailbox) -> None:
    for number in range(MAILS):
        mailbox.server.deliver(letter(number))
        if number % (MAILS // OTHERS) == 0:
            mailbox.server.deliver(LUNCH)
    chance = random.Random(23)
    killed, began = 0, time.monotonic()
    while killed < KILLS:
        before = mailbox.written()
        process = subprocess.Popen(mailbox.command("--once"), stderr=subprocess.DEVNULL)
        while mailbox.written() == before and process.poll() is None:
            time.sleep(0.002)
        time.sleep(chance.random() * 0.25)
        process.kill()
        if process.wait() != -signal.SIGKILL:
            break  # it had done everything
        killed += 1
    seconds = time.monotonic() - began
    done = mailbox.once()
    assert done.returncode == 0, done.stderr
    wanted = {f"kim{number}@example.org" for number in range(MAILS)}
    assert Counter(mailbox.recipients()) == dict.fromkeys(wanted, 1)
    assert mailbox.addresses() == dict.fromkeys(wanted, 1)
    assert mailbox.server.messages(".Undeliverable.Bounces") == MAILS
    assert mailbox.server.messages() == OTHERS
    print(f"{killed} kills in {seconds:.1f} s")
    assert killed == KILLS


def test_imap_mail_that_arrives_is_in_the_list_within_two_seconds(mailbox: Mailbox) -> None:
    process = mailbox.watching()
    took: list[float] = []
    try:
        for number in range(5):
            time.sleep(0.3)
            began = time.monotonic()
            mailbox.server.deliver(letter(number))
            while f"kim{number}@example.org" not in mailbox.addresses():
                assert time.monotonic() - began < 20
                time.sleep(0.02)
            took.append(time.monotonic() - began)
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()
    print("seconds:", " ".join(f"{one:.2f}" for one in took))
    assert max(took) <= 2


def test_imap_restarts_and_drops_lose_and_double_nothing(mailbox: Mailbox) -> None:
    process = mailbox.watching()
    try:
        mailbox.server.deliver(letter(1))
        mailbox.server.drop_all()
        assert "trying again in 1 s" in mailbox.wait_for("trying again", process)
        mailbox.wait_for("watching", process)
        mailbox.server.stop()
        mailbox.server.deliver(letter(2))
        mailbox.wait_for("trying again", process)
        mailbox.server.start()
        mailbox.wait_for("watching", process)
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()
    assert sorted(mailbox.recipients()) == ["kim1@example.org", "kim2@example.org"]
    assert set(mailbox.addresses().values()) == {1}


def test_imap_with_new_uids_doubles_nothing(mailbox: Mailbox) -> None:
    for number in range(30):
        mailbox.server.deliver(letter(number) if number % 3 else LUNCH + str(number).encode())
    assert mailbox.once("--no-move").returncode == 0
    mailbox.server.stop()
    mailbox.server.lose_uids()
    time.sleep(1.1)  # the new UIDVALIDITY is a time in seconds
    mailbox.server.start()
    mailbox.server.deliver(letter(100))
    done = mailbox.once()
    assert (done.returncode, "new UIDs" in done.stderr) == (0, True), done.stderr
    assert max(Counter(mailbox.recipients()).values()) == 1
    assert len(mailbox.recipients()) == 21
    assert set(mailbox.addresses().values()) == {1}
    assert mailbox.server.messages(".Undeliverable.Bounces") == 21


@pytest.mark.parametrize(
    "mailbox",
    [
        {"separator": ".", "prefix": "INBOX."},
        {"capability": "IMAP4rev1 LITERAL+ UIDPLUS NAMESPACE"},
        {"capability": "IMAP4rev1 LITERAL+"},
    ],
    indirect=True,
    ids=["another separator", "neither MOVE nor IDLE", "nothing but the RFC"],
)
def test_imap_with_other_habits(mailbox: Mailbox, request: pytest.FixtureRequest) -> None:
    mailbox.server.deliver(letter(1))
    mailbox.server.deliver(LUNCH)
    for _ in range(2):
        done = mailbox.once()
        assert done.returncode == 0, done.stderr
    assert mailbox.recipients() == ["kim1@example.org"]
    assert mailbox.server.messages(".Undeliverable.Bounces") == 1
    process = subprocess.Popen(mailbox.command("--poll=1"), stderr=subprocess.PIPE, text=True)
    try:
        mailbox.wait_for("watching", process)
        mailbox.server.deliver(letter(2))
        mailbox.wait_for("1 report taken", process)
    finally:
        process.terminate()
        process.communicate()


def test_imap_with_starttls_and_an_authority_of_its_own(mailbox: Mailbox) -> None:
    mailbox.server.deliver(letter(1))
    done = mailbox.once(scheme="imap")
    assert done.returncode == 0, done.stderr
    assert mailbox.recipients() == ["kim1@example.org"]


def refused(done: subprocess.CompletedProcess[str], words: str) -> None:
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_imap_refuses_in_one_line_each(mailbox: Mailbox) -> None:
    mailbox.server.deliver(letter(1))
    refused(mailbox.once(folder="Nowhere"), "Nowhere cannot be opened; the server says: ")
    shutil.copy(mailbox.folder / "ca.pem", mailbox.folder / "mine.pem")
    other = mailbox.folder / "other"
    other.mkdir()
    from .dovecot import authority

    authority(other)
    refused(mailbox.once(ca="other/ca.pem"), "certificate is not trusted")
    refused(mailbox.once(scheme="imap", ca="other/ca.pem"), "certificate is not trusted")
    mailbox.password("wrong")
    refused(mailbox.once(), f"refuses the password of {USER}")
    mailbox.server.stop()
    refused(mailbox.once(), "Connection refused")
    mailbox.server.start()
    assert mailbox.recipients() == []
    assert mailbox.server.messages() == 1


FULL = {"plugins": "quota imap_quota", "quota": "1", "capability": "IMAP4rev1 UIDPLUS"}


@pytest.mark.parametrize("mailbox", [FULL], indirect=True, ids=["full"])
def test_imap_with_a_full_quota_keeps_the_records(mailbox: Mailbox) -> None:
    mailbox.server.deliver(letter(1) + b"x" * 100_000)
    for _ in range(2):
        done = mailbox.once()
        assert done.returncode == 1
        assert "Quota exceeded" in done.stderr
        assert "what was read is recorded, and stays" in done.stderr
        assert mailbox.server.messages() == 1
    assert mailbox.recipients() == ["kim1@example.org"]
    assert mailbox.addresses() == {"kim1@example.org": 1}
