"""The decision of a summary: `ok`, `watch` or `pause`, and why.

The levels are those of :mod:`undeliverable.rates`; they concern all mail of a sender. A single provider may be a reason
to watch, never to pause everything, and counts only where even the lower end of its interval reaches a level: with many
providers, the rate of one of them exceeds it by chance every day.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from undeliverable.rates import Decision, Level, Levels, Share
from undeliverable.summary._record import Summary

__all__ = ["Decided", "decide"]

_LEVELS: Final = Levels()
_ENOUGH: Final = 50  # messages to a provider: of fewer, even a sure rate concerns a handful of people


class Decided(NamedTuple):
    """A decision.

    :ivar decision: None if nothing says how much was sent, and there is no list that knows of holds.
    :ivar why: the reasons for anything but ok, in words.
    """

    decision: Decision | None
    why: tuple[str, ...] = ()


def decide(summary: Summary) -> Decided:
    """Return the decision that follows from the rates of all mail, from those of providers, and from holds of a list."""
    found = [*_of_all(summary), *_of_providers(summary), *_of_list(summary)]
    is_known = summary.rate.decision is not None or summary.news is not None
    known = [*([Decision.OK] if is_known else []), *(decision for decision, _ in found)]
    return Decided(max(known, key=list(Decision).index, default=None), tuple(why for _, why in found))


def _of_all(summary: Summary) -> Iterator[tuple[Decision, str]]:
    rate = summary.rate
    for share, level, levels, what in (
        (rate.bounce, rate.bounce_level, _LEVELS.bounce, "failed hard"),
        (rate.complaint, rate.complaint_level, _LEVELS.complaint, "complained"),
    ):
        if share is not None and level is not None:
            yield share.decision(levels, _LEVELS.minimum), f"{_said(share)} {what}; {_reached(level)}"


def _of_providers(summary: Summary) -> Iterator[tuple[Decision, str]]:
    for name, numbers in summary.providers.items():
        bounce = summary.rate_at(name).bounce
        if bounce is not None and numbers.finished >= _ENOUGH and bounce.low >= _LEVELS.bounce[0].rate:
            yield Decision.WATCH, f"{name}: {_said(bounce)} failed hard"


def _of_list(summary: Summary) -> Iterator[tuple[Decision, str]]:
    for provider in () if summary.news is None else summary.news.on_hold:
        yield Decision.WATCH, f"{provider} is on hold: far more addresses than usual fail there"


def _said(share: Share) -> str:
    return f"{share.rate:.2%} of {share.whole:,} ({share.low * 100:.2f}-{share.high * 100:.2f})"


def _reached(level: Level) -> str:
    return f"from {level.rate:.1%} on: {level.meaning}"
