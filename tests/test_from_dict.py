"""`Report.from_dict()` and `Verdict.from_dict()`: what was recorded is read again, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

import undeliverable
from undeliverable import Knowledge, Proof, Report, Returned, Verdict, classify, iter_log, parse
from undeliverable.verdict import DefaultWait, PolicyRef, RuleRef

FIXTURES: Final = Path(__file__).parent.parent / "fixtures"
REPLIES: Final = [line for line in (FIXTURES / "replies.txt").read_text(encoding="utf-8").splitlines() if line]


def reports() -> Iterator[Report]:
    """Yield a report for every message, log line and webhook among the fixtures."""
    for path in sorted(FIXTURES.rglob("*.eml")):
        yield parse(path.read_bytes(), source=path.name, trace=True, keep_headers=("Subject", "X-Mailer"))
    for path in sorted((FIXTURES / "logs").glob("*.log")):
        yield from iter_log(path.read_bytes().splitlines())
    for path in sorted((FIXTURES / "webhooks").glob("*.json")):
        for case in json.loads(path.read_text(encoding="utf-8")):
            yield from undeliverable.parse_webhook(
                path.stem, case["body"], content_type=case["content_type"], headers=case["headers"]
            )


def test_every_record_is_read_again() -> None:
    found = list(reports())
    for report in found:
        line = json.dumps(report.to_dict())
        again = Report.from_dict(json.loads(line))
        assert json.dumps(again.to_dict()) == line
        for verdict in again.verdicts:
            assert verdict.explain()
    assert len(found) > 800


@pytest.mark.parametrize("profile", ["", *Knowledge.profiles()])
def test_every_verdict_is_read_again(profile: str) -> None:
    knowledge = Knowledge.builtin().with_profile(profile) if profile else Knowledge.builtin()
    for reply in REPLIES[:: 40 if profile else 3]:
        verdict = classify(reply, recipient="kim@example.org", knowledge=knowledge, trace=True)
        line = json.dumps(verdict.to_dict())
        assert json.dumps(Verdict.from_dict(json.loads(line)).to_dict()) == line


def test_all_that_a_verdict_may_hold_is_read_again() -> None:
    full = replace(
        classify(
            "450 4.7.1 Greylisted, try again in 5 minutes, see https://example.org/help", recipient="k@example.org"
        ),
        shadowed=(RuleRef("other", "builtin"),),
        set_by=(("advice", PolicyRef("own", "code")), ("label", PolicyRef("own", "code"))),
        proof=Proof.TOKEN,
        token="a/2026-11-20/42",
        retry_after=DefaultWait(60),
        sent_to="team@example.org",
    )
    again = Verdict.from_dict(full.to_dict())
    assert again.to_dict() == full.to_dict()
    assert (again.proof, again.token, again.sent_to) == (Proof.TOKEN, "a/2026-11-20/42", "team@example.org")
    assert again.policies == full.policies
    assert again.retry_after == 300
    assert isinstance(again, Verdict)


def test_the_time_of_receipt_is_kept() -> None:
    report = replace(parse(b"Subject: lunch\n\nAt noon?\n"), received=datetime(2026, 11, 30, 8, 0, 5, tzinfo=UTC))
    assert report.to_dict()["received"] == "2026-11-30T08:00:05+00:00"
    assert Report.from_dict(report.to_dict()) == report
    assert replace(report, received=None).to_dict()["received"] is None


def test_a_code_that_smtp_does_not_have_is_read_again() -> None:
    assert Verdict.from_dict(classify("550 no").to_dict() | {"reply_code": 571}).reply_code == 571


headers = st.dictionaries(
    st.sampled_from(["list-id", "feedback-id", "x-campaign"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), min_size=1, max_size=30).filter(
        str.strip
    ),
)


@given(headers)
def test_headers_of_any_text_are_read_again(kept: dict[str, str]) -> None:
    assert Returned.kept_only(kept).kept() == kept


@pytest.mark.parametrize("value", [" x", "x\u00a0", "=?utf-8?q?=3D?=", "\x1b$B8!:w\x1b(B", "x\x0by", "ä"])
def test_a_header_that_looks_like_something_else(value: str) -> None:
    report = replace(
        parse(b"Subject: x\n\n"), message=replace(parse(b"").message, returned=Returned.kept_only({"x-a": value}))
    )
    again = Report.from_dict(report.to_dict())
    assert again.to_dict() == report.to_dict()
    assert again.message.returned is not None
    assert again.message.returned.kept() == {"x-a": value}


# --- what is no record --------------------------------------------------------------------------------------------------

GOOD: Final[dict[str, Any]] = parse((FIXTURES / "bounces" / "exim-mixed.eml").read_bytes()).to_dict()


def with_verdict(**values: object) -> dict[str, Any]:
    return GOOD | {"verdicts": [GOOD["verdicts"][0], GOOD["verdicts"][0] | values]}


def with_message(**values: object) -> dict[str, Any]:
    return GOOD | {"message": GOOD["message"] | values}


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (None, "not a record of a report: expected an object, not None"),
        ([], "expected an object, not []"),
        ({}, "not a record of a report: schema: missing"),
        ({"schema": 2, "verdicts": []}, "kind: missing"),
        (GOOD | {"schema": 3}, "schema: unknown value 3; expected one of 1, 2"),
        (GOOD | {"schema": True}, "schema: unknown value True; expected one of 1, 2"),
        (GOOD | {"schema": "2"}, "schema: unknown value '2'"),
        (GOOD | {"kind": "party"}, "kind: unknown value 'party'; expected null or one of bounce, delay, delivered, complaint"),
        (GOOD | {"kind": None}, "kind: expected a value, not None"),
        (GOOD | {"verdicts": 3}, "verdicts: expected a list, not 3"),
        (GOOD | {"verdicts": None}, "verdicts: expected a value, not None"),
        (GOOD | {"verdicts": [{}]}, "verdicts[0].recipient: missing"),
        (GOOD | {"verdicts": ["x"]}, "verdicts[0]: expected an object, not 'x'"),
        (GOOD | {"remarks": [1]}, "remarks[0]: expected a string, not 1"),
        (GOOD | {"source": 1}, "source: expected a string or null, not 1"),
        (GOOD | {"received": "soon"}, "received: expected a date in ISO 8601 or null, not 'soon'"),
        (GOOD | {"message": "x"}, "message: expected an object, not 'x'"),
        (GOOD | {"event": {"service": None}}, "event.service: expected a string, not None"),
        (with_verdict(reason="weather"), "verdicts[1].reason: unknown value 'weather'; expected null or one of user_unknown,"),
        (with_verdict(reason=["hard"]), "verdicts[1].reason: unknown value ['hard']"),
        (with_verdict(bounce_type="HARD"), "verdicts[1].bounce_type: unknown value 'HARD'; expected null or one of hard, soft, undetermined"),
        (with_verdict(proof="oath"), "verdicts[1].proof: unknown value 'oath'; expected null or one of token, signed, own, matched, unproved"),
        (with_verdict(key=None), "verdicts[1].key: expected a string, not None"),
        (with_verdict(status="9.9.9"), 'verdicts[1].status: expected a status code such as "5.1.1" or null'),
        (with_verdict(status=511), "verdicts[1].status: expected a string, not 511"),
        (with_verdict(reply_code=999), "verdicts[1].reply_code: expected a reply code such as 550 or null, not 999"),
        (with_verdict(reply_code="550"), "verdicts[1].reply_code: expected"),
        (with_verdict(expired="no"), "verdicts[1].expired: expected true or false, not 'no'"),
        (with_verdict(size_limit=True), "verdicts[1].size_limit: expected a whole number or null, not True"),
        (with_verdict(retry_after=1.5), "verdicts[1].retry_after: expected a whole number or null, not 1.5"),
        (with_verdict(conflicts="x"), "verdicts[1].conflicts: expected a list, not 'x'"),
        (with_verdict(rule={"id": "x"}), "verdicts[1].rule.layer: missing"),
        (with_verdict(policies={"advice": 1}), "verdicts[1].policies.advice: expected an object, not 1"),
        (with_verdict(shadowed=[{"id": 1, "layer": "x"}]), "verdicts[1].shadowed[0].id: expected a string, not 1"),
        (with_message(returned={"headers": {"list-id": 1}}), "message.returned.headers.list-id: expected a string, not 1"),
        (with_message(feedback={"fields": {"x": [1]}}), "message.feedback.fields.x[0]: expected a string, not 1"),
        (with_message(returned="x" * 500), f"message.returned: expected an object, not '{'x' * 99}"),
    ],
)  # fmt: skip
def test_what_is_no_record(record: Any, said: str) -> None:
    with pytest.raises(ValueError, match="not a record of a report") as caught:
        Report.from_dict(record)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 1_500


def test_what_is_no_verdict() -> None:
    with pytest.raises(ValueError, match=r"not a record of a verdict: recipient: missing"):
        Verdict.from_dict({})
    with pytest.raises(
        ValueError, match=r"not a record of a verdict: fault: unknown value 'nobody'; expected null or one of address"
    ):
        Verdict.from_dict(GOOD["verdicts"][0] | {"fault": "nobody"})


def test_what_a_later_version_adds_is_ignored() -> None:
    assert Report.from_dict(with_verdict(mood="good") | {"envelope": {}, "new": 1}).to_dict() == with_verdict()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(GOOD)), values)
def test_whatever_stands_in_a_record_is_read_or_refused(key: str, value: object) -> None:
    try:
        report = Report.from_dict(GOOD | {key: value})
    except ValueError:
        return
    assert Report.from_dict(report.to_dict()).to_dict() == report.to_dict()


@given(st.sampled_from(sorted(GOOD["verdicts"][0])), values)
def test_whatever_stands_in_a_verdict_is_read_or_refused(key: str, value: object) -> None:
    try:
        verdict = Verdict.from_dict(GOOD["verdicts"][0] | {key: value})
    except ValueError:
        return
    assert Verdict.from_dict(verdict.to_dict()).to_dict() == verdict.to_dict()
    assert verdict.explain()


# --- the first version --------------------------------------------------------------------------------------------------


def test_a_record_of_the_first_version() -> None:
    later = ("sent_to", "proof", "confidence", "provider_from", "policies", "message_advice", "applies_to", "token")
    verdict = {key: value for key, value in GOOD["verdicts"][0].items() if key not in later}
    record = GOOD | {
        "schema": 1,
        "verdicts": [verdict | {"retry_after": 300, "original_recipient": "team@example.org"}],
    }
    del record["received"]
    report = Report.from_dict(record)
    (read,) = report.verdicts
    assert (read.sent_to, read.proof, read.token, read.policies) == ("team@example.org", None, None, {})
    assert (read.retry_after, report.received) == (300, None)
    assert report.to_dict()["schema"] == 2
