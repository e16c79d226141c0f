"""Makes a checked layer of a document: the only reader of rule files, profiles and rules from code.

A layer is used as a whole or not at all. The first error is a :class:`~undeliverable.errors.KnowledgeError` that names the
file, the entry, the key, and its line and column. Built-in data skips the checks that the tests make of it, because they
take most of the time.
"""

# Plain paths: pathlib would take a twentieth of the time of a start.
# ruff: noqa: PTH119

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from os.path import basename
from typing import Any, Final, TypeVar

from undeliverable._formats import Format, compile_format
from undeliverable._knowledge.requirements import Sign, sign_of
from undeliverable._knowledge.toml import TomlSource
from undeliverable._rules import keys
from undeliverable._rules.below import Below, Languages
from undeliverable._rules.circumstances import Circumstances
from undeliverable._rules.comparisons import ABSENT, status_key, strings
from undeliverable._rules.conditions import RuleCondition
from undeliverable._rules.policies import Policy
from undeliverable._rules.providers import Provider
from undeliverable._rules.table import Rule, RuleTable, Seen
from undeliverable._rules.visible import visible
from undeliverable._smtp.replies import parse_reply
from undeliverable.errors import EntryError, KnowledgeError
from undeliverable.errors._tables import as_list, as_table, expected, refuse_deep, refuse_unknown, unknown
from undeliverable.reasons import Advice, AppliesTo, BounceType, MessageAdvice, Reason

__all__ = [
    "BUILTIN",
    "CODE",
    "FILE",
    "PROFILE",
    "TENANT",
    "Layer",
    "check_layer",
    "example_seen",
    "load",
    "part_of",
]

BUILTIN: Final = 0
PROFILE: Final = 1
FILE: Final = 2
TENANT: Final = 3
CODE: Final = 4

_TABLES: Final = {
    BUILTIN: frozenset(("rule", "policy", "provider", "format", "requirement")),
    PROFILE: frozenset(("profile", "policy", "service")),
    FILE: frozenset(("tenant", "rule", "policy", "provider", "service", "format", "requirement")),
    CODE: frozenset(("rule", "policy")),
}
_FORMAT_KEYS: Final = frozenset(("title", "source", "when"))
"""Keys of every format, which stand bare in a built-in file."""
_NOTHING: Final = -1  # a code or status that no condition names
_T = TypeVar("_T")
_Enum = TypeVar("_Enum", Reason, Advice, BounceType, MessageAdvice, AppliesTo)


@dataclass(frozen=True, slots=True)
class Layer:
    """The entries of one file, profile or call.

    :ivar name: ``code``, ``tenant:NAME``, ``file:NAME``, ``profile:NAME`` or ``builtin``.
    :ivar group: its rank: `CODE` above `TENANT` above `FILE` above `PROFILE` above `BUILTIN`; within a group the later
        one is higher.
    :ivar tenant: the only customer of the caller that it is for, casefolded; None: for all.
    :ivar opinion: whether the second opinion may count beside it.
    :ivar services: names of the caller's own e-mail services, which conditions may ask for.
    """

    name: str
    group: int
    rules: tuple[Rule, ...] = ()
    policies: tuple[Policy, ...] = ()
    providers: tuple[Provider, ...] = ()
    formats: tuple[Format, ...] = ()
    tenant: str | None = None
    opinion: bool = True
    services: tuple[str, ...] = ()
    requirements: tuple[Sign, ...] = ()


def load(
    name: str,
    group: int,
    source: TomlSource,
    document: Mapping[str, object],
    *,
    trusted: bool = False,
    languages: Below | None = None,
) -> Layer:
    """Return the layer that `document` describes.

    :param source: the text that the document was read from; errors show the line.
    :param trusted: skip what the tests check of built-in data.
    :param languages: what has the words of concepts, for the examples of rules that ask for them.
    :raises KnowledgeError: for the first error.
    """
    return _Loader(name, group, source, trusted=trusted, languages=languages).layer(document)


def part_of(profile: Layer, only: Sequence[str]) -> Layer:
    """Return a profile with some of its consequences; its policies stay in their order, so that the same ones count.

    :raises KnowledgeError: for an unknown consequence.
    """
    for key in only:
        if key not in keys.POLICY_THEN:
            raise KnowledgeError(profile.name, unknown("consequence", key, keys.POLICY_THEN))
    others: dict[str, Any] = dict.fromkeys(key for key in keys.POLICY_THEN if key not in only)
    return replace(profile, policies=tuple(policy._replace(**others) for policy in profile.policies))


class _Loader:
    """Reads one document."""

    def __init__(
        self, name: str, group: int, source: TomlSource, *, trusted: bool, languages: Below | None = None
    ) -> None:
        self.name = name
        self.group = group
        self.source = source
        self.trusted = trusted
        self.languages = languages
        self.scope: str | None = None
        self.tenant: str | None = None
        self.ids: set[str] = set()

    def layer(self, document: Mapping[str, object]) -> Layer:
        for table in document:
            if table not in _TABLES[self.group]:
                self.source.fail(EntryError(self._unknown_table(document, table), key=table), table, 0, table)
        profiles = tuple(self._each(document, "profile", _profile))
        for name in self._each(document, "tenant", lambda table, _: _named(table, "tenant", keys.TENANT)):
            self.name, self.group, self.tenant = f"tenant:{name}", TENANT, name.casefold()
        providers = tuple(self._each(document, "provider", lambda table, _: Provider.compile(table)))
        if isinstance(document.get("provider"), Mapping) and providers[0].hosts:
            self.scope = providers[0].name
        layer = Layer(
            self.name,
            self.group,
            tuple(self._each(document, "rule", self._rule)),
            tuple(self._each(document, "policy", self._policy)),
            providers,
            tuple(self._each(document, "format", self._format)),
            self.tenant,
            all(table.get("opinion", True) for table in profiles),
            tuple(self._each(document, "service", lambda table, _: _named(table, "service", keys.SERVICE))),
            tuple(self._each(document, "requirement", lambda table, _: sign_of(table, self.scope))),
        )
        if not self.trusted:
            for error, table, index in check_layer(layer, self.languages):
                self.source.fail(error, table, index)
        return layer

    def _unknown_table(self, document: Mapping[str, object], table: str) -> str:
        if self.group == FILE and document.keys() >= _FORMAT_KEYS:
            return (
                "this is one format, as a file in data/formats has it, and is checked by pytest tests/test_formats.py; "
                "in a file of your own it stands below [[format]]"
            )
        if self.group == FILE and table == "profile":
            return "this file is a profile, not a file of rules; give it to --profile, or to with_profile()"
        return f"unknown table; {expected(_TABLES[self.group])}"

    def _each(
        self, document: Mapping[str, object], name: str, read: Callable[[Mapping[str, object], int], _T]
    ) -> Iterator[_T]:
        """Yield what `read` returns for each table called `name`; add the place to its errors."""
        tables = document.get(name, ())
        listed = as_list(tables)
        for index, table in enumerate((tables,) if listed is None else listed):
            entry = None
            try:
                given = _mapping(table, name)
                entry = next((id_ for id_ in (given.get("id"), given.get("name")) if isinstance(id_, str)), None)
                refuse_deep(given)
                made = read(given, index)
            except EntryError as error:
                self.source.fail(error, name, index, entry)
            yield made

    def _rule(self, table: Mapping[str, object], index: int) -> Rule:
        refuse_unknown(table, keys.RULE)
        when, then = _table(table, "when"), _table(table, "then")
        refuse_unknown(then, keys.RULE_THEN, "then.")
        reason = _member(then, "reason", Reason)
        if reason is None:
            raise EntryError("a rule must name a reason", key="then")
        condition = RuleCondition.compile(when, trusted=self.trusted, limited=self.group != BUILTIN)
        if condition.around is not None and self.group == BUILTIN:
            raise EntryError("what is built in judges the reply alone", key="when")
        if self.scope is not None and condition.providers is None:
            condition = condition._replace(providers=frozenset((self.scope,)))
        example, *others = _examples(table, "example", "examples") or (None,)
        return Rule(
            self._id(table, "rule", index),
            self.name,
            condition,
            reason,
            example,
            _optional(table, "source"),
            _optional(table, "replaces"),
            tuple(filter(None, others)),
            _examples(table, "not_examples"),
        )

    def _policy(self, table: Mapping[str, object], index: int) -> Policy:
        refuse_unknown(table, keys.POLICY)
        when, then = _table(table, "when", optional=True), _table(table, "then")
        refuse_unknown(then, keys.POLICY_THEN, "then.")
        if all(value is None for value in then.values()):
            raise EntryError(f"a policy must set one of {', '.join(keys.POLICY_THEN)}", key="then")
        return Policy(
            self._id(table, "policy", index),
            self.name,
            Circumstances.compile(when),
            _member(then, "bounce_type", BounceType),
            _member(then, "advice", Advice),
            _optional(then, "label", "then.label"),
            _member(then, "message_advice", MessageAdvice),
            _seconds(then, "retry_after"),
            _member(then, "applies_to", AppliesTo),
            _examples(table, "example", "examples"),
            _examples(table, "not_examples"),
            _optional(table, "source"),
            _optional(table, "replaces"),
        )

    def _format(self, table: Mapping[str, object], index: int) -> Format:
        name = table.get("name", f"{self._stem()}.{index + 1}")
        if not isinstance(name, str) or not name:
            raise EntryError("must be a string that is not empty", key="name")
        return compile_format(name, table, trusted=self.trusted)

    def _id(self, table: Mapping[str, object], kind: str, index: int) -> str:
        """Return the entry's id, or one made of the file's name and the entry's number: ``ours.toml#2``."""
        number = f"{kind}#{index + 1}" if kind == "rule" else f"#{index + 1}"
        found = _optional(table, "id") or self._stem() + (f"#{number}" if kind == "rule" else number)
        if found in self.ids:
            raise EntryError(f"the id {found!r} is used twice", key="id")
        self.ids.add(found)
        return found

    def _stem(self) -> str:
        return basename(self.source.name)


def check_layer(layer: Layer, languages: Below | None = None) -> Iterator[tuple[EntryError, str, int]]:
    """Yield each entry that no reply can reach and each example that its rule does not match.

    Each is an error, the kind of the entry's table, and the table's number from 0.

    :param languages: what has the words of concepts; without it the examples of rules that ask for them are not proven.
    """
    table = RuleTable(layer.rules) if languages is None else RuleTable(layer.rules, below=Languages(languages))
    faults = _faulty_rules(layer.rules, table, has_words=languages is not None)
    yield from ((error, "rule", index) for error, index in faults)
    yield from ((error, "policy", index) for error, index in _faulty_policies(layer.policies))


def _faulty_rules(rules: Sequence[Rule], table: RuleTable, *, has_words: bool) -> Iterator[tuple[EntryError, int]]:
    place = {rule.id: index for index, rule in enumerate(rules)}
    for index, rule in enumerate(rules):
        earlier = _shadowing(rule, index, table, place)
        if earlier is not None:
            detail = f"never reached: {earlier.id!r} matches all that this rule matches"
            yield EntryError(detail, entry=rule.id, key="when"), index
            continue
        if rule.when.means and not has_words:
            continue
        for example in rule.all_examples:
            winner = _winner(rule, example, table)
            if winner is not rule:
                key = "example" if example == rule.example else "examples"
                which = "this example" if key == "example" else f"the example {example!r}"
                found = "no rule in this file matches" if winner is None else f"{winner.id!r} is the rule that matches"
                yield EntryError(f"{found} {which}", entry=rule.id, key=key), index
        for example in rule.not_examples:
            if _winner(rule, example, table) is rule:
                yield EntryError(f"the rule matches {example!r}", entry=rule.id, key="not_examples"), index


def _winner(rule: Rule, example: str, table: RuleTable) -> Rule | None:
    """Return the rule that an example of `rule` leads to, where what it asks beside the reply holds and nothing else does."""
    seen = example_seen(rule, example)
    winner = table.match(seen).rule
    if winner is None or winner is rule or winner.when.around is None:
        return winner
    return next((one for one in table.fitting(seen) if one is rule or one.when.around is None), None)


def _faulty_policies(policies: Sequence[Policy]) -> Iterator[tuple[EntryError, int]]:
    for index, policy in enumerate(policies):
        earlier = next((before for before in policies[:index] if before.when.covers(policy.when)), None)
        if earlier is not None:
            detail = f"never reached: {earlier.id!r} matches all that this policy matches"
            yield EntryError(detail, entry=policy.id, key="when"), index


def example_seen(rule: Rule, example: str | None = None) -> Seen:
    """Return an example of a rule as rules see it, as a reply of the provider and to the command that the rule names.

    :param example: one of its examples; None: the first.
    """
    reply = parse_reply(example or rule.example or "")
    when = rule.when
    code = ABSENT if reply.code is None else int(reply.code)
    command = reply.command if when.commands is None else min(when.commands, key=str)
    provider = None if when.providers is None else min(when.providers, key=str)
    return Seen(visible(reply.text, code), code, status_key(reply.status), command, provider)


def _shadowing(rule: Rule, index: int, table: RuleTable, place: Mapping[str, int]) -> Rule | None:
    """Return an earlier rule that matches all that `rule` matches, or None.

    Only the candidates for one text that `rule` matches are compared, which is enough: such a rule matches it too.
    """
    when = rule.when
    text = " \n ".join((*when.words, *when.any_words[:1]))
    code = _NOTHING if when.reply is None else when.reply.any()
    status = _NOTHING if when.status is None else when.status.any()
    provider = None if when.providers is None else min(when.providers, key=str)
    candidates = table.candidates(Seen(text, code, status, None, provider))
    earlier = takewhile(lambda other: place[other.id] < index, candidates)
    return next((other for other in earlier if other.when.covers(when)), None)


def _profile(table: Mapping[str, object], _: int) -> Mapping[str, object]:
    refuse_unknown(table, keys.PROFILE)
    for key, value in table.items():
        if key != "opinion":
            strings(value, key)
        elif not isinstance(value, bool):
            raise EntryError("must be true or false", key=key)
    return table


def _named(table: Mapping[str, object], kind: str, known: Iterable[str]) -> str:
    refuse_unknown(table, known)
    name = _optional(table, "name")
    if name is None:
        raise EntryError(f"a {kind} must have a name", key="name")
    return name


def _examples(table: Mapping[str, object], *names: str) -> tuple[str, ...]:
    return tuple(text for key in names if key in table for text in strings(table[key], key))


def _seconds(table: Mapping[str, object], key: str) -> int | None:
    value = table.get(key)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise EntryError("must be a number of seconds", key=f"then.{key}")


def _mapping(value: object, name: str) -> Mapping[str, object]:
    table = as_table(value)
    if table is None:
        raise EntryError(f"must be a table: [[{name}]]")
    return table


def _table(table: Mapping[str, object], key: str, *, optional: bool = False) -> Mapping[str, object]:
    value = table.get(key, {} if optional else None)
    if value is None:
        raise EntryError(f"must have {key!r}", key=key)
    found = as_table(value)
    if found is None:
        raise EntryError("must be a table", key=key)
    return found


def _optional(table: Mapping[str, object], key: str, path: str | None = None) -> str | None:
    value = table.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise EntryError("must be a string that is not empty", key=path or key)
    return value


def _member(table: Mapping[str, object], key: str, enum: type[_Enum]) -> _Enum | None:
    name = table.get(key)
    if name is None:
        return None
    member = next((member for member in enum if member == name), None)
    if member is None:
        raise EntryError(unknown(key, str(name), map(str, enum)), key=f"then.{key}")
    return member
