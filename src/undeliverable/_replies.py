"""SMTP replies (RFC 5321 4.2) in every shape in which servers relay them, and what they answered.

A reply is foreign text in somebody else's frame: its lines may be joined by blanks, refolded, quoted or cut. Only a
code that leads a line counts; where lines differ, the last one decides. The enhanced status (RFC 2034) is taken from
behind the code, or where it is marked as one: never from addresses, versions or links.
"""

from __future__ import annotations

import re
from typing import Final

from undeliverable._grammar import (
    COMMANDS,
    ESCAPED_LINE_END,
    EXPIRED_STATUS,
    EXPIRED_WORDS,
    HEAD,
    LEAD,
    MARKED_STATUS,
    OTHER_FINAL,
    QUOTED_CODE,
    STATUS_FIELD,
    STEP,
    STEP_NOTE,
    TRAILING_STATUS,
)
from undeliverable.codes import REPLY_CODES, ReplyCode, StatusCode, status_of
from undeliverable.model import Command, Reply

__all__ = ["answered_command", "is_expired", "parse_reply"]

_head: Final = HEAD.match
_Heads = list[re.Match[str]]


def parse_reply(text: str, command: Command | None = None) -> Reply:
    """The SMTP reply that `text` is or relays; always a :class:`Reply`, its code and status None where none stands there.

    :param text: ``550 5.1.1 ...``, a ``Diagnostic-Code`` with or without its type, or ``host ... said: 550 ...``;
        several lines separated by line ends, by blanks or by a backslash and "n".
    :param command: what the reply answered; where it is None and the text ends with ``(in reply to RCPT TO command)``,
        that counts.
    """
    if "\\" in text:
        text = ESCAPED_LINE_END.sub("\n", text)
    if "(in" in text:
        text, noted = _without_note(text)
        command = command or noted
    first = _first_head(text)
    if first is None:
        return Reply(None, _own_status(text), _joined(text.strip()), command)
    code = first[1]
    start = first.start()
    if first[2]:
        heads = _heads_of_many(text, first)
        code = heads[-1][1]
        status = _status_of_many(text, heads)
    elif first[3] is not None:
        status = status_of(first[3], first[4], first[5])
    else:
        status = _status_of_many(text, [first, *_repeats(text, first, code + " ")])
    return Reply(REPLY_CODES.get(code) or ReplyCode(code), status, _joined(_reply_text(text, start, first.end())), command)


def _first_head(text: str) -> re.Match[str] | None:
    """The first line's code, and the status behind it if there is one."""
    found = _head(text)
    if found is not None:
        return found
    lead = LEAD.match(text)
    if lead is not None:
        found = _head(text, lead.end())
        if found is not None:
            return found
    for quoted in QUOTED_CODE.finditer(text):
        found = _head(text, quoted.end())
        if found is not None:
            return found
    return None


def _reply_text(text: str, start: int, end: int) -> str:
    """The reply without what the reporting server wrote before it; all of it if the reply is a mere code."""
    return text[start:].rstrip() if start == 0 or text[end:].strip() else text.strip()


def _joined(text: str) -> str:
    if "\n" not in text:
        return text
    return " ".join([line for part in text.split("\n") if (line := part.strip())])


def _without_note(text: str) -> tuple[str, Command | None]:
    """`text` without the reporting server's note on what the reply answered, and that."""
    start = text.rfind("(in")
    note = STEP_NOTE.match(text, start)
    if note is None:
        return text, None
    return text[:start].rstrip(), answered_command(note[0])


# ----------------------------------------------------------------------------------------------------------------
# Several lines: RFC 5321 4.2.1 has a hyphen behind the code on all lines but the last.


def _heads_of_many(text: str, first: re.Match[str]) -> _Heads:
    """The heads of all lines that can be told, in order; the last one is the final line's."""
    if "\n" in text:
        heads = _heads_of_lines(text, first)
        if heads is not None:
            return heads
    code = first[1]
    heads = [first, *_repeats(text, first, code + "-")]
    final = _repeats(text, heads[-1], code + " ", limit=1)
    if final:
        return heads + final
    other = OTHER_FINAL.search(text, heads[-1].end())
    found = None if other is None else _head(text, other.end())
    return heads if found is None else [*heads, found]


def _heads_of_lines(text: str, first: re.Match[str]) -> _Heads | None:
    """The heads of real lines up to the final one, or None where some line has none: then the text was refolded."""
    heads = [first]
    end = text.find("\n", first.start())
    while end >= 0 and heads[-1][2]:
        start = end + 1
        end = text.find("\n", start)
        line = text[start : len(text) if end < 0 else end]
        if not line.strip():
            continue
        found = _head(text, start + len(line) - len(line.lstrip()))
        if found is None or found[1] < "4":
            return None
        heads.append(found)
    return heads


def _repeats(text: str, after: re.Match[str], token: str, limit: int = 10_000) -> _Heads:
    """The places behind `after` where `token`, the code with its separator, begins a joined line."""
    heads: _Heads = []
    at = text.find(token, after.end(1))
    while at > 0 and len(heads) < limit:
        if text[at - 1].isspace():
            found = _head(text, at)
            if found is not None:
                heads.append(found)
        at = text.find(token, at + 1)
    return heads


def _status_of_many(text: str, heads: _Heads) -> StatusCode | None:
    """The last line's status; where that has none, that of the last line that has one."""
    marked = None
    if heads[-1][3] is None:
        marked = _marked_status(text, heads[-1].end(1), heads[-1][1])
    if marked is not None:
        return marked
    for head in reversed(heads):
        if head[3] is not None:
            return status_of(head[3], head[4], head[5])
    return _marked_status(text, heads[0].end(1), heads[0][1]) if len(heads) > 1 else None


def _marked_status(text: str, start: int, code: str) -> StatusCode | None:
    """A status that is marked as one, or the last word; without a mark its class must be the code's."""
    if code < "4":
        return None
    match = MARKED_STATUS.search(text, start)
    if match is None:
        match = TRAILING_STATUS.search(text, max(start, len(text) - 20))
        if match is None or match[1] != code[0]:
            return None
    return status_of(match[1], match[2], match[3])


def _own_status(text: str) -> StatusCode | None:
    """The status in a text without a reply code: the one that it begins with, or that is marked."""
    match = STATUS_FIELD.match(text) or MARKED_STATUS.search(text)
    return None if match is None else status_of(match[1], match[2], match[3])


# ----------------------------------------------------------------------------------------------------------------
# What a reply answered, and whether the queue gave up


def answered_command(text: str) -> Command | None:
    """The step that a reply answered, as the server that relays it says, or None where it does not.

    It knows ``(in reply to RCPT TO command)``, ``after RCPT TO:<...>``, ``after end of data``, ``while sending MAIL FROM``,
    ``refused to talk to me`` and their like. The note in brackets wins: what stands before it may be foreign text.
    """
    note = text.rfind("(in")
    match = STEP.search(text, note) if note >= 0 else None
    match = match or STEP.search(text)
    if match is None:
        return None
    word = next(group for group in match.groups() if group).upper()
    if word == "DATA" and "final" in match[0].lower():
        word = "END"
    return COMMANDS[word]


def is_expired(text: str) -> bool:
    """Whether `text` says that the queue gave up: RFC 3463 X.4.7, or words that several servers have for it."""
    if ".4.7" in text and EXPIRED_STATUS.search(text):
        return True
    lowered = text.lower()
    return any([words in lowered for words in EXPIRED_WORDS])
