"""Split a reply into clauses and say what each one is for, before rules look at its words.

A reply states a cause, and often more: what to do about it, where to read on, what scanned it. Only the cause may name
the reason; "please set up SPF and DKIM" behind "user unknown" says nothing about SPF. The phrases that begin advice, mark a
footer, or call a failure temporary or uncertain are data, one file per language (``data/languages``). All of them are
looked for in one pass over the words of the text.

Texts are as :func:`undeliverable._rules.conditions.visible` gives them: folded, on one line, with single blanks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from undeliverable._rules.conditions import as_list
from undeliverable._rules.phrases import words_of
from undeliverable._rules.visible import UNSPACED_FROM
from undeliverable._text.fold import fold
from undeliverable._text.lazy import lazy
from undeliverable.errors import EntryError

__all__ = [
    "BY_MEANING",
    "LANGUAGE_KEYS",
    "NO_DOUBTS",
    "Clause",
    "Doubts",
    "Meaning",
    "Role",
    "Vocabulary",
    "has_words",
    "vocabulary",
    "without",
]

BY_MEANING: Final = ("wording.", "general.")
"""How the ids of built-in rules begin that know no provider's exact phrases: they see the causes alone, and rank last."""
LANGUAGE_KEYS: Final = ("temporary", "not_temporary", "hedge", "either", "advice", "footer")
"""The keys of a file in ``data/languages``."""
_RESOLVER: Final = "cannot_resolve"  # the key of data/clients.toml

# Sentences end at these marks before a blank; "e.g. full" goes on. Bars and dashes between blanks part them as well.
_END: Final = lazy(r"(?<!\be\.g)(?<!\bi\.e)[.!?;](?=\s|$)|[。；！？]|\s\|\s?|\s-{1,2}\s")
_LINK: Final = lazy(r"(?:https?://|www\.)[^\s<>\"')\]]{1,500}")
# A host name with a path, as links are abbreviated: "help.example.net/user-unknown".
_PATH: Final = lazy(r"(?<![\w./@-])(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}/[^\s<>\"')\]]{1,300}")
_HEAD: Final = lazy(r"[2-5]\d\d[ -]?(?:[245]\.\d{1,3}\.\d{1,3}\b ?)?")
_WORD: Final = lazy(r"[^\W_]+")
_LETTERS: Final = lazy(r"[^\W\d_]{2}")
_STEM: Final = 5  # letters by which a word that may go on is filed
_OPEN: Final = "*"
_NEAR: Final = 40
"""How far behind "please" words of time may stand: "please try sending your message again at a later time"."""
_BEFORE_CLAUSE: Final = frozenset(",:;.!?-\u2013\u2014([\"'>)*/|")
_ANYWHERE: Final = ("please", "see http", "see: http")
"""Advice that begins a clause wherever it stands: "message rejected please see http://..."."""


class Role(StrEnum):
    """What a clause is for."""

    CAUSE = "cause"
    ADVICE = "advice"
    FOOTER = "footer"


class Clause(NamedTuple):
    """A part of a text, by its offsets, and its role."""

    start: int
    end: int
    role: Role


class Doubts(NamedTuple):
    """The words by which a reply says that its cause may pass, may be another, or is not about the recipient.

    :ivar temporary: words of time in a clause that states the cause: "temporarily".
    :ivar hedge: words that introduce several possible causes: "may not exist, or".
    :ivar resolver: words of a program that cannot find the host it hands its own mail to.
    """

    temporary: str | None = None
    hedge: str | None = None
    resolver: str | None = None


NO_DOUBTS: Final = Doubts()


class _Hit(NamedTuple):
    start: int
    end: int
    kind: str


class Vocabulary(NamedTuple):
    """The phrases of all languages as the index holds them.

    :ivar spaced: phrases with their kind, by their first word, or by the beginning of one that may go on, with `*`.
    :ivar unspaced: the same of scripts that put no blanks between words.
    """

    spaced: dict[str, list[tuple[str, str]]]
    unspaced: list[tuple[str, str]]


def vocabulary(languages: Iterable[Mapping[str, object]], clients: Mapping[str, object]) -> Vocabulary:
    """Return the phrases of the documents of ``data/languages`` and of ``data/clients.toml``.

    :raises EntryError: for an unknown key, or for anything but lists of phrases.
    """
    found: set[tuple[str, str]] = set()
    for table, keys in (*((language, LANGUAGE_KEYS) for language in languages), (clients, (_RESOLVER,))):
        if unknown := sorted(set(table) - set(keys)):
            raise EntryError(f"unknown key; expected one of {', '.join(keys)}", key=unknown[0])
        found |= {(phrase, key) for key in table for phrase in _phrases(table[key], key)}
    spaced: dict[str, list[tuple[str, str]]] = {}
    for phrase, kind in sorted(found, key=lambda entry: (-len(entry[0]), entry)):  # of two, the longer one counts
        if phrase[0] < UNSPACED_FROM:
            spaced.setdefault(_key(phrase), []).append((phrase, kind))
    return Vocabulary(spaced, sorted(entry for entry in found if entry[0][0] >= UNSPACED_FROM))


def _key(phrase: str) -> str:
    """Return what a phrase is filed under: its first word, or the beginning of a word that may go on."""
    first: str = _WORD.findall(phrase)[0]
    return f"{first[:_STEM]}{_OPEN}" if phrase == f"{first}{_OPEN}" else first


def _phrases(value: object, key: str) -> tuple[str, ...]:
    items = as_list(value)
    found = tuple(" ".join(fold(item).split()) for item in items or () if isinstance(item, str) and item.strip(" *"))
    if items is None or len(found) != len(items):
        raise EntryError("must be a list of phrases, none of them empty", key=key)
    return found


def has_words(text: str) -> bool:
    """Return whether there is a word in `text` beside its codes."""
    return _LETTERS.search(text) is not None


class Meaning:
    """The phrases of all languages, ready to be looked for; immutable."""

    __slots__ = ("_doubting", "_parting", "_spaced", "_unspaced")

    def __init__(self, words: Vocabulary | None = None) -> None:
        words = words or Vocabulary({}, [])
        self._spaced: Final = words.spaced
        self._unspaced: Final = words.unspaced
        self._parting: Final = _Needed.of(words, _PARTING_OFF)
        self._doubting: Final = _Needed.of(words, _DOUBTFUL)

    def clauses(self, text: str) -> list[Clause]:
        """Return the clauses of `text` in their order; together they cover it but for the code that it begins with."""
        return [*_clauses(text, self._hits(text, words_of(text), _links(text)))]

    def cause(self, text: str, words: Sequence[str]) -> str:
        """Return the causes that `text` states, without advice, footers and links; `words` are those of `text`.

        A text that states no cause at all is returned as its code, or as an empty text.
        """
        if "/" not in text and "www." not in text and not self._parting.stand_in(text, words):
            return text
        cuts = self._cuts(text, words)
        return without(text, cuts) if cuts else text

    def cuts(self, text: str) -> list[tuple[int, int]]:
        """Return where `text` states no cause, in order and without overlaps: the places that :meth:`cause` leaves out."""
        return self._cuts(text, words_of(text))

    def _cuts(self, text: str, words: Sequence[str]) -> list[tuple[int, int]]:
        links = _links(text)
        clauses = _clauses(text, self._hits(text, words, links))
        cuts = [(clause.start, clause.end) for clause in clauses if clause.role is not Role.CAUSE]
        return sorted(cuts + [link for link in links if not any(start <= link[0] < end for start, end in cuts)])

    def doubts(self, text: str, words: Sequence[str]) -> Doubts:
        """Return the words that make the cause stated by `text` temporary, uncertain, or somebody else's."""
        if not self._doubting.stand_in(text, words):
            return NO_DOUBTS
        hits = self._hits(text, words, _links(text))
        if not any(hit.kind in _DOUBTFUL for hit in hits):
            return NO_DOUBTS
        causes = [clause for clause in _clauses(text, hits) if clause.role is Role.CAUSE]
        return Doubts(
            next(filter(None, (_temporary(text, clause, hits) for clause in causes)), None),
            next(filter(None, (_hedge(text, clause, hits) for clause in causes)), None),
            next((text[hit.start : hit.end] for hit in hits if hit.kind == _RESOLVER), None),
        )

    def certain(self, text: str) -> str:
        """Return the causes that `text` states as certain: those of :meth:`cause` without the clauses that may be so."""
        words, links = words_of(text), _links(text)
        hits = self._hits(text, words, links)
        doubtful = [
            (clause.start, clause.end)
            for clause in _clauses(text, hits)
            if clause.role is Role.CAUSE and _hedge(text, clause, hits)
        ]
        cuts = [cut for cut in self._cuts(text, words) if not any(start <= cut[0] < end for start, end in doubtful)]
        return without(text, sorted(cuts + doubtful))

    def _hits(self, text: str, words: Sequence[str], links: Sequence[tuple[int, int]]) -> list[_Hit]:
        """Return where phrases stand in `text` outside links, in their order, the longer one of two first."""
        known = self._spaced.keys()
        found = [
            hit
            for key in known & words | known & _stems(words)
            for phrase, kind in self._spaced[key]
            for hit in _hits_of(phrase, kind, text)
        ]
        if max(text, default="") >= UNSPACED_FROM:
            found += [hit for phrase, kind in self._unspaced for hit in _hits_of(phrase, kind, text)]
        if links:
            found = [hit for hit in found if not any(start <= hit.start < end for start, end in links)]
        found.sort(key=_by_place)
        return found


class _Needed(NamedTuple):
    """The words of which one stands in every text with certain phrases, so that most texts are left alone quickly.

    :ivar stems: the beginnings of words that may go on.
    :ivar unspaced: whether any of the phrases is of a script that puts no blanks between words.
    """

    words: frozenset[str]
    stems: frozenset[str]
    unspaced: bool

    @classmethod
    def of(cls, vocabulary: Vocabulary, kinds: frozenset[str]) -> _Needed:
        phrases = [phrase for found in vocabulary.spaced.values() for phrase, kind in found if kind in kinds]
        needed = {_needed(phrase) for phrase in phrases}
        return cls(
            frozenset(word for word in needed if word[-1] != _OPEN),
            frozenset(word for word in needed if word[-1] == _OPEN),
            any(kind in kinds for _, kind in vocabulary.unspaced),
        )

    def stand_in(self, text: str, words: Sequence[str]) -> bool:
        """Return whether one of the words stands in `text`, which has these `words`."""
        return (
            not self.words.isdisjoint(words)
            or not self.stems.isdisjoint(_stems(words))
            or (self.unspaced and not text.isascii() and max(text) >= UNSPACED_FROM)
        )


def _needed(phrase: str) -> str:
    """Return a word that every text with `phrase` has; the longest one stands in the fewest texts."""
    words: list[str] = _WORD.findall(phrase)
    closed = words[:-1] if phrase[-1] == _OPEN else words
    return max(closed, key=len) if closed else _key(phrase)


def _stems(words: Iterable[str]) -> list[str]:
    return [f"{word[:_STEM]}{_OPEN}" for word in words]


def without(text: str, cuts: Iterable[tuple[int, int]]) -> str:
    """Return `text` without the places `cuts`, which are in order and do not overlap; only its code if no word is left."""
    kept, done = list[str](), 0
    for start, end in cuts:
        kept.append(text[done:start])
        done = end
    rest = "".join([*kept, text[done:]])
    return rest if has_words(rest) else _code_of(rest)


def _code_of(text: str) -> str:
    head = _HEAD.match(text)
    return head[0] if head else ""


def _links(text: str) -> list[tuple[int, int]]:
    """Return where links stand in `text`, in order and without overlaps."""
    links = [found.span() for found in _LINK.finditer(text)] if "://" in text or "www." in text else []
    if "/" in text:
        links += [
            found.span()
            for found in _PATH.finditer(text)
            if not any(start <= found.start() < end for start, end in links)
        ]
        links.sort()
    return links


def _by_place(hit: _Hit) -> tuple[int, int, str]:
    return hit.start, -hit.end, hit.kind


def _hits_of(phrase: str, kind: str, text: str) -> Iterator[_Hit]:
    """Yield where `phrase` stands in `text` as whole words, the last one with any ending if it is open."""
    is_open = phrase[-1] == _OPEN
    bare = phrase[:-1] if is_open else phrase
    at = text.find(bare)
    while at >= 0:
        end = at + len(bare)
        begins = at == 0 or not text[at - 1].isalnum() or bare[0] >= UNSPACED_FROM
        if begins and (
            is_open or not bare[-1].isalnum() or bare[-1] >= UNSPACED_FROM or not text[end : end + 1].isalnum()
        ):
            yield _Hit(at, end, kind)
        at = text.find(bare, at + 1)


_PARTING_OFF: Final = frozenset(("advice", "footer"))
_DOUBTFUL: Final = frozenset(("temporary", "hedge", _RESOLVER))


def _clauses(text: str, hits: Sequence[_Hit]) -> Iterator[Clause]:
    first = len(_code_of(text))
    for begin, end in _sentences(text, first):
        inside = [hit for hit in hits if begin <= hit.start < end]
        if begin > first and any(hit.kind == "footer" for hit in inside):
            yield Clause(begin, end, Role.FOOTER)
            continue
        advice = _advice(text, begin, end, inside)
        if text[begin:advice].isspace():
            advice = begin
        if advice > begin:
            yield Clause(begin, advice, Role.CAUSE)
        if advice < end:
            yield Clause(advice, end, Role.ADVICE)


def _sentences(text: str, start: int) -> Iterator[tuple[int, int]]:
    while start < len(text):
        found = _END.search(text, start)
        end = len(text) if found is None else found.end()
        if text[start:end].strip():
            yield start, end
        start = end


def _advice(text: str, begin: int, end: int, hits: Sequence[_Hit]) -> int:
    """Return where advice begins in the sentence from `begin` to `end`, or `end`.

    To say when to come back is no advice: "please try again later" says that the failure may pass.
    """
    for hit in hits:
        if hit.kind != "advice" or not _opens(text, hit.start, begin):
            continue
        if not any(other.kind == "temporary" and 0 <= other.start - hit.start <= _NEAR for other in hits):
            return hit.start
    return end


def _opens(text: str, at: int, begin: int) -> bool:
    """Return whether a clause begins at `at`: at the beginning of a sentence, or behind a mark."""
    before = text[begin:at].rstrip()
    return not before or before[-1] in _BEFORE_CLAUSE or text[at] >= UNSPACED_FROM or text.startswith(_ANYWHERE, at)


def _temporary(text: str, clause: Clause, hits: Sequence[_Hit]) -> str | None:
    inside = [hit for hit in hits if clause.start <= hit.start < clause.end]
    if any(hit.kind == "not_temporary" for hit in inside):
        return None
    return next((text[hit.start : hit.end] for hit in inside if hit.kind == "temporary"), None)


def _hedge(text: str, clause: Clause, hits: Sequence[_Hit]) -> str | None:
    inside = [hit for hit in hits if clause.start <= hit.start < clause.end]
    hedge = next((hit for hit in inside if hit.kind == "hedge"), None)
    if hedge is None or not any(hit.kind == "either" and hit.start > hedge.start for hit in inside):
        return None
    return text[hedge.start : hedge.end]
