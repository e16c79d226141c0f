"""Judge the DNS records of a mail domain, as a pure function (RFC 5321 5.1, RFC 7505)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from undeliverable.check._meaning import Explained
from undeliverable.check._networks import PRIVATE, kind_of

__all__ = ["Answer", "Cause", "Finding", "Next", "Records", "judge", "usable"]


class Next(StrEnum):
    """The next step for an address.

    ``send``: no objection; ``review``: a person should look at it; ``check_again``: nothing is known yet;
    ``leave_out``: mail to it cannot arrive, or must not be sent.
    """

    SEND = "send"
    REVIEW = "review"
    CHECK_AGAIN = "check_again"
    LEAVE_OUT = "leave_out"


class Cause(Explained):
    """The finding about an address; each member's ``meaning`` is a sentence."""

    SYNTAX = "syntax", "It is not an address."
    DUPLICATE = "duplicate", "It is in the list already."
    SUPPRESSED = "suppressed", "It is on the suppression list."
    DOMAIN_UNKNOWN = "domain_unknown", "The domain does not exist (NXDOMAIN)."
    NULL_MX = "null_mx", "The domain accepts no mail (null MX, RFC 7505)."
    NO_MAIL_HOST = "no_mail_host", "The domain has neither a mail exchanger nor an address (RFC 5321 5.1)."
    MX_UNRESOLVABLE = "mx_unresolvable", "None of the domain's mail exchangers has an address."
    MX_NOT_PUBLIC = (
        "mx_not_public",
        "All of the domain's mail exchangers are at addresses that nobody else can reach (loopback, private, link-local).",
    )
    LOOKUP_FAILED = "lookup_failed", "The DNS query failed; the domain may still exist."
    EXISTENCE_UNCERTAIN = "existence_uncertain", "The domain accepts mail; whether the mailbox exists is unknown."


NEXT: Final[Mapping[Cause, Next]] = MappingProxyType(
    {
        **dict.fromkeys(Cause, Next.LEAVE_OUT),
        Cause.LOOKUP_FAILED: Next.CHECK_AGAIN,
        Cause.EXISTENCE_UNCERTAIN: Next.SEND,
    }
)


class Answer(StrEnum):
    """The outcome of a DNS query: records, a name without such records, no such name, or a failure."""

    RECORDS = "records"
    NO_DATA = "no_data"
    NO_NAME = "no_name"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Records:
    """The DNS records of a domain.

    :ivar mx: the outcome of the MX query.
    :ivar exchangers: preference and host of each MX record, the host without the final dot; ``""`` is the root.
    :ivar address: the outcome of the address queries for the exchangers or, without any, for the domain itself. None if
        there was no such query.
    :ivar why: the error in words if a query failed.
    :ivar found: the IP addresses that were found; empty where nobody noted them.
    :ivar time: when the answer was complete, by the clock of the look-ups.
    """

    mx: Answer
    exchangers: tuple[tuple[int, str], ...] = ()
    address: Answer | None = None
    why: str = ""
    found: tuple[str, ...] = ()
    time: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Finding:
    """The finding about a domain.

    :ivar detail: the finding in words, with names.
    :ivar hosts: the hosts that accept the domain's mail, in order of preference.
    """

    cause: Cause
    detail: str = ""
    hosts: tuple[str, ...] = ()


def usable(exchangers: tuple[tuple[int, str], ...]) -> tuple[str, ...]:
    """Return the hosts of exchangers in order of preference, without the root, which is not a host."""
    return tuple(dict.fromkeys(host for _, host in sorted(exchangers) if host))


def judge(domain: str, records: Records, *, own_network: bool = False) -> Finding:
    """Return the finding that follows from the records of `domain`.

    :param own_network: whether mail exchangers at private addresses count: those of one's own network.
    """
    if records.mx is Answer.RECORDS:
        return _judge_exchangers(records, own_network=own_network)
    if records.mx is Answer.NO_NAME:
        return Finding(Cause.DOMAIN_UNKNOWN, f"{domain} does not exist")
    if records.mx is Answer.FAILED or records.address in (Answer.FAILED, None):
        return Finding(Cause.LOOKUP_FAILED, records.why)
    if records.address is Answer.RECORDS:
        # RFC 5321 5.1: without an MX the domain's own address is its exchanger.
        unreachable = _unreachable(records, own_network=own_network)
        if unreachable:
            return Finding(Cause.MX_NOT_PUBLIC, f"{domain} has no MX, and its address is {unreachable}")
        return Finding(Cause.EXISTENCE_UNCERTAIN, "no MX, mail goes to the domain's address", (domain,))
    return Finding(Cause.NO_MAIL_HOST, f"{domain} has neither MX nor address")


def _judge_exchangers(records: Records, *, own_network: bool) -> Finding:
    hosts = usable(records.exchangers)
    if not hosts:
        return Finding(Cause.NULL_MX, "null MX")
    if records.address is Answer.FAILED or records.address is None:
        return Finding(Cause.LOOKUP_FAILED, records.why, hosts)
    if records.address is Answer.RECORDS:
        unreachable = _unreachable(records, own_network=own_network)
        if unreachable:
            return Finding(Cause.MX_NOT_PUBLIC, f"MX {hosts[0]} is at {unreachable}", hosts)
        return Finding(Cause.EXISTENCE_UNCERTAIN, f"MX {hosts[0]}", hosts)
    return Finding(Cause.MX_UNRESOLVABLE, f"MX {hosts[0]} has no address", hosts)


def _unreachable(records: Records, *, own_network: bool) -> str:
    """Return the first address that was found with its kind, if nobody else can reach any of them; else an empty text."""
    kinds = [kind_of(address) for address in records.found]
    if not kinds or None in kinds or (own_network and PRIVATE in kinds):
        return ""
    return f"{records.found[0]} ({kinds[0]})"
