"""`classify --only`: the verdicts to show."""

from __future__ import annotations

from typing import Final

from undeliverable import is_same_address
from undeliverable.cli._words import words_of
from undeliverable.reasons import Advice, BounceType, Fault, Reason
from undeliverable.verdict import Kind, Report, Verdict

__all__ = ["Selection"]

_WORDS: Final = frozenset(map(str, (*BounceType, *Reason, *Kind, *Advice)))


class Selection:
    """A filter for verdicts whose type, reason, advice or kind of report is among some words; no words select all.

    :ivar words: the words, none for all verdicts.
    """

    __slots__ = ("_of_mailed", "words")

    def __init__(self, words: frozenset[str] = frozenset(), *, of_mailed: bool = False) -> None:
        """Select by these words.

        :param of_mailed: True if the words are about the address that was mailed. Where it differs from the one that
            failed, the death of that one says nothing final about it: it counts as soft, without an address reason.
        """
        self.words = words
        self._of_mailed = of_mailed

    @classmethod
    def of(cls, lists: list[str], *, of_mailed: bool = False) -> Selection:
        """Return the selection of comma-separated lists; raise UsageError for an unknown word."""
        words = words_of("--only", lists, _WORDS, expected="a bounce type, a reason, an advice or a kind of report")
        return cls(words, of_mailed=of_mailed)

    def verdicts(self, report: Report) -> tuple[Verdict, ...] | None:
        """Return the verdicts to show, possibly none, or None where the report is not shown at all."""
        if not self.words or str(report.kind) in self.words:
            return report.verdicts
        return tuple(filter(self._takes, report.verdicts)) or None

    def _takes(self, verdict: Verdict) -> bool:
        return not self.words.isdisjoint(self._words_of(verdict))

    def _words_of(self, verdict: Verdict) -> set[str]:
        kind, reason = verdict.bounce_type, verdict.reason
        if self._of_mailed and verdict.fault is Fault.ADDRESS and _passed_on(verdict):
            return {str(BounceType.SOFT), str(verdict.advice)}
        return {str(kind), str(reason), str(verdict.advice)}


def _passed_on(verdict: Verdict) -> bool:
    """Return True if the mail had been sent to another address than the one that failed."""
    return verdict.sent_to is not None and not is_same_address(verdict.sent_to, verdict.recipient)
