"""`undeliverable check`: lists as people have them, against a DNS server on loopback."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.dns_server import SERVFAIL, DnsServer, dns_server
from tests.terminal import cells, plain, terminal
from tests.test_files import Broken
from undeliverable.check import Cause, Checked, Mark
from undeliverable.cli import main
from undeliverable.cli._address_rows import AddressRows
from undeliverable.cli._check_rows import screen_lines
from undeliverable.cli._screen import Screen
from undeliverable.store import SuppressionList

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def server() -> Iterator[DnsServer]:
    zone = {
        "good.example": ("MX 10 mx.example.",),
        "mx.example": ("A 192.0.2.1",),
        "null.example": ("MX 0 .",),
        "bad.example": SERVFAIL,
    }
    with dns_server(zone) as running:
        yield running


@pytest.fixture
def run(server: DnsServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def check(text: str | bytes, *options: str) -> tuple[int, str, str]:
        path = tmp_path / "list.csv"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        status = main(["check", str(path), "--nameserver", "127.0.0.1", "--port", str(server.port), *options])
        out, err = capsys.readouterr()
        return status, out, err

    return check


LIST = """\
name,Email
Kim,kim@good.example
Lee,lee@null.example
"Mia
Mayer",mia@bad.example
Noa,
Oli,KIM@good.example
,
"=2","=2@good.example"
"""


def test_a_table(run: Run) -> None:
    status, out, err = run(LIST)
    assert status == 0
    assert [re.split(r"  +", line) for line in out.splitlines()] == [
        ["line", "address", "next", "cause", "detail", "suggestion", "marks"],
        ["2", "kim@good.example", "send", "existence_uncertain", "MX mx.example", "-", "-"],
        ["3", "lee@null.example", "leave_out", "null_mx", "null MX", "-", "-"],
        ["5", "mia@bad.example", "check_again", "lookup_failed", "MX of bad.example: SERVFAIL", "-", "-"],
        ["6", "-", "leave_out", "syntax", "The address is empty.", "-", "-"],
        ["7", "KIM@good.example", "leave_out", "duplicate", "the same as address 1", "-", "-"],
        ["9", "=2@good.example", "send", "existence_uncertain", "MX mx.example", "-", "-"],
    ]
    assert err == (
        "6 addresses; 3 leave_out, 2 send, 1 check_again; 2 existence_uncertain, 1 null_mx, 1 lookup_failed, 1 syntax, 1 duplicate\n"
    )


def test_csv_and_jsonl_say_the_same(run: Run) -> None:
    _, text, _ = run(LIST, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    _, text, _ = run(LIST, "--format", "jsonl")
    records = [json.loads(line) for line in text.splitlines()]
    assert len(rows) == len(records) == 6
    for row, record in zip(rows, records, strict=True):
        assert row["line"] == str(record["line"])
        assert row["cause"] == record["cause"]
        assert row["address"].lstrip("'") == record["address"]
    assert rows[-1]["address"] == "'=2@good.example"
    assert records[0]["hosts"] == ["mx.example"]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("kim@good.example\n", ()),
        ("kim@good.example", ()),
        ("\ufeffE-Mail;Name\nkim@good.example;Kim\n", ()),
        ("name\tto whom\nKim\tkim@good.example\n", ("--column", " To Whom")),
        ("Kim|kim@good.example\n", ()),
        ("email\r\nkim@good.example\r\n\r\n", ()),
    ],
)
def test_shapes_of_lists(run: Run, text: str, options: tuple[str, ...]) -> None:
    status, out, _ = run(text, "--format", "jsonl", *options)
    (record,) = map(json.loads, out.splitlines())
    assert (status, record["address"], record["cause"]) == (0, "kim@good.example", "existence_uncertain")


def test_a_short_row_and_odd_octets_are_not_lost(run: Run) -> None:
    _, out, _ = run(b"name,email\nKim\n\xff,\xff@good.example\n", "--format", "jsonl")
    first, second = map(json.loads, out.splitlines())
    assert (first["address"], first["cause"]) == ("", "syntax")
    assert second["cause"] == "syntax"


def test_only_some_of_them(run: Run) -> None:
    _, out, err = run(LIST, "--only", "send,lookup_failed", "--format", "csv")
    assert [line.split(",")[1] for line in out.splitlines()[1:]] == [
        "kim@good.example",
        "mia@bad.example",
        "'=2@good.example",
    ]
    assert err.startswith("6 addresses")


def test_against_a_list(run: Run, tmp_path: Path) -> None:
    place = str(tmp_path / "list.db")
    with SuppressionList(place) as known:
        known.suppress("kim@good.example")
    _, out, _ = run("kim@good.example\n", "--against", place)
    assert "suppressed" in out
    status, _, err = run("kim@good.example\n", "--against", str(tmp_path / "none.db"))
    assert status == 2
    assert "none.db" in err


def test_the_exit_status(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("kim@good.example\n", "--strict")[0] == 0
    assert run("kim@good.example\nkim@null.example\n")[0] == 0
    assert run("kim@good.example\nkim@null.example\n", "--strict")[0] == 3
    assert run("")[0] == 1
    assert run("email\n")[0] == 1
    status, out, err = run("email\nkim@good.example\n" + "x" * 200_000 + '\n"lee@good.example\nmia@good.example\n')
    assert status == 1
    assert "kim@good.example" in out
    assert "mia@good.example" in out
    assert "2 bad rows left out: line 3: field larger than field limit (131072); line 4: a quote is not closed" in err
    assert main(["check", str(tmp_path / "none.csv")]) == 2
    assert "none.csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("a,b\n1,2\n", (), "which column"),
        ("a,b\n1,2\n", ("--column", "email"), "unknown column 'email'; the file begins with 'a', 'b'"),
        ("kim@good.example\n", ("--only", "valid"), "unknown value 'valid'; expected one of"),
        ("kim@good.example\n", ("--only", " , "), "the list is empty"),
        ("kim@good.example\n", ("--nameserver", "dns.example"), "dns.example"),
    ],
)
def test_wrong_usage(run: Run, text: str, options: tuple[str, ...], words: str) -> None:
    status, out, err = run(text, *options)
    assert status == 2
    assert words in err
    assert not out


def test_without_the_extra(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("undeliverable.check")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "dns", None)
    status, _, err = run("kim@good.example\n")
    assert status == 2
    assert "undeliverable[check]" in err


def test_standard_input(server: DnsServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"kim@good.example\n")))
    assert main(["check", "-", "--nameserver", "127.0.0.1", "--port", str(server.port)]) == 0
    assert capsys.readouterr().err == "1 address; 1 send; 1 existence_uncertain\n"


def test_a_list_that_cannot_be_read_to_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "list.csv"
    path.write_text("")
    with AddressRows(str(path), None) as rows:
        rows._file.close()
        rows._file = io.BufferedReader(Broken(b"kim@good.example\n", OSError(5, "Input/output error")))
        assert list(rows) == [(1, "kim@good.example")]
        assert rows.failed
    assert "the rest of the file was skipped" in capsys.readouterr().err


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_a_terminal_shows_one_address_a_line(server: DnsServer, tmp_path: Path, width: int) -> None:
    path = tmp_path / "list.txt"
    long = f"{'a' * 60}@{'domain.' * 5}example"
    addresses = [
        "kim@good.example",
        "lee@null.example",
        "mia@bad.example",
        "info@good.example",
        "no address\x1b[2J",
        long,
    ]
    path.write_text("\n".join(addresses))
    at = ("--nameserver", "127.0.0.1", "--port", str(server.port))
    shown = plain(terminal(["check", str(path), *at], width)).splitlines()
    head, *lines = shown[: len(addresses) + 1]
    assert head.split()[:3] == ["line", "address", "next"]
    assert [one.split()[0] for one in lines] == [str(number) for number in range(1, len(addresses) + 1)]
    assert [one for one in (head, *lines) if cells(one) > width] == []
    for line, address in zip(lines[:4], addresses, strict=False):
        assert address in line
    assert ("existence_uncertain" in "".join(lines)) is (width >= 100)
    assert ("null MX" in "".join(lines)) is (width >= 60)
    assert lines[0].split()[2] == "send"
    assert "aa" in lines[5]
    assert "example" in lines[5]


def test_on_a_terminal_rows_have_its_width(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Screen, "of", lambda stream, *_: Screen(stream, is_terminal=True, width=80, height=24, colours=False)
    )
    status, out, _ = run("kim@good.example\nlee@null.example\n")
    assert (status, [line.split()[1] for line in out.splitlines()[:3]]) == (
        0,
        ["address", "kim@good.example", "lee@null.example"],
    )


def test_a_table_without_rows_has_its_head() -> None:
    screen = Screen(io.StringIO(), is_terminal=True, width=80, height=24, colours=False)
    assert list(screen_lines([], screen)) == ["line  address  next  notes"]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 200])
def test_long_lists_are_aligned_in_blocks_below_one_head(width: int) -> None:
    screen = Screen(io.StringIO(), is_terminal=True, width=width, height=24, colours=False)
    one = Checked(
        "kim@gmial.com", Cause.EXISTENCE_UNCERTAIN, "MX mx.example", suggestion="kim@gmail.com", marks=(Mark.ROLE,)
    )
    head, *lines = screen_lines(((number, one) for number in range(1, 1_002)), screen)
    assert head.startswith("line")
    assert len(lines) == 1_001
    assert max(map(len, lines)) <= width
    assert ("MX mx.example · meant kim@gmail.com? · role" in lines[0]) is (width >= 80)
