"""The comparison with an earlier report: rates with their intervals, since two campaigns never give the same numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from math import sqrt
from typing import Final

from undeliverable.rates import Share
from undeliverable.report._html import Cell, Column, count, number, percent, section, table, text
from undeliverable.report._snapshot import Counts, Snapshot
from undeliverable.report._view import View, provider_cell

__all__ = ["comparison"]

_SHOWN: Final = 40  # providers, those with the most failures in both reports
_Z95: Final = 1.96  # one comparison of twenty is taken for a change by mistake
_SAME: Final = '<span class="none">=</span>'


def comparison(view: View) -> str:
    """Return the section that compares with the report before; empty without one."""
    before = view.before
    if before is None:
        return ""
    now = Snapshot.of(view.summary, view.title)
    columns = (
        Column("What"), Column("Before", "number"), Column("Now", "number"), Column("Change", "number"), Column("Chance", "wide"),
    )  # fmt: skip
    parts = [table("before", f"Compared with {before.title}", columns, _totals(before.total, now.total))]
    if providers := list(_providers(before.providers, now.providers)):
        known = any(counts.sent for one in (before, now) for counts in one.providers.values())
        heads, rows = (_GROUPS, providers) if known else (_GROUPS[:_PLAIN], [row[:_PLAIN] for row in providers])
        parts.append(f"<h3>By provider</h3>{table('before-provider', 'Failures by provider, compared', heads, rows)}")
    if reasons := list(_reasons(before, now)):
        heads = (Column("Reason"), *columns[1:4])
        body = table("before-reason", "Failures by reason, compared", heads, reasons)
        parts.append(f'<details class="inner"><summary>By reason</summary>{body}</details>')
    return section("compared", f"Compared with “{before.title}”", "".join(parts))


_PLAIN: Final = 4  # columns that need no rates
_GROUPS: Final = (
    Column("Provider"), Column("Failed before", "number"), Column("Failed now", "number"), Column("Change", "number"),
    Column("Hard rate before", "number"), Column("Hard rate now", "number"), Column("Chance", "wide"),
)  # fmt: skip


def _totals(before: Counts, now: Counts) -> Iterator[Sequence[Cell]]:
    for name, title in (
        ("sent", "sent"), ("hard", "hard bounces"), ("soft", "soft bounces"), ("undetermined", "undetermined"),
        ("complaints", "complaints"),
    ):  # fmt: skip
        one, other = getattr(before, name), getattr(now, name)
        yield text(title), count(one), count(other), _change(one, other), text("")
    for title, old, new in (
        ("hard rate", before.bounce, now.bounce), ("complaint rate", before.complaint, now.complaint),
    ):  # fmt: skip
        yield text(title), _rate(old), _rate(new), _points(old, new), Cell(_chance(old, new), "")


def _providers(before: Mapping[str, Counts], now: Mapping[str, Counts]) -> Iterator[Sequence[Cell]]:
    nothing = Counts()
    pairs = {name: (before.get(name, nothing), now.get(name, nothing)) for name in (*now, *before)}
    ranked = sorted(pairs, key=lambda name: (-pairs[name][0].failed - pairs[name][1].failed, name))
    for name in ranked[:_SHOWN]:
        old, new = pairs[name]
        rates = _rate(old.bounce), _rate(new.bounce)
        chance = Cell(_chance(old.bounce, new.bounce), "")
        yield provider_cell(name), count(old.failed), count(new.failed), _change(old.failed, new.failed), *rates, chance


def _reasons(before: Snapshot, now: Snapshot) -> Iterator[Sequence[Cell]]:
    pairs = {name: (before.reasons.get(name, 0), now.reasons.get(name, 0)) for name in (*now.reasons, *before.reasons)}
    for name in sorted(pairs, key=lambda name: (-max(pairs[name]), name)):
        old, new = pairs[name]
        yield text(name), count(old), count(new), _change(old, new)


def _rate(share: Share | None) -> Cell:
    if share is None:
        return count(None)
    ends = f"{share.low * 100:.2f} – {share.high * 100:.2f}"
    return Cell(f"{percent(share.rate)} <small>{ends}</small>", share.rate)


def _change(before: int | None, now: int | None) -> Cell:
    if before is None or now is None:
        return Cell('<span class="none">–</span>', 0)
    if before == now:
        return Cell(_SAME, 0)
    sign = "+" if now > before else "−"
    share = f" <small>{sign}{abs(now - before) / before * 100:.0f} %</small>" if before else " <small>new</small>"
    return Cell(f"{sign}{number(abs(now - before))}{share}", now - before)


def _points(before: Share | None, now: Share | None) -> Cell:
    if before is None or now is None:
        return Cell('<span class="none">–</span>', 0)
    points = (now.rate - before.rate) * 100
    return Cell(escape(f"{'+' if points >= 0 else '−'}{abs(points):.2f} points"), points)


def _chance(before: Share | None, now: Share | None) -> str:
    """Return whether chance may explain the difference of two rates, by the usual test of two proportions."""
    if before is None or now is None:
        return ""
    pooled = (before.count + now.count) / (before.whole + now.whole)
    error = sqrt(max(pooled * (1 - pooled), 0.0) * (1 / before.whole + 1 / now.whole))
    if abs(now.rate - before.rate) <= _Z95 * error:
        return '<span class="none">chance may explain it</span>'
    word, kind = ("higher", "pause") if now.rate > before.rate else ("lower", "ok")
    return f'<span class="badge {kind}">{word}, and not by chance</span>'
