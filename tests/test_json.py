"""Records as JSON: the same text as json's for every record, whatever stands in it, with msgspec and without."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undeliverable import Event, Kind, Report, classify, parse
from undeliverable.serve import Delivery
from undeliverable.verdict import _json

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


@pytest.fixture(scope="module", autouse=True)
def at_once() -> Iterator[None]:
    """Write the first record by msgspec already, where it is installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_json, "_FEW", 0)
        _json._writer.cache_clear()
        yield
    _json._writer.cache_clear()


@pytest.fixture(params=["msgspec", "json"])
def writer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "json":
        monkeypatch.setitem(sys.modules, "msgspec", None)
    else:
        pytest.importorskip("msgspec")
    _json._writer.cache_clear()
    yield request.param
    _json._writer.cache_clear()


def compact(record: dict[str, object]) -> str:
    return json.dumps(record, separators=(",", ":"))


def test_every_fixture_is_written_as_json_writes_it(writer: str) -> None:
    assert len(MAILS) > 100
    for path in MAILS:
        made = parse(path.read_bytes(), source=str(path), keep_headers=["Received", "Subject"], trace=True)
        assert made.to_json() == json.dumps(made.to_dict())
        assert made.to_json(compact=True) == compact(made.to_dict())
        assert [one.to_json() for one in made] == [json.dumps(one.to_dict()) for one in made]


def test_the_first_records_are_written_as_the_later_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_json, "_FEW", 2)
    _json._writer.cache_clear()
    made = Report(kind=Kind.OTHER, source="\u00e9 \x7f", remarks=("x",))
    written = {made.to_json() for _ in range(4)}
    _json._writer.cache_clear()
    assert written == {json.dumps(made.to_dict())}


def test_msgspec_is_imported_for_many_records_only() -> None:
    """It takes longer to import than json takes for some hundred records."""
    pytest.importorskip("msgspec")
    code = (
        "import sys\nfrom undeliverable import Kind, Report\nfrom undeliverable.verdict import _json\n"
        "made, loaded = Report(kind=Kind.OTHER), []\n"
        "for _ in range(_json._FEW + 1): made.to_json(); loaded.append('msgspec' in sys.modules)\n"
        "print(loaded.index(True) == _json._FEW)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


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
def test_what_the_two_write_differently_is_json_s(odd: object, writer: str) -> None:
    made = Report(kind=Kind.OTHER, event=Event(id=None, service="x", metadata={"a": [odd, {"b": odd}]}))
    assert made.to_json() == json.dumps(made.to_dict())


class Name(str):
    __slots__ = ()


def test_a_string_of_a_caller_s_own_class_is_a_string(writer: str) -> None:
    made = Report(kind=Kind.OTHER, source=Name("x.eml"))
    assert json.loads(made.to_json())["source"] == "x.eml"


@pytest.mark.parametrize("odd", [b"x", object(), {1, 2}])
def test_what_has_no_form_in_json_is_refused(odd: object, writer: str) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        Report(kind=Kind.OTHER).to_json(more={"x": odd})
