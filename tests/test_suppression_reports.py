"""The events of a report, and what forged reports do to a state."""

from __future__ import annotations

import ast
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import undeliverable
from tests.suppression_words import BEGIN, event
from undeliverable import Proof, suppression
from undeliverable.suppression import (
    Cause,
    EventKind,
    ListEvent,
    Policy,
    RequireProof,
    Standing,
    fold,
    in_order,
)

TOKEN = "a/2026-01-05/42"  # no secret
FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"


def test_a_bounce_gives_an_event_for_each_recipient() -> None:
    received = datetime(2026, 11, 21, tzinfo=UTC)
    for path in sorted((FIXTURES / "bounces").glob("*.eml"))[:20]:
        report = undeliverable.parse(path.read_bytes())
        failed = [
            verdict
            for verdict in report.verdicts
            if verdict.action is undeliverable.Action.FAILED and verdict.recipient
        ]
        found = suppression.events_of(report, received)
        assert [address for address, event in found if event.kind is EventKind.BOUNCE] == [v.recipient for v in failed]
        assert all(event.time <= received for _, event in found)
        assert [event.reply for _, event in found if event.kind is EventKind.BOUNCE] == [v.reply for v in failed]


def test_a_reply_gives_an_event_with_a_key_of_ones_own() -> None:
    verdict = undeliverable.classify("550 5.1.1 no such user", recipient="kim@example.org")
    made = ListEvent.of(verdict, BEGIN, key="campaign 7")
    assert (made.key, made.status, made.rule) == ("campaign 7", "5.1.1", verdict.rule.id if verdict.rule else None)
    assert fold([made], Policy.builtin()).cause is Cause.HARD_BOUNCE


def _report(kind: undeliverable.Kind, action: undeliverable.Action | None, **more: Any) -> undeliverable.Report:
    verdict = undeliverable.classify("550 5.1.1 no such user", recipient="kim@example.org")
    return undeliverable.Report(kind=kind, verdicts=(replace(verdict, action=action, **more),))


@pytest.mark.parametrize(
    ("kind", "action", "expected"),
    [
        (undeliverable.Kind.COMPLAINT, None, EventKind.COMPLAINT),
        (undeliverable.Kind.SUPPRESSED, None, EventKind.SUPPRESSION),
        (undeliverable.Kind.UNSUBSCRIBED, None, EventKind.SUPPRESSION),
        (undeliverable.Kind.DELIVERED, undeliverable.Action.DELIVERED, EventKind.DELIVERY),
        (undeliverable.Kind.DELIVERED, undeliverable.Action.RELAYED, None),
        (undeliverable.Kind.DELAY, undeliverable.Action.DELAYED, None),
        (undeliverable.Kind.AUTO_REPLY, None, None),
        (undeliverable.Kind.BOUNCE, undeliverable.Action.FAILED, EventKind.BOUNCE),
    ],
)
def test_kinds_of_reports(
    kind: undeliverable.Kind, action: undeliverable.Action | None, expected: EventKind | None
) -> None:
    found = suppression.events_of(_report(kind, action), BEGIN)
    assert [event.kind for _, event in found] == ([] if expected is None else [expected])


def test_a_complaint_and_an_unsubscription_about_one_message_are_two_events() -> None:
    keys = {
        suppression.events_of(_report(kind, None), BEGIN)[0][1].key
        for kind in (undeliverable.Kind.COMPLAINT, undeliverable.Kind.UNSUBSCRIBED)
    }
    assert len(keys) == 2


def test_a_service_is_named_with_its_own_words() -> None:
    told = undeliverable.Event(id="1", service="example", type="bounce", class_="Permanent")
    report = replace(_report(undeliverable.Kind.BOUNCE, undeliverable.Action.FAILED), event=told)
    ((_, made),) = suppression.events_of(report, BEGIN)
    assert (made.who, made.vendor) == ("example", "bounce Permanent")


@pytest.mark.parametrize("days", [-99, 99])
def test_dates_of_strangers_are_kept_and_decide_nothing(days: int) -> None:
    said = BEGIN + timedelta(days=days)
    report = _report(undeliverable.Kind.BOUNCE, undeliverable.Action.FAILED, last_attempt_date=said)
    ((_, made),) = suppression.events_of(report, BEGIN)
    assert (made.time, made.reported) == (BEGIN, said)
    other = replace(report.verdicts[0], last_attempt_date=None)
    dated = replace(report, verdicts=(other,), message=undeliverable.MessageFacts(date=said))
    ((_, made),) = suppression.events_of(dated, BEGIN)
    assert (made.time, made.reported) == (BEGIN, said)


def test_an_event_says_how_it_is_proved_and_who_received_the_mail() -> None:
    report = _report(undeliverable.Kind.BOUNCE, undeliverable.Action.FAILED, proof=Proof.TOKEN, token=TOKEN)
    ((_, made),) = suppression.events_of(report, BEGIN)
    assert (made.proof, made.token, made.provider) == (Proof.TOKEN, TOKEN, "example.org")
    known = undeliverable.classify("550 5.1.1 no such user", host="mx.google.com", recipient="kim@example.org")
    assert ListEvent.of(known, BEGIN).provider == known.provider == "google"
    assert ListEvent.of(known, BEGIN).proof is Proof.OWN
    nobody = undeliverable.classify("550 5.1.1 no such user")
    assert ListEvent.of(nobody, BEGIN).provider is None


@pytest.mark.parametrize(
    ("mailed", "bounce_type"),
    [
        (None, "hard"),
        ("kim@example.org", "hard"),
        ("KIM@EXAMPLE.ORG", "hard"),
        ('"kim"@example.org', "hard"),
        ("team@example.org", "soft"),
        ("kim@example.net", "soft"),
    ],
)
def test_the_death_of_a_member_is_soft_for_the_alias(mailed: str | None, bounce_type: str) -> None:
    for advice in (undeliverable.Advice.SUPPRESS, undeliverable.Advice.RETRY):
        report = _report(undeliverable.Kind.BOUNCE, undeliverable.Action.FAILED, sent_to=mailed, advice=advice)
        ((address, made),) = suppression.events_of(report, BEGIN)
        assert (address, made.bounce_type) == (mailed or "kim@example.org", bounce_type)
        streak = [replace(made, time=BEGIN + timedelta(days=day), key=f"{day}") for day in range(5)]
        assert fold(streak, Policy.builtin()).cause == ("hard_bounce" if bounce_type == "hard" else "streak")


def test_what_another_system_says_is_marked() -> None:
    ((_, said),) = suppression.events_of(_report(undeliverable.Kind.SUPPRESSED, None), BEGIN)
    ((_, wished),) = suppression.events_of(_report(undeliverable.Kind.UNSUBSCRIBED, None), BEGIN)
    assert (said.hearsay, said.why, wished.hearsay, wished.why) == (True, "suppressed", False, "unsubscribed")


def test_what_a_service_calls_failed_because_of_its_own_list_is_hearsay_too() -> None:
    path = FIXTURES / "cases" / "mails" / "service-suppressed-by-mail" / "e1-ses-account-list.eml"
    report = undeliverable.parse(path.read_bytes())
    ((_, made),) = suppression.events_of(report, BEGIN)
    assert (made.kind, made.hearsay) == (EventKind.SUPPRESSION, True)
    refused = _report(undeliverable.Kind.SUPPRESSED, undeliverable.Action.FAILED)
    assert suppression.events_of(refused, BEGIN)[0][1].kind is EventKind.BOUNCE


# --- forged reports -------------------------------------------------------------------------------------------------


def _forged(name: str, received: datetime, proof: Proof | None) -> list[ListEvent]:
    report = undeliverable.parse((FIXTURES / "forgery" / name).read_bytes())
    report = report if proof is None else report.proved(proof)
    return [made for _, made in suppression.events_of(report, received)]


@pytest.mark.parametrize("require", RequireProof)
@pytest.mark.parametrize("proof", [None, Proof.UNPROVED])
def test_a_forged_soft_bounce_frees_no_dead_address(require: RequireProof, proof: Proof | None) -> None:
    genuine = _forged("release_genuine.eml", BEGIN, Proof.TOKEN)
    for later in (-1, 0, 1):
        forged = _forged("release_forged.eml", BEGIN + timedelta(days=later), proof)
        assert {one.key for one in forged} == {one.key for one in genuine}
        assert fold([*forged, *genuine], Policy.builtin(), require).cause is Cause.HARD_BOUNCE


@pytest.mark.parametrize("proof", [None, Proof.UNPROVED, Proof.TOKEN])
def test_five_dates_in_one_minute_are_one_day(proof: Proof | None) -> None:
    """Even if they were proved."""
    events = [
        made
        for number in range(5)
        for made in _forged(f"backdated_soft_{number}.eml", BEGIN + timedelta(seconds=number), proof)
    ]
    state = fold(events, Policy.builtin())
    assert (len(in_order(events)), state.standing, state.score) == (5, Standing.COUNTING, 1)


def test_a_forged_delivery_clears_nothing_without_proof() -> None:
    soft = [event(day, "soft", proof=Proof.TOKEN) for day in range(3)]
    forged = _forged("forged_delivered.eml", BEGIN + timedelta(days=4), Proof.UNPROVED)
    assert [one.kind for one in forged] == [EventKind.DELIVERY]
    for require, score in ((RequireProof.REQUIRED, 3), (RequireProof.PREFERRED, 3), (RequireProof.OFF, 0)):
        assert fold([*soft, *forged], Policy.builtin(), require).score == score
    unasked = _forged("forged_delivered.eml", BEGIN + timedelta(days=4), None)
    assert fold([*soft, *unasked], Policy.builtin(), RequireProof.REQUIRED).score == 3


# --- what has no event --------------------------------------------------------------------------------------------------


def test_a_recipient_without_a_name_has_no_event() -> None:
    assert not suppression.events_of(
        _report(undeliverable.Kind.BOUNCE, undeliverable.Action.FAILED, recipient=None, sent_to=None), BEGIN
    )


@pytest.mark.parametrize(
    ("kind", "action", "made"),
    [
        (undeliverable.Kind.COMPLAINT, None, EventKind.COMPLAINT),
        (undeliverable.Kind.BOUNCE, undeliverable.Action.FAILED, EventKind.BOUNCE),
    ],
)
def test_a_recipient_that_only_a_token_names_has_one(
    kind: undeliverable.Kind, action: undeliverable.Action | None, made: EventKind
) -> None:
    report = _report(kind, action, recipient=None, sent_to="kim@example.org")
    ((address, event),) = suppression.events_of(report, BEGIN)
    # Nobody knows which address failed: it need not be the one that was mailed.
    assert (address, event.kind, event.bounce_type) == ("kim@example.org", made, "soft")


def test_the_machine_reads_no_clock_and_imports_the_public_core_only() -> None:
    for path in Path(suppression.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not {
            name
            for name in called
            if name.endswith((".now", ".utcnow", ".today")) or name in {"time.time", "time.monotonic"}
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("undeliverable"):
                module = node.module or ""
                assert module in {
                    "undeliverable",
                    "undeliverable.data",
                    "undeliverable.model",
                    "undeliverable.verdict",
                } or module.startswith("undeliverable.suppression")
