"""Rates with their confidence intervals, and the levels at which they are too high.

Which services and mailbox providers state the levels is data: ``data/rates.toml``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from typing import Any, Final

from undeliverable.data import read

__all__ = ["BOUNCE_LEVELS", "COMPLAINT_LEVELS", "Decision", "Level", "Levels", "Share", "wilson"]

_Z95: Final = 1.959963984540054  # the two-sided 95 % quantile of the normal distribution


class Decision(StrEnum):
    """The consequence of a rate: go on, look into it, or stop sending to this group."""

    OK = "ok"
    WATCH = "watch"
    PAUSE = "pause"


@dataclass(frozen=True, slots=True)
class Level:
    """A limit for a rate.

    :ivar rate: the limit as a fraction: 0.02 is 2 %.
    :ivar decision: the decision from this rate on.
    :ivar meaning: the consequence of reaching it, in words.
    :ivar stated_by: the service or provider that states it.
    """

    rate: float
    decision: Decision
    meaning: str
    stated_by: str


def _levels(tables: Iterable[Mapping[str, Any]]) -> tuple[Level, ...]:
    return tuple(
        Level(table["rate"], Decision(table["decision"]), table["meaning"], table["stated_by"]) for table in tables
    )


_BUILTIN: Final = tomllib.loads(read("rates.toml"))
BOUNCE_LEVELS: Final = _levels(_BUILTIN["bounce"])
"""Levels of the hard bounce rate, lowest first. Pausing a source at 5 % keeps the service from pausing the account."""
COMPLAINT_LEVELS: Final = _levels(_BUILTIN["complaint"])
"""Levels of the complaint rate, lowest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """The limits for the rates of a group.

    :ivar minimum: messages that a group must have been sent before it can be paused. Below, the lower end of the
        interval is compared instead of the rate, and the decision is `watch` at most.
    """

    bounce: tuple[Level, ...] = BOUNCE_LEVELS
    complaint: tuple[Level, ...] = COMPLAINT_LEVELS
    minimum: int = 200


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole, with its confidence interval.

    :ivar rate: `count` divided by `whole`.
    :ivar low: the lower end of the 95 % Wilson score interval.
    :ivar high: the upper end.
    """

    count: int
    whole: int
    rate: float
    low: float
    high: float

    @classmethod
    def of(cls, count: int, whole: int) -> Share:
        """Return the share of `count` in `whole`, which must not be 0; the interval never exceeds the whole."""
        low, high = wilson(min(count, whole), whole)
        return cls(count, whole, count / whole, low, high)

    def reaches(self, levels: Iterable[Level], minimum: int) -> Level | None:
        """Return the highest level reached by the rate or, below `minimum`, by the lower end of its interval."""
        rate = self.rate if self.whole >= minimum else self.low
        return max((level for level in levels if rate >= level.rate), key=lambda level: level.rate, default=None)

    def decision(self, levels: tuple[Level, ...], minimum: int) -> Decision:
        """Return the decision: `pause` needs enough messages, and a lower end above the lowest level.

        One complaint among 200 messages is 0.5 %, and may well be chance.
        """
        reached = self.reaches(levels, minimum)
        if reached is None:
            return Decision.OK
        sure = self.whole >= minimum and self.low >= levels[0].rate
        return reached.decision if sure else Decision.WATCH


def wilson(count: int, whole: int, z: float = _Z95) -> tuple[float, float]:
    """Return the ends of the Wilson score interval for the true rate, given `count` out of `whole`.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927. Unlike the normal
    approximation it holds for small numbers and for rates near 0.

    :param z: the quantile of the normal distribution; the default gives a 95 % interval.
    :raises ValueError: when `count` is not between 0 and `whole`, or `whole` is 0.
    """
    if not 0 <= count <= whole or not whole:
        raise ValueError(f"{count} of {whole} is not a share")
    square = z * z
    middle = (count + square / 2) / (whole + square)
    width = z / (whole + square) * sqrt(count * (whole - count) / whole + square / 4)
    # The ends are exact there; rounding errors would show as tiny non-zero rates.
    return (0.0 if count == 0 else middle - width, 1.0 if count == whole else middle + width)
