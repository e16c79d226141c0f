"""Reading a notice by its described format: one pass over the lines of its text.

Lines name recipients, state fields, or are words about a recipient; where the returned message begins the pass ends.
Every pattern sees one line of at most 998 octets (RFC 5321 4.5.3.1.6), so time grows with the text and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from undeliverable._formats.attribution import Draft, Heard, assign, named_by, share, shorten, without_helpers
from undeliverable._formats.facts import (
    action_of,
    address_of,
    date_of,
    diagnostic_of,
    message_of,
    reply_of,
    status_of,
    without_sender,
)
from undeliverable._formats.schema import MESSAGE_FACTS, Format, Patterns, is_answer
from undeliverable._smtp.commands import named_command
from undeliverable._text.drain import each_once
from undeliverable._text.lazy import lazy
from undeliverable.codes import REPLY_CODES
from undeliverable.model import Action, Evidence, RecipientFacts, Witness

__all__ = ["FormatReading", "read"]

_LINE_LIMIT: Final = 998
_TEXTS: Final = frozenset(("reply", "diagnostic"))
# How the further lines of a reply begin, RFC 5321 4.2.1.
_CONTINUED: Final = frozenset(f"{code}{mark}" for code in REPLY_CODES for mark in "- ")
_LAST: Final = frozenset(f"{code} " for code in REPLY_CODES)
_OPENING_LINES: Final = 6
_ABOVE: Final = 998  # characters that are read above the words that open a notice
# Several recipients on one line.
_AND: Final = lazy(r"[,;][ \t]{0,9}|[ \t]{1,9}(?:and|und|et|y|e|og|och|en|i|и)[ \t]{1,9}")
_ADDRESS_ALONE: Final = lazy(r"[ \t]{0,9}[<\"'(\[]?[^\s<>\"'(),;:]{1,64}@[^\s<>\"'(),;:]{1,255}[>\"')\]]?[ \t.]{0,9}")
_LEAPING: Final = frozenset(("after", "none"))  # where the lines before the first recipient say nothing of any
# Where no marker says so, the returned message begins with its trace fields (RFC 5321 4.4), which no notice itself has.
_TRACE: Final = ("Return-Path:", "Return-path:", "Received:", "DKIM-Signature:")


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


def read(described: Format, header: Callable[[str], str | None], text: str, part: str) -> FormatReading:
    """What `text`, a notice of the format `described`, says.

    :param header: gives the first value of the message's header of a name, or None.
    :param part: the path of the part that `text` comes from, for the evidence.
    """
    pass_ = _Pass(described, text)
    pass_.run()
    drafts, shared = pass_.drafts, pass_.shared
    listed = _addresses(described, header) if described.recipient_header else []
    if max(len(drafts), len(listed)) > 1:
        shorten((shared, *drafts), pass_.replies)
    if described.is_generic:
        assign(drafts, pass_.replies, shared)
        drafts = without_helpers(drafts, header("from") or "") or named_by(pass_.replies, header("to") or "")
        if any(draft.reply or draft.words for draft in drafts):
            shared.words = []  # what opens the notice explains it only where nothing else does
    elif described.words == "shared":
        share(drafts)
    message = _about_message(shared)
    build = _Builder(described, _action(described, (shared, *drafts)), text, part, shared)
    recipients: list[RecipientFacts] = []
    for draft in each_once(drafts):
        recipients.append(build.facts(draft))
        message |= _about_message(draft)
    if len(recipients) > 1:
        recipients = without_sender(recipients, header("to") or "")
    recipients = _with_header(recipients, listed, build)
    if (
        not recipients and not described.is_generic and not is_answer(header)
    ):  # the notice is certain; it just names nobody
        recipients = [build.facts(Draft(shared.start, shared.end))]
    return FormatReading(
        generator=None if described.is_generic else described.name,
        recipients=tuple(recipients),
        message=message_of(message),
        returned_at=pass_.returned_at,
        is_generic=described.is_generic,
    )


def _action(described: Format, drafts: Iterable[Draft]) -> Action | None:
    """What happened to all recipients; who will try again has not given up, which only unknown text leaves open."""
    said = {name for draft in drafts for name in draft.facts} if described.is_generic else set[str]()
    return Action.DELAYED if "will_retry_until" in said and "expired" not in said else described.action


def _about_message(draft: Draft) -> dict[str, str]:
    return {name: value for name, value in draft.facts.items() if name in MESSAGE_FACTS}


class _Pass:
    """One pass over the lines of a text."""

    __slots__ = (
        "_collecting", "_format", "_is_paused", "_is_stopped", "_open", "_patterns", "_sink", "_stops_at_blank", "_text",
        "drafts", "replies", "returned_at", "shared",
    )  # fmt: skip

    def __init__(self, described: Format, text: str) -> None:
        self._format = described
        self._patterns: Patterns = described.patterns
        self._text = text
        self.drafts: list[Draft] = []
        self.replies: list[Heard] = []
        self.shared = Draft(-1, -1)
        self.returned_at = -1
        self._open = self.shared
        self._sink: list[str] = self.shared.words
        self._collecting = self._may_collect()
        self._is_stopped = self._is_paused = False
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
                if self._is_paused:  # help is offered in a paragraph of its own, before anybody is named
                    self._is_stopped = self._is_paused = False
                if self._sink and self._stops_at_blank and not self._is_opening():
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

    def _leap(self, position: int) -> int:
        """Where the first line that can name a recipient begins, if nothing before it can matter."""
        at = self._text.find("@", position) if self._may_leap() else -1
        if at < 0:
            return position
        start = max(self._text.rfind("\n", position, at) + 1, position)
        before = self._text[position:start]
        return (
            position if any(map(before.__contains__, (*self._format.end, *self._format.stop_words, *_TRACE))) else start
        )

    def _is_opening(self) -> bool:
        """Whether this is what unknown text says before it names anybody."""
        return self._format.is_generic and self._sink is self.shared.words and len(self._sink) < _OPENING_LINES

    def _may_leap(self) -> bool:
        return self._patterns.may_leap and self._format.words in _LEAPING and not self._format.is_generic

    def _begin(self) -> int:
        """Where to begin: behind a ``begin``; unknown text may name the recipient above, but not in a message's header."""
        found = [at + len(literal) for literal in self._format.begin if (at := self._text.find(literal)) >= 0]
        start = min(found, default=0)
        if not self._format.is_generic:
            return start
        line = self._text.rfind("\n", 0, start) + 1
        skip = self._patterns.skip
        for above in (0, self._text.rfind("\n\n", 0, line) + 1):
            if line - above <= _ABOVE and not (skip and any(map(skip, self._text[above:line].split("\n")))):
                return above
        return line

    def _may_collect(self) -> bool:
        return not self._format.start_words and (self._format.words in ("before", "shared") or self._format.is_generic)

    def _line(self, line: str, bare: str, start: int, end: int) -> None:
        starts, stops = self._format.start_words, self._format.stop_words
        if starts and bare.startswith(starts):
            self._start_words(bare, starts)
        elif stops and bare.startswith(stops):
            self._is_stopped, self._collecting = True, False
            self._is_paused = self._format.is_generic and not self.drafts
        elif not self._is_stopped and not self._is_recipient(line, start, end) and self._is_word(line, bare, end):
            self._add(bare, start, end)

    def _is_word(self, line: str, bare: str, end: int) -> bool:
        """Whether a line is to be kept: a further line of a reply, or what is no field, not skipped and of use."""
        if bare[:4] in _CONTINUED and self._sink and self._is_continued():
            return True
        skip = self._patterns.skip
        return (skip is None or skip(line) is None) and not self._is_field(line, end) and self._collecting

    def _is_continued(self) -> bool:
        """Whether what is being read is a reply that goes on; where no format says so, its lines must."""
        if self._format.is_generic:
            return self._sink[-1][3:4] == "-" and self._sink[-1][:4] in _CONTINUED
        return self._sink is self._open.reply

    def _is_recipient(self, line: str, start: int, end: int) -> bool:
        if self._patterns.needs_at and "@" not in line:
            return False
        if self._format.is_generic:
            if self._is_reply(line):
                return False
            if line.count("@") > 1 and self._is_list(line, start, end):
                return True
        for number, pattern in enumerate(self._patterns.recipient):
            match = pattern(line)
            if match is not None:
                draft = Draft(start, end, f"{self._format.name}.{number + 1}")
                self.drafts.append(draft)
                self._turn_to(draft)
                self._take(match, draft)
                if self._format.is_generic and self._sink is draft.words and not draft.words:
                    self._is_field(line[match.end() :], end)
                return True
        return False

    def _is_reply(self, line: str) -> bool:
        """Whether the line is a reply, whose addresses say nothing of whom it was given for."""
        return any(
            (match := pattern(line)) is not None and match.re.groupindex.get("reply")
            for pattern in self._patterns.field
        )

    def _is_list(self, line: str, start: int, end: int) -> bool:
        """Whether the line names several recipients, the first as if it were alone."""
        first, *others = _AND.split(line)
        if not others or not all(_ADDRESS_ALONE.fullmatch(other) for other in others):
            return False
        if not self._is_recipient(first, start, end):
            return False
        return all(self._is_recipient(other.strip(" \t."), start, end) for other in others)

    def _turn_to(self, draft: Draft) -> None:
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
                if self._format.is_generic and match.groupdict().get("reply"):
                    self._hear(match["reply"].strip(), line, end)
                else:
                    self._take(match, self._open)
                    self._open.end = end
                return True
        return False

    def _hear(self, reply: str, line: str, end: int) -> None:
        """A reply of which it will be seen later whose it is."""
        self.replies.append(Heard(len(self.drafts), reply, end - len(line), end))
        self._sink = self.replies[-1].lines
        self._collecting = True

    def _take(self, match: re.Match[str], draft: Draft) -> None:
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
    def _reply_of(draft: Draft) -> list[str]:
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
    action: Action | None
    text: str
    part: str
    shared: Draft

    def facts(self, draft: Draft, name: str | None = None) -> RecipientFacts:
        told = {**self.shared.facts, **draft.facts}
        words = " ".join(draft.words or self.shared.words)
        reply = "\n".join(draft.reply or self.shared.reply or ())
        command = named_command(told["command"]) if "command" in told else None
        code = REPLY_CODES.get(told.get("code", ""))
        status = status_of(told.get("status"))
        recipient = address_of(name or told.get("recipient"))
        return RecipientFacts(
            witness=Witness.HEADER if name else Witness.WORDS,
            recipient=recipient,
            original_recipient=address_of(told.get("original_recipient")),
            action=self._outcome(told.get("action"), reply),
            status=None if code else status,
            reply=reply_of(code, status, reply or words, command),
            diagnostic=diagnostic_of(reply, words),
            command=command,
            remote_mta=told.get("remote_mta"),
            expired="expired" in told,
            last_attempt_date=date_of(told.get("last_attempt_date")),
            will_retry_until=date_of(told.get("will_retry_until")),
            vendor_code=told.get("vendor_code") or self._vendor_code(reply or words),
            evidence=self._evidence(draft),
        )

    def _outcome(self, stated: str | None, reply: str) -> Action | None:
        """What happened to a recipient: what unknown text says somewhere does not undo a permanent reply (RFC 5321 4.2.1)."""
        if self.format.is_generic and reply[:3] in REPLY_CODES and reply[0] == "5":
            return Action.FAILED
        return action_of(stated) or self.action

    def _vendor_code(self, words: str) -> str | None:
        pattern = self.format.patterns.vendor_code
        match = None if pattern is None else pattern(words[:_LINE_LIMIT])
        return None if match is None else match["vendor_code"]

    def _evidence(self, draft: Draft) -> tuple[Evidence, ...]:
        if draft.start < 0:
            return ()
        words = self.text[draft.start : min(draft.end, draft.start + _LINE_LIMIT)]
        return (Evidence(Witness.WORDS, self.part, draft.start, words, draft.pattern or self.format.name),)


def _addresses(described: Format, header: Callable[[str], str | None]) -> list[str]:
    """The addresses in the header fields that list the recipients, each once."""
    values = ",".join(filter(None, map(header, described.recipient_header)))
    return list(dict.fromkeys(name for value in values.split(",") if (name := value.strip(" \t\r\n<>"))))


def _with_header(named: list[RecipientFacts], listed: list[str], build: _Builder) -> list[RecipientFacts]:
    """The recipients named in the words, with what a header that lists them adds."""
    if not listed:
        return named
    if not named:
        return [build.facts(Draft(-1, -1), name) for name in listed]
    if len(named) == len(listed) == 1 and named[0].recipient != listed[0]:
        only = named[0]
        if "@" not in (only.recipient or ""):
            return [replace(only, recipient=listed[0])]
        return [replace(only, original_recipient=only.original_recipient or listed[0])]
    return named
