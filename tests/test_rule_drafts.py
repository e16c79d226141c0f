"""`undeliverable rules suggest`: drafts of rules for replies that no words decided."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from undeliverable import Knowledge, classify
from undeliverable.cli import main
from undeliverable.rule_files import _clusters as clusters
from undeliverable.rule_files import draft_rules

ZORK = "550 5.7.1 <{0}@example.org>: zorkmid balance too low at mx{1}.example.net (id {1}ab{1}), see https://example.net/{1}"
GRUE = "554 {0} eaten by a grue in the dark"


def run(capsys: Any, *arguments: str) -> tuple[int, str, str]:
    status = main(["rules", "suggest", *arguments])
    out, err = capsys.readouterr()
    return status, out, err


def write(path: Path, *lines: str) -> str:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


def test_the_draft_for_a_single_reply(tmp_path: Path, capsys: Any) -> None:
    lines = write(tmp_path / "replies", GRUE.format("192.0.2.1"))
    status, out, _ = run(capsys, "--replies", lines, "--least", "1")
    assert status == 0
    assert "# 1 reply, judged as " in out


def test_the_rules_of_a_tenant_count(tmp_path: Path, capsys: Any) -> None:
    lines = write(tmp_path / "replies", GRUE.format("192.0.2.1"))
    rule = '[[rule]]\nid = "grue"\nwhen = { words = "eaten by a grue" }\nthen = { reason = "system_error" }'
    ours = write(tmp_path / "acme.toml", '[tenant]\nname = "acme"', rule)
    said = {
        tenant: run(capsys, "--replies", lines, "--least", "1", "--rules", ours, "--tenant", tenant)[2].split()[0]
        for tenant in ("acme", "other")
    }
    assert said == {"acme": "0", "other": "1"}


def test_replies_that_say_the_same_become_one_draft(tmp_path: Path, capsys: Any) -> None:
    lines = write(
        tmp_path / "replies",
        *(ZORK.format(f"user{number}", number) for number in range(9)),
        *(GRUE.format(f"192.0.2.{number}") for number in range(4)),
        "550 5.1.1 User unknown",
        "550 5.7.1 xyzzy",
        "250 ok",
    )
    output = tmp_path / "drafts.toml"
    status, out, err = run(capsys, "--replies", lines, "-o", str(output))
    assert (status, out) == (0, "")
    assert err == "14 of 15 replies judged by a bare code or not at all; 2 drafts for 13 of them\n"
    text = output.read_text(encoding="utf-8")
    grue, zork = tomllib.loads(text)["rule"]
    assert grue["when"] == {"reply": "554", "words": ["eaten by a grue in the dark"]}
    assert zork["when"] == {"reply": "550", "words": ["zorkmid balance too low at"]}
    assert zork["id"] == "draft.zorkmid-balance-too-low-at"
    assert zork["examples"][0] == ZORK.format("user", 0).replace("user@example.org", "user@example.com")
    assert len(zork["examples"]) == 3
    assert f"# 9 replies, judged as {zork['then']['reason']} by the code alone" in text
    assert main(["rules", "check", str(output)]) == 0
    capsys.readouterr()
    # A draft changes nothing before it is edited.
    assert main(["rules", "diff", "builtin", str(output), "--replies", lines]) == 0
    knowledge = Knowledge.builtin().with_file(output)
    decided = classify(ZORK.format("somebody", 77), knowledge=knowledge).rule
    assert decided is not None
    assert decided.id == zork["id"]


def test_nearly_the_same_words_are_one_cluster(tmp_path: Path, capsys: Any) -> None:
    lines = write(
        tmp_path / "replies",
        "550 the frobozz guild of wizards takes no letters today",
        "554 the frobozz guild of wizards takes no letters ever",
        "451 the frobozz guild of wizards takes no letters today",
        "451 the frobozz guild of wizards takes no letters today",
    )
    _, out, _ = run(capsys, "--replies", lines)
    rules = tomllib.loads(out)["rule"]
    assert [rule["when"] for rule in rules] == [
        {"reply": "5xx", "words": ["the frobozz guild of wizards takes no letters"]},
        {"reply": "451", "words": ["the frobozz guild of wizards takes no letters"]},
    ]
    assert [rule["id"] for rule in rules] == [
        "draft.the-frobozz-guild-of-wizards-takes-no-le", "draft.the-frobozz-guild-of-wizards-takes-no-le.2",
    ]  # fmt: skip


def test_small_clusters_are_left_out(tmp_path: Path, capsys: Any) -> None:
    lines = write(tmp_path / "replies", GRUE.format("it"), GRUE.format("he"), "554 plover egg missing there")
    assert run(capsys, "--replies", lines, "--least", "3")[:2] == (1, "")
    _, out, _ = run(capsys, "--replies", lines, "--least", "1", "--most", "1")
    assert [rule["id"] for rule in tomllib.loads(out)["rule"]] == ["draft.eaten-by-a-grue-in-the-dark"]


def test_logs_and_records(tmp_path: Path, capsys: Any) -> None:
    log = write(
        tmp_path / "mail.log",
        *(
            f"Nov 28 10:00:0{number} mx postfix/smtp[1]: {number}A: to=<u@example.org>, relay=mx.example.org[192.0.2.1]:25, "
            "delay=1, delays=0/0/0/1, dsn=5.0.0, status=bounced (host mx.example.org[192.0.2.1] said: "
            f"{GRUE.format(number)} (in reply to RCPT TO command))"
            for number in range(3)
        ),
    )
    assert main(["classify", "--log", "--format", "jsonl", log]) == 0
    records = write(tmp_path / "old.jsonl", capsys.readouterr().out)
    for arguments in (("--log", log), (records,)):
        status, out, _ = run(capsys, *arguments)
        (rule,) = tomllib.loads(out)["rule"]
        assert (status, rule["when"]["words"]) == (0, ["eaten by a grue in the dark"])


def test_replies_that_own_rules_decide_are_known(tmp_path: Path, capsys: Any) -> None:
    lines = write(tmp_path / "replies", GRUE.format("it"), GRUE.format("he"))
    own = write(tmp_path / "own.toml", "[[rule]]", 'when = { words = "a grue" }', 'then = { reason = "system_error" }')
    status, _, err = run(capsys, "--replies", lines, "--rules", own)
    assert (status, err) == (1, "0 of 2 replies judged by a bare code or not at all; 0 drafts for 0 of them\n")


def test_phrases_end_at_marks_and_signs() -> None:
    code, phrases = clusters._cut('550 5.0.0 Can\'t go, "here" (try there) mx1.example.org or <kim@example.org> a-b')
    assert code == "550"
    assert phrases == (("can't", "go"), ("here",), ("try", "there"), ("or",), ("a-b",))


def test_what_has_no_words_gives_no_draft(monkeypatch: Any) -> None:
    found = clusters.Clusters()
    found.add("550 5.0.0 12345", "undefined")
    found.add("550 zork", "undefined")
    assert (found.wordless, found.found()) == (2, [])
    found.add("550 \u6536\u4ef6\u4eba\u9ed1\u6d1e", "undefined")
    monkeypatch.setattr(clusters, "_MOST_KINDS", 1)
    found.add("550 something else entirely", "undefined")
    assert (found.dropped, [cluster.number for cluster in found.found()]) == (1, [1])


def test_a_draft_that_another_one_hides_is_left_out() -> None:
    tails = ("ever since the great flood", "or so they said at the inn last night")
    replies = [f"554 the frobozz guild of wizards takes no letters {tail}" for tail in tails]
    drafts = draft_rules([classify(reply) for reply in replies], Knowledge.builtin(), least=1)
    (rule,) = tomllib.loads(drafts.toml)["rule"]
    assert rule["examples"] == [replies[0]]
    assert (drafts.rules, drafts.unknown, drafts.covered) == (1, 2, 1)


def test_the_same_words_in_another_order_are_no_cluster() -> None:
    found = clusters.Clusters()
    for reply in ("550 zork foo bar", "550 bar foo zork"):
        found.add(reply, "undefined")
    assert [cluster.number for cluster in found.found()] == [1, 1]


def test_only_failures_with_a_reply_count() -> None:
    drafts = draft_rules([classify("250 ok"), classify("")], Knowledge.builtin())
    assert (drafts.verdicts, drafts.rules) == (0, 0)
