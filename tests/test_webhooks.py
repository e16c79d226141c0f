"""Every service's payloads, written by hand from its documentation, against what they have to say."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.service_examples import DOCUMENTS
from undeliverable import Event, Kind, Knowledge, Report, WebhookError, parse_webhook
from undeliverable.webhooks import SERVICES, names
from undeliverable.webhooks._body import Form, read_body
from undeliverable.webhooks._fields import Fields, plain

FIXTURES: Final = Path(__file__).resolve().parent.parent / "fixtures" / "webhooks"
KNOWN: Final = Knowledge.builtin()


@dataclass(frozen=True)
class Request:
    service: str
    case: str
    content_type: str
    headers: dict[str, str]
    body: Any
    expect: list[dict[str, Any]]

    def __str__(self) -> str:
        return f"{self.service}: {self.case}"

    @property
    def octets(self) -> bytes:
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()

    def parse(self) -> tuple[Report, ...]:
        return parse_webhook(
            self.service, self.octets, content_type=self.content_type, headers=self.headers, knowledge=KNOWN
        )


REQUESTS: Final = [
    Request(path.stem, **row)
    for path in sorted(FIXTURES.glob("*.json"))
    for row in json.loads(path.read_text(encoding="utf-8"))
]


def check(report: Report, want: dict[str, Any]) -> None:
    record = report.to_dict()
    assert record["kind"] == want["kind"]
    event = record["event"]
    assert isinstance(event, dict)
    for key in ("id", "type", "class", "subclass", "tags", "metadata"):
        if key in want:
            assert event[key] == want[key], key
    remarks = " | ".join(report.remarks)
    assert want.get("remark", "") in remarks
    assert ("remark" in want) == bool(remarks), remarks
    verdicts: Any = record["verdicts"]
    assert [verdict["recipient"] for verdict in verdicts] == [row["recipient"] for row in want["verdicts"]]
    for verdict, row in zip(verdicts, want["verdicts"], strict=True):
        conflict = row.get("conflict")
        for key, value in row.items():
            if key != "conflict":
                assert verdict[key] == value, key
        if conflict:
            assert conflict in " | ".join(verdict["conflicts"])


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_payloads(request_: Request) -> None:
    reports = request_.parse()
    assert len(reports) == len(request_.expect)
    for report, want in zip(reports, request_.expect, strict=True):
        check(report, want)
        assert json.loads(json.dumps(report.to_dict(), allow_nan=False)) == report.to_dict()


def test_every_service_has_its_payloads() -> None:
    cases: dict[str, int] = {}
    for request in REQUESTS:
        cases[request.service] = cases.get(request.service, 0) + 1
    assert sorted(names()) == sorted(service.name for service in SERVICES)
    assert sorted({*cases, *DOCUMENTS}) == sorted(names()), "a service in code needs fixtures/webhooks/NAME.json"
    few = [name for name, count in cases.items() if count < 6]
    assert not few, "each service needs 6 payloads or more"


@pytest.mark.parametrize("service", [one for one in SERVICES if not one.seen], ids=lambda service: service.name)
def test_a_service_says_what_it_is(service: Any) -> None:
    assert service.source.startswith("https://")
    assert service.signature
    assert all(row.kind is not None for row in service.events.values())
    covered = {
        (report.event.type or "").casefold()
        for request in REQUESTS
        if request.service == service.name
        for report in request.parse()
        if report.event is not None
    }
    failing = {name.casefold() for name, row in service.events.items() if row.kind in {Kind.COMPLAINT, Kind.SUPPRESSED}}
    assert covered & failing or not failing, f"fixtures/webhooks/{service.name}.json has none of {sorted(failing)}"


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_a_parsed_body_gives_the_same(request_: Request) -> None:
    if not isinstance(request_.body, str):
        parsed = parse_webhook(request_.service, request_.body, headers=request_.headers, knowledge=KNOWN)
        assert parsed == request_.parse()


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "empty"),
        (b"hello", "JSON or a form"),
        (b"{", "JSON"),
        (b'"text"', "expected"),
        (b"[1, 2]", "expected"),
        (b"{}", "expected"),
        (b'{"other": 1}', "expected"),
        (b"other=1", "expected"),
        (b"[" * 100_000, "JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "JSON"),
        (b"--\r\n", "boundary"),
        (b"--x\r\n\r\nnothing\r\n--x--", "no field"),
        (b"a=1&" * 20_000, "form"),
        (None, "expected"),
        (7, "expected"),
        ("", "empty"),
    ],
)
def test_a_body_of_somebody_else(name: str, body: object, expected: str) -> None:
    with pytest.raises(WebhookError, match=expected) as caught:
        parse_webhook(name, body, content_type="application/json" if body == b'"text"' else None, knowledge=KNOWN)
    assert caught.value.service == name


def test_an_empty_form() -> None:
    with pytest.raises(WebhookError, match="empty form"):
        parse_webhook("mailgun", Form(()), knowledge=KNOWN)


def test_no_such_service() -> None:
    with pytest.raises(WebhookError, match="amazon_ses"):
        parse_webhook("pigeons", b"{}")


def test_names_are_sorted() -> None:
    assert list(names()) == sorted(names())


class MultiDict(dict[str, list[str]]):
    """A form as Django and Werkzeug hold it."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


class FormData:
    """A form as Starlette holds it."""

    def multi_items(self) -> list[tuple[str, str]]:
        return [("event", "bounced"), ("recipient", "kim@example.org"), ("event", "other"), ("size", 3)]  # type: ignore[list-item]


@pytest.mark.parametrize(
    "body",
    [
        MultiDict(event=["bounced", "other"], recipient=["kim@example.org"]),
        FormData(),
        Form((("event", "bounced"), ("recipient", "kim@example.org"))),
        bytearray(b"event=bounced&recipient=kim%40example.org"),
        memoryview(b"event=bounced&recipient=kim%40example.org"),
        "event=bounced&recipient=kim%40example.org",
        '--x\nContent-Disposition: form-data; name="event"\n\nbounced\n--x\n\
Content-Disposition: form-data; name="recipient"\n\nkim@example.org\n--x--\n',
    ],
)
def test_forms_in_every_shape(body: object) -> None:
    (report,) = parse_webhook("mailgun", body, knowledge=KNOWN)
    assert (report.kind, report.verdicts[0].recipient) == (Kind.BOUNCE, "kim@example.org")


def test_a_byte_order_mark_and_odd_numbers() -> None:
    body = b'\xef\xbb\xbf[{"event": "bounce", "email": "kim@example.org", "x": [NaN, -Infinity, 1e999, 1e5, 10]}]'
    (report,) = parse_webhook("sendgrid", body, knowledge=KNOWN)
    assert report.event is not None
    assert report.event.metadata == {"x": ["NaN", "-Infinity", "1e999", 1e5, 10]}


def test_json_is_read_whatever_it_is_called() -> None:
    assert read_body("x", b" {}", "application/x-www-form-urlencoded") == {}


def test_metadata_is_bounded() -> None:
    deep: Any = "leaf"
    for _ in range(100):
        deep = {"a": [deep]}
    assert json.dumps(plain(deep)).count("...") == 1
    assert plain({1: {2}, "big": 1 << 20_000, "odd": float("nan"), "none": None})["big"].startswith("0x")  # type: ignore[index]


def test_wrong_types_are_remarks() -> None:
    (report,) = parse_webhook(
        "postmark",
        {"RecordType": "Bounce", "Type": ["HardBounce"], "Email": {"a": 1}, "BouncedAt": "soon", "Tag": [1, "a"],
         "Metadata": "x", "ID": True},
        knowledge=KNOWN,
    )  # fmt: skip
    assert report.kind is Kind.BOUNCE
    assert report.verdicts[0].recipient is None
    assert {remark.split(" ")[0] for remark in report.remarks} == {
        "Type",
        "Email",
        "BouncedAt",
        "Tag",
        "Metadata",
        "ID",
        "the",
    }


class TestFields:
    def test_flags(self) -> None:
        remarks: list[str] = []
        fields = Fields({"a": True, "b": "false", "c": 1, "d": "maybe", "e": [], "f": None}, remarks)
        assert [fields.flag(name) for name in "abcdefg"] == [True, False, True, None, None, None, None]
        assert len(remarks) == 2

    def test_moments(self) -> None:
        fields = Fields({"a": 1795295779, "b": 1795295779000, "c": "1795295779.0", "d": "2026-11-21 21:16:19",
                         "e": "Sat, 21 Nov 2026 21:16:19 +0000", "f": "2026-11-21T21:16:19.0000000Z", "g": 1e300, "h": "nan"}, [])  # fmt: skip
        found = [fields.moment(name) for name in "abcdefgh"]
        assert {str(date) for date in found[:6]} == {"2026-11-21 21:16:19+00:00"}
        assert found[6:] == [None, None]

    def test_lists_are_bounded(self) -> None:
        remarks: list[str] = []
        assert len(Fields({"a": ["x"] * 10_000}, remarks).texts("a")) == 4096
        assert remarks == ["a has 10000 items, of which 4096 were read"]

    def test_remarks_are_bounded(self) -> None:
        remarks: list[str] = []
        fields = Fields({str(n): {} for n in range(100)}, remarks)
        assert [fields.text(str(n)) for n in range(100)] == [None] * 100
        assert len(remarks) == 20

    def test_enormous_numbers(self) -> None:
        text = Fields({"a": 1 << 20_000}, []).text("a")
        assert text is not None
        assert text.startswith("0x1")


def sendgrid(**more: object) -> Report:
    event = {"event": "bounce", "type": "bounce", "email": "kim@example.org", "sg_event_id": "e1"} | more
    (report,) = parse_webhook("sendgrid", [event], knowledge=KNOWN)
    return report


class TestKeys:
    def test_the_same_failure_has_the_same_key(self) -> None:
        message_id = {"smtp-id": "<n1@example.com>"}
        one = sendgrid(**message_id, reason="550 5.1.1 no").verdicts[0].key
        two = sendgrid(**message_id, reason="550 5.1.1 unknown", sg_event_id="e2").verdicts[0].key
        (other,) = parse_webhook(
            "mailgun",
            {"event-data": {"event": "failed", "severity": "permanent", "recipient": "KIM@example.org",
                            "message": {"headers": {"message-id": "n1@example.com"}}}},
            knowledge=KNOWN,
        )  # fmt: skip
        assert one == two == other.verdicts[0].key

    def test_without_any_id_the_event_itself_counts(self) -> None:
        assert sendgrid(sg_event_id=None).verdicts[0].key != sendgrid(sg_event_id=None, timestamp=1).verdicts[0].key
        assert sendgrid(sg_event_id=None).verdicts[0].key == sendgrid(sg_event_id=None).verdicts[0].key


@pytest.mark.parametrize("status", ["a.b.c", "9.1.1", "5.1", ""])
def test_a_status_that_is_none(status: str) -> None:
    assert sendgrid(status=status).verdicts[0].reported_status is None


def test_addresses_with_names() -> None:
    assert sendgrid(email=" Kim <kim@example.org>").verdicts[0].recipient == "kim@example.org"
    assert sendgrid(email="<>").verdicts[0].recipient is None


def test_a_long_answer_is_cut() -> None:
    report = sendgrid(reason="550 5.1.1 " + "x" * 100_000)
    assert len(report.verdicts[0].reply or "") <= 65_536
    assert "longer than 65536" in report.remarks[0]


def test_a_long_message_id_is_left_out() -> None:
    report = sendgrid(**{"smtp-id": "x" * 2000})
    assert report.message.returned is None
    assert "Message-ID" in report.remarks[0]


def test_the_code_beside_against_the_code_within() -> None:
    body = {
        "events": [{"event": "bounce", "email": "kim@example.org", "response": "450 4.2.1 busy", "response_code": 550}]
    }
    (report,) = parse_webhook("mailtrap", body, knowledge=KNOWN)
    assert report.verdicts[0].reply_code == 450
    assert report.verdicts[0].conflicts[0] == "the event's code is 550 but its reply says 450"


def test_a_code_alone_is_an_answer() -> None:
    (report,) = parse_webhook(
        "mailtrap", {"events": [{"event": "bounce", "email": "kim@example.org", "response_code": 550}]}, knowledge=KNOWN
    )
    assert (report.verdicts[0].reply_code, report.verdicts[0].reply) == (550, "550")


def test_evidence_holds_the_words() -> None:
    (evidence,) = sendgrid(reason="550 5.1.1 no").verdicts[0].evidence
    assert (evidence.witness, evidence.text) == ("event", "550 5.1.1 no")
    (evidence,) = sendgrid(bounce_classification="Unclassified").verdicts[0].evidence
    assert evidence.text == "bounce bounce Unclassified"
    assert "550 5.1.1 no" in sendgrid(reason="550 5.1.1 no").verdicts[0].explain(verbose=True)


def test_the_event_of_a_report_is_the_services_own() -> None:
    event = sendgrid(category="a").event
    assert event == Event(
        id="e1", service="sendgrid", type="bounce", class_="bounce", subclass=None, tags=("a",), metadata={}
    )


def test_the_guide_lists_the_page_of_every_service() -> None:
    guide = (FIXTURES.parents[1] / "docs" / "howto" / "webhooks.md").read_text(encoding="utf-8")
    assert all(f"\nwebhooks/{name}\n" in guide for name in names())


SPARE: Final[dict[str, Callable[[Sequence[str], str], Any]]] = {
    "amazon_ses": lambda class_, words: {"notificationType": "Bounce", "mail": {}, "bounce": {
        "bounceType": class_[0], "bounceSubType": class_[1],
        "bouncedRecipients": [{"emailAddress": "kim@example.org", "diagnosticCode": words}]}},
    "sendgrid": lambda class_, words: [{"event": "bounce", "email": "kim@example.org", "type": class_[0], "reason": words}],
    "mailgun": lambda class_, words: {"event-data": {"event": "failed", "recipient": "kim@example.org", "severity": class_[0],
                                                     "reason": class_[1], "delivery-status": {"message": words}}},
    "postmark": lambda class_, words: {"RecordType": "Bounce", "Type": class_[0], "Email": "kim@example.org", "Details": words},
}  # fmt: skip
NO_USER, BLOCKED, HM = "550 5.1.1 User unknown", "554 5.7.1 blocked using zen.spamhaus.org", "550 5.0.0 Hm"


@pytest.mark.parametrize(
    ("profile", "service", "classes", "words", "bounce_type", "advice", "label"),
    [
        ("ses", "amazon_ses", ("Permanent", "General"), BLOCKED, "hard", "suppress", "Permanent/General"),
        ("ses", "amazon_ses", ("Permanent", "NoEmail"), "", "hard", "suppress", "Permanent/NoEmail"),
        ("ses", "amazon_ses", ("Transient", "General"), NO_USER, "soft", "retry", "Transient/General"),
        ("ses", "amazon_ses", ("Transient", "MailboxFull"), HM, "soft", "retry", "Transient/MailboxFull"),
        (
            "ses",
            "amazon_ses",
            ("Undetermined", "Undetermined"),
            NO_USER,
            "undetermined",
            "review",
            "Undetermined/Undetermined",
        ),
        ("sendgrid", "sendgrid", ("bounce", ""), BLOCKED, "hard", "suppress", "bounce"),
        ("sendgrid", "sendgrid", ("blocked", ""), NO_USER, "soft", "retry", "block"),
        ("sendgrid", "sendgrid", ("expired", ""), HM, "soft", "retry", "block"),
        ("mailgun", "mailgun", ("permanent", "bounce"), BLOCKED, "hard", "suppress", "permanent/bounce"),
        ("mailgun", "mailgun", ("permanent", "espblock"), NO_USER, "soft", "retry", "permanent/espblock"),
        ("postmark", "postmark", ("HardBounce",), "smtp;" + BLOCKED, "hard", "suppress", "HardBounce"),
        ("postmark", "postmark", ("SoftBounce",), "smtp;" + NO_USER, "soft", "retry", "SoftBounce"),
        ("postmark", "postmark", ("DMARCPolicy",), "", "soft", "fix_sender", "DMARCPolicy"),
    ],
)
def test_a_services_profile_follows_its_class(
    profile: str, service: str, classes: tuple[str, ...], words: str, bounce_type: str, advice: str, label: str
) -> None:
    body = SPARE[service](classes, words)
    (report,) = parse_webhook(service, body, knowledge=KNOWN.with_profile(profile))
    (verdict,) = report.verdicts
    assert (verdict.bounce_type, verdict.advice, verdict.label) == (bounce_type, advice, label)


@pytest.mark.parametrize("asked", ['"PERMANENT"', '"permanent/general"', '["x", "permanent"]'])
def test_a_policy_may_ask_for_a_class(tmp_path: Path, asked: str) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(
        f'[[policy]]\nwhen = {{ service = "amazon_ses", class = {asked} }}\nthen = {{ label = "x" }}\n',
        encoding="utf-8",
    )
    body = SPARE["amazon_ses"](("Permanent", "General"), NO_USER)
    (report,) = parse_webhook("amazon_ses", body, knowledge=KNOWN.with_file(path))
    assert report.verdicts[0].label == "x"
    (other,) = parse_webhook(
        "amazon_ses", SPARE["amazon_ses"](("Transient", "General"), NO_USER), knowledge=KNOWN.with_file(path)
    )
    assert other.verdicts[0].label is None
