"""Policies from files: the ready ones, and what a file of one's own can say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import undeliverable
from tests.suppression_words import POLICIES
from undeliverable.suppression import Policy


def test_the_ready_policies_are_there() -> None:
    assert set(Policy.names()) == set(POLICIES)
    assert {"default", "mailman3", "listmonk", "discourse", "mailchimp", "sendgrid", "klaviyo", "acellemail"} <= set(
        POLICIES
    )


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_names_its_source_and_has_vectors(name: str) -> None:
    policy = Policy.builtin(name)
    assert policy.name == name
    assert policy.title, f"{name}.toml has no title"
    assert (policy.source or "").startswith("https://"), f"the source of {name}.toml is no address of a page"
    assert len(POLICIES[name]["vector"]) >= 3, f"{name}.toml needs three vectors or more"


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_survives_its_own_record(name: str) -> None:
    policy = Policy.builtin(name)
    assert Policy.from_dict(json.loads(json.dumps(policy.to_dict()))) == policy


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[policy]\nname = 'x'\ncolour = 1", "unknown key"),
        ("[policy]\nname = 'x'\nsoft = 'much'", "a number"),
        ("[policy]\nname = 'x'\nsoft = -1", "a number"),
        ("[policy]\nname = 'x'\nlimit = 0", "more than 0"),
        ("[policy]\nname = 1", "expected a string"),
        ("[policy]\nname = 'x'\nonce_a_day = 1", "true or false"),
        ("[policy]\nname = 'x'\nfull = { count = 1 }", "count and days"),
        ("[policy]\nname = 'x'\nignored_faults = 'flow'", "a list"),
        ("[policy]\nname = 'x'\nignored_faults = ['weather']", "weather"),
        ("[policy]\nname = 'x'\ncomplaint = 'shrug'", "shrug"),
        ("[policy]\nname = 'x'\nexpiry_days = { boredom = 1 }", "boredom"),
        ("[policy]\nsoft = 1", "needs a name"),
        ("[rule]\nname = 'x'", "unknown table"),
        ("", "is missing"),
        ("[policy", "not TOML"),
    ],
)
def test_what_a_policy_cannot_say(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(undeliverable.KnowledgeError, match=words) as caught:
        Policy.from_file(path)
    assert caught.value.file == str(path)


def test_no_such_policy(tmp_path: Path) -> None:
    with pytest.raises(undeliverable.KnowledgeError, match="expected one of acellemail, default"):
        Policy.builtin("kindness")
    with pytest.raises(undeliverable.KnowledgeError, match="No such file"):
        Policy.from_file(tmp_path / "none.toml")


def test_a_policy_is_utf_8(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes("[policy]\nname = 'größer'".encode("latin-1"))
    with pytest.raises(undeliverable.KnowledgeError, match="not TOML: 'utf-8'"):
        Policy.from_file(tmp_path / "mine.toml")
