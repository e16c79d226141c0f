"""The numbers of a summary: counts of outcomes, for all mail, for an hour, a domain or a provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from undeliverable import Kind, Report, Verdict
from undeliverable.rates import has_failed

__all__ = ["Numbers", "outcome_of"]

_OUTCOMES: Final = {Kind.DELIVERED: "delivered", Kind.DELAY: "deferred", Kind.COMPLAINT: "complaints"}


@dataclass(slots=True)
class Numbers:
    """Recipients by outcome; each verdict counts once.

    :ivar delivered: recipients that a server took the mail for.
    :ivar hard: recipients that failed hard; likewise `soft` and `undetermined`.
    :ivar deferred: attempts after which the mail stayed in the queue: one recipient may have many.
    :ivar complaints: recipients that complained.
    """

    delivered: int = 0
    hard: int = 0
    soft: int = 0
    undetermined: int = 0
    deferred: int = 0
    complaints: int = 0

    @property
    def failed(self) -> int:
        """The number of recipients that failed, for whatever reason."""
        return self.hard + self.soft + self.undetermined

    @property
    def finished(self) -> int:
        """The number of recipients whose mail was either delivered or given up: what a log knows as sent."""
        return self.delivered + self.failed

    def add(self, outcome: str) -> None:
        """Count one recipient with an outcome, the name of an attribute."""
        setattr(self, outcome, getattr(self, outcome) + 1)

    def join(self, other: Numbers) -> None:
        """Add the numbers of another one."""
        for name, number in other.to_dict().items():
            setattr(self, name, getattr(self, name) + number)

    def to_dict(self) -> dict[str, int]:
        """Return the numbers by name."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_dict(cls, numbers: Mapping[str, int]) -> Numbers:
        """Return the numbers of such a mapping; a missing one is 0."""
        return cls(**{name: numbers.get(name, 0) for name in cls.__slots__})


def outcome_of(report: Report, verdict: Verdict) -> str | None:
    """Return the attribute of :class:`Numbers` that counts a verdict; None for automatic replies and their like."""
    if has_failed(report, verdict):
        return str(verdict.bounce_type)
    return _OUTCOMES.get(report.kind)
