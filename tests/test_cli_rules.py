"""`undeliverable rules`: its actions from their arguments to their exit status."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from undeliverable import Knowledge, classify
from undeliverable.cli import main
from undeliverable.cli._entries import entries_of, place_of

FULL = "552 5.2.2 Mailbox is full"
OURS = """\
# What our shop adds.
[[rule]]
id = "ours.closed"
when = { reply = "550", words = "list is closed", provider = "google" }
then = { reason = "recipient_restricted" }
example = "550 5.7.1 Sorry, this list is closed"
source = "https://example.org/"
# The next one has no id.
[[rule]]
when = { words = "shop is closed" }
then = { reason = "system_error" }

[[policy]]
when = { reason = "mailbox_full" }
then = { bounce_type = "hard", label = "full" }
"""
PROFILE = """\
[profile]
name = "house"

[[policy]]
id = "house.full"
when = { reason = "mailbox_full" }
then = { bounce_type = "hard" }
"""
POLICIES = """\
# Each kind of fault once.
[[policy]]
id = "full"
when = { reason = "mailbox_full", host = "*.example.org", domain = "example.org", mx = "mx.example.org", command = "rcpt" }
then = { label = "full" }
examples = ["552 mailbox full", "550 5.1.1 no such user"]
not_examples = ["552 5.3.4 message too large", "552 mailbox full"]

[[policy]]
id = "below"
when = { reply = "552", host = "mx.example.org", domain = "a.example.org", mx = "mx.example.org", command = "rcpt" }
then = { label = "below" }
example = "552 mailbox full"

[[policy]]
id = "told"
when = { tenant = "a", stream = "b", source = ["192.0.2.0/24"], attempts = "> 3", age = "< 4h", sender_domain = "example.com", since = 2026-11-01, until = 2126-12-01, provider = "google" }
then = { label = "told" }
example = "550 5.1.1 no such user"

[[policy]]
id = "event"
when = { service = "sendgrid", source = "pool-*", until = 2126-12-01 }
then = { label = "event" }
example = "550 5.1.1 no such user"
"""
BROKEN = '[[rule]]\nid = "x"\nwhen = { reply = "950" }\nthen = { reason = "mailbox_full" }\n'
BOUNCE = b"""\
From: MAILER-DAEMON@mx.example.net
To: news@example.net
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; kim@example.org
Action: failed
Status: 5.2.2
Diagnostic-Code: smtp; 552 5.2.2 Mailbox is full

--b--
"""


@pytest.fixture
def ours(tmp_path: Path) -> str:
    return write(tmp_path / "ours.toml", OURS)


@pytest.fixture
def replies(tmp_path: Path) -> str:
    return write(tmp_path / "replies.txt", f"# what servers said\n{FULL}\n\n550 5.1.1 User unknown\n")


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["rules", *arguments])
    said = capsys.readouterr()
    return status, said.out, said.err


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    status, out, _ = run(capsys, *arguments, "--format", "json")
    return status, json.loads(out)


class TestList:
    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (("--layer", "file"), ["ours.closed", "ours.toml#rule#2", "ours.toml#1"]),
            (("--layer", "file:ours.toml", "--kind", "rule"), ["ours.closed", "ours.toml#rule#2"]),
            (("--layer", "file", "--kind", "policy"), ["ours.toml#1"]),
            (("--layer", "file", "--provider", "Google"), ["ours.closed"]),
            (("--layer", "file", "--reason", "mailbox_full"), ["ours.toml#1"]),
            (("--layer", "file", "--reason", "system_error"), ["ours.toml#rule#2"]),
        ],
    )
    def test_filters(self, arguments: tuple[str, ...], expected: list[str], ours: str, capsys: Any) -> None:
        status, found = run_json(capsys, "list", "--rules", ours, *arguments)
        assert (status, [entry["id"] for entry in found]) == (0, expected)

    def test_all_that_is_built_in_is_listed(self, capsys: Any) -> None:
        _, found = run_json(capsys, "list", "--profile", "ses")
        knowledge = Knowledge.builtin()
        assert [entry["id"] for entry in found if entry["kind"] == "rule"] == [rule.id for rule in knowledge.rules]
        assert {entry["layer"] for entry in found if entry["kind"] == "policy"} == {"profile:ses"}
        assert all(entry["source"] and entry["example"] for entry in found)

    def test_as_a_table(self, ours: str, capsys: Any) -> None:
        status, out, _ = run(capsys, "list", "--rules", ours, "--layer", "file")
        lines = out.splitlines()
        assert status == 0
        assert lines[0].split() == ["id", "kind", "layer", "provider", "then", "when"]
        assert lines[1].split()[:5] == ["ours.closed", "rule", "file:ours.toml", "google", "recipient_restricted"]
        assert lines[3].split()[:5] == ["ours.toml#1", "policy", "file:ours.toml", "-", "hard,"]

    def test_a_policy_that_asks_for_no_reason_speaks_of_all(self, capsys: Any) -> None:
        _, found = run_json(capsys, "list", "--profile", "strict-rfc", "--kind", "policy", "--reason", "spam_content")
        assert len(found) == 5

    def test_nothing_found_is_1(self, capsys: Any) -> None:
        assert run(capsys, "list", "--layer", "code") == (1, "", "")

    def test_a_reason_that_does_not_exist_is_wrong_usage(self, capsys: Any) -> None:
        status, _, err = run(capsys, "list", "--reason", "full")
        assert (status, "unknown value 'full'; expected a reason" in err) == (2, True)


class TestShow:
    def test_a_rule_with_its_place(self, capsys: Any) -> None:
        status, out, _ = run(capsys, "show", "-v", "google.receiving_rate")
        head, _, block = ((part.splitlines()) for part in out.partition("\n\n"))
        assert (status, head[3]) == (0, "  rule       google.receiving_rate (builtin)")
        path, _, line = head[-1].partition("place ")[2].strip().rpartition(":")
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        assert (lines[int(line) - 1], lines[int(line)]) == ("[[rule]]", 'id = "google.receiving_rate"')
        assert block[0] == "[[rule]]"
        assert block[-1].startswith("source = ")

    @pytest.mark.parametrize(
        ("name", "line", "last"),
        [
            ("ours.closed", 2, 'source = "https://example.org/"'),
            ("ours.toml#rule#2", 9, 'then = { reason = "system_error" }'),
            ("ours.toml#1", 13, 'then = { bounce_type = "hard", label = "full" }'),
        ],
    )
    def test_entries_of_a_file(self, name: str, line: int, last: str, ours: str, capsys: Any) -> None:
        status, out, _ = run(capsys, "show", "-v", name, "--rules", ours)
        head, _, block = out.partition("\n\n")
        assert (status, head.splitlines()[-1].split(), block.splitlines()[-1]) == (0, ["place", f"{ours}:{line}"], last)

    def test_of_several_files_that_of_the_entry(self, ours: str, tmp_path: Path, capsys: Any) -> None:
        rule = 'when = { words = "zebra crossing" }\nthen = { reason = "greylisted" }\nexample = "450 zebra crossing"\n'
        other = write(tmp_path / "other.toml", f'[[rule]]\nid = "other"\n{rule}')
        for files in ((ours, other), (other, ours)):
            words = [word for file in files for word in ("--rules", file)]
            assert run_json(capsys, "show", "ours.closed", *words)[1]["file"] == ours

    def test_a_policy_of_a_profile(self, tmp_path: Path, capsys: Any) -> None:
        _, found = run_json(capsys, "show", "prefinery.full", "--profile", "prefinery")
        assert found["file"].endswith("prefinery.toml")
        assert (found["kind"], found["layer"]) == ("policy", "profile:prefinery")
        house = write(tmp_path / "house.toml", PROFILE)
        for profile in (house, f"{house}:bounce_type"):
            _, found = run_json(capsys, "show", "house.full", "--profile", profile)
            assert (found["file"], found["line"], found["then"]) == (house, 4, "hard")

    def test_every_entry_that_is_built_in_has_its_place(self) -> None:
        for name in ("ses", "sisimai"):
            for entry in entries_of(Knowledge.builtin().with_profile(name)):
                if entry.kind == "policy":
                    assert place_of(entry, ()) is not None
        assert place_of(replace(entry, layer="builtin", id="nosuch"), ()) is None
        files = {place_of(entry, ()) for entry in entries_of(Knowledge.builtin()) if entry.id.startswith("yahoo.")}
        assert {Path(place.path).name for place in files if place} == {"yahoo.toml"}

    def test_an_unknown_id(self, capsys: Any) -> None:
        status, out, err = run(capsys, "show", "gogle.receiving_rate")
        assert (status, out) == (1, "")
        assert "no rule or policy has the id 'gogle.receiving_rate'; did you mean google.receiving_rate" in err
        assert run(capsys, "show", "?")[2] == "undeliverable: no rule or policy has the id '?'\n"

    def test_an_entry_that_stands_in_no_file(self, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        rules = [{"id": "mine", "when": {"words": "nope"}, "then": {"reason": "mailbox_full"}}]
        knowledge = Knowledge.builtin().with_rules(rules)
        monkeypatch.setattr("undeliverable.cli._rules_shown.knowledge_of", lambda options: knowledge)
        status, out, _ = run(capsys, "show", "mine", "-v")
        assert (status, out) == (
            0,
            (
                "mailbox_full: The mailbox is over its quota.\n"
                '  asks       says "nope"\n'
                "  rule       mine (code)\n"
                "  place      file unknown\n"
                "\n"
                'when     words = "nope"\n'
                "then     mailbox_full\n"
            ),
        )
        assert "more" not in run(capsys, "show", "mine")[1]
        _, found = run_json(capsys, "show", "mine")
        assert (found["file"], found["line"]) == (None, None)


class TestCheck:
    def test_files_that_can_be_used(self, ours: str, tmp_path: Path, capsys: Any) -> None:
        house = write(tmp_path / "house.toml", PROFILE)
        status, out, err = run(capsys, "check", ours, house, "--profile", "prefinery", "--rules", ours)
        assert (status, err) == (0, "")
        first, second = out.splitlines()
        assert first.startswith(f"{ours}: 2 rules, 1 policy; 0 of ")  # it is among the rules already
        assert second.startswith(f"{house}: 0 rules, 1 policy; ")

    def test_the_fault_is_located_and_the_other_files_are_looked_at(
        self, ours: str, tmp_path: Path, capsys: Any
    ) -> None:
        broken = write(tmp_path / "broken.toml", BROKEN)
        status, out, err = run(capsys, "check", broken, ours)
        assert status == 1
        assert re.fullmatch(
            rf"{ours}: 2 rules, 1 policy; [1-9]\d* of [\d,]+ built-in examples change \(.* -> .*\)\n", out
        )
        first, line, caret = err.splitlines()
        assert first.startswith(f"undeliverable: {broken}:3:10: entry 'x': key 'when.reply': not a reply code")
        assert line.strip() == 'when = { reply = "950" }'
        assert caret.strip() == "^"

    def test_the_examples_of_policies_are_run(self, tmp_path: Path, capsys: Any) -> None:
        ours = write(tmp_path / "ours.toml", POLICIES)
        status, out, err = run(capsys, "check", ours)
        assert (status, err.splitlines()) == (
            1,
            [
                f"undeliverable: {ours}:2: entry 'full': example '550 5.1.1 no such user': no policy applies (user_unknown); 'reason' does not hold",
                f"undeliverable: {ours}:2: entry 'full': not_examples '552 mailbox full': the policy applies",
                f"undeliverable: {ours}:9: entry 'below': example '552 mailbox full': full applies (mailbox_full)",
            ],
        )
        assert out.startswith(f"{ours}: 0 rules, 4 policies; ")

    @pytest.mark.parametrize(
        ("when", "warned"),
        [
            ('{ reply = "552", provider = "yahoo" }', True),
            ('{ reply = "552", reason = "mailbox_full" }', False),
            ('{ reply = "552", fault = "mailbox" }', False),
            ('{ reply = "552", status = "5.2.2", not = { fault = ["content", "sender"] } }', False),
            ('{ tenant = "a", reply = "5xx" }', True),
            ("{ }", True),
        ],
    )
    def test_a_policy_that_makes_hard_what_is_the_senders_fault(
        self, when: str, warned: bool, tmp_path: Path, capsys: Any
    ) -> None:
        ours = write(
            tmp_path / "ours.toml", f'[[policy]]\nid = "x"\nwhen = {when}\nthen = {{ bounce_type = "hard" }}\n'
        )
        status, _, err = run(capsys, "check", ours)
        assert status == 0
        assert ("warning: entry 'x': makes hard what is the" in err) is warned
        assert err.count("\n") == warned

    @pytest.mark.parametrize(
        ("when", "then", "example", "said"),
        [
            ('{ reason = "mailbox_full", expired = true }', "bounce_type = 'hard'", "452 4.2.2 mailbox full", ""),
            ('{ reason = "mailbox_full", expired = true }', "label = 'x'", "450 later", "; 'reason' does not hold"),
            ('{ reply = "551" }', "label = 'x'", "550 no such user", "; 'reply' does not hold"),
            ('{ reply = "551", words = "zebra" }', "label = 'x'", "550 no such user", ""),
            (
                '{ reply = "550" }',
                "retry_after = 9",
                "550 no such user",
                "; retry_after counts only where the message is",
            ),
        ],
    )
    def test_why_an_example_of_a_policy_fails(
        self, when: str, then: str, example: str, said: str, tmp_path: Path, capsys: Any
    ) -> None:
        text = f'[[policy]]\nwhen = {when}\nthen = {{ {then} }}\nexample = "{example}"\n'
        status, _, err = run(capsys, "check", write(tmp_path / "ours.toml", text))
        holds = "expired" in when and not said
        assert status == (0 if holds else 1)
        assert (err == "") is holds
        assert said in err
        assert ("; " in err) is bool(said)

    @pytest.mark.parametrize(
        ("above", "below", "warned"),
        [
            ('when = { provider = "yahoo" }\nthen = { label = "y" }', 'when = { reply = "552" }', True),
            (
                'when = { provider = ["yahoo", "google"] }\nthen = { label = "y" }',
                'when = { provider = ["google", "microsoft"] }',
                True,
            ),
            ('when = { provider = "yahoo" }\nthen = { label = "y" }', 'when = { provider = "google" }', False),
            ('when = { reply = "550", tenant = "a" }\nthen = { label = "y" }', 'when = { reply = "55x" }', True),
            ('when = { reply = "550" }\nthen = { label = "y" }', 'when = { reply = "552" }', False),
            ('when = { reason = "greylisted" }\nthen = { label = "y" }', 'when = { fault = "mailbox" }', False),
            ('when = { provider = "yahoo" }\nthen = { bounce_type = "soft" }', 'when = { reply = "552" }', False),
        ],
    )
    def test_a_policy_that_an_earlier_one_hides_in_part(
        self, above: str, below: str, warned: bool, tmp_path: Path, capsys: Any
    ) -> None:
        text = f"[[policy]]\nid = 'first'\n{above}\n[[policy]]\nid = 'second'\n{below}\nthen = {{ bounce_type = 'soft' }}\n"
        path = write(tmp_path / "ours.toml", text)
        status, _, err = run(capsys, "check", path)
        said = f"undeliverable: {path}:5: warning: entry 'second': sets no bounce_type where 'first' fits too"
        assert (status, err.startswith(said), err.count("\n")) == (0, warned, warned)

    @pytest.mark.parametrize(
        ("until", "said"), [("2020-01-31", "(2020-01-31 00:00 UTC) is in the past"), ("2126-01-01", "")]
    )
    def test_a_policy_that_no_longer_applies(self, until: str, said: str, tmp_path: Path, capsys: Any) -> None:
        text = (
            f'[[policy]]\nid = "x"\nwhen = {{ reason = "mailbox_full", until = {until} }}\nthen = {{ label = "x" }}\n'
        )
        path = write(tmp_path / "ours.toml", text)
        status, _, err = run(capsys, "check", path)
        expected = f"undeliverable: {path}:1: warning: entry 'x': no longer applies: its until {said}\n"
        assert (status, err) == (0, expected if said else "")

    def test_a_profile_is_no_file_of_rules(self, tmp_path: Path, capsys: Any) -> None:
        path = write(tmp_path / "house.toml", PROFILE)
        status, _, err = run(capsys, "list", "--rules", path)
        assert (status, "this file is a profile, not a file of rules; give it to --profile" in err) == (2, True)

    def test_what_a_file_for_one_tenant_changes(self, tmp_path: Path, capsys: Any) -> None:
        text = '[tenant]\nname = "acme"\n[[policy]]\nwhen = { reason = "mailbox_full" }\nthen = { label = "x" }\n'
        text += 'example = "552 mailbox full"\n'
        path = write(tmp_path / "ours.toml", text)
        _, out, err = run(capsys, "check", path)
        assert err == ""
        assert "label only)" in out
        _, out, _ = run(capsys, "show", "ours.toml#1", "--rules", path)
        assert "\n  policy     ours.toml#1 (tenant:acme)\n" in out
        assert f"\n  place      {path}:3\n" in out

    def test_a_byte_order_mark(self, tmp_path: Path, capsys: Any) -> None:
        for text, kind in ((OURS, "file"), (PROFILE, "profile")):
            path = tmp_path / f"{kind}.toml"
            path.write_bytes(b"\xef\xbb\xbf" + text.encode())
            assert run(capsys, "check", str(path))[::2] == (0, "")

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--profile", "prefinary"], "did you mean prefinery"),
            (["--profile", "ses:lable"], "did you mean label"),
            (["--profile", "ses:label:advice"], "unknown profile 'ses:label'"),
        ],
    )
    def test_names_that_nobody_knows(self, arguments: list[str], said: str, ours: str, capsys: Any) -> None:
        status, _, err = run(capsys, "check", ours, *arguments)
        assert status == 2
        assert said in err

    @pytest.mark.parametrize("text", ["not TOML", "profile = 1\n[[rule]]\n", "a = " + "[" * 3_000, None])
    def test_what_cannot_be_used(self, text: str | None, tmp_path: Path, capsys: Any) -> None:
        path = tmp_path / "bad.toml"
        if text is not None:
            write(path, text)
        status, out, err = run(capsys, "check", str(path))
        assert (status, out) == (1, "")
        assert err.startswith(f"undeliverable: {path}:")

    @pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="has no files for open descriptors")
    def test_a_pipe_is_read_as_a_file_is(self, capsys: Any) -> None:
        for text, status in (('[[policy]]\nthen = { label = "a" }\n', 0), ("not TOML", 1)):
            reader, writer = os.pipe()
            os.write(writer, text.encode())
            os.close(writer)
            found, out, _ = run(capsys, "check", f"/dev/fd/{reader}")
            os.close(reader)
            assert (found, "1 policy" in out) == (status, not status)


class TestWhich:
    def test_all_rules_that_fit(self, capsys: Any) -> None:
        status, out, _ = run(capsys, "which", FULL, "--profile", "prefinery")
        head, *blocks = out.split("\n\n")
        ids = [re.findall(r"^  rule +(\S+) ", block, re.MULTILINE)[0] for block in blocks]
        assert (status, ids[0].startswith("wording.mailbox_full")) == (0, True)
        assert [block.split()[0] for block in blocks] == ["decides", *map(str, range(2, len(blocks) + 1))]
        assert ids.index("general.x.2.2") < ids.index("general.552")
        assert head.endswith("hard (mailbox_full) -> suppress, by policy prefinery.full (profile:prefinery)")

    def test_the_words_that_matched_and_what_is_known(self, capsys: Any) -> None:
        status, out, _ = run(
            capsys,
            "which",
            FULL,
            "--mx",
            "mta5.am0.yahoodns.net",
            "--recipient",
            "kim@example.org",
            "--sender",
            "a@b.example",
        )
        assert status == 0
        assert "«Mailbox is full»" in out
        assert "pattern" not in out
        _, found = run_json(capsys, "which", "550 5.1.1 x", "--mx", "mta5.am0.yahoodns.net")
        assert (found["verdict"]["provider"], found["verdict"]["provider_from"]) == ("yahoo", "mx")
        assert found["matches"][0]["matched"] == []

    def test_the_second_opinion_wins(self, capsys: Any) -> None:
        for line in (Path(__file__).parents[1] / "fixtures" / "replies.txt").read_text("utf-8").splitlines():
            reply = line.partition("\t")[2]
            verdict = classify(reply)
            if verdict.rule is not None and verdict.rule.layer == "opinion":
                break
        status, out, _ = run(capsys, "which", reply)
        assert status == 0
        assert f"\n\ndecides {verdict.reason}: " in out
        assert f"\n  rule       opinion.{verdict.reason} (opinion)\n" in out

    def test_host_and_command(self, ours: str, capsys: Any) -> None:
        reply = "550 5.7.1 this list is closed"
        _, found = run_json(capsys, "which", reply, "--rules", ours, "--host", "mx.google.com", "--command", "RCPT")
        assert found["matches"][0]["id"] == "ours.closed"
        assert (found["verdict"]["command"], found["verdict"]["provider"]) == ("rcpt", "google")
        _, found = run_json(capsys, "which", reply, "--rules", ours)
        assert all(match["id"] != "ours.closed" for match in found["matches"])

    def test_none_is_1(self, capsys: Any) -> None:
        assert run(capsys, "which", "xyzzy") == (
            1,
            ("Mail to this recipient could not be delivered for now: the reason is not known.\n"
            "  reply      xyzzy\n"
            "  verdict    undetermined (undefined) -> review, by default\n"),
            "",
        )  # fmt: skip

    def test_a_label_is_shown(self, capsys: Any) -> None:
        assert (
            "hard (user_unknown) -> suppress [HARD]" in run(capsys, "which", "550 5.1.1", "--profile", "acellemail")[1]
        )


class TestDiff:
    def test_replies(self, replies: str, capsys: Any) -> None:
        status, out, err = run(capsys, "diff", "builtin", "prefinery", "--replies", replies)
        assert (status, err) == (1, "1 of 2 verdicts move: 1 soft -> hard\n")
        head, row, example = out.splitlines()
        assert head.split() == ["number", "old", "new", "by", "provider"]
        assert row.split() == [
            "1",
            "soft",
            "mailbox_full",
            "retry",
            "hard",
            "mailbox_full",
            "suppress",
            "prefinery.full",
            "-",
        ]
        assert example.strip() == f"{FULL}  {replies}:2"

    def test_messages_as_json(self, ours: str, tmp_path: Path, capsys: Any) -> None:
        mail = tmp_path / "bounce.eml"
        mail.write_bytes(BOUNCE)
        status, found = run_json(capsys, "diff", "prefinery", ours, str(mail))
        assert status == 1
        examples = {"number": 1, "examples": [{"source": str(mail), "subject": "kim@example.org"}]}
        change = {"before": "hard mailbox_full suppress", "after": "hard mailbox_full suppress [full]"}
        assert found == {
            "old": "prefinery", "new": ours, "read": 1, "verdicts": 1, "moved": 1,
            "groups": [{**change, "by": "ours.toml#1", "provider": "-", **examples}],
            "changes": [{**change, **examples}],
            "rules": [{"by": "ours.toml#1", **examples}],
            "providers": [{"provider": "-", **examples}],
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("head", "asked", "options", "missing"),
        [
            ("", "since = 2020-01-01, until = 2126-01-01", (), None),
            ('[tenant]\nname = "acme"\n', "", ("--tenant", "acme"), "--tenant"),
            ("", 'tenant = "acme"', ("--tenant", "acme"), "--tenant"),
            ("", 'stream = "news"', ("--stream", "news"), "--stream"),
            ("", 'attempts = "> 3"', ("--context", "attempts=4"), "--context attempts="),
        ],
    )
    def test_what_policies_ask_for_is_known(
        self,
        head: str,
        asked: str,
        options: tuple[str, ...],
        missing: str | None,
        replies: str,
        tmp_path: Path,
        capsys: Any,
    ) -> None:
        when = f'reason = "mailbox_full"{asked and ", "}{asked}'
        ours = write(tmp_path / "p.toml", f'{head}[[policy]]\nwhen = {{ {when} }}\nthen = {{ label = "x" }}\n')
        status, _, err = run(capsys, "diff", "builtin", ours, "--replies", replies, *options)
        assert (status, err) == (1, "1 of 2 verdicts move: 1 soft -> soft\n")
        if missing is not None:
            status, _, err = run(capsys, "diff", "builtin", ours, "--replies", replies)
            assert status == 0
            warning = f"no policy that asks for {missing} applies; name it to see what it moves"
            assert err.splitlines() == [f"undeliverable: {ours}: warning: {warning}", "0 of 2 verdicts move"]

    def test_a_part_of_a_profile(self, replies: str, tmp_path: Path, capsys: Any) -> None:
        status, found = run_json(capsys, "diff", "builtin", "ses:label", "--replies", replies)
        assert (status, found["moved"]) == (1, 2)
        assert all(row["before"] == row["after"].partition(" [")[0] for row in found["groups"])
        house = write(tmp_path / "house.toml", PROFILE)
        assert run(capsys, "diff", "builtin", f"{house}:label", "--replies", replies)[0] == 0
        assert run(capsys, "diff", "builtin", house, "--replies", replies)[0] == 1
        assert "did you mean label" in run(capsys, "diff", "builtin", "ses:lable", "--replies", replies)[2]

    def test_what_changes_about_the_message_alone_is_said(self, tmp_path: Path, capsys: Any) -> None:
        replies = write(tmp_path / "replies.txt", "452 4.2.2 The mailbox is full\n550 5.1.1 User unknown\n")
        policy = '[[policy]]\nid = "now"\nwhen = { reason = "mailbox_full" }\nthen = { retry_after = 60 }\n'
        _, found = run_json(capsys, "diff", "builtin", write(tmp_path / "p.toml", policy), "--replies", replies)
        (row,) = found["groups"]
        assert row["before"] == "soft mailbox_full retry retry_after 3600"
        assert row["after"] == "soft mailbox_full retry retry_after 60"
        assert row["by"] == "now"

    def test_groups_have_three_examples_and_sums(self, tmp_path: Path, capsys: Any) -> None:
        full = [f"552 5.2.2 mailbox {number} is full\n" for number in range(5)]
        lines = write(tmp_path / "lines", "".join((*full, "# comment\n", "\n", "550 xyzzy\n", "550 plugh\n")))
        rules = write(
            tmp_path / "r.toml",
            """
            rule = [
                { id = "x", when = { words = "xyzzy" }, then = { reason = "spam_content" } },
                { id = "p", when = { words = "plugh" }, then = { reason = "spam_content" } },
            ]
            policy = [{ id = "f", when = { reason = "mailbox_full" }, then = { label = "full" } }]
            """,
        )
        _, out, err = run(capsys, "diff", "builtin", rules, "--replies", lines)
        assert err.startswith("7 of 7 verdicts move: ")
        assert [line for line in out.splitlines() if line.startswith("        552")] == [
            f"        552 5.2.2 mailbox {number} is full  {lines}:{number + 1}" for number in range(3)
        ]
        _, found = run_json(capsys, "diff", "builtin", rules, "--replies", lines)
        assert [(row["by"], row["number"]) for row in found["rules"]] == [("f", 5), ("p", 1), ("x", 1)]
        assert [row["number"] for row in found["changes"]] == [5, 2]
        assert len(found["changes"][1]["examples"]) == 2

    def test_sums_by_provider_where_they_join_groups(self, tmp_path: Path, capsys: Any) -> None:
        log = write(
            tmp_path / "mail.log",
            "".join(
                f"Nov 28 10:00:0{number} mx postfix/smtp[1]: {number}A: to=<u{number}@example.org>, relay={host}[192.0.2.1]:25, "
                f"delay=1, delays=0/0/0/1, dsn=5.0.0, status=bounced (host {host}[192.0.2.1] said: {reply} (in reply to RCPT TO command))\n"
                for number, (host, reply) in enumerate(
                    (
                        ("mx.google.com", "552 5.2.2 mailbox full"),
                        ("mx.google.com", "550 5.1.1 no such user"),
                        ("mx.example.org", "550 5.1.1 no such user"),
                        ("mx.example.org", "552 5.2.2 mailbox full"),
                    )
                )
            )
            + "Nov 28 10:00:05 mx kernel: nothing\n",
        )
        labels = write(tmp_path / "l.toml", "[[policy]]\nid = 'l'\nthen = { label = 'seen' }\n")
        _, out, err = run(capsys, "diff", "builtin", labels, "--log", log)
        assert err == "4 of 4 verdicts move: 2 hard -> hard, 2 soft -> soft\n"
        assert out.endswith("\nnumber  provider\n2       -\n2       google\n")
        assert f"u1@example.org  {log}:2" in out

    def test_records_are_judged_anew(self, tmp_path: Path, capsys: Any) -> None:
        mail = tmp_path / "bounce.eml"
        mail.write_bytes(BOUNCE)
        assert main(["classify", "--format", "jsonl", str(mail)]) == 0
        record = capsys.readouterr().out
        bare = json.loads(record)
        bare["verdicts"][0]["reply"] = None
        records = write(tmp_path / "old.jsonl", f"{record}\n{json.dumps(bare)}\nnot json\n[]\n")
        status, out, err = run(capsys, "diff", "builtin", "prefinery", records)
        assert status == 1
        assert f"kim@example.org  {records}:1" in out
        assert err.endswith("2 of 2 verdicts move: 2 soft -> hard\n")
        assert f"{records}:4: " in err
        assert f"{records}:5: not a record of a report" in err

    def test_nothing_moves(self, replies: str, capsys: Any) -> None:
        assert run(capsys, "diff", "builtin", "default", "--replies", replies) == (0, "", "0 of 2 verdicts move\n")

    def test_a_rule_moves_a_verdict(self, tmp_path: Path, capsys: Any) -> None:
        rules = write(
            tmp_path / "r.toml", '[[rule]]\nid = "r"\nwhen = { words = "xyzzy" }\nthen = { reason = "spam_content" }\n'
        )
        lines = write(tmp_path / "lines", "xyzzy\n")
        _, found = run_json(capsys, "diff", "builtin", rules, lines, "--replies")
        assert found["rules"][0]["by"] == "r"
        assert " r " in run(capsys, "diff", "builtin", rules, lines, "--replies")[1]
        assert " the defaults " in run(capsys, "diff", rules, "builtin", lines, "--replies")[1]

    def test_a_format_of_a_file_may_find_more_recipients(self, tmp_path: Path, capsys: Any) -> None:
        body = "Zork report\n\nGone: kim@example.org\n"
        mail = write(tmp_path / "zork.eml", f"From: zork@example.net\nSubject: Zork report\n\n{body}")
        formats = write(
            tmp_path / "f.toml",
            '[[format]]\nname = "zork"\ntitle = "Zork"\nbegin = "Zork report"\nrecipient = "Gone: {recipient}$"\n'
            'action = "failed"\nsource = "https://example.org/"\n[format.when]\nsubject = "Zork report"\n',
        )
        status, found = run_json(capsys, "diff", "builtin", formats, mail)
        assert status == 1
        assert found["groups"][0]["before"] == "- - -"

    def test_standard_input(self, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        octets = io.BufferedReader(io.BytesIO(FULL.encode()))
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(octets))
        assert run(capsys, "diff", "builtin", "strict-rfc", "-", "--replies")[0] == 1

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (("builtin", "nosuch", "x"), "unknown profile"),
            (("builtin", "nosuch.toml", "x"), "cannot be read"),
            (("builtin", "ses", "nosuch", "--replies"), "nothing to compare"),
        ],
    )
    def test_wrong_usage(self, arguments: tuple[str, ...], told: str, capsys: Any) -> None:
        status, _, err = run(capsys, "diff", *arguments)
        assert (status, told in err) == (2, True)

    def test_an_action_must_be_named(self, capsys: Any) -> None:
        with pytest.raises(SystemExit) as left:
            main(["rules"])
        assert left.value.code == 2
        assert "ACTION" in capsys.readouterr().err


def test_foreign_words_are_made_harmless(tmp_path: Path, capsys: Any) -> None:
    lines = write(tmp_path / "lines", "552 5.2.2 full \x1b[31m " + "x" * 400 + "\n")
    _, out, _ = run(capsys, "diff", "builtin", "strict-rfc", "--replies", lines)
    assert "\x1b" not in out
    assert "\\x1b" in out
    assert "..." in out
