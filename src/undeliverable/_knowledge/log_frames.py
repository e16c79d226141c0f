"""Compiles the descriptions of what container engines and log collectors put around a server's line.

A frame is data: a pattern of the text that stands before a line, or the places in a JSON object where a line, its date,
its host and its program are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from undeliverable._text.linear import check_linear
from undeliverable.errors import EntryError
from undeliverable.errors._tables import as_list, as_table, refuse_unknown

__all__ = ["NO_FRAMES", "FrameTable", "ObjectFrame", "Path", "TextFrame", "path_of"]

Path = tuple[str, ...]
_TEXT_KEYS: Final = frozenset(("name", "source", "pattern", "example"))
_OBJECT_KEYS: Final = frozenset(("name", "source", "line", "date", "host", "program", "example"))
_NAMED: Final = re.compile(r"\(\?P<\w+>")
_GROUPS: Final = frozenset(("date", "host", "program"))


@dataclass(frozen=True)
class TextFrame:
    """A text before a line.

    :ivar source: the pattern, whose groups may be ``date``, ``host`` and ``program``.
    """

    name: str
    source: str

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The pattern, compiled at first use."""
        return re.compile(self.source)


@dataclass(frozen=True, slots=True)
class ObjectFrame:
    """A JSON object around a line, as the paths of its parts; the first path that holds a text counts."""

    name: str
    line: tuple[Path, ...]
    date: tuple[Path, ...]
    host: tuple[Path, ...]
    program: tuple[Path, ...]


@dataclass(frozen=True)
class FrameTable:
    """All described frames, in the order in which they are tried."""

    texts: tuple[TextFrame, ...] = ()
    objects: tuple[ObjectFrame, ...] = ()

    @cached_property
    def any_text(self) -> re.Pattern[str]:
        """What matches where any of `texts` does, in one step for the lines that have none."""
        return re.compile("|".join(f"(?:{_NAMED.sub('(?:', frame.source)})" for frame in self.texts) or r"(?!)")

    @classmethod
    def of(cls, document: Mapping[str, object], *, trusted: bool = True) -> FrameTable:
        """Return the table that `document` describes.

        :param trusted: skip the check of every pattern; the tests check those of the built-in data.
        :raises EntryError: for an unknown key, a value of the wrong type, an unknown group, or a pattern that is not
            linear.
        """
        texts = tuple(_text_frame(table, trusted=trusted) for table in _tables(document, "text"))
        return cls(texts, tuple(map(_object_frame, _tables(document, "object"))))


NO_FRAMES: Final = FrameTable()


def path_of(text: str) -> Path:
    """Return the keys of a path as data writes it, ``a.b``; an empty text is the object itself."""
    return tuple(text.split(".")) if text else ()


def _tables(document: Mapping[str, object], key: str) -> list[Mapping[str, object]]:
    return [table for value in as_list(document.get(key)) or () if (table := as_table(value)) is not None]


def _text_frame(table: Mapping[str, object], *, trusted: bool) -> TextFrame:
    frame = TextFrame(str(table.get("name")), str(table.get("pattern")))
    refuse_unknown(table, _TEXT_KEYS, entry=frame.name)
    if trusted:
        return frame
    wrong = check_linear(frame.source)
    unknown: set[str] | frozenset[str] = frozenset() if wrong else frame.pattern.groupindex.keys() - _GROUPS
    if unknown:
        wrong = f"unknown group {min(unknown)!r}; expected one of {', '.join(sorted(_GROUPS))}"
    if wrong:
        raise EntryError(wrong, entry=frame.name, key="pattern")
    return frame


def _object_frame(table: Mapping[str, object]) -> ObjectFrame:
    name = str(table.get("name"))
    refuse_unknown(table, _OBJECT_KEYS, entry=name)
    paths = {key: _paths(name, key, table.get(key, ())) for key in ("line", "date", "host", "program")}
    if not paths["line"]:
        raise EntryError("names no place of a line", entry=name, key="line")
    return ObjectFrame(name, **paths)


def _paths(name: str, key: str, value: object) -> tuple[Path, ...]:
    items = (value,) if isinstance(value, str) else as_list(value)
    if items is None or not all(isinstance(item, str) for item in items):
        raise EntryError("must be a string or a list of strings", entry=name, key=key)
    return tuple(path_of(str(item)) for item in items)
