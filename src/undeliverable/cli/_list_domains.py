"""`suppressions add-domain` and `reactivate-domain`: whole domains; and what else suppresses an address."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from undeliverable.cli._lists import add_who, open_list, who_of
from undeliverable.cli._neutral import neutral
from undeliverable.cli._words import counted

if TYPE_CHECKING:
    from undeliverable.store import SuppressedDomain, SuppressionList

__all__ = [
    "add_domain", "add_domain_arguments", "domain_record", "elsewhere", "reactivate_domain",
    "reactivate_domain_arguments", "scope_named",
]  # fmt: skip


def add_domain_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `add-domain`."""
    parser.add_argument("domain", metavar="DOMAIN", help="such as example.org or '*@example.org'; none below it")
    parser.add_argument("--why", metavar="TEXT", help="the reason, in words")
    add_who(parser)


def add_domain(options: Namespace) -> int:
    """Suppress a whole domain by hand, and say how many known addresses that covers."""
    with open_list(options.list, scope=options.scope, create=True) as known:
        number = known.suppress_domain(options.domain, who=who_of(options), why=options.why)
    print(f"{neutral(options.domain)}: suppressed as a whole; {_covered(number)}")
    return 0


def reactivate_domain_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `reactivate-domain`."""
    parser.add_argument("domain", metavar="DOMAIN")
    parser.add_argument("--why", metavar="TEXT", required=True, help="the reason, in words; kept in the history")
    add_who(parser)


def reactivate_domain(options: Namespace) -> int:
    """Lift the suppression of a whole domain."""
    with open_list(options.list, scope=options.scope) as known:
        number = known.reactivate_domain(options.domain, who=who_of(options), why=options.why)
    print(f"{neutral(options.domain)}: reactivated; {_covered(number)}, each with its own state again")
    return 0


def _covered(number: int) -> str:
    return f"{counted(number, 'known address', 'known addresses')} {'is' if number == 1 else 'are'} there"


def elsewhere(known: SuppressionList, address: str, now: datetime) -> Iterator[str]:
    """Yield what else suppresses an address, beside its entry in the list's own scope."""
    for entry in known.find(address):
        if entry.scope != known.scope and entry.state.is_suppressed(now):
            yield f"suppressed in {scope_named(entry.scope)} ({entry.state.cause})"
    for found in known.covering(address, now):
        said = "".join((f" by {found.who}" if found.who else "", f": {found.why}" if found.why else ""))
        yield f"*@{found.domain} is suppressed in {scope_named(found.scope)} since {found.since:%Y-%m-%d}{said}"


def scope_named(scope: str) -> str:
    """Return a scope in words."""
    return f"the scope {scope}" if scope else "the global scope"


def domain_record(found: SuppressedDomain) -> dict[str, object]:
    """Return a suppression of a whole domain as a JSON record."""
    return {
        "domain": found.domain,
        "suppressed": True,
        "since": found.since.isoformat(),
        "who": found.who,
        "why": found.why,
    }
