"""The file of keys that sign return paths, and files of secrets in general: nobody else may read them."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

__all__ = ["read_keys", "read_private"]

_LONGEST: Final = 1 << 16  # octets of a file
_OTHERS: Final = stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH


def read_keys(path: str | os.PathLike[str]) -> dict[str, bytes]:
    """Return the keys in a file, for :class:`~undeliverable.verp.Signer`: one per line, an id and the secret in hex.

    Empty lines and those that begin with ``#`` are skipped.

    :raises OSError: if the file cannot be read, or others than its owner can read or change it (on POSIX systems).
    :raises ValueError: if it holds something else; the message never shows a secret.
    """
    keys: dict[str, bytes] = {}
    for number, line in enumerate(read_private(path).decode("ascii", "replace").splitlines(), 1):
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if len(words) != 2 or words[0] in keys:
            raise ValueError(f"line {number} must hold a unique id and a secret")
        try:
            keys[words[0]] = bytes.fromhex(words[1])
        except ValueError:
            raise ValueError(f"line {number} must hold the secret in hex") from None
    return keys


def read_private(path: str | os.PathLike[str]) -> bytes:
    """Return the octets of a file that holds secrets.

    :raises OSError: if it cannot be read, is longer than 64 KB, or others than its owner can read or change it; the message
        has the command that helps. Only regular files on POSIX systems have such permissions.
    """
    with Path(path).open("rb") as file:
        status = os.fstat(file.fileno())
        if os.name == "posix" and stat.S_ISREG(status.st_mode) and status.st_mode & _OTHERS:
            raise PermissionError(errno.EACCES, f"other users can read it; run: chmod 600 {os.fspath(path)}")
        content = file.read(_LONGEST + 1)
    if len(content) > _LONGEST:
        raise OSError(errno.EFBIG, "it is too long for a file of secrets")
    return content
