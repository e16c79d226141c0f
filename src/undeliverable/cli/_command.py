"""The definition of a subcommand, and the options that several subcommands share."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, TypedDict

from undeliverable import Knowledge
from undeliverable.cli._neutral import neutral, neutral_lines
from undeliverable.files import STDIN
from undeliverable.model import Command as SmtpCommand
from undeliverable.model import Protocol
from undeliverable.smtp import named_command

if TYPE_CHECKING:
    from argparse import _ArgumentGroup as ArgumentGroup  # pyright: ignore[reportPrivateUsage]

__all__ = [
    "COLORS",
    "CONTEXT",
    "Command",
    "Known",
    "RunError",
    "UsageError",
    "add_context_options",
    "add_knowledge_options",
    "add_output_options",
    "add_reply_options",
    "clock_for",
    "context_of",
    "files_of",
    "knowledge_of",
    "known_of",
    "open_binary",
    "refuse_input",
    "warn",
]

_NUMBERS = ("attempts", "age")
_WORDS = ("tenant", "stream", "source")
CONTEXT = frozenset((*_WORDS, *_NUMBERS))
"""What policies may ask for that only the caller knows."""

COLORS: Final = ("auto", "always", "never")
"""The values of `--color`; the first is the default."""


class UsageError(Exception):
    """An error in the command line; the command ends with status 2."""


class RunError(Exception):
    """An error that is not in the command line; the command ends with status 1."""


class Command(NamedTuple):
    """One subcommand.

    :ivar name: as the user types it.
    :ivar help: a sentence for its own help, without capital and full stop.
    :ivar examples: complete command lines, shown below the options.
    :ivar arguments: a function that declares options and arguments.
    :ivar run: a function that does the work and returns the exit status.
    """

    name: str
    help: str
    examples: tuple[str, ...]
    arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], int]


class Known(TypedDict, total=False):
    """The keyword arguments of functions that judge, other than the mail."""

    mx: Sequence[str]
    context: Mapping[str, object]
    now: datetime
    sender: str


def add_output_options(parser: ArgumentParser, *, default: str | None = None) -> None:
    """Declare how much is said, and in which colours: `-v`, `-q` and `--color`; every command has them.

    :param default: SUPPRESS for a nested command, so that its defaults do not undo what stands before it.
    """
    output = parser.add_argument_group("output")
    for letter, word, about in (
        ("-v", "--verbose", "say more: name what was skipped, show the machinery"),
        ("-q", "--quiet", "leave out the summary and warnings; errors stay"),
    ):
        output.add_argument(letter, word, action="store_true", default=default or False, help=about)
    output.add_argument(
        "--color",
        choices=COLORS,
        default=default or COLORS[0],
        help="colours: auto (default: on terminals without NO_COLOR)",
    )


def add_knowledge_options(parser: ArgumentParser | ArgumentGroup) -> None:
    """Declare `--rules` and `--profile`, and what policies may ask for."""
    parser.add_argument(
        "--rules",
        metavar="FILE",
        action="append",
        default=[],
        help="your own rules and policies (TOML), which come before the builtin ones; repeatable, the last file wins",
    )
    parser.add_argument(
        "--profile",
        metavar="NAME[:KEYS]",
        action="append",
        default=[],
        help="a ready-made policy of what counts as hard, or parts of it, such as ses:label; repeatable, the last one wins",
    )
    add_context_options(parser)


def add_context_options(parser: ArgumentParser | ArgumentGroup) -> None:
    """Declare what policies may ask for beside the mail: `--tenant`, `--stream` and `--context`."""
    for name, what in (("tenant", "customer"), ("stream", "stream of mail")):
        parser.add_argument(
            f"--{name}", metavar="NAME", help=f"the {what} that the mail belongs to, for policies that ask"
        )
    parser.add_argument(
        "--context",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="what else policies may ask for: source, attempts, age (in seconds); repeatable",
    )


def add_reply_options(parser: ArgumentParser) -> None:
    """Declare what describes where an SMTP reply came from: `--host`, `--command`, `--protocol` and others."""
    parser.add_argument("--host", metavar="HOST", help="the host that gave the reply; provider rules need it")
    parser.add_argument(
        "--command", metavar="COMMAND", dest="smtp_command", type=_smtp_command,
        help=f"the SMTP command that was answered: {', '.join(SmtpCommand)}, or as SMTP writes it",
    )  # fmt: skip
    parser.add_argument(
        "--protocol", type=str.lower, choices=tuple(map(str, Protocol)),
        help="the protocol of the session: LMTP answers the end of DATA for each recipient",
    )  # fmt: skip
    parser.add_argument(
        "--recipient",
        metavar="ADDRESS",
        help="the recipient of the original message, which the reply is about; of files, explain only what is about it",
    )
    parser.add_argument("--sender", metavar="ADDRESS", help="the sender of the message, for policies that ask")
    parser.add_argument(
        "--mx", metavar="HOST", action="append", default=[], help="an MX host of the recipient's domain; repeatable"
    )


def _smtp_command(text: str) -> SmtpCommand:
    try:
        return named_command(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def knowledge_of(options: Namespace) -> Knowledge:
    """Return the knowledge that `--rules` and `--profile` select.

    :raises KnowledgeError: when a file or profile cannot be read or used.
    """
    knowledge = Knowledge.builtin()
    for name in options.profile:
        knowledge = knowledge.with_profile(name)
    for path in options.rules:
        knowledge = knowledge.with_file(path)
    return knowledge


def files_of(options: Namespace) -> list[str]:
    """Return the paths that `--profile` and `--rules` give, in this order; a profile of the library has none."""
    profiles = ("".join(text.rpartition(".toml")[:2]) for text in options.profile)  # without `:KEYS`
    return [*filter(None, profiles), *options.rules]


def context_of(options: Namespace) -> dict[str, object]:
    """Return what `--tenant`, `--stream` and `--context` say.

    :raises UsageError: for an unknown key, and for a value that is no number where one is needed.
    """
    context: dict[str, object] = {key: value for key in ("tenant", "stream") if (value := getattr(options, key))}
    for text in options.context:
        key, equals, value = text.partition("=")
        if not equals or key not in CONTEXT:
            raise UsageError(f"--context: {text!r} is not KEY=VALUE with a key of {', '.join((*_WORDS, *_NUMBERS))}")
        try:
            context[key] = float(value) if key in _NUMBERS else value
        except ValueError:
            raise UsageError(f"--context: {key} must be a number, not {value!r}") from None
    return context


def known_of(options: Namespace, knowledge: Knowledge) -> Known:
    """Return what else the command knows: the context, the time, and of a reply its sender and MX hosts.

    Where neither options nor policies need it, it is left out, and everything is judged by the mail alone.
    """
    known = clock_for(knowledge)
    context = context_of(options)
    if context:
        known["context"] = context
    if getattr(options, "sender", None):
        known["sender"] = options.sender
    if getattr(options, "mx", None):
        known["mx"] = options.mx
    return known


def clock_for(knowledge: Knowledge) -> Known:
    """Return the time, if any policy may ask for it."""
    return {} if knowledge.is_plain else {"now": datetime.now(UTC)}


def open_binary(path: str) -> BinaryIO:
    """Return the file at `path`, or standard input for `-`, opened for bytes; raise UsageError when that fails."""
    if path == STDIN:
        return sys.stdin.buffer
    try:
        return open(path, "rb")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None


def refuse_input(option: str, output: str | None, paths: Sequence[str]) -> None:
    """Raise UsageError where a file that is read would be replaced: it may be the only copy of somebody's mail.

    :param option: the option that names the output, for the message.
    """
    if output is None or not os.path.isfile(output):
        return
    for path in paths:
        if os.path.isfile(path) and os.path.samefile(path, output):
            raise UsageError(f"{option} {output}: this is {path}, which is read; name another file")


def warn(message: str, *, in_lines: bool = False) -> None:
    """Write a message to standard error, with control characters escaped; work goes on where nobody can read it.

    :param in_lines: True for an error of a rule file, which shows the place in lines of its own. In everything else a line
        feed is a stranger's, in the name of a file say, who would forge a message.
    """
    with suppress(OSError):
        print(f"undeliverable: {neutral_lines(message) if in_lines else neutral(message)}", file=sys.stderr)
