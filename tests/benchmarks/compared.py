"""`parse`: every reader on the same messages, pass by pass in turn; the median of CPU time, and instructions where valgrind is.

Machines differ, and so do hours on one machine, by a factor of two. What counts is a ratio of one run, and where a change is
small, instructions.
"""

from __future__ import annotations

import os
import pathlib
import statistics
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from tests.benchmarks.larger import returning
from tests.benchmarks.peers import Command, Peers, Reader, instructions, own_reader
from tests.benchmarks.reader import packed

PASSES: Final = int(os.environ.get("PASSES", "7"))
COUNTED: Final = int(os.environ.get("COUNTED", "40"))
"""Messages whose instructions are counted: fifty times slower than reading them."""
SIZES: Final = (3_000, 30_000, 50_000)
"""Octets by which the returned message is made larger."""
BUILDS: Final = frozenset(("pure", "compiled", "first"))
"""Whose instructions are counted."""
WAYS: Final = ("undeliverable", "json", "pickle")
"""What else is measured of the library alone, as `reader.READERS` has it."""

Figures = dict[str, dict[str, float]]
"""Microseconds a message, by corpus and reader; instructions under ``instructions READER``."""


def compared(
    corpora: Mapping[str, Sequence[bytes]], peers: Peers, *, counted: Collection[str], figures: Figures
) -> Iterator[str]:
    """Measure all readers on each corpus, and yield a line for each reader."""
    with tempfile.TemporaryDirectory() as made:
        scratch = pathlib.Path(made)
        commands = peers.commands(scratch)
        yield "left out: " + (
            "; ".join(f"{name}: {why}" for name, why in commands.items() if isinstance(why, str)) or "nobody"
        )
        found = {name: command for name, command in commands.items() if isinstance(command, Command)}
        for name, mails in corpora.items():
            figures[name] = _one(found, mails, scratch, counts=name in counted)
            yield from _lines(name, mails, figures[name])


def larger(corpora: Mapping[str, Sequence[bytes]]) -> dict[str, list[bytes]]:
    """The corpora, and those of them that return messages with larger ones."""
    every = {name: list(mails) for name, mails in corpora.items()}
    for name, mails in corpora.items():
        for size in SIZES:
            grown = [returning(raw, size) for raw in mails]
            if sum(len(raw) >= size for raw in grown) * 2 > len(grown):
                every[f"{name}, {size // 1000} KB returned"] = grown
    return every


def ways(mails: Sequence[bytes]) -> dict[str, float]:
    """Microseconds a message of the library's own: reading with the record; that once more, as JSON; and the report through a pickle."""
    with tempfile.TemporaryDirectory() as made:
        commands = {name: own_reader(name) for name in WAYS}
        return _one(commands, mails, pathlib.Path(made), counts=False)


def classified(replies: Sequence[str], peers: Peers, own: dict[str, float]) -> Iterator[str]:
    """Measure how fast each build of the library judges these replies, none of them seen before."""
    with tempfile.TemporaryDirectory() as made:
        scratch = pathlib.Path(made)
        builds = {name: command for name, command in peers.commands(scratch).items() if name in BUILDS}
        commands = {
            name: Command([*one.words[:-1], "classify"], one.path)
            for name, one in builds.items()
            if isinstance(one, Command)
        }
        commands["rules alone"] = own_reader("classify-rules")
        texts = [text.encode(errors="replace") for text in replies]
        found = _one(commands, texts, scratch, counts=False)
    for name, micro in found.items():
        yield f"{name:10s} {1e6 / micro:9,.0f} replies/s"
    if "first" in found:
        own["classify/first"] = found["pure"] / found["first"]
        own["classify/rules alone"] = found["rules alone"] / found["first"]
    if "compiled" in found:
        own["classify/compiled"] = 1e6 / found["compiled"]


def _one(
    commands: Mapping[str, Command], mails: Sequence[bytes], scratch: pathlib.Path, *, counts: bool
) -> dict[str, float]:
    file = scratch / "mails"
    file.write_bytes(packed(list(mails)))
    readers = {name: Reader(command, file) for name, command in commands.items()}
    times: dict[str, list[float]] = {name: [] for name in readers}
    try:
        for number in range(PASSES + 1):
            for name, reader in readers.items():
                seconds = reader.one_pass()
                if number:  # the first pass imports and compiles
                    times[name].append(seconds)
    finally:
        for reader in readers.values():
            reader.close()
    found = {name: 1e6 * statistics.median(each) / len(mails) for name, each in times.items()}
    if counts:
        some = list(mails)[:: max(len(mails) // COUNTED, 1)][:COUNTED]
        file.write_bytes(packed(some))
        for name, command in commands.items():
            total = instructions(command, file) if name in BUILDS else None
            if total is not None:
                found[f"instructions {name}"] = total / len(some)
    return found


def _lines(corpus: str, mails: Sequence[bytes], found: Mapping[str, float]) -> Iterator[str]:
    own = found.get("compiled", found["pure"])
    yield f"{corpus}: {len(mails)} messages, {sum(map(len, mails)) / len(mails) / 1000:.1f} KB each"
    for name, micro in found.items():
        if name.startswith("instructions "):
            continue
        count = found.get(f"instructions {name}")
        counted = "" if count is None else f"  {count:12,.0f} instructions"
        yield f"  {name:14s} {micro:9,.1f} us a message  {micro / found['pure']:6.2f} x pure  {micro / own:6.2f} x the faster build{counted}"
