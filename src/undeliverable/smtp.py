"""The door for SMTP: a reply's text, a client's exception or the recipients that it returned as refused in, verdicts out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from undeliverable.knowledge import Knowledge
from undeliverable.model import Command
from undeliverable.verdict import Verdict

TYPE_CHECKING = False  # like that of typing, which takes a sixth of the time of an import
if TYPE_CHECKING:
    from undeliverable._smtp.replies import Read

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
    read, judge = _parts()
    known = Knowledge.builtin() if knowledge is None else knowledge
    return judge(read(text, answered), known, host, recipient, trace=trace)


@lru_cache(maxsize=1)
def _parts() -> tuple[Callable[[str, Command | None], Read], Callable[..., Verdict]]:
    """How a reply is read and judged: imported with the first one."""
    from undeliverable._smtp.replies import read_reply
    from undeliverable._verdicts.judge import judge_read

    return read_reply, judge_read


def from_exception(
    error: BaseException, *, knowledge: Knowledge | None = None, host: str | None = None, trace: bool = False
) -> tuple[Verdict, ...]:
    """What an exception says that an SMTP client raised: one verdict per refused recipient, or one for all.

    It knows the exceptions of smtplib and aiosmtplib by their shape, network and TLS errors, groups of exceptions, and
    what another exception was raised from. An exception that is none of these gives no verdict. A verdict's ``action``
    is None: it tells what was answered, not what becomes of the message.

    :param host: the server that was talked to, which tells the provider.
    :param knowledge: the rules and policies to judge by; the built-in ones unless given.
    :param trace: also tell which other rules matched.
    """
    from undeliverable._verdicts.exceptions import exception_verdicts  # seldom needed

    return exception_verdicts(error, Knowledge.builtin() if knowledge is None else knowledge, host, trace=trace)


def from_refused(
    refused: Mapping[str, object],
    *,
    knowledge: Knowledge | None = None,
    host: str | None = None,
    trace: bool = False,
) -> tuple[Verdict, ...]:
    """The verdicts on the recipients that a client could not hand over though it sent the message to others.

    :param refused: what ``smtplib.SMTP.send_message()`` returns, or the first of the two that ``aiosmtplib.send()``
        returns: addresses with pairs of code and text.
    :param host: the server that was talked to, which tells the provider.
    :param knowledge: the rules and policies to judge by; the built-in ones unless given.
    :param trace: also tell which other rules matched.
    """
    from undeliverable._verdicts.exceptions import refused_verdicts  # seldom needed

    return refused_verdicts(refused, Knowledge.builtin() if knowledge is None else knowledge, host, trace=trace)


def _decoded(raw: bytes) -> str:
    """UTF-8 where it is that (RFC 6531), else Latin-1, which any bytes are."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
