"""Anonymize one message after another, or one log line after another, and prove each result."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import partial
from typing import Final, NamedTuple

from undeliverable.anonymize._lines import Line
from undeliverable.anonymize._message import Message, decoded, is_from_system
from undeliverable.anonymize._proof import differences, leaks, leaks_of_line
from undeliverable.anonymize._pseudonyms import ATOM, Pseudonyms
from undeliverable.anonymize._text import Mode, Text
from undeliverable.anonymize._vocabulary import Vocabulary, vocabulary
from undeliverable.knowledge import Knowledge
from undeliverable.logs import LogReader
from undeliverable.mail import parse
from undeliverable.verdict import Kind, Report

__all__ = ["KEPT", "Anonymized", "Anonymizer"]

KEPT: Final = ("text", "body")
"""What can be kept as a whole: the words of somebody's text and subject, and the words of a returned message in a text."""

_OF_PEOPLE: Final = frozenset((Kind.AUTO_REPLY, Kind.OTHER))
_SHORTEST: Final = 3
_DIGITS: Final = 6


class Anonymized(NamedTuple):
    """One message or line in which everything is replaced.

    :ivar raw: its octets.
    :ivar differs: in words, where its verdict is not the original's; then it is not what you want to share.
    :ivar left: what of the original still stands in it.
    :ivar kept: hosts that were left on purpose: those of providers, which rules need.
    """

    raw: bytes
    differs: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    @property
    def is_proved(self) -> bool:
        """True if the verdict is the same and nothing of the original is left."""
        return not self.differs and not self.left


class Anonymizer:
    """Replace the same things by the same others, for a whole run."""

    def __init__(self, key: bytes, *, keep: Collection[str] = (), knowledge: Knowledge | None = None) -> None:
        """Replace nothing yet.

        :param key: a secret; the same key gives the same replacements. Whoever has it can try out who was meant.
        :param keep: what stays as it is: addresses, hosts and words; and `text` or `body`, see :data:`KEPT`.
        :param knowledge: the rules and policies that the verdict is compared by; the built-in ones unless given.
        """
        self._key = key
        self._keep = frozenset(each.lower() for each in keep)
        self._knowledge = knowledge
        self._known: Vocabulary = vocabulary()
        self._avoid: set[str] = set()
        self._made = Pseudonyms(key, self._known, avoid=self._avoid, keep=self._keep)

    def message(self, raw: bytes) -> Anonymized:
        """Return a message with everything replaced, and what is to be said of it."""
        judge = partial(parse, knowledge=self._knowledge)
        before = judge(raw)
        mode = self._mode(raw, before)
        made = raw
        differs: tuple[str, ...] = ()
        left: tuple[str, ...] = ()
        for below in self._plans():
            text = self._collected(raw, before, mode, below)
            made = Message(text, mode=mode, below=below).rewrite(raw)
            differs = differences(before, judge(made), text)
            left = leaks(made, self._originals(text))
            if not differs:
                break
        return Anonymized(made, differs, left, tuple(sorted(self._made.kept)))

    def lines(self, lines: Iterable[bytes]) -> Iterator[Anonymized]:
        """Yield the lines of a log with everything replaced, as they come: one for each line, without its ending."""
        before, after = (LogReader(knowledge=self._knowledge) for _ in range(2))
        for raw in lines:
            made, text = self._line(raw)
            first, second = before.feed(raw), after.feed(made)
            left = leaks_of_line(made, self._originals(text))
            yield Anonymized(made, _log_differences(first, second, text), left, tuple(sorted(self._made.kept)))

    def record(self, raw: bytes) -> Anonymized:
        """Return a record of a report, one line of JSON, with everything replaced; its verdicts stay what they are."""
        made, text = self._line(raw)
        return Anonymized(made, (), leaks_of_line(made, self._originals(text)), tuple(sorted(self._made.kept)))

    def _line(self, raw: bytes) -> tuple[bytes, Text]:
        """Return one line rewritten: once more if an unknown user's name, say, stands in it without its domain."""
        line, codec = decoded(raw)
        text = Text(self._made, self._known)
        made = Line(text).rewrite(line)
        if leaks_of_line(made.encode("utf-8", "replace"), self._originals(text)):
            again = Text(self._made, self._known, filter(self._is_telling, text.found | text.hosts), text.hosts)
            again.found |= text.found
            made, text = Line(again).rewrite(line), again
        return made.encode(codec, "replace"), text

    def _plans(self) -> tuple[Mode, ...]:
        """Return what may become of a returned message that stands in a text, the best first."""
        return (Mode.PROSE,) if "body" in self._keep else (Mode.BLANK, Mode.MASKED)

    def _mode(self, raw: bytes, report: Report) -> Mode:
        """Return what becomes of words: those of mail systems are needed, those of people are theirs."""
        if "text" in self._keep or report.kind not in _OF_PEOPLE:
            return Mode.PROSE
        header = raw.lstrip().partition(b"\n\n")[0].partition(b"\r\n\r\n")[0]
        is_report = report.kind is Kind.OTHER and (b"multipart/report" in header or is_from_system(header, self._known))
        return Mode.PROSE if is_report else Mode.MASKED

    def _collected(self, raw: bytes, report: Report, mode: Mode, below: Mode) -> Text:
        """Return what rewrites a message, after a first pass that collected what is in it."""
        first = Text(Pseudonyms(self._key, self._known, keep=self._keep), self._known)
        for value in _seeds(report):
            first.ids(value)
        for verdict in report.verdicts:
            for address in (verdict.recipient, verdict.original_recipient, verdict.sent_to):
                if address is not None:
                    first.local(address) if "@" not in address else first.address(address)
        Message(first, mode=mode, below=below).rewrite(raw)
        self._avoid |= first.made.originals | first.found
        first.found.update(filter(ATOM.fullmatch, first.made.originals))
        literals = {each for each in first.found if self._is_telling(each)}
        literals |= {each for each in first.subjects if any(not self._known.knows(word) for word in each.split())}
        text = Text(self._made, self._known, literals | first.hosts, first.hosts)
        text.found |= first.found
        text.addresses |= first.addresses
        text.subjects |= first.subjects
        return text

    def _is_telling(self, text: str) -> bool:
        """Return whether a text names somebody wherever it stands, and is not also a common word."""
        if (
            len(text) < _SHORTEST
            or self._known.knows(text)
            or text in self._known.markers
            or self._made.is_machine(text)
        ):
            return False
        return not text.isdigit() or len(text) >= _DIGITS

    def _originals(self, text: Text) -> Iterator[str]:
        """Yield what must not stand in the result."""
        for each in sorted(text.found | text.addresses | text.hosts):
            if self._is_telling(each) and not self._made.stays(each):
                yield each


def _seeds(report: Report) -> Iterable[str]:
    message = report.message
    values = (message.queue_id, message.original_envelope_id)
    return (value for value in values if value is not None and "@" not in value)


def _log_differences(before: Report | None, after: Report | None, text: Text) -> tuple[str, ...]:
    if before is None or after is None:
        return (
            ()
            if before is after
            else (f"{'no' if before is None else 'a'} delivery became {'one' if after else 'none'}",)
        )
    return differences(before, after, text)
