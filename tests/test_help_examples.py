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
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.dns_server import dns_server
from tests.examples_folder import fill
from tests.imap_server import Habits, imap_server
from undeliverable.cli import main
from undeliverable.cli._help import _EXAMPLES, Parser
from undeliverable.cli._main import full_parser
from undeliverable.cli._options import nested_parsers

PARSERS: Final = list(nested_parsers(full_parser()))
LEAST: Final = 3

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
def test_every_help_has_three_examples_of_its_command(parser: Parser) -> None:
    lines = examples_of(parser)
    assert len(set(lines)) >= LEAST
    assert sum(f"{line} ".startswith(f"{parser.prog} ") for line in lines) >= LEAST


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("examples")
    fill(base)
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
        served(rest, "listening on")
        return
    if rest[0] == "mailbox":
        mailbox(rest, folder)
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


def mailbox(words: list[str], folder: Path) -> None:
    """Read a mailbox of this host instead, with a bounce in it."""
    habits = Habits(messages={1: (folder / "bounce.eml").read_bytes()})
    with imap_server(habits) as port:
        words[1] = words[1].replace("imaps://", "imap://").replace("imap.example.com", f"127.0.0.1:{port}")
        if "--once" in words:
            assert main(words) == 0
        else:
            served(words, "watching")
    assert (folder / "list.db").stat().st_size or (folder / "bounces.jsonl").stat().st_size
    assert bool(habits.messages) is ("--no-move" in words)


def served(words: list[str], ready: str) -> None:
    """Start a server, wait until it says that it is ready, and stop it."""
    server = subprocess.Popen([sys.executable, "-m", "undeliverable", *words], stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    try:
        for line in server.stderr:
            if ready in line:
                break
        else:
            pytest.fail("it does not listen")
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0
    finally:
        server.kill()
        server.wait()
        server.stderr.close()
