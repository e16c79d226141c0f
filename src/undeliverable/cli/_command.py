"""The definition of a subcommand, and the options that several subcommands share."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import NamedTuple

from undeliverable import Knowledge
from undeliverable.cli._neutral import neutral_lines
from undeliverable.model import Command as SmtpCommand
from undeliverable.model import Protocol

__all__ = ["Command", "UsageError", "add_knowledge_options", "add_reply_options", "knowledge_of", "warn"]


class UsageError(Exception):
    """An error in the command line; the command ends with status 2."""


class Command(NamedTuple):
    """One subcommand.

    :ivar name: as the user types it.
    :ivar help: one line for the list of subcommands.
    :ivar examples: complete command lines, shown below the options.
    :ivar arguments: a function that declares options and arguments.
    :ivar run: a function that does the work and returns the exit status.
    """

    name: str
    help: str
    examples: tuple[str, ...]
    arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], int]


def add_knowledge_options(parser: ArgumentParser) -> None:
    """Declare `--rules` and `--profile`."""
    parser.add_argument(
        "--rules",
        metavar="FILE",
        action="append",
        default=[],
        help="your own rules and policies (TOML), which come before the builtin ones; repeatable, the last file wins",
    )
    parser.add_argument("--profile", metavar="NAME", help="a ready-made policy of what counts as hard")


def add_reply_options(parser: ArgumentParser) -> None:
    """Declare `--host`, `--command` and `--protocol`, which describe where an SMTP reply came from."""
    parser.add_argument("--host", metavar="HOST", help="the host that gave the reply; provider rules need it")
    parser.add_argument(
        "--command", metavar="COMMAND", dest="smtp_command", type=str.lower, choices=tuple(map(str, SmtpCommand)),
        help=f"the SMTP command that was answered: {', '.join(SmtpCommand)}",
    )  # fmt: skip
    parser.add_argument(
        "--protocol", type=str.lower, choices=tuple(map(str, Protocol)),
        help="the protocol of the session: LMTP answers the end of DATA for each recipient",
    )  # fmt: skip


def knowledge_of(options: Namespace) -> Knowledge:
    """Return the knowledge that `--rules` and `--profile` select.

    :raises KnowledgeError: when a file or profile cannot be read or used.
    """
    knowledge = Knowledge.builtin()
    if options.profile:
        knowledge = knowledge.with_profile(options.profile)
    for path in options.rules:
        knowledge = knowledge.with_file(path)
    return knowledge


def warn(message: str) -> None:
    """Write a message to standard error, with control characters escaped."""
    print(f"undeliverable: {neutral_lines(message)}", file=sys.stderr)
