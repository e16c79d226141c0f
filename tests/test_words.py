"""What enumerations and public values share."""

from __future__ import annotations

import dataclasses
import pickle

import pytest

import undeliverable
from undeliverable import Address, Diagnostic, Evidence, MtaName, Reason, Verdict, classify
from undeliverable._text.lazy import lazy
from undeliverable._text.record import Record
from undeliverable.model import Reply, Witness


def test_words_are_found_as_the_strings_that_they_are() -> None:
    assert {"expired": 1}[Reason.EXPIRED] == 1
    assert "expired" in {str(Reason.EXPIRED), Reason.GREYLISTED}
    assert hash(Reason.EXPIRED) == hash("expired")


@pytest.mark.parametrize(
    ("value", "other"),
    [
        (Address("rfc822", "kim@example.org"), Address("utf-8", "kim@example.org")),
        (Evidence(Witness.REPLY, "", 0, "550"), Evidence(Witness.REPLY, "", 1, "550")),
        (Reply(None, None, "no"), Reply(None, None, "yes")),
        (classify("550 5.1.1 no"), classify("452 4.2.2 no")),
    ],
)
def test_values(value: Record, other: Record) -> None:
    again = pickle.loads(pickle.dumps(value))
    assert again == value != other
    assert hash(again) == hash(value)
    assert {value, again, other} == {value, other}
    assert value != "another type"
    assert repr(value) == repr(again) != repr(other)


def test_values_of_two_classes_are_never_equal() -> None:
    assert Diagnostic("dns", "x") != MtaName("dns", "x")


def test_they_are_shown_as_dataclasses_are() -> None:
    assert repr(Address("rfc822", "kim@example.org")) == "Address(type='rfc822', address='kim@example.org')"


def test_all_of_them_are_frozen_dataclasses_with_slots() -> None:
    found = [one for one in vars(undeliverable).values() if isinstance(one, type) and issubclass(one, Record)]
    assert Verdict in found
    for one in found:
        assert dataclasses.is_dataclass(one)
        assert one.__dataclass_params__.frozen
        assert one.__slots__ == tuple(field.name for field in dataclasses.fields(one))


def test_a_lazy_pattern_is_a_value() -> None:
    pattern = lazy("a+b")
    again = pickle.loads(pickle.dumps(pattern))
    assert pattern == again != lazy("a+c")
    assert hash(pattern) == hash(again)
    assert pattern.fullmatch("aab") is not None
    assert pattern.pattern == "a+b"
    assert pattern != "a+b"
