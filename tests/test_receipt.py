"""When a message reached the mailbox: what the receiving side wrote counts, and nothing of what came with the message."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable.mail import delivered_to, received_at

TIME = datetime(2026, 11, 16, 9, 12, 33, tzinfo=UTC)
DATE = "Mon, 16 Nov 2026 09:12:33 +0000"


@pytest.mark.parametrize(
    "line",
    [
        "From a@example.com Mon Nov 16 09:12:33 2026",
        "From a@example.com  Mon Nov 16 09:12:33 2026\r",
        "From MAILER-DAEMON Mon Nov 16 09:12:33 2026",
        "From - Mon, 16 Nov 2026 10:12:33 +0100",
        "From a@example.com Mon Nov 16 04:12:33 EST 2026",
        "From a@example.com Mon Nov 16 10:12:33 2026 +0100",
        'From "Mon a"@example.com Mon Nov 16 09:12:33 2026',
        'From "Sat Jan 1 00:00:00 2000"@evil.example Mon Nov 16 09:12:33 2026',
    ],
)
def test_the_line_of_an_mbox(line: str) -> None:
    assert received_at(f"{line}\nSubject: x\n\n".encode()) == TIME


@pytest.mark.parametrize(
    "line", ["From a@example.com", "From here on all is prose", "From a Mon Nov 99 09:12:33 2026", ">From a"]
)
def test_lines_without_a_date(line: str) -> None:
    assert received_at(f"{line}\nSubject: x\n\n".encode()) is None


def traced(*fields: str) -> bytes:
    return "".join(f"{field}\n" for field in (*fields, "Subject: x", "", "body")).encode()


@pytest.mark.parametrize(
    "field",
    [
        f"Received: from a by in.example.com; {DATE}",
        f"received : from a\n by IN.Example.com.\n with LMTP; {DATE}",
        f"Received: by in.example.com (Postfix, from userid 0) id A1B2; {DATE}",
        f"Received: from mx (helo by evil.example (x; y) [192.0.2.1]) by in.example.com (Dovecot (a (b (c)))); {DATE} (UTC)",
    ],
)
@pytest.mark.parametrize(
    "above", [(), ("Return-Path: <>", "Delivered-To: a@example.com"), ("From a@example.com Sat Jan 1 00:00:00 2000",)]
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_field_of_an_own_host(field: str, above: tuple[str, ...], end: str) -> None:
    raw = traced(*above, field, "Received: from x by in.example.com; Sat, 1 Jan 2000 00:00:00 +0000")
    assert received_at(raw.replace(b"\n", end.encode()), by=["other.example.com", "in.example.com"]) == TIME


@pytest.mark.parametrize(
    "fields",
    [
        (),
        ("Received: nonsense",),
        ("Received: from a by in.example.com",),
        ("Received: from a by in.example.com; soon",),
        (f"X-Received: by in.example.com; {DATE}",),
        (f"Received: from a by in.example.com.evil.example; {DATE}",),
        (f"Received: from a (by in.example.com) by evil.example; {DATE}",),
        ("Received: from a by evil.example; " + DATE, f"Received: from b by in.example.com; {DATE}"),
        ("Subject: x", "", f"Received: by in.example.com; {DATE}"),
    ],
)
def test_what_others_may_have_written_counts_for_nothing(fields: tuple[str, ...]) -> None:
    assert received_at(traced(*fields), by=["in.example.com"]) is None
    assert (
        received_at(b"From a@example.com Mon Nov 16 09:12:33 2026\n" + traced(*fields), by=["in.example.com"]) == TIME
    )


def test_nobody_is_believed_unless_named() -> None:
    assert received_at(traced(f"Received: by in.example.com; {DATE}")) is None


@given(st.binary(max_size=400))
def test_no_bytes_raise(raw: bytes) -> None:
    for before in (b"", b"From a Mon ", b"Received: by a;", b"Received: from a (((\nby a;"):
        found = received_at(before + raw, by=["a"])
        assert found is None or found.tzinfo is not None


def test_a_long_header_takes_linear_time() -> None:
    for piece in ("(", "()", "by ", "by a", "a;", " \n", "Mon "):
        raw = b"From a Mon " + b"\nReceived: " + piece.encode() * 400_000
        assert received_at(raw, by=["in.example.com"]) is None


# --- for whom -----------------------------------------------------------------------------------------------------------

TOKEN = "bounces+token@example.com"
FOREIGN = f"Received: from a by mx.example.org; {DATE}"
OWN = f"Received: from a by in.example.com (Dovecot); {DATE}"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("postmark", [(), ("From a@example.com Mon Nov 16 09:12:33 2026",)])
@pytest.mark.parametrize(
    ("fields", "addresses"),
    [
        ((f"Delivered-To: {TOKEN}", FOREIGN), (TOKEN,)),
        (("Return-Path: <>", f"delivered-to : <{TOKEN}>", FOREIGN), (TOKEN,)),
        ((f"X-Original-To: {TOKEN}", "Delivered-To: bounces@example.com", FOREIGN), ("bounces@example.com", TOKEN)),
        ((f"Envelope-to: a@example.com,\n {TOKEN}", FOREIGN), ("a@example.com", TOKEN)),
        ((f"Delivered-To: {TOKEN}", f"X-Original-To: {TOKEN}", FOREIGN), (TOKEN,)),
        ((FOREIGN, f"Delivered-To: {TOKEN}"), ()),
        ((OWN, f"Delivered-To: {TOKEN}", FOREIGN, "Delivered-To: other@example.com"), (TOKEN,)),
        (("Received: unreadable", f"Delivered-To: {TOKEN}"), ()),
        ((f"Delivered-To: {TOKEN}",), (TOKEN,)),
        (("To: a@example.com", f"X-Other: {TOKEN}", "Delivered-To: <>", FOREIGN), ()),
    ],
)
def test_the_fields_of_the_own_side(
    fields: tuple[str, ...], addresses: tuple[str, ...], postmark: tuple[str, ...], end: str
) -> None:
    raw = traced(*postmark, *fields).replace(b"\n", end.encode())
    assert delivered_to(raw, by=["in.example.com"]) == addresses


def test_fields_of_another_name() -> None:
    raw = traced(f"X-Envelope-To: {TOKEN}", "Delivered-To: bounces@example.com", FOREIGN)
    assert delivered_to(raw, headers=["x-envelope-to"]) == (TOKEN,)
    assert delivered_to(traced(OWN, f"Delivered-To: {TOKEN}")) == ()


def test_no_more_addresses_than_a_message_has_recipients() -> None:
    raw = traced(f"Delivered-To: {', '.join(f'a{number}@example.com' for number in range(500))}", FOREIGN)
    assert len(delivered_to(raw)) == 100


@given(st.binary(max_size=300))
def test_octets_that_name_nobody(raw: bytes) -> None:
    assert isinstance(delivered_to(raw, by=["in.example.com"]), tuple)


def test_a_field_of_any_host_gives_an_estimate() -> None:
    assert received_at(traced("Delivered-To: a@example.com", FOREIGN, OWN), by=None) == TIME
    assert received_at(traced(FOREIGN)) is None
    assert received_at(traced("X-Other: 1"), by=None) is None
    assert received_at(b"From a@example.com Mon Nov 16 09:12:33 2026\nSubject: x\n\n", by=None) == TIME
