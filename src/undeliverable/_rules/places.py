"""Where the words of a rule stand in a reply.

Rules match a normalised text: folded, addresses blanked, repeated codes taken out, white space single. So the words
are searched for in that text, by the functions that rules are matched with, and their places are traced back to the
reply. For this `trace_visible` takes the steps of :func:`undeliverable._rules.visible.visible` once more, slowly, and
keeps for each character the part of the reply that it stands for; only explanations need that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate, pairwise
from typing import Final, NamedTuple
from unicodedata import combining

from undeliverable._rules.conditions import PATTERN_LIMIT
from undeliverable._rules.visible import BARE, BRACKETED, FILE, HEAD, IN_PLACE_OF_FILE, REPEATED, TEXT_LIMIT, place_of
from undeliverable._text.fold import BETWEEN_LETTERS, NUMBERED, composed, encoded_once, octets_of, undressed
from undeliverable._text.lazy import lazy

__all__ = ["Traced", "matched_places", "trace_visible"]

_BLANKS: Final = lazy(r"\s+")
_BLANKED: Final = "<>"


class Traced(NamedTuple):
    """A text made of a reply.

    :ivar text: the text.
    :ivar origins: of each character of the text, where the part of the reply that it stands for begins and ends.
    """

    text: str
    origins: list[tuple[int, int]]

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return where the part of the reply begins and ends that the text from `start` to `end` stands for."""
        return self.origins[start][0], self.origins[end - 1][1]

    def folded(self) -> Traced:
        """Return the text as :func:`undeliverable._text.fold.fold` gives it: one character may become several, or none."""
        traced, done = self, None
        while done != traced.text:
            done = traced.text
            traced = _composed(
                _each(str.casefold, _composed(_unnumbered(_each(undressed, _encoded_once(_unnumbered(traced))))))
            )
        return traced.replaced(_spans(BETWEEN_LETTERS, traced.text), " ") if "_" in traced.text else traced

    def replaced(self, spans: Iterable[tuple[int, int]], new: str) -> Traced:
        """Return the text with `new` in place of each of the `spans`, which are in order and do not overlap."""
        pieces, origins, done = list[str](), list[tuple[int, int]](), 0
        for start, end in spans:
            pieces += self.text[done:start], new
            origins += self.origins[done:start] + [self.origin(start, end)] * len(new)
            done = end
        return Traced("".join(pieces) + self.text[done:], origins + self.origins[done:])


def _each(change: Callable[[str], str], traced: Traced) -> Traced:
    """Return the text with each character changed alone."""
    pairs = [(char, origin) for old, origin in zip(*traced, strict=True) for char in change(old)]
    return Traced("".join([char for char, _ in pairs]), [origin for _, origin in pairs])


def _unnumbered(traced: Traced) -> Traced:
    """Return the text with octets that are written as numbers undone."""
    for span in reversed([*_spans(NUMBERED, traced.text)]):
        traced = traced.replaced((span,), octets_of(traced.text[slice(*span)]))
    return traced


def _encoded_once(traced: Traced) -> Traced:
    """Return the text with further encodings to UTF-8 undone: several characters become one."""
    while (text := encoded_once(traced.text)) != traced.text:
        ends = [*accumulate(len(char.encode()) for char in text)]
        traced = Traced(text, [traced.origin(start, end) for start, end in pairwise((0, *ends))])
    return traced


def _composed(traced: Traced) -> Traced:
    """Return the text with letters and their accents composed."""
    if traced.text.isascii():
        return traced
    spans, start = list[tuple[int, int]](), 0
    for end in range(1, len(traced.text) + 1):
        rest = traced.text[end : end + 1]
        if rest and combining(rest):
            continue
        cluster = traced.text[start:end]
        if composed(cluster + rest) == composed(cluster) + rest:
            spans.append((start, end))
            start = end
    pairs = [(char, traced.origin(*span)) for span in spans for char in composed(traced.text[slice(*span)])]
    return Traced("".join([char for char, _ in pairs]), [origin for _, origin in pairs])


def matched_places(phrases: Iterable[str], pattern: str | None, text: str) -> Iterator[tuple[int, int]]:
    """Yield where those of the `phrases` stand that a rule finds in `text`, then where its `pattern` matches.

    A pattern that only looks around gives an empty place.

    :param text: what rules see of a reply, as ``visible`` and :func:`trace_visible` give it.
    """
    for phrase in phrases:
        start = place_of(phrase, text)
        if start >= 0:
            yield start, start + len(phrase)
    found = None if pattern is None else lazy(pattern, re.IGNORECASE).search(text, 0, PATTERN_LIMIT)
    if found is not None:
        yield found.span()


def trace_visible(reply: str, code: int, addresses: Iterable[str | None] = ()) -> Traced:
    """Return what rules see of `reply`, whose code is `code` (0: none), and where each character of it came from.

    :param addresses: the recipient's addresses, which are blanked however they stand there.
    """
    traced = Traced(reply, [(at, at + 1) for at in range(len(reply))])
    if "@" in reply:
        for address in addresses:
            if address:
                traced = _without(address, traced)
    traced = Traced(traced.text[:TEXT_LIMIT], traced.origins[:TEXT_LIMIT])
    traced = traced.replaced(_spans(FILE, traced.text), IN_PLACE_OF_FILE).folded()
    traced = traced.replaced(_spans(BRACKETED, traced.text), _BLANKED)
    traced = traced.replaced(_bare_addresses(traced.text), _BLANKED)
    if code and (traced.text.count(traced.text[:3]) > 1 or traced.text[3:4] == "-"):
        traced = _joined(traced)
    text = traced.text
    return _squeezed(traced) if "  " in text or "\n" in text or "\t" in text or not text.isascii() else traced


def _without(address: str, traced: Traced) -> Traced:
    if address not in traced.text:
        folded, address = traced.folded(), address.casefold()
        if address not in folded.text:
            return traced
        traced = folded
    return traced.replaced(_spans(re.compile(re.escape(address)), traced.text), _BLANKED)


def _bare_addresses(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for token in text.split(" "):
        if "@" in token:
            yield from _spans(BARE, token, start)
        start += len(token) + 1


def _joined(traced: Traced) -> Traced:
    code = traced.text[:3]
    head = HEAD.match(traced.text)
    end = head.end() if head else 0
    traced = traced.replaced(_spans(REPEATED, traced.text[end:], end), "")
    return traced.replaced(_spans(re.compile(re.escape(f" {code} ")), traced.text[end:], end), " ")


def _squeezed(traced: Traced) -> Traced:
    start, end = len(traced.text) - len(traced.text.lstrip()), len(traced.text.rstrip())
    traced = Traced(traced.text[start:end], traced.origins[start:end])
    return traced.replaced(_spans(_BLANKS, traced.text), " ")


def _spans(pattern: re.Pattern[str], text: str, moved: int = 0) -> Iterator[tuple[int, int]]:
    return ((match.start() + moved, match.end() + moved) for match in pattern.finditer(text))
