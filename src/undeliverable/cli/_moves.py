"""Compare the verdicts of two bodies of knowledge, and count what changes in groups with examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final, NamedTuple

from undeliverable import Knowledge, Verdict
from undeliverable.cli._corpus import Corpus, Item, Judge

__all__ = ["Group", "Moves", "compare"]

_COMPARED: Final = 4  # fields of an outcome; the rule and the policy behind it may differ
_EXAMPLES: Final = 3  # of each group


class Outcome(NamedTuple):
    """The parts of a verdict that are compared, and the rule and policy behind them."""

    bounce_type: str | None
    reason: str | None
    advice: str | None
    label: str | None
    rule: str | None
    policy: str | None

    @classmethod
    def of(cls, verdict: Verdict | None) -> Outcome:
        """Return the outcome of a verdict; an empty one where only the other side knows the recipient."""
        if verdict is None:
            return cls(None, None, None, None, None, None)
        return cls(
            verdict.bounce_type and str(verdict.bounce_type),
            verdict.reason and str(verdict.reason),
            verdict.advice and str(verdict.advice),
            verdict.label,
            None if verdict.rule is None else verdict.rule.id,
            None if verdict.policy is None else verdict.policy.id,
        )

    def __str__(self) -> str:
        label = f" [{self.label}]" if self.label else ""
        return f"{self.bounce_type or '-'} {self.reason or '-'} {self.advice or '-'}{label}"


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
        if old[:_COMPARED] == new[:_COMPARED]:
            return
        self.moved += 1
        self.types[str(old.bounce_type), str(new.bounce_type)] += 1
        by = (new.policy if new.policy != old.policy else new.rule) or "the defaults"
        verdict = after or before
        assert verdict is not None
        group = Group(str(old), str(new), by, verdict.provider or "-")
        self.groups.setdefault(group, Counted()).add(Example(item.source, item.subject_of(verdict)))

    def ranked(self) -> list[tuple[Group, Counted]]:
        """Return the groups, the largest first."""
        return sorted(self.groups.items(), key=lambda row: (-row[1].number, row[0]))

    def summed(self, key: Callable[[Group], tuple[str, ...]]) -> list[tuple[tuple[str, ...], Counted]]:
        """Return the groups joined by a part of what they have in common, the largest first."""
        joined: dict[tuple[str, ...], Counted] = {}
        for group, counted in self.ranked():
            one = joined.setdefault(key(group), Counted())
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
            "changes": [
                {"before": before, "after": after} | counted.to_dict()
                for (before, after), counted in self.summed(lambda group: group[:2])
            ],
            "rules": [{"rule": by} | counted.to_dict() for (by,), counted in self.summed(lambda group: (group.by,))],
            "providers": [
                {"provider": provider} | counted.to_dict()
                for (provider,), counted in self.summed(lambda group: (group.provider,))
            ],
        }


def compare(before: Knowledge, after: Knowledge, corpus: Corpus) -> Moves:
    """Judge everything in `corpus` by both."""
    moves, old, new = Moves(), Judge(before), Judge(after)
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
