"""What a reply can mean where it stands, whatever words it has: checked last, after the rules have found a reason.

A wrong hard bounce loses a living customer for ever; a missed one is caught by the next bounce. So a reason that blames the
recipient's address or mailbox has to be possible: at the step of the session that the reply answered (RFC 5321 3.3), and
for whoever said it. Each guard is a row of `GUARDS`: it returns another reason and says why, or None to agree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from undeliverable._text.lazy import lazy
from undeliverable.codes import ReplyCode, StatusCode
from undeliverable.model import Command
from undeliverable.reasons import Fault, Reason

__all__ = ["GUARDS", "Finding", "Ruling", "check"]

_BLAMES: Final = frozenset((Fault.ADDRESS, Fault.MAILBOX))
_EARLY: Final = frozenset((Command.CONNECT, Command.EHLO, Command.STARTTLS, Command.AUTH, Command.MAIL))
_AFTER_RCPT: Final = frozenset((Command.DATA, Command.END_OF_DATA))
_ADDRESSING: Final = 1  # RFC 3463 3.2: X.1.x is about addresses


class Finding(NamedTuple):
    """A reason that the rules found, and what it rests on.

    :ivar by_words: the rule asks for words of the reply, not only for codes.
    :ivar by_provider: the rule is for this one provider, whose exact words it knows.
    :ivar text: the reply as rules see it.
    :ivar other: looks for what else the reply may mean: the first rule by words, of those whose reason blames neither
        address nor mailbox; None if there is none.
    :ivar unstated: looks for the rule that would have decided if the reply stated no enhanced status.
    """

    reason: Reason
    by_words: bool
    by_provider: bool
    text: str
    code: ReplyCode | None
    status: StatusCode | None
    command: Command | None
    other: Callable[[], Reason | None]
    unstated: Callable[[], tuple[Reason, bool]]


class Ruling(NamedTuple):
    """What a guard says instead, and why."""

    reason: Reason
    why: str


Guard = Callable[[Finding], Ruling | None]


def check(found: Finding) -> Ruling | None:
    """Return what the first guard that objects says, or None if the reason stands."""
    if found.reason.fault not in _BLAMES:
        return None
    for guard in GUARDS:
        ruling = guard(found)
        if ruling is not None:
            return ruling
    return None


def _own_relay(found: Finding) -> Ruling | None:
    """A client that cannot find the host it hands its mail to says nothing of the recipient's domain."""
    if found.code is None and found.reason is Reason.DOMAIN_UNKNOWN and _RESOLVER.search(found.text):
        return Ruling(Reason.DNS_ERROR, "a client that cannot resolve the name of its own relay says nothing of the address")
    return None


# The words of resolver libraries: getaddrinfo(3) and its callers in PHP, Go, Node.js, Python, Ruby, Windows.
_RESOLVER: Final = lazy(
    r"getaddrinfo|name or service not known|nodename nor servname|no such host is known|could not resolve host"
    r"|dial tcp|name resolution|php_network|\beai_|\benotfound\b|\berrno -[0-9]"
)


def _before_rcpt(found: Finding) -> Ruling | None:
    """Before RCPT no recipient has been named: RFC 5321 3.3 and 4.1.1. RFC 7504 lets a greeting refuse all mail."""
    if found.command not in _EARLY or found.code is None:
        return None
    if found.command is Command.CONNECT and found.reason is Reason.DOMAIN_NO_MAIL and found.by_words:
        return None
    why = f"{found.reason} cannot be the cause before RCPT"
    instead = _INSTEAD.get(found.command)
    return Ruling(instead or found.other() or Reason.POLICY_REJECTED, why)


_INSTEAD: Final = {Command.MAIL: Reason.SENDER_REJECTED, Command.AUTH: Reason.SECURITY_REQUIRED}


def _null_mx_of_sender(found: Finding) -> Ruling | None:
    """After RCPT was accepted, "null MX" is said of the sender's domain: RFC 7505 4.2."""
    if found.reason is Reason.DOMAIN_NO_MAIL and found.command in _AFTER_RCPT and found.code is not None:
        return Ruling(Reason.SENDER_REJECTED, "domain_no_mail is the sender's domain after RCPT was accepted")
    return None


def _weak_status(found: Finding) -> Ruling | None:
    """At the end of DATA, X.1.x alone is weak: many servers write it into any refusal of the message."""
    status = found.status
    if found.command is not Command.END_OF_DATA or status is None or status.subject != _ADDRESSING:
        return None
    if found.by_provider:
        return None
    reason, by_words = found.unstated()
    if by_words and reason.fault in _BLAMES:
        return None
    why = f"status {status} alone does not blame the address at the end of DATA"
    return Ruling(reason if by_words else Reason.UNDEFINED, why)


def _hedged(found: Finding) -> Ruling | None:
    """A reply that lists what may have happened names no cause, unless its status does."""
    if found.by_provider or (found.status is not None and found.status.subject == _ADDRESSING):
        return None
    if found.by_words and _HEDGE.search(found.text):
        return Ruling(Reason.UNDEFINED, "the reply lists several causes that it may have")
    return None


# "may not exist, or may be blacklisted, or ..."; RFC 5321 4.2.2: "mailbox unavailable (e.g., mailbox not found, no access, ...)".
_HEDGE: Final = lazy(r"(?:\b(?:may|might) (?:not |be |have )|\be\.g\.,? )[^.;]{0,160}?(?:\bor\b|, they (?:may|might))")

GUARDS: Final[tuple[Guard, ...]] = (_own_relay, _before_rcpt, _null_mx_of_sender, _weak_status, _hedged)
