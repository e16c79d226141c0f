"""`--only`: which verdicts are shown."""

from __future__ import annotations

from typing import Final

from undeliverable.cli._command import UsageError
from undeliverable.reasons import BounceType, Reason
from undeliverable.verdict import Kind, Report, Verdict

__all__ = ["Selection"]

_WORDS: Final = frozenset(map(str, (*BounceType, *Reason, *Kind)))


class Selection:
    """The verdicts whose bounce type, reason or kind of report is among some words; all of them without words."""

    __slots__ = ("_words",)

    def __init__(self, words: frozenset[str] = frozenset()) -> None:
        self._words = words

    @classmethod
    def of(cls, lists: list[str]) -> Selection:
        """The selection that comma-separated lists ask for; `UsageError` names the word that nothing is called."""
        words = frozenset(word for text in lists for word in text.replace(",", " ").lower().split())
        for word in sorted(words - _WORDS):
            raise UsageError(f"--only: nothing is called {word!r}{_suggestion(word)}")
        if lists and not words:
            raise UsageError("--only: names nothing")
        return cls(words)

    def verdicts(self, report: Report) -> tuple[Verdict, ...] | None:
        """The report's verdicts to be shown, perhaps none, or None where the report is not to be shown at all."""
        if not self._words or str(report.kind) in self._words:
            return report.verdicts
        return tuple(filter(self._takes, report.verdicts)) or None

    def _takes(self, verdict: Verdict) -> bool:
        return str(verdict.bounce_type) in self._words or str(verdict.reason) in self._words


def _suggestion(word: str) -> str:
    from difflib import get_close_matches  # only for those who mistype

    near = get_close_matches(word, sorted(_WORDS), n=3)
    return f"; perhaps {' or '.join(near)}?" if near else " (a bounce type, a reason or a kind of report is)"
