"""Where the words of a reply stand that a rule matched, and what each clause of the reply is for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final

from undeliverable._knowledge.common import shipped
from undeliverable._rules.comparisons import ABSENT
from undeliverable._rules.meaning import BY_MEANING
from undeliverable._rules.phrases import words_of
from undeliverable._rules.places import Traced, matched_places, trace_visible
from undeliverable._rules.roles import Clause, Role
from undeliverable.verdict import RuleRef, StatusFrom, Verdict

__all__ = ["Matches", "quoted"]

_READ: Final = frozenset((Role.CAUSE, Role.FRAME))


class Matches:
    """The reply of a verdict as rules see it, whole and without what states no cause."""

    def __init__(self, verdict: Verdict) -> None:
        self._verdict = verdict
        self._rule = verdict.rule
        self._reply = verdict.reply or ""
        addresses = verdict.recipient, verdict.original_recipient
        self._whole = trace_visible(self._reply, verdict.reply_code or ABSENT, addresses)
        text = self._whole.text
        self._words = words_of(text)
        reading = shipped().meaning.read(text, self._words)
        self._clauses = [Clause(0, len(text), Role.CAUSE)] if reading is None else reading.clauses
        self._framed = text if reading is None else reading.unframed()
        cuts = [] if reading is None else reading.cuts()
        self._causes = self._whole.replaced(cuts, "") if cuts else self._whole

    def clauses(self) -> Iterator[tuple[str, str]]:
        """Yield the role of each clause with its words, where something stands beside the cause."""
        if all(clause.role is Role.CAUSE for clause in self._clauses) and self._causes is self._whole:
            return
        ignored = "" if self._rule is not None and not _by_meaning(self._rule) else " (ignored)"
        for start, end, role in self._clauses:
            blanks = len(self._whole.text[start:end]) - len(self._whole.text[start:end].lstrip())
            at, to = self._whole.origin(start + blanks, end)
            yield str(role), quoted(self._reply[at:to]) + ("" if role in _READ else ignored)

    def words_for(self, rule: RuleRef) -> Iterator[str]:
        """Yield the words of the reply that the rule matched, as they stand there."""
        for start, end in chain(self._literal(rule, rule.words, None), self._literal(rule, (), rule.pattern)):
            yield " ".join(self._reply[start:end].split())

    def decisive(self) -> tuple[tuple[int, int], ...]:
        """Return where the words stand that decided, in order: those of the rule, else the status or code that it asks for."""
        rule = self._rule
        if rule is None:
            return ()
        found = {*self._literal(rule, rule.words, None)} or {*map(self._worded, self._literal(rule, (), rule.pattern))}
        found.discard((0, 0))
        found.update((start, end) for _, start, end in self._concepts(frozenset(rule.means)))
        if not found and not (rule.words or rule.pattern or rule.means):
            found.update(self._codes())
        return tuple(sorted(found))

    def _literal(self, rule: RuleRef, words: tuple[str, ...], pattern: str | None) -> Iterator[tuple[int, int]]:
        """Yield where phrases and a pattern of a rule stand in the reply; a pattern may match an empty place: (0, 0)."""
        seen = self._seen_by(rule)
        for start, end in matched_places(words, pattern, seen.text):
            yield seen.origin(start, end) if end > start else (0, 0)

    def _worded(self, place: tuple[int, int]) -> tuple[int, int]:
        """Return the place from its first letter on: patterns often begin with the beginning of a sentence."""
        start, end = place
        return next((at for at in range(start, end) if self._reply[at].isalpha()), start), end

    def _codes(self) -> Iterator[tuple[int, int]]:
        """Yield where the status in the reply stands, else its code."""
        verdict = self._verdict
        status = str(verdict.status) if verdict.status_from is StatusFrom.REPLY else ""
        code = "" if verdict.reply_code is None else str(int(verdict.reply_code))
        for text in filter(None, (status, code)):
            at = self._reply.find(text)
            if at >= 0:
                yield at, at + len(text)
                return

    def matched(self, rule: RuleRef) -> Iterator[str]:
        """Yield the words of the reply that the rule matched, with their offsets, or those of its plain form."""
        seen = self._seen_by(rule)
        plain = None
        for start, end in matched_places(rule.words, None, seen.text):
            plain = ""
            yield self._placed(*seen.origin(start, end))
        for start, end in matched_places((), rule.pattern, seen.text):
            plain = ""
            where = self._placed(*seen.origin(start, end)) if end > start else "the reply as a whole"
            yield f"{where}, by its pattern"
        if plain is None and (rule.words or rule.pattern):
            plain = shipped().plain.of(self._framed, self._words)
            for start, end in matched_places(rule.words, rule.pattern, plain):
                yield f"{quoted(plain[start:end])} in the plain form {quoted(plain)}"
        for concept, start, end in self._concepts(frozenset(rule.means)):
            yield f"{self._placed(start, end)}: {concept}"

    def _concepts(self, means: frozenset[str]) -> Iterator[tuple[str, int, int]]:
        """Yield the concepts of `means` with the place of their words, in the first clause that has all of them."""
        for start, end, role in self._clauses:
            places = [*shipped().concepts.places(self._whole.text[start:end])] if means and role is Role.CAUSE else []
            if places and means <= {concept for concept, _, _ in places}:
                for concept, begin, stop in places:
                    if concept in means:
                        yield concept, *self._whole.origin(start + begin, start + stop)
                return

    def is_beside(self, rule: RuleRef) -> bool:
        """Return whether `rule` sees the causes alone, and its words stand elsewhere."""
        return bool(_by_meaning(rule) and (rule.words or rule.pattern) and self._seen_by(rule) is not self._causes)

    def _seen_by(self, rule: RuleRef) -> Traced:
        """Return what `rule` found its words in: the causes, if it fits them, else the whole reply."""
        if not _by_meaning(rule) or self._causes is self._whole:
            return self._whole
        fits = any(matched_places(rule.words, rule.pattern, self._causes.text))
        return self._causes if fits or not (rule.words or rule.pattern) else self._whole

    def _placed(self, start: int, end: int) -> str:
        return f"{quoted(self._reply[start:end])} at offset {start} of the reply"


def _by_meaning(rule: RuleRef) -> bool:
    return rule.layer == "builtin" and rule.id.startswith(BY_MEANING)


def quoted(text: str) -> str:
    """Return a text in quotation marks and in one line, not too long."""
    shown = " ".join(text.split())
    return f'"{shown if len(shown) <= 160 else shown[:157] + "..."}"'
