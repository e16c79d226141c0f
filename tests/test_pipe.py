"""`undeliverable pipe`: a record on the disk or status 75, whatever happens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import undeliverable
from undeliverable import cli
from undeliverable.cli import main
from undeliverable.serve import records


def bounce(
    recipient: str,
    status: str,
    reply: str,
    *,
    original: str = "",
    envelope_id: str = "",
    message_id: str = "<2@example.net>",
) -> bytes:
    fields = f"Original-Recipient: rfc822; {original}\n" if original else ""
    envelope = f"Original-Envelope-Id: {envelope_id}\n" if envelope_id else ""
    return f"""\
From: MAILER-DAEMON@mx.example.net
To: news@example.net
Subject: Undelivered Mail Returned to Sender
Date: Mon, 16 Nov 2026 09:12:33 +0000
Message-ID: <1@mx.example.net>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Your message could not be delivered.

--b
Content-Type: message/delivery-status

{envelope}Reporting-MTA: dns; mx.example.net

{fields}Final-Recipient: rfc822; {recipient}
Action: failed
Status: {status}
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; {reply}

--b
Content-Type: message/rfc822

From: news@example.net
To: {recipient}
Subject: Hello
Message-ID: {message_id}

Hello!

--b--
""".encode()


MESSAGE = bounce("kim@example.org", "5.1.1", "550 5.1.1 no such user")
Feed = Callable[[bytes], None]


@pytest.fixture
def feed(tmp_path: Path) -> Any:
    """Puts a message onto file descriptor 0."""
    saved = os.dup(0)

    def put(message: bytes) -> None:
        (tmp_path / "message").write_bytes(message)
        with open(tmp_path / "message", "rb") as file:
            os.dup2(file.fileno(), 0)

    yield put
    os.dup2(saved, 0)
    os.close(saved)


def stored(path: Path) -> list[dict[str, Any]]:
    return list(records.read(path))


def test_a_record_is_appended(feed: Feed, tmp_path: Path) -> None:
    path = tmp_path / "bounces.jsonl"
    for _ in range(2):
        feed(MESSAGE)
        assert main(["pipe", "--to", str(path), "--sender=", "--recipient=b@example.com", "--source=4XyZ"]) == 0
    first, second = stored(path)
    assert path.stat().st_mode & 0o7777 == 0o600
    assert first["envelope"] == {"sender": "", "recipients": ["b@example.com"]}
    assert first["source"] == "4XyZ"
    assert first["verdicts"][0]["recipient"] == "kim@example.org"
    assert first["verdicts"][0]["key"] == second["verdicts"][0]["key"]
    assert first["received"] < second["received"]
    assert len(list(undeliverable.read(path))) == 2


def test_what_no_bounce_is_is_recorded_as_well(feed: Feed, tmp_path: Path) -> None:
    path = tmp_path / "bounces.jsonl"
    feed(b"From MAILER-DAEMON Mon Nov 16 09:12:33 2026\nSubject: caf\xe9 \xff\n\nlunch?\n")
    assert main(["pipe", "--to", str(path)]) == 0
    assert stored(path)[0]["kind"] == "other"


def test_the_mbox_line_of_a_mail_server_does_no_harm(feed: Feed, tmp_path: Path) -> None:
    path = tmp_path / "bounces.jsonl"
    feed(b"From MAILER-DAEMON Mon Nov 16 09:12:33 2026\n" + MESSAGE)
    assert main(["pipe", "--to", str(path)]) == 0
    assert stored(path)[0]["verdicts"][0]["status"] == "5.1.1"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--to"],
        ["--bogus"],
        ["--to", "/no/such/folder/b.jsonl"],
        ["--to", "/dev/null"],
        ["--to", "/"],
        ["--to", "b.jsonl", "--exec", "true"],
        ["--to", "b.jsonl", "--rules", "/no/such/file.toml"],
        ["--to", "b.jsonl", "--profile", "nonsense"],
        ["--to", "b.jsonl", "--return-path", "b+{token}@example.com"],
        ["--to", "b.jsonl", "--return-path", "b+{token}@example.com", "--keys", "/no/such/file"],
        ["--exec", "/no/such/program"],
        ["--exec", "false"],
        ["--exec", sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"],
        ["--timeout", "1", "--exec", "sleep", "60"],
    ],
)
def test_every_failure_is_75(
    arguments: list[str], feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    feed(MESSAGE)
    assert main(["pipe", *arguments]) == 75
    assert capfd.readouterr().err
    assert not Path("b.jsonl").exists()


def test_no_message_is_75(feed: Feed, tmp_path: Path) -> None:
    feed(b"")
    assert main(["pipe", "--to", str(tmp_path / "b.jsonl")]) == 75
    os.close(0)
    assert main(["pipe", "--to", str(tmp_path / "b.jsonl")]) == 75


def test_help_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["pipe", "--help"])
    assert left.value.code == 0
    assert "--exec" in capsys.readouterr().out


def test_a_broken_installation_is_75(
    feed: Feed, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "undeliverable.cli._main", None)
    feed(MESSAGE)
    assert main(["pipe", "--to", "b.jsonl"]) == 75
    assert "ModuleNotFoundError" in capfd.readouterr().err


@pytest.mark.parametrize("arguments", [["--bogus"], ["--to", "b.jsonl"]])
def test_what_a_stream_cannot_get_rid_of(
    arguments: list[str], feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    feed(MESSAGE)
    saved = os.dup(1)
    full = open("/dev/full", "w", encoding="ascii")  # noqa: SIM115 # closing it fails
    full.write("x")
    try:
        os.dup2(full.fileno(), 1)
        monkeypatch.setattr(sys, "stdout", full)
        monkeypatch.setattr(sys, "stderr", None)
        assert main(["pipe", *arguments]) == 75
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        with pytest.raises(OSError, match="No space left"):
            full.close()


@pytest.mark.parametrize(
    ("arguments", "redirection"),
    [
        ("--bogus", "2>/dev/full"),
        ("--bogus", ">&- 2>&-"),
        ("--bogus", "<&- 2>/dev/full"),
        ("--profile nonsense --to x", "2>&-"),
        ("--to /no/such/folder/b.jsonl", ">/dev/full 2>/dev/full"),
    ],
)
def test_nothing_to_write_to(arguments: str, redirection: str, tmp_path: Path) -> None:
    command = f"{sys.executable} -m undeliverable pipe {arguments} {redirection}"
    done = subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, input=MESSAGE, check=False)
    assert done.returncode == 75


def test_the_record_is_handed_to_a_program(feed: Feed, tmp_path: Path) -> None:
    feed(MESSAGE)
    target = tmp_path / "a name; $(with) shell"
    program = "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read())"
    assert main(["pipe", "--sender", "", "--exec", sys.executable, "-c", program, str(target)]) == 0
    record = json.loads(target.read_bytes())
    assert record["verdicts"][0]["reply_code"] == 550
    assert record["envelope"] == {"sender": "", "recipients": []}


def test_a_program_that_does_not_read_decides_by_its_status(feed: Feed) -> None:
    feed(MESSAGE)
    assert main(["pipe", "--exec", "true"]) == 0


def test_a_signal_is_75(feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()  # nothing ever comes
    saved = os.dup(0)
    os.dup2(reader, 0)
    timer, read = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)), os.read

    def noted(file: int, size: int) -> bytes:
        if file == 0:
            timer.start()  # and not before: the signal would end the tests
        return read(file, size)

    monkeypatch.setattr(os, "read", noted)
    try:
        assert main(["pipe", "--to", str(tmp_path / "b.jsonl")]) == 75
    finally:
        timer.join()
        os.dup2(saved, 0)
        for file in (reader, writer, saved):
            os.close(file)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_the_end_of_a_very_large_message_is_dropped(
    feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from undeliverable.cli import pipe

    monkeypatch.setattr(pipe, "_MOST", 1000)
    monkeypatch.setattr(pipe, "_BLOCK", 1000)
    feed(MESSAGE + b"x" * 10_000)
    assert main(["pipe", "--to", str(tmp_path / "b.jsonl")]) == 0
    assert os.read(0, 1) == b""


def test_signed_return_paths(feed: Feed, tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from undeliverable.verp import Signer

    keys, path = tmp_path / "keys", tmp_path / "b.jsonl"
    keys.write_text(f"# ours\n\na {b'0123456789abcdef'.hex()}\n", encoding="ascii")
    keys.chmod(0o600)
    signer = Signer("b+{token}@example.com", {"a": b"0123456789abcdef"})
    good = signer.sign("kim@example.org", id="1", day=datetime.now(UTC).date())
    for recipient in (good, "b@example.com"):
        feed(MESSAGE)
        options = ["--return-path=b+{token}@example.com", f"--keys={keys}", f"--recipient={recipient}"]
        assert main(["pipe", "--to", str(path), *options]) == 0
    proven, unproven = (record["verdicts"][0] for record in stored(path))
    assert (proven["advice"], proven["conflicts"]) == ("suppress", [])
    assert unproven["advice"] == "review"
    assert unproven["conflicts"][0].startswith("unproven: ")


@pytest.mark.parametrize("text", ["a\n", "a 00 00\n", "a zz\n", f"a {'00' * 16}\na {'00' * 16}\n", "a 00\n", "ä"])
def test_keys_that_cannot_be_used(text: str, feed: Feed, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "keys").write_text(text, encoding="utf-8")
    (tmp_path / "keys").chmod(0o600)
    feed(MESSAGE)
    options = ["--return-path=b+{token}@example.com", f"--keys={tmp_path / 'keys'}"]
    assert main(["pipe", "--to", str(tmp_path / "b.jsonl"), *options]) == 75
    assert "keys" in capfd.readouterr().err


def test_saying_something_never_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise OSError

    monkeypatch.setattr(os, "write", fail)
    cli.say("nobody hears it")
    assert sys.stderr is not None


# --- killed and starved


HARNESS = Path(__file__).with_name("pipe_load.py")


def harness(*arguments: str) -> dict[str, int]:
    done = subprocess.run(
        [sys.executable, HARNESS, *arguments], capture_output=True, text=True, check=True, timeout=900
    )
    figures: dict[str, int] = json.loads(done.stdout)
    return figures


def test_killed_at_any_point_nothing_is_lost(tmp_path: Path) -> None:
    figures = harness("kill", str(tmp_path / "b.jsonl"), "--messages", "40")
    assert figures["lost"] == figures["halves"] == 0
    assert figures["killed"] > 5


def test_four_pipes_at_once(tmp_path: Path) -> None:
    figures = harness("pipes", str(tmp_path / "b.jsonl"), "--messages", "200")
    assert figures["records"] == figures["different"] == 200
    assert figures["halves"] == 0


def test_a_full_file_system(tmp_path: Path) -> None:
    figures = harness("full", str(tmp_path / "b.jsonl"), "--messages", "30")
    assert figures["refused"] > 0
    assert figures["accepted"] + figures["refused"] == 30
    assert figures["records"] == figures["accepted"]
    assert figures["halves"] == 0


def test_a_waiting_writer_gets_its_turn(feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    path, lock = tmp_path / "b.jsonl", fcntl.flock
    written: list[bytes] = []
    with open(path, "wb") as holder:
        lock(holder, fcntl.LOCK_EX)

        def free() -> None:
            written.append(path.read_bytes())
            lock(holder, fcntl.LOCK_UN)

        timer = threading.Timer(0.1, free)

        def noted(file: int, how: int) -> None:
            timer.start()  # it waits from now on
            monkeypatch.setattr(fcntl, "flock", lock)
            lock(file, how)

        feed(MESSAGE)
        monkeypatch.setattr(fcntl, "flock", noted)
        assert main(["pipe", "--to", str(path)]) == 0
        assert written == [b""]
        timer.join()
    assert len(stored(path)) == 1
