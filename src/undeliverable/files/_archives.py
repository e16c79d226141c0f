"""Open archives by what they begin with, and hand out their members.

Archives inside archives are not opened: that is how bombs are made, and one level holds all that people export. What
Python cannot open is in the table of known formats (:mod:`undeliverable.files._known`).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import islice
from typing import Final, cast

from undeliverable.files._known import Known, known_by_names
from undeliverable.files._packed import form_of
from undeliverable.files._raw import Meter
from undeliverable.files._streams import Stream
from undeliverable.files._tar import Member, begins_as_tar, tar_members
from undeliverable.files._zip import begins_as_zip, first_name, zip_members, zip_names

__all__ = ["NESTED", "Known", "Member", "is_archive", "known_inside", "opened"]

NESTED: Final = "an archive inside an archive, which is not opened: unpack the outer one"
_FIRST: Final = 64  # members among which those are that mark a document
_IN_MEMORY: Final = 8 * 1024 * 1024
_BLOCK: Final = 256 * 1024


def is_archive(stream: Stream, head: bytes) -> bool:
    """Return True if a file is an archive, or compressed twice."""
    return begins_as_tar(head) or begins_as_zip(head) or (stream.packed and form_of(head) is not None)


def opened(stream: Stream, head: bytes, meter: Meter) -> Iterator[Member] | Known | None:
    """Return the members of an archive, or the document that it is instead, or None for an archive inside a compressed file.

    :raises OSError: when it cannot be read.
    """
    file = cast("io.BufferedReader", stream.file)
    if begins_as_tar(head):
        return tar_members(file)
    if stream.packed:
        return None
    file = file if file.seekable() else _spooled(file)
    known = known_by_names(islice(zip_names(file), _FIRST))
    return zip_members(file, meter) if known is None else known


def known_inside(head: bytes) -> Known | None:
    """Return the document that a member is by the first name in it, or None: nothing but its head is looked at."""
    name = first_name(head)
    return None if name is None else known_by_names((name,))


def _spooled(pipe: io.BufferedReader) -> io.BufferedReader:
    """Return a pipe's octets in a file without a name: the directory of a zip archive stands at its end."""
    from tempfile import SpooledTemporaryFile  # an archive that comes from a pipe is rare

    file = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 # closed with its last reader
    while block := pipe.read1(_BLOCK):
        file.write(block)
    file.seek(0)
    return io.BufferedReader(cast("io.RawIOBase", file))
