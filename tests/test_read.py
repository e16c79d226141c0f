"""Records that were written are read wherever mail is, and `undeliverable.read()` reads both."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import sys
import tracemalloc
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Final

import pytest

import undeliverable
from undeliverable import Proof, parse
from undeliverable.files import Inbox

FIXTURES: Final = Path(__file__).parent.parent / "fixtures"
BOUNCES: Final = FIXTURES / "bounces"
ONE: Final = BOUNCES / "exim-mixed.eml"
POSTMARK: Final = b"From MAILER-DAEMON Mon Nov 16 09:12:33 2026\n"
RECEIVED: Final = datetime(2026, 11, 16, 9, 12, 33, tzinfo=UTC)
PAYLOAD: Final = (
    '{"email": "kim@example.org", "event": "bounce", "reason": "550 \\"schema\\" \\"kind\\" \\"verdicts\\""}\n'
)

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def records(tmp_path: Path, run: Run) -> Path:
    """The records of all fixtures that are bounces, as the command writes them."""
    path = tmp_path / "records.jsonl"
    path.write_text(run("classify", "--format", "jsonl", BOUNCES)[1], encoding="utf-8")
    return path


def line_of(raw: bytes = ONE.read_bytes(), **values: object) -> str:
    return json.dumps(parse(raw, source="one").to_dict() | values) + "\n"


# --- the same as the mail -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [(), ("--format", "jsonl"), ("--format", "csv"), ("--only", "hard"), ("--jobs", "2")])
def test_records_give_what_the_mail_gave(words: tuple[str, ...], records: Path, run: Run) -> None:
    assert run("classify", *words, records)[:2] == run("classify", *words, BOUNCES)[:2]


def test_records_are_not_judged_anew(tmp_path: Path, run: Run) -> None:
    rules = tmp_path / "own.toml"
    rules.write_text('[[policy]]\nid = "own"\nthen = {bounce_type = "soft", label = "own"}\n')
    (tmp_path / "one.jsonl").write_text(line_of())
    status, out, err = run("classify", "--rules", rules, "--format", "jsonl", tmp_path / "one.jsonl", ONE)
    assert "warning: records keep their verdicts; --rules and --profile judge mail" in err
    assert "warning" not in run("classify", "--rules", rules, ONE)[2] + run("classify", tmp_path / "one.jsonl")[2]
    record, judged = map(json.loads, out.splitlines())
    assert status == 0
    assert {verdict["label"] for verdict in record["verdicts"]} == {None}
    assert {verdict["label"] for verdict in judged["verdicts"] if verdict["bounce_type"]} == {"own"}


def test_standard_input(records: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = run("classify", records)[1]
    for data in (records.read_bytes(), gzip.compress(records.read_bytes()), b"\xef\xbb\xbf" + records.read_bytes()):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(data))))
        assert run("classify", "-")[:2] == (0, expected)


def test_gzip(records: Path, run: Run) -> None:
    packed = records.with_suffix(".jsonl.gz")
    packed.write_bytes(gzip.compress(records.read_bytes()))
    assert run("classify", packed)[:2] == run("classify", records)[:2]


def test_a_name_without_an_ending(records: Path, run: Run) -> None:
    expected = run("classify", records)[1]
    assert run("classify", records.rename(records.with_suffix("")))[:2] == (0, expected)


def test_a_folder_of_mail_and_records(tmp_path: Path, run: Run) -> None:
    (tmp_path / "b.jsonl").write_text(line_of())
    (tmp_path / "a.eml").write_bytes(ONE.read_bytes())
    (tmp_path / "c.ndjson.gz").write_bytes(gzip.compress(line_of().encode()))
    (tmp_path / "notes.txt").write_text(line_of())  # a folder's file is read as records if its name says so
    status, out, err = run("classify", "--format", "jsonl", tmp_path)
    assert status == 0
    assert [json.loads(line)["source"] for line in out.splitlines()] == [str(tmp_path / "a.eml"), "one", "one"]
    assert re.search("1 file +skipped, no mail", err)


@pytest.mark.parametrize(
    "command", [("explain",), ("rules", "diff", "builtin", "ses"), ("rules", "suggest")], ids=" ".join
)
def test_every_command_that_reads_mail(command: tuple[str, ...], records: Path, run: Run) -> None:
    _, out, err = run(*command, records)
    assert out or "replies judged" in err
    assert "no record" not in err


def test_records_that_are_none_are_not_compared(tmp_path: Path, run: Run) -> None:
    (tmp_path / "one.jsonl").write_text(line_of() + line_of(kind="party"))
    assert (
        "one.jsonl:2: not a record of a report: kind"
        in run("rules", "diff", "builtin", "ses", tmp_path / "one.jsonl")[2]
    )


def test_explanations_of_records(tmp_path: Path, run: Run) -> None:
    (tmp_path / "one.jsonl").write_text(line_of() + "{}\n" + line_of()[:800])
    status, out, err = run("explain", tmp_path / "one.jsonl")
    assert status == 0
    assert out.startswith("Mail to ")
    assert "one.jsonl:2: not a record of a report" in err
    assert "one.jsonl:3: not a record of a report: its end is missing" in err


def test_a_report_of_records_in_a_log_s_place(tmp_path: Path, run: Run) -> None:
    (tmp_path / "one.jsonl").write_text(line_of())
    log = FIXTURES / "logs" / "postfix.log"
    _, _, alone = run("report", "--log", log, "-o", tmp_path / "a.html")
    _, _, both = run("report", "--log", log, tmp_path / "one.jsonl", "-o", tmp_path / "a.html")
    assert int(both.split()[0].replace(",", "")) == int(alone.split()[0].replace(",", "")) + 1


# --- what is no record --------------------------------------------------------------------------------------------------


def test_damaged_records_are_named_and_cost_no_other(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "damaged.jsonl"
    torn = line_of()[: len(line_of()) // 2]
    path.write_text(
        f"{line_of()[900:]}{line_of()}\n[1]\n{line_of(kind='party')}{line_of(schema=9)}{PAYLOAD}{line_of()}{torn}"
    )
    for jobs in ("1", "2"):
        status, out, err = run("classify", "--jobs", jobs, "--format", "jsonl", path)
        assert status == 0
        assert [json.loads(line)["source"] for line in out.splitlines()] == ["one", "one"]
        assert all(f"{path}:{number}: not a record of a report\n" in err for number in (1, 4, 7))
        assert f"{path}:5: not a record of a report: kind: unknown value 'party'; expected null or one of bounce" in err
        assert f"{path}:6: not a record of a report: schema: unknown value 9; expected one of 1, 2" in err
        assert f"{path}:9: not a record of a report: its end is missing" in err
        assert re.search("6 lines +skipped, no record", err)


def test_of_a_file_that_is_torn_nothing_else_is_said(tmp_path: Path) -> None:
    (tmp_path / "torn.jsonl.gz").write_bytes(gzip.compress(b'{"a": 1}\n' * 5_000)[:-12])
    said: list[str] = []
    assert list(undeliverable.read(tmp_path / "torn.jsonl.gz", warn=said.append)) == []
    assert len(said) == 1


def test_only_some_lines_are_named(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "damaged.jsonl"
    path.write_text("x\n" * 6 + line_of() + "x\n" * 60)
    err = run("classify", path)[2]
    assert err.count(": not a record of a report\n") == 10
    assert f"{path}: 66 lines are not records of reports" in err
    assert re.search("66 lines +skipped, no record", err)


def test_a_torn_record_is_said_wherever_it_is_torn(tmp_path: Path) -> None:
    line = line_of().encode().rstrip()
    for end in range(1, len(line), 97):
        path = tmp_path / "torn.jsonl"
        path.write_bytes(line + b"\n" + line[:end])
        said: list[str] = []
        assert len(list(undeliverable.read(path, warn=said.append))) == 1
        assert len(said) == 1
        assert said[0].startswith(f"{path}:2: not a record of a report")


def test_a_last_line_without_its_end_is_read(tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").write_text(line_of() + line_of().rstrip())
    assert len(list(undeliverable.read(tmp_path / "one.jsonl"))) == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("payload.jsonl", PAYLOAD * 3),
        ("payload.json", PAYLOAD),
        ("list.json", f"[{PAYLOAD}]"),
        ("pretty.json", json.dumps(json.loads(line_of()), indent=2)),
        ("empty.jsonl", "\n\n"),
        ("text.jsonl", "what is this\n"),
        ("deep.jsonl", "[" * 100_000 + "\n"),
    ],
)
def test_what_is_neither_mail_nor_records_is_skipped_and_said(name: str, text: str, tmp_path: Path, run: Run) -> None:
    path = tmp_path / name
    path.write_text(text)
    status, out, err = run("classify", path)
    assert (status, out) == (1, "")
    assert f"{name}: neither mail nor records of reports, one on each line; skipped" in err
    assert re.search("0 messages\n +1 file +skipped, no mail", err)


def test_json_in_a_folder_is_counted_and_named_only_if_asked(tmp_path: Path, run: Run) -> None:
    (tmp_path / "payloads.jsonl").write_text('{"event": "bounce"}\n')
    (tmp_path / "1.jsonl").write_text(line_of())
    assert "neither mail" not in run("classify", tmp_path)[2]
    assert f"{tmp_path / 'payloads.jsonl'}: skipped: neither mail nor records" in run("classify", "-v", tmp_path)[2]


def test_an_empty_file_is_one_message_as_ever(tmp_path: Path, run: Run) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    assert "1 other" in run("classify", tmp_path / "empty.jsonl")[2]


def test_a_log_in_json_is_no_record(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "mail.jsonl"
    path.write_text(
        '{"type": "Bounce", "id": "1", "sender": "a@example.com", "recipient": "kim@example.org", "queue": "example.org", '
        '"site": "mx.example.org", "timestamp": 1795000000, "response": {"code": 550, "enhanced_code": {"class": 5, '
        '"subject": 1, "detail": 1}, "content": "\\"schema\\": 2 \\"kind\\" \\"verdicts\\""}, "num_attempts": 1, "created": '
        '1795000000, "peer_address": {"name": "mx.example.org", "addr": "192.0.2.1"}}\n'
    )
    status, _, err = run("classify", path)
    assert status == 1
    assert "this is a log, which is skipped; logs are read with --log" in err
    status, out, _ = run("classify", "--log", path)
    assert status == 0
    assert "kim@example.org" in out


@pytest.mark.parametrize("place", ["new/1", "cur/1:2,S", "1.eml", "1.mbox"])
def test_mail_can_pretend_nothing(place: str, tmp_path: Path, run: Run) -> None:
    """Where strangers' mail lies nothing is a record: it would say what proved it."""
    for folder in ("new", "cur", "tmp"):
        (tmp_path / folder).mkdir()
    path = tmp_path / place
    path.write_text(line_of())
    for named in (path, tmp_path):
        status, out, _ = run("classify", "--format", "jsonl", named)
        assert status == 0
        assert json.loads(out)["kind"] == "other"


def test_a_very_long_record_is_cut_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("undeliverable.files._inbox.LIMIT", 100_000)
    path = tmp_path / "long.jsonl"
    path.write_text(line_of(remarks=["x" * 600_000]) + line_of())
    said: list[str] = []
    assert len(list(undeliverable.read(path, warn=said.append))) == 1
    assert said[0] == f"{path}:1: not a record of a report: its end is missing"
    assert "1 longer than" in said[1]


def test_records_take_constant_memory(tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    path.write_text(line_of() * 3_000)
    list(undeliverable.read(ONE))
    tracemalloc.start()
    count = sum(1 for _ in undeliverable.read(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 3_000
    assert peak < 3_000_000 < path.stat().st_size


# --- in Python ----------------------------------------------------------------------------------------------------------


def test_read_takes_what_the_command_takes(records: Path) -> None:
    mail = [report.to_dict() for report in undeliverable.read(BOUNCES)]
    assert [report.to_dict() for report in undeliverable.read([str(records)])] == mail
    assert [report.to_dict() for report in undeliverable.read((records, ONE))] == [
        *mail,
        parse(ONE.read_bytes(), source=str(ONE)).to_dict(),
    ]


def test_read_takes_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(ONE.read_bytes()))))
    (report,) = undeliverable.read("-")
    assert report.source == "-"


def test_read_judges_as_parse_does() -> None:
    options = {"trace": True, "keep_headers": ("Subject",), "mx": ("mx.example.org",), "context": {"tenant": "a"}}
    (report,) = undeliverable.read(ONE, **options)  # type: ignore[arg-type]
    assert report.to_dict() == parse(ONE.read_bytes(), source=str(ONE), **options).to_dict()  # type: ignore[arg-type]


def test_a_path_that_is_none_raises_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        undeliverable.read(tmp_path / "none.eml")


def test_arguments_that_are_wrong_raise(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="now"):
        list(undeliverable.read(ONE, now=datetime(2026, 1, 1)))  # noqa: DTZ001 # the point


def test_problems_become_warnings(tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").write_text(line_of() + "nonsense\n")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert len(list(undeliverable.read(tmp_path))) == 1
        assert len(list(Inbox([str(tmp_path)]))) == 1
    assert [str(warning.message) for warning in caught] == [f"{tmp_path}/one.jsonl:2: not a record of a report"] * 2


def test_a_log_is_said_to_be_one(tmp_path: Path) -> None:
    said: list[str] = []
    list(undeliverable.read(FIXTURES / "logs" / "postfix.log", warn=said.append))
    assert "this is a log" in said[0]
    assert "iter_log()" in said[0]


def test_the_time_of_receipt(tmp_path: Path) -> None:
    for folder in ("new", "cur", "tmp"):
        (tmp_path / "box" / folder).mkdir(parents=True)
    delivered = tmp_path / "box" / "new" / "1"
    delivered.write_bytes(ONE.read_bytes())
    os.utime(delivered, (RECEIVED.timestamp(), RECEIVED.timestamp()))
    (tmp_path / "a.mbox").write_bytes(POSTMARK + ONE.read_bytes())
    traced = tmp_path / "a.eml"
    traced.write_bytes(
        b"Received: from mx (mx [192.0.2.1])\n by In.Example.com; Mon, 16 Nov 2026 10:12:33 +0100\n" + ONE.read_bytes()
    )
    (tmp_path / "a.jsonl").write_text(line_of(received=RECEIVED.isoformat()))
    for path in ("box", "box/new/1", "a.mbox", "a.jsonl"):
        (report,) = undeliverable.read(tmp_path / path)
        assert report.received == RECEIVED, path
    for hosts, received in (
        ((), None),
        ("in.example.com", RECEIVED),
        (("mx", "in.example.com."), RECEIVED),
        ("mx", None),
    ):
        (report,) = undeliverable.read(traced, received_by=hosts)
        assert report.received == received


@pytest.mark.parametrize("time", [1e20, -1e20, 1 << 40])
def test_a_file_s_time_may_be_none(time: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "1").write_bytes(ONE.read_bytes())
    with monkeypatch.context() as patch:
        patch.setattr("os.fstat", lambda _: SimpleNamespace(st_mtime=time))
        (report,) = undeliverable.read(tmp_path)
    assert report.received is None


# --- into a list --------------------------------------------------------------------------------------------------------


def test_events_of_mail_have_their_time_of_receipt(tmp_path: Path, run: Run) -> None:
    store = pytest.importorskip("undeliverable.store")
    (tmp_path / "a.mbox").write_bytes(POSTMARK + ONE.read_bytes())
    run("classify", tmp_path / "a.mbox", "--max-age", "36500", "--into", tmp_path / "list.db")
    with store.SuppressionList(tmp_path / "list.db") as known:
        times = {event.time for entry in known.entries() for event in known.history(entry.address)}
    assert times == {RECEIVED}


def test_nothing_is_received_in_the_future(tmp_path: Path, run: Run) -> None:
    store = pytest.importorskip("undeliverable.store")
    (tmp_path / "a.mbox").write_bytes(POSTMARK.replace(b"2026", b"2999") + ONE.read_bytes())
    run("classify", tmp_path / "a.mbox", "--into", tmp_path / "list.db")
    with store.SuppressionList(tmp_path / "list.db") as known:
        known.record_report(replace(parse(ONE.read_bytes()), received=datetime(2999, 1, 1, tzinfo=UTC)))
        times = {event.time for entry in known.entries() for event in known.history(entry.address)}
    assert max(times) <= datetime.now(UTC)


def test_records_come_into_a_list_with_their_proof(tmp_path: Path, run: Run) -> None:
    store = pytest.importorskip("undeliverable.store")
    report = replace(parse(ONE.read_bytes()), received=RECEIVED).proved(Proof.SIGNED)
    first = report.verdicts[0]
    other = replace(first, recipient="lee@example.org", sent_to="lee@example.org", key="2")
    proved = replace(first, proof=Proof.TOKEN, token="a/2026-11-10/7", sent_to="team@example.org")
    path = tmp_path / "proved.jsonl"
    path.write_text(
        json.dumps(replace(report, verdicts=(proved, other)).to_dict() | {"envelope": {"sender": ""}}) + "\n"
    )
    for number, words in enumerate(
        (("suppressions", "import", path), ("classify", path, "--max-age", "36500", "--into"))
    ):
        place = tmp_path / f"{number}.db"
        assert run(*words, place)[0] == 0
        with store.SuppressionList(place) as known:
            (event,) = known.history("team@example.org")
            assert (event.proof, event.token, event.time) == (Proof.TOKEN, "a/2026-11-10/7", RECEIVED)
            proofs = {event.proof for entry in known.entries() for event in known.history(entry.address)}
            assert proofs == {Proof.TOKEN, Proof.SIGNED}


def test_a_list_is_the_same_by_mail_and_by_records(records: Path, tmp_path: Path, run: Run) -> None:
    store = pytest.importorskip("undeliverable.store")
    places = [tmp_path / f"{number}.db" for number in range(3)]
    run("classify", BOUNCES, "--into", places[0])
    run("classify", records, "--into", places[1])
    assert run("suppressions", "import", records, places[2])[0] == 0
    lists = []
    for place in places:
        with store.SuppressionList(place) as known:
            lists.append(
                {
                    entry.address: sorted((e.key, e.kind) for e in known.history(entry.address))
                    for entry in known.entries()
                }
            )
    assert lists[0] == lists[1] == lists[2]
    assert len(lists[0]) > 10


def test_an_import_of_damaged_records(records: Path, tmp_path: Path, run: Run) -> None:
    pytest.importorskip("undeliverable.store")
    whole = records.read_text()
    number = whole.count("\n")
    records.write_text(whole + line_of(kind="party") + "[1]\n" + line_of()[:700])
    status, _, err = run("suppressions", "import", records, tmp_path / "list.db")
    assert status == 1
    assert f"{number + 3:,} rows; " in err
    assert (
        f"records.jsonl: 3 bad rows left out: row {number + 1}: not a record of a report: kind: unknown value 'party'"
        in err
    )
    assert f"row {number + 2}: no JSON object; row {number + 3}: no JSON object" in err


def test_an_import_of_compressed_records(records: Path, tmp_path: Path, run: Run) -> None:
    pytest.importorskip("undeliverable.store")
    packed = tmp_path / "records.jsonl.gz"
    dated = records.read_text().replace('"received": null', f'"received": "{RECEIVED.isoformat()}"')
    records.write_text(dated)
    packed.write_bytes(gzip.compress(dated.encode()))
    assert (
        run("suppressions", "import", packed, tmp_path / "a.db")[2]
        == run("suppressions", "import", records, tmp_path / "b.db")[2]
    )
