"""Every example in every help text is run, with files of the names that the examples use."""

from __future__ import annotations

import glob
import io
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.dns_server import dns_server
from undeliverable.cli import main
from undeliverable.cli._help import _EXAMPLES, Parser
from undeliverable.cli._main import full_parser
from undeliverable.cli._options import nested_parsers

ROOT: Final = Path(__file__).resolve().parent.parent
FIXTURES: Final = ROOT / "fixtures"
PARSERS: Final = [parser for parser in nested_parsers(full_parser()) if isinstance(parser, Parser)]
LEAST: Final = 3

KUMOMTA: Final = """\
[rules]
InvalidRecipient = ["^550.+nobody is called .+ here"]
QuotaIssues = ["^552.+mailbox is too full"]
"""
OURS: Final = """\
[[rule]]
id = "ours.quota"
when = { reply = "552", words = "mailbox full" }
then = { reason = "mailbox_full" }
example = "552 5.2.2 mailbox full"
"""
FOUND_NOTHING: Final = tuple(
    f"undeliverable {words} "
    for words in ("rules diff", "rules suggest", "suppressions confirm", "suppressions release")
)
"""Commands that end with 1 where nothing differs or is found, which depends on the rules and the failures of the day."""


class Case(NamedTuple):
    of: str
    line: str


def examples_of(parser: Parser) -> list[str]:
    return re.findall(r"^  (undeliverable .+)$", parser.format_help().partition("\nexamples:\n")[2], re.MULTILINE)


CASES: Final = [
    *(Case("the first help", line) for line in _EXAMPLES),
    *(Case(parser.prog, line) for parser in PARSERS for line in examples_of(parser)),
]


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.prog)
def test_every_help_has_three_examples_of_its_command(parser: ArgumentParser) -> None:
    assert isinstance(parser, Parser)
    lines = examples_of(parser)
    assert len(set(lines)) >= LEAST
    assert sum(f"{line} ".startswith(f"{parser.prog} ") for line in lines) >= LEAST


def letter(recipient: str, reply: str) -> str:
    return f"""\
From: MAILER-DAEMON@mx.example.net
To: news@example.net
Subject: Undelivered Mail Returned to Sender
Date: Mon, 16 Nov 2026 09:12:33 +0000
Message-ID: <{recipient}>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; {recipient}
Action: failed
Status: {reply[4:9]}
Diagnostic-Code: smtp; {reply}

--b--
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with everything that the examples name."""
    base = tmp_path_factory.mktemp("examples")
    for folder in ("bounces", "Maildir/cur", "Maildir/new", "Maildir/tmp", "run/undeliverable", "lib/bounces", "log"):
        (base / folder).mkdir(parents=True)
    letters = [
        letter("kim@example.org", "550 5.1.1 <kim@example.org>: no such user"),
        letter("pat@example.com", "552 5.2.2 mailbox full"),
    ]
    for number, text in enumerate(letters):
        (base / "bounces" / f"{number}.eml").write_text(text)
        (base / "Maildir" / "cur" / f"{number}:2,S").write_text(text)
    (base / "bounce.eml").write_text(letters[0])
    for name in ("inbox.mbox", "archive.mbox"):
        (base / name).write_text("".join(f"From MAILER-DAEMON Mon Nov 16 09:12:33 2026\n{text}\n" for text in letters))
    for name in ("mail.log", "log/mail.log"):
        shutil.copy(FIXTURES / "logs" / "postfix.log", base / name)
    for name in ("my.toml", "ours.toml"):
        (base / name).write_text(OURS)
    for name, rules in (("old", []), ("new", ["--rules", str(base / "ours.toml")])):
        assert (
            main(["classify", "-q", *rules, "--format", "parquet", "-o", str(base / name), str(base / "bounces")]) == 0
        )
    (base / "bounces.toml").write_text(KUMOMTA)
    (base / "campaign.txt").write_text("kim@example.org\nlee@example.net\n")
    (base / "subscribers.csv").write_text("name,email\nKim,kim@example.org\nLee,lee@example.net\n")
    (base / "sent.csv").write_text("recipient,message_id,sent\nkim@example.org,<1@example.net>,100\n")
    secrets = base / "secrets.toml"
    secrets.write_text('[postmark]\nusername = "user"\npassword = "a long password"\n')
    secrets.chmod(0o600)
    take = base / "take-bounce"
    take.write_text("#!/bin/sh\ncat > /dev/null\n")
    take.chmod(0o700)
    known = str(base / "list.db")
    assert main(["suppressions", "add", "kim@example.org", "--why", "asked by phone", known]) == 0
    assert main(["suppressions", "add", "kim@example.org", "--scope", "acme", known]) == 0
    assert main(["suppressions", "add-domain", "example.org", known]) == 0
    assert main(["suppressions", "add-domain", "example.org", "--scope", "acme", known]) == 0
    return base


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of that folder, in which the example runs."""
    copy = tmp_path / "here"
    shutil.copytree(made, copy)
    monkeypatch.chdir(copy)
    monkeypatch.setenv("HOME", str(copy))
    return copy


@pytest.fixture(scope="module")
def name_server() -> Iterator[int]:
    zone = {f"example.{end}": (f"MX 10 mx.example.{end}.",) for end in ("org", "net")}
    zone |= {f"mx.example.{end}": ("A 192.0.2.1",) for end in ("org", "net")}
    with dns_server(zone) as server:
        yield server.port


def here(line: str, folder: Path) -> str:
    """Return an example with the places of a real machine moved below the folder, and with any free port."""
    for place, name in (
        ("/var/log/", "log/"), ("/var/lib/", "lib/"), ("/usr/local/bin/", ""), ("/run/", "run/"),
    ):  # fmt: skip
        line = line.replace(place, f"{folder}/{name}")
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:0", line)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.line)
def test_an_example_runs(
    case: Case, folder: Path, name_server: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.shlex(here(case.line, folder), posix=True, punctuation_chars="|<>")
    words.whitespace_split = True
    program, *rest = words
    assert program == "undeliverable"
    if rest[0] == "serve":
        served(rest)
        return
    if rest[0] == "check":
        rest[1:1] = ["--nameserver", "127.0.0.1", "--port", str(name_server)]
    status, errors = run(rest, monkeypatch, capsys)
    expected = {0, 1} if case.line.startswith(FOUND_NOTHING) else {0}
    assert status in expected, errors
    assert "Traceback" not in errors


def run(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Run what a shell would: redirections and the names of several files, up to the first pipe."""
    words = words[: words.index("|")] if "|" in words else words
    arguments: list[str] = []
    given, output = b"", None
    left = iter(words)
    for word in left:
        if word == "<":
            given = Path(next(left)).read_bytes()
        elif word == ">":
            output = Path(next(left))
        else:
            name = os.path.expanduser(word)
            arguments += sorted(glob.glob(name)) if "*" in name else [name]
    if arguments[0] == "pipe":
        done = subprocess.run(
            [sys.executable, "-m", "undeliverable", *arguments], input=given, capture_output=True, check=False
        )
        return done.returncode, done.stderr.decode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(given))))
    capsys.readouterr()
    status = main(arguments)
    captured = capsys.readouterr()
    if output is not None:
        output.write_text(captured.out)
    return status, captured.err


def served(words: list[str]) -> None:
    """Start a server, wait until it listens, and stop it."""
    server = subprocess.Popen([sys.executable, "-m", "undeliverable", *words], stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    try:
        for line in server.stderr:
            if "listening on" in line:
                break
        else:
            pytest.fail("it does not listen")
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
    finally:
        server.kill()
        server.wait()
        server.stderr.close()
