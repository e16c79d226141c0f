"""Return paths: plain ones, rewritten ones, and signed ones that cannot be forged."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable import Proof, Report, is_same_address, parse
from undeliverable.envelope import Rewritten, Scheme, read, unwrap
from undeliverable.verp import STYLES, UNPROVEN, Pattern, Refusal, Signer, Token, is_unproven

from .test_pipe import bounce

DAY = date(2026, 11, 20)
SECRET = b"0123456789abcdef"
PATTERN = "bounces+{token}@example.com"
SIGNER = Signer(PATTERN, {"a": SECRET})
KIM = "kim@example.org"
PATH = SIGNER.sign(KIM, id="42", day=DAY)


@pytest.mark.parametrize(
    ("style", "address", "fields"),
    [
        ("verp", "news+kim=example.org@lists.example.com", {"list": "news"}),
        ("mailman", "news-bounces+kim=example.org@lists.example.com", {"list": "news-bounces"}),
        ("ezmlm", "news-return-7-kim=example.org@lists.example.com", {"list": "news", "message": "7"}),
        ("ezmlm", "my-news-return-7-kim=example.org@lists.example.com", {"list": "my-news", "message": "7"}),
        ("sympa", "bounce+kim==a==example.org==news@lists.example.com", {"list": "news"}),
        ("sendgrid", "bounces+1234567-a1b2-kim=example.org@lists.example.com", {"account": "1234567", "code": "a1b2"}),
    ],
)
def test_styles(style: str, address: str, fields: dict[str, str]) -> None:
    pattern = Pattern(style)
    found = pattern.decode(address)
    assert found is not None
    assert found.recipient == KIM
    assert found.fields == fields | {"host": "lists.example.com"}
    assert pattern.encode(KIM, **found.fields) == address


@pytest.mark.parametrize(
    "recipient", ["kim+tag@example.org", "a=b@example.org", "kim.o'hara@example.org", "k-i-m@x.example"]
)
@pytest.mark.parametrize("style", STYLES)
def test_odd_local_parts_come_back(style: str, recipient: str) -> None:
    pattern = Pattern(style)
    places = {"list": "news", "host": "lists.example.com", "message": "7", "account": "12345", "code": "a1b2"}
    found = pattern.decode(pattern.encode(recipient, **places))
    assert found is not None
    assert found.recipient == recipient


def test_an_international_domain_is_written_in_ascii() -> None:
    pattern = Pattern("b-{mailbox}={domain}@b.example")
    path = pattern.encode("kim@Bücher.example")
    assert path == "b-kim=xn--bcher-kva.example@b.example"
    found = pattern.decode(path)
    assert found is not None
    assert is_same_address(found.recipient, "kim@bücher.example")


def test_a_pattern_of_ones_own() -> None:
    pattern = Pattern("b-{campaign}-{mailbox}={domain}@bounces.example.com")
    path = pattern.encode(KIM, campaign="spring")
    assert path == "b-spring-kim=example.org@bounces.example.com"
    found = pattern.decode(f"<{path.upper()}>")
    assert found is not None
    assert found.recipient == "KIM@EXAMPLE.ORG"
    assert found.fields == {"campaign": "SPRING"}
    assert repr(pattern) == "Pattern('b-{campaign}-{mailbox}={domain}@bounces.example.com')"


@pytest.mark.parametrize(
    "address", ["", "kim@example.org", "b-kim=example.org@other.example", "b-" + "x" * 400 + "=y@b.example"]
)
def test_no_return_path(address: str) -> None:
    assert Pattern("b-{mailbox}={domain}@b.example").decode(address) is None


@pytest.mark.parametrize(
    "pattern", ["{mailbox}@example.com", "{mailbox}={domain}", "{mailbox}{mailbox}={domain}@b.example"]
)
def test_a_pattern_that_cannot_be_used(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"must have the places|is not an address"):
        Pattern(pattern)


@pytest.mark.parametrize(
    ("recipient", "fields", "why"),
    [
        ("kim", {"list": "news", "host": "h.example"}, "is not an address"),
        (KIM, {"list": "news"}, "needs values for host"),
        ("k" * 60 + "@example.org", {"list": "news", "host": "h.example"}, "longer than 64 octets"),
        ("kim lee@example.org", {"list": "news", "host": "h.example"}, "does not fit"),
        (KIM, {"list": "a+b", "host": "h.example"}, "does not fit"),
    ],
)
def test_what_cannot_be_encoded(recipient: str, fields: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Pattern("verp").encode(recipient, **fields)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("prvs=0776abcdef=kim@example.org", Rewritten(Scheme.BATV, KIM, "0776abcdef", 776)),
        ("PRVS=0776ABCDEF=kim@example.org", Rewritten(Scheme.BATV, KIM, "0776ABCDEF", 776)),
        ("prvs=kim=0776abcdef@example.org", Rewritten(Scheme.BATV, KIM, "0776abcdef", 776)),
        ("prvs=kim/0776abcdef@example.org", Rewritten(Scheme.BATV, KIM, "0776abcdef", 776)),
        ("<SRS0=HHHH=TT=example.org=kim@forwarder.example>", Rewritten(Scheme.SRS0, KIM, "HHHH", 627)),
        ("SRS0+Hh/h=22=example.org=kim@forwarder.example", Rewritten(Scheme.SRS0, KIM, "Hh/h", 858)),
        ("SRS1=HHHH=first.example==HHHH=TT=example.org=kim@second.example",
         Rewritten(Scheme.SRS1, "SRS0=HHHH=TT=example.org=kim@first.example", "HHHH")),
        ("btv1==474900d718c==kim@example.org", Rewritten(Scheme.BTV1, KIM, "474900d718c", 474)),
        ("BTV1==0777ABBCC85==kim@example.org", Rewritten(Scheme.BTV1, KIM, "0777ABBCC85", 77)),
        ("msprvs1=17582Z2TKy0DK=bounces-9178@example.org",
         Rewritten(Scheme.MSPRVS1, "bounces-9178@example.org", "17582Z2TKy0DK", 17582)),
        ("msprvs1=20570g1ngbo_g=bounces-274689-4@example.org",
         Rewritten(Scheme.MSPRVS1, "bounces-274689-4@example.org", "20570g1ngbo_g", 20570)),
        ("btv1==kim@example.org", None),
        ("btv1=474900d718c=kim@example.org", None),
        ("btv1==474900d718==kim@example.org", None),
        ("btv1==474900d718c==@example.org", None),
        ("msprvs1=17582=kim@example.org", None),
        ("msprvs1=17582Z2TKy0D.=kim@example.org", None),
        ("kim@example.org", None),
        ("prvs=kim@example.org", None),
        ("SRS0=kim@example.org", None),
        ("SRS1=kim@example.org", None),
        ("SRS0=HHHH=\u017f\u017f=example.org=kim@forwarder.example", None),
        ("SRS0=HHHH=T\u212a=example.org=kim@forwarder.example", None),
        ("pr\u017fv=0776abcdef=kim@example.org", None),
        ("prvs=0776abcdef=kim", None),
        ("prvs=0776abcdef=" + "k" * 320 + "@example.org", None),
    ],
)  # fmt: skip
def test_rewritten_senders(address: str, expected: Rewritten | None) -> None:
    assert read(address) == expected


def test_all_rewritings_are_taken_off() -> None:
    address = "prvs=0776abcdef=SRS1=H=first.example==H=TT=example.org=kim@second.example"
    assert unwrap(address) == KIM
    assert unwrap("btv1==474900d718c==msprvs1=17582Z2TKy0DK=kim@example.org") == KIM
    assert unwrap("prvs=0776abcdef=" * 9 + "kim@example.org") == "prvs=0776abcdef=kim@example.org"
    found = Pattern("b-{mailbox}={domain}@b.example").decode("prvs=0776abcdef=b-kim=example.org@b.example")
    assert found is not None
    assert found.recipient == KIM


@given(st.text(max_size=400))
def test_no_address_raises(text: str) -> None:
    unwrap(text)
    for style in STYLES:
        Pattern(style).decode(text)
    assert SIGNER.check(text, text, today=DAY) is Refusal.NO_TOKEN


# --- signed


def test_a_token_proves_its_recipient() -> None:
    assert SIGNER.check(PATH, KIM, today=DAY) is None
    assert SIGNER.check(f"<{PATH.upper()}>", "KIM@Example.ORG", today=DAY) is None
    assert SIGNER.check(f"prvs=0776abcdef={PATH}", KIM, today=DAY) is None
    token = SIGNER.read(PATH)
    assert isinstance(token, Token)
    assert (token.key, token.day, token.id, len(token.mac)) == ("a", DAY, "42", 26)


def test_the_longest_token_fits_into_64_octets() -> None:
    signer = Signer("a-prefix-of-17ch+{token}@example.com", {"a": SECRET})
    path = signer.sign("k" * 64 + "@" + "d" * 200 + ".example", id="abcdefghij012345", day=DAY)
    assert len(path.partition("@")[0]) == 64
    with pytest.raises(ValueError, match="longer than 64 octets"):
        Signer("a-prefix-of-18-ch+{token}@example.com", {"a": SECRET})


def test_every_flipped_bit_is_refused() -> None:
    start = PATH.index("+") + 1
    for index in range(start, PATH.index("@")):
        for bit in range(7):
            changed = PATH[:index] + chr(ord(PATH[index]) ^ 1 << bit) + PATH[index + 1 :]
            refused = SIGNER.check(changed, KIM, today=DAY)
            assert refused is not None or changed.lower() == PATH, changed


def test_forged_expired_and_foreign_tokens_are_refused() -> None:
    forged = Signer(PATTERN, {"a": b"another secret of 16"}).sign(KIM, id="42", day=DAY)
    assert SIGNER.check(forged, KIM, today=DAY) is Refusal.MISMATCH
    assert SIGNER.check(PATH, "lee@example.org", today=DAY) is Refusal.MISMATCH
    assert SIGNER.check(PATH, None, today=DAY) is Refusal.NO_RECIPIENT
    assert SIGNER.check(PATH, KIM, today=DAY + timedelta(days=10)) is None
    assert SIGNER.check(PATH, KIM, today=DAY + timedelta(days=11)) is Refusal.EXPIRED
    assert SIGNER.check(PATH, KIM, today=DAY - timedelta(days=1)) is None
    assert SIGNER.check(PATH, KIM, today=DAY - timedelta(days=2)) is Refusal.NOT_YET
    assert SIGNER.check(PATH.replace("42@", "43@"), KIM, today=DAY) is Refusal.MISMATCH
    assert SIGNER.check(PATH.replace("+a", "+b"), KIM, today=DAY) is Refusal.UNKNOWN_KEY
    for other in ("bounces@example.com", PATH.replace("example.com", "example.net"), ""):
        assert SIGNER.check(other, KIM, today=DAY) is Refusal.NO_TOKEN


def test_no_other_alphabet_folds_into_a_token() -> None:
    path = SIGNER.sign(KIM, id="k", day=DAY)
    kelvin = path.replace("k@", "\u212a@")
    assert kelvin.lower() == path
    assert SIGNER.check(kelvin, KIM, today=DAY) is Refusal.NO_TOKEN


def test_keys_rotate() -> None:
    both = Signer(PATTERN, {"b": b"the new secret of 2026", "a": SECRET})
    assert both.check(PATH, KIM, today=DAY) is None
    new = both.sign(KIM, id="42", day=DAY)
    assert both.check(new, KIM, today=DAY) is None
    assert SIGNER.check(new, KIM, today=DAY) is Refusal.UNKNOWN_KEY


@given(st.text(), st.from_regex(r"[a-z0-9_-]{1,16}", fullmatch=True), st.dates(min_value=date(1970, 1, 1)))
def test_any_recipient_can_be_signed(recipient: str, own: str, day: date) -> None:
    if (day - date(1970, 1, 1)).days < 1 << 20:
        assert SIGNER.check(SIGNER.sign(recipient, id=own, day=day), recipient, today=day) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ('"kim"@example.org', KIM, True),
        (r'"k\im"@example.org', KIM, True),
        ("Kim@Example.ORG.", KIM, True),
        ("groß@example.org", "gross@example.org", False),  # RFC 6531: another mailbox
        ("straße@straße.example", "straße@STRAẞE.example", True),
        ("kim@strasse.example", "kim@straße.example", False),  # IDNA 2008: another domain
        ("kim@ΒΌΛΟΣ.example", "kim@βόλοσ.example", True),
        ("kim@βόλος.example", "kim@βόλοσ.example", False),
        ("kim@b\u00adücher.example", "kim@bücher\u3002example", True),
        ("kim@ＢÜCHER.example", "kim@bücher.example", True),
        ("İ@example.org", "i̇@example.org", False),
    ],
)
def test_one_identity_for_all(one: str, other: str, same: bool) -> None:
    assert is_same_address(one, other) is same
    path = SIGNER.sign(one, id="1", day=DAY)
    assert (SIGNER.check(path, other, today=DAY) is None) is same


def test_domains_are_signed_as_a_labels() -> None:
    path = SIGNER.sign("kim@bücher.example", id="1", day=DAY)
    assert SIGNER.check(path, "kim@xn--bcher-kva.example", today=DAY) is None
    odd = "kim@" + "ü" * 100 + ".example"
    assert SIGNER.check(SIGNER.sign(odd, id="1", day=DAY), odd, today=DAY) is None


@pytest.mark.parametrize(
    ("pattern", "keys", "why"),
    [
        ("bounces@example.com", {"a": SECRET}, "one place"),
        ("bounces@{token}.example", {"a": SECRET}, "one place"),
        ("{x}{token}@example.com", {"a": SECRET}, "one place"),
        (PATTERN, {}, "keys is empty"),
        (PATTERN, {"ab": SECRET}, "must be one letter"),
        (PATTERN, {"A": SECRET}, "must be one letter"),
        (PATTERN, {"a": b"short"}, "shorter than 16"),
    ],
)
def test_a_signer_that_cannot_be_used(pattern: str, keys: dict[str, bytes], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Signer(pattern, keys)


@pytest.mark.parametrize("own", ["", "A", "a" * 17, "a.b", "ä"])
def test_an_id_that_would_not_survive(own: str) -> None:
    with pytest.raises(ValueError, match="must be 1 to 16"):
        SIGNER.sign(KIM, id=own, day=DAY)


def test_days_before_the_epoch() -> None:
    with pytest.raises(ValueError, match="before 1970"):
        SIGNER.sign(KIM, id="1", day=date(1969, 12, 31))


# --- reports


def report(recipient: str = KIM) -> Report:
    return parse(bounce(recipient, "5.1.1", "550 5.1.1 no such user"))


def test_a_proven_report_stays_as_it_is() -> None:
    proven = SIGNER.prove(report(), "bounces@example.com", PATH, today=DAY)
    assert [replace(verdict, proof=None, token=None) for verdict in proven.verdicts] == [*report().verdicts]
    assert [(verdict.proof, verdict.token) for verdict in proven.verdicts] == [(Proof.TOKEN, "a/2026-11-20/42")]
    assert not is_unproven(proven.verdicts[0])


@pytest.mark.parametrize(
    ("recipient", "addresses", "why"),
    [
        ("lee@example.org", (PATH,), Refusal.MISMATCH),
        (KIM, (), Refusal.NO_TOKEN),
        (KIM, ("bounces@example.com",), Refusal.NO_TOKEN),
    ],
)
def test_an_unproven_verdict_drops_nobody(recipient: str, addresses: tuple[str, ...], why: Refusal) -> None:
    (before,) = report(recipient).verdicts
    (verdict,) = SIGNER.prove(report(recipient), *addresses, today=DAY).verdicts
    assert (before.bounce_type, before.advice) == ("hard", "suppress")
    assert (verdict.bounce_type, verdict.advice, verdict.reason) == ("undetermined", "review", "user_unknown")
    assert verdict.conflicts == (UNPROVEN + why,)
    assert is_unproven(verdict)
    assert why in verdict.explain(verbose=True)


def test_what_was_soft_is_undetermined_without_proof() -> None:
    soft = parse(bounce(KIM, "5.2.2", "552 5.2.2 mailbox full"))
    (verdict,) = SIGNER.prove(soft, today=DAY).verdicts
    assert (verdict.bounce_type, verdict.advice) == ("undetermined", "review")
    assert is_unproven(verdict)


def test_the_original_recipient_proves_it_as_well() -> None:
    raw = bounce("kim@home.example", "5.1.1", "550 5.1.1 no such user", original=KIM)
    assert not is_unproven(SIGNER.prove(parse(raw), PATH, today=DAY).verdicts[0])


def test_reports_are_matched_by_their_ids() -> None:
    found = report()
    assert found.matches(message_ids={"<2@example.net>"})
    assert found.matches(message_ids={"2@example.net": 1})
    assert not found.matches(message_ids={"<1@mx.example.net>"}, envelope_ids={"QQ1"})
    assert parse(bounce(KIM, "5.1.1", "550 no", envelope_id="QQ1")).matches(envelope_ids=["QQ1"])
    assert not Report(kind=found.kind).matches(message_ids={""}, envelope_ids={""})
