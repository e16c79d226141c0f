"""Header blocks as text: their fields, unfolded, and the encoded words in them (RFC 5322 2.2, RFC 2047, RFC 2231)."""

from __future__ import annotations

from binascii import a2b_base64, a2b_qp
from functools import lru_cache
from typing import TYPE_CHECKING

from undeliverable._mime import charsets as _charsets
from undeliverable._mime.grammar import (
    ENCODED_WORD,
    EXTENDED_NAME,
    FIELD,
    PARAMETER,
    QUOTED,
    QUOTED_PAIR,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FOLDS = (b" ", b"\t")  # what a continued line begins with, RFC 5322 2.2.3


def decode_block(raw: bytes) -> str:
    """The header block as text with line ends LF: UTF-8 (RFC 6532), line by line Latin-1 where it is not.

    Carriage returns are dropped: in settled octets each belongs to a CRLF.
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
    """All fields of the block as they stand: name in its own case, value still folded."""
    return FIELD.findall("\n" + block)


def first_value(block: bytes, lowered: bytes, needle: bytes) -> bytes | None:
    """The first value of a field as it stands; None where the block has no such field.

    :param block: a header block behind a line end, without blanks before colons.
    :param lowered: the same in lower case.
    :param needle: what to look for, see :func:`needle`.
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
    """A field's value as text: unfolded, stripped, encoded words decoded."""
    try:
        value = raw.decode("ascii").strip()
    except UnicodeDecodeError:
        value = decode_block(raw).strip()
    if value.isprintable() and "=?" not in value:
        return value  # nearly always
    if "\n" in value:
        value = unfold(value)
    if "\0" in value:
        value = value.replace("\0", "").strip()
    return decode_words(value) if "=?" in value or "\x1b" in value else value


def decoded(value: str) -> str:
    """The same of a value that is text already."""
    value = unfold(value)
    return decode_words(value) if "=?" in value or "\x1b" in value else value


@lru_cache(maxsize=256)
def needle(name: str) -> bytes:
    """What the field `name` begins with in a header block in lower case that stands behind a line end."""
    return f"\n{name.lower()}:".encode()


def header_fields(block: str) -> Iterator[tuple[str, str]]:
    """The block's fields in order: name in lower case, value unfolded, encoded words left as they are."""
    for match in FIELD.finditer("\n" + block):
        yield match[1].lower(), unfold(match[2])


def unfold(value: str) -> str:
    """The value on one line, stripped (RFC 5322 2.2.3; the blanks of a fold become one)."""
    if "\n" in value:
        return " ".join(map(str.strip, value.split("\n"))).strip()
    return value.strip()


def decode_words(value: str) -> str:
    """The value with its encoded words decoded (RFC 2047), also broken, cut and adjacent ones."""
    if "=?" not in value:
        return _raw_escapes(value) if "\x1b" in value else value
    return "".join(_decoded_runs(_runs(value)))


def _raw_escapes(value: str) -> str:
    """ISO-2022-JP standing raw in a header is pure ASCII with escapes: it needs no label to be known."""
    if "\x1b$" not in value or not value.isascii():
        return value
    return _charsets.decode_word(value.encode("ascii"), "iso-2022-jp")


def _runs(value: str) -> Iterator[tuple[str, str | bytes]]:
    """(charset, octets) of encoded words and ("", text) of the text between; blanks between two words are no text (6.2)."""
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
    """Neighbours of one charset are joined before decoding: many senders cut within a character."""
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
    """The text of encoded words; a line end in it would begin another header field wherever the value is used again."""
    text = _charsets.decode_word(b"".join(octets), charset)
    return text.replace("\r", " ").replace("\n", " ") if "\n" in text or "\r" in text else text


def _word_octets(encoding: str, text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return a2b_qp(raw, header=True)
    letters = raw.rstrip(b"= \t")
    try:
        return a2b_base64(letters + b"=" * (-len(letters) % 4))
    except ValueError:  # a lone sextet at the end, or characters that shift the count
        return _loose_base64(letters)


def _loose_base64(letters: bytes) -> bytes:
    kept = letters.translate(None, bytes(set(range(256)) - set(_BASE64_LETTERS)))
    kept = kept[: len(kept) - (len(kept) % 4 == 1)]
    return a2b_base64(kept + b"=" * (-len(kept) % 4))


_BASE64_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def read_parameters(rest: str) -> dict[str, str]:
    """The parameters of a Content-Type value, names in lower case, first one wins (RFC 2045 5.1, RFC 2231)."""
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
    """name=value words that no semicolon separates."""
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name:
            yield name.lower(), value.strip('"')


def _joined(sections: dict[int, tuple[str, bool]]) -> str:
    """The sections of one parameter in order of their numbers (RFC 2231 3), percent-decoded where marked (4)."""
    charset = ""
    octets: list[bytes] = []
    from urllib.parse import unquote_to_bytes  # seldom needed, and slow to import

    for number in sorted(sections):
        value, encoded = sections[number]
        if encoded and not octets and value.count("'") >= 2:
            charset, _, value = value.split("'", 2)
        octets.append(unquote_to_bytes(value) if encoded else value.encode("utf-8", "replace"))
    return _charsets.decode_word(b"".join(octets), charset.lower())
