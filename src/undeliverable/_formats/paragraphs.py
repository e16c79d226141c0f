"""The paragraphs of an unknown notification, and the sentences in them, with their places in the text.

Left out are quoted lines, and the signature below an address: it names who sends the notification.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from undeliverable._formats.lines import LINE_LIMIT
from undeliverable._formats.spots import REPLY
from undeliverable._text.lazy import lazy

__all__ = ["Line", "Paragraph", "paragraphs"]

# Sentences end at these marks before white space, or at those of East Asian scripts.
_END: Final = lazy(r"[.!?;](?=\s|$)|[。！？；]")
_WORDS: Final = lazy(r"[^\W\d_]{2}")
_SIGNATURE: Final = "--"  # RFC 3676 4.3


class Line(NamedTuple):
    start: int
    text: str


class Span(NamedTuple):
    start: int
    end: int
    text: str


class Paragraph(NamedTuple):
    """Lines without an empty one among them.

    :ivar words: the lines that are no header fields; of those with a reply, what stands before it and names nobody.
    :ivar replies: where lines with a reply begin.
    :ivar is_headed: whether some are header fields.
    """

    lines: list[Line]
    words: list[Line]
    replies: list[int]
    is_headed: bool

    @classmethod
    def of(cls, lines: list[Line], is_header: Callable[[str], bool]) -> Paragraph:
        replies: list[int] = []
        words: list[Line] = []
        is_headed = False
        for line in lines:
            reply = REPLY.search(line.text)
            if reply is not None:
                replies.append(line.start)
                before = line.text[: reply.start()]
                if "@" not in before and _WORDS.search(before):
                    words.append(Line(line.start, before))
            elif is_header(line.text):
                is_headed = True
            else:
                words.append(line)
        return cls(lines, words, replies, is_headed)

    def sentences(self) -> Iterator[Span]:
        """Yield the sentences with their places; they go on from line to line."""
        joined = "\n".join(line.text for line in self.words)
        starts = [0]
        for line in self.words[:-1]:
            starts.append(starts[-1] + len(line.text) + 1)

        def place(offset: int) -> int:
            number = bisect_right(starts, offset) - 1
            return self.words[number].start + offset - starts[number]

        begin = 0
        for end in (*(match.end() for match in _END.finditer(joined)), len(joined)):
            if joined[begin:end].strip():
                yield Span(place(begin), place(end - 1) + 1, joined[begin:end])
            begin = end


def paragraphs(text: str) -> Iterator[list[Line]]:
    """Yield the lines of each paragraph of `text`."""
    lines: list[Line] = []
    is_named = False
    for start, line in _lines(text):
        if is_named and line.rstrip() == _SIGNATURE:
            break
        is_named = is_named or "@" in line
        if line.strip() and not _is_quoted(line):
            lines.append(Line(start, line))
        elif lines:
            yield lines
            lines = []
    if lines:
        yield lines


def _lines(text: str) -> Iterator[tuple[int, str]]:
    position, size = 0, len(text)
    while position < size:
        line_end = text.find("\n", position)
        if line_end < 0:
            line_end = size
        yield position, text[position : min(line_end, position + LINE_LIMIT)]
        position = line_end + 1


def _is_quoted(line: str) -> bool:
    bare = line.lstrip()
    return bare.startswith(">") and not bare.startswith(">>>")
