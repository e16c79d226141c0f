"""Files of addresses as people keep them: one address per line, or CSV with an address column; compressed, or in an archive."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import chain
from types import TracebackType
from typing import Final, Self

from undeliverable.cli._command import UsageError, open_binary, warn
from undeliverable.cli._words import bad_rows, unknown_column
from undeliverable.files import STDIN, CsvRows, Row, lists_in

__all__ = ["AddressRows"]

_NAMES: Final = ("email", "e-mail", "email address", "email_address", "address", "recipient", "mail")
_DELIMITERS: Final = ",;\t|"


class AddressRows:
    """Iterate over the addresses of a file, each with the number of the line its row ends on; a context manager.

    Empty lines are skipped. A row whose cell is empty or missing has the address ""; a row that is no row is said and left out.

    :ivar failed: True when rows were left out, or the file could not be read to its end.
    """

    def __init__(self, path: str, column: str | None) -> None:
        """Open the file; raise UsageError when it cannot be opened."""
        self._path = path
        self._column = column
        self.failed = False
        self._file = open_binary(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._path != STDIN:
            self._file.close()

    def __iter__(self) -> Iterator[tuple[int, str]]:
        try:
            for one in lists_in(self._file, self._path, warn):
                text = io.TextIOWrapper(one.file, encoding="utf-8-sig", errors="surrogateescape", newline="")
                try:
                    yield from self._rows(text)
                finally:
                    text.detach()
        except OSError as error:
            self.failed = True
            warn(f"{self._path}: {error}; the rest of the file was skipped")

    def _rows(self, text: io.TextIOWrapper) -> Iterator[tuple[int, str]]:
        first = text.readline()
        table = CsvRows(chain((first,), text), delimiter=max(_DELIMITERS, key=first.count), ragged=True)
        rows = iter(table)
        head = next(rows, Row(0, 0, []))
        at, names = self._place(head.cells)
        for _, line, cells in rows if names else chain((head,) if head.cells else (), rows):
            yield line, cells[at] if at < len(cells) else ""
        self.failed |= bool(bad_rows(self._path, table.bad, table.faults))

    def _place(self, head: Sequence[str]) -> tuple[int, bool]:
        """Return the index of the address column, and True if the first row holds the names of the columns."""
        names = [name.strip().casefold() for name in head]
        if self._column is not None:
            if self._column.strip().casefold() not in names:
                raise unknown_column(self._column, head)
            return names.index(self._column.strip().casefold()), True
        for name in _NAMES:
            if name in names:
                return names.index(name), True
        # A first row that contains an address is no header.
        held = next((at for at, cell in enumerate(head) if "@" in cell), None)
        if held is None and len(head) > 1:
            raise UsageError(f"{self._path}: cannot tell which column holds the addresses; name it with --column")
        return held or 0, False
