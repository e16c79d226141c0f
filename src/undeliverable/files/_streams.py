"""Read files in bounded memory: plain or compressed, from disk, an archive or standard input, as one message, an mbox or lines."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Final

from undeliverable.files._raw import MAGIC, PACKED, Meter, Pipe, Readable

__all__ = ["LIMIT", "LINE_LIMIT", "Stream", "patient"]

LIMIT: Final = 32 * 1024 * 1024
"""The longest message that is read whole; only the beginning of a longer one is read, where bounces have their report."""
LINE_LIMIT: Final = 1024 * 1024
"""The longest line of a log that is read whole."""

_BLOCK: Final = 256 * 1024


def patient(file: io.BufferedReader) -> io.BufferedReader:
    """Return a pipe whose first octets can be looked at even if they come in pieces."""
    return io.BufferedReader(Pipe(file), _BLOCK)


class Stream:
    """The bytes of one file, decompressed; a read error ends the stream but keeps what was read before it.

    :ivar problem: the read error in words, or None.
    :ivar cut: number of messages that were longer than the limit and were cut off there.
    :ivar packed: whether the file is compressed.
    :ivar file: the file itself, decompressed.
    """

    __slots__ = ("_limit", "cut", "file", "packed", "problem")

    def __init__(self, file: Readable, *, limit: int = LIMIT, meter: Meter | None = None) -> None:
        """Read nothing but the beginning.

        :param meter: what counts the decompressed octets; that of an archive counts all of its members.
        """
        self.problem: str | None = None
        self.cut = 0
        self._limit = limit
        self.file = file
        self.packed = False
        head = self.head(MAGIC)
        if head.startswith(PACKED):
            from undeliverable.files._packed import form_of, unpacked  # few files are compressed

            form = form_of(head)
            if form is not None:
                self.packed, self.file = True, unpacked(file, form, meter)

    def head(self, size: int) -> bytes:
        """Return the first bytes without consuming them."""
        return self._guarded(self.file.peek, size)[:size]

    def whole(self) -> bytes:
        """Return everything as one message."""
        buffer = bytearray()
        while len(buffer) <= self._limit and (block := self._guarded(self.file.read1, _BLOCK)):
            buffer += block
        return self._taken(buffer, 0, len(buffer))

    def messages(self) -> Iterator[bytes]:
        """Yield each message of an mbox, with its `From ` line."""
        from undeliverable.files._mbox import LINE, separators  # single messages need no patterns

        buffer, scanned = bytearray(), 0
        while block := self._guarded(self.file.read1, _BLOCK):
            buffer += block
            begin = 0
            for end in separators(buffer, scanned):
                yield self._taken(buffer, begin, end)
                begin = end
            if begin:
                del buffer[:begin]
                scanned = 0
            # A separator may straddle the end of the block: the next search begins before it.
            scanned = max(scanned, len(buffer) - LINE - len(b"\n\r\n"))
            if len(buffer) > self._limit + 2 * _BLOCK:
                del buffer[self._limit + 1 : scanned]
                scanned = self._limit + 1
        if buffer:
            yield self._taken(buffer, 0, len(buffer))

    def lines(self, limit: int = LINE_LIMIT) -> Iterator[bytes]:
        """Yield each line without its ending; of one beyond the limit only the beginning."""
        begun: list[bytes] = []
        size = 0
        while block := self._guarded(self.file.read1, _BLOCK):
            *ends, last = block.split(b"\n")
            for end in ends:
                yield self._line(begun, end, limit)
                begun, size = [], 0
            if last and size <= limit:
                begun.append(last)
                size += len(last)
        if begun:
            yield self._line(begun, b"", limit)

    def _line(self, begun: list[bytes], end: bytes, limit: int) -> bytes:
        line = b"".join((*begun, end)) if begun else end
        if len(line) <= limit:
            return line
        self.cut += 1
        return line[:limit]

    def _taken(self, buffer: bytearray, begin: int, end: int) -> bytes:
        if end - begin > self._limit:
            self.cut += 1
            end = begin + self._limit
        return bytes(memoryview(buffer)[begin:end])

    def _guarded(self, read: Callable[[int], bytes], size: int) -> bytes:
        if self.problem is not None:
            return b""
        try:
            return read(size)
        except (OSError, EOFError) as error:
            self.problem = getattr(error, "strerror", None) or str(error)
            return b""
