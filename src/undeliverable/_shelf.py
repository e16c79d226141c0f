"""How rules are filed: each under what the fewest replies have, its rarest phrase or its codes.

A *shelf* holds addresses only, in strings, so that it is read from the prebuilt index as fast as JSON is: ``"12"`` is
rule 12, found by its codes; ``"12.3"`` is found by the fourth of its ``any_words`` and ``"12.-1"`` by the first of its
``words``; ``"m5"`` is the sixth mark of a provider. Of what stands under one key the first rank comes first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from undeliverable._conditions import RuleCondition, status_key
from undeliverable._phrases import Frequencies, file_under, merged
from undeliverable.codes import find_reply_code, find_status

if TYPE_CHECKING:
    from undeliverable._phrases import Filed
    from undeliverable._rules import Rule

__all__ = ["Shelf", "file_rules"]

_UNHEARD: Final = 20  # how often a code may stand in replies of which no example is known


class Shelf:
    """Where to look for clauses.

    :ivar general: clauses with words, by their key.
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
        status: dict[str, str],
        reply: dict[str, str],
        free: str,
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
            f"{upper.free} {self.free}".strip(),
        )


def _both(lower: Callable[[], Filed] | None, upper: Callable[[], Filed]) -> Filed:
    return upper() if lower is None else merged(lower(), upper())


def _joined(lower: dict[str, str], upper: dict[str, str]) -> dict[str, str]:
    return lower | {key: f"{value} {lower[key]}" if key in lower else value for key, value in upper.items()}


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
        self.status: dict[str, list[str]] = {}
        self.reply: dict[str, list[str]] = {}
        self.free: list[str] = []

    def shelf(self) -> Shelf:
        """All of it, filed."""
        for number, phrase in self.marks:
            file_under(self.general, self.frequencies.best(phrase), f"m{number}")
        for number, rule in self.rules:
            self._place(number, rule.when)
        return Shelf(
            self.general,
            {name: partial(_same, filed) for name, filed in self.own.items()},
            {key: " ".join(found) for key, found in self.status.items()},
            {key: " ".join(found) for key, found in self.reply.items()},
            " ".join(self.free),
        )

    def _place(self, number: int, when: RuleCondition) -> None:
        phrases = self._phrases(when)
        by_words = sum(self.frequencies.cost(phrase) for _, phrase in phrases)
        if not phrases or self._by_codes(when) * _trying(len(phrases)) < by_words:
            self._file_by_codes(str(number), when)
            return
        providers = when.providers
        homes = [self.general]
        if providers is not None and None not in providers:
            homes = [self.own.setdefault(str(provider), {}) for provider in sorted(map(str, providers))]
        for place, phrase in phrases:
            for home in homes:
                file_under(home, self.frequencies.best(phrase), f"{number}.{place}")

    def _phrases(self, when: RuleCondition) -> list[tuple[int, str]]:
        """The phrases to find a rule by, with their places: the rarest of ``words``, or all ``any_words``."""
        cost = self.frequencies.cost
        every = [(place, phrase) for place, phrase in enumerate(when.any_words) if phrase not in when.any_words[:place]]
        if not when.words:
            return every
        place, rarest = min(enumerate(when.words), key=lambda pair: cost(pair[1]))
        if every and sum(cost(phrase) for _, phrase in every) < cost(rarest) * _trying(len(every)):
            return every
        return [(~place, rarest)]

    def _by_codes(self, when: RuleCondition) -> float:
        """How many of the examples lead to a rule that is filed by its codes, each counted twice as by its words."""
        if when.status is not None and not when.status.ranges:
            return _UNHEARD + 2 * sum(self.statuses[key] for key in when.status.single)
        if when.reply is not None:
            return _UNHEARD + 2 * sum(self.replies[code] for code in when.reply.single)
        return float("inf")

    def _file_by_codes(self, address: str, when: RuleCondition) -> None:
        if when.status is not None and not when.status.ranges:
            for key in sorted(when.status.single):
                self.status.setdefault(str(key), []).append(address)
        elif when.reply is not None:
            for code in sorted(when.reply.single):
                self.reply.setdefault(str(code), []).append(address)
        else:
            self.free.append(address)
