"""The reply codes of SMTP: what the RFCs define them for, and how servers use them.

The data has wordings and rules; what the three digits were meant for stands only in RFCs, so that it is written here, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

__all__ = ["REPLIES", "Meaning"]


class Meaning(NamedTuple):
    """What a reply code was defined for.

    :ivar title: a few words, for titles.
    :ivar text: one paragraph in Markdown.
    :ivar source: the RFC and section, or None where no standard defines the code.
    """

    title: str
    text: str
    source: str | None = None


REPLIES: Final[Mapping[int, Meaning]] = {
    421: Meaning(
        "Service not available, closing the connection",
        "The server ends the session, at any step. It may be shutting down or overloaded; large providers also answer it to "
        "senders that open too many connections or whose reputation is poor. Nothing was said about the recipient: keep "
        "the message and try again later.",
        "RFC 5321 3.8",
    ),
    422: Meaning(
        "Mailbox full, or a limit of the receiving server",
        "No RFC defines 422. A few servers use it for a mailbox that is full for now, others for a limit or a licence of "
        "their own. Like every 4yz code it asks to try again.",
    ),
    432: Meaning(
        "The recipient's mail system is too busy",
        "RFC 4954 uses 432 for a login that needs a new password. Exchange uses it for something else: its store takes no "
        "more deliveries for this mailbox at the moment. Mail servers try again by themselves.",
        "RFC 4954 6",
    ),
    450: Meaning(
        "Mailbox unavailable for now, or greylisted",
        "The mailbox cannot be used at the moment: it is locked, busy, or the server refuses for a reason of policy that may "
        "pass. Greylisting, rate limits and DNS faults of the sender are often answered with 450. The address may well be good.",
        "RFC 5321 4.2.3",
    ),
    451: Meaning(
        "Local error, or a temporary refusal",
        "The server could not finish for a reason of its own. Providers also use 451 for greylisting, rate limits and "
        "reputation. Try again later: from a mail server this happens by itself.",
        "RFC 5321 4.2.3",
    ),
    452: Meaning(
        "Mailbox full for now, or too many recipients",
        "The server has no room for the message. With 4.2.2 it is one mailbox that is full, with 4.3.1 the whole system. "
        "Behind RCPT it may also mean that this transaction has enough recipients: send the others in the next one "
        "(RFC 5321 4.5.3.1.10).",
        "RFC 5321 4.2.3",
    ),
    454: Meaning(
        "TLS or login not available for now",
        "The server could not start TLS, or could not check the password, for a temporary reason.",
        "RFC 3207 4, RFC 4954 6",
    ),
    455: Meaning(
        "Parameters of the command not accepted for now",
        "The server cannot take a parameter of MAIL or RCPT at the moment. It is seldom seen.",
        "RFC 5321 4.2.3",
    ),
    460: Meaning(
        "Too many messages",
        "No RFC defines 460. Servers that use it ask the sender to slow down.",
    ),
    500: Meaning(
        "Syntax error, command not recognised",
        "The server did not understand a command, which often means that a program, proxy or firewall broke the session. "
        "Some servers answer 500 to refuse content or senders.",
        "RFC 5321 4.2.3",
    ),
    501: Meaning(
        "Syntax error in parameters, or an invalid address",
        "An argument of a command is malformed: an address that is not written as an address can be, a wrong HELO name, "
        "a bad parameter. Behind RCPT with 5.1.3 the recipient's address is meant.",
        "RFC 5321 4.2.3",
    ),
    502: Meaning(
        "Command not implemented",
        "The server knows the command and does not offer it. It says nothing about the recipient.",
        "RFC 5321 4.2.4",
    ),
    503: Meaning(
        "Bad sequence of commands",
        "A command came at the wrong time. Most often it only follows another refusal: when every RCPT was refused, DATA is "
        "answered with 503, and the earlier reply has the cause. `undeliverable` reads that earlier reply.",
        "RFC 5321 4.2.3",
    ),
    504: Meaning(
        "Parameter not implemented, or a HELO name that is refused",
        "The server does not support a parameter of a command. Postfix answers 504 to a HELO name or an address without a "
        "full domain.",
        "RFC 5321 4.2.3",
    ),
    510: Meaning("Invalid e-mail address", "No RFC defines 510. Where it is used, the address is refused."),
    517: Meaning(
        "The sender's address is refused",
        "No RFC defines 517. A few servers use it when they cannot verify the address of the sender.",
    ),
    521: Meaning(
        "The host accepts no mail",
        "The server takes no mail at all, for any address. Some providers also answer 521 to hosts on their block list.",
        "RFC 7504 3",
    ),
    523: Meaning(
        "Message larger than the limit",
        "The registry of enhanced status codes pairs 523 with a message that is too large. It is seldom seen.",
        "RFC 3463 3.3",
    ),
    530: Meaning(
        "Authentication or TLS required",
        "The server wants a login or STARTTLS first. For mail between servers this is a fault of the set-up: the message went to "
        "a submission server, or without TLS to a server that demands it.",
        "RFC 4954 6",
    ),
    535: Meaning(
        "Login failed: user name or password not accepted",
        "The server refused the password of the sending program. No recipient was tried: the address is fine.",
        "RFC 4954 6",
    ),
    540: Meaning("Mailbox inactive or blocked", "No RFC defines 540. Rambler uses it for mailboxes that are closed."),
    541: Meaning(
        "Refused by the recipient's mail system",
        "No RFC defines 541. Filters answer it when a rule, or a list of allowed senders, refuses the message.",
    ),
    550: Meaning(
        "Mailbox unavailable: no such user, or refused by policy",
        "The most common refusal, and the least exact: RFC 5321 allows it for a mailbox that does not exist, that cannot be "
        "used, and for reasons of policy. Half of the wordings below are about the sender or the message. So **550 alone is no "
        "reason to drop an address**: the words and the enhanced status decide.",
        "RFC 5321 4.2.3",
    ),
    551: Meaning(
        "User not local",
        "The mailbox has moved, or the server does not forward to it. Spam filters use 551 as well.",
        "RFC 5321 3.4",
    ),
    552: Meaning(
        "Mailbox full, or message too large",
        "The mailbox has exceeded its storage (5.2.2), or the message its size limit (5.3.4). Both leave the address alive: RFC "
        "3463 asks to take a full mailbox as a temporary failure whatever the first digit says. Gmail and others also refuse "
        "attachments with 552. Whether a full mailbox is hard or soft is [yours to decide](%(552)s).",
        "RFC 5321 4.2.3",
    ),
    553: Meaning(
        "Mailbox name not allowed",
        "The address is not one that the server takes: malformed, of a domain that it does not handle, or a sender's address that "
        "it refuses. The words say which of the two addresses is meant.",
        "RFC 5321 4.2.3",
    ),
    554: Meaning(
        "Transaction failed, or no SMTP service here",
        "The catch-all of refusals: spam, viruses, block lists, policies, and sometimes an unknown user. As a greeting it means "
        "that the server does not talk to this host. The words and the enhanced status decide.",
        "RFC 5321 4.2.3",
    ),
    555: Meaning(
        "Parameters of MAIL or RCPT not recognised",
        "The server does not know a parameter that was added to the address, or the address is not in its brackets. It is a fault "
        "of the sending program.",
        "RFC 5321 4.1.1.11",
    ),
    556: Meaning(
        "The domain accepts no mail",
        "The recipient's domain publishes a null MX: it says that no address there takes mail. The address is dead.",
        "RFC 7504 2, RFC 7505 3",
    ),
    571: Meaning(
        "Refused by policy",
        "571 is beyond the range that RFC 5321 allows. qmail and filters such as amavis answer it in place of `550 5.7.1`.",
    ),
}
