"""Rewritten envelope senders (RFC 5321 4.1.1.2): BATV and its relatives, and SRS, decoded to the original address.

A bounce goes to the envelope sender, which may have changed since the message was submitted: the sending host can sign
it (BATV, in forms of their own a gateway and a service), and a forwarder can replace it with an address of its own (SRS). Nothing is verified here, since that takes
the keys: :class:`Rewritten` only reports what the address claims.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = ["Rewritten", "Scheme", "read", "unwrap"]

_LONGEST: Final = 320  # RFC 5321 4.5.3.1: 64 octets, "@" and 255
_DEEPEST: Final = 8  # a longer chain of rewritings does not occur in real mail


class Scheme(StrEnum):
    """The scheme of a rewritten address."""

    BATV = "batv"
    SRS0 = "srs0"
    SRS1 = "srs1"
    BTV1 = "btv1"
    MSPRVS1 = "msprvs1"


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The parts of a rewritten envelope sender.

    :ivar scheme: the scheme.
    :ivar address: the address before; for SRS1 the SRS0 address of the first forwarder.
    :ivar tag: the proof, not verified: the tag value of BATV (key number, day, digest) and its relatives (day, digest),
        or the digest of SRS.
    :ivar day: the day in the address, modulo 1000 (BATV, BTV1), modulo 1024 (SRS0), or in full (MSPRVS1), counted from
        1 January 1970; None for SRS1, which has none.
    """

    scheme: Scheme
    address: str
    tag: str
    day: int | None = None


# Of ASCII only: without regard to case, the long s and the Kelvin sign would be letters of a to z.
_FLAGS: Final = re.ASCII | re.IGNORECASE | re.DOTALL
# draft-levine-smtp-batv-01 section 4: tag-type "=" tag-val "=" local-part; the tag-val of prvs is K DDD SSSSSS. Some
# hosts swap tag-val and local-part, as an earlier draft had them in section 4.1, and some separate them by "/".
_BATV: Final = re.compile(
    r"prvs=(?:(?P<tag>[0-9][0-9]{3}[0-9a-f]{6})[=/](?P<local>.+)|(?P<first>.+)[=/](?P<last>[0-9][0-9]{3}[0-9a-f]{6}))",
    _FLAGS,
)
# Barracuda's gateways: btv1==TAG==local-part. No document says what the tag is; in the headers of mailing lists it is a
# day of three digits, about a week ahead of the message's and modulo 1000, and eight hexadecimal digits:
# btv1==474900d718c== on 24 July 2020, btv1==0777abbcc85== on 13 December 2024.
_BTV1: Final = re.compile(r"btv1==(?P<tag>(?P<day>[0-9]{3})[0-9a-f]{8})==(?P<local>.+)", _FLAGS)
# SparkPost (Message Systems): msprvs1=TAG=local-part. In the headers of mailing lists the tag is a day since 1970, a week
# ahead of the message's, and a digest of eight signs: msprvs1=17582Z2TKy0DK=bounces-9178 on 13 February 2018.
_MSPRVS1: Final = re.compile(r"msprvs1=(?P<tag>(?P<day>[0-9]{5})[0-9a-z_-]{8})=(?P<local>.+)", _FLAGS)
# https://www.libsrs2.net/srs/srs.pdf section 3: SRS0=HHH=TT=domain=local; the first separator can also be "+" or "-".
_SRS0: Final = re.compile(r"SRS0[=+-](?P<tag>[^=]+)=(?P<day>[a-z2-7]{2})=(?P<domain>[^=]+)=(?P<local>.+)", _FLAGS)
# SRS1=HHH=first-forwarder=<separator and rest of its SRS0 address>
_SRS1: Final = re.compile(r"SRS1[=+-](?P<tag>[^=]+)=(?P<domain>[^=]+)=(?P<rest>[=+-].+)", _FLAGS)
_BASE32: Final = "abcdefghijklmnopqrstuvwxyz234567"


def read(address: str) -> Rewritten | None:
    """Return the outermost rewriting of `address`, or None if it is not rewritten by a known scheme."""
    local, at, domain = address[: _LONGEST + 1].strip("<> \t\r\n").rpartition("@")
    if not at or len(address) > _LONGEST:
        return None
    for reader in _READERS:
        found = reader(local, domain)
        if found is not None:
            return found
    return None


def unwrap(address: str) -> str:
    """Return the original address, without any rewritings; `address` itself if there are none."""
    for _ in range(_DEEPEST):
        found = read(address)
        if found is None:
            break
        address = found.address
    return address


def _batv(local: str, domain: str) -> Rewritten | None:
    match = _BATV.fullmatch(local)
    if match is None:
        return None
    tag = match["tag"] or match["last"]
    return Rewritten(Scheme.BATV, f"{match['local'] or match['first']}@{domain}", tag, int(tag[1:4]))


def _btv1(local: str, domain: str) -> Rewritten | None:
    match = _BTV1.fullmatch(local)
    return match and Rewritten(Scheme.BTV1, f"{match['local']}@{domain}", match["tag"], int(match["day"]))


def _msprvs1(local: str, domain: str) -> Rewritten | None:
    match = _MSPRVS1.fullmatch(local)
    return match and Rewritten(Scheme.MSPRVS1, f"{match['local']}@{domain}", match["tag"], int(match["day"]))


def _srs0(local: str, _domain: str) -> Rewritten | None:
    match = _SRS0.fullmatch(local)
    if match is None:
        return None
    high, low = (_BASE32.index(letter) for letter in match["day"].lower())
    return Rewritten(Scheme.SRS0, f"{match['local']}@{match['domain']}", match["tag"], high * 32 + low)


def _srs1(local: str, _domain: str) -> Rewritten | None:
    match = _SRS1.fullmatch(local)
    if match is None:
        return None
    return Rewritten(Scheme.SRS1, f"SRS0{match['rest']}@{match['domain']}", match["tag"])


_READERS: Final[tuple[Callable[[str, str], Rewritten | None], ...]] = (_batv, _btv1, _msprvs1, _srs0, _srs1)
