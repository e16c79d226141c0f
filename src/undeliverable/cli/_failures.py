"""What the operating system refuses, as one line that says what to do about it."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["failure"]

_WHAT_TO_DO: Final[Mapping[int, str]] = MappingProxyType(
    {
        errno.ENOSPC: "free some space, or write elsewhere",
        errno.EDQUOT: "free some space, or write elsewhere",
        errno.EROFS: "write elsewhere",
        errno.EACCES: "check the owner and the mode, or run as a user who may",
        errno.EPERM: "check the owner and the mode, or run as a user who may",
        errno.ENOENT: "check the name",
        errno.EISDIR: "name a file",
        errno.ENOTDIR: "a part of this path is a file; check the name",
        errno.EMFILE: "raise the limit of open files (ulimit -n)",
        errno.ENFILE: "the system has no open files left; try again later",
        errno.EBADF: "the stream is closed; redirect it to a file or to /dev/null",
        errno.EFBIG: "raise the limit of the size of files (ulimit -f)",
        errno.ELOOP: "it is a symbolic link; name the file itself",
        errno.ENAMETOOLONG: "shorten the name",
        errno.EADDRINUSE: "another program listens there; stop it, or choose another port",
        errno.EADDRNOTAVAIL: "this host has no such address",
    }
)
"""What a user can do, by the number of the error."""


def failure(error: OSError) -> str:
    """Return what failed, where, and what to do."""
    if error.errno == errno.ENOENT and error.filename is None and _is_homeless():
        return "the working directory does not exist any more; change to another one"
    what = error.strerror or str(error) or type(error).__name__
    where = _place(error)
    hint = _WHAT_TO_DO.get(error.errno or 0, "")
    return f"{where}{': ' if where else ''}{what}{'; ' if hint else ''}{hint}"


def _is_homeless() -> bool:
    try:
        os.getcwd()
    except OSError:
        return True
    return False


def _place(error: OSError) -> str:
    """Return the file that the error is about; an error without one may be the standard output's, which still fails."""
    if error.filename is not None:
        return os.fsdecode(error.filename) if isinstance(error.filename, bytes) else str(error.filename)
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        return ""
    for name, stream in (("standard output", sys.stdout), ("standard error", sys.stderr)):
        try:
            stream.flush()
        except OSError as again:
            if again.errno == error.errno:
                return name
    return _closed_stream() if error.errno == errno.EBADF else ""


def _closed_stream() -> str:
    try:
        os.write(1, b"")
    except OSError:
        return "standard output"
    return "standard input"
