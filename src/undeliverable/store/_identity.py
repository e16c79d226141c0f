"""When two spellings are one address."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from undeliverable.data import read

__all__ = ["AddressIdentity", "bounded", "storable"]

_LONGEST: Final = 400  # RFC 5321 4.5.3.1 ends at 64 + 1 + 255 octets; an index entry has its bounds, too


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressIdentity:
    """What is left out when addresses are compared; what two spellings have in common is one entry of a list.

    Always: the case of the domain, the form of an internationalised domain (A-label or U-label, RFC 5890) and the
    Unicode form (NFC, as RFC 6532 3.1 wants it).

    :ivar case_matters: keep upper and lower case of the local part apart, as RFC 5321 2.4 allows a server to do.
    :ivar without_tags: ``kim+news@example.org`` is ``kim@example.org`` (RFC 5233).
    :ivar without_dots: dots in the local part do not count at the domains that ignore them.
    """

    case_matters: bool = False
    without_tags: bool = False
    without_dots: bool = False

    def of(self, address: str) -> str:
        """The form that all spellings of `address` share; it may be no address to send to."""
        local, at, domain = address.strip().rpartition("@")
        if not at:
            return bounded(storable(domain if self.case_matters else domain.casefold()))
        domain = domain.rstrip(".").lower() if domain.isascii() else _ascii(domain)
        if self.without_tags and not local.startswith('"'):
            local = local.partition("+")[0] or local
        if self.without_dots:
            local, domain = _undotted(local, domain)
        if not self.case_matters:
            local = local.lower() if local.isascii() else local.casefold()
        if not local.isascii():
            local = unicodedata.normalize("NFC", local)
        return bounded(storable(f"{local}@{domain}"))

    def to_dict(self) -> dict[str, bool]:
        """The options by name."""
        return {name: getattr(self, name) for name in self.__slots__}


def storable(text: str) -> str:
    """The text without what no database takes: NUL and lone surrogates, written as escapes."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\\x00").encode(errors="backslashreplace").decode()


def bounded(text: str) -> str:
    """The text, or its beginning and a digest where it is longer than an index can take."""
    if len(text) <= _LONGEST // 4 or len(text.encode()) <= _LONGEST:
        return text
    return f"{text[: _LONGEST // 8]}...{sha256(text.encode()).hexdigest()}"


def _ascii(domain: str) -> str:
    """The A-labels of a domain in any form; what IDNA (RFC 5891) does not know stays, in lower case."""
    import idna  # only for domains that are not ASCII

    normal = unicodedata.normalize("NFC", domain).rstrip(".")
    try:
        return idna.encode(normal, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        return unicodedata.normalize("NFC", normal.casefold())


def _undotted(local: str, domain: str) -> tuple[str, str]:
    same = _dotless().get(domain)
    return (local, domain) if same is None or local.startswith('"') else (local.replace(".", ""), same)


@cache
def _dotless() -> Mapping[str, str]:
    """The domains that ignore dots, each with the one that stands for all names of its service."""
    import tomllib

    document = tomllib.loads(read("addresses/dotless_domains.toml"))
    return MappingProxyType(
        {domain: entry["domains"][0] for entry in document["service"] for domain in entry["domains"]}
    )
