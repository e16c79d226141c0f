from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable._dsn import feedback as _arf
from undeliverable.model import Witness

ABUSE = """Feedback-Type: abuse
User-Agent: ExampleLoop/2.1
Version: 1
Original-Rcpt-To: <kim@example.org>
Arrival-Date: Tue, 3 Nov 2026 08:00:11 +0000
Source-IP: 192.0.2.25
Reporting-MTA: dns; mx.example.net
Original-Envelope-Id: QQ314159
Feedback-ID: c11:u71:letter:examplenews
X-Seen-By:
 one,
 two
"""


def test_every_field_is_kept() -> None:
    reading = _arf.read(ABUSE, "2")
    assert reading.fields["x-seen-by"] == ("one, two",)
    assert reading.fields["version"] == ("1",)
    assert (reading.feedback_type, reading.is_complaint) == ("abuse", True)
    assert (reading.reporting_mta, reading.source_ip) == ("mx.example.net", "192.0.2.25")
    assert (reading.original_envelope_id, reading.feedback_id) == ("QQ314159", "c11:u71:letter:examplenews")
    assert reading.arrival_date == datetime(2026, 11, 3, 8, 0, 11, tzinfo=UTC)


def test_a_recipient_carries_its_evidence() -> None:
    (facts,) = _arf.read(ABUSE, "2").recipients
    (evidence,) = facts.evidence
    assert (facts.witness, facts.recipient, facts.action) == (Witness.FIELD, "kim@example.org", None)
    assert (evidence.part, evidence.text) == ("2", "Original-Rcpt-To: <kim@example.org>")
    assert ABUSE[evidence.offset :].startswith(evidence.text)


@pytest.mark.parametrize(
    ("fields", "recipients"),
    [
        ("Original-Rcpt-To: kim@example.org", ["kim@example.org"]),
        ("original-rcpt-to:kim@example.org", ["kim@example.org"]),
        ("Original-Rcpt-To: rfc822; kim@example.org", ["kim@example.org"]),
        ("Original-Rcpt-To: Kim <kim@example.org>", ["kim@example.org"]),
        ("Original-Rcpt-To:\n <kim@example.org>", ["kim@example.org"]),
        ("Removal-Recipient: kim@example.org", ["kim@example.org"]),
        (
            "Original-Rcpt-To: kim@example.org\nOriginal-Rcpt-To: lee@example.org",
            ["kim@example.org", "lee@example.org"],
        ),
        ("Original-Rcpt-To: kim@example.org\nRemoval-Recipient: kim@example.org", ["kim@example.org"]),
        ("Original-Rcpt-To: dörte@example.org", ["dörte@example.org"]),
        ("Original-Rcpt-To: redacted", []),
        ("Original-Rcpt-To: redacted@", []),
        ("Original-Rcpt-To: @example.org", []),
        ("Original-Rcpt-To:", []),
        ("Redacted-Address: kim@example.org", []),
        ("Original-Rcpt-To: 5f2c9a@example.org", ["5f2c9a@example.org"]),
    ],
)
def test_recipients(fields: str, recipients: list[str]) -> None:
    reading = _arf.read(f"Feedback-Type: abuse\n{fields}\n", "2")
    assert [facts.recipient for facts in reading.recipients] == recipients


@pytest.mark.parametrize(
    ("text", "type_", "complaint"),
    [
        ("Feedback-Type: abuse", "abuse", True),
        ("Feedback-Type: FRAUD", "fraud", True),
        ("Feedback-Type: virus", "virus", True),
        ("Feedback-Type: opt-out", "opt-out", True),
        ("Feedback-Type: opt-out-list", "opt-out-list", True),
        ("Feedback-Type: other", "other", True),
        ("Feedback-Type: x-new", "x-new", True),
        ("Feedback-Type: abuse; really", "abuse", True),
        ("Feedback-Type: not-spam", "not-spam", False),
        ("Feedback-Type: Not Spam", "not-spam", False),
        ("Feedback-Type: not_spam", "not-spam", False),
        ("Feedback-Type: auth-failure", "auth-failure", False),
        ("Auth-Failure: dmarc", "auth-failure", False),
        ("Version: 1", None, True),
        ("Feedback-Type:", None, True),
        ("no field at all", None, False),
        ("", None, False),
    ],
)
def test_which_types_are_complaints(text: str, type_: str | None, complaint: bool) -> None:
    reading = _arf.read(text, "")
    assert (reading.feedback_type, reading.is_complaint) == (type_, complaint)


def test_what_is_absent_is_none() -> None:
    reading = _arf.read("Version: 1\nReporting-MTA:\nReceived-Date: yesterday", "")
    assert (reading.reporting_mta, reading.arrival_date, reading.source_ip) == (None, None, None)


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    reading = _arf.read(text, "1")
    assert reading.is_complaint is (bool(reading.fields) and reading.feedback_type not in {"not-spam", "auth-failure"})
    assert all("@" in str(facts.recipient) for facts in reading.recipients)
