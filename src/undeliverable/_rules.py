"""Rules in their order: the first that fits tells the reason.

Every rule becomes one *clause* or several, each with one phrase that must stand in the text; they are found by that
phrase (:mod:`undeliverable._phrases`) and verified in rank order until the first fits. Clauses of one provider are
found only where that provider answered. Clauses without words are filed under reply code and status.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Final, NamedTuple

from undeliverable._conditions import PATTERN_LIMIT, SHORT, RuleCondition, stands_in
from undeliverable._phrases import Filing, PhraseIndex, cut_words
from undeliverable.model import Command
from undeliverable.reasons import Reason
from undeliverable.verdict import RuleRef

__all__ = ["Match", "Rule", "RuleTable", "Seen"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A ``[[rule]]``: a condition that tells the reason.

    :ivar layer: ``code``, ``file:NAME`` or ``builtin``.
    :ivar replaces: the id of the entry in a lower layer whose place this one takes, or None.
    """

    id: str
    layer: str
    when: RuleCondition
    reason: Reason
    example: str | None = None
    source: str | None = None
    replaces: str | None = None

    def ref(self) -> RuleRef:
        """What a verdict keeps of the rule."""
        when = self.when
        pattern = None if when.pattern is None else when.pattern.pattern
        return RuleRef(self.id, self.layer, self.source, when.when, when.words + when.any_words, pattern)


class Seen(NamedTuple):
    """What rules see of a failure: codes as integers (0: none), the text as `visible` gives it."""

    text: str
    code: int
    status: int
    command: Command | None
    provider: str | None


class Match(NamedTuple):
    """What the rules said: the first rule that fits, the provider by host or marks, and what was shadowed."""

    rule: Rule | None
    ref: RuleRef | None
    provider: str | None
    shadowed: tuple[RuleRef, ...] | None


class _Clause(NamedTuple):
    rank: int  # below zero: a provider's mark
    phrase: str  # "" where the clause has no words
    codes: frozenset[int] | None
    providers: frozenset[str | None] | None
    spaced: str | None  # the phrase after a blank where that is enough to begin and end at words
    plain: bool  # nothing more to ask
    condition: RuleCondition
    more: tuple[str, ...]  # phrases that must stand in the text as well
    any_of: tuple[str, ...]  # phrases of which one must stand in the text as well
    rule: Rule | None
    ref: RuleRef | None
    provider: str | None  # that the phrase is a mark of


_ANYTHING: Final = RuleCondition("")
_REMEMBERED: Final = 1_024  # pairs of reply code and status
_rank: Final = itemgetter(0)


class RuleTable:
    """Rules in rank order with their index; immutable.

    :param rules: all rules, the highest rank first.
    :param marks: phrases that tell a provider, with its name, the first one first.
    """

    __slots__ = ("_bare", "_coded", "_free", "_general", "_own", "_stated", "rules")

    def __init__(self, rules: Sequence[Rule], marks: Sequence[tuple[str, str]] = ()) -> None:
        self.rules = tuple(rules)
        self._coded: dict[int, list[_Clause]] = {}
        self._stated: dict[int, list[_Clause]] = {}
        self._free: list[_Clause] = []
        filing = Filing(_phrases(self.rules, marks))
        general = [(clause.phrase, clause) for clause in _mark_clauses(marks)]
        own: dict[str, list[tuple[str, _Clause]]] = {}
        for clause in _rule_clauses(self.rules, filing):
            if filing.key(clause.phrase) is None:
                self._file(clause)
            elif clause.providers is None or None in clause.providers:
                general.append((clause.phrase, clause))
            else:
                for provider in clause.providers:
                    own.setdefault(str(provider), []).append((clause.phrase, clause))
        self._general = PhraseIndex(general, filing)
        self._own = {provider: PhraseIndex(filed, filing) for provider, filed in own.items()}
        self._bare = lru_cache(maxsize=_REMEMBERED)(self._wordless)

    def _file(self, clause: _Clause) -> None:
        """Files a clause that has no words to be found by under its codes."""
        status, reply = clause.condition.status, clause.condition.reply
        if status is not None and not status.ranges:
            for key in sorted(status.single):
                self._stated.setdefault(key, []).append(clause)
        elif reply is not None:
            for key in sorted(reply.single):
                self._coded.setdefault(key, []).append(clause)
        else:
            self._free.append(clause)

    def _wordless(self, code: int, status: int) -> tuple[_Clause, ...]:
        """The clauses without words that fit these codes, in rank order."""
        found = self._free + self._coded.get(code, []) + self._stated.get(status, [])
        return tuple(sorted((clause for clause in found if _fits_codes(clause.condition, code, status)), key=_rank))

    def _worded(self, text: str, provider: str | None) -> tuple[list[_Clause], str | None]:
        """The clauses whose phrase is a part of `text` in rank order, and the provider, by its marks if need be."""
        words = cut_words(text)
        found = self._general.found(text, words)
        if len(found) > 1:
            found.sort(key=_rank)
        if provider is None and found and found[0].rank < 0:
            marks = (clause.provider for clause in found if clause.rank < 0 and stands_in(clause.phrase, text))
            provider = next(marks, None)
        if provider in self._own:
            found += self._own[provider].found(text, words)
            found.sort(key=_rank)
        return found, provider

    def match(self, seen: Seen) -> Match:
        """The first rule that fits what was `seen`."""
        clauses, provider = self._worded(seen.text, seen.provider)
        if provider is not seen.provider:
            seen = seen._replace(provider=provider)
        best = _first(clauses, seen, len(self.rules))
        rank = len(self.rules) if best is None else best.rank
        best = _first(self._bare(seen.code, seen.status), seen, rank) or best
        return Match(None, None, provider, None) if best is None else Match(best.rule, best.ref, provider, None)

    def trace(self, seen: Seen) -> Match:
        """Like :meth:`match`, with every other rule that fits, in rank order."""
        first = self.match(seen)
        fitting = self.fitting(seen._replace(provider=first.provider))
        return first._replace(shadowed=tuple(rule.ref() for rule in fitting[1:]))

    def fitting(self, seen: Seen) -> tuple[Rule, ...]:
        """All rules that fit, in rank order."""
        clauses = (*self._worded(seen.text, seen.provider)[0], *self._bare(seen.code, seen.status))
        ranked = sorted((clause for clause in clauses if clause.rule is not None and _fits(clause, seen)), key=_rank)
        return tuple(dict.fromkeys(clause.rule for clause in ranked if clause.rule is not None))

    def candidates(self, seen: Seen) -> Iterator[Rule]:
        """The rules whose words are in the text, or that have none and fit the codes, in rank order."""
        clauses = (*self._worded(seen.text, seen.provider)[0], *self._bare(seen.code, seen.status))
        for clause in sorted(clauses, key=_rank):
            if clause.rule is not None:
                yield clause.rule


def _first(clauses: Sequence[_Clause], seen: Seen, below: int) -> _Clause | None:
    """The first clause of a rule that fits and ranks above `below`."""
    text, code, _, _, provider = seen
    for clause in clauses:
        rank, phrase, codes, providers, spaced, plain = clause[:6]
        if rank >= below:
            break
        if (
            (codes is None or code in codes)
            and (providers is None or provider in providers)
            and ((spaced is not None and spaced in text) or not phrase or stands_in(phrase, text))
            and (plain or _rest_fits(clause, seen))
            and rank >= 0
        ):
            return clause
    return None


def _fits_codes(condition: RuleCondition, code: int, status: int) -> bool:
    return (condition.reply is None or code in condition.reply.single) and (
        condition.status is None or condition.status.fit(status)
    )


def _fits(clause: _Clause, seen: Seen) -> bool:
    return (
        (clause.providers is None or seen.provider in clause.providers)
        and (clause.codes is None or seen.code in clause.codes)
        and (not clause.phrase or stands_in(clause.phrase, seen.text))
        and _rest_fits(clause, seen)
    )


def _rest_fits(clause: _Clause, seen: Seen) -> bool:
    """What is left to ask once provider, reply code and the filed phrase fit."""
    condition, text = clause.condition, seen.text
    return (
        (condition.status is None or condition.status.fit(seen.status))
        and (condition.commands is None or seen.command in condition.commands)
        and (not clause.more or all(stands_in(word, text) for word in clause.more))
        and (not clause.any_of or any(stands_in(word, text) for word in clause.any_of))
        and (condition.pattern is None or condition.pattern.search(text, 0, PATTERN_LIMIT) is not None)
    )


def _mark_clauses(marks: Sequence[tuple[str, str]]) -> Iterator[_Clause]:
    for rank, (phrase, provider) in enumerate(marks, -len(marks)):
        yield _Clause(rank, phrase, None, None, None, False, _ANYTHING, (), (), None, None, provider)


def _phrases(rules: Sequence[Rule], marks: Sequence[tuple[str, str]]) -> Iterator[str]:
    for rule in rules:
        yield from rule.when.words
        yield from rule.when.any_words
    for phrase, _ in marks:
        yield phrase


def _rule_clauses(rules: Sequence[Rule], filing: Filing) -> Iterator[_Clause]:
    """Per rule: one clause, filed under one of the phrases that must all be there, or one for each alternative."""
    for rank, rule in enumerate(rules):
        when, ref = rule.when, rule.ref()
        codes = None if when.reply is None else when.reply.single
        words, any_of = when.words, when.any_words
        rarest = min(words, key=filing.cost, default="")
        if any_of and (not words or sum(map(filing.cost, any_of)) < filing.cost(rarest)):
            filed, more, any_of = any_of, words, ()
        else:
            filed, more = (rarest,), tuple(word for word in words if word != rarest)
        plain = not (more or any_of or when.status or when.commands or when.pattern)
        for phrase in filed:
            yield _Clause(
                rank, phrase, codes, when.providers, _spaced(phrase), plain, when, more, any_of, rule, ref, None
            )


def _spaced(phrase: str) -> str | None:
    return f" {phrase}" if len(phrase) >= SHORT and phrase[-SHORT:].isalnum() else None
