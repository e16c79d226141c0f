"""Recipient fields' values (RFC 3464 2.3.1 and 2.3.2, RFC 6533 3), down to the address itself."""

from __future__ import annotations

import re
from typing import Final

from undeliverable._text.lazy import lazy

__all__ = [
    "ADDRESS_TYPE",
    "COMMENT",
    "addresses_in",
    "decode_octals",
    "is_mailbox",
    "recipient_address",
    "several_recipients",
]

# RFC 3464 2.1.2: address-type, mta-name-type and diagnostic-type are atoms: "rfc822;", "utf-8;", "X-Postfix;".
ADDRESS_TYPE: Final = lazy(r"[ \t\n]{0,20}([A-Za-z][\w.-]{0,30})[ \t]{0,8};[ \t\n]{0,20}")
# The plain case of RFC 5321 4.1.2 Mailbox with a type before it, as nearly all reports have it.
_BARE_ADDRESS: Final = re.compile(
    r"(?:([A-Za-z][A-Za-z0-9.-]{0,30}); ?)?([^\s<>()\[\]\"\\;:,@]{1,320}@[^\s<>()\"\\;:,@]{1,255})"
)
# An address that needs no second look, with a type before it or without one: its octets are those of most addresses, and
# never too many (RFC 5321 4.5.3.1). Exchange's own kind of address is none.
_USUAL: Final = re.compile(
    r"(?:[A-Za-z][A-Za-z0-9.-]{0,30}; ?)?((?!(?i:imcea))[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,255})", re.ASCII
)
# RFC 5321 4.1.2: where a local part that is not quoted begins, and the domain behind the "@".
_LOCAL_BREAK: Final = lazy(r"[\s<>()\[\]\"\\;:,@]")
_DOMAIN: Final = lazy(r"[^\s<>()\"\\;:,@]{1,255}")
# A Quoted-string of RFC 5321 4.1.2 may hold whatever its owner likes, other people's addresses too.
_QUOTED_MAILBOX: Final = lazy(r'<?"(?:[^"\\]|\\.)*+"@[^\s<>()\"\\;:,@]{1,255}>?')
# From an "@" in a quoted local part to the "@" behind it.
_QUOTED_REST: Final = lazy(r'(?:[^"\\]|\\.){0,320}+"@')
# RFC 5322 3.2.2: a comment without nested ones, at the end of a value or before more of it.
COMMENT: Final = lazy(r"\(([^()]{0,998})\)")
# RFC 3461 4: xtext, "+" and two capital hexadecimal digits.
_XTEXT: Final = lazy(r"\+([0-9A-F]{2})")
# RFC 6533 3: EmbeddedUnicodeChar in utf-8-addr-xtext and utf-8-addr-unitext.
_EMBEDDED_UNICODE: Final = lazy(r"\\x\{([0-9A-Fa-f]{1,6})\}")
# Octets above 127 written as backslash and three octal digits: no RFC has it, servers that keep to ASCII do it.
_OCTAL_RUN: Final = lazy(r"(?:\\[23][0-7]{2})+", re.ASCII)

_plain: Final = _BARE_ADDRESS.fullmatch
_usual: Final = _USUAL.fullmatch
_LONGEST: Final = 2048  # a value with comments and a display name; nothing sensible is longer
_OCTETS: Final = 64 + 1 + 255  # RFC 5321 4.5.3.1: local part, "@", domain
_LOCAL: Final = 320
_PUNCTUATION: Final = ".,'!?"
_MOST: Final = 32  # how many "@" of one text are looked at
_REPLACED: Final = "\ufffd"  # stands for what is no character
# RFC 3464 2.1.2: address types whose addresses have no "@".
_OTHER_TYPES: Final = frozenset(("x400", "x.400"))
_X400: Final = lazy(r"(?:/|(?:/?[A-Za-z][\w.-]{0,15}=[^/;]{0,64}[/;]))[A-Za-z][\w.-]{0,15}=", re.ASCII)
# Exchange wraps addresses of other kinds into one of its own: IMCEAEX-_O=EXAMPLE_OU=..., IMCEASMTP-...
_ENCAPSULATED: Final = "imcea"
_XTEXT_RUN: Final = lazy(r"(?:\+[0-9A-F]{2})+")
_NO_XTEXT: Final = lazy(r"\+(?![0-9A-F]{2})|=")
# The obsolete source route of RFC 5321 4.1.2, and "smtp:" or "mailto:" before an address.
_ROUTE: Final = lazy(r"(?:@[^\s:]{1,255}|(?i:e?smtp|mailto|rfc822)):[ \t]{0,9}")
_CAN_BE_QUOTED: Final = lazy(r"[^<>()\[\];:,\"\\]{1,320}")
_HOST: Final = lazy(r"[^\s<>()\[\]\"\\;:,@]{1,255}|\[[^\s\[\]]{1,255}\]")
_FOLD: Final = lazy(r"[ \t]*\n[ \t\n]*")


def is_mailbox(address: str) -> bool:
    """Return whether `address` can be an address of mail: of RFC 5321 4.1.2, or of X.400 (RFC 2156 2.3.1)."""
    if ";" not in address and _usual(address) is not None:
        return True
    if "@" not in address:
        return _X400.match(address) is not None
    if not _is_sound(address):
        return False
    local = address.rpartition("@")[0]
    return local[0] == local[-1] == '"' or _LOCAL_BREAK.search(local) is None


def _is_sound(address: str) -> bool:
    """Return whether an address has two halves, is not too long, and holds nothing that no address can hold."""
    if not address.isprintable() or address[0] == "@" or address[-1] == "@" or address[:5].lower() == _ENCAPSULATED:
        return False
    if address.isascii():
        return len(address) <= _OCTETS
    return _REPLACED not in address and len(address.encode()) <= _OCTETS


def recipient_address(value: str | None, remarks: list[str], *, xtext: bool = False) -> str | None:
    """Return the address in a recipient field's `value`, decoded, or None where there is none.

    Brackets, comments and a display name are taken off. A local part that has lost its quotes gets them back.

    :param xtext: whether RFC 3461 4.2 wants the value in xtext; ``kim+20x@example.org`` is an address all the same, so
        only what an encoder has to encode is decoded.
    :param remarks: gets a remark where there is a value, but no address.
    """
    if not value:
        return None
    usual = _usual(value)
    if usual is not None:
        return _from_xtext(usual[1]) if xtext and "+" in usual[1] else usual[1]
    plain = _plain(value)
    if plain is not None and _is_sound(plain[2]):
        return _from_xtext(plain[2]) if xtext and "+" in plain[2] else plain[2]
    value = value[:_LONGEST]
    typed = ADDRESS_TYPE.match(value)
    rest = (value if typed is None else value[typed.end() :]).strip()
    if typed is not None and typed[1].lower() in _OTHER_TYPES:
        return rest or None
    address = _decoded(_peeled(_FOLD.sub("", rest)))
    if address and xtext and "+" in address:
        address = _from_xtext(address)
    if address and is_mailbox(address):
        return address
    if rest.strip("<> "):
        remarks.append(f"the recipient {rest[:100]!r} is no address of RFC 5321")
    return None


def several_recipients(value: str) -> list[str]:
    """Return the addresses in a recipient field's `value` that names several, separated by commas or semicolons."""
    typed = ADDRESS_TYPE.match(value)
    rest = value[:_LONGEST] if typed is None else value[typed.end() : _LONGEST]
    each = [recipient_address(one.strip(), []) for one in _SEPARATED.split(rest) if one.strip()]
    named = [address for address in each if address is not None]
    return named if len(named) == len(each) else []


# What separates addresses, outside quotes.
_SEPARATED: Final = lazy(r"[,;](?=(?:[^\"]*\"[^\"]*\")*[^\"]*\Z)")


def _peeled(text: str) -> str:
    """Return `text` without brackets, comments, a display name and quotes around the whole."""
    if _QUOTED_MAILBOX.fullmatch(text):
        return text.strip("<>")
    if addresses_in(text)[:1] == [text]:
        return text
    opened, closed = text.rfind("<"), text.rfind(">")
    if 0 <= opened < closed:
        return _whole(text[opened + 1 : closed].strip())
    text = COMMENT.sub("", text).strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if "\\" in text:
        return text
    return _whole(text.strip("<> "))


def _whole(text: str) -> str:
    """Return an address in all of `text`: behind a route, or with quotes around a local part that needs them."""
    route = _ROUTE.match(text)
    text = text if route is None else text[route.end() :]
    found = addresses_in(text)
    if found[:1] == [text] or not found:
        return text
    local, _, domain = text.rpartition("@")
    if _CAN_BE_QUOTED.fullmatch(local) is not None and _HOST.fullmatch(domain) is not None:
        return f'"{local}"@{domain}'
    return found[0] if len(found) == 1 and text.startswith(found[0]) else ""


def addresses_in(text: str) -> list[str]:
    """Return the addresses that stand in `text`, in order, as written; at most the first few, in linear time."""
    found: list[str] = []
    quoted = '"@' in text
    at = text.find("@")
    for _ in range(_MOST):
        if at < 0:
            break
        domain = _DOMAIN.match(text, at + 1)
        local = "" if domain is None else _local_part(text, at)
        # In "a@b"@example.org the first "@" is a part of the local part.
        if domain is not None and local and not (quoted and _QUOTED_REST.match(text, at + 1)):
            found.append(local + "@" + domain[0].rstrip(_PUNCTUATION))
        at = text.find("@", at + 1)
    return found


def _local_part(text: str, at: int) -> str:
    """Return the local part that ends before `at`, with its quotes where it is quoted (RFC 5321 4.1.2)."""
    before = text[max(0, at - _LOCAL) : at]
    opened = before.rfind("<")
    if opened >= 0 and opened > before.rfind(">") and _lost_quotes(before[opened + 1 :], text, at):
        return f'"{before[opened + 1 :]}"'
    if before.endswith('"'):
        opened = before.rfind('"', 0, -1)
        while opened > 0 and before[opened - 1] == "\\":
            opened = before.rfind('"', 0, opened)
        return before[opened:] if opened >= 0 else ""
    return _LOCAL_BREAK.split(before)[-1].lstrip("'")


def _lost_quotes(local: str, text: str, at: int) -> bool:
    """Return whether a local part in angle brackets needs quotes and has none: ``<two word@example.org>``."""
    domain = _DOMAIN.match(text, at + 1)
    is_last = domain is not None and text[domain.end() : domain.end() + 1] == ">"
    return (
        is_last
        and local == local.strip()
        and (" " in local or "@" in local)
        and _CAN_BE_QUOTED.fullmatch(local) is not None
    )


def _from_xtext(address: str) -> str:
    """Return `address` decoded from xtext (RFC 3461 4), where it is that: nothing is encoded that need not be."""
    if _NO_XTEXT.search(address) is not None:
        return address
    try:
        plain = _XTEXT_RUN.sub(_xtext_run, address)
    except UnicodeDecodeError:
        return address
    local, _, domain = plain.rpartition("@")
    is_whole = local[:1] == '"' or (_LOCAL_BREAK.search(local) is None and "@" not in local)
    return plain if is_whole and "@" not in domain and is_mailbox(plain) else address


def _xtext_run(match: re.Match[str]) -> str:
    octets = bytes.fromhex(match[0].replace("+", ""))
    text = octets.decode()
    # An encoder writes letters, digits and most signs as they are: "kim+41@example.org" has a tag of two digits.
    return match[0] if _NEEDS_NO_XTEXT.search(text) is not None else text


_NEEDS_NO_XTEXT: Final = lazy(r"[!-*,-<>-~]")


def _decoded(text: str) -> str:
    if "\\" in text:
        text = _EMBEDDED_UNICODE.sub(_character, text)
        text = decode_octals(text)
    if "@" not in text and "+40" in text:
        text = _XTEXT.sub(_xchar, text)
    return text


def _character(match: re.Match[str]) -> str:
    number = int(match[1], 16)
    # RFC 6533 3 allows no surrogates, nor what lies beyond Unicode.
    return chr(number) if number < 0xD800 or 0xDFFF < number < 0x110000 else match[0]


def _xchar(match: re.Match[str]) -> str:
    return chr(int(match[1], 16))


def decode_octals(text: str) -> str:
    """Return `text` with octal escapes above 127 decoded as UTF-8; a run of them that is none stays."""
    return _OCTAL_RUN.sub(_octets, text)


def _octets(match: re.Match[str]) -> str:
    try:
        return bytes(int(digits, 8) for digits in match[0][1:].split("\\")).decode()
    except UnicodeDecodeError:
        return match[0]
