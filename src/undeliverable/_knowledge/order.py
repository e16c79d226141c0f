"""The order of the built-in documents that have rules: ``order.toml`` lists them in one place, whatever their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from undeliverable._rules.comparisons import strings
from undeliverable.errors import EntryError
from undeliverable.errors._tables import as_table

__all__ = ["LANGUAGES", "ORDER", "RULE", "is_layer", "ranked"]

ORDER: Final = "order.toml"
LANGUAGES: Final = "languages/"
RULE: Final = "rule"
"""The key of the rules of a document."""
_LAYERED: Final = ("general.toml", "providers/", "wording/", "formats/")
_KEY: Final = "rules"
_GROUPS: Final = frozenset(("languages", "formats"))  # folders whose files are of one rank
_OPTIONAL: Final = frozenset(("languages",))  # there need not be a language with rules


def is_layer(path: str, document: Mapping[str, object]) -> bool:
    """Return whether a document has rules, providers or formats."""
    return path.startswith(_LAYERED) or (path.startswith(LANGUAGES) and RULE in document)


def ranked(documents: Mapping[str, Mapping[str, object]]) -> list[str]:
    """Return the paths of the documents that are layers, the highest rank first; formats, which have no rules, are last.

    :raises EntryError: if ``order.toml`` lists a name twice, does not list a document, or lists one that is not there.
    """
    names = strings(documents[ORDER].get(_KEY), _KEY)
    places = {path: _place(path, document) for path, document in documents.items() if is_layer(path, document)}
    known = {*places.values()} - {"formats"}
    for name in names:
        if names.count(name) > 1 or name not in known | _OPTIONAL:
            raise EntryError(f"{name!r} is listed twice, or no document", key=_KEY)
    if missing := known - {*names}:
        raise EntryError(f"{min(missing)!r} is not listed", key=_KEY)
    order = {name: number for number, name in enumerate((*names, "formats"))}
    return sorted(places, key=lambda path: (order[places[path]], path))


def _place(path: str, document: Mapping[str, object]) -> str:
    """Return by which name ``order.toml`` lists a document."""
    folder, _, _ = path.partition("/")
    if folder == "providers":
        return "providers with hosts" if (as_table(document.get("provider")) or {}).get("hosts") else folder
    return folder if folder in _GROUPS else path.removesuffix(".toml")
