"""Make HTML from values: escaped text, formatted numbers, and tables that can be sorted and filtered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from undeliverable.rates import Decision, Level, Share

__all__ = ["Cell", "Column", "badge", "bar", "count", "number", "percent", "rate", "table", "text"]

_SCALE: Final = 0.12  # the end of the scale of a rate: slightly above the highest level
_FILTERED: Final = 8  # rows from which a table gets a filter field


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
    """A cell: its HTML, and the value to sort by."""

    html: str
    value: str | float


def text(value: object, *, none: str = "–") -> Cell:
    """Return a cell with foreign text, escaped."""
    return Cell(f'<span class="none">{none}</span>', "") if value is None else Cell(escape(str(value)), str(value))


def count(value: int | None) -> Cell:
    """Return a cell with a count."""
    return Cell('<span class="none">–</span>', -1) if value is None else Cell(number(value), value)


def number(value: int) -> str:
    """Return 1234567 as 1,234,567."""
    return f"{value:,}"


def percent(value: float) -> str:
    """Return a fraction in percent, with more digits for small ones."""
    return f"{value * 100:.{2 if value < 0.1 else 1}f} %"


def rate(share: Share | None, levels: Sequence[Level]) -> Cell:
    """Return a cell with a rate, its interval, and a strip that compares both with the levels."""
    if share is None:
        return Cell('<span class="none">–</span>', -1.0)
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


def bar(value: int, most: int, kind: str) -> Cell:
    """Return a cell with a number and a bar, whose length is relative to the largest number."""
    width = 100 * value / most if most else 0.0
    return Cell(
        f'<span class="bar">{number(value)}<svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="{kind}" width="{width:.2f}" height="6"/></svg></span>',
        value,
    )


def badge(word: str | None, none: str = "no rate") -> Cell:
    """Return a cell with a highlighted word, a decision or a bounce type, that sorts by severity."""
    if word is None:
        return Cell(f'<span class="none">{none}</span>', -1)
    return Cell(f'<span class="badge {escape(word)}">{escape(word)}</span>', float(_ORDER.get(word, 9)))


_ORDER: Final = {
    **{str(decision): index for index, decision in enumerate(Decision)},
    "soft": 0,
    "undetermined": 1,
    "hard": 2,
}


def table(
    name: str, caption: str, columns: Sequence[Column], rows: Iterable[Sequence[Cell]], *, cards: bool = True
) -> str:
    """Return a table with a header of sort buttons and, for many rows, a filter field.

    :param cards: True to show each row as a card on a phone.
    """
    lines = [_line(columns, row) for row in rows]
    head = "".join(
        f'<th scope="col" class="{column.kind}" title="{escape(column.hint)}"><button type="button">{escape(column.name)}'
        f"</button></th>"
        for column in columns
    )
    field = (
        f'<label class="filter">Filter <input type="search" data-for="{name}" placeholder="a word …" '
        f'autocomplete="off" spellcheck="false"> <output></output></label>'
        if len(lines) >= _FILTERED
        else ""
    )
    return (
        f'{field}<div class="scroll"><table id="{name}" class="{"cards" if cards else "plain"}">'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _line(columns: Sequence[Column], row: Sequence[Cell]) -> str:
    cells = "".join(
        f'<td class="{column.kind}" data-label="{escape(column.name)}"{_value(cell, column)}>{cell.html}</td>'
        for column, cell in zip(columns, row, strict=True)
    )
    return f"<tr>{cells}</tr>"


def _value(cell: Cell, column: Column) -> str:
    # A text that sorts as it is shown needs no second copy.
    return "" if column.kind != "number" and isinstance(cell.value, str) else f' data-v="{cell.value}"'


def _place(part: float) -> float:
    return round(100 * min(max(part, 0.0), 1.0), 2)
