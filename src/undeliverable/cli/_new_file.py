"""A file for `-o` that is there only when it is complete.

It is written beside its final place and then takes it, so that nobody finds half a list of addresses, and the list of
yesterday is there until that of today is.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TextIO

from undeliverable.cli._command import UsageError

__all__ = ["NewFile"]


class NewFile:
    """A file that comes into being as a whole.

    :ivar stream: what to write to.
    """

    def __init__(self, path: str) -> None:
        """Open it for text.

        :raises UsageError: when it cannot be made.
        """
        self._path = os.path.realpath(path)
        direct = os.path.exists(self._path) and not os.path.isfile(self._path)
        folder, name = os.path.split(self._path)
        self._draft = None if direct else os.path.join(folder, f".{name}.{os.getpid()}")
        try:
            self.stream: TextIO = open(  # noqa: SIM115 # closed by keep() or drop()
                self._draft or self._path, "w", encoding="utf-8", errors="backslashreplace", newline="\n"
            )
        except OSError as error:
            raise UsageError(f"-o {path}: {error.strerror}") from None

    def keep(self) -> None:
        """Put it in its place.

        :raises OSError: when it cannot be written.
        """
        self.stream.flush()
        if self._draft is not None:
            os.fsync(self.stream.fileno())
            with suppress(OSError):  # a file that is replaced keeps its rights
                os.chmod(self._draft, os.stat(self._path).st_mode & 0o777)
        self.stream.close()
        if self._draft is not None:
            os.replace(self._draft, self._path)

    def drop(self) -> None:
        """Remove what was written, unless it was kept."""
        with suppress(OSError):
            self.stream.close()
        if self._draft is not None:
            with suppress(OSError):
                os.unlink(self._draft)
