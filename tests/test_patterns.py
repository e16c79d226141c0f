"""Patterns of a user's rules: what multiplies is refused, and what is accepted is fast on any text."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from undeliverable import Knowledge, KnowledgeError
from undeliverable._text.linear import MOST_STEPS, check_linear
from undeliverable._text.patterns import parse_pattern
from undeliverable._text.trial import slow_text

PATTERNS: Final = Path(__file__).parents[1] / "fixtures" / "forgery" / "patterns.txt"
HOSTILE: Final = ("a", "1", " ", "é", "ab", "a ", "1.", "a@b.", "foo", "user ", "fox ", "ffoo")
MOST: Final = 150  # so many times as long as one ``.*z`` takes, so that it is the same bar on every machine

pieces = st.sampled_from(["a", "b", ".", r"\w", r"\d", "[a-f]", "[^a]", "foo", "user ", r"\s", "é", "fo[xo]"])
limits = st.sampled_from(["?", "*", "+", "*?", "{0,80}", "{1,30}", "{2}", "{0,5}", "{0,200}", "{3,}", "{0,20}?"])
patterns = st.recursive(
    pieces,
    lambda inner: st.one_of(
        st.builds("(?:{}){}".format, inner, limits),
        st.builds("{}{}".format, inner, inner),
        st.builds("(?:{}|{})".format, inner, inner),
    ),
    max_leaves=6,
)


def refused(pattern: str) -> str | None:
    return check_linear(pattern, most_steps=MOST_STEPS)


def seconds(pattern: re.Pattern[str], text: str) -> float:
    began = time.process_time()
    pattern.search(text)
    return time.process_time() - began


def longest_search(pattern: str) -> float:
    """Return how often ``.*z`` could be searched for in the time of the slowest search in 1,000 hostile characters."""
    yardstick = re.compile(".*z", re.IGNORECASE)
    unit = sorted(seconds(yardstick, "a" * 1_000) for _ in range(5))[2]
    compiled = re.compile(pattern, re.IGNORECASE)
    texts = [text for piece in HOSTILE for text in ((piece * 1_000)[:1_000], (piece * 1_000)[:999] + "\x00")]
    return max(seconds(compiled, text) for text in texts) / unit


@pytest.mark.parametrize(
    "pattern",
    [
        "(a{1,30}){1,30}b",
        ".{0,200}.{0,200}.{0,200}z",
        "(?:a|aa){1,40}b",
        "(?:a?){40}b",
        "(?:a|a){0,80}b",
        r"(?:\w{1,20}\s?){0,80}!",
        "(?:.{0,80}a){0,10}z",
        "x{0,80}(?:x|y{0,80}){0,80}x{0,80}z",
        r"(?=(?:a|aa){1,40}b)c",
        "(?x) .{0,200} .{0,200}  # two runs \n .{0,200} z",
        "[^b]{0,80}a{0,80}.{0,80}z",
        "(?:a{0,80}){0,80}$",
        "(?:a|b?){1,40}c",
        "(?:a){0,200}(?:a){3,}z",
        "[ab]{0,200}a{3,}z",
    ],
)
def test_what_multiplies_is_refused(pattern: str) -> None:
    assert "too many ways" in (refused(pattern) or "")


@pytest.mark.parametrize(
    "pattern",
    [
        r"mailbox .{0,80}full",
        r"user .{0,40}(?:unknown|unavailable|not found)",
        r"\b(?:[a-z]{1,20}-){1,5}[0-9]{1,6}\b",
        r"(?:[a-z]{1,63}\.){1,5}",
        r"^(?=.{0,300}account).{0,300}(?:blocked|suspended)",
        r"(?m)^user .{0,40}unknown$",
        r"(?:foo|fox|fog){0,80}!",
        r"(?:ab|abc){0,80}!",
        r"(?:\d{1,3}\.){3}\d{1,3}",
        r"(?x) user [ ] unknown  # two words",
        r"x{0}y{1,1}z?",
        "",
    ],
)
def test_what_is_told_apart_is_accepted(pattern: str) -> None:
    assert refused(pattern) is None
    assert longest_search(pattern) < MOST


def test_patterns_of_lines_are_not_counted() -> None:
    assert check_linear(".{0,200}.{0,200}.{0,200}z") is None


def test_advice_is_safe() -> None:
    """Whoever follows the advice gets a pattern that is accepted and fast."""
    problem = refused(".*.*z") or ""
    limit = re.search(r"\{0,\d+\}", problem)
    assert limit is not None
    better = f".{limit[0]}.*z"
    assert refused(better) is None
    assert longest_search(better) < MOST


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(patterns, st.sampled_from(["", "z", "!", "$"]))
def test_what_is_accepted_is_fast(pattern: str, end: str) -> None:
    if refused(pattern + end) is None:
        assert longest_search(pattern + end) < MOST


def test_the_hostile_patterns_are_refused_with_a_reason() -> None:
    for pattern in PATTERNS.read_text(encoding="utf-8").splitlines():
        if (problem := refused(pattern)) is not None:
            with pytest.raises(KnowledgeError, match=re.escape(problem)):
                Knowledge.builtin().with_rules(
                    [{"id": "own.rule", "when": {"pattern": pattern}, "then": {"reason": "policy_rejected"}}]
                )


def test_built_in_patterns_are_fast() -> None:
    """Some could take more steps than a user's may, by the count of their shape; on texts made from them none does."""
    built_in = [rule for rule in Knowledge.builtin().rules if rule.when.pattern is not None]
    assert [
        rule.id
        for rule in built_in
        if rule.when.pattern is not None and slow_text(parse_pattern(rule.when.pattern.pattern), MOST_STEPS)
    ] == []


class TestTrial:
    @pytest.mark.parametrize(
        "pattern", ["(?:a|a){0,30}b", "(?:a{0,30}){0,30}!", r"x(?:\d\d?){0,40}y", "(?:ab?|b){1,40}c|(?:a|aa)+b"]
    )
    def test_a_slow_pattern_betrays_itself(self, pattern: str) -> None:
        text = slow_text(parse_pattern(pattern), MOST_STEPS)
        assert text is not None
        assert text.endswith("\x00")

    @pytest.mark.parametrize(
        "pattern",
        [
            "user unknown",
            r"^a+b$",
            "(?:ab|cd){2,3}e?",
            "x{0}",
            "(?:)+?",
            "(?=a)a|[^\\x00-\\x7f]+",
            "(?:a|)(?:b|c)*d",
            "a{2}b",
        ],
    )
    def test_a_fast_pattern_does_not(self, pattern: str) -> None:
        assert slow_text(parse_pattern(pattern), 200) is None

    def test_it_is_a_second_look(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("undeliverable._text.linear._period", lambda _: 10**9)
        assert "steps for each character of" in (refused("(?:a|aa){1,40}b") or "")

    @given(patterns, st.text(alphabet="abfo1 é", max_size=8))
    def test_it_matches_as_the_engine_does(self, pattern: str, text: str) -> None:
        """What the engine finds at the beginning of a text is among the ends that the trial finds, in the same order."""
        from undeliverable._text.trial import _Matcher

        found = re.compile(pattern).match(text)
        first = next(_Matcher(text.replace("\n", " "), 100_000).ends(parse_pattern(pattern), 0), None)
        assert (found is None) == (first is None)
