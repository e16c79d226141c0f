"""Rules in their order: the first that fits tells the reason.

Every rule becomes one *clause* or several, each with one phrase that must stand in the text; they are found by that
phrase (:mod:`undeliverable._phrases`) and verified in rank order until the first fits. Clauses of one provider are
found only where that provider answered. Clauses without words are filed under reply code and status.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

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


@dataclass(frozen=True, slots=True)
class _Clause:
    """A rule, or one alternative of it; or a provider's mark."""

    phrase: str  # that it is found by; "" where there are no words
    condition: RuleCondition
    more: tuple[str, ...] = ()  # phrases that must stand in the text as well
    any_of: tuple[str, ...] = ()  # phrases of which one must stand in the text as well
    rule: Rule | None = None
    ref: RuleRef | None = None
    provider: str | None = None  # that the phrase is a mark of


# What is asked first of a clause, as a plain tuple for speed: its place in the order (below zero: a mark), reply
# codes, providers, the phrase after a blank (where that is enough to begin and end at words), the phrase, another
# phrase that must be there, whether nothing more is to be asked; and the clause.
_Entry: TypeAlias = tuple[
    int, frozenset[int] | None, frozenset[str | None] | None, str | None, str, str | None, bool, _Clause
]


_ANYTHING: Final = RuleCondition("")
_ROOM: Final = 100_000  # for the alternatives of one rule, between two ranks
_REMEMBERED: Final = 1_024  # pairs of reply code and status


class RuleTable:
    """Rules in rank order with their index; immutable.

    :param rules: all rules, the highest rank first.
    :param marks: phrases that tell a provider, with its name, the first one first.
    :param known: how phrases are filed, from the prebuilt index.
    """

    __slots__ = ("_bare", "_coded", "_free", "_general", "_of_provider", "_own", "_stated", "filing", "rules")

    def __init__(
        self,
        rules: Sequence[Rule],
        marks: Sequence[tuple[str, str]] = (),
        known: Mapping[str, Sequence[object]] | None = None,
    ) -> None:
        self.rules = tuple(rules)
        self._coded: dict[int, list[_Entry]] = {}
        self._stated: dict[int, list[_Entry]] = {}
        self._free: list[_Entry] = []
        self.filing = filing = Filing(_phrases(self.rules, marks), known)
        general = [
            (phrase, _entry(number, _Clause(phrase, _ANYTHING, provider=provider)))
            for number, (phrase, provider) in enumerate(marks, -len(marks))
        ]
        self._own: dict[str | None, list[tuple[int, Rule]]] = {}
        for rank, rule in enumerate(self.rules):
            providers, has_words = rule.when.providers, rule.when.words or rule.when.any_words
            if has_words and providers is not None and None not in providers:
                for provider in providers:
                    self._own.setdefault(provider, []).append((rank, rule))
            elif has_words:
                general += _filed(rank, rule, filing)
            else:
                self._file(_entry(rank * _ROOM, _Clause("", rule.when, rule=rule, ref=rule.ref())))
        self._general = PhraseIndex(general, filing)
        self._of_provider = lru_cache(maxsize=None)(self._index_of)  # as many as there are providers with rules
        self._bare = lru_cache(maxsize=_REMEMBERED)(self._wordless)

    def _index_of(self, provider: str) -> PhraseIndex[_Entry]:
        """The clauses of one provider; most programs meet few of them."""
        rules = self._own[provider]
        return PhraseIndex([filed for rank, rule in rules for filed in _filed(rank, rule, self.filing)], self.filing)

    def _file(self, entry: _Entry) -> None:
        """Files a clause that has no words to be found by under its codes."""
        condition = entry[-1].condition
        if condition.status is not None and not condition.status.ranges:
            for key in sorted(condition.status.single):
                self._stated.setdefault(key, []).append(entry)
        elif condition.reply is not None:
            for key in sorted(condition.reply.single):
                self._coded.setdefault(key, []).append(entry)
        else:
            self._free.append(entry)

    def _wordless(self, code: int, status: int) -> tuple[_Entry, ...]:
        """The clauses without words that fit these codes, in their order."""
        found = self._free + self._coded.get(code, []) + self._stated.get(status, [])
        return tuple(sorted(entry for entry in found if _fits_codes(entry[-1].condition, code, status)))

    def _worded(self, text: str, provider: str | None) -> tuple[list[_Entry], str | None]:
        """The clauses whose phrase is a part of `text` in their order, and the provider, by its marks if need be."""
        words = cut_words(text)
        found = self._general.found(text, words)
        if len(found) > 1:
            found.sort()
        if provider is None and found and found[0][0] < 0:
            provider = _marked(found, text)
        if provider is not None and provider in self._own:
            found += self._of_provider(provider).found(text, words)
            found.sort()
        return found, provider

    def match(self, seen: Seen) -> Match:
        """The first rule that fits what was `seen`."""
        entries, provider = self._worded(seen.text, seen.provider)
        if provider is not seen.provider:
            seen = seen._replace(provider=provider)
        best = _first(entries, seen)
        bare = self._bare(seen.code, seen.status)
        if bare and (best is None or bare[0][0] < best[0]):
            other = _first(bare, seen)
            if best is None or (other is not None and other[0] < best[0]):
                best = other
        if best is None:
            return Match(None, None, provider, None)
        return Match(best[-1].rule, best[-1].ref, provider, None)

    def trace(self, seen: Seen) -> Match:
        """Like :meth:`match`, with every other rule that fits, in rank order."""
        first = self.match(seen)
        fitting = self.fitting(seen._replace(provider=first.provider))
        return first._replace(shadowed=tuple(rule.ref() for rule in fitting[1:]))

    def fitting(self, seen: Seen) -> tuple[Rule, ...]:
        """All rules that fit, in rank order."""
        return tuple(dict.fromkeys(clause.rule for clause in self._all(seen) if clause.rule and _fits(clause, seen)))

    def candidates(self, seen: Seen) -> Iterator[Rule]:
        """The rules whose words are in the text, or that have none and fit the codes, in rank order."""
        return (clause.rule for clause in self._all(seen) if clause.rule)

    def _all(self, seen: Seen) -> Iterator[_Clause]:
        entries = (*self._worded(seen.text, seen.provider)[0], *self._bare(seen.code, seen.status))
        return (entry[-1] for entry in sorted(entries))


def _entry(number: int, clause: _Clause) -> _Entry:
    condition, phrase = clause.condition, clause.phrase
    codes = None if condition.reply is None else condition.reply.single
    more = clause.more[0] if clause.more else None
    plain = not (clause.more or clause.any_of or condition.status or condition.commands or condition.pattern)
    spaced = f" {phrase}" if len(phrase) >= SHORT and phrase[-SHORT:].isalnum() else None
    return number, codes, condition.providers, spaced, phrase, more, plain, clause


def _marked(found: Sequence[_Entry], text: str) -> str | None:
    """The provider of the first mark that stands in the text."""
    return next((entry[-1].provider for entry in found if entry[0] < 0 and stands_in(entry[4], text)), None)


def _first(entries: Sequence[_Entry], seen: Seen) -> _Entry | None:
    """The first clause of a rule that fits."""
    text, code, _, _, provider = seen
    for entry in entries:
        number, codes, providers, spaced, phrase, more, plain, clause = entry
        if (
            (codes is None or code in codes)
            and (providers is None or provider in providers)
            and (more is None or more in text)
            and ((spaced is not None and spaced in text) or not phrase or stands_in(phrase, text))
            and (plain or _rest_fits(clause, seen))
            and number >= 0
        ):
            return entry
    return None


def _fits_codes(condition: RuleCondition, code: int, status: int) -> bool:
    return (condition.reply is None or code in condition.reply.single) and (
        condition.status is None or condition.status.fit(status)
    )


def _fits(clause: _Clause, seen: Seen) -> bool:
    providers = clause.condition.providers
    return (
        (providers is None or seen.provider in providers)
        and _fits_codes(clause.condition, seen.code, seen.status)
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


def _phrases(rules: Sequence[Rule], marks: Sequence[tuple[str, str]]) -> Iterator[str]:
    for rule in rules:
        yield from rule.when.words
        yield from rule.when.any_words
    for phrase, _ in marks:
        yield phrase


def _filed(rank: int, rule: Rule, filing: Filing) -> list[tuple[str, _Entry]]:
    """The clauses of a rule that has words, with their phrases and in their order."""
    clauses = _clauses_of(rule, filing)
    return [(clause.phrase, _entry(number, clause)) for number, clause in enumerate(clauses, rank * _ROOM)]


def _clauses_of(rule: Rule, filing: Filing) -> Iterator[_Clause]:
    """One clause, found by one of the phrases that must all be there, or one for each alternative."""
    when, ref = rule.when, rule.ref()
    words, any_of = when.words, when.any_words
    rarest = min(words, key=filing.cost, default="")
    if any_of and (not words or sum(map(filing.cost, any_of)) < filing.cost(rarest)):
        for phrase in dict.fromkeys(any_of):
            yield _Clause(phrase, when, words, (), rule, ref)
    else:
        more = tuple(word for word in words if word != rarest)
        yield _Clause(rarest, when, more, any_of, rule, ref)
