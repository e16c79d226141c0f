"""Events: what makes two of them one, and what a report gives."""

from __future__ import annotations

import ast
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import undeliverable
from tests.suppression_words import BEGIN
from undeliverable import suppression
from undeliverable.suppression import (
    Cause,
    EventKind,
    ListEvent,
    Policy,
    fold,
)

# --- from reports ---------------------------------------------------------------------------------------------------

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


def test_dates_of_strangers_do_not_reach_into_the_future() -> None:
    report = _report(
        undeliverable.Kind.BOUNCE, undeliverable.Action.FAILED, last_attempt_date=BEGIN + timedelta(days=99)
    )
    assert suppression.events_of(report, BEGIN)[0][1].time == BEGIN


def test_a_recipient_without_a_name_has_no_event() -> None:
    assert not suppression.events_of(
        _report(undeliverable.Kind.BOUNCE, undeliverable.Action.FAILED, recipient=None), BEGIN
    )


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
                assert module in {"undeliverable", "undeliverable.data"} or module.startswith(
                    "undeliverable.suppression"
                )
