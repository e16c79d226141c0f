"""The page: one HTML file that loads nothing from elsewhere.

What to do stands first, then what happened, then what it is made of. Sections fold and long tables have pages, so that
2,000 verdicts fill a few screens; without a script all rows are there.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from html import escape
from typing import Final

from undeliverable import __version__
from undeliverable.data import read
from undeliverable.rates import By, Decision, Levels, Share
from undeliverable.report._actions import actions
from undeliverable.report._axis import axis_of, span_text
from undeliverable.report._chart import chart_data, script_json
from undeliverable.report._collect import Summary
from undeliverable.report._compare import comparison
from undeliverable.report._html import Cell, Column, badge, number, percent, section, some, table, text
from undeliverable.report._sections import counting, groups, over_time, reasons, refusals, replies
from undeliverable.report._snapshot import NUMBERS, Snapshot
from undeliverable.report._view import View, group_name

__all__ = ["decision_of", "render"]

_DECIDING: Final = (By.SOURCE, By.CAMPAIGN)  # the groups that a sender can stop

_DECIDED: Final = {
    Decision.OK: "No objection to sending on.",
    Decision.WATCH: "Look into {} before the next send.",
    Decision.PAUSE: "Stop sending to {}, and find out where these addresses come from.",
    None: "There is no rate: the number of messages sent is not known.",
}
_ANCHORS: Final = (
    ("todo", "What to do"), ("compared", "Compared"), ("time", "Over time"), ("requirements", "Requirements"), ("reasons", "Reasons"),
    ("campaign", "Campaigns"), ("source", "Sources"), ("segment", "Segments"), ("provider", "Providers"), ("replies", "Replies"),
    ("domain", "Domains"), ("counting", "Numbers"), ("notes", "Notes"),
)  # fmt: skip


def render(
    summary: Summary,
    *,
    made: datetime,
    title: str = "What came back",
    before: Snapshot | None = None,
    inputs: str = "PATH",
    with_addresses: bool = False,
    docs: str | None = None,
) -> str:
    """Return the page of a summary, as HTML.

    :param made: the time of creation; shown on the page, and later dates in reports are ignored.
    :param title: the heading, and the title of the window.
    :param before: the numbers of an earlier report, to compare with.
    :param inputs: what `undeliverable classify` takes to read the same mail, for the commands on the page.
    :param with_addresses: True to put the addresses to act on into the page.
    :param docs: the address of this documentation, for links to it.
    """
    made = made.replace(tzinfo=UTC) if made.tzinfo is None else made
    view = View(
        summary=summary, axis=axis_of(summary, made), title=title, made=made, inputs=inputs, with_addresses=with_addresses,
        before=before, docs=None if docs is None else docs.rstrip("/"),
    )  # fmt: skip
    style = _asset("uPlot.min.css") + _asset("page.css")
    script = _asset("uPlot.iife.min.js") + "\n" + _asset("page.js")
    # Only our own script may run, even if foreign text contained one; inline styles are needed by uPlot.
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {_digest(script)}"
    numbers = script_json(Snapshot.of(summary, title).to_dict())
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark">\n<meta name="generator" content="undeliverable {__version__}">\n'
        f'<link rel="icon" href="data:,">\n<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n{_body(view)}\n'
        f'<script type="application/json" id="{NUMBERS}">{numbers}</script>\n'
        f'<script type="application/json" id="data">{chart_data(summary, view.axis)}</script>\n<script>{script}</script>\n'
        "</body>\n</html>\n"
    )


def _body(view: View) -> str:
    sections = "".join(_sections(view))
    anchors = "".join(
        f'<a href="#{name}">{words}</a>' for name, words in _ANCHORS if f'<section id="{name}"' in sections
    )
    return (
        f"{_header(view)}<main>{_decision(view)}{_tiles(view)}"
        f'<nav aria-label="Sections">{anchors}</nav>{sections}</main>'
    )


def _sections(view: View) -> Iterator[str]:
    yield actions(view)
    yield comparison(view)
    yield over_time(view)
    yield refusals(view)
    yield reasons(view)
    for by in (By.CAMPAIGN, By.SOURCE, By.SEGMENT, By.PROVIDER):
        yield groups(view, by)
    yield replies(view)
    yield groups(view, By.DOMAIN)
    yield counting(view)
    yield _notes(view)


def _header(view: View) -> str:
    days = "no dates" if view.axis is None else span_text(view.axis)
    reports = sum(view.summary.reports.values())
    made = view.made
    return (
        f'<header><div><h1>{escape(view.title)}</h1><p class="sub">{days} · {some(reports, "report")} · made '
        f'<time datetime="{made.isoformat()}">{made.day} {made:%B %Y, %H:%M}</time></p></div>'
        '<div class="controls"><button type="button" id="print">Print</button>'
        '<button type="button" id="theme" title="Light, dark, or as the system">Theme</button></div></header>'
    )


def decision_of(summary: Summary) -> Decision | None:
    """Return the most careful decision: of all mail, of a source or of a campaign; None without rates."""
    rows = (summary.rates[By.DAY].total, *(row for by in _DECIDING for row in summary.rates[by].groups))
    return max((row.decision for row in rows if row.decision), key=list(Decision).index, default=None)


def _decision(view: View) -> str:
    summary, total = view.summary, view.total
    found = [(by, row) for by in _DECIDING for row in summary.rates[by].groups]
    worst = decision_of(summary)
    troubled = worst in (Decision.WATCH, Decision.PAUSE)
    names = [group_name(by, row) for by, row in found if troubled and row.decision is worst]
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
        f'<section class="decision {worst or "unknown"}" aria-label="Decision"><strong>{worst or "no rate"}</strong>'
        f"<p>{_DECIDED[worst].format(shown)} {escape('; '.join(why))}</p></section>"
    )


def _tiles(view: View) -> str:
    total = view.total
    tiles = [
        ("sent", "–" if total.sent is None else number(total.sent), "messages" if total.sent else "give --sent for rates"),
        ("hard bounces", number(total.hard), _of(total.bounce)),
        ("soft bounces", number(total.soft), _part(total.soft, total.failed)),
        ("undetermined", number(total.undetermined), _part(total.undetermined, total.failed)),
        ("complaints", number(total.complaints), _of(total.complaint)),
        ("delay warnings", number(view.summary.reports.get("delay", 0)), "not failed yet"),
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


def _part(part: int, whole: int) -> str:
    return f"{percent(part / whole)} of failures" if whole else "no failures"


def _notes(view: View) -> str:
    levels = view.summary.levels
    addresses = (
        "This page holds addresses of recipients, since it was made with --with-addresses: think before you pass it on. It loads nothing."
        if view.with_addresses
        else "Addresses in replies are blanked out; a reply that names a user without a domain still names the user. It loads nothing."
    )
    body = (
        f"{_levels(levels)}"
        "<p>Rates are hard bounces, or complaints, per message sent, followed by the 95 % confidence interval (Wilson). "
        f"A group is paused only from {number(levels.minimum)} messages on, and only if chance alone does not explain the "
        "rate: the lower end of the interval is above the lowest level. With fewer messages, the lower end is compared "
        "instead of the rate.</p>"
        "<p>A filter keeps the rows that hold all of its words; <code>=word</code> wants the row’s own reason, type, provider, "
        "requirement or rule.</p>"
        f"<p>{addresses}</p>"
        f'<details class="inner"><summary>Licence of the charts</summary><pre tabindex="0">uPlot, '
        f"https://github.com/leeoniya/uPlot\n\n{escape(_asset('uPlot.LICENSE'))}</pre></details>"
    )
    return section("notes", "How to read this", body, folded=True)


def _levels(levels: Levels) -> str:
    columns = (
        Column("Rate"), Column("From", "number"), Column("Decision"), Column("Meaning", "wide"), Column("Stated by", "wide"),
    )  # fmt: skip
    rows = [
        (text(what), Cell(percent(level.rate), level.rate), badge(level.decision), text(level.meaning), text(level.stated_by))
        for what, own in (("hard bounces", levels.bounce), ("complaints", levels.complaint))
        for level in own
    ]  # fmt: skip
    return table("levels", "Levels at which a rate is too high", columns, rows)


@cache
def _asset(name: str) -> str:
    return read(f"report/{name}").strip()


def _digest(source: str) -> str:
    return f"'sha256-{b64encode(sha256(source.encode()).digest()).decode('ascii')}'"
