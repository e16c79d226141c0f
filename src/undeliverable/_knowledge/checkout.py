"""The index in a checkout, where the TOML files and the code that reads them are being edited.

``python -m tests.generate`` saves the index in a file that git ignores. Its first line is a digest of every file that the
index depends on, so an edit is seen at the next start, even one that keeps a file's size and time. Where nothing was
saved, or something else, the index is built in memory, which takes a hundred times as long. A wheel holds an index under
another name, which is trusted: see :func:`undeliverable.knowledge.Knowledge.builtin`.
"""

# Plain paths: pathlib would take a twentieth of the time of a start.
# ruff: noqa: PTH118, PTH120, PTH123, PTH208

from __future__ import annotations

import os
from binascii import crc32
from typing import Final

from undeliverable.data import KNOWLEDGE, place

__all__ = ["INDEX", "digest", "index"]

INDEX: Final = "index.jsonl"
_CODE: Final = ("_text", "_formats", "_rules", "_knowledge")
"""The packages that decide what the index of the same TOML looks like."""


def index() -> str:
    """Return the text of the index: the saved one if it is of the files as they are, else one that is built now."""
    try:
        with open(place(INDEX), encoding="ascii") as file:
            saved, _, text = file.read().partition("\n")
        if saved == digest():
            return text
    except OSError:
        pass  # nothing was saved, or the package lies in a zip file
    from undeliverable._knowledge.build import build

    return build()


def digest() -> str:
    """Return a digest of the contents of all files that the index depends on.

    CRC-32, because nobody forges a checkout of their own, and importing hashlib takes 3 ms of each start.
    """
    found = 0
    package = os.path.dirname(os.path.dirname(__file__))
    data = ((place(folder), ".toml") for folder in KNOWLEDGE)
    code = ((os.path.join(package, folder), ".py") for folder in _CODE)
    for folder, ending in (*data, *code):
        for name in sorted(os.listdir(folder)):
            if name.endswith(ending):
                with open(os.path.join(folder, name), "rb") as file:
                    content = file.read()
                found = crc32(content, crc32(f"{name}\0{len(content)}\0".encode(), found))
    return f"{found:08x}"
