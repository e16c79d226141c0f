"""Saves the index of the built-in knowledge in a checkout, where git ignores it: its digest, then its text."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from undeliverable._knowledge.build import build
from undeliverable._knowledge.checkout import INDEX, digest
from undeliverable.data import place

NAME: Final = f"src/undeliverable/data/{INDEX}"


def is_current() -> bool:
    """Return whether the saved index is of the files as they are; a wheel's own index always is."""
    path = Path(place(INDEX))
    if path.with_name("released.jsonl").exists():
        return True
    if not path.exists():
        return False
    with path.open(encoding="ascii") as file:
        return file.readline() == f"{digest()}\n"


def write() -> None:
    """Write the index in one step, so that processes that start meanwhile read the old one or the new one."""
    path = Path(place(INDEX))
    new = path.with_name(f"{path.name}.{os.getpid()}")
    new.write_text(f"{digest()}\n{build()}", encoding="ascii", newline="\n")
    new.replace(path)
