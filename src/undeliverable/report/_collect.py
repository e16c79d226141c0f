"""Count reports for the page in one pass.

A failure counts once per recipient and message, as in :mod:`undeliverable.rates`; advice is counted by address, since that
is what one acts on. Both are dictionaries of recipients: memory grows with those that failed, not with what was delivered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from undeliverable import Action, Advice, BounceType, Kind, Knowledge, Reason, Report, Verdict, address_identity
from undeliverable.rates import By, Levels, RateCounter, Rates, group_of, has_failed, is_worse, moment_of, unit_of
from undeliverable.report._requirements import requirement_of
from undeliverable.summary import masked as blanked
from undeliverable.tags import TagPlaces, Tags, tags_of

__all__ = [
    "COMPLAINT",
    "Advised",
    "Collector",
    "Moment",
    "Refusal",
    "Refused",
    "ReplyCount",
    "Sent",
    "Summary",
    "blanked",
    "hour_of",
]

_REPLIES: Final = 20_000  # different replies to count separately; later ones are counted together
_DOMAIN: Final = 253  # characters of a domain, which strangers write: RFC 1035 2.3.4
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR: Final = timedelta(hours=1)
COMPLAINT: Final = "complaint"
"""The outcome of a complaint in a :class:`Moment`; those of failures are bounce types."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The numbers of messages sent.

    :ivar total: the total, None if unknown.
    :ivar by: the number per group, for each grouping.
    :ivar hours: the number per hour since 1970, for charts of a few days.
    """

    total: int | None = None
    by: Mapping[By, Mapping[str, int]] = field(default_factory=dict[By, Mapping[str, int]])
    hours: Mapping[int, int] = field(default_factory=dict[int, int])

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
    requirement: str | None = None


class Refusal(NamedTuple):
    """What a refusal for a requirement is about: the provider, and the domain that the mail was from.

    :ivar page: the provider's page about the requirement, or where it is defined.
    :ivar sender: the domain of the original message's sender, None if unknown.
    """

    requirement: str
    provider: str | None
    sender: str | None
    page: str


class Refused(NamedTuple):
    """The recipients that were refused for a requirement.

    :ivar failed: recipients whose mail failed.
    :ivar delayed: recipients whose mail was refused for a time, as far as it did not fail as well.
    """

    refusal: Refusal
    failed: int
    delayed: int

    @property
    def whole(self) -> int:
        """All of them."""
        return self.failed + self.delayed


class Moment(NamedTuple):
    """An hour in which something happened.

    :ivar hour: hours since 1970 in UTC, None without a date.
    :ivar outcome: a bounce type, or ``complaint``.
    """

    hour: int | None
    provider: str | None
    outcome: str


@dataclass(frozen=True, slots=True)
class Advised:
    """The addresses with one advice.

    :ivar addresses: each once, sorted; the address that was mailed.
    :ivar reasons: how many of them have which reason, or kind of report where there is none; the most frequent first.
    :ivar providers: how many of them are at which provider, where that is known.
    :ivar unnamed: verdicts with this advice that name no address.
    """

    addresses: tuple[str, ...]
    reasons: Mapping[str, int]
    providers: Mapping[str, int]
    unnamed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The numbers of a page.

    :ivar reports: number of reports by kind.
    :ivar rates: a table for each grouping.
    :ivar reasons: failed recipients by reason and bounce type.
    :ivar replies: failed recipients by reply, the most frequent first.
    :ivar levels: the limits for rates.
    :ivar refusals: recipients by the requirement that a refusal names, the most frequent first.
    :ivar advised: addresses by advice.
    :ivar moments: failed recipients, and complaints, by hour, provider and outcome.
    :ivar hours: messages sent by hour since 1970, where known.
    :ivar verdicts: verdicts with a bounce type by kind of report, bounce type, and whether they are failures.
    """

    reports: Mapping[str, int]
    rates: Mapping[By, Rates]
    reasons: Mapping[tuple[Reason, BounceType], int]
    replies: tuple[tuple[ReplyCount, int], ...]
    levels: Levels
    refusals: tuple[Refused, ...]
    advised: Mapping[Advice, Advised]
    moments: Mapping[Moment, int]
    hours: Mapping[int, int]
    verdicts: Mapping[tuple[Kind, BounceType, bool], int]


class _Failure(NamedTuple):
    """The worst failure of a recipient."""

    row: ReplyCount
    refusal: Refusal | None
    hour: int | None


class Collector:
    """A counter of reports; memory grows with the number of failed recipients, not with the texts of the reports."""

    __slots__ = (
        "_advised", "_complaints", "_counter", "_delayed", "_delivered", "_hours", "_kinds", "_knowledge", "_places", "_refusals", "_replies", "_unnamed",
        "_verdicts", "_worst",
    )  # fmt: skip

    def __init__(self, places: TagPlaces | None = None, *, knowledge: Knowledge | None = None) -> None:
        """Start without reports.

        :param places: where to find campaign, source and segment; :class:`~undeliverable.tags.TagPlaces` by default.
        :param knowledge: the knowledge that says which requirement a refusal names; by default the built-in one.
        """
        self._knowledge = knowledge or Knowledge.builtin()
        self._places = places or TagPlaces()
        self._counter = RateCounter(*By)
        self._kinds: Counter[str] = Counter()
        self._worst: dict[str, _Failure] = {}
        self._complaints: dict[str, Moment] = {}
        self._replies: dict[ReplyCount, ReplyCount] = {}
        self._refusals: dict[Refusal, Refusal] = {}
        self._delayed: dict[str, Refusal] = {}
        self._delivered: dict[By, Counter[str | None]] = {by: Counter() for by in By}
        self._hours: Counter[int | None] = Counter()
        self._advised: dict[Advice, dict[str, tuple[str, str, str | None]]] = {}
        self._unnamed: Counter[Advice] = Counter()
        self._verdicts: Counter[tuple[Kind, BounceType, bool]] = Counter()

    def add(self, report: Report) -> None:
        """Count a report."""
        tags = tags_of(report, self._places)
        self._kinds[str(report.kind)] += 1
        self._counter.add(report, tags)
        for verdict in report.verdicts:
            failed = has_failed(report, verdict)
            if verdict.bounce_type is not None:
                self._verdicts[report.kind, verdict.bounce_type, failed] += 1
            self._advise(report, verdict)
            if failed:
                self._fail(unit_of(report, verdict, tags), report, verdict)
            elif report.kind is Kind.DELAY or verdict.action is Action.DELAYED:
                self._delay(unit_of(report, verdict, tags), report, verdict)
            elif report.kind is Kind.COMPLAINT:
                moment = Moment(_hour(report, verdict), verdict.provider, COMPLAINT)
                self._complaints.setdefault(unit_of(report, verdict, tags), moment)
            elif report.kind is Kind.DELIVERED:
                self._deliver(report, verdict, tags)

    def _advise(self, report: Report, verdict: Verdict) -> None:
        advice = verdict.advice
        if advice is None or advice is Advice.NONE:
            return
        address = verdict.sent_to or verdict.recipient
        if address is None:
            self._unnamed[advice] += 1
            return
        # The first spelling is kept, and the latest reason: what was soft at first may be hard by now.
        known = self._advised.setdefault(advice, {})
        identity = address_identity(address)
        spelled = known[identity][0] if identity in known else address
        known[identity] = spelled, str(verdict.reason or report.kind), verdict.provider

    def _deliver(self, report: Report, verdict: Verdict, tags: Tags) -> None:
        self._hours[_hour(report, verdict)] += 1
        for by, names in self._delivered.items():
            names[group_of(by, report, verdict, tags)] += 1

    def _delay(self, unit: str, report: Report, verdict: Verdict) -> None:
        refusal = self._refusal(report, verdict)
        if refusal is not None:
            self._delayed[unit] = refusal

    def _fail(self, unit: str, report: Report, verdict: Verdict) -> None:
        kind = verdict.bounce_type
        assert kind is not None
        known = self._worst.get(unit)
        if known is not None and known.row.bounce_type is not None and not is_worse(kind, known.row.bounce_type):
            return
        refusal = self._refusal(report, verdict)
        rule = None if verdict.rule is None else verdict.rule.id
        named = None if refusal is None else refusal.requirement
        row = ReplyCount(blanked(verdict.reply or ""), verdict.reason, kind, rule, verdict.provider, named)
        if row not in self._replies and len(self._replies) >= _REPLIES:
            row = row._replace(reply="(other replies)")
        # Recipients with the same reply share one object, which saves memory.
        row = self._replies.setdefault(row, row)
        self._worst[unit] = _Failure(row, refusal, _hour(report, verdict))

    def _refusal(self, report: Report, verdict: Verdict) -> Refusal | None:
        named = requirement_of(verdict, self._knowledge)
        if named is None:
            return None
        returned = report.message.returned
        _, at, domain = ("" if returned is None else returned.from_ or "").rpartition("@")
        sender = domain.strip("<> \t").lower()[:_DOMAIN] if at else ""
        refusal = Refusal(named.name, verdict.provider, sender or None, named.page)
        return self._refusals.setdefault(refusal, refusal)

    def seen(self) -> Sent:
        """Return the numbers sent as far as the reports show them: what was delivered, and what failed.

        Right for the logs of a mail server, which hold both. Bounces alone show only what failed, and give no numbers.
        """
        if not self._hours:
            return Sent()
        hours = Counter({hour: number for hour, number in self._hours.items() if hour is not None})
        for failure in self._worst.values():
            if failure.hour is not None:
                hours[failure.hour] += 1
        groups = {by: self._seen_by(by) for by in By}
        whole = sum(self._hours.values()) + self._counter.rates(By.DAY).total.failed
        return Sent(whole, {by: numbers for by, numbers in groups.items() if numbers}, dict(hours))

    def _seen_by(self, by: By) -> dict[str, int]:
        numbers = Counter(self._delivered[by])
        for row in self._counter.rates(by).groups:
            numbers[row.group] += row.failed
        return {name: number for name, number in numbers.items() if name is not None}

    def summary(self, sent: Sent | None = None, levels: Levels | None = None) -> Summary:
        """Return the current numbers; raise ValueError for a negative number of messages sent."""
        given, limits = sent or Sent(), levels or Levels()
        replies = Counter(failure.row for failure in self._worst.values())
        moments = Counter(self._complaints.values())
        reasons: Counter[tuple[Reason, BounceType]] = Counter()
        for row, _, hour in self._worst.values():
            moments[Moment(hour, row.provider, str(row.bounce_type))] += 1
        for row, number in replies.items():
            assert row.bounce_type is not None
            reasons[row.reason or Reason.UNDEFINED, row.bounce_type] += number
        return Summary(
            reports=dict(self._kinds.most_common()),
            rates={by: self._counter.rates(by, given.of(by), limits) for by in By},
            reasons=dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
            replies=tuple(sorted(replies.items(), key=lambda item: (-item[1], item[0].reply, item[0].rule or ""))),
            levels=limits,
            refusals=tuple(sorted(self._refused(), key=lambda one: (-one.whole, [part or "" for part in one.refusal]))),
            advised={advice: self._advised_of(advice) for advice in Advice if advice is not Advice.NONE},
            moments=moments,
            hours=given.hours,
            verdicts=dict(self._verdicts),
        )

    def _refused(self) -> Iterator[Refused]:
        failed = Counter(failure.refusal for failure in self._worst.values())
        delayed = Counter(refusal for unit, refusal in self._delayed.items() if unit not in self._worst)
        for refusal in self._refusals:
            if failed[refusal] or delayed[refusal]:
                yield Refused(refusal, failed[refusal], delayed[refusal])

    def _advised_of(self, advice: Advice) -> Advised:
        found = self._advised.get(advice, {}).values()
        reasons = Counter(why for _, why, _ in found).most_common()
        providers = Counter(provider for _, _, provider in found if provider is not None).most_common()
        addresses = sorted(address for address, _, _ in found)
        return Advised(tuple(addresses), dict(reasons), dict(providers), self._unnamed[advice])


def hour_of(moment: datetime) -> int:
    """Return the hours from 1970 to a moment, which must have a zone; exact at both ends of the calendar."""
    return (moment - _EPOCH) // _HOUR


def _hour(report: Report, verdict: Verdict) -> int | None:
    moment = moment_of(report, verdict)
    return None if moment is None else hour_of(moment)
