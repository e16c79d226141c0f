"""Judge what an SMTP client raised or returned, by the shape of the object: no client library is imported.

The standard library's smtplib keeps ``smtp_code`` and ``smtp_error`` (bytes), aiosmtplib ``code`` and ``message`` (str).
The class's name says which command was answered, and so whose fault it is. Where no server replied (no connection, no
such host, TLS failed) the status is the one of RFC 3463 that a mail server would report for it.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from undeliverable._smtp.commands import COMMANDS
from undeliverable._smtp.replies import parse_reply
from undeliverable._text.identity import bare_address
from undeliverable._verdicts.judge import Surroundings, judge, judge_reply
from undeliverable.codes import StatusCode
from undeliverable.errors._tables import as_list
from undeliverable.knowledge import Knowledge
from undeliverable.model import Command, Diagnostic, RecipientFacts, Witness
from undeliverable.verdict import Proof, Verdict

if TYPE_CHECKING:
    from undeliverable._rules.failure import Caller

__all__ = ["exception_verdicts", "refused_verdicts"]

# The command that each class of the clients is about, by name, since both libraries use the same names.
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
# The command that a function of the clients sends, read from the traceback; the others are named after their command.
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
# A host of this name does not exist. It may be the client's relay rather than the recipient's domain: transient.
_NO_HOST: Final = StatusCode(4, 4, 4)
_NO_DIRECTORY: Final = StatusCode(4, 4, 3)
_NO_FEATURE: Final = StatusCode(5, 7, 4)  # security features not supported
_NOT_ASCII: Final = StatusCode(5, 6, 7)  # RFC 6531 3.3: non-ASCII addresses not permitted
_LIMIT: Final = 1_000  # exceptions that one exception may hold, its causes included


class _Failure(NamedTuple):
    """One failure: a server's reply if there is a code, else the client's own words."""

    code: int | None
    text: str
    command: Command | None
    recipient: str | None = None
    status: StatusCode | None = None


def exception_verdicts(
    error: BaseException, known: Knowledge, host: str | None, *, trace: bool, caller: Caller | None
) -> tuple[Verdict, ...]:
    """Return the verdicts of :func:`undeliverable.smtp.from_exception`."""
    found = [one for leaf in _smtp_errors(error) for one in _failures(leaf)]
    return tuple(_judged(one, known, host, trace=trace, caller=caller) for one in found)


def refused_verdicts(
    refused: Mapping[str, object], known: Knowledge, host: str | None, *, trace: bool, caller: Caller | None
) -> tuple[Verdict, ...]:
    """Return the verdicts of :func:`undeliverable.smtp.from_refused`."""
    return tuple(_judged(one, known, host, trace=trace, caller=caller) for one in _refused(refused))


def _judged(
    failure: _Failure, knowledge: Knowledge, host: str | None, *, trace: bool, caller: Caller | None
) -> Verdict:
    if failure.code is not None:
        reply = parse_reply(_as_sent(failure.code, failure.text), failure.command)
        return judge_reply(reply, knowledge, host=host, recipient=failure.recipient, trace=trace, caller=caller)
    facts = RecipientFacts(
        witness=Witness.REPLY,
        recipient=failure.recipient,
        status=failure.status,
        diagnostic=Diagnostic("", failure.text),
        command=failure.command,
        remote_mta=host,
    )
    around = Surroundings(trace=trace, caller=caller, proof=Proof.OWN)
    return judge(facts, knowledge, identity=failure.text, surroundings=around)


def _as_sent(code: int, text: str) -> str:
    """Return the reply with its codes, RFC 5321 4.2.1: the clients take the code off every line."""
    *before, last = text.split("\n")
    return "\n".join([*(f"{code}-{line}" for line in before), f"{code} {last}"])


# ----------------------------------------------------------------------------------------------------------------
# Which exceptions are about SMTP


def _smtp_errors(error: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions that are about SMTP: those of a group, or the cause of an unknown one."""
    waiting, seen = [error], set[int]()
    while waiting and len(seen) < _LIMIT:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        members = as_list(getattr(one, "exceptions", None))
        if members is not None:
            waiting.extend(member for member in reversed(members) if isinstance(member, BaseException))
        elif _is_about_smtp(one):
            yield one
        elif one.__cause__ is not None:
            waiting.append(one.__cause__)


def _is_about_smtp(error: BaseException) -> bool:
    names = _ancestry(error)
    return "SMTPException" in names or _code_of(error) is not None or _connection_status(error, None) is not None


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
# The failures of one exception


def _failures(error: BaseException) -> list[_Failure]:
    recipients = getattr(error, "recipients", None)
    if isinstance(recipients, Mapping):
        return _refused(cast("Mapping[object, object]", recipients))
    several = as_list(recipients)
    if several:
        return [_refusal(one, Command.RCPT, getattr(one, "recipient", None)) for one in several]
    command = _command_of(error)
    code = _code_of(error)
    if code is not None:
        return [_Failure(code, _reply_text(error), command, _address(getattr(error, "recipient", None)))]
    statuses = (_connection_status(one, command) for one in reversed(list(_causes(error))))
    status = next((found for found in statuses if found is not None), None)
    return [_Failure(None, _client_text(error), command, None, status)]


def _refused(refused: Mapping[object, object] | Mapping[str, object]) -> list[_Failure]:
    return [_refusal(answer, Command.RCPT, address) for address, answer in refused.items()]


def _refusal(answer: object, command: Command, recipient: object) -> _Failure:
    """Return a refusal: of a pair of code and text, of a response or an exception that has both, or of a text."""
    pair = as_list(answer)
    if pair is not None and len(pair) == 2:
        code, text = _valid(pair[0]), _text(pair[1])
    elif isinstance(answer, BaseException):
        code, text = _code_of(answer), _reply_text(answer)
    else:
        code, text = None, _text(answer)
    return _Failure(code, text, command, _address(recipient))


def _address(value: object) -> str | None:
    """Return the address that a client was given: it may have had a display name."""
    return bare_address(value) or value if isinstance(value, str) else None


def _code_of(error: BaseException) -> int | None:
    """Return the reply code; smtplib has -1 where the server sent something else than a reply."""
    return _valid(getattr(error, "smtp_code", None)) or (
        _valid(getattr(error, "code", None)) if hasattr(error, "message") else None
    )


def _valid(code: object) -> int | None:
    return int(code) if isinstance(code, int) and 200 <= code <= 599 else None


def _reply_text(error: BaseException) -> str:
    return _text(getattr(error, "smtp_error", None) or getattr(error, "message", None) or "")


def _client_text(error: BaseException) -> str:
    return _text(getattr(error, "smtp_error", None) or str(error)) or type(error).__name__


def _text(value: object) -> str:
    """Decode UTF-8 (RFC 6531), else Latin-1, which any bytes are; separate lines by line feeds alone."""
    if isinstance(value, bytes | bytearray):
        try:
            text = value.decode()
        except UnicodeDecodeError:
            text = value.decode("latin-1")
    else:
        text = str(value)
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _connection_status(error: BaseException, command: Command | None) -> StatusCode | None:
    """Return the status that a mail server would report for a failed connection; None for any other `error`."""
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
    import socket  # imported already by whoever raised this exception

    unknown = {getattr(socket, name, None) for name in ("EAI_NONAME", "EAI_NODATA")}
    return getattr(error, "errno", None) in unknown


# ----------------------------------------------------------------------------------------------------------------
# Which command was answered


def _command_of(error: BaseException) -> Command | None:
    names = _ancestry(error)
    if "SMTPDataError" in names:
        return _innermost(error) if _innermost(error) is Command.DATA else Command.END_OF_DATA
    by_type = next((_BY_TYPE[name] for name in names if name in _BY_TYPE), None)
    return by_type or _innermost(error)


def _innermost(error: BaseException) -> Command | None:
    """Return the command that the client was sending: that of the innermost of its functions named in the table."""
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
    """Return whether the server had replied 354, by the variables in which the two clients keep the reply to DATA."""
    return _START_INPUT in (variables.get("code"), getattr(variables.get("start_response"), "code", None))
