"""Patterns for MIME and header syntax, each with the section that it comes from.

Quantifiers are possessive, so no pattern backtracks into what it has matched, and no search begins with a character
class. Time is therefore linear in the octets, whatever they are.
"""

from __future__ import annotations

import re
from typing import Final

from undeliverable._text.lazy import lazy

# --- header blocks: RFC 5322 2.2, 2.2.3 and 3.6.8 -------------------------------------------

# RFC 5322 3.6.8: field-name is printable US-ASCII except ":"; 4.5 allows blanks before the colon.
# 2.2.3: a continuation line begins with a blank. A line of blanks alone ends the block: section 4.2 allows it inside,
# but in damaged mail it mostly stands for the empty line (see INDENTED_BLANK).
HEADER_BLOCK: Final = lazy(
    rb"(?:[!-9;-~]++[ \t]*+:[^\n]*+\n?+(?:[ \t]++[^\s][^\n]*+\n?+)*+)*+",
)
# The same, capturing the first Content-Type (its type, the rest of its value) and the blank line.
_VALUE: Final = rb"[^\n]*+\n?+(?:[ \t]++[^\s][^\n]*+\n?+)*+"
_TYPE_NAME: Final = rb"(?i:content-type)[ \t]*+:"
_LINE: Final = rb"[!-9;-~]++[ \t]*+:" + _VALUE
_TYPE_VALUE: Final = rb"[ \t]*+(?:\r?+\n[ \t]++)?+[\"']?+([^\s/;\"'(),<>@]++/[^\s/;\"'(),<>@]++)?+(" + _VALUE + rb")"
PART_HEADER: Final = lazy(
    rb"(?:(?!"
    + _TYPE_NAME
    + rb")"
    + _LINE
    + rb")*+(?:"
    + _TYPE_NAME
    + _TYPE_VALUE
    + rb")?+(?:"
    + _LINE
    + rb")*+(\r?+\n)?+",
)
_ENCODING_VALUE: Final = rb"[ \t]*+(?:\r?+\n[ \t]++)?+[\"']?+([^\s;\"'(]++)"


def _first(name: bytes, group: int, value: bytes) -> bytes:
    """Return a pattern that captures the value of the first field `name`: it fails once `group` is set."""
    first = b"[%c%c]" % (name[0], name[0] ^ 32)  # rejects most lines at their first octet
    return first + rb"(?i:%s)[ \t]*+:(?(%d)(?!))" % (name[1:], group) + value


# The same for usual blocks, also capturing the first value of each of the most wanted fields. Blocks with more lines,
# or damaged ones, are left to PART_HEADER.
_PART_FIELDS: Final = (
    _first(b"content-type", 2, _TYPE_VALUE),
    _first(b"content-transfer-encoding", 3, _ENCODING_VALUE + _VALUE),
)
_MESSAGE_FIELDS: Final = tuple(
    _first(name, group, rb"(" + _VALUE + rb")")
    for group, name in enumerate((b"from", b"subject", b"date", b"message-id", b"list-id"), 4)
)
PLAIN_PART: Final = lazy(
    rb"(?:" + rb"|".join((*_PART_FIELDS, _LINE)) + rb"){0,200}(\r?+\n)?+",
)
PLAIN_MESSAGE: Final = lazy(
    rb"(?:" + rb"|".join((*_PART_FIELDS, *_MESSAGE_FIELDS, _LINE)) + rb"){0,200}(\r?+\n)?+",
)
FIELD_START: Final = lazy(rb"[!-9;-~]++[ \t]*+:")
INDENTED_BLANK: Final = lazy(rb"[ \t]++\r?+(?:\n|\Z)")
FIELD_VALUE: Final = r"([^\n]*+(?:\n[ \t][^\n]*+)*+)"
FIELD: Final = lazy(rf"\n([!-9;-~]++)[ \t]*+:{FIELD_VALUE}")

# RFC 4155: an mbox separator. Blank lines or a BOM before it or before the header block are accidents.
LEAD: Final = lazy(
    rb"(?:\xef\xbb\xbf)?+(?P<blank>(?:[ \t]*+\r?+\n)*+)(?:>?+From [^\n]*+\n)?+(?:[ \t]*+\r?+\n)*+",
)
LEAD_STARTS: Final = b">F \t\r\n\xef"
BARE_CR: Final = lazy(rb"\r(?!\n)")
CARRIAGE_RETURNS: Final = lazy(rb"\r++(\n?+)")

# One or two lines that are not fields, before a field that does not occur in running text.
JUNK_BEFORE_FIELD: Final = lazy(
    rb"(?i)(?!--)[^\r\n][^\n]*+\n(?:(?!--)[^\r\n:]++\r?+\n)?+"
    rb"(?=(?:received|date|message-id|mime-version|content-type|content-transfer-encoding|x-[a-z0-9-]++)[ \t]*+:)",
)

# --- Content-Type and its parameters: RFC 2045 5.1, RFC 2231 3 and 4 -------------------------

CONTENT_TYPE: Final = lazy(rb"\n" + _TYPE_NAME + _TYPE_VALUE)
LOOSE_PARAMETER: Final = lazy(
    rb"(?i)(?:boundary|charset|report-type|format|delsp|protocol|micalg|name|type)[ \t]*+=[^\n]*+(?:\n|\Z)",
)
# Text between semicolons, of which a quoted string (RFC 5322 3.2.4) may hold some itself.
PARAMETER: Final = lazy(r'([^;"]*+(?:"(?:[^"\\]++|\\.)*+(?:"|\Z|\\\Z)[^;"]*+)*+)(?:;|\Z)', re.DOTALL)
QUOTED: Final = lazy(r'[ \t]*+"((?:[^"\\]++|\\.)*+)', re.DOTALL)
QUOTED_PAIR: Final = lazy(r"\\(.)", re.DOTALL)
# RFC 2231 3 and 4: name*0*, name*1, name*
EXTENDED_NAME: Final = lazy(r"([^*]++)(?:\*(\d{1,4}))?(\*)?\Z")

# RFC 2046 5.1.1: a boundary has at most 70 characters; real ones are also longer, unquoted or unclosed.
BOUNDARY: Final = lazy(rb'(?i)boundary\s*+=\s*+(?:"([^"\r\n]*+)|([^\s;"]++))')
DELIMITER_TAIL: Final = lazy(rb"(--)?+[ \t]*+\r?+(?:\n|\Z)")
# A delimiter line in use, whatever is declared: one that a part's header (RFC 2045 3) follows.
DELIMITER_IN_USE: Final = lazy(rb"(?i)\n--(?!-*+\s)(\S{1,200}+)[ \t]*+\r?+\n(?:\r?+\n)?+content-[a-z-]{1,40}+[ \t]*+:")
# The same at the start of a body, after at most one line of the customary preamble.
DELIMITER_FIRST: Final = lazy(
    rb"(?i)(?:\r?+\n)*+(?:this is [^\n]{0,80}?mime[^\n]*+\n)?+(?:\r?+\n)*+"
    rb"--(?!-*+\s)(\S{1,200}+)[ \t]*+\r?+\ncontent-[a-z-]{1,40}+[ \t]*+:",
)
# RFC 2046 5.1.1: by custom the preamble explains the message to readers without MIME.
CUSTOMARY_PREAMBLE: Final = lazy(rb"(?i)\s*+(?:[^\n]{0,120}?(?:mime|multi-?part)[^\n]*+\s*+)?+")
MIME_FIELD_AFTER_BLANK: Final = lazy(rb"(?i)[ \t]*+content-[a-z-]{1,40}+[ \t]*+:")
# RFC 2046 5.1: a body part's header holds Content-* fields; others there belong to its body.
FOREIGN_FIELD: Final = lazy(rb"(?i)\n(?!content-|mime-version|x-)(?=[!-9;-~]++[ \t]*+:)")
# RFC 3464 2.2 and 2.3, RFC 5965 3: fields that open a machine-readable report.
REPORT_FIELD: Final = lazy(
    rb"(?i)\n(?=(?:reporting-mta|original-envelope-id|dsn-gateway|received-from-mta|arrival-date|x-postfix-[a-z-]++|"
    rb"final-recipient|original-recipient|action|status|feedback-type|user-agent|reporting-ua)[ \t]*+:)",
)

# --- transfer encodings: RFC 2045 6 ----------------------------------------------------------

TRANSFER_ENCODING: Final = lazy(rb"(?i)\ncontent-transfer-encoding[ \t]*+:" + _ENCODING_VALUE)
TRANSFER_ENCODING_FIRST: Final = lazy(TRANSFER_ENCODING.pattern.replace(rb"\n", b"", 1))
BASE64_LINE: Final = lazy(rb"[A-Za-z0-9+/]++={0,2}+[ \t\r]*+(?:\n|\Z)")
# RFC 2045 6.7 rule 3: blanks at the end of a line are not data; here they hide a soft line break.
SOFT_BREAK_BLANKS: Final = lazy(rb"=[ \t]++(?=\r?+\n)")
STRAY_EQUALS: Final = lazy(rb"=(?![0-9A-Fa-f]{2}|\r?+\n)")

# --- encoded words: RFC 2047 2, with the language of RFC 2231 5 ------------------------------

# Blanks and question marks inside the text are forbidden but occur; the next "=?" ends the word.
ENCODED_WORD: Final = lazy(
    r"=\?([!-)+->@-~]{1,75}+)(?:\*[!->@-~]{0,40}+)?+\?([bBqQ])\?"
    r"([^?=\n]*+(?:(?:\?(?!=)|=(?!\?(?!=)))[^?=\n]*+)*+)(?:\?=|\Z)",
)

# --- HTML: tags as browsers parse them (WHATWG HTML 13.2.5) ----------------------------------

TAG: Final = lazy(
    r"<(/?+)([A-Za-z][A-Za-z0-9:]{0,30}+)(?=[\s/>])"
    r"((?:[^<>\"']++|\"[^<\"]*+\"|'[^<']*+')*+>|[^<>]*+>)"
    r"|<[!?][^<>]*+>",
)
RAW_ELEMENT: Final = lazy(r"(?i)<(?:(!)--|(script|style|title|template)(?=[\s/>]))")
RAW_ENDS: Final = {
    "!": lazy(r"-->"),
    "script": lazy(r"(?i)</script[^<>]*+>?+"),
    "style": lazy(r"(?i)</style[^<>]*+>?+"),
    "title": lazy(r"(?i)</title[^<>]*+>?+"),
    "template": lazy(r"(?i)</template[^<>]*+>?+"),
}
# What hides an element: the attribute `hidden`, or its style. VALUE takes values off, which may hold that word as well.
HIDING: Final = lazy(r"(?i)hidden|style\s*+=")
STYLE: Final = lazy(r"(?i)(?<![\w-])style\s*+=\s*+(\"[^\"]*+|'[^']*+|[^\s>\"']++)")
HIDDEN: Final = lazy(r"(?i)(?<![\w-])(?:display\s*+:\s*+none|visibility\s*+:\s*+(?:hidden|collapse))(?![\w-])")
VALUE: Final = lazy(r"\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s>\"']*+)")
ENTITY: Final = lazy(r"&(?:#(?:\d{1,7}+(?!\d)|[xX][0-9A-Fa-f]{1,6}+(?![0-9A-Fa-f]))|[A-Za-z][A-Za-z0-9]{1,31}+);?+")
MAILTO: Final = lazy(r"(?i)href\s*+=\s*+[\"']?+mailto:([^\"'>?\s]++)")
BLANKS: Final = lazy(r"[ \t\n\r\f\v\xa0]+")
FIRST_BLANK: Final = lazy(r"(?<=\S)[ \t\n]")
BLANK_LINES: Final = lazy(r"\n{3,}")
HTML_START: Final = lazy(r"(?i)\s*+<(?:!doctype html|html[\s>])")
