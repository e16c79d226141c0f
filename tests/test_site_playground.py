"""The playground in a real browser, from a loopback server: what it explains, what it shares, and that nothing leaves it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import pytest

from tests.built_site import Site, browser, built, served, strict
from tests.test_playground import LOG, POLICY, WRONG
from tests.test_report_browser import axe  # noqa: F401 # a fixture

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SECONDS = 5
HOSTILE = "550 5.1.1 <img src=x onerror=alert(1)> <script>alert(2)</script> no such user"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with served(built("playground/packages.zip")) as address:
        yield address


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


class Opened:
    def __init__(
        self,
        chromium: Browser,
        site: Site,
        *,
        width: int = 1280,
        scheme: Literal["light", "dark"] = "light",
        fragment: str = "",
    ) -> None:
        self.context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.elsewhere = strict(self.context, site)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site)
        self.problems: list[str] = []
        self.page: Page = self.context.new_page()
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        session = self.context.new_cdp_session(self.page)
        session.send("Performance.enable")
        self.page.goto(f"{site}/playground/index.html{fragment}")
        self.page.wait_for_selector("#explain:enabled")
        metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        self.loaded: float = metrics["ThreadTime"]

    def fill(self, **values: str) -> None:
        for key, value in values.items():
            field = self.page.locator(f"#{key}")
            if key in {"kind", "profile"}:
                field.select_option(value)
            else:
                field.fill(value)

    def explain(self) -> str:
        self.page.locator("#explain").click()
        return self.page.locator("#result").inner_text()

    def close(self) -> None:
        assert self.problems == []
        assert self.elsewhere == []
        self.context.close()


@pytest.fixture(scope="module")
def opened(chromium: Browser, site: Site) -> Iterator[Opened]:
    """One page for most tests: loading it takes seconds."""
    one = Opened(chromium, site)
    yield one
    one.close()


def test_a_bounce_is_explained_within_seconds_after_the_load(opened: Opened) -> None:
    print(f"{opened.loaded:.1f} s of the page's thread until it was ready")
    before = opened.page.evaluate("performance.now()")
    opened.page.locator("[data-example=bounce]").click()
    assert "the mailbox does not exist" in opened.page.locator("#result h2").inner_text()
    took = (opened.page.evaluate("performance.now()") - before) / 1_000
    print(f"{took:.2f} s for the bounce")
    assert took <= SECONDS
    assert opened.loaded <= 2 * SECONDS  # seconds of the processor: the rest is what else runs on the machine


@pytest.mark.parametrize(
    ("text", "profile", "rules", "said"),
    [
        ("552 5.2.2 Mailbox full", "", "", ["soft", "mailbox_full", "retry"]),
        ("552 5.2.2 Mailbox full", "prefinery", "", ["hard", "prefinery.full", "profile:prefinery"]),
        ("552 5.2.2 Mailbox full", "", POLICY, ["hard", "label: full", "ours.full", "file:rules.toml"]),
        (LOG, "", "", ["greylisted", "kim@example.org"]),
        ("5.7.26", "", "", ["auth_failed", "fix_sender"]),
    ],
)
def test_what_is_shown(opened: Opened, text: str, profile: str, rules: str, said: list[str]) -> None:
    opened.fill(text=text, profile=profile, rules=rules, host="", kind="")
    shown = opened.explain()
    for words in said:
        assert words in shown


def test_a_message_in_an_old_charset_and_one_that_only_the_fallback_reads(opened: Opened) -> None:
    """Both read files of other packages, from within the archive."""
    text = "From: MAILER-DAEMON@example.net\nSubject: Returned mail\nContent-Type: text/plain; charset=x-unknown\n\n"
    opened.fill(text=f"{text}Ошибка доставки: kim@example.org\n", profile="", rules="", kind="message")
    assert opened.explain()
    record = opened.page.locator("details pre").first.text_content() or ""
    assert json.loads(record)


def test_an_error_in_the_rules_is_shown_at_the_rules(opened: Opened) -> None:
    opened.fill(text="550", rules=WRONG)
    assert opened.explain() == ""
    assert opened.page.locator("#rules-error").inner_text().startswith("rules.toml:3:")
    assert opened.page.locator("#rules").get_attribute("aria-invalid") == "true"
    opened.fill(rules="")
    opened.explain()
    assert not opened.page.locator("#rules-error").is_visible()


def test_foreign_text_is_text(opened: Opened) -> None:
    opened.fill(text=HOSTILE, rules="", profile="", host="<b>x</b>", kind="")
    assert "<img src=x" in opened.explain()
    assert opened.page.locator("#result img, #result script, #result b:has-text('x')").count() == 0
    source = '[[rule]]\nid = "x"\nwhen = { reply = "550" }\nthen = { reason = "user_unknown" }\nsource = "javascript:alert(1)"\n'
    opened.fill(rules=source)
    assert "javascript:alert(1)" in opened.explain()
    assert opened.page.locator("#result a[href^=javascript]").count() == 0


def test_a_link_has_it_all_and_no_server_sees_it(opened: Opened, chromium: Browser, site: Site) -> None:
    opened.fill(
        text="552 5.2.2 Briefkasten überfüllt", profile="prefinery", rules=POLICY, host="mx.example.org", kind="reply"
    )
    opened.page.locator("#share").click()
    opened.page.locator("#said", has_text="Copied.").wait_for()
    address = opened.page.url
    assert "#" in address
    other = Opened(chromium, site, width=360, scheme="dark", fragment=address[address.index("#") :])
    for key, value in (("text", "552 5.2.2 Briefkasten überfüllt"), ("profile", "prefinery"), ("rules", POLICY)):
        assert other.page.locator(f"#{key}").input_value() == value
    assert "ours.full" in other.page.locator("#result").inner_text()
    assert other.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert other.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(17, 21, 27)"
    other.close()


def test_nothing_can_leave_the_page(opened: Opened) -> None:
    """Not even a script that somebody smuggled in could send anything: the page's own policy forbids it."""
    done = opened.page.evaluate(
        "fetch('https://example.org/', {method: 'POST', body: 'x'}).then(() => 'sent', error => String(error))"
    )
    assert done != "sent"
    assert opened.elsewhere == []
    assert any("Content Security Policy" in problem for problem in opened.problems)
    opened.problems.clear()


def test_everything_is_reached_by_the_keyboard_and_has_a_name(opened: Opened) -> None:
    opened.page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    seen: list[str] = []
    for _ in range(60):
        opened.page.keyboard.press("Tab")
        seen.append(opened.page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
    wanted = {"text", "kind", "profile", "host", "rules", "explain", "share", "Bounce", "Policy", "The record (JSON)"}
    assert wanted <= set(seen)
    nameless = opened.page.evaluate(
        "[...document.querySelectorAll('input, select, textarea')].filter(field => !field.labels.length).length"
    )
    assert nameless == 0
    opened.page.locator("#text").fill("452 4.2.2 over quota")
    opened.page.locator("#text").press("Control+Enter")
    assert "mailbox_full" in opened.page.locator("#result").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_left_out(opened: Opened, axe: str, scheme: Literal["light", "dark"]) -> None:  # noqa: F811
    """WCAG 2.1 AA and the best practices of axe-core: no violation in either theme, with a verdict and an error on the page."""
    opened.page.emulate_media(color_scheme=scheme)
    opened.fill(text="552 5.2.2 Mailbox full", rules=WRONG, profile="", host="", kind="")
    opened.explain()
    assert opened.page.locator("#rules-error").is_visible()
    opened.fill(rules=POLICY)
    opened.explain()
    opened.page.locator("details summary").first.click()
    opened.page.evaluate(axe)
    found = opened.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    opened.page.locator("details summary").first.click()
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]] == []


def test_without_the_library_the_page_says_what_to_do(chromium: Browser, site: Site) -> None:
    context = chromium.new_context()
    context.route("**/packages.zip", lambda route: route.fulfill(status=404))
    page = context.new_page()
    page.goto(f"{site}/playground/index.html")
    page.locator("#said", has_text="python -m tests.playground").wait_for(timeout=180_000)
    assert page.locator("#explain").is_disabled()
    context.close()
