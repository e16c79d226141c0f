"""How rules are filed: each under what the fewest replies have, its rarest phrase or its codes.

A *shelf* holds places only, so that it is read from the prebuilt index as fast as JSON is. A place is an integer, and
their order is that of the ranks: of a rule's number its multiple of `PARTS`, and from 1 on which of its phrases it is
found by; before all of them stand the marks of providers, from `MARKS` on. Clauses that are asked only where a certain
provider answered stand together in *groups*: behind all rules, from `GROUPS` on, stands one place for each group.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from undeliverable._rules.comparisons import status_key
from undeliverable._rules.conditions import RuleCondition
from undeliverable._rules.phrases import Frequencies, Written, file_under, spread, words_of
from undeliverable._rules.rule import PARTS, Rule
from undeliverable.codes import find_reply_code, find_status

if TYPE_CHECKING:
    from undeliverable._rules.phrases import Filed, Key

__all__ = ["GROUPS", "MARKS", "Shelf", "file_rules"]

MARKS: Final = -(2**29)
"""The place of the first built-in mark: there is room for half a million rules above the built-in ones."""
GROUPS: Final = 2**29
"""The place of the first group."""

_UNHEARD: Final = 20  # how often a code may stand in replies of which no example is known


class Shelf(NamedTuple):
    """Where to look for clauses.

    :ivar filed: marks, and clauses with words, by their key.
    :ivar groups: the clauses of each group, by their provider.
    :ivar status: clauses by status key.
    :ivar reply: clauses by reply code.
    :ivar free: clauses that every reply is compared with.
    :ivar meant: clauses that are found by nothing but concepts, in the order of their rank.
    """

    filed: Written
    groups: list[dict[str, list[int]]]
    status: dict[str, list[int]]
    reply: dict[str, list[int]]
    free: list[int]
    meant: list[int]

    def behind(self, groups: int) -> Shelf:
        """Return this shelf with its groups numbered behind so many others."""
        if not self.groups or not groups:
            return self
        filed = {
            word: {key: _moved(found, groups) for key, found in seconds.items()}
            for word, seconds in self.filed.filed().items()
        }
        return self._replace(filed=Written.of(filed), free=_moved(self.free, groups))


def _moved(found: list[int], groups: int) -> list[int]:
    return [place + groups if place >= GROUPS else place for place in found]


def file_rules(rules: Sequence[tuple[int, Rule]], marks: Iterable[tuple[int, str]] = ()) -> Shelf:
    """Return the shelf of some rules and marks, each with its number, in the order of their rank."""
    return _Filing(rules, tuple(marks)).shelf()


def _trying(phrases: int) -> float:
    """Return what it costs to try so many phrases, where looking up a clause costs 1."""
    return 1 + phrases / 2


class _Filing:
    """Rules on their way to a shelf."""

    def __init__(self, rules: Sequence[tuple[int, Rule]], marks: Sequence[tuple[int, str]]) -> None:
        self.rules = rules
        self.marks = marks
        examples = [example for _, rule in rules for example in rule.all_examples]
        texts = [example.casefold() for example in examples]
        self.words = {word for text in texts for word in words_of(text)}
        phrases = [phrase for _, rule in rules for phrase in (*rule.when.words, *rule.when.any_words)]
        self.frequencies = Frequencies(texts, [*phrases, *(phrase for _, phrase in marks)])
        self.statuses = Counter(map(status_key, map(find_status, examples)))
        self.replies = Counter(int(find_reply_code(text) or 0) for text in examples)
        self.filed: Filed = {}
        self.groups: dict[Key | None, dict[str, list[int]]] = {}
        self.status: dict[str, list[int]] = {}
        self.reply: dict[str, list[int]] = {}
        self.free: list[int] = []
        self.meant: list[int] = []

    def shelf(self) -> Shelf:
        """Return all of it, filed."""
        for number, phrase in self.marks:
            self._file(MARKS + number, self.frequencies.best(phrase))
        for number, rule in self.rules:
            self._place(number, rule.when)
        for number, key in enumerate(self.groups):
            self._file(GROUPS + number, key)
        filed = Written.of(spread(self.filed, self.words))
        return Shelf(filed, [*self.groups.values()], self.status, self.reply, self.free, self.meant)

    def _place(self, number: int, when: RuleCondition) -> None:
        phrases = self._phrases(when)
        if when.means and not phrases:
            self.meant.append(number * PARTS)
            return
        by_words = sum(self.frequencies.cost(phrase) for _, phrase in phrases)
        if not phrases or self._by_codes(when) * _trying(len(phrases)) < by_words:
            self._file_by_codes(number * PARTS, when)
            return
        providers = when.providers
        for part, phrase in phrases:
            place, key = number * PARTS + min(part, PARTS - 1), self.frequencies.best(phrase)
            if providers is None or None in providers:
                self._file(place, key)
            else:
                group = self.groups.setdefault(key, {})
                for provider in sorted(map(str, providers)):
                    group.setdefault(provider, []).append(place)

    def _file(self, place: int, key: Key | None) -> None:
        if key is None:
            self.free.append(place)
        else:
            file_under(self.filed, key, place)

    def _phrases(self, when: RuleCondition) -> list[tuple[int, str]]:
        """Return the phrases to find a rule by, with their number: the rarest of ``words``, or all ``any_words``."""
        cost = self.frequencies.cost
        parts = {phrase: part for part, phrase in reversed([*enumerate(when.any_words, len(when.words) + 1)])}
        every = [(part, phrase) for phrase, part in parts.items()]
        if not when.words:
            return every
        part, rarest = min(enumerate(when.words, 1), key=lambda pair: cost(pair[1]))
        if every and sum(cost(phrase) for _, phrase in every) < cost(rarest) * _trying(len(every)):
            return every
        return [(part, rarest)]

    def _by_codes(self, when: RuleCondition) -> float:
        """Return how many examples lead to a rule that is filed by its codes, each counted twice as by its words."""
        if when.status is not None and not when.status.ranges:
            return _UNHEARD + 2 * sum(self.statuses[key] for key in when.status.single)
        if when.reply is not None:
            return _UNHEARD + 2 * sum(self.replies[code] for code in when.reply.single)
        return float("inf")

    def _file_by_codes(self, place: int, when: RuleCondition) -> None:
        if when.status is not None and not when.status.ranges:
            for key in sorted(when.status.single):
                self.status.setdefault(str(key), []).append(place)
        elif when.reply is not None:
            for code in sorted(when.reply.single):
                self.reply.setdefault(str(code), []).append(place)
        else:
            self.free.append(place)
