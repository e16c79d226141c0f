"""A message as a tree of parts, parsed from octets on demand.

Nothing is decoded before it is needed, and parts are offsets into the message, so a tree costs little more than the
octets themselves. Damaged mail is the normal case: no content ever raises, and every repair and guess leaves one remark
(see `repairs`). Results are cached on the part, since several readers look at the same parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from undeliverable._mime import structure as _structure
from undeliverable._mime.charsets import decode_text, is_plain, is_plain_text
from undeliverable._mime.flatten import to_octets
from undeliverable._mime.grammar import CUSTOMARY_PREAMBLE, HEADER_BLOCK, HTML_START, LEAD_STARTS
from undeliverable._mime.headers import decode_block
from undeliverable._mime.html import render
from undeliverable._mime.part_header import EMBEDDED, PartHeader
from undeliverable._mime.repairs import FIELDS_LIMIT, HEADER_LIMIT, MAX_DEPTH, TEXT_LIMIT, Ledger, Repair
from undeliverable._mime.transfer import IDENTITY, decode_transfer, seems_base64
from undeliverable._text.lazy import lazy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

__all__ = ["Part", "as_bytes", "embedded", "read", "root", "settled"]

_BINARY: Final = ("application/", "image/", "audio/", "video/", "font/", "model/", "chemical/", "x-")
_LF: Final = 10
_WORD: Final = 72  # octets at the start of a text that nearly always include a blank, unlike those of base64
_CARRIAGE_RETURNS: Final = lazy(r"\r++(\n?+)")
# What stands around it may be an address, which must not become another one.
_NUL_INSIDE: Final = lazy(r"(?<=[^\s<>:;,\0])\0+(?=[^\s<>:;,\0])")
_LARGE: Final = 64 * 1024  # octets of a body that is not copied where that can be avoided
_OPENING: Final = 6 * 1024  # octets enough to recognise a part, whatever its label says


def read(message: bytes | bytearray | memoryview | Message[Any, Any], remarks: list[str]) -> Part:
    """Return the root of the message's parts.

    :param remarks: repairs are appended here, as parts are read.
    :raises TypeError: for anything but octets and message objects; never for content.
    """
    return root(settled(as_bytes(message, remarks), remarks), remarks)


def root(data: bytes, remarks: list[str]) -> Part:
    """Return the root of the parts of octets whose line endings are already normalised."""
    return _message(data, Ledger(remarks), "", 0, len(data), 0)


def embedded(message: Part) -> Iterator[Part]:
    """Yield the messages that stand in `message`, but not those inside of them."""
    waiting = [message]
    while waiting:
        part = waiting.pop()
        if part.content_type in EMBEDDED:
            yield from part.children
        else:
            waiting += part.children[::-1]


def settled(data: bytes, remarks: list[str]) -> bytes:
    """Normalise line endings to LF, except in very large messages; repairs are appended to `remarks`."""
    return _structure.normalise_line_endings(data, Ledger(remarks).note) if b"\r" in data else data


def as_bytes(message: bytes | bytearray | memoryview | Message[Any, Any], remarks: list[str]) -> bytes:
    """Return the message's octets; a message object that cannot be flattened leaves a remark."""
    return message if isinstance(message, bytes) else to_octets(message, Ledger(remarks).note)


def _message(data: bytes, ledger: Ledger, path: str, start: int, end: int, depth: int) -> Part:
    if start < end and data[start] in LEAD_STARTS:
        start = _structure.skip_lead(data, start, end, ledger.note)
    return Part(data, ledger, path, start, end, depth, "text/plain", whole=True)


def _with_lf(text: str) -> str:
    """Return `text` with LF line endings; where it has some, other CRs are foreign (see `normalise_line_endings`)."""
    if "\r" not in text:
        return text
    if "\n" not in text:
        return text.replace("\r", "\n")
    if "\r\r\n" not in text:
        return text.replace("\r\n", "\n").replace("\r", " ")
    return _CARRIAGE_RETURNS.sub(lambda run: run[1] or " " * len(run[0]), text)


def _overlook(_: Repair) -> None:
    """Ignore a repair of text that is only looked at, not used."""


class Part(PartHeader):
    """One part of a message: the message itself, a body part, or an embedded message. Read-only.

    `path` is its position in the tree: "" for the root, "1", "1.2" and so on. `content_type` is the declared type in
    lower case, or the default: text/plain, or message/rfc822 in a multipart/digest (RFC 2046 5.1.5).
    """

    # --- body --------------------------------------------------------------------------------

    @property
    def payload(self) -> bytes:
        """The body without its transfer encoding."""
        payload = self._payload
        if payload is None:
            payload = self._payload = self._decoded()
        return payload

    def _decoded(self) -> bytes:
        self._unglue()
        return self._without_encoding(self._data[self._body : self._end])

    def _without_encoding(self, body: bytes) -> bytes:
        encoding = self._encoding()
        if encoding in IDENTITY:
            if not (self.content_type.startswith("text/") and seems_base64(body)):
                return body
            self._ledger.note(Repair.BASE64_UNDECLARED)
            encoding = "base64"
        return decode_transfer(body, encoding, self._ledger.note)

    @property
    def text(self) -> str:
        """The body as text with LF line endings, HTML rendered; "" for parts with children and for binary parts."""
        text = self._text
        if text is None:
            text = self._read_usual_text()
            if text is None:
                text = "" if self.content_type.startswith(_BINARY) or self.children else self._read_text()
            self._text = text
        return text

    def _read_usual_text(self) -> str | None:
        """Return the body if it is unencoded ASCII of the declared type, as nearly always; else None."""
        if not self._is_usual:
            return None
        if not self._is_own:
            self._unglue()
        if self._end - self._body > _LARGE:
            return None
        body = self._data[self._body : self._end]
        if b"\r" in body or b"<" in body[:64] or not is_plain(body) or b" " not in body[:_WORD]:
            return None
        return body.decode("ascii")

    def _read_text(self) -> str:
        if self.content_type == "text/html":
            return render(self._characters())
        text = self._characters()
        if "<" in text[:64] and HTML_START.match(text):
            self._ledger.note(Repair.HTML_AS_PLAIN)
            return render(text)
        return text

    def _characters(self) -> str:
        """Decode the body to characters; its octets are not cached, since a large part is not needed as both."""
        size = self._end - self._body
        body = self._payload if size <= TEXT_LIMIT else None  # of a larger one only the beginning is decoded
        if body is None and size <= _LARGE:
            body = self._decoded()
        elif body is None:
            self._unglue()
            end = self._end if size <= TEXT_LIMIT else self._end_of_beginning()
            usual = self._read_unencoded(end)
            if usual is not None:
                return _with_lf(usual)
            body = self._without_encoding(self._data[self._body : end])
        if is_plain(body) and not self._may_be_utf7():
            text = body.decode("ascii")
        else:
            text = decode_text(body, self.parameters.get("charset", "").lower(), self._ledger.note)
        del body  # line endings and NULs take a second copy of the text
        text = _with_lf(text)
        if "\0" in text:
            self._ledger.note(Repair.NUL)
            if text.count("\0") * 8 < len(text):
                text = _NUL_INSIDE.sub("\ufffd", text)
            text = text.replace("\0", "")
        return text

    def _may_be_utf7(self) -> bool:
        """Return whether the charset may be UTF-7, in which ASCII stands for other characters."""
        rest = self._rest
        return rest is not None and b"-7" in rest and b"utf-7" in rest.lower()

    def _read_unencoded(self, end: int) -> str | None:
        """Return the body up to `end` if it has no transfer encoding, is no base64 for want of a blank, and is plain ASCII; else None."""
        if self._encoding() not in IDENTITY or self._may_be_utf7():
            return None
        if b" " not in self._data[self._body : self._body + _WORD]:
            return None
        try:
            text = str(memoryview(self._data)[self._body : end], "ascii")
        except UnicodeDecodeError:
            return None
        return text if is_plain_text(text) else None

    def _end_of_beginning(self) -> int:
        """Return where the last whole line of the body ends within the limit of what is read."""
        limit = TEXT_LIMIT if self.content_type.startswith("text/") else FIELDS_LIMIT
        end = min(self._end, self._body + limit)
        if end < self._end:
            self._ledger.note(Repair.TOO_LONG)
            end = self._data.rfind(b"\n", end - 998, end) + 1 or end
        return end

    @property
    def octets(self) -> bytes:
        """The whole part, header and body, as it stands in the message."""
        return bytes(self._data[self._start : self._end])

    @property
    def opening(self) -> str:
        """The first characters of the body, whatever its type; decoded as Latin-1, since only ASCII matters here."""
        self._unglue()
        body = self._data[self._body : min(self._end, self._body + _OPENING)]
        opening = decode_transfer(body, self._encoding(), _overlook).decode("latin-1")
        return opening.replace("\r\n", "\n")

    def read_as(self, content_type: str) -> Part:
        """Return this part read as another type than the declared one, and leave a remark."""
        self._ledger.note(Repair.RELABELLED)
        part = Part(
            self._data, self._ledger, self.path, self._start, self._end, self._depth, content_type, whole=self._whole
        )
        part.content_type = content_type
        return part

    # --- tree --------------------------------------------------------------------------------

    @property
    def children(self) -> tuple[Part, ...]:
        """The parts of a multipart, or the one message embedded in a message/rfc822 or message/global."""
        children = self._children
        if children is None:
            children = self._children = self._read_children()
        return children

    def walk(self) -> Iterator[Part]:
        """Yield this part and all parts below it, depth first."""
        stack: list[Part] = [self]
        while stack:
            part = stack.pop()
            yield part
            children = part.children
            if children:
                stack += children[::-1]

    def _read_children(self) -> tuple[Part, ...]:
        kind = self.content_type
        if kind.startswith("multipart/"):
            read_them = self._multipart
        elif kind in EMBEDDED:
            read_them = self._embedded
        elif (self._rest and b"oundary" in self._rest) or (self._rest is None and self._whole):
            read_them = self._undeclared
        else:
            return ()
        if self._depth < MAX_DEPTH:
            return read_them()
        self._ledger.note(Repair.TOO_DEEP)
        return ()

    def _multipart(self) -> tuple[Part, ...]:
        children = self._split(self._boundary(), self._start)
        if children:
            return children
        decoded = self._decoded_container()
        if decoded:
            return decoded
        declared = self.parameters.get("boundary", "").encode("utf-8", "replace")
        children = self._split(declared, self._start)
        if children:
            return children
        guess = _structure.boundary_in_use(self._data, self._body, self._end)
        if guess:
            self._ledger.note(Repair.OTHER_BOUNDARY)
            return self._split(guess, self._body, preamble=True)
        if not self._is_empty():
            self._ledger.note(Repair.NO_PARTS)
        return ()

    def _undeclared(self) -> tuple[Part, ...]:
        """Split a body that is a multipart in all but its declared type."""
        boundary = self._boundary() or _structure.boundary_at_start(self._data, self._body, self._end)
        children = self._split(boundary, self._body)
        if children:
            self._ledger.note(Repair.UNDECLARED_MULTIPART)
        return children

    def _split(self, boundary: bytes, start: int, *, preamble: bool = False) -> tuple[Part, ...]:
        if not boundary:
            return ()
        ledger = self._ledger
        spans, first, closed = _structure.split(self._data, boundary, start, self._end, ledger.parts_left, ledger.note)
        if first < 0:
            return ()
        if len(spans) >= ledger.parts_left:
            ledger.note(Repair.TOO_MANY)
        elif not closed:
            ledger.note(Repair.NOT_CLOSED)
        ledger.parts_left -= len(spans)
        if preamble and not CUSTOMARY_PREAMBLE.fullmatch(self._data, self._body, max(first, self._body)):
            spans.insert(0, (self._body - 1, first))
        return self._parts(spans)

    def _parts(self, spans: list[_structure.Span]) -> tuple[Part, ...]:
        data, ledger, depth = self._data, self._ledger, self._depth + 1
        prefix = self.path + "." if self.path else ""
        default = "message/rfc822" if self.content_type == "multipart/digest" else "text/plain"
        return tuple([
            Part(data, ledger, f"{prefix}{number}", start, end, depth, default, whole=False)
            for number, (start, end) in enumerate(spans, 1)
        ])  # fmt: skip

    def _embedded(self) -> tuple[Part, ...]:
        self._unglue()
        decoded = self._decoded_container()
        if decoded:
            return decoded
        if self._is_empty():
            return ()
        return (self._message_at(self._data, self._body, self._end),)

    @property
    def embedded_header(self) -> str | None:
        """The header block of the message embedded in a message/rfc822 or the like; None if there is none."""
        if self._children is None:
            self._unglue()
            if self.content_type in EMBEDDED and self._encoding() in IDENTITY:
                data, body, end = self._data, self._body, self._end
                block = HEADER_BLOCK.match(data, body, end)
                stop = block.end() if block else body
                if body < stop < end and data[stop] == _LF and data[body] not in LEAD_STARTS:
                    return decode_block(data[body : min(stop, body + HEADER_LIMIT)])  # a usual header: no part is made
        for message in self.children[:1]:
            return message.header_block
        return None

    def _decoded_container(self) -> tuple[Part, ...]:
        """Return the children of a container that is encoded although RFC 2045 6.4 forbids it."""
        encoding = self._encoding()
        if encoding in IDENTITY or self._is_empty():
            return ()
        data = self.payload
        if b"\r" in data:
            data = _structure.normalise_line_endings(data, self._ledger.note)
        if self.content_type in EMBEDDED:
            self._ledger.note(Repair.ENCODED_CONTAINER)
            return (self._message_at(data, 0, len(data)),)
        inner = Part(data, self._ledger, self.path, 0, len(data), self._depth, "text/plain", whole=False)
        inner._rest, inner._stop, inner._body, inner._encoded = self._rest, 0, 0, None  # it has no header of its own
        children = inner._split(self._boundary(), 0)
        if children:
            self._ledger.note(Repair.ENCODED_CONTAINER)
        return children

    def _message_at(self, data: bytes, start: int, end: int) -> Part:
        path = f"{self.path}.1" if self.path else "1"
        return _message(data, self._ledger, path, start, end, self._depth + 1)

    def _is_empty(self) -> bool:
        window = self._data[self._body : min(self._end, self._body + 1024)]
        return not window.strip() and not self._data[self._body : self._end].strip()
