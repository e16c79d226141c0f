"""A message as a tree of parts, read from octets on demand: nothing is decoded before it is asked for.

Never raises on content. Every repair and guess leaves one remark (see `_repairs`). Parts are offsets into
the message, so that a tree costs little beside the octets themselves.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from undeliverable import _structure
from undeliverable._charsets import decode_text, is_plain
from undeliverable._flatten import to_octets
from undeliverable._grammar_mime import (
    BOUNDARY,
    CONTENT_TYPE,
    CUSTOMARY_PREAMBLE,
    FIELD_START,
    FOREIGN_FIELD,
    HEADER_BLOCK,
    HTML_START,
    LEAD_STARTS,
    MIME_FIELD_AFTER_BLANK,
    PART_HEADER,
    REPORT_FIELD,
    TRANSFER_ENCODING,
    TRANSFER_ENCODING_FIRST,
)
from undeliverable._headers import (
    decode_block,
    decode_words,
    find_header_block,
    first_value,
    header_fields,
    needle,
    raw_fields,
    read_parameters,
    unfold,
)
from undeliverable._html import render
from undeliverable._repairs import FIELDS_LIMIT, MAX_DEPTH, TEXT_LIMIT, Ledger, Repair
from undeliverable._transfer import IDENTITY, decode_transfer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from email.message import Message

__all__ = ["Part", "as_bytes", "decode_words", "find_header_block", "header_fields", "read"]

EMBEDDED: Final = frozenset({"message/rfc822", "message/global", "message/news"})
"""Types whose body is a whole message (RFC 2046 5.2.1, RFC 6532 3.7)."""

_TEXTUAL: Final = ("text/", "message/", "multipart/")
_BINARY: Final = ("application/", "image/", "audio/", "video/", "font/", "model/", "chemical/", "x-")
_LF: Final = 10
_UNENCODED: Final = frozenset((b": 7bit\n", b": 8bit\n"))
_header: Final = PART_HEADER.match
# The types that reports are made of, as they are mostly written: RFC 2046, 3462, 3464.
_TYPES: Final = {
    name.encode(): name
    for name in (
        "multipart/report", "multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/rfc822-headers",
        "message/delivery-status", "message/rfc822",
    )
}  # fmt: skip
_NO_PARAMETERS: Final[Mapping[str, str]] = MappingProxyType({})


def read(message: bytes | bytearray | memoryview | Message[Any, Any], remarks: list[str]) -> Part:
    """The root of the message's parts; what had to be repaired is appended to `remarks`, as parts are touched.

    Raises TypeError for anything but octets and message objects; never for content.
    """
    ledger = Ledger(remarks)
    data = message if isinstance(message, bytes) else to_octets(message, ledger.note)
    if b"\r" in data:
        data = _structure.settle_line_ends(data, ledger.note)
    return _message(data, ledger, "", 0, len(data), 0)


def as_bytes(message: bytes | bytearray | memoryview | Message[Any, Any], remarks: list[str]) -> bytes:
    """The message's octets, as `read` takes them; a message object that cannot be flattened leaves a remark."""
    return message if isinstance(message, bytes) else to_octets(message, Ledger(remarks).note)


def _message(data: bytes, ledger: Ledger, path: str, start: int, end: int, depth: int) -> Part:
    if start < end and data[start] in LEAD_STARTS:
        start = _structure.skip_lead(data, start, end, ledger.note)
    return Part(data, ledger, path, start, end, depth, "text/plain", whole=True)


class Part:
    """One part of a message: the message itself, a body part, or an embedded message. Read-only.

    `path` is its place in the tree: "" for the root, "1", "1.2" and so on. `content_type` is the declared one in
    lower case, or the default: text/plain, in a multipart/digest message/rfc822 (RFC 2046 5.1.5).
    """

    __slots__ = (
        "_block", "_body", "_children", "_data", "_depth", "_end", "_fields", "_first", "_ledger", "_lowered",
        "_octets", "_parameters", "_payload", "_rest", "_start", "_stop", "_text", "_whole", "content_type", "path",
    )  # fmt: skip

    def __init__(
        self, data: bytes, ledger: Ledger, path: str, start: int, end: int, depth: int, default: str, *, whole: bool
    ) -> None:
        self._data = data
        self._ledger = ledger
        self.path: Final = path
        self._start: int = start
        self._end: int = end
        self._depth = depth
        self._whole = whole
        self._children: tuple[Part, ...] | None = None
        self._payload: bytes | None = None
        self._text: str | None = None
        self._block: str | None = None
        self._octets: bytes | None = None
        self._fields: list[tuple[str, str]] | None = None
        self._parameters: Mapping[str, str] | None = None
        match = _header(data, start, end)
        kind, rest, blank = match.groups() if match else (None, None, None)
        self._body = body = match.end() if match else start
        self._stop = body - len(blank) if blank else body
        if not blank or self._stop == start:
            kind, rest = self._settle(kind, rest, blank)
        self._rest = rest
        if kind is not None:
            self.content_type = _TYPES.get(kind) or kind.lower().decode("latin-1")
        else:
            self.content_type = default if rest is None else self._damaged_type(rest)

    def _settle(self, kind: bytes | None, rest: bytes | None, blank: bytes | None) -> tuple[bytes | None, bytes | None]:
        """The header block's end where it is not simply an empty line after fields."""
        data, end = self._data, self._end
        if blank:
            if self._whole or not MIME_FIELD_AFTER_BLANK.match(data, self._body, end):
                return kind, rest
            self._ledger.note(Repair.BLANK_BEFORE_PART)
            again = Part(data, self._ledger, self.path, self._body, end, self._depth, "text/plain", whole=True)
            self._start, self._stop, self._body = again._start, again._stop, again._body
            return (again.content_type.encode("latin-1") if again._rest is not None else None), again._rest
        if self._stop >= end:
            return kind, rest
        broken = self._stop
        self._stop, self._body, loose = _structure.repaired_header_end(
            data, self._start, broken, end, self._ledger.note
        )
        if rest is None:
            found = CONTENT_TYPE.search(data, max(0, broken - 1), self._stop)
            kind, rest = found.groups() if found else (None, None)
        return kind, rest + loose if rest is not None else None

    def _damaged_type(self, rest: bytes) -> str:
        word = rest.strip(b" \t\r\n;\"'").lower()
        if word and not word.startswith(b"text"):  # "text" alone was valid before MIME (RFC 2045 5.2)
            self._ledger.note(Repair.DAMAGED_TYPE)
        return "multipart/mixed" if word.startswith(b"multipart") else "text/plain"

    # --- header ------------------------------------------------------------------------------

    @property
    def header_block(self) -> str:
        """The header block as text, still folded, line ends LF."""
        block = self._block
        if block is None:
            self._unglue()
            block = self._block = decode_block(self._data[self._start : self._stop])
        return block

    def header(self, name: str) -> str | None:
        """The first field of that name: unfolded, stripped, encoded words decoded; None if there is none."""
        block = self._octets
        if block is None:
            block = self._open_header()
        if self._fields is None:
            value = first_value(block, self._lowered, needle(name))
            return value if value is None or ("=?" not in value and "\x1b" not in value) else decode_words(value)
        value = self._first.get(name.lower())
        return None if value is None else _readable(value)

    def _open_header(self) -> bytes:
        """The header block's octets behind a line end, to be searched; an index of them only where they are unusual."""
        self._unglue()
        block = self._octets = b"\n" + self._data[self._start : self._stop]
        self._lowered = block.lower()
        if b" :" in block or b"\t:" in block or b"\0" in block:
            self._index()
        return block

    def headers(self, name: str) -> tuple[str, ...]:
        """All fields of that name, in order, each as `header` gives it."""
        fields = self._fields
        if fields is None:
            fields = self._index()
        name = name.lower()
        if name not in self._first:
            return ()
        if len(fields) == len(self._first):
            return (_readable(self._first[name]),)
        return tuple(_readable(value) for key, value in fields if key.lower() == name)

    def _index(self) -> list[tuple[str, str]]:
        fields = self._fields = raw_fields(self.header_block)
        self._first: dict[str, str] = {name.lower(): value for name, value in reversed(fields)}
        return fields

    @property
    def parameters(self) -> Mapping[str, str]:
        """The parameters of Content-Type, names in lower case, RFC 2231 decoded."""
        parameters = self._parameters
        if parameters is None:
            rest = self._rest
            found = read_parameters(unfold(decode_block(rest))) if rest else None
            parameters = self._parameters = MappingProxyType(found) if found else _NO_PARAMETERS
        return parameters

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
        encoding = self._encoding()
        body = self._data[self._body : self._end]
        return body if encoding in IDENTITY else decode_transfer(body, encoding, self._ledger.note)

    @property
    def text(self) -> str:
        """The body as characters, line ends LF, HTML as lines; "" for parts with children and for binary ones."""
        text = self._text
        if text is None:
            text = self._text = "" if self.content_type.startswith(_BINARY) or self.children else self._read_text()
        return text

    def _read_text(self) -> str:
        if self._end - self._body > TEXT_LIMIT:
            body = self._beginning(TEXT_LIMIT if self.content_type.startswith("text/") else FIELDS_LIMIT)
        else:
            body = self._payload or self._decoded()  # not kept: octets and text of a large part are not both wanted
        rest = self._rest
        if is_plain(body) and not (rest and b"-7" in rest and b"utf-7" in rest.lower()):
            text = body.decode("ascii")
            if "\r" in text:
                text = text.replace("\r\n", "\n").replace("\r", "\n")
        else:
            text = self._read_foreign_text(body)
        if self.content_type == "text/html":
            return render(text)
        if "<" in text[:64] and HTML_START.match(text):
            self._ledger.note(Repair.HTML_AS_PLAIN)
            return render(text)
        return text

    def _read_foreign_text(self, body: bytes) -> str:
        text = decode_text(body, self.parameters.get("charset", "").lower(), self._ledger.note)
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if "\0" in text:
            self._ledger.note(Repair.NUL)
            text = text.replace("\0", "")
        return text

    def _beginning(self, limit: int) -> bytes:
        """The body's whole lines within `limit` octets, without their transfer encoding."""
        self._unglue()
        end = min(self._end, self._body + limit)
        if end < self._end:
            self._ledger.note(Repair.TOO_LONG)
            end = self._data.rfind(b"\n", end - 998, end) + 1 or end
        return decode_transfer(self._data[self._body : end], self._encoding(), self._ledger.note)

    def _encoding(self) -> str:
        start, stop = self._start, self._stop
        head = self._data[start:stop].lower()
        at = head.find(b"content-transfer-encoding")
        if at < 0 or (head[at + 25 : at + 32] in _UNENCODED and (at == 0 or head[at - 1] == _LF)):
            return ""
        found = TRANSFER_ENCODING.search(self._data, max(start + at - 1, 0), stop)
        if found is None and not start:
            found = TRANSFER_ENCODING_FIRST.match(self._data, start, stop)
        return found[1].lower().decode("latin-1") if found else ""

    def _unglue(self) -> None:
        """Give back to the body what ran together with a body part's own header fields."""
        if self._whole or not self.content_type.startswith(("message/", "text/rfc822-headers")):
            return
        head = self._data[self._start : self._stop]
        if head.count(b"\n", 0, -1) == head.count(b"\nContent-"):
            return  # nearly all: each line is a field of the part's own
        report = self.content_type not in EMBEDDED and not self.content_type.endswith("-headers")
        found = (REPORT_FIELD if report else FOREIGN_FIELD).search(self._data, self._start, self._stop)
        if found and (report or not FIELD_START.match(self._data, self._body, self._end)):
            self._ledger.note(Repair.GLUED_BODY)
            self._stop = self._body = found.end()
            self._block = self._octets = self._fields = None

    # --- tree --------------------------------------------------------------------------------

    @property
    def children(self) -> tuple[Part, ...]:
        """The parts of a multipart, or the one message embedded in a message/rfc822 or message/global."""
        children = self._children
        if children is None:
            children = self._children = self._read_children()
        return children

    def walk(self) -> Iterator[Part]:
        """This part and all below it, depth first."""
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
        """A body that is a multipart in all but its type."""
        boundary = self._boundary() or _structure.boundary_at_start(self._data, self._body, self._end)
        children = self._split(boundary, self._body)
        if children:
            self._ledger.note(Repair.UNDECLARED_MULTIPART)
        return children

    def _boundary(self) -> bytes:
        """The declared boundary in the short way: as it stands in most mail."""
        rest = self._rest
        if not rest:
            return b""
        at = rest.find(b'boundary="') + 10
        stop = rest.find(b'"', at)
        if stop > at > 9 and b"\n" not in rest[at:stop]:
            return rest[at:stop].rstrip()
        found = BOUNDARY.search(rest)
        return (found[1] or found[2] or b"").rstrip() if found else b""

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
            body, end = self._body, self._end
            block = HEADER_BLOCK.match(self._data, body, end)
            stop = block.end() if block else body
            whole = body < stop < end and self._data[stop] == _LF and self._data[body] not in LEAD_STARTS
            if whole and self.content_type in EMBEDDED and not self._encoding():
                return decode_block(self._data[body:stop])  # as nearly always: no need to look further
        for message in self.children[:1]:
            return message.header_block
        return None

    def _decoded_container(self) -> tuple[Part, ...]:
        """Children of a container that was encoded although RFC 2045 6.4 forbids it."""
        encoding = self._encoding()
        if encoding in IDENTITY or self._is_empty():
            return ()
        data = self.payload
        if b"\r" in data:
            data = _structure.settle_line_ends(data, self._ledger.note)
        if self.content_type in EMBEDDED:
            self._ledger.note(Repair.ENCODED_CONTAINER)
            return (self._message_at(data, 0, len(data)),)
        inner = Part(data, self._ledger, self.path, 0, len(data), self._depth, "text/plain", whole=False)
        inner._rest, inner._stop, inner._body = self._rest, 0, 0  # its header block is this one's
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


def _readable(value: str) -> str:
    value = unfold(value)
    return decode_words(value) if "=?" in value or "\x1b" in value else value
