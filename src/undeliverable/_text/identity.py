"""When two spellings are one address.

Reporting servers change the case of addresses, so ASCII letters are folded; other letters of the local part are not
(RFC 6531: ``groß`` is another mailbox than ``gross``). Quotes belong to a local part only where its characters need
them (RFC 5321 4.1.2), and a domain has one form in DNS (RFC 5890 2.3.2.1: its A-labels), reached by the mapping of
UTS 46. That mapping is built here from Unicode's own tables, so that every part of the library has it without `idna`.

Wherever an address is expected, people give what a header field holds (RFC 5322 3.4): ``Kim <kim@example.org>``. It is
the address in it that counts; a display name is no part of anybody's identity.
"""

from __future__ import annotations

import re
from typing import Final

from undeliverable._text.lazy import lazy

__all__ = ["address_identity", "bare_address", "domain_identity", "is_same_address"]

_ESCAPED: Final = lazy(r"\\(.)", re.DOTALL)  # RFC 5321 4.1.2 quoted-pairSMTP
_SPECIAL: Final = lazy(r'(["\\])')
# RFC 5321 4.1.2 Dot-string, with the characters of RFC 6531 3.3; it needs no quotes.
_PLAIN: Final = lazy(r'[^\x00-\x20"(),.:;<>@\[\\\]\x7f]+(?:\.[^\x00-\x20"(),.:;<>@\[\\\]\x7f]+)*')
# Nearly all addresses are like this, and only their case is folded.
_USUAL: Final = lazy(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*@[\w-]+(?:\.[\w-]+)*", re.ASCII)
_SPACE: Final = " \t\n\r\v\f\x1c\x1d\x1e\x1f"

# RFC 5322 3.4: a display name, of words and quoted strings, and an address in angle brackets.
_NAMED: Final = lazy(r'((?:[^"<>]|"(?:[^"\\]|\\.)*+")*+)<((?:[^"<>]|"(?:[^"\\]|\\.)*+")*+)>', re.DOTALL)
# RFC 5322 3.2.2: where a comment begins, and what counts inside of one.
_OUTSIDE: Final = lazy(r'"(?:[^"\\]|\\.)*+"?|\(', re.DOTALL)
_INSIDE: Final = lazy(r"\\.|[()]", re.DOTALL)
_QUOTED: Final = lazy(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
# The octets of a local part without quotes. Its dots may stand anywhere: servers have made such addresses.
_LOCAL: Final = lazy(r'[^\s"(),:;<>@\[\\\]]+')
_DOMAIN: Final = lazy(r'[^\s"(),:;<>@\[\\\].][^\s"(),:;<>@\[\\\]]*|\[[^\s\[\\\]]+\]')
# What is no character of any address, however quoted: databases, headers and terminals take it for something else.
_CONTROL: Final = lazy(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_LABEL: Final = 63  # RFC 1035 2.3.4; Punycode takes quadratic time, and nothing longer is a label
_KEPT: Final = {"ß": "ß", "ẞ": "ß", "ς": "ς", "\uff20": "\uff20", "\ufe6b": "\ufe6b"}
"""What does not map as Unicode's case folding has it: deviations that UTS 46 keeps, and what would become an ``@``."""
_STOPS: Final = {ord(stop): "." for stop in "\u3002\uff0e\uff61"}  # UTS 46 4: what stands for the full stop
_IGNORED: Final = lazy(
    # Default_Ignorable_Code_Point, which UTS 46 removes, except the two joiners of RFC 5892 A.1 and A.2.
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)


def is_same_address(one: str | None, other: str | None) -> bool:
    """Return whether two addresses are spellings of one; None is no address, and equals none."""
    if one is None or other is None:
        return False
    return one == other or address_identity(one) == address_identity(other)


def address_identity(address: str, *, case_matters: bool = False) -> str:
    """Return the form that all spellings of `address` share; it may be no address to send to.

    A display name and comments are left out, as by :func:`bare_address`.

    :param case_matters: True to distinguish ``Kim@`` from ``kim@``, as RFC 5321 2.4 allows a server to do.
    """
    address = address.strip()
    if not case_matters and _USUAL.fullmatch(address):
        return address.lower()
    same = _form(_addr_spec(address), case_matters=case_matters)
    # Full-width signs of a domain have become others, brackets perhaps.
    return same if _addr_spec(same) == same else address_identity(same, case_matters=case_matters)


def bare_address(text: str) -> str | None:
    """Return the address in ``Kim <kim@example.org>``, without display name, brackets and comments.

    :return: the address as it is written, and None for what is no address: one without a local part, a domain or an
        ``@`` outside quotes, with control characters, or several in one text.
    """
    text = text.strip()
    if _USUAL.fullmatch(text):
        return text
    if _CONTROL.search(text):
        return None
    address = _addr_spec(text)
    local, _, domain = address.rpartition("@")
    pattern = _QUOTED if local.startswith('"') else _LOCAL
    return address if pattern.fullmatch(local) and _DOMAIN.fullmatch(domain) else None


def _addr_spec(text: str) -> str:
    """Return the addr-spec of a mailbox (RFC 5322 3.4), or the text itself where it is none."""
    if "<" not in text and "(" not in text:
        return text
    plain = _without_comments(text).strip(_SPACE)
    if not plain.endswith(">"):
        return plain if "@" in plain else text
    named = _NAMED.fullmatch(plain)
    if named is not None:
        name, address = _QUOTED.sub("", named[1]), named[2].strip(_SPACE)
        is_list = "@" in name and ("," in name or ";" in name)
        return text if is_list or "@" not in address else address
    return _behind_a_loose_name(plain) or text


def _behind_a_loose_name(text: str) -> str | None:
    """Return the address in the only brackets of a text whose name has a quote that is not closed."""
    if text.count("<") != 1 or text.count(">") != 1:
        return None
    address = text[text.index("<") + 1 : -1].strip(_SPACE)
    return address if "@" in address and '"' not in address else None


def _without_comments(text: str) -> str:
    """Return a text without its comments, which may be nested (RFC 5322 3.2.2); unchanged if one of them has no end."""
    kept: list[str] = []
    at = depth = begin = 0
    while (found := (_INSIDE if depth else _OUTSIDE).search(text, at)) is not None:
        if found[0] == "(":
            if not depth:
                kept.append(text[begin : found.start()])
            depth += 1
        elif found[0] == ")":
            depth -= 1
            begin = found.end()
        at = found.end()
    return text if depth else "".join(kept) + text[begin:]


def _form(address: str, *, case_matters: bool) -> str:
    local, at, domain = address.rpartition("@")
    if not local.isascii():
        import unicodedata

        local = unicodedata.normalize("NFC", local)
    if local and not _PLAIN.fullmatch(local):
        local = _requoted(local)
    if not case_matters:
        local = local.lower() if local.isascii() else "".join(map(_folded, local))
    return f"{local}{at}{domain_identity(domain)}"


def _requoted(local: str) -> str:
    """Return a local part without quotes if it needs none, otherwise with quotes and the fewest escapes."""
    if len(local) > 1 and local[0] == local[-1] == '"':
        local = _ESCAPED.sub(r"\1", local[1:-1])
    if _PLAIN.fullmatch(local):
        return local
    escaped = _SPECIAL.sub(r"\\\1", local)
    return f'"{escaped}"'


def _folded(sign: str) -> str:
    return sign.lower() if sign.isascii() else sign


def domain_identity(domain: str) -> str:
    """Return a domain as lower-case A-labels, mapped as UTS 46 has it, non-transitional (``ß`` stays)."""
    if domain.isascii():
        return domain.lower().rstrip(f".{_SPACE}")
    import unicodedata

    mapped = "".join(_KEPT.get(sign) or unicodedata.normalize("NFKC", sign).casefold() for sign in domain)
    plain = unicodedata.normalize("NFC", _IGNORED.sub("", mapped)).translate(_STOPS)
    return ".".join(map(_a_label, plain.strip(_SPACE).rstrip(f".{_SPACE}").split(".")))


def _a_label(label: str) -> str:
    if label.isascii() or len(label) > _LABEL:
        return label
    return "xn--" + label.encode("punycode", "surrogatepass").decode("ascii")
