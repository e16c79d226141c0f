"""The values of recipient fields, addresses in text, and the bounded words of evidence."""

from __future__ import annotations

import pytest

from undeliverable._text.addresses import addresses_in, is_mailbox, recipient_address, several_recipients
from undeliverable._text.identity import is_same_address
from undeliverable.model import words_of


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("rfc822; kim@example.org", "kim@example.org"),
        ("RFC822;kim@example.org", "kim@example.org"),
        ("kim@example.org", "kim@example.org"),
        ("rfc822;<kim@example.org>", "kim@example.org"),
        ("rfc822; kim@example.org (Kim)", "kim@example.org"),
        ("rfc822; Kim Lee <kim@example.org>", "kim@example.org"),
        ('rfc822; "Kim @ work" <kim@example.org>', "kim@example.org"),
        ('rfc822; "kim@example.org"', "kim@example.org"),
        ('rfc822; "kim lee"@example.org', '"kim lee"@example.org'),
        ('rfc822; "kim@lee"@example.org', '"kim@lee"@example.org'),
        (r'rfc822; "kim\"lee"@example.org', r'"kim\"lee"@example.org'),
        ('rfc822; "kim> lee@example.org <x"@example.com', '"kim> lee@example.org <x"@example.com'),
        ('rfc822; <"<lee@example.org>: 550 5.1.1 "@example.com>', '"<lee@example.org>: 550 5.1.1 "@example.com'),
        (f'rfc822; "<lee@example.org>{" " * 400}"@example.com', None),
        ("rfc822; kim+20x@example.org", "kim+20x@example.org"),
        ("rfc822; kim+40example.org", "kim@example.org"),
        ("rfc822; kim+2Bnews+40example.org", "kim+news@example.org"),
        ("rfc822; kim@\n example.org", "kim@example.org"),
        ("utf-8; \u7528\u6237@example.org", "\u7528\u6237@example.org"),
        (r"utf-8; \x{7528}\x{6237}@example.org", "\u7528\u6237@example.org"),
        (r"utf-8; \x{D800}@example.org", None),
        (r"rfc822; \347\224\250@example.org", "\u7528@example.org"),
        (r"rfc822; \347\224@example.org", None),
        ("LOCAL;<kim>", None),
        ("x-unix; kim", None),
        ("rfc8", None),
        ("rfc822; ''", None),
        ("rfc822; a\0b@example.org", None),
        ("rfc822; a\ufffdb@example.org", None),
        ("rfc822; =?utf-8?q?a?=b@example.org", "=?utf-8?q?a?=b@example.org"),
        ("rfc822; IMCEAEX-_O=EXAMPLE_OU=X@example.org", None),
        ("rfc822; two word@example.org", '"two word"@example.org'),
        ("rfc822; <two word@example.org>", '"two word"@example.org'),
        ("rfc822; at@sig@example.org", '"at@sig"@example.org'),
        ('rfc822; "a"b@example.org', None),
        ("rfc822; kim:lee@example.org", None),
        ("rfc822; smtp:kim@example.org", "kim@example.org"),
        ("rfc822; @hop.example:kim@example.org", "kim@example.org"),
        ("rfc822; <kim@example.org", "kim@example.org"),
        ("rfc822; kim@example.org is unknown", "kim@example.org"),
        ("rfc822; kim@example.org, lee@example.org", None),
        ("rfc822; kim@[192.0.2.1]", "kim@[192.0.2.1]"),
        (f"rfc822; {'k' * 64}@{'e' * 255}", f"{'k' * 64}@{'e' * 255}"),
        (f"rfc822; {'k' * 65}@{'e' * 255}", None),
        (f"utf-8; {'ü' * 154}@example.org", f"{'ü' * 154}@example.org"),
        (f"utf-8; {'ü' * 155}@example.org", None),
        ("X400; /C=US/A=EX/S=Kim/", "/C=US/A=EX/S=Kim/"),
        ("x400;", None),
        ("rfc822;", None),
        ("rfc822;<>", None),
        ("", None),
        (None, None),
    ],
)
def test_recipient_address(value: str | None, expected: str | None) -> None:
    assert recipient_address(value, []) == expected


def test_what_is_no_address_is_remarked() -> None:
    remarks: list[str] = []
    assert recipient_address("rfc822; |/usr/bin/deliver", remarks) is None
    assert len(remarks) == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("rfc822;kim+2Bnews@example.org", "kim+news@example.org"),
        ("rfc822;kim+3Dnews@example.org", "kim=news@example.org"),
        ("rfc822;gro+C3+9F@example.org", "groß@example.org"),
        ('rfc822;"two+20word"@example.org', '"two word"@example.org'),
        ("rfc822;kim+40example.org", "kim@example.org"),
        ("rfc822;<kim+2Bnews@example.org>", "kim+news@example.org"),
        ("rfc822;kim+20x@example.org", "kim+20x@example.org"),
        ("rfc822;kim+41@example.org", "kim+41@example.org"),
        ("rfc822;kim+C3@example.org", "kim+C3@example.org"),
        ("rfc822;kim+news+2B@example.org", "kim+news+2B@example.org"),
        ("rfc822;kim+2Ba=b@example.org", "kim+2Ba=b@example.org"),
        ("rfc822;kim@example.org", "kim@example.org"),
    ],
)
def test_xtext(value: str, expected: str) -> None:
    assert recipient_address(value, [], xtext=True) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("kim@example.org", True),
        ("/C=US/A=EX/S=Kim/", True),
        ("C=US;A=EX;S=Kim", True),
        ("|/usr/bin/deliver -a x", False),
        ("/var/mail/kim", False),
        ("kim", False),
        ("", False),
        ("@example.org", False),
        ("kim@", False),
        ("two word@example.org", False),
        ("kim\x07@example.org", False),
    ],
)
def test_what_can_be_a_mailbox(address: str, expected: bool) -> None:
    assert is_mailbox(address) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("kim@example.org, lee@example.org", ["kim@example.org", "lee@example.org"]),
        ("rfc822; kim@example.org;lee@example.org", ["kim@example.org", "lee@example.org"]),
        ('"kim, lee"@example.org,', ['"kim, lee"@example.org']),
        ("kim@example.org, undisclosed", []),
        ("", []),
    ],
)
def test_several_recipients(value: str, expected: list[str]) -> None:
    assert several_recipients(value) == expected


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Kim@Example.ORG", "kim@example.org", True),
        ('"kim"@example.org', "kim@example.org.", True),
        (r'"k\im"@example.org', "kim@example.org", True),
        ("gro\u00df@example.org", "gross@example.org", False),
        ("\u00dcnal@example.org", "\u00fcnal@example.org", False),
        ("u\u0308nal@example.org", "\u00fcnal@example.org", True),
        ("kim@B\u00fccher.example", "kim@xn--bcher-kva.example", True),
        ("kim@stra\u00dfe.example", "kim@strasse.example", False),
        ("kim@b\u00fccher\u3002example", "kim@b\u00fccher.example", True),
        ("kim@example.org", None, False),
        (None, None, False),
    ],
)
def test_which_spellings_are_one_address(one: str | None, other: str | None, same: bool) -> None:
    assert is_same_address(one, other) is same


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no <kim@example.org>, but lee@example.org.", ["kim@example.org", "lee@example.org"]),
        ("'kim@example.org'", ["kim@example.org"]),
        ("@ and @example.org and kim@ ", []),
        ("to <two word@example.org>: no", ['"two word"@example.org']),
        ("a < b kim@example.org>", ["kim@example.org"]),
        ('a "b"@example.org', ['"b"@example.org']),
        ('b"@example.org', []),
        ('a@b"@example.org', []),
        ('"<a@b> c"@example.org and "d" <e@f>', ['"<a@b> c"@example.org', "e@f"]),
        (r'"\" <a@b> \" "@example.org', [r'"\" <a@b> \" "@example.org']),
        ("a@" * 100, ["a@a"] * 32),
    ],
)
def test_addresses_in(text: str, expected: list[str]) -> None:
    assert addresses_in(text) == expected


@pytest.mark.parametrize(
    ("text", "length"), [("a" * 2000, 998), ("\u7528" * 2000, 332), ("\u00e9" * 500, 499), ("short", 5)]
)
def test_evidence_is_bounded(text: str, length: int) -> None:
    assert len(words_of(text)) == length
    assert text.startswith(words_of(text))
