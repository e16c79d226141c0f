"""The rows of a report, and the table that files and pipes get: every row with all its text, so that it can be searched.

Lines are painted by a function, so that rich, where it is installed, adds colours and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeAlias, cast

from undeliverable.cli._fields import state_of, values_of
from undeliverable.cli._fit import padded, width_of
from undeliverable.cli._neutral import neutral
from undeliverable.verdict import Report, Verdict

__all__ = ["BLOCK", "GAP", "HEAD", "Line", "Paint", "Rows", "Table", "Writer", "head_of", "line_of", "table_rows"]

Rows: TypeAlias = Sequence[tuple[str, ...]]
"""The output for one report: rows of harmless cells behind the state of the recipient, or one row of finished text."""

Line: TypeAlias = Sequence[tuple[str, str]]
"""The cells of one line, each with the word that decides its colour."""

Paint: TypeAlias = Callable[[Sequence[Line]], None]
"""A function that writes lines."""

HEAD: Final = "head"
"""The word for the cells of the head."""

GAP: Final = 2
"""Columns between two cells."""
BLOCK: Final = 500
"""Rows that are aligned together."""


class Writer(Protocol):
    """Something that writes the rows that a renderer made."""

    def put(self, rows: Rows) -> None:
        """Write the rows of one report."""

    def close(self) -> None:
        """Write buffered rows."""


def table_rows(report: Report, verdicts: Sequence[Verdict], fields: Sequence[str]) -> Rows:
    """Return a row per verdict, or one row for a report without verdicts; a dash marks an empty cell."""
    found: Sequence[Verdict | None] = verdicts or (None,)
    return [(state_of(report, verdict), *map(_cell, values_of(report, verdict, fields))) for verdict in found]


def _cell(value: object) -> str:
    if value is None or value in ("", []):
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return neutral("; ".join(map(str, cast("list[object]", value))) if isinstance(value, list) else str(value))


class Table:
    """A writer of whole cells in aligned columns; rows are buffered in blocks, and later blocks only widen columns."""

    def __init__(self, paint: Paint, fields: Sequence[str], *, block: int = BLOCK) -> None:
        self._paint = paint
        self._fields = tuple(fields)
        self._block = block
        self._rows: list[tuple[str, ...]] = []
        self._widths = [0] * len(self._fields)
        self._begun = False

    def put(self, rows: Rows) -> None:
        """Add the rows of one report."""
        self._rows.extend(row[1:] for row in rows)
        if len(self._rows) >= self._block:
            self.close()

    def close(self) -> None:
        """Write the rows added so far."""
        if not self._rows:
            return
        rows = self._rows if self._begun else [self._fields, *self._rows]
        for index, cells in enumerate(zip(*rows, strict=True)):
            self._widths[index] = max(self._widths[index], *map(width_of, cells))
        lines = [line_of(cells, cells, self._widths) for cells in rows]
        self._paint(lines if self._begun else [head_of(lines[0]), *lines[1:]])
        self._begun, self._rows = True, []


def line_of(cells: Sequence[str], words: Sequence[str], widths: Sequence[int]) -> Line:
    """Return a line whose cells are padded to their columns; nothing stands behind the last one."""
    last = len(cells) - 1
    shown = [
        (padded(text, width) + " " * GAP if index < last else text)
        for index, (text, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return list(zip(shown, words, strict=True))


def head_of(line: Line) -> Line:
    """Return the line as a head."""
    return [(text, HEAD) for text, _ in line]
