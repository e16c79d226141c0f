"""The report as RFC 6522 and RFC 3464 have it, piece by piece: what nearly all servers write today; and what comes back.

A multipart/report of a text for people, the fields of one recipient, and what comes back of the message; everything
unencoded, each field in its usual spelling. What is not quite so is read with more care. No pattern here can fail behind
a repetition in which alternatives overlap, so that none tries a second way through it.
"""

from __future__ import annotations

import re
from typing import Final

from undeliverable._dsn.grammar import message_group, recipient_group
from undeliverable._text.lazy import lazy
from undeliverable.model._returned import GROUPING

__all__ = [
    "BOUNDARY_VALUE",
    "FIELD_BELOW",
    "FOLD",
    "RECEIVED_FOR",
    "REPORT_HEADER",
    "RETURNED_FIELDS",
    "RETURNED_PART",
    "STATUS_PART",
    "TEXT_PART",
]

# RFC 5322 2.2 and 2.2.3: a field's value, and any field at all. A line of blanks ends the block.
_VALUE: Final = r"[^\n]*+(?:\n[ \t]++[^\s][^\n]*+)*+"
_FIELD: Final = r"[!-9;-~]++[ \t]*+:" + _VALUE + r"\n"
# RFC 4155: "From " begins an mbox separator, even with a colon behind the blank.
_NO_SEPARATOR: Final = "(?!>?+From )"


def _first(name: str, group: int, value: str = _VALUE) -> str:
    """Return the first field of a name, its value captured: none stood before, when `group` was set."""
    return rf"[{name[0]}{name[0].upper()}](?i:{name[1:]})[ \t]*+:(?({group})(?!))({value})"


def _fields(names: tuple[str, ...], first: int) -> str:
    """Return the header block of a message, the first fields of these names captured from number `first` on."""
    wanted = [_first(name, group) + r"\n" for group, name in enumerate(names, first)]
    return _NO_SEPARATOR + "(?:" + "|".join([*wanted, _FIELD]) + "){0,500}"


def _part(types: str) -> str:
    """Return the header block of a body part of some types, and its blank line: all of its own fields, no encoding.

    Its first group is the type, of which there is one.
    """
    return (
        r"\n(?:[cC](?i:ontent-)(?:"
        rf"(?i:type:(?(1)(?!))[ \t]*+({types}))(?=[;\s])(?![^\n]*(?:-7|oundary))[^\n]*+"
        r"|(?i:transfer-encoding:[ \t]*+[78]bit)[ \t]*+"
        r"|(?i:description|disposition|language|id):[^\n]*+"
        r")\n){0,8}\n(?![ \t]*+(?i:content-)[A-Za-z-]{1,40}+[ \t]*+:)"
    )


# RFC 2046 5.1.1: the boundary in the value of a Content-Type, and the types of a report (RFC 6522 3) as they are written.
# Groups: a quotation mark; the boundary, which is the whole value of the only parameter that is called so.
BOUNDARY_VALUE: Final = lazy(
    r"[ \t]*+multipart/(?:report|mixed)[;\s](?>.*?boundary=)(?<![^;\s]boundary=)"
    r"(\")?+([^\"\s;]{1,200}+)(?(1)\"|(?=[;\s]|\Z))(?!.*boundary)",
    re.IGNORECASE | re.DOTALL | re.ASCII,
)
# Groups: the Content-Type, and five more fields.
REPORT_HEADER: Final = lazy(_fields(("content-type", "from", "subject", "date", "message-id", "list-id"), 1), re.ASCII)
# Behind its delimiter, as the two below. Group: the type.
TEXT_PART: Final = lazy(_part("text/plain"), re.ASCII)
# Groups: the type; where the fields begin; those of the message (5); where the recipient's begin; these (9).
STATUS_PART: Final = lazy(
    _part("message/delivery-status") + "()" + message_group(3) + "()" + recipient_group(9) + r"\n*+", re.ASCII
)
# RFC 5322 3.6: what ties a report to the message that was sent; and what groups messages.
_RETURNED: Final = ("message-id", "from", "to", "subject", "date", *GROUPING)
# Groups: the type; the header block; seven of its fields.
RETURNED_PART: Final = lazy(
    _part("message/rfc822|text/rfc822-headers") + "(" + _fields(_RETURNED, 3) + ")",
    re.ASCII,
)
# The same fields of any header block, each line behind a line end; one of blanks may continue a field.
RETURNED_FIELDS: Final = lazy(
    r"(?:\n(?:"
    + "|".join([_first(name, group, r"[^\n]*+(?:\n[ \t][^\n]*+)*+") for group, name in enumerate(_RETURNED, 1)])
    + r"|[^\n]*+))*",
    re.ASCII,
)
FOLD: Final = lazy(r"\n[ \t]+")
# Where a header block begins below a text marker: a field name and a colon.
FIELD_BELOW: Final = lazy(r"[!-9;-~]{1,76}:[ \t]", re.ASCII)
# RFC 5321 4.4: a trace field may say for whom a copy was received, unless it went to several.
RECEIVED_FOR: Final = lazy(r"\sfor\s{1,9}<([^<>@\s]{1,64}@[^<>@\s]{1,255})>\s{0,9};")
