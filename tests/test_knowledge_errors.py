"""What the loader refuses: one error each, with the file, the entry, the key and a caret under it."""

from __future__ import annotations

from pathlib import Path

import pytest

from undeliverable import Knowledge, KnowledgeError

BUILTIN = Knowledge.builtin()
RULE = '[[rule]]\nwhen = { words = "zebra" }\nthen = { reason = "greylisted" }\n'

# name: (text, entry, key, line, column, a part of the detail)
FAULTS: dict[str, tuple[str, str | None, str | None, int, int, str]] = {
    "no TOML": ("[[rule]]\nwhen = {\n", None, None, 2, 9, "not TOML"),
    "TOML that is nested too deeply": ("a = " + "[" * 3_000 + "]" * 3_000, None, None, 1, 5, "nested too deeply"),
    "conditions that are nested too deeply": (
        "[[policy]]\nwhen = { " + "not = { " * 17 + 'reason = "expired"' + " }" * 18 + '\nthen = { label = "x" }\n',
        "policy[1]", "when.not", 2, 10, "nested more than 16 times",
    ),
    "no TOML at its end": ('a = "', None, None, 1, 6, "not TOML"),
    "an unknown table": ("[[rules]]\n", "rules", "rules", 1, 1, "unknown table"),
    "a bare unknown key": ("colour = 1\n", "colour", "colour", 1, 1, "unknown table"),
    "a built-in format": (
        'title = "A"\nsource = "B"\n[when]\nfrom = "c"\n', "title", "title", 1, 1, "in a file of your own it stands below [[format]]",
    ),
    "not a table": ("rule = [1]\n", "rule[1]", None, 1, 1, "must be a table"),
    "an unknown key": (RULE + "why = 1\n", "rule[1]", "why", 4, 1, "unknown key"),
    "an unknown condition": (
        '[[rule]]\nid = "a"\nwhen = { replly = "550" }\nthen = { reason = "greylisted" }\n',
        "a", "when.replly", 3, 10, "unknown condition",
    ),
    "an unknown condition of a policy": (
        '[[policy]]\nwhen = { word = "550" }\nthen = { label = "x" }\n', "policy[1]", "when.word", 2, 10, "did you mean words",
    ),
    "an unknown reason": ('[[rule]]\nwhen = { reply = "550" }\nthen = { reason = "gone" }\n', "rule[1]", "then.reason", 3, 10, "unknown reason 'gone'"),
    "a reason of another type": ('[[rule]]\nwhen = { reply = "550" }\nthen = { reason = ["a"] }\n', "rule[1]", "then.reason", 3, 10, "unknown reason"),
    "a rule with an advice": (
        '[[rule]]\nwhen = { reply = "550" }\nthen = { reason = "greylisted", advice = "none" }\n',
        "rule[1]", "then.advice", 3, 33, "unknown key",
    ),
    "no reason": ('[[rule]]\nwhen = { reply = "550" }\nthen = { }\n', "rule[1]", "then", 3, 1, "must name a reason"),
    "no condition": ('[[rule]]\nwhen = { }\nthen = { reason = "greylisted" }\n', "rule[1]", "when", 2, 1, "must ask for something"),
    "no when": ('[[rule]]\nthen = { reason = "greylisted" }\n', "rule[1]", "when", 1, 1, "must have 'when'"),
    "when is no table": ('[[rule]]\nwhen = "550"\nthen = { reason = "greylisted" }\n', "rule[1]", "when", 2, 1, "must be a table"),
    "an unknown advice": ('[[policy]]\nwhen = { }\nthen = { advice = "wait" }\n', "policy[1]", "then.advice", 3, 10, "unknown advice"),
    "an unknown bounce type": ('[[policy]]\nthen = { bounce_type = "firm" }\n', "policy[1]", "then.bounce_type", 2, 10, "unknown bounce_type"),
    "no consequence": ('[[policy]]\nwhen = { reply = "550" }\nthen = { }\n', "policy[1]", "then", 3, 1, "must set one of"),
    "an empty label": ('[[policy]]\nwhen = { }\nthen = { label = " " }\n', "policy[1]", "then.label", 3, 10, "not empty"),
    "an unknown command": ('[[rule]]\nwhen = { command = "helo" }\nthen = { reason = "greylisted" }\n', "rule[1]", "when.command", 2, 10, "unknown command"),
    "an unknown fault": ('[[policy]]\nwhen = { fault = "none" }\nthen = { label = "x" }\n', "policy[1]", "when.fault", 2, 10, "unknown fault"),
    "expired is no truth value": ('[[policy]]\nwhen = { expired = "yes" }\nthen = { label = "x" }\n', "policy[1]", "when.expired", 2, 10, "true or false"),
    "no reply code": ('[[rule]]\nwhen = { words = "a", reply = "55" }\nthen = { reason = "greylisted" }\n', "rule[1]", "when.reply", 2, 23, "not a reply code"),
    "a reply code that cannot be": ('[[rule]]\nwhen = { reply = "580" }\nthen = { reason = "greylisted" }\n', "rule[1]", "when.reply", 2, 10, "not a reply code"),
    "no status": ('[[rule]]\nwhen = { status = "5.1" }\nthen = { reason = "greylisted" }\n', "rule[1]", "when.status", 2, 10, "not a status"),
    "a number for a string": ('[[rule]]\nwhen = { reply = 550 }\nthen = { reason = "greylisted" }\n', "rule[1]", "when.reply", 2, 10, "string or a list"),
    "an empty list": ('[[rule]]\nwhen = { words = [] }\nthen = { reason = "greylisted" }\n', "rule[1]", "when.words", 2, 10, "string or a list"),
    "an empty phrase": ('[[rule]]\nwhen = { words = ["a", " "] }\nthen = { reason = "greylisted" }\n', "rule[1]", "when.words", 2, 10, "none of them empty"),
    "no regular expression": ("[[rule]]\nwhen = { pattern = '(' }\nthen = { reason = \"greylisted\" }\n", "rule[1]", "when.pattern", 2, 10, "not a regular expression"),
    "a pattern that is no string": ("[[rule]]\nwhen = { pattern = 1 }\nthen = { reason = \"greylisted\" }\n", "rule[1]", "when.pattern", 2, 10, "must be a regular expression"),
    "a pattern that is not linear": ("[[rule]]\nwhen = { pattern = '(a+)+b' }\nthen = { reason = \"greylisted\" }\n", "rule[1]", "when.pattern", 2, 10, "unbounded repetition"),
    "an example that another rule wins": (
        RULE + '[[rule]]\nid = "b"\nwhen = { words = "animal" }\nthen = { reason = "greylisted" }\nexample = "550 zebra animal"\n',
        "b", "example", 8, 1, "'bad.toml#rule#1' is the rule that matches",
    ),
    "an example that no rule wins": (RULE + 'example = "550 lion"\n', "bad.toml#rule#1", "example", 4, 1, "no rule in this file matches this example"),
    "an entry that is never reached": (
        RULE + '\n[[rule]]\nid = "b"\nwhen = { reply = "550", words = "a zebra" }\nthen = { reason = "greylisted" }\n',
        "b", "when", 7, 1, "never reached: 'bad.toml#rule#1'",
    ),
    "a policy that is never reached": (
        '[[policy]]\nwhen = { reply = "5xx" }\nthen = { label = "x" }\n[[policy]]\nwhen = { reply = "550", expired = true }\nthen = { label = "y" }\n',
        "bad.toml#2", "when", 5, 1, "never reached",
    ),
    "an id twice": (
        '[[rule]]\nid = "a"\nwhen = { words = "a" }\nthen = { reason = "greylisted" }\n[[policy]]\nid = "a"\nthen = { label = "x" }\n',
        "a", "id", 6, 1, "used twice",
    ),
    "an id that is no string": ('[[rule]]\nid = 1\nwhen = { words = "a" }\nthen = { reason = "greylisted" }\n', "rule[1]", "id", 2, 1, "not empty"),
    "an unknown id in replaces": (RULE + 'replaces = "nosuch"\n', "bad.toml#rule#1", "replaces", 4, 1, "no rule of a lower layer"),
    "a policy that replaces a rule": (
        '[[policy]]\nreplaces = "general.x.1.1"\nthen = { label = "x" }\n', "bad.toml#1", "replaces", 2, 1, "no policy of a lower layer",
    ),
    "a provider without a name": ('[[provider]]\nhosts = "a.example"\n', "provider[1]", "name", 1, 1, "must have a name"),
    "a provider with an unknown key": ('[provider]\nname = "a"\nhost = "a.example"\n', "a", "host", 3, 1, "unknown key"),
    "a provider with an empty title": ('[provider]\nname = "a"\ntitle = ""\n', "a", "title", 3, 1, "not empty"),
    "a format with an unknown key": ('[[format]]\nname = "a"\ntitle = "A"\ncolour = "b"\n', "a", "colour", 4, 1, ""),
    "a format with an empty name": ('[[format]]\nname = ""\n', "format[1]", "name", 2, 1, "not empty"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_file_is_refused(name: str, tmp_path: Path) -> None:
    text, entry, key, line, column, detail = FAULTS[name]
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(KnowledgeError) as caught:
        BUILTIN.with_file(path)
    error = caught.value
    assert detail in error.detail
    assert (error.file, error.entry, error.key) == (str(path), entry, key)
    assert (error.line, error.column) == (line, column)
    assert error.text == (text.splitlines()[line - 1] if line else "")
    shown = str(error).splitlines()
    assert shown[0].startswith(f"{path}:{line}:{column}:")
    assert shown[-1].index("^") == column + 3


def test_sub_tables_are_located_as_well(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('[[rule]]\nid = "a"\n[rule.then]\nreason = "gone"\n[rule.when]\nreply = "550"\n', encoding="utf-8")
    with pytest.raises(KnowledgeError) as caught:
        BUILTIN.with_file(path)
    assert (caught.value.line, caught.value.column) == (4, 1)


def test_inline_lists_have_no_place(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(
        'x = 1\nrule = [{ when = { reply = "5" }, then = { reason = "greylisted" } }]\n'[6:], encoding="utf-8"
    )
    with pytest.raises(KnowledgeError, match="not a reply code"):
        BUILTIN.with_file(path)


def test_from_code() -> None:
    with pytest.raises(KnowledgeError) as caught:
        BUILTIN.with_rules([{"when": {"reply": "999"}, "then": {"reason": "greylisted"}}])
    assert (caught.value.file, caught.value.entry, caught.value.key) == ("code", "rule[1]", "when.reply")
    assert str(caught.value).startswith("code: entry 'rule[1]': key 'when.reply': not a reply code")


@pytest.mark.parametrize("table", [{}, {"then": 1}, {"then": {}}, 1])
def test_from_code_without_consequence(table: object) -> None:
    with pytest.raises(KnowledgeError):
        BUILTIN.with_rules([table])  # type: ignore[list-item] # that is what is tested


def test_a_profile_holds_policies_only(tmp_path: Path) -> None:
    path = tmp_path / "house.toml"
    path.write_text(RULE, encoding="utf-8")
    with pytest.raises(KnowledgeError, match="unknown table; expected one of policy, profile"):
        BUILTIN.with_profile(str(path))
    path.write_text("[profile]\ncolour = 1\n", encoding="utf-8")
    with pytest.raises(KnowledgeError, match="unknown key"):
        BUILTIN.with_profile(str(path))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="cannot be read"):
        BUILTIN.with_file(tmp_path / "nosuch.toml")
    with pytest.raises(KnowledgeError, match="cannot be read"):
        BUILTIN.with_file(tmp_path)


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes("# eins\n# zwei ä\n".encode("latin-1"))
    with pytest.raises(KnowledgeError, match="not UTF-8") as caught:
        BUILTIN.with_file(path)
    assert caught.value.line == 2


def test_a_path_that_no_file_can_have() -> None:
    with pytest.raises(KnowledgeError, match="cannot be read: embedded null byte"):
        BUILTIN.with_file("a\0b")
