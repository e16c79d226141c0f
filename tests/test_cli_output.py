"""`classify`: its formats, the file it writes, and how a run ends that is cut short."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import pty
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

import undeliverable
from tests.terminal import plain, terminal
from tests.test_cli import FULL, PLAIN, UNKNOWN, Screen, bounce
from tests.test_log_unread import DELIVERIES
from tests.test_logs import POSTFIX
from undeliverable.cli import _jobs, _progress, main
from undeliverable.cli._progress import Progress

PASSED_ON = (
    bounce("alice@example.org", "5.1.1", "550 5.1.1 no such user")
    .replace(b"Final-Recipient:", b"Original-Recipient: rfc822; team@example.org\nFinal-Recipient:")
    .replace(b"To: alice@example.org", b"To: team@example.org")
)
"""The mail was sent to the team; of its members alice is gone."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "mail"
    place.mkdir()
    (place / "1.eml").write_bytes(UNKNOWN)
    (place / "2.eml").write_bytes(FULL)
    (place / "3.eml").write_bytes(PLAIN)
    (place / "4.eml").write_bytes(UNKNOWN.replace(b"kim@example.org", b"KIM@example.org"))
    return place


def out_of(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    assert main(["classify", *map(str, words)]) == 0
    return capsys.readouterr().out


# --- addresses ----------------------------------------------------------------------------------------------------


def test_txt_has_each_address_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert out_of(capsys, "--format", "txt", folder) == "kim@example.org\nlee@example.org\n"
    assert out_of(capsys, "--format", "txt", "--only", "suppress", folder) == "kim@example.org\n"


@pytest.mark.parametrize(
    ("only", "found"),
    [
        ([], "team@example.org\n"),
        (["--only", "hard"], ""),
        (["--only", "user_unknown"], ""),
        (["--only", "suppress"], ""),
        (["--only", "soft"], "team@example.org\n"),
        (["--only", "retry"], "team@example.org\n"),
        (["--only", "bounce"], "team@example.org\n"),
    ],
)
def test_a_list_of_addresses_is_about_those_that_were_mailed(
    only: list[str], found: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "1.eml"
    path.write_bytes(PASSED_ON)
    (verdict,) = undeliverable.parse(PASSED_ON).verdicts
    assert (verdict.recipient, verdict.sent_to, verdict.bounce_type) == (
        "alice@example.org",
        "team@example.org",
        "hard",
    )
    assert out_of(capsys, "--format", "txt", *only, path) == found
    if "hard" in only:  # every other format speaks of the address that failed
        assert "alice@example.org" in out_of(capsys, "--format", "csv", *only, path)


@pytest.fixture
def unnamed(tmp_path: Path) -> Path:
    """A record twice whose recipient nobody knows."""
    record = undeliverable.parse(UNKNOWN).to_dict()
    verdicts = record["verdicts"]
    assert isinstance(verdicts, list)
    verdicts[0] |= {"recipient": None, "sent_to": None, "original_recipient": None}
    path = tmp_path / "1.jsonl"
    path.write_text(f"{json.dumps(record)}\n" * 2)
    return path


def test_unique_keeps_recipients_without_an_address(unnamed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(out_of(capsys, "--unique", "--format", "jsonl", unnamed).splitlines()) == 2


def test_recipients_without_an_address_are_counted(
    unnamed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert unnamed.exists()
    assert main(["classify", "--format", "txt", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert re.search(r"2 recipients +without an address in the report", err)


def test_addresses_are_harmless(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "1.eml").write_bytes(bounce("kim\x1b[31m@example.org", "5.1.1", "550 5.1.1 no such user"))
    assert "\x1b" not in out_of(capsys, "--format", "txt", tmp_path)


# --- unique, fields, excel ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["table", "csv", "jsonl"])
def test_unique_shows_the_first_verdict_of_each_address(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = out_of(capsys, "--unique", "--only", "bounce", "--format", name, "--fields", "recipient,source", folder)
    assert out.count("@") == 2
    assert "4.eml" not in out


def test_unique_keeps_what_has_no_address(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "3.eml" in out_of(capsys, "--unique", "--format", "jsonl", folder)


def test_csv_has_the_fields_that_are_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = out_of(capsys, "--format", "csv", "--fields", "Recipient,reason, code", folder / "1.eml")
    assert out == "recipient,reason,code\nkim@example.org,user_unknown,550 5.1.1\n"


def test_jsonl_with_fields_has_an_object_per_recipient(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = out_of(capsys, "--format", "jsonl", "--fields", "recipient,reply_code,conflicts,rule", folder)
    first, *_, lunch, _ = map(json.loads, out.splitlines())
    rule = undeliverable.parse(UNKNOWN).verdicts[0].rule
    assert rule is not None
    assert first == {"recipient": "kim@example.org", "reply_code": 550, "conflicts": [], "rule": rule.id}
    assert lunch == dict.fromkeys(first)


def test_a_table_has_the_fields_that_are_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = out_of(capsys, "--fields", "recipient,expired,conflicts,kind", folder / "1.eml")
    assert [line.split() for line in out.splitlines()] == [
        ["recipient", "expired", "conflicts", "kind"],
        ["kim@example.org", "false", "-", "bounce"],
    ]
    shown = plain(terminal(["classify", "--fields", "reply,recipient,key", str(folder / "1.eml")], 50))
    assert re.search(r"^550 5.1.1 <.*…  kim@example.org  \w+…$", shown, re.MULTILINE)


def test_csv_has_dates_keys_and_conflicts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "1.eml").write_bytes(bounce("kim@example.org", "5.0.0", "452 4.2.2 <kim@example.org>: mailbox full"))
    (row,) = csv.DictReader(io.StringIO(out_of(capsys, "--format", "csv", tmp_path)))
    assert row["date"] == "2026-11-16T09:12:33+00:00"
    assert (row["message_id"], row["original_message_id"]) == ("<1@mx.example.net>", "<2@example.net>")
    assert row["sent_to"] == "kim@example.org"
    assert re.fullmatch("[0-9a-f]{64}", row["key"])
    assert "4.2.2" in row["conflicts"]


def test_excel_reads_csv_with_a_mark(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert out_of(capsys, "--excel", folder).startswith("\ufeffsource,kind,recipient")
    out_of(capsys, "--excel", "-o", tmp_path / "all.csv", folder)
    assert (tmp_path / "all.csv").read_bytes().startswith(b"\xef\xbb\xbfsource,")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--excel", "--format", "jsonl"], "--excel is about --format csv, not jsonl"),
        (["--excel", "-o", "x.txt", "--format", "txt"], "--excel is about --format csv, not txt"),
        (["--fields", "recipient,raeson"], "--fields: unknown value 'raeson'; expected one of action, advice,"),
        (["--fields", " , "], "--fields: the list is empty"),
        (["--format", "txt", "--fields", "recipient"], "--fields: txt has addresses only"),
        (["-o", "missing/x.csv"], "-o missing/x.csv: No such file or directory"),
        (["-o", "."], "-o .: Is a directory"),
    ],
)
def test_what_cannot_be_is_refused(
    words: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert main(["classify", *words, "."]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err


# --- the file -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "begin", "said"),
    [
        ("dead.txt", "kim@example.org\n", "2 addresses in"),
        ("all.CSV", "source,kind,recipient", "4 rows in"),
        ("all.jsonl", '{"schema": 2', "4 rows in"),
        ("all.ndjson", '{"schema": 2', "4 rows in"),
        ("all", "type   recipient", "4 rows in"),
    ],
)
def test_a_file_has_the_format_of_its_name(
    name: str, begin: str, said: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    assert main(["classify", "-o", str(path), str(folder)]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert path.read_text().startswith(begin)
    assert f" {said} {path}\n" in err
    assert os.listdir(tmp_path) == [folder.name, name] or sorted(os.listdir(tmp_path)) == sorted([folder.name, name])


def test_a_dash_is_standard_output(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert out_of(capsys, "-o", "-", "--format", "txt", folder) == "kim@example.org\nlee@example.org\n"


def test_a_file_gets_everything_even_if_a_terminal_watches(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "all"
    terminal(["classify", "-o", str(path), str(folder)], 40)
    assert "3.eml" in path.read_text()
    assert "…" not in path.read_text()


def test_a_file_that_is_replaced_keeps_its_rights_and_its_link(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "dead.txt"
    path.write_text("yesterday")
    path.chmod(0o600)
    (tmp_path / "link.txt").symlink_to(path)
    assert main(["classify", "-o", str(tmp_path / "link.txt"), str(folder)]) == 0
    assert path.read_text().startswith("kim@")
    assert (tmp_path / "link.txt").is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_run_that_fails_leaves_the_file_of_yesterday(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("a bug")

    path = tmp_path / "dead.txt"
    path.write_text("yesterday")
    monkeypatch.setattr(_jobs.Work, "on", fails)
    with pytest.raises(RuntimeError):
        main(["classify", "-o", str(path), str(folder)])
    assert path.read_text() == "yesterday"
    assert sorted(os.listdir(tmp_path)) == ["dead.txt", folder.name]


@pytest.mark.parametrize("name", ["table", "txt", "csv", "jsonl"])
@pytest.mark.parametrize("place", ["-o", "stdout"])
def test_a_full_disk_is_one_line(name: str, place: str, folder: Path) -> None:
    words = [sys.executable, "-m", "undeliverable", "classify", "--format", name, *[str(folder)] * 3]
    with open("/dev/full", "w") as full:
        if place == "-o":
            done = subprocess.run([*words, "-o", "/dev/full"], capture_output=True, text=True, timeout=120, check=False)
        else:
            done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    where = "/dev/full" if place == "-o" else "standard output"
    assert done.stderr == f"undeliverable: {where}: No space left on device; free some space, or write elsewhere\n"
    assert done.returncode == 1


def test_a_full_disk_in_the_same_process(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", "-o", "/dev/full", "--format", "csv", str(folder)]) == 1
    assert capsys.readouterr().err.startswith("undeliverable: /dev/full: No space left on device; ")


def test_a_stream_that_breaks_for_another_reason_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(Screen):
        def write(self, _: str) -> int:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(sys, "stdout", Broken())
    assert main(["classify", str(folder)]) == 1
    assert capsys.readouterr().err == "undeliverable: standard output: Input/output error\n"


def test_a_file_can_be_where_no_other_can_be_made(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", "-o", "/dev/null", "--format", "txt", str(folder)]) == 0
    assert " 2 addresses in /dev/null\n" in capsys.readouterr().err


# --- cut short ----------------------------------------------------------------------------------------------------


def interrupt_after(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    judged = iter(range(number))

    def parse(raw: bytes, **options: object) -> undeliverable.Report:
        if next(judged, None) is None:
            raise KeyboardInterrupt
        return undeliverable.parse(raw, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(_jobs, "_FEW", 1)
    monkeypatch.setattr(_jobs, "parse", parse)


def test_an_interrupt_leaves_what_was_done(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_after(monkeypatch, 2)
    assert main(["classify", str(folder)]) == 130
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3
    assert err.startswith("undeliverable: interrupted; this is what was done until then\n 2 bounces ")


def test_an_interrupt_leaves_no_half_file(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_after(monkeypatch, 2)
    path = tmp_path / "all.csv"
    assert main(["classify", "-o", str(path), str(folder)]) == 130
    err = capsys.readouterr().err
    assert os.listdir(tmp_path) == [folder.name]
    assert "2 bounces" in err
    assert f"{path}: not written" in err


def test_ctrl_c_ends_a_log_that_is_followed() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background of a shell ignore it
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "undeliverable", "classify", "--log", "-"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    finally:
        signal.signal(signal.SIGINT, before)
    assert process.stdin is not None
    assert process.stdout is not None
    line = (
        "Nov 21 21:16:18 mx postfix/smtp[1]: 4F2A: to=<kim@example.org>, relay=mx.example.org[192.0.2.1]:25, delay=1, "
        "dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.1] said: 550 5.1.1 no such user (in reply to RCPT TO))\n"
    )
    process.stdin.write(line)
    process.stdin.flush()
    assert process.stdout.readline().startswith("type")
    assert process.stdout.readline().startswith("hard")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.startswith("undeliverable: interrupted;")
    assert re.search(r"1 bounce +1 hard", err)


# --- progress -----------------------------------------------------------------------------------------------------


def test_progress_in_a_log_is_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    progress = Progress(lambda: 1000, shows=True)
    for now[0] in (1.0, 29.0, 30.0, 31.0, 60.0):
        progress.update(int(now[0]) * 10, int(now[0]) * 100)
    progress.clear()
    assert log.getvalue() == (
        "undeliverable: 30%  3,000 messages  100/s  0:01:10 left\n"
        "undeliverable: 60%  6,000 messages  100/s  0:00:40 left\n"
    )


def test_the_bar_of_rich_comes_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(_progress, "_PATIENCE", 0.0)
    monkeypatch.setattr(_progress, "_INTERVAL", 0.0)
    for total in (1000, 0):
        progress = Progress(total, shows=True)
        time.sleep(0.01)
        progress.update(500, 2000)
        progress.clear()
        progress.clear()
        progress.update(600, 2400)
        progress.clear()
        shown = plain(screen.getvalue())
        assert ("50%" in shown) is (total > 0)
        assert "2,400 messages" in shown
        assert screen.getvalue().rstrip().endswith("\x1b[2K")
        screen.truncate(0)


AT_ONCE = (
    "import sys; from undeliverable.cli import _progress, main;"
    "_progress._PATIENCE = _progress._INTERVAL = 0.0; sys.exit(main())"
)


@pytest.mark.parametrize(
    ("options", "piped", "bar"),
    [
        ([], False, True),
        (["--no-progress"], False, False),
        (["-q"], False, False),
        (["--all"], False, False),
        (["--format", "csv"], True, False),
        (["--format", "csv", "-o", "/dev/null"], True, True),
    ],
)
def test_progress_is_drawn_where_nothing_else_is(options: list[str], piped: bool, bar: bool, folder: Path) -> None:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", AT_ONCE, "classify", *options, str(folder)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if piped else follower, stderr=follower,
    )  # fmt: skip
    os.close(follower)
    process.communicate(timeout=60)
    assert process.returncode == 0
    try:
        shown = os.read(leader, 1 << 20).decode()
    except OSError:  # nothing was written
        shown = ""
    os.close(leader)
    assert ("messages" in shown) is bar


def test_without_rich_the_bar_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(_progress, "_PATIENCE", 0.0)
    monkeypatch.setitem(sys.modules, "undeliverable.cli._rich_progress", None)
    progress = Progress(1000, shows=True)
    progress.update(500, 2000)
    assert "[###############...............]  50%  2,000 messages" in screen.getvalue()


# --- what is left out is named ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "said"), [(1, "1 line looks like a delivery but was"), (312, "312 lines look like deliveries but were")]
)
def test_unread_lines_of_a_log_are_warned_of(
    number: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mail.log"
    path.write_text(f"{DELIVERIES[0]}\x1b\n" * number)
    assert main(["classify", "--log", str(path)]) == 0
    assert f"{said} not read; first: {path}:1: {DELIVERIES[0]}\\x1b\n" in capsys.readouterr().err
    assert main(["classify", "-q", "--log", str(path)]) == 0
    assert capsys.readouterr().err == ""


def test_warnings_are_left_out_if_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mail.log").write_text("\n".join(POSTFIX))
    for options, said in (([], "warning: this is a log"), (["-q"], "")):
        assert main(["classify", *options, str(tmp_path / "mail.log")]) == 0
        err = capsys.readouterr().err
        assert said in err
        assert bool(said) is bool(err)


def test_skipped_files_are_named_if_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "notes").write_text("nothing")
    assert main(["classify", "-v", str(folder)]) == 0
    err = capsys.readouterr().err
    assert f"{folder / 'notes'}: skipped" in err
    assert re.search(r"1 file +skipped, no mail \(named above\)", err)


def test_who_has_read_enough_ends_the_output(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Left(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

        def fileno(self) -> int:
            return file.fileno()

    with (tmp_path / "gone").open("w") as file:
        monkeypatch.setattr(sys, "stdout", Left())
        assert main(["classify", "--format", "csv", str(folder)]) == 0
