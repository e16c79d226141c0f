"""The rows of a report, and the two tables that show them: one for files and pipes, one for terminals.

A file gets every row with all its text, so that it can be searched. A terminal gets one line per row: columns that do not
fit are left out, and of many rows the hard ones come first. Both are painted by a function, so that rich, where it is
installed, adds colours and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Final, Protocol, TypeAlias

from undeliverable.cli._fields import state_of, values_of
from undeliverable.cli._fit import padded, width_of
from undeliverable.cli._layout import GAP, Layout, layout_for, streaming_layout
from undeliverable.cli._neutral import neutral
from undeliverable.cli._screen import Screen
from undeliverable.verdict import Report, Verdict

__all__ = ["HEAD", "Line", "Paint", "Rows", "ScreenTable", "StreamTable", "Table", "Writer", "table_rows"]

Rows: TypeAlias = Sequence[tuple[str, ...]]
"""The output for one report: rows of harmless cells behind the state of the recipient, or one row of finished text."""

Line: TypeAlias = Sequence[tuple[str, str]]
"""The cells of one line, each with the word that decides its colour."""

Paint: TypeAlias = Callable[[Sequence[Line]], None]
"""A function that writes lines."""

HEAD: Final = "head"
"""The word for the cells of the head."""

_BLOCK: Final = 500
LIMIT: Final = 500
"""Rows that a terminal shows unasked."""


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
    return neutral("; ".join(map(str, value)) if isinstance(value, list) else str(value))


class Table:
    """A writer of whole cells in aligned columns; rows are buffered in blocks, and later blocks only widen columns."""

    def __init__(self, paint: Paint, fields: Sequence[str], *, block: int = _BLOCK) -> None:
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
        lines = [_line(cells, cells, self._widths) for cells in rows]
        self._paint(lines if self._begun else [_head(lines[0]), *lines[1:]])
        self._begun, self._rows = True, []


class ScreenTable:
    """A writer of one line per row, for a terminal, measured once.

    Rows are kept until the end, unless all of them are wanted: then the first block decides the layout.
    """

    def __init__(self, paint: Paint, fields: Sequence[str], screen: Screen, *, shows_all: bool = False) -> None:
        self._lines = _Lines(paint, fields, screen)
        self._shows_all = shows_all
        self._hard: list[tuple[str, ...]] = []
        self._rows: list[tuple[bool, tuple[str, ...]]] = []
        self._number = 0

    @property
    def left(self) -> int:
        """The number of rows that have no room."""
        return 0 if self._shows_all else max(0, self._number - LIMIT)

    def put(self, rows: Rows) -> None:
        """Add the rows of one report."""
        self._number += len(rows)
        for state, *cells in rows:
            is_hard = state == "hard"
            if self._shows_all or len(self._rows) < LIMIT:
                self._rows.append((is_hard, tuple(cells)))
            elif is_hard and len(self._hard) < LIMIT:
                self._hard.append(tuple(cells))
        if self._shows_all and len(self._rows) >= _BLOCK:
            self._flush([row for _, row in self._rows])

    def close(self) -> None:
        """Write the rows that have room."""
        rows = [row for _, row in self._rows]
        if self.left:
            first = [row for is_hard, row in self._rows if is_hard] + self._hard
            rows = [*first, *(row for is_hard, row in self._rows if not is_hard)][:LIMIT]
        self._flush(rows)
        if self.left:
            self._lines.say(f"{self.left:,} more rows: --all, --format csv -o FILE, or | less")

    def _flush(self, rows: Sequence[tuple[str, ...]]) -> None:
        self._lines.write(rows)
        self._rows = []


class StreamTable:
    """A writer that shows each row as it comes, for logs that are still being written."""

    def __init__(self, paint: Paint, fields: Sequence[str], screen: Screen) -> None:
        self._lines = _Lines(paint, fields, screen, layout=streaming_layout(fields, screen.width))

    def put(self, rows: Rows) -> None:
        """Write the rows of one report."""
        self._lines.write([row[1:] for row in rows])

    def close(self) -> None:
        """Do nothing: no rows are buffered."""


class _Lines:
    """Rows as lines of a terminal, with the head once a screen."""

    def __init__(self, paint: Paint, fields: Sequence[str], screen: Screen, *, layout: Layout = ()) -> None:
        self._paint = paint
        self._fields = tuple(fields)
        self._screen = screen
        self._layout = layout
        self._since = 0

    def write(self, rows: Sequence[tuple[str, ...]]) -> None:
        if not rows:
            return
        self._layout = self._layout or layout_for(self._fields, [self._fields, *rows], self._screen.width)
        self._paint(list(chain.from_iterable(map(self._shown, rows))))

    def say(self, text: str) -> None:
        from textwrap import wrap  # few tables have more rows than a screen shows

        lines = wrap(f"{self._screen.signs.ellipsis} {text}", self._screen.width)
        self._paint([[(line, "dim")] for line in lines])

    def _shown(self, row: tuple[str, ...]) -> list[Line]:
        """Return the line of a row, below the head where the last one has left the screen."""
        ellipsis = self._screen.signs.ellipsis
        cells = [(column.shown(row[column.place], ellipsis), row[column.place]) for column in self._layout]
        widths = [column.width for column in self._layout]
        line = _line([text for text, _ in cells], [word for _, word in cells], widths)
        heads: list[Line] = []
        if self._since % max(self._screen.height - 1, 10) == 0:
            names = [column.shown(column.name, ellipsis) for column in self._layout]
            heads = [_head(_line(names, names, widths))]
        self._since += 1
        return [*heads, line]


def _line(cells: Sequence[str], words: Sequence[str], widths: Sequence[int]) -> Line:
    """Return a line whose cells are padded to their columns; nothing stands behind the last one."""
    last = len(cells) - 1
    shown = [
        (padded(text, width) + " " * GAP if index < last else text)
        for index, (text, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return list(zip(shown, words, strict=True))


def _head(line: Line) -> Line:
    return [(text, HEAD) for text, _ in line]
