"""The entry point: parse the command line, run one subcommand, turn errors into an exit status."""

from __future__ import annotations

import io
import os
import sys
from argparse import Action, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import Final

from undeliverable import UndeliverableError, __version__
from undeliverable.cli._command import Command, RunError, UsageError, add_output_options, warn

__all__ = ["COMMANDS", "command_named", "main"]

COMMANDS: Final = (
    "anonymize", "check", "classify", "demo", "explain", "pipe", "report", "rules", "serve", "suppressions",
)  # fmt: skip
"""The names of the subcommands. A new one needs a module beside this one, its name here and a case in `command_named`."""

DESCRIPTION: Final = """\
Reads bounced mail and reports, for each recipient, what happened, why, and what to do.

exit status:
  0  at least one message was read
  1  nothing could be read, or a list could not be written
  2  the command line or a rule file is wrong"""


class _Version(Action):
    """Print the version to standard output and exit."""

    def __call__(self, parser: ArgumentParser, *_: object) -> None:
        print(f"undeliverable {__version__}")
        parser.exit()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status; wrong usage raises SystemExit(2), as argparse does."""
    _harden(sys.stdout)
    _harden(sys.stderr)
    words = sys.argv[1:] if arguments is None else arguments
    options = _parser(words[:1] if words and words[0] in COMMANDS else COMMANDS).parse_args(words)
    try:
        status = _run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has closed the pipe. The interpreter flushes once more when it exits: give it somewhere to write.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return status


def _run(options: Namespace) -> int:
    run: Command = options.command
    try:
        return run.run(options)
    except (UsageError, RunError) as error:
        warn(str(error))
        return 2 if isinstance(error, UsageError) else 1
    except UndeliverableError as error:  # a rule file with errors, say, or a list that is locked
        warn(str(error))
        return 1 if error.is_temporary else 2


def _harden(stream: object) -> None:
    # Characters that the terminal's encoding lacks are written as escapes instead of ending the run.
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def command_named(name: str) -> Command:  # noqa: PLR0911 - one return per subcommand
    """Return the subcommand of one of the names in `COMMANDS`; a cold start imports only the one that is run."""
    match name:
        case "anonymize":
            from undeliverable.cli import anonymize

            return anonymize.COMMAND
        case "check":
            from undeliverable.cli import check

            return check.COMMAND
        case "classify":
            from undeliverable.cli import classify

            return classify.COMMAND
        case "demo":
            from undeliverable.cli import demo

            return demo.COMMAND
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
    """Return the parser of the command line with the subcommands of these names."""
    known = tuple(map(command_named, names))
    parser = ArgumentParser(
        prog="undeliverable", description=DESCRIPTION, epilog=_examples(known), formatter_class=_Formatter
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    # With prog given, argparse need not query the width of the terminal.
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
        add_output_options(own)
        own.set_defaults(command=command)
    return parser


def _examples(commands: Sequence[Command]) -> str:
    lines = [f"  {line}" for command in commands for line in command.examples]
    return "\n".join(("examples:", *lines))


class _Formatter(RawDescriptionHelpFormatter):
    """Keep the line breaks of description and examples.

    argparse makes a formatter for every option, and would import shutil to find the width of the terminal.
    """

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    """Return the width of the terminal, as `shutil.get_terminal_size` does."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80
