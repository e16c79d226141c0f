"""Tables of other programs: what each of their rules asks, and the class that it names.

A program's file is described by data (``data/crosswalks``): its syntax, which is one of three, and the reasons that its
classes stand for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from undeliverable.data import names, read
from undeliverable.errors import KnowledgeError
from undeliverable.errors._tables import as_list, as_table
from undeliverable.reasons import Reason

__all__ = ["Crosswalk", "Foreign", "crosswalk", "foreign_rules", "programs"]

_FOLDER: Final = "crosswalks"
_PATTERN: Final = re.compile(r"/((?:\\.|[^\\/])*)/[ \t]+(\S+)")


@dataclass(frozen=True, slots=True)
class Foreign:
    """One rule of another program.

    :ivar file: the name of its file.
    :ivar line: the number of its line from 1, or None.
    :ivar text: the line as it stands in the file, or the pattern alone where the line has several.
    :ivar pattern: its regular expression.
    :ivar class_: the class that it names; empty where the line cannot be read.
    :ivar action: what the program does, or None.
    """

    file: str
    line: int | None
    text: str
    pattern: str
    class_: str
    action: str | None = None


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """How to read the rules of a program, and what its classes stand for.

    :ivar begins_with_status: whether its patterns see the status as the beginning of the text.
    :ivar case_matters: whether upper and lower case differ in its patterns.
    :ivar reasons: the reasons for each class, the most likely one first; none where the class is no failure.
    """

    program: str
    title: str
    syntax: str
    columns: tuple[str, ...]
    block: str
    begins_with_status: bool
    case_matters: bool
    reasons: Mapping[str, tuple[Reason, ...]]


def programs() -> tuple[str, ...]:
    """Return the names of the programs whose rules can be imported."""
    return tuple(name.removesuffix(".toml") for name in names(_FOLDER))


def crosswalk(program: str) -> Crosswalk:
    """Return how to read the rules of one of :func:`programs`."""
    import tomllib  # most starts read no TOML

    document = tomllib.loads(read(f"{_FOLDER}/{program}.toml"))
    form, classes = document["format"], document["classes"]
    return Crosswalk(
        program,
        form["title"],
        form["syntax"],
        tuple(form.get("columns", ())),
        form.get("block", ""),
        form.get("begins_with_status", False),
        form.get("case_matters", False),
        {class_: tuple(_REASONS[name] for name in found) for class_, found in classes.items()},
    )


def foreign_rules(walk: Crosswalk, name: str, text: str) -> Iterator[Foreign]:
    """Yield the rules of a file in their order.

    :param name: the file's name as comments and errors show it.
    :raises KnowledgeError: when the file is not TOML, and should be.
    """
    return _SYNTAXES[walk.syntax](walk, name, text)


def _lists(walk: Crosswalk, name: str, text: str) -> Iterator[Foreign]:
    """Read TOML with a table ``[rules]`` that has a list of patterns for each class."""
    import tomllib

    try:
        rules = as_table(tomllib.loads(text).get("rules"))
    except tomllib.TOMLDecodeError as error:
        raise KnowledgeError(name, f"not TOML: {error}") from None
    if rules is None:
        raise KnowledgeError(name, f"{walk.title} keeps its rules in a table [rules], which is missing")
    lines, at = text.splitlines(), 0
    found: list[tuple[str, str, int | None]] = []
    for class_, patterns in rules.items():
        listed = as_list(patterns)
        if listed is None or not all(isinstance(pattern, str) for pattern in listed):
            raise KnowledgeError(name, "must be a list of regular expressions", key=f"rules.{class_}")
        for pattern in map(str, listed):
            line = _line_of(pattern, lines, at)
            at = at if line is None else line
            found.append((class_, pattern, line))
    numbers = Counter(line for _, _, line in found)
    for class_, pattern, line in found:
        if line is None:
            yield Foreign(name, None, pattern, pattern, class_)
        else:
            shown = lines[line].strip() if numbers[line] == 1 else pattern
            yield Foreign(name, line + 1, shown, pattern, class_)


def _line_of(pattern: str, lines: list[str], begin: int) -> int | None:
    """Return the index of the first line from `begin` on in which the pattern stands as a string."""
    escaped = pattern.replace("\\", "\\\\").replace('"', '\\"')
    forms = (f'"{escaped}"', f"'{pattern}'")
    return next((at for at in range(begin, len(lines)) if any(form in lines[at] for form in forms)), None)


def _lines(walk: Crosswalk, name: str, text: str) -> Iterator[Foreign]:
    """Read one rule a line, its fields separated by commas, between comments."""
    for number, line in _written(text):
        row = dict(zip(walk.columns, (field.strip() for field in line.split(",")), strict=False))
        yield Foreign(name, number, line, row["pattern"], row.get("class", ""), row.get("action"))


def _block(walk: Crosswalk, name: str, text: str) -> Iterator[Foreign]:
    """Read ``/pattern/ class`` on each line between ``<block>`` and ``</block>``, or in a file that holds nothing else."""
    begin, end = f"<{walk.block}>", f"</{walk.block}>"
    inside = begin not in text
    for number, line in _written(text):
        if line in {begin, end}:
            inside = line == begin
        elif inside:
            found = _PATTERN.match(line)
            pattern, class_ = (found[1].replace(r"\/", "/"), found[2]) if found else (line, "")
            yield Foreign(name, number, line, pattern, class_)


def _written(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are neither empty nor comments, with their numbers."""
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield number, stripped


_REASONS: Final = {str(reason): reason for reason in Reason}
_SYNTAXES: Final[Mapping[str, Callable[[Crosswalk, str, str], Iterator[Foreign]]]] = {
    "lists": _lists,
    "lines": _lines,
    "block": _block,
}
