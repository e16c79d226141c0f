"""Charsets: octets to characters.

Labels lie, so they are tried, not trusted. ASCII comes first, because nearly all mail is ASCII; then the label if it
decodes strictly; then UTF-8, even with a few broken characters; then a cheap test for Western European text; chardet
comes last and is imported only then. Nothing here raises: Latin-1 decodes any octets. Each step below the label leaves
a remark.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Final

from undeliverable._mime.repairs import Repair
from undeliverable._text.lazy import lazy

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLE: Final = 64 * 1024
"""Octets examined to guess a charset."""
_PIECE: Final = 64 * 1024

# Names that occur in mail and that Python's codecs do not know, or know too narrowly: senders label text with the name
# of a subset and use characters of the superset (the WHATWG Encoding Standard maps likewise).
ALIASES: Final = {
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "l1": "cp1252",
    "iso8859-1": "cp1252",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "cp936": "gb18030",
    "gb-2312": "gb18030",
    "chinesebig5": "big5",
    "cn-big5": "big5",
    "x-x-big5": "big5",
    "cn-gb": "gb18030",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601-1989": "cp949",
    "ksc5601": "cp949",
    "windows-949": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "x-euc-jp": "euc-jp",
    "iso-2022-jp": "iso2022_jp_ext",
    "cp50220": "iso2022_jp_ext",
    "cp50221": "iso2022_jp_ext",
    "windows-874": "cp874",
    "x-mac-roman": "mac-roman",
    "macintosh": "mac-roman",
    "x-mac-cyrillic": "mac-cyrillic",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "unicode": "utf-16",
    "utf8mb4": "utf-8",
    "utf-8n": "utf-8",
    "x-utf-8": "utf-8",
    "ascii-7bit": "ascii",
    "usascii": "ascii",
    "us_ascii": "ascii",
}
# Labels that only say that the charset is unknown, by RFC 1428 and by custom.
NO_LABEL: Final = frozenset(
    {"unknown-8bit", "x-unknown", "unknown", "8bit", "7bit", "binary", "default", "none", "x-user-defined"}
)
# Python codecs that are not charsets of mail, or take more than linear time.
REFUSED: Final = frozenset({"punycode", "idna", "unicode-escape", "raw-unicode-escape", "undefined", "mbcs", "oem"})
# Charsets that encode other characters as ASCII octets: their label is tried before ASCII.
_DISGUISED: Final = ("utf-16", "utf-32", "utf-7", "iso2022", "hz")
# Letters with the same code in ISO 8859-1, -2, -9 and -15 and in the Windows charsets that extend them.
_SHARED: Final = re.escape("ÁÂÄÇÉËÍÎÓÔÖÚÜßáâäçéëíîóôöúü".encode("latin-1"))
# Signs of any other charset: other octets, three such letters in a row, or one or two of them that form a word alone.
_OTHERWISE: Final = lazy(
    rb"[^\x00-\x7f%b]|[%b]{3}|(?<![A-Za-z\x80-\xff])[%b]{1,2}(?![A-Za-z\x80-\xff])" % (_SHARED, _SHARED, _SHARED)
)
_LABEL: Final = lazy(r"[a-z0-9][a-z0-9_.:+-]{0,39}\Z")
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def codec_name(label: str) -> str | None:
    """Return the name of Python's codec for a charset label, or None if there is none."""
    label = label.strip(" \t\"'").lower()
    label = ALIASES.get(label, label)
    if not _LABEL.match(label):
        return None
    try:
        found = codecs.lookup(label)
    except LookupError:
        return None
    return None if found.name in REFUSED or not getattr(found, "_is_text_encoding", True) else found.name


def is_plain(raw: bytes) -> bool:
    """Return whether the octets are read as ASCII under any label except UTF-7.

    They have no escape of ISO 2022, no NUL as in UTF-16, and no shift of HZ (RFC 1843).
    """
    return raw.isascii() and b"\x1b" not in raw and b"\0" not in raw and (b"~" not in raw or b"~{" not in raw)


def is_plain_text(text: str) -> bool:
    """Return what :func:`is_plain` says of octets that are already decoded, as ASCII or Latin-1."""
    return text.isascii() and "\x1b" not in text and "\0" not in text and ("~" not in text or "~{" not in text)


def decode_text(raw: bytes, label: str, note: Callable[[Repair], None]) -> str:
    """Decode octets to text; the label "" means that no charset was declared. Never raises."""
    return _decode_labelled(raw, "" if label in NO_LABEL else label, note)


def _decode_labelled(raw: bytes, label: str, note: Callable[[Repair], None]) -> str:
    codec = codec_name(label) if label else None
    if label and codec is None:
        note(Repair.UNKNOWN_CHARSET)
    if codec is None and b"\x1b$" in raw:
        codec = "iso2022_jp_ext"  # escape sequences of ISO 2022 identify themselves
    disguised = codec is not None and codec.startswith(_DISGUISED)
    if raw.isascii() and not disguised:
        return raw.decode("ascii")
    for bom, name in _BOMS:
        if raw.startswith(bom):
            codec = name
    text = _strictly(raw, codec) if codec else None
    if text is not None:
        return text
    note(Repair.FALSE_CHARSET if codec else Repair.UNDECLARED_CHARSET)
    return _undeclared(raw, note)


def _strictly(raw: bytes, codec: str) -> str | None:
    try:
        text = raw.decode(codec)
    except (UnicodeError, ValueError):
        return None
    # UTF-7 and UTF-16 decode lone surrogates, which could not be encoded again.
    return text.encode("utf-8", "replace").decode() if codec.startswith(("utf-7", "utf-16")) else text


def _undeclared(raw: bytes, note: Callable[[Repair], None]) -> str:
    """Decode text without a usable label: UTF-8, even if truncated or with some foreign lines; otherwise by guess."""
    text = _strictly(raw, "utf-8")
    if text is not None and "\ufffd" not in text:
        return text
    return raw.decode("utf-8", "replace") if _is_mostly_utf8(raw) else _guessed(raw, note)


def _is_mostly_utf8(raw: bytes) -> bool:
    """Return whether at most a quarter of the non-ASCII characters are broken; decodes piecewise to save memory."""
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    broken = characters = 0
    for at in range(0, len(raw), _PIECE):
        text = decode(raw[at : at + _PIECE], at + _PIECE >= len(raw))
        broken += text.count("\ufffd")
        characters += len(text) - len(text.encode("ascii", "ignore"))
    return broken * 4 <= characters


def _guessed(raw: bytes, note: Callable[[Repair], None]) -> str:
    if _OTHERWISE.search(raw) is None:
        note(Repair.GUESSED_CHARSET)
        return raw.decode("cp1252")
    try:
        import chardet  # the first call takes 160 ms; about one mail in a hundred gets here
    except ImportError:  # mail never raises, whatever is not installed
        note(Repair.NO_GUESS)
        return raw.decode("latin-1")
    note(Repair.GUESSED_CHARSET)
    try:
        codec = codec_name(str(chardet.detect(_non_ascii_lines(raw[:SAMPLE]))["encoding"] or ""))
    except Exception:  # noqa: BLE001 - a failure of chardet must not stop the parse
        codec = None
    text = _strictly(raw, codec) if codec else None
    return raw.decode("latin-1") if text is None else text


def _non_ascii_lines(raw: bytes) -> bytes:
    """Keep the lines with non-ASCII octets: the others carry no evidence, and mislead if in another language."""
    return b"\n".join([line for line in raw.split(b"\n") if not line.isascii()])


def decode_word(raw: bytes, label: str) -> str:
    """Decode an encoded word or parameter by its label, as UTF-8, or as Latin-1; it is too short for a guess."""
    codec = codec_name(label) if label else None
    for name in (codec, "utf-8"):
        text = _strictly(raw, name) if name else None
        if text is not None:
            return text
    return raw.decode(codec, "replace") if codec == "utf-8" else raw.decode("latin-1")
