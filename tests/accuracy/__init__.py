"""Measure how often the verdicts are right: ``python -m tests.accuracy`` prints the tables of docs/explanation/accuracy.md.

Everything that is measured is in the repository, so anybody can run it. Beside this library stand flufl.bounce, which is a
dependency, and Sisimai where it is installed (``apt-get install libsisimai-perl``). With ``--write`` the page gets the new
tables; rows of a program that is not installed here stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from tests.accuracy.measures import of_mails, of_ordinary, of_replies
from tests.accuracy.programs import Program, installed

__all__ = ["COMMAND", "PAGE", "filled_in", "tables"]

COMMAND: Final = "python -m tests.accuracy"
PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "accuracy.md"


def tables(programs: Sequence[Program] | None = None) -> dict[str, list[str]]:
    """Return the lines of each table by its name."""
    asked = installed() if programs is None else programs
    return {"replies": [*of_replies()], "messages": [*of_mails(asked)], "ordinary": [*of_ordinary(asked)]}


def filled_in(page: str, found: dict[str, list[str]]) -> str:
    """Return a page with its tables brought up to date; rows of programs that were not asked stay where they are.

    :raises ValueError: when the page has no place for a table.
    """
    for name, lines in found.items():
        begin, end = f"<!-- measured: {name} -->\n", "<!-- end -->\n"
        head, mark, rest = page.partition(begin)
        old, close, tail = rest.partition(end)
        if not mark or not close:
            raise ValueError(f"no place for the table {name!r}")
        page = f"{head}{begin}\n{_merged(old.strip().splitlines(), lines)}\n{end}{tail}"
    return page


def _merged(old: Iterable[str], new: Sequence[str]) -> str:
    """Return the rows of `new`, each set followed by the rows of `old` on programs that `new` says nothing of."""
    kept = [row for row in old if row.startswith("|") and _key(row) not in {_key(other) for other in new}]
    lines: list[str] = []
    for position, row in enumerate(new):
        lines.append(row)
        following = new[position + 1] if position + 1 < len(new) else ""
        if _set(following) != _set(row):
            lines += [other for other in kept if _set(other) == _set(row) and position > 1]
    return "\n".join(lines) + "\n"


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def _set(row: str) -> tuple[str, ...]:
    return tuple(_cells(row)[:2])


def _key(row: str) -> tuple[str, ...]:
    """Return set and program, the latter without its version."""
    cells = _cells(row)
    return (*cells[:1], *(cells[2].split()[:1] if len(cells) > 2 else ()))
