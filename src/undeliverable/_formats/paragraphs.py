"""The paragraphs of an unknown notification, and the sentences in them, with their places in the text.

Left out are quoted lines, and the signature below an address: it names who sends the notification.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

from undeliverable._formats.lines import LINE_LIMIT
from undeliverable._formats.spots import REPLY
from undeliverable._text.lazy import lazy

__all__ = ["Line", "Paragraph", "Places", "Span", "line_at", "paragraphs"]

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


class Places:
    """Where lines begin that are looked at again, all in order: a text may have a hundred thousand of them.

    :ivar addressed: those that may hold an address.
    :ivar headed: for each of these, 1 if header fields stand in its paragraph, else 0.
    :ivar replies: those with a reply.
    """

    __slots__ = ("addressed", "headed", "replies")

    def __init__(self) -> None:
        self.addressed = array("q")
        self.headed = bytearray()
        self.replies = array("q")


class Paragraph(NamedTuple):
    """Lines without an empty one among them: of each what is needed, for a text may be one paragraph of a hundred thousand.

    :ivar start: where the first line begins.
    :ivar words: the lines in the head of the text that are no header fields; of those with a reply, what stands before it and
        names nobody.
    """

    start: int
    words: list[Line]

    @classmethod
    def of(cls, lines: Iterable[Line], is_header: Callable[[str], bool], head: int, places: Places) -> Paragraph:
        """Return what is needed of `lines`, the first of which is there; those with words begin before `head`."""
        start, words = -1, list[Line]()
        is_headed = 0
        for line in lines:
            if start < 0:
                start = line.start
            if "@" in line.text:
                places.addressed.append(line.start)
            reply = REPLY.search(line.text)
            if reply is not None:
                places.replies.append(line.start)
                before = line.text[: reply.start()]
                if line.start < head and "@" not in before and _WORDS.search(before):
                    words.append(Line(line.start, before))
            elif is_header(line.text):
                is_headed = 1
            elif line.start < head:
                words.append(line)
        places.headed.extend(bytes((is_headed,)) * (len(places.addressed) - len(places.headed)))
        return cls(start, words)

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


def paragraphs(text: str, is_header: Callable[[str], bool], head: int, places: Places) -> Iterator[Paragraph]:
    """Yield the paragraphs of `text`.

    :param is_header: returns whether a line is a header field.
    :param head: how far into the text words are read.
    :param places: gets the lines that are looked at again.
    """
    for number, lines in groupby(_numbered(text), key=itemgetter(0)):
        if number is not None:
            yield Paragraph.of((line for _, line in lines), is_header, head, places)


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


def line_at(text: str, start: int) -> Line:
    """Return the line that begins at `start`, as much of it as is looked at."""
    line_end = text.find("\n", start, start + LINE_LIMIT)
    return Line(start, text[start : line_end if line_end >= 0 else start + LINE_LIMIT])


def _is_quoted(line: str) -> bool:
    bare = line.lstrip()
    return bare.startswith(">") and not bare.startswith(">>>")
