"""`classify --only`: the verdicts to show."""

from __future__ import annotations

from typing import Final

from undeliverable.cli._words import words_of
from undeliverable.reasons import BounceType, Reason
from undeliverable.verdict import Kind, Report, Verdict

__all__ = ["Selection"]

_WORDS: Final = frozenset(map(str, (*BounceType, *Reason, *Kind)))


class Selection:
    """A filter for verdicts whose bounce type, reason or kind of report is among some words; no words select all."""

    __slots__ = ("_words",)

    def __init__(self, words: frozenset[str] = frozenset()) -> None:
        self._words = words

    @classmethod
    def of(cls, lists: list[str]) -> Selection:
        """Return the selection of comma-separated lists; raise UsageError for an unknown word."""
        return cls(words_of("--only", lists, _WORDS, expected="a bounce type, a reason or a kind of report"))

    def verdicts(self, report: Report) -> tuple[Verdict, ...] | None:
        """Return the verdicts to show, possibly none, or None where the report is not shown at all."""
        if not self._words or str(report.kind) in self._words:
            return report.verdicts
        return tuple(filter(self._takes, report.verdicts)) or None

    def _takes(self, verdict: Verdict) -> bool:
        return str(verdict.bounce_type) in self._words or str(verdict.reason) in self._words
