"""Policies: how they cascade, what they may ask for, and what no condition may say."""

from __future__ import annotations

import os
import pickle
import tomllib
import tracemalloc
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from undeliverable import (
    Knowledge,
    KnowledgeError,
    Verdict,
    classify,
    from_exception,
    from_refused,
    iter_log,
    parse,
    parse_log_line,
    parse_webhook,
)
from undeliverable._rules.circumstances import Circumstances
from undeliverable._rules.failure import Failure, caller_of
from undeliverable.data import read
from undeliverable.logs import LogReader
from undeliverable.reasons import Reason

BUILTIN: Final = Knowledge.builtin()
FULL: Final = "552 5.2.2 Mailbox full"
NOW: Final = datetime(2026, 11, 30, 12, tzinfo=UTC)


def policy(then: Mapping[str, object], **when: object) -> dict[str, object]:
    return {"when": when, "then": then}


def label(**when: object) -> Knowledge:
    """Return knowledge with one policy that sets a label."""
    return BUILTIN.with_rules([policy({"label": "found"}, **when)])


def setters(verdict: Verdict) -> dict[str, str]:
    return {key: ref.layer for key, ref in verdict.policies.items()}


class TestCascade:
    def test_each_consequence_comes_from_the_highest_layer_that_sets_it(self, tmp_path: Path) -> None:
        ours = tmp_path / "ours.toml"
        ours.write_text('[[policy]]\nwhen = { reason = "mailbox_full" }\nthen = { retry_after = 60 }\n', "utf-8")
        knowledge = (
            BUILTIN.with_profile("ses")
            .with_profile("prefinery")
            .with_file(ours)
            .with_rules([policy({"applies_to": "message"}, reason="mailbox_full")], tenant="Acme")
            .with_rules([policy({"message_advice": "retry"}, reason="mailbox_full")])
        )
        verdict = classify(FULL, knowledge=knowledge, context={"tenant": "acme"})
        assert (verdict.bounce_type, verdict.advice, verdict.label) == ("hard", "suppress", "Transient/MailboxFull")
        assert (verdict.message_advice, verdict.retry_after, verdict.applies_to) == ("retry", 60, "message")
        assert setters(verdict) == {
            "bounce_type": "profile:prefinery",
            "advice": "profile:prefinery",
            "label": "profile:ses",
            "message_advice": "code",
            "retry_after": "file:ours.toml",
            "applies_to": "tenant:Acme",
        }
        assert verdict.policy == verdict.policies["bounce_type"]
        record = verdict.to_dict()["policies"]
        assert isinstance(record, dict)
        assert record["retry_after"] == {"id": "ours.toml#1", "layer": "file:ours.toml"}
        text = verdict.explain(verbose=True)
        assert "prefinery.full (profile:prefinery)" in text
        assert "sets applies_to" in text
        assert "\n             sets label\n" in classify(FULL, knowledge=label(reason="mailbox_full")).explain(
            verbose=True
        )

    @pytest.mark.parametrize("profile", Knowledge.profiles())
    def test_a_label_changes_nothing_else(self, profile: str) -> None:
        base = BUILTIN.with_profile(profile)
        for reply in (FULL, "550 5.1.1 user unknown", "554 5.7.1 spam", "421 4.7.0 later"):
            before = classify(reply, knowledge=base)
            after = classify(reply, knowledge=base.with_rules([policy({"label": "own"}, reason=str(before.reason))]))
            assert after.label == "own"
            assert (after.bounce_type, after.advice, after.policy) == (before.bounce_type, before.advice, before.policy)

    def test_of_one_layer_the_first_policy_that_fits_counts_alone(self) -> None:
        knowledge = BUILTIN.with_rules(
            [policy({"label": "first"}, reply="552"), policy({"bounce_type": "hard"}, reason="mailbox_full")]
        )
        assert setters(classify(FULL, knowledge=knowledge)) == {"label": "code"}

    def test_a_new_bounce_type_brings_its_advice_along(self) -> None:
        """The advice of a lower layer belongs to the bounce type of that layer."""
        knowledge = BUILTIN.with_rules([policy({"bounce_type": "soft", "advice": "review"}, reply="552")])
        above = knowledge.with_rules([policy({"bounce_type": "hard"}, reply="552")])
        verdict = classify(FULL, knowledge=above)
        assert (verdict.bounce_type, verdict.advice) == ("hard", "suppress")
        assert setters(verdict) == {"bounce_type": "code", "advice": "code"}
        assert verdict.policies["advice"] is verdict.policy

    def test_parts_of_a_profile(self) -> None:
        knowledge = BUILTIN.with_profile("prefinery").with_profile("ses", only=["label"])
        verdict = classify(FULL, knowledge=knowledge)
        assert (verdict.bounce_type, verdict.label) == ("hard", "Transient/MailboxFull")
        with pytest.raises(KnowledgeError, match="did you mean label"):
            BUILTIN.with_profile("ses", only=["lable"])

    def test_parts_behind_the_name_as_the_command_takes_them(self, tmp_path: Path) -> None:
        for name, only in (("ses:label", ()), ("ses: label", ()), ("ses:advice", ("label",))):
            found = classify(FULL, knowledge=BUILTIN.with_profile(name, only=only))
            assert (found.label, found.bounce_type) == ("Transient/MailboxFull", "soft")
        for name, said in (("ses:lable", "did you mean label"), ("ses:", "unknown consequence"), ("sees:label", "ses")):
            with pytest.raises(KnowledgeError, match=said):
                BUILTIN.with_profile(name)
        path = tmp_path / "a:b.toml"
        path.write_text('[[policy]]\nthen = { label = "a", bounce_type = "hard" }\n', "utf-8")
        for name, expected in ((str(path), "hard"), (f"{path}:label", "soft")):
            for knowledge in (BUILTIN.with_profile(name), Knowledge.watch(profiles=[name]).current()):
                assert (classify(FULL, knowledge=knowledge).label, classify(FULL, knowledge=knowledge).bounce_type) == (
                    "a",
                    expected,
                )

    def test_an_advice_that_stays_is_whose_it_was(self) -> None:
        knowledge = BUILTIN.with_rules([policy({"advice": "suppress"}, reply="552")], tenant="a")
        above = knowledge.with_rules([policy({"bounce_type": "hard"}, reply="552")])
        verdict = classify(FULL, knowledge=above, context={"tenant": "a"})
        assert (verdict.advice, setters(verdict)) == ("suppress", {"bounce_type": "code", "advice": "tenant:a"})

    def test_no_policies_where_nothing_was_refused(self) -> None:
        verdict = classify("250 ok", knowledge=label())
        assert (verdict.policies, verdict.policy) == ({}, None)


class TestConditions:
    """Each condition, with what holds and what does not."""

    @pytest.mark.parametrize(
        ("when", "told", "holds"),
        [
            ({"domain": "example.org"}, {"recipient": "kim@example.org"}, True),
            ({"domain": "example.org"}, {"recipient": "kim@mail.EXAMPLE.org"}, True),
            ({"domain": "example.org"}, {"recipient": "kim@myexample.org"}, False),
            ({"domain": "*.edu"}, {"recipient": "kim@mail.harvard.edu"}, True),
            ({"domain": "mail.*.edu"}, {"recipient": "kim@mail.harvard.edu"}, True),
            ({"domain": "m*l.*.edu"}, {"recipient": "kim@mail.harvard.edu"}, True),
            ({"domain": "m*x*.edu"}, {"recipient": "kim@mail.harvard.edu"}, False),
            ({"domain": "*.edu"}, {"recipient": f"kim@{'a' * 300}.edu"}, False),
            ({"domain": "bücher.example"}, {"recipient": "kim@xn--bcher-kva.example"}, True),
            ({"domain": ["a.example", "b.example"]}, {"recipient": "kim@b.example"}, True),
            ({"domain": "example.org"}, {}, False),
            ({"domain": "example.org"}, {"recipient": "kim"}, False),
            ({"host": "example.net"}, {"host": "mx1.example.net."}, True),
            ({"host": "mx*.example.net"}, {"host": "MX1.example.net"}, True),
            ({"host": "example.net"}, {}, False),
            ({"mx": "google.com"}, {"mx": "aspmx.l.google.com"}, True),
            ({"mx": "google.com"}, {"mx": ["mx.example.org", "ASPMX.L.google.com."]}, True),
            ({"mx": "google.com"}, {"mx": {"mx.google.com"}}, True),
            ({"mx": "google.com"}, {"mx": {"example.org": ["mx.google.com"]}, "recipient": "kim@example.org"}, True),
            ({"mx": "google.com"}, {"mx": {"example.net": ["mx.google.com"]}, "recipient": "kim@example.org"}, False),
            ({"mx": "google.com"}, {"mx": lambda domain: [f"{domain}.google.com"], "recipient": "kim@a.example"}, True),
            ({"mx": "google.com"}, {"mx": lambda domain: [f"{domain}.google.com"]}, False),
            ({"mx": "google.com"}, {"mx": lambda domain: None, "recipient": "kim@a.example"}, False),
            ({"mx": "google.com"}, {}, False),
            ({"sender_domain": "example.com"}, {"sender": "<news@lists.example.com>"}, True),
            ({"sender_domain": "example.com"}, {"sender": "example.com"}, True),
            ({"sender_domain": "example.com"}, {"sender": "news@example.net"}, False),
            ({"sender_domain": "example.com"}, {}, False),
            ({"tenant": "Acme"}, {"context": {"tenant": "ACME"}}, True),
            ({"tenant": "acme"}, {"context": {"tenant": "other"}}, False),
            ({"tenant": "none"}, {}, True),
            ({"stream": ["news", "alerts"]}, {"context": {"stream": "alerts"}}, True),
            ({"stream": "news"}, {}, False),
            ({"source": "192.0.2.1"}, {"context": {"source": "192.0.2.1"}}, True),
            ({"source": "192.0.2.0/24"}, {"context": {"source": ["pool-a", "192.0.2.77"]}}, True),
            ({"source": "2001:db8::/32"}, {"context": {"source": "[2001:db8::1]"}}, True),
            ({"source": "192.0.2.0/24"}, {"context": {"source": "pool-a"}}, False),
            ({"source": ["pool-*", "198.51.100.0/24"]}, {"context": {"source": "Pool-A"}}, True),
            ({"source": "pool-b"}, {"context": {"source": "pool-a"}}, False),
            ({"source": "pool-b"}, {}, False),
            ({"attempts": 3}, {"context": {"attempts": 3}}, True),
            ({"attempts": ">3"}, {"context": {"attempts": 3}}, False),
            ({"attempts": [">= 2", "< 5"]}, {"context": {"attempts": 4}}, True),
            ({"attempts": "= 4"}, {"context": {"attempts": 4}}, True),
            ({"attempts": "<= 4"}, {}, False),
            ({"age": "> 4h"}, {"context": {"age": timedelta(hours=5)}}, True),
            ({"age": "> 4h"}, {"context": {"age": 4 * 3600}}, False),
            ({"age": ["> 1m", "< 1w"]}, {"context": {"age": 90_000}}, True),
            ({"since": "2026-11-30"}, {"now": NOW}, True),
            ({"since": NOW + timedelta(hours=1)}, {"now": NOW}, False),
            ({"until": "2026-11-30T12:00:01"}, {"now": NOW}, True),
            ({"until": NOW}, {"now": NOW}, False),
            ({"until": NOW.date() + timedelta(days=1)}, {"now": NOW}, True),
            ({"until": "2030-01-01"}, {}, False),
            ({"since": "2020-01-01"}, {}, False),
            ({"words": "mailbox"}, {}, True),
            ({"words": ["mailbox", "full"]}, {}, True),
            ({"words": ["mailbox", "empty"]}, {}, False),
            ({"any_words": ["empty", "FULL"]}, {}, True),
            ({"any_words": ["empty"]}, {}, False),
            ({"unless": "full"}, {}, False),
            ({"unless": ["empty", "gone"]}, {}, True),
            ({"vendor_code": "TSS0*"}, {}, False),
            ({"not": {"provider": "yahoo"}}, {"host": "mx.example.org"}, True),
            ({"not": {"provider": "yahoo"}}, {"host": "mta5.am0.yahoodns.net"}, False),
            ({"not": {"reason": "mailbox_full", "reply": "4xx"}}, {}, True),
            ({"reply": "552", "not": {"not": {"words": "full"}}}, {}, True),
            ({"provider": "yahoo"}, {"recipient": "kim@yahoo.co.uk"}, True),
            ({"provider": "google"}, {"mx": "aspmx.l.google.com", "recipient": "kim@example.org"}, True),
        ],
    )
    def test_policies(self, when: dict[str, object], told: dict[str, Any], holds: bool) -> None:
        verdict = classify(FULL, knowledge=label(**when), **told)
        assert (verdict.label == "found") is holds

    def test_the_vendor_code_of_a_reply(self) -> None:
        reply = "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred"
        assert classify(reply, knowledge=label(vendor_code="tss0*")).label == "found"
        assert classify(reply, knowledge=label(vendor_code="ts04")).label is None

    def test_rules_ask_for_the_same(self) -> None:
        when = {"words": "mailbox full", "domain": "example.org", "not": {"tenant": "acme"}}
        rule = {"when": when, "then": {"reason": "mailbox_disabled"}, "example": FULL}
        knowledge = BUILTIN.with_rules([rule])
        verdict = classify(FULL, recipient="kim@example.org", knowledge=knowledge)
        assert (verdict.reason, verdict.rule and verdict.rule.layer) == ("mailbox_disabled", "code")
        assert "domain" in (verdict.rule.when if verdict.rule else "")
        told: dict[str, Any]
        for told in (
            {},
            {"recipient": "kim@example.net"},
            {"recipient": "kim@example.org", "context": {"tenant": "acme"}},
        ):
            assert classify(FULL, knowledge=knowledge, **told).reason == "mailbox_full"
        again = pickle.loads(pickle.dumps(knowledge))
        assert classify(FULL, recipient="kim@example.org", knowledge=again) == verdict
        assert classify(FULL, recipient="kim@example.org", knowledge=knowledge, trace=True).rule == verdict.rule
        assert next(rule.id for rule in knowledge.rules) == "code#rule#1"
        knowledge.clear_cache()

    def test_a_rule_may_refine_what_others_find(self) -> None:
        rule = {"when": {"reason": "policy_rejected", "provider": "google"}, "then": {"reason": "bad_reputation"}}
        knowledge = BUILTIN.with_rules([rule])
        reply = "550 5.7.1 refused by policy"
        assert classify(reply, knowledge=knowledge).reason == "policy_rejected"
        assert classify(reply, host="mx.google.com", knowledge=knowledge).reason == "bad_reputation"
        assert classify(FULL, host="mx.google.com", knowledge=knowledge).reason == "mailbox_full"

    def test_examples_where_rules_for_some_stand_above_one_for_all(self, tmp_path: Path) -> None:
        path = tmp_path / "ours.toml"
        text = (
            '[[rule]]\nwhen = { words = "zebra", tenant = "a" }\nthen = { reason = "greylisted" }\nexample = "450 zebra"\n'
            '[[rule]]\nwhen = { words = "zebra", tenant = "b" }\nthen = { reason = "system_full" }\nexample = "450 zebra"\n'
            '[[rule]]\nwhen = { words = "zebra" }\nthen = { reason = "system_error" }\nexample = "450 zebra"\n'
            'not_examples = ["450 lion"]\n'
        )
        path.write_text(text, "utf-8")
        knowledge = BUILTIN.with_file(path)
        told: list[dict[str, Any]] = [{"context": {"tenant": name}} for name in "abc"]
        assert [classify("450 zebra", knowledge=knowledge, **one).reason for one in told] == [
            "greylisted",
            "system_full",
            "system_error",
        ]
        path.write_text(text.replace("450 lion", "450 zebras"), "utf-8")
        with pytest.raises(KnowledgeError, match="the rule matches '450 zebras'") as caught:
            BUILTIN.with_file(path)
        assert (caught.value.key, caught.value.line) == ("not_examples", 13)

    def test_rules_that_hold_together_are_kept_for_later(self) -> None:
        rules = [
            {"when": {"words": f"w{n}", "tenant": f"t{n}"}, "then": {"reason": "greylisted"}, "example": f"450 w{n}"}
            for n in range(300)
        ]
        knowledge = BUILTIN.with_rules(rules)
        for n in range(300):
            for tenant in (n, n + 1):
                found = classify(f"450 w{n}", knowledge=knowledge, context={"tenant": f"t{tenant}"})
                assert (found.rule is not None and found.rule.layer == "code") is (tenant == n)

    @pytest.mark.parametrize(
        ("when", "key", "said"),
        [
            ({"provider": "yaho"}, "when.provider", "did you mean yahoo"),
            ({"provider": ["google", "gogle"]}, "when.provider", "did you mean google"),
            ({"service": "sendgird"}, "when.service", "did you mean sendgrid"),
            ({"reason": "mailbox_ful"}, "when.reason", "did you mean mailbox_full"),
            ({"fault": "contents"}, "when.fault", "did you mean content"),
            ({"command": "rctp"}, "when.command", "did you mean rcpt"),
            ({"reason": "greylisted", "fault": "address"}, "when.fault", "never holds"),
            ({"not": {"provider": "yaho"}}, "when.not.provider", "did you mean yahoo"),
            ({"not": {"service": "sendgird"}}, "when.not.service", "did you mean sendgrid"),
            ({"not": {"reason": "fool"}}, "when.not.reason", "unknown reason"),
            ({"not": {"nosuch": "x"}}, "when.not.nosuch", "unknown condition"),
            ({"not": {}}, "when.not", "must be a table"),
            ({"not": "x"}, "when.not", "must be a table"),
            ({"domian": "a.example"}, "when.domian", "did you mean domain"),
            ({"domain": "kim@a.example"}, "when.domain", "not a domain"),
            ({"host": "a b"}, "when.host", "not a domain"),
            ({"domain": []}, "when.domain", "must be a string"),
            ({"attempts": "many"}, "when.attempts", "not a limit"),
            ({"attempts": True}, "when.attempts", "not a limit"),
            ({"attempts": []}, "when.attempts", "must be a limit"),
            ({"attempts": ["> 5", "< 3"]}, "when.attempts", "never holds"),
            ({"age": "> 1y"}, "when.age", "not a limit"),
            ({"source": "192.0.2.0/99"}, "when.source", "not an address or a network"),
            ({"source": "300.1.1.1"}, "when.source", "not an address or a network"),
            ({"source": "2001:db8:::1"}, "when.source", "not an address or a network"),
            ({"attempts": float("nan")}, "when.attempts", "not a limit"),
            ({"attempts": float("inf")}, "when.attempts", "not a limit"),
            ({"attempts": -1}, "when.attempts", "not a limit"),
            ({"attempts": ">= \u0663"}, "when.attempts", "not a limit"),
            ({"status": "5.\u0662.2"}, "when.status", "not a status"),
            ({"domain": "[ab].example"}, "when.domain", "not a domain"),
            ({"domain": "a?.example"}, "when.domain", "not a domain"),
            ({"until": "tomorrow"}, "when.until", "must be a date"),
            ({"until": 5}, "when.until", "must be a date"),
            ({"since": "2026-12-01", "until": "2026-11-01"}, "when.until", "ends before it begins"),
            ({"expired": "yes"}, "when.expired", "true or false"),
        ],
    )
    def test_what_can_never_hold_is_an_error(self, when: dict[str, object], key: str, said: str) -> None:
        with pytest.raises(KnowledgeError, match=said) as caught:
            label(**when)
        assert caught.value.key == key

    def test_a_rule_that_asks_for_an_unknown_provider(self) -> None:
        rule = {"when": {"words": "x", "provider": "gmial"}, "then": {"reason": "greylisted"}}
        with pytest.raises(KnowledgeError, match="unknown provider 'gmial'"):
            BUILTIN.with_rules([rule])

    @pytest.mark.parametrize(
        ("then", "key", "said"),
        [
            ({"retry_after": -1}, "then.retry_after", "seconds"),
            ({"retry_after": "1h"}, "then.retry_after", "seconds"),
            ({"message_advice": "giveup"}, "then.message_advice", "did you mean give_up"),
            ({"applies_to": "queues"}, "then.applies_to", "did you mean queue"),
            ({}, "then", "must set one of"),
        ],
    )
    def test_consequences_that_do_not_exist(self, then: dict[str, object], key: str, said: str) -> None:
        with pytest.raises(KnowledgeError, match=said) as caught:
            BUILTIN.with_rules([policy(then, reply="552")])
        assert caught.value.key == key

    @pytest.mark.parametrize(
        ("above", "below", "covered"),
        [
            ({"domain": ["a.example", "b.example"]}, {"domain": "a.example", "tenant": "x"}, True),
            ({"domain": "a.example"}, {"domain": "b.example"}, False),
            ({"source": "192.0.2.0/24"}, {"source": "192.0.2.0/24"}, True),
            ({"source": "a"}, {"source": "b"}, False),
            ({"vendor_code": "a*"}, {"vendor_code": "a*"}, True),
            ({"vendor_code": "a*"}, {"vendor_code": "b*"}, False),
            ({"class": ["a", "b"]}, {"class": "a"}, True),
            ({"class": "a"}, {"class": "b"}, False),
            ({"command": ["rcpt", "mail"]}, {"command": "mail"}, True),
            ({"reply": "55x"}, {"reply": "552"}, True),
            ({"reply": "552"}, {"reply": "55x"}, False),
            ({"attempts": 3}, {"attempts": 3}, True),
            ({"attempts": 3}, {"attempts": 4}, False),
            ({"until": "2026-12-01"}, {"until": "2026-11-01"}, True),
            ({"until": "2026-11-01"}, {"until": "2026-12-01"}, False),
            ({"since": "2026-11-01"}, {"since": "2026-12-01"}, True),
            ({"since": "2026-12-01"}, {"since": "2026-11-01"}, False),
            ({"words": "a"}, {"words": ["a", "b"]}, True),
            ({"words": ["a", "b"]}, {"words": "a"}, False),
            ({"any_words": ["a", "b"]}, {"any_words": "a"}, True),
            ({"any_words": "a"}, {"any_words": ["a", "b"]}, False),
            ({"unless": "a"}, {"unless": ["a", "b"]}, True),
            ({"any_words": "a"}, {"reply": "552"}, False),
            ({"expired": True}, {"expired": True}, True),
            ({"expired": True}, {"expired": False}, False),
            ({"not": {"tenant": "a"}}, {"not": {"tenant": ["a", "b"]}}, True),
            ({"not": {"tenant": ["a", "b"]}}, {"not": {"tenant": "a"}}, False),
            ({"reason": "greylisted"}, {"fault": "flow"}, False),
            ({"fault": "flow"}, {"reason": "greylisted"}, True),
            ({"tenant": "a"}, {}, False),
        ],
    )
    def test_a_policy_that_is_never_reached(self, above: dict[str, Any], below: dict[str, Any], covered: bool) -> None:
        entries = [policy({"label": "a"}, **above), policy({"label": "b"}, **below)]
        if not covered:
            BUILTIN.with_rules(entries)
            return
        with pytest.raises(KnowledgeError, match="never reached"):
            BUILTIN.with_rules(entries)

    def test_a_rule_that_is_never_reached(self) -> None:
        wide, narrow = (
            {"when": {"words": "zebra", "tenant": one}, "then": {"reason": "greylisted"}} for one in (["a", "b"], "a")
        )
        with pytest.raises(KnowledgeError, match="never reached"):
            BUILTIN.with_rules([wide, narrow])
        BUILTIN.with_rules([narrow, wide])


def test_comparisons_of_other_kinds_are_not_covered() -> None:
    every = Circumstances.compile({"words": "a", "any_words": "a", "reply": "552", "class": "a", "tenant": "a"})
    for _, one in every.asked:
        assert [other is one for _, other in every.asked] == [one.covers(other) for _, other in every.asked]


class TestCaller:
    @pytest.mark.parametrize(
        ("told", "said"),
        [
            ({"context": {"tennant": "a"}}, "did you mean tenant"),
            ({"context": {"attempts": "3"}}, "must be a number"),
            ({"context": {"age": True}}, "must be a number"),
            ({"now": "2026-11-30"}, "must be a datetime"),
            ({"context": "acme"}, "context: must be a mapping"),
            ({"context": {1: "acme"}}, "context: unknown key 1;"),
            ({"mx": lambda _: [(10, "mx.example.net")], "recipient": "k@a.example"}, "mx: must be names of hosts"),
            ({"mx": {"a.example": 3}, "recipient": "k@a.example"}, "mx: must be names of hosts"),
            ({"mx": 3}, "mx: must be names of hosts"),
            ({"now": datetime(2026, 11, 30)}, "time zone"),  # noqa: DTZ001 # what is refused
            ({"now": "2026-12-01"}, "now: must be a datetime with a time zone, not '2026-12-01'"),
            ({"now": date(2026, 12, 1)}, "must be a datetime"),
        ],
    )
    def test_arguments_are_checked(self, told: dict[str, Any], said: str) -> None:
        with pytest.raises(ValueError, match=said):
            classify(FULL, **told)

    def test_every_function_that_judges_takes_them(self) -> None:
        knowledge = label(tenant="acme", until="2027-01-01", sender_domain="example.com", mx="example.net")
        told: dict[str, Any] = {
            "knowledge": knowledge,
            "context": {"tenant": "acme"},
            "now": NOW,
            "sender": "a@example.com",
            "mx": ["mx.example.net"],
        }
        line = (
            "Nov 29 10:00:00 mx postfix/smtp[1]: 4F2A: to=<kim@example.org>, relay=mx.example.org[192.0.2.1]:25, delay=1, "
            "delays=0/0/0/1, dsn=5.2.2, status=bounced (host mx.example.org[192.0.2.1] said: 552 5.2.2 Mailbox full "
            "(in reply to RCPT TO command))"
        )
        body = [{"email": "kim@example.org", "event": "bounce", "type": "bounce", "reason": FULL, "sg_event_id": "1"}]
        mail = (
            f"From: MAILER-DAEMON@mx.example.org\nReturn-Path: <>\nSubject: x\n\n<kim@example.org>: {FULL}\n".encode()
        )
        refused = {"kim@example.org": (552, b"5.2.2 Mailbox full")}
        error = OSError("x")
        error.smtp_code, error.smtp_error = 552, b"5.2.2 Mailbox full"  # type: ignore[attr-defined]
        log = parse_log_line(line, **told)
        assert log is not None
        reports = (parse(mail, **told), log, *iter_log([line], **told), *parse_webhook("sendgrid", body, **told))
        fed = LogReader(**told).feed(line)
        assert fed is not None
        found = [one for report in (*reports, fed) for one in report.verdicts]
        found += [classify(FULL, **told), *from_exception(error, **told), *from_refused(refused, **told)]
        assert [verdict.label for verdict in found] == ["found"] * 8

    def test_the_sender_is_that_of_the_returned_message(self) -> None:
        dsn = (
            "From: MAILER-DAEMON@mx.example.org\nReturn-Path: <>\nMIME-Version: 1.0\n"
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n--b\n'
            "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\n"
            "Final-Recipient: rfc822; kim@example.org\nAction: failed\nStatus: 5.2.2\n"
            f"Diagnostic-Code: smtp; {FULL}\n\n--b\nContent-Type: text/rfc822-headers\n\n"
            "Return-Path: <bounce@mailer.example>\nFrom: News <news@shop.example>\nMessage-ID: <1@shop.example>\n\n--b--\n"
        ).encode()
        for domain, found in (("shop.example", True), ("mailer.example", True), ("other.example", False)):
            assert (parse(dsn, knowledge=label(sender_domain=domain)).verdicts[0].label == "found") is found
        verdict = parse(dsn, knowledge=label(sender_domain="shop.example"), sender="a@other.example").verdicts[0]
        assert verdict.label is None

    def test_a_failure_alone_knows_nothing_else(self) -> None:
        failure = Failure(Reason.GREYLISTED, 450, 0)
        assert (failure.text, failure.vendor_codes, failure.mx, failure.sender_domains) == ("", (), (), ())
        assert caller_of(now=NOW, context={}).now == NOW


class TestTenants:
    def test_what_is_for_one_is_for_nobody_else(self, tmp_path: Path) -> None:
        file = tmp_path / "acme.toml"
        file.write_text(
            '[tenant]\nname = "Acme"\n\n[[rule]]\nwhen = { words = "zebra" }\nthen = { reason = "greylisted" }\n'
            'example = "450 zebra"\n\n[[policy]]\nwhen = { reason = "mailbox_full" }\nthen = { bounce_type = "hard" }\n',
            "utf-8",
        )
        knowledge = BUILTIN.with_file(file).with_rules([policy({"label": "other"}, reply="552")], tenant="other")
        acme, other, nobody = (
            classify(FULL, knowledge=knowledge, context={"tenant": name} if name else None)
            for name in ("ACME", "other", "")
        )
        assert [(one.bounce_type, one.label) for one in (acme, other, nobody)] == [
            ("hard", None),
            ("soft", "other"),
            ("soft", None),
        ]
        assert setters(acme) == {"bounce_type": "tenant:Acme", "advice": "tenant:Acme"}
        assert classify("450 zebra", knowledge=knowledge, context={"tenant": "acme"}).reason == "greylisted"
        assert classify("450 zebra", knowledge=knowledge).reason == "undefined"
        assert pickle.loads(pickle.dumps(acme)) == acme
        again = pickle.loads(pickle.dumps(knowledge))
        assert classify(FULL, knowledge=again, context={"tenant": "acme"}) == acme
        knowledge.clear_cache()

    def test_a_tenant_ranks_above_files_and_below_code(self, tmp_path: Path) -> None:
        file = tmp_path / "ours.toml"
        file.write_text('[[policy]]\nwhen = { reply = "552" }\nthen = { label = "file" }\n', "utf-8")
        knowledge = BUILTIN.with_rules([policy({"label": "tenant"}, reply="552")], tenant="a").with_file(file)
        assert classify(FULL, knowledge=knowledge, context={"tenant": "a"}).label == "tenant"
        above = knowledge.with_rules([policy({"label": "code"}, reply="552")])
        assert classify(FULL, knowledge=above, context={"tenant": "a"}).label == "code"

    @pytest.mark.parametrize("table", ["", 'name = " "\n', 'name = "a"\nnosuch = 1\n'])
    def test_a_tenant_must_have_a_name(self, table: str, tmp_path: Path) -> None:
        file = tmp_path / "ours.toml"
        file.write_text(f"[tenant]\n{table}", "utf-8")
        with pytest.raises(KnowledgeError, match=r"must have a name|must be a string|unknown key"):
            BUILTIN.with_file(file)


class TestProvider:
    @pytest.mark.parametrize(
        ("told", "provider", "says_so"),
        [
            ({"host": "mx.google.com", "mx": "mta5.am0.yahoodns.net", "recipient": "k@gmx.de"}, "google", "host"),
            ({"host": "mx.example.org", "recipient": "k@gmx.de"}, None, None),
            ({"host": "mx.example.org", "recipient": "k@gmx.de", "mx": "mx.google.com"}, "google", "mx"),
            ({"recipient": "k@gmx.de", "mx": "mx.google.com"}, "google", "mx"),
            ({"recipient": "k@gmx.de", "mx": "mx.example.org"}, "gmx", "domain"),
            ({"recipient": "<k@GMX.de>"}, "gmx", "domain"),
            ({"recipient": "k@example.org"}, None, None),
            ({}, None, None),
        ],
    )
    @pytest.mark.parametrize("known", [BUILTIN, label(reply="552")], ids=["built-in", "own"])
    def test_who_it_is(self, told: dict[str, Any], provider: str | None, says_so: str | None, known: Knowledge) -> None:
        verdict = classify(FULL, knowledge=known, **told)
        assert (verdict.provider_from, verdict.provider) == (says_so, provider)
        again = pickle.loads(pickle.dumps(verdict))
        assert (again.provider, again.to_dict()["provider_from"]) == (provider, says_so)

    def test_by_the_words_of_the_reply(self) -> None:
        reply = "421 4.7.0 Our system has detected that this message is x - gsmtp"
        verdict = classify(reply, recipient="k@example.org", mx="mta5.am0.yahoodns.net")
        assert (verdict.provider, verdict.provider_from) == ("google", "words")

    def test_the_domain_serves_policies_and_never_the_rules_of_a_provider(self) -> None:
        rule = {"when": {"words": "zebra", "provider": "gmx"}, "then": {"reason": "greylisted"}, "example": "450 zebra"}
        knowledge = BUILTIN.with_rules([rule, policy({"label": "gmx"}, provider="gmx")])
        verdict = classify("450 zebra", recipient="k@gmx.de", knowledge=knowledge)
        assert (verdict.reason, verdict.label) == ("undefined", "gmx")

    def test_of_delivered_recipients(self) -> None:
        for told, expected in (({}, "domain"), ({"mx": "mx.google.com"}, "mx"), ({"host": "mx.google.com"}, "host")):
            verdict = classify("250 ok", recipient="k@gmx.de", **told)  # type: ignore[arg-type]
            assert verdict.provider_from == expected
        known = classify("250 ok", recipient="k@gmx.de", host="mx.google.com", mx="mta5.am0.yahoodns.net")
        assert (known.provider, known.provider_from) == ("google", "host")

    def test_a_provider_of_ones_own(self, tmp_path: Path) -> None:
        file = tmp_path / "ours.toml"
        file.write_text(
            '[[provider]]\nname = "campus"\nhosts = ["mx.campus.example"]\ndomains = ["campus.example"]\n\n'
            '[[policy]]\nwhen = { provider = "campus" }\nthen = { label = "campus" }\n',
            "utf-8",
        )
        knowledge = BUILTIN.with_file(file)
        for told in ({"host": "a.mx.campus.example"}, {"recipient": "k@math.campus.example"}):
            verdict = classify(FULL, knowledge=knowledge, **told)  # type: ignore[arg-type]
            assert (verdict.provider, verdict.label) == ("campus", "campus")
        assert classify(FULL, knowledge=knowledge, recipient="k@gmx.de").provider == "gmx"
        assert Knowledge().provider_found(None, "k@gmx.de", None) == (None, None)

    def test_each_domain_is_of_one_provider(self) -> None:
        found: dict[str, str] = {}
        for provider in BUILTIN.providers:
            for domain in provider.domains:
                assert found.setdefault(domain, provider.name) == provider.name

    def test_names_are_kept_within_limits(self) -> None:
        find = BUILTIN.with_rules([]).provider_found
        for number in range(5_000):
            assert find(None, f"k@example{number}.org", None) == (None, None)


def test_the_services_are_those_of_webhooks() -> None:
    from tests.service_examples import DOCUMENTS
    from undeliverable._knowledge.names import service_names
    from undeliverable.webhooks import names

    listed = tomllib.loads(read("services.toml"))["names"]
    assert {*listed, *DOCUMENTS} == {*names()}
    assert listed == sorted(listed)
    assert service_names() >= {*names(), "postfix"}


class TestWatch:
    def test_a_changed_file_counts_at_once_and_a_broken_one_changes_nothing(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = tmp_path / "ours.toml"
        path.write_text('[[policy]]\nwhen = { reply = "552" }\nthen = { label = "one" }\n', "utf-8")
        watch = Knowledge.watch([path], profiles=["prefinery", ("ses", ["label"])])
        first = watch.current()
        assert watch.current() is first
        assert classify(FULL, knowledge=first).label == "one"
        for text, expected in (("two", "two"), ("", "two"), ("three", "three")):
            path.write_text(
                f'[[policy]]\nwhen = {{ reply = "552" }}\nthen = {{ label = "{text}" }}\n' if text else "", "utf-8"
            )
            assert classify(FULL, knowledge=watch.current()).label == expected
        path.write_text('[[policy]]\nwhen = { reply = "952" }\nthen = { label = "bad" }\n', "utf-8")
        kept = watch.current()
        assert classify(FULL, knowledge=kept).label == "three"
        assert watch.error is not None
        assert (watch.error.line, watch.error.key) == (2, "when.reply")
        assert f"{path}:2:10: entry 'policy[1]': key 'when.reply'" in caplog.text
        assert watch.current() is kept
        assert len(caplog.records) == 1
        path.unlink()
        assert watch.current() is kept
        assert "cannot be read" in caplog.text
        path.write_text("", "utf-8")
        assert watch.current() is kept  # it is being written
        assert classify(FULL, knowledge=watch.reload()).label == "Transient/MailboxFull"
        assert watch.error is None

    def test_entries_of_code_with_odd_keys_and_nothing_to_do(self) -> None:
        with pytest.raises(KnowledgeError, match=r"when\.1"):
            Knowledge.builtin().with_rules([{"when": {1: 2}, "then": {"label": "x"}}])
        with pytest.raises(KnowledgeError, match="must set one of"):
            Knowledge.builtin().with_rules([{"then": {"bounce_type": None}}])
        endless: dict[str, object] = {}
        endless["not"] = endless
        with pytest.raises(KnowledgeError, match="nested more than 16 times"):
            Knowledge.builtin().with_rules([{"when": endless, "then": {"label": "x"}}])

    def test_hosts_may_come_one_by_one(self) -> None:
        verdict = classify(FULL, recipient="k@a.example", mx=lambda _: (host for host in ("aspmx.l.google.com",)))
        assert verdict.provider == "google"

    def test_a_file_that_keeps_its_time_and_size_counts_as_well(self, tmp_path: Path) -> None:
        path = tmp_path / "ours.toml"
        path.write_text('[[policy]]\nthen = { label = "a" }\n', "utf-8")
        watch = Knowledge.watch(path)
        before = path.stat()
        path.write_text('[[policy]]\nthen = { label = "b" }\n', "utf-8")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert classify(FULL, knowledge=watch.current()).label == "b"

    def test_a_profile_may_be_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "house.toml"
        path.write_text('[[policy]]\nwhen = { reply = "552" }\nthen = { label = "a" }\n', "utf-8")
        watch = Knowledge.watch(profiles=[str(path)])
        part = Knowledge.watch(profiles=[f"{path}:label"])
        path.write_text('[[policy]]\nwhen = { reply = "552" }\nthen = { label = "bb" }\n', "utf-8")
        assert classify(FULL, knowledge=watch.current()).label == "bb"
        assert classify(FULL, knowledge=part.current()).label == "bb"

    def test_one_path_will_do(self, tmp_path: Path) -> None:
        path = tmp_path / "ours.toml"
        path.write_text('[[policy]]\nwhen = { reply = "552" }\nthen = { label = "a" }\n', "utf-8")
        for files in (path, str(path), [path]):
            assert classify(FULL, knowledge=Knowledge.watch(files)()).label == "a"

    def test_what_cannot_be_used_at_first(self) -> None:
        with pytest.raises(KnowledgeError, match="cannot be read"):
            Knowledge.watch(["nosuch.toml"])


def test_one_rule_of_ones_own_costs_little() -> None:
    """What is built in is shared: its index, its words and its formats."""
    rule = {"when": {"words": "zebra crossing"}, "then": {"reason": "greylisted"}, "example": "450 zebra crossing"}
    BUILTIN.with_rules([rule]).find("450 zebra crossing", 450, 0, None, None)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        knowledge = BUILTIN.with_rules([rule])
        assert classify("450 zebra crossing", knowledge=knowledge).reason == "greylisted"
        assert tracemalloc.get_traced_memory()[0] - before < 20 * 1024
    finally:
        tracemalloc.stop()
    for name in ("phrases", "origin", "cuts", "wording", "blocklists", "logs", "handling", "formats"):
        assert getattr(knowledge, name) is getattr(BUILTIN, name)
    assert knowledge.second.opinion is BUILTIN.second.opinion
