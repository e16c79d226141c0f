"""Plain return paths: patterns of envelope senders that hold the recipient.

Those of well-known software and services are data: ``data/return_paths.toml``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from undeliverable import address_identity
from undeliverable.data import read
from undeliverable.envelope import unwrap

__all__ = ["STYLES", "Pattern", "ReturnPath", "check_length"]

STYLES: Final[Mapping[str, str]] = MappingProxyType(tomllib.loads(read("return_paths.toml"))["styles"])
"""Patterns of well-known software and services by name."""

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
        """Return the return path for `recipient`, its domain as A-labels (RFC 5890 2.3.2.1) where it is not ASCII.

        :param fields: the values of the other places of the pattern.
        :raises ValueError: if `recipient` is not an address, a field is missing, the result could not be decoded, or
            its local part exceeds 64 octets (RFC 5321 4.5.3.1.1). A :class:`Signer` avoids the last two.
        """
        mailbox, at, domain = recipient.strip("<>").rpartition("@")
        if not at:
            raise ValueError(f"{recipient!r} is not an address: it has no @")
        if not domain.isascii():
            domain = address_identity(f"x@{domain}").rpartition("@")[2]
        values = fields | {"mailbox": mailbox, "domain": domain}
        missing = sorted(set(self._names) - set(values))
        if missing:
            raise ValueError(f"{self.pattern!r} needs values for {', '.join(missing)}")
        path = _PLACE.sub(lambda place: values[place[1]], self.pattern)
        check_length(path)
        found = self.decode(path)
        if found is None or found.recipient != f"{mailbox}@{domain}":
            raise ValueError(f"{recipient!r} does not fit into {self.pattern!r}")
        return path

    def decode(self, address: str) -> ReturnPath | None:
        """Return the content of `address`, after undoing BATV, its relatives and SRS; None if it does not match the pattern."""
        address = unwrap(address.strip().strip("<>"))
        match = self._expression.fullmatch(address) if len(address) <= _LONGEST else None
        if match is None:
            return None
        fields = match.groupdict()
        recipient = f"{fields.pop('mailbox')}@{fields.pop('domain')}"
        return ReturnPath(recipient, MappingProxyType(fields))


def check_length(address: str) -> None:
    """Raise ValueError if the local part of `address` is longer than 64 octets."""
    local = address.rpartition("@")[0]
    if len(local.encode(errors="surrogatepass")) > _LOCAL:
        raise ValueError(f"the local part {local!r} would be longer than {_LOCAL} octets (RFC 5321 4.5.3.1.1)")
