"""The messages below the paths of a command line.

A file that cannot be read is reported, skipped and counted in the summary; it never ends the run.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, cast

from undeliverable.cli._command import warn
from undeliverable.cli._files import STDIN, Found, find, looks_like_mail
from undeliverable.cli._streams import LIMIT, Stream

__all__ = ["Inbox", "Mail"]

_HEAD: Final = 4096


class Mail(NamedTuple):
    """One message or log line as bytes, and the name of its place (`archive.mbox#3`, `mail.log:12`)."""

    source: str
    raw: bytes


class Inbox:
    """Iterate over the messages below some paths, or over the lines of logs.

    A log where messages are expected is read as one, or skipped in a folder; a warning says so, once.

    :ivar failed: number of files that could not be read to their end.
    :ivar skipped: number of files in folders that hold no mail.
    """

    __slots__ = ("_before", "_file", "_is_log", "_log_option", "_paths", "failed", "skipped")

    def __init__(self, paths: Sequence[str], *, is_log: bool = False, log_option: str = "--log") -> None:
        """Read nothing yet.

        :param is_log: whether to yield lines.
        :param log_option: the option that reads logs, for the warning.
        """
        self._paths = paths
        self._is_log = is_log
        self._log_option: str | None = None if is_log else log_option
        self.failed = 0
        self.skipped = 0
        self._before = 0
        self._file: io.BufferedReader | None = None

    @property
    def done(self) -> int:
        """The number of bytes read so far; compressed files count as stored."""
        return self._before + (0 if self._file is None else _position(self._file))

    def __iter__(self) -> Iterator[Mail]:
        for found in find(self._paths, self._fail):
            if found.path == STDIN:
                yield from self._read(found, cast("io.BufferedReader", sys.stdin.buffer))
                continue
            try:
                file = open(found.path, "rb")  # noqa: SIM115 # closed below, where its own errors are handled
            except (OSError, ValueError) as error:
                self._fail(error, found.path)
                continue
            with file:
                yield from self._read(found, file)

    def _read(self, found: Found, file: io.BufferedReader) -> Iterator[Mail]:
        self._file = file
        stream = Stream(file)
        head = stream.head(_HEAD)
        self._warn_of_log(found, head)
        if self._is_log or found.sure or looks_like_mail(head):
            mbox = head.startswith(b"From ") and not found.single
            yield from _lines(found, stream) if self._is_log else _mails(found, stream, mbox=mbox)
        else:
            self.skipped += stream.problem is None
        if stream.problem is not None:
            self.failed += 1
            warn(f"{found.path}: {stream.problem}")
        if stream.cut:
            warn(f"{found.path}: {stream.cut} longer than {LIMIT >> 20} MiB; only the beginning was read")
        self._before, self._file = self.done, None

    def _warn_of_log(self, found: Found, head: bytes) -> None:
        if self._log_option is None or not head or looks_like_mail(head):
            return
        from undeliverable.logs import looks_like_log  # most files are mail

        if looks_like_log(head):
            done = "read as one message, so its verdicts mean nothing" if found.sure else "skipped"
            warn(f"{found.path}: warning: this is a log, which is {done}; logs are read with {self._log_option}")
            self._log_option = None

    def _fail(self, error: Exception, path: str = "") -> None:
        self.failed += 1
        reason = error.strerror if isinstance(error, OSError) else str(error)
        warn(f"{path or getattr(error, 'filename', '')}: {reason}")


def _mails(found: Found, stream: Stream, *, mbox: bool) -> Iterator[Mail]:
    if mbox:
        for number, raw in enumerate(stream.messages(), start=1):
            yield Mail(f"{found.path}#{number}", raw)
        return
    raw = stream.whole()
    if raw or stream.problem is None:
        yield Mail(found.path, raw)


def _lines(found: Found, stream: Stream) -> Iterator[Mail]:
    for number, raw in enumerate(stream.lines(), start=1):
        yield Mail(f"{found.path}:{number}", raw)


def _position(file: io.BufferedReader) -> int:
    # A pipe has no position.
    return file.tell() if file.seekable() else 0
