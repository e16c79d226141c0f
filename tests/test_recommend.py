"""The decision tree, and slips of the fingers."""

from __future__ import annotations

import re
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import undeliverable
from undeliverable import Advice, classify
from undeliverable.recommend import Correction, Recommendation, Step, mailbox_domains, recommend, suggest_domain

DEAD = classify("550 5.1.1 no such user", recipient="kim@example.org", command="rcpt")
MISTYPED = replace(DEAD, recipient="kim@gmal.com")


@pytest.mark.parametrize(
    ("correction", "step"),
    [
        (None, Step.SUPPRESS),
        (Correction("kim@example.net"), Step.ENRICH),
        (Correction("kim@example.net", verified=True, source="she told us"), Step.REPLACE),
        # What is no other address corrects nothing.
        (Correction("Kim@Example.org "), Step.SUPPRESS),
        (Correction("Kim@Example.org", verified=True), Step.SUPPRESS),
    ],
)
def test_a_hard_bounce(correction: Correction | None, step: Step) -> None:
    found = recommend(DEAD, correction)
    assert found.step is step
    assert found.why
    assert found.replacement == ("kim@example.net" if step is Step.REPLACE else None)
    assert found.suggestion == ("kim@example.net" if step is Step.ENRICH else None)


def test_a_mistyped_domain_is_a_sign_and_no_proof() -> None:
    assert recommend(MISTYPED) == replace(
        recommend(MISTYPED), step=Step.ENRICH, suggestion="kim@gmail.com", replacement=None
    )


def test_only_the_domain_of_a_named_recipient_is_looked_at() -> None:
    assert recommend(replace(DEAD, recipient=None)).step is Step.SUPPRESS
    assert recommend(replace(MISTYPED, fault=undeliverable.Fault.SENDER)).step is Step.SUPPRESS


def test_without_the_extra_only_what_is_known_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidfuzz", None)
    assert recommend(MISTYPED).step is Step.SUPPRESS
    assert recommend(MISTYPED, Correction("kim@gmail.com")).step is Step.ENRICH


@pytest.mark.parametrize("advice", [*Advice, None])
def test_what_is_not_hard_follows_the_advice(advice: Advice | None) -> None:
    soft = replace(classify("452 4.2.2 mailbox full"), advice=advice)
    found = recommend(soft, Correction("kim@example.net", verified=True))
    assert found == Recommendation(Step(str(advice or Advice.NONE)), found.why)
    assert found.why


def test_a_policy_that_only_wants_the_sender_put_right_is_followed() -> None:
    assert recommend(replace(DEAD, advice=Advice.FIX_SENDER)).step is Step.FIX_SENDER


SLIPS = [
    ("gmal.com", "gmail.com"), ("gmial.com", "gmail.com"), ("gnail.com", "gmail.com"), ("gmaill.com", "gmail.com"),
    ("gmail.con", "gmail.com"), ("gmail.co", "gmail.com"), ("gmail.cm", "gmail.com"), ("gmail.vom", "gmail.com"),
    ("gmailcom", "gmail.com"), ("gamil.com", "gmail.com"), ("GMIAL.COM", "gmail.com"), ("gmaul.com", "gmail.com"),
    ("hotmial.com", "hotmail.com"), ("hotmal.com", "hotmail.com"), ("hotmil.con", "hotmail.com"), ("hormail.com", "hotmail.com"),
    ("yaho.com", "yahoo.com"), ("yahooo.com", "yahoo.com"), ("yhaoo.com", "yahoo.com"), ("yahoo.con", "yahoo.com"),
    ("outlok.com", "outlook.com"), ("outloook.com", "outlook.com"), ("oulook.com", "outlook.com"), ("iclod.com", "icloud.com"),
    ("icluod.com", "icloud.com"), ("aol.con", "aol.com"), ("comcsat.net", "comcast.net"), ("protonmial.com", "protonmail.com"),
    ("t-onlin.de", "t-online.de"), ("wbe.de", "web.de"), ("freenet.d", "freenet.de"), ("yahoo.co.ku", "yahoo.co.uk"),
    ("oragne.fr", "orange.fr"), ("lapsote.net", "laposte.net"), ("liebro.it", "libero.it"), ("yandx.ru", "yandex.ru"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "right"), SLIPS)
def test_slips(wrong: str, right: str) -> None:
    assert suggest_domain(wrong) == right


@pytest.mark.parametrize(
    "domain",
    [
        "example.com", "example.org", "company.com", "gmail.de", "ymail.com", "email.com", "mail.com", "love.com", "fox.com",
        "bücher.example", "", "a.b", "x" * 300 + ".com", "university.edu", "gmx.it", "web.com", "mac.net", "live.org",
        "gax.de", "yahoo.xr", "microsoft.com", "google.com", "apple.com", "amazon.com", "yahoo.pt", "home.ch", "plan.com", "post.com",
    ],
)  # fmt: skip
def test_no_slips(domain: str) -> None:
    assert suggest_domain(domain) is None


@given(st.sampled_from(mailbox_domains()))
def test_never_for_a_domain_that_is_known(domain: str) -> None:
    assert suggest_domain(domain) is None
    assert suggest_domain(domain.upper()) is None


@given(st.text(max_size=40))
def test_what_is_suggested_is_known(text: str) -> None:
    assert suggest_domain(text) in (None, *mailbox_domains())


def test_the_file_of_domains_is_in_order() -> None:
    path = Path(undeliverable.__file__).parent / "data" / "addresses" / "mailbox_domains.toml"
    groups = tomllib.loads(path.read_text(encoding="utf-8"))["group"]
    names = [domain for group in groups for domain in group["domains"]]
    assert all(group["source"].startswith("https://") for group in groups)
    assert len(names) == len(set(names)), sorted(name for name in names if names.count(name) > 1)
    assert all(re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", name) for name in names)
    assert names
