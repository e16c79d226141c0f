"""Variable envelope return paths (VERP): an envelope sender that names the recipient of a message, and can prove it.

A plain return path (:class:`Pattern`) holds the recipient, and anybody can make one up. A signed one
(:class:`Signer`) holds a token instead. The recipient enters the signature, not the token, so a bounce proves that you
mailed its recipient only if it names the very address that the message was sent to.

No clock is read: the day is an argument.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from undeliverable.envelope import unwrap
from undeliverable.reasons import Advice, BounceType
from undeliverable.verdict import Report, Verdict

__all__ = ["STYLES", "UNPROVEN", "Pattern", "Refusal", "ReturnPath", "Signer", "Token", "is_unproven"]

STYLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        # Section 1 of https://cr.yp.to/proto/verp.txt, with the delimiters "+=" that are the default of mail servers.
        "verp": "{list}+{mailbox}={domain}@{host}",
        "mailman": "{list}+{mailbox}={domain}@{host}",  # its VERP_FORMAT, verp_format since version 3
        "ezmlm": "{list}-return-{message}-{mailbox}={domain}@{host}",  # ezmlm(5), section "Bounces"
        "sympa": "bounce+{mailbox}==a=={domain}=={list}@{host}",  # its bounce_email_prefix is "bounce"
    }
)
"""Patterns of well-known software by name."""

UNPROVEN: Final = "unproven: "
"""The start of the conflict in a verdict that is not proven to concern a message of your own."""

_LOCAL: Final = 64  # octets, RFC 5321 4.5.3.1.1
_LONGEST: Final = 320  # with "@" and the domain's 255 octets, RFC 5321 4.5.3.1.2
_PLACE: Final = re.compile(r"\{(\w+)\}")
# The allowed text of each place. A domain has no "=", so the last "=" separates; a list stops at a delimiter.
_PLACES: Final = {"mailbox": r"[^@\s]+", "domain": r"[^=@+\s]+", "host": r"[^@\s]+", "list": r"[^@+=\s]+"}
_OTHER: Final = r"[^@+=\s-]+"


@dataclass(frozen=True, slots=True)
class ReturnPath:
    """The content of a plain return path.

    :ivar recipient: the address that the message was sent to.
    :ivar fields: the values of the other places of the pattern, such as ``list`` and ``message``.
    """

    recipient: str
    fields: Mapping[str, str]


class Pattern:
    """A return path that holds the recipient, described by a pattern with places in braces.

    ``{mailbox}`` and ``{domain}`` are the two halves of the recipient and are required; ``{list}``, ``{host}`` and any
    other names are the caller's own.

    >>> path = Pattern("bounces+{mailbox}={domain}@lists.example.com")
    >>> path.encode("kim@example.org")
    'bounces+kim=example.org@lists.example.com'
    >>> path.decode("bounces+kim=example.org@lists.example.com").recipient
    'kim@example.org'

    :param pattern: the pattern, or the name of one of :data:`STYLES`.
    :raises ValueError: if a required place is missing, a place occurs twice, or there is not exactly one "@".
    """

    __slots__ = ("_expression", "_names", "pattern")

    def __init__(self, pattern: str) -> None:
        self.pattern: Final = STYLES.get(pattern, pattern)
        self._names = tuple(_PLACE.findall(self.pattern))
        if not {"mailbox", "domain"} <= set(self._names) or len(set(self._names)) < len(self._names):
            raise ValueError(f"{pattern!r} must have the places {{mailbox}} and {{domain}}, and no place twice")
        if self.pattern.count("@") != 1:
            raise ValueError(f"{pattern!r} is not an address: it must have exactly one @")
        self._expression = re.compile(
            "".join(
                f"(?P<{piece}>{_PLACES.get(piece, _OTHER)})" if index % 2 else re.escape(piece)
                for index, piece in enumerate(_PLACE.split(self.pattern))
            ),
            re.IGNORECASE,
        )

    def __repr__(self) -> str:
        return f"Pattern({self.pattern!r})"

    def encode(self, recipient: str, **fields: str) -> str:
        """Return the return path for `recipient`.

        :param fields: the values of the other places of the pattern.
        :raises ValueError: if `recipient` is not an address, a field is missing, the result could not be decoded, or
            its local part exceeds 64 octets (RFC 5321 4.5.3.1.1). A :class:`Signer` avoids the last two.
        """
        mailbox, at, domain = recipient.strip("<>").rpartition("@")
        if not at:
            raise ValueError(f"{recipient!r} is not an address: it has no @")
        values = fields | {"mailbox": mailbox, "domain": domain}
        missing = sorted(set(self._names) - set(values))
        if missing:
            raise ValueError(f"{self.pattern!r} needs values for {', '.join(missing)}")
        path = _PLACE.sub(lambda place: values[place[1]], self.pattern)
        _check_length(path)
        read = self.decode(path)
        if read is None or read.recipient != f"{mailbox}@{domain}":
            raise ValueError(f"{recipient!r} does not fit into {self.pattern!r}")
        return path

    def decode(self, address: str) -> ReturnPath | None:
        """Return the content of `address`, after undoing BATV and SRS; None if it does not match the pattern."""
        address = unwrap(address.strip().strip("<>"))
        match = self._expression.fullmatch(address) if len(address) <= _LONGEST else None
        if match is None:
            return None
        fields = match.groupdict()
        recipient = f"{fields.pop('mailbox')}@{fields.pop('domain')}"
        return ReturnPath(recipient, MappingProxyType(fields))


class Refusal(StrEnum):
    """The reason why an address does not prove that a message was sent to a recipient; the value is a sentence."""

    NO_TOKEN = "the report was not sent to a signed return path"  # noqa: S105 # no secret
    UNKNOWN_KEY = "the token is signed with a key that is not known"
    EXPIRED = "the token has expired"
    NOT_YET = "the token is dated in the future"
    MISMATCH = "the token is forged, altered, or was made for another recipient"
    NO_RECIPIENT = "the report names no recipient"


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


_EPOCH: Final = date(1970, 1, 1)
_BASE32: Final = "abcdefghijklmnopqrstuvwxyz234567"  # RFC 4648 6, in lower case: mail servers fold local parts
_DAY: Final = 4  # digits of base32: 20 bits of days
_MAC: Final = 26  # digits of base32 for 128 bits
_ID: Final = 16
_KEY: Final = re.compile(r"[a-z0-9]", re.ASCII)
_OPAQUE: Final = re.compile(rf"[a-z0-9_-]{{1,{_ID}}}", re.ASCII)
# Key id, day, signature, id; the id comes last because only it varies in length.
_TOKEN: Final = re.compile(rf"([a-z0-9])([a-z2-7]{{{_DAY}}})([a-z2-7]{{{_MAC}}})([a-z0-9_-]{{1,{_ID}}})", re.ASCII)
_SHORTEST_SECRET: Final = 16  # octets: as strong as the signature is long


class Signer:
    """A maker and checker of signed return paths: an HMAC-SHA256, cut to 128 bits, over key id, day, id and recipient.

    >>> from datetime import date
    >>> signer = Signer("bounces+{token}@example.com", {"a": b"0123456789abcdef"})
    >>> path = signer.sign("kim@example.org", id="42", day=date(2026, 11, 20))
    >>> path
    'bounces+aaujjrz45xoyrqj6jzd5ycolqlwf6qi42@example.com'
    >>> signer.check(path, "kim@example.org", today=date(2026, 11, 25)) is None
    True
    >>> signer.check(path, "lee@example.org", today=date(2026, 11, 25))
    <Refusal.MISMATCH: 'the token is forged, altered, or was made for another recipient'>

    :param pattern: an address with the place ``{token}`` in its local part, which has at most 64 octets in all.
    :param keys: secrets of at least 16 octets by id, one letter a-z or digit; the **first** signs, all are accepted.
        To rotate, put a new key in front, and drop the old one once its tokens have expired.
    :param days: the lifetime of a token in days. Servers give up after about five; automatic replies come later.
    :raises ValueError: if an argument cannot be used.
    """

    __slots__ = ("_after", "_before", "_days", "_keys")

    def __init__(self, pattern: str, keys: Mapping[str, bytes], *, days: int = 30) -> None:
        before, place, after = pattern.partition("{token}")
        if not place or "@" in before or not after.startswith("@") or "{" in before + after:
            raise ValueError(f"{pattern!r} must have the one place {{token}} in its local part")
        _check_length(before + "x" * (1 + _DAY + _ID + _MAC) + after)
        if not keys:
            raise ValueError("keys is empty: at least one key is needed")
        for key, secret in keys.items():
            if not _KEY.fullmatch(key):
                raise ValueError(f"the key id {key!r} must be one letter a-z or one digit")
            if len(secret) < _SHORTEST_SECRET:
                raise ValueError(f"the secret of key {key!r} is shorter than {_SHORTEST_SECRET} octets")
        self._before, self._after = before, after
        self._keys = dict(keys)
        self._days = timedelta(days=days)

    def sign(self, recipient: str, *, id: str, day: date) -> str:  # noqa: A002 # the record's own word
        """Return the return path of a message to `recipient`.

        :param id: an id of your own, 1 to 16 characters of ``a-z 0-9 _ -``: mail servers do not preserve case.
        :param day: today.
        :raises ValueError: if `id` is not like this, or `day` is before 1970.
        """
        if not _OPAQUE.fullmatch(id):
            raise ValueError(f"the id {id!r} must be 1 to {_ID} characters of a-z 0-9 _ -")
        key = next(iter(self._keys))
        mac = _mac(self._keys[key], key, day, id, recipient)
        return f"{self._before}{key}{_day_digits(day)}{mac}{id}{self._after}"

    def read(self, address: str) -> Token | None:
        """Return the token in `address`, not verified, after undoing BATV and SRS; None if there is none."""
        address = unwrap(address.strip().strip("<>"))
        # Fold ASCII addresses only: str.lower() turns the Kelvin sign into "k".
        folded = address.lower() if address.isascii() else ""
        before, after = self._before.lower(), self._after.lower()
        if not (folded.startswith(before) and folded.endswith(after)):
            return None
        match = _TOKEN.fullmatch(folded[len(before) : len(folded) - len(after)])
        if match is None:
            return None
        key, day, mac, opaque = match.groups()
        return Token(key, _EPOCH + timedelta(days=_number(day)), opaque, mac)

    def check(self, address: str, recipient: str | None, *, today: date) -> Refusal | None:
        """Return why `address` does not prove that you sent a message to `recipient`, or None if it does."""
        token = self.read(address)
        if token is None:
            return Refusal.NO_TOKEN
        return self._check(token, recipient, today)

    def prove(self, report: Report, *addresses: str, today: date) -> Report:
        """Return `report` with every verdict marked whose recipient none of `addresses` proves.

        Such a verdict gets a conflict that begins with :data:`UNPROVEN`, is undetermined instead of hard, and advises
        review instead of suppress: a bounce that anybody may have forged must not cost a living address. The address
        that a token proves is the one that was mailed, ``sent_to``.

        :param addresses: the addresses that the report was sent to, its envelope recipients.
        """
        tokens = [token for address in addresses if (token := self.read(address)) is not None]
        return replace(report, verdicts=tuple(self._proven(verdict, tokens, today) for verdict in report.verdicts))

    def _proven(self, verdict: Verdict, tokens: list[Token], today: date) -> Verdict:
        refusal = Refusal.NO_TOKEN
        named = dict.fromkeys((verdict.recipient, verdict.original_recipient))
        for token in tokens:
            for recipient in named:
                found = self._check(token, recipient, today)
                if found is None:
                    return verdict if recipient == verdict.sent_to else replace(verdict, sent_to=recipient)
                if refusal is Refusal.NO_TOKEN or refusal is Refusal.NO_RECIPIENT:
                    refusal = found
        return _doubted(verdict, refusal)

    def _check(self, token: Token, recipient: str | None, today: date) -> Refusal | None:
        secret = self._keys.get(token.key)
        if secret is None:
            return Refusal.UNKNOWN_KEY
        if recipient is None:
            return Refusal.NO_RECIPIENT
        wanted = _mac(secret, token.key, token.day, token.id, recipient)
        # Compare digits, not octets: 26 digits hold two bits more than 128.
        if not hmac.compare_digest(wanted, token.mac):
            return Refusal.MISMATCH
        if today > token.day + self._days:
            return Refusal.EXPIRED
        # Allow one day: at the sending host, tomorrow may have begun.
        return Refusal.NOT_YET if token.day > today + timedelta(days=1) else None


def is_unproven(verdict: Verdict) -> bool:
    """Return whether :meth:`Signer.prove` found no proof that the verdict is about a message of your own."""
    return any(conflict.startswith(UNPROVEN) for conflict in verdict.conflicts)


def _doubted(verdict: Verdict, refusal: Refusal) -> Verdict:
    return replace(
        verdict,
        bounce_type=BounceType.UNDETERMINED if verdict.bounce_type is BounceType.HARD else verdict.bounce_type,
        advice=Advice.REVIEW if verdict.advice is Advice.SUPPRESS else verdict.advice,
        conflicts=(*verdict.conflicts, UNPROVEN + refusal),
    )


def _mac(secret: bytes, key: str, day: date, opaque: str, recipient: str) -> str:
    # Key id and day have fixed lengths and the id has no line feed, so no two inputs give the same text.
    text = f"verp 1\n{key}{_day_digits(day)}{opaque}\n{_canonical(recipient)}"
    digest = hmac.digest(secret, text.encode(errors="surrogatepass"), "sha256")[:16]
    return base64.b32encode(digest).decode("ascii").rstrip("=").lower()


def _canonical(recipient: str) -> str:
    """Return the signed form of a recipient: casefolded, because reporting servers change case, with an A-label."""
    mailbox, at, domain = recipient.strip().strip("<>").casefold().rpartition("@")
    if not domain.isascii():
        with suppress(UnicodeError):  # not a host name: it stays unchanged, which still equals itself
            domain = domain.encode("idna").decode("ascii")
    return mailbox + at + domain


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


def _check_length(address: str) -> None:
    local = address.rpartition("@")[0]
    if len(local.encode(errors="surrogatepass")) > _LOCAL:
        raise ValueError(f"the local part {local!r} would be longer than {_LOCAL} octets (RFC 5321 4.5.3.1.1)")
