"""The knowledge of the library in layers: rules, policies, providers and formats.

A :class:`Knowledge` is a value: adding a profile, a file or rules from code makes another one. The built-in layer is read
from an index, so that a start parses no TOML and makes only the rules that a reply asks for; the tables that search
through the layers are built when they are first used.
"""

# Plain paths: pathlib would take a twentieth of the time of a start.
# ruff: noqa: PTH119

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache, partial
from os import PathLike

from undeliverable.errors import EntryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, TypeAlias, TypeVar

    from undeliverable._dsn.origin import OriginWords
    from undeliverable._dsn.sections import CutWords
    from undeliverable._formats import FormatTable
    from undeliverable._formats.wording import Wording
    from undeliverable._knowledge.blocklists import Blocklists
    from undeliverable._knowledge.loader import Layer
    from undeliverable._knowledge.log_shapes import LogTable
    from undeliverable._knowledge.phrases import AutoReplyPhrases
    from undeliverable._knowledge.second import SecondOpinion
    from undeliverable._knowledge.shipped import Shipped
    from undeliverable._knowledge.toml import TomlSource
    from undeliverable._rules.meaning import Meaning
    from undeliverable._rules.policies import Policy, PolicyTable
    from undeliverable._rules.providers import Provider
    from undeliverable._rules.table import Match, Rule, RuleTable
    from undeliverable.codes import StatusCode
    from undeliverable.model import Command
    from undeliverable.reasons import Reason
    from undeliverable.verdict import Details

    _Entry = TypeVar("_Entry", Rule, Policy)

    AnyLayer: TypeAlias = Layer | Shipped

__all__ = ["Knowledge"]

_VERSION: Final = "2026.11"
_CACHED: Final = 4_096  # distinct replies kept with their rule
_RELEASED: Final = "released.jsonl"  # only wheels have it; .ci/hatch_build.py writes it


class Knowledge:
    """Rules, policies, providers and formats in layers; immutable, and safe to share between threads.

    ``Knowledge.builtin().with_profile("strict-rfc").with_file("ours.toml")`` makes new objects. Whatever the order of
    the calls, rules from code rank above files, files above profiles, and profiles above the built-in layer; of two
    files the later one is higher. It pickles as its layers. Each object has a bounded cache of judged replies.
    """

    __slots__ = ("__dict__", "_with_formats", "_with_opinion", "layers")

    def __init__(
        self, layers: Sequence[AnyLayer] = (), *, with_formats: bool = True, with_opinion: bool = True
    ) -> None:
        """Order `layers` by rank; of two with the same rank the later one is higher.

        :param with_formats: whether to read described formats as such; see :meth:`without_formats`.
        :param with_opinion: whether the second opinion counts; see :meth:`without_opinion`.
        """
        numbered = sorted(enumerate(layers), key=lambda pair: (-pair[1].group, -pair[0]))
        self.layers: Final = tuple(layer for _, layer in numbered)
        self._with_formats: Final = with_formats
        self._with_opinion: Final = with_opinion and all(layer.opinion for layer in self.layers)

    @classmethod
    def builtin(cls) -> Knowledge:
        """Return the knowledge that the library comes with; always the same object."""
        return _builtin()

    @property
    def version(self) -> str:
        """The version of the built-in data, ``YEAR.MONTH``; verdicts may differ between two versions."""
        return _VERSION

    @staticmethod
    def profiles() -> tuple[str, ...]:
        """Return the names of the profiles that the library comes with, for :meth:`with_profile`."""
        from undeliverable._knowledge.paths import profile_names

        return profile_names()

    def with_profile(self, name: str) -> Knowledge:
        """Return this knowledge with a profile: the name of one that the library comes with, or the path of a ``.toml`` file.

        :raises KnowledgeError: when there is no such profile, or it has an error.
        """
        from undeliverable._knowledge.loader import PROFILE, load
        from undeliverable._knowledge.paths import read_path, read_profile

        if name.endswith(".toml"):
            source = read_path(name)
            stem = os.path.basename(name).removesuffix(".toml")
        else:
            source = read_profile(name)
            stem = name
        return self._with(load(f"profile:{stem}", PROFILE, source, source.parse()), source)

    def with_file(self, path: str | PathLike[str]) -> Knowledge:
        """Return this knowledge with a TOML file of rules, policies, providers and formats.

        :raises KnowledgeError: when the file cannot be read or has an error; nothing of it is used then.
        """
        from undeliverable._knowledge.loader import FILE, load
        from undeliverable._knowledge.paths import read_path

        source = read_path(os.fspath(path))
        name = f"file:{os.path.basename(source.name)}"
        return self._with(load(name, FILE, source, source.parse(), languages=_shipped()), source)

    def with_rules(self, rules: Sequence[Mapping[str, object]]) -> Knowledge:
        """Return this knowledge with rules and policies from code: tables as in a file.

        A table whose ``then`` names a reason is a rule, any other a policy.

        :raises KnowledgeError: when one of them has an error.
        """
        from undeliverable._knowledge.loader import CODE, load
        from undeliverable._knowledge.toml import TomlSource
        from undeliverable.errors._tables import as_table

        source = TomlSource("code", "")
        document: dict[str, list[Mapping[str, object]]] = {"rule": [], "policy": []}
        for table in rules:
            then = as_table((as_table(table) or {}).get("then")) or {}  # the loader reports anything else
            document["rule" if "reason" in then else "policy"].append(table)
        return self._with(load("code", CODE, source, document, languages=_shipped()), source)

    def without_formats(self) -> Knowledge:
        """Return this knowledge without the described formats: what the general readers make of a text by themselves."""
        return Knowledge(tuple(reversed(self.layers)), with_formats=False, with_opinion=self._with_opinion)

    def without_opinion(self) -> Knowledge:
        """Return this knowledge without the second opinion: what the rules alone say. A profile may ask for the same."""
        return Knowledge(tuple(reversed(self.layers)), with_formats=self._with_formats, with_opinion=False)

    def _with(self, layer: Layer, source: TomlSource) -> Knowledge:
        lower = [other for other in self.layers if other.group <= layer.group]
        _check_replaces("rule", layer.rules, {rule.id for other in lower for rule in other.rules}, source)
        _check_replaces("policy", layer.policies, {policy.id for other in lower for policy in other.policies}, source)
        layers = (*reversed(self.layers), layer)
        return Knowledge(layers, with_formats=self._with_formats, with_opinion=self._with_opinion)

    def __reduce__(self) -> tuple[object, ...]:
        upper = tuple(reversed(self._upper))
        return _rebuilt, (upper, self._shipped is not None, self._with_formats, self._with_opinion)

    def __repr__(self) -> str:
        return f"Knowledge({', '.join(layer.name for layer in self.layers)})"

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """All rules in rank order."""
        return self.rule_table.rules

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        """All policies in rank order."""
        return self.policy_table.policies

    @cached_property
    def providers(self) -> tuple[Provider, ...]:
        """The known providers, those of higher layers first."""
        return tuple(provider for layer in self.layers for provider in layer.providers)

    @cached_property
    def formats(self) -> FormatTable:
        """The described formats of notifications, those of higher layers first."""
        from undeliverable._formats.index import FormatTable

        formats = [described for layer in self._upper for described in layer.formats]
        table = FormatTable(formats) if self._shipped is None else FormatTable(formats, self._shipped)
        return table if self._with_formats else FormatTable(table.generic)

    @cached_property
    def phrases(self) -> AutoReplyPhrases:
        """The phrases of automatic replies."""
        from undeliverable._knowledge.phrases import AutoReplyPhrases

        return AutoReplyPhrases.from_table(_shipped().document("autoreply"))

    @cached_property
    def origin(self) -> OriginWords:
        """Names of mail systems, and prefixes of replies and forwarded messages."""
        from undeliverable._knowledge.languages import read_origin

        return read_origin(_shipped().document("origin"))

    @cached_property
    def cuts(self) -> CutWords:
        """How reports announce the returned message."""
        from undeliverable._knowledge.languages import read_cuts

        return read_cuts(_shipped().document("cuts"))

    @cached_property
    def wording(self) -> Wording:
        """How notifications of mail systems speak, in all languages together."""
        from undeliverable._knowledge.languages import read_wording

        shipped = _shipped()
        return read_wording({name: shipped.document(f"languages/{name}") for name in shipped.names("languages/")})

    @cached_property
    def blocklists(self) -> Blocklists:
        """Return the DNS blocklists known by name."""
        from undeliverable._knowledge.blocklists import Blocklists

        return Blocklists.from_table(_shipped().document("blocklists"))

    @cached_property
    def details_of(self) -> Callable[[Reason | None, str | None, StatusCode | None], Details]:
        """Return what reads the details of a reply from its reason, text and status, with these blocklists."""
        from undeliverable._rules.details import read_details

        def blocklist_in(folded: str) -> str | None:
            return self.blocklists.named(folded)  # loaded with the first reply that may name one

        return partial(read_details, blocklist_in)

    @cached_property
    def vendor_code_in(self) -> Callable[[str | None], str | None]:
        """Return what finds the receiver's own code in a reply."""
        from undeliverable._knowledge.vendor_codes import VendorCodes

        return VendorCodes.from_table(_shipped().document("vendor_codes")).find

    @cached_property
    def logs(self) -> LogTable:
        """The described logs."""
        from undeliverable._knowledge.log_shapes import LogTable

        shipped = _shipped()
        return LogTable.of((name, shipped.document(f"logs/{name}")) for name in shipped.names("logs/"))

    @cached_property
    def policy_table(self) -> PolicyTable:
        """The policies of all layers, in rank order."""
        from undeliverable._knowledge.ranks import ranked
        from undeliverable._rules.policies import PolicyTable

        return PolicyTable(ranked(tuple(layer.policies for layer in self.layers)))

    @cached_property
    def rule_table(self) -> RuleTable:
        """The rules of all layers, with an index to search them by."""
        from undeliverable._knowledge.ranks import ranked
        from undeliverable._rules.table import Languages, RuleTable

        marks = [
            (mark, provider.name) for layer in self._upper for provider in layer.providers for mark in provider.marks
        ]
        if self._shipped is None:
            return RuleTable(ranked(tuple(layer.rules for layer in self._upper)), marks, Languages(_shipped()))
        if not any(rule.replaces for layer in self._upper for rule in layer.rules):
            return RuleTable([rule for layer in self._upper for rule in layer.rules], marks, self._shipped)
        entries = ranked(tuple(layer.rules for layer in self.layers))
        above = len(entries) - len(self._shipped)
        replaced = {rank: rule for rank, rule in enumerate(entries[above:]) if rule is not self._shipped.rules[rank]}
        numbers = {above + number: rank for number, rank in enumerate(replaced)}
        return RuleTable([*entries[:above], *replaced.values()], marks, self._shipped, numbers)

    @cached_property
    def _upper(self) -> tuple[AnyLayer, ...]:
        """The layers above the built-in one."""
        return tuple(layer for layer in self.layers if layer is not self._shipped)

    @cached_property
    def _shipped(self) -> Shipped | None:
        """The built-in layer, or None for knowledge without it."""
        return next((_shipped() for layer in self.layers if layer is _shipped()), None)

    @cached_property
    def _hosts(self) -> dict[str, str]:
        from undeliverable._rules.providers import host_table

        upper = host_table(provider for layer in self._upper for provider in layer.providers)
        return upper if self._shipped is None else {**self._shipped.hosts, **upper}

    @property
    def meaning(self) -> Meaning:
        """What tells the causes that a reply states from advice, footers and links."""
        from undeliverable._rules.meaning import Meaning

        return Meaning() if self._shipped is None else self._shipped.meaning

    @property
    def concepts_in(self) -> Callable[[str], tuple[frozenset[str], ...]]:
        """The function that finds the concepts in each clause of a text."""
        return self.rule_table.concepts_in

    @cached_property
    def find(self) -> Callable[[str, int, int, Command | None, str | None], Match]:
        """The function that finds the rule for a reply: text, reply code and status key (0: none), command, remote host."""
        from undeliverable._rules.visible import visible

        look, provider_of, advised = self.rule_table.find, self.provider_of, self.second.advised

        # Keyed by what rules see: replies that differ only in an address share an entry.
        known: dict[tuple[str, int, int, Command | None, str | None], Match] = {}

        def find(text: str, code: int, status: int, command: Command | None, host: str | None) -> Match:
            text = visible(text, code)
            key = text, code, status, command, host
            found = known.get(key)
            if found is None:
                if len(known) >= _CACHED:  # dropping the oldest one costs more than it saves
                    known.clear()
                provider = None if host is None else provider_of(host)
                found = known[key] = advised(look(text, code, status, command, provider), text, code, status, command)
            return found

        return find

    def trace(self, text: str, code: int, status: int, command: Command | None, host: str | None) -> Match:
        """Return what :attr:`find` returns, with every rule that was shadowed."""
        from undeliverable._rules.table import Seen
        from undeliverable._rules.visible import visible

        provider = None if host is None else self.provider_of(host)
        seen = Seen(visible(text, code), code, status, command, provider)
        return self.second.advised(self.rule_table.trace(seen), *seen[:4])

    @cached_property
    def second(self) -> SecondOpinion:
        """The second opinion on what the rules find."""
        from undeliverable._knowledge.second import SecondOpinion

        def rule_of(status: int) -> Rule | None:
            return self.find("", 0, status, None, None).rule

        return SecondOpinion(self._shipped, rule_of, counts=self._with_opinion)

    def other_reason(
        self, text: str, code: int, status: int, command: Command | None, host: str | None
    ) -> Reason | None:
        """Return the first reason in the words of a reply that does not blame the recipient; arguments as of :attr:`find`."""
        from undeliverable._rules.table import Seen
        from undeliverable._rules.visible import visible

        provider = None if host is None else self.provider_of(host)
        return self.rule_table.other_reason(Seen(visible(text, code), code, status, command, provider))

    def provider_of(self, host: str) -> str | None:
        """Return the name of the provider that `host` belongs to, or None."""
        from undeliverable._rules.providers import by_suffix

        return by_suffix(host, self._hosts)

    def clear_cache(self) -> None:
        """Forget the replies judged so far; judging them again gives the same results."""
        self.__dict__.pop("find", None)


@lru_cache(maxsize=1)
def _builtin() -> Knowledge:
    return Knowledge((_shipped(),))


@lru_cache(maxsize=1)
def _shipped() -> Shipped:
    """Return the built-in layer: from a wheel's own index, which nobody edits, or from a checkout's files as they are."""
    from undeliverable._knowledge.shipped import Shipped
    from undeliverable.data import read

    try:
        return Shipped(read(_RELEASED))
    except OSError:
        from undeliverable._knowledge.checkout import index

        return Shipped(index())


def _rebuilt(
    layers: tuple[AnyLayer, ...],
    builtin: bool,  # noqa: FBT001 # called by pickle
    with_formats: bool,  # noqa: FBT001
    with_opinion: bool,  # noqa: FBT001
) -> Knowledge:
    layers = (_shipped(), *layers) if builtin else layers
    return Knowledge(layers, with_formats=with_formats, with_opinion=with_opinion)


def _check_replaces(kind: str, entries: Sequence[_Entry], known: set[str], source: TomlSource) -> None:
    for index, entry in enumerate(entries):
        if entry.replaces is not None and entry.replaces not in known:
            fault = EntryError(f"no {kind} of a lower layer has the id {entry.replaces!r}", key="replaces")
            source.fail(fault, kind, index, entry.id)
