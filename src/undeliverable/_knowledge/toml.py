"""TOML with line numbers: parses a file, and finds the line of an entry's key for an error.

:mod:`tomllib` keeps no positions, so the line is searched for in the text, and only once there is an error to show.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Never

from undeliverable.errors import EntryError, KnowledgeError

__all__ = ["TomlSource"]

_PLACE: Final = re.compile(r"^(.*?) \(at (?:line (\d+), column (\d+)|end of document)\)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TomlSource:
    """The text of one file.

    :ivar name: the file's name as errors show it.
    """

    name: str
    text: str

    def parse(self) -> dict[str, object]:
        """Return the document.

        :raises KnowledgeError: if the text is not TOML, with the line and column.
        """
        import tomllib  # 2 ms; most starts read no TOML

        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            match = _PLACE.match(str(error))
            lines = self.text.splitlines() or [""]
            line, column = (int(match[2]), int(match[3])) if match and match[2] else (len(lines), len(lines[-1]) + 1)
            source = lines[min(line, len(lines)) - 1]
            detail = f"not TOML: {match[1] if match else error}"
            raise KnowledgeError(self.name, detail, line=line, column=column, text=source) from None
        except RecursionError:
            lines = self.text.splitlines()
            opened = [line.count("[") + line.count("{") for line in lines]
            line = opened.index(max(opened))
            column = next(at for at, mark in enumerate(lines[line]) if mark in "[{")
            detail = "not read: tables and lists are nested too deeply"
            raise KnowledgeError(self.name, detail, line=line + 1, column=column + 1, text=lines[line]) from None

    def fail(self, error: EntryError, table: str, index: int, entry: str | None = None) -> Never:
        """Raise `error` of the `index`-th table (from 0) named `table`, with its file, line and column."""
        entry = error.entry or entry or f"{table}[{index + 1}]"
        line, column, text = self.locate(table, index, error.key)
        raise KnowledgeError(
            self.name, error.detail, entry=entry, key=error.key, line=line, column=column, text=text
        ) from None

    def locate(self, table: str, index: int, key: str | None = None) -> tuple[int, int, str]:
        """Return line and column (from 1) and the line's text of `key` in the `index`-th table `table`; zeros if unknown.

        Without a key, or if the table lacks it, return the place of the table's header.
        """
        lines = self.text.splitlines()
        header = re.compile(rf"\s*\[\[?\s*{re.escape(table)}\s*\]\]?\s*(?:#.*)?$")
        starts = [number for number, line in enumerate(lines) if header.match(line)]
        if index >= len(starts):
            return self._bare(lines, key or table)
        start = starts[index]
        end = starts[index + 1] if index + 1 < len(starts) else len(lines)
        header_column = len(lines[start]) - len(lines[start].lstrip())
        number, column = _find(lines, (start, header_column), (start + 1, 0), end, (key or "").split("."))
        return number + 1, column + 1, lines[number]

    @staticmethod
    def _bare(lines: list[str], key: str) -> tuple[int, int, str]:
        """Return the place of a dotted key whose first part begins a line, as where the whole file is one table."""
        first, *rest = key.split(".")
        bare = re.compile(rf"[\[\s\"']*({re.escape(first)})[\"']?(?=\s*(?:=|\.|\]))")
        for number, line in enumerate(lines):
            match = bare.match(line)
            if match:
                at, column = _find(lines, (number, match.start(1)), (number, match.end()), len(lines), rest)
                return at + 1, column + 1, lines[at]
        return 0, 0, ""


def _find(
    lines: list[str], found: tuple[int, int], start: tuple[int, int], end: int, path: list[str]
) -> tuple[int, int]:
    """Return the place of the longest part of the dotted key `path` that is there, or `found` if none is.

    A place is a line and a column, from 0; the search goes from `start` to the line `end`.
    """
    line, at = start
    for part in path:
        key = re.compile(rf"(?<![\w\"'-])[\"']?({re.escape(part)})[\"']?(?=\s*(?:=|\.|\]))") if part else None
        while key is not None and line < end:
            match = key.search(lines[line], at)
            if match:
                found, at = (line, match.start(1)), match.end()
                break
            line, at = line + 1, 0
        if line >= end:
            break
    return found
