"""Every link of the documentation that stays in the project leads to a file, and to a heading where it names one."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
FENCE: Final = re.compile(r"^(```+|:::+)[^\n]*\n.*?^\1\s*$", re.MULTILINE | re.DOTALL)
LINK: Final = re.compile(r"\]\((?!<?https?:|mailto:)<?([^)\s>]+)>?\)")
HEADING: Final = re.compile(r"^#{1,6} +(.+?)\s*$", re.MULTILINE)
TARGET: Final = re.compile(r"^\(([\w-]+)\)=$", re.MULTILINE)
PAGES: Final = tuple(
    page
    for page in (
        *sorted(ROOT.glob("*.md")),
        *sorted((ROOT / ".github").rglob("*.md")),
        *sorted((ROOT / "docs").rglob("*.md")),
    )
    if "_build" not in page.parts
)
STAND_INS: Final = frozenset({"NAME.md", "gone.md"})
"""Names of files that stand for others."""
MADE_LATER: Final = re.compile(r"^%[A-Z]+[ %]", re.MULTILINE)
"""The mark of a page that gets headings while it is built; Sphinx looks at links to those."""
MADE_BY_SPHINX: Final = frozenset({"genindex.html", "search.html", "py-modindex.html"})


class Link(NamedTuple):
    page: Path
    target: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {self.target}"


@cache
def prose(page: Path) -> str:
    """Return the page without its blocks of code, where a bracket is no link and a `#` no heading."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors of a page's headings, as GitHub and MyST make them, and its explicit targets."""
    text = prose(page)
    return frozenset((*map(slug, HEADING.findall(text)), *TARGET.findall(text)))


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")


def links() -> list[Link]:
    return [Link(page, target) for page in PAGES for target in LINK.findall(prose(page))]


def fault(link: Link) -> str | None:
    path, _, anchor = link.target.partition("#")
    if path in MADE_BY_SPHINX:
        return None
    page = (link.page.parent / path).resolve() if path else link.page
    if not page.exists():
        return f"{link}: there is no such file"
    if anchor and page.suffix == ".md" and anchor not in anchors(page) and not MADE_LATER.search(prose(page)):
        return f"{link}: the page has no such heading"
    return None


def test_every_local_link_leads_somewhere() -> None:
    found = links()
    assert found
    assert [problem for problem in map(fault, found) if problem] == []


@pytest.mark.parametrize("target", ["gone.md", "index.md#gone"])
def test_a_link_to_nowhere_is_found(target: str) -> None:
    assert fault(Link(ROOT / "docs" / "index.md", target)) is not None


def test_every_page_that_the_sources_name_exists() -> None:
    named = re.compile(r"(?<![\w/.])docs/[\w/-]+\.(?:md|toml|json|py)\b")
    found = {
        (str(path.relative_to(ROOT)), name)
        for folder in ("src", "tests", ".ci", ".github")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in {".py", ".toml", ".md", ".yml"}
        for name in named.findall(path.read_text(encoding="utf-8"))
    }
    assert found
    wrong = {(path, name) for path, name in found if not (ROOT / name).exists()}
    assert {(path, name) for path, name in wrong if Path(name).name not in STAND_INS} == set()
