"""Run benchmarks and print their figures::

python -m tests.benchmarks                        # everything, on fixtures/
python -m tests.benchmarks parse classify         # some of it
python -m tests.benchmarks parse --mails FOLDER   # on other mails (every file below the folder)
"""

from __future__ import annotations

import argparse
import pathlib
import sys

from tests.benchmarks import jobs, scale, scale_out, speed, start

FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "fixtures"
BENCHMARKS = {
    "parse": speed.parse_against_peers,
    "classify": speed.classify_against_yardstick,
    "start": start.cold_start,
    "scale": scale.scale_of_mails,
    "scale-logs": scale.scale_of_logs,
    "scale-rules": scale.scale_of_rules,
    "jobs": jobs.jobs_on_a_mailbox,
    "scale-out": scale_out.engines_against_the_loop,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all unless given")
    parser.add_argument("--mails", type=pathlib.Path, default=FIXTURES, help="a folder of mails, read recursively")
    args = parser.parse_args()
    unknown = set(args.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    mails = [path.read_bytes() for path in sorted(args.mails.rglob("*")) if path.is_file() and path.suffix != ".jsonl"]
    if not mails:
        parser.error(f"no mails below {args.mails}")
    print(f"{len(mails)} mails, {sum(map(len, mails)) / len(mails) / 1024:.1f} KB each on average")
    for name in args.names or BENCHMARKS:
        for line in BENCHMARKS[name](mails):
            print(f"{name:10s} {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
