"""Recipient fields' values (RFC 3464 2.3.1 and 2.3.2, RFC 6533 3), down to the address itself."""

from __future__ import annotations

import re
from typing import Final

from undeliverable._dsn.grammar import (
    ADDRESS_TYPE,
    BARE_ADDRESS,
    COMMENT,
    DOMAIN,
    EMBEDDED_UNICODE,
    LOCAL_BREAK,
    OCTAL_RUN,
    XTEXT,
)

__all__ = ["addresses_in", "decode_octals", "recipient_address"]

_plain: Final = BARE_ADDRESS.fullmatch
_LONGEST: Final = 2048  # RFC 5321 4.5.3.1 has 64 octets and 255; nothing sensible is longer than this with a comment
_LOCAL: Final = 320
_PUNCTUATION: Final = ".,'!?"
_MOST: Final = 32  # how many "@" of one text are looked at


def recipient_address(value: str | None, remarks: list[str]) -> str | None:
    """The address in a recipient field's `value`, decoded, or None where there is none.

    Brackets, comments and a display name are taken off; xtext (RFC 3461 4) is decoded only where the raw form is no
    address, because ``kim+20x@example.org`` is one.

    :param remarks: gets a word where the value is no address at all.
    """
    if not value:
        return None
    value = value[:_LONGEST]
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
    if addresses_in(text)[:1] == [text]:
        return text
    opened, closed = text.rfind("<"), text.rfind(">")
    if 0 <= opened < closed:
        return text[opened + 1 : closed].strip()
    text = COMMENT.sub("", text).strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if "\\" in text:
        return text
    found = addresses_in(text)
    return found[0] if found else text


def addresses_in(text: str) -> list[str]:
    """The addresses that stand in `text`, in order, as written; at most the first few, in linear time."""
    found: list[str] = []
    at = text.find("@")
    for _ in range(_MOST):
        if at < 0:
            break
        domain = DOMAIN.match(text, at + 1)
        local = "" if domain is None else _local_part(text, at)
        # In "a@b"@example.org the first "@" is a part of the local part.
        if domain is not None and local and not text.startswith('"@', domain.end()):
            found.append(local + "@" + domain[0].rstrip(_PUNCTUATION))
        at = text.find("@", at + 1)
    return found


def _local_part(text: str, at: int) -> str:
    """The local part that ends before `at`, with its quotes where it is quoted (RFC 5321 4.1.2)."""
    before = text[max(0, at - _LOCAL) : at]
    if before.endswith('"'):
        opened = before.rfind('"', 0, -1)
        while opened > 0 and before[opened - 1] == "\\":
            opened = before.rfind('"', 0, opened)
        return before[opened:] if opened >= 0 else ""
    return LOCAL_BREAK.split(before)[-1].lstrip("'")


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
