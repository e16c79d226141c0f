"""Every message in fixtures/ against what is known of it: written by hand, or by the server that refused on purpose."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from undeliverable import parse
from undeliverable.reasons import Advice, BounceType
from undeliverable.verdict import Report

FIXTURES: Final = Path(__file__).parent.parent / "fixtures"
EXPECTED: Final[tuple[dict[str, Any], ...]] = tuple(
    json.loads(line) for line in (FIXTURES / "expected.jsonl").read_text(encoding="utf-8").splitlines()
)
KINDS: Final = {
    "auto-replies": "auto_reply",
    "bounces": "bounce",
    "challenges": "challenge",
    "complaints": "complaint",
    "delays": "delay",
    "delivered": "delivered",
    "dispositions": "disposition",
    "near-misses": "other",
}
ELSEWHERE: Final = {"cases", "forgery", "unseen"}  # test_cases.py, test_forgery.py, test_unseen.py


@cache
def read(file: str) -> Report:
    return parse((FIXTURES / file).read_bytes(), source=file)


def canonical(address: str | None) -> str | None:
    """The address without quotes and case, its domain in A-labels."""
    if address is None:
        return None
    local, _, domain = unicodedata.normalize("NFC", address).replace('"', "").lower().rpartition("@")
    return f"{local}@{domain.encode('idna').decode('ascii') if domain else ''}"


def named(prefix: str = "", key: str = "kind") -> pytest.MarkDecorator:
    rows = [row for row in EXPECTED if row["file"].startswith(prefix) and key in row]
    return pytest.mark.parametrize("row", rows, ids=[row["file"] for row in rows])


def test_a_folder_holds_one_kind_and_every_kind_has_its_folder() -> None:
    found = {(row["file"].partition("/")[0], row["kind"]) for row in EXPECTED if "kind" in row}
    assert found == set(KINDS.items())


def test_every_file_is_expected() -> None:
    files = {path.relative_to(FIXTURES) for path in FIXTURES.rglob("*.eml")}
    assert {path.as_posix() for path in files if path.parts[0] not in ELSEWHERE} == {row["file"] for row in EXPECTED}


@named()
def test_kind(row: dict[str, Any]) -> None:
    report = read(row["file"])
    assert report.to_dict()["kind"] == row["kind"], report.remarks


@named()
def test_recipients(row: dict[str, Any]) -> None:
    verdicts = read(row["file"]).to_dict()["verdicts"]
    assert isinstance(verdicts, list)
    found = Counter(canonical(verdict["recipient"]) for verdict in verdicts)
    assert found == Counter(canonical(recipient["recipient"]) for recipient in row["recipients"])


@named()
def test_facts(row: dict[str, Any]) -> None:
    verdicts = {canonical(verdict.recipient): verdict.to_dict() for verdict in read(row["file"]).verdicts}
    for recipient in row["recipients"]:
        verdict = verdicts[canonical(recipient["recipient"])]
        stated = {key: value for key, value in recipient.items() if key != "recipient"}
        assert {key: verdict[key] for key in stated} == stated


@named(key="returned")
def test_returned_message(row: dict[str, Any]) -> None:
    returned = read(row["file"]).message.returned
    assert returned is not None
    assert {key: getattr(returned, key) for key in row["returned"]} == row["returned"]
    for name, value in row.get("returned_headers", {}).items():
        assert returned.header(name) == value


@named()
def test_no_reader_failed(row: dict[str, Any]) -> None:
    assert [remark for remark in read(row["file"]).remarks if " failed: " in remark] == []


@named("near-misses/")
def test_near_miss_has_no_verdict(row: dict[str, Any]) -> None:
    report = read(row["file"])
    assert (report.kind.value, report.verdicts) == ("other", ())


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("complaint", Advice.SUPPRESS),
        ("auto_reply", Advice.NONE),
        ("challenge", Advice.NONE),
        ("disposition", Advice.NONE),
        ("delivered", None),
    ],
)
def test_consequence_of_what_is_no_failure(kind: str, advice: Advice | None) -> None:
    verdicts = [verdict for row in EXPECTED if row["kind"] == kind for verdict in read(row["file"]).verdicts]
    assert verdicts
    assert {(verdict.bounce_type, verdict.reason) for verdict in verdicts} == {(None, None)}
    assert {verdict.advice for verdict in verdicts} == {advice}


def test_a_delayed_recipient_is_soft_and_nothing_follows() -> None:
    verdicts = [verdict for row in EXPECTED if row["kind"] == "delay" for verdict in read(row["file"]).verdicts]
    assert {(verdict.bounce_type, verdict.advice) for verdict in verdicts} == {(BounceType.SOFT, Advice.NONE)}
