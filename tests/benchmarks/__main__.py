"""Run benchmarks and print their figures, and which bars hold::

python -m tests.benchmarks                          # everything, on fixtures/
python -m tests.benchmarks parse classify           # some of it
python -m tests.benchmarks parse --mails FOLDER     # on other mails (the .eml files below the folder, or all); repeatable
python -m tests.benchmarks parse --count fixtures --reference SRC --compiled PYTHON --write docs/explanation/performance.md
"""

from __future__ import annotations

import argparse
import itertools
import pathlib
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

from tests.benchmarks import bars, compared, jobs, scale, scale_out, speed, start, written
from tests.benchmarks.peers import Peers

FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "fixtures"
Figures: TypeAlias = dict[str, float]
BENCHMARKS: dict[str, Callable[[Sequence[bytes], Figures], Iterator[str]]] = {
    "classify": speed.classify_against_yardstick,
    "start": start.cold_start,
    "scale": scale.scale_of_mails,
    "scale-logs": scale.scale_of_logs,
    "scale-rules": scale.scale_of_rules,
    "jobs": jobs.jobs_on_a_mailbox,
    "scale-out": scale_out.engines_against_the_loop,
}
PARSE = "parse"


def main() -> int:
    options = _options()
    corpora = {folder.name: _mails(folder) for folder in options.mails or [FIXTURES]}
    mails = list(itertools.chain.from_iterable(corpora.values()))
    print(
        f"Python {sys.version.split()[0]}, {len(mails)} mails, {sum(map(len, mails)) / len(mails) / 1024:.1f} KB each on average"
    )
    found: compared.Figures = {}
    own: Figures = {}
    names = options.names or [PARSE, *BENCHMARKS]
    peers = Peers(options.compiled, options.reference, options.sisimai_perl, options.sisimai_go)
    if PARSE in names:
        for line in compared.compared(compared.larger(corpora), peers, counted=options.count, figures=found):
            print(f"{PARSE:10s} {line}", flush=True)
        own |= compared.ways(mails)
    if "classify" in names:
        for line in compared.classified(speed.replies_in(mails), peers, own):
            print(f"{'classify':10s} {line}", flush=True)
    for name in names:
        if name != PARSE:
            for line in BENCHMARKS[name](mails, own):
                print(f"{name:10s} {line}", flush=True)
    found["own"] = own
    for one in bars.answers(found):
        print(f"bar        {one.what:55s} {one.bar:>10s} {one.figure:>10s}  {one.holds}")
    if options.write is not None:
        written.write(options.write, found, datetime.now(UTC).date())
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    every = [PARSE, *BENCHMARKS]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(every)}; all unless given")
    parser.add_argument("--mails", type=pathlib.Path, action="append", help="a folder of mails, read recursively")
    parser.add_argument("--compiled", metavar="PYTHON", help="a Python in which a compiled build is installed")
    parser.add_argument("--reference", metavar="SRC", help="the src of a checkout of the first version, commit a8dc4c6")
    parser.add_argument(
        "--sisimai-perl", metavar="LIB", help="the lib of Sisimai for Perl, where perl does not find it"
    )
    parser.add_argument("--sisimai-go", metavar="FOLDER", help="a checkout of Sisimai for Go")
    parser.add_argument(
        "--count",
        metavar="NAME",
        action="append",
        default=[],
        help="also count instructions on this folder of mails, with valgrind",
    )
    parser.add_argument("--write", type=pathlib.Path, metavar="PAGE", help="put the tables into this page")
    options = parser.parse_args()
    unknown = set(options.names) - set(every)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; expected some of {', '.join(every)}")
    for folder in options.mails or ():
        if not _mails(folder):
            parser.error(f"no mails below {folder}")
    return options


def _mails(folder: pathlib.Path) -> list[bytes]:
    """Return the messages below a folder: the files that are called so (``.eml``), or all where none is."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path.read_bytes() for path in [one for one in files if one.suffix == ".eml"] or files]


if __name__ == "__main__":
    sys.exit(main())
