"""See the package."""

from __future__ import annotations

import argparse
import sys

import tests.generate
from undeliverable import KnowledgeError


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog=tests.generate.COMMAND, description="Bring generated pages and the index of this checkout up to date."
    )
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 if a page is out of date")
    check: bool = parser.parse_args(arguments).check
    try:
        found = tests.generate.write(check=check)
    except KnowledgeError as error:
        print(error, file=sys.stderr)
        return 1
    for name in found:
        print(f"{name}: {'out of date' if check else 'written'}")
    return 1 if check and found else 0


if __name__ == "__main__":
    sys.exit(main())
