"""The version of the verdicts beside that of the package: what docs/explanation/versions.md promises."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["changes_verdicts", "is_patch", "verdicts_of", "wrong_verdicts"]

_VERSION: Final = re.compile(r'^_VERSION: Final = "(\d+)\.(\d+)\.(\d+)"', re.MULTILINE)


def verdicts_of(text: str) -> tuple[int, int, int]:
    """Return the version of the verdicts in the text of ``knowledge.py``.

    :raises ValueError: when it has none.
    """
    found = _VERSION.search(text)
    if found is None:
        raise ValueError("knowledge.py has no version of the verdicts: three numbers")
    major, minor, patch = map(int, found.groups())
    return major, minor, patch


def changes_verdicts(changelog: str) -> bool:
    """Return whether what is unreleased changes verdicts."""
    unreleased = changelog.partition("## [Unreleased]\n")[2].partition("\n## [")[0]
    return bool(re.search(r"^### Verdict changes\n(?:(?!###? ).*\n)*?- ", f"{unreleased}\n", re.MULTILINE))


def is_patch(before: str, version: str) -> bool:
    """Return whether only the last of the three numbers differs."""
    return before.split(".")[:2] == version.split(".")[:2]


def wrong_verdicts(
    old: tuple[int, int, int], new: tuple[int, int, int], *, names_changes: bool, is_patch: bool
) -> str | None:
    """Return what is wrong with the version of the verdicts in a release, or None."""
    shown = ".".join(map(str, old))
    if new < old:
        return f"the version of the verdicts was {shown}, and falls"
    if names_changes and new == old:
        return f"verdicts change, and their version is still {shown}: raise _VERSION in knowledge.py"
    if new != old and not names_changes:
        return "the version of the verdicts changes, and the changelog names no verdict change"
    if is_patch and new[0] != old[0]:
        return "a patch of the package must not raise the first number of the verdicts' version"
    return None
