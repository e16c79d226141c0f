"""The picture of a terminal in the README: what the commands really write, as SVG.

The commands run on a pseudo-terminal, with the sample mails that come with the package. Their escape sequences become spans of
text. The same output gives the same octets, whatever version of a terminal library is installed.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from html import escape
from typing import Final, NamedTuple

from tests.terminal import cells, plain, terminal

__all__ = ["pages", "picture", "spans"]

_PAGE: Final = "docs/images/terminal.svg"
_WIDTH: Final = 100
_COMMANDS: Final = (
    ("classify", "samples"),
    ("explain", "samples/japanese.eml"),
)
_CELL: Final = 8.4  # the width of a character of 14 pixels in the fonts below
_LINE: Final = 19
_MARGIN: Final = 18
_TOP: Final = 52
_FONTS: Final = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"
_COLOURS: Final[Mapping[int, str]] = {
    31: "#ff7b72",
    32: "#7ee787",
    33: "#e3b341",
    34: "#79c0ff",
    35: "#d2a8ff",
    36: "#76e3ea",
}
_SGR: Final = re.compile(r"\x1b\[([0-9;]*)m")
_WORDS: Final = re.compile(r"\S+(?: \S+)*")  # words with single blanks between: browsers drop further ones
_BOLD, _DIM, _UNDERLINED = 1, 2, 4


class Span(NamedTuple):
    """A piece of a line in one style.

    :ivar column: where it begins.
    :ivar style: the numbers of its escape sequences (ECMA-48 8.3.117).
    """

    column: int
    text: str
    style: frozenset[int]


def spans(line: str) -> Iterator[Span]:
    """Yield the pieces of a line that was written to a terminal, without those that are blank."""
    style: frozenset[int] = frozenset()
    column = 0
    pieces = _SGR.split(line)
    for text, numbers in zip(pieces[::2], [*pieces[1::2], ""], strict=True):
        for word in _WORDS.finditer(text):
            yield Span(column + cells(text[: word.start()]), word[0], style)
        column += cells(text)
        given = {int(number or 0) for number in numbers.split(";")} if numbers else set()
        style = frozenset() if 0 in given else style | given


def picture(screens: Sequence[tuple[str, str]], title: str) -> str:
    """Return an SVG of a terminal in which commands, each with its output, were run one after the other."""
    lines: list[str] = []
    for command, output in screens:
        lines += [f"\x1b[32m$\x1b[0m \x1b[1m{command}\x1b[0m", *output.rstrip("\n").split("\n"), ""]
    width, height = _WIDTH * _CELL + 2 * _MARGIN, _TOP + len(lines[:-1]) * _LINE
    dots = "".join(
        f'<circle cx="{22 + 20 * place}" cy="22" r="6" fill="{colour}"/>'
        for place, colour in enumerate(("#ff5f57", "#febc2e", "#28c840"))
    )
    rows = "\n".join(_row(span, _TOP + number * _LINE) for number, line in enumerate(lines) for span in spans(line))
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" height="{height}" role="img">
<title>{escape(title)}</title>
<rect width="100%" height="100%" rx="10" fill="#161b22"/>
{dots}
<g font-family="{_FONTS}" font-size="14" fill="#e6edf3">
{rows}
</g>
</svg>
"""


def _row(span: Span, height: int) -> str:
    looks = [f' fill="{_COLOURS[number]}"' for number in sorted(span.style) if number in _COLOURS]
    looks += [' font-weight="bold"'] if _BOLD in span.style else []
    looks += [' opacity=".6"'] if _DIM in span.style else []
    looks += [' text-decoration="underline"'] if _UNDERLINED in span.style else []
    length = cells(span.text) * _CELL
    place = f'x="{_MARGIN + span.column * _CELL:.1f}" y="{height}" textLength="{length:.1f}"'
    return f"<text {place}{''.join(looks)}>{escape(span.text, quote=False)}</text>"


@cache
def pages() -> Mapping[str, str]:
    """Return the picture by its path below the root of the checkout."""
    with tempfile.TemporaryDirectory() as folder:
        terminal(["demo", "--save", "samples"], cwd=folder)
        shown = [
            (
                f"undeliverable {' '.join(words)}",
                _kept(terminal([*words, "--no-progress"] if words[0] == "classify" else words, _WIDTH, cwd=folder)),
            )
            for words in _COMMANDS
        ]
    title = (
        "undeliverable classify lists each recipient of bounced mail with the reason and what to do; explain says why"
    )
    return {_PAGE: picture(shown, title)}


def _kept(shown: str) -> str:
    """Return what stands on the terminal at the end, with its colours and nothing else."""
    kept = re.sub(r"\x1b\[[0-9;?]*[A-HJKSThl]", "", shown).replace("\r\n", "\n").replace("\r", "")
    assert _SGR.sub("", kept) == plain(kept)
    return kept
