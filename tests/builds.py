"""What tests have to know of the build they run on."""

from __future__ import annotations

from typing import Final

import pytest

import undeliverable

__all__ = ["interpreted"]

interpreted: Final = pytest.mark.skipif(
    undeliverable.compiled,
    reason="replaces what a compiled module has bound; the same code is tested on the pure build",
)
"""Marks tests that replace a name of a module that is compiled."""
