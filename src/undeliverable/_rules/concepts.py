"""Read what a reply speaks of: concepts that stand together in one clause, in whatever words and language.

Phrases that are known by heart decide first. Where none of them fits, the words still say something: that there is a
recipient and that it is unknown, that there is a limit and that it was exceeded. The words of each concept are data, by
language (``data/languages``); which concepts together give which reason is data too (``means`` of a rule).

Negation is counted: "could not be found" is unknown, "is not disabled" is nothing. Of words that overlap the longer ones
count: in "sender address" nothing is said of a recipient.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from undeliverable._rules.concept_names import CONCEPTS, NOT, OPPOSITES, THINGS
from undeliverable._rules.phrases import words_of
from undeliverable._rules.visible import UNSPACED_FROM
from undeliverable._text.fold import fold
from undeliverable._text.lazy import lazy
from undeliverable.errors import EntryError
from undeliverable.errors._tables import as_list, as_table, expected

__all__ = ["TABLE", "ConceptWords", "Concepts", "concept_words"]

TABLE: Final = "concepts"
"""The key of the table in a file of ``data/languages``."""
_WORD: Final = lazy(r"[^\W_]+")
_STEM: Final = 5  # letters by which a word that may go on is filed, if it has so many
_SHORTEST: Final = 2
_REMEMBERED: Final = 4_096  # words of replies
_OPEN: Final = "*"
_MARK: Final = lazy(r"<[\w.+-]{0,64}>")  # a blanked address, or a mailbox without its domain
_RECIPIENT: Final = "recipient"
_BARRIER: Final = frozenset(",:()/")  # negation does not reach across them
_REACH: Final = 3
"""How many words may stand between a negation and what it negates: "cannot now be reached"."""
_CLOSE: Final = 1
"""How many may stand between them where only "not disabled", "not been disabled" is meant."""


class ConceptWords(NamedTuple):
    """The words of all languages as the index holds them, each with its concepts.

    :ivar spaced: phrases by their first word, or by the beginning of one that may go on, with `*`.
    :ivar unspaced: the same of scripts that put no blanks between words, by their first character.
    """

    spaced: dict[str, list[tuple[str, Sequence[str]]]]
    unspaced: dict[str, list[tuple[str, Sequence[str]]]]


_Phrase: TypeAlias = tuple[str, tuple[str, ...], bool]
"""A phrase, its concepts, and whether its last word may go on."""


class _Hit(NamedTuple):
    start: int
    end: int
    concepts: tuple[str, ...]


def concept_words(tables: Iterable[object]) -> ConceptWords:
    """Return the words of the ``[concepts]`` tables of ``data/languages``.

    :raises EntryError: for an unknown concept, or for anything but lists of phrases.
    """
    known = CONCEPTS | OPPOSITES.keys() | {NOT}
    found: dict[str, set[str]] = {}
    for value in tables:
        table = as_table(value)
        if table is None:
            raise EntryError("must be a table", key=TABLE)
        for concept in table:
            if concept not in known:
                raise EntryError(f"unknown concept; {expected(known)}", key=f"{TABLE}.{concept}")
            for phrase in _phrases(table, concept):
                found.setdefault(phrase, set()).add(concept)
    spaced: dict[str, list[tuple[str, Sequence[str]]]] = {}
    unspaced: dict[str, list[tuple[str, Sequence[str]]]] = {}
    for phrase, concepts in sorted(found.items()):
        if phrase[0] < UNSPACED_FROM:
            spaced.setdefault(_key(phrase), []).append((phrase, sorted(concepts)))
        else:
            unspaced.setdefault(phrase[0], []).append((phrase, sorted(concepts)))
    return ConceptWords(spaced, unspaced)


def _phrases(table: Mapping[str, object], concept: str) -> tuple[str, ...]:
    items = as_list(table[concept])
    found = tuple(" ".join(fold(item).split()) for item in items or () if isinstance(item, str) and item.strip(" *"))
    if items is None or len(found) != len(items):
        raise EntryError("must be a list of phrases, none of them empty", key=f"{TABLE}.{concept}")
    return found


def _key(phrase: str) -> str:
    """Return what a phrase is filed under: its first word, or the beginning of a word that may go on."""
    first: str = _WORD.findall(phrase)[0]
    return f"{first[:_STEM]}{_OPEN}" if phrase == f"{first}{_OPEN}" else first


class Concepts:
    """The words of all languages, ready to be looked for; immutable."""

    __slots__ = ("_begun_by", "_spaced", "_unspaced")

    def __init__(self, words: ConceptWords | None = None) -> None:
        spaced, unspaced = words or ConceptWords({}, {})
        self._spaced: Final = spaced
        self._unspaced: Final = unspaced
        self._begun_by: Final = lru_cache(maxsize=_REMEMBERED)(self._filed_under)

    def of(self, clause: str) -> frozenset[str]:
        """Return the concepts in `clause`, which is a text as rules see it."""
        hits = _outermost(self._hits(clause))
        negations = [hit for hit in hits if NOT in hit.concepts]
        found: set[str] = set()
        for hit in hits:
            for concept in hit.concepts:
                opposite = OPPOSITES.get(concept)
                if opposite is not None:
                    if _negated(hit, negations, clause):
                        found.add(opposite)
                elif concept != NOT and (concept in THINGS or not _dismissed(hit, negations, clause)):
                    found.add(concept)
        return frozenset(found)

    def may_mean(self, concepts: frozenset[str], text: str, words: Iterable[str]) -> bool:
        """Return whether a word of one of the `concepts` may stand in `text`: false only if none does.

        :param words: the words of `text`, and maybe others.
        """
        return any(
            not concepts.isdisjoint(found) and phrase in text
            for word in words
            for phrase, found, _ in self._begun_by(word)
        ) or (not text.isascii() and any(not concepts.isdisjoint(hit.concepts) for hit in self._unspaced_hits(text)))

    def _hits(self, text: str) -> list[_Hit]:
        """Return where words of any concept stand in `text`."""
        found = [_Hit(*mark.span(), (_RECIPIENT,)) for mark in _MARK.finditer(text)] if "<" in text else []
        for word in {*words_of(text)}:
            for phrase in self._begun_by(word):
                if phrase[0] in text:
                    found += _hits_of(phrase, text)
        if not text.isascii():
            found += self._unspaced_hits(text)
        return found

    def _filed_under(self, word: str) -> tuple[_Phrase, ...]:
        """Return the phrases that may begin with `word`."""
        keys = (word, *(word[:length] + _OPEN for length in range(_SHORTEST, _STEM + 1)))
        return _made(entry for key in dict.fromkeys(keys) for entry in self._spaced.get(key, ()))

    def _unspaced_hits(self, text: str) -> Iterator[_Hit]:
        for char in self._unspaced.keys() & {*text}:
            for phrase, concepts in self._unspaced[char]:
                at = text.find(phrase)
                if at >= 0:
                    yield _Hit(at, at + len(phrase), tuple(concepts))


def _made(found: Iterable[tuple[str, Iterable[str]]]) -> tuple[_Phrase, ...]:
    """Return phrases ready to be looked for."""
    return tuple([(phrase.removesuffix(_OPEN), tuple(concepts), phrase[-1] == _OPEN) for phrase, concepts in found])


def _hits_of(phrase: _Phrase, text: str) -> list[_Hit]:
    """Return where `phrase` stands in `text` as whole words, the last one with any ending if it may go on."""
    bare, concepts, is_open = phrase
    found: list[_Hit] = []
    at = text.find(bare)
    while at >= 0:
        end = at + len(bare)
        while is_open and text[end : end + 1].isalnum():
            end += 1
        if (at == 0 or not text[at - 1].isalnum()) and not text[end : end + 1].isalnum() and not _named(text, at, end):
            found.append(_Hit(at, end, concepts))
        at = text.find(bare, at + 1)
    return found


def _named(text: str, start: int, end: int) -> bool:
    """Return whether a word is a part of a name, such as a host's: "sender.example.org"."""
    return (end + 1 < len(text) and text[end] == "." and text[end + 1].isalnum()) or (
        start > 1 and text[start - 1] in ".@" and text[start - 2].isalnum()
    )


def _outermost(hits: Iterable[_Hit]) -> list[_Hit]:
    """Return the hits that lie in no longer one, in their order."""
    kept: list[_Hit] = []
    for hit in sorted(hits, key=_by_place):
        if not kept or hit.end > kept[-1].end or hit[:2] == kept[-1][:2]:
            kept.append(hit)
    return kept


def _by_place(hit: _Hit) -> tuple[int, int]:
    return hit.start, -hit.end


def _negated(hit: _Hit, negations: Iterable[_Hit], text: str) -> bool:
    """Return whether a negation stands not far before the words of `hit`, or directly behind them."""
    return any(
        _between(text, other.end, hit.start, _REACH) or _between(text, hit.end, other.start, _CLOSE)
        for other in negations
    )


def _dismissed(hit: _Hit, negations: Iterable[_Hit], text: str) -> bool:
    """Return whether a negation stands directly before the words of `hit`."""
    return any(_between(text, other.end, hit.start, _CLOSE) for other in negations)


def _between(text: str, end: int, start: int, words: int) -> bool:
    """Return whether at most so many words, and no mark, stand between two places that follow each other."""
    if start < end:
        return False
    between = text[end:start]
    return len(between.split()) <= words and _BARRIER.isdisjoint(between)
