from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable import Command, Knowledge, Proof, classify
from undeliverable._smtp.replies import parse_reply
from undeliverable._verdicts.judge import Surroundings, judge
from undeliverable.model import RecipientFacts, Witness


@pytest.mark.parametrize(
    ("reply", "reason", "code", "status"),
    [
        ("550 5.1.1 <kim@example.org>: User unknown", "user_unknown", 550, "5.1.1"),
        (b"550 5.1.1 <kim@example.org>: User unknown\r\n", "user_unknown", 550, "5.1.1"),
        ("552 5.2.2 Over quota", "mailbox_full", 552, "5.2.2"),
        ("mailbox is full", "mailbox_full", None, None),
        ("550 Gr\u00f6\u00dfe \u00fcberschritten", "undefined", 550, None),
        ("550 Gr\u00f6\u00dfe".encode("latin-1"), "undefined", 550, None),
        ("", "undefined", None, None),
        (b"\x00\xff", "undefined", None, None),
    ],
)
def test_a_reply(reply: str | bytes, reason: str, code: int | None, status: str | None) -> None:
    record = classify(reply).to_dict()
    assert (record["reason"], record["reply_code"], record["status"]) == (reason, code, status)
    assert record["action"] is None


@pytest.mark.parametrize("reply", [None, 550, ["550 no"]])
def test_what_is_no_reply_raises(reply: Any) -> None:
    with pytest.raises(TypeError, match=f"expected a text or octets, not {type(reply).__name__}"):
        classify(reply)


def test_bytes_and_text_are_judged_alike() -> None:
    assert classify("550 Gr\u00f6\u00dfe".encode()) == classify("550 Gr\u00f6\u00dfe")


def test_what_is_handed_on() -> None:
    verdict = classify("550 5.1.1 no", host="mx.google.com", command="rcpt", recipient="kim@example.org")
    assert (verdict.remote_mta, verdict.provider) == ("mx.google.com", "google")
    assert verdict.command is Command.RCPT
    assert verdict.recipient == "kim@example.org"
    assert verdict.shadowed is None


def test_the_command_matters() -> None:
    assert classify("550 5.1.0", command=Command.MAIL).reason != classify("550 5.1.0", command=Command.RCPT).reason


def test_no_such_command() -> None:
    with pytest.raises(ValueError, match="noop"):
        classify("550 no", command="noop")


def test_trace_and_knowledge() -> None:
    knowledge = Knowledge.builtin().with_rules([{"when": {"words": "zebra"}, "then": {"reason": "greylisted"}}])
    verdict = classify("550 5.1.1 zebra", knowledge=knowledge, trace=True)
    assert verdict.reason == "greylisted"
    assert verdict.shadowed
    assert verdict.shadowed[0].id == "general.x.1.1"


def test_a_cached_answer_is_the_same() -> None:
    texts = [f"550 5.1.1 zebra {number}" for number in range(100)] * 2
    assert [classify(text) for text in texts[:100]] == [classify(text) for text in texts[100:]]


replies = st.one_of(
    st.text(max_size=200),
    st.builds(
        "{}{}{} {}".format,
        st.sampled_from(("550", "421", "250", "55", "")),
        st.sampled_from((" ", "-", "\r\n550 ")),
        st.sampled_from(("5.1.1", "(#5.7.1)", "", "4.2.2")),
        st.text(max_size=80),
    ),
)


@given(replies, st.none() | st.sampled_from(("mx.google.com", ".", "", "x" * 300)), st.none() | st.text(max_size=20))
def test_it_never_raises_and_is_json(reply: str, host: str | None, recipient: str | None) -> None:
    verdict = classify(reply, host=host, recipient=recipient, trace=True)
    assert json.loads(json.dumps(verdict.to_dict())) == verdict.to_dict()
    assert verdict.explain()
    assert classify(reply, host=host, recipient=recipient).reason == verdict.reason


@given(st.binary(max_size=200))
def test_any_bytes(reply: bytes) -> None:
    assert classify(reply).bounce_type is not None


@given(replies, st.none() | st.sampled_from(list(Command)))
def test_a_reply_is_judged_as_the_same_facts_are(reply: str, command: Command | None) -> None:
    parsed = parse_reply(reply, command)
    facts = RecipientFacts(witness=Witness.REPLY, reply=parsed, command=parsed.command)
    own = Surroundings(proof=Proof.OWN)
    assert classify(reply, command=command) == judge(facts, Knowledge.builtin(), identity=parsed.text, surroundings=own)


def test_a_long_reply_takes_no_longer_than_it_should() -> None:
    verdict = classify("550 5.1.1 " + "a@" * 500_000 + " User unknown")
    assert verdict.status is not None


def test_the_short_way_of_judging_a_reply_says_what_the_long_one_says() -> None:
    """Without policies a reply is judged without the facts that a report has."""
    for rule in Knowledge.builtin().rules:
        for command in (None, Command.END_OF_DATA):
            short = classify(str(rule.example), command=command, recipient="kim@example.org", host="mx.example.org")
            long = classify(
                str(rule.example), command=command, recipient="kim@example.org", host="mx.example.org", trace=True
            )
            assert short == dataclasses.replace(long, shadowed=None), rule.id
            assert short.key == long.key
