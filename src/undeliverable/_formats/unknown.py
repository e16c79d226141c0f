"""The reader of unknown text: of every order, so what it reads is a guess.

Who the recipients are is decided first, from the whole statement (:mod:`undeliverable._formats.statement`). Then the lines
are read: the reply stands after the address, or before it; all addresses come first and all replies below, or one reply
is meant for them all. So replies are collected by themselves and attributed when the whole text has been read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from undeliverable._formats.attribution import (
    ALONE_LIMIT,
    SAID_LIMIT,
    Draft,
    LooseReply,
    assign,
    named_by,
    named_in,
    shorten,
    without_helpers,
    without_roles,
)
from undeliverable._formats.lines import (
    CONTINUED,
    LINE_LIMIT,
    WORDS_LIMIT,
    Builder,
    FormatReading,
    LinePass,
    listed_in,
    pattern_id,
    read_drafts,
)
from undeliverable._formats.schema import Format
from undeliverable._formats.spots import REPLY, said_in
from undeliverable._formats.statement import Named, Rank, Sentence, Statement, kinds_at, last_begun, read_statement
from undeliverable._formats.wording import NO_WORDING, OUTCOMES, Wording
from undeliverable._text.lazy import lazy
from undeliverable.model import Action, RecipientFacts

__all__ = ["UnknownReading", "read_unknown"]

_LABELLED: Final = frozenset((Rank.LABELLED, Rank.HEADED))
_OPENING_LINES: Final = 6
_LABEL: Final = lazy(r"[ \t]*([^:：@<>]{1,48}?)[ \t]*[:：][ \t]*(.{1,900})$")
_COLUMN: Final = lazy(r"[ \t]*([^:：@<>\s]{1,24})[ \t\u3000]+(.{1,900})$")
_FIELD: Final = lazy(r"[^\W\d_][^:：@<>\d]{0,47}[:：][ \t]")
_HEADING: Final = lazy(r"([-=*_~#])\1{2,}.{0,200}?\1{3,}")  # between rulers
_BARE: Final = lazy(r"[45]\d\d(?:[ -]#?[45]\.\d{1,3}\.\d{1,3})?\W*")
_BEGINNING: Final = " \t>\"')]}:;,|=-–—"
_WORDS: Final = lazy(r"[^\W\d_]{2}")
_CODE_ROOM: Final = 12
_FEW: Final = 16  # replies that are kept whatever they say: real texts have no more


class UnknownReading(NamedTuple):
    """What has been read from unknown text.

    :ivar found: its facts.
    :ivar statement: what its author said, for those who judge whether it is a report at all.
    :ivar nobody: what it says of nobody in particular, if nobody is named.
    :ivar is_form: whether it names a recipient and a reason behind labels.
    """

    found: FormatReading
    statement: Statement
    nobody: RecipientFacts | None
    is_form: bool


def read_unknown(
    generic: Format, header: Callable[[str], str | None], text: str, part: str, wording: Wording = NO_WORDING
) -> UnknownReading:
    """Return what `text`, which fits no described format, says by the generic description.

    :param header: gives the first value of the message's header of a name, or None.
    :param part: the path of the part that `text` comes from, for the evidence.
    :param wording: how notifications speak.
    """
    statement = read_statement(generic, text, header, wording)
    found = _UnknownPass(generic, text, statement, wording)
    found.run()
    drafts, shared = found.drafts, found.shared
    listed = listed_in(generic, header)
    if len(text) > SAID_LIMIT:
        shorten((shared, *drafts), found.replies, SAID_LIMIT if max(len(drafts), len(listed)) > 1 else ALONE_LIMIT)
    assign(drafts, found.replies, shared)
    sender = header("from") or ""
    drafts = without_helpers(drafts, sender) or without_roles(named_by(found.replies, header("to") or ""), sender)
    if any(draft.reply or draft.words for draft in drafts):
        shared.words = []  # what opens the text explains it only if nothing else does
    _mark_delivered(drafts, statement.sentences)
    action = _action(generic, statement, (shared, *drafts))
    build = Builder(generic, action, text, part, shared, is_guess=len(drafts) > 1 or action is not Action.DELAYED)
    nobody = None if drafts or listed else build.facts(shared)
    recipients, message = read_drafts(drafts, listed, build, header)
    is_form = found.has_reason and any(named.rank in _LABELLED for named in statement.named)
    return UnknownReading(
        FormatReading(None, tuple(recipients), message, found.returned_at), statement, nobody, is_form
    )


_ARRIVED: Final = frozenset(("delivered",))


def _mark_delivered(drafts: Iterable[Draft], sentences: Sequence[Sentence]) -> None:
    """Mark the recipients of a list that is said to have been delivered, where the text says of others that they failed.

    A reply beside the address weighs more, and what is said last above it counts.
    """
    said = [sentence for sentence in sentences if sentence.kinds & OUTCOMES]
    arrived = [sentence.kinds & OUTCOMES == _ARRIVED for sentence in said]
    if all(arrived) or not any(arrived):
        return
    for draft in drafts:
        at = last_begun(said, draft.start)
        if at >= 0 and arrived[at] and not draft.is_own:
            draft.facts["action"] = Action.DELIVERED.value
            draft.reply = None


def _action(generic: Format, statement: Statement, drafts: Iterable[Draft]) -> Action | None:
    """Return what happened to all recipients: who will try again has not given up, whatever else is said."""
    subject, said = statement.subject, [sentence.kinds for sentence in statement.sentences]
    if any("delay" in kinds and "final" not in kinds for kinds in said):
        return Action.DELAYED
    has_given_up = any("final" in kinds for kinds in said) or any(_is_permanent(draft) for draft in drafts)
    if not has_given_up and ("waiting" in subject or any("waiting" in kinds for kinds in said)):
        return Action.DELAYED
    if any("failure" in kinds for kinds in (subject, *said)) or has_given_up:
        return generic.action
    return Action.DELIVERED if any("delivered" in kinds for kinds in said) else generic.action


def _is_permanent(draft: Draft) -> bool:
    return any(line.startswith("5") for line in (draft.reply or ())[:1])


class _UnknownPass(LinePass):
    """A pass over unknown text.

    :ivar replies: the replies on lines of their own, in order.
    :ivar has_reason: whether a line says why behind a label.
    """

    def __init__(self, generic: Format, text: str, statement: Statement, wording: Wording) -> None:
        super().__init__(generic, text)
        self._statement = statement
        self._wording = wording
        self._named: dict[int, list[Named]] = {}
        for named in statement.named:
            self._named.setdefault(named.line, []).append(named)
        self._by_address: dict[str, int] = {}
        self._open_number = 0
        self._column = 0  # where the value of a form begins that holds the last reply
        self.replies: list[LooseReply] = []
        self._known: dict[str, int] = {}  # how many replies say the same
        self.has_reason = False

    def _begin(self) -> int:
        """Return where to begin: above the first outcome, the first recipient or the first reply."""
        places = [one.start for one in self._statement.sentences if "failure" in one.kinds][:1]
        places += [named.line for named in self._statement.named[:1]]
        reply = REPLY.search(self._text)
        places += [] if reply is None else [reply.start()]
        first = min(places, default=0)
        return self._text.rfind("\n\n", 0, first) + 1

    def _collects_above(self) -> bool:
        return True

    def _end_paragraph(self) -> None:
        if not self._is_opening() and not (self._sink and self._sink[-1].endswith((":", "："))):
            super()._end_paragraph()

    def _is_opening(self) -> bool:
        """Return whether this is what the text says before it names anybody."""
        return self._sink is self.shared.words and len(self._sink) < _OPENING_LINES

    def _is_continued(self, bare: str) -> bool:  # noqa: ARG002 - for other passes
        return self._sink[-1][3:4] == "-" and self._sink[-1][:4] in CONTINUED

    def _line(self, line: str, bare: str, start: int, end: int) -> None:
        if not bare.startswith(">") or bare.startswith(">>>"):
            super()._line(line, bare, start, end)

    def _is_recipient(self, line: str, start: int, end: int) -> bool:  # noqa: ARG002 - for other passes
        named = self._named.get(start, ())
        for one in named:
            self._turn_to_named(one, start, end)
        for one in named[-1:]:
            self._take_rest(one, end, is_alone=len(named) == 1)
        return bool(named)

    def _turn_to_named(self, named: Named, start: int, end: int) -> None:
        key = named.address.lower()
        number = self._by_address.get(key)
        if number is None:
            draft = Draft(start, end, pattern_id(self._format.name, named.rank.name.lower()))
            draft.facts["recipient"] = named.address
            self.drafts.append(draft)
            number = self._by_address[key] = len(self.drafts)
        self._open_number = number
        self._turn_to(self.drafts[number - 1])

    def _take_rest(self, named: Named, end: int, *, is_alone: bool) -> None:
        """Keep what the line of a recipient says of it."""
        draft = self._open
        draft.end = end
        rest = named.rest.lstrip(_BEGINNING)
        reply = said_in(rest)
        if reply is None and self._is_field(rest, end):
            return
        if reply is not None and reply[3:4] in " -" and draft.reply is None:
            self._sink = draft.reply = [reply]
            draft.is_own = True
        elif is_alone and named.rank >= Rank.STATED:
            self._keep(self._sentence(named, end), draft)
        else:
            self._keep(rest, draft)

    @staticmethod
    def _keep(words: str, draft: Draft) -> None:
        if len(draft.words) < WORDS_LIMIT and _WORDS.search(words):
            draft.words.append(" ".join(words.split()))

    def _sentence(self, named: Named, end: int) -> str:
        """Return the sentence that names a recipient, up to the end of its line: in many languages the verb stands last."""
        sentences = self._statement.sentences
        at = last_begun(sentences, named.at)
        start = sentences[at].start if at >= 0 and sentences[at].end > named.line else named.line
        if named.line - start > LINE_LIMIT or "@" in self._text[start : named.line]:
            start = named.line  # what stands above is said of another one
        return self._text[start:end]

    def _add(self, bare: str, start: int, end: int) -> None:
        own = self._open.words
        if (
            self._sink is own
            and not own
            and self._open is not self.shared
            and "\n\n" in self._text[self._open.end : start]
        ):
            own += self._introduction(self._open)  # what follows in another paragraph may be advice only
        super()._add(bare, start, end)

    def _introduction(self, draft: Draft) -> list[str]:
        """Return the sentence above a recipient that stands on a line of its own, if it says what happened."""
        sentences = self._statement.sentences
        at = last_begun(sentences, draft.start)
        while at >= 0 and sentences[at].end > draft.start:
            at -= 1
        if at < 0 or not sentences[at].kinds & OUTCOMES or "@" in sentences[at].text:
            return []
        return [" ".join(sentences[at].text[:LINE_LIMIT].split())]

    def _is_field(self, line: str, end: int) -> bool:
        return self._is_reason(line) or super()._is_field(line, end)

    def _is_reason(self, line: str) -> bool:
        """Return whether a line says why behind a label, in words of its own, or only which message it was."""
        labelled = _LABEL.match(line)
        match = labelled or _COLUMN.match(line)
        if match is None or not self._wording.names_reason(match[1]) or REPLY.match(match[2]):
            return labelled is not None and self._wording.names_message(labelled[1])
        self.has_reason = True
        if super()._is_field(match[2], 0):
            return True
        self._sink = self._open.words
        self._sink[:] = [match[2].strip()]
        self._collecting = True
        return True

    def _is_word(self, line: str, bare: str, end: int) -> bool:
        """Return whether a line is to be kept: no heading, and not what only says that another attempt will be made."""
        if _HEADING.fullmatch(bare) is not None or not super()._is_word(line, bare, end):
            return False
        if self._column and self._column == _column_of(line) and self._is_of_reply():  # the next field of a form
            self._collecting = False
            return False
        return not self._is_only_delay(end - len(line))

    def _is_of_reply(self) -> bool:
        return bool(self.replies) and self._sink is self.replies[-1].lines

    def _is_only_delay(self, start: int) -> bool:
        kinds = kinds_at(self._statement.sentences, start)
        return "failure" not in kinds and not kinds.isdisjoint(("delay", "waiting"))

    def _take_field(self, match: re.Match[str], line: str, end: int) -> None:
        reply = match.groupdict().get("reply")
        if not reply:
            super()._take_field(match, line, end)
            return
        said = reply.strip()
        last = self.replies[-1] if self.replies else None
        if (
            last is not None
            and len(last.lines) == 1
            and _BARE.fullmatch(last.lines[0])
            and said.startswith(last.lines[0])
        ):
            last.lines[0] = said  # the code first, then the same with its words
        else:
            if len(self.replies) > _FEW:
                self._drop_repeated()
            self.replies.append(LooseReply(self._open_number, said, end - len(line), end))
        self._sink = self.replies[-1].lines
        self._column = _column_of(line)
        self._collecting = True

    def _drop_repeated(self) -> None:
        """Drop the last reply if it can decide nothing, for a text may have a hundred thousand.

        Replies that follow the same recipient, have the same code and name the same addresses are told apart by their number
        alone, as far as that is the number of recipients above them (see `assign`).
        """
        last = self.replies[-1]
        said = " ".join((str(last.after), last.lines[0][:3], *named_in(last)))
        self._known[said] = times = self._known.get(said, 0) + 1
        if times > last.after + 2:
            self.replies.pop()


def _column_of(line: str) -> int:
    """Return the column where the value of a field stands in a form whose labels have the same width; 0 if there is none."""
    match = _FIELD.match(line)
    return 0 if match is None else match.end()
