"""The part of a reply that decided: its words in their sentence, marked, without the rest of a long reply."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from undeliverable._text.lazy import lazy
from undeliverable._verdicts.matches import Matches
from undeliverable.reasons import Reason
from undeliverable.verdict import Verdict

__all__ = ["excerpt"]

_WHOLE: Final = 240  # characters of a reply that is shown as it is
_AROUND: Final = 100  # characters before and behind the words that decided, at most
_LEFT_OUT: Final = " … "
_SENTENCE: Final = lazy(r"(?<=[.!?;])\s+|\n")
_HEAD: Final = lazy(r"([245]\d\d)-([245]\.\d{1,3}\.\d{1,3} )")
_BLANKS: Final = lazy(r"\s+")


def excerpt(verdict: Verdict) -> tuple[tuple[str, bool], ...]:
    """Return the reply, or the sentences that decided, in pieces, each with whether it is marked."""
    reply = verdict.reply or ""
    found = () if verdict.reason is Reason.UNDEFINED else Matches(verdict).decisive()
    marks = [*_joined(_whole_words(reply, *span) for span in found)]
    windows = [(0, len(reply))] if len(reply) <= _WHOLE else [*_windows(reply, marks)]
    pieces: list[tuple[str, bool]] = []
    for start, end in windows:
        if start:
            pieces.append((_LEFT_OUT, False))
        pieces += _pieces(reply, *_stripped(reply, start, end), marks)
    if windows[-1][1] < len(reply.rstrip()):
        pieces.append((_LEFT_OUT.rstrip(), False))
    repeated = _repeated(reply)
    return tuple((_BLANKS.sub(" ", repeated.sub(" ", text)), marked) for text, marked in pieces if text)


def _repeated(reply: str) -> re.Pattern[str]:
    """Return what finds the code and status that each further line of a reply repeats (RFC 5321 4.2.1)."""
    head = _HEAD.match(reply)
    if head is None:
        return _BLANKS
    return re.compile(rf"(?<=\S)\s+{head[1]}[- ]{re.escape(head[2].strip())}\s+")


def _stripped(reply: str, start: int, end: int) -> tuple[int, int]:
    """Return the part of a reply without blanks at its ends."""
    part = reply[start:end]
    return start + len(part) - len(part.lstrip()), end - len(part) + len(part.rstrip())


def _whole_words(reply: str, start: int, end: int) -> tuple[int, int]:
    """Return the span with the words that it begins and ends in: `greylist` stands for `Greylisted`."""
    while start and reply[start - 1].isalnum() and reply[start].isalnum():
        start -= 1
    while end < len(reply) and reply[end - 1].isalnum() and _goes_on(reply, end):
        end += 1 + (not reply[end].isalnum())
    return start, end


def _goes_on(reply: str, at: int) -> bool:
    """Return whether a word or the name of a host goes on at `at`."""
    return reply[at].isalnum() or (reply[at] in "._" and reply[at + 1 : at + 2].isalnum())


def _windows(reply: str, marks: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the parts of a long reply to show, in order; its beginning always, since the code stands there."""
    around = [(0, _AROUND), *((_begin(reply, start), _end(reply, end)) for start, end in marks)]
    yield from _joined((start, min(end, len(reply))) for start, end in around)


def _begin(reply: str, at: int) -> int:
    """Return where the sentence begins that the character at `at` is in."""
    least = max(at - _AROUND, 0)
    ends = [match.end() for match in _SENTENCE.finditer(reply, least, at)]
    if ends:
        return ends[-1]
    blank = reply.find(" ", least, at) if least else -1
    return blank + 1 if blank >= 0 else least


def _end(reply: str, at: int) -> int:
    """Return where the sentence ends that the character before `at` is in."""
    most = min(at + _AROUND, len(reply))
    match = _SENTENCE.search(reply, max(at - 1, 0), most)
    if match is not None and match.start() >= at - 1:
        return max(match.start(), at)
    blank = reply.rfind(" ", at, most) if most < len(reply) else -1
    return blank if blank >= 0 else most


def _joined(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield spans in order, those that touch or overlap as one."""
    open_: tuple[int, int] | None = None
    for start, end in sorted(spans):
        if open_ is None:
            open_ = start, end
        elif start <= open_[1] + 1:
            open_ = open_[0], max(open_[1], end)
        else:
            yield open_
            open_ = start, end
    if open_ is not None:
        yield open_


def _pieces(reply: str, start: int, end: int, marks: list[tuple[int, int]]) -> Iterator[tuple[str, bool]]:
    at = start
    for begin, stop in marks:
        if start <= begin and stop <= end:
            yield reply[at:begin], False
            yield reply[begin:stop], True
            at = stop
    yield reply[at:end], False
