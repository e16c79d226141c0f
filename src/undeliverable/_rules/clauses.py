"""Part a reply into sentences, and these into clauses, by the phrases that stand there; each clause has a role.

What the phrases are, and where they stand, is found by :mod:`undeliverable._rules.meaning`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from undeliverable._rules.frames import courtesy_end, frame_end, is_about_a_host, wrapper_end
from undeliverable._rules.roles import TRAILER, WRAPPER, Clause, Role
from undeliverable._rules.visible import UNSPACED_FROM
from undeliverable._text.lazy import lazy

__all__ = ["Hit", "between", "clauses_in", "has_words", "sentences", "without"]

# Sentences end at these marks before a blank; "e.g. full" goes on. Bars and dashes between blanks part them as well.
# The pattern begins with all of the marks, which are found fast; printable ASCII that it divides has one of `_ENDS` as well.
_ENDS: Final = (". ", "; ", "! ", "? ", " |", " -")
_END: Final = lazy(
    r"[.!?;。；！？|-](?:(?<=[。；！？])"
    r"|(?<=[.!?;])(?=\s|$)(?<!\be\.g.)(?<!\bi\.e.)|(?<=\s\|)\s?|(?<=\s-)-?\s)"
)
_HEAD: Final = lazy(r"[2-5]\d\d[ -]?(?:[245]\.\d{1,3}\.\d{1,3}\b ?)?")
_LETTERS: Final = lazy(r"[^\W\d_]{2}")
_GAP: Final = 3  # characters before a clause; texts have single blanks
_NEAR: Final = 40
"""How far behind "please" words of time may stand: "please try sending your message again at a later time"."""
_BEFORE_CLAUSE: Final = frozenset(",:;.!?-\u2013\u2014([\"'>)*/|")
_ANYWHERE: Final = ("please", "see http", "see: http")
"""Advice that begins a clause wherever it stands: "message rejected please see http://..."."""


class Hit(NamedTuple):
    """Where a phrase stands, and its kind."""

    start: int
    end: int
    kind: str


def sentences(text: str) -> list[tuple[int, int]]:
    """Return where the parts of `text` stand that its marks separate, without those that are blank."""
    return [*_sentences(text, 0)]


def has_words(text: str) -> bool:
    """Return whether there is a word in `text` beside its codes."""
    return _LETTERS.search(text) is not None


def without(text: str, cuts: Iterable[tuple[int, int]]) -> str:
    """Return `text` without the places `cuts`, which are in order and do not overlap; only its code if no word is left."""
    kept: list[str] = []
    done = 0
    for start, end in cuts:
        kept.append(text[done:start])
        done = end
    rest = "".join([*kept, text[done:]])
    return rest if has_words(rest) else _code_of(rest)


def _code_of(text: str) -> str:
    head = _HEAD.match(text)
    return head[0] if head else ""


def between(hits: Sequence[Hit], begin: int, end: int) -> Sequence[Hit]:
    """Return those of the `hits` that begin from `begin` to before `end`."""
    if not hits or (hits[0].start >= begin and hits[-1].start < end):
        return hits
    return hits[bisect_left(hits, (begin,)) : bisect_left(hits, (end,))]


# One branch for each role that a part of a sentence may have: complexity 11.
def clauses_in(text: str, hits: Sequence[Hit], kinds: Collection[str]) -> Iterator[Clause]:  # noqa: C901
    """Yield the clauses of `text`, in which there are these `hits`, in their order, of these `kinds`."""
    start = first = len(_code_of(text))
    if WRAPPER in kinds:
        start = max(first, wrapper_end(text, (hit.end for hit in hits if hit.kind == WRAPPER)))
    if start > first:
        yield Clause(first, start, Role.WRAPPER)
    openings = [opening for opening in _OPENINGS if opening[0] in kinds]
    for begin, end in _sentences(text, start):
        inside = between(hits, begin, end)
        if not inside:
            yield Clause(begin, end, Role.CAUSE)
            continue
        if begin > first and Role.FOOTER in kinds and any(hit.kind == Role.FOOTER for hit in inside):
            yield Clause(begin, end, Role.FOOTER)
            continue
        at = begin
        for role, reach in openings:
            opened = reach(text, at, end, [hit[:2] for hit in inside if hit.kind == role])
            if opened > at:
                blank = opened < end and text[at] == " "
                yield Clause(at + blank, opened, role)
                at = opened
        advice, role = _advice(text, at, end, inside)
        if text[at:advice].isspace():
            advice = at
        if advice > at:
            yield Clause(at, advice, Role.CAUSE)
        if advice < end:
            yield Clause(advice, end, role)


_OPENINGS: Final = ((Role.COURTESY, courtesy_end), (Role.FRAME, frame_end))


def _sentences(text: str, start: int) -> Iterator[tuple[int, int]]:
    is_divided = any(map(text.__contains__, _ENDS)) or not (text.isascii() and text.isprintable())
    for end in (*((found.end() for found in _END.finditer(text, start)) if is_divided else ()), len(text)):
        if text[start:end].strip():
            yield start, end
        start = end


def _advice(text: str, begin: int, end: int, hits: Sequence[Hit]) -> tuple[int, Role]:
    """Return where advice, or a client's last words, begin in the sentence from `begin` to `end`, or `end`; and which.

    To say when to come back is no advice: "please try again later" says that the failure may pass.
    """
    for hit in hits:
        if hit.kind == "advice" and hit.start >= begin and _opens(text, hit.start, begin):
            near = between(hits, hit.start, hit.start + _NEAR + 1)
            if all(other.kind != "temporary" for other in near):
                return hit.start, Role.ADVICE
        if hit.kind == TRAILER and is_about_a_host(text, hit.end):
            return hit.start, Role.WRAPPER
    return end, Role.ADVICE


def _opens(text: str, at: int, begin: int) -> bool:
    """Return whether a clause begins at `at`: at the beginning of a sentence, or behind a mark."""
    if text[at] >= UNSPACED_FROM or text.startswith(_ANYWHERE, at):
        return True
    before = text[max(begin, at - _GAP) : at].rstrip()
    return not before or before[-1] in _BEFORE_CLAUSE
