"""What a reply can mean where it stands, whatever words it has: checked last, after the rules have found a reason.

A wrong hard bounce loses a living customer for ever; a missed one is caught by the next bounce. So a reason that blames
the recipient's address or mailbox has to be possible: at the step of the session that the reply answered (RFC 5321 3.3),
and for whoever wrote it. Each guard in `GUARDS` returns another reason and says why, or None to agree; the first that
objects decides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from undeliverable._rules.doubts import TRIED
from undeliverable._rules.rule import Match, Ruling
from undeliverable.codes import ReplyCode, StatusCode
from undeliverable.model import Command
from undeliverable.reasons import Reason

__all__ = ["AFTER_RCPT", "GUARDED", "GUARDS", "Finding", "check"]

_EARLY: Final = frozenset((Command.CONNECT, Command.EHLO, Command.STARTTLS, Command.AUTH, Command.MAIL))
AFTER_RCPT: Final = frozenset((Command.DATA, Command.END_OF_DATA))
GUARDED: Final = _EARLY | AFTER_RCPT
"""The steps at which a reply cannot blame a recipient, or not by its status alone."""
_ADDRESSING: Final = 1  # RFC 3463 3.2: X.1.x is about addresses


class Finding(NamedTuple):
    """What the rules found of a reply, and what else they would have found.

    :ivar match: the rule that decided; its reason blames the address or the mailbox, or is one of several in the reply.
    :ivar other: looks for the first reason that stands in the words and does not blame the recipient.
    :ivar unstated: looks for the rule that decides if the status of the reply is left out.
    """

    match: Match
    reason: Reason
    code: ReplyCode | None
    status: StatusCode | None
    command: Command | None
    other: Callable[[], Reason | None]
    unstated: Callable[[], Match]

    @property
    def by_words(self) -> bool:
        """Whether the rule asks for words of the reply, not for codes alone."""
        return self.match.rule is not None and self.match.rule.when.asks_words

    @property
    def by_provider(self) -> bool:
        """Whether the rule is for one provider, whose exact words it knows."""
        return self.match.rule is not None and self.match.rule.when.providers is not None


Guard = Callable[[Finding], Ruling | None]


def check(found: Finding) -> Ruling | None:
    """Return what the first guard that objects decides, or None if the reason stands."""
    for guard in GUARDS if found.match.rule is None or found.match.rule.blames_recipient else (_hedged,):
        ruling = guard(found)
        if ruling is not None:
            return ruling
    return None


def _own_relay(found: Finding) -> Ruling | None:
    """Object to a domain that a client could not find: it was looking for the relay that it hands its mail to."""
    if found.code is None and found.reason is Reason.DOMAIN_UNKNOWN and found.match.doubts.resolver is not None:
        return Ruling(Reason.DNS_ERROR, "domain_unknown is not meant: the client could not find its own relay")
    return None


def _another_noun(found: Finding) -> Ruling | None:
    """Object where the reply is about the sender, its host or the message, and of no recipient."""
    noun = found.match.doubts.noun
    if noun is None or (noun, found.reason) in _KNOWN_ALL_THE_SAME:
        return None
    if noun == _LOOKUP and found.status is not None and found.status.subject == _ADDRESSING:
        return None
    instead = found.other() or _OF_NOUN.get(noun, Reason.POLICY_REJECTED)
    return Ruling(instead, f"{found.reason} is not said of a recipient: it is about the {noun}")


_LOOKUP, _CONNECTION = TRIED
# A domain that cannot be looked up, or an address whose host cannot be reached, may be unknown for all that.
_KNOWN_ALL_THE_SAME: Final = frozenset(
    (noun, reason)
    for noun, doubted in ((_LOOKUP, Reason.USER_UNKNOWN), (_CONNECTION, Reason.DOMAIN_UNKNOWN))
    for reason in Reason
    if reason is not doubted
)
_OF_NOUN: Final = {
    "sender": Reason.SENDER_REJECTED,
    "content": Reason.CONTENT_REJECTED,
    "spam": Reason.SPAM_CONTENT,
    "virus": Reason.VIRUS_DETECTED,
    "authentication": Reason.SECURITY_REQUIRED,
    "tls": Reason.SECURITY_REQUIRED,
    "reverse_dns": Reason.PTR_MISSING,
    "command": Reason.PROTOCOL_ERROR,
    "directory": Reason.SYSTEM_ERROR,
    "recipients": Reason.TOO_MANY_RECIPIENTS,
    _LOOKUP: Reason.UNDEFINED,
    _CONNECTION: Reason.NETWORK_ERROR,
}


def _before_rcpt(found: Finding) -> Ruling | None:
    """Object before RCPT, where no recipient has been named: RFC 5321 3.3 and 4.1.1.

    A greeting may refuse all mail for a host in words (RFC 7504 2); its code alone is what blockers send as well.
    """
    if found.command not in _EARLY or found.code is None:
        return None
    if found.command is Command.CONNECT and found.reason is Reason.DOMAIN_NO_MAIL and found.by_words:
        return None
    instead = _INSTEAD.get(found.command) or found.other() or Reason.POLICY_REJECTED
    return Ruling(instead, f"{found.reason} cannot be the cause before RCPT")


_INSTEAD: Final[dict[Command | None, Reason]] = {
    Command.MAIL: Reason.SENDER_REJECTED,
    Command.AUTH: Reason.SECURITY_REQUIRED,
}


def _no_recipients(found: Finding) -> Ruling | None:
    """Object to 503 in the place of an answer to DATA: all recipients had been refused before (RFC 2920 3.1)."""
    if found.code == _BAD_SEQUENCE and found.command in AFTER_RCPT:
        return Ruling(
            Reason.PROTOCOL_ERROR, f"{found.reason} was not said now: 503 follows from what was refused before"
        )
    return None


_BAD_SEQUENCE: Final = 503  # RFC 5321 4.2.2


def _null_mx_of_sender(found: Finding) -> Ruling | None:
    """Object to a null MX after RCPT was accepted: it is the sender's domain that has one (RFC 7505 4.2)."""
    if found.reason is Reason.DOMAIN_NO_MAIL and found.command in AFTER_RCPT and found.by_words:
        return Ruling(Reason.SENDER_REJECTED, "domain_no_mail is about the sender's domain after RCPT was accepted")
    return None


def _weak_code(found: Finding) -> Ruling | None:
    """Object to what only a code says at the end of DATA, where X.1.x alone is weak.

    Many servers write it into any refusal of the message. Words about the recipient have to stand beside it, unless the
    provider is known to check its users there.
    """
    if found.command not in AFTER_RCPT or found.by_provider:
        return None
    is_addressing = found.status is not None and found.status.subject == _ADDRESSING
    if found.by_words and not is_addressing:
        return None
    rule = found.unstated().rule
    if rule is not None and rule.when.asks_words:
        if rule.blames_recipient:
            return None
        instead = rule.reason
    else:
        instead = Reason.UNDEFINED
    stated = f"status {found.status}" if is_addressing else f"code {found.code}"
    return Ruling(instead, f"{stated} alone does not blame the recipient at the end of DATA")


def _hedged(found: Finding) -> Ruling | None:
    """Object where the reply lists what may have happened: it names no cause, unless its status does."""
    if found.match.doubts.hedge is None or found.by_provider:
        return None
    is_addressing = found.status is not None and found.status.subject == _ADDRESSING
    if is_addressing and found.reason is not Reason.MAILBOX_DISABLED:
        return None
    return Ruling(Reason.UNDEFINED, f"{found.reason} is one of several causes that the reply says it may have")


def _denied(found: Finding) -> Ruling | None:
    """Object to a state of the mailbox that the reply denies: "the account is not blocked"."""
    if found.match.doubts.denied is None:
        return None
    return Ruling(found.other() or Reason.UNDEFINED, f"{found.reason} is not said: the reply denies it")


GUARDS: Final[tuple[Guard, ...]] = (
    _own_relay,
    _before_rcpt,
    _null_mx_of_sender,
    _hedged,
    _no_recipients,
    _weak_code,
    _another_noun,
    _denied,
)
