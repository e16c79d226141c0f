"""The messages, records or log lines below some paths, and inside the archives there.

What a file is, its first octets say, not its name: mail is recognised first, so that nothing else costs it time; then
archives, forms that are known and not read, records, and last what was named by the user. A file that cannot be read is
reported, skipped and counted; it never ends the run. Nothing is ever written.
"""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from undeliverable.files._find import RECORDS, STDIN, Found, find, inside, leads_out, looks_like_mail
from undeliverable.files._raw import HEAD, TORN, Meter, position, reason
from undeliverable.files._records import begins_as_json, begins_as_record, looks_like_record
from undeliverable.files._streams import LIMIT, LINE_LIMIT, Stream, patient
from undeliverable.mail import received_at

if TYPE_CHECKING:
    from undeliverable.files._archives import Member
    from undeliverable.files._known import Known

__all__ = ["Inbox", "Mail"]

_PARQUET: Final = b"PAR1"
_NAMED: Final = 10  # lines of a file, or members of an archive, that are named one by one
_NO_MAIL: Final = "does not look like mail"
_A_LOG: Final = "a log of a mail server"
_NO_RECORDS: Final = "neither mail nor records of reports, one on each line"


class Mail(NamedTuple):
    """One message, record or log line.

    :ivar source: the name of its place (`archive.mbox#3`, `mail.log:12`).
    :ivar raw: its bytes.
    :ivar received: when the message reached the mailbox; None where nothing trustworthy says so. A record has its own.
    :ivar is_record: True for a record of a report, as one line of JSON.
    """

    source: str
    raw: bytes
    received: datetime | None = None
    is_record: bool = False


class _Item(NamedTuple):
    """A file or a member of an archive whose beginning was looked at.

    :ivar is_mail: whether it begins as a message or an mbox does.
    :ivar is_emlx: whether it begins as a message of Apple Mail does.
    :ivar is_member: whether it is a member of an archive.
    :ivar time: when the member was last changed, if the archive says so.
    """

    found: Found
    stream: Stream
    head: bytes
    is_mail: bool
    is_emlx: bool
    is_member: bool
    time: datetime | None


class Inbox:
    """Iterate over the messages and records below some paths, or over the lines of logs.

    A log where messages are expected is read as one, or skipped in a folder; a warning says so, once.

    :ivar failed: number of files, and of members of archives, that could not be read, or not to their end.
    :ivar refused: number of those that the user named and whose form is known but not read, such as a PDF.
    :ivar skipped: number of files that hold neither mail nor records.
    :ivar records: number of lines that were handed out as records.
    :ivar unread: number of lines in files of records that are no records.
    """

    __slots__ = (
        "_before", "_column", "_file", "_is_log", "_log_option", "_paths", "_received_by", "_skipped_file", "_warn", "failed",
        "records", "refused", "skipped", "unread",
    )  # fmt: skip

    def __init__(
        self,
        paths: Sequence[str],
        *,
        warn: Callable[[str], None] | None = None,
        is_log: bool = False,
        log_option: str = "--log",
        received_by: Sequence[str] = (),
        skipped_file: Callable[[str, str], None] | None = None,
        column: str = "raw",
    ) -> None:
        """Read nothing yet.

        :param paths: messages, folders, mbox files, Maildirs, files of records and archives of these, compressed or not;
            `-` for standard input.
        :param warn: called with each problem, in words; by default it becomes a warning.
        :param is_log: whether to yield lines; records are recognised all the same.
        :param log_option: the option that reads logs, for the warning.
        :param received_by: names of the caller's own hosts, whose Received field on top of a message dates it.
        :param skipped_file: called with the path of each skipped file, and why it was skipped.
        :param column: the column of Parquet files that holds messages.
        """
        self._column = column
        self._paths = paths
        self._warn = warn or warnings.warn
        self._is_log = is_log
        self._log_option: str | None = None if is_log else log_option
        self._received_by = received_by
        self._skipped_file = skipped_file
        self.failed = 0
        self.refused = 0
        self.skipped = 0
        self.records = 0
        self.unread = 0
        self._before = 0
        self._file: io.BufferedReader | None = None

    @property
    def done(self) -> int:
        """The number of bytes read so far; compressed files count as stored."""
        return self._before + (0 if self._file is None else position(self._file))

    def __iter__(self) -> Iterator[Mail]:
        for found in find(self._paths, lambda error: self._fail(str(error.filename), error)):
            if found.path == STDIN:
                stdin = cast("io.BufferedReader", sys.stdin.buffer)
                yield from self._read(found, stdin if self._is_log or stdin.seekable() else patient(stdin))
                continue
            try:
                file = open(found.path, "rb")  # noqa: SIM115 # closed below, where its own errors are handled
            except (OSError, ValueError) as error:
                self._fail(found.path, error)
                continue
            with file:
                yield from self._read(found, file)

    def _read(self, found: Found, file: io.BufferedReader) -> Iterator[Mail]:
        self._file = file
        meter = Meter()
        item = _looked_at(found, Stream(file, meter=meter))
        if _is_archive(item):
            yield from self._archive(item, meter)
        else:
            yield from self._content(item)
        self._before, self._file = self.done, None

    # ------------------------------------------------------------------------------------------------------------
    # Archives

    def _archive(self, archive: _Item, meter: Meter) -> Iterator[Mail]:
        from undeliverable.files._archives import NESTED, Known, opened

        found, before = archive.found, self.failed
        try:
            members = opened(archive.stream, archive.head, meter)
        except OSError as error:
            self._fail(found.path, error)
            return
        if members is None:
            self._refuse(found.path, NESTED)
            return
        if isinstance(members, Known):
            self._leave(found, members)
            return
        handed = False
        for mail in self._unpack(found, members, meter):
            handed = True
            yield mail
        if found.named and not handed and self.failed == before:
            self._warn(f"{found.path}: {'nothing to read' if self._is_log else 'no mail'} in this archive")

    def _unpack(self, archive: Found, members: Iterator[Member], meter: Meter) -> Iterator[Mail]:
        refusals, problem = 0, None
        try:
            for member in members:
                item = self._member(archive, member, meter)
                if isinstance(item, str):
                    refusals += 1
                    self._refuse(f"{archive.path}/{member.name}", item, quiet=refusals > _NAMED)
                elif item is not None:
                    yield from self._content(item)
                    problem = item.stream.problem
                if meter.is_over:
                    break
        except OSError as error:
            if reason(error) != problem:  # else it was the member's, which has no end either
                self._fail(archive.path, error)
        if refusals > _NAMED:
            self._warn(f"{archive.path}: {refusals - _NAMED:,} more of its files were not read")

    def _member(self, archive: Found, member: Member, meter: Meter) -> _Item | str | None:
        """Return a member that is to be read, the reason why it is not, or None for what folders leave out as well."""
        from undeliverable.files._archives import NESTED, known_inside

        if leads_out(member.name):
            return "its path leads out of the archive"
        found = inside(archive, member.name)
        if found is None or member.file is None:
            return None if found is None else member.refusal
        item = _looked_at(found, Stream(member.file, meter=meter), member)
        if not _is_archive(item):
            return item
        known = known_inside(item.head)
        if known is None:
            return NESTED
        self._leave(found, known)
        return None

    # ------------------------------------------------------------------------------------------------------------
    # One file

    def _content(self, item: _Item) -> Iterator[Mail]:
        found, stream, head = item.found, item.stream, item.head
        limit = LINE_LIMIT if self._is_log else LIMIT
        known = None if item.is_mail else _known(head)
        if known is not None:
            self._leave(found, known)
        elif self._holds_records(item):
            limit = LIMIT
            yield from self._records(item)
        elif head.startswith(_PARQUET):
            yield from self._parquet(item)
        elif self._is_log:
            yield from (Mail(f"{found.path}:{number}", raw) for number, raw in enumerate(stream.lines(limit), start=1))
        else:
            yield from self._messages(item)
        if stream.problem is not None:
            self._refuse(found.path, stream.problem)
        if stream.cut:
            self._warn(f"{found.path}: {stream.cut} longer than {limit >> 20} MiB; only the beginning was read")

    def _parquet(self, item: _Item) -> Iterator[Mail]:
        from undeliverable.files._parquet import ALONE, NoColumnError, ParquetMessages

        found = item.found
        messages = ParquetMessages(found.path, self._column, self._warn)
        try:
            if self._is_log or item.is_member or found.path == STDIN:
                raise OSError(ALONE)  # noqa: TRY301 # said as any other error
            yield from (Mail(*message) for message in messages)
        except NoColumnError as error:
            self._refuse(found.path, str(error)) if found.named else self._skip(found, str(error))
        except OSError as error:
            self._fail(found.path, error)
        self.unread += messages.unread

    def _messages(self, item: _Item) -> Iterator[Mail]:
        is_log = self._warn_of_log(item)
        if item.found.sure or item.is_mail:
            yield from self._mails(item)
        elif item.stream.problem is None:
            self._skip(item.found, _A_LOG if is_log else _NO_MAIL if item.head else "empty")

    def _holds_records(self, item: _Item) -> bool:
        """Return True if the lines of a file are to be read as records: by its name, or because it begins as JSON."""
        found, head = item.found, item.head
        if self._is_log:
            return found.records and begins_as_record(head)
        is_named = found.path.lower().endswith(RECORDS)
        return found.records and bool(head) and (is_named or begins_as_json(head)) and not item.is_mail

    def _records(self, item: _Item) -> Iterator[Mail]:
        found, unread, waiting, before = item.found, 0, list[int](), self.records
        for number, raw in enumerate(item.stream.lines(LIMIT), start=1):
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
            self._skip_json(item)
            return
        self.unread += unread
        if unread > _NAMED:
            self._warn(f"{found.path}: {unread:,} lines are not records of reports")

    def _warn_of_lines(self, found: Found, numbers: list[int]) -> None:
        for number in numbers:
            self._warn(f"{found.path}:{number}: not a record of a report")
        numbers.clear()

    def _skip_json(self, item: _Item) -> None:
        """Skip a file in JSON that holds nothing of ours, and say so if the user named it."""
        if item.stream.problem is not None:
            return
        is_log = self._warn_of_log(item, is_read=False)
        if not is_log and item.found.named:  # in a folder it is one of the files that are counted
            self._warn(f"{item.found.path}: {_NO_RECORDS}; skipped")
        self._skip(item.found, _A_LOG if is_log else _NO_RECORDS)

    def _mails(self, item: _Item) -> Iterator[Mail]:
        found, stream = item.found, item.stream
        if item.head.startswith(b"From ") and not found.single:
            for number, raw in enumerate(stream.messages(), start=1):
                yield Mail(f"{found.path}#{number}", raw, received_at(raw, by=self._received_by))
            return
        raw = stream.whole()
        if not raw and stream.problem is not None:
            return
        kept: datetime | None = None
        if item.is_emlx:
            from undeliverable.files._emlx import emlx_in

            raw, kept, is_whole = emlx_in(raw)
            stream.problem = stream.problem or (None if is_whole or stream.cut else TORN)
        received = received_at(raw, by=self._received_by) or kept
        yield Mail(found.path, raw, self._time_of(item) if received is None and found.delivered else received)

    def _time_of(self, item: _Item) -> datetime | None:
        if item.is_member:
            return item.time
        assert self._file is not None
        try:
            return datetime.fromtimestamp(int(os.fstat(self._file.fileno()).st_mtime), UTC)
        except (OverflowError, ValueError):  # a file system may hold any number
            return None

    # ------------------------------------------------------------------------------------------------------------
    # What is not read

    def _warn_of_log(self, item: _Item, *, is_read: bool = True) -> bool:
        """Warn of a log, once; return True if the file is one."""
        if not item.head or item.is_mail:
            return False
        from undeliverable.logs import looks_like_log  # most files are mail

        if not looks_like_log(item.head):
            return False
        if self._log_option is not None:
            done = "read as one message, so its verdicts mean nothing" if is_read and item.found.sure else "skipped"
            path, option = item.found.path, self._log_option
            self._warn(f"{path}: warning: this is a log, which is {done}; logs are read with {option}")
            self._log_option = None
        return True

    def _leave(self, found: Found, known: Known) -> None:
        """Skip a file whose form is known and not read; refuse it if the user named it."""
        if found.named:
            self.refused += 1
            self._refuse(found.path, str(known))
        else:
            self._skip(found, str(known))

    def _skip(self, found: Found, why: str) -> None:
        self.skipped += 1
        if self._skipped_file is not None:
            self._skipped_file(found.path, why)

    def _fail(self, path: str, error: Exception) -> None:
        self._refuse(path, reason(error))

    def _refuse(self, path: str, why: str, *, quiet: bool = False) -> None:
        """Count a file that could not be read, and say so."""
        self.failed += 1
        if not quiet:
            self._warn(f"{path}: {why}")


def _looked_at(found: Found, stream: Stream, member: Member | None = None) -> _Item:
    """Return a file with what its first octets say."""
    head = stream.head(HEAD)
    is_mail, is_emlx = looks_like_mail(head), False
    if not is_mail and head[:1].isdigit():
        from undeliverable.files._emlx import length_line

        length = length_line(head)
        is_mail = is_emlx = length > 0 and looks_like_mail(head[length:])
    return _Item(found, stream, head, is_mail, is_emlx, member is not None, None if member is None else member.time)


def _is_archive(item: _Item) -> bool:
    if item.is_mail:
        return False
    from undeliverable.files._archives import is_archive  # most files are mail

    return is_archive(item.stream, item.head)


def _known(head: bytes) -> Known | None:
    """Return what a file is that is not read, by its first octets; records begin otherwise."""
    if not head or begins_as_record(head):
        return None
    from undeliverable.files._known import known_by_head

    return known_by_head(head)
