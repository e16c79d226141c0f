"""The page of `summary`: plain text of at most so many columns, for a mail or a terminal.

Numbers stand in front, since they are what one looks for; what they count follows. Names are never folded: a long one
loses its middle. Nothing here is anybody's address: replies come masked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from undeliverable.cli._daily_chart import chart
from undeliverable.cli._daily_text import Look, columns, rows
from undeliverable.cli._words import counted

if TYPE_CHECKING:
    from undeliverable.rates import Share
    from undeliverable.summary import Change, Decided, Numbers, Summary

__all__ = ["Page", "Problems", "lines_of"]

_PROVIDERS: Final = 5
_DOMAINS: Final = 10
_REASONS: Final = 8
_CHANGES: Final = 8
_WIDE: Final = 60
_FLOWS: Final = ("delivered", "failed", "deferred", "complaints")
_UNKNOWN: Final = "nothing says how much was sent (--sent NUMBER, or --log for a log of deliveries)"
_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "auto_reply": "auto-replies", "challenge": "challenges", "disposition": "read receipts",
        "suppressed": "suppressed by a service", "unsubscribed": "unsubscribed", "other": "not reports",
    }
)  # fmt: skip
"""Reports that are in none of the other totals."""


class Problems(NamedTuple):
    """What was not counted.

    :ivar failed: files that could not be read.
    :ivar skipped: files that hold no mail.
    :ivar broken: lines among records that are none.
    :ivar unread: lines of a log that look like deliveries, and were not read.
    :ivar first: the first of these, with its place.
    """

    failed: int = 0
    skipped: int = 0
    broken: int = 0
    unread: int = 0
    first: str | None = None


class Page(NamedTuple):
    """What a page is made of.

    :ivar summary: the numbers.
    :ivar decided: the decision.
    :ivar places: the files, or whatever was read.
    :ivar problems: what was not counted.
    :ivar steps: what to do next: a sentence each, and the command, or an empty text.
    :ivar before: an earlier summary to compare with, None if there is none.
    :ivar changes: what changed since then.
    """

    summary: Summary
    decided: Decided
    places: Sequence[str] = ()
    problems: Problems = Problems()
    steps: Sequence[tuple[str, str]] = ()
    before: Summary | None = None
    changes: Sequence[Change] = ()


def lines_of(page: Page, look: Look) -> Iterator[str]:
    """Yield the lines of a page, none of them wider than the look allows."""
    summary = page.summary
    parts = (
        [*_head(page, look)],
        [*_totals(summary, look)] if summary.reports or not summary.news else [],
        [*_decision(page, look)],
        [*_changed(page, look)],
        chart(summary, look),
        [*_groups("Providers", summary.providers, None, _PROVIDERS, look)],
        [*_groups("Domains", summary.domains, summary.other_domains, _DOMAINS, look)],
        [*_reasons(summary, look)],
        [*_list(summary, look)],
        [*_steps(page.steps, look)],
        [*_left_out(page, look)],
    )
    for number, part in enumerate(filter(None, parts)):
        if number:
            yield ""
        yield from (line.rstrip() for line in part)


def _head(page: Page, look: Look) -> Iterator[str]:
    yield look.cut(f"Mail {_period(page.summary)}")
    places = look.shown(" ".join(page.places))
    lines = f"{counted(page.summary.lines, 'line')} of " if page.summary.lines else ""
    if places:
        yield look.cut(f"{lines}{places}")


def _period(summary: Summary) -> str:
    begin, end = summary.span.begin, summary.span.end
    zone = f"({summary.zone})"
    if begin is not None and end is not None and _is_day(begin, end):
        return f"of {begin:%A} {begin:%Y-%m-%d} {zone}"
    first, last = begin or summary.first, end or summary.last
    if first is None and last is None:
        return "without dates" if summary.reports else zone
    if first is None or last is None:  # nothing was found after it, or before it
        word, time = ("since", first) if last is None else ("until", last)
        return f"{word} {time:%Y-%m-%d %H:%M} {zone}"
    return f"from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} {zone}"


def _is_day(begin: datetime, end: datetime) -> bool:
    return begin.time() == end.time() == begin.time().min and end.date() - begin.date() == timedelta(days=1)


def _totals(summary: Summary, look: Look) -> Iterator[str]:
    totals, rate = summary.totals, summary.rate
    others = [f"{number:,} {name}" for kind, name in _NAMES.items() if (number := summary.kinds.get(kind))]
    types = [f"{number:,} {name}" for name in ("hard", "soft", "undetermined") if (number := getattr(totals, name))]
    table = [
        (summary.sent if not summary.is_complete else None, "sent", ""),
        (totals.delivered if totals.delivered or summary.is_complete else None, "delivered", ""),
        (totals.failed, "failed", _joined((_of(totals.failed, summary.sent), look.listed(types)))),
        (totals.deferred or None, "deferred", "attempts, tried again later"),
        (totals.complaints or None, "complaints", _percent(rate.complaint)),
        (sum(summary.kinds.get(kind, 0) for kind in _NAMES) or None, "others", look.listed(others)),
    ]
    shown = [(f"{number:,}", name, note) for number, name, note in table if number is not None]
    yield from rows(shown, look)


def _joined(parts: Iterable[str]) -> str:
    return "  ".join(filter(None, parts))


def _of(number: int, whole: int | None) -> str:
    return f"{number / whole:.2%}" if whole else ""


def _percent(share: Share | None) -> str:
    return "" if share is None else f"{share.rate:.2%}"


def _decision(page: Page, look: Look) -> Iterator[str]:
    decided = page.decided
    if decided.decision is None:
        nothing = "nothing was sent" if page.summary.sent == 0 else _UNKNOWN
        yield from look.wrapped(f"No rate: {nothing}")
        return
    first, *others = decided.why or ("no rate reaches a level",)
    yield from look.wrapped(f"{decided.decision.upper()}: {first}")
    for why in others:
        yield from look.wrapped(f"- {why}", indent="  ")


def _changed(page: Page, look: Look) -> Iterator[str]:
    if page.before is None:
        return
    now, before = page.summary.totals, page.before.totals
    yield look.cut(f"Since the summary {_period(page.before)}")
    flows = [(name, getattr(before, name), getattr(now, name)) for name in _FLOWS]
    shown = [(f"{was:,}", "->", f"{number:,}", name) for name, was, number in flows if was or number]
    if page.before.sent and page.summary.sent:
        rates = (_of(before.failed, page.before.sent), _of(now.failed, page.summary.sent))
        shown.append((rates[0], "->", rates[1], "failed of those sent"))
    listed = [
        (f"{one.before:,}", "->", f"{one.now:,}", f"{look.shown(one.name.replace(': ', ', '))}{_many(one)}")
        for one in page.changes
        if one.what != "total"
    ]
    yield from columns([*shown, *listed[:_CHANGES]], "><><", look)
    if not listed:
        yield look.cut("  no reason, provider or domain changed beyond chance")


def _many(change: Change) -> str:
    if not change.before:
        return "  (new)"
    return "  (gone)" if not change.now else "  (more)" if change.weight > 0 else "  (less)"


def _groups(title: str, groups: Mapping[str, Numbers], rest: Numbers | None, most: int, look: Look) -> Iterator[str]:
    """Yield the groups with the most failures; those without any are not worth a line."""
    failing = [
        (name, numbers) for name, numbers in groups.items() if numbers.failed or numbers.complaints or numbers.deferred
    ]
    if not failing:
        return
    shown = failing[:most]
    has = {name for name in _FLOWS if any(getattr(numbers, name) for _, numbers in shown)}
    names = [
        name for name in ("failed", "hard", "deferred", "complaints", "delivered") if name in has or name == "hard"
    ]
    if look.width < _WIDE:
        names = names[:1]
    table = [(*(f"{getattr(numbers, name):,}" for name in names), look.shown(name_)) for name_, numbers in shown]
    yield from columns([(*names, title), *table], ">" * len(names) + "<", look)
    more = len(failing) - len(shown)
    if more or (rest is not None and rest.failed):
        yield look.cut(f"  and {more:,} more" if more else "  and more")


def _reasons(summary: Summary, look: Look) -> Iterator[str]:
    if not summary.reasons:
        return
    yield look.cut("Reasons, and the reply seen most")
    shown = summary.reasons[:_REASONS]
    digits = max(len(f"{row.count:,}") for row in shown) + 2
    for row in shown:
        what = f"{row.bounce_type}, {row.advice}" if look.width >= _WIDE else row.bounce_type
        yield look.cut(f"{row.count:>{digits},} {row.reason}  ({what})")
        if row.reply:
            many = f"  [{row.replies:,}x]" if row.replies > 1 else ""
            yield from look.wrapped(f"{look.shown(row.reply)}{many}", indent=" " * (digits + 1), most=2)
    rest = sum(row.count for row in summary.reasons[_REASONS:])
    if rest:
        yield look.cut(f"{rest:>{digits},} with {counted(len(summary.reasons) - _REASONS, 'other reason')}")


def _list(summary: Summary, look: Look) -> Iterator[str]:
    news = summary.news
    if news is None:
        return
    yield "Suppression list"
    added = [f"{number:,} {cause}" for cause, number in sorted(news.added.items(), key=lambda item: -item[1])]
    table = [
        (news.suppressed, "suppressed", "addresses in all"),
        (sum(news.added.values()), "new", look.listed(added)),
        (news.lifted, "lifted", "by hand"),
        (news.held, "held", "their provider may err"),
    ]
    yield from rows(
        [(f"{number:,}", name, note) for number, name, note in table if number or name in {"suppressed", "new"}], look
    )
    for warning in news.warnings:
        yield from look.wrapped(f"- {look.shown(warning)}", indent="  ")


def _steps(steps: Sequence[tuple[str, str]], look: Look) -> Iterator[str]:
    if not steps:
        return
    yield "Next"
    for number, (what, command) in enumerate(steps, start=1):
        yield from look.wrapped(f"{number}. {what}", indent="  ", hang="   ")
        if command:
            yield from look.command(look.shown(command))


def _left_out(page: Page, look: Look) -> Iterator[str]:
    summary, problems = page.summary, page.problems
    is_open = summary.span.is_open
    notes = (
        (summary.outside, f"{counted(summary.outside, 'report')} of another time"),
        (0 if is_open else summary.undated, f"{counted(summary.undated, 'report')} without a date"),
        (problems.skipped, f"{counted(problems.skipped, 'file')} without mail (-v names them)"),
        (problems.broken, f"{counted(problems.broken, 'line')} that could not be read"),
        (problems.failed, f"{counted(problems.failed, 'file')} that failed"),
    )
    said = [note for number, note in notes if number]
    if said:
        yield from look.wrapped(f"Not counted: {'; '.join(said)}")
    if problems.unread:
        looks = counted(problems.unread, "line looks like a delivery", "lines look like deliveries")
        yield from look.wrapped(f"{looks} but could not be read, so the numbers are too small; the first:")
        yield from look.wrapped(look.shown(problems.first or ""), indent="  ", most=3)
