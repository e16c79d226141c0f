"""The report as RFC 6522 and RFC 3464 have it, read in one pass: most of what servers write today.

What is only a little different is read part by part (see `_mime`), with the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from undeliverable._dsn.fields import DiagnosticReader, read_one
from undeliverable._dsn.report_grammar import BOUNDARY_VALUE, REPORT_HEADER, RETURNED_PART, STATUS_PART, TEXT_PART
from undeliverable._dsn.returned import returned_message
from undeliverable._mime.charsets import is_plain_text
from undeliverable._mime.headers import readable
from undeliverable._mime.part import Part, root
from undeliverable._text.classes import ordinary
from undeliverable.model import RecipientFacts, Returned

__all__ = ["LONGEST", "STATUS_PATH", "TEXT_PATH", "Look", "Standard", "read"]

LONGEST: Final = 65_536
"""Octets of a message that are tried: a larger one holds much more than the report."""

_NAMES: Final = ("from", "subject", "date", "message-id", "list-id")
_CLOSED: Final = ("", "\n")
_BLANKS: Final = " \t\n"  # only these: an octet of a character in UTF-8 may be white space in Latin-1
_UNREAD: Final = Returned("")
TEXT_PATH: Final = "1"
STATUS_PATH: Final = "2"

Look: TypeAlias = Callable[[str], str | None]
"""Gives the first value of a message's header of a name, or None."""


class Standard(NamedTuple):
    """What a standard report holds.

    :ivar header: gives the first value of its header of a name, or None.
    :ivar text: the text for people, in the part TEXT_PATH.
    :ivar message: what the fields say of the message, as keywords of :class:`~undeliverable.model.MessageFacts`.
    :ivar recipient: the facts about the one recipient.
    :ivar returned: the returned message, if one is attached.
    """

    header: Look
    text: str
    message: dict[str, Any]
    recipient: RecipientFacts
    returned: Returned | None


def read(data: bytes, reader_for: Callable[[str], DiagnosticReader], remarks: list[str]) -> Standard | None:
    """Return what the report `data` holds, or None where it is no standard one; line ends are LF.

    :param reader_for: gives for the text what reads the reply in a ``Diagnostic-Code``.
    :param remarks: gets what had to be guessed.
    """
    if len(data) > LONGEST:
        return None
    whole = data.decode("latin-1")
    # An mbox separator (RFC 4155) may stand before the header block.
    header = REPORT_HEADER.match(whole, whole.find("\n") + 1 if whole.startswith("From ") else 0)
    if header is None:
        return None
    content_type, *known = header.groups()
    parts = None if content_type is None else _parts(whole, header.end(), content_type)
    if parts is None:
        return None
    plain = is_plain_text(whole)
    text = _text(parts[1], plain)
    back = _returned_message(parts[3], plain) if len(parts) == 4 else None
    if text is None or back is _UNREAD:
        return None
    fields = _status(parts[2], plain, reader_for(text), remarks)
    return None if fields is None else Standard(_headers(known, plain, data), text, *fields, back)


def _parts(whole: str, body: int, content_type: str) -> list[str] | None:
    """Return what stands before the first part, and the two or three parts; else None.

    Each part begins behind its delimiter, and ends with the line end before the next one, which is the delimiter's (RFC
    2046 5.1.1).
    """
    boundary = BOUNDARY_VALUE.match(content_type)
    if boundary is None or whole[body : body + 1] != "\n":
        return None
    parts = whole.split(f"--{boundary[2]}")
    last = parts.pop()
    if not 3 <= len(parts) <= 4 or last[:2] != "--" or last[2:3] not in _CLOSED:
        return None
    for part in parts:
        if part[-1:] != "\n":
            return None
    return parts


def _text(part: str, plain: bool) -> str | None:  # noqa: FBT001 - a fact, not a switch
    """Return the text for people; None where it is not simply ASCII, or HTML, or empty.

    :param plain: whether the whole message is plain.
    """
    head = TEXT_PART.match(part)
    if head is None:
        return None
    text = part[head.end() : -1]
    return text if (plain or is_plain_text(text)) and "<" not in text[:64] and not text.isspace() and text else None


def _status(
    part: str,
    plain: bool,  # noqa: FBT001
    read_reply: DiagnosticReader,
    remarks: list[str],
) -> tuple[dict[str, Any], RecipientFacts] | None:
    """Return what the fields say of the message and of one recipient; None where there are others, or blanks end a line."""
    found = STATUS_PART.match(part)
    if found is None or found.end() != len(part) or not (plain or is_plain_text(part)):
        return None
    kind, _, reporting, received, arrival, envelope, queue, _, *values = found.groups()
    if kind is None:
        return None
    begin = found.start(2)
    message = reporting, received, arrival, envelope, queue
    return read_one(message, tuple(values), part[begin:], STATUS_PATH, found.start(8) - begin, read_reply, remarks)


def _returned_message(part: str, plain: bool) -> Returned | None:  # noqa: FBT001
    """Return the returned message; _UNREAD where it is not simply a header block, of a whole message or alone."""
    found = RETURNED_PART.match(part)
    if found is None:
        return _UNREAD
    kind, block, *values = found.groups()
    if kind is None:
        return _UNREAD
    if kind[0] in "mM":
        if not block or part[found.end() : found.end() + 1] != "\n":
            return _UNREAD
    else:
        block = part[found.start(2) : -1]
        if found.end() < len(part) and not part.endswith("\n" * (len(part) - found.end())):
            return _UNREAD
    return returned_message(block, values) if plain or is_plain_text(block) else _UNREAD


def _headers(known: Sequence[str | None], plain: bool, data: bytes) -> Look:  # noqa: FBT001
    """Return a function that gives the first value of a header: unfolded, stripped, encoded words decoded."""
    joined = "".join(filter(None, known))
    if plain and "\n" not in joined and "=?" not in joined:
        values = [value and value.strip() for value in known]
    else:  # seldom
        values = [value and readable(value.strip(_BLANKS).encode("latin-1")) for value in known]
    found = _Headers(zip(_NAMES, values, strict=True))
    found.data = data
    return found.__getitem__


@ordinary
class _Headers(dict[str, "str | None"]):
    """The headers that are known; all others when they are asked for.

    :ivar data: the message, until that is read as a tree of parts.
    """

    __slots__ = ("data",)
    data: bytes | Part

    def __missing__(self, name: str) -> str | None:
        if isinstance(self.data, bytes):
            self.data = root(self.data, [])
        value = self[name] = self.data.header(name)
        return value
