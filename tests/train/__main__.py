"""See the package."""

from __future__ import annotations

import argparse
import sys

from tests.train import COMMAND, DATA, fit, samples, written
from tests.train.check import cross_validated, hards_lost, score, table
from undeliverable import Knowledge


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description="Train the second opinion from the replies in fixtures.")
    parser.add_argument("--check", action="store_true", help="write nothing; measure by leaving out sources")
    check: bool = parser.parse_args(arguments).check
    known = samples()
    if check:
        found = cross_validated(known)
        mended, broken, types_mended, types_broken, to_hard = score(found)
        print(f"reasons mended {mended}, broken {broken}; types mended {types_mended}, broken {types_broken}; made hard {to_hard}")
        lost = [*hards_lost([sample for sample in known if sample.types], Knowledge.builtin())]
        print(f"hards lost by tails that say nothing: {len(lost)}", *lost, sep="\n  ")
        print(*table(found), sep="\n")
        return 0
    DATA.write_text(written(fit(known)), encoding="utf-8", newline="\n")
    print(f"{DATA.name}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
