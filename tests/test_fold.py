"""One fold of Unicode: what looks the same to a reader compares as equal, and folding again changes nothing."""

from __future__ import annotations

import unicodedata
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undeliverable import classify
from undeliverable._rules.places import trace_visible
from undeliverable._rules.visible import visible
from undeliverable._text.fold import fold

JOINER: Final = "\u200d"
PIECES: Final = (
    "550 ", "user", "_", " ", "é", "e\u0301", "\u0301", "\u0307", "\u0345", "ß", "İ", "Ω", "ΐ", "ǰ", JOINER, "\u00ad", "\u00a0",
    "\u2019", "\u02bc", "ö".encode().decode("latin-1"), "не".encode().decode("latin-1"), "Ã", "\u0080", "가", "\u1100", "\u1161",
    "\u0b47", "\u0b3e", "不明", "\r\n", "A", "\u0fb2\u0f71\u0f80", r"\344", r"\303\244", r"\20", "7", r"\303\203\302\244",
    "/etc/no_such_user.cf", "user_unknown.lua", "/", ".",
)  # fmt: skip
TEXTS: Final = st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=20).map("".join)


@settings(max_examples=500, deadline=None)
@given(TEXTS)
def test_folding_again_changes_nothing(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded


@settings(max_examples=500, deadline=None)
@given(TEXTS, st.sampled_from((0, 550)))
def test_each_character_that_rules_see_is_traced_to_its_origin(text: str, code: int) -> None:
    traced = trace_visible(text, code)
    assert traced.text == visible(text, code)
    assert all(0 <= start < end <= len(text) for start, end in traced.origins)


@pytest.mark.parametrize(
    ("dressed", "plain"),
    [
        ("user doesn\u2019t exist", "user doesn't exist"),
        ("user doesn\u02bct exist", "user doesn't exist"),
        ("\u201cunknown\u201d user", '"unknown" user'),
        ("user\u00a0unknown", "user unknown"),
        ("user\u202funknown", "user unknown"),
        ("user\u3000unknown", "user unknown"),
        ("non\u2011existent", "non-existent"),
        ("un\u00adknown \u200buser\ufeff", "unknown user"),
        ("NO_SUCH_USER", "no such user"),
        ("no_such_user", "no such user"),
        ("LPN007_416", "lpn007_416"),
        ("S3_x 5_1", "s3_x 5_1"),
        ("Empfa\u0308nger", "empfänger"),
        (r"Empf\344nger gel\366scht", "empfänger gelöscht"),
        (r"Empf\303\244nger", "empfänger"),
        (r"domain\user \144", r"domain\user \144"),
        ("EMPFÄNGER", "empfänger"),
        ("Größe", "grösse"),
        ("Empfänger".encode().decode("latin-1"), "empfänger"),
        ("Пользователь не найден".encode().decode("latin-1"), "пользователь не найден"),
        ("Empfänger".encode().decode("latin-1").encode().decode("latin-1"), "empfänger"),
        ("ÃÃ", "ãã"),
        ("Empfänger".encode().decode("latin-1") + " 不明", "empfã¤nger 不明"),
    ],
)
def test_dresses_of_one_text_are_equal(dressed: str, plain: str) -> None:
    assert fold(dressed) == plain


@given(st.sampled_from(("Konto vorübergehend gesperrt", "L'utilisateur n'existe pas", "Użytkownik nie istnieje")))
def test_the_dress_of_a_reply_does_not_matter(words: str) -> None:
    plain = classify(f"550 {words}")
    assert plain.reason in ("mailbox_disabled", "user_unknown")
    for dressed in (
        unicodedata.normalize("NFD", words),
        words.replace("'", "\u2019"),
        words.replace(" ", "\u00a0"),
        words.upper(),
        f"\u200b{words}",
        words.encode().decode("latin-1"),
    ):
        verdict = classify(f"550 {dressed}")
        assert (verdict.reason, verdict.bounce_type) == (plain.reason, plain.bounce_type), dressed


def test_a_long_run_of_marks_takes_linear_time() -> None:
    reply = "550 a" + "\u0301" * 8_000
    assert trace_visible(reply, 550).text == visible(reply, 550)


@pytest.mark.parametrize(
    ("text", "folded"), [("\u0149", "'n"), ("\u1ffd", "'"), ("a\u2000b\u2001", "a b "), ("\u00c4", "\u00e4")]
)
def test_what_becomes_dress_once_it_is_folded(text: str, folded: str) -> None:
    assert fold(text) == folded
