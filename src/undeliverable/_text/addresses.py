"""Recipient fields' values (RFC 3464 2.3.1 and 2.3.2, RFC 6533 3), down to the address itself."""

from __future__ import annotations

import re
from typing import Final

from undeliverable._text.lazy import lazy

__all__ = ["ADDRESS_TYPE", "COMMENT", "addresses_in", "decode_octals", "recipient_address"]

# RFC 3464 2.1.2: address-type, mta-name-type and diagnostic-type are atoms: "rfc822;", "utf-8;", "X-Postfix;".
ADDRESS_TYPE: Final = lazy(r"[ \t\n]{0,20}([A-Za-z][\w.-]{0,30})[ \t]{0,8};[ \t\n]{0,20}")
# The plain case of RFC 5321 4.1.2 Mailbox with a type before it, as nearly all reports have it.
_BARE_ADDRESS: Final = re.compile(
    r"(?:([A-Za-z][A-Za-z0-9.-]{0,30}); ?)?([^\s<>()\[\]\"\\;:,@]{1,320}@[^\s<>()\"\\;:,@]{1,255})"
)
# RFC 5321 4.1.2: where a local part that is not quoted begins, and the domain behind the "@".
_LOCAL_BREAK: Final = lazy(r"[\s<>()\[\]\"\\;:,@]")
_DOMAIN: Final = lazy(r"[^\s<>()\"\\;:,@]{1,255}")
# RFC 5322 3.2.2: a comment without nested ones, at the end of a value or before more of it.
COMMENT: Final = lazy(r"\(([^()]{0,998})\)")
# RFC 3461 4: xtext, "+" and two capital hexadecimal digits.
_XTEXT: Final = lazy(r"\+([0-9A-F]{2})")
# RFC 6533 3: EmbeddedUnicodeChar in utf-8-addr-xtext and utf-8-addr-unitext.
_EMBEDDED_UNICODE: Final = lazy(r"\\x\{([0-9A-Fa-f]{1,6})\}")
# Octets above 127 written as backslash and three octal digits: no RFC has it, servers that keep to ASCII do it.
_OCTAL_RUN: Final = lazy(r"(?:\\[23][0-7]{2})+", re.ASCII)

_plain: Final = _BARE_ADDRESS.fullmatch
_LONGEST: Final = 2048  # RFC 5321 4.5.3.1 has 64 octets and 255; nothing sensible is longer than this with a comment
_LOCAL: Final = 320
_PUNCTUATION: Final = ".,'!?"
_MOST: Final = 32  # how many "@" of one text are looked at


def recipient_address(value: str | None, remarks: list[str]) -> str | None:
    """Return the address in a recipient field's `value`, decoded, or None where there is none.

    Brackets, comments and a display name are taken off; xtext (RFC 3461 4) is decoded only where the raw form is no
    address, because ``kim+20x@example.org`` is one.

    :param remarks: gets a remark where the value is no address at all.
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
    """Return `text` without brackets, comments, a display name and quotes around the whole."""
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
    """Return the addresses that stand in `text`, in order, as written; at most the first few, in linear time."""
    found: list[str] = []
    at = text.find("@")
    for _ in range(_MOST):
        if at < 0:
            break
        domain = _DOMAIN.match(text, at + 1)
        local = "" if domain is None else _local_part(text, at)
        # In "a@b"@example.org the first "@" is a part of the local part.
        if domain is not None and local and not text.startswith('"@', domain.end()):
            found.append(local + "@" + domain[0].rstrip(_PUNCTUATION))
        at = text.find("@", at + 1)
    return found


def _local_part(text: str, at: int) -> str:
    """Return the local part that ends before `at`, with its quotes where it is quoted (RFC 5321 4.1.2)."""
    before = text[max(0, at - _LOCAL) : at]
    if before.endswith('"'):
        opened = before.rfind('"', 0, -1)
        while opened > 0 and before[opened - 1] == "\\":
            opened = before.rfind('"', 0, opened)
        return before[opened:] if opened >= 0 else ""
    return _LOCAL_BREAK.split(before)[-1].lstrip("'")


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
