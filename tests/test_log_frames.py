"""Frames of log lines: whatever a container engine or a collector puts around a line, the line says the same."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

import undeliverable
from tests.test_log_shapes import DOCUMENTS
from undeliverable import Report, parse_log_line
from undeliverable._knowledge.log_frames import FrameTable
from undeliverable.data import read
from undeliverable.errors import EntryError
from undeliverable.logs import LogReader, looks_like_log
from undeliverable.logs._frames import dated

DESCRIBED: Final[dict[str, Any]] = tomllib.loads(read("frames.toml"))
TEXTS: Final = [example for frame in DESCRIBED["text"] for example in frame["example"]]
OBJECTS: Final = [frame["example"] for frame in DESCRIBED["object"]]
SYSLOG: Final = ("Nov 21 21:16:19 node 3f1c2ab9d0e4[812]: ", "<30>1 2026-11-21T21:16:19Z node app 812 - - ")
LINES: Final = sorted(
    example["line"]
    for document in DOCUMENTS.values()
    for kind in ("line", "record")
    for table in document.get(kind, ())
    for example in table["example"]
    if "expect" in example
)
FIXTURES: Final = Path(__file__).parent.parent / "fixtures" / "logs"
REAL: Final = [
    line for name in ("postfix.log", "exim.log") for line in (FIXTURES / name).read_text(encoding="utf-8").splitlines()
]
POSTFIX: Final = (
    "81B7B25C9D4: to=<kim@example.org>, {0}relay=mx.example.org[192.0.2.9]:25, {1}delay=0.01, delays=0/0/0/0.01, {2}dsn=5.1.1, "
    "{3}status=bounced (host mx.example.org[192.0.2.9] said: 550 5.1.1 no such user (in reply to RCPT TO command))"
)


def told(report: Report | None) -> list[dict[str, object]]:
    """What a report says of its recipients; a frame may add a date and a host where the line has none."""
    assert report is not None
    undated = [replace(one, last_attempt_date=None).to_dict() for one in report.verdicts]
    return [{"kind": report.kind} | {key: one[key] for key in one if key != "key"} for one in undated]


def in_object(example: str, line: str) -> str:
    return example.replace("%s", json.dumps(line)[1:-1])


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[:50])
def test_every_known_line_says_the_same_in_every_frame(line: str) -> None:
    bare = told(parse_log_line(line))
    framed = [prefix + line for prefix in (*TEXTS, *SYSLOG)] + [in_object(example, line) for example in OBJECTS]
    for one in framed:
        assert told(parse_log_line(one)) == bare, one
        assert told(parse_log_line(one.encode() + b"\r\n")) == bare


@given(
    st.sampled_from([*LINES, *REAL]),
    st.lists(st.sampled_from([*TEXTS, *OBJECTS]), max_size=3),
)
def test_frames_within_frames(line: str, frames: list[str]) -> None:
    framed = line
    for frame in frames:
        framed = in_object(frame, framed) if "%s" in frame else frame + framed
    bare = parse_log_line(line)
    if bare is None:
        assert parse_log_line(framed) is None
    else:
        assert told(parse_log_line(framed)) == told(bare)


LOGGERS: Final = [json.loads(line) for line in (FIXTURES / "loggers.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("written", LOGGERS, ids=lambda written: written["logger"])
def test_what_loggers_wrote_when_they_ran(written: dict[str, Any]) -> None:
    reports = [report for line in written["lines"] if (report := parse_log_line(line)) is not None]
    assert [report.message.generator for report in reports] == ["postfix", "postfix", "sendmail"]
    verdicts = [report.verdicts[0] for report in reports]
    assert [verdict.recipient for verdict in verdicts] == ["kim@example.org", "käthe@example.org", "lee@example.org"]
    assert [verdict.reason for verdict in verdicts] == ["user_unknown", "mailbox_full", "user_unknown"]
    assert {report.message.reporting_mta for report in reports} == {
        None if written["logger"].endswith("-cat") else "mx"
    }
    has_year = not written["logger"].endswith(
        ("-cat", "-short", "-precise", "-monotonic", "-plain", "-traditional", "busybox")
    )
    has_year |= "-iso" in written["logger"]
    for report in reports:
        assert (report.message.date is not None) is has_year
        assert not has_year or str(report.message.date).startswith("2026-11-30 09:17:1")


def test_a_frame_gives_what_the_line_lacks() -> None:
    line = in_object(OBJECTS[2], POSTFIX.format("", "", "", ""))
    report = parse_log_line(line)
    assert report is not None
    assert report.message.reporting_mta == "mx"
    assert str(report.message.date) == "2026-11-21 21:16:19+00:00"
    inner = parse_log_line(
        in_object(OBJECTS[2], "2026-11-20T21:16:19Z other postfix/smtp[1]: " + POSTFIX.format("", "", "", ""))
    )
    assert inner is not None
    assert inner.message.reporting_mta == "other"
    assert str(inner.message.date) == "2026-11-20 21:16:19+00:00"


@pytest.mark.parametrize("example", OBJECTS)
def test_every_collector_gives_what_its_example_has(example: str) -> None:
    report = parse_log_line(in_object(example, POSTFIX.format("", "", "", "")))
    assert report is not None
    assert report.message.reporting_mta == ("mx" if '"mx"' in example else None)
    dated_ = any(key in example for key in ("1795295779", "2026-11-21"))
    assert (report.message.date is not None) is dated_


def test_lines_that_journald_writes_as_octets() -> None:
    line = POSTFIX.format("", "", "", "").replace("no such user", "unbekannt: Gr\xfc\xdfe")
    entry = {"MESSAGE": list(line.encode("latin-1")), "__REALTIME_TIMESTAMP": "1795295779000000", "_HOSTNAME": "mx"}
    (one,) = told(parse_log_line(json.dumps(entry)))
    assert one["reply"] == "550 5.1.1 unbekannt: Gr\xfc\xdfe"
    assert parse_log_line(json.dumps({"MESSAGE": [1, "x"], "log": [], "message": [300]})) is None


def test_what_a_program_quotes_is_no_frame() -> None:
    line = POSTFIX.format("", "", "", "")
    for before in ("Nov 21 21:16:18 mx postfix/smtp[1]: warning: ", "app | said: ", "[pod/a/b] x ", "2026 stderr F "):
        assert parse_log_line(before + line) is None
    deep = line
    for _ in range(6):
        deep = "app-1 | " + deep
    assert parse_log_line(deep) is None


def test_whole_logs_of_containers_look_like_logs() -> None:
    for example in (*TEXTS, *OBJECTS):
        lines = [in_object(example, line) if "%s" in example else example + line for line in REAL[:20]]
        assert looks_like_log("\n".join(lines).encode())
    assert looks_like_log(b"app | Nov 21 21:16:18 mx dovecot: imap-login: Login: user=<kim>\n")
    assert not looks_like_log(b"name | value\nkim | 1\n")
    assert not looks_like_log(b'{"log": "words", "message": {"a": 1}}\n')


RECORDS: Final = [line for line in LINES if "{" in line]


@given(st.sampled_from(RECORDS), st.data())
def test_the_order_of_keys_changes_nothing(line: str, data: st.DataObject) -> None:
    head, tail = line[: line.index("{")], line[line.index("{") :]

    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shuffled(value[key]) for key in data.draw(st.permutations(list(value)))}
        return value

    try:
        changed = head + json.dumps(shuffled(json.loads(tail)), separators=(",", ":"))
    except ValueError:  # braces that are no object
        return
    if "not delivered" in line or ": delivered" in line:  # maddy's own lines of a fixed order
        return
    assert told(parse_log_line(changed)) == told(parse_log_line(line))


# ----------------------------------------------------------------------------------------------------------------
# Unknown fields

_name = st.from_regex(r"[a-z][a-z_]{0,20}", fullmatch=True).filter(
    lambda name: name not in {"dsn", "status", "relay", "orig_to"}
)
_value = st.from_regex(r"[!-+\--<>-~]{0,40}", fullmatch=True)
_pairs = st.lists(st.builds("{}={}, ".format, _name, _value), max_size=3).map("".join)


@given(_pairs, _pairs, _pairs, _pairs)
def test_unknown_pairs_anywhere_change_nothing(a: str, b: str, c: str, d: str) -> None:
    line = POSTFIX.format(a, b, c, d)
    (one,), (bare,) = told(parse_log_line(line)), told(parse_log_line(POSTFIX.format("", "", "", "")))
    assert {key: value for key, value in one.items() if key != "evidence"} == {
        key: value for key, value in bare.items() if key != "evidence"
    }


SENDMAIL: Final = (
    "5ALLGI3x004811: to=<kim@example.org>, {0}delay=00:00:01, {1}xdelay=00:00:01, mailer=esmtp, {2}pri=120345, "
    "relay=mx.example.org. [192.0.2.9], {3}dsn=5.1.1, reply=550 5.1.1 <kim@example.org>... User unknown, stat=User unknown"
)


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize(
    "head", ["Nov 21 21:16:18 sm-mta[4811]: ", "Nov 21 21:16:18 sendmail[4811]: ", "sm-mta[4811]: ", ""]
)
def test_sendmail_with_unknown_pairs_and_without_a_host(place: int, head: str) -> None:
    fields = ["", "", "", ""]
    fields[place] = "tls_version=TLSv1.3, "
    (one,) = told(parse_log_line(head + SENDMAIL.format(*fields)))
    assert (one["recipient"], one["reply_code"], one["status"]) == ("kim@example.org", 550, "5.1.1")


# ----------------------------------------------------------------------------------------------------------------
# Rows

ROW: Final = "b,2026-11-21 21:16:19+0100,2026-11-21 21:16:18+0100,news@example.net,kim@example.org,,failed,5.1.1 (bad),smtp;550 5.1.1 no"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("kim@example.org", "kim", "rcpt is no address"),
        ("news@example.net", "198.51.100.1", "orig is no address"),
        ("2026-11-21 21:16:19+0100", "yesterday", "timeLogged is no date"),
        ("5.1.1 (bad)", "failed", "dsnStatus is no status"),
    ],
)
def test_rows_of_other_columns_are_not_read(old: str, new: str, why: str) -> None:
    reader = LogReader()
    assert reader.feed(ROW) is not None
    assert not reader.remarks
    assert reader.feed(ROW.replace(old, new)) is None
    assert reader.remarks == (f"1 line not read: powermta: without a header, {why}",)
    header = "type,timeLogged,timeQueued,orig,rcpt,orcpt,dsnAction,dsnStatus,dsnDiag"
    reader = LogReader()
    assert reader.feed(header) is None
    report = reader.feed(ROW.replace(old, new))
    assert report is not None
    assert report.remarks == (why,)
    assert report.verdicts[0].recipient == ("kim@example.org" if old != "kim@example.org" else None)


def test_a_header_of_exchange_names_the_columns() -> None:
    reader = LogReader()
    assert reader.feed("#Software: Microsoft Exchange Server") is None
    assert reader.feed("#Fields: date-time,source,event-id,recipient-address,recipient-status,sender-address") is None
    report = reader.feed("2026-11-21T21:16:19.123Z,SMTP,FAIL,kim@example.org,550 5.1.1 no such user,news@example.net")
    (one,) = told(report)
    assert (one["recipient"], one["reply_code"], one["reason"]) == ("kim@example.org", 550, "user_unknown")


# ----------------------------------------------------------------------------------------------------------------
# Descriptions


def test_the_described_frames_pass_the_checks() -> None:
    assert FrameTable.of(DESCRIBED, trusted=False) == FrameTable.of(DESCRIBED)
    table = FrameTable.of(DESCRIBED)
    assert {frame.name for frame in table.texts} | {frame.name for frame in table.objects} == {
        frame["name"] for kind in ("text", "object") for frame in DESCRIBED[kind]
    }
    assert all(frame.get("source") and frame.get("example") for kind in ("text", "object") for frame in DESCRIBED[kind])
    for frame, described in zip(table.texts, DESCRIBED["text"], strict=True):
        for example in described["example"]:
            match = frame.pattern.match(example + "x")
            assert match is not None
            assert match.end() == len(example)
    assert FrameTable.of({}).any_text.match("x") is None


@pytest.mark.parametrize(
    ("document", "key"),
    [
        ({"text": [{"name": "mine", "pattern": "(a+)+ "}]}, "pattern"),
        ({"text": [{"name": "mine", "pattern": "(?P<colour>a) "}]}, "pattern"),
        ({"text": [{"name": "mine", "pattern": "a ", "colour": 1}]}, "colour"),
        ({"object": [{"name": "mine", "line": 1}]}, "line"),
        ({"object": [{"name": "mine"}]}, "line"),
        ({"object": [{"name": "mine", "line": "a", "date": ["b", 1]}]}, "date"),
    ],
)
def test_a_wrong_frame_is_refused_with_its_place(document: dict[str, Any], key: str) -> None:
    with pytest.raises(EntryError) as caught:
        FrameTable.of(document, trusted=False)
    assert (caught.value.entry, caught.value.key) == ("mine", key)


@pytest.mark.parametrize(
    "text",
    ["1795295779", "1795295779.25", "1795295779123", "1795295779123456", "1795295779123456789", "2026-11-21T21:16:19Z"],
)
def test_dates_of_frames(text: str) -> None:
    assert str(dated(text)) == "2026-11-21 21:16:19+00:00"


def test_what_is_no_date() -> None:
    assert dated("") is None
    assert dated("soon") is None
    assert dated("9" * 22) is None
    assert undeliverable.parse_log_line(in_object(OBJECTS[5].replace("1795295779.25", '"soon"'), LINES[-1])) is not None
