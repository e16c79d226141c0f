"""Colours. The only module that imports rich; it is imported only where colours are wanted.

Layouts are made elsewhere: this adds styles to finished lines, so that a screen has the same letters without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from rich.console import Console
from rich.text import Text

from undeliverable.cli._rows import HEAD, Line
from undeliverable.cli._screen import Screen

__all__ = ["RichPaint"]

_STYLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        HEAD: "bold underline",
        "hard": "bold red",
        "soft": "yellow",
        "undetermined": "magenta",
        "delivered": "green",
        "complaint": "bold red",
        "other": "dim",
        "suppress": "red",
        "dim": "dim",
        "bold": "bold",
        "-": "dim",
    }
)


class RichPaint:
    """A function that writes lines in colour; cells are styled by their word and never parsed as markup."""

    def __init__(self, screen: Screen) -> None:
        self._console = Console(
            file=screen.stream,
            force_terminal=True,
            color_system="auto" if screen.is_terminal else "standard",
            no_color=False,
            highlight=False,
            markup=False,
            emoji=False,
        )

    def __call__(self, lines: Sequence[Line]) -> None:
        """Write the lines; they are neither wrapped nor cropped."""
        block = Text("\n").join(map(_styled, lines))
        self._console.print(block, soft_wrap=True)


def _styled(line: Line) -> Text:
    text = Text()
    for part, word in line:
        text.append(part, _STYLES.get(word))
    text.rstrip()
    return text
