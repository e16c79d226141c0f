"""`undeliverable mailbox`: from a mailbox into records and a list."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.imap_server import Habits, imap_server
from tests.test_pipe import MESSAGE, bounce
from undeliverable.cli import mailbox as command
from undeliverable.cli import main
from undeliverable.cli._command import UsageError
from undeliverable.mailbox import FOLDERS, DroppedError
from undeliverable.serve import records
from undeliverable.store import SuppressionList
from undeliverable.verp import Signer

HOME = "imap://bounces@127.0.0.1"
LUNCH = b"Subject: lunch?\n\nAt one?\n"


@pytest.fixture
def habits() -> Habits:
    return Habits(messages={1: MESSAGE, 2: LUNCH})


@pytest.fixture
def port(habits: Habits) -> Iterator[int]:
    with imap_server(habits) as port:
        yield port


@pytest.fixture
def password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "password"
    path.write_text("secret\n")
    path.chmod(0o600)
    return f"--password-file={path}"


@pytest.fixture
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the server say that it received everything just now."""
    monkeypatch.setattr("tests.imap_server.DATE", f"{datetime.now(UTC):%d-%b-%Y %H:%M:%S} +0000")


def stored(path: str = "b.jsonl") -> list[dict[str, Any]]:
    return list(records.read(path))


def test_what_lies_there_goes_into_records_and_list(
    port: int, habits: Habits, password: str, today: None, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["mailbox", f"{HOME}:{port}/INBOX", password, "--to=b.jsonl", "--into=list.db", "--once"]
    assert main(words) == 0
    (record,) = stored()
    assert record["source"] == f"{HOME}:{port}/INBOX;UIDVALIDITY=7/;UID=1"
    assert record["received"].startswith(f"{datetime.now(UTC):%Y}")
    assert record["envelope"] == {"sender": None, "recipients": []}
    with SuppressionList("list.db", create=False) as known:
        assert known.is_suppressed("kim@example.org")
    assert habits.folders == {"Undeliverable/Bounces": [MESSAGE]}
    assert list(habits.messages) == [2]
    said = capsys.readouterr().err
    assert "1 report taken: 1 bounce" in said
    assert "1 message left, no reports" in said
    assert main(words) == 0
    assert "nothing new" in capsys.readouterr().err
    assert main([*words, "-q"]) == 0
    assert not capsys.readouterr().err
    assert len(stored()) == 1
    assert Path("b.jsonl.bounces@127.0.0.1_INBOX.state").stat().st_mode & 0o777 == 0o600


def test_every_message_is_named_with_v(port: int, password: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mailbox", f"{HOME}:{port}", password, "--to=b.jsonl", "--once", "--no-move", "-v"]) == 0
    said = capsys.readouterr().err
    assert "UID=1: bounce" in said
    assert "UID=2: other" in said


def test_folders_are_asked_for(port: int, habits: Habits, password: str) -> None:
    assert main(["mailbox", f"{HOME}:{port}", password, "--to=b.jsonl", "--once", "--move=bounce=Done"]) == 0
    assert list(habits.folders) == ["Done"]


def test_old_reports_are_left_out_of_the_list(
    port: int, habits: Habits, password: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tests.imap_server.DATE", "16-Nov-2024 09:12:33 +0000")
    words = ["mailbox", f"{HOME}:{port}", password, "--into=list.db", "--once"]
    assert main(words) == 0
    assert "1 report left out of the list, received more than 10 days ago: see --max-age" in capsys.readouterr().err
    with SuppressionList("list.db", create=False) as known:
        assert not known.is_suppressed("kim@example.org")
    habits.messages[3] = MESSAGE
    assert main([*words, "--max-age=36500"]) == 0
    with SuppressionList("list.db", create=False) as known:
        assert known.is_suppressed("kim@example.org")


def test_signed_return_paths_are_read_from_the_field_of_your_server(
    port: int, habits: Habits, tmp_path: Path, password: str, today: None
) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"a {b'0123456789abcdef'.hex()}\n")
    keys.chmod(0o600)
    path = Signer("b+{token}@example.com", {"a": b"0123456789abcdef"}).sign(
        "kim@example.org", id="1", day=datetime.now(UTC).date()
    )
    forged = bounce("pat@example.org", "5.1.1", "550 5.1.1 no such user")
    habits.messages.clear()
    habits.messages |= {1: f"X-Envelope: {path}\n".encode() + MESSAGE, 2: b"X-Envelope: b@example.com\n" + forged}
    options = ["--return-path=b+{token}@example.com", f"--keys={keys}", "--envelope-to=X-Envelope"]
    assert main(["mailbox", f"{HOME}:{port}", password, "--to=b.jsonl", "--into=list.db", "--once", *options]) == 0
    proven, unproven = stored()
    assert (proven["verdicts"][0]["proof"], proven["envelope"]["recipients"]) == ("token", [path])
    assert unproven["verdicts"][0]["proof"] == "unproved"
    with SuppressionList("list.db", create=False) as known:
        assert known.is_suppressed("kim@example.org")
        assert not known.is_suppressed("pat@example.org")


def test_a_large_message_is_read_to_a_limit(port: int, habits: Habits, password: str) -> None:
    habits.messages[1] = MESSAGE + b"x" * (2 << 20)
    assert main(["mailbox", f"{HOME}:{port}", password, "--to=b.jsonl", "--once", "--max-size=1"]) == 0
    (record,) = stored()
    assert record["verdicts"][0]["status"] == "5.1.1"
    assert f"only the first 1,048,576 of {len(habits.messages.get(1, b'')) or len(MESSAGE) + (2 << 20):,}" in str(
        record
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["imaps://kim@imap.example.com/"], "--to or --into is required"),
        (["imap.example.com", "--to=b.jsonl"], "is not imaps://USER@HOST/FOLDER"),
        (["imaps://kim:x@imap.example.com/", "--to=b.jsonl"], "--password-file"),
        (["imaps://kim@imap.example.com/", "--to=b.jsonl", "--move=x=y"], "KIND=FOLDER"),
        (["imaps://kim@imap.example.com/", "--to=b.jsonl", "--max-age=-1"], "--max-age"),
        (["imaps://kim@imap.example.com/", "--to=b.jsonl", "--keys=x"], "must be given together"),
    ],
)
def test_what_cannot_be_asked_for(
    words: list[str], said: str, password: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mailbox", *words, password]) == 2
    assert said in capsys.readouterr().err


def test_a_password_on_the_command_line_is_none_of_the_ways(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["mailbox", "imaps://kim@imap.example.com/", "--to=b.jsonl"])
    assert left.value.code == 2
    assert "--password-file --password-command --keyring --token-command" in capsys.readouterr().err


@pytest.mark.parametrize("once", [["--once"], []])
def test_a_wrong_password_is_one_line(
    once: list[str], port: int, habits: Habits, password: str, capsys: pytest.CaptureFixture[str]
) -> None:
    habits.answers["AUTHENTICATE"] = ["NO [AUTHENTICATIONFAILED] \x1b[31mwrong"]
    assert main(["mailbox", f"{HOME}:{port}", password, "--to=b.jsonl", *once]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "refuses the password of bounces" in line
    assert "\x1b" not in line
    assert "secret" not in line


def test_a_folder_that_is_full_ends_with_1(
    port: int, habits: Habits, password: str, capsys: pytest.CaptureFixture[str]
) -> None:
    habits.answers["UID MOVE"] = ["NO [OVERQUOTA] quota exceeded"]
    words = ["mailbox", f"{HOME}:{port}", password, "--to=b.jsonl", "--once"]
    assert main(words) == 1
    assert "quota exceeded; what was read is recorded, and stays" in capsys.readouterr().err
    habits.answers.clear()
    assert main(words) == 0
    assert len(stored()) == 1
    assert list(habits.folders) == ["Undeliverable/Bounces"]


def test_a_file_of_records_that_cannot_be_written_moves_nothing(
    port: int, habits: Habits, password: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["mailbox", f"{HOME}:{port}", password, "--to=/dev/null", "--state=state", "--once"]
    assert main(words) == 1
    assert "not a regular file" in capsys.readouterr().err
    assert list(habits.messages) == [1, 2]


def test_records_behind_a_link_are_refused_by_name(
    port: int, password: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b.jsonl").symlink_to("other")
    assert main(["mailbox", f"{HOME}:{port}/", password, "--to", "b.jsonl", "--once"]) == 1
    assert "it is a symbolic link; name the file itself" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_the_state_of_another_mailbox_is_one_line(port: int, password: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["mailbox", f"{HOME}:{port}", password, "--to=b.jsonl", "--state=state", "--once"]
    assert main(words) == 0
    capsys.readouterr()
    words[1] += "/Other"
    assert main(words) == 1
    assert "is the state of bounces@127.0.0.1/INBOX" in capsys.readouterr().err


def test_a_database_has_no_place_beside_it(password: str) -> None:
    from argparse import Namespace

    from undeliverable.mailbox import Place

    options = Namespace(state=None, to=None, into="postgresql://db.example.org/x")
    with pytest.raises(UsageError, match="--state is required"):
        command._state(options, Place.of("imaps://kim@imap.example.com"))


def test_the_command_waits_for_mail_until_it_is_to_stop(
    port: int, habits: Habits, password: str, today: None, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def arrive(sock: Any) -> None:
        if 9 not in habits.messages and not stored_numbers():
            habits.messages[9] = bounce("pat@example.org", "5.1.1", "550 5.1.1 no such user")
            sock.sendall(b"* 2 EXISTS\r\n")
        else:
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()

    def stored_numbers() -> list[str]:
        return [record["source"] for record in stored() if record["source"].endswith("UID=9")]

    habits.in_idle = arrive
    began = time.monotonic()
    assert main(["mailbox", f"{HOME}:{port}", password, "--to=b.jsonl"]) == 0
    assert time.monotonic() - began < 60
    assert [record["verdicts"][0]["recipient"] for record in stored()] == ["kim@example.org", "pat@example.org"]
    said = capsys.readouterr().err
    assert [said.count(words) for words in ("watching", "1 report taken")] == [1, 2]
    assert said.index("1 report taken") < said.index("watching") < said.rindex("1 report taken")
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_full_disk_is_waited_for(
    port: int, habits: Habits, password: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    full = [True]
    real = records.append

    def append(path: Any, lines: Any) -> None:
        if full.pop():
            full.append(False)
            raise OSError(28, "No space left on device")
        full.append(False)
        real(path, lines)

    monkeypatch.setattr(records, "append", append)
    monkeypatch.setattr("undeliverable.mailbox._watch._FIRST", 0.01)
    habits.in_idle = lambda _: os.kill(os.getpid(), signal.SIGTERM)
    assert main(["mailbox", f"{HOME}:{port}", password, "--to=b.jsonl"]) == 0
    first, *_ = capsys.readouterr().err.splitlines()
    assert "No space left on device; free some space, or write elsewhere; trying again in 0.01 s" in first
    assert len(stored()) == 1


def test_a_drop_says_when_it_is_tried_again(capsys: pytest.CaptureFixture[str]) -> None:
    command._failed(DroppedError("the connection has ended"), 2)
    assert capsys.readouterr().err == "undeliverable: the connection has ended; trying again in 2 s\n"


def test_one_look_that_is_interrupted_ends_with_130(port: int, password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = command._Judge.__call__

    def interrupted(self: Any, mail: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return real(self, mail)

    monkeypatch.setattr(command._Judge, "__call__", interrupted)
    assert main(["mailbox", f"{HOME}:{port}", password, "--to=b.jsonl", "--once"]) == 130
    assert len(stored()) == 1


def test_tokens_come_from_a_command(port: int, habits: Habits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["mailbox", f"{HOME}:{port}", "--token-command=echo abc", "--to=b.jsonl", "--once"]) == 0
    assert "user=bounces\1auth=Bearer abc\1\1" in habits.seen


# --- the page of the manual


EXAMPLES = Path(__file__).resolve().parent.parent / "docs" / "examples" / "mailbox"


def test_the_page_has_the_folders() -> None:
    page = (EXAMPLES.parents[1] / "howto" / "mailbox.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| `(Undeliverable/[\w-]+)` \|$", page, re.MULTILINE))
    assert rows == dict(FOLDERS)


@pytest.mark.parametrize("name", ["undeliverable-mailbox.service", "mailbox.cron"])
def test_the_command_of_an_example_runs(name: str, port: int, habits: Habits, password: str, tmp_path: Path) -> None:
    text = (EXAMPLES / name).read_text(encoding="utf-8").replace("\\\n", " ")
    (line,) = re.findall(r"/usr/local/bin/undeliverable (mailbox .*)", text)
    words = [re.sub(r"^(/\S+|\$\S+)/", "", word) for word in shlex.split(line)]
    words[1] = f"{HOME}:{port}/INBOX"
    words[words.index("--password-file") + 1] = password.partition("=")[2]
    keys = tmp_path / "keys-of-the-example"
    keys.write_text(f"a {'0' * 32}\n", encoding="ascii")
    keys.chmod(0o400)
    words[words.index("--keys") + 1] = str(keys)
    assert main([*words, *([] if "--once" in words else ["--once"])]) == 0
    assert list(habits.messages) == [2]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("name", ["google.curl", "microsoft.curl"])
def test_the_script_for_a_token_prints_it(name: str, tmp_path: Path) -> None:
    bodies: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            refused = "grant_type=" not in bodies[-1] or len(bodies) > 1
            self.send_response(401 if refused else 200)
            self.end_headers()
            self.wfile.write(b'{"access_token": "the-token", "expires_in": 3599}')

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        text = (EXAMPLES / name).read_text(encoding="utf-8")
        config = tmp_path / "config"
        config.write_text(re.sub(r'url = ".*"', f'url = "http://127.0.0.1:{server.server_port}/"', text))
        first, second = (
            subprocess.run(
                [EXAMPLES / "access_token.sh", config], capture_output=True, text=True, check=False,
                env={"PATH": os.environ["PATH"], "no_proxy": "*"},
            )
            for _ in range(2)
        )  # fmt: skip
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert (first.returncode, first.stdout) == (0, "the-token\n")
    assert second.returncode
    assert (second.stdout, "Traceback" in second.stderr) == ("", False)
    assert {pair.partition("=")[0] for pair in bodies[0].split("&")} >= {"grant_type", "client_id", "client_secret"}
