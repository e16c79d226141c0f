"""What the command writes to: a terminal with its size, colours and letters, or a file that keeps everything."""

from __future__ import annotations

import os
from typing import Final, NamedTuple, TextIO

from undeliverable.cli._fit import ELLIPSIS

__all__ = ["ASCII", "SIGNS", "Screen", "Signs"]

_WIDTH: Final = 100  # of text that is written to a file, a log or a mail
_HEIGHT: Final = 24


class Signs(NamedTuple):
    """The signs that layouts are made of.

    :ivar ellipsis: stands for what is left out.
    :ivar bar: one step of a bar.
    :ivar separator: stands between the words of a list.
    """

    ellipsis: str
    bar: str
    separator: str


SIGNS: Final = Signs(ELLIPSIS, "█", " · ")
ASCII: Final = Signs("...", "#", ", ")
"""For terminals whose encoding has no others."""


class Screen(NamedTuple):
    """A stream with what it can show.

    :ivar is_terminal: True for a terminal, False for a file or a pipe.
    :ivar width: its columns.
    :ivar height: its lines.
    :ivar colours: True if colours are wanted.
    :ivar signs: the signs that its encoding has.
    """

    stream: TextIO
    is_terminal: bool
    width: int
    height: int
    colours: bool
    signs: Signs = SIGNS

    @classmethod
    def of(cls, stream: TextIO, color: str = "auto") -> Screen:
        """Return what a stream can show.

        :param color: `auto` for colours on terminals (https://no-color.org/), `always` or `never`.
        """
        is_terminal = stream.isatty()
        width, height = _size(stream, is_terminal=is_terminal)
        by_itself = is_terminal and os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")
        colours = color == "always" or (color == "auto" and by_itself)
        return cls(stream, is_terminal, width, height, colours, _signs(stream))


def _size(stream: TextIO, *, is_terminal: bool) -> tuple[int, int]:
    """Return columns and lines; COLUMNS and LINES come first, as in `shutil.get_terminal_size`."""
    width, height = (_number(os.environ.get(name, "")) for name in ("COLUMNS", "LINES"))
    if is_terminal and not (width and height):
        try:
            size = os.get_terminal_size(stream.fileno())
        except (OSError, ValueError):
            size = os.terminal_size((80, _HEIGHT))
        width, height = width or size.columns or 80, height or size.lines or _HEIGHT
    return width or _WIDTH, height or _HEIGHT


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _signs(stream: TextIO) -> Signs:
    try:
        "".join(SIGNS).encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return SIGNS
