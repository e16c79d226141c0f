"""Compare the verdicts of two bodies of knowledge, and count what changes in groups with examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final, NamedTuple

from undeliverable import Verdict
from undeliverable.cli._corpus import Item, Judge

__all__ = ["COMPARED", "Example", "Group", "Moves", "Outcome", "compare"]

COMPARED: Final = ("bounce_type", "reason", "advice", "label", "message_advice", "retry_after", "applies_to")
"""What is compared of a verdict."""
_SHOWN: Final = 4  # of these are always shown, the others where they differ
_EXAMPLES: Final = 3  # of each group


class Outcome(NamedTuple):
    """What is compared of a verdict, as texts, and the rule and the policies behind it."""

    values: tuple[str | None, ...]
    rule: str | None
    policies: tuple[str, ...]

    @classmethod
    def of(cls, verdict: Verdict | None) -> Outcome:
        """Return the outcome of a verdict; an empty one where only the other side knows the recipient."""
        if verdict is None:
            return cls((None,) * len(COMPARED), None, ())
        found = (getattr(verdict, name) for name in COMPARED)
        return cls(
            tuple(None if value is None else str(value) for value in found),
            None if verdict.rule is None else verdict.rule.id,
            tuple(dict.fromkeys(policy.id for policy in verdict.policies.values())),
        )

    def shown(self, other: Outcome) -> str:
        """Return the values in one line, with those about the message where `other` has different ones."""
        bounce_type, reason, advice, label = self.values[:_SHOWN]
        parts = [f"{bounce_type or '-'} {reason or '-'} {advice or '-'}", f"[{label}]" if label else ""]
        if self.values[0] and other.values[0]:
            rest = zip(COMPARED[_SHOWN:], self.values[_SHOWN:], other.values[_SHOWN:], strict=True)
            parts += [f"{name} {mine or '-'}" for name, mine, theirs in rest if mine != theirs]
        return " ".join(filter(None, parts))

    def by(self, before: Outcome) -> str:
        """Return what decides now and did not before."""
        policies = [policy for policy in self.policies if policy not in before.policies]
        return policies[0] if policies else (self.rule if self.rule != before.rule else None) or "the defaults"


class Group(NamedTuple):
    """What verdicts that moved have in common.

    :ivar by: the rule or policy that decides now, where it is another one than before.
    """

    before: str
    after: str
    by: str
    provider: str


class Example(NamedTuple):
    """One verdict that moved: the message, line or record, and the recipient or reply."""

    source: str
    subject: str | None


@dataclass(slots=True)
class Counted:
    """A number of verdicts, and the first of them as examples."""

    number: int = 0
    examples: list[Example] = field(default_factory=list[Example])

    def add(self, example: Example) -> None:
        """Count one more."""
        self.number += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(example)

    def to_dict(self) -> dict[str, object]:
        """Return the number and the examples as a JSON object."""
        return {"number": self.number, "examples": [example._asdict() for example in self.examples]}


@dataclass(slots=True)
class Moves:
    """The verdicts that moved, in groups: memory does not grow with the number of messages.

    :ivar read: the number of messages, replies, lines or records.
    :ivar verdicts: the number of verdicts that were compared.
    :ivar moved: the number of those that differ.
    """

    read: int = 0
    verdicts: int = 0
    moved: int = 0
    groups: dict[Group, Counted] = field(default_factory=dict[Group, Counted])
    types: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])

    def add(self, item: Item, before: Verdict | None, after: Verdict | None) -> None:
        """Compare two verdicts on the same recipient."""
        self.verdicts += 1
        old, new = Outcome.of(before), Outcome.of(after)
        if old.values == new.values:
            return
        verdict = after or before
        assert verdict is not None
        self.count(old, new, verdict.provider, Example(item.source, item.subject_of(verdict)))

    def count(self, old: Outcome, new: Outcome, provider: str | None, example: Example) -> None:
        """Count a verdict that moved."""
        self.moved += 1
        self.types[old.values[0] or "none", new.values[0] or "none"] += 1
        group = Group(old.shown(new), new.shown(old), new.by(old), provider or "-")
        self.groups.setdefault(group, Counted()).add(example)

    def ranked(self) -> list[tuple[Group, Counted]]:
        """Return the groups, the largest first."""
        return sorted(self.groups.items(), key=lambda row: (-row[1].number, row[0]))

    def summed(self, *names: str) -> list[tuple[tuple[str, ...], Counted]]:
        """Return the groups joined by some of what they have in common, the largest first.

        :param names: names of attributes of :class:`Group`.
        """
        joined: dict[tuple[str, ...], Counted] = {}
        for group, counted in self.ranked():
            one = joined.setdefault(tuple(getattr(group, name) for name in names), Counted())
            one.number += counted.number
            one.examples = [*one.examples, *counted.examples][:_EXAMPLES]
        return sorted(joined.items(), key=lambda row: (-row[1].number, row[0]))

    def summary(self) -> str:
        """Return the numbers in one line."""
        ranked = sorted(self.types.items(), key=lambda row: (-row[1], row[0]))
        counts = ", ".join(f"{number:,} {old} -> {new}" for (old, new), number in ranked)
        return f"{self.moved:,} of {self.verdicts:,} verdicts move" + (f": {counts}" if counts else "")

    def to_dict(self) -> dict[str, object]:
        """Return everything as a JSON object: the groups, and their sums by change, by rule and by provider."""
        return {
            "read": self.read,
            "verdicts": self.verdicts,
            "moved": self.moved,
            "groups": [group._asdict() | counted.to_dict() for group, counted in self.ranked()],
            "changes": self._rows("before", "after"),
            "rules": self._rows("by"),
            "providers": self._rows("provider"),
        }

    def _rows(self, *names: str) -> list[dict[str, object]]:
        return [dict(zip(names, key, strict=True)) | counted.to_dict() for key, counted in self.summed(*names)]


def compare(old: Judge, new: Judge, corpus: Iterable[Item]) -> Moves:
    """Judge everything in `corpus` by both."""
    moves = Moves()
    for item in corpus:
        verdicts = old.verdicts(item), new.verdicts(item)
        if verdicts != (None, None):
            moves.read += 1
            _add(moves, item, *verdicts)
    return moves


def _add(moves: Moves, item: Item, before: Sequence[Verdict] | None, after: Sequence[Verdict] | None) -> None:
    # A file may describe NDR formats: then one side may find more recipients than the other.
    for old, new in zip_longest(before or (), after or ()):
        moves.add(item, old, new)
