"""Documents in, checked layers out: the only place where rule files, profiles and rules from code are read.

A layer is taken over whole or not at all. Whatever is wrong is one :class:`~undeliverable.errors.KnowledgeError`
with the file, the entry, the key, and the place where it stands.
"""

# Plain paths: pathlib and importlib.resources would take a fifth of the time of a start.
# ruff: noqa: PTH119

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from os.path import basename
from typing import Final, TypeVar

from undeliverable._formats import Format, compile_format
from undeliverable._knowledge.toml import TomlSource
from undeliverable._rules.conditions import (
    ABSENT,
    PolicyCondition,
    RuleCondition,
    as_list,
    as_table,
    status_key,
    strings,
    visible,
)
from undeliverable._rules.policies import Policy
from undeliverable._rules.providers import Provider
from undeliverable._rules.table import Rule, RuleTable, Seen
from undeliverable._smtp.replies import parse_reply
from undeliverable.errors import EntryError
from undeliverable.reasons import Advice, BounceType, Reason

__all__ = ["BUILTIN", "CODE", "FILE", "PROFILE", "Layer", "check_layer", "example_seen", "load"]

BUILTIN: Final = 0
PROFILE: Final = 1
FILE: Final = 2
CODE: Final = 3

_TABLES: Final = {
    BUILTIN: frozenset(("rule", "policy", "provider", "format")),
    PROFILE: frozenset(("profile", "policy")),
    FILE: frozenset(("rule", "policy", "provider", "format")),
    CODE: frozenset(("rule", "policy")),
}
_PROFILE_KEYS: Final = frozenset(("name", "title", "description", "source", "sources"))
_ENTRY_KEYS: Final = frozenset(("id", "when", "then", "example", "source", "replaces"))
_RULE_THEN: Final = frozenset(("reason",))
_POLICY_THEN: Final = frozenset(("bounce_type", "advice", "label"))
_NOTHING: Final = -1  # a code or status that no condition asks for
_T = TypeVar("_T")
_Enum = TypeVar("_Enum", Reason, Advice, BounceType)


@dataclass(frozen=True, slots=True)
class Layer:
    """What one file, profile or call adds.

    :ivar name: ``code``, ``file:NAME``, ``profile:NAME`` or ``builtin``.
    :ivar group: where it ranks: `CODE` over `FILE` over `PROFILE` over `BUILTIN`; within a group the later is higher.
    """

    name: str
    group: int
    rules: tuple[Rule, ...] = ()
    policies: tuple[Policy, ...] = ()
    providers: tuple[Provider, ...] = ()
    formats: tuple[Format, ...] = ()


def load(name: str, group: int, source: TomlSource, document: Mapping[str, object], *, trusted: bool = False) -> Layer:
    """The layer that `document` describes.

    :param source: the text that the document was read from, for the place of an error.
    :param trusted: leave out what the tests check of built-in data.
    :raises KnowledgeError: for the first fault.
    """
    return _Loader(name, group, source, trusted=trusted).layer(document)


class _Loader:
    """One document on its way to a layer."""

    def __init__(self, name: str, group: int, source: TomlSource, *, trusted: bool) -> None:
        self.name = name
        self.group = group
        self.source = source
        self.trusted = trusted
        self.scope: str | None = None
        self.ids: set[str] = set()

    def layer(self, document: Mapping[str, object]) -> Layer:
        for table in document:
            if table not in _TABLES[self.group]:
                known = ", ".join(sorted(_TABLES[self.group]))
                self.source.fail(EntryError(f"unknown table; known are {known}", key=table), table, 0, table)
        tuple(self._each(document, "profile", _check_profile))
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
        )
        if not self.trusted:
            for error, table, index in check_layer(layer):
                self.source.fail(error, table, index)
        return layer

    def _each(
        self, document: Mapping[str, object], name: str, read: Callable[[Mapping[str, object], int], _T]
    ) -> Iterator[_T]:
        """What `read` makes of each table called `name`; its errors are given their place."""
        tables = document.get(name, ())
        listed = as_list(tables)
        for index, table in enumerate((tables,) if listed is None else listed):
            entry = None
            try:
                given = _mapping(table, name)
                entry = next((id_ for id_ in (given.get("id"), given.get("name")) if isinstance(id_, str)), None)
                made = read(given, index)
            except EntryError as error:
                self.source.fail(error, name, index, entry)
            yield made

    def _rule(self, table: Mapping[str, object], index: int) -> Rule:
        _only(table, _ENTRY_KEYS, "")
        when, then = _table(table, "when"), _table(table, "then")
        _only(then, _RULE_THEN, "then.")
        reason = _member(then, "reason", Reason)
        if reason is None:
            raise EntryError("a rule must name a reason", key="then")
        condition = RuleCondition.compile(when, trusted=self.trusted)
        if self.scope is not None and condition.providers is None:
            condition = condition._replace(providers=frozenset((self.scope,)))
        example, source, replaces = (_optional(table, key) for key in ("example", "source", "replaces"))
        return Rule(self._id(table, "rule", index), self.name, condition, reason, example, source, replaces)

    def _policy(self, table: Mapping[str, object], index: int) -> Policy:
        _only(table, _ENTRY_KEYS, "")
        when, then = _table(table, "when", optional=True), _table(table, "then")
        _only(then, _POLICY_THEN, "then.")
        if not then:
            raise EntryError("a policy must draw a consequence: bounce_type, advice or label", key="then")
        example, source, replaces = (_optional(table, key) for key in ("example", "source", "replaces"))
        return Policy(
            self._id(table, "policy", index),
            self.name,
            PolicyCondition.compile(when),
            _member(then, "bounce_type", BounceType),
            _member(then, "advice", Advice),
            _optional(then, "label", "then.label"),
            example,
            source,
            replaces,
        )

    def _format(self, table: Mapping[str, object], index: int) -> Format:
        name = table.get("name", f"{self._stem()}.{index + 1}")
        if not isinstance(name, str) or not name:
            raise EntryError("must be a string that is not empty", key="name")
        return compile_format(name, table, trusted=self.trusted)

    def _id(self, table: Mapping[str, object], kind: str, index: int) -> str:
        """The entry's id; made from the file's name and the entry's number where it has none: ``ours.toml#2``."""
        number = f"{kind}#{index + 1}" if kind == "rule" else f"#{index + 1}"
        found = _optional(table, "id") or self._stem() + (f"#{number}" if kind == "rule" else number)
        if found in self.ids:
            raise EntryError("there is an entry of this id already", key="id")
        self.ids.add(found)
        return found

    def _stem(self) -> str:
        return basename(self.source.name)


def check_layer(layer: Layer) -> Iterator[tuple[EntryError, str, int]]:
    """What is wrong with the entries of a layer among themselves: the error, the kind of table and its number."""
    table = RuleTable(layer.rules)
    place = {rule.id: index for index, rule in enumerate(layer.rules)}
    for index, rule in enumerate(layer.rules):
        earlier = _shadowing(rule, index, table, place)
        if earlier is not None:
            yield (
                EntryError(f"never reached: {earlier.id!r} before it takes all that fits", entry=rule.id, key="when"),
                "rule",
                index,
            )
        elif rule.example is not None:
            winner = table.match(example_seen(rule)).rule
            if winner is not rule:
                found = "no rule of this layer" if winner is None else repr(winner.id)
                yield EntryError(f"its example is won by {found}", entry=rule.id, key="example"), "rule", index
    for index, policy in enumerate(layer.policies):
        for before in layer.policies[:index]:
            if before.when.covers(policy.when):
                yield (
                    EntryError(
                        f"never reached: {before.id!r} before it takes all that fits", entry=policy.id, key="when"
                    ),
                    "policy",
                    index,
                )
                break


def example_seen(rule: Rule) -> Seen:
    """What rules see of a rule's example, given to the provider and in reply to the command that the rule asks for."""
    reply = parse_reply(rule.example or "")
    when = rule.when
    code = ABSENT if reply.code is None else int(reply.code)
    command = reply.command if when.commands is None else min(when.commands, key=str)
    provider = None if when.providers is None else min(when.providers, key=str)
    return Seen(visible(reply.text, code), code, status_key(reply.status), command, provider)


def _shadowing(rule: Rule, index: int, table: RuleTable, place: Mapping[str, int]) -> Rule | None:
    """An earlier rule that takes all that fits `rule`; only such rules are asked as fit one thing that `rule` fits."""
    when = rule.when
    text = " \n ".join((*when.words, *when.any_words[:1]))
    code = _NOTHING if when.reply is None else when.reply.any()
    status = _NOTHING if when.status is None else when.status.any()
    provider = None if when.providers is None else min(when.providers, key=str)
    candidates = table.candidates(Seen(text, code, status, None, provider))
    earlier = takewhile(lambda other: place[other.id] < index, candidates)
    return next((other for other in earlier if other.when.covers(when)), None)


def _check_profile(table: Mapping[str, object], _: int) -> None:
    _only(table, _PROFILE_KEYS, "")
    for key, value in table.items():
        strings(value, key)


def _mapping(value: object, name: str) -> Mapping[str, object]:
    table = as_table(value)
    if table is None:
        raise EntryError(f"must be a table: [[{name}]]")
    return table


def _only(table: Mapping[str, object], keys: frozenset[str], prefix: str) -> None:
    for key in table:
        if key not in keys:
            raise EntryError(f"unknown key; known are {', '.join(sorted(keys))}", key=f"{prefix}{key}")


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
        raise EntryError(f"unknown {key} {name!r}; known are {', '.join(enum)}", key=f"then.{key}")
    return member
