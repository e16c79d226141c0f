"""The header block of a part: its extent, its declarations, and its fields, found on demand.

One pattern reads the usual header block, with the most wanted fields of a message on the way; `PART_HEADER` and the
repairs of `structure` handle the rest. A field is then searched in the octets of the block, and an index of all fields
is built only when a caller wants several of one name or the block is unusual.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from undeliverable._mime import structure as _structure
from undeliverable._mime.declared import GLUED_TYPES, Declared, declaration, is_own, read_head, type_name
from undeliverable._mime.grammar import (
    BOUNDARY,
    CONTENT_TYPE,
    FIELD_START,
    FOREIGN_FIELD,
    MIME_FIELD_AFTER_BLANK,
    PART_HEADER,
    PLAIN_MESSAGE,
    REPORT_FIELD,
    TRANSFER_ENCODING,
    TRANSFER_ENCODING_FIRST,
)
from undeliverable._mime.headers import (
    decode_block,
    decoded,
    first_value,
    needle,
    raw_fields,
    read_parameters,
    readable,
    unfold,
)
from undeliverable._mime.repairs import HEADER_LIMIT, VALUE_LIMIT, Ledger, Repair
from undeliverable._text.classes import mypyc_attr

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EMBEDDED", "PartHeader"]

EMBEDDED: Final = frozenset({"message/rfc822", "message/global", "message/news"})
"""Types whose body is a whole message (RFC 2046 5.2.1, RFC 6532 3.7)."""

_MOST_WANTED: Final = {"from": 0, "subject": 1, "date": 2, "message-id": 3, "list-id": 4}
"""Positions of these fields among the values that PLAIN_MESSAGE captures."""
_WITHOUT_LISTS: Final = frozenset((*_MOST_WANTED, "content-type"))
_NO_PARAMETERS: Final[Mapping[str, str]] = MappingProxyType({})


@mypyc_attr(allow_interpreted_subclasses=True)
class PartHeader:
    """A part's header block, and the offsets of the block and the body in the message's octets."""

    # Results read so far: class attributes, so that a new part costs no assignments for them.
    _children: tuple[Any, ...] | None = None
    _payload: bytes | None = None
    _text: str | None = None
    _block: str | None = None
    _octets: bytes | None = None
    _fields: list[tuple[str, str]] | None = None
    _values: dict[str, str | None] | None = None
    _parameters: Mapping[str, str] | None = None
    _wanted: tuple[bytes | None, ...] | None = None
    _encoded: str | None = None  # the transfer encoding; None if it has to be searched for
    _is_usual = False  # see Declared
    _is_own = False

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
        found = self._of_message() if whole else self._of_part()
        if found is None:
            octets, rest = self._read_unusual_header()
            if octets is not None:
                self.content_type = type_name(octets)
            else:
                self.content_type = default if rest is None else self._damaged_type(rest)
        else:
            kind, rest, self._encoded, self._is_usual, self._is_own = found
            if kind is None:
                kind = default
                self._is_usual = self._is_usual and kind == "text/plain"
            self.content_type = kind
        self._rest = self._within_limit(rest)

    def _of_part(self) -> Declared | None:
        """Read the header block of a body part if it is a usual one."""
        head = read_head(self._data, self._start, self._end)
        if head is None:
            return None
        found, self._stop, self._body = head
        return found

    def _of_message(self) -> Declared | None:
        """Read the header block of a message if it is a usual one, with the most wanted fields on the way."""
        match = PLAIN_MESSAGE.match(self._data, self._start, self._end)
        if match is None:  # pragma: no cover - the pattern matches the empty string
            return None
        kind, rest, encoding, *wanted, blank = match.groups()
        body = match.end()
        if not blank or body <= self._start + len(blank) or (kind is None and rest is not None):
            return None
        self._body = body
        self._stop = body - len(blank)
        self._wanted = tuple(wanted) if body - self._start <= VALUE_LIMIT else tuple(map(self._within_limit, wanted))
        return declaration(kind, rest, encoding)

    def _within_limit(self, value: bytes | None) -> bytes | None:
        if value is None or len(value) <= VALUE_LIMIT:
            return value
        self._ledger.note(Repair.LONG_HEADER)
        return value[:VALUE_LIMIT]

    def _read_unusual_header(self) -> tuple[bytes | None, bytes | None]:
        """Read a header block that has very many lines or does not end with an empty line."""
        match = PART_HEADER.match(self._data, self._start, self._end)
        kind, rest, blank = match.groups() if match else (None, None, None)
        self._body = body = match.end() if match else self._start
        self._stop = body - len(blank) if blank else body
        return (kind, rest) if blank and self._stop > self._start else self._settle(kind, rest, blank)

    def _settle(self, kind: bytes | None, rest: bytes | None, blank: bytes | None) -> tuple[bytes | None, bytes | None]:
        """Find the end of a header block that is not simply fields and an empty line."""
        data, end = self._data, self._end
        if blank:
            if self._whole or not MIME_FIELD_AFTER_BLANK.match(data, self._body, end):
                return kind, rest
            self._ledger.note(Repair.BLANK_BEFORE_PART)
            again = PartHeader(data, self._ledger, self.path, self._body, end, self._depth, "text/plain", whole=True)
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

    @property
    def header_block(self) -> str:
        """The header block as text, still folded, with LF line endings."""
        block = self._block
        if block is None:
            self._unglue()
            block = self._block = decode_block(self._header_octets())
        return block

    def _header_octets(self) -> bytes:
        stop = self._stop
        if stop - self._start > HEADER_LIMIT:
            self._ledger.note(Repair.LONG_HEADER)
            stop = self._start + HEADER_LIMIT
        return self._data[self._start : stop]

    def header(self, name: str) -> str | None:
        """Return the first field of that name, unfolded, stripped, encoded words decoded; None if there is none."""
        values = self._values
        if values is None:
            values = self._values = {}
        elif name in values:
            return values[name]
        value = values[name] = self._first_value(name)
        return value

    def _first_value(self, name: str) -> str | None:
        wanted = self._wanted
        if wanted is not None and name in _MOST_WANTED:
            raw = wanted[_MOST_WANTED[name]]
            return None if raw is None else readable(raw)
        block = self._octets
        if block is None:
            block = self._open_header()
        if self._fields is None:
            raw = first_value(block, self._lowered, needle(name))
            if raw is not None and len(raw) > VALUE_LIMIT and name in _WITHOUT_LISTS:
                raw = self._within_limit(raw)
            return None if raw is None else readable(raw)
        value = self._first.get(name.lower())
        return None if value is None else decoded(value)

    def _open_header(self) -> bytes:
        """Prepare the header block for searches: its octets after a line feed, indexed at once if they are unusual."""
        self._unglue()
        block = self._octets = b"\n" + self._header_octets()
        self._lowered = block.lower()
        if b" :" in block or b"\t:" in block or b"\0" in block:
            self._index()
        return block

    def headers(self, name: str) -> tuple[str, ...]:
        """Return all fields of that name in order, each decoded as by `header`."""
        fields = self._fields
        if fields is None:
            fields = self._index()
        name = name.lower()
        if name not in self._first:
            return ()
        if len(fields) == len(self._first):
            return (decoded(self._first[name]),)
        return tuple(decoded(value) for key, value in fields if key.lower() == name)

    def _index(self) -> list[tuple[str, str]]:
        fields = self._fields = raw_fields(self.header_block)
        self._first: dict[str, str] = {name.lower(): value for name, value in reversed(fields)}
        return fields

    @property
    def parameters(self) -> Mapping[str, str]:
        """The parameters of Content-Type by lower-case name, decoded by RFC 2231."""
        parameters = self._parameters
        if parameters is None:
            rest = self._rest
            found = read_parameters(unfold(decode_block(rest))) if rest else None
            parameters = self._parameters = MappingProxyType(found) if found else _NO_PARAMETERS
        return parameters

    def _encoding(self) -> str:
        if self._encoded is not None:
            return self._encoded
        start, stop = self._start, self._stop
        found = TRANSFER_ENCODING.search(self._data, start - 1 if start else 0, stop)
        if found is None and not start:
            found = TRANSFER_ENCODING_FIRST.match(self._data, start, stop)
        return found[1].lower().decode("latin-1") if found else ""

    def _unglue(self) -> None:
        """Return to the body those fields of it that ran together with the part's own header."""
        if self._is_own or self._whole or not self.content_type.startswith(GLUED_TYPES):
            return
        if is_own(self._data[self._start : self._stop]):
            return
        report = self.content_type not in EMBEDDED and not self.content_type.endswith("-headers")
        found = (REPORT_FIELD if report else FOREIGN_FIELD).search(self._data, self._start, self._stop)
        if found and (report or not FIELD_START.match(self._data, self._body, self._end)):
            self._ledger.note(Repair.GLUED_BODY)
            self._stop = self._body = found.end()
            self._block = self._octets = self._fields = self._encoded = self._values = None

    def _boundary(self) -> bytes:
        """Return the declared boundary without parsing all parameters; enough for most mail."""
        rest = self._rest
        if not rest:
            return b""
        at = rest.find(b'boundary="') + 10
        stop = rest.find(b'"', at)
        if stop > at > 9 and b"\n" not in rest[at:stop]:
            return rest[at:stop].rstrip()
        found = BOUNDARY.search(rest)
        return (found[1] or found[2] or b"").rstrip() if found else b""
