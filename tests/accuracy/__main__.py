"""See the package."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tests.accuracy import COMMAND, PAGE, filled_in, tables


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables, or bring the page up to date."""
    parser = argparse.ArgumentParser(
        prog=COMMAND, description="Measure how often verdicts are right, beside other programs."
    )
    parser.add_argument("--write", action="store_true", help=f"put the tables into {PAGE.name}")
    found = tables()
    if parser.parse_args(arguments).write:
        PAGE.write_text(filled_in(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8", newline="\n")
    else:
        print("\n\n".join("\n".join(lines) for lines in found.values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
