"""Lines of a log, each read by itself: described lines, JSON records and CSV rows, in any frame.

A line is matched against the described shapes, of which a substring test excludes most. Only where that promised
something and nothing matched, a frame is taken off and the rest is read again; so frames cost the other lines nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from undeliverable._knowledge.log_shapes import LineShape, LogTable, Role
from undeliverable.logs._facts import Entry, line_entry, record_entry
from undeliverable.logs._frames import BARE, Frame, framed, peeled, unframe, unwrapped, within
from undeliverable.logs._records import (
    Columns,
    Record,
    parse_object,
    read_columns,
    read_json,
    read_row,
)

__all__ = ["LONGEST", "Line", "Lines"]

LONGEST: Final = 16_384  # characters of a line that are read; servers cut their own lines earlier
_DEEPEST: Final = 4  # frames within frames: a collector's, a container engine's, a relay's and the server's own
_OBJECT: Final = '{"'
_Shapes: TypeAlias = Sequence[tuple[str, LineShape]]
"""Literals with the shapes that they are of."""


class Line(NamedTuple):
    """A line about a message: an entry, or something to remember or forget."""

    role: Role
    name: str
    found: dict[str, str]
    frame: Frame
    entry: Entry | None = None


class Lines:
    """A reader of single lines; it remembers nothing but the last CSV header.

    :ivar unread: why lines about deliveries were not read, with their numbers.
    """

    __slots__ = ("_first_cells", "_header", "_keeps", "_marks", "_row_marks", "_table", "unread")

    def __init__(self, table: LogTable, *, keeps: bool) -> None:
        self._table = table
        self._keeps = keeps
        self._header: Columns | None = None
        self.unread: Counter[str] = Counter()
        self._marks = _marked(table.lines)
        self._row_marks = tuple(literal for row in table.rows for literal in row.contains)
        types = (word for row in table.rows if not row.contains for word in row.outcomes)
        self._first_cells = frozenset((*types, *(row.columns[0].casefold() for row in table.rows)))

    def read(self, text: str, outer: Frame = BARE, depth: int = 0) -> Line | None:
        """Return what a line says, or None if it is about no message.

        :param outer: the frame that the line was taken from, and `depth` how many of them.
        """
        if text[:1] == "{":
            return self._read_object(text, outer, depth)
        whole, text, promising = text, text[:LONGEST], False
        own: Frame | None = None
        for mark, shapes in self._marks:
            if mark in text:
                promising, own = True, own or unframe(text)
                line = _matched(text, within(own, outer), shapes)
                if line is not None:
                    return line
        if _OBJECT in text:
            promising = True
            line = self._read_tail(whole, outer)
            if line is not None:
                return line
        has_row = "," in text and self._has_row(text)
        if has_row:
            promising = True
            line = self._read_cells(text, outer)
            if line is not None:
                return line
        if not promising or depth == _DEEPEST:
            return None
        own = own if own is not None and len(whole) <= LONGEST else unframe(whole)
        frame = peeled(whole, self._table.frames) or self._relayed(whole, own, has_row=has_row)
        return None if frame is None else self.read(frame.body, within(frame, outer), depth + 1)

    def knows(self, text: str) -> bool:
        """Return whether a line has the shape of a log's: that of a described line or record, or a logger's frame."""
        text = text[:LONGEST]
        if self.read(text) is not None:
            return True
        value = parse_object(text) if text[:1] == "{" else None
        inner = [text] if value is None else [frame.body for frame in unwrapped(value, self._table.frames)]
        return any(self._framed(one) for one in inner)

    def _framed(self, text: str) -> bool:
        if framed(text):
            return True
        frame = peeled(text, self._table.frames)
        return frame is not None and framed(frame.body)

    def _read_object(self, text: str, outer: Frame, depth: int) -> Line | None:
        value = parse_object(text)
        if value is None:
            return None
        record = read_json(value, self._table.records)
        if record is not None:
            return _recorded(record, within(Frame(text), outer))
        frames = unwrapped(value, self._table.frames) if depth < _DEEPEST else ()
        lines = (self.read(frame.body[:LONGEST], within(frame, outer), depth + 1) for frame in frames)
        return next((line for line in lines if line is not None), None)

    def _relayed(self, text: str, frame: Frame, *, has_row: bool) -> Frame | None:
        """Return the frame that a logger put around a line, if what is in it is read otherwise: a frame, an object, a row.

        :param has_row: whether the whole can be a row; then what is in the frame can be one, too.
        """
        body = frame.body
        if body == text:
            return None
        if has_row or body[:1] == "{" or framed(body) or peeled(body, self._table.frames) is not None:
            return frame
        # A comma in the frame has hidden the first one of the row.
        return frame if "," in text[: len(text) - len(body)] and "," in body and self._has_row(body) else None

    def _read_tail(self, text: str, outer: Frame) -> Line | None:
        """Return what a line says that ends with a JSON record."""
        for shape in self._table.tails:
            _, found, tail = text.partition(shape.after)
            value = parse_object(tail) if found else None
            record = None if value is None else read_json(value, (shape,))
            if record is not None:
                return _recorded(record, within(unframe(text), outer))
        return None

    def _has_row(self, text: str) -> bool:
        """Return whether a line can be a CSV row or header, maybe after a frame: a quick look."""
        head = text[: text.index(",")].rpartition(" ")[2].strip('"').casefold()
        if head in self._first_cells:
            return True
        return any([mark in text for mark in self._row_marks])  # noqa: C419 # a generator takes twice the time

    def _read_cells(self, text: str, outer: Frame) -> Line | None:
        cells = _cells(text)
        if not cells:
            return None
        header = read_columns(cells, self._table)
        if header is not None:
            self._header = header if self._keeps else None
            return None
        record = read_row(cells, self._table, self._header)
        if record is not None and record.remarks and self._header is None:
            # These are other columns than the default ones, so that nothing is known of any of them.
            self.unread[f"{record.shape.name}: without a header, {record.remarks[0]}"] += 1
            return None
        return None if record is None else _recorded(record, within(Frame(text), outer))


def _marked(lines: tuple[LineShape, ...]) -> tuple[tuple[str, _Shapes], ...]:
    """Return as few literals as tell whether any shape's is in a line, each with the shapes whose own it is a part of.

    Shapes with a literal in common stay in the order of the table.
    """
    literals = dict.fromkeys(literal for shape in lines for literal in shape.contains)
    marks = [mark for mark in literals if not any(one != mark and one in mark for one in literals)]
    found: dict[str, list[tuple[str, LineShape]]] = {mark: [] for mark in marks}
    for shape in lines:
        for literal in shape.contains:
            found[next(mark for mark in marks if mark in literal)].append((literal, shape))
    return tuple((mark, tuple(shapes)) for mark, shapes in found.items())


def _matched(text: str, frame: Frame, shapes: _Shapes) -> Line | None:
    for literal, shape in shapes:
        if literal in text:
            line = _match(shape, frame)
            if line is not None:
                return line
    return None


def _match(shape: LineShape, frame: Frame) -> Line | None:
    match = shape.pattern.match(frame.body)
    if match is None:
        return None
    found = {fact: text for fact, text in match.groupdict().items() if text is not None}
    if shape.role is not Role.OUTCOME:
        return Line(shape.role, shape.name, found, frame)
    entry = line_entry(shape, found, frame)
    return None if entry is None else Line(shape.role, shape.name, found, frame, entry)


def _recorded(record: Record, frame: Frame) -> Line:
    return Line(Role.OUTCOME, record.shape.name, {}, frame, record_entry(record, frame))


def _cells(text: str) -> list[str]:
    import csv  # imported only for logs in CSV

    try:
        return next(csv.reader([text]))
    except csv.Error:
        return []
