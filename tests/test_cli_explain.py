"""`explain` and `rules list|show|which` as people see them: at every width, in colour and without, and in a pipe."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.terminal import cells
from undeliverable import Knowledge, classify, parse, parse_log_line
from undeliverable.cli import main
from undeliverable.cli._asked import asked, in_words
from undeliverable.cli._entries import entries_of
from undeliverable.cli._paragraphs import Paragraph, Span, paragraph, write
from undeliverable.cli._screen import ASCII, Screen

FIXTURES: Final = Path(__file__).resolve().parent.parent / "fixtures"
WIDTHS: Final = (40, 60, 80, 100, 120, 200)
ESCAPE: Final = re.compile(r"\x1b\[[0-9;]*m")
FULL: Final = "452 4.2.2 <kim@example.org>: mailbox full"
LINE: Final = (
    "Nov 30 10:00:00 mx postfix/smtp[123]: 4XyZ: to=<kim@example.org>, relay=mx.example.org[192.0.2.1]:25, delay=1, "
    "delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.1] said: 550 5.1.1 no such user "
    "(in reply to RCPT TO command))"
)
RULES: Final = """\
[[provider]]
name = "example"
title = "Example Mail"
hosts = ["example.org"]
pages = { form = "https://example.org/senders" }
"""
TEXT: Final = st.text(st.sampled_from("ab .-,\x1b\n\u4e2d\u0301\u202e«»é"), max_size=60)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> tuple[int, str, str]:
        status = main(list(map(str, arguments)))
        return status, *capsys.readouterr()

    return run


def screen(width: int, *, colours: bool = False, is_terminal: bool = True) -> Screen:
    return Screen(io.StringIO(), is_terminal, width, 24, colours)


def written(paragraphs: list[Paragraph], width: int, *, colours: bool = False, is_terminal: bool = True) -> str:
    one = screen(width, colours=colours, is_terminal=is_terminal)
    write(paragraphs, one)
    assert isinstance(one.stream, io.StringIO)
    return one.stream.getvalue()


# --- paragraphs ---------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(TEXT, st.sampled_from(("", "mark", "bold"))), max_size=5),
    st.sampled_from(("", "reply", "Nachricht")),
    st.integers(20, 200),
    st.integers(0, 4),
)
def test_no_line_is_wider_than_the_terminal_and_nothing_is_lost(
    pieces: list[tuple[str, str]], label: str, width: int, hang: int
) -> None:
    one = Paragraph(tuple(Span(*piece) for piece in pieces), label, hang=hang)
    plain = written([one], width)
    assert all(cells(line) <= width for line in plain.splitlines())
    assert all(line == line.rstrip(" ") for line in plain.splitlines())
    words = written([one], 0, is_terminal=False).split()
    assert "".join(plain.split()) == "".join(words)
    if all(cells(word) <= width // 2 for word in words):
        assert plain.split() == words, "only words that are too wide are folded"
    colourful = written([one], width, colours=True)
    assert "\x1b" not in plain
    assert all(cells(ESCAPE.sub("", line)) <= width for line in colourful.splitlines())
    assert "".join(ESCAPE.sub("", colourful).split()) == "".join(
        "".join(written([Paragraph(tuple(Span(text) for text, _ in pieces), label)], 0, is_terminal=False)).split()
    )


def test_further_lines_are_indented() -> None:
    assert written([paragraph("one two three four five six seven eight nine ten", label="next")], 60) == (
        "  next       one two three four five six seven eight nine\n             ten\n"
    )
    assert written([paragraph("one two three four five six", label="next")], 20) == (
        "  next one two three\n    four five six\n"
    )
    assert written([paragraph("one two three four", hang=2)], 10) == "one two\n  three\n  four\n"


def test_a_word_that_is_too_long_is_folded() -> None:
    assert written([paragraph("see " + "x" * 30, label="page")], 24) == (
        "  page see xxxxxxxxxxxxx\n    xxxxxxxxxxxxxxxxx\n"
    )


def test_blanks_at_the_end_of_a_line_are_left_out() -> None:
    assert written([Paragraph((Span("a "), Span("  ", "bold")))], 0, is_terminal=False) == "a\n"
    assert written([paragraph("a" * 9 + " " + "b" * 12)], 10) == "aaaaaaaaa\nbbbbbbbbbb\nbb\n"


def test_marks_are_colours_or_guillemets() -> None:
    one = Paragraph((Span("550 "), Span("no such user", "mark"), Span(" here")), "reply")
    assert written([one], 80) == "  reply      550 «no such user» here\n"
    assert written([one], 0, is_terminal=False) == "  reply      550 «no such user» here\n"
    shown = written([one], 80, colours=True)
    assert "«" not in shown
    assert "550 \x1b[1;4mno such user\x1b[0m here\n" in shown
    assert shown.startswith("\x1b[2m  reply")


def test_an_encoding_without_guillemets_gets_stand_ins() -> None:
    one = screen(80)._replace(signs=ASCII)
    write([Paragraph((Span("550 … "), Span("no such user", "mark"), Span(" · é")), "reply")], one)
    assert isinstance(one.stream, io.StringIO)
    assert one.stream.getvalue() == "  reply      550 ... >>no such user<< - é\n"


def test_what_is_set_stays_as_it_is() -> None:
    assert written([Paragraph((Span("a    b"),), is_set=True)], 4) == "a    b\n"
    assert written([paragraph("")], 80) == "\n"


# --- explain ------------------------------------------------------------------------------------------------------------


def test_a_pipe_gets_what_the_library_says(run: Run) -> None:
    verdict = classify(FULL, command="rcpt")
    assert run("explain", FULL, "--command", "RCPT") == (0, verdict.explain() + "\n", "")
    assert run("explain", FULL, "--command", "rcpt", "--lang", "de")[1] == verdict.explain(lang="de") + "\n"
    status, out, _ = run("explain", FULL, "--command", "rcpt", "-v")
    assert (status, out) == (0, verdict.explain(verbose=True) + "\n")


def test_every_machinery_is_shown_whole(run: Run) -> None:
    path = FIXTURES / "bounces" / "postfix-several.eml"
    status, out, _ = run("explain", path, "-v", "--trace")
    report = parse(path.read_bytes(), trace=True)
    assert status == 0
    assert out.startswith(f"{path}: bounce, written by ")
    for verdict in report.verdicts:
        lines = re.sub(r" +", " ", verdict.explain(verbose=True)).splitlines()
        assert set(map(str.rstrip, lines)) <= {re.sub(r" +", " ", line) for line in out.splitlines()}


def test_one_message_is_explained_without_its_name_and_several_with_theirs(run: Run, tmp_path: Path) -> None:
    first = (FIXTURES / "bounces" / "postfix-several.eml").read_bytes()
    (tmp_path / "a.eml").write_bytes(first)
    status, out, _ = run("explain", tmp_path)
    assert (status, out) == (0, parse(first).explain() + "\n")
    (tmp_path / "b.eml").write_bytes((FIXTURES / "auto-replies" / "german.eml").read_bytes())
    status, out, err = run("explain", tmp_path)
    assert status == 0
    assert out.startswith(f"{tmp_path}/a.eml: bounce")
    assert f"\n\n{tmp_path}/b.eml: auto_reply" in out
    assert "An automatic reply came from" in out
    assert err == ""


def test_many_explanations_end_with_the_way_to_a_table(run: Run, tmp_path: Path) -> None:
    for number in range(21):
        (tmp_path / f"{number}.eml").write_bytes((FIXTURES / "auto-replies" / "german.eml").read_bytes())
    _, _, err = run("explain", tmp_path)
    assert err == f"undeliverable: explained 21 messages; as a table: undeliverable classify {tmp_path}\n"
    assert run("explain", tmp_path, "-q")[2] == ""


def test_what_is_no_report_says_so(run: Run) -> None:
    status, out, _ = run("explain", FIXTURES / "near-misses" / "tls-report.eml")
    assert status == 0
    assert out.startswith("This message is not a report about a delivery")


def test_one_customer_among_many(run: Run, tmp_path: Path) -> None:
    folder = FIXTURES / "bounces"
    report = parse((folder / "postfix-several.eml").read_bytes())
    wanted = report.verdicts[0]
    status, out, err = run("explain", folder / "postfix-several.eml", "--recipient", (wanted.recipient or "").upper())
    assert (status, out, err) == (0, wanted.explain() + "\n", "")
    status, out, err = run("explain", FIXTURES / "auto-replies", "--recipient", "nobody@example.org")
    assert (status, out, err) == (1, "", "undeliverable: nothing about nobody@example.org was found\n")


def test_several_files_and_a_reply_without_quotation_marks(run: Run, tmp_path: Path) -> None:
    paths = [FIXTURES / "auto-replies" / "german.eml", FIXTURES / "auto-replies" / "dutch.eml"]
    status, out, err = run("explain", *paths, tmp_path / "gone.eml")
    assert status == 1, "one of them is gone"
    assert [line for line in out.splitlines() if line.endswith(": auto_reply")] == [
        f"{path}: auto_reply" for path in paths
    ]
    assert "gone.eml: No such file" in err
    assert run("explain", *FULL.split()) == run("explain", FULL)


def test_a_line_of_a_log(run: Run) -> None:
    report = parse_log_line(LINE)
    assert report is not None
    assert run("explain", LINE) == (0, report.explain() + "\n", "")
    assert run("explain", "--log", LINE) == run("explain", LINE)
    assert run("explain", LINE, "--host", "mx.example.org")[0] == 2


def test_a_log(run: Run) -> None:
    path = FIXTURES / "logs" / "postfix.log"
    status, out, err = run("explain", "--log", path)
    assert status == 0
    assert out.startswith(f"{path}:1: delay, written by postfix\nMail to ")
    assert "was delivered" not in out, "only failures are explained"
    assert f"as a table: undeliverable classify --log {path}" in err


def test_records_stand_among_the_lines_of_a_log(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    main(["classify", "--format", "jsonl", str(FIXTURES / "bounces" / "postfix-several.eml")])
    path.write_text("nothing about a delivery\n" + LINE + "\n", encoding="utf-8")
    status, out, _ = run("explain", "--log", path)
    assert status == 0
    assert out.endswith("Stop sending to this address. Somebody who knows the person can ask for the right one; often it "
                        "is a typing error.\n")  # fmt: skip


def test_rows_that_were_not_read_are_warned_of(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "acct.csv"
    path.write_text("b,news@example.net,kim@example.org,5.1.1 (bad),smtp;550 5.1.1 no such user\n" * 2)
    status, out, err = run("explain", "--log", path)
    assert (status, out) == (1, "")
    assert "2 lines not read" in err


def test_what_is_not_mail_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes((FIXTURES / "auto-replies" / "german.eml").read_bytes())
    (tmp_path / "notes.txt").write_text("milk, bread\n" * 9)
    assert "notes.txt" not in run("explain", tmp_path)[2]
    assert f"{tmp_path}/notes.txt: " in run("explain", tmp_path, "-v")[2]
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.7\n" + bytes(range(256)))
    status, out, err = run("explain", tmp_path / "b.pdf")
    assert (status, out, "b.pdf" in err) == (1, "", True)


def test_what_cannot_be_found_is_1(run: Run, tmp_path: Path) -> None:
    status, out, err = run("explain", tmp_path / "gone.eml")
    assert (status, out) == (1, "")
    assert "No such file" in err


def test_the_language_of_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDELIVERABLE_LANG", "de")
    assert run("explain", FULL)[1].startswith("Die Mail an ")
    assert run("explain", FULL, "--lang", "en")[1].startswith("Mail to ")
    monkeypatch.setenv("UNDELIVERABLE_LANG", "fr")
    status, out, err = run("explain", FULL)
    assert (status, out) == (2, "")
    assert "UNDELIVERABLE_LANG" in err
    assert "'fr'; expected one of de, en" in err


def test_pages_of_a_provider_of_ones_own(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(RULES, encoding="utf-8")
    reply = "550 5.7.1 blocked because of its bad reputation"
    _, out, _ = run("explain", reply, "--host", "mx.example.org", "--rules", path)
    assert "mx.example.org · Example Mail" in out
    assert "https://example.org/senders" in out
    assert "https://example.org/senders" not in run("explain", reply, "--host", "mx.example.org")[1]


def test_foreign_text_cannot_reach_the_terminal(run: Run) -> None:
    _, out, _ = run("explain", "550 5.1.1 \x1b]0;x\x07 no such user \u202e", "-v", "--color", "always")
    assert "\x1b]" not in out
    assert "\u202e" not in out
    assert "\\x1b]0;x\\x07" in out


def test_colours_are_those_of_the_verdict(run: Run) -> None:
    shown = {
        reply: run("explain", reply, "--color", "always")[1].split("M", 1)[0]
        for reply in ("550 5.1.1 no such user", FULL, "550 zzz")
    }
    assert list(shown.values()) == ["\x1b[1;31m", "\x1b[1;33m", "\x1b[1;35m"]
    assert "\x1b" not in run("explain", FULL, "--color", "never")[1]


# --- rules --------------------------------------------------------------------------------------------------------------


def test_conditions_in_words() -> None:
    when = 'reply = "550", any_words = ["a", "b"], pattern = "x, y", unless = "c", means = ["full", "recipient"]'
    assert dict(asked(when))["pattern"] == '"x, y"'
    assert in_words(when, verbose=False) == (
        'code 550; says one of "a", "b"; as a pattern has it (-v); but not "c"; means full, recipient'
    )
    assert 'pattern = "x, y"' in in_words(when, verbose=True)
    assert (
        in_words('words = ["a", "b"], unless = ["c", "d"]', verbose=False)
        == 'says all of "a", "b"; but none of "c", "d"'
    )
    assert in_words('words = "a", status = "5.1.1", command = "rcpt"', verbose=False) == (
        'says "a"; status 5.1.1; in reply to rcpt'
    )
    assert in_words('provider = "google", age = "> 4h"', verbose=False) == 'provider = "google"; age = "> 4h"'
    assert in_words("", verbose=False) == ""
    assert in_words("something else", verbose=False) == "something else"


def test_no_pattern_of_any_rule_is_shown_without_v() -> None:
    entries = [*entries_of(Knowledge.builtin())]
    rules = Knowledge.builtin().rules
    found = 0
    for entry, rule in zip(entries, rules, strict=False):
        shown = in_words(entry.when, verbose=False)
        pattern = rule.when.pattern
        assert "pattern = " not in shown
        if pattern is not None:
            found += 1
            assert pattern.pattern not in shown
            assert pattern.pattern in in_words(entry.when, verbose=True)
    assert found > 50


def test_which_rules_match(run: Run) -> None:
    status, out, _ = run("rules", "which", "552 5.2.2 The mailbox is full")
    lines = out.splitlines()
    assert status == 0
    assert lines[0] == "Mail to this recipient could not be delivered for now: the mailbox is full."
    assert lines[1].startswith("  reply      552 5.2.2 The «mailbox is full»")
    assert lines[2] == "  verdict    soft (mailbox_full) -> retry, by default"
    assert lines[4] == "decides mailbox_full: The mailbox is over its quota."
    assert "(?:" not in out
    assert "(?:" in run("rules", "which", "552 5.2.2 The mailbox is full", "-v")[1]


def test_a_rule_is_shown_by_its_meaning(run: Run) -> None:
    status, out, _ = run("rules", "show", "google.receiving_rate")
    lines = out.splitlines()
    assert status == 0
    assert lines[0] == "recipient_rate_limited: This recipient gets mail too fast just now."
    assert [line.split()[0] for line in lines[1:]] == [
        "asks", "provider", "rule", "source", "example", "place", "more",
    ]  # fmt: skip
    assert "[[rule]]" not in out
    assert "\n\n[[rule]]\nid = " in run("rules", "show", "google.receiving_rate", "-v")[1]


def test_a_policy_is_shown_by_what_it_sets(run: Run) -> None:
    _, out, _ = run("rules", "show", "prefinery.full", "--profile", "prefinery")
    assert out.startswith("sets hard, suppress\n")


# --- a real terminal ----------------------------------------------------------------------------------------------------

SCRIPT: Final = """\
import sys
if {without_rich}:
    sys.modules["rich"] = None
from undeliverable.cli import main
for arguments in {commands}:
    main(arguments)
    print("=" * 8)
"""
LONG: Final = "550 5.1.1 <" + "x" * 220 + "@example.org>: no such user, see https://example.org/" + "y" * 230
COMMANDS: Final = (
    ["explain", FULL],
    ["explain", LONG, "-v"],
    ["explain", LONG, "--lang", "de"],
    ["explain", "--color", "never", str(FIXTURES / "bounces" / "postfix-several.eml"), "-v"],
    ["explain", str(FIXTURES / "auto-replies" / "japanese.eml")],
    ["rules", "which", "552 5.2.2 The mailbox is full", "-v"],
    ["rules", "which", LONG],
    ["rules", "show", "google.receiving_rate"],
    ["rules", "show", "wording.mailbox_full.outright", "-v"],
    ["rules", "list", "--provider", "google"],
    ["rules", "list", "--reason", "mailbox_full", "-v"],
)


def seen(width: int, *, without_rich: bool) -> str:
    """Return what the commands show on a terminal."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "COLUMNS", "LINES"}}
    code = SCRIPT.format(without_rich=without_rich, commands=list(COMMANDS))
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=theirs, stdout=theirs, stderr=theirs,
        env=environment | {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    os.close(theirs)
    text = b"".join(iter(lambda: _read(ours), b""))
    process.wait()
    os.close(ours)
    return text.decode("utf-8").replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # the other end is closed
        return b""


def screens(text: str) -> Iterator[list[str]]:
    for part in ESCAPE.sub("", text).split("=" * 8 + "\n"):
        yield part.splitlines()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize("without_rich", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
def test_on_a_terminal(width: int, without_rich: bool) -> None:  # a parameter of the test
    text = seen(width, without_rich=without_rich)
    assert "Traceback" not in text
    shown = [*screens(text)]
    assert len(shown) == len(COMMANDS) + 1
    for command, lines in zip(COMMANDS, shown, strict=False):
        assert lines, command
        wide = [line for line in lines if cells(line) > width]
        assert wide == [], command
    assert "\x1b[1;31mMail to" in text
    listed = shown[9]
    google = [entry for entry in entries_of(Knowledge.builtin()) if "google" in entry.providers]
    assert len(listed) == len(google), "an entry takes one line"
    if width >= 60:
        assert all(any(entry.id in line for line in listed) for entry in google)
    assert not any("(?:" in line for number in (0, 6, 7, 9) for line in shown[number])


@pytest.mark.parametrize(
    ("width", "first"),
    [
        (20, "google.receiving_ra…"),
        (70, "recipient_rate_limited  google.receiving_rate"),
        (
            120,
            'recipient_rate_limited  google.receiving_rate              says one of "p=receivingrate", "receiving mail at a ',
        ),
    ],
)
def test_a_list_shows_what_has_room(width: int, first: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: Any = screen(width)
    monkeypatch.setattr("undeliverable.cli._rules_shown.Screen.of", lambda *_: shown)
    assert run("rules", "list", "--provider", "google")[0] == 0
    lines = shown.stream.getvalue().splitlines()
    assert all(cells(line) <= width for line in lines)
    assert lines[0].startswith(first)


def test_a_command_that_smtp_does_not_have_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["explain", "550 no", "--command", "nonsense"])
    assert ended.value.code == 2
    assert "argument --command: unknown command 'nonsense'" in capsys.readouterr().err
