"""The entry point: parse the command line, run one subcommand, turn errors into an exit status."""

from __future__ import annotations

import io
import os
import sys
from argparse import SUPPRESS, Action, ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from types import MappingProxyType
from typing import Final, TextIO

from undeliverable import UndeliverableError
from undeliverable.cli._command import Command, RunError, UsageError, add_output_options, warn
from undeliverable.cli._exit import INTERRUPTED
from undeliverable.cli._help import PROG, Parser, first_page

__all__ = ["COMMANDS", "command_named", "full_parser", "main"]

COMMANDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "anonymize": "replace what names somebody in mail or logs, to share them",
        "check": "check a list of addresses before a send",
        "classify": "report what happened to each recipient in bounced mail",
        "demo": "show on sample mails what this does, and what to type next",
        "explain": "explain the verdict on a message or an SMTP reply",
        "export": "turn mail into Parquet files, for Spark, DuckDB and Polars",
        "mailbox": "take bounces out of a mailbox (IMAP), as they arrive or once",
        "pipe": "record one bounce that a mail server hands over",
        "report": "write an HTML page: what to do, rates, reasons and replies",
        "rules": "show, check and compare rules, policies and profiles",
        "serve": "receive bounces by LMTP, SMTP or webhooks",
        "summary": "sum up a day's mail as plain text, for cron",
        "suppressions": "manage the list of addresses that must not receive mail",
    }
)
"""The subcommands, each with its line in the first help. A new one needs a module of its name beside this one, and a line here."""
_MODULES: Final = MappingProxyType({"suppressions": "_suppressions"})


class _Completion(Action):
    """Print what a shell needs to complete command lines, and exit."""

    def __call__(self, parser: ArgumentParser, _: object, shell: object, *__: object) -> None:
        from undeliverable.cli._completion import completion

        print(completion(str(shell), full_parser()))
        parser.exit()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status; wrong usage raises SystemExit(2), as argparse does."""
    _harden(sys.stdout)
    _harden(sys.stderr)
    try:
        status = _run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:  # the reader has closed the pipe
        _drop_output(sys.stdout)
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:  # a full disk, no permission, too many open files
        return _failed(error)
    return status


def _run(words: Sequence[str]) -> int:
    try:
        options = _options(words)
        run: Command = options.command
        return run.run(options)
    except SystemExit:  # after --help, say: what cannot be written must not be lost without a word
        sys.stdout.flush()
        raise
    except (UsageError, RunError) as error:
        warn(str(error))
        return 2 if isinstance(error, UsageError) else 1
    except UndeliverableError as error:  # a rule file with errors, say, or a list that is locked
        warn(str(error), in_lines=True)
        return 1 if error.is_temporary else 2


def _failed(error: OSError) -> int:
    from undeliverable.cli._failures import failure

    message = failure(error)
    _drop_unwritten()
    warn(message)
    return 1


def _drop_unwritten() -> None:
    """Drop what cannot be written: the interpreter flushes once more when it exits."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            _drop_output(stream)


def _drop_output(stream: TextIO) -> None:
    """Let a stream go nowhere."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _harden(stream: object) -> None:
    # Characters that the terminal's encoding lacks are written as escapes instead of ending the run.
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def command_named(name: str) -> Command:
    """Return the subcommand of one of the names in `COMMANDS`; a cold start imports only the one that is run."""
    command: Command = import_module(f"undeliverable.cli.{_MODULES.get(name, name)}").COMMAND
    return command


def _options(words: Sequence[str]) -> Namespace:
    """Return the options of a command line; the first page is shown where there is no command."""
    parser = _first_page()
    if not words:
        parser.print_help(sys.stderr)
        parser.exit(2)
    if words[0].startswith("-"):
        parser.parse_known_args(words)  # --help and its like exit
        parser.error(f"the command stands first, then its options: {PROG} COMMAND {words[0]}")
    if words[0] not in COMMANDS:
        from undeliverable.errors import did_you_mean

        near = did_you_mean(words[0], tuple(COMMANDS)) or f"; expected one of {', '.join(COMMANDS)}"
        parser.error(f"unknown command {words[0]!r}{near}")
    from undeliverable.cli._options import parsed

    return parsed(_parser(words[:1]), words)


def _first_page() -> Parser:
    parser = first_page(COMMANDS)
    parser.add_argument(
        "--print-completion",
        action=_Completion,
        metavar="SHELL",
        help="print what completes commands in bash, zsh or tcsh",
    )
    return parser


def full_parser() -> ArgumentParser:
    """Return the parser of all commands, for shell completion."""
    return _parser(tuple(COMMANDS))


def _parser(names: Sequence[str]) -> Parser:
    """Return the parser of the command line with the subcommands of these names."""
    from undeliverable.cli._options import nested_parsers

    parser = _first_page()
    commands = parser.add_subparsers(prog=PROG, metavar="COMMAND", required=True)
    for command in map(command_named, names):
        own = commands.add_parser(
            command.name, help=command.help, description=f"{command.help[0].upper()}{command.help[1:]}."
        )
        own.examples = command.examples
        command.arguments(own)
        add_output_options(own)
        own.set_defaults(command=command, words=own.words)
        for nested in nested_parsers(own):
            add_output_options(nested, default=SUPPRESS)  # what stands before the nested command counts, too
            nested.set_defaults(words=nested.words)
    return parser
