"""Records as JSON: the same text as json's for every record, whatever stands in it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undeliverable import Event, Kind, Report, classify, parse
from undeliverable.serve import Delivery

FIXTURES: Final = Path(__file__).resolve().parent.parent / "fixtures"
MAILS: Final = sorted(FIXTURES.rglob("*.eml"))
# Lone surrogates and NUL among them.
TEXTS: Final = st.text(st.characters(codec=None), max_size=80)
WHOLE: Final = st.integers() | st.booleans() | st.none() | TEXTS
VALUES: Final = st.recursive(
    WHOLE | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner) | st.dictionaries(TEXTS | st.integers(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def compact(record: dict[str, object]) -> str:
    return json.dumps(record, separators=(",", ":"))


def test_every_fixture_is_written_as_json_writes_it() -> None:
    assert len(MAILS) > 100
    for path in MAILS:
        made = parse(path.read_bytes(), source=str(path), keep_headers=["Received", "Subject"], trace=True)
        assert made.to_json() == json.dumps(made.to_dict())
        assert made.to_json(compact=True) == compact(made.to_dict())
        assert [one.to_json() for one in made] == [json.dumps(one.to_dict()) for one in made]


@given(text=TEXTS, other=TEXTS, value=VALUES, number=st.integers())
@settings(max_examples=300, deadline=None)
def test_odd_values_are_written_as_json_writes_them(text: str, other: str, value: Any, number: int) -> None:
    verdict = replace(classify("550 5.1.1 no"), recipient=text, reply=other, label=text + other, retry_after=number)
    event = Event(id=text, service=other, tags=(text, other), metadata={text: value, "value": value})
    made = Report(kind=Kind.BOUNCE, verdicts=(verdict,), source=other, remarks=(text, other))
    for report in (made, replace(made, event=event)):
        assert report.to_json() == json.dumps(report.to_dict())
        assert report.to_json(more={"x": value}) == json.dumps(report.to_dict() | {"x": value})
        assert report.to_json(compact=True) == compact(report.to_dict())
    assert verdict.to_json() == json.dumps(verdict.to_dict())
    delivery = Delivery(made, other, (text,))
    assert delivery.line() == compact(delivery.to_dict()).encode("ascii") + b"\n"


@pytest.mark.parametrize(
    "odd", [1e16, 1e-7, float("nan"), 2**64, -(2**70), "\x7f", "é", "😀", "\ud800", "\b\x00/<", 0.1]
)
def test_metadata_of_any_kind_are_written_as_json_writes_them(odd: object) -> None:
    made = Report(kind=Kind.OTHER, event=Event(id=None, service="x", metadata={"a": [odd, {"b": odd}]}))
    assert made.to_json() == json.dumps(made.to_dict())


class Name(str):
    __slots__ = ()


def test_a_string_of_a_caller_s_own_class_is_a_string() -> None:
    made = Report(kind=Kind.OTHER, source=Name("x.eml"))
    assert json.loads(made.to_json())["source"] == "x.eml"


@pytest.mark.parametrize("odd", [b"x", object(), {1, 2}])
def test_what_has_no_form_in_json_is_refused(odd: object) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        Report(kind=Kind.OTHER).to_json(more={"x": odd})
