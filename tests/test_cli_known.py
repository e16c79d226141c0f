"""What the command is told beside the mail: the tenant, the stream, the context, and the clock that it passes on."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from undeliverable.cli import main

from .test_pipe import bounce

FULL = "552 5.2.2 Mailbox full"
RULES = """\
[[policy]]
id = "told"
when = { tenant = "acme", stream = "news", source = "pool-a", attempts = ">= 2", age = "< 1h", since = 2026-01-01 }
then = { label = "told" }
"""
TOLD = [
    "--tenant",
    "Acme",
    "--stream",
    "news",
    "--context",
    "source=pool-a",
    "--context",
    "attempts=2",
    "--context",
    "age=60",
]
LINE = (
    "Nov 29 10:00:00 mx postfix/smtp[1]: 4F2A: to=<kim@example.org>, relay=mx.example.org[192.0.2.1]:25, delay=1, "
    "delays=0/0/0/1, dsn=5.2.2, status=bounced (host mx.example.org[192.0.2.1] said: 552 5.2.2 Mailbox full "
    "(in reply to RCPT TO command))\n"
)


@pytest.fixture
def given(tmp_path: Path) -> list[str]:
    (tmp_path / "ours.toml").write_text(RULES, "utf-8")
    (tmp_path / "1.eml").write_bytes(bounce("kim@example.org", "5.2.2", FULL))
    (tmp_path / "mail.log").write_text(LINE, "utf-8")
    return ["--rules", str(tmp_path / "ours.toml")]


@pytest.mark.parametrize(("told", "label"), [(TOLD, "told"), ([], None), (["--tenant", "acme"], None)])
@pytest.mark.parametrize("command", [["classify"], ["classify", "--log"], ["classify", "--jobs", "2"]], ids=" ".join)
def test_classify(
    command: list[str], told: list[str], label: str | None, given: list[str], tmp_path: Path, capsys: Any
) -> None:
    file = str(tmp_path / ("mail.log" if "--log" in command else "1.eml"))
    assert main([*command, *given, *told, "--format", "jsonl", file]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["verdicts"][0]["label"] == label


def test_pipe(given: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out.jsonl"
    message = io.FileIO(str(tmp_path / "1.eml"))
    monkeypatch.setattr("undeliverable.cli.pipe._STDIN", message.fileno())
    assert main(["pipe", "--to", str(out), "--sender", "", *given, *TOLD]) == 0
    message.close()
    assert json.loads(out.read_text("utf-8"))["verdicts"][0]["label"] == "told"


def test_explain(given: list[str], tmp_path: Path, capsys: Any) -> None:
    for subject in (FULL, str(tmp_path / "1.eml")):
        assert main(["explain", "-v", subject, *given, *TOLD]) == 0
        assert "[told]" in capsys.readouterr().out
    assert main(["explain", "-v", FULL, "--recipient", "kim@gmx.de"]) == 0
    assert "gmx, by the recipient's domain" in capsys.readouterr().out
    assert main(["explain", "-v", FULL, "--mx", "mx.google.com", "--sender", "a@example.com"]) == 0
    assert "google, by the MX hosts" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["source", "nosuch=1", "age=old"])
def test_a_context_that_is_none(text: str, given: list[str], capsys: Any) -> None:
    assert main(["explain", FULL, *given, "--context", text]) == 2
    assert "--context: " in capsys.readouterr().err


def test_parts_of_profiles(capsys: Any) -> None:
    assert main(["explain", "-v", FULL, "--profile", "prefinery", "--profile", "ses: label"]) == 0
    assert "hard (mailbox_full) -> suppress [Transient/MailboxFull]" in capsys.readouterr().out


def test_a_profile_that_is_a_file(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "a:house.toml"
    path.write_text('[[policy]]\nwhen = { reply = "552" }\nthen = { label = "house" }\n', "utf-8")
    assert main(["explain", "-v", FULL, "--profile", str(path)]) == 0
    assert "[house]" in capsys.readouterr().out


def test_the_clock_is_passed_on_when_rules_are_compared(tmp_path: Path, capsys: Any) -> None:
    ours = tmp_path / "ours.toml"
    ours.write_text('[[policy]]\nwhen = { since = 2026-01-01 }\nthen = { label = "now" }\n', "utf-8")
    (tmp_path / "replies.txt").write_text(f"{FULL}\n", "utf-8")
    (tmp_path / "1.eml").write_bytes(bounce("kim@example.org", "5.2.2", FULL))
    (tmp_path / "mail.log").write_text(LINE, "utf-8")
    for path, option in (("replies.txt", ["--replies"]), ("1.eml", []), ("mail.log", ["--log"])):
        assert main(["rules", "diff", "builtin", str(ours), str(tmp_path / path), *option]) == 1
        assert "[now]" in capsys.readouterr().out
