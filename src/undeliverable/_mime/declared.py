"""What a header block declares of the body below it: its type and its transfer encoding (RFC 2045 5 and 6)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from undeliverable._mime.grammar import MIME_FIELD_AFTER_BLANK, PLAIN_PART

__all__ = ["GLUED_TYPES", "Declared", "Head", "declaration", "is_own", "read_head", "type_name"]

# The types that reports are made of, as they are mostly written: RFC 2046, 3462, 3464.
_TYPES: Final = {
    name.encode(): name
    for name in (
        "multipart/report", "multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/rfc822-headers",
        "message/delivery-status", "message/rfc822",
    )
}  # fmt: skip
_TEXTS: Final = frozenset(("text/plain", "text/rfc822-headers", "message/delivery-status"))
_UNENCODED: Final = frozenset(("", "7bit", "8bit"))
GLUED_TYPES: Final = ("message/", "text/rfc822-headers")
"""How the types begin whose bodies are fields themselves: these can run together with the part's own."""
_REMEMBERED: Final = 512
_ROOM: Final = 1_000
"""Octets in which the header block of a body part ends: nearly all have 200."""
_BLANK_LINE: Final = b"\n\n"
_LF: Final = 10


class Declared(NamedTuple):
    """What a header block declares.

    :ivar content_type: in lower case; None where there is none.
    :ivar rest: what stands behind it in the field; None without the field.
    :ivar encoding: in lower case; "" without one.
    :ivar is_usual: whether a body of ASCII is the text itself.
    :ivar is_own: whether no field of the body can be among those of the block.
    """

    content_type: str | None
    rest: bytes | None
    encoding: str
    is_usual: bool
    is_own: bool = False


_NO_HEADER: Final = Declared(None, None, "", is_usual=True, is_own=True)

Head: TypeAlias = tuple[Declared, int, int]
"""What a header block declares, where it ends and where the body begins."""


def declaration(kind: bytes | None, rest: bytes | None, encoding: bytes | None) -> Declared:
    """What a type, the rest of its field and a transfer encoding declare; each None where it is not there."""
    content_type = None if kind is None else type_name(kind)
    word = "" if encoding is None else encoding.lower().decode("latin-1")
    is_text = content_type in _TEXTS and rest is not None and b"oundary" not in rest and b"-7" not in rest
    return Declared(content_type, rest, word, is_usual=is_text and word in _UNENCODED)


def read_head(data: bytes, start: int, end: int) -> Head | None:
    """The header block of the body part from `start` to `end`, if it is as nearly all are, with line ends LF; else None."""
    stop = data.find(_BLANK_LINE, start, min(end, start + _ROOM))
    if stop > start:
        found = _declared(data[start : stop + 1])
        return None if found is None else (found, stop + 1, stop + 2)
    if start < end and data[start] == _LF and not MIME_FIELD_AFTER_BLANK.match(data, start + 1, end):
        return _NO_HEADER, start, start + 1
    return None


@lru_cache(maxsize=_REMEMBERED)
def _declared(head: bytes) -> Declared | None:
    """What a body part's header block declares, to the line end of its last field; None where it is damaged.

    Parts of one kind have the same block in all mails of one server.
    """
    match = PLAIN_PART.fullmatch(head)
    if match is None or (match[1] is None and match[2] is not None):
        return None
    kind, rest, word, is_usual, _ = declaration(match[1], match[2], match[3])
    if kind is None:  # RFC 2045 5.2
        is_usual = word in _UNENCODED
    own = is_own(head) if kind is None or kind.startswith(GLUED_TYPES) else True
    return Declared(kind, rest, word, is_usual, own)


def is_own(head: bytes) -> bool:
    """Whether each line of a part's header block is a field of the part's own, as in nearly all mail."""
    return head.count(b"\n", 0, -1) == head.count(b"\nContent-")


def type_name(kind: bytes) -> str:
    """A content type in lower case."""
    return _TYPES.get(kind) or kind.lower().decode("latin-1")
