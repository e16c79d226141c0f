"""Walk through a message line by line, as it stands: header blocks, bodies, delimiters.

Nothing is parsed into a tree and put together again, for that would mend what is broken, and a broken message is often the
one to share. A delimiter is a delimiter if some field declared it, or if a field of MIME follows it.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from undeliverable._mime.headers import decode_block, header_fields, read_parameters
from undeliverable._mime.transfer import IDENTITY
from undeliverable.anonymize._body import Body, Declared, encoded, plain
from undeliverable.anonymize._header import FIELD, Header
from undeliverable.anonymize._text import Mode, Text
from undeliverable.anonymize._vocabulary import Vocabulary

__all__ = ["Message", "decoded", "is_from_system"]

_LINE: Final = re.compile(rb"[^\r\n]*(?:\r+\n|\r|\n)|[^\r\n]+")
_MIME: Final = re.compile(rb"content-[a-z-]{1,40}[ \t]*:", re.IGNORECASE)
_WITHIN: Final = frozenset(
    ("message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers", "message/rfc822-headers")
)
_REMOVED: Final = b"(removed)"
_BLANKS: Final = b" \t\r\n"


class _Level(NamedTuple):
    """What holds for the parts between the delimiters of one multipart."""

    boundary: bytes
    mode: Mode
    is_returned: bool


class Message:
    """Rewrite one message."""

    def __init__(self, text: Text, *, mode: Mode, below: Mode) -> None:
        """Rewrite nothing yet.

        :param mode: what becomes of the words of its text.
        :param below: what becomes of the body of a returned message that is not a part of its own.
        """
        self._text = text
        self._header = Header(text)
        self._body = Body(text, self._header, below)
        self._first_mode = mode
        self._lines: list[bytes] = []
        self._at = 0
        self._levels: list[_Level] = []
        self._mode = mode
        self._is_returned = False

    def rewrite(self, raw: bytes) -> bytes:
        """Return the message with everything replaced."""
        self._lines, self._at, self._levels = _LINE.findall(raw), 0, []
        self._mode, self._is_returned = self._first_mode, False
        made: list[bytes] = []
        while self._at < len(self._lines):
            made.append(self._delimiters())
            declared, block = self._block(is_message=not made[0] and len(made) == 1)
            made += (block, *self._below(declared))
        return b"".join(made)

    # --- header blocks ------------------------------------------------------------------------------------------------

    def _block(self, *, is_message: bool) -> tuple[Declared, bytes]:
        """Return what the header block at this place declares, and the block rewritten, with the empty line."""
        made: list[bytes] = []
        kind = encoding = ""
        parameters: dict[str, str] = {}
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if not line.strip(_BLANKS):
                self._at += 1
                made.append(line)
                if not any(each.strip(_BLANKS) for each in made) and is_message:
                    continue  # blank lines before a message
                break
            if self._delimiter(line) or not self._begins_field(line, is_first=not made):
                break
            field = self._field()
            raw, _ = decoded(field)
            name, value = _named(raw)
            if name == "content-type" and not kind:
                kind, parameters = _media_type(value)
            elif name == "content-transfer-encoding" and not encoding:
                encoding = value.partition(";")[0].strip().lower()
            made.append(self._rewritten(field, raw))
        kind = kind or ("" if parameters == {} else "text/plain")
        return Declared(
            kind, encoding, parameters.get("charset", "").lower(), parameters.get("boundary", "")
        ), b"".join(made)

    def _begins_field(self, line: bytes, *, is_first: bool) -> bool:
        if is_first and line.startswith((b"From ", b">From ", b"\xef\xbb\xbf")):
            return True
        match = FIELD.match(line.decode("latin-1"))
        return match is not None and not match["lead"].strip(" \t")

    def _field(self) -> bytes:
        """Return the field that begins at this place, with its folded lines."""
        start = self._at
        self._at += 1
        while (
            self._at < len(self._lines) and self._lines[self._at][:1] in b" \t" and self._lines[self._at].strip(_BLANKS)
        ):
            self._at += 1
        return b"".join(self._lines[start : self._at])

    def _rewritten(self, field: bytes, raw: str) -> bytes:
        """Return a field rewritten, in the octets that it was written in; what is not touched stays as it is."""
        made = self._text.rewrite(raw) if raw.startswith(("From ", ">From ")) else self._header.field(raw)
        return field if made == raw else made.encode("utf-8", "replace")

    # --- bodies -------------------------------------------------------------------------------------------------------

    def _below(self, declared: Declared) -> list[bytes]:
        """Return what stands below a header block, rewritten, up to the next delimiter."""
        if declared.boundary and (declared.kind.startswith("multipart/") or not declared.kind):
            boundary = declared.boundary.encode("utf-8", "replace")
            self._levels.append(_Level(boundary, self._mode, self._is_returned))
            return [self._body.part(self._until_delimiter(), Declared(), self._mode)]
        if declared.kind in _WITHIN and declared.encoding in IDENTITY:
            return self._within()
        body = self._until_delimiter()
        return [self._rewritten_body(body, declared)]

    def _rewritten_body(self, body: bytes, declared: Declared) -> bytes:
        if not body.strip(_BLANKS):
            return body
        if declared.kind in _WITHIN:
            inner = Message(self._text, mode=self._mode, below=Mode.MASKED).rewrite(plain(body, declared))
            return encoded(inner, body, declared)
        if declared.kind.startswith("message/"):
            return self._each_line(body, declared)
        is_text = not declared.kind or declared.kind.startswith(("text/", "multipart/")) or "/" not in declared.kind
        if self._is_returned or not is_text:
            return encoded(_REMOVED, body, declared) + (
                body[len(body.rstrip(b"\r\n")) :] if declared.encoding in IDENTITY else b""
            )
        return self._body.part(body, declared, self._mode)

    def _each_line(self, body: bytes, declared: Declared) -> bytes:
        """Return groups of fields rewritten: a delivery status, a feedback report."""
        text, _ = decoded(plain(body, declared))
        made = self._body.lines(text, Mode.PROSE)
        return body if made == text else encoded(made.encode("utf-8", "replace"), body, declared)

    def _within(self) -> list[bytes]:
        """Return a message that stands in this part: its header block, and its body without what somebody wrote."""
        start = self._at
        declared, block = self._block(is_message=True)
        is_report = declared.kind == "multipart/report" or is_from_system(
            b"".join(self._lines[start : self._at]), self._text.known
        )
        self._mode = Mode.PROSE if is_report else self._mode
        self._is_returned = self._is_returned or not is_report
        return [block, *self._below(declared)]

    # --- delimiters ---------------------------------------------------------------------------------------------------

    def _until_delimiter(self) -> bytes:
        start = self._at
        while self._at < len(self._lines) and not self._delimiter(self._lines[self._at]):
            self._at += 1
        return b"".join(self._lines[start : self._at])

    def _delimiter(self, line: bytes) -> bytes:
        """Return the boundary of which the line is a delimiter, else nothing."""
        if not line.startswith(b"--"):
            return b""
        bare = line.rstrip(_BLANKS)[2:]
        for level in self._levels:
            if bare in {level.boundary, level.boundary + b"--"}:
                return level.boundary
        following = self._lines[self._at + 1] if self._at + 1 < len(self._lines) else b""
        return bare if b" " not in bare and _MIME.match(following) else b""

    def _delimiters(self) -> bytes:
        """Return the delimiter at this place rewritten, and what stands behind the last one; nothing where there is none."""
        made: list[bytes] = []
        while self._at < len(self._lines) and (boundary := self._delimiter(line := self._lines[self._at])):
            self._at += 1
            made.append(self._replaced(line, boundary))
            self._enter(boundary)
            if line.rstrip(_BLANKS).endswith(boundary + b"--"):
                made.append(self._body.part(self._until_delimiter(), Declared(), self._mode))
        return b"".join(made)

    def _replaced(self, line: bytes, boundary: bytes) -> bytes:
        other = self._header.boundary(boundary.decode("utf-8", "replace")).encode()
        return line.replace(boundary, other, 1)

    def _enter(self, boundary: bytes) -> None:
        """Forget the multiparts within this one."""
        known = [number for number, level in enumerate(self._levels) if level.boundary == boundary]
        if known:
            del self._levels[known[-1] + 1 :]
            self._mode, self._is_returned = self._levels[-1].mode, self._levels[-1].is_returned


def is_from_system(header: bytes, known: Vocabulary) -> bool:
    """Return whether the header of a message says that a mail system sent it."""
    block = decode_block(header)
    sender, path = _value(block, "from"), _value(block, "return-path")
    local = sender.rpartition("<")[2].partition("@")[0]
    return path == "<>" or known.is_system(local) or known.is_system(sender.partition("<")[0])


def _value(block: str, name: str) -> str:
    return next((value for found, value in header_fields(block) if found == name), "")


def decoded(octets: bytes) -> tuple[str, str]:
    """Return the text of fields or of a log line, whose line endings stay as they are, and the codec that it came in."""
    try:
        return octets.decode(), "utf-8"
    except UnicodeDecodeError:
        return octets.decode("latin-1"), "latin-1"


def _named(raw: str) -> tuple[str, str]:
    name, _, value = raw.partition(":")
    return name.strip().lower(), " ".join(value.split())


def _media_type(value: str) -> tuple[str, dict[str, str]]:
    kind, _, rest = value.partition(";")
    return kind.strip().strip('"').lower(), read_parameters(rest)
