"""The next step: a command for the same files that does something with what was found."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from shlex import quote
from types import MappingProxyType
from typing import Final, cast

from undeliverable.cli._fit import width_of
from undeliverable.cli._summary import Tally
from undeliverable.cli._words import split_words
from undeliverable.files import STDIN
from undeliverable.reasons import Advice

__all__ = ["KEPT", "next_step"]

KEPT: Final = (
    "rules", "profile", "tenant", "stream", "context", "log", "attached", "received_by", "jobs", "return_path", "keys",
    "days", "sent", "envelope_to", "column",
)  # fmt: skip
"""The options that decide what is found, by their attributes: the next command needs them as well."""

_DEFAULTS: Final[Mapping[str, object]] = MappingProxyType({"jobs": 1, "days": 10, "column": "raw"})
_BEGIN: Final = " Next: "
_GO_ON: Final = " \\"
_MOST: Final = 400  # characters of a command that anybody would read
_REPLIES: Final = "--fields recipient,code,remote_mta,reply"
_TXT: Final = "--format txt"
_STEPS: Final[Mapping[Advice, tuple[str, str]]] = MappingProxyType(
    {
        Advice.SUPPRESS: (_TXT, "> dead.txt"),
        Advice.FIX_SENDER: (_REPLIES, ""),
        Advice.FIX_MESSAGE: (_REPLIES, ""),
        Advice.SLOW_DOWN: (_REPLIES, ""),
        Advice.REVIEW: (_REPLIES, ""),
        Advice.RETRY: (_TXT, "> retry.txt"),
    }
)
"""What to do by the advice that was given, the most urgent first: options, and what stands behind the paths."""


def next_step(options: Namespace, tally: Tally, width: int) -> list[str]:
    """Return the lines of the command to go on with, none where nothing is to be done or the input is gone.

    They are broken between words, with the backslash that shells go on after.
    """
    given = {advice for (_, advice, _) in tally.recipients}
    asked: set[str] = set(split_words(options.only)) if options.fields else set()  # that step has been taken
    step = next((advice for advice in _STEPS if str(advice) in given - asked), None)
    if step is None or options.into is not None or STDIN in options.paths:
        return []
    wanted, target = _STEPS[step]
    changed = [f"--only {step}", wanted]
    words = [program(), "classify", *changed, *_kept(options), *map(_quoted, options.paths), target]
    is_wide = width_of(words[0]) > width - len(_BEGIN) - len(_GO_ON)
    if is_wide or sum(map(len, words)) > _MOST or not "".join(words).isprintable():
        words = ["the same command with", *changed, target]
    return _broken([word for word in words if word], width)


def program() -> str:
    """Return how the command is called, as far as the shell would find it."""
    path = sys.argv[0]
    if os.path.basename(path) == "__main__.py":
        return f"{quote(sys.orig_argv[0])} -m undeliverable"
    folders = os.environ.get("PATH", "").split(os.pathsep)
    is_found = any(os.access(os.path.join(folder, "undeliverable"), os.X_OK) for folder in folders if folder)
    return "undeliverable" if is_found or os.path.basename(path) != "undeliverable" else quote(path)


def _kept(options: Namespace) -> list[str]:
    words: list[str] = []
    for name in KEPT:
        value, option = getattr(options, name), f"--{name.replace('_', '-')}"
        if value is True:
            words.append(option)
        elif isinstance(value, list):
            words += [f"{option} {quote(one)}" for one in cast("list[str]", value)]
        elif value is not None and value is not False and _DEFAULTS.get(name) != value:
            words.append(f"{option} {quote(str(value))}")
    return words


def _quoted(path: str) -> str:
    return quote(f"./{path}" if path.startswith("-") else path)


def _broken(words: Sequence[str], width: int) -> list[str]:
    """Return a command in lines of at most `width` columns, as far as its words allow; an option is one with its value."""
    lines = [f"{_BEGIN}{words[0]}"]
    for word in words[1:]:
        if width_of(lines[-1]) + width_of(word) + len(_GO_ON) + 1 <= width:
            lines[-1] += f" {word}"
        else:
            lines[-1] += _GO_ON
            lines.append(f"{' ' * len(_BEGIN)}{word}")
    return lines
