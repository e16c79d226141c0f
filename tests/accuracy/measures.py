"""What is measured, on what is in the repository: the sets of messages and replies, and the tables made of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.accuracy.programs import Answer, Program
from undeliverable import BounceType, classify

__all__ = ["MAILS", "ORDINARY", "REPLIES", "Mails", "Replies", "of_mails", "of_ordinary", "of_replies"]

FIXTURES: Final = Path(__file__).resolve().parents[2] / "fixtures"
_SERVERS: Final = ("postfix-", "exim-", "qmail-", "sendmail-")
_NOT_FAILED: Final = ("auto-replies", "challenges", "complaints", "delivered", "dispositions", "near-misses")


class Mail(NamedTuple):
    """A message whose recipients are known; of some also which bounce types are right for each."""

    path: Path
    recipients: frozenset[str]
    types: Mapping[str, Collection[str]]


@dataclass(frozen=True)
class Mails:
    """A set of messages.

    :ivar tuned: what the set was to the rules: the reader has to know what a figure is worth.
    """

    title: str
    tuned: str
    mails: Sequence[Mail] = field(repr=False)


@dataclass(frozen=True)
class Replies:
    """A set of labelled replies; see :class:`Mails`."""

    title: str
    tuned: str
    rows: Sequence[Mapping[str, Any]] = field(repr=False)


def _lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FIXTURES / name).read_text(encoding="utf-8").splitlines()]


def _expected(folder: str) -> Iterator[Mail]:
    for row in _lines("expected.jsonl"):
        if row["file"].startswith(f"{folder}/"):
            named = frozenset(
                one["recipient"].lower()
                for one in row["recipients"]
                if one["recipient"] and one.get("action", "failed") in {"failed", "delayed"}
            )
            yield Mail(FIXTURES / row["file"], named, {})


def _unseen(folder: str) -> Iterator[Mail]:
    for part in ("first", "second"):
        for row in _lines(f"unseen/{part}/truth.jsonl"):
            if row["file"].startswith(folder) and row["kind"] != ["delivered"]:
                types = {address.lower(): found for address, found in row.get("bounce_type", {}).items()}
                yield Mail(
                    FIXTURES / "unseen" / part / row["file"], frozenset(map(str.lower, row["recipients"])), types
                )


def _failures(*, is_real: bool) -> list[Mail]:
    mails = [mail for folder in ("bounces", "delays") for mail in _expected(folder) if mail.recipients]
    return [mail for mail in mails if mail.path.name.startswith(_SERVERS) is is_real]


MAILS: Final = (
    Mails("real servers", "rules were tuned on them", _failures(is_real=True)),
    Mails("other shapes, written by hand", "rules were tuned on them", _failures(is_real=False)),
    Mails(
        "written blind, 12 languages",
        "mended since; see below",
        [mail for mail in _unseen("notices/") if mail.recipients],
    ),
)
"""Messages in which a delivery failed or is delayed."""

ORDINARY: Final = (
    Mails("near misses", "rules were tuned on them", [*_expected("near-misses")]),
    Mails("near misses, written blind", "mended since; see below", [*_unseen("near-misses/")]),
    Mails(
        "automatic replies, challenges, complaints, receipts, deliveries",
        "rules were tuned on them",
        [mail for folder in _NOT_FAILED[:-1] for mail in _expected(folder)],
    ),
)
"""Messages in which nothing failed."""


def _labelled() -> Iterator[Mapping[str, Any]]:
    for row in _lines("labelled.jsonl"):
        if row.get("reason") and not row.get("kind"):
            yield {
                **row,
                "types": [row["bounce_type"], *(row.get("accept_types") or ())],
                "reasons": [row["reason"], *(row.get("accept_reasons") or ())],
            }


REPLIES: Final = (
    Replies("labelled replies of public sources", "learned from, and rules tuned on", [*_labelled()]),
    Replies("written blind, many languages", "mended since; see below", _lines("unseen/replies.jsonl")),
    Replies("real, labelled blind", "mended since; see below", _lines("unseen/third/replies.jsonl")),
    Replies(
        "the same without labels that others might contest",
        "mended since; see below",
        [row for row in _lines("unseen/third/replies.jsonl") if not row.get("contestable")],
    ),
)
"""Replies of SMTP servers, with the bounce types and reasons that are right."""


def of_mails(programs: Sequence[Program], sets: Sequence[Mails] = MAILS) -> Iterator[str]:
    """Yield the table of who is named, and rightly called hard or not, in Markdown."""
    yield "| messages | set | program | all recipients, nobody else | somebody else named | hard or not, right |"
    yield "|---|---:|---|---:|---:|---:|"
    for mails in sets:
        for program in programs:
            answers = [*program.ask([mail.path for mail in mails.mails])]
            pairs = [*zip(mails.mails, answers, strict=True)]
            right = sum(mail.recipients == answer.failed for mail, answer in pairs)
            wrong = sum(bool(answer.failed - mail.recipients) for mail, answer in pairs)
            yield (
                f"| {mails.title} | {len(pairs)} | {program.name} | {_share(right, len(pairs))} | {wrong} | {_types(pairs)} |"
            )


def _types(pairs: Sequence[tuple[Mail, Answer]]) -> str:
    """Return how many of the known bounce types are right: hard where hard is right, not hard where it is not."""
    asked = [
        (address in answer.hard, types)
        for mail, answer in pairs
        if answer.hard is not None
        for address, types in mail.types.items()
        if address in answer.failed
    ]
    right = sum(("hard" in types) if is_hard else bool({*types} - {"hard"}) for is_hard, types in asked)
    return _share(right, len(asked)) if asked else "-"


def of_ordinary(programs: Sequence[Program], sets: Sequence[Mails] = ORDINARY) -> Iterator[str]:
    """Yield the table of false alarms, in Markdown."""
    yield "| messages in which nothing failed | set | program | somebody named as failed |"
    yield "|---|---:|---|---:|"
    for mails in sets:
        for program in programs:
            alarms = sum(bool(answer.failed) for answer in program.ask([mail.path for mail in mails.mails]))
            yield f"| {mails.title} | {len(mails.mails)} | {program.name} | {alarms} |"


def of_replies(sets: Sequence[Replies] = REPLIES) -> Iterator[str]:
    """Yield the table of judged replies, in Markdown."""
    yield "| replies | set | what it was to the rules | bounce type right | reason right | hard, and should not be | not hard, and should be |"
    yield "|---|---:|---|---:|---:|---:|---:|"
    for replies in sets:
        judged = [
            (row, classify(row["text"], host=row.get("host"), command=row.get("command"))) for row in replies.rows
        ]
        count = len(judged)
        types = sum(one.bounce_type in row["types"] for row, one in judged)
        reasons = sum(one.reason in row["reasons"] for row, one in judged)
        is_hard = [(one.bounce_type is BounceType.HARD, row["types"]) for row, one in judged]
        wrongly = sum(hard and "hard" not in right for hard, right in is_hard)
        missed = sum(not hard and [*right] == ["hard"] for hard, right in is_hard)
        yield (
            f"| {replies.title} | {count} | {replies.tuned} | {_share(types, count)} | {_share(reasons, count)} "
            f"| {wrongly} | {missed} |"
        )


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"
