"""Which of thousands of phrases are part of a text, without trying them all.

A phrase is filed under one key: two neighbouring words, each cut to four letters, or one word so cut, or one character
of a script that puts no blanks between words; whichever the fewest other phrases have. A text's own keys are met with
the filed ones in C (``frozenset.intersection``), and only phrases under keys that both have are compared with the text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import Final, Generic, TypeAlias, TypeVar, cast

from undeliverable._conditions import UNSPACED_FROM

__all__ = ["Filing", "PhraseIndex", "cut_words"]

_T = TypeVar("_T")
_Key: TypeAlias = str | tuple[str, str]

_cut: Final = itemgetter(slice(4))
_WORD: Final = re.compile(r"[^\W_]+")
_ASCII_WORDS: Final = bytes(byte if byte < 128 and chr(byte).isalnum() else 32 for byte in range(256))
_LONE: Final = 4  # a pair of words stands in far fewer texts than either of them
_NEVER: Final = 1_000_000


def cut_words(text: str) -> list[str]:
    """The words of `text`, each cut to four letters."""
    if text.isascii():
        return list(map(_cut, text.encode().translate(_ASCII_WORDS).decode().split()))
    return list(map(_cut, _WORD.findall(text)))


def _keys(phrase: str) -> list[_Key]:
    """The keys that every text with `phrase` has."""
    unspaced = sorted({char for char in phrase if char >= UNSPACED_FROM})
    if unspaced:
        return list(unspaced)
    words: list[str] = list(map(_cut, _WORD.findall(phrase)))
    return [*pairwise(words), *words]


class Filing:
    """Which key a phrase is best filed under: the one that the fewest other phrases have.

    :param phrases: all phrases that will be asked for.
    :param known: what :meth:`to_json` gave for most of them: choosing takes longer than all else at the start.
    """

    def __init__(self, phrases: Iterable[str], known: Mapping[str, Sequence[object]] | None = None) -> None:
        self._best = {} if known is None else {phrase: _restored(row) for phrase, row in known.items()}
        keys = {phrase: _keys(phrase) for phrase in phrases if phrase not in self._best}
        shared = Counter(key for found in keys.values() for key in set(found))
        if known:
            shared.update(key for _, key in self._best.values())
        for phrase, found in keys.items():
            rated = [(shared[key] * (1 if isinstance(key, tuple) else _LONE), key) for key in found]
            if rated:
                self._best[phrase] = min(rated, key=lambda pair: (pair[0], str(pair[1])))

    def to_json(self) -> dict[str, list[object]]:
        """What was chosen, as JSON has it."""
        return {
            phrase: [cost, *key] if isinstance(key, tuple) else [cost, key] for phrase, (cost, key) in self._best.items()
        }

    def key(self, phrase: str) -> _Key | None:
        """The key, or None where nothing of the phrase can be one."""
        return self._best[phrase][1] if phrase in self._best else None

    def cost(self, phrase: str) -> int:
        """How often the phrase has to be compared: a guess that only serves to choose between phrases."""
        return self._best[phrase][0] if phrase in self._best else _NEVER


def _restored(row: Sequence[object]) -> tuple[int, _Key]:
    cost, first, *second = row
    return cast("int", cost), (str(first), str(second[0])) if second else str(first)


class PhraseIndex(Generic[_T]):
    """Things to be found by a phrase; immutable.

    :param filed: each thing with its phrase; phrases of marks alone have no key and are always compared.
    """

    __slots__ = ("_chars", "_filed", "_keyless", "_pairs", "_words")

    def __init__(self, filed: Iterable[tuple[str, _T]], filing: Filing) -> None:
        grouped: dict[_Key, dict[str, list[_T]]] = {}
        self._keyless: list[tuple[str, _T]] = []
        for phrase, thing in filed:
            key = filing.key(phrase)
            if key is None:
                self._keyless.append((phrase, thing))
            else:
                grouped.setdefault(key, {}).setdefault(phrase, []).append(thing)
        self._filed = {key: list(phrases.items()) for key, phrases in grouped.items()}
        self._pairs = frozenset(key for key in grouped if isinstance(key, tuple))
        self._words = frozenset(key for key in grouped if isinstance(key, str) and key < UNSPACED_FROM)
        self._chars = frozenset(key for key in grouped if isinstance(key, str) and key >= UNSPACED_FROM)

    def found(self, text: str, words: list[str]) -> list[_T]:
        """The things whose phrase is a part of `text`, in no particular order; `words` are its :func:`cut_words`."""
        keys: list[_Key] = [*self._pairs.intersection(pairwise(words)), *self._words.intersection(words)]
        if not text.isascii():
            keys += self._chars.intersection(text)
        filed = self._filed
        found = [thing for key in keys for phrase, things in filed[key] if phrase in text for thing in things]
        if self._keyless:
            found += [thing for phrase, thing in self._keyless if phrase in text]
        return found

    def most(self) -> int:
        """The greatest number of phrases under one key: what the slowest text costs."""
        return max(map(len, self._filed.values()), default=0)
