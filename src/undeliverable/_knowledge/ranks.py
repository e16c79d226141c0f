"""The order of the entries of several layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from undeliverable._rules.policies import Policy
from undeliverable._rules.rule import Rule

__all__ = ["placed", "ranked"]

_Entry = TypeVar("_Entry", Rule, Policy)


def ranked(layers: Sequence[Sequence[_Entry]]) -> tuple[_Entry, ...]:
    """Return all entries, the highest layer first; one that replaces another stands in the other's place."""
    return tuple(entry for entries in placed(layers) for entry in entries)


def placed(layers: Sequence[Sequence[_Entry]]) -> list[list[_Entry]]:
    """Return the entries of each layer, the highest first; one that replaces another stands in the other's place."""
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
    return kept
