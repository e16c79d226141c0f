"""The engine behind described formats: what a description may say, and what it does with any text."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.generate.formats import tables
from undeliverable._formats import Format, FormatTable, compile_format
from undeliverable._formats.examples import read
from undeliverable._formats.lines import FormatReading
from undeliverable.codes import StatusCode
from undeliverable.errors import EntryError
from undeliverable.model import Action, Command, Diagnostic, Witness

FORMATS = {name: compile_format(name, table, trusted=True) for name, table in tables().items()}
BASE: dict[str, Any] = {
    "title": "A server",
    "source": "https://example.com/manual",
    "when": {"from": "mailer-daemon", "body": "Not delivered:"},
    "recipient": "<{recipient}>",
}
HEADERS = {"from": "MAILER-DAEMON@mx.example", "subject": "failure"}


def described(**keys: Any) -> Format:
    return compile_format("mine", {**BASE, **keys})


def reading(text: str, headers: Mapping[str, str] = HEADERS, **keys: Any) -> FormatReading:
    return read(described(**keys), headers.get, text, "1.2")


def words(found: FormatReading) -> list[tuple[str | None, str | None]]:
    texts = [None if facts.diagnostic is None else facts.diagnostic.text for facts in found.recipients]
    return [(facts.recipient, text) for facts, text in zip(found.recipients, texts, strict=True)]


# What is refused, and which key is named.
FAULTS: list[tuple[dict[str, Any], str | None, str]] = [
    ({"titel": "x"}, "titel", "no key 'titel'"),
    ({"title": 3}, "title", "must be a string"),
    ({"title": ""}, "title", "needs 'title'"),
    ({"source": None}, "source", "needs 'source'"),
    ({"when": {}}, "when", "needs a table 'when'"),
    ({"when": "body"}, "when", "needs a table 'when'"),
    ({"when": {"body": []}}, "when.body", "the list is empty"),
    ({"when": {"from": [1]}}, "when.from", "a list of strings"),
    ({"recipient": ["(?P<recipient>"]}, "recipient", "not a regular expression"),
    ({"recipient": "<[^>]+>"}, "recipient", "no group 'recipient'"),
    ({"recipient": "(?P<address>.+)(?P<recipient>x)"}, "recipient", "'address' is no fact"),
    ({"recipient": "(?:(?P<recipient>a+)+)+"}, "recipient", "more than linear time"),
    ({"field": "Reason"}, "field", "names no fact"),
    ({"field": "{reason}"}, "field", "names no fact"),
    ({"skip": 1}, "skip", "a list of strings"),
    ({"paragraphs": "yes"}, "paragraphs", "must be true or false"),
    ({"vendor_code": "code"}, "vendor_code", "no group 'vendor_code'"),
    ({"words": "above"}, "words", "must be one of after, before, shared, none"),
    ({"action": "lost"}, "action", "must be one of failed, delayed"),
    ({"example": "mail"}, "example", "an array of tables"),
    ({"example": [{"mal": ""}]}, "example", "an example is a table of"),
    ({"example": [1]}, "example", "an array of tables"),
    ({"example": [{"mail": 1, "facts": []}]}, "example", "needs 'mail'"),
    ({"example": [{"mail": "", "facts": 1}]}, "example", "an array of tables"),
    ({"example": [{"mail": "", "facts": [1]}]}, "example", "an array of tables"),
    ({"example": [{"mail": "From: me\n\nhello", "facts": []}]}, "example", "do not hold"),
]
MAIL = "From: MAILER-DAEMON@mx.example\n\nNot delivered:\n<kim@example.org>\nno such user\n"
EXAMPLE_FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"facts": []}, "0 recipients are expected, but read was kim@example.org"),
    ({"facts": [{"reason": "x"}]}, "'reason' is no fact"),
    ({"facts": [{"recipient": "lee@example.org"}]}, "recipient should be 'lee@example.org' but is 'kim@example.org'"),
    ({"facts": [{"action": None}], "returned": "Subject:"}, "does not begin where it should"),
]


@pytest.mark.parametrize(("keys", "key", "detail"), FAULTS, ids=[str(row[0])[:40] for row in FAULTS])
def test_faults(keys: dict[str, Any], key: str | None, detail: str) -> None:
    with pytest.raises(EntryError) as caught:
        described(**keys)
    assert caught.value.entry == "mine"
    assert caught.value.key == key
    assert detail in caught.value.detail


@pytest.mark.parametrize(("example", "detail"), EXAMPLE_FAULTS, ids=[row[1][:30] for row in EXAMPLE_FAULTS])
def test_faults_of_examples(example: dict[str, Any], detail: str) -> None:
    with pytest.raises(EntryError) as caught:
        described(example=[{"mail": MAIL, **example}])
    assert caught.value.key == "example"
    assert detail in caught.value.detail


def test_example_of_several_facts() -> None:
    facts = [{"recipient": "kim@example.org", "diagnostic": "no such user", "reply": None, "expired": False}]
    assert described(example=[{"mail": MAIL, "facts": facts}]).name == "mine"


# Recognition


@pytest.mark.parametrize(
    ("when", "headers", "text", "expected"),
    [
        ({"body": "Not"}, {}, "Not delivered", True),
        ({"body": "Not"}, {}, "\n   Not delivered", True),
        ({"body": "Not"}, {}, "> Not delivered", False),
        ({"body": "Not"}, {}, "You wrote: Not\n Not", True),
        ({"body": ["No", "Nobody"]}, {}, "Nobody", True),
        ({"body": "not"}, {}, "Not", False),
        ({"subject": "FAIL"}, {"subject": "mail failed"}, "", True),
        ({"subject": "fail"}, {}, "", False),
        ({"x-list": ""}, {"x-list": "anything"}, "", True),
        ({"x-list": ""}, {}, "", False),
        ({"subject": "a", "from": "b"}, {"subject": "a", "from": "c"}, "", False),
        ({"body": "Not"}, {}, " " * 10_000 + "Not", False),
    ],
)
def test_when(when: dict[str, Any], headers: dict[str, str], text: str, expected: bool) -> None:
    assert described(when=when).fits(headers.get, text) is expected
    found = FormatTable([described(when=when)]).recognise(headers.get, text)
    assert (found is not None) is expected


def test_begin_is_a_condition() -> None:
    mine = described(begin=["one:", "two:"])
    assert mine.fits(HEADERS.get, "Not delivered:\nin two: parts")
    assert not mine.fits(HEADERS.get, "Not delivered:")


def test_a_list_sends_no_notice() -> None:
    assert not described().fits({**HEADERS, "list-id": "<list.example>"}.get, "Not delivered:")


def test_first_of_two_is_meant() -> None:
    first, second = described(), compile_format("second", BASE)
    assert FormatTable([first, second]).recognise(HEADERS.get, "Not delivered:") is first
    assert FormatTable([second, first]).recognise(HEADERS.get, "Not delivered:") is second


def test_short_literals_are_found() -> None:
    """The index knows lines of 16 characters, or 4 of other scripts; whatever is shorter is found as well."""
    for when in ({"body": "No"}, {"body": "No", "from": "x"}, {"from": "x"}, {"body": "配信エラー"}, {"body": "é"}):
        mine = described(when=when)
        assert FormatTable([mine]).recognise({"from": "x"}.get, when.get("body", "")) is mine


# Reading


def test_words_after() -> None:
    text = "<kim@example.org>\n no such\n user\n\nnot this\n<lee@example.org>\n\n\nfull\n"
    assert words(reading(text)) == [("kim@example.org", "no such user"), ("lee@example.org", "full")]


def test_words_before() -> None:
    text = "no such user\n<kim@example.org>\nfull\n\n<lee@example.org>\n"
    assert words(reading(text, words="before")) == [("kim@example.org", "no such user"), ("lee@example.org", "full")]


def test_words_shared() -> None:
    text = "<kim@example.org>\n<lee@example.org>\nhost not found\n"
    expected = [("kim@example.org", "host not found"), ("lee@example.org", "host not found")]
    assert words(reading(text, words="shared")) == expected


def test_reply_below_several() -> None:
    """A reply is shared by the recipients above it, up to the reply before."""
    text = "<a@example.org>\n<b@example.org>\n550 no\n<c@example.org>\n452 full\n"
    found = reading(text, words="shared", field=r"^(?P<reply>\d{3} .*)")
    assert [text for _, text in words(found)] == ["550 no", "550 no", "452 full"]


def test_words_none() -> None:
    assert words(reading("<kim@example.org>\nno\n", words="none")) == [("kim@example.org", None)]


def test_start_and_stop_words() -> None:
    text = "<kim@example.org>\nhello\nReason: full\nof mail\nEnd\n<lee@example.org>\nReason: again\n"
    found = reading(text, start_words="Reason:", stop_words="End")
    assert words(found) == [("kim@example.org", "full of mail again")]


def test_skip() -> None:
    assert words(reading("<kim@example.org>\n-----\nno\n", skip="^-+$")) == [("kim@example.org", "no")]


def test_reply_of_several_lines() -> None:
    text = "<kim@example.org>\nsaid: 550-one\n550 two\nsaid: nothing\n"
    found = reading(text, field="said: {reply}")
    assert found.recipients[0].diagnostic == Diagnostic("smtp", "550-one\n550 two\nnothing")


def test_first_of_two_replies() -> None:
    """Attempts are listed with the last one first."""
    found = reading(
        "<kim@example.org>\nsaid: 550 4.4.7 expired\nsaid: 441 4.4.1 no answer\nmore\n", field="said: {reply}"
    )
    assert words(found) == [("kim@example.org", "550 4.4.7 expired")]


def test_words_before_a_field_are_kept() -> None:
    found = reading("<kim@example.org>\nno server (#4.4.3)I give up\n", field="(?P<expired>I give up)")
    assert words(found) == [("kim@example.org", "no server (#4.4.3)")]
    assert found.recipients[0].expired


def test_groups() -> None:
    text = "Report by mx.example at Thu, 1 Jan 2026 10:00:00 +0000\n<kim@example.org>\nRCPT 5.1.1 expired DELAYED x.example id 7\n"
    found = reading(
        text,
        words="none",
        field=[
            "^Report by {reporting_mta} at {arrival_date}",
            "^{command} {status} (?P<expired>expired) {action} {remote_mta} id {vendor_code}",
        ],
    )
    [facts] = found.recipients
    assert facts.command is Command.RCPT
    assert facts.status == StatusCode(5, 1, 1)
    assert facts.expired
    assert facts.action is Action.DELAYED
    assert (facts.remote_mta, facts.vendor_code) == ("x.example", "7")
    assert found.message["reporting_mta"] == "mx.example"
    assert str(found.message["arrival_date"]) == "2026-01-01 10:00:00+00:00"


def test_groups_without_sense() -> None:
    text = "<kim@example.org>\nABCD 5.007.1 LOST 299\n"
    found = reading(text, field="^{command} {status} {action} (?P<code>[0-9]{3})", words="none")
    [facts] = found.recipients
    assert (facts.command, facts.status, facts.action, facts.reply) == (None, None, None, None)


def test_code_apart_from_the_text() -> None:
    [facts] = reading(
        "<kim@example.org> code 550 status 5.1.1\nno such user\n", recipient="<{recipient}> code {code} status {status}"
    ).recipients
    assert facts.reply is not None
    assert (facts.reply.code, facts.reply.status, facts.reply.text) == (550, StatusCode(5, 1, 1), "no such user")
    assert facts.status is None


def test_vendor_code() -> None:
    [facts] = reading("<kim@example.org>\nblocked AB-12\n", vendor_code=r"\b(?P<vendor_code>[A-Z]{2}-\d{2})").recipients
    assert facts.vendor_code == "AB-12"


def test_trailing_dot_and_brackets() -> None:
    [facts] = reading("to kim@example.org.\n", recipient="to {recipient}").recipients
    assert facts.recipient == "kim@example.org"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("<kim@example.org>", "kim@example.org"),
        ('<"a b"@example.org>', '"a b"@example.org'),
        ("<用户@例子.example>", "用户@例子.example"),
        ("<kim@[192.0.2.1]>", "kim@[192.0.2.1]"),
        ("<kim+news=x@example.org>", "kim+news=x@example.org"),
        ("<kim>", None),
        ("<@example.org>", None),
    ],
)
def test_addresses(address: str, expected: str | None) -> None:
    assert [facts.recipient for facts in reading(f"{address}\n").recipients] == [expected]


def test_end() -> None:
    text = "<kim@example.org>\nno\n--- copy\n<lee@example.org>\n"
    found = reading(text, end="---")
    assert [facts.recipient for facts in found.recipients] == ["kim@example.org"]
    assert text[found.returned_at :] == "<lee@example.org>\n"


def test_trace_fields_end_a_notice() -> None:
    """RFC 5321 4.4: Return-Path and Received begin every message that was delivered once."""
    text = "<kim@example.org>\nno\nReceived: from x\nTo: <lee@example.org>\n"
    found = reading(text)
    assert [facts.recipient for facts in found.recipients] == ["kim@example.org"]
    assert text[found.returned_at :].startswith("Received:")


def test_end_before_any_recipient() -> None:
    text = "Not delivered\n---\n<lee@example.org>\n"
    found = reading(text, end="---")
    assert [facts.recipient for facts in found.recipients] == [None]
    assert found.returned_at == text.index("<")


def test_nobody_is_named() -> None:
    """The notice is certain, the recipient is not known: one entry without address."""
    [facts] = reading("Not delivered:\n").recipients
    assert (facts.recipient, facts.witness) == (None, Witness.WORDS)


LISTED = {**HEADERS, "X-Failed-Recipients": " kim@example.org,\n <lee@example.org>, "}


def test_recipient_header_alone() -> None:
    found = reading("no\n", LISTED, recipient_header="X-Failed-Recipients", words="shared")
    assert words(found) == [("kim@example.org", "no"), ("lee@example.org", "no")]
    assert {facts.witness for facts in found.recipients} == {Witness.HEADER}


def test_recipient_header_is_absent() -> None:
    found = reading("no\n", recipient_header="X-Failed-Recipients", words="shared")
    assert words(found) == [(None, "no")]


@pytest.mark.parametrize(
    ("text", "recipient", "original"),
    [
        ("<kim@example.org>", "kim@example.org", None),
        ("<lee@example.org>", "lee@example.org", "kim@example.org"),
        ("<kim>", "kim@example.org", None),
    ],
)
def test_recipient_header_beside_the_words(text: str, recipient: str, original: str | None) -> None:
    headers = {**HEADERS, "X-Failed-Recipients": "kim@example.org"}
    [facts] = reading(
        text, headers, recipient="<(?P<recipient>[^>]{1,99})>", recipient_header="X-Failed-Recipients"
    ).recipients
    assert (facts.recipient, facts.original_recipient) == (recipient, original)


def test_evidence() -> None:
    text = "Not delivered:\n<kim@example.org>\nno such user\n"
    [facts] = reading(text).recipients
    [evidence] = facts.evidence
    assert evidence.text == "<kim@example.org>\nno such user"
    assert (evidence.part, evidence.offset, evidence.pattern) == ("1.2", text.index("<"), "mine.1")


# Any text


TEXTS = st.lists(
    st.one_of(
        st.text(max_size=60),
        st.sampled_from(
            [
                "<kim@example.org>:", "  kim@example.org", "kim@example.org", "550 5.1.1 no", "Remote host said: 550-x",
                "--- Below this line is a copy", "Received: from x", "", "Reason: 550 no", "To: kim@example.org",
                "----- Transcript of session follows -----", "Hi. This is the qmail-send program at x.",
                "address(es) failed:", "was not delivered to:", "SMTP error from remote mail server after RCPT TO:<x>:",
            ]
        ),
    ),
    max_size=30,
).map("\n".join)  # fmt: skip


@given(TEXTS, st.sampled_from(sorted(FORMATS)))
def test_any_text_is_read(text: str, name: str) -> None:
    found = read(FORMATS[name], HEADERS.get, text, "1")
    assert -1 <= found.returned_at <= len(text)
    for facts in found.recipients:
        for evidence in facts.evidence:
            assert text.startswith(evidence.text, evidence.offset)
            assert len(evidence.text) <= 998


@given(TEXTS, st.dictionaries(st.sampled_from(["from", "subject", "x-mailer"]), st.text()))
def test_index_finds_what_fits(text: str, headers: dict[str, str]) -> None:
    """The index is no opinion of its own: it finds a format exactly where one of them fits."""
    table = FormatTable(FORMATS.values())
    fitting = [each for each in table.formats if each.fits(headers.get, text)]
    assert table.recognise(headers.get, text) is (fitting[0] if fitting else None)


BEGINNINGS = sorted({literal for each in FORMATS.values() for literal in each.body if not each.is_generic})
TABLE = FormatTable(FORMATS.values())
LINES = st.lists(
    st.builds(
        lambda margin, literal, length, rest: margin + literal[:length] + rest,
        st.sampled_from(["", "  ", "\t", "x ", "> "]),
        st.sampled_from(BEGINNINGS),
        st.sampled_from([13, 200]),
        st.sampled_from(["", " more", "\n"]),
    ),
    max_size=4,
).map("\n".join)


@given(LINES, st.dictionaries(st.sampled_from(["from", "x-mailer"]), st.sampled_from(["", "mailer-daemon@a.example"])))
def test_index_finds_what_fits_wherever_a_known_line_stands(text: str, headers: dict[str, str]) -> None:
    """At the left or behind a margin, once or again, as a whole or cut after what the index knows, or inside another line."""
    fitting = [each for each in TABLE.formats if each.fits(headers.get, text)]
    assert TABLE.recognise(headers.get, text) is (fitting[0] if fitting else None)


def _seconds(described: Format, text: str) -> float:
    before = time.process_time()
    read(described, HEADERS.get, text, "1")
    described.fits(HEADERS.get, text)
    return time.process_time() - before


@pytest.mark.parametrize("name", FORMATS)
def test_time_grows_with_the_text(name: str) -> None:
    """A line of any length, many lines, many recipients: no pattern may need more than linear time."""
    mine = FORMATS[name]
    for piece in ("a@", "<", " ", "550-", "kim@example.org ", "x" * 97 + "\n", "<kim@example.org>:\nno\n\n", "(", '"'):
        seconds = []
        for size in (6_000, 60_000):
            text = piece * (size // len(piece))
            seconds.append(min(_seconds(mine, text) for _ in range(3)))
        assert seconds[1] < 60 * max(seconds[0], 0.002), piece
