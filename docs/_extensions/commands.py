"""The reference of the commands, made from their parsers while the pages are built.

A page says ``%COMMAND classify%`` and gets the usage, arguments, options and examples of that command, and of the commands
that it has itself (``suppressions list``). What ``--help`` shows and what the page shows are one text.
"""

from __future__ import annotations

import re
from argparse import SUPPRESS, Action, ArgumentParser
from collections.abc import Iterator
from functools import cache
from textwrap import fill
from typing import TYPE_CHECKING

from undeliverable.cli._exit import STATUSES
from undeliverable.cli._help import Parser
from undeliverable.cli._main import COMMANDS, full_parser
from undeliverable.cli._options import nested_parsers

if TYPE_CHECKING:
    from sphinx.application import Sphinx

MARK = re.compile(r"^%COMMAND (\w+)%$", re.MULTILINE)
ALL = "%COMMANDS%"
STATUS = "%STATUSES%"
_SPECIAL = re.compile(r"([\\`*_\[\]<>|$])")


@cache
def _parsers() -> dict[str, Parser]:
    return {parser.words: parser for parser in nested_parsers(full_parser())}


def page(name: str) -> str:
    """Return the text of a command's page: first the command itself, then each of its own commands."""
    return "\n".join(
        line for words in _parsers() if words.split()[0] == name for line in _command(_parsers()[words], words != name)
    )


def _command(parser: Parser, is_nested: bool) -> Iterator[str]:  # noqa: FBT001 # a private helper
    if is_nested:
        yield f"\n## {parser.prog}\n"
    yield f"{escaped(_sentence(parser.description or ''))}\n"
    usage = " ".join(parser.format_usage().split()).removeprefix("usage: ")
    yield f"```text\n{fill(usage, 100, subsequent_indent=4 * chr(32), break_on_hyphens=False)}\n```\n"
    for group in parser._action_groups:  # noqa: SLF001 # argparse has no other way to them
        actions = [one for one in group._group_actions if one.help != SUPPRESS and not _has_commands(one)]  # noqa: SLF001
        if actions:
            yield f"{'###' if is_nested else '##'} {(group.title or '').capitalize()}\n"
            yield from (line for action in actions for line in _option(parser, action))
    text = parser.format_help()
    if "\nexamples:\n" in text:
        lines = text.partition("\nexamples:\n")[2].rstrip().splitlines()
        yield f"{'###' if is_nested else '##'} Examples\n"
        yield "```text\n" + "\n".join(line.removeprefix("  ") for line in lines) + "\n```\n"


def _has_commands(action: Action) -> bool:
    return isinstance(action.choices, dict)


def _option(parser: ArgumentParser, action: Action) -> Iterator[str]:
    value = _value(action)
    names = [f"`{name} {value}`" if value else f"`{name}`" for name in action.option_strings] or [f"`{value}`"]
    yield ", ".join(names)
    text = parser._get_formatter()._expand_help(action) if action.help else ""  # noqa: SLF001 # as its help has it
    yield f": {escaped(_sentence(text))}\n"


def _value(action: Action) -> str:
    if action.nargs == 0:
        return ""
    if action.metavar is not None:
        return action.metavar if isinstance(action.metavar, str) else " ".join(action.metavar)
    if action.choices is not None:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.dest.upper()


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', ':')) else '.'}" if text else ""


def escaped(text: str) -> str:
    """Return a text whose characters mean nothing to Markdown."""
    return _SPECIAL.sub(r"\\\1", text)


def statuses() -> str:
    """Return the table of exit statuses."""
    return "\n".join(("| status | meaning |", "|---|---|", *(f"| {one} | {text} |" for one, text in STATUSES.items())))


def commands() -> str:
    """Return the table of all commands, each with a link to its page."""
    rows = (f"| [`{name}`]({name}.md) | {about} |" for name, about in COMMANDS.items())
    return "\n".join(("| command | what it does |", "|---|---|", *rows))


def fill_in(_app: Sphinx, _docname: str, source: list[str]) -> None:
    """Put the reference into the page of a command."""
    text = MARK.sub(lambda match: page(match[1]), source[0])
    if ALL in text or STATUS in text:
        text = text.replace(ALL, commands()).replace(STATUS, statuses())
    source[0] = text


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("source-read", fill_in)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
