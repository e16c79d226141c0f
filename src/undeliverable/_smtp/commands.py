"""The commands of SMTP, and what else the step is called that a reply answered: the one table of both.

Transcripts, notes such as ``(in reply to RCPT TO command)``, described formats, log records, webhooks and the functions
of SMTP clients all name the step. Each of them looks the word up here, so that none reads a spelling that another one
misses.
"""

from __future__ import annotations

from typing import Final

from undeliverable._text.lazy import lazy
from undeliverable.model import Command

__all__ = ["COMMANDS", "STEPS", "named_command"]

COMMANDS: Final = {
    "EHLO": Command.EHLO,
    "HELO": Command.EHLO,
    "LHLO": Command.EHLO,
    "STARTTLS": Command.STARTTLS,
    "AUTH": Command.AUTH,
    "MAIL": Command.MAIL,
    "RCPT": Command.RCPT,
    "DATA": Command.DATA,
    "BDAT": Command.END_OF_DATA,
    ".": Command.END_OF_DATA,
}
"""The commands of RFC 5321 4.1.1, RFC 3207 (STARTTLS), RFC 4954 (AUTH), RFC 3030 (BDAT) and RFC 2033 (LHLO)."""

STEPS: Final = {
    **COMMANDS,
    "CONNECTION": Command.CONNECT,
    "CONNECT": Command.CONNECT,
    "GREETING": Command.CONNECT,
    "BANNER": Command.CONNECT,
    "TALK": Command.CONNECT,  # "refused to talk to me"
    "NAME": Command.EHLO,  # qmail: "but my name was rejected"
    "TLS": Command.STARTTLS,
    "AUTHENTICATION": Command.AUTH,
    "SENDER": Command.MAIL,
    "RECIPIENT": Command.RCPT,
    "FINAL": Command.END_OF_DATA,  # "final DATA"
    "END": Command.END_OF_DATA,  # "end of data"
    "MESSAGE": Command.END_OF_DATA,
    "TEXT": Command.END_OF_DATA,
    "SENT": Command.END_OF_DATA,  # "failed after I sent the message"
}
"""The commands and the words that stand for one."""

_LONGEST: Final = 100  # characters of a name that are read: a command and its parameter
_BETWEEN: Final = lazy(r"[\s_:\"'()\[\]]+")


def named_command(name: str) -> Command | None:
    """Return the step that `name` stands for, or None where it stands for none.

    :param name: what a field calls it, in any case: ``RCPT TO:<kim@example.org>``, ``MAIL_FROM``, ``end of data``,
        ``initial connection``, ``.``; the first word that is known decides, and parameters in angle brackets are ignored.
    """
    words = _BETWEEN.split(name[:_LONGEST].partition("<")[0].upper())
    return next((STEPS[word] for word in words if word in STEPS), None)
