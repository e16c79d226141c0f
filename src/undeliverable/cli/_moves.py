"""Compare the verdicts of two bodies of knowledge on the same messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final, NamedTuple

from undeliverable import Knowledge, Report, Verdict, classify, parse
from undeliverable.cli._command import warn
from undeliverable.cli._files import STDIN
from undeliverable.cli._inputs import Inbox

__all__ = ["Move", "Moves", "compare"]

_COMPARED: Final = 4  # fields of an outcome; the rule and the policy behind it may differ


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


@dataclass(frozen=True, slots=True)
class Move:
    """One recipient, or one reply, whose verdict differs."""

    source: str
    subject: str | None
    before: Outcome
    after: Outcome

    def row(self) -> tuple[str, ...]:
        """Return the cells of a table's row."""
        by = (self.after.policy if self.after.policy != self.before.policy else self.after.rule) or "the defaults"
        return self.subject or "-", str(self.before), str(self.after), by, self.source

    def to_dict(self) -> dict[str, object]:
        """Return the move as a JSON object."""
        return {
            "source": self.source,
            "subject": self.subject,
            "before": self.before._asdict(),
            "after": self.after._asdict(),
        }


@dataclass(slots=True)
class Moves:
    """The verdicts that moved, and the numbers of messages or replies and of verdicts that were compared."""

    read: int = 0
    verdicts: int = 0
    moved: list[Move] = field(default_factory=list[Move])

    def add(self, source: str, subject: str | None, before: Verdict | None, after: Verdict | None) -> None:
        """Compare two verdicts on the same recipient."""
        self.verdicts += 1
        old, new = Outcome.of(before), Outcome.of(after)
        if old[:_COMPARED] != new[:_COMPARED]:
            self.moved.append(Move(source, subject, old, new))

    def counts(self) -> list[tuple[str, str, int]]:
        """Return the number of moves from each bounce type to each other, the most frequent first."""
        counted = Counter((str(move.before.bounce_type), str(move.after.bounce_type)) for move in self.moved)
        return sorted(((*pair, number) for pair, number in counted.items()), key=lambda row: (-row[2], row))

    def summary(self) -> str:
        """Return the numbers in one line."""
        counts = ", ".join(f"{number} {old} -> {new}" for old, new, number in self.counts())
        return f"{len(self.moved):,} of {self.verdicts:,} verdicts move" + (f": {counts}" if counts else "")

    def to_dict(self) -> dict[str, object]:
        """Return everything as a JSON object."""
        return {
            "read": self.read,
            "verdicts": self.verdicts,
            "counts": [{"before": old, "after": new, "number": number} for old, new, number in self.counts()],
            "moved": [move.to_dict() for move in self.moved],
        }


def compare(before: Knowledge, after: Knowledge, paths: Sequence[str], *, replies: bool) -> Moves:
    """Judge the messages below `paths` with both; with `replies`, each line of these files is one SMTP reply."""
    moves = Moves()
    if replies:
        for source, reply in _lines(paths):
            moves.read += 1
            moves.add(source, reply, classify(reply, knowledge=before), classify(reply, knowledge=after))
        return moves
    for mail in Inbox(paths):
        moves.read += 1
        _add(moves, mail.source, parse(mail.raw, knowledge=before), parse(mail.raw, knowledge=after))
    return moves


def _add(moves: Moves, source: str, before: Report, after: Report) -> None:
    # A file may describe NDR formats: then one side may find more recipients than the other.
    for old, new in zip_longest(before.verdicts, after.verdicts):
        moves.add(source, (new or old).recipient, old, new)


def _lines(paths: Sequence[str]) -> Iterator[tuple[str, str]]:
    for path in paths:
        try:
            with open(0 if path == STDIN else path, encoding="utf-8", errors="replace", closefd=path != STDIN) as file:
                for number, line in enumerate(file, start=1):
                    if line.strip() and not line.startswith("#"):
                        yield f"{path}:{number}", line.strip()
        except OSError as error:
            warn(f"{path}: {error.strerror}")
