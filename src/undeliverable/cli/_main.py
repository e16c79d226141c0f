"""The entry point: reads the command line, runs one subcommand, turns errors into an exit status."""

from __future__ import annotations

import io
import os
import sys
from argparse import Action, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import Final

from undeliverable import KnowledgeError, __version__
from undeliverable.cli._command import Command, UsageError, warn

__all__ = ["COMMANDS", "command_named", "main"]

COMMANDS: Final = ("check", "classify", "explain", "pipe", "report", "rules", "serve", "suppressions")
"""The name of every subcommand; a new one is a module beside this one, its name here and a line in `command_named`."""

DESCRIPTION: Final = """\
Understands bounced mail: says for each recipient of a bounce what happened, why, and what to do.

exit status:
  0  at least one message was read
  1  nothing could be read
  2  the command line or a rule file is wrong"""


class _Version(Action):
    """Prints the version to standard output and leaves."""

    def __call__(self, parser: ArgumentParser, *_: object) -> None:
        print(f"undeliverable {__version__}")
        parser.exit()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status; wrong usage leaves by SystemExit(2), as argparse does."""
    _harden(sys.stdout)
    _harden(sys.stderr)
    words = sys.argv[1:] if arguments is None else arguments
    options = _parser(words[:1] if words and words[0] in COMMANDS else COMMANDS).parse_args(words)
    try:
        status = _run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read us has seen enough. The interpreter flushes once more at its end: give it somewhere to write.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return status


def _run(options: Namespace) -> int:
    run: Command = options.command
    try:
        return run.run(options)
    except (UsageError, KnowledgeError) as error:
        warn(str(error))
        return 2


def _harden(stream: object) -> None:
    # What the terminal's encoding cannot say is written as an escape instead of ending the run.
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def command_named(name: str) -> Command:  # noqa: PLR0911 - one return per subcommand
    """The subcommand of one of the names in `COMMANDS`; a cold start imports only the one that is run."""
    match name:
        case "check":
            from undeliverable.cli import check

            return check.COMMAND
        case "classify":
            from undeliverable.cli import classify

            return classify.COMMAND
        case "explain":
            from undeliverable.cli import explain

            return explain.COMMAND
        case "pipe":
            from undeliverable.cli import pipe

            return pipe.COMMAND
        case "report":
            from undeliverable.cli import report

            return report.COMMAND
        case "rules":
            from undeliverable.cli import rules

            return rules.COMMAND
        case "serve":
            from undeliverable.cli import serve

            return serve.COMMAND
        case _:
            from undeliverable.cli import _suppressions

            return _suppressions.COMMAND


def _parser(names: Sequence[str]) -> ArgumentParser:
    """The parser of the command line, which knows the subcommands of these names."""
    known = tuple(map(command_named, names))
    parser = ArgumentParser(
        prog="undeliverable", description=DESCRIPTION, epilog=_examples(known), formatter_class=_Formatter
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and leave")
    # Where the program's name is given, argparse needs not ask the terminal for its width.
    commands = parser.add_subparsers(title="commands", prog=parser.prog, metavar="COMMAND", required=True)
    for command in known:
        own = commands.add_parser(
            command.name,
            help=command.help,
            description=f"{command.help[0].upper()}{command.help[1:]}.",
            epilog=_examples((command,)),
            formatter_class=_Formatter,
        )
        command.arguments(own)
        own.set_defaults(command=command)
    return parser


def _examples(commands: Sequence[Command]) -> str:
    lines = [f"  {line}" for command in commands for line in command.examples]
    return "\n".join(("examples:", *lines))


class _Formatter(RawDescriptionHelpFormatter):
    """Keeps the lines of description and examples as they are written.

    argparse makes one for every option, and would import shutil for the width of the terminal.
    """

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    """The width of the terminal, as `shutil.get_terminal_size` tells it."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80
