"""Read the files of other systems row by row into events.

A row that cannot be read is skipped and counted; it never ends the import.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import Any, BinaryIO, Final, cast

from undeliverable import Report, bare_address
from undeliverable.files import CsvRows
from undeliverable.store._domains import is_pattern
from undeliverable.store._errors import AddressError, StoreError
from undeliverable.store._formats import Format, Shape, format_named, formats
from undeliverable.store._hold import decided
from undeliverable.store._identity import shortened
from undeliverable.suppression import ListEvent, events_of

__all__ = ["Imported", "read_import"]

_NO_OBJECT: Final = "no JSON object"
_OWN: Final = frozenset(("schema", "kind", "verdicts"))  # the keys of a report's record
_NAMED: Final = 10
"""Rows of which the place is kept."""
_FORMULA: Final = ("'=", "'+", "'-", "'@")


class Imported:
    """Iterate over the addresses and events of a file.

    :ivar rows: number of rows read.
    :ivar skips: number of rows without an address or event to import.
    :ivar skipped: the numbers of the first of them that are not damaged.
    :ivar bad: number of these rows that are damaged: no CSV, no JSON, none of our own records, or with what looks like
        an address but is none.
    :ivar faults: where the first of these stand, and what is wrong.
    :ivar patterns: number of these rows that hold a pattern in place of an address, such as ``*@example.org``: a whole
        domain takes :meth:`~undeliverable.store.SuppressionList.suppress_domain`.
    :ivar named_patterns: the first of them.
    """

    __slots__ = (
        "_default", "_file", "_format", "_judge", "_unread", "bad", "faults", "named_patterns", "patterns", "rows", "skipped",
        "skips",
    )  # fmt: skip

    def __init__(self, file: BinaryIO, format_: Format | None, default: datetime, *, judge: bool) -> None:
        self._file = file
        self._format = format_
        self._default = default
        self._judge = judge
        self.rows = 0
        self.skips = 0
        self.skipped: list[int] = []
        self._unread = 0  # rows that the reader of CSV has left out
        self.bad = 0
        self.faults: list[str] = []
        self.patterns = 0
        self.named_patterns: list[str] = []

    def __iter__(self) -> Iterator[tuple[str, ListEvent]]:
        text = io.TextIOWrapper(self._file, encoding="utf-8-sig", errors="backslashreplace", newline="")
        try:
            number, first = next(_written(iter(text.readline, "")), (1, ""))
            lines = chain((first,), text)
            is_json = first.lstrip()[:1] in ("{", "[")
            yield from self._json(first, lines) if is_json else self._csv(first, lines, number)
        finally:
            text.detach()

    def _csv(self, first: str, lines: Iterable[str], number: int) -> Iterator[tuple[str, ListEvent]]:
        reader = CsvRows(lines, delimiter=max(",;\t", key=first.count), number=number)
        rows = iter(reader)
        head = next(rows, None)
        if head is not None:
            shape, headed = self._shape(head.cells)
            columns = [name.strip().casefold() for name in (head.cells if headed else shape.columns)]
            for _, _, cells in chain(() if headed else (head,), rows):
                self._note(reader)
                yield from self._row(shape, dict(zip(columns, map(_unescaped, cells), strict=False)))
        self._note(reader)

    def _note(self, reader: CsvRows) -> None:
        """Count the rows that the reader has left out since the last call."""
        for _ in range(reader.bad - self._unread):
            self._fail()
        self._unread, self.faults = reader.bad, reader.faults  # to which other faults are added

    def _json(self, first: str, lines: Iterable[str]) -> Iterator[tuple[str, ListEvent]]:
        shape: Shape | None = None
        for record in _records(first, lines, self._fail):
            if "events" in record and "address" in record:
                yield from self._own(record)
                continue
            if record.keys() >= _OWN:
                yield from self._reported(record)
                continue
            row = {name.casefold(): _cell(value) for name, value in record.items()}
            if shape is None or not shape.fits(row):
                shape = self._shape(list(row))[0]
            yield from self._row(shape, row)

    def _own(self, record: Mapping[str, Any]) -> Iterator[tuple[str, ListEvent]]:
        """Yield the whole history of an address, as exported by `export_records`."""
        given = str(record["address"])
        try:
            found = [decided(ListEvent.from_dict(event)) for event in record["events"]]
        except (ValueError, TypeError, AttributeError) as error:
            self._fail(str(error))
            return
        address = bare_address(given)
        if is_pattern(address or given):
            self.rows += 1
            self._refuse(given)
        elif address is None:
            self._fail(f"{shortened(given)} is no address")
        else:
            self.rows += 1
            yield from ((address, event) for event in found)

    def _reported(self, record: Mapping[str, Any]) -> Iterator[tuple[str, ListEvent]]:
        """Yield the events of a report that was recorded, with what proved them then."""
        try:
            report = Report.from_dict(record)
        except ValueError as error:
            self._fail(str(error))
            return
        self.rows += 1
        yield from events_of(report, report.received or self._default)

    def _row(self, shape: Shape, row: Mapping[str, str]) -> Iterator[tuple[str, ListEvent]]:
        try:
            found = shape.read(row, self._default, judge=self._judge)
        except AddressError as error:
            self._fail(str(error))
            return
        self.rows += 1
        if found is None:
            self._skip()
        elif is_pattern(found[0]):
            self._refuse(found[0])
        else:
            yield found[0], decided(found[1])

    def _refuse(self, pattern: str) -> None:
        self.skips += 1
        self.patterns += 1
        if len(self.named_patterns) < _NAMED:
            self.named_patterns.append(f"row {self.rows}: {pattern}")

    def _skip(self) -> None:
        self.skips += 1
        if len(self.skipped) < _NAMED:
            self.skipped.append(self.rows)

    def _fail(self, fault: str = "") -> None:
        self.rows += 1
        self.bad += 1
        self.skips += 1
        if fault and len(self.faults) < _NAMED:
            self.faults.append(f"row {self.rows}: {fault}")

    def _shape(self, names: list[str]) -> tuple[Shape, bool]:
        """Return the shape of a table with `names` as first line, and True if that line is a header."""
        wanted = formats() if self._format is None else (self._format,)
        for shape in (shape for format_ in wanted for shape in format_.shapes):
            if shape.fits(names):
                return shape, True
            if shape.fits_values(names):
                return shape, False
        raise StoreError(f"unknown format: no known list has the columns {', '.join(map(repr, names[:8]))}")


def read_import(
    file: BinaryIO,
    *,
    format: str | None = None,  # noqa: A002 # as the command's option is called
    default: datetime | None = None,
    judge: bool = False,
) -> Imported:
    """Return the addresses and events of a file, as arguments for :meth:`SuppressionList.record`.

    :param file: CSV, JSON Lines or a JSON document, opened for bytes.
    :param format: one of :data:`FORMATS`; detected from the column names by default.
    :param default: the time of rows without one; now by default.
    :param judge: True to judge the replies in the file instead of trusting the other system's verdicts.
    :raises StoreError: for a format that does not exist; while reading, for columns that no format has.
    """
    return Imported(file, None if format is None else format_named(format), default or datetime.now(UTC), judge=judge)


def _written(lines: Iterator[str]) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not empty, with their numbers."""
    return ((number, line) for number, line in enumerate(lines, start=1) if line.strip())


def _records(first: str, lines: Iterable[str], fail: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """Yield the objects of JSON Lines, or of one document that is a list or contains one."""
    try:
        begun = json.loads(first)
    except ValueError:
        begun = None
    if isinstance(begun, dict) and not _lists(cast("dict[str, Any]", begun)):
        for line in lines:
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError:
                record = None
            if isinstance(record, dict):
                yield cast("dict[str, Any]", record)
            else:
                fail(_NO_OBJECT)
        return
    try:
        document = json.loads("".join(lines))
    except ValueError as error:
        raise StoreError(f"not JSON: {error}") from None
    found = cast("list[object]", document) if isinstance(document, list) else _lists(document)
    for record in found:
        if isinstance(record, dict):
            yield cast("dict[str, Any]", record)
        else:
            fail(_NO_OBJECT)


def _lists(document: Mapping[str, Any]) -> list[object]:
    """Return the rows in a JSON document, found by the key that some format uses; an empty list if there are none."""
    for format_ in formats():
        found: Any = document.get(format_.list or "")
        if isinstance(found, list):
            return cast("list[object]", found)
    return []


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def _unescaped(cell: str) -> str:
    """Return the cell without the apostrophe that keeps spreadsheets from reading it as a formula."""
    return cell[1:] if cell.startswith(_FORMULA) else cell
