"""The messages, records or log lines below some paths.

A file that cannot be read is reported, skipped and counted; it never ends the run.
"""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple, cast

from undeliverable.files._find import RECORDS, STDIN, Found, find, looks_like_mail
from undeliverable.files._records import begins_as_json, begins_as_record, looks_like_record
from undeliverable.files._streams import LIMIT, LINE_LIMIT, Stream
from undeliverable.mail import received_at

__all__ = ["Inbox", "Mail"]

_HEAD: Final = 4096
_NAMED: Final = 10  # lines of a file that are named one by one


class Mail(NamedTuple):
    """One message, record or log line.

    :ivar source: the name of its place (`archive.mbox#3`, `mail.log:12`).
    :ivar raw: its bytes.
    :ivar received: when the message reached the mailbox; None where nothing trustworthy tells. A record has its own.
    :ivar is_record: True for a record of a report, as one line of JSON.
    """

    source: str
    raw: bytes
    received: datetime | None = None
    is_record: bool = False


class Inbox:
    """Iterate over the messages and records below some paths, or over the lines of logs.

    A log where messages are expected is read as one, or skipped in a folder; a warning says so, once.

    :ivar failed: number of files that could not be read to their end.
    :ivar skipped: number of files that hold neither mail nor records.
    :ivar records: number of lines that were handed out as records.
    :ivar unread: number of lines in files of records that are no records.
    """

    __slots__ = (
        "_before", "_file", "_is_log", "_log_option", "_paths", "_received_by", "_warn", "failed", "records", "skipped",
        "unread",
    )  # fmt: skip

    def __init__(
        self,
        paths: Sequence[str],
        *,
        warn: Callable[[str], None] | None = None,
        is_log: bool = False,
        log_option: str = "--log",
        received_by: Sequence[str] = (),
    ) -> None:
        """Read nothing yet.

        :param paths: messages, folders, mbox files, Maildirs and files of records, gzip or not; `-` for standard input.
        :param warn: called with each problem, in words; by default it becomes a warning.
        :param is_log: whether to yield lines; records are recognised all the same.
        :param log_option: the option that reads logs, for the warning.
        :param received_by: names of the caller's own hosts, whose Received field on top of a message dates it.
        """
        self._paths = paths
        self._warn = warn or warnings.warn
        self._is_log = is_log
        self._log_option: str | None = None if is_log else log_option
        self._received_by = received_by
        self.failed = 0
        self.skipped = 0
        self.records = 0
        self.unread = 0
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
        limit = LIMIT
        if self._holds_records(found, head):
            yield from self._records(found, stream, head)
        elif self._is_log:
            limit = LINE_LIMIT
            yield from (Mail(f"{found.path}:{number}", raw) for number, raw in enumerate(stream.lines(limit), start=1))
        else:
            self._warn_of_log(found, head)
            if found.sure or looks_like_mail(head):
                yield from self._mails(found, stream, head)
            else:
                self.skipped += stream.problem is None
        if stream.problem is not None:
            self.failed += 1
            self._warn(f"{found.path}: {stream.problem}")
        if stream.cut:
            self._warn(f"{found.path}: {stream.cut} longer than {limit >> 20} MiB; only the beginning was read")
        self._before, self._file = self.done, None

    def _holds_records(self, found: Found, head: bytes) -> bool:
        """Return True if the lines of a file are to be read as records: by its name, or because it begins as JSON."""
        if self._is_log:
            return found.records and begins_as_record(head)
        is_named = found.path.lower().endswith(RECORDS)
        return found.records and bool(head) and (is_named or begins_as_json(head)) and not looks_like_mail(head)

    def _records(self, found: Found, stream: Stream, head: bytes) -> Iterator[Mail]:
        unread, waiting, before = 0, list[int](), self.records
        for number, raw in enumerate(stream.lines(LIMIT), start=1):
            if looks_like_record(raw):
                self.records += 1
                yield Mail(f"{found.path}:{number}", raw, is_record=True)
            elif raw.strip():
                unread += 1
                if unread <= _NAMED:
                    waiting.append(number)
            if waiting and self.records > before:  # else the whole file may be something else
                self._warn_of_lines(found, waiting)
        if self.records == before:
            self._skip(found, head, stream)
            return
        self.unread += unread
        if unread > _NAMED:
            self._warn(f"{found.path}: {unread:,} lines are not records of reports")

    def _warn_of_lines(self, found: Found, numbers: list[int]) -> None:
        for number in numbers:
            self._warn(f"{found.path}:{number}: not a record of a report")
        numbers.clear()

    def _skip(self, found: Found, head: bytes, stream: Stream) -> None:
        """Say that a file in JSON holds nothing of ours."""
        if not self._warn_of_log(found, head, is_read=False) and stream.problem is None:
            self._warn(f"{found.path}: neither mail nor records of reports, one on each line; skipped")
        self.skipped += stream.problem is None

    def _mails(self, found: Found, stream: Stream, head: bytes) -> Iterator[Mail]:
        if head.startswith(b"From ") and not found.single:
            for number, raw in enumerate(stream.messages(), start=1):
                yield Mail(f"{found.path}#{number}", raw, received_at(raw, by=self._received_by))
            return
        raw = stream.whole()
        if raw or stream.problem is None:
            received = received_at(raw, by=self._received_by)
            yield Mail(found.path, raw, self._time_of_file() if received is None and found.delivered else received)

    def _time_of_file(self) -> datetime | None:
        assert self._file is not None
        try:
            return datetime.fromtimestamp(int(os.fstat(self._file.fileno()).st_mtime), UTC)
        except (OverflowError, ValueError):  # a file system may hold any number
            return None

    def _warn_of_log(self, found: Found, head: bytes, *, is_read: bool = True) -> bool:
        """Warn of a log, once; return True if the file is one."""
        if not head or looks_like_mail(head):
            return False
        from undeliverable.logs import looks_like_log  # most files are mail

        if not looks_like_log(head):
            return False
        if self._log_option is not None:
            done = "read as one message, so its verdicts mean nothing" if is_read and found.sure else "skipped"
            self._warn(f"{found.path}: warning: this is a log, which is {done}; logs are read with {self._log_option}")
            self._log_option = None
        return True

    def _fail(self, error: Exception, path: str = "") -> None:
        self.failed += 1
        reason = error.strerror if isinstance(error, OSError) else str(error)
        self._warn(f"{path or getattr(error, 'filename', '')}: {reason}")


def _position(file: io.BufferedReader) -> int:
    # A pipe has no position.
    return file.tell() if file.seekable() else 0
