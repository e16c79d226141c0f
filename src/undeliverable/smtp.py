"""The door for SMTP: a reply's text, a client's exception or the recipients that it returned as refused in, verdicts out."""

from __future__ import annotations

from undeliverable._exceptions import from_exception, from_refused
from undeliverable._judge import judge_reply
from undeliverable._replies import parse_reply
from undeliverable.knowledge import Knowledge
from undeliverable.model import Command
from undeliverable.verdict import Verdict

__all__ = ["classify", "from_exception", "from_refused"]


def classify(
    reply: str | bytes,
    *,
    host: str | None = None,
    command: Command | str | None = None,
    recipient: str | None = None,
    knowledge: Knowledge | None = None,
    trace: bool = False,
) -> Verdict:
    """What an SMTP reply, or any line that explains a failure, says of the recipient.

    Text never raises, whatever it holds. The verdict's ``action`` is None: a reply alone does not tell what became of
    the message.

    :param reply: with or without a code, one line or several, also as relayed (``host mx said: 550 ...``).
    :param host: the server that replied, which tells the provider.
    :param command: what the reply answered: a :class:`~undeliverable.model.Command` or its value, such as ``"rcpt"``.
    :param recipient: whom the reply is about; the address is not searched for words.
    :param knowledge: the rules and policies to judge by; the built-in ones unless given.
    :param trace: also tell which other rules matched.
    :raises ValueError: when `command` is no command.
    """
    text = reply if isinstance(reply, str) else _decoded(reply)
    answered = None if command is None else Command(command)
    found = parse_reply(text, answered)
    return judge_reply(found, knowledge or Knowledge.builtin(), host=host, recipient=recipient, trace=trace)


def _decoded(raw: bytes) -> str:
    """UTF-8 where it is that (RFC 6531), else Latin-1, which any bytes are."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
