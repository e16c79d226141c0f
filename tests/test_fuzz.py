"""A short run of every fuzz target; `python -m tests.fuzz` runs them for as long as wanted."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, inputs, timed


@pytest.mark.parametrize("name", TARGETS)
def test_the_first_inputs_keep_every_promise(name: str) -> None:
    target = TARGETS[name]
    for data in islice(inputs(target, seed=1), 150):
        timed(target, data)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=25, deadline=None)
@given(data=st.binary(max_size=600))
def test_any_octets_keep_every_promise(name: str, data: bytes) -> None:
    timed(TARGETS[name], data)
