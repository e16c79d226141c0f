"""Lines of so many columns: cut, wrapped and aligned, with the signs that the encoding has."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap
from typing import Final, NamedTuple, TextIO

from undeliverable.cli._fit import cut, padded, short_path, width_of
from undeliverable.cli._neutral import neutral

__all__ = ["Look", "columns", "rows"]

_WIDTH: Final = 80  # of a mail, and of everything that is no terminal
_NARROWEST: Final = 20
_WIDEST: Final = 120  # longer lines are not read faster
_BLOCKS: Final = "▏▎▍▌▋▊▉█"
_GO_ON: Final = " \\"


class Look(NamedTuple):
    """How a page looks.

    :ivar width: its columns.
    :ivar is_ascii: True where nothing but ASCII may be written.
    """

    width: int = _WIDTH
    is_ascii: bool = False

    @classmethod
    def of(cls, stream: TextIO, *, is_ascii: bool = False) -> Look:
        """Return the look for a stream: as wide as its terminal or COLUMNS, else 80 columns, as mail has them."""
        return cls(max(_NARROWEST, min(_columns(stream), _WIDEST)), is_ascii or not _has_blocks(stream))

    @property
    def ellipsis(self) -> str:
        """The sign for what is left out."""
        return "..." if self.is_ascii else "…"

    def shown(self, text: str) -> str:
        """Return foreign text that is harmless, and that the encoding has."""
        harmless = neutral(text)
        if not self.is_ascii or harmless.isascii():
            return harmless
        return harmless.replace("…", "...").encode("ascii", "backslashreplace").decode("ascii")

    def cut(self, text: str, width: int | None = None) -> str:
        """Return a line without what is too much."""
        return cut(text, self.width if width is None else width, self.ellipsis)

    def shortened(self, name: str, width: int) -> str:
        """Return a name without its middle, if it is too long."""
        return short_path(name, width, self.ellipsis)

    def listed(self, words: Iterable[str]) -> str:
        """Return words in one line."""
        return (", " if self.is_ascii else " · ").join(words)

    def wrapped(self, text: str, *, indent: str = "", hang: str = "  ", most: int | None = None) -> Iterator[str]:
        """Yield a text in lines, at most so many; `hang` stands before all but the first."""
        room = self.width - len(indent)
        lines = _folded(text, room, hang) or [""]
        if most is not None and len(lines) > most:
            rest = " ".join(line.strip() for line in lines[most - 1 :])
            lines = [*lines[: most - 1], hang + self.cut(rest, room - len(hang))]
        yield from (indent + line for line in lines)

    def command(self, text: str) -> Iterator[str]:
        """Yield a command that can be copied: broken between words with the backslash that shells go on after."""
        words = text.split(" ")
        lines = [f"     {words[0]}"]
        for word in words[1:]:
            if width_of(lines[-1]) + width_of(word) + len(_GO_ON) + 1 <= self.width:
                lines[-1] += f" {word}"
            else:
                lines[-1] += _GO_ON
                lines.append(f"       {word}")
        yield from lines

    def bar(self, share: float, width: int) -> str:
        """Return a bar that fills this share of the width; the least that is not nothing is one step."""
        if self.is_ascii:
            return "#" * (max(1, round(share * width)) if share > 0 else 0)
        steps = max(1, round(share * width * 8)) if share > 0 else 0
        return _BLOCKS[-1] * (steps // 8) + (_BLOCKS[steps % 8 - 1] if steps % 8 else "")


def rows(table: Sequence[tuple[str, str, str]], look: Look) -> Iterator[str]:
    """Yield lines of a number, a name and a note; a note without room beside them is left out."""
    digits = max((len(number) for number, _, _ in table), default=0) + 1
    names = max((len(name) for _, name, _ in table), default=0)
    for number, name, note in table:
        start = f"{number:>{digits}} {name:<{names}}  "
        yield look.cut(f"{start}{look.shown(note)}".rstrip())


def columns(table: Sequence[Sequence[str]], sides: str, look: Look) -> Iterator[str]:
    """Yield aligned lines whose last column is a name that takes the room that is left.

    :param sides: ``>`` for each column that stands to the right, ``<`` for the others.
    """
    widths = [max(width_of(row[index]) for row in table) for index in range(len(sides) - 1)]
    for *cells, name in table:
        parts = [
            f"{cell:>{width}}" if side == ">" else padded(cell, width)
            for cell, width, side in zip(cells, widths, sides, strict=False)
        ]
        start = f"  {'  '.join(parts)}  "
        yield look.cut(f"{start}{look.shortened(name, max(look.width - len(start), 1))}".rstrip())


def _folded(text: str, room: int, hang: str) -> list[str]:
    """Return the lines of a text; where letters are two columns wide, the room is half as many letters."""
    half = room if width_of(text) == len(text) else room // 2
    return wrap(text, max(half, 8), subsequent_indent=hang, break_on_hyphens=False)


def _columns(stream: TextIO) -> int:
    given = os.environ.get("COLUMNS", "")
    if given.isascii() and given.isdecimal() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(stream.fileno()).columns or _WIDTH
    except (OSError, ValueError):  # no terminal; or no file at all
        return _WIDTH


def _has_blocks(stream: TextIO) -> bool:
    try:
        f"{_BLOCKS}…·".encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
