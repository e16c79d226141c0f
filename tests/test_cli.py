"""The command from its arguments to its exit status."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import undeliverable
from undeliverable.cli import _jobs, _progress, main
from undeliverable.cli._fields import TABLE_FIELDS
from undeliverable.cli._help import columns as _columns
from undeliverable.cli._main import COMMANDS, command_named
from undeliverable.cli._neutral import neutral, neutral_cell, neutral_lines
from undeliverable.cli._progress import Progress
from undeliverable.cli._rows import Table, table_rows

PLAIN = b"From: a@example.com\nTo: b@example.net\nSubject: lunch\n\nAt noon?\n"


def bounce(recipient: str, status: str, reply: str, action: str = "failed") -> bytes:
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

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; {recipient}
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; {reply}

--b
Content-Type: message/rfc822

From: news@example.net
To: {recipient}
Subject: Hello
Message-ID: <2@example.net>

Hello!

--b--
""".encode()


UNKNOWN = bounce("kim@example.org", "5.1.1", "550 5.1.1 <kim@example.org>: no such user here")
FULL = bounce("lee@example.org", "5.2.2", "552 5.2.2 <lee@example.org>: mailbox full")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "1-unknown.eml").write_bytes(UNKNOWN)
    (tmp_path / "2-full.eml").write_bytes(FULL)
    (tmp_path / "3-lunch.eml").write_bytes(PLAIN)
    return tmp_path


@pytest.fixture
def records(capsys: pytest.CaptureFixture[str]) -> Callable[..., list[dict[str, Any]]]:
    def run(*arguments: str | Path) -> list[dict[str, Any]]:
        assert main(["classify", "--format", "jsonl", *map(str, arguments)]) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


def on_terminal(*arguments: str, environment: dict[str, str] | None = None, watch_errors: bool = False) -> str:
    """What a terminal shows that is the command's standard output (or its standard error)."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if watch_errors else follower,
        stderr=follower if watch_errors else subprocess.DEVNULL,
        env=os.environ | (environment or {}),
    )
    os.close(follower)
    shown = b"".join(_until_closed(leader))
    os.close(leader)
    assert process.wait(120) == 0
    return shown.decode()


def _until_closed(descriptor: int) -> Iterator[bytes]:
    while True:
        try:
            block = os.read(descriptor, 65536)
        except OSError:  # how Linux says that the other end is closed
            return
        if not block:
            return
        yield block


def test_records_are_the_library_s_own(folder: Path, records: Callable[..., list[dict[str, Any]]]) -> None:
    got = records(folder)
    assert [record["source"] for record in got] == [str(folder / name) for name in sorted(os.listdir(folder))]
    for record in got:
        report = undeliverable.parse(Path(record["source"]).read_bytes(), source=record["source"])
        assert record == report.to_dict()
    assert [record["kind"] for record in got] == ["bounce", "bounce", "other"]


def test_a_table_is_aligned(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "4-wide.eml").write_bytes(bounce("\u7528\u6237@example.org", "5.1.1", "550 5.1.1 no such user"))
    assert main(["classify", str(folder)]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["type", "recipient", "reason", "code", "advice", "source"]
    assert [row.split()[:6] for row in rows[:2]] == [
        ["hard", "kim@example.org", "user_unknown", "550", "5.1.1", "suppress"],
        ["soft", "lee@example.org", "mailbox_full", "552", "5.2.2", "retry"],
    ]
    assert rows[2].split()[:-1] == ["other", "-", "-", "-", "-"]
    where = head.index("reason")
    assert [row.index("user_unknown") for row in rows if "user_unknown" in row] == [where, where - 2]


def test_later_blocks_of_a_table_stay_aligned(folder: Path) -> None:
    lines: list[str] = []
    table = Table(
        lambda block: lines.extend("".join(text for text, _ in line) for line in block), TABLE_FIELDS, block=1
    )
    for path in sorted(folder.iterdir()):
        report = undeliverable.parse(path.read_bytes(), source=path.name)
        table.put(table_rows(report, report.verdicts, TABLE_FIELDS))
    table.close()
    assert len(lines) == 4
    assert lines[1].index("user_unknown") == lines[2].index("mailbox_full")
    assert lines[1].index("1-unknown.eml") == lines[2].index("2-full.eml")


def test_csv_has_a_line_per_recipient_and_no_formulas(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.eml").write_bytes(bounce("=cmd@example.org", "5.1.1", '550 5.1.1 =HYPERLINK("http://example.com")'))
    (tmp_path / "b.eml").write_bytes(PLAIN)
    assert main(["classify", "--format", "csv", str(tmp_path)]) == 0
    first, second = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert first["recipient"] == "'=cmd@example.org"
    assert (first["bounce_type"], first["reason"], first["reply_code"]) == ("hard", "user_unknown", "550")
    assert first["rule"]
    assert first["original_message_id"].strip("<>") == "2@example.net"
    assert (second["kind"], second["recipient"], second["reason"]) == ("other", "", "")


@pytest.mark.parametrize(
    ("only", "shown"),
    [
        (["hard"], ["kim@example.org"]),
        (["soft,hard"], ["kim@example.org", "lee@example.org"]),
        (["mailbox_full"], ["lee@example.org"]),
        (["BOUNCE"], ["kim@example.org", "lee@example.org"]),
        (["other"], [None]),
        (["hard", "mailbox_full,other"], ["kim@example.org", "lee@example.org", None]),
        (["complaint"], []),
        (["suppress"], ["kim@example.org"]),
        (["retry,other"], ["lee@example.org", None]),
    ],
)
def test_only(
    folder: Path, records: Callable[..., list[dict[str, Any]]], only: list[str], shown: list[str | None]
) -> None:
    options = [part for words in only for part in ("--only", words)]
    got = records(*options, folder)
    assert [record["verdicts"][0]["recipient"] if record["verdicts"] else None for record in got] == shown


def test_only_leaves_out_the_other_recipients_of_a_report(
    tmp_path: Path, records: Callable[..., list[dict[str, Any]]]
) -> None:
    second = b"\nFinal-Recipient: rfc822; lee@example.org\nAction: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp; 552 5.2.2 full\n"
    path = tmp_path / "a.eml"
    path.write_bytes(UNKNOWN.replace(b"no such user here\n", b"no such user here\n" + second))
    assert [v["recipient"] for v in records(path)[0]["verdicts"]] == ["kim@example.org", "lee@example.org"]
    assert [v["recipient"] for v in records("--only", "hard", path)[0]["verdicts"]] == ["kim@example.org"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("hrad", "did you mean hard"),
        ("zzzzzz", "unknown value 'zzzzzz'; expected a bounce type, a reason, an advice"),
        (" , ", "the list is empty"),
    ],
)
def test_only_refuses_unknown_words(folder: Path, capsys: pytest.CaptureFixture[str], words: str, said: str) -> None:
    assert main(["classify", "--only", words, str(folder)]) == 2
    assert said in capsys.readouterr().err


def test_own_rules_decide(
    folder: Path, records: Callable[..., list[dict[str, Any]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    rules = tmp_path_factory.mktemp("rules") / "mine.toml"
    rules.write_text('[[policy]]\nid = "full-is-hard"\nwhen = { reply = "552" }\nthen = { bounce_type = "hard" }\n')
    verdict = records("--rules", rules, folder / "2-full.eml")[0]["verdicts"][0]
    assert (verdict["bounce_type"], verdict["policy"]["id"]) == ("hard", "full-is-hard")


@pytest.mark.parametrize("arguments", [["--rules", "gone.toml"], ["--profile", "no-such-profile"]])
def test_rules_and_profiles_that_do_not_exist_are_wrong_usage(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main(["classify", *arguments, str(folder)]) == 2
    assert arguments[1] in capsys.readouterr().err


def test_a_bad_rule_file_is_shown_with_its_place(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = folder / "bad.toml"
    rules.write_text('[[policy]]\nwhen = { replay = "552" }\nthen = { bounce_type = "hard" }\n')
    assert main(["classify", "--rules", str(rules), str(folder)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "bad.toml" in captured.err
    assert "replay" in captured.err


def test_the_summary_counts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "notes").write_text("nothing")
    assert main(["classify", str(folder), str(folder / "gone")]) == 1  # one path could not be read
    err = capsys.readouterr().err
    lines = [" ".join(line.split()) for line in err.splitlines()]
    assert lines[1 : lines.index("1 file failed, see above") + 1] == [
        "2 bounces 1 hard ████████ suppress 1",
        "user_unknown 1",
        "1 soft ████████ retry 1",
        "mailbox_full 1",
        "1 other 1 not a report",
        "1 file skipped, no mail (-v names it)",
        "1 file failed, see above",
    ]
    assert "--only suppress" in err


def test_nothing_readable_is_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", str(tmp_path / "gone")]) == 1
    assert main(["classify", str(tmp_path)]) == 1
    assert main(["explain", str(tmp_path / "gone.eml")]) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("arguments", [["classify"], ["clasify", "x"], ["classify", "--format", "xml", "x"]])
def test_wrong_usage_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert re.fullmatch(r"undeliverable: .+; see 'undeliverable[a-z ]* --help'\n", capsys.readouterr().err)


def test_a_message_that_the_library_fails_on_does_not_stop_the_run(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse(raw: bytes, **options: Any) -> undeliverable.Report:
        if raw == FULL:
            raise RuntimeError("a bug")
        return undeliverable.parse(raw, **options)

    monkeypatch.setattr(_jobs, "parse", parse)
    assert main(["classify", "--format", "jsonl", str(folder)]) == 1
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 2
    assert "2-full.eml: RuntimeError: a bug" in captured.err
    assert re.search("1 file +failed", captured.err)


def test_standard_input(monkeypatch: pytest.MonkeyPatch, records: Callable[..., list[dict[str, Any]]]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(UNKNOWN))))
    got = records("-")
    assert [(record["source"], record["kind"]) for record in got] == [("-", "bounce")]


def test_standard_input_may_be_a_pipe_of_a_mailbox() -> None:
    mailbox = b"".join(b"From x@example.com Mon Nov 16 09:12:33 2026\n" + mail + b"\n" for mail in (UNKNOWN, FULL))
    done = subprocess.run(
        [sys.executable, "-m", "undeliverable", "classify", "--format", "jsonl", "-"],
        input=mailbox, capture_output=True, check=True, timeout=120,
    )  # fmt: skip
    assert [json.loads(line)["source"] for line in done.stdout.splitlines()] == ["-#1", "-#2"]


def test_foreign_text_reaches_no_terminal_raw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(bounce("kim\x1b[31m@example.org", "5.1.1", "550 5.1.1 \x1b]0;owned\x07 no such user \x9b"))
    for arguments in (["classify", "--format", "table"], ["classify", "--format", "csv"], ["explain"]):
        main([*arguments, str(path)])
        captured = capsys.readouterr()
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", captured.out + captured.err)


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("kim@example.org", "kim@example.org"),
        ("\u7528\u6237@example.org", "\u7528\u6237@example.org"),
        ("a\x1b[2Jb\r\nc", "a\\x1b[2Jb\\r\\nc"),
        ("\x9bx\x7f", "\\x9bx\\x7f"),
        ("gnp\u202e.exe\u2028", "gnp\\u202e.exe\\u2028"),
        ("no\u00a0break", "no break"),
        ("\udcff", "\\udcff"),
    ],
)
def test_neutral(text: str, harmless: str) -> None:
    assert neutral(text) == harmless
    assert neutral_lines(f"{text.replace(chr(10), '')}\nx").endswith("\nx")


@pytest.mark.parametrize(
    ("value", "cell"),
    [(None, ""), (550, "550"), (True, "true"), ("=1+1", "'=1+1"), ("+49", "'+49"), ("-x", "'-x"), ("@a", "'@a"),
     ("\t=1", "'\\t=1"), ("\uff1d1", "'\uff1d1"), ("a=b", "a=b")],
)  # fmt: skip
def test_neutral_cell(value: object, cell: str) -> None:
    assert neutral_cell(value) == cell


def test_explain_a_reply(capsys: pytest.CaptureFixture[str]) -> None:
    reply = "550 5.1.1 <kim@example.org>: no such user here"
    assert main(["explain", reply, "--host", "mx.example.org", "--command", "RCPT"]) == 0
    assert (
        capsys.readouterr().out == undeliverable.classify(reply, host="mx.example.org", command="rcpt").explain() + "\n"
    )


@pytest.mark.parametrize("reply", ["550", "5.1.1", "mailbox full", "  452 4.2.2 over quota"])
def test_what_explain_takes_for_a_reply(reply: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", reply]) == 0
    assert capsys.readouterr().out == undeliverable.classify(reply).explain() + "\n"


def test_explain_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "1-unknown.eml"
    assert main(["explain", str(path), "--trace", "-v"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{path}: bounce")
    assert undeliverable.parse(UNKNOWN, trace=True).verdicts[0].explain(verbose=True) in out


def test_explain_several_messages_and_one_without_recipients(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(folder)]) == 0
    out = capsys.readouterr().out
    assert out.count(str(folder)) == 3
    assert "This message is not a report about a delivery" in out


def test_explain_takes_host_and_command_for_replies_only(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(folder), "--host", "mx.example.org"]) == 2
    assert "--host, --command and --protocol apply to the text of a reply" in capsys.readouterr().err


def test_every_command_has_its_name() -> None:
    assert [command_named(name).name for name in COMMANDS] == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    assert f"\n  undeliverable {command} " in capsys.readouterr().out.partition("examples:")[2]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    build = " (compiled)" if undeliverable.compiled else ""
    assert capsys.readouterr().out == f"undeliverable {undeliverable.__version__}{build}\n"


def test_a_reader_that_leaves_early_is_no_error(folder: Path) -> None:
    many = [str(folder)] * 300
    process = subprocess.Popen(
        [sys.executable, "-m", "undeliverable", "classify", "--format", "jsonl", *many],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(120) == 0


def test_a_terminal_sees_colours(folder: Path) -> None:
    shown = on_terminal(
        "-m", "undeliverable", "classify", str(folder), environment={"TERM": "xterm-256color", "COLUMNS": "200"}
    )
    assert "\x1b[" in shown
    assert "kim@example.org" in shown


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"TERM": "xterm"}])
def test_a_terminal_without_rich_sees_a_plain_table(folder: Path, environment: dict[str, str]) -> None:
    program = "import sys; sys.modules['rich'] = None; from undeliverable.cli import main; sys.exit(main())"
    shown = on_terminal("-c", program, "classify", str(folder), environment=environment)
    assert "\x1b" not in shown
    assert "kim@example.org" in shown


def test_rich_is_not_imported_for_a_pipe(folder: Path) -> None:
    program = (
        "import sys; from undeliverable.cli import main; status = main(); sys.exit(status or 'rich' in sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", program, "classify", str(folder)], capture_output=True, check=True, timeout=120
    )


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_drawn_after_a_while_and_wiped(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    now = [0.0]
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    progress = Progress(1000, shows=True, colours=False)
    progress.update(10, 1)
    progress.clear()
    assert screen.getvalue() == ""
    now[0] = 2.0
    progress.update(500, 2000)
    progress.update(501, 2001)
    assert screen.getvalue() == f"\r\x1b[K[{'#' * 15}{'.' * 15}]  50%  2,000 messages  1,000/s  0:00:02 left"
    progress.clear()
    progress.clear()
    assert screen.getvalue().endswith("left\r\x1b[K")


def test_progress_without_a_total_or_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(_progress, "_PATIENCE", 0.0)
    Progress(0, shows=False).update(1, 1)
    assert screen.getvalue() == ""
    monkeypatch.setattr("time.monotonic", lambda: 7.0)
    Progress(0, shows=True, colours=False).update(1, 1)
    assert screen.getvalue() == "\r\x1b[K1 messages"


def test_long_work_shows_progress_on_a_terminal(folder: Path) -> None:
    program = (
        "import sys; from undeliverable.cli import _progress, main;"
        "_progress._PATIENCE = _progress._INTERVAL = 0.0; sys.exit(main())"
    )
    shown = on_terminal("-c", program, "classify", str(folder), watch_errors=True)
    assert "100%" in shown
    assert "3 messages" in shown


@pytest.mark.parametrize(("given", "columns"), [("120", 120), ("0", 80), ("wide", 80), ("", 80)])
def test_width(given: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", given)
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((0, 0)))
    assert _columns() == columns


def test_the_module_is_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["undeliverable", "explain", "550 5.1.1 no such user"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("undeliverable", run_name="__main__")
    assert ended.value.code == 0
    assert "the mailbox does not exist" in capsys.readouterr().out
    # Whoever only imports it, as other processes of --jobs may, starts nothing.
    assert runpy.run_module("undeliverable.__main__", run_name="imported")["main"] is main


def test_what_nobody_reads_any_more_goes_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def left(*_: object) -> int:
        raise BrokenPipeError

    path = tmp_path / "output"
    with path.open("w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        monkeypatch.setattr("undeliverable.cli._main._run", left)
        assert main(["explain", "550 no"]) == 0
        output.write("the interpreter's last words")
    assert path.read_bytes() == b""


def test_explain_says_who_wrote_it_where_that_is_known(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fixtures = Path(__file__).parent.parent / "fixtures" / "bounces"
    assert main(["explain", "-v", str(fixtures / "postfix-several.eml")]) == 0
    assert "postfix-several.eml: bounce, written by postfix" in capsys.readouterr().out
    (folder / "own.eml").write_bytes(bounce("kim@example.org", "5.1.1", "550 5.1.1 no"))
    assert main(["explain", "-v", str(folder / "own.eml")]) == 0
    assert "own.eml: bounce\n" in capsys.readouterr().out
