"""The sections with tables: over time, requirements, reasons, groups, replies, and where the numbers come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from undeliverable import BounceType, Kind
from undeliverable.rates import By, GroupRate, Levels
from undeliverable.report._axis import Axis, by_provider
from undeliverable.report._chart import bins_of
from undeliverable.report._collect import Refused
from undeliverable.report._html import (
    Cell,
    Column,
    badge,
    bar,
    code,
    count,
    linked,
    number,
    rate,
    section,
    some,
    spark,
    table,
    text,
)
from undeliverable.report._requirements import requirements
from undeliverable.report._view import View, group_name, provider_cell

__all__ = ["counting", "groups", "over_time", "reasons", "refusals", "replies"]

_ROWS: Final = 300  # per table; a line below the table counts the rows left out
_TRENDS: Final = 40  # providers with a small chart

_NAMES: Final = {
    By.CAMPAIGN: "Campaigns",
    By.SOURCE: "Sources",
    By.SEGMENT: "Segments",
    By.PROVIDER: "Mailbox providers",
    By.DOMAIN: "Domains",
}
_FOLDED: Final = frozenset((By.SEGMENT, By.DOMAIN))


def _cut(rows: Sequence[Sequence[Cell]], what: str) -> tuple[Sequence[Sequence[Cell]], str]:
    """Return the rows that are shown, and a line that counts the others."""
    left = len(rows) - _ROWS
    return rows[:_ROWS], f'<p class="more">{number(left)} more {what} are left out.</p>' if left > 0 else ""


def over_time(view: View) -> str:
    """Return the charts, and the same in numbers; empty without dates."""
    axis = view.axis
    if axis is None:
        return ""
    unit = axis.unit
    failed = view.total.failed
    left = [
        f"{number(some_)} {words}"
        for some_, words in (
            (axis.earlier, "dated earlier"),
            (axis.later, "dated later"),
            (axis.undated, "without a date"),
        )
        if some_
    ]
    aside = f'<p class="more">Not in the chart: {", ".join(left)}.</p>' if left else ""
    body = (
        f'<figure id="failures"><figcaption>{some(failed, "recipient")} failed, by {unit} (UTC)</figcaption>'
        f'<div class="chart" role="img" aria-label="Failed recipients by {unit}; the table below says the same in numbers"></div>'
        f'</figure><figure id="rates" hidden><figcaption>Hard bounces per message sent, with the 95 % interval and the levels'
        '</figcaption><div class="chart" role="img" aria-label="Rate of hard bounces; the table below says the same in numbers">'
        f"</div></figure>{aside}"
        f'<details class="inner"><summary>The same in numbers</summary>{_bins(view, axis)}</details>'
    )
    return section("time", "Over time", body)


def _bins(view: View, axis: Axis) -> str:
    bins = bins_of(view.summary, axis)
    columns = (
        Column(axis.unit.capitalize(), "wide"), Column("Sent", "number"), Column("Hard", "number"), Column("Soft", "number"),
        Column("Undet.", "number", "undetermined"), Column("Complaints", "number"), Column("Hard rate", "number"),
    )  # fmt: skip
    hard, soft, undetermined = (bins.failures[kind] for kind in ("hard", "soft", "undetermined"))
    most = max(hard, default=0)
    rows = [
        (
            text(label),
            count(sent),
            bar(hard[place], most, "hard"),
            count(soft[place]),
            count(undetermined[place]),
            count(bins.complaints[place]),
            rate(share, view.summary.levels.bounce),
        )
        for place, (label, sent, share) in enumerate(zip(bins.labels, bins.sent, bins.rates, strict=True))
        if sent or hard[place] or soft[place] or undetermined[place] or bins.complaints[place]
    ]
    return table("by-time", f"Failures by {axis.unit}", columns, rows)


def refusals(view: View) -> str:
    """Return the refusals by requirement; empty without any."""
    found = view.summary.refusals
    if not found:
        return ""
    columns = (
        Column("Requirement"), Column("Refused", "number", "recipients"), Column("Failed", "number", "the others had to wait"),
        Column("Provider"), Column("Sender’s domain", "wide"), Column("What to do", "wide"),
    )  # fmt: skip
    most = found[0].whole
    rows = [_refused(refused, most) for refused in found]
    shown, more = _cut(rows, "rows")
    body = table("requirements", "Refusals by sender requirement", columns, shown)
    whole = some(sum(refused.whole for refused in found), "recipient")
    return section("requirements", "Sender requirements", f"{body}{more}", note=whole)


def _refused(refused: Refused, most: int) -> Sequence[Cell]:
    refusal = refused.refusal
    known = requirements()[refusal.requirement]
    find = [refusal.requirement, *([refusal.provider] if refusal.provider else ())]
    return (
        linked(Cell(text(known.title).html, known.title), refusal.page, "what the provider says of it"),
        bar(refused.whole, most, "soft", find if refused.failed else ()),
        count(refused.failed),
        provider_cell(refusal.provider, none="others"),
        text(refusal.sender),
        text(known.fix),
    )


def reasons(view: View) -> str:
    """Return the failures by reason; empty without any."""
    found = view.summary.reasons
    if not found:
        return ""
    columns = (
        Column("Reason"), Column("Recipients", "number"), Column("Bounce type"), Column("Whose fault"), Column("Meaning", "wide"),
    )  # fmt: skip
    most = max(found.values())
    page = view.page("reference/reasons.html")
    rows = [
        (
            linked(code(str(reason)), None if page is None else f"{page}#{reason.fault}", "what it means"),
            bar(number_, most, str(kind), (str(reason), str(kind))),
            badge(str(kind)),
            text(reason.fault),
            text(reason.meaning),
        )
        for (reason, kind), number_ in found.items()
    ]
    return section("reasons", "Reasons", table("reasons", "Failed recipients by reason", columns, rows))


def groups(view: View, by: By) -> str:
    """Return the numbers of each group of a grouping; empty where nothing is grouped."""
    summary = view.summary
    rows_ = [row for row in summary.rates[by].groups if row.group is not None or row.failed or row.complaints]
    if not any(row.group for row in rows_):
        return ""
    known = any(row.sent is not None for row in rows_)
    columns = [Column(by.value.capitalize(), "wide"), Column("Hard", "number"), Column("Soft", "number"),
               Column("Undet.", "number", "undetermined"), Column("Complaints", "number")]  # fmt: skip
    if known:
        columns[1:1] = [Column("Decision"), Column("Sent", "number")]
        columns += [Column("Hard rate", "number", "hard bounces per message sent, with its 95 % interval"),
                    Column("Complaint rate", "number", "complaints per message sent, with its 95 % interval")]  # fmt: skip
    trends = _trends(view, by)
    if trends:
        columns.append(Column("Over time", "wide", "failed recipients"))
    most = max((row.hard for row in rows_), default=0)
    rows = [
        (
            *_group_row(by, row, most, summary.levels, known=known),
            *([trends.get(row.group, text(None))] if trends else ()),
        )
        for row in rows_
    ]
    shown, more = _cut(rows, "groups")
    body = table(f"by-{by}", f"Failures by {by}", columns, shown)
    return section(str(by), _NAMES[by], f"{body}{more}", folded=by in _FOLDED, note=number(len(rows)))


def _group_row(by: By, row: GroupRate, most: int, levels: Levels, *, known: bool) -> Sequence[Cell]:
    none = group_name(by, row)
    named = provider_cell(row.group, none) if by is By.PROVIDER else text(row.group, none=none)
    find = ("hard", row.group) if by is By.PROVIDER and row.group else ()
    counts = (bar(row.hard, most, "hard", find), count(row.soft), count(row.undetermined), count(row.complaints))
    if not known:
        return (named, *counts)
    ends = (rate(row.bounce, levels.bounce), rate(row.complaint, levels.complaint))
    return (named, badge(row.decision), count(row.sent), *counts, *ends)


def _trends(view: View, by: By) -> dict[str | None, Cell]:
    """Return a small chart for each of the largest providers, if there is time to show."""
    axis = view.axis
    if by is not By.PROVIDER or axis is None or len(axis) < 2:  # one bin is no trend
        return {}
    found = by_provider(view.summary)
    ranked = sorted(found, key=lambda name: -sum(found[name].values()))[:_TRENDS]
    return {name: spark(_merged(axis.counts(found[name]))) for name in ranked}


_SPARKS: Final = 60  # bars of a small chart


def _merged(values: Sequence[int]) -> list[int]:
    """Return at most so many sums of neighbours."""
    size = -(-len(values) // _SPARKS)
    return [sum(values[place : place + size]) for place in range(0, len(values), size)]


def replies(view: View) -> str:
    """Return the replies that failed most, each with the rule that judged it; empty without any."""
    found = view.summary.replies
    if not found:
        return ""
    columns = (
        Column("Reply", "wide", "addresses and ids blanked out"), Column("Recipients", "number"), Column("Bounce type"),
        Column("Provider"), Column("Reason"), Column("Rule", hint="undeliverable rules show RULE"),
    )  # fmt: skip
    most = max(number_ for _, number_ in found)
    rows = [
        (
            _reply(row.reply, row.requirement),
            bar(number_, most, str(row.bounce_type)),
            badge(row.bounce_type),
            provider_cell(row.provider),
            code(row.reason),
            code(row.rule),
        )
        for row, number_ in found
    ]
    shown, more = _cut(rows, "replies")
    body = table("replies", "The replies that failed most, and the rule that judged them", columns, shown)
    return section("replies", "Replies", f"{body}{more}", note=number(len(rows)))


def _reply(reply: str, requirement: str | None) -> Cell:
    keys = () if requirement is None else (requirement,)
    if not reply:
        return Cell(text(None, none="no words").html, "", keys)
    return Cell(f"<code>{text(reply).html}</code>", reply, keys)


def counting(view: View) -> str:
    """Return how the numbers of the page follow from those that `undeliverable classify` counts."""
    columns = (
        Column("What", "wide"),
        *(Column(kind.value.capitalize(), "number") for kind in BounceType),
        Column("All", "number"),
    )
    rows = [_counted(words, numbers) for words, numbers in _steps(view)]
    body = (
        f"{table('counting', 'From verdicts to recipients', columns, rows)}"
        "<p>A recipient counts once per message or campaign, with its worst result; <code>undeliverable classify</code> counts every "
        "verdict. The cards above count addresses, each once.</p>"
    )
    return section("counting", "Where the numbers come from", body, folded=True)


def _counted(words: str, numbers: Sequence[int]) -> Sequence[Cell]:
    cells = [Cell(f"−{number(-value)}" if value < 0 else number(value), value) for value in (*numbers, sum(numbers))]
    return text(words), *cells


def _steps(view: View) -> Iterator[tuple[str, list[int]]]:
    verdicts = view.summary.verdicts
    yield "verdicts with a bounce type", [_number(view, kind) for kind in BounceType]
    others = sorted((item for item in verdicts.items() if not item[0][2]), key=lambda item: item[0])
    for kind, same in groupby(others, key=lambda item: item[0][0]):
        found = {bounce: -value for (_, bounce, _), value in same}
        yield _WHY.get(kind, f"in reports of the kind {kind}"), [found.get(bounce, 0) for bounce in BounceType]
    failed = [
        sum(value for (_, one, is_failure), value in verdicts.items() if is_failure and one is kind)
        for kind in BounceType
    ]
    total = view.total
    counted = [total.hard, total.soft, total.undetermined]
    repeated = [after - before for before, after in zip(failed, counted, strict=True)]
    if any(repeated):
        yield "reported more than once", repeated
    yield "recipients that failed, on this page", counted


_WHY: Final = {
    Kind.DELAY: "delays: not failed yet",
    Kind.BOUNCE: "in bounces, but not failed: delayed or delivered",
    Kind.COMPLAINT: "complaints, which are counted by themselves",
}


def _number(view: View, kind: BounceType) -> int:
    return sum(value for (_, one, _), value in view.summary.verdicts.items() if one is kind)
