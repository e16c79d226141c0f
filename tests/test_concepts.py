"""What a reply speaks of: concepts, their negation, and the rules that ask for them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable import Knowledge, KnowledgeError, classify
from undeliverable._knowledge.build import read_documents
from undeliverable._knowledge.common import shipped as _shipped
from undeliverable._knowledge.lists import LISTS, with_lists
from undeliverable._knowledge.loader import BUILTIN as LOWEST
from undeliverable._knowledge.loader import check_layer, example_seen, load
from undeliverable._knowledge.toml import TomlSource
from undeliverable._rules.below import Below, Languages
from undeliverable._rules.concept_names import CONCEPTS, NOT, OPPOSITES, THINGS
from undeliverable._rules.concepts import Concepts, concept_words
from undeliverable._rules.conditions import RuleCondition
from undeliverable._rules.table import RuleTable
from undeliverable.cli import main
from undeliverable.errors import EntryError
from undeliverable.reasons import Fault

BUILTIN = Knowledge.builtin()
READ = _shipped().concepts
DOCUMENTS = read_documents()
WRITTEN = with_lists(DOCUMENTS["wording/meaning.toml"], DOCUMENTS[LISTS])
MEANING = load("builtin", LOWEST, TomlSource("meaning.toml", ""), WRITTEN, trusted=True)
EXAMPLES = [(rule, example) for rule in MEANING.rules for example in rule.all_examples]
LANGUAGES = {
    name: document for name, document in DOCUMENTS.items() if name.startswith("languages/") and "concepts" in document
}


class TestWords:
    def test_every_concept_has_words(self) -> None:
        found = {concept for document in LANGUAGES.values() for concept in document.get("concepts", {})}  # type: ignore[attr-defined]
        assert found == {*CONCEPTS, *OPPOSITES, NOT}
        assert set(OPPOSITES.values()) <= CONCEPTS.keys()
        assert CONCEPTS.keys() >= THINGS

    def test_the_guide_lists_the_concepts_as_they_are(self) -> None:
        guide = (Path(__file__).parents[1] / "docs" / "reference" / "rules.md").read_text(encoding="utf-8")
        assert [name for name, meaning in CONCEPTS.items() if f"| `{name}` | {meaning} |" not in guide] == []

    @pytest.mark.parametrize("name", LANGUAGES)
    def test_a_language_names_a_recipient_and_says_that_it_is_unknown(self, name: str) -> None:
        table: Any = LANGUAGES[name]["concepts"]
        assert {"recipient", "unknown"} <= table.keys()

    @pytest.mark.parametrize("name", LANGUAGES)
    def test_no_word_is_listed_twice_for_one_concept(self, name: str) -> None:
        table: Any = LANGUAGES[name]["concepts"]
        assert [concept for concept, words in table.items() if len(words) != len(set(words))] == []

    @pytest.mark.parametrize(
        ("table", "key", "detail"),
        [
            (1, "concepts", "must be a table"),
            ({"recipiend": ["user"]}, "concepts.recipiend", "unknown concept; expected one of active"),
            ({"recipient": "user"}, "concepts.recipient", "must be a list of phrases"),
            ({"recipient": ["user", " *"]}, "concepts.recipient", "none of them empty"),
            ({"recipient": ["user", 1]}, "concepts.recipient", "none of them empty"),
        ],
    )
    def test_a_fault_is_named(self, table: object, key: str, detail: str) -> None:
        with pytest.raises(EntryError, match=detail) as caught:
            concept_words([table])
        assert caught.value.key == key

    def test_without_words_nothing_is_said(self) -> None:
        assert Concepts().of("user unknown") == frozenset()


class TestReading:
    @pytest.mark.parametrize(
        ("clause", "wanted"),
        [
            ("user unknown", {"recipient", "unknown"}),
            ("the user could not be found", {"recipient", "unknown", "failed"}),
            ("the user was found", {"recipient"}),
            ("the mailbox is not disabled", {"recipient"}),
            ("the mailbox has not been disabled", {"recipient"}),
            ("the mailbox is disabled, not full", {"recipient", "disabled"}),
            ("not here: the user was found", {"recipient"}),  # negation does not reach across a mark
            ("the user is not now active", {"recipient", "disabled"}),
            ("sender address unknown", {"sender", "unknown"}),  # the longer words count
            ("ip address unknown", {"client", "unknown"}),
            ("sender.example.org", set()),  # a part of a name is no word
            ("<> is full", {"recipient", "full"}),
            ("<kim> is full", {"recipient", "full"}),
            ("x <= y", set()),
            ("mailboxes", {"recipient"}),
            ("submailbox", set()),
            ("postfach existiert nicht", {"recipient", "unknown"}),
            ("l'utilisateur n'existe pas", {"recipient", "unknown"}),
            ("пользователь не найден", {"recipient", "unknown"}),
            ("käyttäjää ei löydy", {"recipient", "unknown"}),
            ("用户不存在", {"recipient", "unknown"}),
            ("メールボックスがいっぱいです", {"recipient", "full"}),
            ("", set()),
        ],
    )
    def test_concepts(self, clause: str, wanted: set[str]) -> None:
        assert READ.of(clause) == wanted

    @pytest.mark.parametrize("word", ["not ", "never ", "not currently "])
    def test_a_negated_opposite_is_what_it_denies(self, word: str) -> None:
        assert READ.of(f"account is {word}active") == {"recipient", "disabled"}
        assert READ.of("account is active") == {"recipient"}

    @given(st.text())
    def test_any_text_can_be_read(self, text: str) -> None:
        assert READ.of(text) <= CONCEPTS.keys()

    @given(st.lists(st.sampled_from(["user", "unknown", "not", "sender", "full", "found", "ip", "<>", ",", "mailbox"])))
    def test_what_is_spoken_of_is_never_negated_away(self, words: list[str]) -> None:
        things = {"user": "recipient", "mailbox": "recipient", "<>": "recipient", "sender": "sender", "ip": "client"}
        own = [word for before, word in zip(["", *words], words, strict=False) if (before, word) != ("sender", "<>")]
        assert {things[word] for word in own if word in things} <= READ.of(" ".join(words))


class TestClauses:
    """Concepts in each clause of a text, found in one pass."""

    def test_clauses_are_read_apart(self) -> None:
        user, full = BUILTIN.concepts_in("User unknown. The user user is full")
        assert "full" not in user
        assert user >= {"recipient", "unknown"}
        assert full >= {"recipient", "full"}

    def test_no_word_no_concept(self) -> None:
        assert BUILTIN.concepts_in("zebra. lion") == (frozenset(), frozenset())
        assert BUILTIN.concepts_in("") == ()

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("users user", {"recipient"}),  # a word that also begins another one before it
            ("over size", {"large"}),
            ("over sized", {"large"}),  # the second word goes on
            ("overly sized", set[str]()),
            ("on lists", {"blocked"}),
        ],
    )
    def test_longer_phrases(self, text: str, found: set[str]) -> None:
        words = {"recipient": ["user"], "large": ["over size*"], "blocked": ["on li*"]}
        assert Concepts(concept_words([words])).of(text) == found


class TestKeys:
    """The keys `means`, `unless` and `examples` of a rule."""

    @staticmethod
    def judged(text: str, **when: object) -> str:
        rule = {"id": "ours", "when": when, "then": {"reason": "greylisted"}}
        verdict = classify(text, knowledge=BUILTIN.with_rules([rule]))
        return "ours" if verdict.rule is not None and verdict.rule.id == "ours" else "builtin"

    @pytest.mark.parametrize(
        ("text", "whose"),
        [
            ("550 user unknown", "ours"),
            ("550 Empfänger unbekannt", "ours"),
            ("550 user found. Sender unknown", "builtin"),  # in two clauses
            ("550 sender unknown", "builtin"),
            ("550 please ask for the user, who is unknown", "builtin"),  # advice
        ],
    )
    def test_means_of_a_rule_above_the_built_in_ones(self, text: str, whose: str) -> None:
        assert self.judged(text, means=["recipient", "unknown"]) == whose

    def test_means_beside_words_and_codes(self) -> None:
        assert self.judged("550 user zebra unknown", words="zebra", means=["recipient"]) == "ours"
        assert self.judged("550 zebra", words="zebra", means=["recipient"]) == "builtin"
        assert self.judged("450 user unknown", reply="550", means="recipient") == "builtin"
        assert self.judged("550 user unknown", reply="550", means="recipient") == "ours"
        assert self.judged("550 a of b", pattern="a .. b", means="recipient") == "builtin"

    def test_unless_of_phrases_and_of_concepts(self) -> None:
        assert self.judged("550 zebra", words="zebra", unless=["lion"]) == "ours"
        assert self.judged("550 zebra lion", words="zebra", unless=["lion"]) == "builtin"
        assert self.judged("550 zebra sealion", words="zebra", unless=["lion"]) == "ours"
        assert self.judged("550 zebra user", words="zebra", unless=["@recipient"]) == "builtin"
        assert self.judged("550 zebra. The user", words="zebra", unless=["@recipient"]) == "builtin"
        assert self.judged("550 zebra", words="zebra", unless=["@recipient"]) == "ours"
        assert self.judged("550 user unknown", means=["unknown"], unless=["@recipient"]) == "builtin"
        assert self.judged("550 spam. host unknown", means=["unknown"], unless=["@spam"]) == "ours"  # another clause
        assert self.judged("550 zebra", reply="550", unless=["zebra"]) == "builtin"
        assert (
            self.judged("550 zebra simply lion", words="zebra", unless=["zebra lion"]) == "builtin"
        )  # across a filler
        assert self.judged("550 zebra simply. See https://a.example/", words="zebra", unless=["zebra see"]) == "ours"
        assert self.judged("550 other", reply="550", unless=["zebra"]) == "ours"

    def test_a_higher_rule_that_fits_the_plain_form_decides(self) -> None:
        high, low = (
            {"id": name, "when": {"words": name}, "then": {"reason": "greylisted"}} for name in ("not zebra", "zebra")
        )
        known = BUILTIN.with_rules([high, low])
        for text, decides in (("550 is not a zebra", "zebra"), ("550 isn't simply zebra", "not zebra")):
            verdict = classify(text, knowledge=known)
            assert verdict.rule is not None
            assert verdict.rule.id == decides

    @pytest.mark.parametrize(
        ("when", "key", "detail"),
        [
            ({"means": ["recipiend"]}, "when.means", "unknown concept 'recipiend'; did you mean recipient"),
            ({"means": []}, "when.means", "must be a string or a list"),
            ({"words": "a", "unless": ["@x"]}, "when.unless", "unknown concept 'x'"),
            ({"words": "a", "unless": [""]}, "when.unless", "none of them empty"),
            ({"unless": ["zebra"]}, "when", "must ask for something"),
            ({"means": ["not"]}, "when.means", "unknown concept 'not'"),
        ],
    )
    def test_a_fault_is_named(self, when: dict[str, object], key: str, detail: str) -> None:
        with pytest.raises(EntryError, match=detail) as caught:
            RuleCondition.compile(when)
        assert caught.value.key == key

    def test_what_covers_what(self) -> None:
        def covers(mine: dict[str, object], other: dict[str, object]) -> bool:
            return RuleCondition.compile(mine).covers(RuleCondition.compile(other))

        assert covers({"means": ["recipient"]}, {"means": ["recipient", "unknown"]})
        assert not covers({"means": ["recipient", "unknown"]}, {"means": ["recipient"]})
        assert not covers({"means": "recipient", "unless": "@sender"}, {"means": "recipient"})
        assert covers({"means": "recipient"}, {"means": "recipient", "unless": ["@sender", "x"]})
        assert not covers({"words": "a", "unless": "x"}, {"words": "a"})

    def test_a_rule_behind_one_that_asks_for_less_is_an_error(self) -> None:
        rules = [
            {"id": "a", "when": {"means": "recipient"}, "then": {"reason": "greylisted"}},
            {"id": "b", "when": {"means": ["recipient", "unknown"]}, "then": {"reason": "greylisted"}},
        ]
        with pytest.raises(KnowledgeError, match="never reached: 'a'"):
            BUILTIN.with_rules(rules)

    def test_each_of_several_examples_is_proven(self) -> None:
        rule: dict[str, object] = {"when": {"means": ["recipient", "full"]}, "then": {"reason": "mailbox_full"}}
        examples = ["550 Postfach voll", "550 用户邮箱已满"]
        (found,) = BUILTIN.with_rules([rule | {"examples": examples}]).rules[:1]
        assert (found.example, found.examples, found.all_examples) == (examples[0], (examples[1],), tuple(examples))
        (found,) = BUILTIN.with_rules([rule | {"examples": examples[1:], "example": examples[0]}]).rules[:1]
        assert found.all_examples == tuple(examples)
        with pytest.raises(KnowledgeError, match="no rule in this file matches the example '550 lion'"):
            BUILTIN.with_rules([rule | {"examples": [*examples, "550 lion"]}])
        with pytest.raises(KnowledgeError, match="must be a string or a list"):
            BUILTIN.with_rules([rule | {"examples": []}])

    def test_knowledge_without_the_built_in_layer_knows_the_words(self) -> None:
        rule = {"id": "ours", "when": {"means": ["recipient", "full"]}, "then": {"reason": "mailbox_full"}}
        verdict = classify("550 Postfach voll", knowledge=Knowledge().with_rules([rule]))
        assert verdict.rule is not None
        assert verdict.rule.id == "ours"

    def test_one_rule_takes_the_place_of_another(self) -> None:
        rule = {
            "id": "ours",
            "when": {"means": ["recipient", "full"]},
            "then": {"reason": "system_full"},
            "replaces": "meaning.full",
        }
        knowledge = pickle.loads(pickle.dumps(BUILTIN.with_rules([rule])))
        text = "552 5.2.2 A címzett postafiókja megtelt"
        assert (classify(text).reason, classify(text, knowledge=knowledge).reason) == ("mailbox_full", "system_full")
        assert "meaning.full" not in {one.id for one in knowledge.rules}

    def test_a_table_without_words_of_languages_finds_none(self) -> None:
        table = RuleTable(MEANING.rules)
        assert table.match(example_seen(MEANING.rules[0])).rule is None
        assert Languages(Below()).concepts.of("user unknown") == frozenset()

    def test_the_command_line_knows_them(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = tmp_path / "ours.toml"
        text = '[[rule]]\nid = "ours"\nwhen = { means = ["recipient", "loop"], unless = ["@sender", "zebra"] }\n'
        path.write_text(text + 'then = { reason = "greylisted" }\nexamples = ["550 user loops"]\n', encoding="utf-8")
        assert main(["rules", "check", str(path)]) == 0
        assert main(["rules", "which", "550 Postfach in Schleife", "--rules", str(path)]) == 0
        assert main(["rules", "show", "ours", "--rules", str(path)]) == 0
        assert 'means = ["recipient", "loop"]' not in capsys.readouterr().out
        assert main(["rules", "which", "550 Postfach in Schleife", "--rules", str(path), "-v"]) == 0
        assert main(["rules", "show", "ours", "--rules", str(path), "-v"]) == 0
        shown = capsys.readouterr().out
        assert shown.count('means = ["recipient", "loop"]') == 2
        assert "meaning.loop" in shown  # it fits as well
        path.write_text(text.replace("loop", "lop") + 'then = { reason = "greylisted" }\n', encoding="utf-8")
        assert main(["rules", "check", str(path)]) == 1
        assert "unknown concept 'lop'" in capsys.readouterr().err


class TestBuiltIn:
    """The rules by concepts that the library comes with."""

    def test_each_wins_its_examples_among_them(self) -> None:
        assert [f"{error.entry}: {error.detail}" for error, _, _ in check_layer(MEANING, _shipped())] == []

    @pytest.mark.parametrize(("rule", "example"), EXAMPLES, ids=lambda one: getattr(one, "id", one))
    def test_each_wins_its_examples_among_all(self, rule: Any, example: str) -> None:
        found = BUILTIN.rule_table.match(example_seen(rule, example)).rule
        assert found is not None
        assert found.id == rule.id

    def test_known_phrases_rank_above_them_and_codes_and_vague_words_below(self) -> None:
        ids = [rule.id for rule in BUILTIN.rules]
        first, last = ids.index(MEANING.rules[0].id), ids.index(MEANING.rules[-1].id)
        assert last - first == len(MEANING.rules) - 1
        assert first > ids.index("wording.user_unknown.phrase")
        assert last < ids.index("wording.policy_rejected.message") < ids.index("general.550")

    def test_whoever_is_hard_speaks_of_nobody_else(self) -> None:
        for rule in MEANING.rules:
            if rule.reason.fault is Fault.ADDRESS:
                assert {"sender", "client"} <= rule.when.unless_means, rule.id

    @pytest.mark.parametrize("rule", MEANING.rules, ids=lambda rule: str(rule.id))
    def test_a_sender_in_the_clause_takes_the_blame_off_the_recipient(self, rule: Any) -> None:
        if rule.reason.fault is Fault.ADDRESS:
            for example in rule.all_examples:
                text = f"{example.rstrip('.')} (sender)"
                assert classify(text).rule is None or classify(text).rule.id != rule.id  # type: ignore[union-attr]

    @given(st.permutations(["recipient", "sender", "not", "known", "refused", "client", "full"]))
    def test_a_clause_with_a_sender_is_never_hard_by_concepts(self, order: list[str]) -> None:
        words = {
            "recipient": "empfänger", "sender": "absender", "not": "nicht", "known": "registriert", "client": "einliefernder",
            "refused": "untersagt", "full": "überfüllt",
        }  # fmt: skip
        verdict = classify("550 " + " ".join(words[word] for word in order))
        assert verdict.rule is None or not verdict.rule.id.startswith("meaning.") or str(verdict.bounce_type) != "hard"

    def test_they_are_asked_only_where_no_known_phrase_decides(self) -> None:
        known = classify("550 5.1.1 user unknown")
        assert known.rule is not None
        assert not known.rule.id.startswith("meaning.")
        assert classify("550 Postilaatikko on suljettu").rule.id == "meaning.disabled"  # type: ignore[union-attr]

    def test_a_hedge_names_no_cause_after_data_either(self) -> None:
        rule = {"when": {"words": "zebra"}, "then": {"reason": "user_unknown"}}
        knowledge = BUILTIN.with_rules([rule])
        for said, reason in (("may not exist, or may be blocked", "undefined"), ("is gone", "user_unknown")):
            text = f"503-All RCPT commands were rejected with this error:\n503-The zebra {said}\n503 Valid RCPT first"
            assert classify(text, command="data", knowledge=knowledge).reason == reason
