"""Rewrite the text of one part: remove its encodings, replace line by line, and put the encodings on again."""

from __future__ import annotations

import re
from binascii import b2a_base64, b2a_qp
from collections.abc import Iterator
from typing import Final, NamedTuple

from undeliverable._mime.charsets import codec_name, decode_text
from undeliverable._mime.repairs import Repair
from undeliverable._mime.transfer import IDENTITY, decode_transfer
from undeliverable.anonymize._header import FIELD, Header
from undeliverable.anonymize._text import Mode, Text, around
from undeliverable.anonymize._vocabulary import fields

__all__ = ["Body", "Declared", "encoded", "plain"]

_LINE: Final = 57  # octets in a line of 76 characters, RFC 2045 6.8
_TAG: Final = re.compile(
    r"<(?:style|script)\b.*?</(?:style|script)\s*>|<[^<>]*>|&[A-Za-z0-9#]{1,10};", re.DOTALL | re.IGNORECASE
)
_VALUE: Final = re.compile(r"(?<==)(?:\"[^\"]*\"|'[^']*')")
# Fields that say that lines of text are a returned message: of these, and with one of the second group.
_OF_MESSAGES: Final = frozenset(
    ("from", "to", "subject", "date", "message-id", "received", "return-path", "mime-version", "content-type")
)
_TRACES: Final = frozenset(("message-id", "received", "return-path", "mime-version", "content-type"))
_FIELDS: Final = 3


class Declared(NamedTuple):
    """What a header says of the body below it.

    :ivar kind: the media type in lower case; "" where none is declared.
    :ivar encoding: the transfer encoding in lower case.
    :ivar charset: as declared, or "".
    :ivar boundary: of a multipart, or "".
    """

    kind: str = ""
    encoding: str = ""
    charset: str = ""
    boundary: str = ""


class Body:
    """Rewrite the bodies of parts."""

    def __init__(self, text: Text, header: Header, below: Mode) -> None:
        """Rewrite nothing yet.

        :param below: what becomes of the body of a message that a text returns.
        """
        self._text = text
        self._header = header
        self._below = below

    def part(self, body: bytes, declared: Declared, mode: Mode) -> bytes:
        """Return the rewritten body of a part of text."""
        octets = plain(body, declared)
        text = decode_text(octets, declared.charset, _overlook)
        # An encoder ended the lines as it liked; they stay so.
        made = self._html(text, mode) if declared.kind == "text/html" else self.lines(text, mode)
        return body if made == text else encoded(_octets(made, octets, text, declared.charset), body, declared)

    def lines(self, text: str, mode: Mode) -> str:
        """Return rewritten text; lines that are header fields are treated as such."""
        made: list[str] = []
        waiting: list[str] = []
        names: set[str] = set()
        for line, name in _fields_in(text):
            if name is None:
                waiting.append(line)
                if not line.strip("> |\t\r\n") and len(names & _OF_MESSAGES) >= _FIELDS and names & _TRACES:
                    mode = self._below if mode is not Mode.BLANK else mode
                    made.append(self._text.rewrite("".join(waiting), Mode.PROSE))
                    waiting.clear()
                names.clear()
                continue
            is_words = mode is not Mode.PROSE and fields()[name] == "prose"
            made += (
                self._text.rewrite("".join(waiting), mode),
                self._text.rewrite(line, mode) if is_words else self._header.field(line),
            )
            waiting.clear()
            names.add(name)
        made.append(self._text.rewrite("".join(waiting), mode))
        return "".join(made)

    def _html(self, text: str, mode: Mode) -> str:
        if mode is Mode.PROSE:
            return self._text.rewrite(text)
        return around(_TAG, text, self._tag, lambda words: self._text.rewrite(words, mode))

    def _tag(self, tag: str) -> str:
        """Return a tag without what its attributes say; style sheets and scripts are removed."""
        if tag[:1] == "&":
            return tag
        if tag[:7].lower() in {"<style>", "<script"} or tag[:6].lower() == "<style":
            return ""
        return _VALUE.sub('""', tag)


def plain(body: bytes, declared: Declared) -> bytes:
    """Return a body without its transfer encoding."""
    return decode_transfer(body, declared.encoding, _overlook)


def encoded(octets: bytes, before: bytes, declared: Declared) -> bytes:
    """Return a body with its transfer encoding put on, its lines ended as before."""
    if declared.encoding in IDENTITY:
        return octets
    end = b"\r\n" if b"\r\n" in before else b"\n"
    tail = before[len(before.rstrip(b"\r\n")) :]
    if declared.encoding.startswith("base64"):
        lines = (b2a_base64(octets[at : at + _LINE], newline=False) for at in range(0, len(octets), _LINE))
        return end.join(lines) + tail
    if declared.encoding.startswith("quoted"):
        made = b2a_qp(octets.replace(b"\r\n", b"\n"), istext=True)
        return made.rstrip(b"\n").replace(b"\n", end) + tail
    return octets


def _octets(made: str, before: bytes, text: str, charset: str) -> bytes:
    """Return text in the charset that it came in, or where that was none, in UTF-8, which needs no label."""
    codec = codec_name(charset) if charset else None
    for name in (codec, "utf-8-sig" if before[:3] == b"\xef\xbb\xbf" else None):
        try:
            if name is not None and before.decode(name) == text:
                return made.encode(name, "replace")
        except (UnicodeError, ValueError):
            continue
    if before.isascii() and b"\x1b" in before:
        return made.encode("iso2022_jp_ext", "replace")
    return made.encode("utf-8", "replace")


def _fields_in(text: str) -> Iterator[tuple[str, str | None]]:
    """Yield the lines of a text, with the name of the field that each one begins; folded lines are joined to theirs."""
    field, name = "", ""
    for line in text.splitlines(keepends=True):
        if field and line[:1] in " \t" and line.strip():
            field += line
            continue
        if field:
            yield field, name
            field = ""
        match = FIELD.match(line)
        if match is not None and match["name"].lower() in fields():
            field, name = line, match["name"].lower()
        else:
            yield line, None
    if field:
        yield field, name


def _overlook(_: Repair) -> None:
    """Say nothing: reading the result will say it."""
