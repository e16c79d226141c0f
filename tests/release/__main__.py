"""See the package."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from tests.release import COMMAND, Release, ReleaseError, notes_of, released

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Release, or print what the changelog says of a release."""
    parser = argparse.ArgumentParser(
        prog=COMMAND, description="Make a release: changelog, version, installation text, builds, tag."
    )
    parser.add_argument("version", help="three numbers, such as 0.9.0")
    parser.add_argument(
        "--home", default="", metavar="URL", help="the address of the repository, unless pyproject.toml has it"
    )
    parser.add_argument(
        "--date", type=date.fromisoformat, metavar="YYYY-MM-DD", help="of the changelog; today in UTC unless given"
    )
    parser.add_argument("--dry-run", action="store_true", help="do everything in a worktree that is thrown away")
    parser.add_argument(
        "--notes", action="store_true", help="release nothing: print the changelog's section on that version"
    )
    options = parser.parse_args(arguments)
    try:
        if options.notes:
            print(notes_of((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), options.version), end="")
            return 0
        release = Release(ROOT, options.version, options.date or datetime.now(UTC).date(), options.home)
        released(release, dry_run=options.dry_run)
    except (ReleaseError, ValueError) as error:
        print(f"not released: {error}", file=sys.stderr)
        return 1
    if options.dry_run:
        print("dry run: nothing was changed")
    else:
        print(f"released here, in commit and tag {release.tag}; publish it with: git push --follow-tags")
    return 0


if __name__ == "__main__":
    sys.exit(main())
