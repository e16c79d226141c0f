"""TOML to write: strings, lists and comments."""

from __future__ import annotations

import json
from collections.abc import Iterable

__all__ = ["comment", "listed", "quoted"]


def quoted(text: str) -> str:
    """Return a TOML string: a literal one where backslashes would have to be escaped."""
    if "\\" in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def listed(texts: Iterable[str]) -> str:
    """Return a list of strings on lines of their own."""
    lines = [f"    {quoted(text)},\n" for text in texts]
    return f"[\n{''.join(lines)}]"


def comment(text: str) -> str:
    """Return a comment of one line."""
    return f"# {''.join(char if char.isprintable() else ' ' for char in text)}".rstrip()
