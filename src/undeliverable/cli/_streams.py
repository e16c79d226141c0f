"""Bytes in: plain or gzip files and standard input, one message or an mbox of them, in bounded memory."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Final, Protocol, cast

__all__ = ["LIMIT", "Readable", "Stream"]

LIMIT: Final = 32 * 1024 * 1024
"""The longest message that is read whole; of a longer one the beginning is read. Bounces say what they say early."""

_BLOCK: Final = 256 * 1024
_GZIP: Final = b"\x1f\x8b"  # RFC 1952 2.3.1


class Readable(Protocol):
    """A buffered binary file, plain or compressed."""

    def peek(self, size: int, /) -> bytes:
        """Some of the next bytes, which stay to be read."""
        ...

    def read1(self, size: int, /) -> bytes:
        """The next bytes, as many as one read gives: an error in a later one does not take them away."""
        ...


class Stream:
    """The bytes of one file, decompressed; a read error ends them and is kept, so that what came before is not lost.

    :ivar problem: what went wrong while reading, or None.
    :ivar cut: how many messages were longer than the limit and are cut there.
    """

    __slots__ = ("_faults", "_file", "_limit", "cut", "problem")

    def __init__(self, file: Readable, *, limit: int = LIMIT) -> None:
        self.problem: str | None = None
        self.cut = 0
        self._limit = limit
        self._file = file
        self._faults: tuple[type[Exception], ...] = (OSError, EOFError)
        if self.head(2) == _GZIP:
            self._decompress()

    def head(self, size: int) -> bytes:
        """The first bytes, which stay to be read."""
        return self._guarded(self._file.peek, size)[:size]

    def whole(self) -> bytes:
        """Everything as one message."""
        buffer = bytearray()
        while len(buffer) <= self._limit and (block := self._guarded(self._file.read1, _BLOCK)):
            buffer += block
        return self._taken(buffer, 0, len(buffer))

    def messages(self) -> Iterator[bytes]:
        """Each message of an mbox, with its `From ` line."""
        from undeliverable.cli._mbox import LINE, separators  # one message alone needs no patterns

        buffer, scanned = bytearray(), 0
        while block := self._guarded(self._file.read1, _BLOCK):
            buffer += block
            begin = 0
            for end in separators(buffer, scanned):
                yield self._taken(buffer, begin, end)
                begin = end
            if begin:
                del buffer[:begin]
                scanned = 0
            # A separator may stand across the end of the block: the next search looks at its line again.
            scanned = max(scanned, len(buffer) - LINE - len(b"\n\r\n"))
            if len(buffer) > self._limit + 2 * _BLOCK:
                del buffer[self._limit + 1 : scanned]
                scanned = self._limit + 1
        if buffer:
            yield self._taken(buffer, 0, len(buffer))

    def lines(self) -> Iterator[bytes]:
        """Each line without its end; of a very long one the beginning."""
        rest = b""
        while block := self._guarded(self._file.read1, _BLOCK):
            *lines, rest = (rest + block).split(b"\n")
            yield from lines
            rest = rest[:_BLOCK]
        if rest:
            yield rest

    def _taken(self, buffer: bytearray, begin: int, end: int) -> bytes:
        if end - begin > self._limit:
            self.cut += 1
            end = begin + self._limit
        return bytes(memoryview(buffer)[begin:end])

    def _decompress(self) -> None:
        import gzip  # few files are compressed, and it costs a cold start some milliseconds
        import zlib

        self._faults += (zlib.error,)
        self._file = gzip.GzipFile(fileobj=cast("io.BufferedReader", self._file))

    def _guarded(self, read: Callable[[int], bytes], size: int) -> bytes:
        if self.problem is not None:
            return b""
        try:
            return read(size)
        except self._faults as error:
            self.problem = getattr(error, "strerror", None) or str(error)
            return b""
