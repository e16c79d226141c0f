"""The README leads somewhere, in the repository and on PyPI, and its figures are those that were measured."""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

from tests.accuracy import PAGE
from tests.release import INSTALL, by_name, flipped, home_of

ROOT: Final = Path(__file__).resolve().parent.parent
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
HOME: Final = "https://git.example/undeliverable/undeliverable"


@cache
def hook() -> ModuleType:
    pytest.importorskip("hatchling")
    specification = importlib.util.spec_from_file_location("hatch_metadata", ROOT / ".ci" / "hatch_metadata.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def targets(text: str) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", text)


def test_every_link_leads_to_a_file_of_the_repository() -> None:
    near = [target for target in targets(README) if not target.startswith(("https:", "#"))]
    assert [target for target in near if not (ROOT / target).exists()] == []
    assert "docs/images/terminal.svg" in near


def test_on_pypi_no_link_is_relative() -> None:
    text = hook().absolute(README, HOME, "v0.9.0")
    assert [target for target in targets(text) if not target.startswith(("https:", "#"))] == []
    assert f"]({HOME}/raw/v0.9.0/docs/images/terminal.svg)" in text
    assert f"]({HOME}/blob/v0.9.0/docs/index.md)" in text
    assert text.replace(f"{HOME}/raw/v0.9.0/", "").replace(f"{HOME}/blob/v0.9.0/", "") == README


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a](b.md)", "[a](H/blob/v1/b.md)"),
        ("[a](b.md#c)", "[a](H/blob/v1/b.md#c)"),
        ("![a](b.svg)", "![a](H/raw/v1/b.svg)"),
        ('<img src="b.svg">', '<img src="H/raw/v1/b.svg">'),
        ('<a href="b.md">', '<a href="H/blob/v1/b.md">'),
        ("[a](#b)", "[a](#b)"),
        ("[a](https://example.org/b.md)", "[a](https://example.org/b.md)"),
        ("[a](mailto:kim@example.org)", "[a](mailto:kim@example.org)"),
        ("`report[0](x)`", "`report[0](H/blob/v1/x)`"),  # none of these stands in the README
    ],
)
def test_which_links_become_absolute(text: str, expected: str) -> None:
    assert hook().absolute(text, "H", "v1") == expected


@pytest.mark.parametrize("home", ["", HOME])
def test_metadata_have_links_once_there_is_somewhere_to_link_to(home: str) -> None:
    metadata: dict[str, object] = {}
    hook().CustomMetadataHook(str(ROOT), {"home": home}).update(metadata)
    urls = metadata["urls"]
    assert isinstance(urls, dict)
    assert set(urls) == ({"Documentation", "Source", "Changelog", "Issues", "Security"} if home else set())
    assert all(url.startswith(HOME) for url in urls.values())
    readme = metadata["readme"]
    assert isinstance(readme, dict)
    assert readme["content-type"] == "text/markdown"
    assert (f"]({HOME}/blob/v" in readme["text"]) is bool(home)


def test_what_is_said_of_publication_is_true() -> None:
    """Without a home nothing is published, and the text must say so; a release flips both."""
    is_published = bool(home_of((ROOT / "pyproject.toml").read_text(encoding="utf-8")))
    assert ("not on PyPI yet" in README) is not is_published
    assert (INSTALL in README) is is_published
    assert ("img.shields.io" in README) is is_published
    assert INSTALL in flipped(README, HOME)
    assert "not on PyPI yet" not in flipped(README, HOME)
    assert flipped(flipped(README, HOME), HOME) == flipped(README, HOME)


def test_other_pages_do_not_say_how_to_install_from_pypi() -> None:
    """An extra of what is installed is named; the package itself is installed by one page alone."""
    for page in (ROOT / "docs").rglob("*.md"):
        for line in page.read_text(encoding="utf-8").splitlines():
            if "pip install" in line and "_build" not in page.parts:
                assert not re.search(r"\bundeliverable(?!\[)\b(?!-)", line.partition("pip install")[2]), (
                    f"{page.name}: {line}"
                )


def test_guides_install_from_a_checkout_until_it_is_published() -> None:
    """A command by name would fail, or install what somebody else put there; a release changes the pages with README."""
    is_published = bool(home_of((ROOT / "pyproject.toml").read_text(encoding="utf-8")))
    pages = {path: path.read_text(encoding="utf-8") for path in (ROOT / "docs").rglob("*.md")}
    assert any(by_name(text) != text for text in pages.values()) is not is_published
    by_its_name = re.compile(
        r"^(?!.*`).*pip install .*undeliverable\[", re.MULTILINE
    )  # prose names extras of what is there
    found = {path.name for path, text in pages.items() if by_its_name.search(text)}
    assert bool(found) is is_published, found
    assert all(by_its_name.search(by_name(text)) for text in pages.values() if by_name(text) != text)


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def test_the_comparison_has_the_figures_of_the_page_on_accuracy() -> None:
    page = PAGE.read_text(encoding="utf-8")
    measured = {(row[0], row[2].split()[0]): row for row in rows(page) if len(row) in {4, 6} and row[1].isdigit()}
    shown = {row[0].partition(":")[0].split(",")[0]: row[1:4] for row in rows(README)}
    names = ("undeliverable", "Sisimai", "flufl.bounce")

    def right(title: str) -> list[str]:
        return [measured[title, name][3].removesuffix(" %") for name in names]

    def today(cells: list[str]) -> list[str]:
        return [f"{float(re.findall(r'([0-9.]+) %', cell)[-1]):.1f}" for cell in cells]

    assert today(shown["84 bounces of real servers"]) == right("real servers")
    assert today(shown["118 bounces in 12 languages"]) == right("written blind, 12 languages")
    alarms = [
        sum(int(row[3]) for (_, program), row in measured.items() if len(row) == 4 and program == name)
        for name in names
    ]
    assert [int(cell) for cell in shown["359 mails that are not bounces"]] == alarms
    counts = {title: int(row[1]) for (title, _), row in measured.items() if len(row) == 4}
    assert sum(counts.values()) == 359
    assert (
        measured["real servers", "Sisimai"][2]
        == f"Sisimai v{re.findall(r'Sisimai is version ([0-9.]+[0-9])', README)[0]}"
    )
