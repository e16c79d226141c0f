"""Which of thousands of phrases are part of a text, without trying them all.

Words are cut to *stems*, their first four letters. A phrase is filed under one stem, or under two
that follow each other, whichever stand in the fewest texts, or under one character of a script that puts no blanks
between words. A text's stems lead to the few phrases that are then compared with it.

What is filed are addresses in one string, such as ``"12.0 37.4"``, so that nothing has to be made of the thousands that
no text ever asks for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Final, TypeVar

from undeliverable._conditions import UNSPACED_FROM
from undeliverable._lazy import lazy

if TYPE_CHECKING:
    from typing import TypeAlias

    Key: TypeAlias = tuple[str, str]
    """A stem and the one that follows it, or a stem and the empty string."""
    Filed: TypeAlias = dict[str, dict[str, str]]
    """Addresses by the two halves of their key."""

__all__ = ["KEYLESS", "Frequencies", "Index", "Made", "file_under", "merged", "stems"]

_Name = TypeVar("_Name")
_Thing = TypeVar("_Thing")

KEYLESS: Final = ""
"""Under this stem stand the phrases that have no key: they are compared with every text."""

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


class Index:
    """What is filed, ready to be found by the words of a text.

    :param filed: addresses by the two halves of their key.
    """

    __slots__ = ("_alone", "_keyless", "_pairs")

    def __init__(self, filed: Filed) -> None:
        self._alone = {stem: found[""] for stem, found in filed.items() if "" in found}
        self._pairs = {
            (stem, follower): addresses
            for stem, found in filed.items()
            for follower, addresses in found.items()
            if follower
        }
        self._keyless = [*filed.get(KEYLESS, {}).values()]

    def met(self, words: list[str]) -> list[str]:
        """The addresses under the keys that `words`, as :func:`stems` gives them, have."""
        return [
            *filter(None, map(self._alone.get, words)),
            *filter(None, map(self._pairs.get, pairwise(words))),
            *self._keyless,
        ]


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


def file_under(filed: Filed, key: Key, address: str) -> None:
    """Adds an address under a key."""
    stem, follower = key
    seconds = filed.setdefault(stem, {})
    seconds[follower] = f"{seconds[follower]} {address}" if follower in seconds else address


def merged(lower: Filed, upper: Filed) -> Filed:
    """Both, as a new one; what neither shares stays the same object."""
    both = dict(lower)
    for stem, seconds in upper.items():
        below = both.get(stem, {})
        both[stem] = below | {key: f"{value} {below[key]}" if key in below else value for key, value in seconds.items()}
    return both


def most(filed: Filed) -> int:
    """The greatest number of addresses under one key: what the slowest text costs."""
    return max((value.count(" ") + 1 for seconds in filed.values() for value in seconds.values()), default=0)
