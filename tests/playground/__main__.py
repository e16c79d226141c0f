"""See the package."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import tests.playground


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog=tests.playground.COMMAND, description="Fetch and build what the playground of the documentation runs."
    )
    parser.add_argument("target", nargs="?", type=Path, default=tests.playground.TARGET, help="the folder to put it in")
    target: Path = parser.parse_args(arguments).target
    try:
        tests.playground.build(target)
    except tests.playground.MissingError as error:
        print(f"the playground cannot be built: {error}", file=sys.stderr)
        return 1
    for path in sorted(target.rglob("*")):
        if path.is_file():
            print(f"{path.stat().st_size:>12,}  {path.relative_to(target)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
