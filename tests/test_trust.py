"""What a hostile sender can do with a crafted bounce, and what not: one test for each line of docs/explanation/security.md."""

from __future__ import annotations

import csv
import email
import io
import json
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.clocks import LINEAR, growth
from undeliverable import BounceType, Kind, Report, classify, parse
from undeliverable._mime.repairs import TEXT_LIMIT, Repair
from undeliverable._reading.flufl import HEAD_LIMIT
from undeliverable.cli import main
from undeliverable.mail import REMARKS_LIMIT
from undeliverable.model import BLOCK_LIMIT

FIELDS = {
    "Final-Recipient": "rfc822; kim@example.org",
    "Action": "failed",
    "Status": "5.1.1",
    "Diagnostic-Code": "smtp; 550 5.1.1 No such user",
}


def bounce(text: str = "", groups: str | None = None, returned: str = "", **fields: str) -> bytes:
    named = FIELDS | {name.replace("_", "-"): value for name, value in fields.items()}
    lines = "".join(f"{name}: {value}\n" for name, value in named.items())
    return (
        "From: MAILER-DAEMON@mx.example.net\nSubject: failure\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        f"--b\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
        f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n{lines if groups is None else groups}\n"
        f"--b\nContent-Type: message/rfc822\n\n{returned}From: news@example.com\nMessage-ID: <n1@example.com>\n\nx\n--b--\n"
    ).encode()


def sound(report: Report) -> Report:
    assert [remark for remark in report.remarks if " failed: " in remark] == []
    return report


def names(report: Report) -> list[str | None]:
    return [verdict.recipient for verdict in sound(report).verdicts]


# --- who is named ------------------------------------------------------------------------------------------------------


def test_anybody_can_name_anybody_and_the_verdict_says_which_mail_it_is_about() -> None:
    report = sound(parse(bounce(Final_Recipient="rfc822; victim@example.org")))
    assert names(report) == ["victim@example.org"]
    assert report.message.returned is not None
    assert report.message.returned.message_id == "<n1@example.com>"  # to be compared with what was sent


def test_the_key_is_bound_to_the_returned_message() -> None:
    one, other = (parse(bounce(returned=f"Message-ID: <{name}@example.com>\n")).verdicts[0].key for name in ("a", "b"))
    assert one != other


def test_thousands_of_recipients_are_read_in_linear_time() -> None:
    group = "Final-Recipient: rfc822; kim{}@example.org\nAction: failed\nStatus: 5.1.1\n\n"

    def read(recipients: int) -> None:
        report = parse(bounce(groups="".join(group.format(number) for number in range(recipients))))
        assert len(names(report)) == recipients

    assert growth(read, 5_000) < LINEAR


def test_a_nameless_group_does_not_multiply_with_the_others() -> None:
    group = (
        "Action: failed\nStatus: 5.1.1\n\nFinal-Recipient: rfc822; kim{}@example.org\nAction: failed\nStatus: 5.1.1\n\n"
    )

    def read(groups: int) -> None:
        sound(parse(bounce(groups="".join(group.format(number) for number in range(groups)))))

    assert growth(read, 3_000) < LINEAR


def test_a_reply_text_with_fields_names_nobody_else() -> None:
    said = "smtp; 550-5.1.1 No such user\n 550-Final-Recipient: rfc822; victim@example.org\n 550-Action: delivered\n 550 5.1.1 bye"
    report = parse(bounce(Diagnostic_Code=said))
    assert names(report) == ["kim@example.org"]
    assert report.kind is Kind.BOUNCE


def test_words_with_fields_name_nobody_else_where_the_fields_are_there() -> None:
    text = "<kim@example.org>: host mx.example.org[192.0.2.1] said: 550 5.1.1 no\n\nFinal-Recipient: rfc822; victim@example.org\nAction: failed\nStatus: 5.1.1\n"
    assert names(parse(bounce(text))) == ["kim@example.org"]


def test_a_bounce_that_a_person_forwards_names_nobody() -> None:
    outer = EmailMessage()
    outer["From"], outer["Subject"] = "Lee <lee@example.com>", "Fwd: failure"
    outer.set_content("Look at this.")
    outer.add_attachment(email.message_from_bytes(bounce()))
    assert names(parse(outer)) == []


def test_the_returned_message_names_nobody() -> None:
    returned = "X-Failed-Recipients: victim@example.org\nFinal-Recipient: rfc822; victim@example.org\nStatus: 5.1.1\n"
    assert names(parse(bounce(returned=returned))) == ["kim@example.org"]


def test_a_name_in_the_local_part_decides_nothing() -> None:
    verdict = classify("550 5.1.1 <blocklist.spam.quota@example.org>: no such user")
    assert str(verdict.reason) == "user_unknown"


# --- what stands in addresses and replies ------------------------------------------------------------------------------

EVIL = (
    "\x1b[31m\x1b]0;owned\x07",
    "\x9b31m",
    "a\rb\nc",
    "\u202emoc.elpmaxe",
    "\x00",
    "\u2028",
    "\x7f\x08\x08",
    "\ud800".encode("utf-8", "replace").decode(),
)
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "=cmd|' /C calc'!A0", "＝1+1")


def run(raw: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    path = tmp_path / "mail.eml"
    path.write_bytes(raw)
    assert main([*words, str(path)]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("evil", EVIL, ids=ascii)
@pytest.mark.parametrize(
    "words",
    [("classify",), ("classify", "--format", "csv"), ("classify", "--format", "jsonl"), ("explain",)],
    ids=" ".join,
)
def test_output_holds_no_controls(
    evil: str, words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = bounce(
        Final_Recipient=f"rfc822; kim{evil}@example.org",
        Diagnostic_Code=f"smtp; 550 5.1.1 {evil} no",
        Remote_MTA=f"dns; mx{evil}",
    )
    out = run(raw, tmp_path, capsys, *words)
    assert out
    assert [line for line in out.split("\n") if not line.isprintable()] == []


def test_a_line_end_forges_no_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = bounce(Diagnostic_Code='smtp; 550 5.1.1 no"\n\tx,bounce,victim@example.org,,failed,hard')
    rows = list(csv.DictReader(io.StringIO(run(raw, tmp_path, capsys, "classify", "--format", "csv"))))
    assert [row["recipient"] for row in rows] == ["kim@example.org"]
    lines = run(raw, tmp_path, capsys, "classify", "--format", "jsonl").splitlines()
    assert len(lines) == 1
    assert json.loads(lines[0])["verdicts"][0]["recipient"] == "kim@example.org"


@pytest.mark.parametrize("formula", FORMULAS, ids=ascii)
def test_no_cell_is_a_formula(formula: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = bounce(Final_Recipient=f"rfc822; {formula}@example.org", Diagnostic_Code=f"x-local; {formula}")
    for row in csv.reader(io.StringIO(run(raw, tmp_path, capsys, "classify", "--format", "csv"))):
        assert [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝"))] == []


@pytest.mark.parametrize(
    "evil",
    [
        "kim@example.org\nBcc: victim@example.org",
        "kim@example.org\r\n Bcc: victim@example.org",
        "kim@example.org%0aBcc:x",
    ],
)
def test_an_address_cannot_carry_a_header_line(evil: str) -> None:
    for verdict in sound(parse(bounce(Final_Recipient=f"rfc822; {evil}"))).verdicts:
        assert verdict.recipient is None or not set("\r\n") & set(verdict.recipient)


def test_returned_fields_hold_no_line_ends() -> None:
    returned = "Subject: =?utf-8?q?a=0D=0ABcc:_victim@example.org?=\nTo: =?utf-8?q?kim=0A?= <kim@example.org>\n"
    facts = sound(parse(bounce(returned=returned))).message.returned
    assert facts is not None
    for value in (facts.to, facts.from_, facts.message_id):
        assert value is None or not set("\r\n") & set(value)
    assert facts.subject is None or "\n" not in facts.subject


def test_scripts_are_not_read_and_nothing_is_executed() -> None:
    raw = (
        b"From: MAILER-DAEMON@mx.example.net\nContent-Type: text/html\n\n<html><script>&lt;victim@example.org&gt;: host x said: 550 5.1.1 no</script>"
        b"<style>victim@example.org</style><!-- victim@example.org --><p>&lt;kim@example.org&gt;: host mx.example.org[192.0.2.1] said: 550 5.1.1 no "
        b"(in reply to RCPT TO command)</p></html>"
    )
    assert "victim@example.org" not in names(parse(raw))


def test_a_homoglyph_is_another_domain() -> None:
    latin, cyrillic = (
        parse(bounce(Final_Recipient=f"utf-8; kim@{domain}")).verdicts[0]
        for domain in ("example.org", "ex\u0430mple.org")
    )
    assert latin.recipient != cyrillic.recipient
    assert latin.key != cyrillic.key
    assert classify("550 5.1.1 x", host="mx.g\u043e\u043egle.com").provider is None


# --- how much ----------------------------------------------------------------------------------------------------------


def test_a_field_without_end_is_cut() -> None:
    report = sound(parse(bounce(Diagnostic_Code="smtp; 550 5.1.1 " + "no " * 200_000)))
    assert "a field of more than 65536 characters was cut" in report.remarks
    assert report.verdicts[0].bounce_type is BounceType.HARD
    assert len(report.verdicts[0].reply or "") <= 65_536


def test_a_text_without_end_is_cut() -> None:
    report = sound(parse(bounce("No such user.\n" * (TEXT_LIMIT // 14 + 10))))
    assert Repair.TOO_LONG in report.remarks
    assert names(report) == ["kim@example.org"]


def test_the_returned_header_is_cut() -> None:
    returned = sound(parse(bounce(returned="X-Filler: no\n" * 20_000))).message.returned
    assert returned is not None
    assert len(returned.block) == BLOCK_LIMIT


def test_remarks_have_an_end() -> None:
    group = "Final-Recipient: rfc822; kim{0}@example.org\nAction: lost {0}\nStatus: x{0}\n\n"
    report = sound(parse(bounce(groups="".join(group.format(number) for number in range(1_000)))))
    assert len(report.remarks) == REMARKS_LIMIT + 1
    assert report.remarks[-1].endswith(" more remarks")


def test_foreign_heuristics_see_little() -> None:
    from undeliverable._reading.flufl import plain_head

    assert len(plain_head(b"From: a@example.org\n\n" + b"x\n" * 1_000_000)) <= HEAD_LIMIT + 100
