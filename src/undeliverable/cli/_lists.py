"""Suppression lists on the command line: opening one, saying what came of events, and showing an address."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from undeliverable.cli._command import UsageError, warn
from undeliverable.cli._neutral import neutral
from undeliverable.cli._words import counted

if TYPE_CHECKING:
    from undeliverable.store import Entry, Outcome, SuppressionList
    from undeliverable.suppression import Policy, RequireProof

__all__ = [
    "add_list",
    "add_who",
    "open_list",
    "place_of",
    "policy_named",
    "record_of",
    "said",
    "utc",
    "warnings_of",
    "who_of",
]


def add_list(parser: ArgumentParser) -> None:
    """Declare LIST, which is always the last argument, and the scope."""
    parser.add_argument(
        "--scope", metavar="NAME", default="",
        help="whose list: a tenant (acme), a stream of a tenant (acme/newsletter); by default the global one",
    )  # fmt: skip
    parser.add_argument("list", metavar="LIST", help="the path of a SQLite file, or the URL of a PostgreSQL database")


def add_who(parser: ArgumentParser) -> None:
    """Declare `--who`."""
    parser.add_argument("--who", metavar="NAME", default=None, help="who decided; your user name by default")


def who_of(options: Namespace) -> str | None:
    """Return who decided: the option, else the name of the user, if anybody knows it."""
    import getpass

    if options.who:
        return str(options.who)
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return None


def open_list(
    place: str,
    *,
    scope: str = "",
    create: bool = False,
    policy: Policy | None = None,
    require_proof: RequireProof | None = None,
    proof_of_new: RequireProof | None = None,
    when_new: Callable[[SuppressionList], None] | None = None,
) -> SuppressionList:
    """Open the list at a path or URL, and print what somebody should know about it.

    :param scope: the tenant or stream whose list it is; the global one by default.
    :param policy: the policy of a new list.
    :param require_proof: the proof that the list must ask for.
    :param proof_of_new: the proof that a new list asks for, unless `require_proof` says so.
    :param when_new: called with the list if it was made just now.
    :raises UsageError: when the place cannot be that of a list.
    :raises UndeliverableError: when it cannot be opened, or without the extra `store`.
    """
    _check_place(place, create=create)
    from undeliverable.store import MissingListError, SuppressionList

    try:
        known = SuppressionList(place, scope=scope, create=False, require_proof=require_proof)
    except MissingListError:
        if not create:
            raise
        known = SuppressionList(place, scope=scope, policy=policy, require_proof=require_proof or proof_of_new)
        if when_new is not None:
            when_new(known)
    if known.migrated is not None:
        _print_migrated(known)
    for remark in known.remarks:
        warn(remark)
    return known


def place_of(known: SuppressionList) -> str:
    """Return the place of a list for people: of a database without the password."""
    if "://" not in known.place:
        return neutral(known.place)
    from sqlalchemy import make_url

    return neutral(make_url(known.place).render_as_string())


def _check_place(place: str, *, create: bool) -> None:
    """Say of a path what the database would not say.

    :raises UsageError: when it is a folder, or would be in a folder that does not exist.
    """
    if "://" in place:
        return
    if os.path.isdir(place):
        raise UsageError(f"{place}: is a folder; a list is a file")
    folder = os.path.dirname(place)
    if create and folder and not os.path.isdir(folder):
        raise UsageError(f"{place}: there is no folder {folder!r}; make it first")


def _print_migrated(known: SuppressionList) -> None:
    """Print once what changed when the list was migrated."""
    report = known.migrated
    if report:
        warn(f"{known.place}: addresses are compared by a stricter rule now, see the manual on suppression lists")
        for address in report.merged:
            print(f"  {neutral(address)}: its entries are one now, with one history", file=sys.stderr)
        for address, other in report.split:
            print(
                f"  {neutral(address)}: was recorded as one address with {neutral(other)}, which has its own entry from"
                " now on: check which of them is meant",
                file=sys.stderr,
            )
        for pattern in report.patterns:
            print(
                f"  {neutral(pattern)}: stops nothing; a whole domain takes 'suppressions add-domain'", file=sys.stderr
            )
    known.clear_migrated()


def policy_named(name: str) -> Policy:
    """Return the ready-made policy of a name, or the policy in a file."""
    from undeliverable.suppression import Policy

    return Policy.from_file(name) if os.path.exists(name) else Policy.builtin(name)


def said(outcome: Outcome | None) -> str:
    """Return the counts of recorded events in one line."""
    if outcome is None:
        return "no events"
    parts = (
        f"{outcome.new:,} new events",
        f"{outcome.known:,} known" if outcome.known else "",
        f"{outcome.forgotten:,} of forgotten addresses" if outcome.forgotten else "",
        f"{len(outcome.suppressed):,} addresses suppressed",
        f"{len(outcome.released):,} released" if outcome.released else "",
    )
    return ", ".join(filter(None, parts))


def warnings_of(outcome: Outcome | None, why: str | None = None) -> list[str]:
    """Return what somebody should know of recorded events, one line each: how many count for nothing, and how many wait.

    :param why: why nothing proves the first of those that are ignored, as far as it is known.
    """
    if outcome is None:
        return []
    providers = ", ".join(map(neutral, outcome.on_hold))
    ignored = f"{counted(outcome.ignored, 'event')} without the proof that the list requires: ignored"
    if why is not None:
        ignored += f"{': ' if outcome.ignored == 1 else ', the first one: '}{neutral(why)}"
    held = (
        f"{counted(len(outcome.held), 'suppression')} held, since far more addresses than usual fail at {providers}: see"
        " 'undeliverable suppressions held'"
    )
    return [*([ignored] if outcome.ignored else []), *([held] if outcome.held else [])]


def utc(time: datetime | None) -> str:
    """Return a time for people, to the minute; an empty text for None."""
    return "" if time is None else f"{time:%Y-%m-%d %H:%M} UTC"


def record_of(entry: Entry, at: datetime) -> dict[str, object]:
    """Return an address as a JSON record."""
    return entry.to_dict(at)
