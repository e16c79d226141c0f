"""Make HTML from values: escaped text, formatted numbers, links, and tables.

Tables are complete without a script. The page's script adds sorting, a filter, paging and a download to each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Final

from undeliverable.rates import Decision, Level, Share

__all__ = [
    "Cell", "Column", "badge", "bar", "code", "count", "linked", "number", "percent", "rate", "section", "some", "spark",
    "table", "text",
]  # fmt: skip

_SCALE: Final = 0.12  # the end of the scale of a rate: slightly above the highest level
_NONE: Final = '<span class="none">–</span>'


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    :ivar kind: ``text``, ``number`` (aligned right) or ``wide`` (a whole line on a phone).
    :ivar hint: the tooltip of the header.
    """

    name: str
    kind: str = "text"
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: its HTML, the value to sort by, and words by which links find the row."""

    html: str
    value: str | float
    keys: tuple[str, ...] = ()


def text(value: object, *, none: str = "–", key: bool = False) -> Cell:
    """Return a cell with foreign text, escaped; with `key` links find the row by it."""
    if value is None:
        return Cell(f'<span class="none">{none}</span>', "")
    return Cell(escape(str(value)), str(value), (str(value),) if key else ())


def code(value: str | None) -> Cell:
    """Return a cell with a rule id or reason, which may break at dots and underscores; links find the row by it."""
    if value is None:
        return text(None)
    return Cell(f"<code>{escape(value).replace('.', '.<wbr>').replace('_', '_<wbr>')}</code>", value, (value,))


def count(value: int | None) -> Cell:
    """Return a cell with a count."""
    return Cell(_NONE, -1) if value is None else Cell(number(value), value)


def linked(cell: Cell, target: str | None, hint: str = "") -> Cell:
    """Return the cell as a link to a page elsewhere; unchanged without one."""
    if target is None:
        return cell
    title = f' title="{escape(hint)}"' if hint else ""
    return replace(cell, html=f'<a href="{escape(target)}" rel="noreferrer"{title}>{cell.html}</a>')


def number(value: int) -> str:
    """Return 1234567 as 1,234,567."""
    return f"{value:,}"


def some(value: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: "1 report", "2 reports"."""
    return f"{number(value)} {noun if value == 1 else plural or noun + 's'}"


def percent(value: float) -> str:
    """Return a fraction in percent, with more digits for small ones."""
    return f"{value * 100:.{2 if value < 0.1 else 1}f} %"


def rate(share: Share | None, levels: Sequence[Level]) -> Cell:
    """Return a cell with a rate, its interval, and a strip that compares both with the levels."""
    if share is None:
        return Cell(_NONE, -1.0)
    scale = _SCALE * levels[-1].rate / 0.1 if levels else _SCALE
    ends = f"{share.low * 100:.2f} – {share.high * 100:.2f}"
    low, middle, high = (_place(value / scale) for value in (share.low, share.rate, share.high))
    ticks = "".join(
        f'<line class="tick" x1="{_place(level.rate / scale)}" x2="{_place(level.rate / scale)}" y1="0" y2="10"/>'
        for level in levels
    )
    strip = (
        f'<svg class="strip" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">{ticks}'
        f'<rect class="range" x="{low}" y="3" width="{max(high - low, 0.6):.2f}" height="4"/>'
        f'<rect class="point" x="{max(middle - 0.9, 0):.2f}" y="1" width="1.8" height="8"/></svg>'
    )
    return Cell(f'<span class="rate"><b>{percent(share.rate)}</b> <small>{ends}</small>{strip}</span>', share.rate)


def bar(value: int, most: int, kind: str, find: Sequence[str] = ()) -> Cell:
    """Return a cell with a number and a bar, whose length is relative to the largest number.

    :param find: keys of the replies behind the number, which becomes a link to them.
    """
    width = 100 * value / most if most else 0.0
    shown = number(value)
    if find and value:
        words = escape(" ".join(f"={word}" for word in find))
        shown = f'<a href="#replies" data-find="{words}" title="the replies behind it">{shown}</a>'
    return Cell(
        f'<span class="bar">{shown}<svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="{kind}" width="{width:.2f}" height="6"/></svg></span>',
        value,
    )


def spark(values: Sequence[int]) -> Cell:
    """Return a cell with a small chart of bars, one for each value; it sorts by the sum."""
    most = max(values, default=0)
    if not most:
        return Cell(_NONE, -1)
    step = 100 / len(values)
    path = "".join(
        f"M{place * step:.1f} 20h{step * 0.8:.1f}v-{20 * value / most:.1f}h-{step * 0.8:.1f}z"
        for place, value in enumerate(values)
        if value
    )
    svg = f'<svg class="spark" viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true"><path d="{path}"/></svg>'
    return Cell(f"<span>{svg}<small>at most {number(most)}</small></span>", sum(values))


def badge(word: str | None, none: str = "no rate") -> Cell:
    """Return a cell with a highlighted word, a decision or a bounce type, that sorts by severity."""
    if word is None:
        return Cell(f'<span class="none">{none}</span>', -1)
    value = float(_ORDER.get(word, 9))
    return Cell(f'<span class="badge {escape(word)}">{escape(word)}</span>', value, (str(word),))


_ORDER: Final = {
    **{str(decision): index for index, decision in enumerate(Decision)},
    "soft": 0,
    "undetermined": 1,
    "hard": 2,
}


def section(name: str, title: str, body: str, *, folded: bool = False, note: str = "") -> str:
    """Return a section with an anchor that can be folded."""
    small = f" <small>{escape(note)}</small>" if note else ""
    return (
        f'<section id="{name}"><details{"" if folded else " open"}><summary><h2>{escape(title)}</h2>{small}</summary>'
        f"{body}</details></section>"
    )


def table(name: str, caption: str, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> str:
    """Return a table with a header of sort buttons; each row becomes a card on a phone."""
    head = "".join(
        f'<th scope="col" class="{column.kind}"{_hint(column)}><button type="button">{escape(column.name)}</button></th>'
        for column in columns
    )
    body = "".join(_line(columns, row) for row in rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table id="t-{name}" data-name="{name}">'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _hint(column: Column) -> str:
    return f' title="{escape(column.hint)}"' if column.hint else ""


def _line(columns: Sequence[Column], row: Sequence[Cell]) -> str:
    cells = "".join(
        f'<td class="{column.kind}" data-label="{escape(column.name)}"{_value(cell, column)}>{cell.html}</td>'
        for column, cell in zip(columns, row, strict=True)
    )
    keys = " ".join(key for cell in row for key in cell.keys)
    return f'<tr data-k="{escape(keys)}">{cells}</tr>' if keys else f"<tr>{cells}</tr>"


def _value(cell: Cell, column: Column) -> str:
    # A text that sorts as it is shown needs no second copy.
    return "" if column.kind != "number" and isinstance(cell.value, str) else f' data-v="{cell.value}"'


def _place(part: float) -> float:
    return round(100 * min(max(part, 0.0), 1.0), 2)
