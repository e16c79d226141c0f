"""The texts by which verdicts and reports show themselves: a line, a short table, a table of HTML.

All of it may hold foreign text, which is escaped, and cut where it would fill the screen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol, cast

from undeliverable._text.shown import ELLIPSIS, LINE, printable, shortened
from undeliverable.codes import ReplyCode, StatusCode
from undeliverable.model import Action, MessageFacts
from undeliverable.reasons import Advice, BounceType, Reason
from undeliverable.verdict._words import Kind

__all__ = [
    "ShownReport",
    "ShownVerdict",
    "report_html",
    "report_line",
    "report_pairs",
    "report_text",
    "verdict_html",
    "verdict_line",
    "verdict_pairs",
]


class ShownVerdict(Protocol):
    """What a verdict shows."""

    @property
    def recipient(self) -> str | None: ...
    @property
    def bounce_type(self) -> BounceType | None: ...
    @property
    def action(self) -> Action | None: ...
    @property
    def reason(self) -> Reason | None: ...
    @property
    def reply_code(self) -> ReplyCode | None: ...
    @property
    def status(self) -> StatusCode | None: ...
    @property
    def advice(self) -> Advice | None: ...
    def to_dict(self) -> dict[str, object]: ...


class ShownReport(Protocol):
    """What a report shows."""

    @property
    def kind(self) -> Kind: ...
    @property
    def source(self) -> str | None: ...
    @property
    def message(self) -> MessageFacts: ...
    @property
    def remarks(self) -> tuple[str, ...]: ...
    @property
    def verdicts(self) -> Sequence[ShownVerdict]: ...


_ARROW: Final = "→"
_NOBODY: Final = "(no recipient named)"
_ROWS: Final = 8  # verdicts that a report shows as text
_HTML_ROWS: Final = 100
_CELL: Final = 300  # characters of a cell of HTML
_HEAD: Final = ("recipient", "bounce type", "reason", "reply", "advice")


def verdict_line(verdict: ShownVerdict) -> str:
    """Return ``<Verdict kim@example.org hard user_unknown 550 5.1.1 → suppress>``."""
    _, *cells = _cells(verdict)
    after = " ".join(filter(None, (*cells[:-1], f"{_ARROW} {cells[-1]}" if cells[-1] else "")))
    left = LINE - len(f"<Verdict  {after}>")
    return f"<Verdict {shortened(verdict.recipient or _NOBODY, left)}{' ' if after else ''}{after}>"


def report_line(report: ShownReport) -> str:
    """Return ``<Report bounce 2 verdicts: 1 hard, 1 soft; bounces/1.eml>``, or with what became of a single recipient."""
    start = f"<Report {report.kind}"
    if len(report.verdicts) == 1:
        (verdict,) = report.verdicts
        line = verdict_line(verdict).removeprefix("<Verdict ")[:-1]
        return f"{start} {shortened(line, LINE - len(start) - 2)}>"
    start += f" {_counts(report)}"
    if report.source is None:
        return f"{start}>"
    return f"{start}; {shortened(report.source, LINE - len(start) - 3)}>"


def report_text(report: ShownReport) -> str:
    """Return a heading and one line for each recipient, as far as a screen has room for them."""
    about = [str(report.kind), _counts(report)]
    about += [f"written by {printable(report.message.generator)}"] if report.message.generator else []
    about += [shortened(report.source, LINE // 2)] if report.source else []
    lines = [shortened(", ".join(about), LINE)]
    rows = [_cells(verdict) for verdict in report.verdicts[:_ROWS]]
    if rows:
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        widths[0] = min(widths[0], LINE - sum(widths[1:]) - 2 * len(widths) - len(f"{_ARROW} "))
        lines += [_aligned(row, widths) for row in rows]
    lines += [f"  {ELLIPSIS} {more} more"] if (more := len(report.verdicts) - _ROWS) > 0 else []
    lines += [f"  {len(report.remarks)} remark{'s' * (len(report.remarks) > 1)}"] if report.remarks else []
    return "\n".join(lines)


def verdict_pairs(verdict: ShownVerdict) -> Iterator[tuple[str, object]]:
    """Yield what of the public record is set, by its keys."""
    return ((key, value) for key, value in verdict.to_dict().items() if value not in (None, [], {}, False))


def report_pairs(report: ShownReport) -> Iterator[tuple[str, object]]:
    """Yield the attributes of a report that are set."""
    for name in ("kind", "source", "verdicts", "event", "remarks", "received"):
        if value := getattr(report, name):
            yield name, value


def verdict_html(verdict: ShownVerdict) -> str:
    """Return a table of HTML with a row for each value of the public record that is set."""
    return _table("", (), ((key.replace("_", " "), _said(value)) for key, value in verdict_pairs(verdict)))


def report_html(report: ShownReport) -> str:
    """Return a table of HTML with a row for each recipient, as far as a page has room for them."""
    rows = [_cells(verdict) for verdict in report.verdicts[:_HTML_ROWS]]
    more = len(report.verdicts) - len(rows)
    caption = ", ".join(filter(None, (str(report.kind), _counts(report), report.source or "")))
    joined = (
        (who, type_, reason, f"{code} {status}".strip(), advice) for who, type_, reason, code, status, advice in rows
    )
    return _table(caption + (f"; the first {len(rows)}" if more else ""), _HEAD, joined)


def _cells(verdict: ShownVerdict) -> tuple[str, str, str, str, str, str]:
    """Return recipient, type (or what the server did), reason, reply code, status and advice; empty where unset."""
    code = verdict.reply_code
    return (
        printable(verdict.recipient or _NOBODY),
        str(verdict.bounce_type or verdict.action or ""),
        str(verdict.reason or ""),
        "" if code is None else str(int(code)),
        "" if verdict.status is None else str(verdict.status),
        "" if verdict.advice in (None, Advice.NONE) else str(verdict.advice),
    )


def _counts(report: ShownReport) -> str:
    number = len(report.verdicts)
    types = Counter(str(verdict.bounce_type) for verdict in report.verdicts if verdict.bounce_type)
    counts = ", ".join(f"{count} {name}" for name, count in types.most_common())
    return f"{number} verdict{'s' * (number != 1)}{': ' if counts else ''}{counts}"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    *cells, advice = (f"{shortened(cell, width):<{width}}" for cell, width in zip(row, widths, strict=True))
    arrow = f"{_ARROW} " if advice.strip() else ""
    return f"  {'  '.join(cells)}  {arrow}{advice}".rstrip()


def _said(value: object) -> str:
    if isinstance(value, dict):
        return _said(list(cast("dict[str, object]", value).values()))
    return ", ".join(map(_said, cast("list[object]", value))) if isinstance(value, list) else str(value)


def _table(caption: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table of HTML; everything in it is escaped."""
    from html import escape

    def cell(text: str, tag: str) -> str:
        return f"<{tag}>{escape(shortened(text, _CELL))}</{tag}>"

    title = cell(caption, "caption") if caption else ""
    first = "".join(cell(text, "th") for text in head)
    body = "".join(f"<tr>{''.join(cell(text, 'td') for text in row)}</tr>" for row in rows)
    return f"<table>{title}{f'<thead><tr>{first}</tr></thead>' if first else ''}<tbody>{body}</tbody></table>"
