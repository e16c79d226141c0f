"""Header fields: their text, unfolded, with encoded words and parameters decoded (RFC 5322 2.2, RFC 2047, RFC 2231).

Most reports are read for a handful of fields, so a field is searched in the octets of its block and only the value that
is found is decoded. `raw_fields` indexes a whole block where that search is not safe. Decoding never raises: a broken
encoded word yields what can be read of it.
"""

from __future__ import annotations

import re
from binascii import a2b_base64, a2b_qp
from functools import lru_cache
from typing import TYPE_CHECKING

from undeliverable._mime import charsets as _charsets
from undeliverable._mime.grammar import (
    ENCODED_WORD,
    EXTENDED_NAME,
    FIELD,
    FIELD_VALUE,
    PARAMETER,
    QUOTED,
    QUOTED_PAIR,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PIECE = 16 * 1024
_FOLDS = (b" ", b"\t")  # a continuation line begins with one of these, RFC 5322 2.2.3


def decode_block(raw: bytes) -> str:
    """Decode a header block to text with LF line endings: UTF-8 (RFC 6532), or Latin-1 on each line that is not UTF-8.

    Carriage returns are dropped: after normalisation each belongs to a CRLF.
    """
    if b"\r" in raw:
        raw = raw.translate(None, b"\r")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = "".join(map(_decode_line, raw.splitlines(keepends=True)))
    return text.replace("\0", "") if "\0" in text else text


def _decode_line(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def raw_fields(block: str) -> list[tuple[str, str]]:
    """Return all fields of the block unchanged: names in their own case, values still folded."""
    return FIELD.findall("\n" + block)


def first_value(block: bytes, lowered: bytes, needle: bytes) -> bytes | None:
    """Return the first value of a field unchanged, or None if the block has no such field.

    :param block: a header block after a line feed, without blanks before colons.
    :param lowered: the same in lower case.
    :param needle: the start of the field, from :func:`needle`.
    """
    at = lowered.find(needle)
    if at < 0:
        return None
    at += len(needle)
    end = block.find(b"\n", at)
    folded = block[end + 1 : end + 2] in _FOLDS
    while folded and end > 0:
        end = block.find(b"\n", end + 1)
        folded = block[end + 1 : end + 2] in _FOLDS
    return block[at:end] if end > 0 else block[at:]


def readable(raw: bytes) -> str:
    """Decode a field's value: unfolded, stripped, encoded words decoded."""
    try:
        value = raw.decode("ascii").strip()
    except UnicodeDecodeError:
        value = decode_block(raw).strip()
    if value.isprintable() and "=?" not in value:
        return value  # the usual case
    if "\n" in value:
        value = unfold(value)
    if "\0" in value:
        value = value.replace("\0", "").strip()
    return decode_words(value) if "=?" in value or "\x1b" in value else value


def decoded(value: str) -> str:
    """Decode a field's value that is already text; see :func:`readable`."""
    value = unfold(value)
    return decode_words(value) if "=?" in value or "\x1b" in value else value


@lru_cache(maxsize=256)
def needle(name: str) -> bytes:
    """Return the octets with which the field `name` begins in a lower-case header block after a line feed."""
    return f"\n{name.lower()}:".encode()


def header_fields(block: str) -> Iterator[tuple[str, str]]:
    """Yield the block's fields in order: name in lower case, value unfolded, encoded words not decoded."""
    for match in FIELD.finditer("\n" + block):
        yield match[1].lower(), unfold(match[2])


def fields_named(block: str, names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the block's fields of any of `names` in order: name in lower case, value unfolded, encoded words decoded."""
    return [(name.lower(), decoded(value)) for name, value in _named(names).findall("\n" + block)]


@lru_cache(maxsize=256)
def _named(names: tuple[str, ...]) -> re.Pattern[str]:
    # Case is ignored behind the first letter, since a set of two rules out a line faster than a branch that ignores it.
    either = "|".join([f"{_either_case(name[0])}(?i:{re.escape(name[1:])})" for name in names if name])
    return re.compile(rf"\n({either or '(?!)'})[ \t]*+:{FIELD_VALUE}", re.ASCII)


def _either_case(letter: str) -> str:
    return f"[{re.escape(letter + letter.swapcase())}]" if letter.isascii() else re.escape(letter)


def unfold(value: str) -> str:
    """Join the lines of a value and strip it (RFC 5322 2.2.3); the blanks around a fold become one space."""
    if "\n" not in value:
        return value.strip()
    if len(value) <= _PIECE:
        return _one_line(value).strip()
    return " ".join(map(_one_line, _pieces(value))).strip()


def _one_line(lines: str) -> str:
    return " ".join(map(str.strip, lines.split("\n")))


def _pieces(value: str) -> Iterator[str]:
    """Yield a long value in pieces of whole lines: a hundred thousand lines as objects take many times its size."""
    at, size = 0, len(value)
    while at < size:
        stop = value.find("\n", at + _PIECE)
        stop = size if stop < 0 else stop
        yield value[at:stop]
        at = stop + 1


def decode_words(value: str) -> str:
    """Decode the encoded words of a value (RFC 2047), including broken, truncated and adjacent ones."""
    if "=?" not in value:
        return _raw_escapes(value) if "\x1b" in value else value
    return "".join(_decoded_runs(_runs(value)))


def _raw_escapes(value: str) -> str:
    """Decode raw ISO-2022-JP in a header: its escape sequences identify it without a label."""
    if "\x1b$" not in value or not value.isascii():
        return value
    return _charsets.decode_word(value.encode("ascii"), "iso-2022-jp")


def _runs(value: str) -> Iterator[tuple[str, str | bytes]]:
    """Yield (charset, octets) for encoded words and ("", text) for text; blanks between two words are dropped (6.2)."""
    at = 0
    for match in ENCODED_WORD.finditer(value):
        between = value[at : match.start()]
        if between and (at == 0 or not between.isspace()):
            yield "", between
        yield match[1].lower(), _word_octets(match[2], match[3])
        at = match.end()
    if at < len(value):
        yield "", value[at:]


def _decoded_runs(runs: Iterable[tuple[str, str | bytes]]) -> Iterator[str]:
    """Decode the runs, joining neighbours of one charset first: many senders split a character between two words."""
    pending: list[bytes] = []
    charset = ""
    for label, content in runs:
        if pending and label != charset:
            yield _decoded(pending, charset)
            pending = []
        if isinstance(content, bytes):
            pending.append(content)
            charset = label
        else:
            yield content
    if pending:
        yield _decoded(pending, charset)


def _decoded(octets: list[bytes], charset: str) -> str:
    """Decode the octets of encoded words; line breaks become spaces, since they could inject header fields later."""
    text = _charsets.decode_word(b"".join(octets), charset)
    return text.replace("\r", " ").replace("\n", " ") if "\n" in text or "\r" in text else text


def _word_octets(encoding: str, text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return a2b_qp(raw, header=True)
    letters = raw.rstrip(b"= \t")
    try:
        return a2b_base64(letters + b"=" * (-len(letters) % 4))
    except ValueError:  # a lone sextet at the end, or foreign characters that shift the count
        return _loose_base64(letters)


def _loose_base64(letters: bytes) -> bytes:
    kept = letters.translate(None, bytes(set(range(256)) - set(_BASE64_LETTERS)))
    kept = kept[: len(kept) - (len(kept) % 4 == 1)]
    return a2b_base64(kept + b"=" * (-len(kept) % 4))


_BASE64_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def read_parameters(rest: str) -> dict[str, str]:
    """Return the parameters of a Content-Type value by lower-case name; the first wins (RFC 2045 5.1, RFC 2231)."""
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, value in _tokens(rest):
        extended = EXTENDED_NAME.match(name) if "*" in name else None
        if extended is None:
            plain.setdefault(name, value)
        else:
            section = int(extended[2] or 0)
            pieces.setdefault(extended[1], {}).setdefault(section, (value, extended[3] is not None))
    for name, sections in pieces.items():
        plain[name] = _joined(sections)
    return plain


def _tokens(rest: str) -> Iterator[tuple[str, str]]:
    for match in PARAMETER.finditer(rest):
        left, equals, right = match[1].partition("=")
        words = left.split()
        if not equals or not words:
            continue
        quoted = QUOTED.match(right)
        if quoted:
            yield words[-1].lower(), QUOTED_PAIR.sub(r"\1", quoted[1])
            right = right[quoted.end() + 1 :]
            yield from _loose(right.split())
        else:
            yield from _loose([words[-1] + "=" + (right.split() or [""])[0], *right.split()[1:]])


def _loose(words: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the name=value words that no semicolon separates."""
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name:
            yield name.lower(), value.strip('"')


def _joined(sections: dict[int, tuple[str, bool]]) -> str:
    """Join the sections of one parameter in numerical order (RFC 2231 3), percent-decoded where marked (4)."""
    charset = ""
    octets: list[bytes] = []
    from urllib.parse import unquote_to_bytes  # rarely needed, and slow to import

    for number in sorted(sections):
        value, encoded = sections[number]
        if encoded and not octets and value.count("'") >= 2:
            charset, _, value = value.split("'", 2)
        octets.append(unquote_to_bytes(value) if encoded else value.encode("utf-8", "replace"))
    return _charsets.decode_word(b"".join(octets), charset.lower())
