"""Cases with known answers, by kind of difficulty: `fixtures/cases/`.

Each line of `mails.jsonl`, `replies.jsonl`, `logs.jsonl` and `webhooks.jsonl` is one test, named by its `id`. A key that is
missing is not checked, and a list means "any of these". `known-failures.toml` lists the cases that fail today, each under
the piece of work that will mend it; a case that passes must be taken off the list. The near misses and controls show
where not to go: what mends another case must not break them.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from undeliverable import Report, WebhookError, classify, parse, parse_log_line, parse_webhook

Case: TypeAlias = dict[str, Any]

CASES: Final = Path(__file__).parent.parent / "fixtures" / "cases"
KNOWN_FAILURES: Final[dict[str, list[str]]] = tomllib.loads((CASES / "known-failures.toml").read_text(encoding="utf-8"))
MENDED_BY: Final = {case: work for work, cases in KNOWN_FAILURES.items() for case in cases}
KINDS: Final = ("logs", "mails", "replies", "webhooks")
ROWS: Final[dict[str, list[Case]]] = {
    kind: [json.loads(line) for line in (CASES / f"{kind}.jsonl").read_text(encoding="utf-8").splitlines()]
    for kind in KINDS
}
IDS: Final = [case["id"] for kind in KINDS for case in ROWS[kind]]


def known_failure(case: str) -> list[pytest.MarkDecorator]:
    """Return the mark of a case that fails today: it must fail with a wrong answer, not by raising."""
    work = MENDED_BY.get(case)
    return [] if work is None else [pytest.mark.xfail(strict=True, raises=AssertionError, reason=work)]


def each(kind: str) -> pytest.MarkDecorator:
    rows = [pytest.param(case, id=case["id"], marks=known_failure(case["id"])) for case in ROWS[kind]]
    return pytest.mark.parametrize("case", rows)


def allowed(wanted: Any) -> list[Any]:
    return wanted if isinstance(wanted, list) else [wanted]


def differences(wanted: Case, found: Case) -> Iterator[str]:
    """Yield what is said of each key whose value is none of those that are wanted."""
    for key, value in wanted.items():
        if found.get(key) not in allowed(value):
            yield f"{key} is {found.get(key)!r}, not {' or '.join(map(repr, allowed(value)))}"


def asserted(case: Case, *keys: str) -> Case:
    """Return those of the keys that this case asserts."""
    return {key: case[key] for key in keys if case.get(key) is not None}


def verdicts(report: Report) -> list[dict[str, Any]]:
    return [verdict.to_dict() for verdict in report.verdicts]


# --- mails ------------------------------------------------------------------------------------------------------------


def verdict_for(wanted: Case, found: list[Case]) -> Case | None:
    """Return the verdict that a wanted one is compared with: its recipient's, or the first where it names none."""
    if "recipient" not in wanted:
        return found[0] if found else None
    return next((verdict for verdict in found if verdict["recipient"] in allowed(wanted["recipient"])), None)


def wrong_verdict(wanted: Case, found: list[Case]) -> Iterator[str]:
    verdict = verdict_for(wanted, found)
    if verdict is None:
        yield f"no verdict for {wanted.get('recipient')!r}"
        return
    yield from differences({key: value for key, value in wanted.items() if key not in {"recipient", "not"}}, verdict)
    for key, value in wanted.get("not", {}).items():
        if verdict[key] in allowed(value):
            yield f"{key} is {verdict[key]!r}"


def suppressed(addresses: list[str], found: list[Case]) -> Iterator[str]:
    """Yield which of the addresses a verdict would take off a list."""
    for verdict in found:
        names = {verdict[key] for key in ("recipient", "original_recipient", "sent_to") if key in verdict}
        if names & set(addresses) and (verdict["bounce_type"] == "hard" or verdict["advice"] == "suppress"):
            yield f"{verdict['recipient']} is {verdict['bounce_type']}, {verdict['advice']}"


def wrong_mail(case: Case) -> Iterator[str]:
    report = parse((CASES / f"{case['id']}.eml").read_bytes())
    found = verdicts(report)
    yield from differences(asserted(case, "kind"), report.to_dict())
    yield from suppressed(case.get("never_suppressed", []), found)
    recipients = sorted({str(verdict["recipient"]) for verdict in found})
    if "only" in case and recipients != sorted(case["only"]):
        yield f"the recipients are {recipients[:4]}, not {case['only']}"
    if "verdicts" in case:
        if len(found) != len(case["verdicts"]):
            yield f"{len(found)} verdicts, not {len(case['verdicts'])}: {recipients[:4]}"
        for wanted in case["verdicts"]:
            yield from wrong_verdict(wanted, found)


@each("mails")
def test_mail(case: Case) -> None:
    assert list(wrong_mail(case)) == [], case.get("why")


# --- replies ----------------------------------------------------------------------------------------------------------


@each("replies")
def test_reply(case: Case) -> None:
    found = classify(case["text"], host=case.get("host"), command=case.get("command")).to_dict()
    assert list(differences(asserted(case, "bounce_type", "reason"), found)) == [], (case["text"], case.get("why"))


# --- logs -------------------------------------------------------------------------------------------------------------

TYPES: Final = {"H": "hard", "S": "soft", "U": "undetermined"}


def first_verdict(report: Report) -> Case:
    """Return the kind of a report, and what its first verdict says."""
    return {**(verdicts(report) or [{}])[0], "kind": str(report.kind)}


def wanted_of_log(expected: Case) -> Case:
    """Return what a line of a log must give; its types are letters, and one with a tilde is as good."""
    wanted = asserted(expected, "recipient")
    if expected.get("kind"):
        wanted["kind"] = expected["kind"].split("|")
    if expected.get("bounce_type"):
        wanted["bounce_type"] = [TYPES[letter] for letter in expected["bounce_type"].replace("~", "")]
    if expected.get("reasons"):
        wanted["reason"] = expected["reasons"]
    return wanted


@each("logs")
def test_log_line(case: Case) -> None:
    report, expected = parse_log_line(case["line"]), case["expect"]
    if expected is None:
        assert report is None, "this line reports no delivery"
        return
    assert report is not None, "not read"
    assert list(differences(wanted_of_log(expected), first_verdict(report))) == [], case["line"]


# --- webhooks ---------------------------------------------------------------------------------------------------------


def reports_of(case: Case) -> list[Report]:
    body = case["body"] if isinstance(case["body"], str) else json.dumps(case["body"])
    try:
        return list(
            parse_webhook(
                case["service"], body.encode(), content_type=case.get("content_type"), headers=case.get("headers")
            )
        )
    except WebhookError as error:
        raise AssertionError(f"refused: {error}") from error


def wrong_webhook(case: Case) -> Iterator[str]:
    reports = reports_of(case)
    if len(reports) < len(case["expect"]):
        yield f"{len(reports)} reports, not {len(case['expect'])}"
    for wanted, report in zip(case["expect"], reports, strict=False):
        yield from differences(asserted(wanted, "kind", "recipient", "bounce_type", "reason"), first_verdict(report))


@each("webhooks")
def test_webhook(case: Case) -> None:
    assert list(wrong_webhook(case)) == [], case["source"]


# --- the lists themselves ---------------------------------------------------------------------------------------------


def test_every_case_has_its_own_id() -> None:
    assert [case for case, times in Counter(IDS).items() if times > 1] == []


def test_every_mail_has_its_case() -> None:
    files = {path.relative_to(CASES).with_suffix("").as_posix() for path in (CASES / "mails").rglob("*.eml")}
    assert files == {case["id"] for case in ROWS["mails"]}


def test_known_failures_are_cases_each_listed_once_in_order() -> None:
    listed = [case for cases in KNOWN_FAILURES.values() for case in cases]
    assert set(listed) - set(IDS) == set(), "not an id of a case"
    assert [case for case, times in Counter(listed).items() if times > 1] == []
    assert [work for work, cases in KNOWN_FAILURES.items() if cases != sorted(cases)] == [], "keep the ids sorted"
