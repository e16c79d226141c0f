"""Aligned columns, CSV and JSON on standard output, for everything that is not a report.

All cells may hold foreign text: they are made harmless here, so that no caller can forget it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from undeliverable.cli._neutral import neutral, neutral_cell

__all__ = ["aligned", "print_csv", "print_json", "print_lines", "print_table"]

_WIDEST: Final = 60  # characters of a column, except the last
_BLOCK: Final = 500  # rows that are aligned together


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows below their head; long cells are cut, except in the last column."""
    lines = [tuple(head), *((*map(_cut, row[:-1]), neutral(row[-1])) for row in rows)]
    print_lines(_aligned(lines, [0] * len(head)))


def aligned(rows: Iterable[Sequence[object]], header: Sequence[str]) -> Iterator[str]:
    """Yield aligned lines, in blocks so that memory stays small; an empty cell is shown as a dash."""
    widths = [0] * len(header)
    block: list[Sequence[str]] = [header]
    for row in rows:
        block.append(["-" if cell in (None, "") else neutral(str(cell)) for cell in row])
        if len(block) >= _BLOCK:
            yield from _aligned(block, widths)
            block = []
    yield from _aligned(block, widths)


def print_lines(lines: Iterable[str]) -> None:
    """Write lines to standard output."""
    for line in lines:
        sys.stdout.write(f"{line}\n")


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write rows as CSV below the names of their columns; no cell can become a formula in a spreadsheet."""
    import csv  # tables do without

    write = csv.writer(sys.stdout, lineterminator="\n").writerow
    write(columns)
    for row in rows:
        write([neutral_cell(cell) for cell in row])


def print_json(value: object) -> None:
    """Print one JSON document, with escapes for everything outside ASCII."""
    import json  # tables do without

    print_lines((json.dumps(value, indent=2),))


def _aligned(block: Sequence[Sequence[str]], widths: list[int]) -> Iterator[str]:
    """Yield the lines of a block, widening `widths` where a cell needs it."""
    for row in block:
        for index, cell in enumerate(row):
            widths[index] = max(widths[index], len(cell))
    for row in block:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _cut(text: str) -> str:
    shown = neutral(text)
    return shown if len(shown) <= _WIDEST else f"{shown[: _WIDEST - 3]}..."
