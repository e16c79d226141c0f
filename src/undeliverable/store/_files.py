"""The files of a SQLite list: they belong to their owner alone, and it is known who locks them."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["locked_by", "protect"]

_PARTS: Final = ("", "-wal", "-shm")
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_OWNER: Final = stat.S_IRUSR | stat.S_IWUSR
_WRITE_LOCK: Final = 120  # https://sqlite.org/walformat.html 2.3.1: the octet of the shared memory that a writer locks
_PENDING: Final = 0x40000000  # https://sqlite.org/src/file/src/os.h: where the locks in the file itself begin
_LOCKS: Final = Path("/proc/locks")


def protect(database: str, *, create: bool) -> tuple[str, ...]:
    """Take the rights of everybody but the owner from the files of a list, and return a remark where that is impossible.

    :param create: True to create a missing file: SQLite would create it with the rights that the umask leaves, and gives
        those of the file to all files beside it.
    """
    if os.name != "posix":
        return ()
    if create:
        with suppress(OSError):  # it is there, or SQLite says why it cannot be created
            os.close(os.open(database, os.O_CREAT | os.O_EXCL | os.O_RDWR, _OWNER))
    remarks = (_closed_to_others(Path(f"{database}{part}")) for part in _PARTS)
    return tuple(remark for remark in remarks if remark)


def _closed_to_others(path: Path) -> str | None:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None
    if not mode & _OTHERS:
        return None
    try:
        path.chmod(mode & ~_OTHERS)
    except OSError:
        return f"{path}: others have access, and only its owner can change that: chmod 600 {path}"
    return None


def locked_by(database: str) -> str | None:
    """Return the process that writes into a list, or None if nobody knows."""
    # Neither file may be opened here: closing it again would drop the locks that this process holds itself.
    wanted: set[tuple[int, int]] = set()
    for part, first in (("-shm", _WRITE_LOCK), ("", _PENDING)):
        with suppress(OSError):
            wanted.add((Path(f"{database}{part}").stat().st_ino, first))
    with suppress(OSError, ValueError, IndexError):
        for line in _LOCKS.read_text(encoding="ascii", errors="replace").splitlines():
            words = line.split()
            if words[1:4] == ["POSIX", "ADVISORY", "WRITE"]:
                inode, begin, end = int(words[5].split(":")[2]), int(words[6]), words[7]
                if any(inode == own and _overlaps(begin, end, first) for own, first in wanted):
                    return _named(int(words[4]))
    return None


def _overlaps(begin: int, end: str, first: int) -> bool:
    # The locks in the file itself are those of a few hundred octets; the one in shared memory is of one octet.
    last = first if first == _WRITE_LOCK else first + 511
    return begin <= last and (end == "EOF" or int(end) >= first)


def _named(process: int) -> str:
    name = ""
    with suppress(OSError):
        name = Path(f"/proc/{process}/comm").read_text(encoding="utf-8", errors="replace").strip()
    return f"process {process}{f' ({name})' if name else ''}"
