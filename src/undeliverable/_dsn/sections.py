"""Find where the returned message begins in the text of a report: nothing below that place says anything of a recipient.

Whoever wrote the returned message chose its words. If fields, replies or addresses in it counted, its author could
name the recipients of a failure. So the border is found before anything is read. It is a line that announces the copy
(its words are data in many languages, :class:`CutWords`), the header block of another message (RFC 5322 2.2), the
header of an embedded part (RFC 2046 5.2.1), or a quotation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from undeliverable._text.classes import kept, ordinary
from undeliverable._text.lazy import lazy

__all__ = ["TRACE", "CutWords", "Sections"]

# The trace fields (RFC 5321 4.4) and signatures that servers put above a message and no report has in its text.
TRACE: Final = ("Return-Path:", "Return-path:", "Received:", "DKIM-Signature:")
_TRACE: Final = frozenset(("return-path", "received", "dkim-signature"))
# RFC 2045 4 and others: what a message has beside From, and a summary of one in a report lacks.
_OF_MESSAGES: Final = frozenset(("mime-version", "x-mailer", "user-agent"))
_OF_SUMMARIES: Final = frozenset(("from", "to", "cc", "sender", "reply-to", "subject", "date", "message-id"))
_NAMED: Final = 2
"""Fields of _OF_SUMMARIES that make a header block where a line announces one."""
_NAME: Final = r"[A-Za-z][A-Za-z0-9-]{1,40}+"
_FIELD: Final = lazy(rf"({_NAME}):(?:[ \t]|\Z)")
_EMBEDDED: Final = lazy(r"(?i:content-type:[ \t]{0,9}(?:message/(?:rfc822|global)|text/rfc822-headers)\b)")
# Lines of a quotation (RFC 3676 4.5) that a report quotes from an SMTP session and not from a message.
_REPLY: Final = lazy(r"[> \t]{0,9}(?:[2-5]\d\d[ -]|[45]\.\d{1,3}\.\d{1,3}\b|<[^<>\s]{1,320}>)")
_VISIBLE: Final = lazy(r"\S")
_RULERS: Final = "-=_*~#+|"
_MARGIN: Final = " \t|>"
_BLANK: Final = _MARGIN + "\n"
_ROOM: Final = 200
"""How much of a line is looked at, in characters."""
_SENT: Final = ">>>"
"""What stands before a command in a transcript, which is no quotation."""
_SENDER: Final = "rom:"
_OPENING: Final = 3
"""Characters of a line that are compared first with the words that announce the returned message; none are shorter."""
_BEGINNING: Final = 5
"""Characters of these words by which such lines are found."""


class Sections(NamedTuple):
    """The borders in a text, as offsets; the length of the text where there is none.

    :ivar returned: where the returned message begins.
    :ivar doubtful: where something begins that is perhaps part of another message: fields from there on do not count.
    """

    returned: int
    doubtful: int


@ordinary
@dataclass(frozen=True, kw_only=True)
class CutWords:
    """How lines begin that announce the returned message, of all languages together, casefolded.

    :ivar ruled: what stands behind dashes, equals signs or the like.
    :ivar plain: what needs no such ruler.
    :ivar above: what the line above a header block contains if it announces one.
    """

    ruled: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    above: tuple[str, ...] = ()

    def sections(self, text: str) -> Sections:
        """Return where in `text` the returned message begins; line ends are LF."""
        found = _Pass(self, text)
        return found.sections()

    def without_copy(self, text: str) -> str:
        """Return `text` without the returned message if that has a header, of which ``From`` is a part (RFC 5322 3.6)."""
        return text[: self.sections(text).returned] if _SENDER in text else text

    def announces(self, bare: str) -> bool:
        """Return whether a line without margins announces the returned message."""
        words = bare.lstrip(_RULERS + " \t") if bare[0] in _RULERS else bare
        known = self._by_start.get(words[:_OPENING].casefold()[:_OPENING])
        if known is None:  # most lines
            return False
        words, (plain, ruled) = words.casefold(), known
        return words.startswith(plain) or (bare[0] in _RULERS and bare[1] in _RULERS and words.startswith(ruled))

    @kept
    def special(self) -> re.Pattern[str]:
        """Return what finds the line ending before a line of ASCII text that is worth a look.

        That is a field, a quotation, or, in the group, what begins like an announcement.
        """
        return _special(filter(str.isascii, self.plain), "")

    @kept
    def special_of_any_script(self) -> re.Pattern[str]:
        """Return the same for text of any script."""
        return _special(self.plain, rf"|(?=[^\n]{{0,{_BEGINNING - 1}}}[^\x00-\x7f])")

    @kept
    def _by_start(self) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
        """Return what needs no ruler, and what does, by its first characters."""
        plain, ruled = _filed(self.plain), _filed(self.ruled)
        return {start: (plain.get(start, ()), ruled.get(start, ())) for start in plain | ruled}


def _filed(lines: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return `lines` by their first characters."""
    found: dict[str, tuple[str, ...]] = {}
    for line in lines:
        start = line[:_OPENING]
        found[start] = (*found.get(start, ()), line)
    return found


def _special(words: Iterable[str], others: str) -> re.Pattern[str]:
    """Return the pattern of :attr:`CutWords.special`.

    :param words: how announcements begin without a ruler; of these only beginnings in ASCII are compared.
    :param others: a pattern of further beginnings, behind a vertical bar.
    """
    further: dict[str, list[str]] = {}
    for beginning in filter(str.isascii, sorted({word[:_BEGINNING] for word in words})):
        further.setdefault(beginning[0], []).append(re.escape(beginning[1:]))
    announced = "".join(f"|[{first}{first.upper()}](?i:{'|'.join(rest)})" for first, rest in further.items())
    margin = rf"[{_MARGIN}]{{0,{_ROOM - 1}}}+"
    return re.compile(
        rf"\n(?:{margin}(?:{_NAME}:|((?:[{re.escape(_RULERS)}]{announced}{others})[^\n]*+))|>(?!>>){margin}[^\n{_MARGIN}])"
    )


class _Pass:
    """A pass over the lines of a text, up to the returned message.

    :ivar block: where the header block begins that is being read; -1 outside of one.
    :ivar names: the names of its fields.
    :ivar is_unindented: whether it has no margin.
    :ivar is_part: whether it is the header of an embedded message.
    :ivar quotation: where the line above begins if it is quoted, else -1.
    :ivar above: the last line with words above the block.
    :ivar done: where the line behind the last one that was looked at begins.
    :ivar passed: the same of the one before: from there to the last one, lines say nothing of borders.
    """

    def __init__(self, words: CutWords, text: str) -> None:
        self.words = words
        self.text = text
        self.block = -1
        self.names: set[str] = set()
        self.is_unindented = self.is_part = False
        self.quotation = -1
        self.above = ""
        self.done = self.passed = 0
        self.doubtful = len(text)
        visible = _VISIBLE.search(text)
        self.first = len(text) if visible is None else visible.start()

    def sections(self) -> Sections:
        text, size = self.text, len(self.text)
        special = self.words.special if text.isascii() else self.words.special_of_any_script
        returned = -1
        for found in special.finditer("\n" + text):  # the line ending before a line has the line's own place
            at, bare = found.start(), found[1]
            if at < self.done:  # a line of a header block
                continue
            if bare is None or text[at] == ">":
                returned = self.from_line(at)
            else:
                self.quotation, self.above, self.done = -1, bare, found.end()
                returned = self.done if self.words.announces(bare) else -1
            if returned >= 0:
                break
        else:
            returned = self.block_end(size)
        returned = size if returned < 0 else min(returned, size)
        return Sections(returned, min(returned, self.doubtful))

    def from_line(self, at: int) -> int:
        """Return where the returned message begins if the line at `at`, or the header block that it begins, shows it, else -1."""
        if self.quotation >= 0 and self.text[self.done : at].strip(_BLANK):
            self.quotation = -1
        returned = self.line(at)
        while returned < 0 <= self.block and self.done <= len(self.text):
            returned = self.line(self.done)
        return returned

    def line(self, at: int) -> int:
        """Return where the returned message begins if the line at `at`, of any kind, shows it, else -1."""
        line = self.next_line(at)
        return self.returned(line, line.strip(_MARGIN), at)

    def next_line(self, at: int) -> str:
        """Return the line at `at`, as much of it as is looked at; what is `done` ends behind it."""
        end = self.text.find("\n", at)
        end = len(self.text) if end < 0 else end
        self.passed, self.done = self.done, end + 1
        return self.text[at : min(end, at + _ROOM)]

    def returned(self, line: str, bare: str, at: int) -> int:
        """Return where the returned message begins if this line shows it, else -1; `bare` is it without margins."""
        if not bare:
            return self.block_end(self.done)
        if self.quotes(line, at):
            return self.quotation
        field = _FIELD.match(bare) if ":" in bare else None
        if field is not None:
            return self.field(field[1].lower(), bare, at, is_unindented=line[0] == bare[0])
        if self.block >= 0 and line[0] in " \t":  # a folded line, RFC 5322 2.2.3
            return -1
        returned = self.block_end(at)
        if returned < 0 and self.words.announces(bare):
            return self.done
        self.above = bare
        return returned

    def quotes(self, line: str, at: int) -> bool:
        """Return whether this is the second line of a quotation that is no part of an SMTP session."""
        if line[0] != ">" or line.startswith(_SENT) or _REPLY.match(line) is not None:
            self.quotation = -1
            return False
        if self.quotation >= 0:
            return True
        self.quotation = at
        return False

    def field(self, name: str, bare: str, at: int, *, is_unindented: bool) -> int:
        """Return where the header block begins that this field shows to be another message's, else -1."""
        if self.block < 0:
            self.block, self.is_unindented, self.is_part = at, is_unindented, False
            self.names.clear()
            self.above = self.line_above(at) or self.above
        self.names.add(name)
        self.is_part = self.is_part or (name == "content-type" and _EMBEDDED.match(bare) is not None)
        is_foreign = name in _TRACE and is_unindented
        is_foreign = is_foreign or ("from" in self.names and not _OF_MESSAGES.isdisjoint(self.names))
        return self.block if is_foreign and self.first < self.block else -1

    def line_above(self, at: int) -> str:
        """Return the last line with words between `passed` and `at`, or an empty string; much text may stand there."""
        text, start = self.text, self.passed
        while at > start and text[at - 1] in _BLANK:
            at -= 1
        begin = max(text.rfind("\n", start, at) + 1, start)
        return text[begin : min(at, begin + _ROOM)].strip(_MARGIN)

    def block_end(self, following: int) -> int:
        """Return where the returned message begins if the block that ends here is its header or announces it, else -1."""
        block, self.block = self.block, -1
        if block < 0:
            return -1
        if self.is_part:
            return following
        if "from" not in self.names or len(self.names & _OF_SUMMARIES) < _NAMED:
            self.above = ""
            return -1
        self.doubtful = min(self.doubtful, block)
        above = self.above.casefold()
        is_message = self.is_unindented and len(self.names & _OF_SUMMARIES) > _NAMED
        is_message = is_message or any(map(above.__contains__, self.words.above))
        # Before anybody has been named it is a summary of the message, and the failure is yet to come.
        return block if is_message and self.text.find("@", 0, block) >= 0 else -1
