"""Named lists: words that several rules share, written once in ``lists.toml``.

``(?@name)`` in a pattern stands for any item of a list, ``"@name"`` among phrases for all of them. They are put in while the
built-in data is read, so that rules know nothing of them. A pattern may stand on several lines, whose ends and indentation
do not count.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from undeliverable._rules.comparisons import strings
from undeliverable.errors import EntryError
from undeliverable.errors._tables import as_list, as_table

__all__ = ["LISTS", "expanded", "with_lists"]

LISTS: Final = "lists.toml"
_REFERENCE: Final = re.compile(r"\(\?@(\w{1,64})\)")
_PHRASES: Final = ("words", "any_words", "unless")
_DEEPEST: Final = 3  # lists may name lists

_Lists = Mapping[str, object]


def with_lists(document: Mapping[str, object], lists: _Lists) -> Mapping[str, object]:
    """Return `document` with the named lists in its rules put in.

    :raises EntryError: if a pattern names a list that is not there.
    """
    rules = as_list(document.get("rule")) or []
    return document if not rules else {**document, "rule": [_rule(as_table(rule) or {}, lists) for rule in rules]}


def _rule(rule: Mapping[str, object], lists: _Lists) -> Mapping[str, object]:
    when = dict(as_table(rule.get("when")) or {})
    for key in _PHRASES:
        if key in when:
            when[key] = _phrases(when[key], lists)
    if "pattern" in when:
        when["pattern"] = expanded(_on_one_line(str(when["pattern"])), lists)
    return {**rule, "when": when}


def _on_one_line(pattern: str) -> str:
    return "".join([line.lstrip() for line in pattern.split("\n")]) if "\n" in pattern else pattern


def _phrases(value: object, lists: _Lists) -> object:
    items = as_list(value)
    if items is None:
        return value
    found = [[item] if _name(item) not in lists else strings(lists[_name(item)], _name(item)) for item in items]
    return [phrase for phrases in found for phrase in phrases]


def _name(item: object) -> str:
    """Return the name of the list that `item` stands for; an empty string if it is a phrase."""
    return item[1:] if isinstance(item, str) and item.startswith("@") else ""


def expanded(pattern: str, lists: _Lists) -> str:
    """Return `pattern` with its lists put in.

    :raises EntryError: if it names a list that is not there, or lists name each other too deep.
    """

    def items(found: re.Match[str]) -> str:
        name = found[1]
        if name not in lists:
            raise EntryError(f"there is no list {name!r}", key="when.pattern")
        return f"(?:{'|'.join(strings(lists[name], name))})"

    for _ in range(_DEEPEST):
        if not _REFERENCE.search(pattern):
            return pattern
        pattern = _REFERENCE.sub(items, pattern)
    raise EntryError("lists name each other too deep", key="when.pattern")
