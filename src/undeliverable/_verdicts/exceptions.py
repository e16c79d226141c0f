"""What an SMTP client raised or returned, read by the shape of the object: no client library is imported.

The standard library's smtplib keeps ``smtp_code`` and ``smtp_error`` (bytes), aiosmtplib ``code`` and ``message`` (str);
the class's name tells which command was answered, and so whose fault it is. Where no server spoke (no connection, no
such host, TLS failed) the status is the one of RFC 3463 that a mail server would report for it.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, cast

from undeliverable._smtp.commands import COMMANDS
from undeliverable._smtp.replies import parse_reply
from undeliverable._verdicts.judge import judge, judge_reply
from undeliverable.codes import StatusCode
from undeliverable.knowledge import Knowledge
from undeliverable.model import Command, Diagnostic, RecipientFacts, Witness
from undeliverable.verdict import Verdict

__all__ = ["exception_verdicts", "refused_verdicts"]

# What the clients' classes answer for, by name, since both libraries use the same ones.
_BY_TYPE: Final = {
    "SMTPRecipientRefused": Command.RCPT,
    "SMTPSenderRefused": Command.MAIL,
    "SMTPAuthenticationError": Command.AUTH,
    "SMTPHeloError": Command.EHLO,
    "SMTPConnectError": Command.CONNECT,
    "ConnectionRefusedError": Command.CONNECT,
    "gaierror": Command.CONNECT,
    "herror": Command.CONNECT,
}
# What the clients' functions were about when they raised a class that does not tell, from the traceback; the others are
# named after the command that they send.
_BY_FUNCTION: Final = {
    "execute_data_command": Command.DATA,
    "start_tls": Command.STARTTLS,
    "login": Command.AUTH,
    "auth_plain": Command.AUTH,
    "auth_login": Command.AUTH,
    "auth_crammd5": Command.AUTH,
    "auth_xoauth2": Command.AUTH,
    "connect": Command.CONNECT,
    "_create_connection": Command.CONNECT,
    "create_connection": Command.CONNECT,
}
_START_INPUT: Final = 354  # RFC 5321 4.1.1.4: from here on, a reply is about the message and no longer about DATA
# RFC 3463 3.5 and 3.8, by the name of the class; the first name along an exception's ancestry counts.
_STATUSES: Final = {
    "SSLError": StatusCode(4, 7, 5),  # cryptographic failure
    "CertificateError": StatusCode(4, 7, 5),
    "ConnectionRefusedError": StatusCode(4, 4, 1),  # no answer from host
    "SMTPConnectTimeoutError": StatusCode(4, 4, 1),
    "SMTPServerDisconnected": StatusCode(4, 4, 2),  # bad connection
    "SMTPConnectError": StatusCode(4, 4, 1),
    "ConnectionError": StatusCode(4, 4, 2),
    "TimeoutError": StatusCode(4, 4, 2),
    "herror": StatusCode(4, 4, 3),  # directory server failure
}
_UNREACHABLE: Final = frozenset(
    (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EADDRNOTAVAIL)
)
_NO_ANSWER: Final = StatusCode(4, 4, 1)
# A host of this name does not exist. Nothing tells that it is the recipient's own domain and no relay's: transient.
_NO_HOST: Final = StatusCode(4, 4, 4)
_NO_DIRECTORY: Final = StatusCode(4, 4, 3)
_NO_FEATURE: Final = StatusCode(5, 7, 4)  # security features not supported
_NOT_ASCII: Final = StatusCode(5, 6, 7)  # RFC 6531 3.3: non-ASCII addresses not permitted
_LIMIT: Final = 1_000  # exceptions that one exception may hold, its causes included


class _Said(NamedTuple):
    """One failure: a server's reply if there is a code, else the client's own words."""

    code: int | None
    text: str
    command: Command | None
    recipient: str | None = None
    status: StatusCode | None = None


def exception_verdicts(error: BaseException, known: Knowledge, host: str | None, *, trace: bool) -> tuple[Verdict, ...]:
    """What :func:`undeliverable.smtp.from_exception` gives."""
    said = [one for leaf in _speakers(error) for one in _sayings(leaf)]
    return tuple(_judged(one, known, host, trace=trace) for one in said)


def refused_verdicts(
    refused: Mapping[str, object], known: Knowledge, host: str | None, *, trace: bool
) -> tuple[Verdict, ...]:
    """What :func:`undeliverable.smtp.from_refused` gives."""
    return tuple(_judged(one, known, host, trace=trace) for one in _refused(refused))


def _judged(said: _Said, knowledge: Knowledge, host: str | None, *, trace: bool) -> Verdict:
    if said.code is not None:
        reply = parse_reply(_as_sent(said.code, said.text), said.command)
        return judge_reply(reply, knowledge, host=host, recipient=said.recipient, trace=trace)
    facts = RecipientFacts(
        witness=Witness.REPLY,
        recipient=said.recipient,
        status=said.status,
        diagnostic=Diagnostic("", said.text),
        command=said.command,
        remote_mta=host,
    )
    return judge(facts, knowledge, identity=said.text, trace=trace)


def _as_sent(code: int, text: str) -> str:
    """The reply with its codes, RFC 5321 4.2.1: the clients take the code off every line."""
    *before, last = text.split("\n")
    return "\n".join([*(f"{code}-{line}" for line in before), f"{code} {last}"])


# ----------------------------------------------------------------------------------------------------------------
# Which exceptions speak


def _speakers(error: BaseException) -> Iterator[BaseException]:
    """The exceptions that say something of SMTP: those of a group, or what an unknown one was raised from."""
    waiting, seen = [error], set[int]()
    while waiting and len(seen) < _LIMIT:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        members = _as_list(getattr(one, "exceptions", None))
        if members is not None:
            waiting.extend(member for member in reversed(members) if isinstance(member, BaseException))
        elif _speaks(one):
            yield one
        elif one.__cause__ is not None:
            waiting.append(one.__cause__)


def _speaks(error: BaseException) -> bool:
    names = _ancestry(error)
    return "SMTPException" in names or _code_of(error) is not None or _own_status(error, None) is not None


def _ancestry(error: BaseException) -> list[str]:
    return [kind.__name__ for kind in type(error).__mro__]


def _causes(error: BaseException) -> Iterator[BaseException]:
    one: BaseException | None = error
    for _ in range(_LIMIT):
        if one is None:
            return
        yield one
        one = one.__cause__


# ----------------------------------------------------------------------------------------------------------------
# What one exception says


def _sayings(error: BaseException) -> list[_Said]:
    recipients = getattr(error, "recipients", None)
    if isinstance(recipients, Mapping):
        return _refused(cast("Mapping[object, object]", recipients))
    several = _as_list(recipients)
    if several:
        return [_said(one, Command.RCPT, getattr(one, "recipient", None)) for one in several]
    command = _command_of(error)
    code = _code_of(error)
    if code is not None:
        return [_Said(code, _reply_text(error), command, _address(getattr(error, "recipient", None)))]
    statuses = (_own_status(one, command) for one in reversed(list(_causes(error))))
    status = next((found for found in statuses if found is not None), None)
    return [_Said(None, _own_words(error), command, None, status)]


def _refused(refused: Mapping[object, object] | Mapping[str, object]) -> list[_Said]:
    return [_said(answer, Command.RCPT, address) for address, answer in refused.items()]


def _said(answer: object, command: Command, recipient: object) -> _Said:
    """A refusal: a pair of code and text, a response or an exception that has both, or a text."""
    pair = _as_list(answer)
    if pair is not None and len(pair) == 2:
        code, text = _valid(pair[0]), _text(pair[1])
    elif isinstance(answer, BaseException):
        code, text = _code_of(answer), _reply_text(answer)
    else:
        code, text = None, _text(answer)
    return _Said(code, text, command, _address(recipient))


def _as_list(value: object) -> Sequence[object] | None:
    return cast("Sequence[object]", value) if isinstance(value, list | tuple) else None


def _address(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _code_of(error: BaseException) -> int | None:
    """The reply code; smtplib has -1 where the server sent something else than a reply."""
    return _valid(getattr(error, "smtp_code", None)) or (
        _valid(getattr(error, "code", None)) if hasattr(error, "message") else None
    )


def _valid(code: object) -> int | None:
    return int(code) if isinstance(code, int) and 200 <= code <= 599 else None


def _reply_text(error: BaseException) -> str:
    return _text(getattr(error, "smtp_error", None) or getattr(error, "message", None) or "")


def _own_words(error: BaseException) -> str:
    return _text(getattr(error, "smtp_error", None) or str(error)) or type(error).__name__


def _text(value: object) -> str:
    """UTF-8 where it is that (RFC 6531), else Latin-1, which any bytes are; lines separated by line feeds alone."""
    if isinstance(value, bytes | bytearray):
        try:
            text = value.decode()
        except UnicodeDecodeError:
            text = value.decode("latin-1")
    else:
        text = str(value)
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _own_status(error: BaseException, command: Command | None) -> StatusCode | None:
    """What a mail server would report where no server spoke; None where `error` is not about a connection."""
    names = _ancestry(error)
    if "gaierror" in names:
        return _NO_HOST if _is_unknown_name(error) else _NO_DIRECTORY
    if names[0].startswith("SMTPNotSupported"):
        return _NOT_ASCII if "SMTPUTF8" in str(error) else _NO_FEATURE
    status = next((_STATUSES[name] for name in names if name in _STATUSES), None)
    if status is None:
        return _NO_ANSWER if isinstance(error, OSError) and error.errno in _UNREACHABLE else None
    return _NO_ANSWER if names[0] == "TimeoutError" and command in (None, Command.CONNECT) else status


def _is_unknown_name(error: BaseException) -> bool:
    import socket  # whoever got this exception has it already

    unknown = {getattr(socket, name, None) for name in ("EAI_NONAME", "EAI_NODATA")}
    return getattr(error, "errno", None) in unknown


# ----------------------------------------------------------------------------------------------------------------
# What was answered


def _command_of(error: BaseException) -> Command | None:
    names = _ancestry(error)
    if "SMTPDataError" in names:
        return _innermost(error) if _innermost(error) is Command.DATA else Command.END_OF_DATA
    by_type = next((_BY_TYPE[name] for name in names if name in _BY_TYPE), None)
    return by_type or _innermost(error)


def _innermost(error: BaseException) -> Command | None:
    """The command that the client was about: by the innermost of its functions that is named after one."""
    found: Command | None = None
    trail = error.__traceback__
    while trail is not None:
        frame = trail.tb_frame
        name = frame.f_code.co_name
        command = _BY_FUNCTION.get(name) or COMMANDS.get(name.upper())
        if command is Command.DATA and _may_send(frame.f_locals):
            command = Command.END_OF_DATA
        found = command or found
        trail = trail.tb_next
    return found


def _may_send(variables: Mapping[str, object]) -> bool:
    """Whether the server had said 354, by the variables in which the two clients keep the answer to DATA."""
    return _START_INPUT in (variables.get("code"), getattr(variables.get("start_response"), "code", None))
