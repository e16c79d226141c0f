"""Rules in their order: the first that fits tells the reason.

Every rule becomes one *clause* or several, each with one phrase that must stand in the text; they are filed under that
phrase or under codes (:mod:`undeliverable._shelf`), made when a reply leads to them, and verified in rank order until
the first fits. Clauses of one provider are found only where that provider answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

from undeliverable._conditions import PATTERN_LIMIT, SHORT, RuleCondition, stands_in
from undeliverable._phrases import Index, Made, stems
from undeliverable._shelf import Shelf, file_rules
from undeliverable.model import Command
from undeliverable.reasons import Reason
from undeliverable.verdict import RuleRef

if TYPE_CHECKING:
    from typing import TypeAlias

    # What is asked of a clause, as a plain tuple for speed: its place in the order, reply codes, providers, the phrase,
    # the phrase after a blank (where that is enough to begin and end at words), what is left to ask; the rule, or the
    # provider that the phrase is a mark of.
    Entry: TypeAlias = tuple[
        int,
        frozenset[int] | None,
        frozenset[str | None] | None,
        str,
        str | None,
        "Rest | None",
        "Rule | None",
        str | None,
    ]

__all__ = ["Below", "Match", "Rule", "RuleTable", "Seen"]


class Rule(NamedTuple):
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


class Rest:
    """What is asked of a clause last.

    :ivar more: phrases that must stand in the text as well.
    :ivar any_of: phrases of which one must stand in the text as well.
    """

    __slots__ = ("any_of", "commands", "more", "pattern", "status")

    def __init__(self, when: RuleCondition, more: tuple[str, ...], any_of: tuple[str, ...]) -> None:
        self.status = when.status
        self.commands = when.commands
        self.pattern = when.pattern
        self.more = more
        self.any_of = any_of

    def is_empty(self) -> bool:
        """Whether there is nothing to ask."""
        return not (self.more or self.any_of or self.status or self.commands or self.pattern)

    def fits(self, text: str, status: int, command: Command | None) -> bool:
        """Whether a reply has it all."""
        return (
            (self.status is None or self.status.fit(status))
            and (self.commands is None or command in self.commands)
            and (not self.more or _all_stand_in(self.more, text))
            and (not self.any_of or _one_stands_in(self.any_of, text))
            and (self.pattern is None or self.pattern.search(text, 0, PATTERN_LIMIT) is not None)
        )


def _all_stand_in(phrases: tuple[str, ...], text: str) -> bool:
    for phrase in phrases:  # noqa: SIM110 # a loop is twice as fast as all() with a generator
        if phrase not in text or not stands_in(phrase, text):
            return False
    return True


def _one_stands_in(phrases: tuple[str, ...], text: str) -> bool:
    for phrase in phrases:  # noqa: SIM110 # a loop is twice as fast as any() with a generator
        if phrase in text and stands_in(phrase, text):
            return True
    return False


class Below:
    """The rules and marks that a table is given ready filed; here none.

    :ivar shelf: how they are filed.
    :ivar marks: phrases that tell a provider, with its name, the first one first.
    """

    shelf: Shelf = Shelf({}, {}, {}, {}, "")
    marks: Sequence[tuple[str, str]] = ()

    def rule(self, number: int) -> Rule:
        """The rule of a number, from 0."""
        raise IndexError(number)

    def __len__(self) -> int:
        return 0


_MARKS: Final = -(10**12)  # where the first built-in mark stands in the order
_RULES: Final = -(10**11)  # all marks stand before here, all rules behind
_END: Final = 10**11
_ROOM: Final = 100_000  # for the alternatives of one rule, between two ranks
_REMEMBERED: Final = 1_024
_NO_CODE: Final = frozenset[int]()  # of a mark, which tells no reason
_NOTHING: Final = Below()


class RuleTable:
    """Rules in rank order with their index; immutable.

    :param rules: rules, the highest rank first.
    :param marks: phrases that tell a provider, with its name, the first one first.
    :param below: more of both, of lower rank.
    :param replaced: of `rules`, by number, which rule below each stands in the place of.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        marks: Sequence[tuple[str, str]] = (),
        below: Below = _NOTHING,
        replaced: Mapping[int, int] | None = None,
    ) -> None:
        self._upper = tuple(rules)
        self._marks = tuple(marks)
        self._below = below
        # Rules have their number below, and those above it count from the end: -1 is the lowest of them.
        self._ranks = {number - len(rules): rank for number, rank in (replaced or {}).items()}
        self._hidden = frozenset(self._ranks.values())
        self.shelf = below.shelf
        if rules or marks:
            self.shelf = below.shelf.under(
                file_rules(
                    [(number - len(rules), rule) for number, rule in enumerate(rules)],
                    [(number - len(marks), phrase) for number, (phrase, _) in enumerate(marks)],
                )
            )
        self._general = Index(self.shelf.general)
        self._made = Made(self._bucket)
        self._own = Made(self._own_index)
        self._matches: dict[tuple[int, str | None], Match] = {}
        self._bare = lru_cache(maxsize=_REMEMBERED)(self._by_codes)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules in rank order."""
        placed = [(self._ranks.get(number, number), rule) for number, rule in enumerate(self._upper, -len(self._upper))]
        placed += [
            (number, self._below.rule(number)) for number in range(len(self._below)) if number not in self._hidden
        ]
        return tuple(rule for _, rule in sorted(placed, key=lambda pair: pair[0]))

    def match(self, seen: Seen) -> Match:
        """The first rule that fits what was `seen`."""
        return self.find(*seen)

    def find(self, text: str, code: int, status: int, command: Command | None, provider: str | None) -> Match:
        """The first rule that fits what the arguments say, which are those of :class:`Seen`."""
        entries, provider = self._entries(text, code, status, provider)
        for number, codes, providers, phrase, spaced, rest, rule, _ in entries:
            if (
                (codes is None or code in codes)
                and (providers is None or provider in providers)
                and phrase in text
                and ((spaced is not None and spaced in text) or stands_in(phrase, text))
                and (rest is None or rest.fits(text, status, command))
            ):
                match = self._matches.get((number, provider))
                return self._told(rule, number, provider) if match is None else match
        return self._told(None, _END, provider)

    def _told(self, rule: Rule | None, number: int, provider: str | None) -> Match:
        match = Match(rule, None if rule is None else rule.ref(), provider, None)
        if len(self._matches) < _REMEMBERED:
            self._matches[number, provider] = match
        return match

    def _entries(self, text: str, code: int, status: int, provider: str | None) -> tuple[list[Entry], str | None]:
        """What to ask, in its order, and the provider, by its marks if need be."""
        words = stems(text)
        made = self._made.__getitem__
        found = [*self._bare(code, status), *chain.from_iterable(map(made, self._general.met(words)))]
        found.sort()
        if provider is None and found and found[0][0] < _RULES:
            provider = _marked(found, text)
        own = self._own[provider]
        if own is not None:
            addresses = own.met(words)
            if addresses:
                found += chain.from_iterable(map(made, addresses))
                found.sort()
        return found, provider

    def _by_codes(self, code: int, status: int) -> tuple[Entry, ...]:
        """The clauses that are filed under codes and fit these."""
        shelf = self.shelf
        places = " ".join((shelf.free, shelf.reply.get(str(code), ""), shelf.status.get(str(status), "")))
        return tuple(entry for entry in self._bucket(places) if _fits_codes(entry, code, status))

    def _bucket(self, addresses: str) -> tuple[Entry, ...]:
        """The clauses at some addresses."""
        return tuple(sorted(entry for entry in map(self._entry, addresses.split()) if entry))

    def _own_index(self, provider: str | None) -> Index | None:
        """Where the clauses of a provider are found."""
        return None if provider is None or provider not in self.shelf.own else Index(self.shelf.own[provider]())

    def _entry(self, address: str) -> Entry | None:
        """The clause at an address; None for a rule that another one replaces."""
        if address[0] == "m":
            number = int(address[1:])
            phrase, provider = self._marks[number] if number < 0 else self._below.marks[number]
            return _MARKS + number, _NO_CODE, None, phrase, None, None, None, provider
        text, _, place = address.partition(".")
        number = int(text)
        if number in self._hidden:
            return None
        return _clause(self._ranks.get(number, number), self._rule(number), int(place) if place else None)

    def _rule(self, number: int) -> Rule:
        return self._upper[number] if number < 0 else self._below.rule(number)

    def trace(self, seen: Seen) -> Match:
        """Like :meth:`match`, with every other rule that fits, in rank order."""
        first = self.match(seen)
        fitting = self.fitting(seen._replace(provider=first.provider))
        return first._replace(shadowed=tuple(rule.ref() for rule in fitting[1:]))

    def fitting(self, seen: Seen) -> tuple[Rule, ...]:
        """All rules that fit, in rank order."""
        return tuple(
            dict.fromkeys(entry[6] for entry in self._all(seen) if entry[6] is not None and _fits(entry, seen))
        )

    def candidates(self, seen: Seen) -> Iterator[Rule]:
        """The rules whose words may be in the text, or that have none and fit the codes, in rank order."""
        return (entry[6] for entry in self._all(seen) if entry[6] is not None)

    def _all(self, seen: Seen) -> list[Entry]:
        return self._entries(seen.text, seen.code, seen.status, seen.provider)[0]


def _clause(rank: int, rule: Rule, place: int | None) -> Entry:
    when = rule.when
    words, any_of = when.words, when.any_words
    if place is None:  # found by its codes
        phrase = ""
    elif place < 0:
        phrase = words[~place]
        words = tuple(word for word in words if word != phrase)
    else:
        phrase, any_of = any_of[place], ()
    rest = Rest(when, words, any_of)
    codes = None if when.reply is None else when.reply.single
    # A last word of fewer letters must be a whole one.
    spaced = f" {phrase}" if len(phrase) >= SHORT and phrase[-SHORT:].isalnum() else None if phrase else ""
    number = rank * _ROOM + max(place or 0, 0)
    return number, codes, when.providers, phrase, spaced, None if rest.is_empty() else rest, rule, None


def _fits_codes(entry: Entry, code: int, status: int) -> bool:
    codes, rest = entry[1], entry[5]
    return (codes is None or code in codes) and (rest is None or rest.status is None or rest.status.fit(status))


def _fits(entry: Entry, seen: Seen) -> bool:
    _, codes, providers, phrase, _, rest, _, _ = entry
    return (
        (codes is None or seen.code in codes)
        and (providers is None or seen.provider in providers)
        and (not phrase or stands_in(phrase, seen.text))
        and (rest is None or rest.fits(seen.text, seen.status, seen.command))
    )


def _marked(entries: Sequence[Entry], text: str) -> str | None:
    """The provider of the first mark that stands in the text."""
    for number, _, _, phrase, _, _, _, name in entries:
        if number >= _RULES:
            break
        if phrase in text and stands_in(phrase, text):
            return name
    return None
