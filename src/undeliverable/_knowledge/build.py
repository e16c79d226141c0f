"""Builds the index from the TOML files: for a wheel, in a checkout, and in memory where there is none.

With an index nobody who uses the library has to parse TOML, and of two thousand entries only those are made that a message
asks for. A test proves that the index says what the TOML says. It is not in git, where any two branches that change data
would conflict in it: ``.ci/hatch_build.py`` writes it into the wheel.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from undeliverable._formats.below import Places
from undeliverable._knowledge.handling import all_cases
from undeliverable._knowledge.languages import read_wording
from undeliverable._knowledge.lists import LISTS, with_lists
from undeliverable._knowledge.loader import BUILTIN, Layer, load
from undeliverable._knowledge.order import LANGUAGES, ORDER, RULE, is_layer, ranked
from undeliverable._knowledge.shipped import row_of
from undeliverable._knowledge.toml import TomlSource
from undeliverable._rules.concepts import TABLE, ConceptWords, concept_words
from undeliverable._rules.index import file_rules
from undeliverable._rules.meaning import BY_MEANING, Vocabulary, vocabulary
from undeliverable._rules.normal import PLAIN, PlainWords, plain_words
from undeliverable._rules.providers import domain_table, host_table
from undeliverable._rules.rule import Rule
from undeliverable.data import KNOWLEDGE, names, place, read
from undeliverable.errors import EntryError
from undeliverable.errors._tables import as_list, as_table

__all__ = ["build", "builtin_parts", "read_documents"]

_REPLY: Final = "reply"  # the table of a language file with the wordings of replies
_SERVICES: Final = "services/"
_CLIENTS: Final = "clients.toml"
_MESSAGE: Final = "message.toml"


def read_documents() -> dict[str, dict[str, object]]:
    """Return the built-in TOML documents by their path below ``data/``, profiles left out, in the order of their paths.

    :raises KnowledgeError: if one of them is not TOML.
    """
    paths = [f"{folder}{name}" for folder in KNOWLEDGE for name in names(folder)]
    return {path: _source(path).parse() for path in paths}


def _source(path: str) -> TomlSource:
    return TomlSource(place(path), read(path))  # the whole path, for whoever has to mend the file


def builtin_parts(documents: Mapping[str, Mapping[str, object]], *, trusted: bool = True) -> Iterator[Layer]:
    """Yield the built-in documents as layers, the highest rank first.

    :raises KnowledgeError: for the first error in one of them.
    """
    lists = documents[LISTS]
    for path in _ranked(documents):
        document = _put_in(lists, path, documents[path])
        if path.startswith("formats/"):
            document = {"format": [{"name": _stem(path), **document}]}
        elif path.startswith(LANGUAGES):
            document = {RULE: document[RULE]}
        yield load("builtin", BUILTIN, _source(path), document, trusted=trusted)


def _ranked(documents: Mapping[str, Mapping[str, object]]) -> list[str]:
    """Return the paths of the documents that are layers, the highest rank first."""
    try:
        return ranked(documents)
    except EntryError as error:
        _source(ORDER).fail(error, ORDER, 0)


def _put_in(lists: Mapping[str, object], path: str, document: Mapping[str, object]) -> Mapping[str, object]:
    """Return `document` with the named lists in its rules put in."""
    try:
        return with_lists(document, lists)
    except EntryError as error:
        _source(path).fail(error, RULE, 0)


def _stem(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".toml")


def build() -> str:
    """Return the text of the index: the same for the same TOML.

    :raises KnowledgeError: for the first error in a file, with its line.
    """
    documents = read_documents()
    parts = tuple(builtin_parts(documents))
    rules = [rule for part in parts for rule in part.rules]
    formats = [described for part in parts for described in part.formats]
    providers = tuple(provider for part in parts for provider in part.providers)
    marks = [(mark, provider.name) for provider in providers for mark in provider.marks]
    shelf = file_rules(list(enumerate(rules)), [(number, phrase) for number, (phrase, _) in enumerate(marks)])
    named: dict[str, object] = {
        "shelf": shelf,
        "marks": marks,
        "vocabulary": _vocabulary(documents, rules),
        "concepts": _concepts(documents),
        "plain": _plain(documents, rules),
        "wording": read_wording(_notifications(documents)),
        "hosts": host_table(providers),
        "domains": domain_table(providers),
        "message": all_cases(documents[_MESSAGE]),
        "providers": _tables(documents, "provider"),
        "policies": _tables(documents, "policy"),
        "places": Places.of(enumerate(formats)),
        **{
            path.removesuffix(".toml"): _without(document, "example") if path.startswith(_SERVICES) else document
            for path, document in documents.items()
            if path not in {_CLIENTS, LISTS, _MESSAGE, ORDER}
            and not (path.startswith(LANGUAGES) or is_layer(path, document))
        },
        **{f"formats/{one.name}": _without(documents[f"formats/{one.name}.toml"], "example") for one in formats},
    }
    places = {name: number for number, name in enumerate(named, 1)}
    exact = next((number for number, rule in enumerate(rules) if rule.id.startswith(BY_MEANING)), len(rules))
    head = {"places": {"rules": len(named) + 1, "count": len(rules), "exact": exact, **places}}
    return "".join(_line(value) for value in (head, *named.values(), *map(row_of, rules)))


def _tables(documents: Mapping[str, Mapping[str, object]], name: str) -> list[object]:
    """Return all tables of a name, in the order of their documents' ranks."""
    found = [documents[path].get(name, []) for path in _ranked(documents)]
    return [
        table for tables in found for table in (as_list(tables) if as_list(tables) is not None else (tables,)) or ()
    ]


def _vocabulary(documents: Mapping[str, Mapping[str, object]], rules: Iterable[Rule]) -> Vocabulary:
    """Return the phrases by which replies are read in clauses."""
    replies = [as_table(table) or {} for table in _of_languages(documents, _REPLY)]
    return vocabulary(replies, documents[_CLIENTS], [rule.example for rule in rules if rule.example is not None])


def _concepts(documents: Mapping[str, Mapping[str, object]]) -> ConceptWords:
    """Return the words by which replies are read for what they say."""
    return concept_words(_of_languages(documents, TABLE))


def _plain(documents: Mapping[str, Mapping[str, object]], rules: Iterable[Rule]) -> PlainWords:
    """Return the words by which replies are made plain."""
    patterns = [rule.when.pattern.pattern for rule in rules if rule.when.pattern is not None]
    phrases = [phrase for rule in rules for phrase in (*rule.when.words, *rule.when.any_words)]
    return plain_words(_of_languages(documents, PLAIN), [*phrases, *patterns])


def _notifications(documents: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, object]]:
    """Return what the files of languages have beside replies and rules, by the language: words of notifications."""
    found = {_stem(path): one for path, one in documents.items() if path.startswith(LANGUAGES)}
    return {language: _without(one, _REPLY, PLAIN, TABLE, RULE) for language, one in found.items()}


def _of_languages(documents: Mapping[str, Mapping[str, object]], table: str) -> list[object]:
    """Return the tables of that name in the files of languages."""
    return [one[table] for path, one in documents.items() if path.startswith(LANGUAGES) and table in one]


def _without(document: Mapping[str, object], *keys: str) -> dict[str, object]:
    return {key: value for key, value in document.items() if key not in keys}


def _line(value: object) -> str:
    # ASCII only: a text with one wide character would take four times the memory.
    return json.dumps(value, separators=(",", ":")) + "\n"
