"""What the library knows, in layers: rules, policies, providers and formats; read, checked, frozen."""

# Plain paths: pathlib and importlib.resources would take a fifth of the time of a start.
# ruff: noqa: PTH110, PTH112, PTH118, PTH119, PTH120, PTH123, PTH208

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from os import PathLike
from typing import Any, Final, TypeVar

from undeliverable._autoreply import AutoReplyPhrases
from undeliverable._blocklists import Blocklists
from undeliverable._conditions import as_table, visible
from undeliverable._formats import FormatTable
from undeliverable._loader import BUILTIN, CODE, FILE, PROFILE, Layer, load
from undeliverable._log_shapes import LogTable
from undeliverable._policies import Policy, PolicyTable
from undeliverable._providers import Provider, by_suffix, host_table
from undeliverable._rules import Match, Rule, RuleTable, Seen
from undeliverable._toml import TomlSource
from undeliverable.errors import EntryError, KnowledgeError
from undeliverable.model import Command

__all__ = ["Knowledge"]

_VERSION: Final = "2026.11"
_CACHED: Final = 4_096  # distinct replies that are remembered with their rule
_DATA: Final = os.path.join(os.path.dirname(__file__), "data")
_INDEX: Final = os.path.join(_DATA, "index.json")
_LOGS: Final = "logs/"
_APART: Final = frozenset(("autoreply.toml", "blocklists.toml", "dotless_domains.toml"))  # documents of their own kind, in no layer
_Entry = TypeVar("_Entry", Rule, Policy)


class Knowledge:
    """Rules, policies, providers and formats in layers; immutable, to be shared by threads.

    ``Knowledge.builtin().with_profile("strict-rfc").with_file("ours.toml")`` makes new objects. Whatever the order of
    the calls, rules from code rank over files, files over profiles, profiles over what is built in; of two files the
    later one is higher. It pickles as its layers. Its cache of judged replies is bounded and its own.
    """

    __slots__ = ("__dict__", "layers")

    def __init__(self, layers: Sequence[Layer] = ()) -> None:
        """`layers` in any order but of two with one rank the later is higher."""
        numbered = sorted(enumerate(layers), key=lambda pair: (-pair[1].group, -pair[0]))
        self.layers: Final = tuple(layer for _, layer in numbered)

    @classmethod
    def builtin(cls) -> Knowledge:
        """The knowledge that the library comes with; always the same object."""
        return _builtin()

    @property
    def version(self) -> str:
        """The version of the built-in data: verdicts may differ between two versions."""
        return _VERSION

    @staticmethod
    def profiles() -> tuple[str, ...]:
        """The names of the profiles that the library comes with, for :meth:`with_profile`."""
        return profile_names()

    def with_profile(self, name: str) -> Knowledge:
        """This knowledge with a profile: one that the library comes with, or the path of a ``.toml`` file.

        :raises KnowledgeError: when there is no such profile, or it cannot be used.
        """
        if name.endswith(".toml"):
            source = _read_path(name)
            stem = os.path.basename(name).removesuffix(".toml")
        else:
            source = _read_profile(name)
            stem = name
        return self._with(load(f"profile:{stem}", PROFILE, source, source.parse()), source)

    def with_file(self, path: str | PathLike[str]) -> Knowledge:
        """This knowledge with a file of rules, policies, providers and formats in TOML.

        :raises KnowledgeError: when the file cannot be read or used; nothing of it is taken over.
        """
        source = _read_path(os.fspath(path))
        return self._with(load(f"file:{os.path.basename(source.name)}", FILE, source, source.parse()), source)

    def with_rules(self, rules: Sequence[Mapping[str, object]]) -> Knowledge:
        """This knowledge with rules and policies from code: tables as in a file; what names a reason is a rule.

        :raises KnowledgeError: when one of them cannot be used.
        """
        source = TomlSource("code", "")
        document: dict[str, list[Mapping[str, object]]] = {"rule": [], "policy": []}
        for table in rules:
            then = as_table((as_table(table) or {}).get("then")) or {}  # if it is something else the loader says so
            document["rule" if "reason" in then else "policy"].append(table)
        return self._with(load("code", CODE, source, document), source)

    def _with(self, layer: Layer, source: TomlSource) -> Knowledge:
        lower = [other for other in self.layers if other.group <= layer.group]
        _check_replaces("rule", layer.rules, {rule.id for other in lower for rule in other.rules}, source)
        _check_replaces("policy", layer.policies, {policy.id for other in lower for policy in other.policies}, source)
        return Knowledge((*reversed(self.layers), layer))

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuilt, (tuple(layer for layer in reversed(self.layers) if layer.group != BUILTIN),)

    def __repr__(self) -> str:
        return f"Knowledge({', '.join(layer.name for layer in self.layers)})"

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """All rules in rank order."""
        return _ranked(tuple(layer.rules for layer in self.layers))

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        """All policies in rank order."""
        return self.policy_table.policies

    @cached_property
    def formats(self) -> FormatTable:
        """The described formats of notices, those of higher layers first."""
        return FormatTable(described for layer in self.layers for described in layer.formats)

    @cached_property
    def phrases(self) -> AutoReplyPhrases:
        """What automatic replies say."""
        return AutoReplyPhrases.from_table(_documents().get("autoreply.toml", {}))

    @cached_property
    def blocklists(self) -> Blocklists:
        """The DNS blocklists known by name."""
        return Blocklists.from_table(_documents().get("blocklists.toml", {}))

    @cached_property
    def logs(self) -> LogTable:
        """The described logs."""
        documents = _documents()
        return LogTable.of((os.path.basename(path).removesuffix(".toml"), documents[path]) for path in documents if path.startswith(_LOGS))

    @cached_property
    def policy_table(self) -> PolicyTable:
        """The policies, ready to be asked."""
        return PolicyTable(_ranked(tuple(layer.policies for layer in self.layers)))

    @cached_property
    def rule_table(self) -> RuleTable:
        """The rules with their index, ready to be asked."""
        marks = [(mark, provider.name) for provider in self.providers for mark in provider.marks]
        return RuleTable(self.rules, marks, _shipped().get("filing"))

    @cached_property
    def providers(self) -> tuple[Provider, ...]:
        """The known providers, those of higher layers first."""
        return tuple(provider for layer in self.layers for provider in layer.providers)

    @cached_property
    def _hosts(self) -> dict[str, str]:
        return host_table(self.providers)

    @cached_property
    def find(self) -> Callable[[str, int, int, Command | None, str | None], Match]:
        """What the rules say of a reply: text, reply code and status key (0: none), command and remote host."""
        table, hosts = self.rule_table, self._hosts

        @lru_cache(maxsize=_CACHED)
        def find(text: str, code: int, status: int, command: Command | None, host: str | None) -> Match:
            provider = None if host is None else by_suffix(host, hosts)
            return table.match(Seen(visible(text, code), code, status, command, provider))

        return find

    def trace(self, text: str, code: int, status: int, command: Command | None, host: str | None) -> Match:
        """Like :attr:`find`, with all that was shadowed."""
        provider = None if host is None else by_suffix(host, self._hosts)
        return self.rule_table.trace(Seen(visible(text, code), code, status, command, provider))

    def provider_of(self, host: str) -> str | None:
        """The name of the provider that `host` belongs to, or None."""
        return by_suffix(host, self._hosts)

    def clear_cache(self) -> None:
        """Forgets the replies that were judged; they are judged anew, with the same result."""
        self.__dict__.pop("find", None)


@lru_cache(maxsize=1)
def _builtin() -> Knowledge:
    return Knowledge((_builtin_layer(),))


def _rebuilt(layers: tuple[Layer, ...]) -> Knowledge:
    return Knowledge((*_builtin().layers, *layers))


def _check_replaces(kind: str, entries: Sequence[_Entry], known: set[str], source: TomlSource) -> None:
    for index, entry in enumerate(entries):
        if entry.replaces is not None and entry.replaces not in known:
            fault = EntryError(f"no {kind} of a lower layer has the id {entry.replaces!r}", key="replaces")
            source.fail(fault, kind, index, entry.id)


def _ranked(layers: Sequence[Sequence[_Entry]]) -> tuple[_Entry, ...]:
    """All entries, the highest layer first; one that replaces another stands in the other's place."""
    above: dict[str, _Entry] = {}
    kept: list[list[_Entry]] = []
    for entries in layers:
        kept.append([])
        pending: dict[str, _Entry] = {}
        for entry in entries:
            standing = above.get(entry.id, entry)
            if entry.replaces is None:
                kept[-1].append(standing)
            else:
                pending.setdefault(entry.replaces, standing)
        above = {**pending, **above}
    return tuple(entry for entries in kept for entry in entries)


@lru_cache(maxsize=1)
def _shipped() -> dict[str, Any]:
    """The prebuilt index: the built-in documents and how their phrases are filed; empty where there is none."""
    if not os.path.exists(_INDEX):
        return {}
    import json  # not needed where the data is read from TOML

    found: dict[str, Any] = json.loads(_read(_INDEX))
    return found


@lru_cache(maxsize=1)
def _documents() -> dict[str, dict[str, object]]:
    """The built-in documents by path below ``data/``: from the prebuilt index, or where there is none from the TOML."""
    found: dict[str, dict[str, object]] | None = _shipped().get("documents")
    return read_documents() if found is None else found


def read_documents() -> dict[str, dict[str, object]]:
    """The built-in TOML documents by path, profiles left out, in the order of their paths."""
    found: dict[str, dict[str, object]] = {}
    for folder in ("", "providers/", "wording/", "formats/", _LOGS):
        for name in _toml_names(folder):
            path = f"{folder}{name}"
            found[path] = TomlSource(path, _read(f"{_DATA}/{path}")).parse()
    return found


def _toml_names(folder: str) -> list[str]:
    """The names of the TOML files in a folder below ``data/``, in their order."""
    place = f"{_DATA}/{folder}"
    return sorted(name for name in os.listdir(place) if name.endswith(".toml")) if os.path.isdir(place) else []


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def _rank(path: str, document: Mapping[str, object]) -> tuple[int, str]:
    """Where a built-in document stands: a provider's hosts speak before software that answers anywhere, then wordings."""
    if path.startswith("providers/"):
        provider = document.get("provider")
        return (0 if (as_table(provider) or {}).get("hosts") else 1), path
    return (2 if path.startswith("wording") else 3), path


def builtin_parts(*, trusted: bool = True) -> Iterator[Layer]:
    """The built-in documents as layers, the highest rank first."""
    documents = _documents()
    for path in sorted(documents, key=lambda path: _rank(path, documents[path])):
        document = documents[path]
        if path.startswith("formats/"):
            document = {"format": [{"name": os.path.basename(path).removesuffix(".toml"), **document}]}
        if path not in _APART and not path.startswith(_LOGS):
            yield load("builtin", BUILTIN, TomlSource(path, ""), document, trusted=trusted)


@lru_cache(maxsize=1)
def _builtin_layer() -> Layer:
    parts = tuple(builtin_parts())
    return Layer(
        "builtin",
        BUILTIN,
        tuple(rule for part in parts for rule in part.rules),
        tuple(policy for part in parts for policy in part.policies),
        tuple(provider for part in parts for provider in part.providers),
        tuple(described for part in parts for described in part.formats),
    )


def profile_names() -> tuple[str, ...]:
    """The names of the profiles that the library comes with."""
    return tuple(name.removesuffix(".toml") for name in _toml_names("profiles/"))


def _read_profile(name: str) -> TomlSource:
    if name not in profile_names():
        raise KnowledgeError(name, f"no such profile; there are {', '.join(profile_names())}")
    return TomlSource(f"{name}.toml", _read(f"{_DATA}/profiles/{name}.toml"))


def _read_path(path: str) -> TomlSource:
    try:
        return TomlSource(path, _read(path))
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise KnowledgeError(path, "not UTF-8, which TOML demands", line=line, column=1) from None
    except OSError as error:
        raise KnowledgeError(path, f"cannot be read: {error.strerror or error}") from None
