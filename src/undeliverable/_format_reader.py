"""Reading a notice by its described format: one pass over the lines of its text.

Lines name recipients, state fields, or are words about a recipient; where the returned message begins the pass ends.
Every pattern sees one line of at most 998 octets (RFC 5321 4.5.3.1.6), so time grows with the text and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple

from undeliverable._dates import parse_date
from undeliverable._format_schema import MESSAGE_FACTS, Format, Patterns, is_answer
from undeliverable.codes import REPLY_CODES, ReplyCode, StatusCode
from undeliverable.model import Action, Command, Diagnostic, Evidence, RecipientFacts, Reply, Witness

__all__ = ["FormatReading", "read"]

_LINE_LIMIT: Final = 998
_TEXTS: Final = frozenset(("reply", "diagnostic"))
# How the further lines of a reply begin, RFC 5321 4.2.1.
_CONTINUED: Final = frozenset(f"{code}{mark}" for code in REPLY_CODES for mark in "- ")
_LAST: Final = frozenset(f"{code} " for code in REPLY_CODES)
_LEAPING: Final = frozenset(("after", "none"))  # where the lines before the first recipient say nothing of any
# Where no marker says so, the returned message begins with its trace fields (RFC 5321 4.4), which no notice itself has.
_TRACE: Final = ("Return-Path:", "Return-path:", "Received:", "DKIM-Signature:")
# What notices call the step of the dialogue that was refused; the first that stands in the words.
_COMMANDS: Final = (
    ("rcpt", Command.RCPT),
    ("recipient", Command.RCPT),
    ("mail", Command.MAIL),
    ("sender", Command.MAIL),
    ("end of data", Command.END_OF_DATA),
    ("final data", Command.END_OF_DATA),
    ("message", Command.END_OF_DATA),
    ("text", Command.END_OF_DATA),
    ("data", Command.DATA),
    ("starttls", Command.STARTTLS),
    ("auth", Command.AUTH),
    ("ehlo", Command.EHLO),
    ("helo", Command.EHLO),
    ("conn", Command.CONNECT),
    ("greeting", Command.CONNECT),
    ("banner", Command.CONNECT),
)


class FormatReading(NamedTuple):
    """What a described format has read from a notice.

    :ivar generator: the format's name; None for the generic description.
    :ivar recipients: what stands there about each recipient; a single one without address where none is named.
    :ivar message: facts about the message: reporting_mta, queue_id, arrival_date, ...
    :ivar returned_at: the offset in the text where the returned message begins; -1 where that is not known.
    :ivar is_generic: whether this was the description of unknown text: a guess.
    """

    generator: str | None
    recipients: tuple[RecipientFacts, ...]
    message: Mapping[str, object]
    returned_at: int
    is_generic: bool


class _Draft:
    """What has been read of one recipient so far."""

    __slots__ = ("end", "facts", "pattern", "reply", "start", "words")

    def __init__(self, start: int, end: int, pattern: str | None = None) -> None:
        self.start = start
        self.end = end
        self.pattern = pattern
        self.facts: dict[str, str] = {}
        self.words: list[str] = []
        self.reply: list[str] | None = None  # as long as there is none


def read(described: Format, header: Callable[[str], str | None], text: str, part: str) -> FormatReading:
    """What `text`, a notice of the format `described`, says.

    :param header: gives the first value of the message's header of a name, or None.
    :param part: the path of the part that `text` comes from, for the evidence.
    """
    pass_ = _Pass(described, text)
    pass_.run()
    if described.words == "shared":
        pass_.share()
    shared = pass_.shared
    message = _about_message(shared)
    build = _Builder(described, text, part, shared)
    recipients: list[RecipientFacts] = []
    for draft in _each_once(pass_.drafts):
        recipients.append(build.facts(draft))
        message |= _about_message(draft)
    if described.recipient_header:
        recipients = _with_header(recipients, _addresses(described, header), build)
    if (
        not recipients and not described.is_generic and not is_answer(header)
    ):  # the notice is certain; it just names nobody
        recipients = [build.facts(_Draft(shared.start, shared.end))]
    return FormatReading(
        generator=None if described.is_generic else described.name,
        recipients=tuple(recipients),
        message=_message(message),
        returned_at=pass_.returned_at,
        is_generic=described.is_generic,
    )


def _each_once(drafts: list[_Draft]) -> Iterator[_Draft]:
    """The drafts in their order; none is kept, for they may be tens of thousands."""
    drafts.reverse()
    while drafts:
        yield drafts.pop()


def _about_message(draft: _Draft) -> dict[str, str]:
    return {name: value for name, value in draft.facts.items() if name in MESSAGE_FACTS}


class _Pass:
    """One pass over the lines of a text."""

    __slots__ = (
        "_collecting", "_format", "_is_stopped", "_open", "_patterns", "_sink", "_stops_at_blank", "_text", "drafts",
        "returned_at", "shared",
    )  # fmt: skip

    def __init__(self, described: Format, text: str) -> None:
        self._format = described
        self._patterns: Patterns = described.patterns
        self._text = text
        self.drafts: list[_Draft] = []
        self.shared = _Draft(-1, -1)
        self.returned_at = -1
        self._open = self.shared
        self._sink: list[str] = self.shared.words
        self._collecting = self._may_collect()
        self._is_stopped = False
        self._stops_at_blank = described.words == "after"

    def run(self) -> None:
        text, ends, size = self._text, self._format.end, len(self._text)
        position = self._leap(self._begin())
        while position < size:
            line_end = text.find("\n", position)
            if line_end < 0:
                line_end = size
            line = text[position:line_end]
            bare = line.strip()
            if not bare:
                if self._sink and self._stops_at_blank:
                    self._collecting = False
            elif ends and bare.startswith(ends):
                self.returned_at = min(line_end + 1, size)
                return
            elif line.startswith(_TRACE):
                self.returned_at = position
                return
            else:
                if line_end - position > _LINE_LIMIT:
                    line, bare = line[:_LINE_LIMIT], bare[:_LINE_LIMIT]
                self._line(line, bare, position, line_end)
            position = line_end + 1

    def share(self) -> None:
        """Where words are shared, what was said below several recipients is said of all of them."""
        for draft, following in zip(self.drafts[-2::-1], self.drafts[:0:-1], strict=True):
            if not draft.reply and not draft.words:
                draft.reply, draft.words = following.reply, following.words
                draft.facts = {**following.facts, **draft.facts}

    def _leap(self, position: int) -> int:
        """Where the first line that can name a recipient begins, if nothing before it can matter."""
        at = self._text.find("@", position) if self._patterns.may_leap and self._format.words in _LEAPING else -1
        if at < 0:
            return position
        start = max(self._text.rfind("\n", position, at) + 1, position)
        before = self._text[position:start]
        return (
            position if any(map(before.__contains__, (*self._format.end, *self._format.stop_words, *_TRACE))) else start
        )

    def _begin(self) -> int:
        """Where to begin: behind a ``begin``; unknown text may name the recipient in that very line."""
        found = [at + len(literal) for literal in self._format.begin if (at := self._text.find(literal)) >= 0]
        start = min(found, default=0)
        return self._text.rfind("\n", 0, start) + 1 if self._format.is_generic else start

    def _may_collect(self) -> bool:
        return not self._format.start_words and self._format.words in ("before", "shared")

    def _line(self, line: str, bare: str, start: int, end: int) -> None:
        starts, stops = self._format.start_words, self._format.stop_words
        if starts and bare.startswith(starts):
            self._start_words(bare, starts)
        elif stops and bare.startswith(stops):
            self._is_stopped, self._collecting = True, False
        elif not self._is_stopped and not self._is_recipient(line, start, end) and self._is_word(line, bare, end):
            self._add(bare, start, end)

    def _is_word(self, line: str, bare: str, end: int) -> bool:
        """Whether a line is to be kept: a further line of a reply, or what is no field, not skipped and of use."""
        if bare[:4] in _CONTINUED and self._sink and self._sink is self._open.reply:
            return True
        skip = self._patterns.skip
        return (skip is None or skip(line) is None) and not self._is_field(line, end) and self._collecting

    def _is_recipient(self, line: str, start: int, end: int) -> bool:
        if self._patterns.needs_at and "@" not in line:
            return False
        for number, pattern in enumerate(self._patterns.recipient):
            match = pattern(line)
            if match is not None:
                draft = _Draft(start, end, f"{self._format.name}.{number + 1}")
                self.drafts.append(draft)
                self._turn_to(draft)
                self._take(match, draft)
                return True
        return False

    def _turn_to(self, draft: _Draft) -> None:
        """From now on words are about `draft`, or what was said before was."""
        words = self._format.words
        if words == "shared":
            self._open = draft
            return
        if words == "before":
            draft.words, self.shared.words = self.shared.words, []
            draft.reply, self.shared.reply = self.shared.reply, None
            draft.facts, self.shared.facts = self.shared.facts, {}
            self._sink = self.shared.words
            self._collecting = not self._format.start_words
            return
        self._open = draft
        self._sink = draft.words
        self._collecting = words == "after" and not self._format.start_words

    def _is_field(self, line: str, end: int) -> bool:
        for pattern in self._patterns.field:
            match = pattern(line)
            if match is not None:
                before = line[: match.start()].strip() if match.start() else ""
                if before and self._collecting and not _TEXTS & match.re.groupindex.keys():
                    self._sink.append(before)
                self._take(match, self._open)
                self._open.end = end
                return True
        return False

    def _take(self, match: re.Match[str], draft: _Draft) -> None:
        for name, value in match.groupdict().items():
            if value is None:
                continue
            if name == "reply" and draft.reply and draft.reply[-1][:4] in _LAST and value[:3] in REPLY_CODES:
                self._collecting = False  # an earlier attempt, told below the last one
            elif name in _TEXTS:
                self._sink = draft.words if name != "reply" else self._reply_of(draft)
                self._collecting = True
                if value.strip():
                    self._sink.append(value.strip())
            else:
                draft.facts.setdefault(name, value.strip())

    @staticmethod
    def _reply_of(draft: _Draft) -> list[str]:
        if draft.reply is None:
            draft.reply = []
        return draft.reply

    def _start_words(self, bare: str, starts: tuple[str, ...]) -> None:
        literal = next(literal for literal in starts if bare.startswith(literal))
        self._is_stopped, self._collecting = False, True
        self._sink = self.shared.words if self._format.words == "shared" else self._open.words
        rest = bare[len(literal) :].strip(" \t:-")
        if rest:
            self._sink.append(rest)

    def _add(self, bare: str, start: int, end: int) -> None:
        self._sink.append(bare)
        if self._open.start < 0:
            self._open.start = start
        self._open.end = end


class _Builder(NamedTuple):
    """Makes facts of a draft; what is shared by all recipients stands in where a draft says nothing."""

    format: Format
    text: str
    part: str
    shared: _Draft

    def facts(self, draft: _Draft, name: str | None = None) -> RecipientFacts:
        told = {**self.shared.facts, **draft.facts}
        words = " ".join(draft.words or self.shared.words)
        reply = "\n".join(draft.reply or self.shared.reply or ())
        command = _command(told.get("command"))
        code = REPLY_CODES.get(told.get("code", ""))
        status = _status(told.get("status"))
        recipient = name or _address(told.get("recipient"))
        return RecipientFacts(
            witness=Witness.HEADER if name else Witness.WORDS,
            recipient=recipient,
            original_recipient=_address(told.get("original_recipient")),
            action=_action(told.get("action")) or self.format.action,
            status=None if code else status,
            reply=_reply(code, status, reply or words, command),
            diagnostic=_diagnostic(reply, words),
            command=command,
            remote_mta=told.get("remote_mta"),
            expired="expired" in told,
            last_attempt_date=_date(told.get("last_attempt_date")),
            will_retry_until=_date(told.get("will_retry_until")),
            vendor_code=told.get("vendor_code") or self._vendor_code(reply or words),
            evidence=self._evidence(draft),
        )

    def _vendor_code(self, words: str) -> str | None:
        pattern = self.format.patterns.vendor_code
        match = None if pattern is None else pattern(words[:_LINE_LIMIT])
        return None if match is None else match["vendor_code"]

    def _evidence(self, draft: _Draft) -> tuple[Evidence, ...]:
        if draft.start < 0:
            return ()
        words = self.text[draft.start : min(draft.end, draft.start + _LINE_LIMIT)]
        return (Evidence(Witness.WORDS, self.part, draft.start, words, draft.pattern or self.format.name),)


def _reply(code: ReplyCode | None, status: StatusCode | None, text: str, command: Command | None) -> Reply | None:
    """A reply whose code the notice states apart from its text."""
    return None if code is None else Reply(code, status, text or str(int(code)), command)


def _diagnostic(reply: str, words: str) -> Diagnostic | None:
    """What a remote server said, marked as such (RFC 3464 2.3.6), else the notice's own words."""
    if reply:
        return Diagnostic("smtp", reply)
    return Diagnostic("", words) if words else None


def _address(found: str | None) -> str | None:
    return found.rstrip(".").strip("<>") if found else None


def _status(found: str | None) -> StatusCode | None:
    try:
        return StatusCode.parse(found) if found else None
    except ValueError:
        return None


def _action(found: str | None) -> Action | None:
    return Action(found.lower()) if found and found.lower() in set(Action) else None


def _command(found: str | None) -> Command | None:
    if not found:
        return None
    folded = found.lower().replace("_", " ")
    return next((command for word, command in _COMMANDS if word in folded), None)


def _date(found: str | None) -> datetime | None:
    return parse_date(found) if found else None


def _message(found: Mapping[str, str]) -> dict[str, object]:
    message: dict[str, object] = dict(found)
    if "arrival_date" in message:
        message["arrival_date"] = parse_date(found["arrival_date"])
    return message


def _addresses(described: Format, header: Callable[[str], str | None]) -> list[str]:
    """The addresses in the header fields that list the recipients, each once."""
    values = ",".join(filter(None, map(header, described.recipient_header)))
    return list(dict.fromkeys(name for value in values.split(",") if (name := value.strip(" \t\r\n<>"))))


def _with_header(named: list[RecipientFacts], listed: list[str], build: _Builder) -> list[RecipientFacts]:
    """The recipients named in the words, with what a header that lists them adds."""
    if not listed:
        return named
    if not named:
        return [build.facts(_Draft(-1, -1), name) for name in listed]
    if len(named) == len(listed) == 1 and named[0].recipient != listed[0]:
        only = named[0]
        if "@" not in (only.recipient or ""):
            return [replace(only, recipient=listed[0])]
        return [replace(only, original_recipient=only.original_recipient or listed[0])]
    return named
