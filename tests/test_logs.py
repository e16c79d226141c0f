"""Log lines: what loggers put before them, real lines against what was scripted, and lines joined by their queue id."""

from __future__ import annotations

import json
import time
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable import Knowledge, Report, iter_log, parse_log_line
from undeliverable.data import names, read
from undeliverable.logs import LogReader, looks_like_log
from undeliverable.logs._frames import moment, unframe
from undeliverable.model import Action
from undeliverable.reasons import Reason
from undeliverable.verdict import Kind

FIXTURES: Final = Path(__file__).parent.parent / "fixtures" / "logs"
EXPECTED: Final[list[dict[str, Any]]] = [
    json.loads(line) for line in (FIXTURES / "expected.jsonl").read_text(encoding="utf-8").splitlines()
]
LINES: Final = {
    name: (FIXTURES / name).read_text(encoding="utf-8").splitlines() for name in ("postfix.log", "exim.log")
}
BODY: Final = (
    "81B7B25C9D4: to=<kim@example.org>, relay=mx.example.org[192.0.2.9]:25, delay=0.01, delays=0/0/0/0.01, dsn=5.1.1, "
    "status=bounced (host mx.example.org[192.0.2.9] said: 550 5.1.1 no such user (in reply to RCPT TO command))"
)
BOUNCE: Final = f"Nov 21 21:16:19 mx postfix/smtp[15281]: {BODY}"


def only(report: Report | None) -> dict[str, Any]:
    assert report is not None
    (verdict,) = report.verdicts
    return verdict.to_dict()


# ----------------------------------------------------------------------------------------------------------------
# Real lines


def test_every_real_line_is_expected() -> None:
    lines = [(name, number) for name, found in LINES.items() for number, _ in enumerate(found, 1)]
    assert sorted((row["file"], row["line"]) for row in EXPECTED) == sorted(lines)


@pytest.mark.parametrize("row", EXPECTED, ids=lambda row: f"{row['file']}:{row['line']}")
def test_a_real_line_says_what_was_scripted(row: dict[str, Any]) -> None:
    line = LINES[row["file"]][row["line"] - 1]
    report = parse_log_line(line)
    assert report is not None
    assert report.kind == row["kind"]
    found = only(report)
    told = {key: value for key, value in row.items() if key not in {"file", "line", "kind"}}
    assert {key: found[key] for key in told} == told
    assert parse_log_line(line.encode("utf-8") + b"\n") == report


@pytest.mark.parametrize(
    "line",
    [
        "",
        "\n",
        "Nov 21 21:16:18 mx postfix/smtpd[15279]: connect from localhost[127.0.0.1]",
        "Nov 21 21:16:18 mx postfix/smtpd[15279]: NOQUEUE: reject: RCPT from a[192.0.2.1]: 550 5.1.1 <kim@example.org>: Recipient address rejected; from=<a@b.example> to=<kim@example.org> proto=ESMTP helo=<x>",
        "Nov 21 21:16:18 mx postfix/smtp[15281]: warning: a log line that quotes: to=<kim@example.org>, status=bounced (x)",
        f"Nov 21 21:16:18 mx postfix/smtp[15281]: warning: {BODY}",
        "2026-11-21 21:16:15 1xUsRT-0003wA-00 H=mx.example.org [192.0.2.9]: Connection refused",
        "2026-11-21 21:16:15 H=(x) [192.0.2.1] F=<a@b.example> rejected RCPT <kim@example.org>: Unrouteable address",
        "2026-11-21 21:16:15 a ** b == c => d",
        "Nov 21 21:16:18 mx dovecot: lda(kim): msgid=<1@example.net>: saved mail to INBOX",
        '{"type": "Bounce"}',
        '{"type": ["Bounce"], "recipient": {}, "queue": "", "response": []}',
        '{"MESSAGE": ["a", "list"], "__REALTIME_TIMESTAMP": "1"}',
        "{not json",
        "[" * 100_000,
        '{"a":' * 100_000,
        "b,c",
        "b",
        "b,1,2,,,,,",
        'd,"never closed',
        "d,a\rb",
        "delivery, status: fine",
    ],
    ids=lambda line: line[:40],
)
def test_lines_about_no_delivery_are_none(line: str) -> None:
    assert parse_log_line(line) is None


# ----------------------------------------------------------------------------------------------------------------
# Frames

FRAMES: Final = [
    (f"Nov 21 21:16:19 mx postfix/smtp[15281]: {BODY}", "mx", None),
    (f"<22>Nov  1 21:16:19 mx.example.net postfix/smtp[15281]: {BODY}", "mx.example.net", None),
    (f"Nov 21 21:16:19 <mail.info> mx postfix/smtp[15281]: {BODY}", "mx", None),
    (f"Nov 21 21:16:19.123456 mx postfix/smtp[15281]: {BODY}", "mx", None),
    (f"2026-11-21T21:16:19.123456+01:00 mx postfix/smtp[15281]: {BODY}", "mx", "2026-11-21T21:16:19+01:00"),
    (f"2026-11-21T21:16:19Z 2001:db8::1 postfix/smtp: {BODY}", "2001:db8::1", "2026-11-21T21:16:19+00:00"),
    (f"Sat 2026-11-21 21:16:19 UTC mx postfix/smtp[15281]: {BODY}", "mx", "2026-11-21T21:16:19+00:00"),
    (f"[  123.456789] mx postfix/smtp[15281]: {BODY}", "mx", None),
    (f"<22>1 2026-11-21T21:16:19.003Z mx postfix/smtp 15281 - - {BODY}", "mx", "2026-11-21T21:16:19+00:00"),
    (f"<22>1 2026-11-21T21:16:19Z - postfix/smtp - ID7 [x@1 a=\"b\\]\" c=\"d\"][y] \ufeff{BODY}", None, "2026-11-21T21:16:19+00:00"),
    (f"<22>1 - mx postfix/smtp 15281 - - {BODY}", "mx", None),
    (f"postfix/smtp[15281]: {BODY}", None, None),
    (BODY, None, None),
    (json.dumps({"MESSAGE": BODY, "_HOSTNAME": "mx", "__REALTIME_TIMESTAMP": "1795295779123456"}), "mx", "2026-11-21T21:16:19+00:00"),
    (json.dumps({"MESSAGE": BODY, "__REALTIME_TIMESTAMP": "soon"}), None, None),
]  # fmt: skip


@pytest.mark.parametrize(("line", "host", "date"), FRAMES, ids=lambda value: str(value)[:30])
def test_what_stands_before_a_line(line: str, host: str | None, date: str | None) -> None:
    report = parse_log_line(line)
    assert report is not None
    assert only(report)["reply"] == "550 5.1.1 no such user"
    message = report.to_dict()["message"]
    assert isinstance(message, dict)
    assert (message["reporting_mta"], message["date"]) == (host, date)
    assert only(report)["last_attempt_date"] == date


@pytest.mark.parametrize("line", ["<22>no header", "@4000000 short", "<22>1 x y z"])
def test_what_only_looks_like_a_frame_stays(line: str) -> None:
    assert unframe(line).body == line


def test_moments_beyond_the_calendar() -> None:
    assert moment(-1) is None
    assert moment(1e12) is None
    assert unframe("@ffffffffffffffff00000000 x").date is None


# ----------------------------------------------------------------------------------------------------------------
# Lines of one message

POSTFIX: Final = [
    "Nov 21 21:16:18 mx postfix/smtpd[1]: 81B7B25C9D4: client=localhost[127.0.0.1]",
    "Nov 21 21:16:18 mx postfix/cleanup[2]: 81B7B25C9D4: message-id=<1@example.net>",
    "Nov 21 21:16:18 mx postfix/qmgr[3]: 81B7B25C9D4: from=<news@example.net>, size=1776, nrcpt=2 (queue active)",
    BOUNCE,
    "Nov 21 21:16:20 mx postfix/smtp[4]: 81B7B25C9D4: to=<lee@example.org>, relay=mx.example.org[192.0.2.9]:25, delay=1, delays=1/0/0/0, dsn=4.2.2, status=deferred (host mx.example.org[192.0.2.9] said: 452 4.2.2 mailbox full (in reply to RCPT TO command))",
    "Nov 26 21:16:20 mx postfix/qmgr[3]: 81B7B25C9D4: from=<news@example.net>, status=expired, returned to sender",
    "Nov 26 21:16:20 mx postfix/qmgr[3]: 81B7B25C9D4: removed",
    "Nov 26 21:17:20 mx postfix/smtp[4]: 81B7B25C9D4: to=<max@example.org>, relay=none, delay=1, dsn=4.4.3, status=deferred (Host or domain name not found)",
]  # fmt: skip


def test_sender_and_message_id_come_along() -> None:
    bounce, delay, expiry, other = iter_log(POSTFIX)
    for report in (bounce, delay, expiry):
        assert report.message.returned is not None
        assert (report.message.returned.from_, report.message.returned.message_id) == (
            "news@example.net",
            "1@example.net",
        )
    assert other.message.returned is None
    alone = parse_log_line(BOUNCE)
    assert alone is not None
    assert alone.message.returned is None


def test_who_still_waited_when_the_queue_gave_up() -> None:
    expiry = list(iter_log(POSTFIX))[2]
    found = only(expiry)
    assert expiry.kind is Kind.BOUNCE
    assert (found["recipient"], found["action"], found["expired"]) == ("lee@example.org", "failed", True)
    assert (found["reply_code"], found["reason"], found["advice"]) == (452, "mailbox_full", "retry")
    assert expiry.remarks == ("the answer is from an earlier line of the same message",)
    assert "status=expired" in expiry.verdicts[0].evidence[0].text


def test_a_failure_is_the_same_whatever_door_it_came_through() -> None:
    from undeliverable import parse

    report = next(iter_log(POSTFIX))
    mail = parse(
        b'From: MAILER-DAEMON@mx\nSubject: x\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        b"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; kim@example.org\n"
        b"Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no such user\n\n"
        b"--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <1@example.net>\nFrom: news@example.net\n\n--b--\n"
    )
    assert report.verdicts[0].key == mail.verdicts[0].key


EXIM: Final = [
    "2026-11-21 21:16:15 1xUsRT-0003wA-00 <= news@example.net H=localhost [127.0.0.1] P=esmtp S=1780 id=1@example.net from <news@example.net> for kim@example.org",
    "2026-11-21 21:16:15 1xUsRT-0003wA-00 == kim@example.org R=dnslookup T=remote_smtp defer (-44) H=mx.example.org [192.0.2.9]: SMTP error from remote mail server after RCPT TO:<kim@example.org>: 452 4.2.2 mailbox full",
    "2026-11-21 21:26:15 1xUsRT-0003wA-00 == kim@example.org R=dnslookup T=remote_smtp defer (-53): retry time not reached for any host",
    "2026-11-25 21:16:15 1xUsRT-0003wA-00 ** kim@example.org: retry timeout exceeded",
    "2026-11-25 21:16:15 1xUsRT-0003wA-00 Completed",
]  # fmt: skip


def test_an_expiry_without_words_has_the_last_answer() -> None:
    *_, last = iter_log(EXIM)
    found = only(last)
    assert (found["reply_code"], found["status"], found["reason"], found["expired"]) == (
        452,
        "4.2.2",
        "mailbox_full",
        True,
    )
    assert found["command"] == "rcpt"
    assert last.message.arrival_date is not None
    assert last.message.arrival_date.isoformat() == "2026-11-21T21:16:15+00:00"
    assert only(parse_log_line(EXIM[3]))["reason"] == "expired"


def test_an_expiry_nobody_waited_for() -> None:
    (report,) = iter_log([POSTFIX[5]])
    assert only(report)["recipient"] is None
    (remembered,) = iter_log([POSTFIX[1], POSTFIX[5]])
    assert only(remembered)["recipient"] is None
    assert only(remembered)["reason"] == "expired"
    (named,) = iter_log([EXIM[3]])
    assert only(named)["recipient"] == "kim@example.org"
    assert named.remarks == ()


MADDY: Final = [
    'queue: delivery attempt failed\t{"msg_id":"3b24958c","rcpt":"kim@example.org","smtp_code":452,"smtp_enchcode":"4.2.2","smtp_msg":"mailbox full"}',
    'queue: delivery attempt failed\t{"msg_id":"3b24958c","rcpt":"lee@example.org","smtp_code":550,"smtp_enchcode":"5.1.1","smtp_msg":"no such user"}',
    'queue: not delivered, permanent error\t{"msg_id":"3b24958c","rcpt":"lee@example.org"}',
    'queue: not delivered, permanent error\t{"msg_id":"3b24958c","rcpt":"kim@example.org"}',
]  # fmt: skip


COURIER: Final = "Nov 21 21:16:19 mx courieresmtp: id=0038C081.4D026173.000051A4,from=<news@example.net>,addr=<{}>{}"


def test_a_reply_stands_in_the_lines_before_its_outcome() -> None:
    said = [
        COURIER.format("kim@example.org", ": 550-5.1.1 The address"),
        COURIER.format("lee@example.org", ": 452 4.2.2 mailbox full"),
        COURIER.format("kim@example.org", ": 550 5.1.1 does not exist"),
        COURIER.format("kim@example.org", ",status: failure"),
        COURIER.format("lee@example.org", ",status: deferred"),
        COURIER.format("lee@example.org", ",status: failure"),
    ]
    kim, lee, again = iter_log(said)
    assert (kim.kind, kim.verdicts[0].reply, kim.verdicts[0].reason) == (
        Kind.BOUNCE,
        "550-5.1.1 The address 550 5.1.1 does not exist",
        Reason.USER_UNKNOWN,
    )
    assert (lee.kind, lee.verdicts[0].reason) == (Kind.DELAY, Reason.MAILBOX_FULL)
    assert (again.kind, again.verdicts[0].reply, again.verdicts[0].reason) == (Kind.BOUNCE, None, Reason.UNDEFINED)
    many = [COURIER.format(f"kim{number}@example.org", ": 550 5.1.1 no") for number in range(1_010)]
    last = [COURIER.format(f"kim{number}@example.org", ",status: failure") for number in (0, 1_005)]
    assert [report.verdicts[0].reply_code for report in iter_log([*many, *last])] == [550, None]


def test_a_last_line_counts_only_for_who_waited() -> None:
    delay, bounce, expiry = iter_log(MADDY)
    assert [report.kind for report in (delay, bounce, expiry)] == [Kind.DELAY, Kind.BOUNCE, Kind.BOUNCE]
    found = only(expiry)
    assert (found["recipient"], found["expired"], found["reason"]) == ("kim@example.org", True, "mailbox_full")
    assert [parse_log_line(line) for line in MADDY[2:]] == [None, None]


QMAIL: Final = [
    "@400000006560f1a53b9aca00 new msg 4711",
    "@400000006560f1a53b9aca00 info msg 4711: bytes 1776 from <news@example.net> qp 4712 uid 89",
    "@400000006560f1a53b9aca00 starting delivery 12: msg 4711 to remote kim@example.org",
    "@400000006560f1a73b9aca00 delivery 12: failure: 192.0.2.9_does_not_like_recipient./Remote_host_said:_550_5.1.1_no_such_user/Giving_up_on_192.0.2.9./",
    "@400000006560f1a73b9aca00 end msg 4711",
]  # fmt: skip


def test_a_delivery_known_by_its_number() -> None:
    (report,) = iter_log(QMAIL)
    assert only(report)["recipient"] == "kim@example.org"
    assert report.message.queue_id == "4711"
    assert report.message.returned is not None
    assert report.message.returned.from_ == "news@example.net"
    (late,) = iter_log(QMAIL[3:])
    assert only(late)["recipient"] is None


def test_a_start_without_a_number_of_the_window_is_forgotten() -> None:
    reader = LogReader(window=1)
    assert [reader.feed(line) for line in QMAIL[1:3]] == [
        None,
        None,
    ]  # the delivery's own trail pushes the message's out
    report = reader.feed(QMAIL[3])
    assert report is not None
    assert only(report)["recipient"] == "kim@example.org"
    assert report.message.returned is None


def test_the_window_is_bounded() -> None:
    reader = LogReader(window=3)
    for number in range(100):
        assert (
            reader.feed(
                f"Nov 21 21:16:18 mx postfix/cleanup[2]: 81B7B25{number:04X}: message-id=<{number}@example.net>"
            )
            is None
        )
    assert len(reader._reader._trails) == 3


def test_a_start_without_a_message_is_known_by_its_number() -> None:
    lines = [QMAIL[2], QMAIL[2].replace("delivery 12", "delivery 13"), QMAIL[3].replace("delivery 12", "delivery 13")]
    assert len(list(iter_log(lines))) == 1
    assert parse_log_line(QMAIL[2]) is None


def test_several_who_waited() -> None:
    second = POSTFIX[4].replace("lee@", "max@")
    *_, report = iter_log([POSTFIX[4], second, POSTFIX[5]])
    assert [one.recipient for one in report.verdicts] == ["lee@example.org", "max@example.org"]
    assert len(report.remarks) == 1


def test_two_hosts_may_use_the_same_queue_id() -> None:
    lines = [POSTFIX[1], BOUNCE.replace(" mx postfix", " other postfix")]
    (report,) = iter_log(lines)
    assert report.message.returned is None


HEADER: Final = "type,timeLogged,orig,rcpt,dsnStatus,dsnDiag,bounceCat"
ROW: Final = (
    'b,2026-11-21 21:16:19+0100,news@example.net,kim@example.org,5.1.1,"smtp;550 5.1.1 no, such user",bad-mailbox'
)


def test_foreign_text_in_a_row_is_no_other_servers_line() -> None:
    found = only(
        parse_log_line(
            "b,1795295779,,news@example.net,kim@example.org,,failed,5.x (bad),smtp;550 a => b ** c == d,mx.example.org"
        )
    )
    assert (found["reply"], found["reported_status"]) == ("550 a => b ** c == d", None)


def test_a_header_names_the_columns() -> None:
    (report,) = iter_log([HEADER, ROW])
    assert only(report)["recipient"] == "kim@example.org"
    assert only(report)["reply"] == "550 5.1.1 no, such user"
    assert report.event is not None
    assert (report.event.service, report.event.type, report.event.class_) == ("powermta", "b", "bad-mailbox")
    assert parse_log_line(HEADER) is None
    assert list(iter_log(["type,colour", "b,1,2,3,,5"])) == []


def test_classes_of_a_record_are_for_policies() -> None:
    knowledge = Knowledge.builtin().with_rules(
        [{"id": "mine", "when": {"service": "powermta", "class": "bad-mailbox"}, "then": {"label": "dead"}}]
    )
    (report,) = iter_log([HEADER, ROW], knowledge=knowledge)
    assert report.verdicts[0].label == "dead"


def test_what_a_record_may_hold() -> None:
    record: dict[str, Any] = {
        "type": "Bounce", "id": 7, "sender": "", "recipient": [["nested"]], "queue": "q", "event_time": 1e300,
        "response": {"code": True, "enhanced_code": {"class": 5}, "content": "550 5.1.1 no such user", "command": None},
    }  # fmt: skip
    found = only(parse_log_line(json.dumps(record)))
    assert (found["recipient"], found["reply_code"], found["last_attempt_date"]) == (None, 550, None)
    record["response"] = {
        "code": 550,
        "content": "5.1.1 no such user",
        "enhanced_code": {"class": 5, "subject": 1, "detail": 1},
    }
    record["recipient"] = "kim@example.org"
    assert only(parse_log_line(json.dumps(record)))["reply"] == "550 5.1.1 no such user"


def test_a_very_long_line_is_cut_and_says_so() -> None:
    report = parse_log_line(BOUNCE[:-1] + "x" * 100_000 + ")")
    assert report is not None
    assert report.remarks == ("a very long line was cut",)
    assert report.verdicts[0].reason is Reason.USER_UNKNOWN


@pytest.mark.parametrize("text", ["a@", "<a@b> ", " H=a [", ' C="', ": ", "=> ", ", reply=", ", stat=", "/Re", "550-"])
@pytest.mark.parametrize(
    "head", ["1xUsRT-0003wA-00 => a@b ", "1xUsRT-0003wA-00 ** a@b ", "5A1B2C: to=", "delivery 1: failure: ", ""]
)
def test_time_is_linear_in_a_line(head: str, text: str) -> None:
    line = head + text * (60_000 // len(text)) + " => , stat= status= ** == delivery "
    parse_log_line(line)
    began = time.process_time()
    parse_log_line(line)
    assert time.process_time() - began < 30  # a backtracking pattern would need minutes


def test_many_who_wait_are_bounded() -> None:
    line = POSTFIX[4]
    reader = LogReader()
    for number in range(1_200):
        assert reader.feed(line.replace("lee@", f"lee{number}@")) is not None
    report = reader.feed(POSTFIX[5])
    assert report is not None
    assert len(report.verdicts) == 1_000


def test_bytes_of_any_encoding() -> None:
    report = parse_log_line(BOUNCE.replace("no such user", "unbekannt: Grüße").encode("latin-1"))
    assert only(report)["reply"] == "550 5.1.1 unbekannt: Grüße"
    (first,) = iter_log([BOUNCE.encode() + b"\r\n"])
    assert first.verdicts[0].action is Action.FAILED


# ----------------------------------------------------------------------------------------------------------------
# Any line

_real = st.sampled_from([*LINES["postfix.log"], *LINES["exim.log"], *POSTFIX, *EXIM, *QMAIL, HEADER, ROW])


@st.composite
def _damaged(draw: st.DrawFn) -> str:
    line = draw(_real)
    at, end = sorted((draw(st.integers(0, len(line))), draw(st.integers(0, len(line)))))
    return line[:at] + draw(st.text(max_size=10)) + line[end:]


@given(st.lists(st.one_of(st.text(), st.binary(), _real, _damaged()), max_size=20))
def test_no_line_raises_and_the_same_lines_say_the_same(lines: list[str | bytes]) -> None:
    first = [report.to_dict() for report in iter_log(lines)]
    assert first == [report.to_dict() for report in iter_log(lines)]
    assert all(json.dumps(one, ensure_ascii=True) for one in first)
    assert len(first) <= len(lines)


# --- what is a log -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", names("logs"))
def test_every_described_log_looks_like_one(name: str) -> None:
    document = tomllib.loads(read(f"logs/{name}"))
    tables = [*document.get("line", ()), *document.get("record", ())]
    lines = [example["line"].encode() for table in tables for example in table["example"]]
    assert looks_like_log(b"\n".join(lines) + b"\n")
    assert any(looks_like_log(line) for line in lines)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (f"{BOUNCE}\n{BOUNCE[:40]}", True),
        (f"\n{BOUNCE}\nwords\n\n", True),
        (f"\n{BOUNCE}\nwords\n\nmore words\n", False),
        ("Nov 21 21:16:18 mx dovecot: imap-login: Login: user=<kim>\n", True),
        ("550 5.1.1 <kim@example.org>: User unknown\n" * 3, False),
        ("kim@example.org,hard\nlee@example.org,soft\n", False),
        ('{"a": 1}\n{"b": 2}\n', False),
        ("", False),
    ],
)
def test_what_looks_like_a_log(head: str, expected: bool) -> None:
    assert looks_like_log(head.encode()) is expected


def test_no_message_looks_like_a_log() -> None:
    mails = [path for path in FIXTURES.parent.rglob("*.eml") if looks_like_log(path.read_bytes()[:4096])]
    assert mails == []
