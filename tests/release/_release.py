"""The steps of a release, on a repository of git.

It is built with the hatchling that is installed (extra ``dev``), so that two people with the same versions get the same octets.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from email import message_from_bytes
from pathlib import Path
from typing import Final

from tests.release._texts import by_name, flipped, home_of, with_home, with_section, with_version
from tests.release._verdicts import changes_verdicts, is_patch, verdicts_of, wrong_verdicts

__all__ = ["Release", "ReleaseError", "released"]

_PACKAGE: Final = "src/undeliverable/__init__.py"
_PROJECT: Final = "pyproject.toml"
_CHANGELOG: Final = "CHANGELOG.md"
_README: Final = "README.md"
_KNOWLEDGE: Final = "src/undeliverable/knowledge.py"


class ReleaseError(Exception):
    """What stands against a release, in one line."""


@dataclass(frozen=True)
class Release:
    """A version to release.

    :ivar root: the checkout.
    :ivar day: the date of the section in the changelog.
    :ivar home: the address of the repository; empty for the one that ``pyproject.toml`` names.
    """

    root: Path
    version: str
    day: date
    home: str = ""

    @property
    def tag(self) -> str:
        """The name of the tag."""
        return f"v{self.version}"


def released(release: Release, *, dry_run: bool = False, say: Callable[[str], None] = print) -> list[Path]:
    """Make a release, and return the files that were built; with `dry_run` everything but the branch, the tag and ``dist``.

    :raises ReleaseError: when something stands against it; nothing was changed then.
    """
    _check(release)
    with _worktree(release) as tree:
        changed = _changed(release, tree)
        for name, text in changed.items():
            (tree / name).write_text(text, encoding="utf-8", newline="\n")
        _git(tree, "commit", "--quiet", "-m", f"Release {release.version}", "--", *changed)
        say(_git(tree, "show", "--stat", "--format=%s", "HEAD"))
        built = _built(tree)
        _look_into(built, release, home_of((tree / _PROJECT).read_text(encoding="utf-8")))
        say("built and looked into: " + ", ".join(path.name for path in built))
        if dry_run:
            return []
        commit = _git(tree, "rev-parse", "HEAD")
        place = release.root / "dist"
        place.mkdir(exist_ok=True)
        kept = [Path(shutil.copy(path, place)) for path in built]
    _git(release.root, "merge", "--quiet", "--ff-only", commit)
    _git(release.root, "tag", "--annotate", "-m", f"undeliverable {release.version}", release.tag, commit)
    return kept


def _check(release: Release) -> None:
    if _git(release.root, "status", "--porcelain"):
        raise ReleaseError("the checkout has changes that are not committed")
    if _git(release.root, "tag", "--list", release.tag):
        raise ReleaseError(f"there is a tag {release.tag} already")
    if not _git(release.root, "branch", "--show-current"):
        raise ReleaseError("no branch is checked out")
    _check_verdicts(release)


def _check_verdicts(release: Release) -> None:
    """Check that verdicts have another version than in the release before, if the changelog names any that change."""
    before = _git(release.root, "tag", "--list", "v*", "--sort=-version:refname", "--merged").split("\n")[0]
    if not before:
        return
    text = (release.root / _CHANGELOG).read_text(encoding="utf-8")
    old = verdicts_of(_git(release.root, "show", f"{before}:{_KNOWLEDGE}"))
    new = verdicts_of((release.root / _KNOWLEDGE).read_text(encoding="utf-8"))
    wrong = wrong_verdicts(
        old, new, names_changes=changes_verdicts(text), is_patch=is_patch(before[1:], release.version)
    )
    if wrong:
        raise ReleaseError(wrong)


def _changed(release: Release, tree: Path) -> Mapping[str, str]:
    """Return the files that a release changes, with their new text."""
    texts = {name: (tree / name).read_text(encoding="utf-8") for name in (_PACKAGE, _PROJECT, _CHANGELOG, _README)}
    try:
        home = release.home or home_of(texts[_PROJECT])
        if not home:
            raise ReleaseError(
                "where will the repository be? --home https://HOST/OWNER/NAME, once; pyproject.toml keeps it"
            )
        return {
            _PACKAGE: with_version(texts[_PACKAGE], release.version),
            _PROJECT: with_home(texts[_PROJECT], home),
            _CHANGELOG: with_section(texts[_CHANGELOG], release.version, release.day, home),
            _README: flipped(texts[_README], home),
            **_pages(tree),
        }
    except ValueError as error:
        raise ReleaseError(str(error)) from error


def _pages(tree: Path) -> Mapping[str, str]:
    """Return the pages of the documentation that say how to install, with their new text."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted((tree / "docs").rglob("*.md"))}
    return {path.relative_to(tree).as_posix(): new for path, text in texts.items() if (new := by_name(text)) != text}


@contextmanager
def _worktree(release: Release) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        _git(release.root, "worktree", "add", "--quiet", "--detach", str(tree))
        try:
            yield tree
        finally:
            _git(release.root, "worktree", "remove", "--force", str(tree))


def _built(tree: Path) -> list[Path]:
    """Build source distribution and wheel: the same bytes from the same commit, wherever and whenever."""
    place = tree.parent / "dist"
    environment = {**os.environ, "SOURCE_DATE_EPOCH": _git(tree, "log", "-1", "--format=%ct")}
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(place), str(tree)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise ReleaseError(f"it cannot be built:\n{done.stdout}{done.stderr}")
    return sorted(place.iterdir())


def _look_into(built: list[Path], release: Release, home: str) -> None:
    """Check what PyPI will show: the version, the links, and a description in which no link leads nowhere."""
    names = [path.name for path in built]
    source = f"undeliverable-{release.version}.tar.gz"
    wheels = [
        path for path in built if path.suffix == ".whl" and path.name.startswith(f"undeliverable-{release.version}-")
    ]
    if source not in names or len(wheels) != len(built) - 1 or not wheels:
        raise ReleaseError(f"not what was to be built: {', '.join(names)}")
    with tarfile.open(built[names.index(source)]) as file:
        member = file.extractfile(f"undeliverable-{release.version}/PKG-INFO")
        metadata = [b"" if member is None else member.read()]
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            metadata.append(archive.read(f"undeliverable-{release.version}.dist-info/METADATA"))
    for one in metadata:
        parsed = message_from_bytes(one)
        if parsed["Version"] != release.version:
            raise ReleaseError(f"the metadata have the version {parsed['Version']}")
        if not any(home in line for line in parsed.get_all("Project-URL", [])):
            raise ReleaseError("the metadata have no links to the repository")


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout.strip()
