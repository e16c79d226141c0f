"""Lists of phrases by language: what the data files that hold words in many languages have in common.

All languages are tried on each message, since a report does not reliably say in which one it is; so the lists of a group
are joined when they are read. Errors name the key at fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from undeliverable._dsn.origin import OriginWords
from undeliverable._dsn.sections import CutWords
from undeliverable._formats.wording import LABELS, PHRASES, WordingLines, wording_lines
from undeliverable.errors import EntryError
from undeliverable.errors._tables import refuse_unknown

__all__ = ["read_cuts", "read_list", "read_lists", "read_origin", "read_strings", "read_table", "read_wording"]

_ORIGIN: Final = ("mail_systems", "report_senders", "reply", "forward", "service", "quotation", "software", "marks")
_SUPPRESSION: Final = "suppression"
_LOOK_UP: Final = "look_up"
_NOTIFICATION: Final = "notification"


def read_origin(document: Mapping[str, object]) -> OriginWords:
    """Return the words of ``origin.toml``.

    :raises EntryError: for an unknown key, or a value of another form.
    """
    tables = {_SUPPRESSION, _LOOK_UP}
    groups = read_lists({name: value for name, value in document.items() if name not in tables}, _ORIGIN)
    lists = read_table(document.get(_SUPPRESSION, {}), _SUPPRESSION)
    said = read_table(document.get(_LOOK_UP, {}), _LOOK_UP)
    return OriginWords(
        mail_systems=(*groups["mail_systems"], *groups["report_senders"]),
        prefixes=frozenset((*groups["reply"], *groups["forward"])),
        service=groups["service"],
        quotation=groups["quotation"],
        software=groups["software"],
        marks=groups["marks"],
        suppression=tuple(
            (domain.casefold(), read_strings(phrases, f"{_SUPPRESSION}.{domain}")) for domain, phrases in lists.items()
        ),
        look_up=read_strings([said.get("text")], f"{_LOOK_UP}.text")[0] if said else OriginWords().look_up,
    )


def read_cuts(document: Mapping[str, object]) -> CutWords:
    """Return the words of ``cuts.toml``.

    :raises EntryError: for an unknown key, or a value of another form.
    """
    return CutWords(**read_lists(document, ("ruled", "plain", "above")))


def read_wording(documents: Mapping[str, Mapping[str, object]]) -> WordingLines:
    """Return the words of notifications in the documents of ``data/languages``, by the language, as the index holds them.

    :raises EntryError: for an unknown key, or a value of another form.
    """
    return wording_lines({language: _notification(document) for language, document in documents.items()})


def _notification(document: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    table = read_table(document.get(_NOTIFICATION, {}), _NOTIFICATION)
    refuse_unknown(table, (*PHRASES, *LABELS), f"{_NOTIFICATION}.")
    return {name: read_strings(phrases, f"{_NOTIFICATION}.{name}") for name, phrases in table.items()}


def read_lists(groups: Mapping[str, object], names: tuple[str, ...], place: str = "") -> dict[str, tuple[str, ...]]:
    """Return the phrases of each group, all languages together, under `place` and its name."""
    refuse_unknown(groups, names, place)
    keys = {f"{place}{name}": groups.get(name, {}) for name in names}
    return {key: _phrases(read_table(value, key), key) for key, value in keys.items()}


def read_table(value: object, key: str) -> dict[str, object]:
    """Return `value`, a table; raise EntryError for anything else."""
    if not isinstance(value, dict):
        raise EntryError("a table is wanted here", key=key)
    return cast("dict[str, object]", value)


def read_list(value: object, key: str) -> list[object]:
    """Return `value`, a list; raise EntryError for anything else."""
    if not isinstance(value, list):
        raise EntryError("a list is wanted here", key=key)
    return cast("list[object]", value)


def _phrases(languages: Mapping[str, object], key: str) -> tuple[str, ...]:
    """Return the phrases of all languages, each once, in the order of the table."""
    found: dict[str, None] = {}
    for language, phrases in languages.items():
        found.update(dict.fromkeys(read_strings(phrases, f"{key}.{language}")))
    return tuple(found)


def read_strings(value: object, key: str) -> tuple[str, ...]:
    """Return the strings in `value`, casefolded; raise EntryError if there is anything else in it."""
    phrases = [item.casefold() for item in read_list(value, key) if isinstance(item, str) and item.strip()]
    if len(phrases) != len(read_list(value, key)):
        raise EntryError("a phrase is a string that is not empty", key=key)
    return tuple(phrases)
