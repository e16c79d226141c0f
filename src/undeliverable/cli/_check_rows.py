"""The rows of `check` on a terminal: one address a line at every width, the address readable, the rest as far as it fits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from undeliverable.cli._fit import cut, padded, short_address, width_of
from undeliverable.cli._neutral import neutral
from undeliverable.cli._screen import Screen

if TYPE_CHECKING:
    from undeliverable.check import Checked

__all__ = ["screen_lines"]

_BLOCK: Final = 500  # rows that are aligned together
_NARROW: Final = 60
_WIDE: Final = 100
_LEAST: Final = 24  # columns of an address
_HEAD: Final = ("line", "address", "next", "cause", "notes")


def screen_lines(rows: Iterable[tuple[int, Checked]], screen: Screen) -> Iterator[str]:
    """Yield a head and a line for each address, none wider than the screen.

    Line, next step and address always stand there; from 60 columns on the notes, and from 100 on the cause.
    """
    source, begun = iter(rows), False
    while block := [_cells(line, one, screen) for line, one in islice(source, _BLOCK)]:
        yield from _aligned(block if begun else [_HEAD, *block], screen)
        begun = True
    if not begun:
        yield from _aligned([_HEAD], screen)


def _cells(line: int, one: Checked, screen: Screen) -> tuple[str, ...]:
    meant = one.suggestion and f"meant {one.suggestion}?"
    notes = filter(None, (one.detail, meant, " ".join(one.marks)))
    return str(line), neutral(one.address), one.next, one.cause, neutral(screen.signs.separator.join(notes))


def _aligned(block: Sequence[Sequence[str]], screen: Screen) -> Iterator[str]:
    widths = [max(width_of(row[index]) for row in block) for index in range(4)]
    used = widths[0] + widths[2] + 4 + (widths[3] + 2 if screen.width >= _WIDE else 0)
    room = screen.width - used
    address = max(1, min(widths[1], room if screen.width < _NARROW else max(_LEAST, room // 2)))
    for line, name, step, cause, notes in block:
        cells = [
            f"{line:>{widths[0]}}",
            padded(short_address(name, address, screen.signs.ellipsis), address),
            f"{step:<{widths[2]}}",
            *([f"{cause:<{widths[3]}}"] if screen.width >= _WIDE else []),
            *([notes] if screen.width >= _NARROW else []),
        ]
        yield cut("  ".join(cells), screen.width, screen.signs.ellipsis).rstrip()
