"""The index in a checkout, where the TOML files and the code that reads them are being edited.

``python -m tests.generate`` saves the index in a file that git ignores. Its first line is a digest of the contents of the
TOML files and of all modules that :mod:`undeliverable._knowledge.build` imports, directly or not, so an edit of any of
them counts at the next start, even one that keeps a file's size and time. A test compares `_CODE` with the imports.
Where nothing was saved, or something else, the index is built in memory, which takes a hundred times as long. A wheel
holds an index under another name, which is trusted: see :func:`undeliverable.knowledge.Knowledge.builtin`.
"""

# Plain paths: pathlib would take a twentieth of the time of a start.
# ruff: noqa: PTH118, PTH119, PTH120, PTH123, PTH208

from __future__ import annotations

import os
from binascii import crc32
from collections.abc import Iterator
from typing import Final

from undeliverable.data import KNOWLEDGE, place

__all__ = ["INDEX", "digest", "files", "index"]

INDEX: Final = "index.jsonl"
_CODE: Final = (
    "_text",
    "codes",
    "_mime",
    "_smtp",
    "_dsn",
    "_formats",
    "_rules",
    "_knowledge",
    "data",
    "model",
    "verdict",
    "errors",
    "reasons.py",
)
"""The packages and modules that decide what the index of the same TOML looks like."""


def index() -> str:
    """Return the text of the index: the saved one if it is of the files as they are, else one that is built now."""
    try:
        with open(place(INDEX), "rb", buffering=0) as file:
            saved, _, text = file.read().partition(b"\n")
        if saved == digest().encode():
            return text.decode("ascii")
    except OSError:
        pass  # nothing was saved, or the package lies in a zip file
    from undeliverable._knowledge.build import build

    return build()


def files() -> Iterator[str]:
    """Yield the paths of all files that the index depends on, always in the same order."""
    for folder in KNOWLEDGE:
        yield from _inside(place(folder), ".toml")
    package = os.path.dirname(os.path.dirname(__file__))
    for name in _CODE:
        path = os.path.join(package, name)
        if name.endswith(".py"):
            yield path
        else:
            yield from _inside(path, ".py")


def _inside(folder: str, ending: str) -> Iterator[str]:
    for name in sorted(os.listdir(folder)):
        if name.endswith(ending):
            yield os.path.join(folder, name)


def digest() -> str:
    """Return a digest of the names and contents of all files that the index depends on.

    CRC-32, because nobody forges a checkout of their own, and importing hashlib takes 3 ms of each start.
    """
    found = 0
    for path in files():
        with open(path, "rb", buffering=0) as file:  # no buffer: it takes as long as the reading
            content = file.read()
        found = crc32(content, crc32(f"{os.path.basename(path)}\0{len(content)}\0".encode(), found))
    return f"{found:08x}"
