"""The page: one HTML file that loads nothing from elsewhere."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from functools import cache
from hashlib import sha256
from html import escape
from typing import Final

from undeliverable import __version__
from undeliverable.data import read
from undeliverable.rates import By, Decision, GroupRate, Levels, Share
from undeliverable.report._chart import chart_data, period
from undeliverable.report._collect import Summary
from undeliverable.report._html import Cell, Column, badge, bar, count, number, percent, rate, table, text

__all__ = ["render"]

_ROWS: Final = 300  # per table; a line below the table counts the rows left out

_DECIDED: Final = {
    Decision.OK: "No objection to sending on.",
    Decision.WATCH: "Look into {} before the next send.",
    Decision.PAUSE: "Stop sending to {}, and find out where these addresses come from.",
    None: "There is no rate: the number of messages sent is not known.",
}
_NAMES: Final = {
    By.CAMPAIGN: "Campaigns",
    By.SOURCE: "Sources",
    By.SEGMENT: "Segments",
    By.PROVIDER: "Mailbox providers",
    By.DOMAIN: "Domains",
    By.DAY: "Days",
}


def render(summary: Summary, *, made: datetime, title: str = "What came back") -> str:
    """Return the page of a summary, as HTML.

    :param made: the time of creation; shown on the page, and later dates in reports are ignored.
    :param title: the heading, and the title of the window.
    """
    today = (made.replace(tzinfo=UTC) if made.tzinfo is None else made.astimezone(UTC)).date()
    style = _asset("uPlot.min.css") + _asset("page.css")
    script = _asset("uPlot.iife.min.js") + "\n" + _asset("page.js")
    # Only our own script may run, even if foreign text contained one; inline styles are needed by uPlot.
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {_digest(script)}"
    body = "".join(_body(summary, title, made, today))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark">\n<meta name="generator" content="undeliverable {__version__}">\n'
        f'<link rel="icon" href="data:,">\n<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n{body}\n'
        f'<script type="application/json" id="data">{chart_data(summary, today)}</script>\n<script>{script}</script>\n'
        "</body>\n</html>\n"
    )


def _body(summary: Summary, title: str, made: datetime, today: date) -> Iterator[str]:
    total = summary.rates[By.DAY].total
    yield _header(summary, title, made, today)
    yield "<main>"
    yield _decision(summary, total)
    yield _tiles(summary, total)
    yield _charts(total, dated=period(summary, today) is not None)
    yield _reasons(summary)
    for by in (By.CAMPAIGN, By.SOURCE, By.SEGMENT, By.PROVIDER):
        yield _groups(summary, by)
    yield _replies(summary)
    for by in (By.DOMAIN, By.DAY):
        yield _groups(summary, by)
    yield _notes(summary.levels)
    yield "</main>"


def _header(summary: Summary, title: str, made: datetime, today: date) -> str:
    shown = period(summary, today)
    days = "no dates" if shown is None else _span(*shown)
    reports = sum(summary.reports.values())
    return (
        f'<header><div><h1>{escape(title)}</h1><p class="sub">{days} · {_some(reports, "report")} · made '
        f'<time datetime="{made.isoformat()}">{made:%d %B %Y, %H:%M}</time></p></div>'
        '<button type="button" id="theme" title="Light, dark, or as the system">Theme</button></header>'
    )


def _span(first: date, last: date) -> str:
    if first == last:
        return f"{first.day} {first:%B %Y}"
    begin = f"{first.day} {first:%B %Y}" if first.year != last.year else f"{first.day} {first:%B}"
    same = (first.year, first.month) == (last.year, last.month)
    return f"{first.day if same else begin} – {last.day} {last:%B %Y}"


def _decision(summary: Summary, total: GroupRate) -> str:
    groups = [(by, row) for by in (By.SOURCE, By.CAMPAIGN) for row in summary.rates[by].groups]
    decisions = [row.decision for row in (total, *(row for _, row in groups)) if row.decision is not None]
    worst = max(decisions, key=list(Decision).index, default=None)
    troubled = worst in (Decision.WATCH, Decision.PAUSE)
    names = [_group_name(by, row) for by, row in groups if troubled and row.decision is worst]
    why = [
        f"{percent(share.rate)} {what}: {level.meaning}"
        for share, level, what in (
            (total.bounce, total.bounce_level, "hard bounces"),
            (total.complaint, total.complaint_level, "complaints"),
        )
        if share is not None and level is not None
    ]
    shown = f"<b>{escape(', '.join(names[:5]))}</b>{' and others' if len(names) > 5 else ''}" if names else "all groups"
    return (
        f'<section class="decision {worst or "unknown"}" role="status"><strong>{worst or "no rate"}</strong>'
        f"<p>{_DECIDED[worst].format(shown)} {escape('; '.join(why))}</p></section>"
    )


def _tiles(summary: Summary, total: GroupRate) -> str:
    bounce, complaint = total.bounce, total.complaint
    tiles = [
        ("sent", "–" if total.sent is None else number(total.sent), "messages" if total.sent else "give --sent for rates"),
        ("hard bounces", number(total.hard), _of(bounce)),
        ("soft bounces", number(total.soft), _part(total.soft, total.failed)),
        ("undetermined", number(total.undetermined), _part(total.undetermined, total.failed)),
        ("complaints", number(total.complaints), _of(complaint)),
        ("delay warnings", number(summary.reports.get("delay", 0)), "not failed yet"),
    ]  # fmt: skip
    return (
        '<section class="tiles" aria-label="In numbers">'
        + "".join(
            f'<div class="tile {name.split()[0]}"><span>{name}</span><b>{value}</b><small>{sub}</small></div>'
            for name, value, sub in tiles
        )
        + "</section>"
    )


def _of(share: Share | None) -> str:
    if share is None:
        return "no rate"
    return f"{percent(share.rate)} of sent <i>({share.low * 100:.2f} – {share.high * 100:.2f})</i>"


def _part(some: int, whole: int) -> str:
    return f"{percent(some / whole)} of failures" if whole else "no failures"


def _charts(total: GroupRate, *, dated: bool) -> str:
    if not dated:
        return ""
    second = (
        '<figure id="rates" hidden><figcaption>Hard bounces per message sent, with the 95 % interval and the levels'
        '</figcaption><div class="chart"></div></figure>'
    )
    return (
        f'<section><h2>Over time</h2><figure id="failures"><figcaption>{number(total.failed)} failed recipients by day'
        f' (UTC)</figcaption><div class="chart" role="img" aria-label="Failed recipients by day; the table of days below '
        f'says the same in numbers"></div></figure>{second}</section>'
    )


def _reasons(summary: Summary) -> str:
    columns = (
        Column("Reason"), Column("Recipients", "number"), Column("Bounce type"), Column("Whose fault"), Column("Meaning", "wide"),
    )  # fmt: skip
    most = max(summary.reasons.values(), default=0)
    rows = [
        (
            text(reason),
            bar(found, most, str(kind)),
            badge(str(kind)),
            text(reason.fault),
            text(reason.meaning),
        )
        for (reason, kind), found in summary.reasons.items()
    ]
    return _section("Reasons", "reasons", "Failed recipients by reason", columns, rows)


def _groups(summary: Summary, by: By) -> str:
    rates = summary.rates[by]
    groups = [row for row in rates.groups if row.group is not None or row.failed or row.complaints]
    if not any(row.group for row in groups):
        return ""
    known = any(row.sent is not None for row in groups)
    columns = [Column(by.value.capitalize(), "wide"), Column("Hard", "number"), Column("Soft", "number"),
               Column("Undet.", "number", "undetermined"), Column("Complaints", "number")]  # fmt: skip
    if known:
        columns[1:1] = [Column("Decision"), Column("Sent", "number")]
        columns += [Column("Hard rate", "number", "hard bounces per message sent, with its 95 % interval"),
                    Column("Complaint rate", "number", "complaints per message sent, with its 95 % interval")]  # fmt: skip
    most = max((row.hard for row in groups), default=0)
    rows = [_group_row(by, row, most, summary.levels, known=known) for row in groups]
    return _section(_NAMES[by], f"by-{by}", f"Failures by {by}", columns, rows)


def _group_row(by: By, row: GroupRate, most: int, levels: Levels, *, known: bool) -> Sequence[Cell]:
    named = text(row.group, none=_group_name(by, row))
    counts = (bar(row.hard, most, "hard"), count(row.soft), count(row.undetermined), count(row.complaints))
    if not known:
        return (named, *counts)
    ends = (rate(row.bounce, levels.bounce), rate(row.complaint, levels.complaint))
    return (named, badge(row.decision), count(row.sent), *counts, *ends)


def _group_name(by: By, row: GroupRate) -> str:
    if row.group is not None:
        return row.group
    return {By.DAY: "no date", By.PROVIDER: "others", By.DOMAIN: "no recipient named"}.get(by, "not tagged")


def _replies(summary: Summary) -> str:
    columns = (
        Column("Reply", "wide", "addresses and ids blanked out"), Column("Recipients", "number"), Column("Bounce type"),
        Column("Provider"), Column("Reason"), Column("Rule", hint="undeliverable rules show RULE"),
    )  # fmt: skip
    most = max((found for _, found in summary.replies), default=0)
    rows = [
        (
            Cell(f"<code>{escape(row.reply)}</code>", row.reply) if row.reply else text(None, none="no words"),
            bar(found, most, str(row.bounce_type)),
            badge(row.bounce_type),
            text(row.provider),
            _word(row.reason, "span"),
            _word(row.rule, "code"),
        )
        for row, found in summary.replies
    ]
    return _section("Replies", "replies", "The replies that failed most, and the rule that judged them", columns, rows)


def _word(value: str | None, tag: str) -> Cell:
    """Return a cell with a rule id or reason that may break at dots and underscores."""
    if value is None:
        return text(None)
    return Cell(f"<{tag}>{escape(value).replace('.', '.<wbr>').replace('_', '_<wbr>')}</{tag}>", value)


def _section(title: str, name: str, caption: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> str:
    if not rows:
        return ""
    left = len(rows) - _ROWS
    more = f'<p class="more">{number(left)} more are left out.</p>' if left > 0 else ""
    return f"<section><h2>{title}</h2>{table(name, caption, columns, rows[:_ROWS])}{more}</section>"


def _notes(levels: Levels) -> str:
    columns = (
        Column("Rate"),
        Column("From", "number"),
        Column("Decision"),
        Column("Meaning", "wide"),
        Column("Stated by", "wide"),
    )
    rows = [
        (text(what), Cell(percent(level.rate), level.rate), badge(level.decision), text(level.meaning), text(level.stated_by))
        for what, own in (("hard bounces", levels.bounce), ("complaints", levels.complaint))
        for level in own
    ]  # fmt: skip
    return (
        f"<section><h2>How to read this</h2>{table('levels', 'Levels at which a rate is too high', columns, rows)}"
        "<p>A recipient counts once per message or campaign, with its worst result. Rates are hard bounces, or complaints, "
        "per message sent, followed by the 95 % confidence interval (Wilson). "
        f"A group is paused only from {number(levels.minimum)} messages on, and only if chance alone does not explain the "
        "rate: the lower end of the interval is above the lowest level. With fewer messages, the lower end is compared "
        "instead of the rate.</p>"
        "<p>This page holds no recipient's address and loads nothing.</p>"
        f"<details><summary>Licence of the charts</summary><pre>uPlot, https://github.com/leeoniya/uPlot\n\n"
        f"{escape(_asset('uPlot.LICENSE'))}</pre></details></section>"
    )


def _some(value: int, noun: str) -> str:
    return f"{number(value)} {noun}{'' if value == 1 else 's'}"


@cache
def _asset(name: str) -> str:
    return read(f"report/{name}").strip()


def _digest(source: str) -> str:
    return f"'sha256-{b64encode(sha256(source.encode()).digest()).decode('ascii')}'"
