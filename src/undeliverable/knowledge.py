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
from functools import cached_property, lru_cache
from os import PathLike

from undeliverable._knowledge.common import Shared, shipped
from undeliverable._knowledge.selecting import Selecting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Final, TypeAlias

    from undeliverable._formats import FormatTable
    from undeliverable._knowledge.loader import Layer
    from undeliverable._knowledge.second import SecondOpinion
    from undeliverable._knowledge.shipped import Shipped
    from undeliverable._knowledge.toml import TomlSource
    from undeliverable._knowledge.watch import Watch
    from undeliverable._rules.failure import Caller, Hosts
    from undeliverable._rules.meaning import Meaning
    from undeliverable._rules.policies import Policy, PolicyTable
    from undeliverable._rules.providers import Provider
    from undeliverable._rules.table import Match, Rule, RuleTable
    from undeliverable.model import Command
    from undeliverable.reasons import Reason
    from undeliverable.verdict import ProviderFrom

    AnyLayer: TypeAlias = Layer | Shipped

__all__ = ["Knowledge"]

# Raised with every entry below "Verdict changes" (docs/explanation/versions.md); a release holds it against the changelog.
_VERSION: Final = "1.0.0"
_CACHED: Final = 4_096  # distinct replies kept with their rule


class Knowledge(Shared, Selecting):
    """Rules, policies, providers and formats in layers; immutable, and safe to share between threads.

    ``Knowledge.builtin().with_profile("strict-rfc").with_file("ours.toml")`` makes new objects. Whatever the order of
    the calls, rules from code rank above a tenant's files, these above other files, files above profiles, and profiles
    above the built-in layer; of two of a kind the later one is higher. It pickles as its layers. The index of the
    built-in rules is shared. Each object has a bounded cache of judged replies.
    """

    layers: tuple[AnyLayer, ...]

    def __init__(
        self, layers: Sequence[AnyLayer] = (), *, with_formats: bool = True, with_opinion: bool = True
    ) -> None:
        """Order `layers` by rank; of two with the same rank the later one is higher.

        :param with_formats: whether to read described formats as such; see :meth:`without_formats`.
        :param with_opinion: whether the second opinion counts; see :meth:`without_opinion`.
        """
        numbered = sorted(enumerate(layers), key=lambda pair: (-pair[1].group, -pair[0]))
        self.layers = tuple(layer for _, layer in numbered)
        self._with_formats: Final = with_formats
        self._with_opinion: Final = with_opinion and all(layer.opinion for layer in self.layers)

    @classmethod
    def builtin(cls) -> Knowledge:
        """Return the knowledge that the library comes with; always the same object."""
        return _builtin()

    @property
    def version(self) -> str:
        """The version of the verdicts, ``MAJOR.MINOR.PATCH``; with the same one, the same octets give the same verdict.

        ``MAJOR`` is raised where somebody becomes hard who was not, ``MINOR`` where another type, reason or advice changes.
        """
        return _VERSION

    @staticmethod
    def profiles() -> tuple[str, ...]:
        """Return the names of the profiles that the library comes with, for :meth:`with_profile`."""
        from undeliverable._knowledge.paths import profile_names

        return profile_names()

    @staticmethod
    def watch(
        files: str | PathLike[str] | Sequence[str | PathLike[str]] = (),
        *,
        profiles: Sequence[str | tuple[str, Sequence[str]]] = (),
    ) -> Watch[Knowledge]:
        """Return what gives the knowledge of these files and profiles as they are at the moment, for long processes.

        :param files: one path, or several; the last one ranks highest.
        :param profiles: names, or pairs of a name and the consequences to take from it, as for :meth:`with_profile`.
        :raises KnowledgeError: when one of them cannot be used.
        """
        from undeliverable._knowledge.watch import watched

        return watched(Knowledge.builtin(), [files] if isinstance(files, str | PathLike) else files, profiles)

    def with_profile(self, name: str, *, only: Sequence[str] = ()) -> Knowledge:
        """Return this knowledge with a profile: the name of one that the library comes with, or the path of a ``.toml`` file.

        A profile stands above those that were added before it.

        :param name: also with the consequences to take from it, as the command takes it: ``"ses:label,advice"``.
        :param only: the consequences to take from it, such as ``["label"]``, beside those; all unless any are given.
        :raises KnowledgeError: when there is no such profile or consequence, or the profile has an error.
        """
        from undeliverable._knowledge.loader import PROFILE, load, part_of
        from undeliverable._knowledge.paths import part_names, read_path, read_profile

        name, parts = part_names(name)
        if name.endswith(".toml"):
            source = read_path(name)
            stem = os.path.basename(name).removesuffix(".toml")
        else:
            source = read_profile(name)
            stem = name
        layer = load(f"profile:{stem}", PROFILE, source, source.parse())
        only = (*parts, *only)
        return self._with(part_of(layer, only) if only else layer, source)

    def with_file(self, path: str | PathLike[str]) -> Knowledge:
        """Return this knowledge with a TOML file of rules, policies, providers and formats.

        A file with a table ``[tenant]`` is for that customer of the caller alone: for ``context={"tenant": ...}``.

        :raises KnowledgeError: when the file cannot be read or has an error; nothing of it is used then.
        """
        from undeliverable._knowledge.loader import FILE, load
        from undeliverable._knowledge.paths import read_path

        source = read_path(os.fspath(path))
        name = f"file:{os.path.basename(source.name)}"
        return self._with(load(name, FILE, source, source.parse(), languages=shipped()), source)

    def with_rules(self, rules: Sequence[Mapping[str, object]], *, tenant: str | None = None) -> Knowledge:
        """Return this knowledge with rules and policies from code: tables as in a file.

        A table whose ``then`` names a reason is a rule, any other a policy. One without an ``id`` is called by its number
        in the call, ``code#1``: give ids where several calls add entries that verdicts should tell apart.

        :param tenant: the customer of the caller that they are for; they rank as a file with that ``[tenant]`` does.
        :raises KnowledgeError: when one of them has an error.
        """
        from undeliverable._knowledge.loader import CODE, FILE, load
        from undeliverable._knowledge.toml import TomlSource
        from undeliverable.errors._tables import as_table

        source = TomlSource("code", "")
        entries: dict[str, list[object]] = {"rule": [], "policy": []}
        for table in rules:
            then = as_table((as_table(table) or {}).get("then")) or {}  # the loader reports anything else
            entries["rule" if "reason" in then else "policy"].append(table)
        group = CODE if tenant is None else FILE
        document: dict[str, object] = {**entries} if tenant is None else {"tenant": {"name": tenant}, **entries}
        return self._with(load("code", group, source, document, languages=shipped()), source)

    def without_formats(self) -> Knowledge:
        """Return this knowledge without the described formats: what the general readers make of a text by themselves."""
        return Knowledge(tuple(reversed(self.layers)), with_formats=False, with_opinion=self._with_opinion)

    def without_opinion(self) -> Knowledge:
        """Return this knowledge without the second opinion: what the rules alone say. A profile may ask for the same."""
        return Knowledge(tuple(reversed(self.layers)), with_formats=self._with_formats, with_opinion=False)

    def _with(self, layer: Layer, source: TomlSource) -> Knowledge:
        from undeliverable._knowledge.names import check_names, check_replaces

        lower = [other for other in self.layers if other.group <= layer.group]
        check_replaces("rule", layer.rules, lambda: {rule.id for other in lower for rule in other.rules}, source)
        check_replaces("policy", layer.policies, lambda: {one.id for other in lower for one in other.policies}, source)
        check_names(layer, self._upper, source)
        layers = (*reversed(self.layers), layer)
        return Knowledge(layers, with_formats=self._with_formats, with_opinion=self._with_opinion)

    def _above(self, layers: Sequence[Layer]) -> Knowledge:
        """Return these layers, the highest first, above the same built-in one."""
        below = () if self._shipped is None else (self._shipped,)
        found = (*below, *reversed(layers))
        return Knowledge(found, with_formats=self._with_formats, with_opinion=self._with_opinion)

    def __reduce__(self) -> tuple[object, ...]:
        upper = tuple(reversed(self._upper))
        return _rebuilt, (upper, self._shipped is not None, (self._with_formats, self._with_opinion))

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
        if not formats and self._shipped is not None and self._with_formats:
            return self._shipped.format_table
        table = FormatTable(formats) if self._shipped is None else FormatTable(formats, self._shipped)
        return table if self._with_formats else FormatTable(table.generic)

    @cached_property
    def policy_table(self) -> PolicyTable:
        """The policies of all layers, in rank order."""
        from undeliverable._knowledge.ranks import placed
        from undeliverable._rules.policies import PolicyTable

        return PolicyTable(placed(tuple(layer.policies for layer in self.layers)))

    @cached_property
    def rule_table(self) -> RuleTable:
        """The rules of all layers, with an index to search them by."""
        upper, below = self._upper, self._shipped
        marks = [(mark, provider.name) for layer in upper for provider in layer.providers for mark in provider.marks]
        own = [rule for layer in upper for rule in layer.rules]
        if below is not None and not (own or marks):
            return below.table
        from undeliverable._knowledge.ranks import ranked
        from undeliverable._rules.above import TableAbove
        from undeliverable._rules.below import Languages
        from undeliverable._rules.table import RuleTable

        if below is None:
            return RuleTable(ranked(tuple(layer.rules for layer in upper)), marks, Languages(shipped()))
        if not any(rule.replaces for rule in own):
            return TableAbove(own, marks, below.table)
        entries = ranked(tuple(layer.rules for layer in self.layers))
        above = len(entries) - len(below)
        replaced = {rank: rule for rank, rule in enumerate(entries[above:]) if rule is not below.rules[rank]}
        numbers = {above + number: rank for number, rank in enumerate(replaced)}
        return TableAbove([*entries[:above], *replaced.values()], marks, below.table, numbers)

    @cached_property
    def _upper(self) -> tuple[AnyLayer, ...]:
        """The layers above the built-in one."""
        return tuple(layer for layer in self.layers if layer is not self._shipped)

    @cached_property
    def _shipped(self) -> Shipped | None:
        """The built-in layer, or None for knowledge without it."""
        return next((shipped() for layer in self.layers if layer is shipped()), None)

    @cached_property
    def _domains(self) -> dict[str, str]:
        from undeliverable._rules.providers import domain_table

        upper = domain_table(provider for layer in self._upper for provider in layer.providers)
        if self._shipped is None:
            return upper
        return {**self._shipped.domains, **upper} if upper else self._shipped.domains

    @cached_property
    def _hosts(self) -> dict[str, str]:
        from undeliverable._rules.providers import host_table

        upper = host_table(provider for layer in self._upper for provider in layer.providers)
        if self._shipped is None:
            return upper
        return {**self._shipped.hosts, **upper} if upper else self._shipped.hosts

    @property
    def meaning(self) -> Meaning:
        """The rules that separate the causes a reply states from advice, footers and links."""
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

        if self.unconditional is not self:
            return self.unconditional.find
        look, advised = self.rule_table.find, self.second.advised
        provider_of = lru_cache(_CACHED)(self.provider_of)  # a host is asked for again and again: 0.2 us instead of 3

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
                found = advised(look(text, code, status, command, provider), text, code, status, command)
                found = known[key] = found._replace(seen=text)
            return found

        return find

    def trace(self, text: str, code: int, status: int, command: Command | None, host: str | None) -> Match:
        """Return what ``find`` returns, with every rule that was shadowed."""
        from undeliverable._rules.table import Seen
        from undeliverable._rules.visible import visible

        provider = None if host is None else self.provider_of(host)
        seen = Seen(visible(text, code), code, status, command, provider)
        known = self.unconditional
        return known.second.advised(known.rule_table.trace(seen), *seen[:4])

    @cached_property
    def second(self) -> SecondOpinion:
        """The second opinion on what the rules find."""
        from undeliverable._knowledge.second import SecondOpinion

        return SecondOpinion(self._shipped, self._rule_of_status, counts=self._with_opinion)

    def _rule_of_status(self, status: int) -> Rule | None:
        return self.find("", 0, status, None, None).rule

    def other_reason(
        self, text: str, code: int, status: int, command: Command | None, host: str | None
    ) -> Reason | None:
        """Return the first reason in the words of a reply that does not blame the recipient; arguments as of ``find``."""
        from undeliverable._rules.table import Seen
        from undeliverable._rules.visible import visible

        provider = None if host is None else self.provider_of(host)
        return self.unconditional.rule_table.other_reason(Seen(visible(text, code), code, status, command, provider))

    def provider_of(self, host: str) -> str | None:
        """Return the name of the provider that `host` belongs to, or None."""
        from undeliverable._rules.providers import by_suffix

        return by_suffix(host, self._hosts)

    @cached_property
    def provider_found(self) -> Callable[[str | None, str | None, str | None], tuple[str | None, ProviderFrom | None]]:
        """What says who received the mail, and by what: of the host, the recipient, and the provider as far as it is known."""
        from undeliverable._rules.providers import finder

        return finder(self._hosts, self._domains)

    def clear_cache(self) -> None:
        """Forget the replies judged so far; judging them again gives the same results."""
        for known in (self, *self.parts()):
            known.__dict__.pop("find", None)
            opinion: SecondOpinion | None = known.__dict__.get("second")
            if opinion is not None:
                opinion.clear_cache()


def caller_of(
    mx: Hosts = None,
    context: Mapping[str, object] | None = None,
    now: datetime | None = None,
    sender: str | None = None,
) -> Caller | None:
    """Return what the caller knows beside the reply, or None if that is nothing; ValueError as by `undeliverable.classify`."""
    if mx is None and context is None and now is None and sender is None:
        return None
    from undeliverable._rules.failure import caller_of  # hardly ever needed

    return caller_of(mx, context, now, sender)


@lru_cache(maxsize=1)
def _builtin() -> Knowledge:
    return Knowledge((shipped(),))


def _rebuilt(layers: tuple[AnyLayer, ...], builtin: bool, options: tuple[bool, bool]) -> Knowledge:  # noqa: FBT001 # called by pickle
    layers = (shipped(), *layers) if builtin else layers
    with_formats, with_opinion = options
    return Knowledge(layers, with_formats=with_formats, with_opinion=with_opinion)
