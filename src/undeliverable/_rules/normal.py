"""The plain form of a reply: without words that say nothing, contractions and hyphens, with rare words replaced.

"does not", "doesn't" and "simply does not" say the same, and so do "declined" and "rejected". No list of phrases can have
them all. So a reply is also looked at in a plain form, and of the rules that fit either form the one that ranks highest
decides. The words are data (``data/languages``): fillers, and for a common word the rare ones that mean the same.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from undeliverable._text.fold import fold
from undeliverable._text.lazy import lazy
from undeliverable.errors import EntryError
from undeliverable.errors._tables import as_list, as_table, refuse_unknown

__all__ = ["PLAIN", "Plain", "PlainWords", "plain_words"]

PLAIN: Final = "plain"
"""The key of the table in a file of ``data/languages``."""
_FILLER: Final = "filler"
_SAME: Final = "same"

_CODE: Final = 4  # characters: a hyphen behind a code is none between words
_WORD: Final = lazy(r"[^\W_]+")
_COMPOUND: Final = lazy(r"[a-z]{2,20}(?:-[a-z]{2,20}){1,4}")
_NEGATED: Final = lazy(r"\b(?:can't|cann't|can not|won't|([a-z]{2,6})n't)\b")
_HYPHEN: Final = lazy(r"-(?<=[a-z]{2}-)[a-z]{2}")
# Two words with a hyphen between them that are no part of a name, an address or a number.
_HYPHENED: Final = lazy(r"(?<![\w.@/:=+-])[a-z]{2,20}(?:-[a-z]{2,20}){1,4}(?![\w@/:=+-]|\.\w)")


class PlainWords(NamedTuple):
    """What is made plain, as the index holds it.

    :ivar filler: words that say nothing.
    :ivar same: rare words and phrases, each with the common one that means the same.
    :ivar compounds: words with hyphens that phrases know; they stay as they are.
    """

    filler: Sequence[str]
    same: Mapping[str, str]
    compounds: Collection[str]


def plain_words(tables: Iterable[object], texts: Iterable[str]) -> PlainWords:
    """Return the words to make replies plain with.

    :param tables: the tables ``[plain]`` of ``data/languages``.
    :param texts: phrases and patterns of rules, whose words with hyphens are kept.
    :raises EntryError: for an unknown key, or for anything but lists of words.
    """
    filler: set[str] = set()
    same: dict[str, str] = {}
    for value in tables:
        table = _table(value, PLAIN)
        refuse_unknown(table, (_FILLER, _SAME), f"{PLAIN}.")
        filler.update(_words(table.get(_FILLER, []), f"{PLAIN}.{_FILLER}"))
        for common, rare in _table(table.get(_SAME, {}), f"{PLAIN}.{_SAME}").items():
            same |= dict.fromkeys(_words(rare, f"{PLAIN}.{_SAME}.{common}"), fold(common))
    compounds = {compound for text in texts for compound in _COMPOUND.findall(text)}
    return PlainWords(sorted(filler), dict(sorted(same.items())), sorted(compounds))


def _table(value: object, key: str) -> Mapping[str, object]:
    found = as_table(value)
    if found is None:
        raise EntryError("must be a table", key=key)
    return found


def _words(value: object, key: str) -> list[str]:
    items = as_list(value)
    found = [" ".join(fold(item).split()) for item in items or () if isinstance(item, str) and item.strip()]
    if items is None or len(found) != len(items):
        raise EntryError("must be a list of words, none of them empty", key=key)
    return found


class Plain:
    """Makes replies plain; immutable."""

    def __init__(self, words: PlainWords | None = None) -> None:
        filler, same, compounds = words or PlainWords((), {}, ())
        self._same: Final = dict(same)
        self._compounds: Final = frozenset(compounds)
        # By the last words: a text without them has nothing to drop or to replace.
        self._dropped: Final = frozenset(map(_last_word, filler))
        self._rare: Final = {last: [one for one in same if _last_word(one) == last] for last in map(_last_word, same)}
        self._telling: Final = self._dropped.union(self._rare)
        self._to_drop: Final = lazy(rf" (?:{_any(filler)})(?= )")
        self._to_replace: Final = lazy(rf"(?<![\w-])(?:{_any(same)})(?![\w-])")

    def of(self, text: str, words: Sequence[str]) -> str:
        """Return the plain form of `text`, whose words are `words`; the text itself where it is plain.

        The text is as rules see it.
        """
        plain = _NEGATED.sub(_negated, text) if "n't" in text or "can not" in text else text
        telling = self._telling.intersection(words)
        if telling:
            if not self._dropped.isdisjoint(telling):
                plain = self._to_drop.sub("", plain)
            if any(rare in plain for last in telling for rare in self._rare.get(last, ())):
                plain = self._to_replace.sub(self._common, plain)
        if plain.find("-", _CODE) > 0 and _HYPHEN.search(plain) is not None:
            parts = plain.split(" ")
            plain = " ".join([_HYPHENED.sub(self._parted, part) if "-" in part else part for part in parts])
        return text if plain == text else plain

    def _common(self, found: re.Match[str]) -> str:
        return self._same[found[0]]

    def _parted(self, found: re.Match[str]) -> str:
        return found[0] if found[0] in self._compounds else found[0].replace("-", " ")


def _any(words: Iterable[str]) -> str:
    """Return a pattern for any of `words`, the longest first; of none, one that is found nowhere."""
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True)) or r"(?!)"


def _last_word(phrase: str) -> str:
    found: list[str] = _WORD.findall(phrase)
    return found[-1]


def _negated(found: re.Match[str]) -> str:
    if found[1] is not None:
        return f"{found[1]} not"
    return "will not" if found[0] == "won't" else "cannot"
