"""Repairs of damaged MIME: their remarks, one stable text each, and the limits of what is read."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

MAX_DEPTH: Final = 32
"""Levels of nesting that are read; anything deeper stays text of the last level. Real mail has fewer than 15."""

MAX_PARTS: Final = 10_000
"""Parts of one message that are read; each is an object of 500 octets. Digests of mailing lists have a few hundred."""

TEXT_LIMIT: Final = 2 * 1024 * 1024
"""Octets of a text that are read. A report explains the failure early; the whole original message may follow."""

FIELDS_LIMIT: Final = 4 * 1024 * 1024
"""Octets of a machine-readable part that are read: more than 15,000 recipients."""

HEADER_LIMIT: Final = 512 * 1024
"""Octets of a header block in which fields are found: 20,000 recipients in one field."""

VALUE_LIMIT: Final = 16 * 1024
"""Octets of From, Subject, Date, Message-ID and List-Id that are read, and of the parameters of a Content-Type: no list of
recipients stands there, and they are read into objects of many times their size."""


class Repair(StrEnum):
    """A repair or guess of the MIME reader; the value is the remark."""

    BARE_CR = "carriage returns without line feed read as line ends"
    STRAY_CR = "carriage returns inside lines read as blanks"
    LEADING_BLANK = "blank lines before the header block"
    NO_HEADER = "no header block"
    NO_BLANK_LINE = "no blank line between header block and body"
    BLANK_INSIDE = "line of blanks inside the header block"
    LOOSE_PARAMETER = "Content-Type continued on a line that is not indented"
    JUNK_LINE = "line inside the header block that is no field"
    BLANK_BEFORE_PART = "blank line between a boundary and the part's header block"
    GLUED_BODY = "body run together with the part's header block"
    DAMAGED_TYPE = "damaged Content-Type"
    NOT_CLOSED = "multipart without its closing boundary"
    AFTER_CLOSE = "parts after the closing boundary"
    GLUED_BOUNDARY = "boundary at the end of a line of text"
    OTHER_BOUNDARY = "boundary in use is not the one declared"
    UNDECLARED_MULTIPART = "multipart that is not declared as one"
    NO_PARTS = "multipart without any parts"
    ENCODED_CONTAINER = "transfer encoding on a part that must not have one"
    BASE64_CUT = "base64 cut short"
    BASE64_GARBAGE = "base64 with foreign characters"
    BASE64_UNDECLARED = "base64 that is not declared as such"
    BASE64_FALSE = "declared as base64 but is not"
    QUOTED_PRINTABLE_CUT = "quoted-printable cut short"
    QUOTED_PRINTABLE_GARBAGE = "quoted-printable with stray equals signs"
    UNKNOWN_ENCODING = "unknown transfer encoding"
    FALSE_CHARSET = "characters are not in the declared charset"
    UNKNOWN_CHARSET = "unknown charset"
    UNDECLARED_CHARSET = "charset not declared"
    GUESSED_CHARSET = "charset guessed"
    NO_GUESS = "charset read as Latin-1 for want of chardet, which is not installed"
    NUL = "NUL octets dropped"
    HTML_AS_PLAIN = "HTML declared as plain text"
    RELABELLED = "a part is not of the type that it is declared to be"
    TOO_DEEP = "nested deeper than is read"
    TOO_MANY = "more parts than are read"
    TOO_LONG = "text longer than is read"
    LONG_HEADER = "header block longer than is read"
    NOT_FLATTENED = "message object could not be flattened as it is"


class Ledger:
    """State that all parts of one message share: its remarks, and the number of parts that may still be read."""

    def __init__(self, remarks: list[str]) -> None:
        self.remarks = remarks
        self.parts_left = MAX_PARTS
        self._noted: set[Repair] = set()

    def note(self, repair: Repair) -> None:
        """Add the remark, once per message."""
        if repair not in self._noted:
            self._noted.add(repair)
            self.remarks.append(repair.value)
