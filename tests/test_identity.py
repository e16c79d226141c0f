"""When two spellings are one address: one rule for signer, list and look-ups."""

from __future__ import annotations

import sys
import unicodedata

import idna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clocks import LINEAR, growth
from undeliverable import address_identity
from undeliverable._text.identity import domain_identity
from undeliverable.store import AddressIdentity

NASTY = st.text(alphabet='aA@"\\. \u00ad\u3002ßẞς\u2003\uff20\u0308ü\u0345\u212a\u200d()', max_size=12)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("Kim@Example.ORG", "kim@example.org"),
        (" kim@example.org. ", "kim@example.org"),
        ('"kim"@example.org', "kim@example.org"),
        (r'"k\im.lee"@example.org', "kim.lee@example.org"),
        ('"kim lee"@example.org', '"kim lee"@example.org'),
        ("kim lee@example.org", '"kim lee"@example.org'),
        ("kim..lee@example.org", '"kim..lee"@example.org'),
        (r'"\"kim\""@example.org', r'"\"kim\""@example.org'),
        ('"a@b"@example.org', '"a@b"@example.org'),
        ("groß@example.org", "groß@example.org"),
        ("Jose\u0301@example.org", "josé@example.org"),
        ("JOSÉ@example.org", "josÉ@example.org"),
        ("kim@BÜCHER.example", "kim@xn--bcher-kva.example"),
        ("kim@bücher\u3002example", "kim@xn--bcher-kva.example"),
        ("kim@straße.example", "kim@xn--strae-oqa.example"),
        ("kim@STRAẞE.example", "kim@xn--strae-oqa.example"),
        ("kim@ΒΌΛΟΣ.example", "kim@xn--nxasmq6b.example"),
        ("kim@βόλος.example", "kim@xn--nxasmm1c.example"),
        ("kim@a\u00adb.example", "kim@ab.example"),
        ("@example.org", "@example.org"),
        ("nobody", "nobody"),
    ],
)
def test_the_form_that_all_spellings_share(address: str, expected: str) -> None:
    assert address_identity(address) == expected
    assert AddressIdentity().of(address) == expected


@given(st.one_of(st.text(max_size=40), NASTY), st.booleans())
def test_the_form_of_a_form_is_itself(address: str, case_matters: bool) -> None:
    once = address_identity(address, case_matters=case_matters)
    assert address_identity(once, case_matters=case_matters) == once


@given(st.text(alphabet="abcABC.-+_", min_size=1, max_size=12), st.text(alphabet='ab"\\ @.', max_size=8))
def test_quotes_and_case_make_no_difference(local: str, odd: str) -> None:
    bare = address_identity(f"{local}{odd}@example.org")
    escaped = (local + odd).replace("\\", "\\\\").replace('"', '\\"')
    if not odd.startswith('"') or not odd.endswith('"'):
        assert address_identity(f'"{escaped}"@EXAMPLE.org') == bare
    assert address_identity(f'"{escaped.swapcase()}"@example.org') == address_identity(f'"{escaped}"@example.org')


def known_to_unicode(sign: str) -> bool:
    """Return whether this Python knows the character; of the ideographs and syllables, which map alike, every hundredth."""
    alike = "\u3400" <= sign <= "\u9fff" or "\uac00" <= sign <= "\ud7a3" or sign >= "\U00012000"
    return unicodedata.category(sign) not in {"Cn", "Co", "Cs"} and not (alike and ord(sign) % 100)


def test_domains_are_mapped_as_idna_maps_them() -> None:
    checked = 0
    for sign in filter(known_to_unicode, map(chr, range(0x80, sys.maxunicode + 1))):
        try:
            expected = idna.encode(f"a{sign}é.example", uts46=True).decode("ascii")
        except idna.IDNAError:
            continue
        checked += 1
        assert domain_identity(f"a{sign}é.example") == expected, hex(ord(sign))
    assert checked > 10_000


def test_a_domain_takes_no_more_time_than_its_length() -> None:
    many = "".join(chr(0x400 + number % 5_000) for number in range(20_000))
    assert domain_identity(many) == domain_identity(domain_identity(many))
    assert growth(lambda number: domain_identity(domain_identity(many[:number])), len(many)) < LINEAR
