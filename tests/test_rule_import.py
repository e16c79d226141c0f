"""`undeliverable rules import`: bounce rules of other programs become rule files."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from undeliverable import Knowledge, KnowledgeError, Reason, classify
from undeliverable._text.patterns import PatternError
from undeliverable.cli import main
from undeliverable.rule_files import import_rules, programs
from undeliverable.rule_files._foreign import crosswalk
from undeliverable.rule_files._rewrite import rewritten, samples

LISTS = """\
# Our own classifier.
[rules]
InvalidRecipient = [
  "^550.+nobody is called .+ here", # two gaps
  '^550 5\\.1\\.[1] ',
  "^551.+Address gone",
]
QuotaIssues = ["^552 .*mailbox is too full"]
AutoReply = ["out of office"]
OurClass = ["xyzzy"]
"""
LINES = """\
# pattern,action,category,message
^550[ \\-]+5\\.1\\.1\\s+.*no account of this name,reject,recipient,No such account
^550[ \\-]+5\\.1\\.0\\b,reject,envelope,Something is wrong, it says
^4\\d\\d,defer,other,Other temporary error
not a rule
^550[ \\-]+5\\.1\\.0\\b,reject,envelope,Once more
"""
BLOCK = """\
smtp-service yes
<bounce-category-patterns>
    # comment
    /mailbox +(is +)?crowded/ quota-issues
    /\\S+@\\S+ +(is +)?(gone|lost)/ bad-mailbox
    /see http:\\/\\/example\\.org/ policy-related
    /^[45]\\.4\\.7/ message-expired
    /^2\\.\\d\\.\\d/ success
    // other
    not a pattern
</bounce-category-patterns>
max-smtp-out 2
"""


def run(capsys: Any, *arguments: str) -> tuple[int, str, str]:
    status = main(["rules", "import", *arguments])
    out, err = capsys.readouterr()
    return status, out, err


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def knowledge_of(toml: str, tmp_path: Path) -> Knowledge:
    return Knowledge.builtin().with_file(write(tmp_path / "imported.toml", toml))


def rule_for(reply: str, knowledge: Knowledge) -> tuple[str, Reason | None]:
    verdict = classify(reply, knowledge=knowledge)
    assert verdict.rule is not None
    return verdict.rule.id, verdict.reason


class TestLists:
    def test_a_rule_keeps_its_class_its_line_and_its_order(self, tmp_path: Path, capsys: Any) -> None:
        path = write(tmp_path / "own.toml", LISTS)
        status, out, err = run(capsys, "--from", "kumomta", path)
        assert status == 0
        assert f'# {path}:4: "^550.+nobody is called .+ here", # two gaps' in out
        rules = tomllib.loads(out)["rule"]
        assert [rule["id"] for rule in rules] == [
            "kumomta.InvalidRecipient.1", "kumomta.InvalidRecipient.2", "kumomta.InvalidRecipient.3",
            "kumomta.QuotaIssues.1",
        ]  # fmt: skip
        assert rules[0]["source"] == f"{path}:4 (InvalidRecipient)"
        assert f"{path}:9: not taken over: the class 'AutoReply' is no failure" in err
        assert f"{path}:10: not taken over: no reason is known for the class 'OurClass'" in err
        assert err.endswith("4 of 6 rules taken over\n")
        assert "# not taken over: " in out
        known = knowledge_of(out, tmp_path)
        assert rule_for("550 nobody is called kim here", known) == ("kumomta.InvalidRecipient.1", Reason.USER_UNKNOWN)
        assert rule_for("552 5.2.2 your mailbox is too full", known) == ("kumomta.QuotaIssues.1", Reason.MAILBOX_FULL)

    def test_capitals_begin_a_sentence(self, tmp_path: Path) -> None:
        known = knowledge_of(import_rules("kumomta", [("own.toml", LISTS)]).toml, tmp_path)
        assert rule_for("551 5.1.6 <kim@example.org>: Address gone", known)[0] == "kumomta.InvalidRecipient.3"
        assert not rule_for("551 5.1.8 Sender address gone", known)[0].startswith("kumomta")

    def test_a_class_of_ones_own_may_be_given_a_reason(self, tmp_path: Path, capsys: Any) -> None:
        path = write(tmp_path / "own.toml", LISTS)
        _, out, _ = run(capsys, "--from", "kumomta", "--map", "OurClass=spam_content", path)
        assert rule_for("550 xyzzy", knowledge_of(out, tmp_path)) == ("kumomta.OurClass.1", Reason.SPAM_CONTENT)
        status, _, err = run(capsys, "--from", "kumomta", "--map", "OurClass=nosuch", path)
        assert (status, "unknown value 'nosuch'; expected CLASS=REASON" in err) == (2, True)

    def test_a_string_that_stands_nowhere_as_it_is_has_no_line(self) -> None:
        made = import_rules("kumomta", [("f", '[rules]\nSpamBlock = ["a\\u0062c"]\n')])
        assert 'source = "f (SpamBlock)"' in made.toml

    def test_of_several_patterns_on_a_line_the_lost_one_is_named(self, capsys: Any, tmp_path: Path) -> None:
        path = write(tmp_path / "own.toml", '[rules]\nSpamBlock = ["xyzzy plugh", "^5"]\n')
        _, out, err = run(capsys, "--from", "kumomta", path)
        assert f"{path}:2: not taken over: it asks for a reply code alone" in err
        assert "\n    ^5\n" in err
        assert f"# {path}:2: xyzzy plugh\n" in out

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("[rules", "not TOML"),
            ("[other]\n", "table [rules], which is missing"),
            ("[rules]\nSpamBlock = [1]\n", "must be a list of regular expressions"),
            ("[rules]\n", "holds no rule of KumoMTA"),
        ],
    )
    def test_a_wrong_file_is_refused(self, text: str, said: str) -> None:
        with pytest.raises(KnowledgeError) as error:
            import_rules("kumomta", [("f.toml", text)])
        assert said in str(error.value)
        assert "f.toml" in str(error.value)


class TestLines:
    def test_the_action_is_in_the_source(self, tmp_path: Path, capsys: Any) -> None:
        path, output = write(tmp_path / "b.txt", LINES), tmp_path / "out.toml"
        status, out, err = run(capsys, "--from", "zone-mta", path, "-o", str(output))
        assert (status, out) == (0, "")
        text = output.read_text(encoding="utf-8")
        assert f"{path}:2 (recipient, reject)" in text
        assert f"{path}:5: not taken over: it names no class\n    not a rule" in err
        assert f"{path}:6: not taken over: never reached: {path}:3 has the same pattern" in err
        known = Knowledge.builtin().with_file(output)
        assert rule_for("550-5.1.1 there is no account of this name", known)[1] is Reason.USER_UNKNOWN
        assert f"{path}:4: not taken over: it asks for a reply code alone" in err
        assert rule_for("451 4.7.1 greylisted", known)[1] is Reason.GREYLISTED

    def test_a_code_alone_does_not_condemn_against_the_words(self, tmp_path: Path) -> None:
        known = knowledge_of(import_rules("zone-mta", [("b.txt", LINES)]).toml, tmp_path)
        assert rule_for("550 5.1.0 xyzzy", known) == ("zone-mta.envelope.1", Reason.USER_UNKNOWN)
        assert rule_for("550 5.1.0 sender rejected", known)[1] is Reason.SENDER_REJECTED

    def test_what_finds_no_reason_is_left_to_the_built_in_rules(self) -> None:
        made = import_rules("zone-mta", [("b.txt", "greylisting,defer,other,\nxyzzy plugh,reject,recipient,\n")])
        assert made.rules == 0
        assert [loss.text for loss in made.losses] == ["greylisting,defer,other,", "xyzzy plugh,reject,recipient,"]
        assert made.losses[0].why.startswith("the class 'other' names no reason, so the built-in rules judge")
        given = import_rules("zone-mta", [("b.txt", "xyzzy,defer,other,\n")], reasons={"other": Reason.UNDEFINED})
        assert given.rules == 1

    def test_what_keeps_replies_from_a_later_rule_stays(self, tmp_path: Path) -> None:
        text = "mailbox moved to plugh,defer,other,\nxyzzy,defer,other,\nplugh,reject,spf,\n"
        made = import_rules("zone-mta", [("b.txt", text)])
        assert [loss.place for loss in made.losses] == ["b.txt:2"]
        assert made.rewritten == (
            ("b.txt:1", "names no reason, but keeps replies from a later rule that would take them"),
        )
        known = knowledge_of(made.toml, tmp_path)
        assert rule_for("550 mailbox moved to plugh", known) == ("zone-mta.other.1", Reason.UNDEFINED)
        assert rule_for("550 plugh", known) == ("zone-mta.spf.1", Reason.AUTH_FAILED)

    @pytest.mark.parametrize("pattern", ["^4", r"^4\d\d", "^[45]", "^550[ -]", r"^(?:421|450) .*", "550", ".+"])
    def test_a_code_alone_is_left_to_the_built_in_rules(self, pattern: str) -> None:
        made = import_rules("powermta", [("config", f"/{pattern}/ bad-configuration\n")])
        assert [loss.why for loss in made.losses] == [
            "it asks for a reply code alone; left out, so that the built-in rules read the words"
        ]

    @pytest.mark.parametrize("pattern", [r"^550 5\.1\.1", r"5\.1\.", "^421 no", "101", "^4.*busy"])
    def test_what_asks_for_more_than_a_code_is_taken_over(self, pattern: str) -> None:
        assert import_rules("powermta", [("config", f"/{pattern}/ bad-configuration\n")]).rules == 1

    def test_the_file_of_another_program_is_refused(self, tmp_path: Path, capsys: Any) -> None:
        status, _, err = run(capsys, "--from", "zone-mta", write(tmp_path / "own.toml", "[rules]\nSpamBlock = []\n"))
        assert (status, "holds no rule of ZoneMTA" in err) == (2, True)

    def test_no_rule_taken_over_is_1(self, tmp_path: Path, capsys: Any) -> None:
        assert run(capsys, "--from", "zone-mta", write(tmp_path / "b.txt", "a(b,defer,spam,\n"))[:2] == (1, "")


class TestBlock:
    def test_what_a_pattern_sees_is_what_rules_see(self, tmp_path: Path) -> None:
        made = import_rules("powermta", [("config", BLOCK)])
        assert [loss.why.split(":")[0].split(";")[0] for loss in made.losses] == [
            "the class 'success' is no failure, and rules find reasons of failures",
            "it matches every reply",
            "it names no class",
        ]
        known = knowledge_of(made.toml, tmp_path)
        assert rule_for("550 <kim@example.org> is gone", known)[0] == "powermta.bad-mailbox.1"
        assert rule_for("452  mailbox   is crowded", known)[0] == "powermta.quota-issues.1"
        assert rule_for("421 4.4.7 xyzzy", known) == ("powermta.message-expired.1", Reason.EXPIRED)
        assert rule_for("550 see http://example.org", known)[0] == "powermta.policy-related.1"

    def test_a_block_may_stand_alone(self) -> None:
        assert import_rules("powermta", [("config", "/crowded/ quota-issues\n")]).rules == 1


class TestPatterns:
    @pytest.mark.parametrize(
        ("pattern", "expected"),
        [
            ("a +b", "a b"),
            (".*a.*b", "a.*b"),
            (".+a", ".a"),
            (r"a\s*b", r"a\s?b"),
            (r"(?<name>x)", r"(?P<name>x)"),
            (r"(?<=x)y", r"(?<=x)y"),
            (r"^550 x", r"^550[ -]x"),
            (r"^not a code", r"^not a code"),
        ],
    )
    def test_what_finds_the_same(self, pattern: str, expected: str) -> None:
        assert rewritten(pattern) == (expected, None)

    @pytest.mark.parametrize(
        ("pattern", "expected"),
        [
            (r"^550.+a.+b", r"^550.+a.{1,400}b"),
            (r"^550[ \-]+.*x", r"^550[ \-]{1,40}.*x"),
            (r"kept.+from.+there", None),
        ],
    )
    def test_two_unlimited_repetitions_become_limited_ones(self, pattern: str, expected: str | None) -> None:
        made = rewritten(pattern)
        assert expected in {None, made.pattern}
        assert made.note is not None
        assert made.note.startswith("repetitions limited to ")

    @pytest.mark.parametrize(
        ("pattern", "said"),
        [
            ("", "matches every reply"),
            (r"kim@example\.org", "addresses are blanked"),
            ("(", "not a regular expression"),
            (r"(a)\1", "back references"),
            ("(a|aa)+b", "alternatives that begin alike"),
        ],
    )
    def test_what_cannot_be_used(self, pattern: str, said: str) -> None:
        with pytest.raises(PatternError, match=said):
            rewritten(pattern)

    @pytest.mark.parametrize(
        ("pattern", "texts"),
        [
            (r"^\d{3} 5\.1\.\d$", {"550 5.1.5"}),
            (r"^[45]50 [45]\.2\.[12] ", {"450 4.2.1 ", "450 4.2.2 ", "550 5.2.1 ", "550 5.2.2 "}),
            (r"(full|gone)( now)?.*x\S", {"full xx", "gone xx"}),
            (r"(a)\1", set[str]()),
            (r"^550 4\.", {"550 4."}),
        ],
    )
    def test_samples(self, pattern: str, texts: set[str]) -> None:
        assert set(samples(pattern)) == texts


@pytest.mark.parametrize("program", programs())
def test_every_class_of_a_crosswalk_has_known_reasons(program: str) -> None:
    walk = crosswalk(program)
    assert walk.syntax in {"lists", "lines", "block"}
    assert all(len(set(reasons)) == len(reasons) for reasons in walk.reasons.values())


def test_a_file_in_latin_1_is_read(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "b.txt"
    path.write_bytes("^550 endere\u00e7o,reject,spam,x\r\n".encode("latin-1"))
    status, out, err = run(capsys, "--from", "zone-mta", str(path))
    assert (status, "read as Latin-1" in err) == (0, True)
    assert "endere\u00e7o" in out


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, capsys: Any) -> None:
    path = write(tmp_path / "b.txt", LINES)
    status, _, err = run(capsys, "--from", "zone-mta", path, "-o", str(tmp_path / "no" / "out.toml"))
    assert (status, "out.toml: No such file" in err) == (2, True)
