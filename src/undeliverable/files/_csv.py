"""Rows of CSV, read strictly: a row that is none is counted, named and left out, and costs no other row.

A quote that is never closed would swallow all that follows it. So a row ends with its line unless its quotes stay open
there, and where no later line closes them well the line is a bad row by itself, and reading goes on with the next one.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

__all__ = ["CsvRows", "Row"]

_LINES: Final = 100
"""Lines that one row may have: cells may hold line endings, but nobody keeps letters in them."""
_NAMED: Final = 10
"""Bad rows of which the place is kept."""
_LONG: Final = 65_536
"""Characters of a line above which the standard library's limit on a cell counts."""
# RFC 5321 4.1.2: where lines hold addresses and nothing else, this is a quoted local part, and no cell.
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.){0,64}"@[^\s",;]{1,255}')
_OPEN: Final = "a quote is not closed"


class Row(NamedTuple):
    """One row.

    :ivar line: the number of its first line, counted from 1.
    :ivar last: that of its last line.
    """

    line: int
    last: int
    cells: list[str]


class CsvRows:
    """Iterate over the rows of CSV (RFC 4180), empty lines left out.

    :ivar bad: number of rows that are no rows: an open quote, text behind one, a wrong number of cells.
    :ivar faults: where the first of them stand, and what is wrong: "line 11: a quote is not closed".
    """

    __slots__ = ("_delimiter", "_lines", "_ragged", "_width", "bad", "faults")

    def __init__(self, lines: Iterable[str], *, delimiter: str = ",", number: int = 1, ragged: bool = False) -> None:
        """Read nothing yet.

        :param lines: with their endings.
        :param number: that of the first of them, for places.
        :param ragged: True to take rows that have not as many cells as the first one.
        """
        self._lines = _Lines(lines, number - 1)
        self._delimiter = delimiter
        self._ragged = ragged
        self._width = 0
        self.bad = 0
        self.faults: list[str] = []

    def __iter__(self) -> Iterator[Row]:
        for line in self._lines:
            number = self._lines.number
            cells, fault = self._cells(line)
            if fault is not None:
                self._fail(number, fault)
                continue
            if not any(cells):
                continue
            self._width = self._width or len(cells)
            if self._ragged or len(cells) == self._width:
                yield Row(number, self._lines.number, cells)
            else:
                self._fail(number, f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'} instead of {self._width}")

    def _cells(self, line: str) -> tuple[list[str], str | None]:
        """Return the cells of the row that begins with a line, or what is wrong with it."""
        if '"' not in line and len(line) < _LONG:
            return line.rstrip("\r\n").split(self._delimiter), None
        if self._width < 2 and _QUOTED.fullmatch(line.strip()):
            return [line.strip()], None
        import csv  # most files hold mail, and need none of it

        more: list[str] = []
        try:
            return next(csv.reader(self._row(line, more), delimiter=self._delimiter, strict=True)), None
        except csv.Error as error:
            self._lines.put_back(more)
            return [], _OPEN if more or "end of data" in str(error) else str(error)

    def _row(self, line: str, more: list[str]) -> Iterator[str]:
        """Yield a line, and those after it as far as the row goes on in them; the reader asks for no others."""
        yield line
        for following in islice(self._lines, _LINES):
            more.append(following)
            yield following

    def _fail(self, number: int, fault: str) -> None:
        self.bad += 1
        if len(self.faults) < _NAMED:
            self.faults.append(f"line {number}: {fault}")


class _Lines:
    """Lines that can be put back.

    :ivar number: the number of the line that came last.
    """

    __slots__ = ("_source", "_waiting", "number")

    def __init__(self, source: Iterable[str], number: int) -> None:
        self._source = iter(source)
        self._waiting: deque[str] = deque()
        self.number = number

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._waiting.popleft() if self._waiting else next(self._source)
        self.number += 1
        return line

    def put_back(self, lines: list[str]) -> None:
        self._waiting.extendleft(reversed(lines))
        self.number -= len(lines)
