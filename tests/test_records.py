"""The public record: what its second version adds, and how earlier records are still read."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from undeliverable import Knowledge, Report, Returned, classify, parse
from undeliverable._dsn.feedback import read as read_feedback
from undeliverable._knowledge.vendor_codes import VendorCodes
from undeliverable.cli import main
from undeliverable.data import read
from undeliverable.suppression import events_of
from undeliverable.tags import tags_of
from undeliverable.verdict import PolicyRef

NEW: Final = (
    "sent_to",
    "proof",
    "confidence",
    "provider_from",
    "policies",
    "message_advice",
    "retry_after",
    "applies_to",
    "token",
)


def report_on(fields: str, *, header: str = "", before: str = "") -> Report:
    """Return the report with these fields of a recipient, and this header of the returned message."""
    return parse(
        (
            "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.net\nSubject: Undelivered Mail\nMIME-Version: 1.0\n"
            f'{before}Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
            f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n{fields}\n\n"
            f"--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <1@example.com>\n{header}\n\n--b--\n"
        ).encode()
    )


FAILED: Final = "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no such user"


def test_every_verdict_has_the_new_keys() -> None:
    for record in (
        classify("250 ok").to_dict(),
        classify("550 5.1.1 no such user", recipient="kim@example.org").to_dict(),
    ):
        assert [key for key in NEW if key not in record] == []
    assert record["sent_to"] == "kim@example.org"
    assert [record[key] for key in NEW[1:]] == ["own", "high", None, {}, "give_up", None, "recipient", None]


def test_policies_are_a_mapping() -> None:
    verdict = replace(classify("550 no"), set_by=(("advice", PolicyRef("own", "code")),))
    assert verdict.policies == {"advice": PolicyRef("own", "code")}
    assert verdict.to_dict()["policies"] == {"advice": {"id": "own", "layer": "code"}}
    assert hash(verdict) == hash(pickle.loads(pickle.dumps(verdict)))


# --- the address that was mailed ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "sent_to", "advice"),
    [
        ("Final-Recipient: rfc822; kim@example.org", "kim@example.org", "suppress"),
        ("Original-Recipient: rfc822; team@example.org\nFinal-Recipient: rfc822; kim@example.org", "team@example.org", "retry"),
        ("Original-Recipient: rfc822; Kim@Example.ORG\nFinal-Recipient: rfc822; kim@example.org", "kim@example.org", "suppress"),
        ("Original-Recipient: rfc822; \"kim\"@example.org\nFinal-Recipient: rfc822; kim@example.org", "kim@example.org", "suppress"),
        ("Original-Recipient: rfc822; kim+2Bx@example.org\nFinal-Recipient: rfc822; kim+x@example.org", "kim+x@example.org", "suppress"),
        ("Original-Recipient: rfc822; kim@example.org\nFinal-Recipient: rfc822; false", "kim@example.org", "suppress"),
    ],
)  # fmt: skip
def test_advice_speaks_of_what_was_mailed(names: str, sent_to: str, advice: str) -> None:
    (verdict,) = report_on(f"{names}\n{FAILED}").verdicts
    assert (verdict.sent_to, str(verdict.advice), str(verdict.bounce_type)) == (sent_to, advice, "hard")


def test_where_the_final_recipient_is_the_alias_the_member_says_nothing_final_of_it() -> None:
    """Sendmail and Exim name the alias in the fields, and the member in the session or the text."""
    report = parse(
        b"From: Mail Delivery Subsystem <MAILER-DAEMON@mx.example.net>\nSubject: Returned mail: see transcript for details\n"
        b'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n--b\n\n'
        b"   ----- The following addresses had permanent fatal errors -----\n<kim@member.example>\n"
        b"    (reason: 550 5.1.1 no such user)\n    (expanded from: <team@example.org>)\n\n"
        b"   ----- Transcript of session follows -----\n... while talking to mx.member.example.:\n"
        b">>> RCPT To:<kim@member.example>\n<<< 550 5.1.1 no such user\n550 5.1.1 <kim@member.example>... User unknown\n\n"
        b"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n"
        b"Final-Recipient: RFC822; team@example.org\nX-Actual-Recipient: RFC822; kim@member.example\n"
        b"Action: failed\nStatus: 5.1.1\nDiagnostic-Code: SMTP; 550 5.1.1 no such user\n\n--b--\n"
    )
    (verdict,) = report.verdicts
    assert (verdict.recipient, verdict.sent_to) == ("team@example.org", "team@example.org")
    assert (verdict.original_recipient, str(verdict.advice)) == ("kim@member.example", "retry")
    assert "passed on  kim@member.example" in verdict.explain(verbose=True)


def test_a_list_counts_the_failure_of_a_member_as_soft() -> None:
    from datetime import UTC, datetime

    report = report_on(
        f"Original-Recipient: rfc822; team@example.org\nFinal-Recipient: rfc822; kim@example.org\n{FAILED}"
    )
    ((address, event),) = events_of(report, datetime(2026, 11, 1, tzinfo=UTC))
    assert (address, str(event.bounce_type), str(event.advice)) == ("team@example.org", "soft", "retry")


# --- recipients ---------------------------------------------------------------------------------------------------------


def test_the_header_names_whom_the_fields_do_not() -> None:
    report = report_on(
        f"Final-Recipient: rfc822; |/usr/bin/procmail\n{FAILED}", before="X-Failed-Recipients: kim@example.org\n"
    )
    assert [verdict.recipient for verdict in report.verdicts] == ["kim@example.org"]


def test_an_impossible_address_is_not_replaced_by_the_one_in_to() -> None:
    report = report_on(f"Final-Recipient: rfc822; a\0b@example.org\n{FAILED}", header="To: lee@example.org")
    assert [verdict.recipient for verdict in report.verdicts] == [None]
    assert any("is no address" in remark for remark in report.remarks)


def test_a_nul_beside_blanks_is_removed() -> None:
    (verdict,) = report_on(
        "Final-Recipient: rfc822; kim@example.org\nAction: failed\nDiagnostic-Code: smtp; 550 no \0 user"
    ).verdicts
    assert verdict.reply == "550 no  user"


def test_a_report_on_a_test_is_no_bounce() -> None:
    report = report_on("Final-Recipient: rfc822; kim@example.org\nAction: undeliverable\nStatus: 5.1.1")
    assert (str(report.kind), report.verdicts) == ("other", ())
    assert "a report on a test of addresses: nothing was sent" in report.remarks


@pytest.mark.parametrize(
    "said", ["", "Diagnostic-Code: x-example; user unknown", "Diagnostic-Code: smtp; 250 2.0.0 Ok"]
)
def test_a_failure_with_a_status_of_success_is_undetermined(said: str) -> None:
    (verdict,) = report_on(
        f"Final-Recipient: rfc822; kim@example.org\nAction: failed\nStatus: 2.0.0\n{said}".strip()
    ).verdicts
    assert (str(verdict.bounce_type), str(verdict.advice)) == ("undetermined", "review")
    assert "Action failed but Status 2.0.0" in verdict.conflicts


def test_a_reply_counts_before_a_status_of_success() -> None:
    fields = "Final-Recipient: rfc822; kim@example.org\nAction: failed\nStatus: 2.0.0\nDiagnostic-Code: smtp; 550 5.1.1 no such user"
    (verdict,) = report_on(fields).verdicts
    assert str(verdict.bounce_type) == "hard"


# --- feedback reports ---------------------------------------------------------------------------------------------------

ARF: Final = """From: fbl@provider.example
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: message/feedback-report

Feedback-Type: {type}
User-Agent: Loop/1.0
Version: 1
Original-Mail-From: <bounces+kim=example.org@example.com>
Arrival-Date: Tue, 3 Nov 2026 08:00:11 +0000
Source-IP: 192.0.2.7
Reported-Domain: example.com
Reported-URI: http://a.example/
Reported-URI: http://b.example/

--b
Content-Type: text/rfc822-headers

Message-ID: <1@example.com>
To: redacted@provider.example
Feedback-ID: spring:u71:letter:example

--b--
"""


def test_a_feedback_report_keeps_its_fields() -> None:
    report = parse(ARF.format(type="abuse").encode())
    (verdict,) = report.verdicts
    assert verdict.recipient == "kim@example.org"
    for holder in (verdict, report.message):
        assert holder.field("Source-IP") == "192.0.2.7"
        assert holder.field("Original-Mail-From") == "<bounces+kim=example.org@example.com>"
    message: Any = report.to_dict()["message"]
    fields = message["feedback"].pop("fields")
    assert message["feedback"] == {
        "type": "abuse",
        "source_ip": "192.0.2.7",
        "original_mail_from": "bounces+kim=example.org@example.com",
        "reported_domain": "example.com",
        "arrival_date": "2026-11-03T08:00:11+00:00",
        "user_agent": "Loop/1.0",
        "feedback_id": "spring:u71:letter:example",
    }
    assert fields["reported-uri"] == ["http://a.example/", "http://b.example/"]
    assert message["returned"]["headers"] == {"feedback-id": "spring:u71:letter:example"}
    assert tags_of(report).campaign == "spring"


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure"])
def test_what_accuses_nobody_is_other_and_keeps_its_fields(kind: str) -> None:
    report = parse(ARF.format(type=kind).encode())
    assert (str(report.kind), report.verdicts) == ("other", ())
    assert report.message.feedback is not None
    assert (report.message.feedback.type, report.message.field("Source-IP")) == (kind, "192.0.2.7")


@pytest.mark.parametrize(
    ("path", "recipient"),
    [
        ("<bounces+kim=example.org@example.com>", "kim@example.org"),
        ("news-bounces+kim=example.org@example.com", "kim@example.org"),
        ("list+kim+tag=example.org@example.com", "kim+tag@example.org"),
        ("list+kim-lee=example.org@example.com", "kim-lee@example.org"),
        ("prvs=0123abcdef=list+kim=example.org@example.com", "kim@example.org"),
        ("list-return-42-kim=example.org@example.com", "kim@example.org"),
        ("bounce-kim=example.org@example.com", "kim@example.org"),
        ("bounce-kim-lee=example.org@example.com", None),
        ("bounces-kim+tag=example.org@example.com", None),
        ("bounces+4711-kim=example.org@example.com", None),
        ("bounces+kim@example.com", None),
        ("kim=example.org@example.com", None),
        ("bounces+kim=host@example.com", None),
        ("<>", None),
    ],
)
def test_a_return_path_that_names_the_recipient(path: str, recipient: str | None) -> None:
    reading = read_feedback(f"Feedback-Type: abuse\nOriginal-Mail-From: {path}\n", "2")
    assert [facts.recipient for facts in reading.recipients] == ([recipient] if recipient else [])


def test_the_report_s_own_recipient_counts_before_the_return_path() -> None:
    reading = read_feedback(
        "Original-Mail-From: <a+kim=example.org@example.com>\nOriginal-Rcpt-To: lee@example.net\n", "2"
    )
    assert [facts.recipient for facts in reading.recipients] == ["lee@example.net"]


@pytest.mark.parametrize("mark", ["spring:letter", "", ":u71:letter:example"])
def test_a_feedback_id_of_another_form_names_no_campaign(mark: str) -> None:
    report = parse(ARF.format(type="abuse").replace("spring:u71:letter:example", mark).encode())
    assert tags_of(report).campaign is None


def test_a_campaign_s_own_header_counts_before_the_feedback_id() -> None:
    report = parse(ARF.format(type="abuse").replace("Feedback-ID:", "X-Campaign: autumn\nFeedback-ID:").encode())
    assert tags_of(report).campaign == "autumn"


# --- headers of the returned message ------------------------------------------------------------------------------------


def test_headers_to_group_by_come_into_the_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = (
        ARF.format(type="abuse")
        .replace("Feedback-ID:", "List-Id: News\n <news.example.com>\nX-Campaign: autumn\nFeedback-ID:")
        .encode()
    )
    returned: Any = parse(raw, keep_headers=("x-campaign", "X-None")).to_dict()["message"]
    wanted = {"list-id": "News <news.example.com>", "feedback-id": "spring:u71:letter:example", "x-campaign": "autumn"}
    assert returned["returned"]["headers"] == wanted
    (tmp_path / "1.eml").write_bytes(raw)
    assert main(["classify", "--format", "jsonl", "--keep-header", "X-Campaign", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out)["message"]["returned"]["headers"] == wanted


def test_without_a_returned_message_no_header_is_kept() -> None:
    assert parse(b"From: lee@example.org\n\nhello\n", keep_headers=("X-Campaign",)).message.returned is None


# --- codes of the receivers ---------------------------------------------------------------------------------------------


def test_every_shape_of_a_code_finds_its_examples() -> None:
    import tomllib

    document = tomllib.loads(read("vendor_codes.toml"))
    for table in document["vendor_code"]:
        assert table["examples"]
        for reply, code in table["examples"].items():
            assert VendorCodes.from_table({"vendor_code": [table]}).find(reply) == code
            assert classify(reply).vendor_code == code


@pytest.mark.parametrize(
    "reply", ["550 5.1.1 no such user", "554 [192.0.2.1] refused", "550 BLOCKED, OFFER", "450 [internal] p=1"]
)
def test_other_brackets_are_no_codes(reply: str) -> None:
    assert classify(reply).vendor_code is None
    assert VendorCodes().find(reply) is None


def test_a_code_is_found_once_and_survives_pickling() -> None:
    verdict = classify("421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred")
    assert pickle.loads(pickle.dumps(verdict)).vendor_code == verdict.vendor_code == "TSS04"
    assert Knowledge.builtin().vendor_code_in(None) is None


# --- the reply of a gateway ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("diagnostic", "code"),
    [
        ("Diagnostic-Code: smtp; 5.1.0 - Unknown address error\n", 550),
        ("Diagnostic-Code: smtp; 452 4.2.2 full\n", 452),
        ("", None),
    ],
)
def test_a_supplement_is_a_reply_where_there_is_no_other(diagnostic: str, code: int | None) -> None:
    fields = "Final-Recipient: rfc822; kim@example.org\nAction: failed\nStatus: 5.0.0 (permanent failure)\n"
    more = "X-Supplementary-Info: <mx.example.org #5.1.1 smtp;550\n 5.1.1 <kim@example.org> unknown>"
    (verdict,) = report_on(f"{fields}{diagnostic}{more}").verdicts
    assert verdict.reply_code == (code or 550)
    if verdict.reply_code == 550:
        assert verdict.reply == "550 5.1.1 <kim@example.org> unknown"


def test_a_supplement_without_a_reply_is_none() -> None:
    (verdict,) = report_on(
        "Final-Recipient: rfc822; kim@example.org\nAction: failed\nX-Supplementary-Info: none"
    ).verdicts
    assert verdict.reply is None


# --- records that are read again ----------------------------------------------------------------------------------------


def test_a_record_of_the_second_version_keeps_what_it_says() -> None:
    report = parse(ARF.format(type="abuse").encode())
    assert Report.from_dict(report.to_dict()).to_dict() == report.to_dict()


def test_a_record_of_the_first_version_is_still_read() -> None:
    report = report_on(
        f"Original-Recipient: rfc822; team@example.org\nFinal-Recipient: rfc822; kim@example.org\n{FAILED}"
    )
    record: Any = report.to_dict()
    record["schema"] = 1
    for key in ("sent_to", "proof", "confidence", "provider_from", "policies", "message_advice", "applies_to", "token"):
        del record["verdicts"][0][key]
    del record["message"]["feedback"], record["message"]["returned"]["headers"]
    (verdict,) = Report.from_dict(record).verdicts
    assert (verdict.sent_to, verdict.policies) == ("team@example.org", {})
    assert Report.from_dict(record).message.returned == Returned("", "<1@example.com>")


def test_a_policy_of_each_key_is_read_again() -> None:
    record: Any = report_on(f"Final-Recipient: rfc822; kim@example.org\n{FAILED}").to_dict()
    record["verdicts"][0]["policies"] = {"advice": {"id": "own", "layer": "code"}}
    assert Report.from_dict(record).verdicts[0].policies == {"advice": PolicyRef("own", "code")}
