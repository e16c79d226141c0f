"""The fallback: the heuristics of flufl.bounce, asked only if no reader has found a recipient.

They know a few dozen formats of the nineties that are described nowhere else. Their patterns are quadratic and worse on
hostile lines, and some raise on odd headers; so they see a bounded, plain copy of the message's beginning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes
from typing import Final

from undeliverable._text.lazy import lazy

__all__ = ["HEAD_LIMIT", "LINE_LIMIT", "Suspicion", "ask", "shown"]

HEAD_LIMIT: Final = 32 * 1024
"""How much of a message is handed over, in octets: reports name the recipient before they return the message."""

LINE_LIMIT: Final = 400
"""How much of a line is handed over, in octets: some patterns need time that grows with its square."""

_OF_PARTS: Final = (b"content-", b"mime-version")
_CROWDED: Final = ((b"@", 4), (b",", 24))  # a line with more of them is no line that names a recipient
# What is not ASCII becomes SUB (the control character "substitute"): an address that holds it is not believed.
_PLAIN: Final = bytes(range(128)) + b"\x1a" * 128
_ADDRESS: Final = lazy(r"[!#-;=?A-Z^-~]{1,64}@[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?")


@dataclass(frozen=True, slots=True)
class Suspicion:
    """The recipients that the heuristics find: those whose delivery failed, and those still being tried."""

    permanent: frozenset[str] = frozenset()
    temporary: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Return whether any recipient was found."""
        return bool(self.permanent or self.temporary)


def shown(raw: bytes, text: str) -> bytes:
    """Return the message that may be asked about: the header of `raw`, and `text`, which is above the returned message."""
    head = raw[:HEAD_LIMIT].replace(b"\r\n", b"\n").replace(b"\r", b"\n").lstrip(b"\n").partition(b"\n\n")[0]
    return head + b"\n\n" + text[:HEAD_LIMIT].encode("utf-8", "replace")


def ask(message: bytes) -> Suspicion:
    """Return the recipients that flufl.bounce finds in the first :data:`HEAD_LIMIT` octets of `message`.

    If it fails on foreign bytes, none are found.

    :raises ImportError: if flufl.bounce is not installed.
    """
    from flufl.bounce import all_failures  # pyright: ignore[reportUnknownVariableType]

    try:
        temporary, permanent = all_failures(message_from_bytes(plain_head(message)))
    except Exception:  # noqa: BLE001  foreign heuristics on foreign bytes: if they fail, no recipient was found
        return Suspicion()
    failed = _addresses(permanent)
    return Suspicion(failed, _addresses(temporary) - failed)


def plain_head(message: bytes) -> bytes:
    """Return the beginning of `message` as it is handed over: ASCII, LF, short lines, and one plain From header."""
    head = message[:HEAD_LIMIT].translate(_PLAIN).replace(b"\0", b"\x1a").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    header, blank, body = head.lstrip(b"\n").partition(b"\n\n")
    body = re.sub(rb"\n{3,}", b"\n\n", re.sub(rb"[ \t]{9,}", b" " * 8, body))
    lines = [line for line in map(_plain_line, body.split(b"\n")) if line is not None]
    return _plain_header(header) + blank + b"\n".join(lines)


def _plain_line(line: bytes) -> bytes | None:
    return None if any(line.count(char) > most for char, most in _CROWDED) else line[:LINE_LIMIT]


def _plain_header(header: bytes) -> bytes:
    """Return the header block of a message of one part, with one From of one address first.

    flufl.bounce raises without one, or with an odd one, and parsers recurse into every part of a message that has some.
    """
    lines: list[bytes] = []
    sender = b""
    for line in re.split(rb"\n(?![ \t])", header):
        name, _, value = line.partition(b":")
        bare = name.rstrip().lower()
        if bare.startswith(_OF_PARTS):
            continue
        if bare != b"from":
            lines += [] if line.startswith(b"From ") else [line]  # the line that begins a message in an mbox file
        elif not sender and (match := re.search(rb"[!#-;=?A-Z^-~]{1,64}@[A-Za-z0-9_.-]{1,255}", value[:LINE_LIMIT])):
            sender = match[0]
    return b"\n".join([b"From: <" + (sender or b"postmaster@invalid") + b">", *lines])


def _addresses(found: frozenset[bytes]) -> frozenset[str]:
    plain = (address.decode("ascii", "replace").strip().strip("<>") for address in found)
    return frozenset(address for address in plain if _ADDRESS.fullmatch(address))
