"""SMTP replies (RFC 5321 4.2) in every shape in which servers relay them, and what they answered.

A reply is foreign text in somebody else's frame: its lines may be joined by blanks, refolded, quoted or cut. Only a
code that leads a line counts; where lines differ, the last one decides. The enhanced status (RFC 2034) is taken from
behind the code, or where it is marked as one: never from addresses, versions or links.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from undeliverable._smtp.commands import STEPS, named_command
from undeliverable._smtp.grammar import (
    DOTTED,
    ESCAPED_LINE_END,
    EXPIRED_STATUS,
    EXPIRED_STEMS,
    EXPIRED_WORDS,
    HEAD,
    LEAD,
    MARKED_STATUS,
    NAMED_STATUS,
    NO_VALID_RECIPIENTS,
    OTHER_FINAL,
    QUOTED_CODE,
    QUOTED_STATUS,
    STATUS_FIELD,
    STEP,
    STEP_NOTE,
    STEP_STEMS,
    TRAILING_STATUS,
)
from undeliverable._text.fold import with_plain_blanks
from undeliverable.codes import REPLY_CODES, ReplyCode, StatusCode, status_of
from undeliverable.model import Command, Reply
from undeliverable.model._made import make_reply

if TYPE_CHECKING:
    from typing import TypeAlias

    Read: TypeAlias = tuple[ReplyCode | None, StatusCode | None, str, Command | None]
    """Code, status, text and command of a reply."""

__all__ = [
    "answered_command",
    "is_cause",
    "is_expired",
    "last_attempt",
    "parse_reply",
    "read_reply",
    "says_expired",
    "says_no_recipients",
]

_head: Final = HEAD.match
_dotted: Final = DOTTED.search
_code: Final = re.compile(r"[2-5]\d\d", re.ASCII).search
_plain: Final = {f"{digits} ": code for digits, code in REPLY_CODES.items()}
_STATUS_END: Final = 15  # of a reply that begins with a code, a blank and a status such as 5.7.515
# The code of QUOTED_CODE with the characters that all of its wordings have around it: numbers and addresses have others.
_quotable: Final = re.compile(r"[45](?<=[\s:;#\[(<'\"=][45])\d\d(?=[ :;,)\]>'\"\n-]|$)", re.ASCII).search
_QUOTED_LEAD: Final = 60
"""Characters that a wording of QUOTED_CODE may have before the code, all white space counted."""
# The notes that most servers write, RFC 5321 4.1.1; all others are what STEP says.
_NOTE_LENGTH: Final = 60
_NOTED: Final = {
    f"(in reply to {name} command".lower(): named_command(name)
    for name in ("HELO", "EHLO", "MAIL FROM", "RCPT TO", "DATA", "end of DATA")
}
_FRAME: Final = "Giving up on "
"""How the line begins by which qmail ends what it says of a server; it says nothing of the queue."""
_NO_CAUSES: Final = frozenset(((0, 0), (4, 7)))  # RFC 3463 3.1 and 3.5
_STEP_LEAD: Final = 100
"""Characters that a wording of STEP may have before its stem, all white space counted."""


def parse_reply(text: str, command: Command | None = None) -> Reply:
    """Return the SMTP reply that `text` is or relays; its code and status are None where none stands there.

    :param text: ``550 5.1.1 ...``, a ``Diagnostic-Code`` with or without its type, or ``host ... said: 550 ...``;
        several lines separated by line ends, by blanks or by a backslash and "n".
    :param command: what the reply answered; where it is None and the text ends with ``(in reply to RCPT TO command)``,
        that counts.
    """
    return make_reply(*read_reply(text, command))


def read_reply(text: str, command: Command | None = None) -> Read:
    """Return what :func:`parse_reply` reads, as the plain tuple of what a :class:`Reply` holds."""
    if "\\" in text or "(in" in text:
        return _relayed(text, command)
    code = _plain.get(text[:4])
    if code is not None and "\n" not in text:  # most replies: the code and a blank, then a status and a blank, or words
        if text[4:5].isalpha():
            return code, _marked_status(text, 3, text[:3]), text.rstrip(), command
        status = _stated(text[4:_STATUS_END].partition(" ")[0])
        if status is not None:
            return code, status, text.rstrip(), command
    first = _head(text)
    if first is None:
        return _relayed(text, command)
    digits, more, class_, subject, detail = first.groups()
    if more or "\n" in text:
        return _several_lines(text, first, command)
    status = _marked_status(text, 3, digits) if class_ is None else status_of(class_, subject, detail)
    return REPLY_CODES.get(digits) or ReplyCode(digits), status, text.rstrip(), command


@lru_cache(maxsize=1_024)
def _stated(text: str) -> StatusCode | None:
    """Return the status that `text` is and nothing else, if there may be a blank behind it."""
    match = STATUS_FIELD.fullmatch(text) if len(text) < _STATUS_END - 4 else None
    return None if match is None else status_of(match[1], match[2], match[3])


def _relayed(text: str, command: Command | None) -> Read:
    """Read a reply with words of the reporting server around it, or words without a reply."""
    if not text.isascii():
        text = with_plain_blanks(text)  # HTML has put them behind codes
    if "\\" in text:
        text = ESCAPED_LINE_END.sub("\n", text)
    text, noted = _without_note(text)
    command = command or noted
    first = _first_head(text)
    if first is None:
        return None, _own_status(text), _joined(text.strip()), command
    return _several_lines(text, first, command)


def _several_lines(text: str, first: re.Match[str], command: Command | None) -> Read:
    final = _final_head(text, first) if first[2] else first
    status = _status_of(text, first, final)
    code = final[1]
    whole = _joined(_reply_text(text, first.start(), first.end()))
    return REPLY_CODES.get(code) or ReplyCode(code), status, whole, command


def _first_head(text: str) -> re.Match[str] | None:
    """Return the first line's code, and the status behind it if there is one."""
    found = _head(text)
    if found is not None:
        return found
    if _code(text) is None:
        return None
    lead = LEAD.match(text)
    if lead is not None:
        found = _head(text, lead.end())
        if found is not None:
            return found
    digits = _quotable(text)
    if digits is None:
        return None
    quoted = QUOTED_CODE.search(text, max(digits.start() - _QUOTED_LEAD, 0))
    return None if quoted is None else _head(text, quoted.end())


def _reply_text(text: str, start: int, end: int) -> str:
    """Return the reply without what the reporting server wrote before it; all of it if the reply is a mere code."""
    return text[start:].rstrip() if start == 0 or text[end:].strip() else text.strip()


def _joined(text: str) -> str:
    if "\n" not in text:
        return text
    lines = [line for part in text.split("\n") if (line := part.strip())]
    return " ".join([line for line in lines if not line.startswith(_FRAME)] if _FRAME in text else lines)


def _last_note(text: str) -> int:
    """Return where the last note in brackets may begin, in either case, or -1."""
    return max(text.rfind("(in"), text.rfind("(IN"))


def _without_note(text: str) -> tuple[str, Command | None]:
    """Return `text` without the reporting server's note on what the reply answered, and that."""
    start = _last_note(text)
    note = STEP_NOTE.match(text, start) if start >= 0 else None
    if note is None:
        return text, None
    return text[:start].rstrip(), answered_command(note[0])


# ----------------------------------------------------------------------------------------------------------------
# Several lines: RFC 5321 4.2.1 has a hyphen behind the code on all lines but the last.


def _final_head(text: str, first: re.Match[str]) -> re.Match[str]:
    """Return the code of the final line; where no line is final, that of the last line that is one.

    Only the same code after white space begins a joined line, since texts quote other codes. A final line with another
    code counts where it is a line of its own, or has a status behind the code.
    """
    code = first[1]
    last = _head(text, _last_begin(text, code + "-", first.start())) or first
    at = _next_begin(text, code + " ", last.end(1))
    final = _head(text, at) if at >= 0 else _own_line(text, last.end(1))
    if final is not None:
        return final
    other = OTHER_FINAL.search(text, last.end(1))
    final = None if other is None else _head(text, other.end())
    return last if final is None else final


def _last_begin(text: str, token: str, first: int) -> int:
    at = text.rfind(token)
    while at > first and not text[at - 1].isspace():
        at = text.rfind(token, first, at)
    return at


def _next_begin(text: str, token: str, start: int) -> int:
    at = text.find(token, start)
    while at >= 0 and not text[at - 1].isspace():
        at = text.find(token, at + 1)
    return at


def _own_line(text: str, start: int) -> re.Match[str] | None:
    """Return the code that leads the line after the one that `start` is in."""
    at = text.find("\n", start)
    if at < 0:
        return None
    line = text[at : at + 60]
    found = _head(text, at + len(line) - len(line.lstrip()))
    return found if found is not None and found[1] >= "4" and not found[2] else None


def _status_of(text: str, first: re.Match[str], final: re.Match[str]) -> StatusCode | None:
    """Return the final line's status; where that has none, that of the reply's other lines."""
    if final[3] is not None:
        return status_of(final[3], final[4], final[5])
    status = _marked_status(text, final.end(1), final[1])
    if status is not None:
        return status
    last = _head(text, _last_begin(text, final[1] + "-", first.start())) or first
    for head in (last, first):
        if head[3] is not None:
            return status_of(head[3], head[4], head[5])
    return _marked_status(text, first.end(1), first[1])


def _marked_status(text: str, start: int, code: str) -> StatusCode | None:
    """Return a status that is marked as one, or the last word; without a mark its class must be the code's."""
    if ("4." not in text and "5." not in text) or code < "4" or _dotted(text, start) is None:
        return None
    match = MARKED_STATUS.search(text, start)
    if match is None:
        for match in (NAMED_STATUS.match(text, start), TRAILING_STATUS.search(text, max(start, len(text) - 20))):
            if match is not None and match[1] == code[0]:
                break
        else:
            return None
    return status_of(match[1], match[2], match[3])


def _own_status(text: str) -> StatusCode | None:
    """Return the status in a text without a reply code: the one that it begins with, or that is marked or quoted."""
    match = STATUS_FIELD.match(text)
    if match is None and _dotted(text) is not None:
        match = MARKED_STATUS.search(text) or QUOTED_STATUS.search(text)
    return None if match is None else status_of(match[1], match[2], match[3])


# ----------------------------------------------------------------------------------------------------------------
# What a reply answered, and whether the queue gave up


def answered_command(text: str) -> Command | None:
    """Return the step that a reply answered, as the server that relays it says, or None where it does not.

    It knows ``(in reply to RCPT TO command)``, ``after RCPT TO:<...>``, ``after end of data``, ``while sending MAIL FROM``,
    ``refused to talk to me`` and their like. The note in brackets wins: what stands before it may be foreign text.
    """
    note = _last_note(text)
    if note >= 0:
        command = _noted(text[note : note + _NOTE_LENGTH])
        if command is not None:
            return command
    match = STEP.search(text, note) if note >= 0 else None
    if match is None:
        match = _first_step(text)
    if match is None:
        return None
    word = next(filter(None, match.groups())).upper()
    if word == "DATA" and "final" in match[0].lower():
        word = "FINAL"
    return STEPS[word]


@lru_cache(maxsize=256)
def _noted(note: str) -> Command | None:
    """Return the command of a note that most servers write, or None."""
    return _NOTED.get(" ".join(note.partition(")")[0].lower().split()))


def _first_step(text: str) -> re.Match[str] | None:
    """Return ``STEP.search(text)``, tried only where it may match."""
    lowered = text.lower()
    if len(lowered) != len(text):  # some letters have none of one character
        return STEP.search(text)
    best: re.Match[str] | None = None
    for stem, head in STEP_STEMS:
        at = lowered.find(stem)
        while at >= 0:
            begin = lowered.rfind(head, max(at - _STEP_LEAD, 0), at) if head else at
            match = STEP.match(text, begin) if begin >= 0 else None
            if match is not None:
                if best is None or begin < best.start():
                    best = match
                break
            at = lowered.find(stem, at + 1)
    return best


def is_expired(text: str) -> bool:
    """Return whether `text` says that the queue gave up: RFC 3463 X.4.7, or words that several servers have for it."""
    return (".4.7" in text and EXPIRED_STATUS.search(text) is not None) or says_expired(text)


def says_expired(text: str) -> bool:
    """Return whether `text` says so in words."""
    lowered = text.lower()
    for stem in EXPIRED_STEMS:
        if stem in lowered:
            return any(map(lowered.__contains__, EXPIRED_WORDS))
    return False


def says_no_recipients(text: str) -> bool:
    """Return whether `text` ends with what follows from refused recipients: then RCPT is what was refused."""
    return NO_VALID_RECIPIENTS.search(text) is not None


def is_cause(status: StatusCode | None) -> bool:
    """Return whether a status names a cause: X.0.0 names none, and X.4.7 only says that the message waited too long."""
    return status is not None and (status.subject, status.detail) not in _NO_CAUSES


def last_attempt(reply: Reply) -> Reply:
    """Return the last attempt's reply, where `reply` says that the server gave up and quotes it; else `reply`.

    ``554 5.4.7 message timeout (last transfail: 454 4.7.1 Greylisted)`` is about a 454.
    """
    found = QUOTED_CODE.search(reply.text, 4) if reply.code is not None and reply.code.is_permanent else None
    if found is None:
        return reply
    quoted = parse_reply(reply.text[found.end() :].rstrip("<>()[]\"' "), reply.command)
    return reply if quoted.code is None or quoted.code.is_permanent else quoted
