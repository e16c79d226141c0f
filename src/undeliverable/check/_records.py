"""What the records of a domain say of its mail: a pure function of them (RFC 5321 5.1, RFC 7505)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Self

__all__ = ["Answer", "Cause", "Finding", "Next", "Records", "judge", "usable"]


class Next(StrEnum):
    """What to do with an address.

    ``send``: nothing speaks against it; ``review``: somebody should look; ``check_again``: nothing is known yet;
    ``leave_out``: mail to it cannot arrive, or must not be sent.
    """

    SEND = "send"
    REVIEW = "review"
    CHECK_AGAIN = "check_again"
    LEAVE_OUT = "leave_out"


class Cause(StrEnum):
    """What was found out about an address; each member's ``meaning`` is a sentence."""

    meaning: str

    def __new__(cls, name: str, meaning: str) -> Self:
        member = str.__new__(cls, name)
        member._value_ = name
        member.meaning = meaning
        return member

    SYNTAX = "syntax", "It is no address."
    DUPLICATE = "duplicate", "It stands in the list already."
    SUPPRESSED = "suppressed", "It is on the suppression list."
    DOMAIN_UNKNOWN = "domain_unknown", "The domain does not exist (NXDOMAIN)."
    NULL_MX = "null_mx", "The domain says that it takes no mail (null MX, RFC 7505)."
    NO_MAIL_HOST = "no_mail_host", "The domain has neither a mail exchanger nor an address (RFC 5321 5.1)."
    MX_UNRESOLVABLE = "mx_unresolvable", "None of the domain's mail exchangers has an address."
    LOOKUP_FAILED = "lookup_failed", "DNS gave no answer; that says nothing of the domain."
    EXISTENCE_UNCERTAIN = "existence_uncertain", "The domain takes mail; whether the mailbox exists, nobody has said."


NEXT: Final[Mapping[Cause, Next]] = MappingProxyType(
    {
        **dict.fromkeys(Cause, Next.LEAVE_OUT),
        Cause.LOOKUP_FAILED: Next.CHECK_AGAIN,
        Cause.EXISTENCE_UNCERTAIN: Next.SEND,
    }
)


class Answer(StrEnum):
    """What a question to DNS brought: records, a name without such records, no such name, or nothing of use."""

    RECORDS = "records"
    NO_DATA = "no_data"
    NO_NAME = "no_name"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Records:
    """What DNS answered about a domain.

    :ivar mx: what the question for mail exchangers brought.
    :ivar exchangers: preference and host of each, the host without its last dot; ``""`` is the root.
    :ivar address: what the questions for addresses brought: of the exchangers, where there are some, else of the domain
        itself. None where nobody had to ask.
    :ivar why: in words, what went wrong where an answer failed.
    """

    mx: Answer
    exchangers: tuple[tuple[int, str], ...] = ()
    address: Answer | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What the records say, and the words for it.

    :ivar hosts: the hosts that take the domain's mail, in the order of their preference.
    """

    cause: Cause
    detail: str = ""
    hosts: tuple[str, ...] = ()


def usable(exchangers: tuple[tuple[int, str], ...]) -> tuple[str, ...]:
    """The hosts of exchangers in the order of their preference, without the root, which is no host."""
    return tuple(dict.fromkeys(host for _, host in sorted(exchangers) if host))


def judge(domain: str, records: Records) -> Finding:
    """What the records of `domain` say of its mail."""
    if records.mx is Answer.RECORDS:
        return _judge_exchangers(records)
    if records.mx is Answer.NO_NAME:
        return Finding(Cause.DOMAIN_UNKNOWN, f"{domain} does not exist")
    if records.mx is Answer.FAILED or records.address in (Answer.FAILED, None):
        return Finding(Cause.LOOKUP_FAILED, records.why)
    if records.address is Answer.RECORDS:
        # RFC 5321 5.1: without an MX the domain's own address is its exchanger.
        return Finding(Cause.EXISTENCE_UNCERTAIN, "no MX, mail goes to the domain's address", (domain,))
    return Finding(Cause.NO_MAIL_HOST, f"{domain} has neither MX nor address")


def _judge_exchangers(records: Records) -> Finding:
    hosts = usable(records.exchangers)
    if not hosts:
        return Finding(Cause.NULL_MX, "null MX")
    if records.address is Answer.FAILED or records.address is None:
        return Finding(Cause.LOOKUP_FAILED, records.why, hosts)
    if records.address is Answer.RECORDS:
        return Finding(Cause.EXISTENCE_UNCERTAIN, f"MX {hosts[0]}", hosts)
    return Finding(Cause.MX_UNRESOLVABLE, f"MX {hosts[0]} has no address", hosts)
