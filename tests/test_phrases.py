"""Every phrase, word and alternative is proven by a reply, and there are no more of them than are needed."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import pytest

from tests.proofs import FIXTURES, Proof, Spoken, is_form_of, labelled, proofs
from undeliverable import Knowledge, classify
from undeliverable._knowledge.build import builtin_parts, read_documents
from undeliverable._knowledge.common import shipped
from undeliverable._knowledge.lists import expanded
from undeliverable._rules.concept_names import CONCEPTS
from undeliverable._rules.conditions import PATTERN_LIMIT
from undeliverable._rules.normal import Plain, PlainWords
from undeliverable._rules.phrases import words_of
from undeliverable._rules.rule import Rule
from undeliverable._rules.visible import stands_in
from undeliverable._smtp.grammar import EXPIRED_WORDS
from undeliverable._text.fold import fold
from undeliverable.errors import KnowledgeError

DOCUMENTS: Final[dict[str, Any]] = dict(read_documents())
LISTS: Final[dict[str, list[str]]] = DOCUMENTS["lists.toml"]
LANGUAGES: Final = {path: one for path, one in DOCUMENTS.items() if path.startswith("languages/")}
WORDINGS: Final = {path: one for path, one in DOCUMENTS.items() if path.startswith("wording/")}
WRITTEN: Final[dict[str, dict[str, Any]]] = {
    rule["id"]: rule["when"] for one in (*WORDINGS.values(), *LANGUAGES.values()) for rule in one.get("rule", [])
}
RULES: Final = [rule for rule in Knowledge.builtin().rules if rule.id in WRITTEN]
SAYING: Final = ("words", "any_words", "unless", "pattern")
REFERENCE: Final = re.compile(r"\(\?@(\w+)\)")


@cache
def decided() -> Mapping[str, list[Proof]]:
    """Return the proofs by the rule that decides them."""
    found: dict[str, list[Proof]] = defaultdict(list)
    for proof in proofs():
        if proof.rule is not None:
            found[proof.rule].append(proof)
    return found


@pytest.fixture(scope="module")
def spoken() -> Spoken:
    return Spoken()


def in_one_line(pattern: str) -> str:
    return "".join(line.lstrip() for line in pattern.split("\n"))


def is_found(pattern: str, text: str) -> bool:
    return re.search(pattern, text[:PATTERN_LIMIT], re.IGNORECASE) is not None


def matches(pattern: str, proof: Proof) -> bool:
    return any(is_found(pattern, form) for form in proof.forms)


@cache
def all_forms() -> list[str]:
    """Return the forms of all proofs."""
    return [*dict.fromkeys(form for proof in proofs() for form in proof.forms)]


def alternatives(pattern: str) -> list[str]:
    """Return the parts of a pattern between bars that stand in no group or class."""
    found, depth, is_class, start = list[str](), 0, False, 0
    for at, char in enumerate(pattern):
        if at and pattern[at - 1] == "\\" and not (at > 1 and pattern[at - 2] == "\\"):
            continue
        is_class = char == "[" or (is_class and char != "]")
        depth += 0 if is_class else (char == "(") - (char == ")")
        if char == "|" and not depth and not is_class:
            found.append(pattern[start:at])
            start = at + 1
    return [*found, pattern[start:]]


class TestRules:
    def test_each_decides_a_reply(self) -> None:
        assert [rule.id for rule in RULES if not decided()[rule.id]] == []

    def test_each_phrase_stands_in_a_reply_that_its_rule_decides(self) -> None:
        unproven = [
            (rule.id, phrase)
            for rule in RULES
            for phrase in (*rule.when.words, *rule.when.any_words)
            if phrase not in EXPIRED_WORDS  # which all reports are read by, and tests/test_replies.py proves
            and not any(stands_in(phrase, form) for proof in decided()[rule.id] for form in proof.forms)
        ]
        assert unproven == []

    def test_each_alternative_of_a_pattern_matches_such_a_reply(self) -> None:
        unproven = [
            (rule, alternative)
            for rule, when in WRITTEN.items()
            for alternative in alternatives(in_one_line(when.get("pattern", "")))
            if alternative and not any(matches(expanded(alternative, LISTS), proof) for proof in decided()[rule])
        ]
        assert unproven == []

    def test_no_phrase_is_said_by_a_shorter_one_of_the_rule(self) -> None:
        doubled = [
            (rule.id, phrase)
            for rule in RULES
            for phrase in rule.when.any_words
            if any(other != phrase and stands_in(other, phrase) for other in rule.when.any_words)
        ]
        assert doubled == []


class TestPatterns:
    PATTERNS: Final = [
        (path, rule["id"], rule["when"]["pattern"])
        for path, one in DOCUMENTS.items()
        for rule in (one.get("rule", ()) if isinstance(one.get("rule"), list) else ())
        if "pattern" in rule["when"]
    ]

    @pytest.mark.parametrize(("path", "rule", "pattern"), PATTERNS, ids=[rule for _, rule, _ in PATTERNS])
    def test_they_can_be_read(self, path: str, rule: str, pattern: str) -> None:
        assert len(in_one_line(pattern)) <= 300, f"{path}: {rule} is too long; name a list in lists.toml"
        assert not pattern.lstrip().startswith("^(?!"), f"{path}: {rule} has `unless` for what must not stand there"

    def test_long_ones_have_an_alternative_a_line(self) -> None:
        long = [
            rule
            for _, rule, pattern in self.PATTERNS
            if len(pattern) > 120 and "\n" not in pattern and len(alternatives(pattern)) > 1
        ]
        assert long == []


class TestLists:
    def test_each_is_used(self) -> None:
        texts = [when.get("pattern", "") for when in WRITTEN.values()] + [
            item for one in LISTS.values() for item in one
        ]
        used = {name for text in texts for name in REFERENCE.findall(text)}
        used |= {name for name in LISTS if any(f"@{name}" in when.get("unless", ()) for when in WRITTEN.values())}
        assert sorted(LISTS.keys() - used) == []

    @pytest.mark.parametrize("name", LISTS)
    def test_each_item_of_a_pattern_makes_a_difference(self, name: str) -> None:
        rules = [rule for rule in RULES if rule.when.pattern is not None and name in names_in(WRITTEN[rule.id])]
        needed = {item: self.makes_a_difference(name, item, rules) for item in LISTS[name]}
        assert [item for item, is_needed in needed.items() if not is_needed and len(needed) > 1 and rules] == []

    @staticmethod
    def makes_a_difference(name: str, item: str, rules: list[Rule]) -> bool:
        fewer = {**LISTS, name: [other for other in LISTS[name] if other != item] or ["(?!)"]}
        for rule in rules:
            whole, less = (expanded(in_one_line(WRITTEN[rule.id]["pattern"]), lists) for lists in (LISTS, fewer))
            phrases = rule.when.any_words or rule.when.words
            for text in all_forms():
                if any(phrase in text for phrase in phrases) and is_found(whole, text) != is_found(less, text):
                    return True
        return False


def names_in(when: Mapping[str, Any]) -> set[str]:
    """Return the lists that a rule's pattern names, and those that these name."""
    found: set[str] = set()
    texts = [when.get("pattern", "")]
    while texts:
        names = set(REFERENCE.findall(texts.pop())) - found
        found |= names
        texts += [item for name in names for item in LISTS[name]]
    return found


class TestLanguages:
    """Words of concepts: a reply has them, or a translation that is named, or another form of them is proven."""

    CITED: Final[dict[str, Any]] = tomllib.loads((FIXTURES / "words.toml").read_text(encoding="utf-8"))

    @staticmethod
    def words(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for concept, words in document.get("concepts", {}).items():
            yield from ((concept, word) for word in words)

    def cited(self, language: str) -> set[str]:
        return {word for words in self.CITED.get(language, {}).values() for word in words}

    @pytest.mark.parametrize("path", LANGUAGES)
    def test_each_word_of_a_concept_is_proven(self, path: str, spoken: Spoken) -> None:
        cited = self.cited(stem(path))
        words = list(self.words(LANGUAGES[path]))
        proven = [pair for pair in words if pair[1] in cited or spoken.has(pair[1], pair[0])]
        unproven = [
            (concept, word)
            for concept, word in words
            if (concept, word) not in proven
            and not any(concept == other and is_form_of(word, form) for other, form in proven)
        ]
        assert unproven == []

    def test_what_is_cited_is_a_word_and_has_a_source(self) -> None:
        sources = self.CITED["sources"]
        words = {stem(path): {word for _, word in self.words(one)} for path, one in LANGUAGES.items()}
        for language in self.CITED.keys() - {"sources"}:
            assert self.CITED[language].keys() <= sources.keys()
            assert sorted(self.cited(language) - words[language]) == []
        assert all(source.startswith("https://") for source in sources.values())

    def test_a_rare_word_is_needed_to_find_what_the_common_one_says(self) -> None:
        """A reply says the same with the rare word, and would not if it were not listed."""
        words = PlainWords(*shipped().document("plain"))
        plain, needless = Plain(words), []
        for rare, common in words.same.items():
            less = Plain(words._replace(same={key: value for key, value in words.same.items() if key != rare}))
            if not any(
                less.of(text, words_of(text)) != plain.of(text, words_of(text))
                for text in (
                    re.sub(rf"(?<![\w-]){re.escape(common)}(?![\w-])", rare, proof.seen.text, count=1)
                    for proof in proofs()
                    if common in proof.seen.text
                )
            ):
                needless.append(rare)
        assert needless == []


def stem(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".toml")


def values(entry: object) -> Iterator[str]:
    """Yield all strings in an entry of a TOML document."""
    if isinstance(entry, str):
        yield entry
    elif isinstance(entry, dict):
        for value in entry.values():
            yield from values(value)
    elif isinstance(entry, list):
        for value in entry:
            yield from values(value)


def test_wordings_are_not_many() -> None:
    """All phrases, patterns and words of rules by wording and of concepts, one a line, are at most 120,000 characters."""
    said: list[object] = [{key: when[key] for key in SAYING if key in when} for when in WRITTEN.values()]
    said += [LISTS, *(one.get("concepts", {}) for one in LANGUAGES.values())]
    assert sum(len(value) + 1 for value in values(said)) <= 120_000


def test_labelled_replies_are_mostly_judged_as_labelled() -> None:
    """What is known to be missed may not become more."""
    rows = [row for row in labelled() if "reason" in row]
    missed = false_hard = 0
    for row in rows:
        verdict = classify(row["text"], host=row.get("host"), command=row.get("command"))
        missed += str(verdict.reason) not in {row["reason"], *row.get("accept_reasons", ())}
        hard = "hard" in {row["bounce_type"], *row.get("accept_types", ())}
        false_hard += str(verdict.bounce_type) == "hard" and not hard
    assert missed / len(rows) <= 0.07
    assert false_hard / len(rows) <= 0.004


class TestFaults:
    """What is wrong with a list or the order is said with the file."""

    @staticmethod
    def fault(**changed: Any) -> str:
        with pytest.raises(KnowledgeError) as caught:
            tuple(builtin_parts({**DOCUMENTS, **{name.replace("__", "."): one for name, one in changed.items()}}))
        return str(caught.value)

    def test_a_document_that_is_not_listed(self) -> None:
        assert "'wording/flow' is not listed" in self.fault(
            order__toml={"rules": [name for name in DOCUMENTS["order.toml"]["rules"] if name != "wording/flow"]}
        )

    @pytest.mark.parametrize("name", ["wording/nothing", "wording/flow"])
    def test_a_name_that_is_no_document_or_listed_twice(self, name: str) -> None:
        rules = [*DOCUMENTS["order.toml"]["rules"], name]
        assert f"{name!r} is listed twice, or no document" in self.fault(order__toml={"rules": rules})

    def test_a_pattern_that_names_no_list(self) -> None:
        assert "there is no list" in self.fault(lists__toml={})

    def test_no_list_is_named_as_a_concept(self) -> None:
        assert LISTS.keys().isdisjoint(CONCEPTS)

    def test_lists_that_name_each_other(self) -> None:
        assert "too deep" in self.fault(lists__toml={**LISTS, "sender_side": ["(?@sender_side)"]})


FILLERS: Final = [word for one in LANGUAGES.values() for word in one.get("plain", {}).get("filler", ())]
SAID: Final = "550 5.7.1 mailbox {0}temporarily {0}locked: no such {0}user"


@pytest.mark.parametrize("filler", FILLERS)
def test_a_filler_would_part_a_phrase_if_it_were_not_listed(filler: str) -> None:
    """Fillers say nothing, so no reply needs one to be understood; they must not stand in the way of what does."""
    words = PlainWords(*shipped().document("plain"))
    less = words._replace(filler=[other for other in words.filler if other != fold(filler)])
    text = fold(SAID.format(f"{filler} "))
    assert Plain(words).of(text, words_of(text)) == SAID.format("")
    assert Plain(less).of(text, words_of(text)) != SAID.format("")
