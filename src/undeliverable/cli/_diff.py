"""`undeliverable rules diff`: what another table of rules would change."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import Final

from undeliverable import Knowledge
from undeliverable.cli._command import (
    CONTEXT,
    UsageError,
    add_context_options,
    context_of,
    known_of,
    warn,
)
from undeliverable.cli._corpus import Judge, add_corpus_arguments, corpus_of
from undeliverable.cli._entries import is_profile
from undeliverable.cli._moves import Counted, Moves, compare
from undeliverable.cli._neutral import neutral
from undeliverable.cli._tables import aligned, print_json, print_lines

__all__ = ["EPILOG", "diff", "diff_arguments", "print_moves", "with_file"]

_LONGEST: Final = 240  # characters of a reply
EPILOG: Final = (
    "exit status: 0 no verdict moved, 1 at least one did, 2 the command line, a rule file or the corpus is wrong"
)
_BUILTIN: Final = ("builtin", "default")


def diff_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    for name in ("old", "new"):
        parser.add_argument(
            name, metavar=name.upper(), help="a profile or parts of it (ses:label), a file of rules, or builtin"
        )
    add_corpus_arguments(parser)
    add_context_options(parser)
    parser.add_argument("--format", choices=("table", "json"), default="table", help="table (default) or json")
    parser.epilog = EPILOG


def diff(options: Namespace) -> int:
    """Compare, print what differs, and return 1 if anything does."""
    before, after = (_judge(name, options) for name in (options.old, options.new))
    moves = compare(before, after, corpus_of(options))
    if not moves.read:
        raise UsageError("nothing to compare: no message, reply, line about a delivery or record could be read")
    return print_moves(moves, options)


def print_moves(moves: Moves, options: Namespace) -> int:
    """Print what differs, and return 1 if anything does."""
    if options.format == "json":
        print_json({"old": options.old, "new": options.new, **moves.to_dict()})
    else:
        print_lines(_lines(moves))
        sys.stdout.flush()
        print(moves.summary(), file=sys.stderr)
    return 1 if moves.moved else 0


def with_file(knowledge: Knowledge, path: str) -> Knowledge:
    """Return `knowledge` with a file of rules, or with a file that holds a profile."""
    return knowledge.with_profile(path) if is_profile(path) else knowledge.with_file(path)


def _judge(name: str, options: Namespace) -> Judge:
    """Return what judges by `name`; warn if its policies ask for what the command line does not say."""
    knowledge = _knowledge(name)
    missing = _asked(knowledge) - context_of(options).keys()
    if missing:
        named = " and ".join(f"--{key}" if key in options else f"--context {key}=" for key in sorted(missing))
        warn(f"{name}: warning: no policy that asks for {named} applies; name it to see what it moves")
    return Judge(knowledge, known_of(options, knowledge))


def _asked(knowledge: Knowledge) -> set[str]:
    """Return the keys of the context that files and profiles ask for."""
    asked = {key for layer in knowledge.layers for policy in layer.policies for key, _ in policy.when.asked}
    tenants = {"tenant" for layer in knowledge.layers if layer.tenant is not None}
    return (asked & CONTEXT) | tenants


def _knowledge(name: str) -> Knowledge:
    builtin = Knowledge.builtin()
    if name in _BUILTIN:
        return builtin
    return with_file(builtin, name) if name.endswith(".toml") else builtin.with_profile(name)


def _lines(moves: Moves) -> Iterator[str]:
    """Yield the groups with their examples, and the sums by rule and by provider where they say more."""
    ranked = moves.ranked()
    if not ranked:
        return
    rows = [(f"{counted.number:,}", *group) for group, counted in ranked]
    head, *lines = aligned(rows, ("number", "old", "new", "by", "provider"))
    yield head
    for line, (_, counted) in zip(lines, ranked, strict=True):
        yield line
        yield from _examples(counted)
    for name in ("by", "provider"):
        sums = moves.summed(name)
        if 1 < len(sums) < len(ranked):
            yield ""
            yield from aligned(((f"{counted.number:,}", *key) for key, counted in sums), ("number", name))


def _examples(counted: Counted) -> Iterator[str]:
    for example in counted.examples:
        subject = neutral(example.subject or "-")
        shown = subject if len(subject) <= _LONGEST else f"{subject[: _LONGEST - 3]}..."
        yield f"        {shown}  {neutral(example.source)}"
