"""The second opinion: what it advises, what it leaves alone, and the confidence in verdicts."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Final

import pytest

from tests import second_reader
from tests.train.check import knowledge_with
from undeliverable import Knowledge, KnowledgeError, Verdict, classify, parse, parse_webhook
from undeliverable._knowledge.common import shipped
from undeliverable._rules.confidence import confidence_of
from undeliverable._rules.opinion import LAYER, View, Weights, advise, may_advise
from undeliverable._rules.rule import Match
from undeliverable.model import Command
from undeliverable.reasons import BounceType, Reason

BUILTIN: Final = Knowledge.builtin()
RULES: Final = BUILTIN.without_opinion()
ADVISED: Final = "550 qwertz body"
"""A reply in words that no rule knows, which `KNOWN` takes for words about the content."""
OF_CONTENT: Final = Weights((Reason.CONTENT_REJECTED, Reason.SPAM_CONTENT), [0, 0], {"'qwertz": [90, 0]})
KNOWN: Final = knowledge_with(OF_CONTENT)
WEIGHTS: Final = Weights(
    (Reason.USER_UNKNOWN, Reason.MAILBOX_FULL, Reason.RECIPIENT_RESTRICTED, Reason.EXPIRED, Reason.SPAM_CONTENT),
    [0, 0, 0, 0, 0],
    {
        "unknown": [90, 0, 0, 0, 0],
        "half": [22, 0, 0, 0, 0],
        "full": [-4, 90, 0, 0, 0],
        "list": [0, 0, 90, 0, 0],
        "expired": [0, 0, 0, 90, 0],
        "spam": [0, 0, 0, 0, 90],
        "'box": [0, 5, 0, 0, 0],
        **{f"'{word}": [0, 1, 0, 0, 0] for word in "abcde"},
    },
)


def view(*found: str) -> View:
    return View(WEIGHTS, found)


def match(id_: str, reason: Reason, layer: str = "builtin", *, pattern: bool = False) -> Match:
    rules = (rule for rule in BUILTIN.rules if (rule.when.pattern is not None) is pattern)
    found = next(rule for rule in rules if rule.id.startswith(id_))._replace(reason=reason, layer=layer)
    return Match(found, found.ref(), None, None)


NOTHING: Final = Match(None, None, None, None)
BARE: Final = match("general.x.7.1", Reason.POLICY_REJECTED)
BY_WORDS: Final = match("wording.", Reason.MAILBOX_FULL)
BY_PATTERN: Final = match("wording.", Reason.MAILBOX_FULL, pattern=True)
HARD: Final = match("wording.", Reason.USER_UNKNOWN)


class TestView:
    def test_shares_are_of_one(self) -> None:
        found = view("unknown", "full", "no such sign")
        assert sum(map(found.share, Reason)) == pytest.approx(1)
        assert found.share(Reason.GREYLISTED) == 0
        assert found.hard == found.share(Reason.USER_UNKNOWN) < found.share(found.top)
        assert found.top is Reason.MAILBOX_FULL

    @pytest.mark.parametrize(
        ("signs", "reason", "why"),
        [
            (("full", "'box"), Reason.MAILBOX_FULL, "mailbox_full 9.5 = full 9.0 + 'box' 0.5"),
            (("full", "unknown"), Reason.USER_UNKNOWN, "user_unknown 9.0 = unknown 9.0; against: full -0.4"),
            (("full",), Reason.USER_UNKNOWN, "user_unknown 0.0 = nothing; against: full -0.4"),
            (
                ("full", *(f"'{word}" for word in "abcde")),
                Reason.MAILBOX_FULL,
                "mailbox_full 9.5 = full 9.0 + 'a' 0.1 + 'b' 0.1 + 'c' 0.1 + 'd' 0.1 + others 0.1",
            ),
        ],
    )
    def test_it_explains_itself(self, signs: tuple[str, ...], reason: Reason, why: str) -> None:
        assert view(*signs).why(reason) == why


class TestAdvice:
    @pytest.mark.parametrize(
        ("seen", "found", "code", "command", "reason"),
        [
            (view("full"), NOTHING, 550, None, Reason.MAILBOX_FULL),
            (view("full"), BARE, 550, None, Reason.MAILBOX_FULL),
            (view("spam"), BY_WORDS, 550, None, Reason.SPAM_CONTENT),
            (view("spam"), match("wording.", Reason.USER_UNKNOWN), 550, None, Reason.SPAM_CONTENT),
            (view("spam", "unknown"), match("wording.", Reason.USER_UNKNOWN), 450, None, None),  # it is soft already
            (None, NOTHING, 550, None, None),  # no concept is met
            (view("full"), BY_WORDS, 550, None, None),  # it is the same
            (view("unknown"), NOTHING, 550, None, None),  # it makes nothing hard
            (view("expired"), NOTHING, 550, None, None),  # only a queue knows that
            (view("spam"), match("wording.", Reason.EXPIRED), 550, None, None),
            (view("full"), match("general.x.1.1", Reason.USER_UNKNOWN), 550, None, None),  # a hard status stands
            (view(), NOTHING, 550, None, None),  # nothing is likely
            (view("full", "spam"), BY_WORDS, 550, None, None),  # one as likely as the other
            (view("list"), NOTHING, 550, Command.MAIL, None),  # no recipient has been named
            (view("list"), NOTHING, 550, Command.RCPT, Reason.RECIPIENT_RESTRICTED),
            (view("spam"), NOTHING, 550, Command.MAIL, Reason.SPAM_CONTENT),
        ],
    )
    def test_what_is_taken(
        self, seen: View | None, found: Match, code: int, command: Command | None, reason: Reason | None
    ) -> None:
        ruling = advise(seen, found, code, command)
        assert (None if ruling is None else ruling.reason) == reason
        if ruling is not None:
            assert ruling.ref is not None
            assert (ruling.ref.id, ruling.ref.layer) == (f"{LAYER}.{reason}", LAYER)
            assert ruling.ref.when.startswith(f"{reason} ")
            assert ruling.why is None

    @pytest.mark.parametrize(
        ("found", "stated", "status", "may"),
        [
            (NOTHING, None, 0, True),
            (BARE, None, 5007001, True),
            (BY_WORDS, None, 0, False),  # a plain phrase for a soft reason
            (BY_PATTERN, None, 0, True),
            (BY_PATTERN, Reason.POLICY_REJECTED, 5007001, True),
            (BY_PATTERN, Reason.MAILBOX_FULL, 5002002, False),  # the status says the same
            (HARD, None, 0, True),
            (HARD, Reason.USER_UNKNOWN, 5001001, False),
            (HARD, Reason.DOMAIN_NO_MAIL, 5001010, False),  # hard as well
            (HARD, Reason.POLICY_REJECTED, 5007001, True),
            (HARD, None, 5000000, True),
            (match("google.", Reason.MAILBOX_FULL), None, 0, False),  # exact phrases
            (match("wording.", Reason.MAILBOX_FULL, "file:ours.toml"), None, 0, False),
            (NOTHING._replace(doubts=NOTHING.doubts._replace(hedge="may be")), None, 0, False),
        ],
    )
    def test_what_may_be_another_opinion(self, found: Match, stated: Reason | None, status: int, *, may: bool) -> None:
        assert may_advise(found, {status: stated}.get, status) is may

    def test_a_sentence_that_is_enough_for_a_hard_bounce_stands(self) -> None:
        whole, parts = view("spam"), [None, view("unknown"), view("spam")]
        assert advise(whole, HARD, 550, None, parts) is None
        assert advise(whole, HARD, 550, None, [None, whole, whole]) is not None
        assert advise(whole, BY_PATTERN, 550, None, parts) is not None

    def test_no_reason_is_made_hard_whatever_is_said(self) -> None:
        opinion = BUILTIN.second.opinion
        assert opinion is not None
        signs = sorted(opinion._weights.signs)
        for one, other in product(signs[:300], signs[-300:]):
            ruling = advise(View(opinion._weights, (one, other)), NOTHING, 550, None)
            assert ruling is None or ruling.reason.bounce_type is BounceType.SOFT


class TestVerdicts:
    def test_a_reason_is_taken_where_no_rule_fits(self) -> None:
        verdict = classify(ADVISED, knowledge=KNOWN)
        assert (verdict.bounce_type, verdict.reason, verdict.confidence) == ("soft", "content_rejected", "medium")
        assert verdict.rule is not None
        assert verdict.rule.to_dict() == {"id": "opinion.content_rejected", "layer": "opinion"}
        assert "\n  rule       opinion.content_rejected (opinion)\n" in verdict.explain(verbose=True)
        assert "\n             when content_rejected 9.0 = 'qwertz' 9.0\n" in verdict.explain(verbose=True)

    @pytest.mark.parametrize(
        ("said", "is_advised"), [("qwertz body", False), ("550 qwertz body", True), ("5.0.0 qwertz body", True)]
    )
    def test_a_statement_without_a_code_is_no_reply(self, said: str, *, is_advised: bool) -> None:
        assert classify(said, knowledge=KNOWN).reason is Reason.CONTENT_REJECTED
        notification = "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nSubject: Not delivered\n\nkim@example.org\n"
        (verdict,) = parse(f"{notification}{said}\n".encode(), knowledge=KNOWN).verdicts
        assert verdict.reply == said
        assert (verdict.reason is Reason.CONTENT_REJECTED) is is_advised

    def test_asking_for_more_changes_nothing(self) -> None:
        for text in (ADVISED, "550 5.1.1 user unknown"):
            plain, traced = (classify(text, trace=trace, knowledge=KNOWN) for trace in (False, True))
            assert replace(traced, shadowed=None).to_dict() == plain.to_dict()
            assert traced.rule == plain.rule

    def test_it_can_be_switched_off(self, tmp_path: Path) -> None:
        path = tmp_path / "plain.toml"
        path.write_text('[profile]\nname = "plain"\nopinion = false\n', encoding="utf-8")
        profile = BUILTIN.with_profile(str(path))
        for knowledge in (
            RULES,
            pickle.loads(pickle.dumps(RULES)),
            RULES.without_formats(),
            RULES.with_rules([]),
            profile,
            pickle.loads(pickle.dumps(profile)),
        ):
            knowledge.second.__dict__["opinion"] = KNOWN.second.opinion
            verdict = classify(ADVISED, knowledge=knowledge)
            assert (verdict.reason, verdict.confidence) == ("undefined", "low")
        for knowledge in (BUILTIN.without_formats(), BUILTIN.with_rules([]), pickle.loads(pickle.dumps(KNOWN))):
            knowledge.second.__dict__["opinion"] = KNOWN.second.opinion
            assert classify(ADVISED, knowledge=knowledge).reason == "content_rejected"

    @pytest.mark.parametrize("value", ['"no"', "0"])
    def test_a_profile_says_it_as_true_or_false(self, tmp_path: Path, value: str) -> None:
        path = tmp_path / "odd.toml"
        path.write_text(f'[profile]\nname = "odd"\nopinion = {value}\n', encoding="utf-8")
        with pytest.raises(KnowledgeError, match="must be true or false"):
            BUILTIN.with_profile(str(path))

    def test_knowledge_of_rules_alone_has_none(self) -> None:
        bare = Knowledge().with_rules([{"when": {"words": "kaput"}, "then": {"reason": "user_unknown"}}])
        assert bare.second.view("550 kaput", 550, 0, None) is None
        assert classify(ADVISED, knowledge=bare).reason == "undefined"
        assert classify("550 kaput", knowledge=bare).confidence == "high"

    def test_a_queue_that_gave_up_keeps_its_reason(self) -> None:
        mail = (
            "Return-Path: <>\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
            "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
            "Final-Recipient: rfc822; kim@example.org\nAction: failed\nStatus: 4.4.7\nDiagnostic-Code: x-own; qwertz body\n\n--b--\n"
        )
        (verdict,) = parse(mail.encode(), knowledge=KNOWN).verdicts
        assert (verdict.reason, verdict.confidence) == ("expired", "medium")

    def test_a_status_without_words_is_relied_on_a_little(self) -> None:
        mail = (
            "Return-Path: <>\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
            "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
            "Final-Recipient: rfc822; kim@example.org\nAction: failed\nStatus: 5.1.1\n\n--b--\n"
        )
        (verdict,) = parse(mail.encode()).verdicts
        assert (verdict.bounce_type, verdict.reply, verdict.confidence) == ("hard", None, "medium")

    def test_the_class_of_a_service_counts_before_it(self) -> None:
        event = {
            "eventType": "Bounce",
            "bounce": {
                "bounceType": "Permanent",
                "bounceSubType": "General",
                "bouncedRecipients": [
                    {"emailAddress": "kim@example.org", "action": "failed", "diagnosticCode": f"smtp; {ADVISED}"}
                ],
            },
            "mail": {"messageId": "1", "destination": ["kim@example.org"]},
        }
        (report,) = parse_webhook("amazon_ses", json.dumps(event).encode(), knowledge=KNOWN)
        (verdict,) = report.verdicts
        assert (verdict.reason, verdict.bounce_type) == ("undefined", "hard")
        assert verdict.confidence == "low"


# --- confidence -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "confidence"),
    [
        ("550 5.1.1 user unknown", "high"),  # words and status agree
        ("451 4.7.1 greylisted, try again later", "high"),  # it will pass, whatever it is
        ("550 mailbox does not exist", "high"),  # words alone that cannot mean anything else
        ("550 message contains spam", "high"),
        ("No SMTP servers were available for example.org. No hosts to try.", "medium"),  # no code, but words
        ("550 5.1.1 ...", "medium"),  # a status alone
        ("550 5.7.1 no", "medium"),
        ("550 4.1.1 user unknown", "medium"),  # code and status disagree
        ("550 qwertz", "low"),
        ("250 ok", None),
    ],
)
def test_confidence(text: str, confidence: str | None) -> None:
    verdict = classify(text)
    assert verdict.confidence == confidence
    assert verdict.to_dict()["confidence"] == confidence
    assert pickle.loads(pickle.dumps(verdict)).confidence == confidence
    assert (f"\n  confidence {confidence}" in verdict.explain(verbose=True)) is (confidence is not None)


@pytest.mark.parametrize(
    ("text", "signs", "confidence"),
    [
        ("550 mailbox does not exist", ("unknown",), "high"),
        ("550 mailbox does not exist", ("unknown", "full"), "low"),
        ("550 mailbox does not exist", ("unknown", "'box"), "high"),
        ("550 mailbox does not exist", (), "low"),
        ("550 mailbox does not exist", ("half",), "medium"),
        ("550 mailbox does not exist", None, "medium"),
        ("550 mailbox is full", ("full",), "high"),
        ("550 mailbox is full", ("spam",), "medium"),
        ("550 mailbox is full", None, "medium"),
        ("550 5.1.1", ("unknown",), "medium"),
        ("550 5.1.1", ("spam",), "low"),
    ],
)
def test_words_alone_are_as_likely_as_the_second_opinion_has_them(
    text: str, signs: tuple[str, ...] | None, confidence: str
) -> None:
    found = None if signs is None else View(WEIGHTS, signs)
    assert confidence_of(lambda _: None, lambda *_: found, classify(text)) == confidence


@pytest.mark.parametrize(
    "text", ["552 mailbox full", "450 mailbox full", "550 5.1.1 user unknown", "550 5.7.1 no", "550 qwertz"]
)
@pytest.mark.parametrize("bounce_type", ["hard", "soft", "undetermined"])
def test_a_policy_does_not_change_how_sure_the_reading_is(text: str, bounce_type: str) -> None:
    own = BUILTIN.with_rules([{"then": {"bounce_type": bounce_type}}])
    assert classify(text, knowledge=own).confidence == classify(text).confidence


def test_your_own_rule_is_relied_on() -> None:
    own = BUILTIN.with_rules([{"when": {"words": "qwertz"}, "then": {"reason": "user_unknown"}}])
    assert classify("550 qwertz", knowledge=own).confidence == "high"


def test_a_verdict_from_a_record_keeps_its_confidence() -> None:
    verdict = classify("550 5.1.1 user unknown")
    for level in ("low", None):
        assert replace(verdict, confidence=level).confidence == level
    assert getattr(Verdict, "confidence") is Verdict.__dict__["confidence"]  # noqa: B009 # a slot, to type checkers


def test_what_is_likelier_stands_in_the_explanation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUILTIN.second.__dict__, "opinion", KNOWN.second.opinion)
    text = classify("550 5.1.1 qwertz body").explain(verbose=True)
    assert "\n  confidence low\n  opinion    content_rejected 9.0 = 'qwertz' 9.0\n" in text
    assert "\n             user_unknown 0.0 = nothing\n" in text
    text = classify("550 qwertz body").explain(verbose=True)
    assert "\n  confidence medium\n  policy " in text


def test_standard_reports_need_no_second_opinion() -> None:
    knowledge = Knowledge((shipped(),))
    for text, command in (("550 5.1.1 user unknown", "rcpt"), ("552 5.2.2 mailbox full", "rcpt"), ("250 ok", None)):
        assert classify(text, command=command, knowledge=knowledge).confidence in {"high", None}
    assert "opinion" not in knowledge.second.__dict__, "the model was read"


# --- the tool ---------------------------------------------------------------------------------------------------------


def test_contradictions_are_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(second_reader._RULES.second.__dict__, "opinion", KNOWN.second.opinion)
    path = tmp_path / "replies.txt"
    rows = [
        "550 qwertz",  # names no concept
        "",
        "550 5.1.1 user unknown",
        "250 ok",
        json.dumps({"text": "550 5.7.1 qwertz body", "command": "end_of_data"}),
    ]
    path.write_text("\n".join(rows), encoding="utf-8")
    assert second_reader.main([str(path)]) == 0
    assert capsys.readouterr().out == (
        "550 5.7.1 qwertz body\n  soft policy_rejected (general.x.7.1)\n"
        "  100 % content_rejected 9.0 = 'qwertz' 9.0\n  policy_rejected 0.0 = nothing\n"
    )
