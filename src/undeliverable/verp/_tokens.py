"""Signed tokens: an HMAC-SHA256, cut to 128 bits, over the id of a key, a day, an id of the caller's, and the recipient.

The recipient enters the signature alone, so that a token has the same length for every recipient and proves one of them.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from undeliverable import Kind, address_identity
from undeliverable.envelope import unwrap
from undeliverable.verp._patterns import check_length

__all__ = ["Refusal", "Token", "Verifier", "id_problem"]


class Refusal(StrEnum):
    """The reason why nothing proves that a message was sent to a recipient; the value is a sentence."""

    NO_TOKEN = "the report was not sent to a signed return path"  # noqa: S105 # no secret
    UNKNOWN_KEY = "the token is signed with a key that is not known"
    EXPIRED = "the token has expired"
    NOT_YET = "the token is dated in the future"
    MISMATCH = "the token is forged, altered, or was made for another recipient"
    NO_RECIPIENT = "the report names no recipient"
    USED = "the token proves another verdict of the report"
    NOT_SENT = "the original message was not sent to this recipient alone"
    INSIDE = "the report stands inside another message"


@dataclass(frozen=True, slots=True)
class Token:
    """The parts of a signed token, not verified.

    :ivar key: the id of the key with which it claims to be signed.
    :ivar day: the day on which it claims to be made.
    :ivar id: the caller's own id of the message or the recipient.
    :ivar mac: the signature, in base32.
    """

    key: str
    day: date
    id: str
    mac: str

    @property
    def name(self) -> str:
        """Return what ``Verdict.token`` holds: key, day and id."""
        return f"{self.key}/{self.day.isoformat()}/{self.id}"


_EPOCH: Final = date(1970, 1, 1)
_BASE32: Final = "abcdefghijklmnopqrstuvwxyz234567"  # RFC 4648 6, in lower case: mail servers fold local parts
_DAY: Final = 4  # digits of base32: 20 bits of days
_MAC: Final = 26  # digits of base32 for 128 bits
_ID: Final = 16
_SHOWN: Final = 40  # characters of an id in an error
_LONGEST: Final = 1 + _DAY + _MAC + _ID
_KEY: Final = re.compile(r"[a-z0-9]", re.ASCII)
_OPAQUE: Final = re.compile(rf"[a-z0-9_-]{{1,{_ID}}}", re.ASCII)
# Key id, day, signature, id; the id comes last because only it varies in length.
_TOKEN: Final = re.compile(rf"([a-z0-9])([a-z2-7]{{{_DAY}}})([a-z2-7]{{{_MAC}}})([a-z0-9_-]{{1,{_ID}}})", re.ASCII)
_SHORTEST_SECRET: Final = 16  # octets: as strong as the signature is long
# Servers give up after about five days (RFC 5321 4.5.4.1); people and complaints take longer.
_FROM_SERVERS: Final = frozenset((Kind.BOUNCE, Kind.DELAY, Kind.DELIVERED, Kind.SUPPRESSED))


class Verifier:
    """A checker of signed tokens; :class:`~undeliverable.verp.Signer` makes them too."""

    __slots__ = ("_after", "_auto_reply_days", "_before", "_days", "_keys")

    def __init__(self, pattern: str, keys: Mapping[str, bytes], *, days: int, auto_reply_days: int) -> None:
        before, place, after = pattern.partition("{token}")
        if not place or "@" in before or not after.startswith("@") or "{" in before + after:
            raise ValueError(f"{pattern!r} must have the one place {{token}} in its local part")
        check_length(before + "x" * _LONGEST + after)
        if not keys:
            raise ValueError("keys is empty: at least one key is needed")
        for key, secret in keys.items():
            if not _KEY.fullmatch(key):
                raise ValueError(f"the key id {key!r} must be one letter a-z or one digit")
            if len(secret) < _SHORTEST_SECRET:
                raise ValueError(f"the secret of key {key!r} is shorter than {_SHORTEST_SECRET} octets")
        self._before, self._after = before, after
        self._keys = dict(keys)
        self._days, self._auto_reply_days = timedelta(days=days), timedelta(days=auto_reply_days)

    def read(self, text: str) -> Token | None:
        """Return the token in an address or a bare token, not verified, after undoing BATV and SRS, else None."""
        text = unwrap(text.strip().strip("<>"))
        # Fold ASCII only: str.lower() turns the Kelvin sign into "k".
        if not text.isascii():
            return None
        folded = text.lower()
        if "@" not in folded:
            return _token(folded)
        before, after = self._before.lower(), self._after.lower()
        if not (folded.startswith(before) and folded.endswith(after)):
            return None
        return _token(folded[len(before) : len(folded) - len(after)])

    @property
    def pattern(self) -> str:
        """The signed return path, with the place ``{token}``."""
        return f"{self._before}{{token}}{self._after}"

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of the keys, that which signs first."""
        return tuple(self._keys)

    def is_astray(self, address: str) -> bool:
        """Return True if an address is a signed return path but for its domain: the pattern then names another one."""
        local, _, domain = unwrap(address.strip().strip("<>")).rpartition("@")
        own = self._after.rpartition("@")[2]
        return bool(domain) and domain.lower() != own.lower() and self.read(f"{local}@{own}") is not None

    def check(self, address: str, recipient: str | None, *, today: date, kind: Kind = Kind.BOUNCE) -> Refusal | None:
        """Return why `address` does not prove that you sent a message to `recipient`, or None if it does.

        :param address: an address with a token, or a bare token.
        :param kind: of the report, by which it is decided how old a token may be.
        """
        token = self.read(address)
        return Refusal.NO_TOKEN if token is None else self.refusal(token, recipient, today=today, kind=kind)

    def refusal(self, token: Token, recipient: str | None, *, today: date, kind: Kind) -> Refusal | None:
        """Return why `token` does not prove that you sent a message to `recipient`, or None if it does."""
        secret = self._keys.get(token.key)
        if secret is None:
            return Refusal.UNKNOWN_KEY
        if recipient is None:
            return Refusal.NO_RECIPIENT
        wanted = _mac(secret, token.key, token.day, token.id, recipient)
        # Compare digits, not octets: 26 digits hold two bits more than 128.
        if not hmac.compare_digest(wanted, token.mac):
            return Refusal.MISMATCH
        if kind is not Kind.UNSUBSCRIBED and today > token.day + self._lifetime(kind):
            return Refusal.EXPIRED
        # Allow one day: at the sending host, tomorrow may have begun.
        return Refusal.NOT_YET if token.day > today + timedelta(days=1) else None

    def _lifetime(self, kind: Kind) -> timedelta:
        return self._days if kind in _FROM_SERVERS else self._auto_reply_days

    def _made(self, recipient: str, opaque: str, day: date) -> str:
        problem = id_problem(opaque)
        if problem is not None:
            raise ValueError(problem)
        key = next(iter(self._keys))
        return f"{key}{_day_digits(day)}{_mac(self._keys[key], key, day, opaque, recipient)}{opaque}"


def id_problem(opaque: str) -> str | None:
    """Return why no token can have this id, or None if one can."""
    if _OPAQUE.fullmatch(opaque):
        return None
    shown = repr(opaque if len(opaque) <= _SHOWN else f"{opaque[:_SHOWN]}…")
    return f"the id {shown} must be 1 to {_ID} characters of a-z 0-9 _ -"


def _token(text: str) -> Token | None:
    match = _TOKEN.fullmatch(text)
    if match is None:
        return None
    key, day, mac, opaque = match.groups()
    return Token(key, _EPOCH + timedelta(days=_number(day)), opaque, mac)


def _mac(secret: bytes, key: str, day: date, opaque: str, recipient: str) -> str:
    # Key id and day have fixed lengths and the id has no line feed, so no two inputs give the same text.
    identity = address_identity(recipient.strip().strip("<>"))
    text = f"verp 1\n{key}{_day_digits(day)}{opaque}\n{identity}"
    digest = hmac.digest(secret, text.encode(errors="surrogatepass"), "sha256")[:16]
    return base64.b32encode(digest).decode("ascii").rstrip("=").lower()


def _day_digits(day: date) -> str:
    number = (day - _EPOCH).days
    if number < 0:
        raise ValueError(f"the day {day} is before 1970")
    return "".join(_BASE32[number >> shift & 31] for shift in range(5 * (_DAY - 1), -1, -5))


def _number(digits: str) -> int:
    number = 0
    for digit in digits:
        number = number * 32 + _BASE32.index(digit)
    return number
