"""Undo one level of compression (gzip, bzip2, xz, zstd) in bounded memory, whatever the compressed data claim.

The standard library's own files for this differ in their errors, take as much memory as an xz file asks for, and never
notice that a few octets become gigabytes. Here one reader works for all of them: what came before a fault is kept, and
a :class:`Meter` counts what goes in and comes out, so that a bomb is refused early.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

from undeliverable.files._raw import MAGIC, PACKED, TORN, DamagedError, Meter, Readable, Steady

__all__ = ["BZIP2", "DEFLATE", "FORMS", "Form", "Unpacked", "form_of", "unpacked"]

XZ_MEMORY: Final = 128 * 1024 * 1024
"""Octets of memory that an xz file may ask for; ``xz -9`` takes 65 MiB."""
_INPUT: Final = 32 * 1024
_BLOCK: Final = 256 * 1024


if TYPE_CHECKING:

    class Unpacker(Protocol):
        """A decompressor as :mod:`bz2`, :mod:`lzma` and ``compression.zstd`` have it."""

        @property
        def eof(self) -> bool:
            """True at the end of the compressed stream."""
            ...

        @property
        def needs_input(self) -> bool:
            """True if nothing can come out without further input."""
            ...

        @property
        def unused_data(self) -> bytes:
            """The input behind the end of the compressed stream."""
            ...

        def decompress(self, data: bytes, max_length: int = -1) -> bytes:
            """Return at most so many octets."""
            ...

    # A decompressor for one stream, and the error that it raises for damaged data.
    _Made: TypeAlias = tuple[Unpacker, type[Exception]]


class Form(NamedTuple):
    """A way of compressing.

    :ivar make: returns a decompressor; raises ImportError where Python has none.
    :ivar begins: returns True for octets that a stream begins with; None where that shows nothing and only one stream comes.
    :ivar without: what to say and do where Python has no decompressor.
    """

    name: str
    make: Callable[[], _Made]
    begins: Callable[[bytes], bool] | None = None
    without: str = "which this Python was built without"


class _Zlib:
    """The decompressor of :mod:`zlib` with the interface of the others."""

    __slots__ = ("_inner", "_waiting", "fault")

    def __init__(self, bits: int) -> None:
        import zlib  # few files are compressed, and the import costs a cold start some milliseconds

        self.fault: type[Exception] = zlib.error
        self._inner = zlib.decompressobj(bits)
        self._waiting = b""

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._waiting

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        block = self._inner.decompress(self._waiting + data, max(max_length, 0))
        self._waiting = self._inner.unconsumed_tail
        return block


def _gzip() -> _Made:
    made = _Zlib(31)  # with the header and the checksum of RFC 1952
    return made, made.fault


def _deflate() -> _Made:
    made = _Zlib(-15)
    return made, made.fault


def _bzip2() -> _Made:
    import bz2

    return bz2.BZ2Decompressor(), OSError


def _xz() -> _Made:
    import lzma

    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY), lzma.LZMAError


def _zstd() -> _Made:
    from importlib import import_module

    zstd = import_module("compression.zstd")  # since Python 3.14
    return zstd.ZstdDecompressor(), zstd.ZstdError


def _begins_with(mark: bytes) -> Callable[[bytes], bool]:
    """Return a function that returns True for octets with this beginning."""

    def begins(head: bytes) -> bool:
        return head.startswith(mark)

    return begins


def _begins_as_bzip2(head: bytes) -> bool:
    return head.startswith(PACKED[1]) and head[4:10] in _BLOCKS


DEFLATE: Final = Form("deflate", _deflate)
"""The bare streams of RFC 1951, as in zip archives."""
_BLOCKS: Final = frozenset((b"1AY&SY", b"\x17\x72\x45\x38\x50\x90"))  # of bzip2: the first one, or none
BZIP2: Final = Form("bzip2", _bzip2, _begins_as_bzip2)
FORMS: Final = (
    Form("gzip", _gzip, _begins_with(PACKED[0])),  # RFC 1952 2.3.1
    BZIP2,
    Form("xz", _xz, _begins_with(PACKED[2])),
    Form(
        "zstd",
        _zstd,
        _begins_with(PACKED[3]),  # RFC 8878 3.1.1
        without="which needs Python 3.14; unpack it with 'zstd -d'",
    ),
)
"""The ways of compressing a file."""


def form_of(head: bytes) -> Form | None:
    """Return how a file is compressed that begins so, or None."""
    return next((form for form in FORMS if form.begins is not None and form.begins(head)), None)


def unpacked(file: Readable, form: Form, meter: Meter | None = None) -> io.BufferedReader:
    """Return a file that is read decompressed; the compressed one stands at its beginning."""
    return io.BufferedReader(Unpacked(file.read1, form, Meter() if meter is None else meter), _BLOCK)


class Unpacked(Steady):
    """The decompressed octets of a file, of all the streams that stand in it one after the other."""

    def __init__(self, read: Callable[[int], bytes], form: Form, meter: Meter) -> None:
        """Read nothing yet.

        :param read: returns at most so many octets of what is compressed, none at the end.
        """
        super().__init__()
        self._read = read
        self._form = form
        self._meter = meter
        self._unpacker: Unpacker | None = None
        self._faults: tuple[type[Exception], ...] = (OSError, EOFError, ValueError)
        self._waiting = b""  # input that the next decompressor gets first
        self._made = 0

    def tell(self) -> int:
        """Return the number of octets that came out."""
        return self._made

    def _fill(self, view: memoryview) -> int:
        try:
            block = self._next(len(view))
        except self._faults as error:
            raise _worded(error) from error
        view[: len(block)] = block
        self._made += len(block)
        return len(block)

    def _next(self, size: int) -> bytes:
        """Return some of the next octets; none at the end."""
        while True:
            unpacker = self._unpacker
            if unpacker is None or unpacker.eof:
                unpacker = self._begin(unpacker)
                if unpacker is None:
                    return b""
            data = b""
            if unpacker.needs_input:
                data, self._waiting = self._waiting or self._read(_INPUT), b""
                if not data:
                    raise DamagedError(TORN)
            block = unpacker.decompress(data, size)
            self._meter.add(len(data), len(block))
            if block:
                return block

    def _begin(self, before: Unpacker | None) -> Unpacker | None:
        """Return a decompressor for the next stream, or None at the end of the file."""
        behind = b"" if before is None else self._behind(before, self._form.begins)
        if before is not None and not behind:
            return None
        try:
            self._unpacker, fault = self._form.make()
        except ImportError:
            raise DamagedError(f"compressed with {self._form.name}, {self._form.without}") from None
        self._faults = (*self._faults, fault)
        self._waiting = behind
        return self._unpacker

    def _behind(self, before: Unpacker, begins: Callable[[bytes], bool] | None) -> bytes:
        """Return the begin of the stream that follows another one, if any; zeros may fill up a file."""
        if begins is None:
            return b""
        behind = before.unused_data
        while len(behind := behind.lstrip(b"\0")) < MAGIC and (more := self._read(_INPUT)):
            behind += more
        if behind and not begins(behind):
            raise DamagedError("other data follow the compressed ones")
        return behind


def _worded(error: Exception) -> OSError:
    """Return the errors of decompressors in words; those of the operating system have them."""
    if isinstance(error, DamagedError) or (isinstance(error, OSError) and error.errno is not None):
        return error
    return DamagedError(f"damaged: {error}")
