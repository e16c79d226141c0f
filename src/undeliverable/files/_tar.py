"""Read tar archives as a stream, one member at a time, in memory that does not grow with their number or size.

POSIX.1-2017 (pax) says what a header is; GNU tar's long names and large numbers are read as well. Nothing is ever
written, and what is no plain file (links, devices, sparse files) is handed out with the reason why it is not read.
:mod:`tarfile` keeps every member in memory and takes lengths of headers on trust.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from undeliverable.files._raw import TORN, DamagedError, Section

__all__ = ["BLOCK", "Member", "begins_as_tar", "moment", "tar_members"]

BLOCK: Final = 512
"""Octets of a header; the data of a member are filled up to a multiple of it."""
MAX_NAMES: Final = 1024 * 1024
"""Octets of an extended header: long names and times."""

_SKIPPED: Final = 256 * 1024
_SPARSE: Final = "a sparse file, which is not read"
_NO_HEADER: Final = "damaged: no header where one has to be"
_FILES: Final = frozenset((b"0", b"\0", b"7"))
_FOLDERS: Final = frozenset((b"5", b"D"))
_LABELS: Final = frozenset((b"V", b"N"))  # a volume's label, and names in the form of 1990
_REFUSED: Final[Mapping[bytes, str]] = MappingProxyType(
    {
        b"1": "a hard link, which is not followed",
        b"2": "a symbolic link, which is not followed",
        b"3": "a device, which is not read",
        b"4": "a device, which is not read",
        b"6": "a named pipe, which is not read",
        b"S": _SPARSE,
        b"M": "the rest of a file that begins in another volume",
    }
)
_WITHOUT_DATA: Final = frozenset((b"1", b"2", b"3", b"4", b"5", b"6"))
_LONG_NAMES: Final = frozenset((b"L", b"K"))
_FACTS: Final = frozenset((b"path", b"size", b"mtime", b"GNU.sparse.name"))
_PAX: Final = frozenset((b"x", b"X", b"g"))


class Member(NamedTuple):
    """A file in an archive, whose data have to be read before the next one comes.

    :ivar name: its path, as the archive has it.
    :ivar file: its data; None if they are not read.
    :ivar time: when it was last changed, if that is known.
    :ivar refusal: why it is not read.
    """

    name: str
    file: io.BufferedReader | None
    time: datetime | None = None
    refusal: str | None = None


def begins_as_tar(head: bytes) -> bool:
    """Return True if a file begins with the header of a member: its checksum is right."""
    return len(head) >= BLOCK and any(head[:BLOCK]) and _is_header(head[:BLOCK])


def tar_members(file: io.BufferedReader) -> Iterator[Member]:
    """Yield the members of an archive that are no folders.

    :raises DamagedError: where the archive cannot be read on.
    """
    shared: dict[str, str] = {}
    own: dict[str, str] = {}
    while (header := _next_header(file)) is not None:
        kind, size = header[156:157], _number(header[124:136])
        if kind in _PAX:
            (shared if kind == b"g" else own).update(_pax(_names(file, size)))
            continue
        if kind in _LONG_NAMES:
            own["path" if kind == b"L" else "linkpath"] = _text(_names(file, size))
            continue
        facts = {**shared, **own}
        own = {}
        size = _number_in(facts["size"]) if facts.get("size") else size
        section = Section(file, 0 if kind in _WITHOUT_DATA else size)
        member = _member(header, kind, facts, section)
        if member is not None:
            yield member
        _skip(section)
        _pad(file, 0 if kind in _WITHOUT_DATA else size)


def moment(seconds: float) -> datetime | None:
    """Return the datetime so many seconds after 1970; None if no calendar has it."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _next_header(file: io.BufferedReader) -> bytes | None:
    """Return the next header, or None at the end: zeros. Archives may have been written one behind the other."""
    ended = False
    while True:
        block = file.read(BLOCK)
        if not block and ended:
            return None
        if (len(block) < BLOCK and any(block)) or not block:
            raise DamagedError(TORN)
        if any(block):
            if not _is_header(block):
                raise DamagedError("other data follow its end" if ended else _NO_HEADER)
            return block
        ended = True


def _is_header(block: bytes) -> bool:
    """Return True if the checksum is right, in which its own field counts as blanks; old programs added signed octets."""
    try:
        stated = _number(block[148:156])
    except DamagedError:
        return False
    rest = block[:148] + block[156:]
    unsigned = sum(rest) + 8 * ord(" ")
    return stated in {unsigned, unsigned - 256 * sum(octet > 127 for octet in rest)}


def _number(field: bytes) -> int:
    """Return a number in octal digits, or in GNU tar's form for large ones: octets behind one with the highest bit."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    return _digits(field.partition(b"\0")[0], 8)


def _number_in(text: str) -> int:
    return _digits(text.encode(errors="replace"), 10)


def _digits(text: bytes, base: int) -> int:
    text = text.strip()
    if (text and not text.isdigit()) or len(text) > 20:
        raise DamagedError(_NO_HEADER)
    try:
        return int(text or b"0", base)
    except ValueError:
        raise DamagedError(_NO_HEADER) from None


def _names(file: io.BufferedReader, size: int) -> bytes:
    if size > MAX_NAMES:
        raise DamagedError("damaged: a name of more than a mebibyte")
    data = file.read(size)
    if len(data) < size:
        raise DamagedError(TORN)
    _pad(file, size)
    return data


def _pax(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield the records of an extended header that count here: their length, a blank, a key, "=", a value, and a line feed."""
    at = 0
    while at < len(data) and data[at]:
        blank = data.find(b" ", at, at + 20)
        length = _digits(data[at : max(blank, at)], 10)
        end = at + length
        if blank < 0 or not blank < end <= len(data):
            raise DamagedError("damaged: an extended header that is none")
        key, _, value = data[blank + 1 : end - 1].partition(b"=")
        if key in _FACTS:
            yield _text(key), _text(value)
        elif key.startswith(b"GNU.sparse."):
            yield "sparse", ""
        at = end


def _member(header: bytes, kind: bytes, facts: Mapping[str, str], section: Section) -> Member | None:
    """Return a member, or None for a folder or label."""
    name = facts.get("path") or _name(header)
    if kind in _LABELS or kind in _FOLDERS or (kind in _FILES and name.endswith("/")):
        return None
    refusal = _REFUSED.get(kind)
    if "sparse" in facts or "GNU.sparse.name" in facts:
        name, refusal = facts.get("GNU.sparse.name", name), _SPARSE
    if refusal is not None:
        return Member(name, None, refusal=refusal)
    return Member(name, io.BufferedReader(section), _time(header, facts))


def _time(header: bytes, facts: Mapping[str, str]) -> datetime | None:
    text = facts.get("mtime")
    if text:
        return moment(int(whole)) if (whole := text.partition(".")[0]).isdecimal() and len(whole) < 20 else None
    try:
        return moment(_number(header[136:148]))
    except DamagedError:
        return None


def _name(header: bytes) -> str:
    name, prefix = _text(header[:100]), _text(header[345:500]) if header[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _text(octets: bytes) -> str:
    return octets.partition(b"\0")[0].decode(errors="surrogateescape")


def _skip(section: Section) -> None:
    buffer = memoryview(bytearray(_SKIPPED if section.left else 0))
    while section.left:
        section.readinto(buffer)


def _pad(file: io.BufferedReader, size: int) -> None:
    """Read the zeros that fill up a member; the last ones may be missing where the end of the archive is."""
    file.read(-size % BLOCK)
