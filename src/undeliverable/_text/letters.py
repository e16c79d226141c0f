"""How words with accents are written where only the letters of ASCII are at hand, as in many replies of servers."""

from __future__ import annotations

import unicodedata
from typing import Final

__all__ = ["without_accents"]

_LATIN: Final = "\u0250"  # the first character behind the Latin letters that languages of Europe use
_VIETNAMESE: Final = range(0x1E00, 0x1F00)
_UNDIVIDED: Final = {"ø": "o", "đ": "d", "ł": "l", "ı": "i", "ŋ": "n", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th"}
_AS_TWO: Final = {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"}
_BARE: Final = str.maketrans(_UNDIVIDED)
_DOUBLED: Final = str.maketrans(_AS_TWO | {"æ": "ae", "œ": "oe"})


def without_accents(phrase: str) -> frozenset[str]:
    """Return how a folded `phrase` is written with letters of ASCII: "fuer" and "fur" for "für".

    Empty where it has no accents, or letters of another script than Latin.
    """
    if phrase.isascii() or not all(letter < _LATIN or ord(letter) in _VIETNAMESE for letter in phrase):
        return frozenset()
    return frozenset(map(_bare, (phrase, phrase.translate(_DOUBLED))))


def _bare(phrase: str) -> str:
    apart = unicodedata.normalize("NFD", phrase.translate(_BARE))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))
