"""Make a release by one command: ``python -m tests.release 0.9.0``.

Everything happens in a worktree of its own, beside the checkout: the version, the section of the changelog and the
installation text are changed and committed there, source distribution and wheel are built from that commit, and what was built
is looked into. Only then does the branch move to the commit and get its tag; whatever fails before leaves nothing behind. Nothing
is pushed: that is the last word, and it is yours. What is pushed with a tag is published by ``.github/workflows/release.yml``.
"""

from __future__ import annotations

from tests.release._release import Release, ReleaseError, released
from tests.release._texts import (
    INSTALL,
    by_name,
    flipped,
    home_of,
    notes_of,
    with_home,
    with_section,
    with_version,
)

__all__ = [
    "COMMAND",
    "INSTALL",
    "Release",
    "ReleaseError",
    "by_name",
    "flipped",
    "home_of",
    "notes_of",
    "released",
    "with_home",
    "with_section",
    "with_version",
]

COMMAND = "python -m tests.release"
