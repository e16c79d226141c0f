"""What the playground asks of the library, without a browser: the same verdicts as the library's, as text to be shown."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undeliverable import Knowledge, classify, parse

FOLDER: Final = Path(__file__).resolve().parent.parent / "docs" / "_site" / "extra" / "playground"
FIXTURES: Final = Path(__file__).resolve().parent.parent / "fixtures"
SCRIPT: Final = (FOLDER / "playground.js").read_text(encoding="utf-8")
LOG: Final = (
    "Nov 20 10:15:42 mx postfix/smtp[4711]: 4F1B2C3D: to=<kim@example.org>, relay=mx.example.org[192.0.2.7]:25, delay=3.1, "
    "delays=0.1/0/1/2, dsn=4.7.1, status=deferred (host mx.example.org[192.0.2.7] said: 450 4.7.1 Greylisted (in reply to RCPT TO command))"
)
POLICY: Final = """\
[[policy]]
id = "ours.full"
when = { reply = "552", reason = "mailbox_full" }
then = { bounce_type = "hard", label = "full" }
"""
WRONG: Final = '[[rule]]\nid = "x"\nwhen = { replies = "552" }\nthen = { reason = "mailbox_full" }\n'


def module() -> ModuleType:
    specification = importlib.util.spec_from_file_location("playground", FOLDER / "playground.py")
    assert specification is not None
    assert specification.loader is not None
    found = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(found)
    return found


PLAYGROUND: Final = module()


def asked(text: str, **more: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(PLAYGROUND.explain(json.dumps({"text": text, **more})))
    return answer


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("550 5.1.1 no such user", "reply"),
        ("  550-5.1.1 no\n550 5.1.1 such user", "reply"),
        ("5.2.2 mailbox full", "reply"),
        ("mailbox full", "reply"),
        ("550", "reply"),
        ("From: MAILER-DAEMON@example.net\nSubject: failed\n\n<kim@example.org>: user unknown\n", "message"),
        ("From kim@example.org Fri Nov 20 10:00:00 2026\nSubject: x\n\ny\n", "message"),
        ("\n\nReturn-Path: <>\nSubject: x\n\ny\n", "message"),
        (LOG, "log"),
        (f"something else\n{LOG}\n", "log"),
        ("Error: no such user", "reply"),
        ("", "reply"),
    ],
)
def test_what_a_text_is_taken_for(text: str, kind: str) -> None:
    assert PLAYGROUND.kind_of(text) == kind


@pytest.mark.parametrize("profile", ["", "prefinery", "ses"])
def test_a_reply_has_the_verdict_of_the_library(profile: str) -> None:
    knowledge = Knowledge.builtin().with_profile(profile) if profile else Knowledge.builtin()
    reply, host = "552 5.2.2 The mailbox is full", "mta5.am0.yahoodns.net"
    answer = asked(reply, host=host, profile=profile)
    verdict = classify(reply, host=host, knowledge=knowledge)
    (one,) = answer["verdicts"]
    assert one["record"] == json.loads(json.dumps(verdict.to_dict()))
    assert one["headline"] == verdict.explanation("en").headline
    assert verdict.rule is not None
    assert one["decided"][0]["id"] == verdict.rule.id


def test_a_policy_of_three_lines_decides() -> None:
    (one,) = asked("552 5.2.2 The mailbox is full", rules=POLICY)["verdicts"]
    assert one["bounce_type"] == "hard"
    (policy,) = [entry for entry in one["decided"] if entry["kind"] == "policy"]
    assert (policy["id"], policy["layer"]) == ("ours.full", "file:rules.toml")
    assert policy["did"] == "set bounce type, advice, label"
    assert ["label", "full"] in one["facts"]


def test_an_error_in_the_rules_names_the_place_and_no_folder() -> None:
    error = asked("550", rules=WRONG)["error"]
    assert error.startswith("rules.toml:3:")
    assert "replies" in error


@pytest.mark.parametrize("rules", ["\ud800", "= nonsense", "[[rule]]"])
def test_any_rules_give_an_answer(rules: str) -> None:
    assert "error" in asked("550", rules=rules)


def test_messages_and_logs() -> None:
    path = next(iter(sorted(FIXTURES.rglob("*.eml"))))
    raw = path.read_bytes()
    answer = asked(raw.decode("ascii", "replace"), kind="message")
    assert answer["kind"] == "message"
    assert len(answer["verdicts"]) >= len(parse(raw).verdicts) > 0
    (one,) = asked(f"{LOG}\n")["verdicts"]
    assert one["recipient"] == "kim@example.org"
    assert ["reason", "greylisted"] in one["facts"]


def test_a_message_that_is_no_report_is_explained_as_well() -> None:
    (one,) = asked("From: kim@example.org\nSubject: Lunch\n\nAt noon?\n")["verdicts"]
    assert one["facts"] == [["kind", "other"]]
    assert one["headline"]


def test_many_verdicts_are_counted() -> None:
    answer = asked("\n".join([LOG] * 60))
    assert (len(answer["verdicts"]), answer["more"]) == (50, 10)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.sampled_from(("", "message", "reply", "log")))
def test_any_text_gives_an_answer(text: str, kind: str) -> None:
    answer = asked(text, kind=kind)
    assert {"kind", "verdicts", "more", "remarks"} <= answer.keys()
    json.dumps(answer)


def test_the_page_is_filled_from_the_library() -> None:
    about = json.loads(PLAYGROUND.about())
    assert {"default", *about["profiles"]} == {*Knowledge.profiles()}


def test_no_foreign_text_becomes_html() -> None:
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert word not in SCRIPT


def test_the_page_may_load_its_own_files_only() -> None:
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["connect-src"] == "'self'"
    assert rules["script-src"] == "'self' 'wasm-unsafe-eval'"
    assert not re.search(r'(?:src|href)="(?!\.\./|#|[a-z]+\.(?:js|css|svg)")', page)
    assert " style=" not in page
    assert "http" not in SCRIPT.replace("https?:", "").replace("^https:", "")
