"""Public values behave as frozen dataclasses do, however they are made: equality, hash, copies, pickles, patterns, subclasses."""

from __future__ import annotations

import copy
import pickle
import sys
from dataclasses import FrozenInstanceError, dataclass, field, fields, make_dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from undeliverable import Action, Event, Evidence, Kind, MessageFacts, Report, Verdict, classify
from undeliverable.codes import RegisteredStatus, ReplyCode, StatusCode
from undeliverable.model import (
    Address,
    Command,
    Diagnostic,
    Feedback,
    MtaName,
    Protocol,
    RecipientFacts,
    Reply,
    Returned,
    Witness,
)
from undeliverable.model._made import make_evidence, make_facts, make_message_facts, make_reply, make_returned
from undeliverable.reasons import MessageAdvice
from undeliverable.verdict import Details, PolicyRef, RuleRef

NOW: Final = datetime(2026, 11, 30, tzinfo=UTC)
STATUS: Final = StatusCode(5, 1, 1)
REPLY: Final = Reply(ReplyCode(550), STATUS, "550 5.1.1 no such user", Command.RCPT)
EVIDENCE: Final = Evidence(Witness.WORDS, "1", 7, "no such user", "exim.2")
VALUES: Final[list[Any]] = [
    Address("rfc822", "kim@example.org"),
    MtaName("dns", "mx.example.org"),
    Diagnostic("smtp", "550 no"),
    REPLY,
    EVIDENCE,
    Returned("Subject: x\n", "<1@example.com>", "a@example.com", "kim@example.org", "x", NOW, ("x",)),
    Feedback(type="abuse", fields=(("version", "1"),)),
    RecipientFacts(
        witness=Witness.FIELD, recipient="kim@example.org", action=Action.FAILED, status=STATUS, reply=REPLY,
        diagnostic=Diagnostic("smtp", "550"), evidence=(EVIDENCE,), conflicts=("x",), field_block="Action: failed\n",
        last_attempt_date=NOW, protocol=Protocol.LMTP,
    ),
    MessageFacts(generator="exim", reporting_mta="mx.example.org", arrival_date=NOW, returned=Returned("Subject: x\n")),
    RuleRef("a", "builtin", "RFC 5321", "code 550", ("no such user",)),
    PolicyRef("a", "code"),
    Details("list.example", 60, "https://example.org/", "spf", 10_240),
    RegisteredStatus(1, 1, "Bad destination mailbox address", "text", ("RFC 3463",), (550,)),
    classify("550 5.1.1 no such user", recipient="kim@example.org", host="mx.example.org"),
    classify("451 4.7.1 greylisted, try again in 5 minutes"),
    Report(kind=Kind.BOUNCE, verdicts=(classify("550 5.1.1 no such user"),), remarks=("x",), received=NOW),
]  # fmt: skip
CLASSES: Final = sorted({type(value) for value in VALUES}, key=lambda cls: cls.__name__)
each_value: Final = pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
each_class: Final = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)


def names(value: Any) -> list[str]:
    return [one.name for one in fields(value)]


def by_name(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names(value)}


def generated(value: Any) -> Any:
    """Return the same values in a dataclass whose methods are all generated."""
    return make_dataclass("Generated", names(value), frozen=True)(**by_name(value))


@each_value
def test_it_compares_and_hashes_as_a_generated_dataclass(value: Any) -> None:
    same = type(value)(**by_name(value))
    assert same == value
    assert hash(same) == hash(value) == hash(generated(value))
    for other in VALUES:
        assert (value == other) is (value is other)
        assert (value != other) is (value is not other)
    assert value != by_name(value)


@each_value
def test_each_attribute_counts(value: Any) -> None:
    for name in names(value):
        other = replace(value, **{name: 4_711 if name == "retry_after" else "something else"})
        assert other != value
        assert generated(other) != generated(value)
        assert replace(other, **{name: getattr(value, name)}) == value


@each_value
def test_nothing_of_it_changes(value: Any) -> None:
    for name in [*names(value), "no_such_name"]:
        with pytest.raises((FrozenInstanceError, TypeError)):
            setattr(value, name, None)
        with pytest.raises((FrozenInstanceError, TypeError)):
            delattr(value, name)
    assert not hasattr(value, "__dict__")


@each_value
def test_copies_and_pickles_are_equal_and_of_the_same_class(value: Any) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(value, protocol))
        assert (type(again), again) == (type(value), value)
    for again in (copy.copy(value), copy.deepcopy(value), replace(value)):
        assert (type(again), again, again.__class__.__slots__) == (type(value), value, type(value).__slots__)


@each_class
def test_what_is_no_attribute_is_refused(cls: Any) -> None:
    with pytest.raises(TypeError, match=r"__init__\(\)"):
        cls(no_such_name=1)
    with pytest.raises(TypeError, match="positional argument"):
        cls(*[None] * 40)


@each_class
def test_its_slots_are_its_attributes(cls: Any) -> None:
    assert list(cls.__slots__) == names(cls)


LATE: Final = ("key", "vendor_code", "confidence", "details", "provider", "provider_from", "retry_after")


@pytest.mark.parametrize("step", range(5))
@pytest.mark.parametrize("name", LATE)
def test_threads_that_share_a_verdict_find_the_same(name: str, step: int) -> None:
    """Another one finds the attribute at any step of finding it."""
    text = "451 4.7.1 [TSS04] greylisted by list.example, try again in 5 minutes"
    one, steps = classify(text, host="mx.example.org"), [0]

    def other(frame: Any, event: str, _: object) -> Any:
        if not frame.f_code.co_filename.endswith("_slots.py"):
            return None
        if event == "line":
            if steps[0] == step:
                sys.settrace(None)
                getattr(one, name)
            steps[0] += 1
        return other

    before = sys.gettrace()
    sys.settrace(other)
    try:
        found = getattr(one, name)
    finally:
        sys.settrace(before)
    assert steps[0]
    assert found == getattr(classify(text, host="mx.example.org"), name)


def test_patterns_match_by_place_and_by_name() -> None:
    match REPLY:
        case Reply(ReplyCode() as code, _, text, command=Command.RCPT):
            assert (code, text) == (550, "550 5.1.1 no such user")
        case _:
            raise AssertionError
    match classify("452 4.2.2 mailbox full"):
        case Verdict(reason="mailbox_full", retry_after=int() as wait):
            assert wait > 0
        case _:
            raise AssertionError


def test_a_verdict_that_waits_for_no_time_says_none() -> None:
    verdict = replace(classify("550 5.1.1 no such user"), message_advice=MessageAdvice.RETRY, retry_after=None)
    assert verdict.retry_after is None
    assert replace(verdict, retry_after=60).retry_after == 60


# --- subclasses -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Marked(Verdict):
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class MarkedReport(Report):
    marks: dict[str, str] = field(default_factory=dict[str, str])


class Plain(Verdict):
    __slots__ = ()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Named(Address):
    name: str = ""


@pytest.mark.parametrize("cls", [Marked, Plain])
def test_a_subclass_compares_by_all_attributes(cls: Any) -> None:
    one, other = (cls(**by_name(classify(text))) for text in ("550 5.1.1 no such user", "452 4.2.2 mailbox full"))
    assert one == cls(**by_name(one))
    assert hash(one) == hash(cls(**by_name(one)))
    assert one != other
    assert one != classify("550 5.1.1 no such user")
    assert (one.reason, one.key) == (classify("550 5.1.1 no such user").reason, classify("550 5.1.1 no such user").key)


def test_a_subclass_compares_by_its_own_attributes_too() -> None:
    one = Marked(**by_name(classify("550 5.1.1 no such user")), mark="a")
    assert one == replace(one)
    assert one != replace(one, mark="b")
    made = MarkedReport(kind=Kind.BOUNCE, verdicts=(one,), marks={"a": "b"})
    assert made == replace(made)
    assert made != replace(made, marks={})
    assert made != replace(made, kind=Kind.OTHER)
    assert MarkedReport(kind=Kind.BOUNCE) != Report(kind=Kind.BOUNCE)


def test_a_subclass_shows_all_attributes() -> None:
    assert repr(Named("rfc822", "kim@example.org")) == "Named(type='rfc822', address='kim@example.org')"
    assert repr(Named("rfc822", "kim@example.org", "Kim")).endswith("address='kim@example.org', name='Kim')")


def test_an_event_without_hash_is_a_value_all_the_same() -> None:
    event = Event(id="1", service="example", metadata={"a": 1})
    assert event == replace(event)
    assert event != replace(event, metadata={})
    with pytest.raises(TypeError, match="unhashable"):
        hash(event)


MADE: Final[dict[str, tuple[Any, Any]]] = {
    "reply": (make_reply(None, None, "x"), Reply(None, None, "x")),
    "evidence": (make_evidence(Witness.WORDS, "1", 7, "x"), Evidence(Witness.WORDS, "1", 7, "x")),
    "returned": (make_returned("S: x", None, None, None, None, None), Returned("S: x")),
    "facts": (make_facts(Witness.FIELD), RecipientFacts(witness=Witness.FIELD)),
    "message": (make_message_facts(), MessageFacts()),
}
"""What drafts become, and what the classes themselves make of the same arguments."""


@pytest.mark.parametrize("name", MADE)
def test_what_was_a_draft_is_what_its_class_makes(name: str) -> None:
    made, plain = MADE[name]
    assert made == plain
    assert repr(made) == repr(plain)
    assert {one.name: getattr(made, one.name) for one in fields(made)} == {
        one.name: getattr(plain, one.name) for one in fields(plain)
    }
