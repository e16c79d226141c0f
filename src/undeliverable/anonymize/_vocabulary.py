"""What may stay: the words, codes and hosts that rules and formats look for, read from the library's own data.

Whatever a rule can decide by is a word of some data file, so a message whose other words are masked is judged as before.
Examples are left out: their addresses and names are somebody's, if only Kim's.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final, NamedTuple, cast

from undeliverable import data
from undeliverable._text.letters import without_accents

__all__ = ["Vocabulary", "fields", "vocabulary"]

_FILE: Final = "anonymize/kept.toml"
_OTHERS: Final = ("profiles/",)
_EXAMPLES: Final = frozenset(("example", "examples"))
_WORD: Final = re.compile(r"[^\W\d_]+")
_STEM: Final = 4
_LONG: Final = 6
_OPEN: Final = re.compile(r"([^\W\d_]{4,40})(?:\\w|\(\?|\[)")
_MARKER: Final = re.compile(r"[^\W_](?:[\w.#-]{0,60}\w)?")
_HOST: Final = re.compile(r"(?<![\w.-])(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}(?![\w-])")
_ESCAPE: Final = re.compile(r"\\[bBsSwWdDAZ]|\\(?=[.-])")
# RFC 2606: nobody's, so data that mention them name no provider.
_RESERVED: Final = ("example", "invalid", "test", "localhost", "example.com", "example.net", "example.org")
_MARK: Final = re.compile(r"[a-z0-9-]{4,63}(?:\.[a-z0-9-]{1,63}){0,3}|[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,3}")
_WIDE: Final = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]{2,}")
"""Scripts that put no blanks between words: Thai, Japanese, Chinese."""


class Vocabulary(NamedTuple):
    """What may stay, in lower case.

    :ivar words: the words of rules, formats and languages.
    :ivar stems: beginnings of words, where patterns leave the endings open.
    :ivar markers: the codes among them, such as `s3140` or `resolver.adr.recipnotfound`.
    :ivar hosts: domains of providers, filters, blocklists, and of the pages that replies refer to.
    :ivar marks: the beginnings of hosts among the marks of providers and blocklists, such as `zen.spamhaus`.
    :ivar pairs: two neighbouring characters of phrases in scripts without blanks.
    :ivar systems: finds words of local parts and display names that are a mail system's.
    :ivar table: the lists of `data/anonymize/kept.toml`.
    """

    words: frozenset[str]
    stems: frozenset[str]
    markers: frozenset[str]
    hosts: frozenset[str]
    marks: frozenset[str]
    pairs: frozenset[str]
    systems: re.Pattern[str]
    table: Mapping[str, frozenset[str]]

    def knows(self, word: str) -> bool:
        """Return whether rules know a word."""
        return word.casefold() in self.words

    def needs(self, word: str) -> bool:
        """Return whether rules may decide by a word: one they know, or one that begins like one, as inflected words do."""
        folded = word.casefold()
        if folded in self.words:
            return True
        beginnings = (folded[:end] for end in range(_STEM, len(folded)))
        return any(part in self.stems or (len(part) >= _LONG and part in self.words) for part in beginnings)

    def known_suffix(self, host: str) -> str:
        """Return the part of a host that is a provider's or a blocklist's domain; "" where there is none."""
        labels = host.lower().split(".")
        tails = (".".join(labels[at:]) for at in range(len(labels) - 1))
        return next((tail for tail in tails if tail in self.hosts or tail.rpartition(".")[0] in self.marks), "")

    def is_system(self, name: str) -> bool:
        """Return whether a local part or a display name is a mail system's, or a function's."""
        bare = name.casefold().strip("\"' :\t\r\n")
        if bare in self.table["roles"]:
            return True
        bare = bare.replace("-", " ").replace("_", " ")
        return self.systems.search(bare) is not None


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """Return what may stay: read once, for that takes some tenths of a second."""
    words: set[str] = set()
    stems: set[str] = set()
    markers: set[str] = set()
    hosts: set[str] = set()
    pairs: set[str] = set()
    for text in _texts():
        stems.update(_OPEN.findall(text.casefold()))
        folded = _ESCAPE.sub(lambda match: " " if len(match[0]) > 1 else "", text).casefold()
        for word in _WORD.findall(folded):
            words.update((word, *without_accents(word)))  # as servers write it that have ASCII only
        markers.update(_MARKER.findall(folded))
        hosts.update(host for host in _HOST.findall(folded) if not _is_reserved(host))
        for run in _WIDE.findall(folded):
            pairs.update(map("".join, pairwise(run)))
    table = _own()
    return Vocabulary(
        frozenset(words) | frozenset(table["syntax"]),
        frozenset(stems),
        frozenset(marker for marker in markers if not _WORD.fullmatch(marker)),
        frozenset(hosts),
        frozenset(mark for mark in _marks() if _MARK.fullmatch(mark)),
        frozenset(pairs),
        re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, _system_names()))})(?![\w.])"),
        {name: frozenset(each) for name, each in table.items() if name != "fields"},
    )


@lru_cache(maxsize=1)
def fields() -> Mapping[str, str]:
    """Return how each header field is treated, by its lower-case name."""
    return {name: treatment for treatment, names in _own()["fields"].items() for name in names}


def _is_reserved(host: str) -> bool:
    return any(host == name or host.endswith(f".{name}") for name in _RESERVED)


def _own() -> dict[str, Any]:
    return tomllib.loads(data.read(_FILE))


def _system_names() -> Iterator[str]:
    origin = tomllib.loads(data.read("origin.toml"))
    for section in ("mail_systems", "software", "report_senders"):
        for names in cast("dict[str, list[str]]", origin.get(section, {})).values():
            yield from names
            # "mailer-daemon" is looked at part by part.
            yield from (word for name in names for word in name.split() if "mail" in word or "daemon" in word)


def _marks() -> Iterator[str]:
    """Yield the phrases by which a blocklist or a provider is recognised."""
    for found in tomllib.loads(data.read("blocklists.toml")).get("blocklist", []):
        yield from found["marks"]


def _texts() -> Iterator[str]:
    for folder in (*data.KNOWLEDGE, *_OTHERS):
        for name in data.names(folder):
            yield from _strings(tomllib.loads(data.read(folder + name)))


def _strings(value: object) -> Iterator[str]:
    """Yield the texts in a table of data, keys included: some are header fields."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            yield from _strings(item)
    elif isinstance(value, dict):
        for key, item in cast("dict[str, object]", value).items():
            if key not in _EXAMPLES:
                yield key
                yield from _strings(item)
