"""What a subcommand is, and the options that several of them share."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import NamedTuple

from undeliverable import Knowledge
from undeliverable.cli._neutral import neutral_lines

__all__ = ["Command", "UsageError", "add_knowledge_options", "knowledge_of", "warn"]


class UsageError(Exception):
    """The command line asks for something that does not exist; ends the command with status 2."""


class Command(NamedTuple):
    """One subcommand.

    :ivar name: as it is typed.
    :ivar help: one line for the list of subcommands.
    :ivar examples: whole command lines, shown below the options.
    :ivar arguments: declares options and arguments.
    :ivar run: does the work and returns the exit status.
    """

    name: str
    help: str
    examples: tuple[str, ...]
    arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], int]


def add_knowledge_options(parser: ArgumentParser) -> None:
    """Declares `--rules` and `--profile`."""
    parser.add_argument(
        "--rules",
        metavar="FILE",
        action="append",
        default=[],
        help="rules and policies of your own (TOML) above the builtin ones; may be given again, the last file wins",
    )
    parser.add_argument("--profile", metavar="NAME", help="a ready policy of what counts as hard")


def knowledge_of(options: Namespace) -> Knowledge:
    """The knowledge that `--rules` and `--profile` ask for.

    Raises `KnowledgeError` for a file or profile that cannot be read or used.
    """
    knowledge = Knowledge.builtin()
    if options.profile:
        knowledge = knowledge.with_profile(options.profile)
    for path in options.rules:
        knowledge = knowledge.with_file(path)
    return knowledge


def warn(message: str) -> None:
    """Says something on standard error, foreign characters made harmless."""
    print(f"undeliverable: {neutral_lines(message)}", file=sys.stderr)
