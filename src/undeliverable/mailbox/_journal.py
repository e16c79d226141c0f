"""The file in which a reader remembers what it has done: lines of JSON, one for each step, replayed when it starts again.

A step counts when its line is complete and on disk; a line that a kill or a full disk has torn is cut off. The file is
replaced by a short one with the same meaning when it has grown. Its lock (``flock``) keeps a second reader of the same
mailbox out, and ends with the process.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, cast

from undeliverable.mailbox._errors import MailboxError

__all__ = ["Entry", "Journal"]

Entry = dict[str, object]
"""One step."""

# These two do not exist everywhere.
_FLAGS: Final = (
    os.O_RDWR | os.O_APPEND | os.O_CREAT | int(getattr(os, "O_NOFOLLOW", 0)) | int(getattr(os, "O_NONBLOCK", 0))
)
_MODE: Final = 0o600


class Journal:
    """The file at a path, opened and locked.

    :param path: is made if it is missing, with mode 0600.
    :ivar entries: what stood in it.
    :raises MailboxError: when another process has it, or it holds something else.
    :raises OSError: when it cannot be read or written.
    """

    __slots__ = ("_file", "_path", "entries")

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._file = self._locked(_FLAGS, self._path)
        self.entries: list[Entry] = []
        try:
            self.entries = self._read()
        except BaseException:
            self.close()
            raise

    def append(self, entry: Entry) -> None:
        """Add a step; it is on disk when this returns.

        :raises OSError: when it could not be stored, and then the file is as before.
        """
        end = os.fstat(self._file).st_size
        try:
            _write(self._file, _line(entry))
            os.fsync(self._file)
        except OSError as error:
            with suppress(OSError):  # best effort: the next start cuts off a torn line
                os.ftruncate(self._file, end)
            raise OSError(error.errno, error.strerror, str(self._path)) from error

    def replace(self, entries: Iterable[Entry]) -> None:
        """Replace the whole file, at once or not at all.

        :raises OSError: when it could not be stored, and then the file is as before.
        """
        new = self._path.with_name(f"{self._path.name}.new")
        file = self._locked(_FLAGS | os.O_TRUNC, new)
        try:
            _write(file, b"".join(map(_line, entries)))
            os.fsync(file)
            new.replace(self._path)
        except BaseException:
            os.close(file)
            raise
        # The new file was locked before it had the name, so that nobody gets between.
        os.close(self._file)
        self._file = file
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def close(self) -> None:
        """Close the file, which ends the lock."""
        os.close(self._file)

    def _locked(self, flags: int, path: Path) -> int:
        import fcntl  # POSIX only

        while True:
            file = _opened(path, flags)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(file), os.lstat(path)):
                    return file
            except BlockingIOError:
                os.close(file)
                raise MailboxError(f"another process reads this mailbox: it has {self._path}") from None
            except FileNotFoundError:
                pass  # replaced between the two calls
            except BaseException:
                os.close(file)
                raise
            os.close(file)

    def _read(self) -> list[Entry]:
        """Return the complete lines, and cut off what follows them."""
        data = self._path.read_bytes()
        end = data.rfind(b"\n") + 1
        entries: list[Entry] = []
        for line in data[:end].splitlines():
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                value = None
            if not isinstance(value, dict):
                raise MailboxError(f"{self._path} is not the state of a mailbox; name another file with --state")
            entries.append(cast("Entry", value))
        if end < len(data):
            if not entries and not data.startswith((b"{", b"\0")):
                raise MailboxError(f"{self._path} is not the state of a mailbox; name another file with --state")
            os.ftruncate(self._file, end)
        return entries


def _opened(path: Path, flags: int) -> int:
    """Return an open file.

    :raises MailboxError: for a link, which could lead to any file of ours, and for a FIFO or a device.
    """
    try:
        file = os.open(path, flags, _MODE)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise MailboxError(f"{path} is a symbolic link; name the file itself with --state") from None
        raise
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise MailboxError(f"{path} is no file that can hold the state; name another one with --state")
    return file


def _line(entry: Entry) -> bytes:
    return json.dumps(entry, separators=(",", ":")).encode("ascii") + b"\n"


def _write(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        written = os.write(file, rest)
        if not written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rest = rest[written:]
