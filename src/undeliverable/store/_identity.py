"""The identity of addresses: spellings that reach the same mailbox are one entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from undeliverable import address_identity
from undeliverable.data import read

__all__ = ["AddressIdentity", "bounded", "shortened", "storable"]

_LONGEST: Final = 400  # RFC 5321 4.5.3.1 ends at 64 + 1 + 255 octets; an index entry has its bounds, too
_SHORT: Final = _LONGEST // 4  # characters that are within the bound however they are encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressIdentity:
    """The differences in spelling to ignore when addresses are compared.

    Always ignored, as by :func:`undeliverable.address_identity`: the case of the domain, the form of an
    internationalised domain (A-label or U-label, RFC 5890), a display name (RFC 5322 3.4), needless quotes (RFC 5321 4.1.2), and the Unicode
    normalisation form (RFC 6532 3.1 recommends NFC). Of the local part, the case of A to Z.

    :ivar case_matters: True to distinguish upper and lower case in the local part, as RFC 5321 2.4 allows a server to do.
    :ivar without_tags: True to treat ``kim+news@example.org`` as ``kim@example.org`` (RFC 5233).
    :ivar without_dots: True to ignore dots in the local part at the domains that ignore them.
    """

    case_matters: bool = False
    without_tags: bool = False
    without_dots: bool = False

    def of(self, address: str) -> str:
        """Return the common form of all spellings of `address`; it is a key, not necessarily a valid address."""
        same = address_identity(address, case_matters=self.case_matters)
        if self.without_tags or self.without_dots:
            local, at, domain = same.rpartition("@")
            local, domain = self.reduced(local, domain)
            same = f"{local}{at}{domain}"
        return same if len(same) <= _SHORT and same.isascii() and "\0" not in same else bounded(storable(same))

    def reduced(self, local: str, domain: str) -> tuple[str, str]:
        """Return local part and domain without the tags and dots that are to be ignored."""
        if self.without_tags and not local.startswith('"'):
            local = local.partition("+")[0] or local
        return _undotted(local, domain) if self.without_dots else (local, domain)

    def to_dict(self) -> dict[str, bool]:
        """Return the options by name."""
        return {name: getattr(self, name) for name in self.__slots__}


def storable(text: str) -> str:
    """Return the text with NUL and lone surrogates escaped, which databases do not accept."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\\x00").encode(errors="backslashreplace").decode()


def bounded(text: str) -> str:
    """Return the text or, if it is too long for an index, its beginning and a digest."""
    if len(text) <= _SHORT or len(text.encode()) <= _LONGEST:
        return text
    return f"{text[: _LONGEST // 8]}...{sha256(text.encode()).hexdigest()}"


def shortened(text: str) -> str:
    """Return a text as an error names it: on one line, and not longer than that."""
    return repr(text) if len(text) <= _SHORT else f"{text[:_SHORT]!r}..."


def _undotted(local: str, domain: str) -> tuple[str, str]:
    same = _dotless().get(domain)
    return (local, domain) if same is None or local.startswith('"') else (local.replace(".", ""), same)


@cache
def _dotless() -> Mapping[str, str]:
    """Return the domains that ignore dots, each with the main domain of its service."""
    import tomllib

    document = tomllib.loads(read("addresses/dotless_domains.toml"))
    return MappingProxyType(
        {domain: entry["domains"][0] for entry in document["service"] for domain in entry["domains"]}
    )
