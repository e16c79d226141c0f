"""What the page says, counted in one pass over the reports."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from undeliverable import BounceType, Reason, Report, Verdict
from undeliverable.rates import By, Levels, RateCounter, Rates, has_failed, unit_of
from undeliverable.tags import TagPlaces, tags_of

__all__ = ["Collector", "ReplyCount", "Sent", "Summary", "blanked"]

_LONGEST: Final = 240  # characters of a reply that are shown; more of them differ in nothing that matters
_REPLIES: Final = 20_000  # different replies that are told apart; later ones are counted together
_WORSE: Final = {BounceType.SOFT: 0, BounceType.UNDETERMINED: 1, BounceType.HARD: 2}


@dataclass(frozen=True, slots=True)
class Sent:
    """How many messages were sent.

    :ivar total: in all, None where that is not known.
    :ivar by: for each grouping the number for each group.
    """

    total: int | None = None
    by: Mapping[By, Mapping[str, int]] = field(default_factory=dict[By, Mapping[str, int]])

    def of(self, by: By) -> Mapping[str, int] | int | None:
        """What :func:`~undeliverable.rates.bounce_rates` takes for a grouping."""
        return self.by.get(by, self.total)


class ReplyCount(NamedTuple):
    """A reply, addresses and numbers that differ blanked out, with what was made of it."""

    reply: str
    reason: Reason | None
    bounce_type: BounceType | None
    rule: str | None
    provider: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The numbers of a page.

    :ivar reports: how many reports were read, by kind.
    :ivar rates: a table for each grouping.
    :ivar reasons: failed recipients by reason and bounce type.
    :ivar replies: failed recipients by reply, the most frequent first.
    :ivar levels: when a rate is too high.
    """

    reports: Mapping[str, int]
    rates: Mapping[By, Rates]
    reasons: Mapping[tuple[Reason, BounceType], int]
    replies: tuple[tuple[ReplyCount, int], ...]
    levels: Levels


class Collector:
    """Takes reports one by one; memory grows with the failed recipients, not with the reports' texts."""

    __slots__ = ("_counter", "_fates", "_kinds", "_places", "_replies")

    def __init__(self, places: TagPlaces | None = None) -> None:
        """Begins with nothing.

        :param places: where campaign, source and segment stand; the usual places unless given.
        """
        self._places = places or TagPlaces()
        self._counter = RateCounter(*By)
        self._kinds: Counter[str] = Counter()
        self._fates: dict[str, ReplyCount] = {}
        self._replies: dict[ReplyCount, ReplyCount] = {}

    def add(self, report: Report) -> None:
        """Counts a report."""
        tags = tags_of(report, self._places)
        self._kinds[str(report.kind)] += 1
        self._counter.add(report, tags)
        for verdict in report.verdicts:
            if has_failed(report, verdict):
                self._fail(unit_of(report, verdict, tags), verdict)

    def _fail(self, unit: str, verdict: Verdict) -> None:
        kind = verdict.bounce_type
        assert kind is not None
        known = self._fates.get(unit)
        if known is not None and known.bounce_type is not None and _WORSE[kind] <= _WORSE[known.bounce_type]:
            return
        rule = None if verdict.rule is None else verdict.rule.id
        row = ReplyCount(blanked(verdict.reply or ""), verdict.reason, kind, rule, verdict.provider)
        if row not in self._replies and len(self._replies) >= _REPLIES:
            row = row._replace(reply="(other replies)")
        # One object for all recipients with the same reply.
        self._fates[unit] = self._replies.setdefault(row, row)

    def summary(self, sent: Sent | None = None, levels: Levels | None = None) -> Summary:
        """The numbers so far; raises ValueError for a negative number of messages sent."""
        given, limits = sent or Sent(), levels or Levels()
        replies = Counter(self._fates.values())
        reasons: Counter[tuple[Reason, BounceType]] = Counter()
        for row, number in replies.items():
            assert row.bounce_type is not None
            reasons[row.reason or Reason.UNDEFINED, row.bounce_type] += number
        return Summary(
            reports=dict(self._kinds.most_common()),
            rates={by: self._counter.rates(by, given.of(by), limits) for by in By},
            reasons=dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
            replies=tuple(sorted(replies.items(), key=lambda item: (-item[1], item[0].reply, item[0].rule or ""))),
            levels=limits,
        )


# What differs from recipient to recipient: every count is bounded, so that the time is linear in the text.
_BLANKS: Final = (
    (re.compile(r"<?[^\s<>()\"',;:@]{1,64}@[^\s<>()\"',;:@]{1,255}>?"), "<…>"),
    (re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])"), "[…]"),
    (re.compile(r"(?<![0-9A-Fa-f:])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){3,7}(?![0-9A-Fa-f:])"), "[…]"),
    (re.compile(r"(?<![\w.-])(?=[A-Za-z_-]{0,40}\d)[\w-]{9,128}(?:\.[\w-]{1,64}){0,4}(?![\w-])"), "…"),
)


@lru_cache(maxsize=4096)
def blanked(reply: str) -> str:
    """A reply without addresses, IP addresses and the ids of single messages."""
    text = " ".join(reply[: 4 * _LONGEST].split())
    for pattern, mark in _BLANKS:
        text = pattern.sub(mark, text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
