"""Services described as data: their examples, the words of a description, a user's own, and every error in one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.generate import ROOT
from tests.service_examples import DOCUMENTS, EXAMPLES
from undeliverable import Kind, KnowledgeError, Report, WebhookError, from_anymail, parse_webhook
from undeliverable.data import place
from undeliverable.errors import EntryError
from undeliverable.webhook_auth import BadSignature, Expired, Unverifiable, verify
from undeliverable.webhooks import SERVICES, Service, load_service
from undeliverable.webhooks._described import EVENT_KEYS
from undeliverable.webhooks._descriptions import compile_service
from undeliverable.webhooks._examples import differences
from undeliverable.webhooks._paths import path_of, values_at
from undeliverable.webhooks._service import CLASS_WORDS

DESCRIBED: Final = {service.name: service for service in SERVICES if service.seen}
PIGEONS: Final = """\
title = "Pigeon Post"
[signature]
scheme = "hmac-sha256"
header = "X-Pigeon"
prefix = "sha256="
signed = "{timestamp}.{body}"
timestamp = "X-Pigeon-Time"
[event]
type = "what"
class = "why"
id = "header:X-Pigeon-Id"
recipient = "to.address"
reply = "said"
date = "when"
[events]
lost = "bounce"
late = "delay"
home = "delivered"
[classes]
"no such loft" = { is = "hard", reason = "user_unknown" }
[[example]]
body = '{"what": "lost", "why": "no such loft", "to": {"address": "kim@example.org"}, "when": 1795295779}'
expect = { kind = "bounce", recipient = "kim@example.org", reason = "user_unknown", bounce_type = "hard" }
"""


@pytest.fixture
def pigeons(tmp_path: Path) -> Service:
    path = tmp_path / "pigeons.toml"
    path.write_text(PIGEONS, encoding="utf-8")
    return load_service(path)


# ----------------------------------------------------------------------------------------------------------------
# The built-in ones


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_examples_say_what_is_expected(name: str) -> None:
    service = compile_service(name, DOCUMENTS[name])
    found = [difference for example in service.examples for difference in differences(service, example)]
    assert found == []
    assert load_service(place(f"services/{name}.toml")).events == service.events


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_description_says_where_it_is_from_and_has_an_example_of_every_event(name: str) -> None:
    document, service = DOCUMENTS[name], DESCRIBED[name]
    assert document["title"]
    assert service.seen
    assert service.source.startswith("https://")
    assert service.signature
    assert all(row.kind is not None for row in service.events.values())
    reports = [one for case in EXAMPLES[name] for one in parse_webhook(name, case["body"], headers=case["headers"])]
    types = {(one.event.type or "").casefold() for one in reports if one.event is not None}
    both = {f"{one.event.type}/{one.event.class_}".casefold() for one in reports if one.event is not None}
    assert {event.casefold() for event in service.events} - types - both == set()
    unknown = [remark for one in reports for remark in one.remarks if remark.startswith("unknown")]
    assert [remark for remark in unknown if "unknown class" not in remark] == []


def replaced(value: Any, words: set[str]) -> Any:
    """`value` with every text that is one of `words` replaced."""
    if isinstance(value, dict):
        return {key: replaced(one, words) for key, one in value.items()}
    if isinstance(value, list):
        return [replaced(one, words) for one in value]
    return "odd" if isinstance(value, str) and value in words else value


@pytest.mark.parametrize("name", sorted({*DOCUMENTS} - {"forwardemail"}))  # its events have no type, as a rule
def test_an_unknown_event_is_other_with_a_remark(name: str) -> None:
    types = {event.partition("/")[0] for event in DESCRIBED[name].events}
    bodies = [case["body"] for case in EXAMPLES[name] if not isinstance(case["body"], str)]
    reports = [one for body in bodies for one in parse_webhook(name, replaced(body, types)) if one.event.type == "odd"]  # type: ignore[union-attr] # each has one
    assert reports or name == "mailchimp"
    assert all(one.kind is Kind.OTHER and "unknown event type 'odd'" in one.remarks for one in reports)


def told(reports: tuple[Report, ...]) -> list[dict[str, Any]]:
    return [report.to_dict() for report in reports]


@pytest.mark.parametrize("name", DOCUMENTS)
@given(data=st.data())
def test_the_order_of_keys_changes_nothing(name: str, data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(EXAMPLES[name]))

    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shuffled(value[key]) for key in data.draw(st.permutations(list(value)))}
        return [shuffled(item) for item in value] if isinstance(value, list) else value

    body = shuffled(case["body"])
    assert told(parse_webhook(name, body, headers=case["headers"])) == told(
        parse_webhook(name, case["body"], headers=case["headers"])
    )


# ----------------------------------------------------------------------------------------------------------------
# A user's own


def test_a_users_service_takes_no_code(pigeons: Service) -> None:
    assert len(PIGEONS.splitlines()) <= 25
    body = json.dumps({"what": "lost", "why": "windy", "to": {"address": "kim@example.org"}, "said": "550 5.1.1 no such bird", "when": "2026-11-21T21:16:19Z"})  # fmt: skip
    (report,) = parse_webhook(pigeons, body, headers={"X-Pigeon-Id": "p1"})
    assert report.event is not None
    assert (report.event.service, report.event.id, report.event.class_) == ("pigeons", "p1", "windy")
    assert str(report.message.date) == "2026-11-21 21:16:19+00:00"
    (verdict,) = report.verdicts
    assert (verdict.recipient, str(verdict.reason), verdict.reply_code) == ("kim@example.org", "user_unknown", 550)
    assert "unknown class 'windy'" in report.remarks
    assert [one.kind for one in parse_webhook(pigeons, [{"what": "eaten"}, {"what": "late"}])] == [
        Kind.OTHER,
        Kind.DELAY,
    ]
    with pytest.raises(WebhookError, match="expected an object with what or to"):
        parse_webhook(pigeons, {"other": 1})


def test_the_service_in_the_guide_can_be_loaded(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "howto" / "webhooks.md").read_text(encoding="utf-8")
    text = guide.partition("```text\n# pigeons.toml")[2].partition("```")[0]
    path = tmp_path / "pigeons.toml"
    path.write_text(f"#{text}", encoding="utf-8")
    assert load_service(path).examples
    parts = {key for keys in re.findall(r"`event\.([a-z_]+)`", guide) for key in [keys]}
    assert parts == EVENT_KEYS
    assert {word for word in CLASS_WORDS if f"`{word}`" not in guide} == set()


NOW: Final = datetime(2026, 11, 21, 21, 16, 19, tzinfo=UTC)
STAMP: Final = str(int(NOW.timestamp()))


def test_a_users_service_is_proved_as_it_says(pigeons: Service) -> None:
    body = b'{"what": "home"}'
    digest = hmac.new(b"key", f"{STAMP}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"X-Pigeon": f"sha256={digest}", "X-Pigeon-Time": STAMP}
    proof = verify(pigeons, body, headers, "key", now=NOW)
    assert (proof.service, proof.scheme, proof.covers_body, proof.signed_at) == ("pigeons", "hmac-sha256", True, NOW)
    for wrong in ({**headers, "X-Pigeon": digest}, {**headers, "X-Pigeon": "sha256=00"}, {"X-Pigeon-Time": STAMP}):
        with pytest.raises(BadSignature):
            verify(pigeons, body, wrong, "key", now=NOW)
    with pytest.raises(BadSignature):
        verify(pigeons, body + b" ", headers, "key", now=NOW)
    with pytest.raises(Expired):
        verify(pigeons, body, headers, "key", now=NOW + timedelta(minutes=6))
    with pytest.raises(Unverifiable):
        verify(pigeons, body, headers, "", now=NOW)


def test_the_schemes_of_described_services() -> None:
    body = b"[]"
    text = base64.b64encode(hmac.new(b"key", body, hashlib.sha256).digest()).decode()
    assert verify("salesforce", body, {"x-sfmc-ens-signature": text}, "key").scheme == "hmac-sha256"
    digest = hmac.new(b"key", f"w1.delivered.{STAMP}".encode(), hashlib.sha256).hexdigest()
    headers = {
        "X-MOM-Webhook-Id": "w1",
        "X-MOM-Webhook-Event": "delivered",
        "X-MOM-Webhook-Timestamp": STAMP,
        "X-MOM-Webhook-Signature": f"sha256={digest}",
    }
    proof = verify("mailomat", body, headers, "key", now=NOW)
    assert not proof.covers_body
    cio = hmac.new(b"key", f"v0:{STAMP}:".encode() + body, hashlib.sha256).hexdigest()
    assert verify("customer_io", body, {"X-CIO-Signature": cio, "X-CIO-Timestamp": STAMP}, "key", now=NOW).covers_body
    with pytest.raises(Unverifiable):
        verify("scaleway", body, {}, "key")
    standard = compile_service("mine", MINE | {"signature": {"scheme": "standard-webhooks"}})
    signed = base64.b64encode(hmac.new(b"key", f"i1.{STAMP}.".encode() + body, hashlib.sha256).digest()).decode()
    headers = {"webhook-id": "i1", "webhook-timestamp": STAMP, "webhook-signature": f"v1,{signed}"}
    assert verify(standard, body, headers, "whsec_" + base64.b64encode(b"key").decode(), now=NOW).scheme == "svix"


# ----------------------------------------------------------------------------------------------------------------
# Descriptions

MINE: Final[dict[str, Any]] = {"event": {"type": "a", "recipient": "b"}, "events": {"x": "bounce"}}


def with_(**changes: Any) -> dict[str, Any]:
    return MINE | changes


@pytest.mark.parametrize(
    ("document", "key", "words"),
    [
        (with_(colour=1), "colour", "expected one of"),
        (with_(title=1), "title", "string"),
        (with_(marks=1), "marks", "list of strings"),
        (with_(event=1), "event", "table"),
        (with_(event={"type": "a"}), "event.recipient", "missing"),
        (with_(event={"recipient": "a"}), "event.type", "missing"),
        (with_(event={"type": "a", "recipient": "b", "colour": "c"}), "event.colour", "expected one of"),
        (with_(event={"type": "a..b", "recipient": "b"}), "event.type", "joined by dots"),
        (with_(event={"type": "a|rot13", "recipient": "b"}), "event.type", "base64, json"),
        (with_(body="a|rot13[]"), "body", "base64, json"),
        (with_(events={}), "events", "no event"),
        (with_(events={"x": "bouncy"}), "events.x", "bounce"),
        (with_(events={"x": 1}), "events.x", "word"),
        (with_(events={"x": {"is": "bounce", "colour": 1}}), "events.x.colour", "expected one of"),
        (with_(events={"x": {"is": "bounce", "reason": "bored"}}), "events.x.reason", "bored"),
        (with_(events={"x": {"is": "bounce", "kind": "bored"}}), "events.x.kind", "bored"),
        (with_(events={"x": {"is": "bounce", "expired": "yes"}}), "events.x.expired", "true or false"),
        (with_(events={"x": {"is": "bounce", "remark": 1}}), "events.x.remark", "string"),
        (with_(classes={"x": {"bounce_type": "harder"}}), "classes.x.bounce_type", "harder"),
        (with_(method="PUT"), "method", "expected one of GET, POST"),
        (with_(method=1), "method", "string"),
        (with_(signature={"colour": 1}), "signature.colour", "expected one of"),
        (with_(signature={"scheme": "rot13"}), "signature.scheme", "rot13"),
        (with_(signature={"scheme": "hmac-sha256"}), "signature.header", "missing"),
        (with_(signature={"scheme": "hmac-sha256", "header": "x", "encoding": "y"}), "signature.encoding", "hex"),
        (with_(signature={"scheme": "hmac-sha256", "header": "x", "minutes": 0}), "signature.minutes", "from 1"),
        (with_(example=1), "example", "body"),
        (with_(example=[{}]), "example", "body"),
    ],
)
def test_a_wrong_description_is_refused_with_its_key(document: dict[str, Any], key: str, words: str) -> None:
    with pytest.raises(EntryError, match=words) as caught:
        compile_service("mine", document)
    assert (caught.value.entry, caught.value.key) == ("mine", key)


def test_an_error_in_a_file_names_its_place(tmp_path: Path) -> None:
    path = tmp_path / "pigeons.toml"
    for old, new, line, words in (
        ('class = "why"', 'colour = "why"', 10, "'event.colour'"),
        ('late = "delay"', 'late = "slow"', 17, "'events.late'"),
        (
            'reason = "user_unknown", b',
            'reason = "mailbox_full", b',
            23,
            "reason is 'user_unknown', not 'mailbox_full'",
        ),
        ('{"what"', '["what"', 23, "it is refused"),
        ("title = ", "title ", 1, "not TOML"),
    ):
        path.write_text(PIGEONS.replace(old, new), encoding="utf-8")
        with pytest.raises(KnowledgeError) as caught:
            load_service(path)
        assert (caught.value.file, caught.value.line) == (str(path), line)
        assert words in str(caught.value)
    path.write_text(PIGEONS.replace("expect = { kind", "expect = [{}, {}] #"), encoding="utf-8")
    with pytest.raises(KnowledgeError, match="1 events, not 2"):
        load_service(path)
    other = tmp_path / "Pigeon Post.toml"
    other.write_text(PIGEONS, encoding="utf-8")
    with pytest.raises(KnowledgeError, match="lower-case"):
        load_service(other)
    with pytest.raises(KnowledgeError, match="cannot be read"):
        load_service(tmp_path / "none.toml")


def test_meanings_of_several_words() -> None:
    service = compile_service(
        "mine",
        with_(
            title="Mine",
            source="https://example.org",
            signature="none",
            default="x",
            events={"x": {"kind": "bounce", "temporary": True, "remark": "so"}},
            classes={"c": {"is": "none", "reason": "mailbox_full"}},
            event={"type": "a", "class": "k", "recipient": "b"},
        ),
    )
    (report,) = parse_webhook(service, {"k": "c", "b": "kim@example.org"})
    assert (report.kind, report.verdicts[0].reason, report.remarks) == (Kind.BOUNCE, "mailbox_full", ("so",))
    assert compile_service("mine", MINE).signature == "none is described"
    assert compile_service("mine", with_(signature={"says": "a seal"})).signature == "a seal"


# ----------------------------------------------------------------------------------------------------------------
# Paths


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", [...]),
        ("a.b", [1]),
        ("a.none", []),
        ("list[]", [1, 2, {"c": 3}]),
        ("list", [[1, 2, {"c": 3}]]),
        ("list[].c", [3]),
        ("one[]", ["x"]),
        ("text|json.d[]", [4, 5]),
        ("coded|base64|json.e", [6]),
        ("coded|base64", ['{"e": 6}']),
        ("one|json", []),
        ("one|base64", []),
        ("a|json.b", [1]),
        ("a|base64.b", [1]),
        ("null", []),
        ("header:X-Id", ["h"]),
        ("header:X-None", []),
    ],
)
def test_paths(path: str, expected: list[Any]) -> None:
    value = {
        "a": {"b": 1},
        "list": [1, 2, {"c": 3}],
        "one": "x",
        "text": '{"d": [4, 5]}',
        "coded": base64.b64encode(b'{"e": 6}').decode(),
        "null": None,
    }
    found = list(values_at(value, path_of(path), {"x-id": "h"}))
    assert found == ([value] if expected == [...] else expected)


def test_every_event_of_a_large_body_is_read() -> None:
    service = compile_service("mine", with_(body="records[]"))
    records = [{"a": "x", "b": f"kim{number}@example.org"} for number in range(5_000)]
    assert len(list(service.read({"records": records}, {}))) == 5_000


def test_an_example_may_expect_nothing() -> None:
    service = compile_service("mine", with_(example=[{"body": '{"a": "x", "b": "kim@example.org"}'}]))
    assert list(differences(service, service.examples[0])) == []


def test_events_in_texts_and_lists() -> None:
    service = compile_service("mine", with_(body="records[].data|base64|json"))
    event = base64.b64encode(b'{"a": "x", "b": "kim@example.org"}').decode()
    reports = parse_webhook(service, {"records": [{"data": event}, {"data": base64.b64encode(b"7").decode()}]})
    assert [report.kind for report in reports] == [Kind.BOUNCE, Kind.OTHER]
    assert reports[1].remarks == ("the event is no object", "the event has no type")


# ----------------------------------------------------------------------------------------------------------------
# django-anymail


class AnymailEvent:
    """An event as the signal of django-anymail hands it over."""

    def __init__(self, **values: object) -> None:
        self.click_url = None
        self.__dict__ |= values


@pytest.mark.parametrize("case", EXAMPLES["anymail"], ids=lambda case: case["case"])
def test_events_of_anymail_say_what_their_fields_say(case: dict[str, Any]) -> None:
    bodies = case["body"] if isinstance(case["body"], list) else [case["body"]]
    for body in bodies:
        (expected,) = parse_webhook("anymail", body)
        assert from_anymail(AnymailEvent(**body)) == expected


def test_an_event_of_anymail_is_the_services() -> None:
    event = AnymailEvent(
        event_type="bounced",
        timestamp=NOW,
        recipient="kim@example.org",
        mta_response="550 5.1.1 no",
        tags=["a"],
        metadata={"b": 1},
    )
    report = from_anymail(event, "Amazon SES", context={"tenant": "x"})
    assert report.event is not None
    assert (report.event.service, report.event.tags, report.event.metadata) == ("amazon_ses", ("a",), {"b": 1})
    assert report.message.date == NOW
    assert report.verdicts[0].reply_code == 550
    for name in ("SendGrid", "Mailgun", "Unisender Go", "SparkPost", "Postmark", "MailerSend", "Mailtrap", "Brevo"):
        assert from_anymail(event, name).event.service in {service.name for service in SERVICES} - {"anymail"}  # type: ignore[union-attr] # each has one
    assert from_anymail(event, "Carrier Pigeon").event.service == "anymail"  # type: ignore[union-attr] # as above
    assert from_anymail(object()).remarks == ("the event has no type",)
