"""Find phrases of many languages in a text: words in their order, with what may stand between and behind them.

A phrase is written as its words: ``*`` at the end of a word stands for any ending, ``..`` between two words for a few
others. Case, accents and typographic dress are folded on both sides. Scripts that put no blanks between words, or attach
particles to them, are compared by their characters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar

from undeliverable._text.fold import fold
from undeliverable._text.lazy import lazy

__all__ = ["UNSPACED_FROM", "Phrases", "Written", "plain", "written"]

_Kind = TypeVar("_Kind", bound=Hashable)
UNSPACED_FROM: Final = "\u0590"
"""The first of the scripts, Hebrew to Hangul, whose words are found inside others."""
_BETWEEN: Final = 7  # words that ".." stands for, at most
_ROOM: Final = 16  # characters that it stands for in scripts without blanks
_FILED_BY: Final = 3  # letters of a word with any ending
_ADDRESS: Final = lazy(r"\S{1,320}@\S{1,255}")  # no word of the sentence that it stands in
_WORD: Final = lazy(r"[^\W_]+")
_ASCII_WORD: Final = lazy(r"[a-z0-9]+")  # the same in folded text that is ASCII, in half the time
_ACCENTS: Final = lazy(r"[\u0300-\u036f]+")
_LETTERS: Final = str.maketrans("\u0142\u0131", "li")  # letters with a stroke or without a dot do not decompose
_OPEN: Final = "*"
_GAP: Final = ".."
_ALONE: Final = ""
"""The key of a phrase of one word."""


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
    """A phrase, and its kind.

    :ivar first: its first word, or how that begins.
    """

    first: str
    others: tuple[_Word, ...]
    kind: _Kind


def plain(text: str) -> str:
    """Return `text` folded, without the accents of letters: what differs only by them compares as equal."""
    folded = fold(text)
    if folded.isascii():
        return folded
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", folded))
    return unicodedata.normalize("NFC", bare).translate(_LETTERS)


class Written(NamedTuple):
    """Phrases as the index holds them: each folded, in a line with a tab and the number of its kind.

    :ivar whole: lines by the first word.
    :ivar begun: where the first word may have any ending, by its first letters.
    :ivar inside: lines of the scripts whose words are found inside others.
    """

    whole: dict[str, str]
    begun: dict[str, str]
    inside: str


def written(groups: Iterable[Iterable[str]]) -> Written:
    """Return phrases of several kinds as the index holds them; the number of a kind is the place of its group."""
    whole: dict[str, list[str]] = {}
    begun: dict[str, list[str]] = {}
    inside: list[str] = []
    for number, group in enumerate(groups):
        for phrase in map(plain, group):
            line = f"{phrase}\t{number}"
            if phrase[:1] >= UNSPACED_FROM:
                inside.append(line)
                continue
            first = next(_words_of(phrase))
            filed, key = (begun, first.text[:_FILED_BY]) if first.is_open else (whole, first.text)
            filed.setdefault(key, []).append(line)
    by_word, by_letters = ({key: "\n".join(lines) for key, lines in filed.items()} for filed in (whole, begun))
    return Written(by_word, by_letters, "\n".join(inside))


_Begun: TypeAlias = "dict[str, list[_Phrase[_Kind]]]"
"""Phrases that begin alike, by one of the other words that a sentence with them has, as :func:`_key` gives it."""
_Home: TypeAlias = "dict[str, str | _Begun[_Kind]]"
"""Where phrases are filed by how they begin: in lines of the index until a text first begins so."""


class Phrases(Generic[_Kind]):
    """Phrases of several kinds, to be looked for together.

    :param lines: the phrases as the index holds them.
    :param kinds: their kinds, by number.
    """

    def __init__(self, lines: Written, kinds: Sequence[_Kind]) -> None:
        self._kinds: Final = kinds
        self._lines_inside = lines.inside
        self._inside: list[tuple[tuple[str, ...], _Kind]] | None = None
        self._whole: Final[_Home[_Kind]] = dict(lines.whole)
        self._begun: Final[_Home[_Kind]] = dict(lines.begun)

    @classmethod
    def of(cls, phrases: Mapping[_Kind, Iterable[str]]) -> Phrases[_Kind]:
        """Return phrases by their kind, ready to be looked for."""
        return cls(written(phrases.values()), [*phrases])

    def kinds(self, text: str) -> frozenset[_Kind]:
        """Return of which kinds phrases stand in `text`, a sentence or a line."""
        folded = plain(text)
        word_in = _ASCII_WORD if folded.isascii() else _WORD
        words: list[str] = word_in.findall(_ADDRESS.sub(" ", folded) if "@" in folded else folded)
        known = {_ALONE, *words}
        known.update([word[:_FILED_BY] + _OPEN for word in known])
        letters = (word[:_FILED_BY] for word in words)
        found = {*self._begun_by(words, self._whole, words, known), *self._begun_by(letters, self._begun, words, known)}
        if not folded.isascii():
            found.update(kind for pieces, kind in self._unspaced() if kind not in found and _stand_in(pieces, folded))
        return frozenset(found)

    def _begun_by(
        self, begins: Iterable[str], home: _Home[_Kind], words: list[str], known: set[str]
    ) -> Iterator[_Kind]:
        """Yield the kinds of the phrases that stand in `words`.

        :param begins: for each of the words, what phrases are filed by in `home`.
        :param known: all keys of phrases that may stand there.
        """
        for at, begun in enumerate(begins):
            if begun in home:
                filed = self._filed(home, begun)
                for key in filed.keys() & known:
                    for first, others, kind in filed[key]:
                        if words[at].startswith(first) and (not others or _follow(others, words, at)):
                            yield kind

    def _filed(self, home: _Home[_Kind], begins: str) -> _Begun[_Kind]:
        """Return the phrases that begin so; most are of languages that no text is in."""
        filed = home[begins]
        if isinstance(filed, str):
            phrases: _Begun[_Kind] = {}
            for phrase, kind in _read(filed, self._kinds):
                first, *others = _words_of(phrase)
                phrases.setdefault(_key(others), []).append(_Phrase(first.text, tuple(others), kind))
            home[begins] = filed = phrases
        return filed

    def _unspaced(self) -> list[tuple[tuple[str, ...], _Kind]]:
        """Return the phrases of scripts without blanks between words, in pieces; most texts have no letter of these."""
        if self._inside is None:
            lines = _read(self._lines_inside, self._kinds)
            self._inside = [(tuple([piece.strip() for piece in phrase.split(_GAP)]), kind) for phrase, kind in lines]
        return self._inside


def _read(lines: str, kinds: Sequence[_Kind]) -> Iterator[tuple[str, _Kind]]:
    """Yield the phrases in lines of the index, with their kinds."""
    for line in filter(None, lines.split("\n")):
        phrase, _, number = line.rpartition("\t")
        yield phrase, kinds[int(number)]


def _key(others: Sequence[_Word]) -> str:
    """Return one of the words behind the first: one that stands in a sentence as it is, else the first letters of one."""
    closed = (word.text for word in others if not word.is_open)
    begun = (word.text[:_FILED_BY] + _OPEN for word in others if len(word.text) >= _FILED_BY)
    return next(chain(closed, begun), _ALONE)


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
