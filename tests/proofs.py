"""Replies that prove the words of rules and languages, each as rules saw it and with the rule that decided it.

Proof is a reply that somebody labelled, or one of the fixtures. The example of a rule is none: it may have been made for
the phrase.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple
from unittest import mock

from undeliverable import Knowledge, classify, parse, parse_log_line
from undeliverable._knowledge.common import shipped
from undeliverable._rules.phrases import words_of
from undeliverable._rules.table import Match, RuleTable, Seen

__all__ = ["FIXTURES", "Proof", "labelled", "proofs"]

FIXTURES: Final = Path(__file__).parent.parent / "fixtures"


class Proof(NamedTuple):
    """A reply as rules see it.

    :ivar forms: the text as it stands, and its plain form if that differs.
    :ivar rule: the id of the rule that decides it, or None.
    """

    seen: Seen
    forms: tuple[str, ...]
    rule: str | None


def labelled() -> list[dict[str, Any]]:
    """Return the replies that were labelled, as ``fixtures/labelled.jsonl`` has them."""
    return _rows("labelled.jsonl")


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FIXTURES / name).read_text(encoding="utf-8").splitlines()]


def _replies() -> Iterator[tuple[str, str | None, str | None]]:
    """Yield every reply of the fixtures with its host and its command."""
    for name in ("labelled.jsonl", "cases/replies.jsonl", "clauses.jsonl"):
        for row in _rows(name):
            yield row["text"], row.get("host"), row.get("command")
    for line in (FIXTURES / "replies.txt").read_text(encoding="utf-8").splitlines():
        yield line.partition("\t")[2], None, None
    for line in (FIXTURES / "replies-never-hard.txt").read_text(encoding="utf-8").splitlines():
        yield line, None, None


@cache
def proofs() -> tuple[Proof, ...]:
    """Return all proofs: every reply of the fixtures, and what the mails and log lines among them say."""
    asked: dict[Seen, str | None] = {}
    find = RuleTable.find

    def record(table: RuleTable, *query: Any) -> Match:  # the arguments of find()
        match = find(table, *query)
        asked[Seen(*query)] = None if match.rule is None else match.rule.id
        return match

    knowledge = Knowledge.builtin()
    knowledge.clear_cache()
    with mock.patch.object(RuleTable, "find", record):
        for text, host, command in _replies():
            classify(text, host=host, command=command)
        for path in sorted(FIXTURES.rglob("*.eml")):
            parse(path.read_bytes())
        for path in sorted((FIXTURES / "logs").glob("*.log")):
            for line in path.read_text(encoding="utf-8").splitlines():
                parse_log_line(line)
    knowledge.clear_cache()
    plain = shipped().plain
    return tuple(
        Proof(seen, tuple(dict.fromkeys((seen.text, plain.of(seen.text, words_of(seen.text))))), rule)
        for seen, rule in asked.items()
    )
