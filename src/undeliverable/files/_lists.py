"""Open files of addresses, of events and of other tables: plain, compressed, or several in an archive.

Mailing services export archives: a table for each status. What is a list there, its name says, since any text could be one.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, cast

from undeliverable.files._find import leads_out
from undeliverable.files._raw import HEAD, DamagedError, Meter
from undeliverable.files._streams import Stream, patient

if TYPE_CHECKING:
    from undeliverable.files._archives import Member

__all__ = ["ListFile", "lists_in"]

_ENDINGS: Final = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson")
_PACKED: Final = (".gz", ".bz2", ".xz", ".zst")
_OTHER: Final = f"not named as a list ({', '.join(_ENDINGS)})"


class ListFile(NamedTuple):
    """A file of a list, decompressed.

    :ivar path: its path; that of a member begins with the archive's.
    """

    path: str
    file: BinaryIO


def lists_in(
    file: BinaryIO, path: str, warn: Callable[[str], None], skipped_file: Callable[[str, str], None] | None = None
) -> Iterator[ListFile]:
    """Yield a file of a list, or each list in an archive, which has to be read before the next one comes.

    :param warn: called with each member that cannot be read, in words.
    :param skipped_file: called with the path of each member that is not named as a list, and why it was skipped.
    :raises OSError: for a file that cannot be read, or whose form is known and not read; the message says why.
    """
    from undeliverable.files._archives import NESTED, Known, is_archive, opened  # most commands open no list
    from undeliverable.files._known import known_by_head

    peeks = hasattr(file, "peek")
    buffered = cast("io.BufferedReader", file if peeks else io.BufferedReader(cast("io.RawIOBase", file)))
    meter = Meter()
    stream = Stream(buffered if buffered.seekable() else patient(buffered), meter=meter)
    head = stream.head(HEAD)
    known = known_by_head(head)
    if stream.problem is not None or known is not None:
        raise DamagedError(stream.problem or str(known))
    if not is_archive(stream, head):
        yield ListFile(path, cast("BinaryIO", stream.file))
        return
    members = opened(stream, head, meter)
    if members is None or isinstance(members, Known):
        raise DamagedError(NESTED if members is None else str(members))
    seen = False
    for member in members:
        if member.name.rpartition("/")[2].startswith("."):  # as everywhere; macOS adds such files to archives
            continue
        one = _list(member, meter)
        seen = seen or one is not None
        if isinstance(one, str):
            warn(f"{path}/{member.name}: {one}")
        elif one is not None:
            yield ListFile(f"{path}/{member.name}", one)
        elif skipped_file is not None:
            skipped_file(f"{path}/{member.name}", _OTHER)
    if not seen:
        warn(f"{path}: no list in this archive")


def _list(member: Member, meter: Meter) -> BinaryIO | str | None:
    """Return a list in an archive, the reason why a member cannot be read, or None for what is none."""
    from undeliverable.files._archives import NESTED, is_archive
    from undeliverable.files._known import known_by_head

    if leads_out(member.name):
        return "its path leads out of the archive"
    if member.file is None:
        return str(member.refusal)
    if not _is_named(member.name.lower()):
        return None
    stream = Stream(member.file, meter=meter)
    head = stream.head(HEAD)
    known = known_by_head(head)
    if stream.problem is not None or known is not None:
        return stream.problem or str(known)
    return NESTED if is_archive(stream, head) else cast("BinaryIO", stream.file)


def _is_named(name: str) -> bool:
    """Return True for the name of a list."""
    for ending in _PACKED:
        name = name.removesuffix(ending)
    return name.endswith(_ENDINGS)
