"""The reader of unknown text: of every order, so what it reads is a guess.

The reply stands after the address, or before it; all addresses come first and all replies below, or one reply is meant
for them all. So replies are collected by themselves and attributed when the whole text has been read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from undeliverable._formats.attribution import Draft, LooseReply, assign, named_by, shorten, without_helpers
from undeliverable._formats.lines import CONTINUED, Builder, FormatReading, LinePass, listed_in, read_drafts
from undeliverable._formats.schema import Format
from undeliverable._text.lazy import lazy
from undeliverable.model import Action

__all__ = ["read_unknown"]

_OPENING_LINES: Final = 6
_ABOVE: Final = 998  # characters that are read above the words that open a report
# Several recipients on one line.
_AND: Final = lazy(r"[,;][ \t]{0,9}|[ \t]{1,9}(?:and|und|et|y|e|og|och|en|i|и)[ \t]{1,9}")
_ADDRESS_ALONE: Final = lazy(r"[ \t]{0,9}[<\"'(\[]?[^\s<>\"'(),;:]{1,64}@[^\s<>\"'(),;:]{1,255}[>\"')\]]?[ \t.]{0,9}")


def read_unknown(generic: Format, header: Callable[[str], str | None], text: str, part: str) -> FormatReading:
    """Return what `text`, which fits no described format, says by the generic description.

    :param header: gives the first value of the message's header of a name, or None.
    :param part: the path of the part that `text` comes from, for the evidence.
    """
    found = _UnknownPass(generic, text)
    found.run()
    drafts, shared = found.drafts, found.shared
    listed = listed_in(generic, header)
    if max(len(drafts), len(listed)) > 1:
        shorten((shared, *drafts), found.replies)
    assign(drafts, found.replies, shared)
    drafts = without_helpers(drafts, header("from") or "") or named_by(found.replies, header("to") or "")
    if any(draft.reply or draft.words for draft in drafts):
        shared.words = []  # what opens the text explains it only if nothing else does
    build = Builder(generic, _action(generic, (shared, *drafts)), text, part, shared, is_guess=True)
    recipients, message = read_drafts(drafts, listed, build, header("to") or "")
    return FormatReading(None, tuple(recipients), message, found.returned_at)


def _action(generic: Format, drafts: Iterable[Draft]) -> Action | None:
    """Return what happened to all recipients: who will try again has not given up."""
    stated = {name for draft in drafts for name in draft.facts}
    return Action.DELAYED if "will_retry_until" in stated and "expired" not in stated else generic.action


class _UnknownPass(LinePass):
    """A pass over unknown text.

    :ivar replies: the replies on lines of their own, in order.
    """

    __slots__ = ("_is_paused", "replies")

    def __init__(self, generic: Format, text: str) -> None:
        super().__init__(generic, text)
        self._is_paused = False
        self.replies: list[LooseReply] = []

    def _begin(self) -> int:
        """Return where to begin: unknown text may name the recipient above ``begin``, but not in a message's header."""
        start = self._start()
        line = self._text.rfind("\n", 0, start) + 1
        skip = self._patterns.skip
        for above in (0, self._text.rfind("\n\n", 0, line) + 1):
            if line - above <= _ABOVE and not (skip and any(map(skip, self._text[above:line].split("\n")))):
                return above
        return line

    def _collects_above(self) -> bool:
        return True

    def _end_paragraph(self) -> None:
        if self._is_paused:  # help is offered in a paragraph of its own, before anybody is named
            self._is_stopped = self._is_paused = False
        if not self._is_opening():
            super()._end_paragraph()

    def _is_opening(self) -> bool:
        """Return whether this is what the text says before it names anybody."""
        return self._sink is self.shared.words and len(self._sink) < _OPENING_LINES

    def _stop(self) -> None:
        super()._stop()
        self._is_paused = not self.drafts

    def _is_continued(self) -> bool:
        return self._sink[-1][3:4] == "-" and self._sink[-1][:4] in CONTINUED

    def _is_recipient(self, line: str, start: int, end: int) -> bool:
        if (self._patterns.needs_at and "@" not in line) or self._is_reply(line):
            return False
        if line.count("@") > 1 and self._is_list(line, start, end):
            return True
        match = self._match_recipient(line, start, end)
        if match is None:
            return False
        words = self.drafts[-1].words
        if self._sink is words and not words:
            self._is_field(line[match.end() :], end)
        return True

    def _is_reply(self, line: str) -> bool:
        """Return whether the line is a reply, whose addresses say nothing of the recipient it was given for."""
        return any(
            (match := pattern(line)) is not None and match.re.groupindex.get("reply")
            for pattern in self._patterns.field
        )

    def _is_list(self, line: str, start: int, end: int) -> bool:
        """Return whether the line names several recipients, the first as if it were alone."""
        first, *others = _AND.split(line)
        if not others or not all(_ADDRESS_ALONE.fullmatch(other) for other in others):
            return False
        if not self._is_recipient(first, start, end):
            return False
        return all(self._is_recipient(other.strip(" \t."), start, end) for other in others)

    def _take_field(self, match: re.Match[str], line: str, end: int) -> None:
        reply = match.groupdict().get("reply")
        if not reply:
            super()._take_field(match, line, end)
            return
        self.replies.append(LooseReply(len(self.drafts), reply.strip(), end - len(line), end))
        self._sink = self.replies[-1].lines
        self._collecting = True
