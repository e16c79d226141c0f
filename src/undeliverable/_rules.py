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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from undeliverable._conditions import PATTERN_LIMIT, RuleCondition, begins_word
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
    more: tuple[str, ...]
    condition: RuleCondition | None
    entry: Rule | str  # the rule, or the name of a mark's provider
    ref: RuleRef | None


_Pair: TypeAlias = tuple[str, str]
_Key: TypeAlias = str | _Pair

_CUT: Final = 4
_WORD: Final = re.compile(r"[^\W_]+")
_ASCII_WORDS: Final = bytes(byte if byte < 128 and chr(byte).isalnum() else 32 for byte in range(256))


def cut_words(text: str) -> list[str]:
    """The words of `text`, each cut to four letters."""
    if text.isascii():
        return [word[:_CUT] for word in text.encode("ascii").translate(_ASCII_WORDS).decode("ascii").split()]
    return [word[:_CUT] for word in _WORD.findall(text)]


def _keys(phrase: str) -> list[_Key]:
    """The keys that every text with `phrase` has; a pair, a word, or a character that is not ASCII."""
    if not phrase.isascii():
        return sorted({char for char in phrase if char > "\x7f" and char.isalnum()})
    words = _WORD.findall(phrase)
    if words and phrase[-1].isalnum() and len(words[-1]) < _CUT:
        words.pop()  # the text's word may go on, and its first four letters are not known
    cut = [word[:_CUT] for word in words]
    return [*zip(cut, cut[1:], strict=False), *cut]


class RuleTable:
    """Rules in rank order with their index; immutable.

    :param rules: all rules, the highest rank first.
    :param marks: phrases that tell a provider, the first one first.
    """

    __slots__ = ("_chars", "_coded", "_free", "_listed", "_marks_end", "_pairs", "_stated", "_words", "rules")

    def __init__(self, rules: Sequence[Rule], marks: Iterable[tuple[str, str]] = ()) -> None:
        self.rules = tuple(rules)
        self._listed: dict[_Key, list[_Clause]] = {}
        self._coded: dict[int, list[_Clause]] = {}
        self._stated: dict[int, list[_Clause]] = {}
        self._free: list[_Clause] = []
        clauses = [*_mark_clauses(tuple(marks)), *_rule_clauses(self.rules)]
        keys = [_keys(clause.phrase) for clause in clauses]
        shared = Counter(key for found in keys for key in set(found))
        for clause, found in zip(clauses, keys, strict=True):
            if found:
                best = min(found, key=lambda key: (shared[key], not isinstance(key, tuple), key))
                self._listed.setdefault(best, []).append(clause)
            else:
                self._file(clause)
        self._pairs = frozenset(key for key in self._listed if isinstance(key, tuple))
        self._words = frozenset(key for key in self._listed if isinstance(key, str) and key.isascii())
        self._chars = frozenset(key for key in self._listed if isinstance(key, str) and not key.isascii())

    def _file(self, clause: _Clause) -> None:
        """Files a clause that has no words to be found by under its codes."""
        condition = clause.condition
        if condition is not None and condition.status is not None and not condition.status.ranges:
            for status in sorted(condition.status.single):
                self._stated.setdefault(status, []).append(clause)
        elif condition is not None and condition.reply is not None:
            for code in sorted(condition.reply.single):
                self._coded.setdefault(code, []).append(clause)
        else:
            self._free.append(clause)

    def _candidates(self, text: str, code: int, status: int) -> list[_Clause]:
        """Clauses that may fit, in rank order; all that do fit are among them."""
        words = cut_words(text)
        listed = self._listed
        found: list[_Clause] = self._free + self._coded.get(code, []) + self._stated.get(status, [])
        for pair in self._pairs.intersection(zip(words, words[1:])):  # noqa: B905 # one is shorter on purpose
            found += listed[pair]
        for word in self._words.intersection(words):
            found += listed[word]
        if self._chars and not text.isascii():
            for char in self._chars.intersection(text):
                found += listed[char]
        found.sort(key=_rank)
        return found

    def match(self, seen: Seen) -> Match:
        """The first rule that fits what was `seen`."""
        provider = seen.provider
        for clause in self._candidates(seen.text, seen.code, seen.status):
            if clause.rank < 0:
                if provider is None and begins_word(seen.text, clause.phrase) >= 0:
                    provider = str(clause.entry)
            elif _fits(clause, seen, provider) and isinstance(clause.entry, Rule):
                return Match(clause.entry, clause.ref, provider, None)
        return Match(None, None, provider, None)

    def trace(self, seen: Seen) -> Match:
        """Like :meth:`match`, with every other rule that fits, in rank order."""
        first = self.match(seen)
        fitting = dict.fromkeys(clause.ref for clause in self.fitting(seen._replace(provider=first.provider)))
        return first._replace(shadowed=tuple(ref for ref in fitting if ref is not None)[1:])

    def fitting(self, seen: Seen) -> Iterator[_Clause]:
        """All clauses of rules that fit, in rank order."""
        for clause in self._candidates(seen.text, seen.code, seen.status):
            if clause.rank >= 0 and _fits(clause, seen, seen.provider):
                yield clause

    def candidates(self, text: str, code: int, status: int) -> Iterator[Rule]:
        """The rules that may fit, in rank order and perhaps more than once."""
        for clause in self._candidates(text, code, status):
            if isinstance(clause.entry, Rule):
                yield clause.entry


def _rank(clause: _Clause) -> int:
    return clause[0]


def _fits(clause: _Clause, seen: Seen, provider: str | None) -> bool:
    _, phrase, more, condition, _, _ = clause
    text, code, status, command, _ = seen
    if condition is None or (phrase and phrase not in text):
        return False
    codes = condition.reply
    if codes is not None and code not in codes.single:
        return False
    if condition.providers is not None and provider not in condition.providers:
        return False
    if condition.status is not None and not condition.status.fit(status):
        return False
    if condition.commands is not None and command not in condition.commands:
        return False
    if (phrase and begins_word(text, phrase) < 0) or not all(begins_word(text, word) >= 0 for word in more):
        return False
    return condition.pattern is None or condition.pattern.search(text[:PATTERN_LIMIT]) is not None


def _mark_clauses(marks: tuple[tuple[str, str], ...]) -> Iterator[_Clause]:
    for rank, (phrase, provider) in enumerate(marks, -len(marks)):
        yield _Clause(rank, phrase, (), None, provider, None)


def _rule_clauses(rules: Sequence[Rule]) -> Iterator[_Clause]:
    for rank, rule in enumerate(rules):
        when, ref = rule.when, rule.ref()
        for phrase in when.any_words or ("",):
            # The phrase that the index files: an alternative, else the longest of those that must all be there.
            first = phrase or max(when.words, key=len, default="")
            more = tuple(word for word in when.words if word != first)
            yield _Clause(rank, first, more, when, rule, ref)
