"""Structure of a message: offsets of header blocks, bodies and parts, with repairs where the message is damaged.

Everything is an offset into one buffer, so a part is copied only when its content is needed. Well-formed mail takes a
fast path; the tolerant one behind it notes every repair. Time is linear, since each search continues where the last one
ended.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from undeliverable._mime.grammar import (
    BARE_CR,
    CARRIAGE_RETURNS,
    DELIMITER_FIRST,
    DELIMITER_IN_USE,
    DELIMITER_TAIL,
    FIELD_START,
    HEADER_BLOCK,
    INDENTED_BLANK,
    JUNK_BEFORE_FIELD,
    LEAD,
    LEAD_STARTS,
    LOOSE_PARAMETER,
)
from undeliverable._mime.repairs import Repair

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterator

GUESS_WINDOW: Final = 64 * 1024
"""Octets of a body searched for the boundary in use, which occurs near the beginning."""

REWRITTEN: Final = 256 * 1024
"""Largest message, in octets, converted to LF as a whole: cheaper than piece by piece, but it takes a second copy."""

_PIECE: Final = 16 * 1024
_LF: Final = 10
_CR: Final = 13
_LINE_ENDS: Final = (b"\n", b"")
_NO_GLUE: Final = b" \t>|-\"'="


class HeaderEnd(NamedTuple):
    """The end of a damaged header block, the start of its body, and Content-Type parameters found unindented."""

    stop: int
    body: int
    loose: bytes


Span: TypeAlias = tuple[int, int]
"""The start and end offsets of one part."""

Split: TypeAlias = tuple[list[Span], int, bool]
"""The parts of a multipart, the offset of its first delimiter (-1 if it has none), and whether it was closed."""


def normalise_line_endings(data: bytes, note: Callable[[Repair], None]) -> bytes:
    """Normalise line endings to LF (RFC 5322 2.3); a large message keeps its CRLFs if it has no bare CR.

    Only where the first line ends with a bare CR are CRs line ends. Elsewhere they are foreign octets, which a server
    may have quoted from a reply: as line ends they would let that reply write fields and lines of its own.
    """
    is_large = len(data) > REWRITTEN
    usual = data if is_large else data.replace(b"\r", b"")
    if not is_large and usual.replace(b"\n", b"\r\n") == data:  # the usual case: one comparison is faster than counting
        return usual
    all_crs = data.count(b"\r") if is_large else len(data) - len(usual)
    first = None if all_crs == data.count(b"\r\n") else BARE_CR.search(data)  # counting takes half the time
    if first is None:
        return usual
    run = CARRIAGE_RETURNS.match(data, first.start())
    converted_twice = run is not None and bool(run[1])
    end = b" " if converted_twice or data.find(b"\n", 0, first.start()) >= 0 else b"\n"
    note(Repair.BARE_CR if converted_twice or end == b"\n" else Repair.STRAY_CR)
    normalised = BytesIO()
    normalised.writelines(_pieces_with_lf(data, end))
    return normalised.getvalue()


def _pieces_with_lf(data: bytes, end: bytes) -> Iterator[bytes]:
    """Yield `data` with LF line endings in pieces: one substitution over all of it would need many times its memory.

    :param end: what takes the place of a bare CR.
    """

    def settled(run: re.Match[bytes]) -> bytes:
        return run[1] or end * len(run[0])

    at, size = 0, len(data)
    while at < size:
        stop = at + _PIECE
        if stop < size and (run := CARRIAGE_RETURNS.match(data, stop - 1)):  # do not split a run of CRs
            stop = run.end()
        piece = data[at:stop]
        if b"\r\r\n" in piece:  # a line ending that was converted twice is still one
            yield CARRIAGE_RETURNS.sub(settled, piece)
        else:
            yield piece.replace(b"\r\n", b"\n").replace(b"\r", end)
        at = stop


def skip_lead(data: bytes, start: int, end: int, note: Callable[[Repair], None]) -> int:
    """Return the start of the header block, after blank lines and an mbox separator."""
    if start >= end or data[start] not in LEAD_STARTS:
        return start
    lead = LEAD.match(data, start, end)
    if lead is None:  # pragma: no cover - the pattern matches the empty string
        return start
    if lead["blank"] and lead.end() < end:
        note(Repair.LEADING_BLANK)
    return lead.end()


def repaired_header_end(data: bytes, start: int, stop: int, end: int, note: Callable[[Repair], None]) -> HeaderEnd:
    """Find the end of a header block that is interrupted at `stop` by a line that is neither field nor blank."""
    loose: list[bytes] = []
    while stop < end:
        if data[stop] == _LF or data.startswith(b"\r\n", stop):
            return HeaderEnd(stop, stop + (1 if data[stop] == _LF else 2), b" ".join(loose))
        resume, repair = _resume(data, start, stop, end)
        if repair is not None:
            note(repair)
        if resume == stop or repair is None:
            return HeaderEnd(stop, resume, b" ".join(loose))
        if repair is Repair.LOOSE_PARAMETER:
            loose.append(b";" + data[stop:resume])
        found = HEADER_BLOCK.match(data, resume, end)
        stop = found.end() if found else resume
    return HeaderEnd(stop, end, b" ".join(loose))


def _resume(data: bytes, start: int, stop: int, end: int) -> tuple[int, Repair | None]:
    """Return the offset where reading resumes and the repair; if that is `stop` or None, the body begins there."""
    blank = INDENTED_BLANK.match(data, stop, end)
    if blank:
        inside = stop > start and FIELD_START.match(data, blank.end(), end)
        return blank.end(), Repair.BLANK_INSIDE if inside else None
    if stop > start:
        parameter = LOOSE_PARAMETER.match(data, stop, end)
        if parameter:
            return parameter.end(), Repair.LOOSE_PARAMETER
        junk = JUNK_BEFORE_FIELD.match(data, stop, end)
        if junk:
            return junk.end(), Repair.JUNK_LINE
        return stop, Repair.NO_BLANK_LINE
    return stop, Repair.NO_HEADER


def split(data: bytes, boundary: bytes, start: int, end: int, limit: int, note: Callable[[Repair], None]) -> Split:
    """Find the parts between the delimiter lines of `boundary` (RFC 2046 5.1.1), at most `limit` of them."""
    plain = _plain_split(data, boundary, start, end)
    if plain is not None and len(plain) < limit:
        return plain, plain[0][0] - len(boundary) - 3, True
    delimiter = b"--" + boundary
    size = len(delimiter)
    spans: list[Span] = []
    first = open_at = -1
    closed = False
    find = data.find
    at = find(delimiter, start, end)
    while at >= 0 and len(spans) < limit:
        after = at + size
        begin, closes = _delimiter(data, start, at, after, end, note)
        if begin >= 0:
            if open_at >= 0:
                spans.append((open_at, _before(data, open_at, at)))
            elif first < 0:
                first = at
            if closed and not closes:
                note(Repair.AFTER_CLOSE)
            closed = closes
            open_at = -1 if closes else begin
            after = begin
        at = find(delimiter, after, end)
    if 0 <= open_at < end and len(spans) < limit:  # a delimiter on the very last line opens no part
        spans.append((open_at, end))
    return spans, first, closed


def _plain_split(data: bytes, boundary: bytes, start: int, end: int) -> list[Span] | None:
    """Return the parts of a well-formed multipart: every delimiter on its own line, the last one closing; else None."""
    if end - start > REWRITTEN or not boundary:
        return None
    line = b"\n--" + boundary
    whole = data[start:end]
    first, *inner = whole.split(line)
    if len(inner) < 2 or whole.count(line[1:]) != len(inner):
        return None
    last = inner.pop()
    if last[:2] != b"--" or last[2:3] not in _LINE_ENDS:
        return None
    size = len(line)
    at = start + len(first)
    spans: list[Span] = []
    for part in inner:
        if part[:1] != b"\n":
            return None
        begin = at + size + 1
        at += size + len(part)
        spans.append((begin, at))
    return spans


def _delimiter(
    data: bytes, start: int, at: int, after: int, end: int, note: Callable[[Repair], None]
) -> tuple[int, bool]:
    """Return the start of the part after a delimiter line, -1 if it is not one, and whether it closes the multipart."""
    anchored = at == start or data[at - 1] == _LF
    if not anchored and data[at - 1] in _NO_GLUE:
        return -1, False
    tail = DELIMITER_TAIL.match(data, after, end)
    if tail is None:
        return -1, False
    if not anchored:
        note(Repair.GLUED_BOUNDARY)
    return tail.end(), tail[1] is not None


def _before(data: bytes, start: int, at: int) -> int:
    """Return the end of the part before a delimiter line, whose preceding line ending belongs to the delimiter."""
    if at > start and data[at - 1] == _LF:
        return at - 2 if at - 1 > start and data[at - 2] == _CR else at - 1
    return at


def boundary_in_use(data: bytes, start: int, end: int) -> bytes:
    """Return the first boundary that a part's header follows, whatever was declared; b"" if there is none."""
    found = DELIMITER_IN_USE.search(data, max(0, start - 1), min(end, start + GUESS_WINDOW))
    return found[1] if found else b""


def boundary_at_start(data: bytes, start: int, end: int) -> bytes:
    """Return the boundary of a body that begins with a delimiter line and a part's header; otherwise b""."""
    found = DELIMITER_FIRST.match(data, start, min(end, start + GUESS_WINDOW))
    return found[1] if found else b""
