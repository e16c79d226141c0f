"""How rules are filed: each under what the fewest replies have, its rarest phrase or its codes.

A *shelf* holds places only, so that it is read from the prebuilt index as fast as JSON is. A place is an integer, and
their order is that of the ranks: of a rule's number its multiple of `PARTS`, and from 1 on which of its phrases it is
found by; before all of them stand the marks of providers, from `MARKS` on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from undeliverable._clauses import PARTS
from undeliverable._conditions import RuleCondition, status_key
from undeliverable._phrases import Frequencies, file_under, merged, without
from undeliverable.codes import find_reply_code, find_status

if TYPE_CHECKING:
    from undeliverable._phrases import Filed
    from undeliverable._rules import Rule

__all__ = ["MARKS", "Shelf", "file_rules"]

MARKS: Final = -(2**29)
"""The place of the first built-in mark: there is room for half a million rules above the built-in ones."""

_UNHEARD: Final = 20  # how often a code may stand in replies of which no example is known


class Shelf:
    """Where to look for clauses.

    :ivar general: marks, and clauses with words, by their key.
    :ivar own: the clauses with words of each provider, by name; read when the provider is met.
    :ivar status: clauses by status key.
    :ivar reply: clauses by reply code.
    :ivar free: clauses that every reply is compared with.
    """

    __slots__ = ("free", "general", "own", "reply", "status")

    def __init__(
        self,
        general: Filed,
        own: Mapping[str, Callable[[], Filed]],
        status: dict[str, list[int]],
        reply: dict[str, list[int]],
        free: list[int],
    ) -> None:
        self.general = general
        self.own = own
        self.status = status
        self.reply = reply
        self.free = free

    def under(self, upper: Shelf) -> Shelf:
        """This shelf with another one, whose rules rank higher."""
        own = {name: partial(_both, self.own.get(name), filed) for name, filed in upper.own.items()}
        return Shelf(
            merged(self.general, upper.general),
            {**self.own, **own},
            _joined(self.status, upper.status),
            _joined(self.reply, upper.reply),
            [*upper.free, *self.free],
        )

    def without(self, numbers: Collection[int]) -> Shelf:
        """This shelf but for some rules."""
        hidden = frozenset(place for number in numbers for place in range(number * PARTS, (number + 1) * PARTS))
        return Shelf(
            without(self.general, hidden),
            {name: partial(_without, filed, hidden) for name, filed in self.own.items()},
            {key: [place for place in found if place not in hidden] for key, found in self.status.items()},
            {key: [place for place in found if place not in hidden] for key, found in self.reply.items()},
            [place for place in self.free if place not in hidden],
        )


def _both(lower: Callable[[], Filed] | None, upper: Callable[[], Filed]) -> Filed:
    return upper() if lower is None else merged(lower(), upper())


def _without(filed: Callable[[], Filed], hidden: Container[int]) -> Filed:
    return without(filed(), hidden)


def _joined(lower: dict[str, list[int]], upper: dict[str, list[int]]) -> dict[str, list[int]]:
    return lower | {key: [*found, *lower.get(key, ())] for key, found in upper.items()}


def file_rules(rules: Sequence[tuple[int, Rule]], marks: Iterable[tuple[int, str]] = ()) -> Shelf:
    """The shelf of some rules and marks, each with its number, in the order of their rank."""
    return _Filing(rules, tuple(marks)).shelf()


def _same(filed: Filed) -> Filed:
    return filed


def _trying(phrases: int) -> float:
    """What it costs to try so many phrases, where looking up a clause costs 1."""
    return 1 + phrases / 2


class _Filing:
    """Rules on their way to a shelf."""

    def __init__(self, rules: Sequence[tuple[int, Rule]], marks: Sequence[tuple[int, str]]) -> None:
        self.rules = rules
        self.marks = marks
        examples = [rule.example for _, rule in rules if rule.example]
        phrases = [phrase for _, rule in rules for phrase in (*rule.when.words, *rule.when.any_words)]
        self.frequencies = Frequencies(map(str.casefold, examples), [*phrases, *(phrase for _, phrase in marks)])
        self.statuses = Counter(map(status_key, map(find_status, examples)))
        self.replies = Counter(int(find_reply_code(text) or 0) for text in examples)
        self.general: Filed = {}
        self.own: dict[str, Filed] = {}
        self.status: dict[str, list[int]] = {}
        self.reply: dict[str, list[int]] = {}
        self.free: list[int] = []

    def shelf(self) -> Shelf:
        """All of it, filed."""
        for number, phrase in self.marks:
            file_under(self.general, self.frequencies.best(phrase), MARKS + number)
        for number, rule in self.rules:
            self._place(number, rule.when)
        return Shelf(
            self.general,
            {name: partial(_same, filed) for name, filed in self.own.items()},
            self.status,
            self.reply,
            self.free,
        )

    def _place(self, number: int, when: RuleCondition) -> None:
        phrases = self._phrases(when)
        by_words = sum(self.frequencies.cost(phrase) for _, phrase in phrases)
        if not phrases or self._by_codes(when) * _trying(len(phrases)) < by_words:
            self._file_by_codes(number * PARTS, when)
            return
        providers = when.providers
        homes = [self.general]
        if providers is not None and None not in providers:
            homes = [self.own.setdefault(str(provider), {}) for provider in sorted(map(str, providers))]
        for part, phrase in phrases:
            for home in homes:
                file_under(home, self.frequencies.best(phrase), number * PARTS + min(part, PARTS - 1))

    def _phrases(self, when: RuleCondition) -> list[tuple[int, str]]:
        """The phrases to find a rule by, with their number: the rarest of ``words``, or all ``any_words``."""
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
        """How many of the examples lead to a rule that is filed by its codes, each counted twice as by its words."""
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
