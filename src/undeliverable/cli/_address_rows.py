"""Files of addresses, as people have them: one a line, or CSV with a column for them."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from types import TracebackType
from typing import BinaryIO, Final, Self

from undeliverable.cli._command import UsageError, warn
from undeliverable.cli._files import STDIN

__all__ = ["AddressRows"]

_NAMES: Final = ("email", "e-mail", "email address", "email_address", "address", "recipient", "mail")
_DELIMITERS: Final = ",;\t|"


class AddressRows:
    """Iterates over the addresses of a file, each with the line that its row ends in; a context manager.

    Empty lines are passed over; a row whose cell is empty, or not there, has the address "".

    :ivar failed: whether it could not be read to its end.
    """

    def __init__(self, path: str, column: str | None) -> None:
        """Opens the file; raises UsageError when that cannot be done."""
        self._path = path
        self._column = column
        self.failed = False
        try:
            self._file: BinaryIO = sys.stdin.buffer if path == STDIN else open(path, "rb")  # noqa: SIM115 # closed on exit
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._path != STDIN:
            self._file.close()

    def __iter__(self) -> Iterator[tuple[int, str]]:
        text = io.TextIOWrapper(self._file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        try:
            yield from self._rows(text)
        except (OSError, csv.Error) as error:
            self.failed = True
            warn(f"{self._path}: {error}; what follows was not read")
        finally:
            text.detach()

    def _rows(self, text: io.TextIOWrapper) -> Iterator[tuple[int, str]]:
        first = text.readline()
        delimiter = max(_DELIMITERS, key=first.count)
        reader = csv.reader(chain((first,), text), delimiter=delimiter)
        head = next(reader, list[str]())
        at, names = self._place(head)
        if not names and any(head):
            yield reader.line_num, head[at] if at < len(head) else ""
        for cells in reader:
            if any(cells):
                yield reader.line_num, cells[at] if at < len(cells) else ""

    def _place(self, head: Sequence[str]) -> tuple[int, bool]:
        """Which column holds the addresses, and whether the first row names the columns."""
        names = [name.strip().casefold() for name in head]
        if self._column is not None:
            if self._column.strip().casefold() not in names:
                known = ", ".join(map(repr, head[:8]))
                raise UsageError(f"--column: there is no column {self._column!r} among {known}")
            return names.index(self._column.strip().casefold()), True
        for name in _NAMES:
            if name in names:
                return names.index(name), True
        # A first row with an address in it names nothing.
        held = next((at for at, cell in enumerate(head) if "@" in cell), None)
        if held is None and len(head) > 1:
            raise UsageError(f"{self._path}: which column holds the addresses? --column NAME says so")
        return held or 0, False
