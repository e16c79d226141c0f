"""Raw files made of other files: a pipe, a section of an archive, decompressed octets.

Each read gives some thousand octets or all that are left, so that the first one shows what a file is; and a fault waits
until what came before it was given, so that damage costs nothing but what is damaged.
"""

from __future__ import annotations

import io
from abc import abstractmethod
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = [
    "HEAD",
    "MAGIC",
    "PACKED",
    "TORN",
    "DamagedError",
    "Meter",
    "Pipe",
    "Readable",
    "Section",
    "Steady",
    "position",
    "reason",
]

HEAD: Final = 4096
"""Octets that show what a file is."""
MAX_RATIO: Final = 500
"""Octets that one octet may become. Logs become 30, the same mail again and again may become 300, a bomb 1,000 and more."""
FREE: Final = 64 * 1024 * 1024
"""Octets that may come out before their ratio counts."""
MAX_TOTAL: Final = 1024 * 1024 * 1024 * 1024
"""Octets that may come out of one file or archive."""
MAGIC: Final = 10
"""Octets that show how a file is compressed."""
PACKED: Final = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
"""What compressed files begin with: gzip (RFC 1952 2.3.1), bzip2, xz and zstd (RFC 8878 3.1.1)."""
TORN: Final = "its end is missing"


class DamagedError(OSError):
    """Compressed data or an archive that cannot be read on; the message says why."""


class Readable(Protocol):
    """A buffered binary file, plain or compressed."""

    def peek(self, size: int, /) -> bytes:
        """Return some of the next bytes without consuming them."""
        ...

    def read1(self, size: int, /) -> bytes:
        """Return the bytes of a single read, so that an error in a later one does not lose them."""
        ...


class Meter:
    """The octets that went into decompressors and came out of them, for a whole file or archive.

    :ivar is_over: True once too many came out.
    """

    __slots__ = ("is_over", "made", "read")

    def __init__(self) -> None:
        self.read = 0
        self.made = 0
        self.is_over = False

    def add(self, read: int, made: int) -> None:
        """Count what one step took and gave.

        :raises DamagedError: when too many came out.
        """
        self.read += read
        self.made += made
        most = f"{MAX_RATIO} times its size" if self.made > FREE and self.made > MAX_RATIO * self.read else None
        if self.made > MAX_TOTAL:
            most = f"{MAX_TOTAL >> 30} GiB"
        if most is not None:
            self.is_over = True
            raise DamagedError(f"unpacks to more than {most}, as a bomb does; the rest was not read")


class Steady(io.RawIOBase):
    """A raw file that fills buffers as far as a head needs, and raises a fault only after what came before it."""

    def __init__(self) -> None:
        super().__init__()
        self._least = HEAD
        self._fault: OSError | None = None

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer or a part of it; return the number of octets, 0 at the end.

        :raises OSError: when nothing more can be read.
        """
        view = memoryview(buffer).cast("B")
        size = 0
        try:
            while self._fault is None and size < min(len(view), self._least) and (more := self._fill(view[size:])):
                size += more
        except OSError as error:
            self._fault = error
        if self._fault is not None and not size:
            raise self._fault
        return size

    @abstractmethod
    def _fill(self, view: memoryview) -> int:
        """Put some octets into a buffer that is not empty; return their number, 0 at the end."""


class Pipe(Steady):
    """A pipe whose first read waits for as many octets as show what it is; later ones take what is there."""

    def __init__(self, file: io.BufferedReader) -> None:
        super().__init__()
        self._file = file

    def _fill(self, view: memoryview) -> int:
        return self._file.readinto1(view)

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer or a part of it; see the class."""
        size = super().readinto(buffer)
        self._least = 1
        return size


class Section(Steady):
    """The next octets of a file, so many and no more; too few are an error.

    :ivar left: number of octets not yet read.
    """

    def __init__(self, file: io.BufferedReader, size: int) -> None:
        super().__init__()
        self._file = file
        self.left = size

    def _fill(self, view: memoryview) -> int:
        size = self._file.readinto1(view[: self.left]) if self.left else 0
        if self.left and not size:
            raise DamagedError(TORN)
        self.left -= size
        return size


def reason(error: Exception) -> str:
    """Return why something could not be read, in words."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def position(file: io.BufferedReader) -> int:
    """Return the number of octets read of a file; 0 for a pipe, which has no position."""
    return file.tell() if file.seekable() else 0
