"""The numbers of the page are those of `classify`, or the page says why not; and those of an earlier page are compared."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undeliverable import (
    Action,
    Advice,
    BounceType,
    Kind,
    MessageFacts,
    Report,
    Returned,
    address_identity,
    classify,
)
from undeliverable.cli import main
from undeliverable.rates import By
from undeliverable.report import Collector, Counts, Sent, Snapshot, Summary, render

ROOT = Path(__file__).parent.parent
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
REPLIES = (
    "550 5.1.1 no such user", "452 4.2.2 mailbox full", "550", "550 5.7.1 rejected as spam", "421 too many connections",
    "550 5.7.23 SPF validation failed", "250 ok",
)  # fmt: skip


def summed(reports: Sequence[Report], sent: Sent | None = None) -> Summary:
    collector = Collector()
    for one in reports:
        collector.add(one)
    return collector.summary(sent)


def rows_of(page: str, name: str) -> dict[str, list[str]]:
    """Return the cells of a table by the text of the first one."""
    table = re.findall(rf'<table id="t-{name}".*?<tbody>(.*?)</tbody>', page, re.DOTALL)[0]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL)]
    texts = [[unescape(re.sub(r"<[^>]*>", "", cell)).strip() for cell in row] for row in rows]
    return {row[0]: row[1:] for row in texts}


def numbers(cells: Sequence[str]) -> list[int]:
    return [int(cell.replace(",", "").replace("−", "-")) for cell in cells]


def tiles(page: str) -> list[int]:
    return [
        int(re.findall(rf'class="tile {kind}">.*?<b>([0-9,]+)</b>', page)[0].replace(",", "")) for kind in BounceType
    ]


def prove(page: str, verdicts: Counter[str]) -> None:
    """Prove that the page begins with what `classify` counts, ends with what it shows, and that the steps add up."""
    steps = rows_of(page, "counting")
    first, *between, last = map(numbers, steps.values())
    assert first == [*(verdicts[kind] for kind in BounceType), verdicts.total()]
    assert last == [*tiles(page), sum(tiles(page))]
    assert [sum(column) for column in zip(first, *between, strict=True)] == last
    assert all(number <= 0 for step in between for number in step)


@pytest.mark.parametrize("folder", ["fixtures/bounces", "fixtures/complaints", "fixtures"])
def test_the_numbers_of_all_fixtures_are_those_of_classify(
    folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["classify", "--format", "jsonl", str(ROOT / folder)]) == 0
    given_ = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert main(["report", str(ROOT / folder), "-o", str(tmp_path / "a.html"), "-q"]) == 0
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    verdicts = [verdict for record in given_ for verdict in record["verdicts"]]
    prove(page, Counter(verdict["bounce_type"] for verdict in verdicts if verdict["bounce_type"]))
    for advice in Advice:
        named = [verdict["sent_to"] or verdict["recipient"] for verdict in verdicts if verdict["advice"] == advice]
        addresses = {address_identity(name) for name in named if name}
        card = re.findall(rf'<article class="card {advice}"><h3>([0-9,]+)', page)
        if advice not in {Advice.NONE, Advice.SLOW_DOWN}:
            assert card == ([f"{len(addresses):,}"] if addresses else [])
            if advice is Advice.SUPPRESS:  # the command on the card gives them
                assert main(["classify", "--only", advice, "--format", "txt", str(ROOT / folder)]) == 0
                assert len(capsys.readouterr().out.splitlines()) == len(addresses)


REPORTS = st.builds(
    lambda reply, number, campaign, kind, action: _report(REPLIES[reply], number, campaign, kind, action),
    st.integers(0, len(REPLIES) - 1),
    st.integers(0, 3),
    st.sampled_from([None, "spring", "autumn"]),
    st.sampled_from([Kind.BOUNCE, Kind.BOUNCE, Kind.BOUNCE, Kind.DELAY, Kind.COMPLAINT, Kind.OTHER]),
    st.sampled_from([None, Action.FAILED, Action.DELAYED, Action.DELIVERED]),
)


def _report(reply: str, number: int, campaign: str | None, kind: Kind, action: Action | None) -> Report:
    verdict = replace(classify(reply), recipient=f"u{number}@example.org", key=f"{reply} {number}", action=action)
    block = f"X-Campaign: {campaign}\n" if campaign else ""
    message = MessageFacts(returned=Returned(block, from_="news@example.com"), date=NOON)
    return Report(kind=kind, verdicts=(verdict,), message=message)


@settings(max_examples=200, deadline=None)
@given(st.lists(REPORTS, max_size=30))
def test_the_steps_from_verdicts_to_recipients_add_up(reports: list[Report]) -> None:
    summary = summed(reports)
    page = render(summary, made=NOON)
    types = (verdict.bounce_type for one in reports for verdict in one.verdicts)
    prove(page, Counter(str(kind) for kind in types if kind is not None))
    failed = summary.rates[By.DAY].total.failed
    assert sum(summary.reasons.values()) == sum(number for _, number in summary.replies) == failed
    assert sum(number for moment, number in summary.moments.items() if moment.outcome != "complaint") == failed
    named = sum(number for row, number in summary.replies if row.requirement is not None)
    assert sum(refused.failed for refused in summary.refusals) == named


def campaign(hard: int, soft: int, sent: int | None) -> Summary:
    reports = [_report(REPLIES[0], number, f"c{number}", Kind.BOUNCE, None) for number in range(hard)]
    reports += [_report(REPLIES[1], number, f"d{number}", Kind.BOUNCE, None) for number in range(soft)]
    reports = [replace(one, verdicts=(replace(one.verdicts[0], provider="google"),)) for one in reports]
    return summed(reports, None if sent is None else Sent(sent, {By.PROVIDER: {"google": sent}}))


def test_a_page_holds_the_numbers_that_the_next_one_is_compared_with() -> None:
    summary = campaign(30, 4, 1_000)
    page = render(summary, made=NOON, title='</script> "Summer"')
    found = Snapshot.of_page(page)
    assert found == Snapshot.of(summary, '</script> "Summer"')
    assert found.total == Counts(hard=30, soft=4, sent=1_000)
    assert found.providers["google"].bounce is not None
    assert Snapshot.from_dict(json.loads(json.dumps(found.to_dict()))) == found


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ((20, 0, 1_000), (60, 0, 1_000), "higher, and not by chance"),
        ((60, 0, 1_000), (20, 0, 1_000), "lower, and not by chance"),
        ((20, 0, 1_000), (22, 0, 1_000), "chance may explain it"),
        ((0, 0, 1_000), (0, 0, 10), "chance may explain it"),
        ((20, 0, None), (60, 0, 1_000), ""),
    ],
)
def test_a_rate_changed_or_chance_explains_it(
    before: tuple[int, int, int | None], now: tuple[int, int, int | None], said: str
) -> None:
    earlier = Snapshot.of(campaign(*before), "Summer")
    page = render(campaign(*now), made=NOON, before=earlier)
    totals = rows_of(page, "before")
    assert totals["hard rate"][-1] == said
    assert totals["hard bounces"][:2] == [str(before[0]), str(now[0])]
    if before[0]:
        assert rows_of(page, "before-provider")["Google"][:2] == [str(before[0]), str(now[0])]


def test_reasons_and_providers_that_are_new_or_gone() -> None:
    earlier = Snapshot(
        title="<Summer>", total=Counts(soft=3), providers={"yahoo": Counts(soft=3)}, reasons={"expired": 3}
    )
    page = render(campaign(2, 0, None), made=NOON, before=earlier)
    assert "Compared with “&lt;Summer&gt;”" in page
    assert rows_of(page, "before-provider") == {
        "Google": ["0", "2", "+2 new"],
        "Yahoo and AOL": ["3", "0", "−3 −100 %"],
    }
    assert rows_of(page, "before-reason") == {"expired": ["3", "0", "−3 −100 %"], "user_unknown": ["0", "2", "+2 new"]}
    assert rows_of(page, "before")["undetermined"] == ["0", "0", "=", ""]
    assert 'id="t-before-provider"' not in render(summed([]), made=NOON, before=Snapshot.of(summed([]), "Nothing"))


GOOD = Snapshot.of(campaign(1, 0, 5), "x").to_dict()


@pytest.mark.parametrize(
    "record",
    [
        None, [], {}, {"schema": 2}, GOOD | {"title": None, "total": None}, GOOD | {"total": {"hard": 1}}, GOOD | {"providers": 3},
        GOOD | {"providers": {"google": 1}}, GOOD | {"reasons": {"expired": -1}}, GOOD | {"reasons": {"expired": True}},
        GOOD | {"total": {**GOOD["total"], "sent": "5"}},  # type: ignore[dict-item]
    ],
)  # fmt: skip
def test_numbers_that_are_none(record: object) -> None:
    with pytest.raises(ValueError, match="numbers of a report"):
        Snapshot.from_dict(record)


@pytest.mark.parametrize("inside", ["", "{", "[" * 100_000, '{"schema": 9}'])
def test_pages_without_numbers(inside: str) -> None:
    with pytest.raises(ValueError, match=r"report|numbers|Expecting"):
        Snapshot.of_page(f'<script type="application/json" id="numbers">{inside}</script>')
    with pytest.raises(ValueError, match="no report"):
        Snapshot.of_page("<!doctype html>")


def test_cards_say_what_to_do() -> None:
    def one(reply: str, address: str, provider: str | None = None, sent_to: str | None = None) -> Report:
        verdict = replace(classify(reply), recipient=address, key=address + reply, provider=provider, sent_to=sent_to)
        return Report(
            kind=Kind.BOUNCE,
            verdicts=(verdict,),
            message=MessageFacts(returned=Returned("", from_="News <news@Example.com>")),
        )

    reports = [
        one(REPLIES[0], "Kim@example.org"),
        one(REPLIES[0], "kim@EXAMPLE.org"),
        one(REPLIES[0], "<b>@example.org"),
        one(REPLIES[5], "lee@example.org"),
        *(
            one(REPLIES[4], f"u{number}@example.net", name)
            for number, name in enumerate(("yahoo", "google", "apple", "gmx"))
        ),
        one(REPLIES[1], "ann@example.org", sent_to="team@example.org"),
    ]
    unnamed = replace(classify(REPLIES[0]), recipient=None, key="x")
    reports.append(Report(kind=Kind.BOUNCE, verdicts=(unnamed,)))
    summary = summed(reports)
    page = render(summary, made=NOON, inputs="--log 'a b' <x>", with_addresses=True)
    text = unescape(re.sub(r"<[^>]*>", "", page))
    assert "2 addresses to suppress" in text
    assert "1 more verdict without an address." in text
    assert "undeliverable classify --only suppress --format txt --log 'a b' <x> > suppress.txt" in text
    assert "1 refusal over sender requirements1 · SPF of example.com: List every address" in text
    assert "1 address refused because of the sender" in text
    assert "Slow down at " in text
    assert "and 1 more" in text
    assert summary.advised[Advice.RETRY].addresses == ("team@example.org",)
    assert '<pre tabindex="0" data-file="suppress.txt">&lt;b&gt;@example.org\nKim@example.org</pre>' in page
    assert "holds addresses of recipients" in text
    plain = render(summary, made=NOON)
    assert "Kim@" not in plain
    assert "<b>@" not in plain
    assert "Nothing to do" in render(summed([]), made=NOON)


def test_refusals_for_a_time_are_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Gmail defers what does not meet its requirements for months before it refuses it: the log says so at every attempt."""
    line = (
        "Nov 21 2{hour}:16:18 mx postfix/smtp[1]: {number}A: to=<u{number}@gmail.com>, relay=gmail-smtp-in.l.google.com[192.0.2.1]:25, "
        "delay=1, delays=0/0/0/0, dsn={dsn}, status={status} (host gmail-smtp-in.l.google.com[192.0.2.1] said: {code} {dsn} Your email "
        "is not accepted because SPF authentication didn't pass - gsmtp (in reply to end of DATA command))\n"
    )
    tries = [
        line.format(hour=hour, number=number, dsn="4.7.27", status="deferred", code=421)
        for number in range(5)
        for hour in range(3)
    ]
    end = line.format(hour=3, number=1, dsn="5.7.27", status="bounced", code=550)
    log = tmp_path / "mail.log"
    heads = [
        f"Nov 21 20:16:17 mx postfix/cleanup[1]: {number}A: message-id=<{number}@example.com>\n"
        f"Nov 21 20:16:17 mx postfix/qmgr[1]: {number}A: from=<news@example.com>, size=1000, nrcpt=1 (queue active)\n"
        for number in range(5)
    ]
    log.write_text("".join([*heads, *tries, end]), encoding="utf-8")
    assert main(["report", "--log", str(log), "-o", str(tmp_path / "a.html")]) == 0
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert rows_of(page, "requirements")["SPF"][:4] == ["5", "1", "Google", "example.com"]
    assert "5 refusals over sender requirements" in page
    capsys.readouterr()


def test_what_failed_in_the_end_counts_as_what_it_failed_for() -> None:
    delayed = _report(REPLIES[5], 1, "spring", Kind.DELAY, Action.DELAYED)
    assert [(one.failed, one.delayed) for one in summed([delayed]).refusals] == [(0, 1)]
    assert summed([delayed, _report(REPLIES[0], 1, "spring", Kind.BOUNCE, Action.FAILED)]).refusals == ()


def test_a_card_names_a_few_reasons_and_counts_the_others() -> None:
    replies = ("550 5.1.1 no such user", "550 5.1.2 no such domain", "550 5.2.1 mailbox disabled", "550 5.1.3 bad address", "550 5.1.6 moved",
               "550 5.1.10 null MX")  # fmt: skip
    reports = [
        Report(kind=Kind.BOUNCE, verdicts=(replace(classify(reply), recipient=f"u{number}@example.org", key=reply),))
        for number, reply in enumerate(replies)
    ]
    card = re.findall(r'<article class="card suppress">.*?</article>', render(summed(reports), made=NOON))[0]
    assert card.count(" · ") == 4
    assert re.search(r"others \d", card)


def test_links_to_the_documentation() -> None:
    page = render(campaign(1, 0, None), made=NOON, docs="https://docs.example.org/")
    assert 'href="https://docs.example.org/reference/reasons.html#address"' in page
    assert "reference/reasons.html" not in render(campaign(1, 0, None), made=NOON)
    assert 'href="https://postmaster.google.com/"' in page


def test_years_of_mail_are_compared_by_the_hour_of_the_page() -> None:
    """The clock of the page decides what lies in the future, whatever zone it has."""
    local = (NOON + timedelta(hours=9)).replace(tzinfo=None)
    assert "20 November 2026" in render(campaign(1, 0, None), made=local)
