"""docs/reference/limits.md names constants and their values: they are the ones of the code, and none is missing."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parent.parent / "docs" / "reference" / "limits.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([a-z_.]+)\.([A-Z_]+)` \| (\d+) \|", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("module", "name", "value"), ROWS)
def test_a_limit_is_what_the_page_says(module: str, name: str, value: str) -> None:
    assert getattr(importlib.import_module(f"undeliverable.{module}"), name) == int(value)


def test_no_limit_of_the_tree_is_missing() -> None:
    repairs = importlib.import_module("undeliverable._mime.repairs")
    named = {name for module, name, _ in ROWS if module == "_mime.repairs"}
    assert {name for name in vars(repairs) if name.isupper() and isinstance(getattr(repairs, name), int)} == named
