"""A release is one command, changes nothing when something is wrong, and builds the same octets from the same commit."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
import zipfile
from datetime import date
from pathlib import Path
from typing import Final

import pytest

import undeliverable
from tests.release import (
    Release,
    ReleaseError,
    flipped,
    home_of,
    notes_of,
    released,
    with_home,
    with_section,
    with_version,
)
from tests.release import __main__ as command
from tests.release._verdicts import changes_verdicts, verdicts_of, wrong_verdicts
from undeliverable import Knowledge

ROOT: Final = Path(__file__).resolve().parent.parent
HOME: Final = "https://git.example/undeliverable/undeliverable"
DAY: Final = date(2026, 12, 1)
NEEDED: Final = ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", ".gitignore", ".ci", "src")
CHANGELOG: Final = (
    "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n\n## [0.1.0] - 2026-01-01\n\n- The first.\n"
)


def git(folder: Path, *words: str) -> str:
    names = ("-c", "user.name=Kim", "-c", "user.email=kim@example.org")
    return subprocess.run(
        ["git", *names, *words], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with what is needed to build this package."""
    if shutil.which("git") is None:
        pytest.skip("needs git")
    for name in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{name}_NAME", "Kim")
        monkeypatch.setenv(f"{name}_EMAIL", "kim@example.org")
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "docs").mkdir()
    (folder / "docs" / "index.md").write_text("# Guide\n\npip install '/path/to/checkout[store]'\n", encoding="utf-8")
    without = shutil.ignore_patterns("__pycache__", "index.jsonl*", "*.so")
    for name in NEEDED:
        path = ROOT / name
        shutil.copytree(path, folder / name, ignore=without) if path.is_dir() else shutil.copy(path, folder / name)
    project = folder / "pyproject.toml"
    text = project.read_text(encoding="utf-8").replace(
        f'home = "{home_of(project.read_text(encoding="utf-8"))}"', 'home = ""'
    )
    project.write_text(text, encoding="utf-8")
    (folder / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "Begin")
    return folder


def state(folder: Path) -> tuple[str, ...]:
    return (
        git(folder, "rev-parse", "HEAD"),
        git(folder, "tag"),
        git(folder, "status", "--porcelain"),
        git(folder, "worktree", "list"),
    )


def digests(paths: list[Path]) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_a_release_from_beginning_to_end(checkout: Path, tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    said: list[str] = []
    release = Release(checkout, "9.0.0", DAY, HOME)
    before = state(checkout)
    assert released(release, dry_run=True, say=said.append) == []
    assert state(checkout) == before
    assert not (checkout / "dist").exists()
    built = released(release, say=said.append)
    assert [path.name for path in built if path.name.endswith(".tar.gz")] == ["undeliverable-9.0.0.tar.gz"]
    assert git(checkout, "describe", "--exact-match") == "v9.0.0"
    assert git(checkout, "log", "-1", "--format=%s") == "Release 9.0.0"
    assert git(checkout, "status", "--porcelain") == ""  # dist is ignored
    assert '__version__ = "9.0.0"' in (checkout / "src" / "undeliverable" / "__init__.py").read_text(encoding="utf-8")
    assert home_of((checkout / "pyproject.toml").read_text(encoding="utf-8")) == HOME
    readme = (checkout / "README.md").read_text(encoding="utf-8")
    assert readme == flipped(readme, HOME)
    assert f"[![checks]({HOME}/actions/workflows/ci.yml/badge.svg)]" in readme
    assert "not on PyPI yet" not in readme
    assert (checkout / "docs" / "index.md").read_text(
        encoding="utf-8"
    ) == "# Guide\n\npip install 'undeliverable[store]'\n"
    assert notes_of((checkout / "CHANGELOG.md").read_text(encoding="utf-8"), "9.0.0") == "### Added\n\n- A thing.\n"
    metadata = zipfile.ZipFile(next(path for path in built if path.suffix == ".whl")).read(
        "undeliverable-9.0.0.dist-info/METADATA"
    )
    assert f"Project-URL: Source, {HOME}\n".encode() in metadata
    assert f"]({HOME}/blob/v9.0.0/docs/index.md)".encode() in metadata
    # Anybody gets the same octets, from another folder and at another time.
    elsewhere = tmp_path / "elsewhere" / "deep"
    git(tmp_path, "clone", "-q", "--branch", "v9.0.0", str(checkout), str(elsewhere))
    again = _built(elsewhere)
    assert digests(again) == digests(built)
    with pytest.raises(ReleaseError, match=r"there is a tag v9\.0\.0 already"):
        released(release, say=said.append)


def _built(tree: Path) -> list[Path]:
    from tests.release._release import _built as build

    return build(tree)


def test_a_failed_build_leaves_nothing_behind(checkout: Path) -> None:
    pytest.importorskip("hatchling")
    (checkout / ".ci" / "hatch_build.py").write_text("raise SystemExit('broken')\n", encoding="utf-8")
    git(checkout, "commit", "-q", "-a", "-m", "Break it")
    before = state(checkout)
    with pytest.raises(ReleaseError, match="it cannot be built"):
        released(Release(checkout, "9.0.0", DAY, HOME), say=print)
    assert state(checkout) == before


def test_a_release_needs_a_clean_checkout_and_a_home(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ReleaseError, match="where will the repository be"):
        released(Release(checkout, "9.0.0", DAY), say=print)
    (checkout / "README.md").write_text("", encoding="utf-8")
    with pytest.raises(ReleaseError, match="changes that are not committed"):
        released(Release(checkout, "9.0.0", DAY, HOME), say=print)
    git(checkout, "commit", "-q", "-a", "-m", "Empty it")
    with pytest.raises(ReleaseError, match=r"README\.md has no place between"):
        released(Release(checkout, "9.0.0", DAY, HOME), say=print)
    git(checkout, "checkout", "-q", "--detach")
    with pytest.raises(ReleaseError, match="no branch is checked out"):
        released(Release(checkout, "9.0.0", DAY, HOME), say=print)
    monkeypatch.chdir(checkout.parent)
    with pytest.raises(ReleaseError, match="git status"):
        released(Release(checkout.parent, "9.0.0", DAY, HOME), say=print)


@pytest.mark.parametrize(
    ("version", "error"),
    [
        ("0.9", "three numbers"),
        ("1.0.0rc1", "three numbers"),
        ("v1.0.0", "three numbers"),
        ("0.0.9", "does not come after"),
        ("0.1.0", "does not come after"),
    ],
)
def test_a_version_is_three_numbers_that_rise(version: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        with_version('"""Doc."""\n__version__ = "0.1.0"\n', version)


def test_versions_are_compared_as_numbers() -> None:
    assert with_version('a\n__version__ = "0.9.0"\nb\n', "0.10.0") == 'a\n__version__ = "0.10.0"\nb\n'
    with pytest.raises(ValueError, match="no __version__"):
        with_version("", "0.1.0")


def test_what_was_unreleased_becomes_a_section() -> None:
    text = with_section(CHANGELOG, "0.9.0", DAY, HOME)
    assert "## [Unreleased]\n\n## [0.9.0] - 2026-12-01\n\n### Added\n\n- A thing.\n\n## [0.1.0] - 2026-01-01\n" in text
    assert text.endswith(f"[Unreleased]: {HOME}/compare/v0.9.0...HEAD\n[0.9.0]: {HOME}/releases/tag/v0.9.0\n")
    later = with_section(text.replace("## [Unreleased]\n", "## [Unreleased]\n\n- Another.\n"), "0.9.1", DAY, HOME)
    assert later.count("[Unreleased]: ") == 1
    assert f"[0.9.0]: {HOME}/releases/tag/v0.9.0\n[Unreleased]: {HOME}/compare/v0.9.1...HEAD\n" in later
    assert notes_of(later, "0.9.1") == "- Another.\n"
    assert notes_of(later, "0.9.0") == "### Added\n\n- A thing.\n"
    assert notes_of(later, "0.1.0") == "- The first.\n"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("# Changelog\n", "no section"),
        ("## [Unreleased]\n\n- A.\n\n## [0.9.0] - 2026-01-01\n", "has a section"),
        ("## [Unreleased]\n\n## [0.1.0] - 2026-01-01\n\n- A.\n", "nothing below"),
    ],
)
def test_a_changelog_that_is_not_ready_is_refused(text: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        with_section(text, "0.9.0", DAY, HOME)


def test_the_changelog_has_something_to_release_or_was_just_released() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    unreleased = text.partition("## [Unreleased]\n")[2].partition("\n## [")[0].strip()
    if unreleased:
        assert unreleased in notes_of(with_section(text, "99.0.0", DAY, HOME), "99.0.0")
    else:
        assert f"## [{undeliverable.__version__}]" in text


@pytest.mark.parametrize(
    "home", ["", "http://git.example/a/b", "https://git.example/", "https://git.example/a/b/", "https://a b/c/d"]
)
def test_a_home_is_the_address_of_a_repository(home: str) -> None:
    with pytest.raises(ValueError, match="not the address of a repository"):
        with_home('home = ""\n', home)


def test_notes_and_homes_that_are_missing_are_said() -> None:
    with pytest.raises(ValueError, match=r"no section \[2\.0\.0\]"):
        notes_of(CHANGELOG, "2.0.0")
    with pytest.raises(ValueError, match="no home"):
        home_of("")


def test_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[tuple[Release, bool]] = []
    monkeypatch.setattr(command, "released", lambda release, *, dry_run: calls.append((release, dry_run)))
    monkeypatch.setattr(command, "ROOT", tmp_path)
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    assert command.main(["0.9.0", "--date", "2026-12-01", "--dry-run"]) == 0
    assert "nothing was changed" in capsys.readouterr().out
    assert command.main(["0.9.0", "--home", HOME]) == 0
    assert "git push --follow-tags" in capsys.readouterr().out
    assert [(release.version, release.home, dry_run) for release, dry_run in calls] == [
        ("0.9.0", "", True),
        ("0.9.0", HOME, False),
    ]
    assert command.main(["0.1.0", "--notes"]) == 0
    assert capsys.readouterr().out == "- The first.\n"
    assert command.main(["0.2.0", "--notes"]) == 1
    assert capsys.readouterr().err == "not released: CHANGELOG.md has no section [0.2.0]\n"


def test_a_wheel_or_sdist_that_is_wrong_is_not_released(tmp_path: Path) -> None:
    from tests.release._release import _look_into

    release = Release(tmp_path, "1.0.0", DAY)
    source, wheel = tmp_path / "undeliverable-1.0.0.tar.gz", tmp_path / "undeliverable-1.0.0-py3-none-any.whl"

    def made(metadata: bytes) -> list[Path]:
        (tmp_path / "PKG-INFO").write_bytes(metadata)
        with tarfile.open(source, "w:gz") as file:
            file.add(tmp_path / "PKG-INFO", "undeliverable-1.0.0/PKG-INFO")
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("undeliverable-1.0.0.dist-info/METADATA", metadata)
        return [wheel, source]

    _look_into(made(f"Version: 1.0.0\nProject-URL: Source, {HOME}\n".encode()), release, HOME)
    for metadata, error in ((b"Version: 0.9.0\n", "have the version 0.9.0"), (b"Version: 1.0.0\n", "no links")):
        with pytest.raises(ReleaseError, match=error):
            _look_into(made(metadata), release, HOME)
    with pytest.raises(ReleaseError, match="not what was to be built"):
        _look_into([wheel], release, HOME)


@pytest.mark.parametrize(
    ("old", "new", "names_changes", "is_patch", "wrong"),
    [
        ((1, 0, 0), (1, 0, 0), False, True, None),
        ((1, 0, 0), (1, 0, 1), True, True, None),
        ((1, 0, 0), (1, 1, 0), True, True, None),
        ((1, 0, 0), (2, 0, 0), True, False, None),
        ((1, 0, 0), (2, 0, 0), True, True, "must not raise the first number"),
        ((1, 0, 0), (1, 0, 0), True, False, "still 1.0.0"),
        ((1, 0, 0), (1, 1, 0), False, False, "names no verdict change"),
        ((1, 2, 0), (1, 1, 9), True, False, "falls"),
    ],
)
def test_verdicts_have_a_version_of_their_own(
    old: tuple[int, int, int], new: tuple[int, int, int], names_changes: bool, is_patch: bool, wrong: str | None
) -> None:
    found = wrong_verdicts(old, new, names_changes=names_changes, is_patch=is_patch)
    assert (found is None) if wrong is None else (found is not None and wrong in found)


def test_which_changelogs_change_verdicts() -> None:
    assert changes_verdicts("## [Unreleased]\n\n### Verdict changes\n\nWords.\n\n#### Kinds\n\n- One.\n")
    assert not changes_verdicts("## [Unreleased]\n\n### Verdict changes\n\n### Fixed\n\n- One.\n")
    assert not changes_verdicts("## [Unreleased]\n\n- One.\n\n## [1.0.0]\n\n### Verdict changes\n\n- One.\n")


def test_the_version_of_the_verdicts_is_where_a_release_looks_for_it() -> None:
    text = (ROOT / "src" / "undeliverable" / "knowledge.py").read_text(encoding="utf-8")
    assert ".".join(map(str, verdicts_of(text))) == Knowledge.builtin().version
    with pytest.raises(ValueError, match="no version of the verdicts"):
        verdicts_of("")


def test_a_release_that_changes_verdicts_needs_another_version_of_them(checkout: Path) -> None:
    git(checkout, "tag", "v0.1.0")
    path = checkout / "CHANGELOG.md"
    path.write_text(CHANGELOG.replace("### Added", "### Verdict changes"), encoding="utf-8")
    git(checkout, "commit", "-q", "-a", "-m", "Change a verdict")
    with pytest.raises(ReleaseError, match="verdicts change, and their version is still"):
        released(Release(checkout, "0.1.1", DAY, HOME), say=print)
