"""Pickles of verdicts and reports hold plain values, and give back what was pickled."""

from __future__ import annotations

import copy
import pickle
import pickletools
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undeliverable import Event, Kind, Report, Verdict, classify, parse
from undeliverable.verdict import PolicyRef

FIXTURES: Final = Path(__file__).resolve().parent.parent / "fixtures"
MAILS: Final = sorted(FIXTURES.rglob("*.eml"))
PROTOCOLS: Final = range(pickle.HIGHEST_PROTOCOL + 1)


def again(value: Any, protocol: int = pickle.HIGHEST_PROTOCOL) -> Any:
    return pickle.loads(pickle.dumps(value, protocol))


def values(value: object) -> list[tuple[type, object]]:
    return [(type(one), one) for one in (getattr(value, name) for name in value.__slots__)]  # type: ignore[attr-defined]


def test_every_fixture_comes_back_as_it_was() -> None:
    for path in MAILS:
        made = parse(path.read_bytes(), source=str(path), trace=True, keep_headers=["Subject"])
        found = again(made)
        assert found == made
        assert values(found.message) == values(made.message)
        for verdict, before in zip(found, made, strict=True):
            assert values(verdict) == values(before)
            assert verdict.explain(verbose=True) == replace(before).explain(verbose=True)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_all_protocols_and_copies(protocol: int) -> None:
    made = parse((FIXTURES / "bounces" / "exim-several.eml").read_bytes())
    assert again(made, protocol) == made
    assert copy.copy(made) == copy.deepcopy(made) == made
    assert copy.copy(made.verdicts[0]) == copy.deepcopy(made.verdicts[0]) == made.verdicts[0]


@pytest.mark.parametrize(
    "zone", [None, UTC, timezone(timedelta(hours=-5, minutes=-30)), ZoneInfo("Europe/Berlin")], ids=str
)
def test_dates_keep_their_zone(zone: Any) -> None:
    date = datetime(2026, 10, 25, 2, 30, 1, 5, zone, fold=1)
    made = Report(kind=Kind.OTHER, received=date, verdicts=(replace(classify("550 no"), last_attempt_date=date),))
    found = again(made)
    for one in (found.received, found.verdicts[0].last_attempt_date):
        assert (one, one.utcoffset(), type(one.tzinfo)) == (date, date.utcoffset(), type(zone))


@given(text=st.text(st.characters(codec=None)), number=st.integers())
@settings(max_examples=100, deadline=None)
def test_whatever_stands_in_them(text: str, number: int) -> None:
    verdict = replace(classify("550 5.1.1 no"), recipient=text, reply=text, label=text, retry_after=number)
    verdict = replace(verdict, set_by=(("advice", PolicyRef(text, text)),), conflicts=(text,))
    made = Report(
        kind=Kind.BOUNCE, verdicts=(verdict,) * 2, event=Event(id=text, service=text, metadata={text: [number]})
    )
    assert again(made) == made


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Marked(Verdict):
    mark: str = ""


def test_a_subclass_stays_one() -> None:
    plain = classify("550 5.1.1 no")
    marked = Marked(**{name: getattr(plain, name) for name in Verdict.__slots__}, mark="x")
    assert (type(again(marked)), again(marked).mark) == (Marked, "x")
    made = Report(kind=Kind.BOUNCE, verdicts=(marked, plain))
    assert [type(one) for one in again(made)] == [Marked, Verdict]


@pytest.mark.parametrize("odd", [{"bounce_type": "no such type"}, {"status": "5.1.1"}, {"evidence": None}])
def test_values_of_other_types_are_pickled_as_objects(odd: dict[str, Any]) -> None:
    verdict = replace(classify("550 5.1.1 no"), **odd)
    assert values(again(verdict)) == values(verdict)
    assert again(Report(kind=Kind.BOUNCE, verdicts=(verdict,))).verdicts[0] == verdict


def test_equal_rules_are_one_object_again() -> None:
    one, other = again(classify("550 5.1.1 no such user")), again(classify("550 5.1.1 no such user"))
    assert one.rule is other.rule


def test_there_are_few_objects_in_a_pickle() -> None:
    """Each class costs either side a microsecond or more."""
    made = parse((FIXTURES / "bounces" / "exim-data-550.eml").read_bytes())
    found = [
        str(value)
        for code, value, _ in pickletools.genops(pickle.dumps(made, 5))
        if code.name == "REDUCE" or "undeliverable" in str(value)
    ]
    assert len(found) <= 4, found
