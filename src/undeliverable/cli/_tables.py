"""Aligned columns and JSON for what is not a report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from undeliverable.cli._neutral import neutral

__all__ = ["print_json", "print_table"]

_WIDEST: Final = 60  # of a column that is not the last


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints rows under their head; foreign text made harmless, long cells cut but for the last of a row."""
    lines = [tuple(head), *((*map(_cell, row[:-1]), neutral(row[-1])) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def print_json(value: object) -> None:
    """Prints one JSON document; what is not ASCII is escaped."""
    import json  # tables do without

    print(json.dumps(value, indent=2))


def _cell(text: str) -> str:
    shown = neutral(text)
    return shown if len(shown) <= _WIDEST else f"{shown[: _WIDEST - 3]}..."
