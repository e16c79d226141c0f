"""Text for people, laid out for what it is shown on: explanations and what else consists of sentences.

On a terminal paragraphs are wrapped with a hanging indent and coloured; a word that is wider than the line is folded.
Anywhere else each stays one line, so that it can be searched and copied. Marked words are bold and underlined in colour,
and stand between guillemets without: the colours are escapes of their own, since rich takes longer to import than one
mail takes to explain. All text may be foreign and is made harmless here, so that no caller can forget it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from undeliverable.cli._fit import width_of
from undeliverable.cli._neutral import neutral
from undeliverable.cli._screen import ASCII, Screen

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LABELS", "Paragraph", "Span", "paragraph", "write"]

LABELS: Final = 13
"""Columns from the left that labels take, on a terminal that is not narrow."""
_NARROW: Final = 60  # columns below which texts begin right behind their labels
_INDENT: Final = 4  # of their further lines then
_MARK: Final = "mark"
_STYLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "mark": "1;4",
        "label": "2",
        "dim": "2",
        "bold": "1",
        "hard": "1;31",
        "soft": "1;33",
        "undetermined": "1;35",
        "good": "1;32",
        "caution": "1;31",
    }
)
"""SGR parameters (ECMA-48 8.3.117) for each style."""


_PLAIN: Final = str.maketrans({"«": ">>", "»": "<<", "…": "...", "·": "-"})
"""Stand-ins for signs that an encoding lacks."""


class Span(NamedTuple):
    """A piece of text in one style; no style is plain."""

    text: str
    style: str = ""


class Paragraph(NamedTuple):
    """A text behind a label, or without one from the left edge.

    :ivar hang: by how many columns its further lines are indented if it has no label.
    :ivar is_set: True if it is laid out already: its blanks stay as they are.
    """

    spans: tuple[Span, ...]
    label: str = ""
    style: str = "label"
    hang: int = 0
    is_set: bool = False


def paragraph(text: str, style: str = "", *, label: str = "", hang: int = 0) -> Paragraph:
    """Return a paragraph in one style."""
    return Paragraph((Span(text, style),), label, hang=hang)


def write(paragraphs: Iterable[Paragraph], screen: Screen) -> None:
    """Write paragraphs to the screen, each from a new line; an empty one is an empty line."""
    for one in paragraphs:
        for line in _lines(one, screen):
            screen.stream.write(f"{line}\n")


def _lines(one: Paragraph, screen: Screen) -> Iterator[str]:
    spans = [_shown(span, screen) for span in one.spans]
    narrow = screen.is_terminal and screen.width < _NARROW
    hang = one.hang
    label = ""
    if one.label:
        label = f"  {neutral(one.label)} " if narrow else f"  {neutral(one.label):<{LABELS - 3}} "
        hang = _INDENT if narrow else LABELS
    if one.is_set or not screen.is_terminal:
        yield _painted([Span(label, one.style), *spans], colours=screen.colours)
        return
    filler = _Filler(screen.width, min(hang, screen.width // 2), Span(label, one.style))
    for blanks, word in _words(spans):
        filler.add(blanks, word)
    yield from (_painted(line, colours=screen.colours) for line in filler.lines)


def _shown(span: Span, screen: Screen) -> Span:
    """Return a span harmless, and with guillemets where no colour shows that it is marked."""
    text = neutral(span.text)
    if span.style == _MARK and not screen.colours:
        text = f"«{text}»"
    return Span(text.translate(_PLAIN) if screen.signs is ASCII else text, span.style)


def _painted(line: Iterable[Span], *, colours: bool) -> str:
    """Return a line with the escapes of its styles, without blanks at its end."""
    shown = (span for span in line if span.text)
    joined = [("".join(span.text for span in run), style) for style, run in groupby(shown, lambda span: span.style)]
    while joined and not joined[-1][0].rstrip(" "):
        joined.pop()
    if joined:
        joined[-1] = joined[-1][0].rstrip(" "), joined[-1][1]
    return "".join(f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if colours and style else text for text, style in joined)


class _Filler:
    """Fills lines with words.

    :ivar lines: the lines so far, the last one open.
    """

    def __init__(self, width: int, hang: int, label: Span) -> None:
        self._width = width
        self._hang = hang
        self.lines = [[label] if label.text else []]
        self._used = width_of(label.text)
        self._is_empty = True  # the open line but for its label or indent

    def add(self, blanks: int, word: Sequence[Span]) -> None:
        """Add a word behind `blanks` blanks: to the open line, or to the next, or folded if it fits into none."""
        needed = sum(width_of(text) for text, _ in word)
        if self._is_empty:
            blanks = 0
        if self._used + blanks + needed <= self._width:
            self._put(self._between(blanks, word[0].style), *word)
        elif self._hang + needed <= self._width:
            self._break()
            self._put(*word)
        else:
            self._fold(blanks, word)

    def _between(self, blanks: int, style: str) -> Span:
        """Return blanks, in the style of the words around them if both have the same."""
        last = self.lines[-1][-1].style if self.lines[-1] else ""
        return Span(" " * blanks, style if style == last else "")

    def _put(self, *spans: Span) -> None:
        self.lines[-1] += spans
        self._used += sum(width_of(text) for text, _ in spans)
        self._is_empty = False

    def _break(self) -> None:
        self.lines.append([Span(" " * self._hang)])
        self._used = self._hang
        self._is_empty = True

    def _fold(self, blanks: int, word: Sequence[Span]) -> None:
        if self._used + blanks < self._width:
            self._put(self._between(blanks, word[0].style))
        else:
            self._break()
        for text, style in word:
            for character in text:
                if self._used + width_of(character) > self._width and not self._is_empty:
                    self._break()
                self._put(Span(character, style))


def _words(spans: Iterable[Span]) -> Iterator[tuple[int, list[Span]]]:
    """Yield the words of a text, each of one or several spans, with the number of blanks before it."""
    blanks, word = 0, list[Span]()
    for text, style in spans:
        for number, part in enumerate(text.split(" ")):
            if number:
                if word:
                    yield blanks, word
                    blanks, word = 0, []
                blanks += 1
            if part:
                word.append(Span(part, style))
    if word:
        yield blanks, word
