"""Compare what two installations say of the same inputs, byte for byte::

    python -m tests.same_verdicts PYTHON                    # this interpreter's library and that of another interpreter
    python -m tests.same_verdicts PYTHON FOLDER... --mutations 20000

Mails, logs and replies below the folders (fixtures/ unless given) are read whole, and mails also with damage, which is the
same for the same seed. The records are written in both interpreters as JSON and compared line by line; the status is 1
where they differ. A pure and a compiled build have to say the same of everything.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest
from pathlib import Path
from typing import Final

import undeliverable
from tests.fuzz.targets import mutated
from undeliverable import Report, classify, iter_log, parse

ROOT: Final = Path(__file__).resolve().parent.parent
FIXTURES: Final = ROOT / "fixtures"
SEED: Final = 20
SHOWN: Final = 5
"""How many differences are shown in full."""
_LOGS: Final = frozenset((".log",))
_LINES: Final = frozenset((".txt", ".jsonl", ".csv", ".json", ".md", ".toml"))


def files(folders: Sequence[Path]) -> list[Path]:
    """Return all files below `folders`, always in the same order."""
    return [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]


def record(report: Report) -> str:
    """Return the record of a report, with what the record leaves out."""
    evidence = [[str(one) for one in verdict.evidence] for verdict in report.verdicts]
    return json.dumps([report.to_dict(), evidence, [verdict.explain(verbose=True) for verdict in report.verdicts[:3]]])


def of_file(path: Path) -> Iterator[str]:
    """Yield what is said of a file: of a mail, of the lines of a log, or of each line as a reply."""
    raw = path.read_bytes()
    if path.suffix in _LOGS:
        yield from map(record, iter_log(raw.split(b"\n")))
    elif path.suffix in _LINES:
        for line in raw.decode("utf-8", "replace").splitlines():
            yield json.dumps(classify(line.rpartition("\t")[2], trace=True).to_dict())
    else:
        yield record(parse(raw, trace=True))


def of_damaged(mails: Sequence[Path], number: int) -> Iterator[str]:
    """Yield what is said of `number` mails with damage."""
    source = random.Random(SEED)
    known = [path.read_bytes() for path in mails]
    for _ in range(number if known else 0):
        yield record(parse(mutated(source, source.choice(known))))


def lines(folders: Sequence[Path], mutations: int) -> Iterator[str]:
    """Yield all that is compared, each line after the name of its input."""
    found = files(folders)
    for path in found:
        for number, line in enumerate(of_file(path)):
            yield f"{path} {number} {line}"
    mails = [path for path in found if path.suffix not in _LOGS | _LINES]
    for number, line in enumerate(of_damaged(mails, mutations)):
        yield f"damaged {number} {line}"


def dump(python: str, folders: Sequence[Path], mutations: int, out: Path) -> None:
    """Write all that is compared, as the library of another interpreter says it."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [python, "-m", "tests.same_verdicts", "-", *map(str, folders), "--mutations", str(mutations)]
    with out.open("wb") as file:
        subprocess.run(command, cwd=ROOT, env=environment, stdout=file, check=True)


def write(folders: Sequence[Path], mutations: int, out: Path) -> None:
    """Write all that is compared, as this interpreter's library says it."""
    with out.open("w", encoding="ascii") as file:
        file.writelines(f"{line}\n" for line in lines(folders, mutations))


def differences(one: Path, other: Path) -> Iterator[tuple[str | None, str | None]]:
    """Yield the lines in which two files differ."""
    with one.open(encoding="ascii") as mine, other.open(encoding="ascii") as theirs:
        yield from (pair for pair in zip_longest(mine, theirs) if pair[0] != pair[1])


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", metavar="PYTHON", help="the interpreter to compare with; - only writes the records")
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="of inputs (default: fixtures/)")
    parser.add_argument("--mutations", type=int, default=2_000, help="how many damaged mails (default: 2000)")
    options = parser.parse_args(words)
    folders = [folder.resolve() for folder in options.folders or [FIXTURES]]
    if options.python == "-":
        for line in lines(folders, options.mutations):
            print(line)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        mine, theirs = Path(folder, "mine"), Path(folder, "theirs")
        dump(options.python, folders, options.mutations, theirs)
        write(folders, options.mutations, mine)
        found = list(islice(differences(mine, theirs), SHOWN))
        with mine.open(encoding="ascii") as file:
            count = sum(1 for _ in file)
    for pair in found:
        print(*(line or "nothing" for line in pair), sep="\n", end="\n\n")
    here = "compiled" if undeliverable.compiled else "pure"
    print(f"{count:,} records of the {here} build here: {'DIFFERENT' if found else 'the same'} in {options.python}")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
