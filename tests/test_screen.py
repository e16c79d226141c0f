"""What `classify` shows on a terminal: one line per verdict at every width, and a summary that adds up."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
from argparse import ArgumentParser
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import undeliverable
from tests.terminal import cells, escapes_of, plain, terminal
from tests.test_cli import FULL, PLAIN, UNKNOWN, bounce
from tests.test_logs import EXIM
from undeliverable.cli import _next, _rows, main
from undeliverable.cli._closing import Notes, closing_lines
from undeliverable.cli._fields import CSV_FIELDS, FIELDS, TABLE_FIELDS, state_of, values_of
from undeliverable.cli._fit import address_need, cut, fold, short_address, short_path, width_of
from undeliverable.cli._layout import layout_for, streaming_layout
from undeliverable.cli._main import command_named
from undeliverable.cli._output import paint_of
from undeliverable.cli._screen import ASCII, SIGNS, Screen
from undeliverable.cli._screen_table import ScreenTable, StreamTable
from undeliverable.cli._summary import Tally
from undeliverable.reasons import BounceType
from undeliverable.verdict import Kind

BOUNCES = Path(__file__).parent.parent / "fixtures" / "bounces"
WIDTHS = (40, 60, 80, 100, 120, 200)
TEXT = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="…"), max_size=60)


@cache
def recipients() -> list[str]:
    found = (undeliverable.parse(path.read_bytes()) for path in sorted(BOUNCES.glob("*.eml")))
    return [verdict.recipient for report in found for verdict in report.verdicts if verdict.recipient]


@cache
def screen_with(width: int, *, rich: bool) -> str:
    """Return what all bounces look like."""
    return terminal(["classify", "--all", "--no-progress", str(BOUNCES)], width, rich=rich)


def mail_of(number: int, *, status: str = "5.1.1") -> bytes:
    reply = "550 5.1.1 no such user" if status == "5.1.1" else "552 5.2.2 mailbox full"
    return bounce(f"user{number}@example.org", status, reply)


# --- the whole command --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rich", [True, False], ids=["rich", "plain"])
@pytest.mark.parametrize("width", WIDTHS)
def test_each_verdict_is_one_line_with_its_recipient(width: int, rich: bool) -> None:
    shown = plain(screen_with(width, rich=rich))
    wanted = recipients()
    lines = [line.rstrip() for line in shown.splitlines()]
    # The path in the next command cannot be broken, wherever this checkout lies.
    assert [line for line in lines if cells(line) > width and str(BOUNCES) not in line] == []
    rows = [line for line in lines if re.match(r"(hard|soft|undetermined|delay|delivered|[HSd?+])  ", line)]
    assert len(rows) == len(wanted)
    for address in set(wanted):
        domain = address.rpartition("@")[2] if width >= 60 else address[-8:]
        short = re.escape(address[:2]) + r"[^…]*…[^…]*" + re.escape(domain) + r"(\s|$)"
        assert any(address in row or re.search(short, row) for row in rows), address


@pytest.mark.parametrize("width", WIDTHS)
def test_rich_adds_colours_and_nothing_else(width: int) -> None:
    coloured, uncoloured = (screen_with(width, rich=rich) for rich in (True, False))
    assert escapes_of(coloured)
    assert not escapes_of(uncoloured)
    assert plain(coloured) == plain(uncoloured)


@pytest.mark.parametrize(
    ("options", "environment", "coloured"),
    [
        ([], {}, True),
        (["--color", "never"], {}, False),
        ([], {"NO_COLOR": "1"}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        ([], {"TERM": "dumb"}, False),
    ],
)
def test_colours(options: list[str], environment: dict[str, str], coloured: bool) -> None:
    mail = str(BOUNCES / "exim-mixed.eml")
    assert bool(escapes_of(terminal(["classify", mail, *options], environment=environment))) is coloured


def test_colours_can_be_had_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", "--color", "always", str(BOUNCES / "exim-mixed.eml")]) == 0
    assert "\x1b[33msoft" in capsys.readouterr().out


def test_colours_without_rich_are_said_to_be_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "undeliverable.cli._rich", None)
    assert main(["classify", "--color", "always", str(BOUNCES / "exim-mixed.eml")]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("type  recipient")
    assert "pip install 'undeliverable[cli]'" in err


def test_what_is_no_report_is_counted_and_not_listed(tmp_path: Path) -> None:
    (tmp_path / "1.eml").write_bytes(UNKNOWN)
    (tmp_path / "2.eml").write_bytes(PLAIN)
    shown = plain(terminal(["classify", str(tmp_path)]))
    assert "2.eml" not in shown
    assert re.search(r"1 other +1 not a report", shown)
    for option in ("--all", "--only=other"):
        assert re.search(r"^other +- ", plain(terminal(["classify", option, str(tmp_path)])), re.MULTILINE)


def test_of_many_rows_the_hard_ones_come_first(tmp_path: Path) -> None:
    for number in range(520):
        (tmp_path / f"{number:03}.eml").write_bytes(mail_of(number, status="5.2.2" if number < 510 else "5.1.1"))
    lines = plain(terminal(["classify", "--no-progress", str(tmp_path)], 120)).splitlines()
    rows = [line for line in lines if line.startswith(("hard", "soft"))]
    assert [row.split()[:2] for row in rows[:11]] == [
        *(["hard", f"user{number}@example.org"] for number in range(510, 520)),
        ["soft", "user0@example.org"],
    ]
    assert len(rows) == 500
    assert "… 20 more rows: --all, --format csv -o FILE, or | less" in lines
    every = plain(terminal(["classify", "--all", str(tmp_path)], 120)).splitlines()
    assert len([line for line in every if line.startswith(("hard", "soft"))]) == 520
    assert not [line for line in every if "more rows" in line]


def test_a_log_that_grows_is_shown_line_by_line() -> None:
    log = (
        "Nov 21 21:16:18 mx postfix/smtp[1]: 4F2A: to=<kim{}@example.org>, relay=mx.example.org[192.0.2.1]:25, delay=1,"
        " dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.1] said: 550 5.1.1 no such user (in reply to RCPT TO"
        " command))\n"
    )
    for options in ([], ["--format", "csv"], ["--format", "txt"]):
        process = subprocess.Popen(
            [sys.executable, "-m", "undeliverable", "classify", "--log", "-", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        for number in (1, 2):
            process.stdin.write(log.format(number))
            process.stdin.flush()
            lines = iter(process.stdout.readline, "")
            assert any(f"kim{number}@example.org" in line for line in lines)  # or it would wait forever
        process.stdin.close()
        process.stdout.close()
        assert process.wait(60) == 0


# --- the summary --------------------------------------------------------------------------------------------------

STATES = (*map(str, BounceType), "delay", "delivered")
FAILURES = st.dictionaries(
    st.tuples(st.sampled_from(STATES), st.sampled_from(["suppress", "retry", "fix_sender", "review"]),
              st.sampled_from(["user_unknown", "mailbox_full", "too_many_recipients", "undefined"])),
    st.integers(1, 5000), max_size=12,
)  # fmt: skip


def tally_of(failures: dict[tuple[str, str, str], int], kinds: dict[Kind, int]) -> Tally:
    tally = Tally()
    tally.recipients, tally.kinds = Counter(failures), Counter(kinds)
    tally.messages = sum(kinds.values())
    return tally


def screen_of(width: int, signs: Any = SIGNS) -> Screen:
    return Screen(io.StringIO(), is_terminal=True, width=width, height=24, colours=False, signs=signs)


def texts(lines: Any) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def numbers(text: str) -> list[int]:
    return [int(number.replace(",", "")) for number in re.findall(r"(?<![\w.])\d[\d,]*(?![\w.])", text)]


@example(
    {
        ("hard", "suppress", "user_unknown"): 1,
        ("hard", "fix_sender", "too_many_recipients"): 1000,
        ("undetermined", "suppress", "user_unknown"): 1,
    },
    {},
    110,
    SIGNS,
)
@given(
    FAILURES,
    st.dictionaries(st.sampled_from(list(Kind)), st.integers(1, 5000)),
    st.integers(40, 220),
    st.sampled_from([SIGNS, ASCII]),
)
def test_the_summary_adds_up_and_fits(
    failures: dict[tuple[str, str, str], int], kinds: dict[Kind, int], width: int, signs: Any
) -> None:
    if failures:
        kinds[Kind.BOUNCE] = kinds.get(Kind.BOUNCE, 1)
    else:
        kinds.pop(Kind.BOUNCE, None)
    lines = texts(closing_lines(tally_of(failures, kinds), Notes(), screen_of(width, signs)))
    assert max(map(cells, lines)) <= width
    text = "\n".join(lines)
    others = sum(kinds.values()) - kinds.get(Kind.BOUNCE, 0)
    by_state = Counter[str]()
    for (state, _, _), number in failures.items():
        by_state[state] += number
    for state, number in by_state.items():
        assert re.search(rf"(?<![\d,]){number:,} {state}", text)
    if width >= 110:  # everything about a type is in its line: its number, what to do, and why
        for line in lines:
            named = next((one for one in STATES if re.search(rf"\d {one}( |$)", line)), None)
            if named is not None and "other" not in line:
                found = sum(numbers(line[line.index(named) :]))
                assert found == 2 * by_state[named] or signs.ellipsis in line
    if others:
        told = next(line for line in lines if re.search(r"\bothers?\b", line))
        beside = told if width >= 60 else f"{told} {lines[lines.index(told) + 1]}"
        assert sum(numbers(beside)) == 2 * others


def test_the_summary_of_one_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = UNKNOWN.replace(
        b"no such user here\n",
        b"no such user here\n\nFinal-Recipient: rfc822; lee@example.org\nAction: failed\nStatus: 5.2.2\n"
        b"Diagnostic-Code: smtp; 552 5.2.2 full\n",
    )
    for number, raw in enumerate([both, UNKNOWN, PLAIN], 1):
        (tmp_path / f"{number}.eml").write_bytes(raw)
    (tmp_path / "notes").write_text("nothing")
    assert main(["classify", str(tmp_path)]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[:6] == [
        " 2 bounces      2 hard  ████████  suppress 2",
        " 3 recipients                     user_unknown 2",
        "                1 soft  ████      retry 1",
        "                                  mailbox_full 1",
        " 1 other        1 not a report",
        " 1 file         skipped, no mail (-v names it)",
    ]
    assert main(["classify", "-q", str(tmp_path)]) == 0
    assert capsys.readouterr().err == ""
    assert main(["classify", "-v", str(tmp_path)]) == 0
    assert re.search(r"^ 3 messages in \d+\.\d\d s$", capsys.readouterr().err, re.MULTILINE)


def test_a_terminal_of_few_letters_has_a_summary_as_well() -> None:
    screen = Screen.of(io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    lines = texts(closing_lines(tally_of({("hard", "suppress", "user_unknown"): 3}, {Kind.BOUNCE: 3}), Notes(), screen))
    assert all(line.isascii() for line in lines)
    assert "#####" in lines[0]


# --- the next step ------------------------------------------------------------------------------------------------


def next_of(shown: str) -> str:
    return shown.partition(" Next: ")[2]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_next_command_works_on_the_same_files(tmp_path: Path, width: int) -> None:
    folder = tmp_path / "it's bounced"
    folder.mkdir()
    (folder / "1.eml").write_bytes(UNKNOWN)
    (folder / "2.eml").write_bytes(FULL)
    rules = tmp_path / "full is hard.toml"
    rules.write_text('[[policy]]\nid = "full"\nwhen = { reply = "552" }\nthen = { bounce_type = "hard" }\n')
    shown = plain(terminal(["classify", "--rules", str(rules), str(folder)], width))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["/bin/sh", "-c", next_of(shown)],
        cwd=tmp_path, env=os.environ | {"PATH": path}, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    assert (tmp_path / "dead.txt").read_text() == "kim@example.org\nlee@example.org\n"


@pytest.mark.parametrize(
    ("mail", "expected"),
    [
        (UNKNOWN, "--only suppress --format txt 1.eml > dead.txt"),
        (FULL, "--only retry --format txt 1.eml > retry.txt"),
        (bounce("kim@example.org", "5.7.26", "550 5.7.26 DMARC check failed"),
         "--only fix_sender --fields recipient,code,remote_mta,reply 1.eml"),
        (PLAIN, ""),
    ],
)  # fmt: skip
def test_the_next_step_follows_from_what_was_found(
    mail: bytes, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    Path("1.eml").write_bytes(mail)
    assert main(["classify", "1.eml"]) == 0
    shown = next_of(capsys.readouterr().err).strip()
    assert shown.partition("classify ")[2] == expected
    if mail == PLAIN:
        return
    command = shlex.split(shown.partition(" >")[0])
    assert main(command[command.index("classify") :]) == 0
    assert "example.org" in capsys.readouterr().out


def test_there_is_no_next_step_where_the_input_is_gone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(UNKNOWN))))
    assert main(["classify", "-"]) == 0
    assert "Next" not in capsys.readouterr().err


def test_a_step_that_was_taken_is_not_the_next_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "1.eml"
    path.write_bytes(bounce("kim@example.org", "5.7.26", "550 5.7.26 DMARC check failed"))
    assert main(["classify", "--only", "fix_sender", "--fields", "recipient,reply", str(path)]) == 0
    assert "Next" not in capsys.readouterr().err


def test_a_path_that_no_terminal_may_see_is_not_in_the_next_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "\x1b[2J.eml"
    path.write_bytes(UNKNOWN)
    assert main(["classify", str(path)]) == 0
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert "the same command with --only suppress" in err


def test_a_long_next_command_is_not_written_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "1.eml"
    path.write_bytes(UNKNOWN)
    assert main(["classify", *[str(path)] * 30]) == 0
    assert next_of(capsys.readouterr().err) == "the same command with --only suppress --format txt > dead.txt\n"


def test_a_name_of_the_command_that_does_not_fit_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "1.eml"
    path.write_bytes(UNKNOWN)
    monkeypatch.setattr(sys, "argv", [f"/opt/{'x' * 30}/undeliverable"])
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("COLUMNS", "40")
    assert main(["classify", str(path)]) == 0
    assert "the same command with \\\n" in next_of(capsys.readouterr().err)


def test_the_next_command_has_the_same_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "1.eml"
    path.write_bytes(UNKNOWN)
    given = ["--attached", "--tenant", "north west", "--jobs", "2", "--profile", "ses", "--profile", "prefinery"]
    assert main(["classify", *given, str(path)]) == 0
    words = shlex.split(next_of(capsys.readouterr().err).replace("\\\n", ""))
    kept = words[words.index("txt") + 1 : words.index(str(path))]
    assert sorted(kept) == sorted(given)


def test_the_next_command_keeps_all_options_that_decide_what_is_found() -> None:
    without = {
        "help", "paths", "format", "only", "output", "fields", "unique", "excel", "all", "no_progress", "into", "scope",
        "require_proof", "max_age", "keep_header", "verbose", "quiet", "color",
    }  # fmt: skip
    parser = ArgumentParser()
    command_named("classify").arguments(parser)
    assert {action.dest for action in parser._actions} - without == set(_next.KEPT)


@pytest.mark.parametrize(
    ("argument", "path", "expected"),
    [
        ("bin/undeliverable", "", "bin/undeliverable"),
        ("my bin/undeliverable", "/nowhere", "'my bin/undeliverable'"),
        ("bin/undeliverable", "{found}", "undeliverable"),
        ("pytest", "", "undeliverable"),
    ],
)
def test_how_the_command_is_called(
    argument: str, path: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = tmp_path / "undeliverable"
    found.touch(0o755)
    monkeypatch.setattr(sys, "argv", [argument])
    monkeypatch.setenv("PATH", path.format(found=tmp_path))
    assert _next.program() == expected


# --- fitting ------------------------------------------------------------------------------------------------------


@given(TEXT, TEXT, st.integers(1, 80))
def test_what_is_shortened_fits_and_keeps_both_ends(local: str, domain: str, width: int) -> None:
    address = f"{local}@{domain}"
    short = short_address(address, width)
    assert width_of(short) <= width
    if width >= width_of(address):
        assert short == address
    elif width >= max(8, address_need(address)) and address_need(address):
        assert short.startswith(address[:2])
        assert short.endswith(f"@{address.rpartition('@')[2]}")
        assert "…" in short
    assert width_of(cut(address, width)) <= width
    assert width_of(short_path(address, width)) <= width


@pytest.mark.parametrize(
    ("address", "width", "short"),
    [
        ("kim@example.org", 15, "kim@example.org"),
        ("kimberley.vandam@example.org", 20, "kimb…dam@example.org"),
        ("kimberley.vandam@example.org", 15, "ki…@example.org"),
        ("kimberley.vandam@example.org", 13, "ki…xample.org"),
        ("kimberley.vandam@example.org", 3, "ki…"),
        ("用户用户用户@例え.example", 20, "用户…户@例え.example"),
        ("用户用户用户@例え.example", 18, "用户…@例え.example"),
        ("no address at all", 10, "no… at all"),
    ],
)
def test_a_short_address(address: str, width: int, short: str) -> None:
    assert short_address(address, width) == short


def test_a_short_path() -> None:
    assert short_path("archive/2026/november/bounces/0001.eml", 20) == "archiv…nces/0001.eml"


@given(st.lists(st.integers(1, 9999), min_size=1, max_size=12), st.integers(0, 120))
def test_what_is_folded_adds_up(counts: list[int], width: int) -> None:
    text = fold([(number, f"word {number:,}") for number in counts], width)
    assert width_of(text) <= width
    assert not width or sum(numbers(text)) == sum(counts) or text.endswith("…")


ROW = ("hard", "kim@example.org", "user_unknown", "550 5.1.1", "suppress", "bounces/0001.eml")


@pytest.mark.parametrize(
    ("width", "names"),
    [
        (120, TABLE_FIELDS),
        (99, TABLE_FIELDS[:5]),
        (60, TABLE_FIELDS[:5]),
        (50, TABLE_FIELDS[:4]),
        (42, TABLE_FIELDS[:3]),
        (20, TABLE_FIELDS[:2]),
    ],
)
def test_columns_are_dropped_from_the_right(width: int, names: tuple[str, ...]) -> None:
    layout = layout_for(TABLE_FIELDS, [TABLE_FIELDS, ROW], width)
    assert tuple(column.name for column in layout) == names


def test_columns_go_before_a_domain_is_shortened() -> None:
    long = ("undetermined", "somebody.with.a.name@mail.department.company.example", "mailbox_disabled", *ROW[3:])
    layout = layout_for(TABLE_FIELDS, [TABLE_FIELDS, long], 60)
    assert [(column.name, column.letter) for column in layout] == [
        ("type", True),
        ("recipient", False),
        ("reason", False),
    ]
    assert layout[1].shown(long[1], "…").endswith("@mail.department.company.example")
    assert layout[0].shown("undetermined", "…") == "?"


def test_an_absurd_domain_costs_the_other_rows_nothing() -> None:
    absurd = ("hard", f"kim@{'x' * 200}.example", *ROW[2:])
    layout = layout_for(TABLE_FIELDS, [TABLE_FIELDS, *[ROW] * 9, absurd], 100)
    assert len(layout) == len(TABLE_FIELDS)


CELL = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=80)


@given(st.lists(st.tuples(*[CELL] * 6), min_size=1, max_size=5), st.integers(20, 220), st.booleans())
def test_no_line_is_wider_than_the_screen(rows: list[tuple[str, ...]], width: int, own: bool) -> None:
    fields = ("reply", "recipient", "source", "kind", "key", "rule") if own else TABLE_FIELDS
    layout = layout_for(fields, [fields, *rows], width)
    stream = streaming_layout(fields, width)
    for chosen in (layout, stream):
        assert sum(column.width for column in chosen) + _rows.GAP * (len(chosen) - 1) <= width or not own
        for row in rows:
            assert all(cells(column.shown(row[column.place], "…")) <= column.width for column in chosen)


# --- the tables ---------------------------------------------------------------------------------------------------


def rows_of(number: int, state: str = "hard") -> list[tuple[str, ...]]:
    return [(state, state, f"user{n}@example.org", *ROW[2:]) for n in range(number)]


def test_the_head_is_repeated_once_a_screen() -> None:
    screen = screen_of(120)
    table = StreamTable(paint_of(screen), TABLE_FIELDS, screen)
    for row in rows_of(60):
        table.put([row])
    table.close()
    lines = screen.stream.getvalue().splitlines()  # type: ignore[attr-defined]
    assert [number for number, line in enumerate(lines) if line.startswith("type")] == [0, 24, 48]


def test_a_table_of_everything_is_written_in_blocks() -> None:
    screen = screen_of(80)
    table = ScreenTable(paint_of(screen), TABLE_FIELDS, screen, shows_all=True)
    table.put(rows_of(500))
    assert screen.stream.getvalue()  # type: ignore[attr-defined]
    table.put(rows_of(3))
    table.close()
    assert table.left == 0
    assert screen.stream.getvalue().count("user1@") == 2  # type: ignore[attr-defined]


def test_more_hard_rows_than_a_screen_shows() -> None:
    screen = screen_of(80)
    table = ScreenTable(paint_of(screen), TABLE_FIELDS, screen)
    table.put([*rows_of(100, "soft"), *rows_of(1200)])
    table.close()
    lines = screen.stream.getvalue().splitlines()  # type: ignore[attr-defined]
    assert len([line for line in lines if line.startswith("hard")]) == 500
    assert lines[-1] == "… 800 more rows: --all, --format csv -o FILE, or | less"


def test_an_empty_table_has_no_head() -> None:
    screen = screen_of(80)
    ScreenTable(paint_of(screen), TABLE_FIELDS, screen).close()
    assert screen.stream.getvalue() == ""  # type: ignore[attr-defined]


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("options", "first"),
    [([], "H  kim@example.org"), (["--all"], "H  kim@example.org"), (["--only", "soft"], "S  lee@")],
)
def test_a_narrow_terminal_in_the_same_process(
    options: list[str], first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Tty()
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(sys, "stdout", screen)
    for number, raw in enumerate([UNKNOWN, FULL], 1):
        (tmp_path / f"{number}.eml").write_bytes(raw)
    assert main(["classify", *options, str(tmp_path)]) == 0
    assert screen.getvalue().splitlines()[1].startswith(first)


def test_a_log_from_a_terminal_is_shown_as_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Tty()
    reading, writing = os.pipe()
    os.write(writing, "\n".join(EXIM).encode())
    os.close(writing)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(sys, "stdout", screen)
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert main(["classify", "--log", "-"]) == 0
    assert "kim@example.org" in screen.getvalue()


@pytest.mark.parametrize(
    ("environment", "size", "expected"),
    [
        ({}, (132, 50), (132, 50)),
        ({"COLUMNS": "99"}, (132, 50), (99, 50)),
        ({"COLUMNS": "99", "LINES": "9"}, (132, 50), (99, 9)),
        ({"COLUMNS": "wide"}, (0, 0), (80, 24)),
        ({}, None, (80, 24)),
    ],
)
def test_the_size_of_a_screen(
    environment: dict[str, str],
    size: tuple[int, int] | None,
    expected: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Terminal(Tty):
        def fileno(self) -> int:
            return 1

    def of(_: int) -> os.terminal_size:
        if size is None:
            raise OSError
        return os.terminal_size(size)

    for name in ("COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "get_terminal_size", of)
    screen = Screen.of(Terminal())
    assert (screen.width, screen.height) == expected


# --- the fields ---------------------------------------------------------------------------------------------------


def test_fields_have_the_values_of_the_record() -> None:
    for path in sorted(BOUNCES.glob("*.eml"))[::7]:
        report = undeliverable.parse(path.read_bytes(), source=path.name)
        record: dict[str, Any] = json.loads(json.dumps(report.to_dict()))
        for verdict, flat in zip(report.verdicts, record["verdicts"], strict=True):
            found = dict(zip(FIELDS, values_of(report, verdict, FIELDS), strict=True))
            for name in set(FIELDS) & flat.keys() - {"rule", "policy"}:
                assert found[name] == flat[name], name
            assert found["rule"] == (flat["rule"] or {}).get("id")
            assert found["date"] == record["message"]["date"]
            assert found["message_id"] == record["message"]["message_id"]
            assert found["original_message_id"] == (record["message"]["returned"] or {}).get("message_id")
            assert found["type"] == state_of(report, verdict)


def test_csv_keeps_its_first_columns_in_their_order() -> None:
    assert CSV_FIELDS[:20] == (
        "source", "kind", "recipient", "original_recipient", "action", "bounce_type", "reason", "fault", "advice",
        "label", "status", "reply_code", "reply", "command", "remote_mta", "provider", "expired", "rule", "policy",
        "original_message_id",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("action", "status", "state"),
    [("failed", "5.1.1", "hard"), ("delayed", "4.2.2", "delay"), ("delivered", "2.1.5", "delivered")],
)
def test_the_state_of_a_recipient(action: str, status: str, state: str) -> None:
    raw = bounce("kim@example.org", status, f"{status[0]}50 {status} whatever no such user", action)
    report = undeliverable.parse(raw)
    assert state_of(report, report.verdicts[0]) == state
    assert state_of(undeliverable.parse(PLAIN), None) == "other"
