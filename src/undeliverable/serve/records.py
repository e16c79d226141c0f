"""A file of records, one JSON object per line, that several processes write at once and that survives their death.

What holds:

- :func:`append` returns only when the lines are on the disk, and then they are there whole.
- A line that a writer left torn, because it was killed or the disk was full, is never read; the next writer cuts it off.
- Writers wait for each other. A reader never waits for more than one write, and sees whole records only.

The lock is the kernel's (``flock``): it ends with the process that held it. It needs POSIX, and a local file system or
one that passes locks on.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, cast

__all__ = ["append", "read"]

# Without O_NONBLOCK the opening of a FIFO would wait for its other end. None of them exists everywhere.
_FLAGS: Final = sum(int(getattr(os, name, 0)) for name in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK"))
_MODE: Final = 0o600  # addresses and replies are personal data
_BLOCK: Final = 1 << 16
# What a writer of ours may have left: the beginning of an object, or the zeros of a file system that lost power.
_OWN: Final = (b"{", b"\0")


def append(path: str | os.PathLike[str], lines: Iterable[bytes]) -> None:
    r"""Adds whole lines, each ending in ``\n``, to the file at `path`; after the return they are on the disk.

    Either all lines are added or, so far as the file system lets us, none. A missing file is made with mode 0600; a
    symbolic link, a directory or a device is refused.

    :raises OSError: when the lines could not be stored: say so to whoever still has the message.
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
            # Best effort: what stays torn, because the disk refuses this as well, is cut off by the next writer.
            with suppress(OSError):
                os.ftruncate(file, end)
            raise


def read(path: str | os.PathLike[str]) -> Iterator[dict[str, object]]:
    """The records in the file at `path`, in order, as far as they were whole when the reading began.

    A line that is no JSON object is passed over: this library does not write any.

    :raises OSError: when the file cannot be read.
    """
    import fcntl

    with os.fdopen(os.open(path, os.O_RDONLY | _FLAGS), "rb") as file:
        _check_regular(file.fileno())
        # No writer is at work while the end is looked up; what lies before it is never changed again.
        fcntl.flock(file, fcntl.LOCK_SH)
        try:
            end = _end_of_lines(file.fileno())
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
        while file.tell() < end:
            try:
                record = json.loads(file.readline())
            except (ValueError, RecursionError):
                continue
            if isinstance(record, dict):
                yield cast("dict[str, object]", record)


@contextmanager
def _locked(path: str | os.PathLike[str]) -> Generator[tuple[int, bool], None, None]:
    """The open file, locked, and whether it is new. A file that was renamed while we waited is opened anew."""
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
        raise OSError("is not a regular file")


def _repaired(file: int) -> int:
    """Cuts off a torn last line; gives the end of the file.

    A last line that only lost its line end, as an editor may have saved it, gets it back; so does one that none of our
    writers has begun.
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
    """The offset behind the last line end, looked for from the end of the file."""
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
        raise ValueError("a record is one line with its line end")
    return line


def _write(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def _sync_folder(path: str | os.PathLike[str]) -> None:
    """A new file's name has to reach the disk as well."""
    folder = os.open(Path(path).parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
