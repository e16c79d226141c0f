"""Split a reply into clauses and say what each one is for, before rules look at its words.

A reply states a cause, and often more: what to do about it, where to read on, what scanned it. Only the cause may name
the reason; "please set up SPF and DKIM" behind "user unknown" says nothing about SPF. The phrases that begin advice, mark a
footer, or call a failure temporary or uncertain are data, one file per language (``data/languages``, ``[reply]``). All of them are
looked for in one pass over the words of the text.

Texts are as :func:`undeliverable._rules.conditions.visible` gives them: folded, on one line, with single blanks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, starmap
from typing import Final, NamedTuple, TypeAlias

from undeliverable._rules.clauses import Hit, between, clauses_in, without
from undeliverable._rules.frames import parts
from undeliverable._rules.links import links_in, within
from undeliverable._rules.phrases import ByWord
from undeliverable._rules.roles import LANGUAGE_KEYS, NO_DOUBTS, TRAILER, WRAPPER, Clause, Doubts, Role
from undeliverable._rules.visible import UNSPACED_FROM
from undeliverable._text.fold import fold
from undeliverable._text.lazy import lazy
from undeliverable._text.letters import without_accents
from undeliverable.errors import EntryError
from undeliverable.errors._tables import as_list

__all__ = [
    "BY_MEANING",
    "Meaning",
    "Reading",
    "Vocabulary",
    "vocabulary",
]

BY_MEANING: Final = ("wording.", "meaning.", "general.")
"""How the ids of built-in rules begin that know no provider's exact phrases: they see the causes alone, and rank last."""
_RESOLVER: Final = "cannot_resolve"  # the keys of data/clients.toml
_EITHER: Final = "either"

_WORD: Final = lazy(r"[^\W_]+")
_STEM: Final = 5  # letters by which a word that may go on is filed
_OPEN: Final = "*"


_Written: TypeAlias = tuple[str, str, bool]
"""A phrase, its kind, and whether its last word may go on."""
_Phrase: TypeAlias = tuple[str, str, bool, bool]
"""A phrase, its kind, and whether letters may stand before and behind it."""


class Vocabulary(NamedTuple):
    """The phrases of all languages as the index holds them.

    :ivar spaced: by a word that stands in every text with the phrase, one that stands in few other texts.
    :ivar begun: phrases of one word that may go on, by its first letters.

    Phrases of scripts that put no blanks between words are filed by their first character, as by a word.
    """

    spaced: dict[str, list[_Written]]
    begun: dict[str, list[_Written]]


def vocabulary(
    languages: Iterable[Mapping[str, object]], clients: Mapping[str, object], texts: Iterable[str] = ()
) -> Vocabulary:
    """Return the phrases of the tables ``[reply]`` of ``data/languages`` and those of ``data/clients.toml``.

    :param texts: samples of replies: they show which words are frequent.
    :raises EntryError: for an unknown key, or for anything but lists of phrases.
    """
    found: set[tuple[str, str]] = set()
    for table, keys in (
        *((language, LANGUAGE_KEYS) for language in languages),
        (clients, (_RESOLVER, WRAPPER, TRAILER)),
    ):
        if unknown := sorted(set(table) - set(keys)):
            raise EntryError(f"unknown key; expected one of {', '.join(keys)}", key=unknown[0])
        found |= {(phrase, key) for key in table for phrase in _phrases(table[key], key)}
    found |= {(plain, key) for phrase, key in found for plain in without_accents(phrase) if len(plain) > _STEM}
    times = Counter(word for text in texts for word in set(_WORD.findall(fold(text))))
    filed = Vocabulary({}, {})
    for phrase, kind in sorted(found):
        is_open = phrase[-1] == _OPEN
        entry = phrase.removesuffix(_OPEN), kind, is_open
        words: list[str] = _WORD.findall(phrase)
        closed = words[:-1] if is_open else words
        if phrase[0] >= UNSPACED_FROM:
            filed.spaced.setdefault(phrase[0], []).append(entry)
        elif closed:
            filed.spaced.setdefault(min(closed, key=lambda word: (times[word], -len(word))), []).append(entry)
        else:
            filed.begun.setdefault(words[0][:_STEM], []).append(entry)
    return filed


def _phrases(value: object, key: str) -> tuple[str, ...]:
    items = as_list(value)
    found = tuple(" ".join(fold(item).split()) for item in items or () if isinstance(item, str) and item.strip(" *"))
    if items is None or len(found) != len(items):
        raise EntryError("must be a list of phrases, none of them empty", key=key)
    short = next((one for one in found if one[-1] == _OPEN and one[:-1].isalnum() and len(one) <= _STEM), None)
    if short is not None:
        raise EntryError(f"{short!r}: a word that may go on needs {_STEM} letters", key=key)
    return found


class Meaning:
    """The phrases of all languages, ready to be looked for; immutable."""

    def __init__(self, words: Vocabulary | None = None) -> None:
        spaced, begun = words or Vocabulary({}, {})

        def filed_under(word: str) -> tuple[_Phrase, ...]:
            return tuple(starmap(_ready, chain(spaced.get(word, ()), begun.get(word[:_STEM], ()))))

        self._filed: Final = ByWord(filed_under).__getitem__

    def read(self, text: str, words: Sequence[str]) -> Reading | None:
        """Return the clauses of `text`, or None if it is plainly one cause; `words` are those of `text`."""
        hits = self._hits(text, words)
        links = links_in(text) if "/" in text or "www." in text else []
        if not links and (not hits or all(hit.kind in _BESIDE for hit in hits)):
            return None
        return Reading(text, hits, links)

    def _hits(self, text: str, words: Sequence[str]) -> list[Hit]:
        """Return where phrases stand in `text`, in their order; of two that begin at one place, the longer one first."""
        filed = filter(None, map(self._filed, words))
        phrases = {phrase for under in filed for phrase in under if phrase[0] in text}
        hits = [hit for phrase in phrases for hit in _hits_of(phrase, text)] if phrases else []
        if len(hits) > 1:
            hits.sort(key=_by_place)
        return hits


def _ready(bare: str, kind: str, is_open: bool) -> _Phrase:  # noqa: FBT001 # as the index has it
    """Return a phrase ready to be looked for."""
    may_go_on = is_open or not bare[-1].isalnum() or bare[-1] >= UNSPACED_FROM
    return bare, kind, bare[0] >= UNSPACED_FROM, may_go_on


def _by_place(hit: Hit) -> tuple[int, int, str]:
    return hit.start, -hit.end, hit.kind


def _hits_of(phrase: _Phrase, text: str) -> list[Hit]:
    """Return where `phrase` stands in `text` as whole words, the last one with any ending if it may go on."""
    bare, kind, may_begin, may_go_on = phrase
    found: list[Hit] = []
    at = text.find(bare)
    while at >= 0:
        end = at + len(bare)
        if (may_begin or at == 0 or not text[at - 1].isalnum()) and (may_go_on or not text[end : end + 1].isalnum()):
            found.append(Hit(at, end, kind))
        at = text.find(bare, at + 1)
    return found


class Reading:
    """The clauses of a text, and what makes its causes doubtful."""

    def __init__(self, text: str, hits: list[Hit], links: list[tuple[int, int]]) -> None:
        self._text: Final = text
        self._links: Final = links
        self._hits: Final = [hit for hit in hits if not within(hit.start, self._links)] if self._links else hits
        self._kinds: Final = {hit.kind for hit in self._hits}
        self._clauses: list[Clause] | None = None

    @property
    def clauses(self) -> list[Clause]:
        """The clauses in their order; together they cover the text but for the code that it begins with."""
        if self._clauses is None:
            self._clauses = list(clauses_in(self._text, self._hits, self._kinds))
        return self._clauses

    def cause(self) -> str:
        """Return the causes that the text states, without advice, footers and links; only its code if it states none."""
        if not self._links and _CUT.isdisjoint(self._kinds):
            return self._text
        cuts = self.cuts()
        return without(self._text, cuts) if cuts else self._text

    def cuts(self) -> list[tuple[int, int]]:
        """Return where the text states no cause, in order and without overlaps: the places that :meth:`cause` leaves out."""
        if _CUT.isdisjoint(self._kinds):
            return self._links
        return self._cuts(clause for clause in self.clauses if clause.role not in _READ)

    def certain(self) -> str:
        """Return the causes that the text states as certain: those of :meth:`cause` without the clauses that may be so."""
        return without(self._text, self._cuts(one for one in self.clauses if one.role not in _READ or self._hedge(one)))

    @property
    def is_framed(self) -> bool:
        """Whether there are words that may introduce its causes."""
        return Role.FRAME in self._kinds

    def said(self) -> str:
        """Return the causes that a text with frames states, without what introduces them."""
        return without(self._text, self._cuts(clause for clause in self.clauses if clause.role is not Role.CAUSE))

    def unframed(self) -> str:
        """Return the text without what introduces its causes."""
        if not self.is_framed:
            return self._text
        return without(self._text, [(one.start, one.end) for one in self.clauses if one.role is Role.FRAME])

    def _cuts(self, clauses: Iterable[Clause]) -> list[tuple[int, int]]:
        cuts = [(clause.start, clause.end) for clause in clauses]
        return sorted(cuts + [link for link in self._links if not within(link[0], cuts)]) if self._links else cuts

    def doubts(self) -> Doubts:
        """Return the words that make the causes temporary, uncertain, or somebody else's."""
        if _DOUBTFUL.isdisjoint(self._kinds):
            return NO_DOUBTS
        causes = [clause for clause in self.clauses if clause.role is Role.CAUSE]
        return Doubts(
            next(filter(None, map(self._temporary, causes)), None),
            next(filter(None, map(self._hedge, causes)), None),
            next((self._text[hit.start : hit.end] for hit in self._hits if hit.kind == _RESOLVER), None),
        )

    def supposed(self) -> tuple[str, str] | None:
        """Return words by which a cause is a mere supposition, and what the text states beside; None if there are none.

        Only the part between two marks is supposed: "user unknown, the address may be misspelled".
        """
        if "hedge" not in self._kinds:
            return None
        hits = [hit for hit in self._hits if hit.kind == "hedge"]
        causes = [one for one in self.clauses if one.role is Role.CAUSE]
        cuts = [part for one in causes for part in parts(self._text, one.start, one.end) if between(hits, *part)]
        if not cuts:
            return None
        first = between(hits, *cuts[0])[0]
        others = [place for place in self.cuts() if not within(place[0], cuts)]
        return self._text[first.start : first.end], without(self._text, sorted([*cuts, *others]))

    def alternatives(self) -> Iterator[tuple[str, str]]:
        """Yield what stands before and behind each "or" of a clause that states a cause."""
        if _EITHER in self._kinds:
            for clause in self.clauses:
                if clause.role is Role.CAUSE:
                    for hit in between(self._hits, clause.start, clause.end):
                        if hit.kind == _EITHER:
                            yield self._text[clause.start : hit.start], self._text[hit.end : clause.end]

    def _temporary(self, clause: Clause) -> str | None:
        inside = between(self._hits, clause.start, clause.end)
        if any(hit.kind == "not_temporary" for hit in inside):
            return None
        return next((self._text[hit.start : hit.end] for hit in inside if hit.kind == "temporary"), None)

    def _hedge(self, clause: Clause) -> str | None:
        inside = between(self._hits, clause.start, clause.end)
        hedge = next((hit for hit in inside if hit.kind in _HEDGES), None)
        if hedge is None:
            return None
        # Scripts without blanks are of languages that put the verb, and with it the doubt, at the end.
        after = clause.start if self._text[hedge.start] >= UNSPACED_FROM else hedge.start
        if not any(hit.kind in _OR and hit.start >= after for hit in inside):
            return None
        return self._text[hedge.start : hedge.end]


_READ: Final = frozenset((Role.CAUSE, Role.FRAME))
"""What rules by meaning see: a frame may hold a part of the cause, so it is left out in the plain form alone."""
_CUT: Final = frozenset(("advice", "footer", "courtesy", WRAPPER, TRAILER))
_OR: Final = frozenset((_EITHER, "either_hedged"))
_BESIDE: Final = frozenset(("not_temporary", "either_hedged"))  # they count beside others alone
_HEDGES: Final = frozenset(("hedge", "hedge_either"))
_DOUBTFUL: Final = _HEDGES | {"temporary", _RESOLVER}
