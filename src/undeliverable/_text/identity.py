"""When two spellings are one address.

Reporting servers change the case of addresses, so ASCII letters are folded; other letters of the local part are not
(RFC 6531: ``groß`` is another mailbox than ``gross``). Quotes do not belong to a local part (RFC 5321 4.1.2), and a
domain has one form in DNS (RFC 5890 2.3.2.1: its A-labels).
"""

from __future__ import annotations

import re
from typing import Final

from undeliverable._text.lazy import lazy

__all__ = ["address_identity", "domain_identity", "is_same_address"]

_ESCAPED: Final = lazy(r"\\(.)", re.DOTALL)  # RFC 5321 4.1.2 quoted-pairSMTP
# UTS 46 4: what stands for the full stop, and what is ignored; the joiners that some scripts need are not.
_MAPPED: Final = {
    **{ord(stop): "." for stop in "\u3002\uff0e\uff61"},
    **{ord(sign): None for sign in "\u00ad\u034f\u180b\u180c\u180d\u200b\u2060\u2064\ufeff"},
    **dict.fromkeys(range(0xFE00, 0xFE10)),
}
_KEPT: Final = frozenset("ß\u03c2")  # letters of their own since IDNA 2008: sharp s and final sigma


def is_same_address(one: str | None, other: str | None) -> bool:
    """Return whether two addresses are spellings of one; None is no address, and equals none."""
    if one is None or other is None:
        return False
    return one == other or address_identity(one) == address_identity(other)


def address_identity(address: str) -> str:
    """Return the form that all spellings of `address` share; it may be no address to send to."""
    local, at, domain = address.strip().rpartition("@")
    if len(local) > 1 and local[0] == local[-1] == '"':
        local = _ESCAPED.sub(r"\1", local[1:-1])
    return f"{_folded(local)}{at}{domain_identity(domain)}"


def _folded(local: str) -> str:
    """Return a local part in NFC with ASCII letters in lower case."""
    if local.isascii():
        return local.lower()
    import unicodedata

    return "".join(sign.lower() if sign.isascii() else sign for sign in unicodedata.normalize("NFC", local))


def domain_identity(domain: str) -> str:
    """Return a domain as lower-case A-labels, mapped as UTS 46 has it, non-transitional (``ß`` stays)."""
    if domain.isascii():
        return domain.lower().rstrip(".")
    import unicodedata

    plain = unicodedata.normalize("NFKC", domain.translate(_MAPPED))
    # The capital sharp s is folded to the small one; str.lower() would look at its neighbours to fold a sigma.
    folded = "".join(sign if sign in _KEPT else "ß" if sign == "\u1e9e" else sign.casefold() for sign in plain)
    plain = unicodedata.normalize("NFKC", folded).translate(_MAPPED)
    return ".".join(map(_a_label, plain.rstrip(".").split(".")))


def _a_label(label: str) -> str:
    return label if label.isascii() else "xn--" + label.encode("punycode", "surrogatepass").decode("ascii")
