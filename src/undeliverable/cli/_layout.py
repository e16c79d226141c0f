"""Which columns a terminal shows, and how wide: decided once for a run, so that everything stays aligned.

A verdict takes one line at every width. The widths are those of the cells, and where they do not fit, whole columns go, the
least important first, until every domain stands there in full; a recipient is only then shortened. What is left of the
line goes to recipient and source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from undeliverable.cli._fields import TABLE_FIELDS
from undeliverable.cli._fit import address_need, cut, short_address, short_path, width_of
from undeliverable.cli._rows import GAP

__all__ = ["Column", "Layout", "layout_for", "streaming_layout"]

_NARROW: Final = 60  # columns below which the type is a letter
_WIDE: Final = 100  # columns from which the source is shown
_SOURCE: Final = 16  # columns that a source needs to be of use
_LEAST: Final = 3  # columns of any cell
_LETTERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "type": "",
        "hard": "H",
        "soft": "S",
        "undetermined": "?",
        "delay": "d",
        "delivered": "+",
        "complaint": "c",
        "auto_reply": "a",
        "challenge": "q",
        "disposition": "r",
        "suppressed": "x",
        "unsubscribed": "u",
        "other": "-",
    }
)
# The widest words of each vocabulary, for streams: nobody knows what comes.
_WIDEST: Final = ("undetermined", "x" * 40, "recipient_rate_limited", "550 5.1.10", "fix_message", "x" * 60)


class Column(NamedTuple):
    """One column.

    :ivar place: its index in a row.
    :ivar name: its field.
    :ivar width: in columns of the terminal.
    :ivar letter: True to show a type as one letter.
    """

    place: int
    name: str
    width: int
    letter: bool = False

    def shown(self, text: str, ellipsis: str) -> str:
        """Return a cell as it fits."""
        text = _LETTERS.get(text, text) if self.letter else text
        return _SHORTEN.get(self.name, cut)(text, self.width, ellipsis)


_SHORTEN: Final[Mapping[str, Callable[[str, int, str], str]]] = MappingProxyType(
    {
        "recipient": short_address,
        "original_recipient": short_address,
        "sent_to": short_address,
        "source": short_path,
        "message_id": short_address,
        "original_message_id": short_address,
    }
)

Layout = tuple[Column, ...]
"""The columns, from left to right."""


def layout_for(fields: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Layout:
    """Return the columns in which these rows fit a terminal.

    :param fields: the names of the cells.
    :param rows: the cells, those of the head among them.
    """
    wide = [max(map(width_of, cells), default=0) for cells in zip(*rows, strict=True)]
    if tuple(fields) != TABLE_FIELDS:
        return _shared(fields, wide, width)
    return _dropped(wide, _need([row[1] for row in rows]), width)


def _need(recipients: Sequence[str]) -> int:
    """Return the columns in which all domains are whole, and nine of ten recipients."""
    widths = sorted(map(width_of, recipients))
    return max(widths[len(widths) * 9 // 10], *map(address_need, recipients))


def streaming_layout(fields: Sequence[str], width: int) -> Layout:
    """Return the columns for rows that are not known yet."""
    if tuple(fields) == TABLE_FIELDS:
        return _dropped([len(word) for word in _WIDEST], 30, width)
    widest: dict[str, str] = dict(zip(TABLE_FIELDS, _WIDEST, strict=True))
    return _shared(fields, [len(widest.get(name, "x" * 24)) for name in fields], width)


def _dropped(wide: Sequence[int], need: int, width: int) -> Layout:
    """Return the usual columns: the first choice in which recipients have what they need, or the last one."""
    layouts = [_filled(names, wide, width, letter=letter) for names, letter in _choices(width)]
    return next((layout for layout in layouts if layout[1].width >= min(need, wide[1])), layouts[-1])


def _choices(width: int) -> list[tuple[tuple[str, ...], bool]]:
    """Return what may be shown at a width, the best first: columns, and whether the type is a letter."""
    narrow = width < _NARROW
    choices = [(TABLE_FIELDS[:count], narrow) for count in (6, 5, 4, 3)]
    choices = choices[width < _WIDE :]
    return [*choices, (TABLE_FIELDS[:3], True), *([(TABLE_FIELDS[:2], True)] if narrow else [])]


def _filled(names: Sequence[str], wide: Sequence[int], width: int, *, letter: bool) -> Layout:
    """Return columns that fill at most a line: recipient and source share what the others leave."""
    widths = {name: wide[index] for index, name in enumerate(names)}
    if letter:
        widths["type"] = 1
    rest = width - GAP * (len(names) - 1) - sum(widths[name] for name in names if name not in {"recipient", "source"})
    source = min(widths.get("source", 0), max(_SOURCE, rest - widths["recipient"])) if "source" in widths else 0
    widths["recipient"] = max(_LEAST, min(widths["recipient"], rest - source))
    if "source" in widths:
        widths["source"] = min(widths["source"], rest - widths["recipient"])
    return tuple(Column(index, name, widths[name], letter and name == "type") for index, name in enumerate(names))


def _shared(fields: Sequence[str], wide: Sequence[int], width: int) -> Layout:
    """Return columns that the user chose: the widest give until all fit; those without any room are left out."""
    kept = min(len(fields), max(1, (width + GAP) // (_LEAST + GAP)))
    widths = list(wide[:kept])
    over = sum(widths) + GAP * (kept - 1) - width
    while over > 0 and max(widths) > _LEAST:
        widest = max(range(kept), key=widths.__getitem__)
        second = max((other for other in widths if other < widths[widest]), default=_LEAST)
        step = min(over, max(1, (widths[widest] - second)))
        widths[widest] = max(_LEAST, widths[widest] - step)
        over = sum(widths) + GAP * (kept - 1) - width
    return tuple(Column(index, fields[index], widths[index]) for index in range(kept))
