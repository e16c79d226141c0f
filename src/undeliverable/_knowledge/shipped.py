"""The built-in layer, read from the index: each entry is made when it is first needed.

The index is a text of lines, each a JSON document. The first says which line holds what, the next ones hold the index of
phrases and codes that finds rules, then follows one line for each rule, format, log and so on.
:mod:`undeliverable._knowledge.build` writes it from the TOML files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from undeliverable._formats.below import FormatsBelow, Places
from undeliverable._formats.index import FormatTable
from undeliverable._formats.schema import Format, read_table
from undeliverable._rules.below import Below
from undeliverable._rules.comparisons import Codes
from undeliverable._rules.concepts import Concepts, ConceptWords
from undeliverable._rules.conditions import RuleCondition
from undeliverable._rules.index import Shelf
from undeliverable._rules.meaning import Meaning, Vocabulary
from undeliverable._rules.normal import Plain, PlainWords
from undeliverable._rules.phrases import Written
from undeliverable._rules.providers import Provider
from undeliverable._rules.table import Rule, RuleTable
from undeliverable._text.lazy import lazy
from undeliverable.model import Command
from undeliverable.reasons import Reason

if TYPE_CHECKING:
    from undeliverable._rules.opinion import Opinion
    from undeliverable._rules.policies import Policy

__all__ = ["BUILTIN", "Shipped", "row_of", "rule_of"]

BUILTIN: Final = 0
"""The group of the built-in layer: the lowest."""


def row_of(rule: Rule) -> list[object]:
    """Return a rule as the index holds it."""
    when = rule.when
    return [
        rule.id,
        str(rule.reason),
        when.when,
        None if when.reply is None else sorted(when.reply.single),
        None if when.status is None else [sorted(when.status.single), list(when.status.ranges)],
        when.words,
        when.any_words,
        None if when.pattern is None else when.pattern.pattern,
        None if when.commands is None else sorted(map(str, when.commands)),
        None if when.providers is None else sorted(map(str, when.providers)),
        rule.example,
        rule.source,
        rule.examples,
        sorted(when.means),
        when.unless,
        sorted(when.unless_means),
        rule.not_examples,
    ]


def rule_of(row: Sequence[Any]) -> Rule:
    """Return the rule that :func:`row_of` wrote."""
    id_, reason, text, reply, status, words, any_words, pattern, commands, providers, example, source, *new = row
    examples, means, unless, unless_means, not_examples = new
    when = RuleCondition(
        text,
        None if reply is None else Codes(frozenset(reply)),
        None if status is None else Codes(frozenset(status[0]), tuple((low, high) for low, high in status[1])),
        tuple(words),
        tuple(any_words),
        None if pattern is None else lazy(pattern, re.IGNORECASE),
        None if commands is None else frozenset(None if name == "None" else Command(name) for name in commands),
        None if providers is None else frozenset(None if name == "None" else name for name in providers),
        frozenset(means),
        tuple(unless),
        frozenset(unless_means),
    )
    found = Reason[reason.upper()]
    return Rule(id_, "builtin", when, found, example, source, None, tuple(examples), tuple(not_examples))


def _line_ends(text: str) -> Iterator[int]:
    """Yield where the line endings are: cutting the text at each would copy a megabyte for a few lines."""
    at = text.find("\n")
    while at >= 0:
        yield at
        at = text.find("\n", at + 1)


class Shipped(Below, FormatsBelow):
    """The built-in layer, and the base of the tables that have further layers above it."""

    name: Final = "builtin"
    group: Final = BUILTIN
    tenant: Final = None
    opinion: Final = True

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text: Final = text
        self._ends: Final = [*_line_ends(text), len(text)]
        self._places: Final[Mapping[str, int]] = json.loads(text[: self._ends[0]])["places"]
        self._rules: Final[dict[int, Rule]] = {}
        self._formats: Final[dict[int, Format]] = {}

    def document(self, name: str) -> Any:  # noqa: ANN401 # JSON
        """Return the document called `name`, a new one at each call; None if there is none."""
        place = self._places.get(name)
        return None if place is None else self._line(place)

    def _line(self, number: int) -> Any:  # noqa: ANN401 # JSON
        """Return the document in a line that is not the first one."""
        return json.loads(self._text[self._ends[number - 1] : self._ends[number]])

    def names(self, prefix: str) -> list[str]:
        """Return the names of the documents that begin with `prefix`, without it, in their order."""
        return [name.removeprefix(prefix) for name in self._places if name.startswith(prefix)]

    @cached_property
    def shelf(self) -> Shelf:  # type: ignore[override] # read when first used
        """The index of phrases and codes that finds rules."""
        filed, *others = self.document("shelf")
        return Shelf(Written(*filed), *others)

    @cached_property
    def marks(self) -> Sequence[tuple[str, str]]:  # type: ignore[override] # read when first used
        """Phrases by which a reply shows its provider, with the provider's name; the first one that matches counts."""
        return [(phrase, provider) for phrase, provider in self.document("marks")]

    @cached_property
    def meaning(self) -> Meaning:  # type: ignore[override] # read when first used
        """The phrases that separate causes from advice, and certain causes from doubtful ones."""
        return Meaning(Vocabulary(*self.document("vocabulary")))

    @cached_property
    def concepts(self) -> Concepts:  # type: ignore[override] # read when first used
        """The words of all languages by concept."""
        return Concepts(ConceptWords(*self.document("concepts")))

    @cached_property
    def plain(self) -> Plain:  # type: ignore[override] # read when first used
        """Makes replies plain."""
        return Plain(PlainWords(*self.document("plain")))

    @property
    def exact(self) -> int:  # type: ignore[override] # a number of the index
        """The number of the first rule that sees only the causes that a reply states."""
        return self._places["exact"]

    @cached_property
    def hosts(self) -> dict[str, str]:
        """Domain to provider name."""
        hosts: dict[str, str] = self.document("hosts")
        return hosts

    @cached_property
    def domains(self) -> dict[str, str]:
        """Recipient's domain to provider name."""
        domains: dict[str, str] = self.document("domains")
        return domains

    @cached_property
    def provider_names(self) -> frozenset[str]:
        """The names of all providers, casefolded."""
        return frozenset(str(table["name"]).casefold() for table in self.document("providers"))

    def __len__(self) -> int:
        return self._places["count"]

    def rule(self, number: int) -> Rule:
        """Return the rule of a number, from 0; the same object each time."""
        found = self._rules.get(number)
        if found is None:
            found = self._rules.setdefault(number, rule_of(self._line(self._places["rules"] + number)))
        return found

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """All rules in rank order."""
        return tuple(map(self.rule, range(len(self))))

    @cached_property
    def table(self) -> RuleTable:
        """The rules, to be searched: all tables with rules above share this one."""
        return RuleTable((), (), self)

    @cached_property
    def opinion_model(self) -> Opinion:
        """The model of the second opinion, which all knowledge shares."""
        from undeliverable._rules.opinion import Opinion, Weights  # most replies never need it

        return Opinion(self, Weights.of(self.document("opinion")))

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        """All policies in rank order."""
        tables = self.document("policies")
        if not tables:
            return ()
        from undeliverable._knowledge.loader import load  # hardly ever needed: profiles have the policies
        from undeliverable._knowledge.toml import TomlSource

        return load("builtin", BUILTIN, TomlSource("builtin", ""), {"policy": tables}, trusted=True).policies

    @cached_property
    def providers(self) -> tuple[Provider, ...]:
        """All providers in rank order."""
        return tuple(map(Provider.compile, self.document("providers")))

    @cached_property
    def places(self) -> Places:  # type: ignore[override] # read when first used
        """The index that finds formats."""
        by_line, *others = self.document("places")
        return Places({key: [(rank, literal) for rank, literal in found] for key, found in by_line.items()}, *others)

    @cached_property
    def format_table(self) -> FormatTable:
        """The formats, to be searched: all knowledge without formats of its own shares this one."""
        return FormatTable((), self)

    @cached_property
    def _format_names(self) -> list[str]:
        return self.names("formats/")

    @cached_property
    def format_count(self) -> int:  # type: ignore[override] # counted when first used
        """The number of formats."""
        return len(self._format_names)

    def format(self, rank: int) -> Format:
        """Return the format of a rank, from 0; the same object each time."""
        found = self._formats.get(rank)
        if found is None:
            name = self._format_names[rank]
            found = self._formats.setdefault(rank, read_table(name, self.document(f"formats/{name}"), trusted=True))
        return found

    @cached_property
    def formats(self) -> tuple[Format, ...]:
        """All described formats."""
        return tuple(map(self.format, range(self.format_count)))
