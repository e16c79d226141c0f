"""Delivery status fields: groups, damage, values, and the same fields in plain text."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable._dsn.fields import FieldReading, find, read, read_one
from undeliverable._dsn.groups import group_fields
from undeliverable._smtp.replies import parse_reply
from undeliverable.model import Action, Diagnostic, Evidence, Reply, Witness

REPORT = """\
Reporting-MTA: dns; mx.example.net
X-Example-Queue-ID: 4461725C9D9
X-Example-Sender: rfc822; news@example.net
Arrival-Date: Sat, 21 Nov 2026 21:16:20 +0000 (UTC)

Final-Recipient: rfc822; kim@example.org
Original-Recipient: rfc822;news-readers@example.org
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; 550-5.1.1 No mailbox
    here. 550 5.1.1 See elsewhere
Last-Attempt-Date: Sat, 21 Nov 2026 21:17:20 GMT
X-Example-Note: kept
"""


def reading(text: str) -> tuple[FieldReading, list[str]]:
    remarks: list[str] = []
    return read(text, "2", remarks), remarks


def known(fields: FieldReading) -> dict[str, object]:
    """What the message's fields say, without the block itself."""
    return {name: value for name, value in fields.message.items() if name != "field_block"}


def said(text: str) -> list[tuple[str | None, str | None, str]]:
    return [(one.recipient, one.action and one.action.value, str(one.status)) for one in reading(text)[0].recipients]


def test_a_whole_report() -> None:
    fields, remarks = reading(REPORT)
    (facts,) = fields.recipients
    assert facts.witness is Witness.FIELD
    assert facts.recipient == "kim@example.org"
    assert facts.original_recipient == "news-readers@example.org"
    assert facts.action is Action.FAILED
    assert str(facts.status) == "5.1.1"
    assert facts.remote_mta == "mx.example.org"
    assert facts.reply is None
    assert facts.diagnostic == Diagnostic("smtp", "550-5.1.1 No mailbox\nhere. 550 5.1.1 See elsewhere")
    assert facts.last_attempt_date == datetime(2026, 11, 21, 21, 17, 20, tzinfo=UTC)
    assert not facts.expired
    assert facts.evidence == (
        Evidence(
            Witness.FIELD, "2", REPORT.index("Final-"), "smtp; 550-5.1.1 No mailbox\nhere. 550 5.1.1 See elsewhere"
        ),
    )
    assert known(fields) == {
        "reporting_mta": "mx.example.net",
        "arrival_date": datetime(2026, 11, 21, 21, 16, 20, tzinfo=UTC),
        "queue_id": "4461725C9D9",
    }
    assert remarks == []


KIM = ("kim@example.org", "failed", "5.1.1")
LEE = ("lee@example.org", "delayed", "4.2.2")

GROUPS = {
    "any order of fields": "Reporting-MTA: dns; x\n\nAction: failed\nFinal-Recipient: rfc822;kim@example.org\nStatus: 5.1.1\n\n"
    "Status: 4.2.2\nFinal-Recipient: rfc822;lee@example.org\nAction: delayed\n",
    "no blank lines": "Reporting-MTA: dns; x\nFinal-Recipient: rfc822;kim@example.org\nAction: failed\nStatus: 5.1.1\n"
    "Final-Recipient: rfc822;lee@example.org\nAction: delayed\nStatus: 4.2.2\n",
    "no blank lines, action first": "Action: failed\nFinal-Recipient: rfc822;kim@example.org\nStatus: 5.1.1\n"
    "Action: delayed\nFinal-Recipient: rfc822;lee@example.org\nStatus: 4.2.2\n",
    "stray blank lines": "Reporting-MTA: dns; x\n\n\nFinal-Recipient: rfc822;kim@example.org\n\nAction: failed\nStatus: 5.1.1\n \n"
    "Final-Recipient: rfc822;lee@example.org\nAction: delayed\n\nStatus: 4.2.2\n",
    "blanks at line ends": "Final-Recipient: rfc822;kim@example.org  \nAction: failed \nStatus: 5.1.1\t\n\t\n"
    "Final-Recipient: rfc822;lee@example.org\nAction: delayed\nStatus: 4.2.2",
    "other case": "FINAL-RECIPIENT: rfc822;kim@example.org\naction: Failed\nSTATUS: 5.1.1\n\n"
    "final-recipient: RFC822;lee@example.org\nACTION: DELAYED\nstatus: 4.2.2\n",
    "blank before the colon": "Final-Recipient : rfc822;kim@example.org\nAction : failed\nStatus : 5.1.1\n\n"
    "Final-Recipient\t: rfc822;lee@example.org\nAction: delayed\nStatus: 4.2.2\n",
    "folded": "Final-Recipient:\n rfc822;\n kim@example.org\nAction:\n\tfailed\nStatus: 5.1.1\n\n"
    "Final-Recipient: rfc822;\n lee@example.org\nAction: delayed\nStatus: 4.2.2\n",
    "a second report behind the first": "Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822;kim@example.org\nAction: failed\nStatus: 5.1.1\n\n"
    "Reporting-MTA: dns; y\n\nFinal-Recipient: rfc822;lee@example.org\nAction: delayed\nStatus: 4.2.2\n",
}


@pytest.mark.parametrize("text", GROUPS.values(), ids=GROUPS.keys())
def test_groups(text: str) -> None:
    assert said(text) == [KIM, LEE]


HOSTILE = {
    "an action": "Action: delivered\n",
    "another recipient": "Final-Recipient: rfc822; other@example.net\n",
    "another recipient, then a status": "Final-Recipient: rfc822; other@example.net\nX-Status: 2.0.0\n",
    "words": "kim is not here\nAction is delivered\n",
    "indented": "  Action: delivered\n  Final-Recipient: rfc822; other@example.net\n",
}


@pytest.mark.parametrize("foreign", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize(
    "following",
    [
        "Final-Recipient: rfc822;lee@example.org\nAction: delayed\nStatus: 4.2.2\n",
        "Action: delayed\nFinal-Recipient: rfc822;lee@example.org\nStatus: 4.2.2\n",
    ],
)
def test_a_reply_that_looks_like_fields_decides_nothing(foreign: str, following: str) -> None:
    """RFC 3464 4.1: what a report says can be forged; here it is a remote server's reply with line ends in it."""
    text = f"Final-Recipient: rfc822;kim@example.org\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no\n{foreign}\n{following}"
    assert said(text) == [KIM, LEE]


def test_an_original_recipient_that_is_the_same_says_nothing() -> None:
    fields, _ = reading(REPORT.replace("news-readers", "Kim"))
    assert fields.recipients[0].original_recipient is None


@pytest.mark.parametrize("blank", ["", " "])
def test_an_original_recipient_in_the_same_letters_neither(blank: str) -> None:
    fields, _ = reading(REPORT.replace("rfc822;news-readers@", f"rfc822;{blank}kim@"))
    assert fields.recipients[0].original_recipient is None


@pytest.mark.parametrize("name", ["Original-Recipient", "X-Actual-Recipient"])
def test_a_recipient_that_is_no_address_is_remarked(name: str) -> None:
    fields, remarks = reading(f"{name}: rfc822; |/usr/bin/deliver\nAction: failed\n")
    assert fields.recipients[0].recipient is None
    assert len(remarks) == 1


@pytest.mark.parametrize("separator", [", ", ";", ",\n "])
def test_a_field_that_names_several_recipients(separator: str) -> None:
    fields, remarks = reading(
        f"Final-Recipient: rfc822; kim@example.org{separator}<lee@example.net>\nAction: failed\nStatus: 5.1.1\n"
    )
    assert [facts.recipient for facts in fields.recipients] == ["kim@example.org", "lee@example.net"]
    assert {str(facts.status) for facts in fields.recipients} == {"5.1.1"}
    assert remarks == []


def test_a_field_of_which_not_all_are_recipients() -> None:
    fields, remarks = reading("Final-Recipient: rfc822; kim@example.org, false\nAction: failed\nStatus: 5.1.1\n")
    assert [facts.recipient for facts in fields.recipients] == ["kim@example.org"]
    assert remarks == []


@pytest.mark.parametrize(
    ("fields", "action"),
    [
        ("Status: 2.1.5\n", Action.DELIVERED),
        ("Diagnostic-Code: smtp; 250 2.1.5 Ok\n", Action.DELIVERED),
        ("Diagnostic-Code: x-unix; 250 Ok\n", None),
        ("Status: 5.1.1\nDiagnostic-Code: smtp; 250 2.1.5 Ok\n", None),
        ("Action: deliverable\nStatus: 2.1.5\n", None),
        ("Action: Undeliverable\nStatus: 5.1.1\n", None),
        ("Action: failed\nStatus: 2.1.5\n", Action.FAILED),
    ],
)
def test_a_status_of_class_2_without_an_action_is_a_success(fields: str, action: Action | None) -> None:
    found, remarks = reading(f"Final-Recipient: rfc822; kim@example.org\n{fields}")
    assert found.recipients[0].action is action
    assert remarks == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no\n", "smtp; 550 no"),
        ("Action: failed\nStatus: 5.1.1\n", "5.1.1"),
        ("Action: failed\n", "failed"),
        ("", ""),
    ],
)
def test_the_words_that_say_most_are_the_evidence(more: str, words: str) -> None:
    fields, _ = reading(f"Final-Recipient: rfc822; kim@example.org\n{more}")
    assert fields.recipients[0].evidence == (Evidence(Witness.FIELD, "2", 0, words),)


def heard(text: str, alone: bool) -> tuple[Reply | None, bool]:
    reply = parse_reply(text)
    return reply, alone and reply.code is not None


@pytest.mark.parametrize(
    ("diagnostic", "code", "kept", "expired"),
    [("smtp; 550 no", 550, False, True), ("X-Example; not found", None, True, False)],
)
def test_the_caller_may_have_the_reply_read(diagnostic: str, code: int | None, *, kept: bool, expired: bool) -> None:
    text = f"Final-Recipient: rfc822;kim@example.org\nDiagnostic-Code: {diagnostic}\n"
    (facts,) = read(text, "2", [], heard).recipients
    assert facts.reply is not None
    assert (facts.reply.code, facts.diagnostic is not None, facts.expired) == (code, kept, expired)


def test_the_fields_of_one_recipient_may_be_given_in_pieces() -> None:
    groups = group_fields(REPORT, [])
    (values,), (offset,) = groups.recipients, groups.offsets
    found = read_one(groups.message, values, REPORT, "2", offset, heard, [])
    whole = read(REPORT, "2", [], heard)
    assert found == (whole.message, *whole.recipients)
    assert found is not None
    assert (found[1].reply is None, found[1].expired) == (False, True)


def test_what_says_nothing_of_one_recipient_is_no_reading() -> None:
    values = (None, None, "failed", "5.1.1", None, None, None, None, None)
    assert read_one((None,) * 5, values, "Action: failed\n", "2", 0, heard, []) is None


def test_the_caller_hears_of_the_remarks_of_one_recipient() -> None:
    remarks: list[str] = []
    values = ("rfc822; kim@example.org", None, "unheard of", None, None, None, None, None, None)
    found = read_one((None,) * 5, values, "Action: unheard of\n", "2", 0, heard, remarks)
    assert found is not None
    assert len(remarks) == 1


def test_repeated_fields_are_remarked() -> None:
    _, remarks = reading("Final-Recipient: rfc822;kim@example.org\nAction: failed\nAction: delivered\nStatus: 5.1.1\n")
    assert remarks == ["fields repeated inside a group were ignored: action"]


def test_a_stray_blank_line_behind_a_whole_group() -> None:
    fields, remarks = reading(
        "Final-Recipient: rfc822;kim@example.org\nAction: failed\nStatus: 5.1.1\n\nDiagnostic-Code: smtp; 550 no\n"
    )
    assert [facts.diagnostic for facts in fields.recipients] == [Diagnostic("smtp", "550 no")]
    assert remarks == ["a blank line inside a recipient's group of fields"]


def test_lines_that_are_no_fields_are_remarked() -> None:
    fields, remarks = reading(
        "This is a report.\n\nReporting-MTA: dns; x\nis here\n\nFinal-Recipient: rfc822;kim@example.org\nAction: failed\n\nBye bye.\n"
    )
    assert [facts.recipient for facts in fields.recipients] == ["kim@example.org"]
    assert len(remarks) == 3


def test_a_group_without_a_recipient_is_still_one() -> None:
    assert said("Action: failed\nStatus: 5.0.0\n") == [(None, "failed", "5.0.0")]


def test_no_fields() -> None:
    fields, remarks = reading("")
    assert (fields.message, fields.recipients, remarks) == ({}, (), [])


def test_two_diagnostics_are_both_kept() -> None:
    fields, _ = reading(
        "Final-Recipient: rfc822;kim@example.org\nAction: failed\nDiagnostic-Code: smtp; 550-a\nDiagnostic-Code: smtp; 550 b\n"
    )
    assert fields.recipients[0].diagnostic == Diagnostic("smtp", "550-a\nsmtp; 550 b")


def one(name: str, value: str) -> tuple[FieldReading, list[str]]:
    return reading(f"Final-Recipient: rfc822; kim@example.org\n{name}: {value}\n")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("5.1.1", "5.1.1"),
        ("5.1.1 (bad mailbox)", "5.1.1"),
        ("5.1.1 bad mailbox", "5.1.1"),
        ("(bad mailbox) 5.1.1", "5.1.1"),
        ("5.0.901", "5.0.901"),
        ("550", "None"),
        ("5.1.1.1", "None"),
        ("a" * 992 + " 5.1.1", "5.1.1"),
        ("a" * 993 + " 5.1.1", "None"),
        ("", "None"),
    ],
)
def test_status(value: str, expected: str) -> None:
    fields, remarks = one("Status", value)
    assert str(fields.recipients[0].status) == expected
    assert remarks == ([f"Status {value[:60]!r} is no status code"] if expected == "None" else [])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("failed", Action.FAILED),
        ("Failed (for good)", Action.FAILED),
        ("failure", Action.FAILED),
        ("delayed", Action.DELAYED),
        ("relayed", Action.RELAYED),
        ("expanded", Action.EXPANDED),
        ("delivered;", Action.DELIVERED),
        ("failed(for good)", Action.FAILED),
        ("failed, for good", Action.FAILED),
        ("failedX", None),
        ("unheard of", None),
        ("unheard of" * 7, None),
        ("", None),
    ],
)
def test_action(value: str, expected: Action | None) -> None:
    fields, remarks = one("Action", value)
    assert fields.recipients[0].action is expected
    assert remarks == ([] if expected else [f"Action {value[:60]!r} is none of RFC 3464 2.3.3"])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("smtp; 550 no", Diagnostic("smtp", "550 no")),
        ("smtp;   550 no", Diagnostic("smtp", "550 no")),
        ("SMTP; 550-a\n 550 b", Diagnostic("smtp", "550-a\n550 b")),
        ("2 errors", Diagnostic("", "2 errors")),
        ("123 errors", Diagnostic("", "123 errors")),
        ("SMTP;550 no", Diagnostic("smtp", "550 no")),
        ("X-Example; not found", Diagnostic("x-example", "not found")),
        ("X-Example; not\n found", Diagnostic("x-example", "not found")),
        ("550 5.1.1 no; really", Diagnostic("smtp", "550 5.1.1 no; really")),
        ("not found", Diagnostic("", "not found")),
        (r"smtp; 550 \347\224\250 no", Diagnostic("smtp", "550 \u7528 no")),
        (r"smtp; 550 C:\700 no", Diagnostic("smtp", r"550 C:\700 no")),
        ("smtp; 550-a\nb: c\nSee: there\nX-Not: this", Diagnostic("smtp", "550-a\nb: c\nSee: there")),
    ],
)
def test_diagnostic(value: str, expected: Diagnostic) -> None:
    assert one("Diagnostic-Code", value)[0].recipients[0].diagnostic == expected


@pytest.mark.parametrize("value", ["", " "])
def test_an_empty_diagnostic_is_none(value: str) -> None:
    assert one("Diagnostic-Code", value)[0].recipients[0].diagnostic is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("dns; mx.example.org", "mx.example.org"),
        ("DNS;mx.example.org.", "mx.example.org"),
        ("mx.example.org", "mx.example.org"),
        ("dns; mx.example.org. (192.0.2.1, the server for the domain example.org.)", "mx.example.org"),
        ("dns; mx.example.org [192.0.2.1]", "mx.example.org"),
        ("dns; [192.0.2.1]", "[192.0.2.1]"),
        ("dns; mx.example.org (cut", "mx.example.org"),
        ("dns; mx.example.org(cut", "mx.example.org"),
        ("dns; Xmx.example.X (cut", "Xmx.example.X"),
        ("dns; mx.example.org; see below", "mx.example.org"),
        ("dns; mx.example.org [192.0.2.1] again", "mx.example.org"),
        ("dns; <mx.example.org>", "mx.example.org"),
        ("dns;", None),
        ("dns; (nobody)", None),
        ("", None),
    ],
)
def test_remote_mta(value: str, expected: str | None) -> None:
    assert one("Remote-MTA", value)[0].recipients[0].remote_mta == expected


@pytest.mark.parametrize(
    ("action", "status", "expired"),
    [
        ("failed", "4.2.2", True),
        ("failed", "5.4.7", True),
        ("failed", "5.4.1", False),
        ("failed", "5.2.7", False),
        ("failed", "5.1.1", False),
        ("delayed", "4.2.2", False),
        ("delayed", "4.4.7", False),
    ],
)
def test_a_transient_failure_that_failed_is_expired(action: str, status: str, *, expired: bool) -> None:
    fields, _ = reading(f"Final-Recipient: rfc822;kim@example.org\nAction: {action}\nStatus: {status}\n")
    assert fields.recipients[0].expired is expired


def test_other_fields_of_the_message() -> None:
    fields, _ = reading(
        "Reporting-MTA: dns; a.example\nReceived-From-MTA: DNS; b.example\nOriginal-Envelope-ID: id-1\nReporting-MTA: dns; z.example\n"
    )
    assert known(fields) == {
        "reporting_mta": "a.example",
        "received_from_mta": "b.example",
        "original_envelope_id": "id-1",
    }


def test_other_fields_of_a_recipient() -> None:
    fields, _ = reading(
        "Original-Recipient: rfc822;kim@example.org\nAction: delayed\nWill-Retry-Until: Sat, 21 Nov 2026 21:17:20 GMT\n\n"
        "X-Actual-Recipient: rfc822;lee@example.org\nAction: delayed\n"
    )
    assert [facts.recipient for facts in fields.recipients] == ["kim@example.org", "lee@example.org"]
    assert fields.recipients[0].will_retry_until == datetime(2026, 11, 21, 21, 17, 20, tzinfo=UTC)


def test_ten_thousand_recipients() -> None:
    group = "Final-Recipient: rfc822; k{}@example.org\nAction: failed\nStatus: 5.1.1\n{}"
    for between in ("\n", ""):
        fields, remarks = reading("".join(group.format(number, between) for number in range(10_000)))
        assert (len(fields.recipients), remarks) == (10_000, [])


@pytest.mark.parametrize(
    "unit", ["a", "a: b\n", "\n", " ", "Action: x\n\n", "a@", '"', "(", "<", ": ", "Final-Recipient: a@\n"]
)
def test_long_text_is_no_burden(unit: str) -> None:
    text = "Final-Recipient: rfc822; kim@example.org\nAction: failed\nDiagnostic-Code: smtp; " + unit * (
        500_000 // len(unit)
    )
    assert reading(text)[0].recipients[0].recipient == "kim@example.org"
    find(text, "1", [])


@given(st.text(alphabet='aA:;\n -<>@"()\\x{}5.1+4', max_size=200))
def test_anything_gives_a_reading(text: str) -> None:
    for body in (
        text,
        f"Final-Recipient: {text}\nAction: {text}\nStatus: {text}\nDiagnostic-Code: {text}\nRemote-MTA: {text}\n",
    ):
        assert reading(body) == reading(body)
        assert reading(body)[0].message is not None
        find(body, "1", [])


# ----------------------------------------------------------------------------------------------------------------
# The same fields in plain text

PLAIN = f"""\
Dear sender,

your message came back.

{REPORT}
Kind regards
Mail system: none
"""


def test_find_in_plain_text() -> None:
    remarks: list[str] = []
    fields = find(PLAIN, "1", remarks)
    assert fields is not None
    (facts,) = fields.recipients
    assert (facts.recipient, str(facts.status)) == ("kim@example.org", "5.1.1")
    assert fields.message["queue_id"] == "4461725C9D9"
    assert facts.evidence[0].offset == PLAIN.index("Final-Recipient")
    assert facts.evidence[0].part == "1"
    assert remarks == ["delivery status fields were read from plain text"]


@pytest.mark.parametrize("margin", ["> ", "    ", "\t"])
def test_find_behind_a_margin(margin: str) -> None:
    fields = find("Hello,\n\n" + "".join(f"{margin}{line}\n" for line in REPORT.splitlines()) + "\nBye.\n", "1", [])
    assert fields is not None
    assert [facts.recipient for facts in fields.recipients] == ["kim@example.org"]
    assert fields.message["reporting_mta"] == "mx.example.net"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Which recipient do you mean?",
        "The field Final-Recipient: is defined by RFC 3464.",
        "Final-Recipient: rfc822; kim@example.org\n\nis the field to look at. Action: read it.\n",
        "Final-Recipient:\nStatus: 5.1.1\n",
    ],
)
def test_find_is_shy(text: str) -> None:
    remarks: list[str] = []
    assert find(text, "1", remarks) is None
    assert remarks == []


def test_find_takes_a_diagnostic_that_was_wrapped() -> None:
    fields = find(
        "Final-Recipient: rfc822; kim@example.org\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no\nmailbox here\n\nBye\n",
        "1",
        [],
    )
    assert fields is not None
    assert fields.recipients[0].diagnostic == Diagnostic("smtp", "550 no\nmailbox here")


MTA = "Reporting-MTA: dns; mx.example.net\n"
WHO = "Final-Recipient: rfc822; kim@example.org\nStatus: 5.1.1\n"


@pytest.mark.parametrize(
    ("between", "belongs"),
    [
        ("", True),
        ("\n", True),
        (" >\n", True),
        ("X-Note: a\n", True),
        ("\nX-Note: a\n\n", True),
        ("\n\n", False),
        ("some words\n", False),
        ("X\n", False),
        ("Your message:\n", False),
        ("Details:\n", False),
    ],
)
def test_where_fields_in_plain_text_begin(between: str, belongs: bool) -> None:
    for before in ("", "Hello,\n", "\n"):
        fields = find(before + MTA + between + WHO, "1", [])
        assert fields is not None
        assert known(fields) == ({"reporting_mta": "mx.example.net"} if belongs else {})


@pytest.mark.parametrize(
    ("behind", "more"),
    [
        ("Action: failed\n", {"action": Action.FAILED}),
        (" (no such mailbox)\nAction: failed\n", {"action": Action.FAILED}),
        ("\nAction: failed\n", {"action": Action.FAILED}),
        ("some words\nAction: failed\n", {"action": None}),
        ("X marks\nAction: failed\n", {"action": None}),
        ("\nKind regards\nAction: failed\n", {"action": None}),
        (
            "Diagnostic-Code: smtp; 550 no\nX\nat all\nAction: failed\n",
            {"action": Action.FAILED, "diagnostic": Diagnostic("smtp", "550 no\nX\nat all")},
        ),
        (
            "Diagnostic-Code: smtp; 550 no\n\nKind regards\nAction: failed\n",
            {"action": None, "diagnostic": Diagnostic("smtp", "550 no")},
        ),
    ],
)
def test_where_fields_in_plain_text_end(behind: str, more: dict[str, object]) -> None:
    fields = find(WHO + behind, "1", [])
    assert fields is not None
    (facts,) = fields.recipients
    assert {name: getattr(facts, name) for name in more} == more


@pytest.mark.parametrize("line", [">", "> ", "", ">>"])
def test_blank_lines_of_what_is_quoted(line: str) -> None:
    text = f"> Final-Recipient: rfc822; kim@example.org\n> Status: 5.1.1\n{line}\n> Final-Recipient: rfc822; lee@example.org\n> Status: 4.2.2\n"
    fields = find(text, "1", [])
    assert fields is not None
    assert [facts.recipient for facts in fields.recipients] == ["kim@example.org", "lee@example.org"]


@pytest.mark.parametrize("separate", [True, False])
def test_the_words_of_each_group_are_kept(separate: bool) -> None:
    """For fields that only some servers write."""
    first, second = "X-One: 1\n" + MTA, "X-Two: 2\n"
    text = f"{first}\n{WHO}{second}\n{WHO.replace('kim', 'lee')}"
    fields = reading(text)[0] if separate else find(text, "1", [])
    assert fields is not None
    assert fields.message["field_block"] == first.strip()
    assert [facts.field_block for facts in fields.recipients] == [
        (WHO + second).strip(),
        WHO.replace("kim", "lee").strip(),
    ]


def test_the_caller_may_have_the_reply_in_plain_text_read() -> None:
    text = f"{WHO}Diagnostic-Code: smtp; 550 no\n"
    for asked in (None, heard):
        fields = find(text, "1", [], asked)
        assert fields is not None
        (facts,) = fields.recipients
        assert (facts.reply is None) is (asked is None)


def test_a_line_that_lost_its_margin() -> None:
    fields = find("> Final-Recipient: rfc822; kim@example.org\nStatus: 5.1.1\n", "1", [])
    assert fields is not None
    assert str(fields.recipients[0].status) == "5.1.1"
