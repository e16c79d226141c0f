"""Which words of a rule matched: the places that an explanation names are those where the rule found them."""

from __future__ import annotations

import re
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable import Knowledge, Verdict, classify
from undeliverable._knowledge.build import build
from undeliverable._knowledge.shipped import Shipped
from undeliverable._rules.phrases import words_of
from undeliverable._rules.places import matched_places, trace_visible
from undeliverable._rules.rule import Rule
from undeliverable._rules.visible import visible
from undeliverable._verdicts.decisions import masked

RULES: Final = Knowledge.builtin().rules
EXAMPLES: Final = [rule.example for rule in RULES if rule.example]
NAMED: Final = re.compile(r'"(?P<words>.*)" at offset (?P<offset>\d+) of the reply')
SHIPPED = Shipped(build())


def named(verdict: Verdict) -> list[tuple[str, int]]:
    """Return the words that an explanation names, with their offsets."""
    lines = re.findall(r"^  words +(.*)$", verdict.explain(verbose=True), re.MULTILINE)
    found = [match for line in lines if (match := NAMED.match(line))]
    return [(match["words"], int(match["offset"])) for match in found]


def stands_there(words: str, offset: int, reply: str) -> bool:
    return " ".join(reply[offset:].split()).startswith(words.removesuffix("..."))


def by_words(rule: Rule) -> bool:
    return bool(rule.when.words or rule.when.any_words)


def is_plain(text: str) -> bool:
    """Return whether rules see a reply as it stands; where its plain form decides, its words are not shown."""
    seen = visible(text, int(text[:3]) if text[:3].isdecimal() else 0)
    return SHIPPED.plain.of(seen, words_of(seen)) == seen


def test_every_rule_that_decides_by_words_shows_them() -> None:
    by_id = {rule.id: rule for rule in RULES}
    silent, wrong, seen = [], [], 0
    for text in EXAMPLES:
        verdict = classify(text, recipient="kim@example.org")
        if verdict.rule is None or verdict.rule.id not in by_id or not by_words(by_id[verdict.rule.id]):
            continue  # by a code, or by the second opinion
        seen += 1
        places = named(verdict)
        if not places and is_plain(text):
            silent.append(text)
        wrong += [(text, place) for place in places if not stands_there(*place, verdict.reply or "")]
    assert seen > len(RULES) // 2
    assert (silent, wrong) == ([], [])


@pytest.mark.parametrize(
    ("reply", "phrase", "shown", "offset"),
    [
        ("552 Nachricht zu groß", "nachricht zu gross", "Nachricht zu groß", 4),
        ("552 STRASSE GESPERRT", "straße gesperrt", "STRASSE GESPERRT", 4),
        ("550 Empfa\u0308nger unbekannt", "empfa\u0308nger", "Empfa\u0308nger", 4),
        (r"550 Empf\344nger unbekannt", "empfänger", r"Empf\344nger", 4),
        ("550-first word\r\n550 second", "word second", "word 550 second", 10),
        ("550-5.1.1 first word\r\n550-5.1.1   second", "word second", "word 550-5.1.1 second", 16),
        ("550 unblock, then blocked", "block", "block", 18),
        ("550 from <a@example.org> refused", "from <> refused", "from <a@example.org> refused", 4),
        ("550 from KIM@example.org refused", "from <> refused", "from KIM@example.org refused", 4),
        ("550 \u30e6\u30fc\u30b6\u30fc\u4e0d\u660e", "\u4e0d\u660e", "\u4e0d\u660e", 8),
    ],
)
def test_words_in_every_dress(reply: str, phrase: str, shown: str, offset: int) -> None:
    own = Knowledge.builtin().with_rules([{"when": {"words": phrase}, "then": {"reason": "greylisted"}}])
    verdict = classify(reply, recipient="kim@example.org", knowledge=own)
    assert verdict.reason == "greylisted"
    assert named(verdict) == [(shown, offset)]


def test_a_pattern_over_two_lines() -> None:
    own = Knowledge.builtin().with_rules([{"when": {"pattern": "first second"}, "then": {"reason": "greylisted"}}])
    verdict = classify("550-5.1.1 first\r\n550 5.1.1 second", knowledge=own)
    assert '"first 550 5.1.1 second" at offset 10 of the reply, by its pattern' in verdict.explain(verbose=True)


def test_any_words_name_those_that_stand_there() -> None:
    text = visible("550 no such user, gone", 550)
    assert list(matched_places(("no such user", "full", "gone"), r"us.r", text)) == [(4, 16), (18, 22), (12, 16)]
    assert list(matched_places((), "zzz", text)) == []


PIECES: Final = (*"5 0.1-<>@aBß\r\n\t\u0130\u00a0\u4e0d\u0301", "550 ", "550-5.1.1 ", "Kim@example.org")
texts = st.sampled_from(EXAMPLES) | st.lists(st.sampled_from(PIECES), max_size=60).map("".join)


@given(
    st.lists(texts, max_size=3).map("\r\n".join),
    st.sampled_from((0, 550)),
    st.lists(st.none() | st.sampled_from(("", "kim@example.org", "Kim@example.org", "a@b")), max_size=2),
)
def test_a_traced_text_is_what_rules_see(reply: str, code: int, addresses: list[str | None]) -> None:
    traced = trace_visible(reply, code, addresses)
    assert traced.text == visible(masked(reply, *addresses), code)
    assert len(traced.text) == len(traced.origins)
    assert all(0 <= start < end <= len(reply) for start, end in traced.origins)
    starts = [start for start, _ in traced.origins]
    assert starts == sorted(starts)


@pytest.mark.parametrize("piece", ["a@b ", "550 5.1.1 ", "550-x\r\n", "ß", "<a@b>", "  "])
def test_long_replies_are_cut(piece: str) -> None:
    reply = "550 " + piece * 10_000
    assert trace_visible(reply, 550).text == visible(reply, 550)
