"""The search of the documentation in a real browser: what users ask for is among the first three pages."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import pytest

from tests.built_site import Site, browser, built, served, strict

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT: Final = Path(__file__).resolve().parent.parent
DOCS: Final = ROOT / "docs"
QUESTIONS: Final[dict[str, list[str]]] = tomllib.loads(
    (ROOT / "tests" / "search_questions.toml").read_text(encoding="utf-8")
)["questions"]
WORDS: Final = tomllib.loads((DOCS / "_site" / "search.toml").read_text(encoding="utf-8"))
FIRST: Final = (
    "[...document.querySelectorAll('#site-search-found > li > a:first-child')].map(link => link.getAttribute('href'))"
)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with served(built("search.html")) as address:
        yield address


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def page(chromium: Browser, site: Site) -> Iterator[Page]:
    """The page of the search, once: every question is typed into it."""
    context = chromium.new_context()
    elsewhere = strict(context, site)
    shown = context.new_page()
    problems: list[str] = []
    shown.on("pageerror", lambda error: problems.append(str(error)))
    shown.goto(f"{site}/search.html")
    shown.locator("#site-search-query").wait_for()
    yield shown
    assert problems == []
    assert elsewhere == []
    context.close()


def first(page: Page, question: str, number: int = 3) -> list[str]:
    """Return the names of the first pages that a question finds."""
    page.locator("#site-search-query").fill(question)
    page.locator("#site-search-query").press("Enter")
    found: list[str] = page.evaluate(FIRST)
    return [uri.removeprefix("./").removesuffix(".html") for uri in found[:number]]


def test_questions_of_users_find_the_right_page_among_the_first_three(page: Page) -> None:
    found = {question: first(page, question) for question in QUESTIONS}
    wrong = {question: names for question, names in found.items() if not {*names} & {*QUESTIONS[question]}}
    assert not wrong


def test_there_are_forty_questions_and_their_pages_exist() -> None:
    assert len(QUESTIONS) >= 40
    for question, names in QUESTIONS.items():
        for name in names:
            assert (DOCS / f"{name}.md").exists(), f"{question}: {name}"


def test_keywords_are_of_pages_that_exist() -> None:
    for name in WORDS["pages"]:
        assert (DOCS / f"{name}.md").exists(), name


def test_groups_of_words_are_groups_and_say_nothing_twice() -> None:
    for group in WORDS["same"]:
        assert len(group) > 1
        assert len(set(group)) == len(group)
        assert all(phrase == phrase.casefold().strip() for phrase in group)
    first_words = [group[0] for group in WORDS["same"]]
    assert len(set(first_words)) == len(first_words)


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("mailbx full", "howto/make-552-hard-or-soft"),  # a letter is missing
        ("greylsit", "reference/codes/greylisting"),  # two are the wrong way round
        ("5.7.26 GMAIL", "reference/codes/5.7.26"),
        ("(#5.1.1)", "reference/codes/5.1.1"),
        ("550-5.7.26", "reference/codes/5.7.26"),
        ("BOUNCE_TYPE", "reference/record"),
    ],
)
def test_what_is_mistyped_or_written_otherwise_is_found_as_well(page: Page, question: str, name: str) -> None:
    assert name in first(page, question, 5)


def test_what_nothing_has_is_said_and_foreign_text_is_text(page: Page) -> None:
    assert first(page, "<qqzzxv>") == []
    assert "<qqzzxv>" in page.locator("#site-search-said").inner_text()
    assert page.locator("#site-search-said qqzzxv").count() == 0
    assert first(page, "") == []
    assert page.locator("#site-search-said").inner_text() == ""


def test_results_come_while_somebody_types(page: Page) -> None:
    field = page.locator("#site-search-query")
    field.fill("")
    field.press_sequentially("greyli")
    assert any("greylisting" in uri for uri in page.evaluate(FIRST)[:3])


def test_the_box_in_every_page_leads_to_the_search(page: Page, site: Site) -> None:
    page.goto(f"{site}/reference/codes/552.html")
    page.locator(".sidebar-search").fill("4.7.650")
    page.locator(".sidebar-search").press("Enter")
    page.wait_for_url("**/search.html?q=4.7.650**")
    page.locator("#site-search-found a").first.click()
    page.wait_for_url("**/reference/codes/4.7.650.html")
    assert "4.7.650" in page.locator("h1").inner_text()
    page.goto(f"{site}/search.html?q={quote('mailbox full')}")


def test_a_result_names_the_section_and_marks_the_words(page: Page) -> None:
    first(page, "suppression list in PostgreSQL")
    assert page.locator("#site-search-found li").first.locator("mark").count() > 0
    hrefs = page.eval_on_selector_all(
        "#site-search-found .section a", "all => all.map(one => one.getAttribute('href'))"
    )
    assert all("#" in href for href in hrefs)


def test_on_a_phone_and_in_the_dark(chromium: Browser, site: Site) -> None:
    context = chromium.new_context(viewport={"width": 360, "height": 800}, color_scheme="dark")
    strict(context, site)
    shown = context.new_page()
    shown.goto(f"{site}/search.html?q=552")
    shown.locator("#site-search-found li").first.wait_for()
    assert shown.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()
