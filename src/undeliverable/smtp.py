"""The entry points for SMTP: the text of a reply, an exception of a client, or the recipients that it could not send to."""

from __future__ import annotations

from collections.abc import Mapping

from undeliverable._text.identity import bare_address
from undeliverable.knowledge import Knowledge, caller_of
from undeliverable.model import Command, Protocol
from undeliverable.verdict import Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from undeliverable._rules.failure import Hosts

__all__ = ["classify", "from_exception", "from_refused", "named_command"]


def classify(  # noqa: PLR0913 # the public interface
    reply: str | bytes,
    *,
    host: str | None = None,
    command: Command | str | None = None,
    protocol: Protocol | str | None = None,
    recipient: str | None = None,
    knowledge: Knowledge | None = None,
    trace: bool = False,
    mx: Hosts = None,
    context: Mapping[str, object] | None = None,
    now: datetime | None = None,
    sender: str | None = None,
) -> Verdict:
    """Return the verdict on an SMTP reply, or on any line that explains a failure.

    Text never raises, whatever it holds. The verdict's ``action`` is None: a reply alone does not say what became of
    the message.

    :param reply: with or without a code, one line or several, also as relayed (``host mx said: 550 ...``).
    :param host: the server that replied; its name identifies the provider.
    :param command: what the reply answered: a :class:`~undeliverable.model.Command`, its value, such as ``"rcpt"``, or as
        SMTP writes it: ``"RCPT TO"``.
    :param protocol: ``"lmtp"`` if the session was LMTP (RFC 2033): there the end of DATA is answered for each recipient.
    :param recipient: the address that the reply is about, also as ``Kim <kim@example.org>``; it is not searched for words.
    :param knowledge: the rules and policies to judge by; the built-in ones unless given.
    :param trace: also name the other rules that matched.
    :param mx: MX hosts of the recipient's domain, or a mapping or function that gives them by domain; they say who the
        provider is where host and words do not.
    :param context: what policies may ask for: ``tenant``, ``stream``, ``source``, ``attempts``, ``age`` in seconds.
    :param now: the time, for policies with ``since`` and ``until``; without it these do not hold.
    :param sender: the original message's sender, for policies with ``sender_domain``.
    :raises TypeError: when `reply` is of another type.
    :raises ValueError: when `command` is no command, `protocol` no protocol, or `context` or `now` are not as above.
    """
    import undeliverable._smtp.replies as reading
    import undeliverable._verdicts.judge as judging

    text = reply if isinstance(reply, str) else _decoded(reply)
    answered = None if command is None else named_command(command)
    known = Knowledge.builtin() if knowledge is None else knowledge
    read = reading.read_reply(text, answered)
    session = None if protocol is None else Protocol(protocol.lower())
    caller = caller_of(mx, context, now, sender)
    if recipient:
        recipient = bare_address(recipient) or recipient
    return judging.judge_read(read, known, host, recipient, trace=trace, protocol=session, caller=caller)


def from_exception(
    error: BaseException,
    *,
    knowledge: Knowledge | None = None,
    host: str | None = None,
    trace: bool = False,
    mx: Hosts = None,
    context: Mapping[str, object] | None = None,
    now: datetime | None = None,
    sender: str | None = None,
) -> tuple[Verdict, ...]:
    """Return the verdicts on an exception that an SMTP client raised: one per refused recipient, or one for all.

    It knows the exceptions of smtplib and aiosmtplib by their shape, network and TLS errors, groups of exceptions, and
    what another exception was raised from. An exception that is none of these gives no verdict. A verdict's ``action``
    is None: the exception says what was replied, not what becomes of the message.

    :param host: the server's name, which identifies the provider.
    :param knowledge: the rules and policies to judge by; the built-in ones unless given.
    :param trace: also name the other rules that matched.
    :param mx: as for :func:`classify`; so are `context`, `now` and `sender`.
    :raises ValueError: when `context` or `now` are not as there.
    """
    from undeliverable._verdicts.exceptions import exception_verdicts

    caller = caller_of(mx, context, now, sender)
    return exception_verdicts(
        error, Knowledge.builtin() if knowledge is None else knowledge, host, trace=trace, caller=caller
    )


def from_refused(
    refused: Mapping[str, object],
    *,
    knowledge: Knowledge | None = None,
    host: str | None = None,
    trace: bool = False,
    mx: Hosts = None,
    context: Mapping[str, object] | None = None,
    now: datetime | None = None,
    sender: str | None = None,
) -> tuple[Verdict, ...]:
    """Return the verdicts on the recipients that a client could not send to, though it sent the message to others.

    :param refused: what ``smtplib.SMTP.send_message()`` returns, or the first of the two that ``aiosmtplib.send()``
        returns: addresses with pairs of code and text.
    :param host: the server's name, which identifies the provider.
    :param knowledge: the rules and policies to judge by; the built-in ones unless given.
    :param trace: also name the other rules that matched.
    :param mx: as for :func:`classify`; so are `context`, `now` and `sender`.
    :raises ValueError: when `context` or `now` are not as there.
    """
    from undeliverable._verdicts.exceptions import refused_verdicts

    caller = caller_of(mx, context, now, sender)
    return refused_verdicts(
        refused, Knowledge.builtin() if knowledge is None else knowledge, host, trace=trace, caller=caller
    )


def named_command(name: Command | str) -> Command:
    """Return the step of a session by the value of a :class:`Command`, or as SMTP and mail servers write it, in any case.

    :raises ValueError: when it is none; the message names the valid values.
    """
    if isinstance(name, Command):
        return name
    from undeliverable._smtp.commands import named_command as known_by_name

    found = known_by_name(name) if hasattr(name, "upper") else None
    return Command(name) if found is None else found


def _decoded(raw: object) -> str:
    """Return the octets as text: UTF-8 where they are that (RFC 6531), else Latin-1, which any octets are."""
    if not isinstance(raw, (bytes, bytearray)):
        raise TypeError(f"expected a text or octets, not {type(raw).__name__}")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
