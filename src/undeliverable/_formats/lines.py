"""What the readers of described formats and of unknown text share: the pass over the lines of a text, and its result.

Lines name recipients, state fields, or are words about a recipient; where the returned message begins the pass ends.
Every pattern sees one line of at most 998 octets (RFC 5321 4.5.3.1.6), so time grows with the text and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Final, NamedTuple

from undeliverable._dsn.sections import TRACE
from undeliverable._formats.attribution import Draft
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
from undeliverable._formats.schema import MESSAGE_FACTS, Format
from undeliverable._smtp.commands import named_command
from undeliverable._text.classes import mypyc_attr
from undeliverable._text.drain import each_once
from undeliverable.codes import REPLY_CODES
from undeliverable.model import Action, Evidence, RecipientFacts, Witness
from undeliverable.model._made import make_evidence, make_facts

__all__ = [
    "CONTINUED",
    "LINE_LIMIT",
    "WORDS_LIMIT",
    "Builder",
    "FormatReading",
    "LinePass",
    "listed_in",
    "pattern_id",
    "read_drafts",
]

CONTINUED: Final = frozenset(f"{code}{mark}" for code in REPLY_CODES for mark in "- ")
"""How the further lines of a reply begin (RFC 5321 4.2.1)."""
# What stands above a signature (RFC 3676 4.3) or a gateway's footer, whose words are about no recipient.
_SIGNATURE: Final = "--"
_FOOTER: Final = "_" * 8
LINE_LIMIT: Final = 998
WORDS_LIMIT: Final = 2048
"""Lines that are kept of what is said of one recipient: a text may say it in a hundred thousand, each an object."""
_TEXTS: Final = frozenset(("reply", "diagnostic"))
_LAST: Final = frozenset(f"{code} " for code in REPLY_CODES)


@lru_cache(maxsize=256)
def pattern_id(name: str, pattern: str) -> str:
    """Return the id of a pattern of a described format, for evidence: one string for all recipients."""
    return f"{name}.{pattern}"


class FormatReading(NamedTuple):
    """What has been read from a text.

    :ivar generator: the format's name; None for unknown text.
    :ivar recipients: what stands there about each recipient; a single one without address if none is named.
    :ivar message: facts about the message: reporting_mta, queue_id, arrival_date, ...
    :ivar returned_at: the offset in the text where the returned message begins; -1 if that is not known.
    """

    generator: str | None
    recipients: tuple[RecipientFacts, ...]
    message: Mapping[str, object]
    returned_at: int


@mypyc_attr(allow_interpreted_subclasses=True)
class LinePass:
    """One pass over the lines of a text.

    Subclasses say where it begins, which lines name a recipient, and what else they need to know of blank lines, stop
    words and replies.

    :ivar drafts: what has been read of each recipient.
    :ivar shared: what has been read of no single one.
    :ivar returned_at: where the returned message begins; -1 if that is not known.
    """

    def __init__(self, described: Format, text: str) -> None:
        self._format = described
        self._patterns = described.patterns
        self._text = text
        self.drafts: list[Draft] = []
        self.shared = Draft(-1, -1)
        self.returned_at = -1
        self._open = self.shared  # what words are about
        self._sink: list[str] = self.shared.words  # where the next words go
        self._collecting = not described.start_words and self._collects_above()
        self._is_stopped = self._is_output = False
        self._stops_at_blank = described.words == "after"

    def run(self) -> None:
        """Read the lines up to the returned message."""
        text, ends, size = self._text, self._format.end, len(self._text)
        position = self._begin()
        while position < size:
            line_end = text.find("\n", position)
            if line_end < 0:
                line_end = size
            line = text[position:line_end]
            bare = line.strip()
            if not bare:
                self._end_paragraph()
            elif ends and bare.startswith(ends):
                self.returned_at = min(line_end + 1, size)
                return
            elif bare == _SIGNATURE or bare.startswith(_FOOTER):
                self._collecting = False
            elif line.startswith(TRACE):
                self.returned_at = position
                return
            else:
                if line_end - position > LINE_LIMIT:
                    line, bare = line[:LINE_LIMIT], bare[:LINE_LIMIT]
                self._line(line, bare, position, line_end)
            position = line_end + 1

    def _begin(self) -> int:
        """Return where the first line begins that can matter."""
        raise NotImplementedError

    def _collects_above(self) -> bool:
        """Return whether words above all recipients are kept."""
        raise NotImplementedError

    def _is_recipient(self, line: str, start: int, end: int) -> bool:
        """Return whether a line names recipients, after adding a draft for each."""
        raise NotImplementedError

    def _is_continued(self, bare: str) -> bool:
        """Return whether what is being read is a reply of several lines, and a line with a code is one of them."""
        raise NotImplementedError

    def _end_paragraph(self) -> None:
        """Take note of an empty line."""
        if self._sink and self._stops_at_blank:
            self._collecting = False

    def _stop(self) -> None:
        """Take note of the words behind which nothing is said of a recipient."""
        self._is_stopped, self._collecting = True, False

    def _begin_output(self) -> None:
        """Begin to read the output of a program; where several recipients failed, whose it is is not known."""
        if len(self.drafts) != 1:
            self._stop()
            return
        self._open = self.drafts[0]
        self._sink = self._open.words
        if not self._sink and "place" in self._open.facts:  # what failed is a program
            self._sink.append(self._open.facts["place"])
        self._is_output = True

    def _start(self) -> int:
        """Return where the text behind the first of the literals of ``begin`` starts."""
        found = [at + len(literal) for literal in self._format.begin if (at := self._text.find(literal)) >= 0]
        return min(found, default=0)

    def _line(self, line: str, bare: str, start: int, end: int) -> None:
        starts, stops = self._format.start_words, self._format.stop_words
        if starts and bare.startswith(starts):
            self._start_words(bare, starts)
        elif stops and bare.startswith(stops):
            self._stop()
        elif self._format.output and bare.startswith(self._format.output):
            self._begin_output()
        elif self._is_output:
            if self._patterns.skip is None or self._patterns.skip(line) is None:
                self._add(bare, start, end)
        elif not self._is_stopped and not self._is_recipient(line, start, end) and self._is_word(line, bare, end):
            self._add(bare, start, end)

    def _is_word(self, line: str, bare: str, end: int) -> bool:
        """Return whether a line is to be kept: not skipped, and a further line of a reply, or no field and of use."""
        skip = self._patterns.skip
        if skip is not None and skip(line) is not None:
            return False
        if bare[:4] in CONTINUED and self._sink and self._is_continued(bare):
            return True
        return not self._is_field(line, end) and self._collecting

    def _match_recipient(self, line: str, start: int, end: int) -> re.Match[str] | None:
        """Return the match of the pattern that finds a recipient in a line, after adding a draft for it."""
        for number, pattern in enumerate(self._patterns.recipient):
            match = pattern(line)
            if match is not None:
                draft = Draft(start, end, pattern_id(self._format.name, str(number + 1)))
                self.drafts.append(draft)
                self._turn_to(draft)
                self._take(match, draft)
                return match
        return None

    def _turn_to(self, draft: Draft) -> None:
        """Let the words that follow, or those before, be about `draft`."""
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
                if before and self._collecting and _TEXTS.isdisjoint(match.re.groupindex):
                    self._add_words(before)
                self._take_field(match, line, end)
                return True
        return False

    def _take_field(self, match: re.Match[str], line: str, end: int) -> None:  # noqa: ARG002 - for subclasses
        self._take(match, self._open)
        self._open.end = end

    def _take(self, match: re.Match[str], draft: Draft) -> None:
        for name, value in match.groupdict().items():
            if value is None:
                continue
            if name == "original_recipient" and self._is_foreign_alias(draft):
                continue
            if name == "reply" and draft.reply and draft.reply[-1][:4] in _LAST and value[:3] in REPLY_CODES:
                self._collecting = False  # an earlier attempt, below the last one
            elif name in _TEXTS:
                self._sink = draft.words if name != "reply" else self._reply_of(draft)
                self._collecting = True
                if value.strip():
                    self._add_words(value.strip())
            else:
                draft.facts.setdefault(name, value.strip())

    def _is_foreign_alias(self, draft: Draft) -> bool:
        """Return whether an original recipient that is named now can be a reply's word."""
        return self._format.alias_first and bool(draft.words or draft.reply) and bool(draft.facts.get("recipient"))

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
            self._add_words(rest)

    def _add_words(self, words: str) -> None:
        if len(self._sink) < WORDS_LIMIT:
            self._sink.append(words)

    def _add(self, bare: str, start: int, end: int) -> None:
        self._add_words(bare)
        if self._open.start < 0:
            self._open.start = start
        self._open.end = end


class Builder(NamedTuple):
    """Makes facts of a draft; what is shared by all recipients stands in if a draft says nothing.

    :ivar action: what happened to all recipients, unless a draft says something else.
    :ivar is_guess: whether the text is unknown: what it says somewhere does not undo a permanent reply.
    """

    format: Format
    action: Action | None
    text: str
    part: str
    shared: Draft
    is_guess: bool

    def facts(self, draft: Draft, name: str | None = None) -> RecipientFacts:
        """Return what has been read of a recipient.

        :param name: the address, if a header names it and not the text.
        """
        stated = {**self.shared.facts, **draft.facts}
        is_apart = self.is_guess and "action" in draft.facts  # what is said of all others is not said of it
        shared = draft if is_apart else self.shared
        words = " ".join(draft.words or shared.words) or stated.get("place", "")
        reply = "\n".join(draft.reply or shared.reply or ())
        command = named_command(stated.get("command", ""))
        code = REPLY_CODES.get(stated.get("code", ""))
        status = status_of(stated.get("status"))
        recipient, original = (address_of(stated.get(key)) for key in ("recipient", "original_recipient"))
        return make_facts(
            Witness.HEADER if name else Witness.WORDS,
            recipient=address_of(name) or recipient or original,  # a pipe or a file is no address
            original_recipient=original if recipient else None,
            action=self._outcome(stated.get("action"), reply),
            status=None if code else status,
            reply=reply_of(code, status, reply or words, command),
            diagnostic=diagnostic_of(reply, words),
            command=command,
            remote_mta=stated.get("remote_mta"),
            expired="expired" in stated,
            last_attempt_date=date_of(stated.get("last_attempt_date")),
            will_retry_until=date_of(stated.get("will_retry_until")),
            vendor_code=stated.get("vendor_code") or self._vendor_code(reply or words),
            evidence=self._evidence(draft),
        )

    def _outcome(self, stated: str | None, reply: str) -> Action | None:
        """Return what happened to a recipient (RFC 5321 4.2.1 for the permanent reply in unknown text)."""
        if self.is_guess and reply[:3] in REPLY_CODES and reply[0] == "5":
            return Action.FAILED
        return action_of(stated) or self.action

    def _vendor_code(self, words: str) -> str | None:
        pattern = self.format.patterns.vendor_code
        match = None if pattern is None else pattern(words[:LINE_LIMIT])
        return None if match is None else match["vendor_code"]

    def _evidence(self, draft: Draft) -> tuple[Evidence, ...]:
        if draft.start < 0:
            return ()
        words = self.text[draft.start : min(draft.end, draft.start + LINE_LIMIT)]
        return (make_evidence(Witness.WORDS, self.part, draft.start, words, draft.pattern or self.format.name),)


def read_drafts(
    drafts: list[Draft], listed: list[str], build: Builder, header: Callable[[str], str | None]
) -> tuple[list[RecipientFacts], dict[str, object]]:
    """Return the facts about the recipients, and those about the message; the list of drafts is empty then.

    :param listed: the addresses that a header lists.
    :param header: gives the ``To`` of the report, which is the sender of the returned message.
    """
    message = _about_message(build.shared)
    recipients: list[RecipientFacts] = []
    for draft in each_once(drafts):
        recipients.append(build.facts(draft))
        message |= _about_message(draft)
    if len(recipients) > 1:
        recipients = without_sender(recipients, header("to") or "")
    return _with_header(recipients, listed, build), message_of(message)


def listed_in(described: Format, header: Callable[[str], str | None]) -> list[str]:
    """Return the addresses in the header fields that list the recipients, each once."""
    if not described.recipient_header:
        return []
    values = ",".join(filter(None, map(header, described.recipient_header)))
    return list(dict.fromkeys(name for value in values.split(",") if (name := value.strip(" \t\r\n<>"))))


def _about_message(draft: Draft) -> dict[str, str]:
    return {name: value for name, value in draft.facts.items() if name in MESSAGE_FACTS}


def _with_header(named: list[RecipientFacts], listed: list[str], build: Builder) -> list[RecipientFacts]:
    """Return the recipients named in the words, with what a header that lists them adds."""
    if not listed:
        return named
    if not named:
        return [build.facts(Draft(-1, -1), name) for name in listed]
    names = {name.lower() for name in listed}
    known = [one for one in named if {(one.recipient or "").lower(), (one.original_recipient or "").lower()} & names]
    if known:  # the list is complete, and a reply can imitate an address in the text
        return known
    if len(named) == len(listed) == 1 and named[0].recipient != listed[0]:
        only = named[0]
        if "@" not in (only.recipient or ""):
            return [replace(only, recipient=listed[0])]
        return [replace(only, original_recipient=only.original_recipient or listed[0])]
    return named
