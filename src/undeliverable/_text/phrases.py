"""Find phrases of many languages in a text: words in their order, with what may stand between and behind them.

A phrase is written as its words: ``*`` at the end of a word stands for any ending, ``..`` between two words for a few
others. Case, accents and typographic dress are folded on both sides. Scripts that put no blanks between words, or attach
particles to them, are compared by their characters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Final, Generic, NamedTuple, TypeVar

from undeliverable._text.fold import fold
from undeliverable._text.lazy import lazy

__all__ = ["UNSPACED_FROM", "Phrases", "plain"]

_Kind = TypeVar("_Kind", bound=Hashable)
UNSPACED_FROM: Final = "\u0590"
"""The first of the scripts, Hebrew to Hangul, whose words are found inside others."""
_BETWEEN: Final = 7  # words that ".." stands for, at most
_ROOM: Final = 16  # characters that it stands for in scripts without blanks
_FILED_BY: Final = 3  # letters of a first word with any ending
_ADDRESS: Final = lazy(r"\S{1,320}@\S{1,255}")  # no word of the sentence that it stands in
_WORD: Final = lazy(r"[^\W_]+")
_ASCII_WORD: Final = lazy(r"[a-z0-9]+")  # the same in folded text that is ASCII, in half the time
_ACCENTS: Final = lazy(r"[\u0300-\u036f]+")
_LETTERS: Final = str.maketrans("\u0142\u0131", "li")  # letters with a stroke or without a dot do not decompose
_OPEN: Final = "*"
_GAP: Final = ".."


class _Word(NamedTuple):
    """A word of a phrase.

    :ivar text: the word as :func:`plain` writes it, or how it begins.
    :ivar is_open: whether any ending may follow.
    :ivar reach: how many words further on than the one before it may stand.
    """

    text: str
    is_open: bool
    reach: int


class _Phrase(NamedTuple, Generic[_Kind]):
    """A phrase of several words.

    :ivar needed: the words behind the first one that stand in it as they are.
    """

    first: _Word
    others: tuple[_Word, ...]
    needed: frozenset[str]
    kind: _Kind


def plain(text: str) -> str:
    """Return `text` folded, without the accents of letters: what differs only by them compares as equal."""
    folded = fold(text)
    if folded.isascii():
        return folded
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", folded))
    return unicodedata.normalize("NFC", bare).translate(_LETTERS)


class Phrases(Generic[_Kind]):
    """Phrases of several kinds, to be looked for together.

    :param phrases: the phrases by their kind.
    """

    def __init__(self, phrases: Mapping[_Kind, Iterable[str]]) -> None:
        self._whole: dict[str, list[_Phrase[_Kind]]] = {}
        self._begun: dict[str, list[_Phrase[_Kind]]] = {}
        self._inside: list[tuple[tuple[str, ...], _Kind]] = []
        for kind, group in phrases.items():
            for phrase in group:
                self._file(plain(phrase), kind)

    def _file(self, phrase: str, kind: _Kind) -> None:
        if phrase[:1] >= UNSPACED_FROM:
            self._inside.append((tuple(piece.strip() for piece in phrase.split(_GAP)), kind))
            return
        first, *others = _words_of(phrase)
        needed = frozenset(word.text for word in others if not word.is_open)
        entry = _Phrase(first, tuple(others), needed, kind)
        if first.is_open:
            self._begun.setdefault(first.text[:_FILED_BY], []).append(entry)
        else:
            self._whole.setdefault(first.text, []).append(entry)

    def kinds(self, text: str) -> frozenset[_Kind]:
        """Return of which kinds phrases stand in `text`, a sentence or a line."""
        folded = plain(text)
        word_in = _ASCII_WORD if folded.isascii() else _WORD
        words: list[str] = word_in.findall(_ADDRESS.sub(" ", folded) if "@" in folded else folded)
        found: set[_Kind] = set()
        known = set(words)
        for at, word in enumerate(words):
            for _, others, needed, kind in self._whole.get(word, ()):
                if needed <= known and (not others or _follow(others, words, at)):
                    found.add(kind)
            for first, others, needed, kind in self._begun.get(word[:_FILED_BY], ()):
                if word.startswith(first.text) and needed <= known and (not others or _follow(others, words, at)):
                    found.add(kind)
        if not folded.isascii():
            found.update(kind for pieces, kind in self._inside if kind not in found and _stand_in(pieces, folded))
        return frozenset(found)


def _follow(wanted: Iterable[_Word], words: list[str], at: int) -> bool:
    """Return whether `wanted` stand in `words` behind the one at `at`, each within its reach; the nearest one counts."""
    for word in wanted:
        for place in range(at + 1, min(at + 1 + word.reach, len(words))):
            if words[place] == word.text or (word.is_open and words[place].startswith(word.text)):
                at = place
                break
        else:
            return False
    return True


def _stand_in(pieces: tuple[str, ...], text: str) -> bool:
    """Return whether `pieces` stand in `text` in this order, not far from each other."""
    at = text.find(pieces[0])
    while at >= 0:
        end = at + len(pieces[0])
        for piece in pieces[1:]:
            further = text.find(piece, end, end + _ROOM + len(piece))
            if further < 0:
                break
            end = further + len(piece)
        else:
            return True
        at = text.find(pieces[0], at + 1)
    return False


def _words_of(phrase: str) -> Iterator[_Word]:
    reach = 1
    for written in phrase.split():
        if written == _GAP:
            reach = _BETWEEN + 1
            continue
        pieces: list[str] = _WORD.findall(written)
        for number, piece in enumerate(pieces, 1):
            yield _Word(piece, written.endswith(_OPEN) and number == len(pieces), reach)
            reach = 1
