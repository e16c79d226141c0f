"""Rules and policies as rows to display, and the place in a file that each comes from."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from undeliverable import Knowledge, Reason
from undeliverable.data import KNOWLEDGE, names, place, read

__all__ = ["Entry", "Place", "entries_of", "is_profile", "place_of"]

_HEADER: Final = re.compile(r"^\[\[?[^\[\]\n]{1,80}\]\]?[ \t]*(?:#[^\n]*)?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule or a policy.

    :ivar then: a rule's reason, or the consequence that a policy draws, in words.
    :ivar reasons: the reason that a rule finds, or those that a policy applies to (all unless it names some).
    """

    kind: str
    id: str
    layer: str
    when: str
    then: str
    providers: tuple[str, ...]
    reasons: frozenset[str]
    example: str | None
    source: str | None

    def to_dict(self) -> dict[str, object]:
        """Return the entry as a JSON object."""
        return {
            "kind": self.kind,
            "id": self.id,
            "layer": self.layer,
            "providers": list(self.providers),
            "when": self.when,
            "then": self.then,
            "example": self.example,
            "source": self.source,
        }

    def as_text(self) -> str:
        """Return the entry as lines of text, for entries that are in no file."""
        pairs = (("when", self.when), ("then", self.then), ("example", self.example), ("source", self.source))
        return "\n".join(f"{name:<8} {value}" for name, value in pairs if value)


@dataclass(frozen=True, slots=True)
class Place:
    """The location of an entry: the file, the line number from 1, and the lines of the entry."""

    path: str
    line: int
    text: str


def entries_of(knowledge: Knowledge) -> Iterator[Entry]:
    """Yield all rules, then all policies, each in order of precedence."""
    for rule in knowledge.rules:
        providers = _names(rule.when.providers)
        found = frozenset((str(rule.reason),))
        yield Entry(
            "rule", rule.id, rule.layer, rule.when.when, str(rule.reason), providers, found, rule.example, rule.source
        )
    for policy in knowledge.policies:
        asked = frozenset(map(str, Reason if policy.when.reasons is None else policy.when.reasons))
        named = tuple(dict.fromkeys(name for _, name in policy.when.named("provider")))
        yield Entry(
            "policy",
            policy.id,
            policy.layer,
            policy.when.when,
            policy.then,
            named,
            asked,
            policy.example,
            policy.source,
        )


def _names(providers: frozenset[str | None] | None) -> tuple[str, ...]:
    return tuple(sorted(provider or "none" for provider in providers or ()))


def place_of(entry: Entry, given: Sequence[str]) -> Place | None:
    """Return the location of `entry` in the built-in data or in the files `given` on the command line, or None."""
    group, _, name = entry.layer.partition(":")
    for path, text in _builtin_files() if group == "builtin" else _files_called(name, group, given):
        found = _search(path, text, entry)
        if found is not None:
            return found
    return None


def _builtin_files() -> Iterator[tuple[str, str]]:
    for folder in KNOWLEDGE:
        yield from ((place(f"{folder}{name}"), read(f"{folder}{name}")) for name in names(folder))


def _files_called(name: str, group: str, given: Sequence[str]) -> Iterator[tuple[str, str]]:
    for path in given:
        is_called = os.path.basename(path).removesuffix(".toml") == name.removesuffix(".toml")
        if path.endswith(".toml") and (is_called or group == "tenant"):  # which is called like the tenant
            with open(path, encoding="utf-8-sig") as file:
                text = file.read()
            yield path, text
    if group == "profile":
        yield place(f"profiles/{name}.toml"), read(f"profiles/{name}.toml")


def _search(path: str, text: str, entry: Entry) -> Place | None:
    """Return the table with the entry's id; a table without an id is found by the number at the end of its made-up id."""
    heads = [*_HEADER.finditer(text)]
    ends = [*(head.start() for head in heads[1:]), len(text)][: len(heads)]
    identity = re.compile(rf"^id\s*=\s*[\"']{re.escape(entry.id)}[\"']\s*(?:#.*)?$", re.MULTILINE)
    made_up = re.fullmatch(rf"{re.escape(os.path.basename(path))}(?:#rule)?#(\d+)", entry.id)
    number = int(made_up[1]) if made_up else 0
    seen = 0
    for head, end in zip(heads, ends, strict=True):
        block = text[head.start() : end]
        is_kind = head[0].startswith(f"[[{entry.kind}]]")
        seen += is_kind
        if is_kind and (seen == number or identity.search(block)):
            return Place(path, text.count("\n", 0, head.start()) + 1, _without_tail(block))
    return None


def _without_tail(block: str) -> str:
    """Return a table without the comment at its end, which belongs to the next one."""
    lines = block.rstrip().split("\n")
    while lines and (not lines[-1].strip() or lines[-1].startswith("#")):
        lines.pop()
    return "\n".join(lines)


def is_profile(path: str) -> bool:
    """Return True for a file with a `[profile]` table; errors in the file are left to whoever loads it.

    A pipe can be read but once, so it is never a profile.
    """
    import tomllib

    if not os.path.isfile(path):
        return False
    try:
        with open(path, encoding="utf-8-sig") as file:
            return "profile" in tomllib.loads(file.read())
    except (OSError, ValueError, RecursionError):
        return False
