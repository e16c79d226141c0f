"""The page in a real browser: what is drawn, clicked and typed, on a screen, a phone and paper."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from undeliverable import Kind, MessageFacts, Report, Returned, classify
from undeliverable.rates import By
from undeliverable.report import Collector, Sent, render

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
REPLIES = (
    "550 5.1.1 no such user",
    "552 5.2.2 mailbox full",
    "550 5.7.1 rejected as spam",
    "550",
    "550 5.2.1 mailbox disabled",
)


def page() -> str:
    collector = Collector()
    for number in range(240):
        source = number % 12
        returned = Returned(f"X-Source: source-{source:02d}\nX-Campaign: spring\n", message_id="<1@example.net>")
        facts = MessageFacts(returned=returned, date=NOON - timedelta(days=number % 20))
        verdict = replace(
            classify(REPLIES[number % 5]), recipient=f"u{number}@d{number % 12}.example.org", key=str(number)
        )
        collector.add(Report(kind=Kind.BOUNCE, verdicts=(verdict,), message=facts))
    days = {f"{NOON - timedelta(days=day):%Y-%m-%d}": 500 for day in range(20)}
    sent = Sent(10_000, {By.SOURCE: {f"source-{n:02d}": 100 * (n + 1) for n in range(12)}, By.DAY: days})
    return render(collector.summary(sent), made=NOON, title="Spring")


@dataclass
class Opened:
    page: Page
    problems: list[str]
    requests: list[str]


Open = Callable[..., Opened]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: .ci/chromium installs Debian's")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as driver:
        # The sandbox needs rights that a container has not, and the only page opened is our own.
        running = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("report") / "report.html"
    place.write_text(page(), encoding="utf-8")
    return place


@pytest.fixture
def opened(browser: Browser, path: Path) -> Iterator[Open]:
    contexts: list[Any] = []
    found: list[Opened] = []

    def open_(width: int = 1280, scheme: Literal["light", "dark"] = "light") -> Opened:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        one = Opened(context.new_page(), [], [])
        found.append(one)
        one.page.on("console", lambda message: one.problems.append(message.text))
        one.page.on("pageerror", lambda error: one.problems.append(str(error)))
        one.page.on("request", lambda request: one.requests.append(request.url))
        one.page.goto(path.as_uri())
        one.page.wait_for_selector("#failures canvas")
        return one

    yield open_
    for one in found:
        assert one.problems == []
        assert one.requests == [path.as_uri()]
    for context in contexts:
        context.close()


def column(shown: Page, table: str, number: int) -> list[str]:
    cells: list[str] = shown.eval_on_selector_all(
        f"#{table} tbody tr:not([hidden]) td:nth-child({number})", "cells => cells.map(cell => cell.innerText.trim())"
    )
    return cells


def test_charts_are_drawn(opened: Open) -> None:
    shown = opened().page
    assert shown.locator("figure canvas").count() == 2
    colours = shown.evaluate("""() => [...document.querySelectorAll("canvas")].map(canvas => {
        const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        const seen = new Set();
        for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 200) seen.add(data.slice(at, at + 3).join());
        return [...seen];
    })""")
    assert "198,55,47" in colours[0]  # hard
    assert "36,87,197" in colours[1]  # the rate


def test_a_click_sorts_and_another_turns_round(opened: Open) -> None:
    shown = opened().page
    head = shown.locator("#by-source thead th")
    names = [name.strip() for name in head.all_inner_texts()]
    sent = names.index("Sent")
    head.nth(sent).locator("button").click()
    values = [int(cell.replace(",", "")) for cell in column(shown, "by-source", sent + 1)]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 12
    assert head.nth(sent).get_attribute("aria-sort") == "descending"
    head.nth(sent).locator("button").click()
    assert [int(cell.replace(",", "")) for cell in column(shown, "by-source", sent + 1)] == values[::-1]
    head.nth(0).locator("button").click()
    assert column(shown, "by-source", 1) == [f"source-{number:02d}" for number in range(12)]
    assert head.nth(sent).get_attribute("aria-sort") is None
    rate = names.index("Hard rate")
    head.nth(rate).locator("button").press("Enter")
    rates = [float(cell.split()[0]) for cell in column(shown, "by-source", rate + 1)]
    assert rates == sorted(rates, reverse=True)


def test_words_filter(opened: Open) -> None:
    shown = opened().page
    field = shown.locator('input[data-for="by-source"]')
    field.fill("Source-1")
    assert sorted(column(shown, "by-source", 1)) == ["source-10", "source-11"]
    assert shown.locator('label:has(input[data-for="by-source"]) output').inner_text() == "2 of 12"
    field.fill("nothing such")
    assert column(shown, "by-source", 1) == []
    field.fill("")
    assert len(column(shown, "by-source", 1)) == 12


def test_the_theme_changes(opened: Open) -> None:
    shown = opened(scheme="dark").page

    def ground() -> str:
        return str(shown.evaluate("getComputedStyle(document.body).backgroundColor"))

    dark = ground()
    shown.locator("#theme").click()
    assert ground() == "rgb(246, 247, 249)"
    shown.locator("#theme").click()
    assert ground() == dark == "rgb(17, 21, 27)"
    assert shown.locator("figure canvas").count() == 2


@pytest.mark.parametrize("width", [1280, 768, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(
    opened: Open, width: int, scheme: Literal["light", "dark"], tmp_path: Path
) -> None:
    shown = opened(width, scheme).page
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    beyond = shown.evaluate(
        "width => [...document.querySelectorAll('td, h1, h2, p, .tile, canvas')].filter(part => "
        "part.getBoundingClientRect().right > width + 1 && !part.closest('.scroll')).length",
        width,
    )
    assert beyond == 0
    smallest = shown.evaluate(
        "Math.min(...[...document.querySelectorAll('td, p, button')].map(part => parseFloat(getComputedStyle(part).fontSize)))"
    )
    assert smallest >= 12
    picture = tmp_path / "page.png"
    shown.screenshot(path=picture, full_page=True)
    assert picture.stat().st_size > 20_000


def test_on_a_phone_rows_are_cards_and_still_sort(opened: Open) -> None:
    shown = opened(360).page
    label = shown.evaluate("getComputedStyle(document.querySelector('#by-source td:nth-child(3)'), '::before').content")
    assert label == '"Sent"'
    assert shown.evaluate("document.querySelector('#by-source').getBoundingClientRect().right") <= 360
    shown.locator("#by-source thead th").nth(0).locator("button").click()
    assert column(shown, "by-source", 1)[0] == "source-00"


def test_on_paper_it_is_white_and_whole(opened: Open) -> None:
    shown = opened(scheme="dark").page
    pdf = shown.pdf(format="A4")
    assert pdf.startswith(b"%PDF")
    shown.emulate_media(media="print")
    assert shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not shown.locator("#theme").is_visible()
    assert not shown.locator(".filter").first.is_visible()
