"""The concepts that rules may ask for, and what they mean where they are negated.

Their words are data (``data/languages``).
"""

from __future__ import annotations

from typing import Final

__all__ = ["CONCEPTS", "NOT", "OPPOSITES", "THINGS"]

NOT: Final = "not"
"""Negates what stands near it."""

OPPOSITES: Final = {
    "known": "unknown",
    "active": "disabled",
    "allowed": "refused",
    "available": "unavailable",
    "saved": "unsaved",
    "conforming": "malformed",
}
"""What a concept means where it is negated; un-negated it means nothing here."""

_SPOKEN_OF: Final = {
    "recipient": "the mailbox, its user or address, or an address that was blanked",
    "recipients": "several of them",
    "sender": "who sent the message: the address, the domain",
    "client": "the host that sent it: its IP, its HELO name",
    "domain": "a domain",
    "host": "a server or the mail system",
    "message": "the message",
    "list": "a mailing list or group",
    "member": "who may write to a list: members, moderators, owners",
    "content": "what is in the message: attachments, headers, links",
    "storage": "quota and space",
    "connection": "the connection between two hosts",
    "rate": "how much or how often in a time",
    "command": "an SMTP command or its argument",
    "policy": "a rule of the receiver",
    "relay": "relaying, forwarding",
    "authentication": "login, credentials",
    "tls": "encryption",
    "reverse_dns": "reverse DNS",
    "lookup": "a look-up in DNS",
    "directory": "where a host looks recipients up: a directory, a database, LDAP",
    "expired": "a time that has run out",
    "failed": "an error, a failure",
}
_SAID: Final = {
    "unknown": "does not exist, was not found, is not valid",
    "disabled": "closed, inactive, suspended",
    "moved": "moved, changed",
    "full": "full, over quota",
    "exceeded": "over a limit, too many",
    "refused": "rejected, not allowed, restricted",
    "blocked": "blocked, on a blocklist",
    "reputation": "a bad reputation, complaints, abuse",
    "spam": "spam, phishing",
    "virus": "malware",
    "large": "too large",
    "small": "too small, empty",
    "missing": "missing, required",
    "malformed": "a wrong form, wrong syntax",
    "unavailable": "busy, down, not reachable",
    "unsaved": "could not be saved, stored or queued",
    "greylisted": "greylisting",
    "loop": "a loop, too many hops",
}
CONCEPTS: Final = _SPOKEN_OF | _SAID
"""Each concept, and what it stands for."""

THINGS: Final = frozenset(_SPOKEN_OF)
"""Concepts that a negation does not take away: "no recipient", "not authenticated" are still about them."""
