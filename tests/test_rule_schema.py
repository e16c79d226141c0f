"""The JSON Schema of rule files: it knows the keys that the loader knows, and every file that is shipped."""

from __future__ import annotations

import json
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from undeliverable import Knowledge, KnowledgeError
from undeliverable._knowledge.lists import with_lists
from undeliverable._rules import circumstances
from undeliverable._rules.keys import AROUND, POLICY_WHEN, RULE_WHEN
from undeliverable.cli import main
from undeliverable.data import names, read
from undeliverable.rule_files import rule_schema

jsonschema: Any = import_module("jsonschema")  # it has no types of its own
DATA = (
    "general.toml",
    *(f"{folder}/{name}" for folder in ("wording", "providers", "profiles") for name in names(folder)),
)
DOCS = Path(__file__).resolve().parent.parent / "docs"


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = rule_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("name", DATA)
def test_every_shipped_file_is_valid(name: str, validator: Any) -> None:
    document = with_lists(tomllib.loads(read(name)), tomllib.loads(read("lists.toml")))  # as the loader sees it
    assert [error.message for error in validator.iter_errors(document)] == []


def test_the_example_of_the_documentation_is_valid(validator: Any) -> None:
    validator.validate(tomllib.loads((DOCS / "examples" / "ours.toml").read_text(encoding="utf-8")))


def test_every_condition_is_read() -> None:
    assert POLICY_WHEN.keys() == {"reason", "fault"} | circumstances._READ.keys()
    assert RULE_WHEN.keys() >= AROUND


VALID = (
    "[[policy]]\nthen = { bounce_type = 'hard' }",
    "[[policy]]\nwhen = { reply = ['552', '45x'], attempts = '>= 3', age = ['> 1h', '< 1d'] }\nthen = { retry_after = 60 }",
    "[[policy]]\nwhen = { status = '5.7.*' }\nthen = { applies_to = 'queue' }",
    "[[policy]]\nwhen = { not = { domain = '*.edu' }, expired = true, attempts = 3 }\nthen = { label = 'x' }",
    "[[rule]]\nwhen = { means = ['list', 'refused'], unless = ['@content', 'too large'] }\nthen = { reason = 'undefined' }",
    "[[policy]]\nwhen = { unless = 'x' }\nthen = { label = 'x' }",
    "[provider]\nname = 'own'\nhosts = []",
    "[[provider]]\nname = 'own'\ndomains = 'own.example'",
    "[tenant]\nname = 'shop'",
    "[[service]]\nname = 'own'\n[[policy]]\nwhen = { service = 'own' }\nthen = { label = 'x' }",
)
INVALID = (
    "[[rules]]\n",
    "[[policy]]\n",
    "[[policy]]\nthen = {}",
    "[[policy]]\nthen = { bounce_type = 'dead' }",
    "[[policy]]\nthen = { reason = 'undefined' }",
    "[[policy]]\nthen = { retry_after = -1 }",
    "[[policy]]\nwhen = { reply = '950' }\nthen = { label = 'x' }",
    "[[policy]]\nwhen = { reply = [] }\nthen = { label = 'x' }",
    "[[policy]]\nwhen = { not = {} }\nthen = { label = 'x' }",
    "[[policy]]\nwhen = { attempts = 'many' }\nthen = { label = 'x' }",
    "[[policy]]\nwhen = { means = 'list' }\nthen = { label = 'x' }",
    "[[rule]]\nwhen = { words = 'x' }",
    "[[rule]]\nwhen = { unless = 'x' }\nthen = { reason = 'undefined' }",
    "[[rule]]\nwhen = {}\nthen = { reason = 'undefined' }",
    "[[rule]]\nwhen = { words = '' }\nthen = { reason = 'undefined' }",
    "[[rule]]\nwhen = { words = 'x', unless = '@nosuch' }\nthen = { reason = 'undefined' }",
    "[[rule]]\nwhen = { words = 'x', command = 'helo' }\nthen = { reason = 'undefined' }",
    "[[rule]]\nwhen = { wrods = 'x' }\nthen = { reason = 'undefined' }",
    "[[rule]]\nwhen = { words = 'x' }\nthen = { reason = 'undefined', label = 'x' }",
    "[[provider]]\ntitle = 'x'",
    "[tenant]\nowner = 'x'",
    "[[service]]\nsource = 'x'",
)


def load(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")
    Knowledge.builtin().with_file(path)


@pytest.mark.parametrize("text", VALID)
def test_loader_and_schema_take_the_same(text: str, validator: Any, tmp_path: Path) -> None:
    load(text, tmp_path / "own.toml")
    validator.validate(tomllib.loads(text))


@pytest.mark.parametrize("text", INVALID)
def test_loader_and_schema_refuse_the_same(text: str, validator: Any, tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError):
        load(text, tmp_path / "own.toml")
    assert not validator.is_valid(tomllib.loads(text))


def test_one_misspelt_word_is_one_error(validator: Any) -> None:
    for text in (
        "[[policy]]\nwhen = { reason = 'mailbox_ful' }\nthen = { label = 'x' }",
        "[[rule]]\nwhen = { words = 'x' }\nthen = { reason = 'mailbox_ful' }",
        "[provider]\nnme = 'x'\nname = 'x'",
        "[[provider]]\nnme = 'x'\nname = 'x'",
        "[tenant]\nnme = 'x'\nname = 'x'",
    ):
        assert len([*validator.iter_errors(tomllib.loads(text))]) == 1


def test_every_key_is_described() -> None:
    def described(value: object) -> None:
        if isinstance(value, dict):
            if value.get("properties"):
                for key, one in value["properties"].items():
                    assert one is True or one["description"].endswith((".", "`")), key
            for inner in value.values():
                described(inner)
        elif isinstance(value, list):
            for inner in value:
                described(inner)

    described(rule_schema())


def test_the_command_prints_what_is_published(capsys: Any, tmp_path: Path) -> None:
    assert main(["rules", "schema"]) == 0
    out = capsys.readouterr().out
    assert out == (DOCS / "reference" / "rules.schema.json").read_text(encoding="utf-8")
    path = tmp_path / "schema.json"
    assert main(["rules", "schema", "-o", str(path)]) == 0
    assert json.loads(path.read_text(encoding="utf-8")) == rule_schema()
