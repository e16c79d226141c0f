"""The summary of a period as a value: what is printed, saved as JSON, and compared with a later one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, Final, TypeVar, cast

from undeliverable.rates import GroupRate, group_rate
from undeliverable.summary._numbers import Numbers

__all__ = ["SCHEMA", "ListNews", "ReasonCount", "Span", "Summary"]

SCHEMA: Final = 1
"""The version of the record; keys are added, never renamed."""

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time.

    :ivar begin: the first moment that counts, with a zone; None: no matter how early.
    :ivar end: the first moment that no longer counts; None: no matter how late.
    """

    begin: datetime | None = None
    end: datetime | None = None

    @property
    def is_open(self) -> bool:
        """True if every time counts."""
        return self.begin is None and self.end is None

    def at(self, zone: tzinfo) -> Span:
        """Return the same span as clocks of a zone show it."""
        return Span(self.begin and self.begin.astimezone(zone), self.end and self.end.astimezone(zone))

    def __contains__(self, time: datetime) -> bool:
        return (self.begin is None or self.begin <= time) and (self.end is None or time < self.end)


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """Failed recipients with one reason, bounce type and advice.

    :ivar reply: the reply seen most among them, without addresses; empty if none was recorded.
    :ivar replies: how often it was seen.
    """

    reason: str
    bounce_type: str
    advice: str
    count: int
    reply: str = ""
    replies: int = 0

    def to_dict(self) -> dict[str, object]:
        """Return the row as JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListNews:
    """The state of a suppression list, and what changed in a span of time.

    :ivar suppressed: addresses that are suppressed.
    :ivar added: of these, suppressed in the span, by cause.
    :ivar lifted: suppressions that somebody lifted in the span.
    :ivar held: addresses whose suppression is held, since their provider may err.
    :ivar on_hold: providers on hold.
    :ivar warnings: what somebody should look into.
    """

    suppressed: int = 0
    added: Mapping[str, int] = field(default_factory=dict[str, int])
    lifted: int = 0
    held: int = 0
    on_hold: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return the news as JSON values."""
        return {
            "suppressed": self.suppressed,
            "added": dict(self.added),
            "lifted": self.lifted,
            "held": self.held,
            "on_hold": list(self.on_hold),
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The numbers of a period; see :class:`~undeliverable.summary.Numbers` for what is counted.

    :ivar span: the only time that counts.
    :ivar zone: the name of the zone whose hours are counted.
    :ivar first: the earliest time that counted, as clocks of the zone show it; likewise `last`.
    :ivar lines: number of log lines read, those outside the span included.
    :ivar kinds: reports by kind.
    :ivar types: verdicts by bounce type, those of delays included: the numbers of `classify`.
    :ivar advice: failed recipients by advice.
    :ivar named: of those for which the sender has to be set right, what the replies name: an authentication that did not
        pass (``spf``, ``dkim``, ``dmarc``, ``ptr``, ``tls``) or a blocklist.
    :ivar sent: the number of messages sent, None if unknown.
    :ivar is_complete: True if deliveries were counted as well, as in a log.
    :ivar hours: numbers by hour of the zone (``2026-11-29T13``).
    :ivar no_hour: recipients that are in no hour: without a date, or beyond the number of hours that are kept.
    :ivar domains: numbers by the recipient's domain, most failures first; `other_domains` counts those not named.
    :ivar providers: numbers by mailbox provider, most failures first.
    :ivar reasons: failed recipients by reason, most first.
    :ivar at: failed recipients by provider and reason.
    :ivar outside: reports that were left out because they are outside the span.
    :ivar undated: reports without a date; they are left out where there is a span.
    :ivar news: what changed in a suppression list, None without one.
    """

    span: Span = field(default_factory=Span)
    zone: str = "UTC"
    first: datetime | None = None
    last: datetime | None = None
    lines: int = 0
    kinds: Mapping[str, int] = field(default_factory=dict[str, int])
    types: Mapping[str, int] = field(default_factory=dict[str, int])
    advice: Mapping[str, int] = field(default_factory=dict[str, int])
    named: Mapping[str, int] = field(default_factory=dict[str, int])
    totals: Numbers = field(default_factory=Numbers)
    sent: int | None = None
    is_complete: bool = False
    hours: Mapping[str, Numbers] = field(default_factory=dict[str, Numbers])
    no_hour: int = 0
    domains: Mapping[str, Numbers] = field(default_factory=dict[str, Numbers])
    other_domains: Numbers = field(default_factory=Numbers)
    providers: Mapping[str, Numbers] = field(default_factory=dict[str, Numbers])
    reasons: tuple[ReasonCount, ...] = ()
    at: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])
    outside: int = 0
    undated: int = 0
    news: ListNews | None = None

    @property
    def reports(self) -> int:
        """The number of reports that counted."""
        return sum(self.kinds.values())

    @property
    def rate(self) -> GroupRate:
        """The rates of all mail, with their decision; no rates if nothing says how much was sent."""
        return _rate(None, self.totals, self.sent)

    def rate_at(self, provider: str) -> GroupRate:
        """Return the rates of a provider; raise KeyError if nothing came from it."""
        numbers = self.providers[provider]
        return _rate(provider, numbers, numbers.finished if self.is_complete else None)

    def to_dict(self) -> dict[str, object]:
        """Return the summary as JSON values."""
        return {
            "summary": SCHEMA,
            "begin": _text(self.span.begin),
            "end": _text(self.span.end),
            "zone": self.zone,
            "first": _text(self.first),
            "last": _text(self.last),
            "lines": self.lines,
            "kinds": dict(self.kinds),
            "types": dict(self.types),
            "advice": dict(self.advice),
            "named": dict(self.named),
            "totals": self.totals.to_dict(),
            "sent": self.sent,
            "is_complete": self.is_complete,
            "rate": self.rate.to_dict(),
            "hours": _records(self.hours),
            "no_hour": self.no_hour,
            "domains": _records(self.domains),
            "other_domains": self.other_domains.to_dict(),
            "providers": _records(self.providers),
            "reasons": [row.to_dict() for row in self.reasons],
            "at": {provider: dict(reasons) for provider, reasons in self.at.items()},
            "outside": self.outside,
            "undated": self.undated,
            "list": None if self.news is None else self.news.to_dict(),
        }

    @classmethod
    def from_dict(cls, record: object) -> Summary:
        """Return the summary of a record that :meth:`to_dict` made; unknown keys are ignored.

        :raises ValueError: when it is none, or of a later version.
        """
        try:
            return _summary(cast("Mapping[str, Any]", record))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a summary: {error}") from None


def _rate(name: str | None, numbers: Numbers, sent: int | None) -> GroupRate:
    counts = {name: getattr(numbers, name) for name in ("hard", "soft", "undetermined", "complaints")}
    return group_rate(name, sent, **counts)


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _records(groups: Mapping[str, Numbers]) -> dict[str, dict[str, int]]:
    return {name: numbers.to_dict() for name, numbers in groups.items()}


def _groups(records: Mapping[str, Mapping[str, int]]) -> dict[str, Numbers]:
    return {name: Numbers.from_dict(_counts(numbers)) for name, numbers in records.items()}


def _counts(record: Mapping[str, object]) -> dict[str, int]:
    return {str(name): _number(value) for name, value in record.items()}


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{value!r:.40} is not a number")
    return value


def _maybe(read: Callable[[Any], _Value], value: object) -> _Value | None:
    return None if value is None else read(value)


def _news(record: Mapping[str, Any]) -> ListNews:
    return ListNews(
        suppressed=_number(record["suppressed"]),
        added=_counts(record["added"]),
        lifted=_number(record["lifted"]),
        held=_number(record["held"]),
        on_hold=tuple(map(str, record["on_hold"])),
        warnings=tuple(map(str, record["warnings"])),
    )


def _reason(record: Mapping[str, Any]) -> ReasonCount:
    reason, bounce_type, advice, reply = (str(record[name]) for name in ("reason", "bounce_type", "advice", "reply"))
    return ReasonCount(reason, bounce_type, advice, _number(record["count"]), reply, _number(record["replies"]))


def _summary(record: Mapping[str, Any]) -> Summary:
    version = _number(record["summary"])
    if version > SCHEMA:
        raise ValueError(f"a summary of version {version}, which a later release wrote; this one reads {SCHEMA}")
    return Summary(
        span=Span(_time(record["begin"]), _time(record["end"])),
        zone=str(record["zone"]),
        first=_time(record["first"]),
        last=_time(record["last"]),
        lines=_number(record["lines"]),
        kinds=_counts(record["kinds"]),
        types=_counts(record["types"]),
        advice=_counts(record["advice"]),
        named=_counts(record["named"]),
        totals=Numbers.from_dict(_counts(record["totals"])),
        sent=_maybe(_number, record["sent"]),
        is_complete=bool(record["is_complete"]),
        hours=_groups(record["hours"]),
        no_hour=_number(record["no_hour"]),
        domains=_groups(record["domains"]),
        other_domains=Numbers.from_dict(_counts(record["other_domains"])),
        providers=_groups(record["providers"]),
        reasons=tuple(map(_reason, record["reasons"])),
        at={str(provider): _counts(reasons) for provider, reasons in record["at"].items()},
        outside=_number(record["outside"]),
        undated=_number(record["undated"]),
        news=_maybe(_news, record["list"]),
    )
