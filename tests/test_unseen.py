"""Notifications, replies and near misses that were written or labelled by people who had not seen the code: `fixtures/unseen`.

Each of two sets has 60 notifications in twelve languages and 40 messages that are none; 300 replies in many languages were written beside them.
The third set is 220 real replies from public pages. What was right at first sight stands in docs/explanation/accuracy.md; since then the faults behind
what was wrong have been mended, so the sets show only that it stays so. A list means "any of these".
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from undeliverable import Report, Verdict, classify, parse
from undeliverable.verdict import Kind

UNSEEN: Final = Path(__file__).parent.parent / "fixtures" / "unseen"
ROWS: Final[dict[str, dict[str, Any]]] = {
    f"{folder}/{row['file']}": row
    for folder in ("first", "second")
    for row in map(json.loads, (UNSEEN / folder / "truth.jsonl").read_text("utf-8").splitlines())
}
FAILING: Final = frozenset((
    "first/notices/cs-2-plna-schranka.eml",
    "first/notices/de-4-verzoegert.eml",
    "first/notices/en-1-unknown-no-code.eml",
    "first/notices/fr-5-domaine-inconnu.eml",
    "second/notices/04-en.eml",
    "second/notices/15-fr.eml",
    "second/notices/43-ru.eml",
    "second/notices/55-zh.eml",
))  # fmt: skip
"""Notifications whose bounce type or reason is known to be wrong."""


@cache
def read(name: str) -> Report:
    return parse((UNSEEN / name).read_bytes(), source=name)


def named(folder: str, failing: frozenset[str] = frozenset()) -> pytest.MarkDecorator:
    """Return a parameter for each message in the folders of a name; those in `failing` must fail."""
    known = pytest.mark.xfail(strict=True, reason="too little says so")
    names = [name for name in ROWS if f"/{folder}/" in name]
    return pytest.mark.parametrize(
        "name", [pytest.param(name, marks=[known] if name in failing else []) for name in names]
    )


def test_every_file_has_its_truth() -> None:
    assert {path.relative_to(UNSEEN).as_posix() for path in UNSEEN.rglob("*.eml")} == ROWS.keys()


@named("notices")
def test_kind_and_recipients(name: str) -> None:
    report = read(name)
    assert report.kind in ROWS[name]["kind"]
    assert sorted(str(verdict.recipient) for verdict in report.verdicts) == sorted(ROWS[name]["recipients"])


@named("notices", FAILING)
def test_bounce_types_and_reasons(name: str) -> None:
    for verdict in read(name).verdicts:
        assert verdict.bounce_type in ROWS[name]["bounce_type"][str(verdict.recipient)]
        assert verdict.reason in ROWS[name]["reason"][str(verdict.recipient)]


@named("notices")
def test_nothing_becomes_hard_that_is_not(name: str) -> None:
    hard = {str(verdict.recipient) for verdict in read(name).verdicts if verdict.bounce_type == "hard"}
    assert hard <= {recipient for recipient, types in ROWS[name]["bounce_type"].items() if "hard" in types}


@named("near-misses")
def test_near_misses(name: str) -> None:
    report = read(name)
    assert report.kind in ROWS[name]["kind"]
    assert report.kind not in {Kind.BOUNCE, Kind.DELAY}
    assert not any(verdict.bounce_type for verdict in report.verdicts)


def replies(name: str) -> list[tuple[dict[str, Any], Verdict]]:
    rows = [json.loads(line) for line in (UNSEEN / name).read_text("utf-8").splitlines()]
    return [(row, classify(row["text"], command=row["command"], host=row.get("host"))) for row in rows]


@pytest.mark.parametrize("name", ["replies.jsonl", "third/replies.jsonl"])
def test_no_reply_becomes_hard_that_is_not(name: str) -> None:
    hard = [row["text"] for row, one in replies(name) if one.bounce_type == "hard" and "hard" not in row["types"]]
    assert hard == []


def test_replies_are_mostly_read_as_their_writer_meant_them() -> None:
    """What is known to be missed may not become more."""
    judged = replies("replies.jsonl")
    assert sum(one.bounce_type in row["types"] for row, one in judged) >= 298
    assert sum(one.reason in row["reasons"] for row, one in judged) >= 290


def test_real_replies_are_mostly_read_as_they_were_labelled() -> None:
    """No worse than at first sight, of the 128 whose label nobody would contest."""
    judged = [(row, one) for row, one in replies("third/replies.jsonl") if not row.get("contestable")]
    assert sum(one.bounce_type in row["types"] for row, one in judged) >= 125
    assert sum(one.reason in row["reasons"] for row, one in judged) >= 115
