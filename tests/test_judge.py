"""Facts in, a verdict out: whose status is final, what follows, what is said about contradictions."""

from __future__ import annotations

import dataclasses
import inspect
import json
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest

from undeliverable import (
    Action,
    Advice,
    BounceType,
    Command,
    Diagnostic,
    Event,
    Fault,
    Kind,
    Knowledge,
    Reason,
    ReplyCode,
    StatusCode,
    Verdict,
    classify,
)
from undeliverable._smtp.replies import parse_reply
from undeliverable._verdicts.judge import ServiceClass, Surroundings, judge
from undeliverable.model import Evidence, RecipientFacts, Reply, Witness
from undeliverable.verdict import NO_DETAILS

BUILTIN = Knowledge.builtin()


def facts(reply: str | None = None, status: str | None = None, **more: Any) -> RecipientFacts:
    return RecipientFacts(
        witness=Witness.FIELD,
        recipient="kim@example.org",
        action=more.pop("action", Action.FAILED),
        status=None if status is None else StatusCode.parse(status),
        reply=None if reply is None else parse_reply(reply),
        **more,
    )


def verdict_on(given: RecipientFacts, knowledge: Knowledge = BUILTIN, **more: Any) -> Verdict:
    around = Surroundings(**{key: more.pop(key) for key in Surroundings._fields if key in more})
    return judge(given, knowledge, identity=more.pop("identity", "<1@example.net>"), surroundings=around, **more)


class TestFinalStatus:
    @pytest.mark.parametrize(
        ("reply", "field", "final", "whose"),
        [
            ("550 5.7.1 Spam", "5.1.1", "5.7.1", "reply"),
            ("550 Spam", "5.1.1", "5.1.1", "field"),
            ("550 Spam", None, None, None),
            (None, "5.1.1", "5.1.1", "field"),
            (None, None, None, None),
        ],
    )
    def test_the_reply_decides(
        self, reply: str | None, field: str | None, final: str | None, whose: str | None
    ) -> None:
        record = verdict_on(facts(reply, field)).to_dict()
        assert (record["status"], record["status_from"], record["reported_status"]) == (final, whose, field)

    def test_rules_do_not_believe_a_status_field_beside_a_reply(self) -> None:
        assert verdict_on(facts("550 Poor Reputation Sender", "5.1.1")).reason == "bad_reputation"
        assert verdict_on(facts("550 zzz", "5.1.1")).reason == "undefined"
        assert verdict_on(facts(None, "5.1.1")).reason == "user_unknown"

    def test_the_reporting_server_speaks_where_no_other_does(self) -> None:
        words = Diagnostic("x-postfix", "zzz (5.1.2)")
        verdict = verdict_on(facts(diagnostic=words))
        assert (verdict.reason, verdict.reply, verdict.reply_code) == ("domain_unknown", "zzz (5.1.2)", None)
        both = verdict_on(facts(None, "5.0.0", diagnostic=words))
        assert (str(both.status), both.status_from, both.reason) == ("5.0.0", "field", "undefined")
        own = verdict_on(facts("mailbox is full", "4.2.2"))
        assert (own.reason, own.reply_code, own.status_from) == ("mailbox_full", None, "field")


class TestConflicts:
    @pytest.mark.parametrize(
        ("reply", "field", "expected"),
        [
            ("450 4.7.1 later", "5.0.0", ["Status 5.0.0 but the reply says 4.7.1"]),
            ("550 5.7.1 no", "5.1.1", ["Status 5.1.1 but the reply says 5.7.1"]),
            ("550 5.7.1 no", "5.0.0", []),
            ("550 5.7.1 no", "5.7.1", []),
            ("554 no", "4.0.0", ["Status 4.0.0 but the reply says 554"]),
            ("554 no", "5.1.1", []),
            ("500 no", "5.1.1", []),
            ("500 5.5.1 no", None, []),
            ("500 5.5.1 no", "5.5.1", []),
            ("550 4.7.1 no", None, ["The reply's code 550 and its status 4.7.1 differ in class"]),
            (None, "5.1.1", []),
        ],
    )
    def test_witnesses(self, reply: str | None, field: str | None, expected: list[str]) -> None:
        assert list(verdict_on(facts(reply, field)).conflicts) == expected

    def test_of_a_reply_alone(self) -> None:
        assert classify("500 5.5.1 no").conflicts == ()
        assert classify("550 4.7.1 no").conflicts == ("The reply's code 550 and its status 4.7.1 differ in class",)

    def test_those_of_the_facts_stay(self) -> None:
        assert verdict_on(facts("450 4.7.1 later", "5.0.0", conflicts=("first",))).conflicts[0] == "first"


class TestConsequences:
    @pytest.mark.parametrize(
        ("reply", "reason", "bounce_type", "advice"),
        [
            ("550 5.1.1 User unknown", "user_unknown", "hard", "suppress"),
            ("450 4.1.1 User unknown", "user_unknown", "soft", "retry"),
            ("450 5.1.1 User unknown", "user_unknown", "soft", "retry"),
            ("550 4.1.1 User unknown", "user_unknown", "soft", "retry"),
            ("4.1.1 User unknown", "user_unknown", "soft", "retry"),
            ("User unknown", "user_unknown", "hard", "suppress"),
            ("552 5.2.2 Mailbox full", "mailbox_full", "soft", "retry"),
            ("552 5.3.4 Message too big", "message_too_large", "soft", "fix_message"),
            ("552 Too many recipients", "too_many_recipients", "soft", "slow_down"),
            ("550 zzz", "undefined", "undetermined", "review"),
            ("", "undefined", "undetermined", "review"),
        ],
    )
    def test_of_a_failure(self, reply: str, reason: str, bounce_type: str, advice: str) -> None:
        verdict = verdict_on(facts(reply))
        assert (verdict.reason, verdict.bounce_type, verdict.advice) == (reason, bounce_type, advice)
        assert verdict.reason is not None
        assert verdict.fault is verdict.reason.fault

    def test_a_delayed_recipient_is_soft_and_nothing_is_to_be_done(self) -> None:
        strict = BUILTIN.with_profile("strict-rfc")
        for given, kind in (
            (facts("550 5.1.1 User unknown", action=Action.DELAYED), Kind.BOUNCE),
            (facts("550 5.1.1 User unknown", action=None), Kind.DELAY),
        ):
            verdict = verdict_on(given, strict, kind=kind)
            assert (verdict.reason, verdict.bounce_type, verdict.advice) == ("user_unknown", "soft", "none")
            assert verdict.policy is None

    @pytest.mark.parametrize("action", [Action.DELIVERED, Action.RELAYED, Action.EXPANDED])
    def test_delivered(self, action: Action) -> None:
        verdict = verdict_on(facts("250 2.0.0 Ok", action=action, remote_mta="mx.google.com"), kind=Kind.BOUNCE)
        assert (verdict.reason, verdict.bounce_type, verdict.fault, verdict.advice) == (None, None, None, None)
        assert verdict.provider == "google"
        assert verdict.expired is False

    @pytest.mark.parametrize(
        ("kind", "advice"),
        [
            (Kind.COMPLAINT, "suppress"),
            (Kind.SUPPRESSED, "suppress"),
            (Kind.UNSUBSCRIBED, "suppress"),
            (Kind.AUTO_REPLY, "none"),
            (Kind.CHALLENGE, "none"),
            (Kind.DISPOSITION, "none"),
        ],
    )
    def test_kinds_that_are_no_failure(self, kind: Kind, advice: str) -> None:
        verdict = verdict_on(facts(action=None), kind=kind)
        assert (verdict.reason, verdict.bounce_type, verdict.advice) == (None, None, advice)


class TestExpired:
    def test_the_last_reply_is_judged(self) -> None:
        verdict = verdict_on(facts("450 4.1.1 User unknown", "5.0.0", expired=True))
        assert (verdict.reason, verdict.bounce_type, verdict.expired) == ("user_unknown", "soft", True)

    def test_without_a_reply_it_expired(self) -> None:
        for given in (facts(expired=True), facts(status="5.1.1", expired=True), facts("zzz", expired=True)):
            verdict = verdict_on(given)
            assert (verdict.reason, verdict.bounce_type) == ("expired", "soft")

    @pytest.mark.parametrize(
        ("status", "reason"),
        [("4.2.2", "mailbox_full"), ("4.4.3", "dns_error"), ("4.0.0", "expired"), ("4.4.7", "expired")],
    )
    def test_without_a_reply_a_transient_status_says_why_it_waited(self, status: str, reason: str) -> None:
        verdict = verdict_on(facts(status=status, expired=True))
        assert (verdict.reason, verdict.bounce_type, verdict.expired) == (reason, "soft", True)

    def test_the_status_says_so(self) -> None:
        verdict = verdict_on(facts(status="4.4.7"))
        assert (verdict.reason, verdict.expired) == ("expired", True)

    def test_an_address_reason_in_own_words_is_not_hard(self) -> None:
        assert verdict_on(facts("user unknown", expired=True)).bounce_type == "soft"


class TestPolicies:
    @pytest.mark.parametrize(
        ("then", "expected"),
        [
            ({"bounce_type": "hard"}, ("hard", "suppress", None)),
            ({"bounce_type": "hard", "advice": "review"}, ("hard", "review", None)),
            ({"bounce_type": "soft"}, ("soft", "retry", None)),
            ({"bounce_type": "undetermined"}, ("undetermined", "review", None)),
            ({"advice": "none"}, ("soft", "none", None)),
            ({"label": "block"}, ("soft", "retry", "block")),
        ],
    )
    def test_what_a_policy_leaves_open(self, then: dict[str, str], expected: tuple[str, str, str | None]) -> None:
        knowledge = BUILTIN.with_rules([{"when": {"reason": "mailbox_full"}, "then": then}])
        verdict = verdict_on(facts("552 5.2.2 Mailbox full"), knowledge)
        assert (verdict.bounce_type, verdict.advice, verdict.label) == expected
        brought_along = {"advice"} if verdict.advice != "retry" else set()
        assert verdict.policies.keys() == then.keys() | brought_along
        assert (verdict.policy is not None) is ("bounce_type" in then)

    def test_softening_leaves_nobody_suppressed(self) -> None:
        knowledge = BUILTIN.with_rules([{"when": {"fault": "address"}, "then": {"bounce_type": "soft"}}])
        verdict = verdict_on(facts("550 5.1.1 User unknown"), knowledge)
        assert (verdict.bounce_type, verdict.advice) == ("soft", "retry")

    @pytest.mark.parametrize(
        ("when", "fits"),
        [
            ({}, True),
            ({"reason": ["greylisted", "user_unknown"]}, True),
            ({"reason": "greylisted"}, False),
            ({"fault": "address"}, True),
            ({"reply": "55x"}, True),
            ({"reply": "none"}, False),
            ({"status": "5.1.*"}, True),
            ({"status": "4.*.*"}, False),
            ({"provider": "google"}, True),
            ({"provider": ["none", "yahoo"]}, False),
            ({"command": "rcpt"}, True),
            ({"command": ["none", "data"]}, False),
            ({"expired": False}, True),
            ({"expired": True}, False),
            ({"service": "SendGrid"}, True),
            ({"service": "none"}, False),
            ({"class": "permanent"}, True),
            ({"class": "transient", "service": "sendgrid"}, False),
        ],
    )
    def test_conditions(self, when: dict[str, object], fits: bool) -> None:
        knowledge = BUILTIN.with_rules([{"when": when, "then": {"label": "found"}}])
        given = facts("550 5.1.1 User unknown", command=Command.RCPT, remote_mta="gmail-smtp-in.l.google.com")
        event = Event(id="1", service="sendgrid", class_="Permanent")
        assert (verdict_on(given, knowledge, event=event).label == "found") is fits

    def test_without_an_event_there_is_no_service(self) -> None:
        knowledge = BUILTIN.with_rules([{"when": {"service": "none"}, "then": {"label": "found"}}])
        assert verdict_on(facts("550 no"), knowledge).label == "found"

    def test_552_too_many_recipients_counts_as_452(self) -> None:
        knowledge = BUILTIN.with_rules([{"when": {"reply": "452"}, "then": {"label": "found"}}])
        verdict = verdict_on(facts("552 Too many recipients"), knowledge)
        assert (verdict.label, verdict.reply_code) == ("found", 552)
        for other in ("550 Too many recipients", "552 5.2.2 Mailbox full"):
            assert verdict_on(facts(other), knowledge).label is None


class TestAddresses:
    @pytest.mark.parametrize(
        "reply",
        [
            "550 <blacklist@spamhaus.example> zzz",
            "550 Blacklist@Spamhaus.Example zzz",
            "550 zzz: RCPT TO:<blacklist@spamhaus.example>",
        ],
    )
    def test_their_words_do_not_decide(self, reply: str) -> None:
        for recipient in ("blacklist@spamhaus.example", None):
            given = dataclasses.replace(facts(reply), recipient=recipient)
            assert verdict_on(given).reason == "undefined"

    def test_the_original_recipient_neither(self) -> None:
        given = facts("550 no spam+trap@blocklist.example", original_recipient="SPAM+trap@blocklist.example")
        assert verdict_on(given).reason == "undefined"


class TestKey:
    def test_the_same_failure_heard_twice(self) -> None:
        one = verdict_on(facts("550 5.1.1 User unknown"), identity="<1@example.net>")
        two = verdict_on(
            dataclasses.replace(facts(None, "5.0.0"), recipient="Kim@Example.ORG"), identity="1@example.net"
        )
        assert one.key == two.key
        assert len(one.key) == 64

    @pytest.mark.parametrize(
        ("identity", "change"),
        [
            ("2", {}),
            ("1", {"recipient": "lee@example.org"}),
            ("1", {"recipient": None}),
            ("1", {"action": Action.DELAYED}),
        ],
    )
    def test_another_failure(self, identity: str, change: dict[str, Any]) -> None:
        other = verdict_on(dataclasses.replace(facts(), **change), identity=identity)
        assert other.key != verdict_on(facts(), identity="1").key

    def test_any_characters(self) -> None:
        assert verdict_on(facts("550 \ud800"), identity="\ud800").key


def test_every_fact_is_handed_on() -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    given = facts(
        "550 5.1.1 User unknown",
        "5.0.0",
        original_recipient="kay@example.org",
        command=Command.RCPT,
        remote_mta="mx.example.org",
        last_attempt_date=now,
        will_retry_until=now,
        vendor_code="605",
    )
    verdict = verdict_on(given)
    for name in (
        "recipient",
        "original_recipient",
        "action",
        "command",
        "remote_mta",
        "last_attempt_date",
        "vendor_code",
    ):
        assert getattr(verdict, name) == getattr(given, name)
    assert type(verdict) is Verdict
    assert type(verdict.reply_code) is ReplyCode
    assert verdict == dataclasses.replace(verdict)
    assert hash(verdict) == hash(pickle.loads(pickle.dumps(verdict)))
    assert json.loads(json.dumps(verdict.to_dict())) == verdict.to_dict()
    with pytest.raises(dataclasses.FrozenInstanceError):
        verdict.key = ""  # type: ignore[misc] # that is what is tested


def test_trace() -> None:
    given = facts("550 5.1.1 User unknown")
    plain, traced = verdict_on(given), verdict_on(given, trace=True)
    assert plain.shadowed is None
    assert traced.shadowed
    assert traced.rule == plain.rule
    assert "general.x.1.1" in {ref.id for ref in traced.shadowed}


class TestExplain:
    def test_a_whole_story(self) -> None:
        knowledge = BUILTIN.with_rules(
            [{"when": {"reason": "user_unknown"}, "then": {"bounce_type": "hard", "label": "gone"}}]
        )
        given = facts(
            "550-5.1.1 The email account that you tried\r\n550 5.1.1 to reach does not exist. - gsmtp",
            "5.0.1",
            original_recipient="kay@example.org",
            remote_mta="mx.google.com",
            command=Command.RCPT,
            expired=True,
        )
        verdict = verdict_on(given, knowledge, trace=True)
        for text in (pickle.loads(pickle.dumps(verdict)).explain(verbose=True), verdict.explain(verbose=True)):
            lines = text.splitlines()
            assert "kim@example.org: hard (user_unknown) -> retry [gone]" in lines
            for part in (
                "sent to    kay@example.org",
                "action     failed, after the queue gave up",
                "status     5.1.1, in the reply",
                "command    rcpt",
                "server     mx.google.com (google)",
                "rule       google.no_such_user (builtin)",
                'words      "account that you tried 550 5.1.1 to reach does not exist" at offset 20 of the reply',
                "policy     code#1 (code)",
                "shadowed   general.x.1.1 (builtin)",
                "conflict   Status 5.0.1 but the reply says 5.1.1",
                "source https://",
            ):
                assert part in text

    @pytest.mark.parametrize(
        ("given", "parts"),
        [
            (facts("550 zzz"), ["undetermined (undefined)", "policy     the reason's own defaults"]),
            (facts(expired=True), ["rule       none; the queue gave up"]),
            (
                facts("451 zzz", action=Action.DELAYED),
                ["policy     none: the reporting server still holds the message"],
            ),
            (facts(action=Action.DELIVERED), ["kim@example.org: delivered"]),
            (facts(status="5.1.1"), ["the reporting server's Status field"]),
            (facts("550 no such user - gsmtp"), ["provider   google, by the words of the reply"]),
            (dataclasses.replace(facts("550 zzz"), recipient=None), ["recipient not named: "]),
        ],
    )
    def test_parts(self, given: RecipientFacts, parts: list[str]) -> None:
        text = verdict_on(given).explain(verbose=True)
        for part in parts:
            assert part in text

    def test_a_complaint(self) -> None:
        text = verdict_on(facts(action=None), kind=Kind.COMPLAINT).explain(verbose=True)
        assert text.endswith("\n\nkim@example.org: no failure -> suppress")

    def test_a_policy_without_conditions(self) -> None:
        text = verdict_on(facts("550 zzz"), BUILTIN.with_rules([{"then": {"label": "all"}}])).explain(verbose=True)
        assert "\n  policy     code#1 (code)\n" in text

    def test_a_pattern_and_long_words(self) -> None:
        knowledge = BUILTIN.with_rules([{"when": {"pattern": "za+p"}, "then": {"reason": "greylisted"}}])
        text = verdict_on(facts("550 Z" + "a" * 300 + "p"), knowledge).explain(verbose=True)
        assert '..." at offset 4 of the reply, by its pattern' in text

    def test_a_pattern_that_only_looks(self) -> None:
        knowledge = BUILTIN.with_rules([{"when": {"pattern": "^(?!.{0,99}spam)"}, "then": {"reason": "greylisted"}}])
        text = verdict_on(facts("550 zzz"), knowledge).explain(verbose=True)
        assert "  words      the reply as a whole, by its pattern" in text


def test_the_key_is_made_when_it_is_asked_for() -> None:
    verdict, again = classify("550 5.1.1 no"), classify("550 5.1.1 no")
    assert pickle.loads(pickle.dumps(verdict)) == again == dataclasses.replace(again)
    assert hash(verdict) == hash(again)
    assert len(verdict.key) == 64
    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        verdict.nosuch  # type: ignore[attr-defined] # noqa: B018


@pytest.mark.parametrize("recipient", [None, "kim@example.org", "Kim@EXAMPLE.org"])
@pytest.mark.parametrize(
    "text",
    [
        "550 5.1.1 <kim@example.org>: User unknown",
        "450 5.1.1 <kim@example.org>: User unknown",
        "450 4.1.1 no such user",
        "4.1.1 no such user",
        "5.1.1 no such user",
        "no such user kim@example.org",
        "4.4.7 Delivery time expired",
        "550 5.0.0 zzz",
        "",
    ],
)
def test_a_plain_reply_is_judged_as_in_a_report(text: str, recipient: str | None) -> None:
    silent = Knowledge.builtin().with_rules([{"when": {"service": "sendgrid"}, "then": {"label": "never"}}])
    assert classify(text, recipient=recipient) == classify(text, recipient=recipient, knowledge=silent)


@pytest.mark.parametrize(
    ("reply", "class_says", "bounce_type", "advice"),
    [
        ("550 zzz", None, "undetermined", "review"),
        ("550 zzz", BounceType.HARD, "hard", "suppress"),
        ("450 zzz", BounceType.HARD, "soft", "retry"),
        ("550 zzz", BounceType.SOFT, "soft", "retry"),
        ("450 zzz", BounceType.SOFT, "soft", "retry"),
        ("550 zzz", BounceType.UNDETERMINED, "undetermined", "review"),
        ("552 5.2.2 Over quota", BounceType.HARD, "soft", "retry"),
    ],
)
def test_a_service_s_class_counts_where_the_reply_says_nothing(
    reply: str, class_says: BounceType | None, bounce_type: str, advice: str
) -> None:
    verdict = verdict_on(facts(reply), by_class=ServiceClass(bounce_type=class_says))
    assert (verdict.bounce_type, verdict.advice) == (bounce_type, advice)


class TestServiceClass:
    """What an e-mail service's class adds to an answer."""

    @pytest.mark.parametrize(
        ("given", "by_class", "reason"),
        [
            # The class names a cause where the answer does not.
            (facts("550 zzz"), ServiceClass(reason=Reason.SPAM_CONTENT), "spam_content"),
            (facts(), ServiceClass(reason=Reason.SPAM_CONTENT), "spam_content"),
            (facts("550 5.1.1 User unknown"), ServiceClass(reason=Reason.SPAM_CONTENT), "user_unknown"),
            (facts("550 zzz"), ServiceClass(), "undefined"),
            # Words of the service's own yield to it, those of a server do not.
            (facts("mailbox is full"), ServiceClass(reason=Reason.SPAM_CONTENT), "mailbox_full"),
            (facts("mailbox is full"), ServiceClass(reason=Reason.SPAM_CONTENT, prose=True), "spam_content"),
            (facts("552 mailbox is full"), ServiceClass(reason=Reason.SPAM_CONTENT, prose=True), "mailbox_full"),
            (facts("5.2.2 mailbox is full"), ServiceClass(reason=Reason.SPAM_CONTENT, prose=True), "mailbox_full"),
            (facts("mailbox is full"), ServiceClass(prose=True), "mailbox_full"),
        ],
    )
    def test_the_reason(self, given: RecipientFacts, by_class: ServiceClass, reason: str) -> None:
        verdict = verdict_on(given, by_class=by_class)
        assert verdict.reason == reason
        assert verdict.reason is not None
        assert verdict.fault is verdict.reason.fault
        # A rule is named where it gave the reason.
        assert (verdict.rule is None) is (verdict.reason is by_class.reason or verdict_on(given).rule is None)

    @pytest.mark.parametrize(
        ("given", "by_class", "bounce_type", "advice"),
        [
            (facts("user unknown"), ServiceClass(), "hard", "suppress"),
            (facts("user unknown"), ServiceClass(temporary=True), "soft", "retry"),
            (facts("user unknown"), ServiceClass(temporary=False), "hard", "suppress"),
            (facts("450 user unknown"), ServiceClass(temporary=False), "soft", "retry"),
            (facts("550 user unknown"), ServiceClass(temporary=True), "hard", "suppress"),
            (facts("4.1.1 user unknown"), ServiceClass(temporary=False), "soft", "retry"),
            (facts("user unknown", "4.1.1"), ServiceClass(temporary=False), "soft", "retry"),
            (facts(), ServiceClass(bounce_type=BounceType.HARD), "hard", "suppress"),
            (facts(), ServiceClass(bounce_type=BounceType.HARD, temporary=True), "soft", "retry"),
            (facts(), ServiceClass(bounce_type=BounceType.SOFT, temporary=False), "soft", "retry"),
            (facts(), ServiceClass(reason=Reason.USER_UNKNOWN, temporary=True), "soft", "retry"),
            (facts(), ServiceClass(reason=Reason.USER_UNKNOWN, bounce_type=BounceType.SOFT), "hard", "suppress"),
            (facts(), ServiceClass(temporary=True), "soft", "retry"),
        ],
    )
    def test_what_follows(self, given: RecipientFacts, by_class: ServiceClass, bounce_type: str, advice: str) -> None:
        verdict = verdict_on(given, by_class=by_class)
        assert (verdict.bounce_type, verdict.advice) == (bounce_type, advice)


class TestLabels:
    EVENT = Event(id="1", service="SendGrid", class_="Permanent", subclass="NoEmail")

    @pytest.mark.parametrize(
        ("event", "when", "fits"),
        [
            (EVENT, {"service": "sendgrid"}, True),
            (EVENT, {"class": "permanent"}, True),
            (EVENT, {"class": "permanent/noemail"}, True),
            (EVENT, {"class": "permanent/other"}, False),
            (EVENT, {"class": "noemail"}, False),
            (dataclasses.replace(EVENT, class_=None), {"class": "/noemail"}, True),
            (dataclasses.replace(EVENT, subclass=None), {"class": "permanent"}, True),
            (dataclasses.replace(EVENT, subclass=None), {"class": "permanent/noemail"}, False),
            (dataclasses.replace(EVENT, subclass=None, class_=None), {"class": "none"}, True),
            (None, {"class": "none"}, True),
            (None, {"class": "permanent"}, False),
        ],
    )
    def test_what_policies_see_of_an_event(self, event: Event | None, when: dict[str, object], fits: bool) -> None:
        knowledge = BUILTIN.with_rules([{"when": when, "then": {"label": "found"}}])
        assert (verdict_on(facts("550 zzz"), knowledge, event=event).label == "found") is fits


@pytest.mark.parametrize(
    ("then", "reply", "bounce_type", "advice"),
    [
        ({"bounce_type": "soft"}, "552 5.3.4 Message too big", "soft", "fix_message"),
        ({"bounce_type": "hard"}, "552 5.3.4 Message too big", "hard", "suppress"),
        ({"bounce_type": "undetermined"}, "552 5.3.4 Message too big", "undetermined", "review"),
        ({"bounce_type": "soft"}, "550 zzz", "soft", "review"),
        ({"bounce_type": "hard"}, "550 5.1.1 User unknown", "hard", "suppress"),
        ({"advice": "none"}, "550 5.1.1 User unknown", "hard", "none"),
        ({"bounce_type": "soft", "advice": "none"}, "550 5.1.1 User unknown", "soft", "none"),
    ],
)
def test_a_new_bounce_type_brings_its_advice(then: dict[str, str], reply: str, bounce_type: str, advice: str) -> None:
    verdict = verdict_on(facts(reply), BUILTIN.with_rules([{"then": then}]))
    assert (verdict.bounce_type, verdict.advice) == (bounce_type, advice)


def test_all_facts_stand_in_the_verdict() -> None:
    at, until = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
    evidence = (Evidence(Witness.FIELD, "2", 7, "smtp; 550 5.1.1 no"),)
    verdict = verdict_on(
        facts(
            "550 5.1.1 User unknown",
            "5.0.0",
            original_recipient="lee@example.org",
            command=Command.RCPT,
            remote_mta="mx.example.org",
            last_attempt_date=at,
            will_retry_until=until,
            vendor_code="X1",
            evidence=evidence,
        )
    )
    assert {name: getattr(verdict, name) for name in verdict.__slots__ if name not in {"rule", "field_block"}} == {
        "recipient": "kim@example.org",
        "original_recipient": "lee@example.org",
        "action": Action.FAILED,
        "bounce_type": BounceType.HARD,
        "reason": Reason.USER_UNKNOWN,
        "fault": Fault.ADDRESS,
        "advice": Advice.RETRY,
        "label": None,
        "status": StatusCode(5, 1, 1),
        "status_from": "reply",
        "reported_status": StatusCode(5, 0, 0),
        "reply_code": 550,
        "reply": "550 5.1.1 User unknown",
        "command": Command.RCPT,
        "remote_mta": "mx.example.org",
        "provider": None,
        "expired": False,
        "policy": None,
        "shadowed": None,
        "conflicts": (),
        "last_attempt_date": at,
        "will_retry_until": until,
        "vendor_code": "X1",
        "key": verdict.key,
        "evidence": evidence,
        "details": NO_DETAILS,
        "sent_to": "lee@example.org",
        "proof": None,
        "token": None,
        "confidence": "high",
        "provider_from": None,
        "set_by": (),
        "message_advice": "give_up",
        "applies_to": "recipient",
        "retry_after": None,
    }


@pytest.mark.parametrize(
    ("code", "transient"), [(399, False), (400, True), (450, True), (499, True), (500, False), (550, False)]
)
def test_which_codes_are_transient(code: int, transient: bool) -> None:
    reply = Reply(ReplyCode(code), None, f"{code} no such user")
    given = dataclasses.replace(facts(), reply=reply)
    assert (verdict_on(given).bounce_type == "soft") is transient
    if str(code)[1] in "012345":
        assert (classify(f"{code} no such user").bounce_type == "soft") is transient


@pytest.mark.parametrize(
    ("text", "recipient", "original"),
    [
        ('550 <"my blacklist"@example.org>', '"my blacklist"@example.org', None),
        ('550 <"my BlackList"@example.org>', '"my blacklist"@example.org', None),
        ('550 <"my blacklist"@example.org>', '"MY BLACKLIST"@example.org', None),
        ('550 <"my blacklist"@example.org>', "kim@example.org", '"my blacklist"@example.org'),
        ('550 <kim@example.org> for <"my blacklist"@example.org>', "kim@example.org", '"My Blacklist"@example.org'),
        ('550 <"my blacklist"@example.org>', '"my blacklist"@example.org', "kim@example.org"),
    ],
)
def test_no_word_of_an_address_decides(text: str, recipient: str, original: str | None) -> None:
    knowledge = BUILTIN.with_rules(
        [{"when": {"words": "blacklist"}, "then": {"reason": "greylisted"}, "example": "550 blacklist"}]
    )
    given = dataclasses.replace(facts(text), recipient=recipient, original_recipient=original)
    verdict = verdict_on(given, knowledge)
    assert verdict.reason == "undefined"
    assert verdict.reply == text
    if recipient != "kim@example.org":
        assert classify(text, recipient=recipient, knowledge=knowledge).reason == "undefined"
    assert (
        verdict_on(dataclasses.replace(given, recipient=None, original_recipient=None), knowledge).reason
        == "greylisted"
    )


def test_rules_see_what_was_answered() -> None:
    knowledge = BUILTIN.with_rules(
        [
            {
                "when": {"words": "zzz", "command": "rcpt"},
                "then": {"reason": "greylisted"},
                "example": "550 zzz (in reply to RCPT TO command)",
            }
        ]
    )
    answered = dataclasses.replace(facts(), reply=Reply(ReplyCode(550), None, "550 zzz", Command.RCPT))
    for given, reason in (
        (facts("550 zzz", command=Command.RCPT), "greylisted"),
        (facts("550 zzz", command=Command.DATA), "undefined"),
        (facts("550 zzz"), "undefined"),
        (answered, "greylisted"),
        (dataclasses.replace(answered, command=Command.DATA), "undefined"),
    ):
        verdict = verdict_on(given, knowledge)
        assert verdict.reason == reason
        assert verdict.command is (given.command or (given.reply and given.reply.command))


@pytest.mark.parametrize("trace", [False, True])
def test_a_reply_alone_has_its_server(trace: bool) -> None:
    for knowledge in (BUILTIN, BUILTIN.with_rules([{"when": {"provider": "google"}, "then": {"label": "found"}}])):
        verdict = classify(
            "550 zzz", host="mx.google.com", recipient="kim@example.org", knowledge=knowledge, trace=trace
        )
        assert (verdict.remote_mta, verdict.provider, verdict.recipient) == (
            "mx.google.com",
            "google",
            "kim@example.org",
        )
        assert verdict.label == (None if knowledge is BUILTIN else "found")
        assert verdict.expired is False
        assert (verdict.shadowed is None) is not trace


def test_the_key_of_the_class_is_what_reads_it() -> None:
    verdict = classify("550 5.1.1 no")
    reader = inspect.getattr_static(Verdict, "key")
    assert getattr(Verdict, "key") is reader  # noqa: B009 # type checkers know it as an attribute of verdicts alone
    assert reader.__get__(verdict) == verdict.key


@pytest.mark.parametrize(
    ("words", "status", "action", "expected"),
    [
        ("DNS type 'mx' lookup of example.org responded with code NXDOMAIN", "4.0.0", Action.FAILED, BounceType.HARD),
        ("DNS type 'mx' lookup of example.org responded with code NXDOMAIN", None, Action.FAILED, BounceType.HARD),
        ("DNS type 'mx' lookup of example.org responded with code NXDOMAIN", "4.0.0", Action.DELAYED, BounceType.SOFT),
        ("DNS type 'mx' lookup of example.org responded with code SERVFAIL", "4.0.0", Action.FAILED, BounceType.SOFT),
    ],
)
def test_a_domain_that_is_stated_not_to_exist_is_no_temporary_trouble(
    words: str, status: str | None, action: Action, expected: BounceType
) -> None:
    """RFC 2308: NXDOMAIN is an answer, whatever status the reporting server gives it."""
    verdict = verdict_on(facts(None, status, action=action, diagnostic=Diagnostic("", words)))
    assert verdict.bounce_type is expected
