"""Which of thousands of phrases are part of a text, without trying them all.

A phrase is filed under one of its words, or under two that follow each other, whichever stand in the fewest texts; or
under one character of a script that puts no blanks between words. A text's words lead to the few phrases that are then
compared with it.

A phrase's last word may go on in a text (``block`` fits ``blocked``). What is filed under such a word stands under every
known word that begins with it as well, and under its *stem*, the first four letters, for the words that are not known.

What is filed are places: integers, so that nothing has to be made of the thousands that no text ever asks for. They are
kept as texts (:class:`Written`), each of which is read when its word is first met.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeVar

from undeliverable._rules.visible import SHORT, UNSPACED, UNSPACED_FROM
from undeliverable._text.classes import ordinary
from undeliverable._text.lazy import lazy

if TYPE_CHECKING:
    from typing import TypeAlias

    Key: TypeAlias = tuple[str, str]
    """A word and the one that follows it, or a word and `ALONE`; `OPEN` behind either: it may go on."""
    Filed: TypeAlias = dict[str, dict[str, list[int]]]
    """Places by the two halves of their key; under `UNKNOWN` those for words that stand nowhere else, by their stem."""
    Entry: TypeAlias = tuple[str, tuple[int, ...], dict[str, tuple[int, ...]]]
    """A word, or its stem if it is unknown; what is filed under it alone, and under it with those that follow it."""

__all__ = [
    "ALONE",
    "UNKNOWN",
    "ByWord",
    "Frequencies",
    "Index",
    "Made",
    "Places",
    "Written",
    "file_under",
    "most",
    "spread",
    "words_of",
]

_Name = TypeVar("_Name")
_Thing = TypeVar("_Thing")

UNKNOWN: Final = ""
"""Stands in a key for all words that nothing is filed under: no word is empty."""
ALONE: Final = ""
"""Stands in a key for the word that follows, where one word is enough."""
OPEN: Final = "*"
"""Stands in a key behind a word that may go on."""
_WORDS_KEPT: Final = 8_192  # real replies in one language have some thousands
_LONGEST: Final = 32  # characters of a word that is kept
_NONE: Final[dict[str, tuple[int, ...]]] = {}

_PAIR: Final = 2  # how much rarer two words must be than one to be taken for a key
_OPEN_PAIR: Final = 4
_STEM: Final = 4  # not more than SHORT: a last word that may go on is at least as long
_WORD: Final = lazy(r"[^\W_]+")
_CODES: Final = "0123456789 .-"  # that a reply begins with
_UTF8: Final = ("utf-8", "surrogatepass")
_OTHER_WORDS: Final = bytes(byte if byte >= 128 or chr(byte).isalnum() else 32 for byte in range(256))
_ASCII_WORDS: Final = bytes(byte if byte < 128 and chr(byte).isalnum() else 32 for byte in range(256))


def words_of(text: str) -> list[str]:
    """Return the words of `text` in their order, and the characters of scripts that put no blanks between words.

    The numbers that it begins with are left out.
    """
    rest = text.lstrip(_CODES)
    end = len(text) - len(rest)
    if end and text[end - 1] != " ":
        rest = text  # the last number may be the beginning of a word
    if rest.isascii():
        return rest.encode().translate(_ASCII_WORDS).decode().split()
    words = rest.encode(*_UTF8).translate(_OTHER_WORDS).decode(*_UTF8).split()
    if not all(map(str.isalnum, words)):  # there are marks that are not ASCII
        words = _WORD.findall(rest)
    if UNSPACED.search(rest):
        words += sorted({*UNSPACED.findall(rest)})
    return words


def _keys(phrase: str) -> list[Key]:
    """Return the keys that every text with `phrase` has."""
    unspaced = sorted({char for char in phrase if char >= UNSPACED_FROM})
    if unspaced:
        return [(char, ALONE) for char in unspaced]
    words = _WORD.findall(phrase)
    if len(phrase) >= SHORT and phrase[-SHORT:].isalnum():
        words[-1] += OPEN
    found: list[Key] = [*((word, ALONE) for word in words), *pairwise(words)]
    return [key for key in found if not key[0].removesuffix(OPEN).isdecimal()]


def _keys_in(text: str, opens: Container[str]) -> set[Key]:
    """Return the keys that a text has; `opens` are the last words of phrases, with `OPEN` behind them."""
    words = words_of(text)
    begun = [(word, *(open_ for open_ in _openings(word) if open_ in opens)) for word in words]
    return {
        *((word, ALONE) for words in begun for word in words),
        *((first, word) for first, words in zip(words, begun[1:], strict=False) for word in words),
    }


def _openings(word: str) -> list[str]:
    """Return all that a phrase may end with where a text has `word`."""
    return [word[:end] + OPEN for end in range(SHORT, len(word) + 1)]


@ordinary
class Made(dict[_Name, _Thing]):
    """Things by their name, each made when it is first asked for."""

    def __init__(self, make: Callable[[_Name], _Thing]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: _Name) -> _Thing:
        found = self[name] = self._make(name)
        return found


@ordinary
class ByWord(Made[str, _Thing]):
    """Things by a word of a reply; since anybody may send any words, not all are kept."""

    def __missing__(self, name: str) -> _Thing:
        if len(name) > _LONGEST:
            return self._make(name)
        if len(self) >= _WORDS_KEPT:
            self.clear()
        return super().__missing__(name)


class Written(NamedTuple):
    """What is filed, as it stands in the prebuilt index: texts such as `` 7 12;follower 3;other 5 12``.

    :ivar words: by their first word, places behind the word that follows.
    :ivar stems: what is filed for words that are not among `words`, by their stem.
    """

    words: dict[str, str]
    stems: dict[str, str]

    @classmethod
    def of(cls, filed: Filed) -> Written:
        """Return what is filed, written."""
        stems = filed.get(UNKNOWN, {})
        return cls(
            {word: _line(seconds) for word, seconds in filed.items() if word != UNKNOWN},
            {stem: _line({ALONE: found}) for stem, found in stems.items()},
        )

    def filed(self) -> Filed:
        """Return what was written."""
        words = {word: _read(text) for word, text in self.words.items()}
        return {**words, UNKNOWN: {stem: _read(text)[ALONE] for stem, text in self.stems.items()}}


def _line(seconds: dict[str, list[int]]) -> str:
    return ";".join(" ".join((key, *map(str, found))) for key, found in seconds.items())


def _read(text: str) -> dict[str, list[int]]:
    keys = (part.partition(" ") for part in text.split(";"))
    return {key: [*map(int, found.split())] for key, _, found in keys}


class Index:
    """What is filed, to be looked up."""

    def __init__(self, written: Written) -> None:
        self._words, self._stems = written
        self._under = ByWord(self._filed_under).__getitem__

    def places(self, words: Sequence[str]) -> list[int]:
        """Return what is filed under the keys that `words`, as :func:`words_of` gives them, have."""
        found: list[int] = []
        before = _NONE  # what is filed under the word before
        for key, alone, followers in map(self._under, words):
            if key in before:
                found += before[key]
            if alone:
                found += alone
            before = followers
        return found

    def _filed_under(self, word: str) -> Entry:
        if word in self._words:
            followers = {key: tuple(found) for key, found in _read(self._words[word]).items()}
            return word, followers.pop(ALONE, ()), followers
        stem = word[:_STEM]
        return stem, tuple(_read(self._stems[stem])[ALONE]) if stem in self._stems else (), _NONE


class Places(Protocol):
    """What finds places by the words of a text."""

    def places(self, words: Sequence[str], /) -> list[int]:
        """Return them, in any order."""
        ...


class Frequencies:
    """How often keys stand in texts, as far as the phrases themselves and examples of replies show.

    :param texts: examples, as rules see them.
    :param phrases: all phrases that are to be filed.
    """

    def __init__(self, texts: Iterable[str], phrases: Collection[str]) -> None:
        self._counts: Counter[Key] = Counter()
        keys = [_keys(phrase) for phrase in phrases]
        opens = {word for found in keys for key in found for word in key if word.endswith(OPEN)}
        for text in texts:
            self._counts.update(dict.fromkeys(_keys_in(text, opens), 2))
        for found in keys:
            self._counts.update(found)

    def best(self, phrase: str) -> Key | None:
        """Return the key to file a phrase under: the rarest; None where it has no key, as of digits only."""
        return min(_keys(phrase), key=self._weight, default=None)

    def _weight(self, key: Key) -> tuple[int, bool, Key]:
        """Two words must be much rarer than one, since they take more room, above all where the last may go on."""
        word, second = key
        more = 0 if second == ALONE else _OPEN_PAIR if second.endswith(OPEN) else _PAIR
        return self._counts[key] + more, OPEN in word, key

    def cost(self, phrase: str) -> int:
        """Estimate how often the phrase has to be compared: a guess that only serves to choose."""
        return min((self._counts[key] for key in _keys(phrase)), default=1_000_000)


def file_under(filed: Filed, key: Key, place: int) -> None:
    """Add a place under a key."""
    word, second = key
    filed.setdefault(word, {}).setdefault(second, []).append(place)


def spread(filed: Filed, words: Iterable[str]) -> Filed:
    """Return what is filed, with all that stands under words that may go on where it is looked for.

    :param words: of examples: those are made known that would be looked for by a stem.
    """
    every = {word: seconds for word, seconds in filed.items() if not word.endswith(OPEN)}
    opens = {word: seconds[ALONE] for word, seconds in filed.items() if word.endswith(OPEN)}
    for opening, found in opens.items():
        _add(every.setdefault(UNKNOWN, {}), opening[:_STEM], found)
    stems = {word[:_STEM] for word in (*opens, *(key for seconds in every.values() for key in seconds))}
    begun: dict[str, list[str]] = {}  # what known words a phrase may end with
    for word in sorted({*every, *(word for word in words if word[:_STEM] in stems)} - {UNKNOWN}):
        every.setdefault(word, {})
        for opening in _openings(word):
            begun.setdefault(opening, []).append(word)
    for opening, found in opens.items():
        for word in begun.get(opening, ()):
            _add(every[word], ALONE, found)
    for seconds in every.values():
        for opening in [key for key in seconds if key.endswith(OPEN)]:
            found = seconds.pop(opening)
            for key in sorted({opening[:_STEM], *begun.get(opening, ())}):
                _add(seconds, key, found)
    return every


def _add(seconds: dict[str, list[int]], key: str, found: Iterable[int]) -> None:
    seconds.setdefault(key, []).extend(found)


def most(written: Written) -> int:
    """Return the greatest number of places under one key: what the slowest text costs."""
    return max((len(found) for seconds in written.filed().values() for found in seconds.values()), default=0)
