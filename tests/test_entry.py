"""The entry point: the first help, the help of every command, and what a wrong command line is answered with."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path

import pytest

from undeliverable.cli import main
from undeliverable.cli._exit import STATUSES
from undeliverable.cli._main import COMMANDS, command_named, full_parser
from undeliverable.cli._options import nested_parsers

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
    assert sum(line.startswith("  undeliverable ") for line in lines) >= 3
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


# --- colours ----------------------------------------------------------------------------------------------------------


def on_a_terminal(*words: str, **environment: str) -> str:
    """Return what the command writes on a terminal."""
    ours, theirs = pty.openpty()
    here = os.environ | {"TERM": "xterm", "COLUMNS": "80"} | environment
    with subprocess.Popen([sys.executable, "-m", "undeliverable", *words], stdout=theirs, env=here) as process:
        os.close(theirs)
        octets = b""
        try:
            while block := os.read(ours, 65536):
                octets += block
        except OSError:  # the other side is closed
            pass
        os.close(ours)
    assert process.returncode == 0
    return octets.decode().replace("\r\n", "\n")


def test_the_short_option_shows_help_in_colours() -> None:
    pytest.importorskip("rich_argparse")
    coloured = on_a_terminal("explain", "-h")
    assert "\x1b[" in coloured
    assert "FILE|REPLY" in coloured
    assert "undeliverable explain bounce.eml" in coloured


@pytest.mark.parametrize("words", [["explain", "--help"], ["explain", "--color", "never", "-h"]])
def test_help_is_plain_where_nobody_asks_for_colours(words: list[str]) -> None:
    assert "\x1b[" not in on_a_terminal(*words, PYTHON_COLORS="0")


def test_help_is_plain_without_rich_argparse_and_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = shown(["explain", "-h"], capsys)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setitem(sys.modules, "rich_argparse", None)
    assert shown(["explain", "-h"], capsys) == plain == shown(["explain", "--help"], capsys)


def test_help_in_colours_says_the_same(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Brackets in it are no markup."""
    pytest.importorskip("rich_argparse")
    plain = shown(["explain", "-h"], capsys)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    coloured = shown(["explain", "-h"], capsys)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured).lower() == plain.lower()


# --- completion -------------------------------------------------------------------------------------------------------

COMPLETE = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
function=$(complete -p undeliverable | sed 's/.*-F \\([^ ]*\\).*/\\1/')
$function undeliverable "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["cl"], {"classify"}),
        (["rules", "s"], {"show", "suggest", "schema"}),
        (["suppressions", "add-"], {"add-domain"}),
        (["classify", "--form"], {"--format"}),
        (["rules", "list", "--kind", ""], {"rule", "policy"}),
        (["classify", "some-fi"], {"some-file.mbox"}),
        (["suppressions", "list", "some-fi"], {"some-file.mbox"}),
    ],
)
def test_bash_completes(words: list[str], found: set[str], tmp_path: Path) -> None:
    pytest.importorskip("shtab")
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("needs bash")
    (tmp_path / "some-file.mbox").touch()
    script = tmp_path / "completion"
    with script.open("w") as file:
        subprocess.run([sys.executable, "-m", "undeliverable", "--print-completion", "bash"], stdout=file, check=True)
    done = subprocess.run(
        [bash, "-c", COMPLETE, "bash", str(script), "undeliverable", *words],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert set(done.stdout.split()) == found


@pytest.mark.parametrize("shell", ["zsh", "tcsh"])
def test_other_shells_get_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("shtab")
    assert "suppressions" in shown(["--print-completion", shell], capsys)


def test_a_shell_that_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--print-completion", "fish"]) == 2
    expected = "undeliverable: --print-completion: unknown shell 'fish'; expected one of bash, zsh, tcsh\n"
    assert capsys.readouterr().err == expected


def test_completion_without_its_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["--print-completion", "bash"]) == 2
    assert "shell completion needs shtab: pip install 'undeliverable[cli]'" in capsys.readouterr().err
