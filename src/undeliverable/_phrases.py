"""Which of thousands of phrases are part of a text, without trying them all.

Words are cut to *stems*, their first four letters. A phrase is filed under one stem, or under two
that follow each other, whichever stand in the fewest texts, or under one character of a script that puts no blanks
between words. A text's stems lead to the few phrases that are then compared with it.

What is filed are places: integers, so that nothing has to be made of the thousands that no text ever asks for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Final, TypeVar

from undeliverable._conditions import UNSPACED_FROM
from undeliverable._lazy import lazy

if TYPE_CHECKING:
    from typing import TypeAlias

    Key: TypeAlias = tuple[str, str]
    """A stem and the one that follows it, or a stem and `ALONE`."""
    Filed: TypeAlias = dict[str, dict[str, list[int]]]
    """Places by the two halves of their key."""
    Packed: TypeAlias = dict[str, dict[str, tuple[int, ...]]]
    """The same, to be looked up."""

__all__ = [
    "ALONE",
    "KEYLESS",
    "Frequencies",
    "Made",
    "file_under",
    "merged",
    "most",
    "packed",
    "places",
    "stems",
    "without",
]

_Name = TypeVar("_Name")
_Thing = TypeVar("_Thing")

KEYLESS: Final = ""
"""Under this stem stand the phrases that have no key: they are compared with every text."""
ALONE: Final = ""
"""Stands in a key for the stem that follows, where one is enough."""
_NONE: Final[dict[str, tuple[int, ...]]] = {}

_STEM: Final = 4
_cut: Final = itemgetter(slice(_STEM))
_WORD: Final = lazy(r"[^\W_]+")
_CODES: Final = "0123456789 .-"  # that a reply begins with
_ASCII_WORDS: Final = bytes(byte if byte < 128 and chr(byte).isalnum() else 32 for byte in range(256))


def stems(text: str) -> list[str]:
    """The stems of `text` in their order, and the characters of scripts that put no blanks between words.

    The numbers that it begins with are left out.
    """
    rest = text.lstrip(_CODES)
    if len(rest) < len(text) and text[-len(rest) - 1].isdecimal():
        rest = text  # the last number is the beginning of a word
    if rest.isascii():
        return list(map(_cut, rest.encode().translate(_ASCII_WORDS).decode().split()))
    return [*map(_cut, _WORD.findall(rest)), *sorted({char for char in rest if char >= UNSPACED_FROM})]


def _keys(phrase: str) -> list[Key]:
    """The keys that every text with `phrase` has."""
    unspaced = sorted({char for char in phrase if char >= UNSPACED_FROM})
    if unspaced:
        return [(char, "") for char in unspaced]
    words = _WORD.findall(phrase)
    found: list[Key] = [(_cut(word), _cut(follower)) for word, follower in pairwise(words) if not word.isdecimal()]
    return [*found, *((_cut(word), "") for word in words if not word.isdecimal())]


def packed(filed: Filed) -> Packed:
    """What is filed, nearer together in memory, which makes a classify a twentieth faster."""
    return {stem: {key: tuple(found) for key, found in seconds.items()} for stem, seconds in filed.items()}


def places(filed: Packed, words: list[str]) -> list[int]:
    """What is filed under the keys that `words`, as :func:`stems` gives them, have."""
    found: list[int] = []
    before = _NONE  # what is filed under the word before
    for word in words:
        if word in before:
            found += before[word]
        if word in filed:
            before = filed[word]
            if ALONE in before:
                found += before[ALONE]
        else:
            before = _NONE
    return found


class Made(dict[_Name, _Thing]):
    """Things by their name, each made when it is first asked for."""

    def __init__(self, make: Callable[[_Name], _Thing]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: _Name) -> _Thing:
        found = self[name] = self._make(name)
        return found


class Frequencies:
    """How often keys stand in texts, as far as the phrases themselves and examples of replies tell.

    :param texts: examples, as rules see them.
    :param phrases: all phrases that are to be filed.
    """

    __slots__ = ("_counts",)

    def __init__(self, texts: Iterable[str], phrases: Iterable[str]) -> None:
        self._counts: Counter[Key] = Counter()
        for text in texts:
            found = stems(text)
            self._counts.update(dict.fromkeys({*pairwise(found), *((stem, "") for stem in found)}, 2))
        for phrase in phrases:
            self._counts.update(set(_keys(phrase)))

    def best(self, phrase: str) -> Key:
        """Under which key to file a phrase: the rarest."""
        keys = _keys(phrase)
        return min(keys, key=lambda key: (self._counts[key], key)) if keys else (KEYLESS, "")

    def cost(self, phrase: str) -> int:
        """How often the phrase has to be compared: a guess that only serves to choose."""
        return min((self._counts[key] for key in _keys(phrase)), default=1_000_000)


def file_under(filed: Filed, key: Key, place: int) -> None:
    """Adds a place under a key."""
    stem, follower = key
    filed.setdefault(stem, {}).setdefault(follower, []).append(place)


def merged(lower: Filed, upper: Filed) -> Filed:
    """Both, as a new one; what neither shares stays the same object."""
    both = dict(lower)
    for stem, seconds in upper.items():
        below = both.get(stem, {})
        both[stem] = below | {key: [*found, *below.get(key, ())] for key, found in seconds.items()}
    return both


def without(filed: Filed, hidden: Container[int]) -> Filed:
    """What is filed but for some places."""
    return {
        stem: {key: [place for place in found if place not in hidden] for key, found in seconds.items()}
        for stem, seconds in filed.items()
    }


def most(filed: Filed) -> int:
    """The greatest number of places under one key: what the slowest text costs."""
    return max((len(found) for seconds in filed.values() for found in seconds.values()), default=0)
