"""What to do with the message itself: the rows of an operator, and what a policy changes."""

from __future__ import annotations

import json
import pickle
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from undeliverable import Knowledge, Reason, Verdict, classify, parse, parse_log_line
from undeliverable._knowledge.handling import COMMANDS, all_cases
from undeliverable.data import read
from undeliverable.errors import EntryError

ROWS: Final = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "fixtures" / "message_advice.jsonl").read_text("utf-8").splitlines()
]
KEYS: Final = ("message_advice", "applies_to", "retry_after")


@pytest.mark.parametrize("row", ROWS, ids=[row["reply"][:60] for row in ROWS])
def test_an_operator_gets_what_is_expected(row: dict[str, Any]) -> None:
    verdict = classify(row["reply"], command=row["command"], host=row["host"])
    assert {key: getattr(verdict, key) for key in KEYS} == {key: row[key] for key in KEYS}
    record = verdict.to_dict()
    assert {key: record[key] for key in KEYS} == {key: row[key] for key in KEYS}


def advice(verdict: Verdict) -> tuple[object, ...]:
    return tuple(getattr(verdict, key) for key in KEYS)


def log_line(status: str, reply: str) -> str:
    return (
        "Nov 29 10:00:00 mx postfix/smtp[1]: 4F2A: to=<kim@example.org>, relay=mx.example.org[192.0.2.1]:25, delay=1, "
        f"delays=0/0/0/1, dsn=4.2.0, status={status} (host mx.example.org[192.0.2.1] said: {reply} (in reply to RCPT TO command))"
    )


@pytest.mark.parametrize(
    ("status", "reply", "expected"),
    [
        ("sent", "250 2.0.0 ok", ("delivered", None, None)),
        ("deferred", "450 4.2.0 Greylisted", ("retry", "recipient", 300)),
        ("deferred", "450 4.2.0 Greylisted, try again in 2 minutes", ("retry", "recipient", 120)),
        ("bounced", "450 4.2.0 Greylisted", ("give_up", "recipient", None)),
        ("bounced", "450 4.2.0 Greylisted, try again in 2 minutes", ("give_up", "recipient", None)),
        ("bounced", "550 5.1.1 User unknown", ("give_up", "recipient", None)),
    ],
)
def test_what_the_reporting_server_did_counts(status: str, reply: str, expected: tuple[object, ...]) -> None:
    report = parse_log_line(log_line(status, reply))
    assert report is not None
    assert advice(report.verdicts[0]) == expected


@pytest.mark.parametrize("kind", ["auto-replies", "complaints"])
def test_nothing_where_nothing_was_refused(kind: str) -> None:
    folder = Path(__file__).parents[1] / "fixtures" / kind
    for path in sorted(folder.glob("*.eml"))[:5]:
        for verdict in parse(path.read_bytes()).verdicts:
            assert advice(verdict) == (None, None, None)


def test_a_reply_over_lmtp_is_about_one_recipient() -> None:
    smtp, lmtp = (classify("451 4.3.0 Internal error", command="end_of_data", protocol=one) for one in ("smtp", "lmtp"))
    assert (smtp.applies_to, lmtp.applies_to) == ("message", "recipient")
    assert classify("250 2.0.0 ok", command="end_of_data", protocol="lmtp").message_advice == "delivered"


@pytest.mark.parametrize(
    ("then", "reply", "expected"),
    [
        ({"message_advice": "retry"}, "550 5.1.1 User unknown", ("retry", "recipient", 1800)),
        ({"message_advice": "retry", "retry_after": 7}, "550 5.1.1 User unknown", ("retry", "recipient", 7)),
        ({"message_advice": "give_up"}, "450 4.1.1 User unknown", ("give_up", "recipient", None)),
        ({"retry_after": 90, "applies_to": "queue"}, "450 Greylisted, try again in 5 minutes", ("retry", "queue", 300)),
        ({"retry_after": 900}, "450 Greylisted, try again in 5 minutes", ("retry", "recipient", 900)),
        ({"retry_after": 900}, "450 Greylisted, try again in 8 hours", ("retry", "recipient", 28_800)),
        ({"retry_after": 0}, "450 Greylisted", ("retry", "recipient", 0)),
        ({"label": "x"}, "450 Greylisted, try again in 5 minutes", ("retry", "recipient", 300)),
    ],
)
def test_a_policy_changes_it(then: dict[str, object], reply: str, expected: tuple[object, ...]) -> None:
    verdict = classify(reply, command="rcpt", knowledge=Knowledge.builtin().with_rules([{"then": then}]))
    assert advice(verdict) == expected
    assert set(verdict.policies) == set(then)
    assert advice(pickle.loads(pickle.dumps(verdict))) == expected


def test_no_wait_where_the_message_is_given_up() -> None:
    known = Knowledge.builtin().with_rules([{"then": {"retry_after": 900, "label": "x"}}])
    verdict = classify("550 5.1.1 User unknown", command="rcpt", knowledge=known)
    assert advice(verdict) == ("give_up", "recipient", None)
    assert set(verdict.policies) == {"label"}
    assert "give_up after" not in verdict.explain(verbose=True)
    report = parse_log_line(log_line("bounced", "450 4.2.0 Greylisted, try again in 2 minutes"), knowledge=known)
    assert report is not None
    (verdict,) = report.verdicts
    assert (verdict.to_dict()["retry_after"], verdict.details.retry_after) == (None, 120)


def test_what_a_reply_asks_counts_before_the_default() -> None:
    verdict = classify("450 4.7.1 Greylisted, try again in 5 minutes")
    assert (verdict.retry_after, verdict.details.retry_after) == (300, 300)
    verdict = classify("450 4.7.1 Greylisted")
    assert (verdict.retry_after, verdict.details.retry_after) == (300, None)
    assert "message    retry after 300 seconds, about this recipient" in verdict.explain(verbose=True)


def document(**lists: list[dict[str, object]]) -> dict[str, object]:
    """Return the built-in document with other lists."""
    return {**tomllib.loads(read("message.toml")), **lists}


def test_every_case_is_in_the_index() -> None:
    cases = all_cases(document())["cases"]
    assert isinstance(cases, dict)
    assert {len(text) for text in cases.values()} == {4 * len(COMMANDS)}
    assert set(cases) == {str(reason) for reason in Reason}


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"when": {"reply": "450"}, "then": {}}, "only 421"),
        ({"when": {"words": "x"}, "then": {}}, "unknown key"),
        ({"when": {}, "then": {"advice": "none"}}, "unknown key"),
        ({"if": {}}, "unknown key"),
    ],
)
def test_conditions_that_make_no_difference(entry: dict[str, object], said: str) -> None:
    with pytest.raises(EntryError, match=said):
        all_cases(document(temporary=[entry]))
