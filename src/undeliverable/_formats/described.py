"""The reader of a described format: its description says where the words about a recipient stand.

They follow its address, come before it, or are shared by all; a reply belongs to the recipient whose words are being
read. Nothing is guessed, and lines before the first address are left out where they cannot matter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from undeliverable._dsn.sections import TRACE
from undeliverable._formats.attribution import ALONE_LIMIT, SAID_LIMIT, Draft, share, shorten
from undeliverable._formats.lines import Builder, FormatReading, LinePass, listed_in, read_drafts
from undeliverable._formats.schema import Format
from undeliverable._text.addresses import addresses_in
from undeliverable._text.lazy import lazy

__all__ = ["read_described"]

# Further recipients on the line of the first one.
_FURTHER: Final = lazy(r"(?:[ \t]{0,4}[,;][ \t]{0,4}<?[^\s<>\"(),;:]{1,64}@[^\s<>\"(),;:]{1,255}>?){1,999}[ \t.]{0,4}")
_LEAPING: Final = frozenset(("after", "none"))  # where the lines before the first recipient say nothing of any


def read_described(described: Format, header: Callable[[str], str | None], text: str, part: str) -> FormatReading:
    """Return what `text`, of the format `described`, says.

    :param header: gives the first value of the message's header of a name, or None.
    :param part: the path of the part that `text` comes from, for the evidence.
    """
    found = _DescribedPass(described, text)
    found.run()
    drafts, shared = found.drafts, found.shared
    listed = listed_in(described, header)
    if len(text) > SAID_LIMIT:
        shorten((shared, *drafts), (), SAID_LIMIT if max(len(drafts), len(listed)) > 1 else ALONE_LIMIT)
    if described.words == "shared":
        share(drafts)
    build = Builder(described, described.action, text, part, shared, is_guess=False)
    recipients, message = read_drafts(drafts, listed, build, header)
    if not recipients:  # the text is certainly a report; it just names nobody
        recipients = [build.facts(Draft(shared.start, shared.end))]
    return FormatReading(described.name, tuple(recipients), message, found.returned_at)


class _DescribedPass(LinePass):
    """A pass over a text whose format is known."""

    def _begin(self) -> int:
        """Return where to begin: behind ``begin``, or at the first line that can name a recipient, if nothing else matters."""
        position = self._start()
        at = self._text.find("@", position) if self._may_leap() else -1
        if at < 0:
            return position
        start = max(self._text.rfind("\n", position, at) + 1, position)
        before = self._text[position:start]
        matters = any(map(before.__contains__, (*self._format.end, *self._format.stop_words, *TRACE)))
        return position if matters else start

    def _may_leap(self) -> bool:
        return self._patterns.may_leap and self._format.words in _LEAPING

    def _collects_above(self) -> bool:
        return self._format.words in ("before", "shared")

    def _is_continued(self, bare: str) -> bool:
        return self._sink is self._open.reply and self._sink[0][:3] == bare[:3]  # RFC 5321 4.2.1: all have one code

    def _is_recipient(self, line: str, start: int, end: int) -> bool:
        if self._patterns.needs_at and "@" not in line:
            return False
        if self._format.paragraphs and self.drafts and not self._begins_paragraph(start):
            return False
        match = self._match_recipient(line, start, end)
        if match is not None and line[match.end() :].count("@"):
            self._add_others(line[match.end() :], start, end)
        return match is not None

    def _add_others(self, rest: str, start: int, end: int) -> None:
        """Add a draft for each further address, where nothing else follows the first: ``<kim@...>, <lee@...>``."""
        first = self.drafts[-1]
        if len(first.facts) != 1 or first.words or first.reply or not _FURTHER.fullmatch(rest):
            return
        for address in addresses_in(rest):
            draft = Draft(start, end, first.pattern)
            draft.facts["recipient"] = address
            self.drafts.append(draft)
            self._turn_to(draft)

    def _begins_paragraph(self, start: int) -> bool:
        """Return whether the line that begins at `start` is the first of a paragraph.

        An empty line has no octets. Servers that separate recipients so leave none in the replies that they quote, but
        a reply may have lines of white space of all kinds.
        """
        return self._text[start - 2 : start] == "\n\n"
