"""There is one table of SMTP's commands, and whatever names one of them is read by it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import pytest

import undeliverable
from undeliverable import from_exception
from undeliverable._smtp.commands import COMMANDS, STEPS, named_command
from undeliverable._smtp.replies import answered_command
from undeliverable._smtp.transcripts import read_dialogue
from undeliverable.model import Command

ROOT: Final = Path(undeliverable.__file__).parent
HOME: Final = ROOT / "_smtp" / "commands.py"

# How each is written with what usually follows it.
WRITTEN: Final = {"MAIL": "MAIL FROM:<news@example.net>", "RCPT": "RCPT TO:<kim@example.org>", "BDAT": "BDAT 86 LAST"}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_transcript_tells_each_command(name: str) -> None:
    (facts,) = read_dialogue(f">>> {WRITTEN.get(name, name)}\n<<< 550 5.7.1 no\n", "1")
    # DATA itself was accepted by then, unless no recipient was left: RFC 5321 3.3.
    assert facts.command is (Command.END_OF_DATA if name == "DATA" else COMMANDS[name])


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    "frame", ['in reply to "{}"', "while sending '{}'", 'after "{}" command', "(in reply to <{}>)"]
)
def test_a_servers_words_tell_each_command(frame: str, name: str) -> None:
    assert answered_command(frame.format(WRITTEN.get(name, name))) is COMMANDS[name]


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ("during TLS handshake", Command.STARTTLS),
        ("during authentication", Command.AUTH),
        ("after end of data", Command.END_OF_DATA),
        ("did not like our final DATA", Command.END_OF_DATA),
        ("error at message body", Command.END_OF_DATA),
        ("failed after I sent the message", Command.END_OF_DATA),
        ("but my name was rejected", Command.EHLO),
        ("but sender was rejected", Command.MAIL),
        ("but recipient was rejected", Command.RCPT),
        ("but greeting failed", Command.CONNECT),
        ("refused to talk to me", Command.CONNECT),
        ("error on initial connection", Command.CONNECT),
        ("while performing connect", Command.CONNECT),
        ("failed at banner", Command.CONNECT),
    ],
)
def test_a_servers_words_and_a_field_tell_the_same(words: str, command: Command) -> None:
    assert answered_command(words.replace("but my name", "but name")) is command
    assert named_command(words) is command


@pytest.mark.parametrize("name", STEPS)
def test_a_field_tells_each_step_in_any_case(name: str) -> None:
    assert named_command(name) is named_command(f" {name.lower()} ") is named_command(f'"{name}"') is STEPS[name]


@pytest.mark.parametrize(
    ("name", "command"),
    [
        *((written, COMMANDS[name]) for name, written in WRITTEN.items()),
        ("MAIL_FROM", Command.MAIL),
        ("end_of_data", Command.END_OF_DATA),
        ("TEXT", Command.END_OF_DATA),
        ("initial connection", Command.CONNECT),
        ("<data@example.org>", None),
        ("mail.example.org", None),
        ("NOOP", None),
        ("", None),
        (" " * 100 + "RCPT", None),
    ],
)
def test_the_command_that_a_field_names(name: str, command: Command | None) -> None:
    assert named_command(name) is command


@pytest.mark.parametrize("name", [name for name in COMMANDS if name.isalpha()])
def test_a_function_of_a_client_tells_each_command(name: str) -> None:
    made: dict[str, object] = {}
    exec(f"def {name.lower()}():\n    raise TimeoutError('timed out')", made)
    function = made[name.lower()]
    assert callable(function)
    try:
        function()
    except TimeoutError as error:
        (verdict,) = from_exception(error)
    assert verdict.command is COMMANDS[name]


def keys_of_commands(tree: ast.AST) -> set[str]:
    """Return the literals beside which a member of Command stands, in a table or in pairs, in capitals."""
    found: set[str] = set()
    for node in ast.walk(tree):
        pairs: list[tuple[ast.expr | None, ast.expr]] = []
        if isinstance(node, ast.Dict):
            pairs = list(zip(node.keys, node.values, strict=True))
        elif isinstance(node, ast.Tuple) and len(node.elts) == 2:
            pairs = [(node.elts[0], node.elts[1])]
        for key, value in pairs:
            if (
                isinstance(key, ast.Constant)
                and isinstance(key.value, str)
                and ast.unparse(value).startswith(("Command.", "_Command."))
            ):
                found.add(key.value.upper())
    return found


def test_no_second_table_names_commands() -> None:
    assert keys_of_commands(ast.parse(HOME.read_text(encoding="utf-8"))) == set(STEPS)
    others = {
        path.relative_to(ROOT).as_posix(): keys_of_commands(ast.parse(path.read_text(encoding="utf-8"))) & set(COMMANDS)
        for path in ROOT.rglob("*.py")
        if path != HOME
    }
    assert {name: keys for name, keys in others.items() if keys} == {}
