"""What changed between two summaries, where chance does not explain it.

Two days never have the same amount of mail. The numbers of the earlier one are scaled to the later one: by the numbers
sent where both are known, else by the lengths of the periods. What remains is compared with the noise of counts, which
is about their square root (Poisson).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta
from math import sqrt
from typing import Final

from undeliverable.summary._record import Summary

__all__ = ["Change", "changes"]

_NOISE: Final = 3.0  # standard deviations: with a hundred comparisons a day, chance gives one false alarm in days
_LEAST: Final = 5  # recipients: below, a change is not worth a line
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Change:
    """One number that changed.

    :ivar what: ``total``, ``reason``, ``provider`` (with a reason) or ``domain``.
    :ivar name: which one: ``hard``, ``mailbox_full``, ``google: user_unknown``, ``example.org``.
    :ivar before: the earlier number, as it was counted.
    :ivar now: the later number.
    :ivar expected: the earlier number, scaled to the amount of mail or of time of the later one.
    """

    what: str
    name: str
    before: int
    now: int
    expected: float

    @property
    def weight(self) -> float:
        """The difference in standard deviations; negative if the number fell."""
        return (self.now - self.expected) / sqrt(max(self.now + self.expected, 1.0))


def changes(before: Summary, now: Summary) -> tuple[Change, ...]:
    """Return what changed beyond chance, the largest change first."""
    scale = _scale(before, now)
    found = (
        Change(what, name, earlier.get(name, 0), later.get(name, 0), earlier.get(name, 0) * scale)
        for what, earlier, later in _tables(before, now)
        for name in sorted({*earlier, *later})
    )
    sure = [one for one in found if abs(one.weight) >= _NOISE and abs(one.now - one.expected) >= _LEAST]
    return tuple(sorted(sure, key=lambda one: (-abs(one.weight), one.what, one.name)))


def _scale(before: Summary, now: Summary) -> float:
    if before.sent and now.sent:
        return now.sent / before.sent
    earlier, later = _length(before), _length(now)
    return later / earlier if earlier and later else 1.0


def _length(summary: Summary) -> timedelta | None:
    """Return the length of a period: of the one that was asked for, else from its first hour to its last one."""
    begin, end = summary.span.begin, summary.span.end
    if begin is not None and end is not None:
        return end - begin
    if summary.first is None or summary.last is None:
        return None
    return max((end or summary.last) - (begin or summary.first), _HOUR)


def _tables(before: Summary, now: Summary) -> Iterator[tuple[str, Mapping[str, int], Mapping[str, int]]]:
    yield "total", before.totals.to_dict(), now.totals.to_dict()
    yield "reason", _reasons(before), _reasons(now)
    yield "provider", _pairs(before), _pairs(now)
    # A domain that one of the two does not name failed less than those that it names: it may not be 0.
    named = before.domains.keys() & now.domains.keys() if before.other_domains.failed else now.domains.keys()
    yield "domain", _domains(before, named), _domains(now, named)


def _domains(summary: Summary, named: AbstractSet[str]) -> Mapping[str, int]:
    return {name: summary.domains[name].failed for name in named & summary.domains.keys()}


def _reasons(summary: Summary) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    for row in summary.reasons:
        counts[row.reason] += row.count
    return counts


def _pairs(summary: Summary) -> Mapping[str, int]:
    return {
        f"{provider}: {reason}": number
        for provider, reasons in summary.at.items()
        for reason, number in reasons.items()
    }
