"""Paths in, files out: which files of a folder hold mail, in a stable order."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

__all__ = ["STDIN", "Found", "find", "looks_like_mail", "size_of"]

STDIN: Final = "-"

_SINGLE: Final = (".eml", ".eml.gz")
_NAMED_AS_MAIL: Final = (*_SINGLE, ".mbox", ".mbx", ".mbox.gz", ".mbx.gz")
_FIELD: Final = re.compile(rb"[!-9;-~]{1,76}[ \t]*:")  # RFC 5322 2.2: printable US-ASCII without colon
_KNOWN: Final = re.compile(
    rb"^(?:from|to|date|subject|received|return-path|message-id|mime-version|content-type|delivered-to)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)


class Found(NamedTuple):
    """A file that may hold mail.

    :ivar path: where it is, or `-`.
    :ivar sure: it was named by the user, or is named as mail is; else it has to look like mail.
    :ivar single: it holds one message, whatever its first line says.
    """

    path: str
    sure: bool
    single: bool


def find(paths: Iterable[str], warn: Callable[[OSError], None]) -> Iterator[Found]:
    """The files that the paths name, folders searched in depth and in the order of their names."""
    for path in paths:
        if path != STDIN and os.path.isdir(path):
            yield from _search(path, warn)
        else:
            yield Found(path, sure=True, single=path.lower().endswith(_SINGLE))


def size_of(paths: Iterable[str]) -> int:
    """How many bytes there are to be read, for a progress bar; 0 where it cannot be known."""
    total = 0
    for found in find(paths, lambda _: None):
        try:
            total += os.stat(found.path).st_size if found.path != STDIN else 0
        except OSError:
            continue
    return total


def looks_like_mail(head: bytes) -> bool:
    """Whether a file begins as a message does: a header field, and a known one not far away."""
    return head.startswith(b"From ") or (_FIELD.match(head) is not None and _KNOWN.search(head) is not None)


def _search(top: str, warn: Callable[[OSError], None]) -> Iterator[Found]:
    for folder, folders, names in os.walk(top, onerror=warn):
        maildir = "cur" in folders and "new" in folders
        # The hidden folders of a Maildir are its subfolders (Maildir++), and its tmp holds mail not yet delivered.
        folders[:] = sorted(name for name in folders if (maildir and name != "tmp") or not name.startswith("."))
        if maildir and "tmp" in folders:
            folders.remove("tmp")
        delivered = os.path.basename(folder) in {"cur", "new"} and os.path.isdir(os.path.join(folder, "..", "new"))
        for name in sorted(names):
            path = os.path.join(folder, name)
            if not name.startswith(".") and os.path.isfile(path):
                yield Found(
                    path,
                    sure=delivered or name.lower().endswith(_NAMED_AS_MAIL),
                    single=delivered or name.lower().endswith(_SINGLE),
                )
