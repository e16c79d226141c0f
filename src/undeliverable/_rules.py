"""Rules and policies in their order, and the index that finds a reply's first rule without trying them all.

Every phrase of every rule becomes a *clause*: conditions of which one phrase at least must stand in the text. A clause
is filed under one key: two neighbouring words, each cut to four letters, or one word, or one character that is not
ASCII; whichever the fewest other clauses could use. A reply's own keys are met with the filed ones in C
(``frozenset.intersection``); only what both have is verified, in rank order, until the first fits. Clauses without
words are filed under reply code and status.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Final, NamedTuple, TypeAlias

from undeliverable._conditions import PATTERN_LIMIT, SHORT, UNSPACED_FROM, RuleCondition, stands_in
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
    rule: Rule | None
    ref: RuleRef | None
    provider: str | None  # that the phrase is a mark of


_Pair: TypeAlias = tuple[str, str]
_Key: TypeAlias = str | _Pair

_CUT: Final = 4
_WORD: Final = re.compile(r"[^\W_]+")
_ASCII_WORDS: Final = bytes(byte if byte < 128 and chr(byte).isalnum() else 32 for byte in range(256))
_cut: Final = itemgetter(slice(_CUT))
_ANYTHING: Final = RuleCondition("")
_REMEMBERED: Final = 1_024  # pairs of reply code and status


def _cut_words(text: str) -> list[str]:
    """The words of `text`, each cut to four letters."""
    if text.isascii():
        return list(map(_cut, text.encode().translate(_ASCII_WORDS).decode().split()))
    return list(map(_cut, _WORD.findall(text)))


def _keys(phrase: str) -> list[_Key]:
    """The keys that every text with `phrase` has: pairs of words and words, or characters where blanks are not used."""
    unspaced = sorted({char for char in phrase if char >= UNSPACED_FROM})
    if unspaced:
        return list(unspaced)
    words = [word[:_CUT] for word in _WORD.findall(phrase)]
    return [*zip(words, words[1:], strict=False), *words]


class RuleTable:
    """Rules in rank order with their index; immutable.

    :param rules: all rules, the highest rank first.
    :param marks: phrases that tell a provider, with its name, the first one first.
    """

    __slots__ = ("_bare", "_chars", "_coded", "_free", "_listed", "_pairs", "_stated", "_words", "rules")

    def __init__(self, rules: Sequence[Rule], marks: Sequence[tuple[str, str]] = ()) -> None:
        self.rules = tuple(rules)
        self._listed: dict[_Key, list[_Clause]] = {}
        self._coded: dict[int, list[_Clause]] = {}
        self._stated: dict[int, list[_Clause]] = {}
        self._free: list[_Clause] = []
        clauses = [*_mark_clauses(marks), *_rule_clauses(self.rules)]
        keys = [_keys(clause.phrase) for clause in clauses]
        shared = Counter(key for found in keys for key in set(found))
        for clause, found in zip(clauses, keys, strict=True):
            if found:
                best = min(found, key=lambda key: (shared[key], not isinstance(key, tuple), key))
                self._listed.setdefault(best, []).append(clause)
            else:
                self._file(clause)
        self._pairs = frozenset(key for key in self._listed if isinstance(key, tuple))
        self._words = frozenset(key for key in self._listed if isinstance(key, str) and key < UNSPACED_FROM)
        self._chars = frozenset(key for key in self._listed if isinstance(key, str) and key >= UNSPACED_FROM)
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

    def _worded(self, text: str) -> list[_Clause]:
        """The clauses whose phrase is a part of `text`, in rank order."""
        words = _cut_words(text)
        keys = [*self._pairs.intersection(zip(words, words[1:])), *self._words.intersection(words)]  # noqa: B905
        if not text.isascii():
            keys += self._chars.intersection(text)
        found = [clause for filed in map(self._listed.__getitem__, keys) for clause in filed if clause[1] in text]
        if len(found) > 1:
            found.sort()  # by rank, and no two clauses of one rank are compared further than their phrases
        return found

    def match(self, seen: Seen) -> Match:
        """The first rule that fits what was `seen`."""
        text, code, status, command, provider = seen
        best: _Clause | None = None
        for clause in self._worded(text):
            codes, providers, spaced = clause[2], clause[3], clause[4]
            if (codes is not None and code not in codes) or (providers is not None and provider not in providers):
                continue
            if (spaced is None or spaced not in text) and not stands_in(clause[1], text):
                continue
            if clause.rank < 0:
                if provider is None:
                    provider = clause.provider
                    seen = Seen(text, code, status, command, provider)
            elif clause.plain or _rest_fits(clause, seen):
                best = clause
                break
        for clause in self._bare(code, status):
            if best is not None and best.rank < clause.rank:
                break
            if (clause.providers is None or provider in clause.providers) and _rest_fits(clause, seen):
                best = clause
                break
        if best is None:
            return Match(None, None, provider, None)
        return Match(best.rule, best.ref, provider, None)

    def trace(self, seen: Seen) -> Match:
        """Like :meth:`match`, with every other rule that fits, in rank order."""
        first = self.match(seen)
        fitting = self.fitting(seen._replace(provider=first.provider))
        return first._replace(shadowed=tuple(rule.ref() for rule in fitting[1:]))

    def fitting(self, seen: Seen) -> tuple[Rule, ...]:
        """All rules that fit, in rank order."""
        clauses = [*self._worded(seen.text), *self._bare(seen.code, seen.status)]
        ranked = sorted((clause for clause in clauses if clause.rule is not None and _fits(clause, seen)), key=_rank)
        return tuple(dict.fromkeys(clause.rule for clause in ranked if clause.rule is not None))

    def candidates(self, text: str, code: int, status: int) -> Iterator[Rule]:
        """The rules whose words are in `text`, or that have none and fit the codes, in rank order."""
        for clause in sorted((*self._worded(text), *self._bare(code, status)), key=_rank):
            if clause.rule is not None:
                yield clause.rule


def _rank(clause: _Clause) -> int:
    return clause[0]


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
        and all([stands_in(word, text) for word in clause.more])
        and (not (condition.words and condition.any_words) or any(stands_in(word, text) for word in condition.any_words))
        and (condition.pattern is None or condition.pattern.search(text, 0, PATTERN_LIMIT) is not None)
    )


def _mark_clauses(marks: Sequence[tuple[str, str]]) -> Iterator[_Clause]:
    for rank, (phrase, provider) in enumerate(marks, -len(marks)):
        yield _Clause(rank, phrase, None, None, _spaced(phrase), True, _ANYTHING, (), None, None, provider)


def _rule_clauses(rules: Sequence[Rule]) -> Iterator[_Clause]:
    """Per rule: one clause filed under the longest phrase that must be there, or one for each alternative."""
    for rank, rule in enumerate(rules):
        when, ref = rule.when, rule.ref()
        codes = None if when.reply is None else when.reply.single
        longest = max(when.words, key=len, default="")
        more = tuple(word for word in when.words if word != longest)
        plain = not (more or when.status or when.commands or when.pattern or (when.words and when.any_words))
        for phrase in (longest,) if longest else when.any_words or ("",):
            yield _Clause(
                rank, phrase, codes, when.providers, _spaced(phrase), plain, when, more, rule, ref, None
            )


def _spaced(phrase: str) -> str | None:
    return f" {phrase}" if len(phrase) >= SHORT and phrase[-SHORT:].isalnum() else None
