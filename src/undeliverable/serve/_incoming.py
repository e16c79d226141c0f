"""A message as it arrives after DATA: found ends, undone dots, limits; in memory that is never copied whole."""

from __future__ import annotations

from io import BytesIO
from typing import Final

from undeliverable.serve._budget import Share

__all__ = ["NO_ROOM", "Incoming"]

_END: Final = b"\r\n.\r\n"  # RFC 5321 4.1.1.4; accepting any other ending would allow SMTP smuggling
_KEPT: Final = len(_END) - 1  # octets at the end of a block that may be the beginning of an end
_TOO_LARGE: Final = "552 5.3.4 message too large"
NO_ROOM: Final = "452 4.3.1 too many messages are being received"


class Incoming:
    """A message that arrives in blocks.

    :ivar refusal: the reply that refuses the message, None while it is accepted. A refused message is not kept, but it
        has to be read to its end before the reply can be given.
    :param limit: the largest message, in octets as sent.
    :param share: the message's share of the budget.
    """

    __slots__ = ("_data", "_limit", "_open", "_share", "_size", "refusal")

    def __init__(self, limit: int, share: Share) -> None:
        self.refusal: str | None = None
        self._limit = limit
        self._share = share
        self._data = BytesIO()
        self._open = b"\r\n"  # not yet decided; so begun, a lone "." as first line ends the message
        self._size = -len(self._open)

    def feed(self, block: bytes) -> bytes | None:
        """Take a block; return the octets after the end of the message, or None if there is more to come."""
        octets = self._open + block
        end = octets.find(_END)
        if end >= 0:
            self._add(octets[: end + 2])
            return octets[end + len(_END) :]
        cut = max(0, len(octets) - _KEPT)
        # A line ending stays together with the dot that may follow it.
        if octets[max(0, cut - 2) : cut + 1] == b"\r\n.":
            cut -= 2
        elif octets[max(0, cut - 1) : cut + 1] == b"\r\n":
            cut -= 1
        self._open = octets[cut:]
        self._add(octets[:cut])
        return None

    def content(self) -> bytes:
        """Return the message without the dots that were added for transparency (RFC 5321 4.5.2)."""
        return self._data.getvalue()

    def _add(self, octets: bytes) -> None:
        first = max(0, -self._size)  # the line ending before the first line is not the message's
        self._size += len(octets)
        if self.refusal is not None:
            return
        if self._size > self._limit:
            self._refuse(_TOO_LARGE)
        elif not self._share.take(len(octets)):
            self._refuse(NO_ROOM)
        else:
            self._data.write(octets.replace(b"\r\n.", b"\r\n")[first:])

    def _refuse(self, reply: str) -> None:
        self.refusal = reply
        self._data = BytesIO()
        self._share.give_back()
