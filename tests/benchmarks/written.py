"""The tables of a run, as docs/explanation/performance.md shows them, between two marks that this module looks for."""

from __future__ import annotations

import pathlib
import platform
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

from tests.benchmarks.bars import Corpora, answers

BEGIN: Final = "<!-- figures: written by python -m tests.benchmarks --write -->\n"
END: Final = "<!-- end of figures -->\n"
READERS: Final = ("pure", "compiled", "first", "email", "flufl.bounce", "Sisimai Go", "Sisimai Perl")


def write(path: pathlib.Path, found: Corpora, day: date) -> None:
    """Put the tables of a run between the marks of a page.

    :raises ValueError: when the page has no marks.
    """
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{path}: no lines {BEGIN.strip()} and {END.strip()}")
    path.write_text(f"{before}{BEGIN}\n{tables(found, day)}\n{END}{after}", encoding="utf-8")


def tables(found: Corpora, day: date) -> str:
    """Return the tables: times against this library in pure Python, instructions, and the bars."""
    head = f"{day:%-d %B %Y}, {platform.python_implementation()} {platform.python_version()}. Microseconds of CPU time a message, and in brackets times pure."
    return "\n".join([head, "", *_times(found), *_instructions(found), *_bars(found)])


def _times(found: Corpora) -> Iterator[str]:
    readers = [name for name in READERS if any(name in each for each in found.values())]
    yield from _head("messages", *readers)
    for corpus, each in found.items():
        if "pure" in each:
            yield f"| {corpus} | {' | '.join(_cell(each, name) for name in readers)} |"
    yield ""


def _cell(each: Mapping[str, float], name: str) -> str:
    return f"{each[name]:,.0f} ({each[name] / each['pure']:.2f})" if name in each else "-"


def _instructions(found: Corpora) -> Iterator[str]:
    counted = {corpus: each for corpus, each in found.items() if "instructions pure" in each}
    if not counted:
        return
    readers = [name for name in READERS if any(f"instructions {name}" in each for each in counted.values())]
    yield from ("Instructions a message, as callgrind counts them:", "")
    yield from _head("messages", *readers)
    for corpus, each in counted.items():
        cells = (f"{each[f'instructions {name}']:,.0f}" if f"instructions {name}" in each else "-" for name in readers)
        yield f"| {corpus} | {' | '.join(cells)} |"
    yield ""


def _bars(found: Corpora) -> Iterator[str]:
    yield from _head("what is asked", "bar", "measured", "holds")
    for one in answers(found):
        if one.is_measured:
            yield f"| {' | '.join(one)} |"


def _head(first: str, *names: str) -> Iterator[str]:
    yield f"| {first} | {' | '.join(names)} |"
    yield "|---|" + "---:|" * len(names)
