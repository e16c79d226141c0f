"""Read zip archives one member at a time, in memory that does not grow with their number or size.

APPNOTE.TXT 6.3.10 describes the directory at the end. :mod:`zipfile` keeps all of it, 300 MB for half a million messages.
Members are read where the directory says that they are, and not more octets than the archive has: members that overlap
are how a few kilobytes become petabytes.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from undeliverable.files._packed import BZIP2, DEFLATE, Form, Unpacked
from undeliverable.files._raw import TORN, DamagedError, Meter, Section, Steady
from undeliverable.files._tar import Member, moment

__all__ = ["begins_as_zip", "first_name", "zip_members", "zip_names"]

# A member, the end of an archive without any, and the first of several parts.
_MAGIC: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_BLOCK: Final = 256 * 1024
# 4.3.7: signature, versions, flags, method, time, date, CRC, sizes, lengths of the name and the extra field.
_LOCAL: Final = struct.Struct("<4s5H3L2H")
# 4.3.12: as before, two versions, and the comment's length, disk, attributes (2) and offset.
_ENTRY: Final = struct.Struct("<4s6H3L5H2L")
# 4.3.16: signature, disks (2), numbers of entries (2), size and offset of the directory, length of the comment.
_END: Final = struct.Struct("<4s4H2LH")
# 4.3.15: signature, disk, offset, number of disks.
_LOCATOR: Final = struct.Struct("<4sLQL")
# 4.3.14: signature, own size, versions (2), disks (2), numbers of entries (2), size and offset of the directory.
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_LONGEST_COMMENT: Final = 65_535
_LARGE: Final = 0xFFFFFFFF  # 4.5.3: the number stands in the extra field
_SIZES: Final = 0x0001
_TIMES: Final = 0x5455  # of Info-ZIP: seconds since 1970 UTC; the others are local times of nobody knows where
_ENCRYPTED: Final = 0x1
_UTF_8: Final = 0x800
_UNIX: Final = frozenset((3, 19))  # 4.4.2: UNIX and macOS, whose attributes begin with the mode of the file
_DOS: Final = frozenset((0, 10, 11))  # FAT and NTFS, where some programs write backslashes
_STORED: Final = 0
_METHODS: Final[Mapping[int, Form]] = MappingProxyType({8: DEFLATE, 12: BZIP2})
_OTHERS: Final[Mapping[int, str]] = MappingProxyType(
    {1: "shrink", 6: "implode", 9: "deflate64", 14: "LZMA", 93: "zstd", 95: "xz", 98: "PPMd"}
)
_KIND: Final = 0o170000
_FOLDER: Final = 0o040000
_PLAIN: Final = 0o100000
_REFUSED: Final[Mapping[int, str]] = MappingProxyType(
    {0o120000: "a symbolic link, which is not followed", 0o010000: "a named pipe, which is not read"}
)
_LOST: Final = "damaged: its directory is not where it has to be"


class _Entry(NamedTuple):
    """One entry of the directory."""

    name: str
    flags: int
    method: int
    crc: int
    size: int
    offset: int
    kind: int
    time: datetime | None

    @property
    def refusal(self) -> str | None:
        """Why the member is not read, or None."""
        if self.flags & _ENCRYPTED:
            return "encrypted; unpack it with its password"
        if self.kind not in {0, _PLAIN}:
            return _REFUSED.get(self.kind, "a device, which is not read")
        if self.method != _STORED and self.method not in _METHODS:
            return f"compressed with {_OTHERS.get(self.method, f'method {self.method}')}, which is not read; unpack it"
        return None


def begins_as_zip(head: bytes) -> bool:
    """Return True if a file begins as a zip archive does."""
    return head.startswith(_MAGIC)


def first_name(head: bytes) -> str | None:
    """Return the name of the member that a zip archive begins with, or None."""
    if not head.startswith(_MAGIC[0]) or len(head) < _LOCAL.size:
        return None
    length = _LOCAL.unpack_from(head)[-2]
    return head[_LOCAL.size : _LOCAL.size + length].decode(errors="replace")


def zip_names(file: io.BufferedReader) -> Iterator[str]:
    """Yield the names of all members and folders; :func:`zip_members` says more."""
    return (entry.name for entry in _Directory(file))


def zip_members(file: io.BufferedReader, meter: Meter) -> Iterator[Member]:
    """Yield the members of an archive that are no folders.

    :param file: must be seekable.
    :raises DamagedError: where the archive cannot be read on.
    """
    directory = _Directory(file)
    left = directory.begin
    for entry in directory:
        if entry.name.endswith("/") or entry.kind == _FOLDER:
            continue
        left -= entry.size
        if left < 0:
            raise DamagedError("its members overlap, as in a bomb; the rest was not read")
        refusal, at = entry.refusal, entry.offset + directory.shift
        if refusal is None and not (at < directory.begin and _begin(file, at)):
            refusal = "damaged: it is not where its directory says"
        if refusal is None:
            yield Member(entry.name, _opened(file, entry, meter), entry.time)
        else:
            yield Member(entry.name, None, refusal=refusal)


def _begin(file: io.BufferedReader, offset: int) -> bool:
    """Set the file to the data of the member at an offset; return False if none is there."""
    file.seek(offset)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(_MAGIC[0]):
        return False
    file.seek(sum(_LOCAL.unpack(header)[-2:]), io.SEEK_CUR)
    return True


def _opened(file: io.BufferedReader, entry: _Entry, meter: Meter) -> io.BufferedReader:
    section = Section(file, entry.size)
    stored = entry.method == _STORED
    raw = section if stored else Unpacked(section.read, _METHODS[entry.method], meter)
    return io.BufferedReader(_Checked(raw, entry.crc))


class _Checked(Steady):
    """The data of a member, whose checksum has to be right at the end."""

    def __init__(self, file: Steady, stated: int) -> None:
        from zlib import crc32

        super().__init__()
        self._file = file
        self._stated = stated
        self._add = crc32
        self._sum = 0

    def _fill(self, view: memoryview) -> int:
        size = self._file.readinto(view)
        self._sum = self._add(view[:size], self._sum)
        if not size and self._sum != self._stated:
            raise DamagedError("damaged: its checksum is wrong")
        return size


class _Directory:
    """Iterate over the entries of the directory, read in blocks: between two of them the file stands elsewhere.

    :ivar begin: where it begins.
    :ivar shift: number of octets by which its offsets are too small: other data may stand before an archive.
    """

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self.begin, size, offset = _place(file)
        self.shift = self.begin - offset
        if self.shift < 0:
            raise DamagedError(_LOST)
        self._next = self.begin
        self._end = self.begin + size
        self._buffer = memoryview(b"")

    def __iter__(self) -> Iterator[_Entry]:
        while self._buffer or self._next < self._end:
            head = bytes(self._take(_ENTRY.size))
            if head[:4] != b"PK\x01\x02":
                raise DamagedError("damaged: its directory holds other data")
            lengths = struct.unpack_from("<3H", head, 28)
            name, extra, _ = (bytes(self._take(length)) for length in lengths)
            yield _entry(_ENTRY.unpack(head), name, extra)

    def _take(self, size: int) -> memoryview:
        if len(self._buffer) < size:
            self._file.seek(self._next)
            block = self._file.read(min(_BLOCK, self._end - self._next))
            self._next += len(block)
            self._buffer = memoryview(bytes(self._buffer) + block)
            if len(self._buffer) < size:
                raise DamagedError("damaged: its directory ends too early")
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken


def _place(file: io.BufferedReader) -> tuple[int, int, int]:
    """Return where the directory begins, its size, and where it is said to begin."""
    length = file.seek(0, io.SEEK_END)
    file.seek(max(0, length - _LOCATOR.size - _END.size - _LONGEST_COMMENT))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06", 0, len(tail) - _END.size + 4)
    if at < 0:
        raise DamagedError(f"{TORN}, where a zip archive has its directory")
    _, disk, _, _, _, size, offset, _ = _END.unpack_from(tail, at)
    end = length - len(tail) + at
    if tail[max(0, at - _LOCATOR.size) :].startswith(b"PK\x06\x07"):
        # The record lies right before its locator; what the locator says is wrong where other data precede the archive.
        end -= _LOCATOR.size + _END_64.size
        file.seek(max(0, end))
        record = file.read(_END_64.size)
        if not record.startswith(b"PK\x06\x06"):
            raise DamagedError(_LOST)
        *_, size, offset = _END_64.unpack(record)
    elif disk:
        raise DamagedError("one part of several; join them with 'zip -s 0 --out'")
    return end - size, size, offset


def _entry(values: tuple[int, ...], name: bytes, extra: bytes) -> _Entry:
    _, made_by, _, flags, method, _, _, crc, packed, size, *_, attributes, offset = values
    fields = dict(_fields(extra))
    large = iter(_numbers(fields.get(_SIZES, b"")))
    wide = [next(large, number) if number == _LARGE else number for number in (size, packed, offset)]
    host = made_by >> 8
    times = fields.get(_TIMES, b"")
    return _Entry(
        _name(name, flags, host),
        flags,
        method,
        crc,
        wide[1],
        wide[2],
        (attributes >> 16) & _KIND if host in _UNIX else 0,
        moment(int.from_bytes(times[1:5], "little", signed=True)) if len(times) >= 5 and times[0] & 1 else None,
    )


def _fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the fields of an extra field (4.5.1): a number and data each."""
    at = 0
    while at + 4 <= len(extra):
        number, length = struct.unpack_from("<2H", extra, at)
        yield number, extra[at + 4 : at + 4 + length]
        at += 4 + length


def _numbers(data: bytes) -> Iterator[int]:
    return (int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data) - 7, 8))


def _name(octets: bytes, flags: int, host: int) -> str:
    """Return a name; many programs write UTF-8 without saying so, the others the code page of the first PC."""
    try:
        name = octets.decode()
    except UnicodeDecodeError:
        name = octets.decode(errors="surrogateescape") if flags & _UTF_8 else octets.decode("cp437")
    return name.replace("\\", "/") if host in _DOS else name
