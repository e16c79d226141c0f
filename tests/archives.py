"""Archives of every kind that is read, made from a table of names and contents."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

__all__ = ["KINDS", "TIME", "tar_of", "unpack", "zip_of"]

TIME: Final = 1_795_000_000
Files = Mapping[str, bytes]


def tar_of(files: Files, form: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), TIME
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def zip_of(files: Files, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def _then(pack: Callable[[bytes], bytes], form: int = tarfile.PAX_FORMAT) -> Callable[[Files], bytes]:
    return lambda files: pack(tar_of(files, form))


KINDS: Final[Mapping[str, Callable[[Files], bytes]]] = {
    "zip": zip_of,
    "stored.zip": partial(zip_of, method=zipfile.ZIP_STORED),
    "bzip2.zip": partial(zip_of, method=zipfile.ZIP_BZIP2),
    "tar": tar_of,
    "ustar.tar": partial(tar_of, form=tarfile.USTAR_FORMAT),
    "gnu.tar": partial(tar_of, form=tarfile.GNU_FORMAT),
    "tgz": _then(gzip.compress),
    "gnu.tgz": _then(gzip.compress, tarfile.GNU_FORMAT),
    "tar.bz2": _then(bz2.compress),
    "tar.xz": _then(lzma.compress),
}
"""The kinds of archives, by the endings that files of them have; but no name decides anything."""


def unpack(files: Files, folder: Path) -> None:
    """Write the files into a folder, as an archive of them would be unpacked."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
