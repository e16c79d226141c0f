"""Replies that say the same, found by the words that they share.

A reply is taken as rules see it, and cut into phrases: runs of plain words between marks, which are what differs from
message to message: addresses, hosts, numbers, links, ids. Replies with the same phrases are one kind. Kinds with nearly the same
words and the same class of code are one cluster, which keeps the phrases that all of them have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from undeliverable._rules.visible import BARE, BRACKETED, HEAD, visible
from undeliverable._smtp.replies import parse_reply

__all__ = ["Cluster", "Clusters", "masked"]

Phrase: TypeAlias = tuple[str, ...]

_MOST_KINDS: Final = 5_000  # later ones are only counted
_EXAMPLES: Final = 3
_LONGEST: Final = 300  # characters of an example
_WORDS: Final = 60  # of a reply are compared
_ALIKE: Final = 0.6  # of the words of two kinds
_WORD: Final = re.compile(r"[(\[\"']{0,2}([^\W\d_]{1,40}(?:['-][^\W\d_]{1,40}){0,3})([,.;:!?)\]\"']{0,3})")


@dataclass(slots=True)
class Kind:
    """Replies with the same phrases.

    :ivar number: how many there were.
    :ivar examples: the first of them, without addresses.
    """

    code: str
    phrases: tuple[Phrase, ...]
    reason: str
    number: int = 0
    examples: list[str] = field(default_factory=list[str])

    def words(self) -> frozenset[str]:
        """Return all its words."""
        return frozenset(word for phrase in self.phrases for word in phrase)


@dataclass(slots=True)
class Cluster:
    """Kinds of replies with nearly the same words; `phrases` are those that all of them have."""

    words: frozenset[str]
    phrases: tuple[Phrase, ...]
    kinds: list[Kind]

    @property
    def number(self) -> int:
        """The number of replies."""
        return sum(kind.number for kind in self.kinds)

    @property
    def examples(self) -> list[str]:
        """Some of the replies, of different kinds if there are several."""
        depth = range(max(len(kind.examples) for kind in self.kinds))
        each = (kind.examples[at] for at in depth for kind in self.kinds if at < len(kind.examples))
        return list(dict.fromkeys(each))[:_EXAMPLES]

    @property
    def codes(self) -> frozenset[str]:
        """The reply codes of all of them."""
        return frozenset(kind.code for kind in self.kinds)

    def takes(self, kind: Kind) -> bool:
        """Add a kind if it is alike enough, and return whether it was."""
        words = kind.words()
        if kind.code[:1] != self.kinds[0].code[:1] or len(words & self.words) < _ALIKE * len(words | self.words):
            return False
        shared = tuple(_shared(self.phrases, kind.phrases))
        if not says_enough(shared):
            return False
        self.phrases = shared
        self.kinds.append(kind)
        return True


class Clusters:
    """Collects replies; memory is bounded by the number of kinds."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, tuple[Phrase, ...], str], Kind] = {}
        self.wordless = 0
        """The number of replies without words to draft a rule from."""
        self.dropped = 0
        """The number of replies of more kinds than are kept."""

    def add(self, reply: str, reason: str) -> None:
        """Add a reply with the reason that its code alone gives."""
        code, phrases = _cut(reply)
        if not says_enough(phrases):
            self.wordless += 1
            return
        key = code, phrases, reason
        kind = self._kinds.get(key)
        if kind is None:
            if len(self._kinds) >= _MOST_KINDS:
                self.dropped += 1
                return
            kind = self._kinds[key] = Kind(code, phrases, reason)
        kind.number += 1
        if len(kind.examples) < _EXAMPLES and (example := masked(reply)) not in kind.examples:
            kind.examples.append(example)

    def found(self) -> list[Cluster]:
        """Return the clusters, the largest first."""
        clusters: list[Cluster] = []
        for kind in sorted(self._kinds.values(), key=lambda kind: (-kind.number, kind.phrases)):
            if not any(cluster.takes(kind) for cluster in clusters):
                clusters.append(Cluster(kind.words(), kind.phrases, [kind]))
        return sorted(clusters, key=lambda cluster: (-cluster.number, cluster.phrases))


def says_enough(phrases: Sequence[Phrase]) -> bool:
    """Return whether a rule can be made of these phrases: one of them has two words, or a long one."""
    return any(len(phrase) > 1 or any(map(_is_long, phrase)) for phrase in phrases)


def _is_long(word: str) -> bool:
    return len(word) >= (9 if word.isascii() else 4)


def masked(reply: str) -> str:
    """Return a reply on one line, with its addresses replaced."""
    text = " ".join(reply.split())
    if "@" in text:
        text = BARE.sub("user@example.com", BRACKETED.sub("<user@example.com>", text))
    return text[:_LONGEST]


def _cut(reply: str) -> tuple[str, tuple[Phrase, ...]]:
    """Return the code of a reply and its phrases."""
    read = parse_reply(masked(reply))
    code = "" if read.code is None else str(read.code)
    seen = visible(read.text, int(code or 0))
    head = HEAD.match(seen)
    return code, tuple(_phrases(seen[head.end() if head else 0 :].split(" ")[:_WORDS]))


def _phrases(tokens: Sequence[str]) -> Iterator[Phrase]:
    run: list[str] = []
    for token in tokens:
        found = _WORD.fullmatch(token)
        if found is None or token != token.lstrip("([\"'"):  # a mark, or the beginning of what stands in brackets
            yield from (tuple(run),) if run else ()
            run = []
        if found is not None:
            run.append(found[1])
            if found[2]:
                yield tuple(run)
                run = []
    if run:
        yield tuple(run)


def _shared(mine: Sequence[Phrase], other: Sequence[Phrase]) -> Iterator[Phrase]:
    """Yield the longest runs of words in `mine` that stand in `other` as well."""
    texts = [f" {' '.join(phrase)} " for phrase in other]
    for phrase in mine:
        begin = 0
        while begin < len(phrase):
            end = begin
            while end < len(phrase) and any(f" {' '.join(phrase[begin : end + 1])} " in text for text in texts):
                end += 1
            if end > begin:
                yield phrase[begin:end]
            begin = max(end, begin + 1)
