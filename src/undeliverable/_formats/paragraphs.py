"""The paragraphs of an unknown notification, and the sentences in them, with their places in the text.

Left out are quoted lines, and the signature below an address: it names who sends the notification.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import itemgetter
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
    """Lines without an empty one among them: of each what is needed, for a text may be one paragraph of a hundred thousand.

    :ivar start: where the first line begins.
    :ivar addressed: the lines that may hold an address.
    :ivar words: the lines in the head of the text that are no header fields; of those with a reply, what stands before it and
        names nobody.
    :ivar replies: where lines with a reply begin.
    :ivar is_headed: whether some are header fields.
    """

    start: int
    addressed: list[Line]
    words: list[Line]
    replies: list[int]
    is_headed: bool

    @classmethod
    def of(cls, lines: Iterable[Line], is_header: Callable[[str], bool], head: int) -> Paragraph:
        """Return what is needed of `lines`, the first of which is there; those with words begin before `head`."""
        start, addressed, words, replies = -1, list[Line](), list[Line](), list[int]()
        is_headed = False
        for line in lines:
            if start < 0:
                start = line.start
            if "@" in line.text:
                addressed.append(line)
            reply = REPLY.search(line.text)
            if reply is not None:
                replies.append(line.start)
                before = line.text[: reply.start()]
                if line.start < head and "@" not in before and _WORDS.search(before):
                    words.append(Line(line.start, before))
            elif is_header(line.text):
                is_headed = True
            elif line.start < head:
                words.append(line)
        return cls(start, addressed, words, replies, is_headed)

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


def paragraphs(text: str, is_header: Callable[[str], bool], head: int) -> Iterator[Paragraph]:
    """Yield the paragraphs of `text`.

    :param is_header: returns whether a line is a header field.
    :param head: how far into the text words are read.
    """
    for number, lines in groupby(_numbered(text), key=itemgetter(0)):
        if number is not None:
            yield Paragraph.of((line for _, line in lines), is_header, head)


def _numbered(text: str) -> Iterator[tuple[int | None, Line]]:
    """Yield the lines up to a signature, each with the number of its paragraph, None for one that belongs to none."""
    number, is_named = 0, False
    for start, line in _lines(text):
        if is_named and line.rstrip() == _SIGNATURE:
            break
        is_named = is_named or "@" in line
        if line.strip() and not _is_quoted(line):
            yield number, Line(start, line)
        else:
            number += 1
            yield None, Line(start, "")


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
