"""`undeliverable suppressions`, and `classify --into`."""

from __future__ import annotations

import getpass
import io
import json
import sqlite3
import sys
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import older_lists
from tests.suppression_words import event
from undeliverable import KnowledgeError, parse
from undeliverable.cli import _into, _tables, main
from undeliverable.cli._command import RunError
from undeliverable.cli._into import Into
from undeliverable.cli._list_files import lists_of, watched
from undeliverable.cli._lists import open_list, said
from undeliverable.store import Outcome, SuppressionList
from undeliverable.suppression import RequireProof, events_of

FIXTURES = str(Path(__file__).resolve().parent.parent / "fixtures")


def run(*arguments: object) -> int:
    return main(["suppressions", *map(str, arguments)])


@pytest.fixture
def known(tmp_path: Path) -> Path:
    path = tmp_path / "list.db"
    with redirect_stdout(io.StringIO()):
        run("add", "kim@example.org", "--why", "asked for it", "--who", "lee", path)
        run("add", "max@example.org", "--days", "3", path)
    return path


def test_bounces_go_into_a_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = str(tmp_path / "list.db")
    old = ["--max-age", "36500"]  # days: the fixtures grow older every day
    assert main(["classify", f"{FIXTURES}/bounces", "--format", "jsonl", "--into", place, *old]) == 0
    first = capsys.readouterr()
    assert "new events" in first.err
    hard = {
        verdict["recipient"]
        for line in first.out.splitlines()
        for verdict in json.loads(line)["verdicts"]
        if verdict["bounce_type"] == "hard" and verdict["action"] == "failed"
    }
    assert main(["classify", f"{FIXTURES}/bounces", "--into", place, *old]) == 0
    assert "0 new events" in capsys.readouterr().err
    assert run("list", "--format", "jsonl", "--cause", "hard_bounce", place) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert records
    assert {record["address"] for record in records} <= hard
    assert all(
        record["trigger"]["reply"] and record["trigger"]["rule"] for record in records if "rule" in record["trigger"]
    )
    address = records[0]["address"]
    assert run("show", address, place) == 0
    shown = capsys.readouterr().out
    assert records[0]["trigger"]["rule"] in shown
    assert "suppressed (hard_bounce)" in shown
    assert "history" in shown


def test_by_hand(known: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", known) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["address", "cause", "since", "until", "reason", "why"]
    assert "asked for it" in lines[1]
    assert run("reactivate", "kim@example.org", "--why", "changed their mind", "--who", "ann", known) == 0
    assert run("reactivate", "kim@example.org", "--why", "again", known) == 0
    assert run("add", "max@example.org", known) == 0
    assert run("show", "kim@example.org", known) == 0
    shown = capsys.readouterr().out
    assert "kim@example.org: reactivated" in shown
    assert "was not suppressed" in shown
    assert "was suppressed before" in shown
    assert "kim@example.org: not suppressed" in shown
    assert "changed their mind" in shown
    assert run("list", "--all", known) == 0
    assert "(clear)" in capsys.readouterr().out


def test_show_as_a_record(known: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", "--format", "jsonl", "kim@example.org", known) == 0
    record: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert record["suppressed"] is True
    assert [event["kind"] for event in record["events"]] == ["suppression"]
    assert run("show", "nobody@example.org", known) == 1
    assert "nothing is known" in capsys.readouterr().out


def test_forget(known: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("forget", "kim@example.org", known) == 0
    assert "keyed hash" in capsys.readouterr().out
    assert run("forget", "kim@example.org", known) == 1
    assert run("show", "kim@example.org", known) == 0
    assert "forgotten on request" in capsys.readouterr().out


def test_filter(known: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    file = tmp_path / "send.txt"
    file.write_bytes(b"ann@example.org\r\nKIM@example.org\n\nbob\xff@example.org\n")
    assert run("filter", file, known) == 0
    found = capsysbinary.readouterr()
    assert found.out == b"ann@example.org\nbob\xff@example.org\n"
    assert b"2 kept, 1 left out" in found.err
    assert run("filter", "--suppressed", file, known) == 0
    assert capsysbinary.readouterr().out == b"KIM@example.org\n"
    file.write_text('name,Email\n"Lee, Ann",ann@example.org\nKim,kim@example.org\nshort\n')
    assert run("filter", "--column", "email", file, known) == 1
    found = capsysbinary.readouterr()
    assert found.out == b'name,Email\n"Lee, Ann",ann@example.org\n'
    assert b"send.txt: 1 bad row left out: line 4: 1 cell instead of 2" in found.err
    assert run("filter", "--column", "colour", file, known) == 2


def test_import_and_export(known: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "list.csv"
    file.write_text("status,reason,email,created\n5.1.1,=550 no such user,ann@example.org,1700000000\n,,nobody,1\n")
    assert run("import", file, known) == 0
    said = capsys.readouterr().err
    assert "2 rows; 1 new events, 1 addresses suppressed" in said
    assert "1 rows without a usable address were skipped, the first of them 2" in said
    assert run("import", "--from", "sendgrid", "--judge", file, known) == 0
    assert "1 known" in capsys.readouterr().err
    assert run("export", "--format", "csv", known) == 0
    assert "'=550 no such user" in capsys.readouterr().out
    assert run("export", "--format", "sendgrid", "--cause", "hard_bounce", known) == 0
    assert capsys.readouterr().out.splitlines()[0] == "status,reason,email,created"
    assert run("export", known) == 0
    lines = capsys.readouterr().out
    assert len(lines.splitlines()) == 3
    copy = tmp_path / "copy.jsonl"
    copy.write_text(lines)
    assert run("import", copy, tmp_path / "copy.db") == 0
    with SuppressionList(tmp_path / "copy.db") as other, SuppressionList(known) as first:
        assert {e.address: e.state for e in other.entries()} == {e.address: e.state for e in first.entries()}


def test_import_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"kim@example.org\n"))))
    assert run("import", "-", tmp_path / "list.db") == 0
    with SuppressionList(tmp_path / "list.db") as known:
        assert known.is_suppressed("kim@example.org")


def test_whole_domains(known: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("add", "*@example.net", known) == 2
    assert "suppressions add-domain" in capsys.readouterr().err
    assert run("add-domain", "*@example.org", "--why", "closed down", "--who", "lee", known) == 0
    assert "*@example.org: suppressed as a whole; 2 known addresses are there" in capsys.readouterr().out
    assert run("add-domain", "example.net", known) == 0
    assert run("list", known) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["*@example.net", "*@example.org", "kim@example.org"]
    assert "closed down" in lines[3]
    assert run("list", "--format", "jsonl", "--cause", "manual", known) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record.get("domain") for record in records] == ["example.net", "example.org", None, None]
    assert run("list", "--cause", "complaint", known) == 0
    assert "example.org" not in capsys.readouterr().out
    assert run("stats", known) == 0
    assert "2 addresses, 2 whole domains, 2 events" in capsys.readouterr().out
    send = tmp_path / "send.txt"
    send.write_text("ann@example.org\nann@example.com\n")
    assert run("filter", send, known) == 0
    assert capsys.readouterr().out == "ann@example.com\n"
    assert run("show", "nobody@example.org", known) == 0
    assert "*@example.org is suppressed in the global scope since" in capsys.readouterr().out
    assert run("reactivate", "kim@example.org", "--why", "alive", known) == 0
    assert "still *@example.org is suppressed" in capsys.readouterr().out
    assert run("show", "kim@example.org", known) == 0
    shown = capsys.readouterr().out
    assert "kim@example.org: not suppressed here\n  but *@example.org is suppressed" in shown
    assert "by lee: closed down" in shown
    assert run("show", "max@example.org", known) == 0
    assert "  also *@example.org is suppressed" in capsys.readouterr().out
    assert run("export", known) == 0
    found = capsys.readouterr()
    assert len(found.out.splitlines()) == 2
    assert "2 whole domains left out, which no import takes: example.net, example.org" in found.err
    assert run("reactivate-domain", "example.org", "--why", "open", known) == 0
    assert "reactivated; 2 known addresses are there" in capsys.readouterr().out
    assert run("reactivate-domain", "example.org", "--why", "open", known) == 2
    assert "not suppressed as a whole" in capsys.readouterr().err


def test_an_import_takes_no_pattern(known: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "list.csv"
    file.write_text("email\n*@evil.test\nann@example.org\n")
    assert run("import", file, known) == 1
    said = capsys.readouterr().err
    assert "1 pattern left out: row 1: *@evil.test" in said
    assert "add-domain" in said
    assert "1 new events" in said


def test_scopes(known: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("add", "ann@example.org", "--scope", "acme", known) == 0
    assert run("list", "--scope", "acme", known) == 0
    assert "ann@example.org" in capsys.readouterr().out
    assert run("list", known) == 0
    assert "ann@example.org" not in capsys.readouterr().out
    assert run("show", "--scope", "acme/news", "ann@example.org", known) == 0
    assert "suppressed in the scope acme (manual)" in capsys.readouterr().out
    assert run("show", "--scope", "acme", "--format", "jsonl", "kim@example.org", known) == 0
    assert "kim@example.org: suppressed in the global scope (manual)" in capsys.readouterr().out
    assert run("add", "--scope", "acme", "kim@example.org", known) == 0
    assert run("show", "--scope", "acme", "--format", "jsonl", "kim@example.org", known) == 0
    record = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert record["elsewhere"] == ["suppressed in the global scope (manual)"]
    assert record["scope"] == "acme"
    assert run("list", "--scope", "a b", known) == 2
    assert "invalid scope 'a b'" in capsys.readouterr().err


def test_the_global_scope_of_tenants_takes_no_import(
    known: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("add", "ann@example.org", "--scope", "acme", known) == 0
    file = tmp_path / "list.csv"
    file.write_text("email\nbob@example.org\n")
    assert run("import", file, known) == 0
    assert "takes no lists of others: name the tenant with --scope" in capsys.readouterr().err
    assert run("import", file, "--scope", "acme", known) == 0
    assert "takes no lists" not in capsys.readouterr().err
    with SuppressionList(known) as other:
        assert not other.is_suppressed("bob@example.org")


BOUNCE = b"From: MAILER-DAEMON@mx.example\nDate: Sat, 21 Nov 2026 21:16:21 +0000\nSubject: Undelivered mail\n\nNot delivered:\n\n<kim@example.org>: 550 5.1.1 User unknown\n"


@pytest.mark.parametrize("proof", ["required", "off"])
def test_an_import_of_records_says_how_a_list_that_requires_a_proof_gets_them(
    proof: RequireProof, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = tmp_path / "r.jsonl"
    records.write_text(json.dumps(parse(BOUNCE).to_dict()) + "\n", encoding="utf-8")
    SuppressionList(tmp_path / "list.db", require_proof=proof).close()
    is_required = proof == "required"
    assert run("import", records, tmp_path / "list.db") == int(is_required)
    said = capsys.readouterr().err
    assert ("1 event without the proof that the list requires: ignored" in said) is is_required
    assert ("classify --into LIST --return-path PATTERN --keys FILE" in said) is is_required
    assert f"1 rows; {int(not is_required)} new event" in said
    (tmp_path / "a.csv").write_text("email\nkim@example.org\n", encoding="utf-8")
    for _ in range(2):
        assert run("import", tmp_path / "a.csv", tmp_path / "list.db") == 0  # a list of another system needs no proof
    assert "proves nothing" not in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--keys", "--return-path"])
def test_an_import_takes_no_keys_and_says_what_does(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        run("import", option, "x", "r.jsonl", "list.db")
    assert left.value.code == 2
    assert f"argument {option}: an import proves nothing; records keep the proof" in capsys.readouterr().err


def test_what_was_sent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "list.db"
    file = tmp_path / "sent.csv"
    file.write_text("recipient,id,message_id\nkim@example.org,42,<1@example.com>\nnobody,43,\n")
    assert run("sent", file, place) == 1
    said = capsys.readouterr().err
    assert "1 new row of what was mailed" in said
    assert "1 bad row left out: line 3: the recipient is no address" in said
    file.write_text('{"recipient": "lee@example.org", "id": "43"}\n')
    assert run("sent", file, place) == 0
    with SuppressionList(place) as known:
        assert [known.address_of(name) for name in ("42", "43")] == ["kim@example.org", "lee@example.org"]


def test_ids_that_no_token_can_have(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place, file = tmp_path / "list.db", tmp_path / "sent.csv"
    rule = "must be 1 to 16 characters of a-z 0-9 _ -"
    file.write_text(
        "recipient,id,message_id\nkim@example.org,7f1c-4d5e-aaaa-bbbb,\nlee@example.org,KIM-1,\nann@example.org,a b,\n"
        "bob@example.org,x.1,<2@example.com>\neve@example.org,x.2,<3@example.com>\n"
    )
    assert run("sent", file, place) == 1
    said = capsys.readouterr().err
    assert f"2 bad rows left out: line 2: the id '7f1c-4d5e-aaaa-bbbb' {rule}; line 4: the id 'a b' {rule}" in said
    assert f"line 5: the id 'x.1' {rule} and 1 more: no token can have it, only the message_id proves" in said
    with SuppressionList(place) as known:
        assert known.address_of("kim-1") == "lee@example.org"
        assert known.recipients_of("2@example.com") == ("bob@example.org",)


def test_a_migration_is_reported_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "list.db"
    older_lists.make(
        str(place),
        [
            ("kim@example.org", "kim@example.org", [event(0, "hard")]),
            ('"kim"@example.org', '"kim"@example.org', [event(1, "hard")]),
            ("gross@example.org", "groß@example.org", [event(0, "hard")]),
            ("*@evil.test", "*@evil.test", [event(0, "hard")]),
        ],
    )
    assert run("stats", place) == 0
    said = capsys.readouterr().err
    assert "kim@example.org: its entries are one now" in said
    assert "groß@example.org: was recorded as one address with gross@example.org" in said
    assert "*@evil.test: stops nothing" in said
    assert run("stats", place) == 0
    assert capsys.readouterr().err == ""
    older_lists.make(
        str(tmp_path / "other.db"),
        [
            ("kim@example.org", "kim@example.org", [event(0, "hard")]),
            ('"kim"@example.org', '"kim"@example.org', [event(1, "hard")]),
        ],
    )
    with SuppressionList(tmp_path / "other.db") as known:
        known.forget("kim@example.org")
    assert run("stats", tmp_path / "other.db") == 0
    assert capsys.readouterr().err == ""


def test_files_that_others_can_read_are_remarked_on(
    known: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known.chmod(0o644)

    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "chmod", refused)
    assert run("stats", known) == 0
    assert "others have access" in capsys.readouterr().err


def test_stats(known: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("stats", known) == 0
    assert "2 addresses, 2 events, 0 forgotten; policy default" in capsys.readouterr().out
    assert run("stats", "--format", "jsonl", known) == 0
    assert json.loads(capsys.readouterr().out)["standing"] == {"suppressed": 2}


def test_settings(known: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("settings", "--policy", "mailman3", "--keep-replies", "30", known) == 0
    assert "kept 30 days" in capsys.readouterr().out
    assert run("settings", "--keep-replies", "ever", known) == 0
    said = capsys.readouterr().out
    assert "Mailman 3" in said
    assert "for ever" in said
    mine = tmp_path / "mine.toml"
    mine.write_text("[policy]\nname = 'mine'\nlimit = 2\n")
    assert run("settings", "--policy", mine, tmp_path / "new.db") == 0
    assert "mine" in capsys.readouterr().out
    with SuppressionList(tmp_path / "new.db") as other:
        assert other.policy.name == "mine"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("list", "nowhere.db"), "no such list"),
        (("list", "mysql://x/y"), "unknown database 'mysql'; expected sqlite or postgresql"),
        (("settings", "--policy", "kindness", "LIST"), "unknown policy"),
        (("settings", "--keep-replies", "long", "LIST"), "a number of days"),
        (("export", "--format", "pigeon", "LIST"), "unknown format 'pigeon'; expected one of csv"),
        (("export", "--cause", "boredom", "LIST"), "one of"),
        (("import", "nowhere.csv", "LIST"), "No such file"),
        (("import", "--from", "pigeon", "FILE", "LIST"), "unknown format 'pigeon'; expected one of csv"),
    ],
)
def test_wrong_usage(
    arguments: tuple[str, ...], words: str, known: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.csv"
    file.write_text("kim@example.org\n")
    named = {"LIST": str(known), "FILE": str(file)}
    assert run(*(named.get(argument, argument) for argument in arguments)) == 2
    assert words in capsys.readouterr().err


def test_old_replies_are_dropped_and_counted(known: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with SuppressionList(known) as other:
        other.record([("lee@example.org", event(0, "hard", reply="550 5.1.1 no such user"))])
    assert run("settings", "--keep-replies", "1", known) == 0
    assert "1 raw replies dropped" in capsys.readouterr().err
    assert run("settings", "--keep-replies", "1", known) == 0
    assert "dropped" not in capsys.readouterr().err


def test_who_it_was_is_left_open_where_nobody_knows(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> str:
        raise OSError

    monkeypatch.setattr(getpass, "getuser", unknown)
    assert run("add", "eve@example.org", known) == 0
    with SuppressionList(known) as other:
        assert other.history("eve@example.org")[0].who is None


def test_a_policy_that_cannot_be_read_any_more_is_shown_as_such(
    known: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KnowledgeError("list.db", "unknown key")

    monkeypatch.setattr(SuppressionList, "_prepare", broken)
    with pytest.raises(KnowledgeError):
        open_list(str(known))
    assert run("list", known) == 2
    assert "unknown key" in capsys.readouterr().err


def test_a_list_that_is_locked_ends_every_command_with_one_line(
    known: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("undeliverable.store._engine._PATIENCE", 0)
    file = tmp_path / "list.csv"
    file.write_text("email\nann@example.org\n")
    other = sqlite3.connect(known, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for command in (
        ["suppressions", "add", "ann@example.org", str(known)],
        ["suppressions", "import", str(file), str(known)],
        ["classify", f"{FIXTURES}/bounces/exim-mixed.eml", "--into", str(known)],
    ):
        assert main(command) == 1
        said = capsys.readouterr().err.splitlines()
        assert "the list is locked" in said[-1], command
        assert not any("Traceback" in line for line in said)
    other.close()


def test_events_are_written_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_into, "_PART", 2)
    place = str(tmp_path / "list.db")
    report = parse((Path(FIXTURES) / "bounces" / "postfix-several.eml").read_bytes())
    into = Into(SuppressionList(place), timedelta(days=10))
    into.add(events_of(report, datetime.now(UTC)), 0)
    with SuppressionList(place) as before:
        assert len(before) > 0
    assert "new events" in into.close()[0]
    (line,) = Into(SuppressionList(tmp_path / "empty.db"), timedelta(days=10)).close()
    assert line.endswith("no events")


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        (None, "no events"),
        (Outcome(new=1_000), "1,000 new events, 0 addresses suppressed"),
        (
            Outcome(new=1, known=2, forgotten=3, suppressed=("a@example.org",), released=("b@example.org",)),
            "1 new events, 2 known, 3 of forgotten addresses, 1 addresses suppressed, 1 released",
        ),
    ],
)
def test_what_came_of_events(outcome: Outcome | None, line: str) -> None:
    assert said(outcome) == line


def test_a_long_table_is_aligned_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tables, "_BLOCK", 2)
    rows = [("a", None), ("long name", "x"), ("b", "\x1b[1m")]
    assert list(_tables.aligned(rows, ("name", "value"))) == [
        "name  value",
        "a     -",
        "long name  x",
        "b          \\x1b[1m",
    ]


def test_an_import_shows_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows"
    path.write_bytes(b"x" * 100)
    shown: list[tuple[int, int]] = []
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(
        "undeliverable.cli._list_files.Progress.update", lambda _, at, number: shown.append((at, number))
    )
    with path.open("rb") as file:
        file.read(40)
        assert list(watched("abc", file, str(path))) == ["a", "b", "c"]
    assert shown == [(40, 0)]


def test_an_error_of_the_disk_is_raised_as_it_is(tmp_path: Path) -> None:
    """Its number says what to do; one without is our own, and gets the name of the file."""
    (tmp_path / "list.csv").write_text("email\nkim@example.org\n")
    with pytest.raises(OSError, match="Input/output error") as raised, lists_of(str(tmp_path / "list.csv")):
        raise OSError(5, "Input/output error")
    assert raised.value.errno == 5
    with pytest.raises(RunError, match=r"list\.csv: its end is missing"), lists_of(str(tmp_path / "list.csv")):
        raise OSError("its end is missing")
