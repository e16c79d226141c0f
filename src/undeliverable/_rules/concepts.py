"""Read what a reply is about: concepts that stand together in one clause, in whatever words and language.

Phrases that are known by heart decide first. Where none of them fits, the words still say something: that there is a
recipient and that it is unknown, that there is a limit and that it was exceeded. The words of each concept are data, by
language (``data/languages``); which concepts together give which reason is data too (``means`` of a rule).

Negation is counted: "could not be found" is unknown, "is not disabled" is nothing. Of words that overlap the longer ones
count: in "sender address" nothing is said of a recipient.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise, takewhile
from typing import Final, NamedTuple, TypeAlias

from undeliverable._rules.concept_names import CONCEPTS, NOT, OPPOSITES, THINGS
from undeliverable._rules.phrases import ByWord, Made, words_of
from undeliverable._rules.visible import UNSPACED_FROM
from undeliverable._text.fold import fold
from undeliverable._text.lazy import lazy
from undeliverable._text.letters import without_accents
from undeliverable.errors import EntryError
from undeliverable.errors._tables import as_list, as_table, expected

__all__ = ["TABLE", "ConceptWords", "Concepts", "concept_words"]

TABLE: Final = "concepts"
"""The key of the table in a file of ``data/languages``."""
_WORD: Final = lazy(r"[^\W_]+")
_STEM: Final = 5  # letters by which a word that may go on is filed, if it has so many
_SHORTEST: Final = 2
_SECOND: Final = 4  # letters by which longer phrases are distinguished
_OPEN: Final = "*"
_MARK: Final = lazy(r"<[\w.+-]{0,64}>")  # a blanked address, or a mailbox without its domain
_RECIPIENT: Final = "recipient"
_SENDER: Final = "sender"
_MARGIN: Final = "  "  # around a clause, so that the characters around a word need not be counted
_IN_NAMES: Final = ".@"
_NONE: Final[frozenset[str]] = frozenset()
_BARRIER: Final = frozenset(",:()/")  # negation does not reach across them
_REACH: Final = 3
"""How many words may stand between a negation and what it negates: "cannot now be reached"."""
_PLAIN_LETTERS: Final = 5
"""How many letters a phrase needs to be known without its accents: shorter ones are words of other languages."""
_CLOSE: Final = 1
"""How many may stand between them where only "not disabled", "not been disabled" is meant."""


class ConceptWords(NamedTuple):
    """The words of all languages as the index holds them: texts, each of which is read when its word is first met.

    A text has a line for each phrase, with its concepts behind a tab.

    :ivar spaced: phrases by their first word, or by the beginning of one that may go on, with `*`.
    :ivar unspaced: the same of scripts that put no blanks between words, by their first character.
    """

    spaced: dict[str, str]
    unspaced: dict[str, str]


_Concepts: TypeAlias = tuple[str, ...]
_Phrase: TypeAlias = tuple[str, _Concepts, bool]
"""A phrase, its concepts, and whether its last word may go on."""
_Hit: TypeAlias = tuple[int, int, _Concepts]
"""Where words stand, in an order in which longer ones come first: their begin, their end below 0, their concepts."""


class _Filed:
    """What begins with a word.

    :ivar all: the concepts of all of it.
    :ivar alone: those of the word alone.
    :ivar longer: longer phrases, by how their second word begins.
    :ivar others: longer phrases whose second word may be any.
    :ivar has_longer: whether there are any of these.
    """

    __slots__ = ("all", "alone", "has_longer", "longer", "others")

    def __init__(self, alone: _Concepts, longer: dict[str, tuple[_Phrase, ...]], others: tuple[_Phrase, ...]) -> None:
        self.alone: Final = alone
        self.longer: Final = longer
        self.others: Final = others
        self.has_longer: Final = bool(longer or others)
        self.all: Final = frozenset((*alone, *(concept for _, concepts, _ in self.phrases() for concept in concepts)))

    def phrases(self) -> Iterator[_Phrase]:
        """Return all longer phrases; some more than once."""
        return chain(*self.longer.values(), self.others)


def concept_words(tables: Iterable[object]) -> ConceptWords:
    """Return the words of the ``[concepts]`` tables of ``data/languages``.

    :raises EntryError: for an unknown concept, or for anything but lists of phrases.
    """
    known = {*CONCEPTS, *OPPOSITES, NOT}
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
    found |= _written_plainly(found)
    filed = ConceptWords({}, {})
    for phrase, concepts in sorted(found.items()):
        words, key = (filed.spaced, _key(phrase)) if phrase[0] < UNSPACED_FROM else (filed.unspaced, phrase[0])
        line = f"{phrase}\t{' '.join(sorted(concepts))}"
        words[key] = f"{words[key]}\n{line}" if key in words else line
    return filed


def _written_plainly(found: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return the phrases as servers write them that have no accents, where they are no phrases already."""
    plain: dict[str, set[str]] = {}
    for phrase, concepts in found.items():
        for written in without_accents(phrase):
            if sum(map(str.isalpha, written)) >= _PLAIN_LETTERS and written not in found:
                plain.setdefault(written, set()).update(concepts)
    return plain


def _phrases(table: Mapping[str, object], concept: str) -> tuple[str, ...]:
    items = as_list(table[concept])
    found = tuple(" ".join(fold(item).split()) for item in items or () if isinstance(item, str) and item.strip(" *"))
    if items is None or len(found) != len(items) or not all(phrase[0].isalnum() for phrase in found):
        raise EntryError(
            "must be a list of phrases, none of them empty, that begin with a word", key=f"{TABLE}.{concept}"
        )
    return found


def _key(phrase: str) -> str:
    """Return what a phrase is filed under: its first word, or the beginning of a word that may go on."""
    first: str = _WORD.findall(phrase)[0]
    return f"{first[:_STEM]}{_OPEN}" if phrase == f"{first}{_OPEN}" else first


class Concepts:
    """The words of all languages, ready to be looked for; immutable."""

    def __init__(self, words: ConceptWords | None = None) -> None:
        spaced, unspaced = words or ConceptWords({}, {})

        def filed_under(word: str) -> _Filed | None:
            keys = (word, *(word[:length] + _OPEN for length in range(_SHORTEST, _STEM + 1)))
            filed = [phrase for key in dict.fromkeys(keys) if key in spaced for phrase in _read(spaced[key])]
            return _filed(word, filed) if filed else None

        self._by_word: Final = ByWord(filed_under).__getitem__
        self._by_char: Final = ByWord(lambda char: _read(unspaced.get(char, ""))).__getitem__
        self._naming: Final = Made(self._named_by)

    def _named_by(self, concepts: frozenset[str]) -> Callable[[str], tuple[str, ...]]:
        """Return what gives the phrases of any of the `concepts` by their first word; "" for a word that is one itself."""

        def phrases_of(word: str) -> tuple[str, ...]:
            under = self._by_word(word)
            if under is None or concepts.isdisjoint(under.all):
                return ()
            alone = () if concepts.isdisjoint(under.alone) else ("",)
            return (*alone, *(bare for bare, means, _ in under.phrases() if not concepts.isdisjoint(means)))

        return ByWord(phrases_of).__getitem__

    def of(self, clause: str) -> frozenset[str]:
        """Return the concepts in `clause`, which is a text as rules see it."""
        return self.in_clauses(clause, words_of(clause), ((0, len(clause)),))[0]

    def places(self, clause: str) -> Iterator[tuple[str, int, int]]:
        """Yield the concepts in `clause`, each with where its words begin and end, in their order."""
        text = f"{_MARGIN}{clause}{_MARGIN}"
        hits = _outermost(self._hits(text, words_of(clause)))
        negations = {hit for hit in hits if NOT in hit[2]}
        for hit in hits:
            may_mean = {OPPOSITES.get(concept, concept) for concept in hit[2]}
            for concept in sorted(may_mean & _said(sorted({hit, *negations}), text)):
                yield concept, hit[0] - len(_MARGIN), -hit[1] - len(_MARGIN)

    def denied(self, clause: str) -> frozenset[str]:
        """Return the concepts whose words a negation stands directly before in `clause`, such as `disabled`: "not closed"."""
        text = f"{_MARGIN}{clause}{_MARGIN}"
        hits = _outermost(self._hits(text, words_of(clause)))
        negations = [hit for hit in hits if NOT in hit[2]]
        return frozenset(concept for hit in hits if _dismissed(hit, negations, text) for concept in hit[2])

    def may_mean(self, concepts: frozenset[str], text: str, words: Sequence[str]) -> bool:
        """Return whether a word of one of the `concepts` may stand in `text`: false only if none does.

        :param words: the words of `text`.
        """
        if any(bare in text for phrases in filter(None, map(self._naming[concepts], words)) for bare in phrases):
            return True
        return not text.isascii() and any(
            not concepts.isdisjoint(means) and bare in text
            for char in takewhile(_is_unspaced, reversed(words))
            for bare, means, _ in self._by_char(char)
        )

    def in_clauses(
        self, text: str, words: Sequence[str], clauses: Sequence[tuple[int, int]]
    ) -> tuple[frozenset[str], ...]:
        """Return the concepts in each of the clauses of `text`, whose words are `words`."""
        text = f"{_MARGIN}{text}{_MARGIN}"
        hits = self._hits(text, words)
        if not hits:
            return (_NONE,) * len(clauses)
        if len(clauses) == 1:
            return (_said(hits, text),)
        places = [(start + len(_MARGIN), end + len(_MARGIN)) for start, end in clauses]
        return tuple([_said(_between_places(hits, start, end), text) for start, end in places])

    def _hits(self, text: str, words: Sequence[str]) -> list[_Hit]:
        """Return where words of any concept stand in `text`, which has margins, in their order."""
        found: list[_Hit] = []
        if "<" in text:
            found += ((mark.start(), -mark.end(), (_RECIPIENT,)) for mark in _MARK.finditer(text))
        at = 0
        for number, under in enumerate(map(self._by_word, words)):
            if under is not None:
                word = words[number]
                start = text.find(word, at)
                at = start + len(word)
                if text[start - 1].isalnum() or text[at].isalnum():  # it is a part of another word
                    start = _place_of(word, text, at)
                    at = start + len(word)
                before = text[start - 1]
                if before == " " or before not in _IN_NAMES or not text[start - 2].isalnum():
                    if under.alone and (text[at] != "." or not _goes_on(text, at)):
                        found.append((start, -at, under.alone))
                    if under.has_longer:
                        second = words[number + 1][:_SECOND] if number + 1 < len(words) else ""
                        phrases = under.longer.get(second, under.others)
                        found += [hit for phrase in phrases if (hit := _hit_of(phrase, text, start)) is not None]
        if not text.isascii():
            found += self._unspaced_hits(takewhile(_is_unspaced, reversed(words)), text)
        found.sort()
        return found

    def _unspaced_hits(self, chars: Iterable[str], text: str) -> Iterator[_Hit]:
        for char in chars:
            for bare, concepts, _ in self._by_char(char):
                at = text.find(bare)
                while at >= 0:
                    yield at, -at - len(bare), concepts
                    at = text.find(bare, at + 1)


def _read(text: str) -> tuple[_Phrase, ...]:
    """Return the phrases of a text of :class:`ConceptWords`."""
    lines = (line.partition("\t") for line in text.split("\n") if line)
    return tuple((phrase.removesuffix(_OPEN), tuple(names.split()), phrase[-1] == _OPEN) for phrase, _, names in lines)


def _filed(word: str, phrases: Iterable[_Phrase]) -> _Filed:
    """Return what begins with `word`, of the `phrases` that may do so."""
    alone: dict[str, None] = {}
    longer: dict[str, list[_Phrase]] = {}
    others: list[_Phrase] = []
    for phrase in phrases:
        bare, concepts, is_open = phrase
        if bare == word or (is_open and word.startswith(bare)):
            alone |= dict.fromkeys(concepts)
        elif not bare.isalnum():
            _, second, *more = *_WORD.findall(bare), ""  # a word, and marks that are no letters, may be all
            may_be_any = not second or (is_open and not any(more) and len(second) < _SECOND)
            (others if may_be_any else longer.setdefault(second[:_SECOND], [])).append(phrase)
    return _Filed(tuple(alone), {second: (*filed, *others) for second, filed in longer.items()}, tuple(others))


def _place_of(word: str, text: str, at: int) -> int:
    """Return where `word`, one of the words of `text`, stands from `at` on."""
    at = text.find(word, at)
    while text[at - 1].isalnum() or text[at + len(word)].isalnum():
        at = text.find(word, at + 1)
    return at


def _hit_of(phrase: _Phrase, text: str, start: int) -> _Hit | None:
    """Return the place of `phrase` if it stands in `text` at `start`."""
    bare, concepts, is_open = phrase
    if not text.startswith(bare, start):
        return None
    end = start + len(bare)
    while text[end].isalnum():
        if not is_open:
            return None
        end += 1
    return None if _goes_on(text, end) else (start, -end, concepts)


def _is_unspaced(word: str) -> bool:
    return word >= UNSPACED_FROM


def _goes_on(text: str, end: int) -> bool:
    """Return whether a word that ends at `end` is the beginning of a name, such as a host's: "sender.example.org"."""
    return text[end] == "." and text[end + 1].isalnum()


def _between_places(hits: Sequence[_Hit], start: int, end: int) -> list[_Hit]:
    """Return those of the `hits`, which are in their order, that lie between two places."""
    inside = hits[bisect_left(hits, (start,)) : bisect_left(hits, (end,))]
    return [hit for hit in inside if -hit[1] <= end]


def _said(hits: Iterable[_Hit], text: str) -> frozenset[str]:
    """Return the concepts in a clause of `text` in which there are these `hits`, in their order."""
    hits = _outermost(hits)
    if "<" in text:
        hits = _without_senders(hits, text)
    negations = [hit for hit in hits if NOT in hit[2]]
    if not negations:
        return frozenset([concept for hit in hits for concept in hit[2] if concept not in OPPOSITES])
    found: set[str] = set()
    for hit in hits:
        for concept in hit[2]:
            if concept in OPPOSITES:
                if _negated(hit, negations, text):
                    found.add(OPPOSITES[concept])
            elif concept != NOT and (concept in THINGS or not _dismissed(hit, negations, text)):
                found.add(concept)
    return frozenset(found)


def _without_senders(hits: Sequence[_Hit], text: str) -> list[_Hit]:
    """Return the hits but for blanked addresses directly behind words for a sender: "the sender's address <>"."""
    return [
        hit
        for before, hit in pairwise(((0, 0, ()), *hits))
        if text[hit[0]] != "<" or _SENDER not in before[2] or text[-before[1] : hit[0]].strip(" :")
    ]


def _outermost(hits: Iterable[_Hit]) -> list[_Hit]:
    """Return the hits that lie in no longer one; those given are in their order."""
    kept: list[_Hit] = []
    start, below = 0, 1  # of the last one kept
    for hit in hits:
        if hit[1] < below or (hit[1] == below and hit[0] == start):
            kept.append(hit)
            start, below, _ = hit
    return kept


def _negated(hit: _Hit, negations: Iterable[_Hit], text: str) -> bool:
    """Return whether a negation stands not far before the words of `hit`, or directly behind them."""
    start, below, _ = hit
    return any(
        _between(text, -other[1], start, _REACH) or _between(text, -below, other[0], _CLOSE) for other in negations
    )


def _dismissed(hit: _Hit, negations: Iterable[_Hit], text: str) -> bool:
    """Return whether a negation stands directly before the words of `hit`."""
    return any(_between(text, -other[1], hit[0], _CLOSE) for other in negations)


def _between(text: str, end: int, start: int, words: int) -> bool:
    """Return whether at most so many words, and no mark, stand between two places that follow each other."""
    if start < end:
        return False
    between = text[end:start]
    return len(between.split()) <= words and _BARRIER.isdisjoint(between)
