"""Payloads with something changed in them: there is a report, or one error that says what was expected, and nothing else."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, MutableMapping, MutableSequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.service_examples import EXAMPLES
from undeliverable import Kind, Knowledge, Report, WebhookError, parse_webhook
from undeliverable.webhooks import names

FIXTURES: Final = Path(__file__).resolve().parent.parent / "fixtures" / "webhooks"
KNOWN: Final = Knowledge.builtin()
CASES: Final = EXAMPLES | {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in FIXTURES.glob("*.json")}

JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(["", "550", "5.1.1", "<", "@"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in `value` with each of its keys."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield value, key
        yield from places(inner)


def parsed(value: Any) -> Any:
    """The object or list in a text that is JSON, else None."""
    if not isinstance(value, str) or not value.startswith(("{", "[")):
        return None
    try:
        return json.loads(value)
    except ValueError:
        return None


def change(draw: st.DrawFn, body: Any) -> Any:
    """`body` with one value replaced, left out, or doubled; values that are JSON inside text as well."""
    holder = {"body": copy.deepcopy(body)}
    container, key = draw(st.sampled_from(list(places(holder))))
    value = container[key]
    action = draw(st.sampled_from(["replace", "delete", "wrap", "inside"]))
    inside = parsed(value)
    if action == "inside" and inside is not None:
        container[key] = json.dumps(change(draw, inside))
    elif action == "wrap":
        container[key] = [value, value]
    elif action == "delete" and container is not holder and isinstance(container, MutableMapping | MutableSequence):
        del container[key]
    else:
        container[key] = draw(JSON)
    return holder["body"]


@st.composite
def changed(draw: st.DrawFn, name: str) -> tuple[Any, dict[str, Any]]:
    case = draw(st.sampled_from(CASES[name]))
    body = case["body"]
    if not isinstance(body, str):
        for _ in range(draw(st.integers(1, 3))):
            body = change(draw, body)
        if draw(st.booleans()):
            return body, case
    octets = bytearray((body if isinstance(body, str) else json.dumps(body)).encode())
    for _ in range(draw(st.integers(0, 3))):
        if octets:
            octets[draw(st.integers(0, len(octets) - 1))] = draw(st.integers(0, 255))
    return bytes(octets[: draw(st.integers(0, len(octets)))] if draw(st.booleans()) else octets), case


def check(reports: tuple[Report, ...], name: str) -> None:
    for report in reports:
        assert report.event is not None
        assert report.event.service == name
        assert (report.kind is Kind.OTHER) == (not report.verdicts)
        assert all(verdict.explain() and hash(verdict.key) for verdict in report.verdicts)
        record = report.to_dict()
        assert json.loads(json.dumps(record, allow_nan=False)) == record


@pytest.mark.parametrize("name", names())
@settings(deadline=None)  # the machine may be busy
@given(data=st.data())
def test_a_change_is_a_remark_or_the_one_error(name: str, data: st.DataObject) -> None:
    body, case = data.draw(changed(name))
    try:
        reports = parse_webhook(name, body, content_type=case["content_type"], headers=case["headers"], knowledge=KNOWN)
    except WebhookError:
        return
    check(reports, name)


@pytest.mark.parametrize("name", names())
@settings(deadline=None)  # the machine may be busy
@given(body=JSON)
def test_any_value(name: str, body: Any) -> None:
    try:
        reports = parse_webhook(name, body, knowledge=KNOWN)
    except WebhookError:
        return
    check(reports, name)


@pytest.mark.parametrize("name", names())
def test_the_payloads_of_all_the_others(name: str) -> None:
    for other in names():
        for case in CASES[other]:
            with suppress(WebhookError):
                check(parse_webhook(name, case["body"], headers=case["headers"], knowledge=KNOWN), name)
