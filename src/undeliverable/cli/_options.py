"""The options of a command line, and of the settings where the command line leaves them open."""

from __future__ import annotations

from argparse import SUPPRESS, Action, ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from undeliverable.cli._command import UsageError
from undeliverable.cli._help import LIST, MissingListError, Parser
from undeliverable.cli._settings import OPTIONS, Setting, Settings, variable

__all__ = ["NAMES_OF_FILES", "nested_parsers", "parsed"]

NAMES_OF_FILES: Final = frozenset(("FILE", "FILE|REPLY", LIST, "PATH"))
"""What arguments are called that name a file, a folder or a list."""


def nested_parsers(parser: ArgumentParser) -> Iterator[Parser]:
    """Yield the parsers of the subcommands below `parser`, at any depth."""
    for action in parser._actions:  # noqa: SLF001 # argparse has no other way to them
        choices: object = action.choices
        for nested in cast("Mapping[str, object]", choices).values() if isinstance(choices, Mapping) else ():
            if isinstance(nested, Parser):
                yield nested
                yield from nested_parsers(nested)


def parsed(parser: ArgumentParser, words: Sequence[str]) -> Namespace:
    """Return the options of a command line; what nobody typed is looked up in the settings.

    :raises UsageError: when a settings file has an error, or a setting is none of the values of its option.
    """
    open_ = [
        action
        for nested in nested_parsers(parser)
        for action in nested._actions  # noqa: SLF001 # see there
        if action.dest in OPTIONS and action.default is not SUPPRESS
    ]
    defaults = {action.dest: (action, action.default) for action in open_}
    for action in open_:
        action.default = None  # so that a default which somebody types counts
    options, settings = _parsed(parser, words)
    _refuse_empty_names(parser, options)
    for name, (action, default) in defaults.items():
        if hasattr(options, name) and getattr(options, name) is None:
            setting = settings.of_option(name)
            setattr(options, name, default if setting is None else _value(setting, action, default))
    if not options.quiet:
        settings.announce()
    return options


def _refuse_empty_names(parser: ArgumentParser, options: Namespace) -> None:
    """Refuse the name of a file that is empty: a variable of a shell that is not set, and the name of a list in memory.

    :raises UsageError: when there is one.
    """
    for nested in nested_parsers(parser):
        for action in nested._actions if nested.words == options.words else ():  # noqa: SLF001 # see there
            value = getattr(options, action.dest, None)
            if action.metavar in NAMES_OF_FILES and "" in (value if isinstance(value, list) else (value,)):
                raise UsageError(
                    f"{action.option_strings[0] if action.option_strings else action.metavar}: the name is empty"
                )


def _parsed(parser: ArgumentParser, words: Sequence[str]) -> tuple[Namespace, Settings]:
    """Return the options as typed, with the list of the settings where that is all that is missing, and the settings."""
    try:
        options = parser.parse_args(words)
    except MissingListError as missing:
        settings = Settings(missing.parser.words)
        setting = settings.of_option("list")
        if setting is None or not setting.values:
            missing.parser.refuse(f"{LIST} is missing: name it, or set {variable('list')}")
        (place,) = setting.values
        return parser.parse_args([*words, f"./{place}" if place.startswith("-") else place]), settings
    return options, Settings(options.words)


def _value(setting: Setting, action: Action, default: Any) -> Any:  # noqa: ANN401 # whatever the option takes
    """Return the value of an option that a setting gives: a list for options that are repeatable."""
    if isinstance(default, list):
        return list(setting.values)
    if not setting.values:
        return default
    (value,) = setting.values
    if action.choices is not None and value not in action.choices:
        names = ", ".join(map(str, action.choices))
        raise UsageError(f"{setting.origin}: {action.dest}: unknown value {value!r}; expected one of {names}")
    return value
