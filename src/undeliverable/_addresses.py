"""Recipient fields' values (RFC 3464 2.3.1 and 2.3.2, RFC 6533 3), down to the address itself."""

from __future__ import annotations

import re
from typing import Final

from undeliverable._grammar import ADDRESS, ADDRESS_TYPE, BARE_ADDRESS, COMMENT, EMBEDDED_UNICODE, OCTAL_RUN, XTEXT

__all__ = ["decode_octals", "recipient_address"]

_plain: Final = BARE_ADDRESS.fullmatch


def recipient_address(value: str | None, remarks: list[str]) -> str | None:
    """The address in a recipient field's `value`, decoded, or None where there is none.

    Brackets, comments and a display name are taken off; xtext (RFC 3461 4) is decoded only where the raw form is no
    address, because ``kim+20x@example.org`` is one.

    :param remarks: gets a word where the value is no address at all.
    """
    if not value:
        return None
    plain = _plain(value)
    if plain is not None:
        return plain[2]
    typed = ADDRESS_TYPE.match(value)
    kind = "rfc822" if typed is None else typed[1].lower()
    rest = (value if typed is None else value[typed.end() :]).strip()
    if kind in ("x400", "x.400"):
        return rest or None
    address = _decoded(_peeled(rest.replace("\n", "")))
    if address and "@" not in address and kind in ("rfc822", "utf-8"):
        remarks.append(f"the recipient {address[:100]!r} is no address of RFC 5321")
    return address or None


def _peeled(text: str) -> str:
    """`text` without brackets, comments, a display name and quotes around the whole."""
    if text[:1] == "<" and text[-1:] == ">":
        return text[1:-1].strip()
    found = ADDRESS.search(text)
    if found is not None and found[0] == text:
        return text
    opened, closed = text.rfind("<"), text.rfind(">")
    if 0 <= opened < closed:
        return text[opened + 1 : closed].strip()
    text = COMMENT.sub("", text).strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    found = ADDRESS.search(text)
    return found[0] if found is not None and "\\x{" not in text else text


def _decoded(text: str) -> str:
    if "\\" in text:
        text = EMBEDDED_UNICODE.sub(_character, text)
        text = decode_octals(text)
    if "@" not in text and "+40" in text:
        text = XTEXT.sub(_xchar, text)
    return text


def _character(match: re.Match[str]) -> str:
    number = int(match[1], 16)
    # RFC 6533 3 allows no surrogates, nor what lies beyond Unicode.
    return chr(number) if number < 0xD800 or 0xDFFF < number < 0x110000 else match[0]


def _xchar(match: re.Match[str]) -> str:
    return chr(int(match[1], 16))


def decode_octals(text: str) -> str:
    """`text` with runs of octal escapes above 127 as the UTF-8 that they spell; a run that spells none stays."""
    return OCTAL_RUN.sub(_octets, text)


def _octets(match: re.Match[str]) -> str:
    try:
        return bytes(int(digits, 8) for digits in match[0][1:].split("\\")).decode()
    except UnicodeDecodeError:
        return match[0]
