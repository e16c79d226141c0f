"""The tables of a terminal: one line per row, measured once, and of many rows the hard ones first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Final

from undeliverable.cli._layout import Layout, layout_for, streaming_layout
from undeliverable.cli._rows import BLOCK, Line, Paint, Rows, head_of, line_of
from undeliverable.cli._screen import Screen

__all__ = ["ScreenTable", "StreamTable"]

LIMIT: Final = 500
"""Rows that a terminal shows unasked."""


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
        if self._shows_all and len(self._rows) >= BLOCK:
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
        line = line_of([text for text, _ in cells], [word for _, word in cells], widths)
        heads: list[Line] = []
        if self._since % max(self._screen.height - 1, 10) == 0:
            names = [column.shown(column.name, ellipsis) for column in self._layout]
            heads = [head_of(line_of(names, names, widths))]
        self._since += 1
        return [*heads, line]
