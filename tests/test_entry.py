"""The entry point: the first help, the help of every command, and what a wrong command line is answered with."""

from __future__ import annotations

import subprocess
import sys
from argparse import ArgumentParser

import pytest

from undeliverable.cli import main
from undeliverable.cli._exit import STATUSES
from undeliverable.cli._main import COMMANDS, command_named, full_parser, nested_parsers

PARSERS = list(nested_parsers(full_parser()))
"""The parsers of all commands and of the commands below them."""


def path_of(parser: ArgumentParser) -> str:
    return parser.prog.removeprefix("undeliverable ")


def shown(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 0
    return capsys.readouterr().out


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


@pytest.fixture(autouse=True)
def eighty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_the_first_help_fits_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(["--help"], capsys).splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith("  undeliverable ") for line in lines) == 3
    assert "COMMAND --help" in lines[-1]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_first_help_has_one_line_for_each_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = (line for line in shown(["--help"], capsys).splitlines() if line.startswith(f"  {name} "))
    assert line.endswith(COMMANDS[name])


@pytest.mark.parametrize("status", STATUSES)
def test_the_first_help_names_every_exit_status(status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"\n  {status:<4} {STATUSES[status]}\n" in shown(["--help"], capsys)


def test_without_a_command_the_first_help_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    page = shown(["--help"], capsys)
    assert refused([], capsys) == page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["clasify"], "unknown command 'clasify'; did you mean classify?"),
        (["zzz"], f"unknown command 'zzz'; expected one of {', '.join(COMMANDS)}"),
        (["-v", "classify"], "the command stands first, then its options: undeliverable COMMAND -v"),
        (["classify"], "classify: the following arguments are required: PATH"),
        (["rules", "list", "--layers", "x"], "unrecognized arguments: --layers x"),
        (
            ["suppressions", "list", "--format", "xml", "l"],
            "suppressions list: argument --format: invalid choice: 'xml'",
        ),
    ],
)
def test_a_wrong_command_line_is_answered_in_one_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(words, capsys)
    assert said in line
    assert line.count("\n") == 1
    assert "--help'\n" in line


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_begins_with_a_sentence(name: str) -> None:
    about = command_named(name).help
    assert not about.endswith(".")
    assert about[0].islower()


@pytest.mark.parametrize("parser", PARSERS, ids=path_of)
def test_every_command_says_more_or_less_and_in_colours(parser: ArgumentParser) -> None:
    assert {"-v", "--verbose", "-q", "--quiet", "--color", "-h", "--help"} <= set(parser._option_string_actions)


@pytest.mark.parametrize("place", ["before", "behind", "both"])
def test_output_options_stand_before_or_behind_a_nested_command(place: str) -> None:
    before, behind = ["-v", "--color", "never"], ["-q"]
    words = ["rules", *(before if place != "behind" else []), "list", *(behind if place != "before" else [])]
    options = full_parser().parse_args(words)
    assert options.verbose is (place != "behind")
    assert options.quiet is (place != "before")
    assert options.color == ("auto" if place == "behind" else "never")


def test_the_first_help_imports_no_command() -> None:
    code = (
        "import sys; sys.argv = ['undeliverable', '--help']\n"
        "from undeliverable.cli import main\n"
        "try: main()\n"
        "except SystemExit: print([n for n in sys.modules if n.startswith(('undeliverable.cli.', 'undeliverable.rule_'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(eval(done.stdout.splitlines()[-1]))
    assert loaded == {f"undeliverable.cli.{name}" for name in ("_command", "_exit", "_help", "_main", "_neutral")}
