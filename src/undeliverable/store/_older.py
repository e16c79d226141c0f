"""The rule by which lists compared addresses up to the second version of their tables.

It folded the case of all letters, hence took ``groß@`` for ``gross@``, and kept quotes.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from undeliverable.store._identity import bounded, storable

__all__ = ["older_forms"]

_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)  # RFC 5321 4.1.2 quoted-pairSMTP


def older_forms(address: str) -> tuple[str, ...]:
    """Return the forms that spellings of an address had by the older rule.

    :param address: the form by the present rule.
    """
    local, at, domain = address.rpartition("@")
    bare = _ESCAPED.sub(r"\1", local[1:-1]) if local.startswith('"') else local
    locals_ = dict.fromkeys((local, _folded(local), bare, _folded(bare), f'"{bare}"', f'"{_folded(bare)}"'))
    domains = dict.fromkeys((domain, _unicode(domain)))
    return tuple(bounded(storable(f"{one}{at}{other}")) for one in locals_ for other in domains)


def _folded(local: str) -> str:
    return unicodedata.normalize("NFC", local.lower() if local.isascii() else local.casefold())


def _unicode(domain: str) -> str:
    """Return the domain with its A-labels decoded: names that IDNA does not allow were kept like this."""
    labels = [_decoded(label) for label in domain.split(".")]
    return unicodedata.normalize("NFC", ".".join(labels).casefold())


def _decoded(label: str) -> str:
    try:
        return label[4:].encode("ascii").decode("punycode") if label.startswith("xn--") else label
    except UnicodeError:
        return label
