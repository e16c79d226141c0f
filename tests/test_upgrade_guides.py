"""The guides for those who come from another library name what there is, and every reason."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.generate.profiles import REPLIES
from undeliverable import Knowledge, Reason, classify, parse
from undeliverable.verdict import Kind

HOWTO: Final = Path(__file__).resolve().parent.parent / "docs" / "howto"
GUIDES: Final = ("move-from-flufl-bounce.md", "move-from-sisimai.md", "move-from-bounce-mail-handler.md")
COMPLAINT: Final = Path(__file__).resolve().parent.parent / "fixtures" / "complaints"
BOUNCE: Final = Path(__file__).resolve().parent.parent / "fixtures" / "bounces" / "postfix-mixed.eml"


def page(name: str) -> str:
    return (HOWTO / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", GUIDES)
def test_every_attribute_that_a_guide_names_exists(name: str) -> None:
    report = parse(BOUNCE.read_bytes())
    complaint = next(
        found for path in sorted(COMPLAINT.glob("*.eml")) if (found := parse(path.read_bytes())).message.feedback
    )
    values = {"report": report, "verdict": report.verdicts[0]}
    for root, path in re.findall(r"\b(report|verdict)\.([a-z_.]+)\b", page(name)):
        value: object = values[root]
        for part in path.strip(".").split("."):
            if value is None and part == "type":
                value = complaint.message.feedback
            assert hasattr(value, part), f"{name}: {root}.{path}"
            value = getattr(value, part)


@pytest.mark.parametrize("name", GUIDES[1:])
def test_every_reason_and_kind_in_a_guide_is_one_of_ours(name: str) -> None:
    text = page(name)
    named = {word for word in re.findall(r"`([a-z]+(?:_[a-z]+)+)`", text) if word in {*Reason}}
    assert named >= {"user_unknown", "mailbox_full", "domain_unknown", "message_too_large"}
    for kind in re.findall(r'kind == "(\w+)"|the kind `(\w+)`', text):
        assert "".join(kind) in {*Kind}


def rows(name: str, heading: str) -> list[list[str]]:
    part = page(name).partition(f"## {heading}")[2].partition("\n## ")[0]
    return [line.strip("|").split("|") for line in part.splitlines() if line.startswith("| `")]


def test_the_table_of_sisimais_reasons_follows_the_profile() -> None:
    known = Knowledge.builtin().with_profile("sisimai")
    labels = {classify(reply, knowledge=known).label for reply in REPLIES.values()}
    for theirs, ours, dead, *_ in rows("move-from-sisimai.md", "Reason by reason"):
        assert set(re.findall(r"`(\w+)`", theirs)) & {*labels, "suppressed", "undefined"}
        for name in re.findall(r"`(\w+)`", ours.partition(";")[0]):
            if name in {*Reason}:
                reason = Reason[name.upper()]
                hard = {"yes": "hard", "no": "soft"}.get(dead.split(";")[0].strip(), "undetermined")
                assert reason.bounce_type == hard, name


def test_what_is_dead_in_the_table_of_categories_is_hard() -> None:
    for _, _, _, ours, dead, *_ in rows("move-from-bounce-mail-handler.md", "Category by category"):
        for name in re.findall(r"`(\w+)`", ours):
            if name in {*Reason}:
                assert (Reason[name.upper()].bounce_type == "hard") is dead.strip().startswith("yes"), name


def test_the_profile_gives_sisimais_words() -> None:
    known = Knowledge.builtin().with_profile("sisimai")
    assert classify("550 5.1.1 User unknown", knowledge=known).label == "userunknown"
