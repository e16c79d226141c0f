"""Conditions, phrases and patterns; and that the index finds what trying every rule would find."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undeliverable import Knowledge, KnowledgeError, Reason, classify
from undeliverable._conditions import PATTERN_LIMIT, RuleCondition, place_of, stands_in, status_key, visible
from undeliverable._patterns import check_linear
from undeliverable._phrases import most
from undeliverable._rules import Rule, RuleTable, Seen
from undeliverable.codes import StatusCode
from undeliverable.model import Command


class TestPhrases:
    @pytest.mark.parametrize(
        ("phrase", "text", "place"),
        [
            ("block", "550 blocked", 4),
            ("block", "unblock", -1),
            ("block", "unblock, block", 9),
            ("block", "_block", 1),
            ("user unknown", "user unknown", 0),
            ("user unknown", "superuser unknown", -1),
            ("spf", "no spf.", 3),
            ("spf", "no spfx", -1),
            ("spf", "spfx spf", 5),
            ("no ptr", "no ptrs", -1),
            ("is full", "is fuller", 0),
            ("<>", "a<>b", 1),
            ("(s3150)", "list(s3150)", 4),
            ("(s31", "(s3150)", -1),
            ("#5.1", "x#5.1", 1),
            ("5.1", "15.1", -1),
            ("5.1", "5.10", -1),
            ("无此用户", "对不起无此用户", 3),
            ("用", "不用户", 1),
            ("zürich", "in zürich", 3),
            ("zürich", "nachzürich", -1),
            ("ящик", "почтовый ящик", 9),
            ("missing", "", -1),
        ],
    )
    def test_where_a_phrase_stands(self, phrase: str, text: str, place: int) -> None:
        assert place_of(phrase, text) == place
        assert stands_in(phrase, text) is (place >= 0)
        table = table_of(RuleCondition.compile({"words": phrase}))
        assert (table.match(seen(text)).rule is not None) is (place >= 0)


class TestVisible:
    @pytest.mark.parametrize(
        ("text", "code", "expected"),
        [
            ("550 5.1.1 User  Unknown", 550, "550 5.1.1 user unknown"),
            ("550 Straße\tzu", 550, "550 strasse zu"),
            (
                "550-5.7.1 this message 550-5.7.1 was likely 550 5.7.1 spam",
                550,
                "550-5.7.1 this message was likely spam",
            ),
            ("550-this message 550 was", 550, "550-this message was"),
            ("550 5.7.1 this 5.7.1 was not 550", 550, "550 5.7.1 this was not 550"),
            ("554-first 550 5.1.1 last", 550, "554-first last"),
            ("550 <kim@example.org> unknown", 550, "550 <> unknown"),
            ("550 limit of 500 kim@example.org", 550, "550 limit of 500 <>"),
            ("no code 550 no code", 0, "no code 550 no code"),
            ("", 0, ""),
        ],
    )
    def test_what_rules_see(self, text: str, code: int, expected: str) -> None:
        assert visible(text, code) == expected

    def test_a_phrase_across_lines(self) -> None:
        lines = "550-5.7.1 Our system has detected that this message is\r\n550-5.7.1 likely unsolicited\r\n550 5.7.1 mail. - gsmtp"
        assert classify(lines).rule == classify(re.sub(r"\r\n550.5\.7\.1", "", lines).replace("550-", "550 ")).rule

    @given(st.text(max_size=300), st.sampled_from((0, 421, 550)))
    def test_it_never_raises(self, text: str, code: int) -> None:
        assert "\n" not in visible(text, code)


def rule_of(when: RuleCondition, number: int = 0) -> Rule:
    return Rule(f"r{number}", "code", when, Reason.GREYLISTED)


def table_of(*conditions: RuleCondition) -> RuleTable:
    return RuleTable([rule_of(when, number) for number, when in enumerate(conditions)])


def seen(
    text: str, code: int = 0, status: int = 0, command: Command | None = None, provider: str | None = None
) -> Seen:
    return Seen(text, code, status, command, provider)


class TestConditions:
    @pytest.mark.parametrize(
        ("reply", "code", "fits"),
        [
            ("550", 550, True),
            ("550", 551, False),
            ("45x", 451, True),
            ("4xx", 451, True),
            ("5**", 451, False),
            ("none", 0, True),
            ("none", 550, False),
            (["450", "none"], 0, True),
            ("xxx", 0, False),
        ],
    )
    def test_reply(self, reply: object, code: int, fits: bool) -> None:
        table = table_of(RuleCondition.compile({"reply": reply}))
        assert (table.match(seen("", code)).rule is not None) is fits

    @pytest.mark.parametrize(
        ("status", "code", "fits"),
        [
            ("5.7.1", "5.7.1", True),
            ("5.7.1", "5.7.12", False),
            ("5.7.*", "5.7.999", True),
            ("5.7.*", "5.8.0", False),
            ("5.*.*", "5.999.0", True),
            ("x.1.1", "4.1.1", True),
            ("*.1.*", "2.1.9", True),
            ("5.*.1", "5.77.1", True),
            ("5.*.1", "5.77.2", False),
            ("none", None, True),
            ("none", "5.0.0", False),
            ("*.*.*", None, False),
            (["none", "5.7.*"], "5.7.1", True),
        ],
    )
    def test_status(self, status: object, code: str | None, fits: bool) -> None:
        key = status_key(StatusCode.parse(code) if code else None)
        assert (table_of(RuleCondition.compile({"status": status})).match(seen("", 0, key)).rule is not None) is fits

    def test_words_are_all_and_any_words_one(self) -> None:
        table = table_of(RuleCondition.compile({"words": ["zebra", "lion"], "any_words": ["red", "blue"]}))
        for text, fits in (
            ("lion zebra blue", True),
            ("lion zebra", False),
            ("zebra red", False),
            ("red zebra lion", True),
        ):
            assert (table.match(seen(text)).rule is not None) is fits

    def test_command_and_provider(self) -> None:
        table = table_of(
            RuleCondition.compile({"words": "zebra", "command": ["rcpt", "none"]}),
            RuleCondition.compile({"command": "data", "provider": "Acme"}),
        )
        assert table.match(seen("zebra", command=Command.RCPT)).rule is table.rules[0]
        assert table.match(seen("zebra")).rule is table.rules[0]
        assert table.match(seen("zebra", command=Command.DATA)).rule is None
        assert table.match(seen("zebra", command=Command.DATA, provider="acme")).rule is table.rules[1]

    def test_a_pattern_sees_one_line(self) -> None:
        table = table_of(RuleCondition.compile({"pattern": "ZE[b]ra"}))
        assert table.match(seen("a zebra")).rule is table.rules[0]
        assert table.match(seen(" " * PATTERN_LIMIT + "zebra")).rule is None

    def test_description(self) -> None:
        when = {"reply": "550", "any_words": list("abcdef")}
        assert RuleCondition.compile(when).when == 'reply = "550", any_words = ["a", "b", "c", "d", ... 2 more]'

    @pytest.mark.parametrize(
        ("upper", "lower", "covers"),
        [
            ({"reply": "5xx"}, {"reply": "550"}, True),
            ({"reply": "550"}, {"reply": "5xx"}, False),
            ({"reply": "550"}, {"words": "a"}, False),
            ({"status": "5.*.*"}, {"status": "5.7.*"}, True),
            ({"status": "5.7.*"}, {"status": ["5.7.1", "5.7.2"]}, True),
            ({"status": "5.7.*"}, {"status": "5.*.*"}, False),
            ({"words": "user"}, {"words": ["no", "user unknown"]}, True),
            ({"words": "ser"}, {"words": "user"}, False),
            ({"any_words": ["user", "box"]}, {"any_words": ["no user", "a box"]}, True),
            ({"any_words": ["user"]}, {"any_words": ["no user", "a box"]}, False),
            ({"any_words": ["user"]}, {"words": "no user"}, True),
            ({"any_words": ["user"]}, {"reply": "550"}, False),
            ({"pattern": "a"}, {"pattern": "a", "reply": "550"}, True),
            ({"pattern": "a"}, {"pattern": "b"}, False),
            ({"pattern": "a"}, {"words": "a"}, False),
            ({"command": ["rcpt", "data"]}, {"command": "rcpt"}, True),
            ({"provider": "a"}, {"provider": "b"}, False),
        ],
    )
    def test_covers(self, upper: dict[str, object], lower: dict[str, object], covers: bool) -> None:
        assert RuleCondition.compile(upper).covers(RuleCondition.compile(lower)) is covers


WORDS = (
    "user",
    "users",
    "unknown",
    "mail",
    "mailbox",
    "full",
    "is",
    "no",
    "spf",
    "größe",
    "übe",
    "无此用户",
    "用户",
    "5.1.1",
    "(x)",
    "<>",
)
phrases = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)
conditions = (
    st.fixed_dictionaries(
        {},
        optional={
            "words": st.lists(phrases, min_size=1, max_size=2),
            "any_words": st.lists(phrases, min_size=1, max_size=3),
            "reply": st.sampled_from(("550", "5xx", "421", "none")),
            "status": st.sampled_from(("5.1.1", "5.7.*", "none", "x.1.*")),
            "provider": st.sampled_from(("acme", "none")),
            "pattern": st.sampled_from(("ma[i]l", "zz")),
        },
    )
    .filter(bool)
    .map(RuleCondition.compile)
)


def fits_by_hand(when: RuleCondition, what: Seen) -> bool:
    return (
        (when.reply is None or when.reply.fit(what.code))
        and (when.status is None or when.status.fit(what.status))
        and (when.providers is None or what.provider in when.providers)
        and all(stands_in(word, what.text) for word in when.words)
        and (not when.any_words or any(stands_in(word, what.text) for word in when.any_words))
        and (when.pattern is None or when.pattern.search(what.text) is not None)
    )


class TestIndex:
    @settings(max_examples=400, deadline=None)
    @given(
        st.lists(conditions, max_size=8),
        st.lists(st.sampled_from((*WORDS, "x", "unknowns", "spfx", "对", "-")), max_size=8),
        st.sampled_from((" ", "", ", ")),
        st.sampled_from((0, 421, 550)),
        st.sampled_from((0, 5001001, 5007001)),
        st.sampled_from((None, "acme")),
    )
    def test_it_finds_what_trying_every_rule_finds(
        self, whens: list[RuleCondition], words: list[str], glue: str, code: int, status: int, provider: str | None
    ) -> None:
        what = seen(glue.join(words), code, status, None, provider)
        table = table_of(*whens)
        by_hand = tuple(rule for rule in table.rules if fits_by_hand(rule.when, what))
        assert table.match(what).rule == (by_hand[0] if by_hand else None)
        assert table.fitting(what) == by_hand
        traced = table.trace(what)
        assert traced.shadowed == tuple(rule.ref() for rule in by_hand[1:])

    def test_marks_tell_the_provider_in_their_order(self) -> None:
        table = RuleTable([rule_of(RuleCondition.compile({"provider": "b"}))], [("two", "b"), ("one", "a")])
        assert table.match(seen("one two")) == (table.rules[0], table.rules[0].ref(), "b", None)
        assert table.match(seen("one")).provider == "a"
        assert table.match(seen("anyone")).provider is None
        assert table.match(seen("two", provider="c")).provider == "c"

    def test_it_does_not_slow_down_with_more_rules(self) -> None:
        """Counted, not timed: how many phrases are compared with a text."""
        text = "550 5.1.1 no such zebra7 here, word13 word14 mailbox"
        few, many = (
            table_of(*(RuleCondition.compile({"words": f"{n}zebra {n}lion", "reply": "550"}) for n in range(count)))
            for count in (50, 5_000)
        )
        assert most(few.shelf.general) == 1
        assert most(many.shelf.general) < 20
        assert many.match(seen(text)).rule is None


class TestPatterns:
    @pytest.mark.parametrize(
        "pattern",
        [
            r"(?:a|b)*",
            r"\s+(.*)$",
            r"^\s*(\S+)\s+(.*)$",
            r"\d+\.\d+",
            r"(?:[a-z]{1,63}\.){1,5}",
            r"aup#(?:in?-|o(?:ut)?-)?10[01]0",
            r".*,\d+x",
            r"(?i)foo.*bar",
            r"[]a-]+b",
            r"a{}+b",
            r"(?P<x>a+)b+",
            r"(?#a comment)a+",
            r"(?=a+)a+b",
            r"\x41+\u0042+\U00000043+\N{BULLET}",
            r"[\x41-\x43]+[\b]d",
            r"a++b*+",
            r"\Aa\b\t\Z",
            r"(?<!x)y",
            r".*?(?: \(state \d+\)\.?)?",
            "",
        ],
    )
    def test_linear(self, pattern: str) -> None:
        assert check_linear(pattern) is None

    @pytest.mark.parametrize(
        ("pattern", "trouble"),
        [
            ("(", "not a regular expression"),
            ("a**", "not a regular expression"),
            ("(a+)+", "inside an unbounded"),
            ("(a*)*", "inside an unbounded"),
            ("(?:x(?#c)+)+", "inside an unbounded"),
            ("(?:a{1,600}b){2,}", "inside an unbounded"),
            ("(?:a?)*", "may be empty"),
            ("(a|ab)*", "begin alike"),
            ("(?:é|ü)*", "begin alike"),
            (".*x.*y", "same characters"),
            (r"\d+\w+$", "same characters"),
            (r"\s*\s*(\S+)$", "same characters"),
            (r"(?P<x>a+)a+b", "same characters"),
            (r"A+[^b]+c", "same characters"),
            (r"[a-f]+[e-z]+0", "same characters"),
            (r"\d+(?:x|\d+)y", "same characters"),
            (r"é+\W+x", "same characters"),
            (r"(\w)\1", "back to a group"),
            (r"(a)(?P=x)", "not a regular expression"),
            (r"(?P<x>a)(?P=x)", "in brackets"),
            (r"(a)(?(1)b|c)", "in brackets"),
            ("(" * 3_000 + ")" * 3_000, ""),
        ],
    )
    def test_not_linear(self, pattern: str, trouble: str) -> None:
        found = check_linear(pattern)
        assert found is not None
        assert trouble in found

    @settings(deadline=None, max_examples=300)
    @given(st.text(alphabet="ab(|)*+?.[]{}1,^$\\sd", max_size=12))
    def test_what_is_accepted_is_fast(self, pattern: str) -> None:
        if check_linear(pattern) is not None:
            return
        compiled = re.compile(pattern)
        for text in ("a" * 300 + "!", "ab" * 150 + "!", " 1" * 150 + "!", "a" * 150 + "b" * 150 + "!"):
            began = time.process_time()
            compiled.match(text)
            assert time.process_time() - began < 1

    def test_what_cannot_be_followed_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def lost(*_: object, **__: object) -> None:
            raise RecursionError

        monkeypatch.setattr("undeliverable._patterns._Scanner.alternatives", lost)
        assert check_linear("((a))") == "nested too deeply"

    @given(st.text(max_size=30))
    def test_it_never_raises(self, pattern: str) -> None:
        assert check_linear(pattern) is None or isinstance(check_linear(pattern), str)


def test_a_pattern_rule_of_a_user() -> None:
    knowledge = Knowledge.builtin().with_rules(
        [{"when": {"pattern": r"\bacme-\d{3}\b"}, "then": {"reason": "greylisted"}, "example": "550 ACME-123"}]
    )
    assert classify("550 5.1.1 User unknown acme-123", knowledge=knowledge).reason == "greylisted"
    with pytest.raises(KnowledgeError, match="unbounded"):
        knowledge.with_rules([{"when": {"pattern": ".*a.*b"}, "then": {"reason": "greylisted"}}])
