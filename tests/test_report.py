"""The page: what is counted, what is escaped, how large it is and how long it takes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import undeliverable
from tests.clocks import LINEAR, growth
from undeliverable import BounceType, Kind, MessageFacts, Reason, Report, Returned, classify, parse
from undeliverable.rates import By, Decision, Levels
from undeliverable.report import Collector, ReplyCount, Sent, _collect, _page, _sections, render, report_of
from undeliverable.report._collect import blanked
from undeliverable.tags import TagPlaces

ROOT = Path(__file__).parent.parent
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&\"'"


def report(
    recipient: str = "kim@example.org",
    reply: str = "550 5.1.1 no such user",
    *,
    campaign: str | None = "spring",
    source: str = "fair",
    date: datetime | None = NOON,
    kind: Kind = Kind.BOUNCE,
) -> Report:
    block = f"X-Campaign: {campaign}\nX-Source: {source}\n" if campaign else ""
    verdict = replace(classify(reply), recipient=recipient, key=recipient)
    if kind is Kind.COMPLAINT:
        verdict = replace(verdict, bounce_type=None, reason=None)
    message = MessageFacts(returned=Returned(block, message_id="<1@example.net>"), date=date)
    return Report(kind=kind, verdicts=(verdict,), message=message)


def page_of(*reports: Report, sent: Sent | None = None, title: str = "What came back") -> str:
    collector = Collector()
    for one in reports:
        collector.add(one)
    return render(collector.summary(sent), made=NOON, title=title)


class Page(HTMLParser):
    """The elements, their text, and what they would load."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.scripts = 0
        self.loads: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.scripts += tag == "script"
        found = [str(values[name]) for name in ("src", "href") if name in values]
        if tag == "a":
            self.links += found
        else:
            self.loads += found
        self.ids += [str(values["id"])] if "id" in values else []
        assert not any(name.startswith("on") or name == "style" for name in values)
        if tag not in ("meta", "link", "input", "wbr", "rect", "line"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style", "pre"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_numbers_of_a_summary() -> None:
    collector = Collector()
    full = "452 4.2.2 <kim@example.org>: mailbox full"
    for one in (
        report("a@example.org", full),
        report("a@example.org"),
        report("b@example.com", "552 5.2.2 <b@example.com>: mailbox full"),
        report("c@example.com", "552 5.2.2 <c@example.com>: mailbox full"),
        report("c@example.com", full),
        report("d@example.com", kind=Kind.COMPLAINT),
        Report(kind=Kind.AUTO_REPLY),
    ):
        collector.add(one)
    summary = collector.summary(Sent(400, {By.SOURCE: {"fair": 300, "shop": 100}}))
    assert summary.reports == {"bounce": 5, "complaint": 1, "auto_reply": 1}
    assert summary.reasons == {
        (Reason.MAILBOX_FULL, BounceType.SOFT): 2, (Reason.USER_UNKNOWN, BounceType.HARD): 1,
    }  # fmt: skip
    first, second = summary.replies
    assert first[1] == 2
    assert first[0].reply == "552 5.2.2 <…>: mailbox full"
    assert second[0].rule is not None
    assert summary.rates[By.SOURCE]["shop"].decision is Decision.OK
    assert summary.rates[By.SOURCE]["fair"].hard == 1
    assert summary.rates[By.CAMPAIGN]["spring"].sent is None
    assert summary.rates[By.CAMPAIGN].total.sent == 400
    assert sum(summary.reasons.values()) == summary.rates[By.DAY].total.failed
    with pytest.raises(ValueError, match="negative"):
        collector.summary(Sent(-1))


def test_places_and_levels_of_ones_own() -> None:
    collector = Collector(TagPlaces(headers={"campaign": ("X-Source",)}))
    collector.add(report())
    summary = collector.summary(levels=Levels(minimum=7))
    assert summary.rates[By.CAMPAIGN].groups[0].group == "fair"
    assert summary.levels.minimum == 7


def test_rare_replies_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_collect, "_REPLIES", 1)
    collector = Collector()
    for name in "abc":
        collector.add(report(f"{name}@example.org", f"550 5.1.1 no such user {name * 3}"))
    assert [(row.reply, number) for row, number in collector.summary().replies] == [
        ("(other replies)", 2), ("550 5.1.1 no such user aaa", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("550 5.1.1 <kim.o'hara+x@mx.example.org>: unknown", "550 5.1.1 <…>: unknown"),
        ("550 5.1.1 kim@example.org unknown", "550 5.1.1 <…> unknown"),
        ("554 host [192.0.2.25] and 2001:db8::1:2 blocked", "554 host [[…]] and […] blocked"),
        ("550 5.7.1 at 12:30:59", "550 5.7.1 at 12:30:59"),
        ("550 gone a640c23a62f3a-ab67626d4b5si113. - gsmtp", "550 gone …. - gsmtp"),
        ("550 see RecipientNotFound", "550 see RecipientNotFound"),
        ("a \n  b", "a b"),
        ("word " * 100, ("word " * 48)[:239] + "…"),
    ],
)
def test_what_differs_is_blanked(reply: str, expected: str) -> None:
    assert blanked(reply) == expected


@pytest.mark.parametrize("unit", ["a", "@", "1.", "a@", ":", "<", "a-1", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"])
def test_blanking_is_linear(unit: str) -> None:
    assert growth(lambda number: blanked.__wrapped__(unit * number), 200_000) < LINEAR


def test_the_page_is_escaped_and_loads_nothing() -> None:
    evil = page_of(
        report(f"{EVIL}@example.org", f"550 5.1.1 {EVIL}", campaign=EVIL, source="=x"),
        sent=Sent(300, {By.CAMPAIGN: {EVIL: 300}}),
        title=EVIL,
    )
    page, plain = Page(evil), Page(page_of(report()))
    assert page.scripts == plain.scripts == 3
    assert page.loads == ["data:,"]
    assert "<img" not in evil
    assert "alert(1)" in page.text
    assert all(link.startswith(("#", "https://")) for link in page.links)
    assert "http://" not in re.sub(r"<script>.*?</script>", "", evil, flags=re.DOTALL)
    assert not page.open


def test_no_address_stands_in_the_page() -> None:
    page = page_of(report("kim.secret@example.org", "550 5.1.1 <kim.secret@example.org>: unknown"))
    assert "secret" not in page
    assert "example.org" in Page(page).text


def test_the_script_is_the_one_that_the_page_allows() -> None:
    page = page_of(report())
    script = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(script) == 1
    assert _page._digest(script[0]) in page.replace("&#x27;", "'")
    assert "Permission is hereby granted" in page


def test_what_the_page_says() -> None:
    hard = [report(f"{number}@example.org", source="bought") for number in range(30)]
    sent = Sent(400, {By.SOURCE: {"bought": 300, "shop": 100}, By.DAY: {"2026-11-20": 400}})
    text = Page(page_of(*hard, report("z@example.org", kind=Kind.COMPLAINT, date=None), sent=sent, title="Spring")).text
    assert text.count("Spring") == 2
    assert "20 November 2026 · 31 reports" in text
    assert "pause Stop sending to bought , and find out" in text
    assert "7.50 % hard bounces: services review the account" in text
    assert "10.0 % 7.09 – 13.92" in text
    assert "not tagged" not in text
    assert "Not in the chart: 1 without a date." in text
    assert "user_ unknown" in text


def test_without_numbers_sent_there_are_no_rates() -> None:
    text = Page(page_of(report(campaign=None))).text
    assert "There is no rate" in text
    assert "Complaint rate" not in text
    assert "Campaigns" not in text


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (0, "ok No objection to sending on."),
        (6, "watch Look into s0, s1, s2, s3, s4 and others before the next send."),
    ],
)
def test_decisions_of_several_groups(numbers: int, words: str) -> None:
    reports = [report(f"{n}-{s}@example.org", source=f"s{s}") for s in range(numbers) for n in range(5)]
    sent = Sent(200_000, {By.SOURCE: {f"s{s}": 200 for s in range(max(numbers, 1))}})
    assert words in Page(page_of(*reports, sent=sent)).text


def test_a_high_rate_of_all_without_groups() -> None:
    reports = [report(f"{n}@example.org", campaign=None) for n in range(30)]
    assert "pause Stop sending to all groups," in Page(page_of(*reports, sent=Sent(300))).text


def test_nothing_at_all() -> None:
    page = Page(page_of())
    assert "no dates · 0 reports" in page.text
    assert "failures" not in page.ids
    assert not page.open


def test_long_tables_say_what_they_leave_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sections, "_ROWS", 8)
    page = page_of(*(report(f"a@d{number}.example.org") for number in range(10)))
    assert "2 more groups are left out." in Page(page).text
    assert 'id="t-by-domain"' in page


def test_records_give_the_same_page() -> None:
    reports = [parse(path.read_bytes()) for path in sorted((ROOT / "fixtures" / "bounces").glob("*.eml"))[:40]]
    assert any(one.message.returned for one in reports)
    reports = [
        replace(one, message=replace(one.message, returned=_without_block(one.message.returned))) for one in reports
    ]
    again = [report_of(json.loads(json.dumps(one.to_dict()))) for one in reports]
    assert [one.to_dict() for one in again] == [one.to_dict() for one in reports]
    assert page_of(*again) == page_of(*reports)


def _without_block(returned: Returned | None) -> Returned | None:
    return None if returned is None else replace(returned, block="")


def test_records_of_notifications() -> None:
    body = {
        "event": "bounce",
        "email": "kim@example.org",
        "reason": "550 5.1.1 unknown",
        "category": ["spring"],
        "timestamp": 1795000000,
    }
    (notice,) = undeliverable.parse_webhook("sendgrid", [body])
    assert report_of(json.loads(json.dumps(notice.to_dict()))).to_dict() == notice.to_dict()


GOOD = report().to_dict()


@pytest.mark.parametrize(
    "record",
    [{}, {"schema": 3}, {"schema": 1}, {"schema": 2}, GOOD | {"kind": "party"}, GOOD | {"verdicts": [{}]}, GOOD | {"verdicts": 3}, GOOD | {"message": "x"},
     GOOD | {"verdicts": [{"key": "k", "reason": "weather"}]}, GOOD | {"verdicts": [{"key": "k", "status": "9.9.9"}]},
     GOOD | {"verdicts": [{"key": "k", "reply_code": 999}]}],
)  # fmt: skip
def test_what_is_no_record(record: dict[str, object]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 # the sentence comes from whoever could not read it
        report_of(record)


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60), st.datetimes())
def test_any_words_make_a_page(reply: str, name: str, date: datetime) -> None:
    one = report("kim@example.org", reply or "550", date=date)
    block = Returned("X-Campaign: " + name.replace("\n", " ") + "\n")
    page = Page(page_of(replace(one, message=replace(one.message, returned=block)), title=name))
    assert page.scripts == 3
    assert not page.open


def test_a_hundred_thousand_verdicts() -> None:
    replies = [f"550 5.1.1 <user@example.org>: unknown in table {number}" for number in range(500)]
    base = [
        report("x@example.org", reply, campaign=f"c{number % 40}", source=f"s{number % 7}")
        for number, reply in enumerate(replies)
    ]
    dates = [MessageFacts(returned=one.message.returned, date=NOON - timedelta(n % 60)) for n, one in enumerate(base)]

    def reported(verdicts: int) -> None:
        collector = Collector()
        for number in range(verdicts):
            one = base[number % 500]
            verdict = replace(one.verdicts[0], recipient=f"u{number}@d{number % 3000}.example.org", key=str(number))
            collector.add(Report(kind=Kind.BOUNCE, verdicts=(verdict,), message=dates[number % 500]))
        summary = collector.summary(Sent(1_000_000))
        page = render(summary, made=NOON)
        assert summary.rates[By.CAMPAIGN].total.hard == verdicts
        assert sum(number for _, number in summary.replies) == verdicts
        assert len(page.encode()) < 2_000_000

    assert growth(reported, 100_000, tries=1) < LINEAR


def test_a_reply_is_a_value() -> None:
    assert ReplyCount("a", None, None, None, None) == ReplyCount("a", None, None, None, None)
