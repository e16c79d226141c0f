"""Where messages are moved once they have been taken, by the kind of report they are.

What is no report is left where it lies: it belongs to whoever reads the mailbox.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from undeliverable import Kind

__all__ = ["FOLDERS", "folders_of"]

FOLDERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        Kind.BOUNCE: "Undeliverable/Bounces",
        Kind.DELAY: "Undeliverable/Delays",
        Kind.DELIVERED: "Undeliverable/Delivered",
        Kind.COMPLAINT: "Undeliverable/Complaints",
        Kind.AUTO_REPLY: "Undeliverable/Auto-replies",
        Kind.CHALLENGE: "Undeliverable/Challenges",
        Kind.DISPOSITION: "Undeliverable/Receipts",
        Kind.SUPPRESSED: "Undeliverable/Suppressed",
        Kind.UNSUBSCRIBED: "Undeliverable/Unsubscribed",
    }
)
"""The folder of each kind; the slash stands for whatever separates levels on the server."""

_BETWEEN: Final = re.compile(r",(?=\w+=)")  # a folder may have a comma in its name


def folders_of(texts: Iterable[str]) -> dict[str, str]:
    """Return the folder of each kind: the default ones, changed by texts such as ``bounce=Done/Bounces,delay=``.

    A kind without a folder stays where it is.

    :raises ValueError: naming the first text that is none, and the kinds that are valid.
    """
    folders = dict(FOLDERS)
    for part in (part for text in texts for part in _BETWEEN.split(text)):
        kind, equals, folder = part.partition("=")
        if not equals or kind not in FOLDERS:
            raise ValueError(f"{part!r} is not KIND=FOLDER with a kind of {', '.join(FOLDERS)}")
        folders[kind] = folder.strip("/")
    return {kind: folder for kind, folder in folders.items() if folder}
