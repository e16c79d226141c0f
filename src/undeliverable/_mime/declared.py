"""Content type and transfer encoding as a header block declares them (RFC 2045 5 and 6).

This is the fast path for body parts: one pattern reads the usual header block, and since all mail from one server has
the same few blocks, the result is cached. A block that is damaged or unusual gives None and is read by `part_header`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from undeliverable._mime.grammar import MIME_FIELD_AFTER_BLANK, PLAIN_PART

__all__ = ["GLUED_TYPES", "Declared", "Head", "declaration", "is_own", "read_head", "type_name"]

# The types of the parts of reports, in their usual spelling: RFC 2046, 3462, 3464.
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
"""Prefixes of the types whose bodies begin with fields, which can run together with the part's own header."""
_REMEMBERED: Final = 512
_ROOM: Final = 1_000
"""Octets within which the header block of a body part must end for the fast path; nearly all have 200."""
_BLANK_LINE: Final = b"\n\n"
_LF: Final = 10


class Declared(NamedTuple):
    """The declarations of a header block.

    :ivar content_type: in lower case; None if absent.
    :ivar rest: the rest of the Content-Type field; None without the field.
    :ivar encoding: in lower case; "" if absent.
    :ivar is_usual: whether an ASCII body can be used as text without any decoding.
    :ivar is_own: whether no field of the body can have run into the block.
    """

    content_type: str | None
    rest: bytes | None
    encoding: str
    is_usual: bool
    is_own: bool = False


_NO_HEADER: Final = Declared(None, None, "", is_usual=True, is_own=True)

Head: TypeAlias = tuple[Declared, int, int]
"""The declarations of a header block, the offset of its end, and the offset of the body."""


def declaration(kind: bytes | None, rest: bytes | None, encoding: bytes | None) -> Declared:
    """Combine a content type, the rest of its field and a transfer encoding, each None if absent."""
    content_type = None if kind is None else type_name(kind)
    word = "" if encoding is None else encoding.lower().decode("latin-1")
    is_text = content_type in _TEXTS and rest is not None and b"oundary" not in rest and b"-7" not in rest
    return Declared(content_type, rest, word, is_usual=is_text and word in _UNENCODED)


def read_head(data: bytes, start: int, end: int) -> Head | None:
    """Read the header block of the body part from `start` to `end`; None if it is unusual or has CRLF."""
    stop = data.find(_BLANK_LINE, start, min(end, start + _ROOM))
    if stop > start:
        found = _declared(data[start : stop + 1])
        return None if found is None else (found, stop + 1, stop + 2)
    if start < end and data[start] == _LF and not MIME_FIELD_AFTER_BLANK.match(data, start + 1, end):
        return _NO_HEADER, start, start + 1
    return None


@lru_cache(maxsize=_REMEMBERED)
def _declared(head: bytes) -> Declared | None:
    """Return the declarations of a body part's header block, None if it is damaged.

    :param head: the block up to and including the line feed of its last field. The result is cached, because parts of
        one kind have the same block in all mail from one server.
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
    """Return whether each line of a part's header block is a Content-* field, as in nearly all mail."""
    return head.count(b"\n", 0, -1) == head.count(b"\nContent-")


def type_name(kind: bytes) -> str:
    """Return a content type in lower case."""
    return _TYPES.get(kind) or kind.lower().decode("latin-1")
