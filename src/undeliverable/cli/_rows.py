"""The rows in which a report is shown, and the plain table that aligns them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol, TextIO, TypeAlias

from undeliverable.cli._neutral import neutral
from undeliverable.verdict import Report, Verdict

__all__ = ["Rows", "Table", "Writer"]

Rows: TypeAlias = Sequence[tuple[str, ...]]
"""The output for one report: rows of harmless cells, or one row with one finished text."""


class Writer(Protocol):
    """Something that writes the rows that a renderer made."""

    def put(self, rows: Rows) -> None:
        """Write the rows of one report."""

    def close(self) -> None:
        """Write buffered rows."""


class Table:
    """A writer of aligned columns; rows are buffered in blocks to bound memory, and later blocks only widen columns."""

    COLUMNS: Final = ("recipient", "kind", "type", "reason", "status", "advice", "source")
    BLOCK: Final = 500

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._rows: list[tuple[str, ...]] = []
        self._widths = [0] * len(self.COLUMNS)
        self._begun = False

    @staticmethod
    def rows(report: Report, verdicts: Sequence[Verdict]) -> Rows:
        """Return a row per verdict, or one row for a report without verdicts."""
        return [_row(report, verdict) for verdict in verdicts or (None,)]

    def put(self, rows: Rows) -> None:
        """Add the rows of one report."""
        self._rows.extend(rows)
        if len(self._rows) >= self.BLOCK:
            self.close()

    def close(self) -> None:
        """Write the rows added so far."""
        if not self._rows:
            return
        rows = self._rows if self._begun else [self.COLUMNS, *self._rows]
        self._begun, self._rows = True, []
        for index, cells in enumerate(zip(*rows, strict=True)):
            self._widths[index] = max(self._widths[index], *map(_width, cells))
        self._stream.write("".join(map(self._line, rows)))

    def _line(self, cells: tuple[str, ...]) -> str:
        padded = (f"{cell}{' ' * (width - _width(cell))}" for cell, width in zip(cells, self._widths, strict=True))
        return "  ".join(padded).rstrip() + "\n"


def _row(report: Report, verdict: Verdict | None) -> tuple[str, ...]:
    """Return the harmless cells of a table's row; a dash marks an empty one."""
    values = (
        verdict and verdict.recipient,
        report.kind,
        verdict and verdict.bounce_type,
        verdict and verdict.reason,
        verdict and verdict.status,
        verdict and verdict.advice,
        report.source,
    )
    return tuple("-" if value is None else neutral(str(value)) for value in values)


def _width(text: str) -> int:
    """Return the number of terminal columns that a text takes."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(letter) else 1 + (east_asian_width(letter) in "WF") for letter in text)
