"""Count reports for the page in one pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from undeliverable import BounceType, Reason, Report, Verdict
from undeliverable.rates import By, Levels, RateCounter, Rates, has_failed, is_worse, unit_of
from undeliverable.summary import masked as blanked
from undeliverable.tags import TagPlaces, tags_of

__all__ = ["Collector", "ReplyCount", "Sent", "Summary", "blanked"]

_REPLIES: Final = 20_000  # different replies to count separately; later ones are counted together


@dataclass(frozen=True, slots=True)
class Sent:
    """The numbers of messages sent.

    :ivar total: the total, None if unknown.
    :ivar by: the number per group, for each grouping.
    """

    total: int | None = None
    by: Mapping[By, Mapping[str, int]] = field(default_factory=dict[By, Mapping[str, int]])

    def of(self, by: By) -> Mapping[str, int] | int | None:
        """Return the argument `sent` of :func:`~undeliverable.rates.bounce_rates` for a grouping."""
        return self.by.get(by, self.total)


class ReplyCount(NamedTuple):
    """A reply with addresses and varying numbers blanked out, and its verdict."""

    reply: str
    reason: Reason | None
    bounce_type: BounceType | None
    rule: str | None
    provider: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The numbers of a page.

    :ivar reports: number of reports by kind.
    :ivar rates: a table for each grouping.
    :ivar reasons: failed recipients by reason and bounce type.
    :ivar replies: failed recipients by reply, the most frequent first.
    :ivar levels: the limits for rates.
    """

    reports: Mapping[str, int]
    rates: Mapping[By, Rates]
    reasons: Mapping[tuple[Reason, BounceType], int]
    replies: tuple[tuple[ReplyCount, int], ...]
    levels: Levels


class Collector:
    """A counter of reports; memory grows with the number of failed recipients, not with the texts of the reports."""

    __slots__ = ("_counter", "_kinds", "_places", "_replies", "_worst")

    def __init__(self, places: TagPlaces | None = None) -> None:
        """Start without reports.

        :param places: where to find campaign, source and segment; :class:`~undeliverable.tags.TagPlaces` by default.
        """
        self._places = places or TagPlaces()
        self._counter = RateCounter(*By)
        self._kinds: Counter[str] = Counter()
        self._worst: dict[str, ReplyCount] = {}
        self._replies: dict[ReplyCount, ReplyCount] = {}

    def add(self, report: Report) -> None:
        """Count a report."""
        tags = tags_of(report, self._places)
        self._kinds[str(report.kind)] += 1
        self._counter.add(report, tags)
        for verdict in report.verdicts:
            if has_failed(report, verdict):
                self._fail(unit_of(report, verdict, tags), verdict)

    def _fail(self, unit: str, verdict: Verdict) -> None:
        kind = verdict.bounce_type
        assert kind is not None
        known = self._worst.get(unit)
        if known is not None and known.bounce_type is not None and not is_worse(kind, known.bounce_type):
            return
        rule = None if verdict.rule is None else verdict.rule.id
        row = ReplyCount(blanked(verdict.reply or ""), verdict.reason, kind, rule, verdict.provider)
        if row not in self._replies and len(self._replies) >= _REPLIES:
            row = row._replace(reply="(other replies)")
        # Recipients with the same reply share one object, which saves memory.
        self._worst[unit] = self._replies.setdefault(row, row)

    def summary(self, sent: Sent | None = None, levels: Levels | None = None) -> Summary:
        """Return the current numbers; raise ValueError for a negative number of messages sent."""
        given, limits = sent or Sent(), levels or Levels()
        replies = Counter(self._worst.values())
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
