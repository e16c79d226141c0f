"""The table in colour. The only module that imports rich; it is imported for terminals only."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from undeliverable.cli._rows import Rows
from undeliverable.cli._rows import Table as PlainTable

__all__ = ["RichTable"]

_WRAPPED: Final = frozenset({"recipient", "source"})  # the columns that wrap on a narrow terminal
_STYLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "hard": "bold red",
        "soft": "yellow",
        "undetermined": "magenta",
        "delivered": "green",
        "complaint": "bold red",
        "other": "dim",
        "suppress": "red",
        "-": "dim",
    }
)


class RichTable:
    """A writer of tables, one per block of rows; cells are styled by their word and never parsed as markup."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream, highlight=False, markup=False, emoji=False)
        self._rows: list[tuple[str, ...]] = []
        self._widths = [0] * len(PlainTable.COLUMNS)

    def put(self, rows: Rows) -> None:
        """Add the rows of one report."""
        self._rows.extend(rows)
        if len(self._rows) >= PlainTable.BLOCK:
            self.close()

    def close(self) -> None:
        """Write the rows added so far; a block is at least as wide as those before it."""
        if not self._rows:
            return
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=not any(self._widths), header_style="bold underline")
        columns = list(zip(PlainTable.COLUMNS, *self._rows, strict=True))
        self._widths = [max(width, *map(cell_len, cells)) for width, cells in zip(self._widths, columns, strict=True)]
        fits = sum(self._widths) + 2 * len(columns) <= self._console.width
        for (name, *_), width in zip(columns, self._widths, strict=True):
            wraps = name in _WRAPPED
            table.add_column(name, overflow="fold", no_wrap=not wraps, min_width=width if fits or not wraps else None)
        for cells in self._rows:
            table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in cells))
        self._rows = []
        self._console.print(table)
