"""Replies that prove the words of rules and languages, each as rules saw it and with the rule that decided it.

Proof is a reply that somebody labelled, or one of the fixtures; or a law: what is said of the sender's side or of a thing is
never hard, and the same said of the recipient is. The example of a rule is none: it may have been made for the phrase.
"""

from __future__ import annotations

import itertools
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple
from unittest import mock

from tests.test_notifications import ROWS, read
from tests.test_wording import HARD_WHEN_SAID, NOT_THERE, RECIPIENTS_SIDE, SENDERS_SIDE, THINGS, WHAT_IS_SAID
from undeliverable import Knowledge, classify, parse, parse_log_line
from undeliverable._knowledge.common import shipped
from undeliverable._rules.clauses import sentences
from undeliverable._rules.concept_names import CONCEPTS
from undeliverable._rules.phrases import words_of
from undeliverable._rules.table import Match, RuleTable, Seen
from undeliverable._rules.visible import UNSPACED_FROM
from undeliverable._text.fold import fold

__all__ = ["FIXTURES", "Proof", "Spoken", "is_form_of", "labelled", "proofs"]

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
    for name in (
        "labelled.jsonl",
        "unseen/replies.jsonl",
        "unseen/third/replies.jsonl",
        "cases/replies.jsonl",
        "clauses.jsonl",
    ):
        for row in _rows(name):
            yield row["text"], row.get("host"), row.get("command")
    for name in ("replies.txt", "replies-neighbours.txt"):
        for line in (FIXTURES / name).read_text(encoding="utf-8").splitlines():
            yield line.partition("\t")[2], None, None
    for line in (FIXTURES / "replies-never-hard.txt").read_text(encoding="utf-8").splitlines():
        yield line, None, None
    things = [f"the {thing}" for thing in THINGS]
    for subjects, said in ((SENDERS_SIDE, WHAT_IS_SAID), (things, NOT_THERE), (RECIPIENTS_SIDE, HARD_WHEN_SAID)):
        for subject, words in itertools.product(subjects, said):
            yield f"550 {subject} {words}", None, None


@cache
def proofs() -> tuple[Proof, ...]:
    """Return all proofs: every reply of the fixtures, and what the mails, notifications and log lines among them say."""
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
        for row in ROWS:
            read(row)
        for path in sorted((FIXTURES / "logs").glob("*.log")):
            for line in path.read_text(encoding="utf-8").splitlines():
                parse_log_line(line)
    knowledge.clear_cache()
    plain = shipped().plain
    return tuple(
        Proof(seen, tuple(dict.fromkeys((seen.text, plain.of(seen.text, words_of(seen.text))))), rule)
        for seen, rule in asked.items()
    )


class Spoken:
    """The clauses of all proofs, with the concepts that each speaks of."""

    def __init__(self) -> None:
        language = shipped()
        texts = dict.fromkeys(form for proof in proofs() for form in proof.forms)
        self._clauses = [
            (text[begin:end], found)
            for text in texts
            for (begin, end), found in zip(sentences(text), language.concepts_in(text), strict=True)
        ]
        self._by_word: dict[str, list[int]] = {}
        for number, (clause, _) in enumerate(self._clauses):
            for word in set(_WORD.findall(clause)):
                self._by_word.setdefault(word, []).append(number)
        self._all = "\n".join(texts)

    def has(self, word: str, concept: str | None = None) -> bool:
        """Return whether `word` stands in a clause that speaks of `concept`; None: in any text.

        A concept that only says what something is not, such as `known`, counts wherever its words stand.
        """
        folded = " ".join(fold(word).split())
        if folded[0] >= UNSPACED_FROM:
            if concept is None:
                return folded in self._all
            return any(folded in clause and concept in found for clause, found in self._clauses)
        pattern = _pattern(folded)
        if concept is None:
            return pattern.search(self._all) is not None
        numbers = self._numbers(folded)
        return any(
            pattern.search(clause) and (concept not in CONCEPTS or concept in found)
            for clause, found in map(self._clauses.__getitem__, numbers)
        )

    def _numbers(self, folded: str) -> Iterator[int]:
        """Yield the numbers of the clauses that have the first word of a phrase."""
        first = _WORD.findall(folded)[0]
        if folded == f"{first}*":
            for word, numbers in self._by_word.items():
                if word.startswith(first):
                    yield from numbers
        else:
            yield from self._by_word.get(first, ())


_WORD: Final = re.compile(r"[^\W_]+")
_SPELLED: Final = (
    {"ł": "l", "ı": "i", "đ": "d", "ø": "o", "æ": "ae", "ß": "ss"},
    {"ä": "ae", "ö": "oe", "ü": "ue", "å": "a"},
)
_STEM: Final = 4  # letters that an inflected word keeps
_ENDING: Final = 3  # letters of the shorter word that may differ


def is_form_of(word: str, other: str) -> bool:
    """Return whether `word` is `other` inflected, or spelled without its marks ("ueberfuellt")."""
    return any(_is_inflected(_bare(word, spelled), _bare(other, spelled)) for spelled in (_SPELLED[:1], _SPELLED))


def _bare(word: str, spelled: Iterable[Mapping[str, str]]) -> list[str]:
    text = fold(word).removesuffix("*")
    for table in spelled:
        text = text.translate({ord(char): plain for char, plain in table.items()})
    return "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char)).split()


def _is_inflected(words: list[str], others: list[str]) -> bool:
    return len(words) == len(others) and all(map(_share_stem, words, others))


def _share_stem(one: str, other: str) -> bool:
    length = min(len(one), len(other))
    stem = max(_STEM, length - _ENDING)
    return one == other or (length >= _STEM and one[:stem] == other[:stem])


def _pattern(folded: str) -> re.Pattern[str]:
    """Return what finds a phrase as whole words, the last one with any ending behind `*`."""
    end = "" if folded.endswith("*") else r"(?!\w)"
    return re.compile(rf"(?<!\w){re.escape(folded.removesuffix('*'))}{end}")
