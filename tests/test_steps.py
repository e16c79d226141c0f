"""Reading and judging takes no more steps of bytecode than recorded: `python -m tests.benchmarks.steps --record` records them."""

from __future__ import annotations

import json
import sys

import pytest

from tests.benchmarks import steps


def recorded() -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = json.loads(steps.RECORDED.read_text())
    return found


def test_a_mail_takes_no_more_steps_than_recorded() -> None:
    before = recorded().get(steps.version())
    if before is None:
        pytest.skip(f"no figures for Python {steps.version()}: python -m tests.benchmarks.steps --record")
    found = steps.counted()
    assert found.keys() == before.keys()
    assert steps.grown(found, before) == []


def test_steps_are_counted() -> None:
    few, many = (steps._steps(lambda number: [sum(range(3)) for _ in range(number)], number) for number in (10, 100))
    assert 0 < few * 5 < many < few * 10
    assert steps._steps(lambda _: None, None) < 10


def test_counting_leaves_another_tracer_alone() -> None:
    before = sys.gettrace()
    with pytest.raises(ZeroDivisionError):
        steps._steps(lambda number: 1 // number, 0)
    assert sys.gettrace() is before


def test_what_has_grown_is_named() -> None:
    assert steps.grown({"a": 103, "b": 90, "c": 1}, {"a": 100, "b": 100}) == []
    assert steps.grown({"a": 104, "b": 90}, {"a": 100, "b": 100}) == ["a: 104 steps instead of 100, +4.0%"]
