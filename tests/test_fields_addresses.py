"""The values of recipient fields, addresses in text, and the bounded words of evidence."""

from __future__ import annotations

import pytest

from undeliverable._text.addresses import addresses_in, recipient_address
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
        (f'rfc822; "<lee@example.org>{" " * 400}"@example.com', f'"<lee@example.org>{" " * 400}"@example.com'),
        ("rfc822; kim+20x@example.org", "kim+20x@example.org"),
        ("rfc822; kim+40example.org", "kim@example.org"),
        ("rfc822; kim+2Bnews+40example.org", "kim+news@example.org"),
        ("rfc822; kim@\n example.org", "kim@ example.org"),
        ("utf-8; \u7528\u6237@example.org", "\u7528\u6237@example.org"),
        (r"utf-8; \x{7528}\x{6237}@example.org", "\u7528\u6237@example.org"),
        (r"utf-8; \x{D800}@example.org", r"\x{D800}@example.org"),
        (r"rfc822; \347\224\250@example.org", "\u7528@example.org"),
        (r"rfc822; \347\224@example.org", r"\347\224@example.org"),
        ("LOCAL;<kim>", "kim"),
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


def test_what_is_no_address_is_kept_and_remarked() -> None:
    remarks: list[str] = []
    assert recipient_address("rfc822; |/usr/bin/deliver", remarks) == "|/usr/bin/deliver"
    assert len(remarks) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no <kim@example.org>, but lee@example.org.", ["kim@example.org", "lee@example.org"]),
        ("'kim@example.org'", ["kim@example.org"]),
        ("@ and @example.org and kim@ ", []),
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
