"""What can go wrong with a mailbox, by what follows from it."""

from __future__ import annotations

import re
from typing import Final

from undeliverable.errors import UndeliverableError

__all__ = ["DroppedError", "MailboxError", "RefusedError"]

_CODE: Final = re.compile(r"\[([A-Z][A-Z0-9-]{0,40})")


class MailboxError(UndeliverableError):
    """A mailbox cannot be read as asked; the message says what to do about it."""


class DroppedError(MailboxError):
    """The connection has ended, or answers no more; another one may work."""

    is_temporary = True


class RefusedError(MailboxError):
    """The server refused a command (NO or BAD) and the connection goes on.

    :ivar reply: the server's words.
    :ivar code: the response code in them (RFC 5530), such as OVERQUOTA; empty without one.
    """

    def __init__(self, what: str, reply: str) -> None:
        super().__init__(f"{what}; the server says: {reply}")
        self.reply = reply
        found = _CODE.search(reply)
        self.code = found[1] if found else ""
