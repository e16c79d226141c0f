"""The same facts give the same verdict: asking for more, or a policy that does not apply, changes nothing."""

from __future__ import annotations

import dataclasses
import functools
import pickle
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable import Command, Knowledge, Proof, StatusCode, Verdict, classify
from undeliverable._rules.comparisons import status_by_key, status_key
from undeliverable._rules.details import read_details
from undeliverable._smtp.replies import parse_reply
from undeliverable._verdicts.judge import Surroundings, judge, judge_reply
from undeliverable.model import RecipientFacts, Witness

BUILTIN: Final = Knowledge.builtin()
SILENT: Final = BUILTIN.with_rules([{"when": {"service": "sendgrid"}, "then": {"label": "never", "advice": "none"}}])
FIXTURES: Final = Path(__file__).parent.parent / "fixtures"
TEXTS: Final = (
    *(rule.example for rule in BUILTIN.rules if rule.example),
    *(line for path in sorted(FIXTURES.glob("replies*.txt")) for line in path.read_text(encoding="utf-8").splitlines()),
    # statuses that contradict the words, the code, or nothing at all
    "4.4.4 host not found: NXDOMAIN",
    "5.4.4 host not found: NXDOMAIN",
    "4.1.2 domain does not exist (NXDOMAIN)",
    "domain does not exist (NXDOMAIN)",
    "450 5.1.1 User unknown",
    "550 4.1.1 User unknown",
    "4.1.1 User unknown",
    "message expired, gave up",
    "550 5.1.1 <kim@example.org>: User unknown",
    "552 too many recipients",
    "",
)
RECIPIENTS: Final = (None, "", "kim@example.org", "KIM@example.ORG")


def ways(
    text: str, command: Command | None = None, host: str | None = None, recipient: str | None = None
) -> dict[str, Verdict]:
    """Return the verdict on one reply by each of the ways that lead to one."""
    reply = parse_reply(text, command)
    facts = RecipientFacts(
        witness=Witness.REPLY, recipient=recipient, reply=reply, command=reply.command, remote_mta=host
    )
    traced = classify(text, command=command, host=host, recipient=recipient, trace=True)
    return {
        "plain": classify(text, command=command, host=host, recipient=recipient),
        "trace": dataclasses.replace(traced, shadowed=None),
        "silent policy": classify(text, command=command, host=host, recipient=recipient, knowledge=SILENT),
        "judge_reply": judge_reply(reply, BUILTIN, host=host, recipient=recipient),
        "facts": judge(facts, BUILTIN, identity=reply.text, surroundings=Surroundings(proof=Proof.OWN)),
    }


def agree(found: dict[str, Verdict]) -> bool:
    """Return whether all verdicts are the same in every attribute, their details included."""
    first, *others = found.values()
    return all(verdict == first for verdict in others)


def test_there_are_texts_of_all_kinds() -> None:
    assert {path.name for path in FIXTURES.glob("replies*.txt")} >= {"replies.txt", "replies-never-hard.txt"}
    assert any(text.startswith("4.") for text in TEXTS)


@pytest.mark.parametrize(
    ("command", "host", "recipient"),
    [
        (None, None, None),
        (Command.END_OF_DATA, "mx.google.com", "kim@example.org"),
        (Command.RCPT, "mx.example.net", None),
    ],
)
def test_every_way_to_a_verdict_gives_the_same(
    command: Command | None, host: str | None, recipient: str | None
) -> None:
    assert [text for text in TEXTS if not agree(ways(text, command, host, recipient))] == []


@given(
    st.sampled_from(TEXTS),
    st.sampled_from(("", "450 ", "550 ", "4.4.4 ", "550 4.1.1 ", "421-4.7.0 ", "2.0.0 ", "552-")),
    st.none() | st.sampled_from(Command),
    st.none() | st.sampled_from(("mx.google.com", "mx.example.net")),
    st.sampled_from(RECIPIENTS),
)
def test_every_way_gives_the_same_with_other_codes(
    text: str, codes: str, command: Command | None, host: str | None, recipient: str | None
) -> None:
    assert agree(ways(codes + text, command, host, recipient))


def test_an_explanation_is_a_function_of_the_verdict() -> None:
    for text in TEXTS:
        verdict = classify(text, recipient="kim@example.org")
        unread = pickle.loads(pickle.dumps(classify(text, recipient="kim@example.org")))
        assert (
            verdict.explain(verbose=True)
            == unread.explain(verbose=True)
            == dataclasses.replace(verdict).explain(verbose=True)
        )
        assert verdict.to_dict() == unread.to_dict()


def test_the_judging_knowledge_names_the_blocklist() -> None:
    """A verdict keeps what its own knowledge read, whatever the built-in one knows."""
    own = Knowledge(BUILTIN.layers)
    lists = type(BUILTIN.blocklists)((("zen.spamhaus.org", "Ours"),))
    own.__dict__["details_of"] = functools.partial(read_details, lists.named)
    text = "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org"
    theirs, ours = classify(text), classify(text, knowledge=own)
    assert (theirs.blocklist, ours.blocklist) == ("Spamhaus ZEN", "Ours")
    assert "Ours" in pickle.loads(pickle.dumps(ours)).explain(verbose=True)
    assert ours != theirs


@given(st.builds(StatusCode, st.sampled_from((2, 4, 5)), st.integers(0, 999), st.integers(0, 999)))
def test_a_key_stands_for_its_status(status: StatusCode) -> None:
    assert status_by_key(status_key(status)) == status
    assert status_by_key(status_key(None)) is None


@pytest.mark.parametrize("name", ["key", "details"])
def test_the_slots_that_are_filled_late_can_be_seen_on_the_class(name: str) -> None:
    """Tools that read a class, such as help(), get the descriptor."""
    assert getattr(Verdict, name) is vars(Verdict)[name]
