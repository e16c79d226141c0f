"""Completion of command lines in a shell, made by shtab from the same parsers as the help."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any, Final

from undeliverable.cli._command import UsageError
from undeliverable.cli._options import NAMES_OF_FILES, nested_parsers
from undeliverable.errors import missing_extra

__all__ = ["SHELLS", "completion"]

SHELLS: Final = ("bash", "zsh", "tcsh")


def completion(shell: str, parser: ArgumentParser) -> str:
    """Return the script that a shell sources.

    :param parser: the parser of all commands.
    :raises UsageError: for another shell.
    :raises MissingExtraError: without the extra `cli`.
    """
    if shell not in SHELLS:
        raise UsageError(f"--print-completion: unknown shell {shell!r}; expected one of {', '.join(SHELLS)}")
    try:
        from shtab import FILE, complete
    except ModuleNotFoundError as error:
        raise missing_extra(error, "shell completion") from None
    for nested in nested_parsers(parser):
        _complete_files(nested, FILE)
    return complete(parser, shell)


def _complete_files(parser: ArgumentParser, files: object) -> None:
    for action in parser._actions:  # noqa: SLF001 # argparse has no other way to them
        marked: Any = action
        if action.metavar in NAMES_OF_FILES:
            marked.complete = files
