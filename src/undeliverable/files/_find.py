"""Find the files that hold mail or records of our own below some paths, in a stable order.

A file that the caller names is always read. A file in a folder is read when its name says that it is mail or holds
records, when it lies in a Maildir, or when its first lines look like a header.

Records say what was proved, so they are only taken from where no stranger's mail can stand: never from a file that is
named as mail or lies in a Maildir, whatever it begins with.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

__all__ = ["RECORDS", "STDIN", "Found", "find", "inside", "leads_out", "looks_like_mail", "size_of"]

STDIN: Final = "-"
"""The path of standard input."""

_PACKED: Final = ("", ".gz", ".bz2", ".xz", ".zst")


def _packed(*endings: str) -> tuple[str, ...]:
    return tuple(ending + packed for ending in endings for packed in _PACKED)


RECORDS: Final = _packed(".jsonl", ".ndjson")
"""The endings of files with records of our own."""

_SINGLE: Final = _packed(".eml", ".emlx")
_NAMED_AS_MAIL: Final = (*_SINGLE, *_packed(".mbox", ".mbx"))
_FIELD: Final = re.compile(rb"[!-9;-~]{1,76}[ \t]*:")  # RFC 5322 2.2: printable US-ASCII without colon
_KNOWN: Final = re.compile(
    rb"^(?:from|to|date|subject|received|return-path|message-id|mime-version|content-type|delivered-to)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_DELIVERED: Final = frozenset(("cur", "new"))
_MAILDIR: Final = frozenset((*_DELIVERED, "tmp"))


class Found(NamedTuple):
    """A file that may hold mail or records.

    :ivar path: the path, or `-` for standard input.
    :ivar sure: True if the user named it or its name marks it as mail; otherwise it must look like mail.
    :ivar single: True if it holds one message, even if it begins as an mbox does.
    :ivar delivered: True if it lies in a Maildir: its time is that of its delivery.
    :ivar records: True if it may hold records of our own.
    :ivar named: True if the user named it.
    """

    path: str
    sure: bool
    single: bool
    delivered: bool = False
    records: bool = False
    named: bool = False


def find(paths: Iterable[str], warn: Callable[[OSError], None]) -> Iterator[Found]:
    """Yield the files that the paths name; folders are searched recursively, in the order of the names."""
    for path in paths:
        if path != STDIN and os.path.isdir(path):
            yield from _search(path, warn)
        else:
            delivered = path != STDIN and _is_delivered(os.path.dirname(path))
            name = path.lower()
            yield Found(
                path,
                sure=True,
                single=delivered or name.endswith(_SINGLE),
                delivered=delivered,
                records=not (delivered or name.endswith(_NAMED_AS_MAIL)),
                named=True,
            )


def leads_out(member: str) -> bool:
    """Return True if the name of a member leads out of the folder that an archive would be unpacked to."""
    return member[:1] == "/" or member[1:2] == ":" or "\0" in member or ".." in member.split("/")


def inside(archive: Found, member: str) -> Found | None:
    """Return a member of an archive as it would be found in the unpacked folder; None for what is left out there."""
    parts = [part for part in member.split("/") if part not in {"", "."}]
    if not parts or _is_hidden(parts) or _is_undelivered(parts):
        return None
    name = parts[-1].lower()
    delivered = len(parts) > 1 and parts[-2] in _DELIVERED
    own = not (archive.delivered or archive.path.lower().endswith(_NAMED_AS_MAIL))
    return Found(
        "/".join((archive.path, *parts)),
        sure=delivered or name.endswith(_NAMED_AS_MAIL),
        single=delivered or name.endswith(_SINGLE),
        delivered=delivered,
        records=own and not delivered and name.endswith(RECORDS),
    )


def _is_hidden(parts: list[str]) -> bool:
    """Return True for hidden files and folders, but for the subfolders of a Maildir (Maildir++)."""
    return any(part[0] == "." and below not in _MAILDIR for part, below in zip(parts, (*parts[1:], ""), strict=True))


def _is_undelivered(parts: list[str]) -> bool:
    """Return True for a file in a Maildir's tmp; maildir(5): its name begins with the seconds since 1970."""
    return len(parts) > 1 and parts[-2] == "tmp" and parts[-1].partition(".")[0].isdecimal()


def size_of(paths: Iterable[str]) -> int:
    """Return the number of bytes to read, for a progress bar; 0 where it cannot be known."""
    total = 0
    for found in find(paths, lambda _: None):
        try:
            total += os.stat(found.path).st_size if found.path != STDIN else 0
        except OSError:
            continue
    return total


def looks_like_mail(head: bytes) -> bool:
    """Return True if a file begins like a message: with a header field, and a well-known one nearby."""
    return head.startswith(b"From ") or (_FIELD.match(head) is not None and _KNOWN.search(head) is not None)


def _search(top: str, warn: Callable[[OSError], None]) -> Iterator[Found]:
    for folder, folders, names in os.walk(top, onerror=warn):
        maildir = "cur" in folders and "new" in folders
        # The hidden folders of a Maildir are its subfolders (Maildir++), and its tmp holds mail not yet delivered.
        folders[:] = sorted(name for name in folders if (maildir and name != "tmp") or not name.startswith("."))
        if maildir and "tmp" in folders:
            folders.remove("tmp")
        delivered = _is_delivered(folder)
        for file in sorted(names):
            path, name = os.path.join(folder, file), file.lower()
            if not name.startswith(".") and os.path.isfile(path):
                yield Found(
                    path,
                    sure=delivered or name.endswith(_NAMED_AS_MAIL),
                    single=delivered or name.endswith(_SINGLE),
                    delivered=delivered,
                    records=not delivered and name.endswith(RECORDS),
                )


def _is_delivered(folder: str) -> bool:
    """Return True if a folder is one of a Maildir that holds what was delivered."""
    folder = os.path.abspath(folder)  # "." and "new/" have no name
    return os.path.basename(folder) in _DELIVERED and os.path.isdir(os.path.join(os.path.dirname(folder), "new"))
