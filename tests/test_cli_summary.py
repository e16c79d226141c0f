"""`undeliverable summary`: the daily mail of a postmaster, at every width, with numbers that are those of `classify`."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from configparser import ConfigParser
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.terminal import cells, plain, terminal
from undeliverable import classify
from undeliverable.cli import main
from undeliverable.cli._daily_chart import chart
from undeliverable.cli._daily_page import Page, Problems, lines_of
from undeliverable.cli._daily_text import Look, columns
from undeliverable.cli._fit import width_of
from undeliverable.cli._levels import STATUSES
from undeliverable.rates import Decision
from undeliverable.store import SuppressionList
from undeliverable.summary import Change, Decided, ListNews, Numbers, ReasonCount, Span, Summary, decide
from undeliverable.suppression import ListEvent

Run = Callable[..., tuple[int, str, str]]
FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
WIDTHS = (20, 40, 60, 80, 100, 120, 200)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("COLUMNS", raising=False)

    def summary(*words: object) -> tuple[int, str, str]:
        status = main(["summary", *map(str, words)])
        out, err = capsys.readouterr()
        return status, out, err

    return summary


def line(number: int, time: str, reply: str = "", *, status: str = "bounced", domain: str = "example.org") -> str:
    """Return a line of Postfix about one recipient."""
    said = f"host mx.{domain}[198.51.100.9] said: {reply} (in reply to RCPT TO command)" if reply else "250 2.0.0 OK"
    dsn = (reply or "250 2.0.0").split(" ")[1]
    return (
        f"{time} mx postfix/smtp[1]: {number:010X}: to=<user{number}@{domain}>, relay=mx.{domain}[198.51.100.9]:25, "
        f"delay=1, delays=0/0/0/1, dsn={dsn}, status={status} ({said})\n"
    )


DEAD = "550 5.1.1 no such user"
FULL = "452 4.2.2 mailbox full"


def log(path: Path, delivered: int, dead: int, full: int = 0, *, day: str = "2026-11-29") -> Path:
    """Write the log of a day: so many recipients of each kind, one in a minute."""
    kinds = [("", "sent")] * delivered + [(DEAD, "bounced")] * dead + [(FULL, "deferred")] * full
    begin = datetime.fromisoformat(f"{day}T00:00")
    lines = (
        line(number, f"{begin + timedelta(minutes=number):%Y-%m-%dT%H:%M:%S}+00:00", reply, status=status)
        for number, (reply, status) in enumerate(kinds)
    )
    path.write_text("".join(lines))
    return path


# --- the law: its numbers are those of `classify` ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("paths", "log_"),
    [
        (["bounces"], False),
        (["complaints", "delays", "delivered", "auto-replies"], False),
        (["logs/postfix.log", "logs/exim.log"], True),
    ],
)
def test_the_numbers_are_those_of_classify(
    run: Run, capsys: pytest.CaptureFixture[str], paths: list[str], log_: bool
) -> None:
    words = [*(["--log"] if log_ else []), *(str(FIXTURES / path) for path in paths)]
    main(["classify", "--format", "jsonl", *words])
    records = [json.loads(one) for one in capsys.readouterr().out.splitlines()]
    found = json.loads(run("--format", "json", *words)[1])
    assert found["kinds"] == Counter(record["kind"] for record in records)
    verdicts = [(record["kind"], one) for record in records for one in record["verdicts"]]
    assert found["types"] == Counter(one["bounce_type"] for _, one in verdicts if one["bounce_type"])
    failed = [one for kind, one in verdicts if kind == "bounce" and one["bounce_type"] and one["action"] != "delayed"]
    assert found["totals"]["hard"] == sum(one["bounce_type"] == "hard" for one in failed)
    assert sum(row["count"] for row in found["reasons"]) == len(failed)
    assert found["advice"] == Counter(one["advice"] for one in failed)


def test_records_and_the_mails_behind_them_give_the_same(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = FIXTURES / "bounces"
    main(["classify", "--format", "jsonl", str(folder)])
    records = tmp_path / "records.jsonl"
    records.write_text(capsys.readouterr().out)
    by_mail, by_record = (json.loads(run("--format", "json", path)[1]) for path in (folder, records))
    assert by_mail | {"next": None} == by_record | {"next": None}


def test_a_compressed_log_gives_the_same(run: Run, tmp_path: Path) -> None:
    plain = log(tmp_path / "mail.log", 20, 5)
    packed = tmp_path / "mail.log.1.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert json.loads(run("--log", "--format", "json", plain)[1]) | {"next": 0} == json.loads(
        run("--log", "--format", "json", packed)[1]
    ) | {"next": 0}


# --- days -------------------------------------------------------------------------------------------------------------


def test_a_day_of_syslog_without_year_and_zone(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    now = datetime.now(UTC)
    for days, expected in ((1, 1), (0, 0), (2, 0)):
        noon = (now - timedelta(days=days)).replace(hour=12)
        path.write_text(line(1, f"{noon:%b} {noon.day:2d} {noon:%H:%M:%S}", DEAD))
        status, out, _ = run("--log", "--yesterday", "--tz", "UTC", "--format", "json", path)
        found = json.loads(out)
        assert (found["totals"]["hard"], found["outside"], found["undated"]) == (expected, 1 - expected, 0)
        assert status == 0


def test_times_without_a_zone_are_those_of_the_zone(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    path.write_text(line(1, "2026-11-29T00:30:00", DEAD) + line(2, "2026-11-29T00:30:00+00:00", DEAD))
    found = json.loads(run("--log", "--tz", "Asia/Tokyo", "--format", "json", path)[1])
    assert list(found["hours"]) == ["2026-11-29T00", "2026-11-29T09"]


def test_what_is_outside_or_undated_is_said(run: Run, tmp_path: Path) -> None:
    path = log(tmp_path / "mail.log", 3, 2)
    path.write_text(path.read_text() + line(9, "", DEAD).removeprefix(" mx "))
    _, out, _ = run("--log", "--day", "2026-11-28", path)
    assert "Not counted: 5 reports of another time; 1 report without a date" in out
    assert "Mail of Saturday 2026-11-28 (UTC)" in out
    assert "1 report without a date" not in run("--log", path)[1]


# --- the exit status --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dead", "fail_on", "status", "word"),
    [
        (2, "watch", 0, "OK"), (30, "watch", 3, "WATCH"), (30, "pause", 0, "WATCH"), (200, "watch", 4, "PAUSE"),
        (200, "pause", 4, "PAUSE"), (200, None, 0, "PAUSE"),
    ],
)  # fmt: skip
def test_the_status_says_what_was_decided(
    run: Run, tmp_path: Path, dead: int, fail_on: str | None, status: int, word: str
) -> None:
    path = log(tmp_path / "mail.log", 1_000, dead)
    option = ("--fail-on", fail_on) if fail_on else ()
    found, out, err = run("--log", *option, path)
    assert (found, err) == (status, "")
    assert f"\n{word}: " in out
    quiet = run("--log", "--quiet-when-ok", *option, path)
    assert quiet == (status, "" if word == "OK" else out, "")
    assert run("--log", "--quiet", *option, path) == (status, "", "")


def test_without_the_number_sent_nothing_is_decided(run: Run) -> None:
    folder = FIXTURES / "bounces"
    status, out, err = run("--fail-on", "watch", folder)
    assert "No rate: nothing says how much was sent" in out
    assert (status, err) == (
        0,
        "undeliverable: --fail-on: nothing can be decided: give --log for a log of deliveries, or --sent NUMBER\n",
    )
    status, out, err = run("--fail-on", "watch", "--sent", 300, folder)
    assert "\nPAUSE: " in out
    assert (status, err) == (4, "")
    assert "300 sent" in out
    assert run("--quiet-when-ok", folder)[1]


def test_what_could_not_be_read_is_said_and_fails(run: Run, tmp_path: Path) -> None:
    path = log(tmp_path / "mail.log", 300, 1)
    status, out, err = run("--log", "--quiet-when-ok", path, tmp_path / "none.log")
    assert status == 1
    assert "Not counted: 1 file that failed" in out
    assert "none.log: No such file" in err
    empty = tmp_path / "empty.log"
    empty.touch()
    status, _, err = run("--log", empty)
    assert (status, err) == (1, "undeliverable: nothing was read: there is no mail, no record and no line of a log\n")


def test_lines_that_look_like_deliveries_and_were_not_read_are_said(run: Run, tmp_path: Path) -> None:
    path = log(tmp_path / "mail.log", 20, 1)
    odd = "Nov 21 21:16:19 mx relay/out[12]: id 81B7B25C9D4 rcpt kim@example.org status=bounced\n"
    path.write_text(path.read_text() + odd)
    out = " ".join(run("--log", path)[1].split())
    assert "1 line looks like a delivery but could not be read, so the numbers are too small" in out
    assert "rcpt <…> status=bounced" in out
    assert "kim@example.org" not in out
    assert json.loads(run("--log", "--format", "json", path)[1])["not_counted"]["unread"] == 1


def test_a_log_is_never_counted_as_mail(run: Run, tmp_path: Path) -> None:
    plain = log(tmp_path / "mail.log", 20, 5)
    packed = tmp_path / "mail.log.1.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    for words in ((plain,), (packed,), ("--before", plain, FIXTURES / "delays")):
        status, out, err = run(*words)
        assert (status, out) == (2, "")
        assert err.endswith(": this is a log: add --log\n")
    (tmp_path / "mail.log.2.gz").write_bytes(b"\x1f\x8bdamaged")
    assert run(tmp_path / "mail.log.2.gz")[0] == 1


def test_a_day_without_mail_is_no_error(run: Run, tmp_path: Path) -> None:
    path = log(tmp_path / "mail.log", 20, 5)
    status, out, err = run("--log", "--day", "2026-11-01", "--fail-on", "watch", "--quiet-when-ok", path)
    assert (status, err) == (0, "")
    assert "No rate: nothing was sent" in out


def test_records_that_are_none_are_counted(run: Run, tmp_path: Path) -> None:
    records = tmp_path / "records.jsonl"
    records.write_text('{"schema": 2, "kind": "no", "verdicts": []}\n')
    status, out, err = run(records)
    assert "Not counted: 1 line that could not be read" in out
    assert (status, "unknown value 'no'" in err) == (0, True)


def test_a_remark_of_the_log_reader_is_printed(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "acct.csv"
    path.write_text("b,news@example.net,kim@example.org,5.1.1 (bad),smtp;550 5.1.1 no such user\n")
    assert "1 line not read: powermta" in run("--log", path)[2]
    assert run("--log", "--quiet", path)[2] == ""


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ((), "nothing to summarise"),
        (("--sent", "-1", "x"), "--sent: must not be negative"),
        (("--day", "today", "x"), "--day: invalid day"),
        (("--tz", "Mars", "x"), "--tz: unknown time zone"),
        (("--before", "none.json", "x"), "none.json: No such file"),
        (("--list", "none.db"), "none.db"),
    ],
)
def test_wrong_usage(run: Run, words: tuple[str, ...], error: str) -> None:
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert error in err


# --- comparing --------------------------------------------------------------------------------------------------------


def test_a_job_that_compares_with_what_it_saved(run: Run, tmp_path: Path) -> None:
    path, last = tmp_path / "mail.log", tmp_path / "last.json"
    words = ("--log", "--save", last, "--before", last, path)
    log(path, 500, 3)
    assert "Since the summary" not in run(*words)[1]
    log(path, 500, 40, 30, day="2026-11-30")
    _, out, _ = run(*words)
    assert "Since the summary from 2026-11-29 00:00 to" in out
    assert re.search(r"^ +3  -> +40  failed$", out, re.MULTILINE)
    assert re.search(r"^ +0.60%  -> +7.41%  failed of those sent$", out, re.MULTILINE)
    assert re.search(r"^ +3  -> +40  user_unknown +\(more\)$", out, re.MULTILINE)
    assert json.loads(last.read_text())["made"]
    assert not (tmp_path / "last.json.new").exists()
    _, out, _ = run(*words)
    assert "no reason, provider or domain changed beyond chance" in out


def test_an_earlier_log_or_folder_to_compare_with(run: Run, tmp_path: Path) -> None:
    before, now = log(tmp_path / "mail.log.1", 500, 3), log(tmp_path / "mail.log", 500, 60, day="2026-11-30")
    out = run("--log", "--day", "2026-11-30", "--before", before, now)[1]
    assert re.search(r"^ +3  -> +60  failed$", out, re.MULTILINE)
    assert "Since the summary" in run("--before", FIXTURES / "delays", FIXTURES / "bounces")[1]


@pytest.mark.parametrize("text", ['{"summary": 99}', '{"summary": 1}', '{"summary": '])
def test_a_broken_summary_is_one_line(run: Run, tmp_path: Path, text: str) -> None:
    path = tmp_path / "last.json"
    path.write_text(text)
    status, out, err = run("--before", path, FIXTURES / "delays")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "last.json: " in err


def test_a_summary_that_cannot_be_saved(run: Run, tmp_path: Path) -> None:
    status, _, err = run("--save", tmp_path / "none" / "last.json", FIXTURES / "delays")
    assert (status, err.count("\n")) == (1, 1)
    assert "--save" in err


# --- lists ------------------------------------------------------------------------------------------------------------


def test_what_changed_in_a_list(run: Run, tmp_path: Path) -> None:
    place, now = tmp_path / "list.db", datetime.now(UTC)
    with SuppressionList(place) as known:
        known.suppress("old@example.org", at=now - timedelta(days=9))
        known.suppress("new@example.org", at=now - timedelta(hours=2))
        known.suppress("back@example.org", at=now - timedelta(days=9))
        known.reactivate("back@example.org", why="a mistake", at=now - timedelta(hours=1))
    status, out, _ = run("--list", place, "--since", "1d", "--fail-on", "watch")
    assert status == 0
    assert re.search(r"^ +2 suppressed  addresses in all$", out, re.MULTILINE)
    assert re.search(r"^ +1 new +1 manual$", out, re.MULTILINE)
    assert re.search(r"^ +1 lifted", out, re.MULTILINE)
    assert "OK: no rate reaches a level" in out


def test_a_hold_is_a_reason_to_watch(run: Run, tmp_path: Path) -> None:
    place, now = tmp_path / "list.db", datetime.now(UTC)

    def failed(number: int) -> tuple[str, ListEvent]:
        address, time = f"member{number}@example.org", now - timedelta(seconds=400 - number)
        return address, ListEvent.of(classify(DEAD, recipient=address), time, key=f"7 {number}")

    with SuppressionList(place) as known:
        known.record(map(failed, range(400)))
    status, out, _ = run("--list", place, "--fail-on", "watch")
    assert status == 3
    assert "WATCH: example.org is on hold" in out
    assert f"undeliverable suppressions held {place}" in out.replace(" \\\n       ", " ")
    assert re.search(r"^ +\d+ held +their provider may err$", out, re.MULTILINE)
    record = json.loads(run("--list", place, "--format", "json")[1])
    assert record["list"]["on_hold"] == ["example.org"]


# --- what to do next --------------------------------------------------------------------------------------------------


def commands(out: str) -> list[str]:
    joined = out.replace(" \\\n       ", " ")
    return re.findall(r"^     (undeliverable .*)$", joined, re.MULTILINE)


def test_the_commands_go_on_with_the_same_files(run: Run, tmp_path: Path) -> None:
    path = log(tmp_path / "mail log", 9, 3)
    assert commands(run("--log", "--profile", "ses", path)[1]) == [
        f"undeliverable classify --log --only suppress --format txt --profile ses '{path}' > dead.txt"
    ]
    place = tmp_path / "list.db"
    SuppressionList(place).close()
    assert commands(run("--log", "--list", place, path)[1]) == [f"undeliverable classify --log --into {place} '{path}'"]


def test_complaints_and_refusals_have_their_commands(run: Run) -> None:
    found = commands(run(FIXTURES / "complaints", FIXTURES / "bounces")[1])
    assert [re.search(r"--only (\w+)", command)[1] for command in found] == [  # type: ignore[index]
        "suppress", "fix_sender", "slow_down", "fix_message", "review", "complaint",
    ]  # fmt: skip


def test_the_commands_run_and_give_what_was_counted(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    _, out, _ = run("--tenant", "acme", FIXTURES / "complaints", FIXTURES / "delays", FIXTURES / "bounces")
    found = commands(out)
    assert len(found) > 3
    for command in found:
        words = shlex.split(command.partition(" > ")[0])
        assert words[:2] == ["undeliverable", "classify"]
        assert words[words.index("--tenant") + 1] == "acme"
        assert main(words[1:]) == 0
        assert capsys.readouterr().out.strip()


def test_skipped_files_are_counted_and_named_if_wanted(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mails").mkdir()
    (tmp_path / "mails" / "notes.dat").write_bytes(b"\0\1")
    assert (
        "Not counted: 1 file without mail (-v names them)"
        in run("--sent", 9, tmp_path / "mails", FIXTURES / "delays")[1]
    )
    assert "notes.dat: skipped, " in run("-v", tmp_path / "mails", FIXTURES / "delays")[2]


@pytest.mark.parametrize("rich", [True, False])
@pytest.mark.parametrize("width", WIDTHS[1:])
def test_the_page_on_a_terminal(width: int, rich: bool) -> None:
    shown = plain(terminal(["summary", "--log", "--tz", "UTC", "fixtures/logs/postfix.log"], width, rich=rich))
    assert [one for one in shown.splitlines() if cells(one) > width] == []
    assert "no-such-domain.invalid" in shown


def test_no_command_for_what_is_gone_and_none_that_nobody_would_copy(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = log(tmp_path / "mail.log", 9, 3).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(text))))
    _, out, _ = run("--log", "-")
    assert commands(out) == []
    assert "1. 3 failures say" in out
    monkeypatch.chdir(tmp_path)
    many = [log(tmp_path / f"-mail{number:02}.log", 1, 1).name for number in range(30)]
    (command,) = commands(run("--log", "--", *many)[1])
    assert command.endswith("-mail00.log ... > dead.txt")
    (command,) = commands(run("--log", "--", many[0])[1])
    assert command.endswith("txt ./-mail00.log > dead.txt")


# --- the page ---------------------------------------------------------------------------------------------------------

WORDS = st.text(st.characters(codec="utf-8"), max_size=90)
NAMES = st.integers(1, 99).map(lambda number: f"{'a-long-name' * (number // 9)}d{number}.example") | WORDS
NUMBERS = st.builds(Numbers, *[st.integers(0, 10**7)] * 6)
HOURS = st.dictionaries(
    st.integers(0, 3_000).map(lambda hours: f"{datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=hours):%Y-%m-%dT%H}"),
    NUMBERS, max_size=9,
)  # fmt: skip
SUMMARIES = st.builds(
    Summary,
    lines=st.integers(0, 10**9),
    kinds=st.dictionaries(st.sampled_from(["bounce", "other", "auto_reply", "suppressed"]), st.integers(1, 10**6)),
    advice=st.dictionaries(st.sampled_from(["suppress", "fix_sender", "review"]), st.integers(1, 10**6)),
    totals=NUMBERS, hours=HOURS, other_domains=NUMBERS,
    sent=st.none() | st.integers(0, 10**8),
    domains=st.dictionaries(NAMES, NUMBERS, max_size=12),
    providers=st.dictionaries(NAMES, NUMBERS, max_size=7),
    reasons=st.lists(
        st.builds(ReasonCount, st.just("user_unknown"), st.just("hard"), st.just("suppress"), st.integers(1, 99), WORDS, st.integers(0, 9)),
        max_size=10,
    ).map(tuple),
    news=st.none() | st.builds(ListNews, suppressed=st.integers(0, 10**7), held=st.integers(0, 9), warnings=st.tuples(WORDS)),
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(SUMMARIES, st.lists(NAMES, max_size=3), st.integers(20, 120), st.booleans(), WORDS)
def test_no_line_is_wider_than_the_terminal(
    summary: Summary, places: list[str], width: int, is_ascii: bool, name: str
) -> None:
    look = Look(width, is_ascii)
    change = Change("domain", name, 3, 90, 3.0)
    page = Page(summary, decide(summary), places, Problems(1, 2, 3, 4, name), [("do " * 30, "")], summary, [change])
    lines = list(lines_of(page, look))
    assert lines[0].startswith("Mail ")
    assert [one for one in lines if width_of(one) > width] == []
    assert all(one.isprintable() and one == one.rstrip() for one in lines)
    if is_ascii:
        assert "".join(lines).isascii()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_command_fits_every_terminal(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.chdir(tmp_path)
    path = log(tmp_path / "m.log", 1_000, 99, 9)
    monkeypatch.setenv("COLUMNS", str(width))
    lines = run("--log", path.name)[1].splitlines()
    wide = [one for one in lines if width_of(one) > min(width, 120)]
    assert all(len(one.split()) <= 2 and one.startswith("     ") for one in wide), wide  # one word of a command
    if width >= 40:
        assert wide == []
        assert any("example.org" in one for one in lines)


def test_the_page_of_a_day(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    log(tmp_path / "mail.log", 1_000, 30, 2)
    assert run("--log", "--day", "2026-11-29", "mail.log")[1].splitlines()[:9] == [
        "Mail of Sunday 2026-11-29 (UTC)",
        "1,032 lines of mail.log",
        "",
        " 1,000 delivered",
        "    30 failed     2.91%  30 hard",
        "     2 deferred   attempts, tried again later",
        "",
        "WATCH: 2.91% of 1,030 (2.05-4.13) failed hard; from 2.0% on: more than a clean",
        "  list gives",
    ]


def test_an_encoding_without_blocks_gets_ascii(run: Run, tmp_path: Path) -> None:
    path = log(tmp_path / "mail.log", 1_000, 99)
    with_blocks = run("--log", path)[1]
    assert "█" in with_blocks
    assert run("--log", "--ascii", path)[1].isascii()
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert Look.of(stream).is_ascii
    assert Look.of(io.TextIOWrapper(io.BytesIO(), encoding="cp437")).is_ascii
    assert not Look.of(io.StringIO()).is_ascii


def test_wide_letters_take_two_columns() -> None:
    look = Look(40)
    summary = Summary(
        kinds={"bounce": 1},
        totals=Numbers(hard=1),
        reasons=(ReasonCount("user_unknown", "hard", "suppress", 1, "宛先不明です。" * 9, 1),),
    )
    lines = list(lines_of(Page(summary, Decided(None)), look))
    assert max(map(width_of, lines)) <= 40
    assert any("宛先不明" in one for one in lines)


def test_names_lose_their_middle() -> None:
    (found,) = columns([("9", "a-very-long-name-of-a-domain.example")], "><", Look(24))
    assert found.startswith("  9  a-")
    assert found.endswith("example")
    assert "…" in found


def at(*times: str, **counts: int) -> Summary:
    return Summary(hours={time: Numbers(**(counts or {"hard": 3})) for time in times})


@pytest.mark.parametrize(
    ("summary", "title", "first", "last", "bars"),
    [
        (at("2026-11-29T00", "2026-11-29T05"), "hour", "00", "05", 6),
        (at("2026-11-29T22", "2026-11-30T01"), "hour", "29 22", "30 01", 4),
        (at("2026-11-01T22", "2026-11-30T01"), "day", "2026-11-01", "2026-11-30", 30),
        (at("2026-01-01T22", "2026-11-30T01"), "month", "2026-01", "2026-11", 11),
        (at("1970-01-01T22", "2026-11-30T01"), "month", "earlier", "2026-11", 26),
        (at("0001-01-01T00", "0001-01-09T01"), "day", "0001-01-01", "0001-01-09", 9),
        (at("0001-01-01T00", "2026-11-30T01"), "month", "earlier", "2026-11", 26),
    ],
)
def test_the_chart_fits_the_period(summary: Summary, title: str, first: str, last: str, bars: int) -> None:
    head, *lines = chart(summary, Look())
    assert head.split() == [title, "failed"]
    assert (len(lines), lines[0].split("  ")[1], lines[-1].split("  ")[1]) == (bars, first, last)
    assert sum(int(one.split()[-2 if one.rstrip()[-1] == "█" else -1]) for one in lines) == 6


def test_a_day_has_all_its_hours() -> None:
    day = datetime(2026, 11, 29, tzinfo=UTC)
    summary = replace(at("2026-11-29T05"), span=Span(day, day + timedelta(days=1)))
    assert len(chart(summary, Look())) == 25


@pytest.mark.parametrize("summary", [Summary(), at("2026-11-29T05"), at("2026-11-29T00", "2026-11-29T05", delivered=9)])
def test_no_chart_without_failures_at_two_times(summary: Summary) -> None:
    assert chart(summary, Look()) == []


@given(st.floats(0, 1), st.integers(1, 40), st.booleans())
def test_a_bar_is_as_long_as_its_share(share: float, width: int, is_ascii: bool) -> None:
    bar = Look(is_ascii=is_ascii).bar(share, width)
    assert len(bar) <= width
    assert bool(bar) is (share > 0)
    assert len(Look(is_ascii=is_ascii).bar(share / 2, width)) <= max(len(bar), 1)


def test_the_period_is_named() -> None:
    day = datetime(2026, 11, 29, tzinfo=UTC)
    for summary, head in (
        (Summary(), "Mail (UTC)"),
        (Summary(kinds={"bounce": 1}), "Mail without dates"),
        (Summary(first=day, last=day + timedelta(hours=3)), "Mail from 2026-11-29 00:00 to 2026-11-29 03:00 (UTC)"),
        (Summary(span=Span(day)), "Mail since 2026-11-29 00:00 (UTC)"),
        (Summary(span=Span(end=day)), "Mail until 2026-11-29 00:00 (UTC)"),
        (Summary(span=Span(day), last=day), "Mail from 2026-11-29 00:00 to 2026-11-29 00:00 (UTC)"),
        (Summary(span=Span(day, day + timedelta(days=1))), "Mail of Sunday 2026-11-29 (UTC)"),
        (Summary(span=Span(day, day + timedelta(days=2))), "Mail from 2026-11-29 00:00 to 2026-12-01 00:00 (UTC)"),
    ):
        assert next(iter(lines_of(Page(summary, Decided(None)), Look()))) == head


def test_what_is_gone_new_more_or_less_is_said() -> None:
    summary = Summary(kinds={"bounce": 1}, totals=Numbers(hard=9))
    changes = [
        Change("reason", "user_unknown", 0, 50, 0.0),
        Change("provider", "google: mailbox_full", 50, 0, 50.0),
        Change("domain", "example.org", 9, 90, 9.0),
        Change("domain", "example.net", 90, 9, 90.0),
        Change("total", "hard", 1, 9, 1.0),
    ]
    page = Page(summary, Decided(None), before=Summary(), changes=changes)
    text = "\n".join(lines_of(page, Look()))
    for words in ("user_unknown  (new)", "google, mailbox_full  (gone)", "example.org  (more)", "example.net  (less)"):
        assert words in text
    assert "  hard" not in text.partition("Since")[2]


# --- the recipes of the documentation ---------------------------------------------------------------------------------

EXAMPLES = Path(__file__).resolve().parent.parent / "docs" / "examples"
BOTH = "/var/log/mail.log.1 /var/log/mail.log"


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of a recipe with its files in a folder, and the command of this checkout on the path."""
    program = folder / "bin" / "undeliverable"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m undeliverable "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    given_ = {**os.environ, "PATH": path, "TZ": "UTC", **environment}
    return subprocess.run(
        ["/bin/sh", "-c", command], cwd=folder, env=given_, capture_output=True, text=True, check=False
    )


def logs_of_yesterday(folder: Path, dead: int) -> list[Path]:
    day = datetime.now(UTC) - timedelta(days=1)
    text = log(folder / "all", 300, dead, day=f"{day:%Y-%m-%d}").read_text().splitlines(keepends=True)
    for name, part in (("mail.log.1", text[:200]), ("mail.log", text[200:])):
        (folder / name).write_text("".join(part))
    return [folder / "mail.log.1", folder / "mail.log"]


def test_the_crontab_of_the_documentation(tmp_path: Path) -> None:
    lines = (EXAMPLES / "summary.cron").read_text().splitlines()
    (job,) = [one for one in lines if re.match(r"[\d*]", one)]
    *fields, user, command = re.split(r" +", job, maxsplit=6)
    assert (fields, user) == (["5", "6", "*", "*", "*"], "bounces")
    assert "%" not in command
    logs_of_yesterday(tmp_path, 3)
    assert command.endswith(BOTH)
    done = shell(command.replace("/var/log/", "").replace("/var/lib/bounces/", ""), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^ +3 failed +0\.99%", done.stdout, re.MULTILINE)
    assert done.stdout.isascii()
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert (tmp_path / "summary.json").exists()


@pytest.mark.parametrize(("dead", "status"), [(3, 0), (9, 3), (90, 4)])
def test_the_mail_of_the_timer(tmp_path: Path, dead: int, status: int) -> None:
    unit = (EXAMPLES / "undeliverable-summary.service").read_text()
    assert f"ExecStart=/usr/local/lib/undeliverable/mail_summary.sh {BOTH}" in unit
    assert f"SuccessExitStatus={' '.join(map(str, STATUSES.values()))}" in unit
    mailer = tmp_path / "sendmail"
    mailer.write_text('#!/bin/sh\necho "$@" > "$0.args"\nexec cat > "$0.mail"\n')
    mailer.chmod(0o755)
    paths = " ".join(map(str, logs_of_yesterday(tmp_path, dead)))
    environment = {"STATE_DIRECTORY": str(tmp_path), "SENDMAIL": str(mailer), "LANG": "C.UTF-8"}
    done = shell(f"{EXAMPLES / 'mail_summary.sh'} {paths}", tmp_path, **environment)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")
    assert (tmp_path / "sendmail.args").read_text() == "-t\n"
    mail = message_from_bytes((tmp_path / "sendmail.mail").read_bytes())
    assert mail["To"] == "postmaster"
    assert mail.get_content_charset() == "utf-8"
    assert f" {dead} failed" in mail.get_payload(decode=True).decode()  # type: ignore[union-attr]


def test_the_timer_names_the_unit_and_a_time() -> None:
    timer = ConfigParser(strict=False)
    timer.read(EXAMPLES / "undeliverable-summary.timer")
    assert timer["Timer"]["OnCalendar"] == "*-*-* 06:05:00"
    assert timer["Timer"]["Persistent"] == "true"


def test_every_reason_of_the_decision_is_said() -> None:
    page = Page(Summary(), Decided(Decision.PAUSE, ("one", "two")))
    text = "\n".join(lines_of(page, Look()))
    assert "PAUSE: one\n  - two\n" in f"{text}\n"
