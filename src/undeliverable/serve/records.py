"""A file of records, one JSON object per line, that several processes can write at once and that survives crashes.

Guarantees:

- :func:`append` returns only when the lines are on disk, and complete.
- A line torn by a killed writer or a full disk is never read; the next writer cuts it off.
- Writers wait for each other. A reader waits for one write at most, and sees complete records only.

The lock is the kernel's (``flock``): it ends with the process that holds it. It needs POSIX, and a file system that is
local or supports locks.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, cast

__all__ = ["append", "end", "read"]

# Without O_NONBLOCK, opening a FIFO would wait for its other end. None of these flags exists everywhere.
_FLAGS: Final = sum(int(getattr(os, name, 0)) for name in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK"))
_MODE: Final = 0o600  # addresses and replies are personal data
_BLOCK: Final = 1 << 16
# The start of a torn line: of an object, or of the zeros that a file system may leave after a power failure.
_OWN: Final = (b"{", b"\0")


def append(path: str | os.PathLike[str], lines: Iterable[bytes]) -> None:
    r"""Append complete lines, each ending in ``\n``, to the file at `path`; they are on disk when it returns.

    Either all lines are added or, as far as the file system allows, none. A missing file is created with mode 0600; a
    symbolic link, a directory or a device is refused.

    :raises OSError: when the lines could not be stored; then whoever still has the message must keep it.
    :raises ValueError: when an item is not a single line.
    """
    block = _joined(lines)
    with _locked(path) as (file, created):
        end = _repaired(file)
        try:
            _write(file, block)
            os.fsync(file)
            if created:
                _sync_folder(path)
        except BaseException:
            # Best effort: if the disk refuses this too, the next writer cuts off the torn line.
            with suppress(OSError):
                os.ftruncate(file, end)
            raise


def end(path: str | os.PathLike[str]) -> tuple[int, int, int]:
    """Return the device and number of the file at `path`, and the offset behind its last complete record.

    What is appended from now on stands behind this place, unless the file is renamed. A missing file is created.

    :raises OSError: when the file cannot be opened.
    """
    with _locked(path) as (file, _):
        status = os.fstat(file)
        return status.st_dev, status.st_ino, _end_of_lines(file)


def read(path: str | os.PathLike[str], *, start: int = 0) -> Iterator[dict[str, object]]:
    """Yield the records in the file at `path`, in order, as far as they were complete when the reading began.

    A line that is not a JSON object is skipped: this library does not write any.

    :param start: the offset to begin at, which is the end of a record (see :func:`end`).
    :raises OSError: when the file cannot be read.
    """
    import fcntl

    with os.fdopen(os.open(path, os.O_RDONLY | _FLAGS), "rb") as file:
        _check_regular(file.fileno())
        # The lock keeps writers out while the end is determined; lines before it never change.
        fcntl.flock(file, fcntl.LOCK_SH)
        try:
            last = _end_of_lines(file.fileno())
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
        file.seek(start)
        while file.tell() < last:
            try:
                record = json.loads(file.readline())
            except (ValueError, RecursionError):
                continue
            if isinstance(record, dict):
                yield cast("dict[str, object]", record)


@contextmanager
def _locked(path: str | os.PathLike[str]) -> Generator[tuple[int, bool], None, None]:
    """Open and lock the file; yield its descriptor and True if it is empty. Retry if it was renamed during the wait."""
    import fcntl

    while True:
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | _FLAGS, _MODE)
        try:
            _check_regular(file)
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_still(file, path):
                yield file, os.fstat(file).st_size == 0
                return
        finally:
            os.close(file)


def _is_still(file: int, path: str | os.PathLike[str]) -> bool:
    try:
        return os.path.samestat(os.fstat(file), os.lstat(path))
    except FileNotFoundError:
        return False


def _check_regular(file: int) -> None:
    if not stat.S_ISREG(os.fstat(file).st_mode):
        raise OSError("not a regular file")


def _repaired(file: int) -> int:
    """Cut off a torn last line and return the end of the file.

    A last line that only lacks its line ending, as an editor may save it, gets one; so does a line that was not written
    by this module.
    """
    size, end = os.fstat(file).st_size, _end_of_lines(file)
    if end == size:
        return size
    tail = os.pread(file, size - end, end)
    if tail.startswith(_OWN) and not _is_object(tail):
        os.ftruncate(file, end)
        return end
    _write(file, b"\n")
    return size + 1


def _is_object(text: bytes) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _end_of_lines(file: int) -> int:
    """Return the offset after the last line ending, searched from the end of the file."""
    upper = os.fstat(file).st_size
    while upper:
        lower = max(0, upper - _BLOCK)
        found = os.pread(file, upper - lower, lower).rfind(b"\n")
        if found >= 0:
            return lower + found + 1
        upper = lower
    return 0


def _joined(lines: Iterable[bytes]) -> bytes:
    return b"".join(map(_checked, lines))


def _checked(line: bytes) -> bytes:
    if line.find(b"\n") != len(line) - 1 or not line:
        raise ValueError("a record must be one line with its line ending")
    return line


def _write(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def _sync_folder(path: str | os.PathLike[str]) -> None:
    """Write the folder to disk, so that the name of a new file survives a crash."""
    folder = os.open(Path(path).parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
