"""How verdicts, reports and other values look to people: one line, whatever strangers put into them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import undeliverable
from undeliverable import BounceType, Event, Kind, MessageFacts, Report, Returned, Verdict, classify, parse, read
from undeliverable._text.shown import LINE, printable, shortened
from undeliverable.model import Command, Protocol
from undeliverable.reasons import Advice
from undeliverable.smtp import named_command
from undeliverable.store import SuppressionList
from undeliverable.suppression import events_of
from undeliverable.verdict import Details, PolicyRef, RuleRef

FIXTURES: Final = Path(__file__).resolve().parent.parent / "fixtures"
TEXTS: Final = st.text(max_size=400)


def verdict(reply: str = "550 5.1.1 no such user", recipient: str | None = "kim@example.org") -> Verdict:
    return classify(reply, recipient=recipient)


def report(*recipients: str, source: str | None = None) -> Report:
    return Report(kind=Kind.BOUNCE, verdicts=tuple(verdict(recipient=who) for who in recipients), source=source)


# --- one line ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "recipient", "line"),
    [
        (
            "550 5.1.1 no such user",
            "kim@example.org",
            "<Verdict kim@example.org hard user_unknown 550 5.1.1 → suppress>",
        ),
        ("452 4.2.2 mailbox full", "pat@example.com", "<Verdict pat@example.com soft mailbox_full 452 4.2.2 → retry>"),
        ("550 no such user", "kim@example.org", "<Verdict kim@example.org hard user_unknown 550 → suppress>"),
        ("mailbox full", None, "<Verdict (no recipient named) soft mailbox_full → retry>"),
        ("250 2.1.5 ok", "kim@example.org", "<Verdict kim@example.org 250 2.1.5>"),
    ],
)
def test_a_verdict_is_one_line(reply: str, recipient: str | None, line: str) -> None:
    assert repr(verdict(reply, recipient)) == line


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (report("kim@example.org"), "<Report bounce kim@example.org hard user_unknown 550 5.1.1 → suppress>"),
        (report("a@example.org", "b@example.org"), "<Report bounce 2 verdicts: 2 hard>"),
        (
            report("a@example.org", "b@example.org", source="bounces/1.eml"),
            "<Report bounce 2 verdicts: 2 hard; bounces/1.eml>",
        ),
        (Report(kind=Kind.OTHER), "<Report other 0 verdicts>"),
    ],
)
def test_a_report_is_one_line(made: Report, line: str) -> None:
    assert repr(made) == line


@given(recipient=TEXTS, reply=TEXTS, source=TEXTS, number=st.integers(0, 12), generator=TEXTS)
@settings(max_examples=150, deadline=None)
def test_views_stay_small_and_printable(recipient: str, reply: str, source: str, number: int, generator: str) -> None:
    one = verdict(reply, recipient)
    facts = MessageFacts(generator=generator, reporting_mta=reply)
    whole = Report(kind=Kind.BOUNCE, verdicts=(one,) * number, source=source, message=facts, remarks=(reply,))
    for line in (repr(one), repr(whole), *str(whole).split("\n")):
        assert len(line) <= LINE
        assert line.isprintable()
    assert str(whole).count("\n") < 12
    for value in (facts, RuleRef(reply, recipient, source), PolicyRef(reply, source), Details(blocklist=reply)):
        assert len(repr(value)) <= 250
        assert repr(value).isprintable()


@given(text=TEXTS, most=st.integers(8, 80))
def test_what_is_shortened_keeps_its_ends(text: str, most: int) -> None:
    short = shortened(text, most)
    assert len(short) <= most
    assert short.isprintable()
    assert short == printable(text) or "…" in short


def test_the_domain_of_a_long_address_is_whole() -> None:
    assert shortened("a-very-long-local-part-indeed@example.org", 30) == "a-very-long…indeed@example.org"
    assert shortened("kim@" + "x" * 100, 20) == f"kim@xxxxx…{'x' * 10}"


def test_a_report_of_five_recipients_is_a_short_table() -> None:
    made = report(*(f"{name}@example.org" for name in ("kim", "pat", "lee", "jo", "a-longer-name")), source="1.eml")
    lines = str(made).splitlines()
    assert len(lines) <= 12
    assert lines[0] == "bounce, 5 verdicts: 5 hard, 1.eml"
    assert lines[1] == "  kim@example.org            hard  user_unknown  550  5.1.1  → suppress"
    assert str(made) != repr(made)


def test_a_report_of_many_recipients_says_how_many_more() -> None:
    made = report(*(f"{number}@example.org" for number in range(30)))
    assert str(made).splitlines()[-1] == "  … 22 more"


def test_remarks_and_the_generator_are_mentioned() -> None:
    facts = MessageFacts(generator="exim")
    made = Report(kind=Kind.OTHER, message=facts, remarks=("one", "two"), source="x.eml")
    assert str(made) == "other, 0 verdicts, written by exim, x.eml\n  2 remarks"


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("bounces/*.eml"))[::12], ids=lambda path: path.name)
def test_real_reports_are_short(path: Path) -> None:
    made = parse(path.read_bytes(), source=str(path))
    assert len(repr(made)) <= LINE
    assert all(len(repr(one)) <= LINE for one in made)
    assert len(str(made).splitlines()) <= 12
    assert len(repr(made.message)) <= 250


@pytest.mark.parametrize(
    "value",
    [
        Event(id="1", service="example", type="bounce", tags=("x" * 500,), metadata={"key": "y" * 5000}),
        Returned("Subject: x\n" * 1000, subject="long " * 100),
        MessageFacts(
            reporting_mta="mx.example.net", field_block="X: y\n" * 1000, date=datetime(2026, 11, 16, tzinfo=UTC)
        ),
    ],
)
def test_other_values_leave_out_what_is_unset_and_cut_what_is_long(value: object) -> None:
    shown = repr(value)
    assert shown.startswith(f"{type(value).__name__}(")
    assert shown.endswith(")")
    assert len(shown) <= 250
    assert "None" not in shown
    assert "…" in shown


def test_what_a_list_holds_is_short_too(tmp_path: Path) -> None:
    now = datetime(2026, 11, 16, 12, tzinfo=UTC)
    made = report(f"kim{'x' * 500}@example.org", "pat@example.com")
    events = events_of(made, now)
    with SuppressionList(tmp_path / "list.db") as known:
        outcome = known.record(events)
        entries = [entry for address, _ in events for entry in known.find(address)]
        values = [outcome, known.stats(), known.policy, events[0][1], *entries, *(entry.state for entry in entries)]
        for value in values:
            assert repr(value).startswith(f"{type(value).__name__}(")
            assert len(repr(value)) <= 250
            assert repr(value).isprintable()


# --- rich and notebooks -----------------------------------------------------------------------------------------------


class Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def html_of(value: Any) -> Cells:
    cells = Cells()
    cells.feed(value._repr_html_())
    return cells


def test_a_notebook_shows_a_report_as_a_table() -> None:
    cells = html_of(report("kim@example.org", "pat@example.com", source="1.eml"))
    assert cells.tags.count("tr") == 3
    assert cells.texts[0] == "bounce, 2 verdicts: 2 hard, 1.eml"
    assert cells.texts[1:11] == [
        "recipient", "bounce type", "reason", "reply", "advice",
        "kim@example.org", "hard", "user_unknown", "550 5.1.1", "suppress",
    ]  # fmt: skip


def test_a_notebook_shows_a_verdict_as_its_record() -> None:
    cells = html_of(verdict())
    pairs = dict(zip(cells.texts[::2], cells.texts[1::2], strict=True))
    assert pairs["reason"] == "user_unknown"
    assert pairs["rule"].endswith(", builtin")
    assert "blocklist" not in pairs


def test_a_notebook_shows_only_the_beginning_of_a_long_report() -> None:
    assert html_of(report(*(f"{number}@example.org" for number in range(300)))).texts[0].endswith("; the first 100")


@pytest.mark.parametrize(
    "evil", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "&lt;b&gt;", "</table>"]
)
def test_a_notebook_runs_nothing_of_a_stranger(evil: str) -> None:
    for value in (verdict(f"550 {evil}", f"{evil}@example.org"), report(evil, evil, source=evil)):
        assert set(html_of(value).tags) <= {"table", "caption", "thead", "tbody", "tr", "th", "td"}
        assert any(evil in text for text in html_of(value).texts)


def test_rich_shows_what_is_set() -> None:
    rich_pretty = pytest.importorskip("rich.pretty")
    rich_console = pytest.importorskip("rich.console")
    console = rich_console.Console(file=StringIO(), width=100)
    made = report("kim@example.org", source="1.eml")
    console.print(rich_pretty.Pretty(made))
    shown = console.file.getvalue()
    assert "source='1.eml'" in shown
    assert "recipient='kim@example.org'" in shown
    assert "blocklist" not in shown


# --- collections, questions, JSON -------------------------------------------------------------------------------------


def test_a_report_is_a_collection_of_its_verdicts() -> None:
    made = report("kim@example.org", "pat@example.com")
    assert [one.recipient for one in made] == ["kim@example.org", "pat@example.com"]
    assert len(made) == 2
    assert made.verdicts[0] in made


def test_a_report_without_verdicts_is_true() -> None:
    empty = Report(kind=Kind.OTHER)
    assert empty
    assert not len(empty)
    assert list(empty) == []
    assert empty.hard == empty.soft == ()


def test_hard_and_soft() -> None:
    made = Report(kind=Kind.BOUNCE, verdicts=(verdict(), verdict("452 4.2.2 mailbox full"), verdict("550 odd")))
    assert made.hard == made.verdicts[:1]
    assert made.soft == made.verdicts[1:2]


@pytest.mark.parametrize("made", [one for report in read(str(FIXTURES / "bounces")) for one in report][::20])
def test_the_questions_follow_from_the_attributes(made: Verdict) -> None:
    assert made.is_hard is (made.bounce_type is BounceType.HARD)
    assert made.should_suppress is (made.advice is Advice.SUPPRESS)


def test_json_is_the_record_in_one_line() -> None:
    made = report("kim@exämple.org", source="1.eml")
    for value in (made, made.verdicts[0]):
        text = value.to_json()
        assert json.loads(text) == value.to_dict()
        assert text.isascii()
        assert "\n" not in text
    assert Report.from_dict(json.loads(made.to_json())).to_dict() == made.to_dict()


# --- arguments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*Command, *(name.upper() for name in Command), "MAIL FROM", "RCPT TO:<x>", "HELO"])
def test_commands_are_taken_as_smtp_writes_them(name: str) -> None:
    command = named_command(name)
    assert classify("550 5.1.1 no", command=name).command is command
    assert named_command(command) is command


@pytest.mark.parametrize("name", ["", "NOOP", "nonsense", 5])
def test_an_unknown_command_names_the_known_ones(name: Any) -> None:
    with pytest.raises(ValueError, match=r"unknown command .*; expected one of connect, .*, end_of_data"):
        classify("550 no", command=name)


def test_protocols_are_taken_in_any_case() -> None:
    assert classify("550 5.1.1 no", protocol="LMTP") == classify("550 5.1.1 no", protocol=Protocol.LMTP)
    with pytest.raises(ValueError, match="unknown protocol 'uucp'; expected one of smtp, lmtp"):
        classify("550 no", protocol="uucp")


@pytest.mark.parametrize("given", ["x.eml", Path("x.eml")])
def test_a_file_name_is_answered_with_what_reads_a_file(given: Any) -> None:
    for function in (parse, undeliverable.attached):
        with pytest.raises(TypeError) as caught:
            function(given)
        assert 'read("x.eml")' in str(caught.value)
        assert 'parse(Path("x.eml").read_bytes())' in str(caught.value)


def test_the_text_of_a_message_is_answered_with_how_to_encode_it() -> None:
    with pytest.raises(TypeError, match=r"message\.encode"):
        parse("From: kim@example.org\n\nHello\n")  # type: ignore[arg-type]


def test_other_types_are_named() -> None:
    with pytest.raises(TypeError, match=r"not int$"):
        parse(5)  # type: ignore[arg-type]
