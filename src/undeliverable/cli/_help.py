"""Help and usage errors: a first page that fits a screen, examples below every command, one line for a mistake.

The first page is made from a table, so that it imports no command. Colours are for `-h` on a terminal, where rich-argparse
is installed; `--help` is plain text for pagers, files and manuals.
"""

from __future__ import annotations

import os
import sys
from argparse import Action, ArgumentParser, HelpFormatter, Namespace, RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

from undeliverable import __version__, compiled
from undeliverable.cli._exit import STATUSES

__all__ = ["LIST", "PROG", "MissingListError", "Parser", "columns", "first_page"]

PROG: Final = "undeliverable"
LIST: Final = "LIST"
"""The name of the argument, always the last one, that the settings may give."""
_DESCRIPTION: Final = "Read bounced mail: what happened to each recipient, why, and what to do next."
_EXAMPLES: Final = (
    "undeliverable demo                               # on sample mails",
    "undeliverable classify bounces/                  # every recipient in a folder",
    'undeliverable explain "552 5.2.2 mailbox full"   # why, and what to do',
)
_NEXT: Final = "Next: 'undeliverable COMMAND --help' shows its options and more examples."


class _Formatter(RawDescriptionHelpFormatter):
    """Keep the line breaks of description and examples.

    argparse makes a formatter for every option, and would import shutil to find the width of the terminal.
    """

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=columns() - 2)


class _Help(Action):
    """Show the help and exit: `-h` in colours where there are any, `--help` always plain."""

    def __call__(self, parser: ArgumentParser, namespace: Namespace, _: object, option: str | None = None) -> None:
        if option == "-h" and getattr(namespace, "color", "auto") != "never":
            parser.formatter_class = _coloured() or parser.formatter_class
        parser.print_help()
        parser.exit()


class _Version(Action):
    """Print the version to standard output and exit."""

    def __call__(self, parser: ArgumentParser, *_: object) -> None:
        print(f"{PROG} {__version__}{' (compiled)' if compiled else ''}")
        parser.exit()


class MissingListError(Exception):
    """The command line names no list; the settings may.

    :ivar parser: the parser of the command.
    """

    def __init__(self, parser: Parser) -> None:
        super().__init__(parser.words)
        self.parser = parser


class Parser(ArgumentParser):
    """A parser whose help ends with examples and whose errors are one line.

    :ivar examples: complete command lines; those of a nested command are looked up when its help is shown.
    """

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 # argparse's own
        options.setdefault("formatter_class", _Formatter)
        super().__init__(add_help=False, **options)
        self.examples: Sequence[str] = ()
        self.add_argument("-h", "--help", action=_Help, nargs=0, help="show this help and exit")

    def format_help(self) -> str:
        """Return the help text with the examples below it."""
        text = super().format_help()
        examples = self.examples or self._nested_examples()
        return "\n".join((f"{text}\nexamples:", *(f"  {line}" for line in examples), "")) if examples else text

    @property
    def words(self) -> str:
        """The words of the command: ``suppressions list``."""
        return self.prog.removeprefix(PROG).strip()

    def error(self, message: str) -> NoReturn:
        """Say in one line what is wrong with the command line, and exit with status 2."""
        if message.endswith(f" required: {LIST}"):
            raise MissingListError(self)
        self.refuse(message)

    def refuse(self, message: str) -> NoReturn:
        """Write a message that names the command and its help, and exit with status 2."""
        words = self.words
        self.exit(2, f"{PROG}: {words}{': ' if words else ''}{message}; see '{self.prog} --help'\n")

    def _nested_examples(self) -> Sequence[str]:
        if not self.words:
            return ()
        from undeliverable.cli._examples import EXAMPLES  # for help alone

        return EXAMPLES.get(self.words, ())


def first_page(commands: Mapping[str, str]) -> Parser:
    """Return the parser without commands; its help lists them.

    :param commands: the names with a line about each.
    """
    parser = Parser(prog=PROG, usage="%(prog)s COMMAND ...", description=_page(commands))
    parser.epilog = "\n".join(
        (
            "examples:",
            *(f"  {line}" for line in _EXAMPLES),
            "\nexit status:",
            *(f"  {status:<4} {meaning}" for status, meaning in STATUSES.items()),
            f"\n{_NEXT}",
        )
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    return parser


def _page(commands: Mapping[str, str]) -> str:
    width = max(map(len, commands))
    lines = [f"  {name:<{width}}  {about}" for name, about in commands.items()]
    return "\n".join((_DESCRIPTION, "\ncommands:", *lines))


def columns() -> int:
    """Return the width of the terminal, as `shutil.get_terminal_size` does."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


def _coloured() -> type[HelpFormatter] | None:
    """Return what writes help in colours, or None where there are none: no terminal, or no rich-argparse."""
    if not sys.stdout.isatty():
        return None
    try:
        from rich_argparse import RawDescriptionRichHelpFormatter
    except ImportError:
        return None

    class Coloured(RawDescriptionRichHelpFormatter):
        """Show help as it stands: brackets in it are no markup."""

        text_markup = False
        help_markup = False

    return Coloured
