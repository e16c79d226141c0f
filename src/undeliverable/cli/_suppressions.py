"""`undeliverable suppressions`: the list of addresses that must not receive mail any more."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from undeliverable.cli import _list_domains, _list_files, _list_holds, _list_sent, _list_views
from undeliverable.cli._command import Command
from undeliverable.cli._lists import add_list

__all__ = ["COMMAND"]


def _arguments(parser: ArgumentParser) -> None:
    commands = parser.add_subparsers(title="what to do", metavar="VERB", required=True)
    for name, (help_, declare, run) in _VERBS.items():
        own = commands.add_parser(name, help=help_, description=f"{help_[0].upper()}{help_[1:]}.")
        declare(own)
        add_list(own)
        own.set_defaults(verb=run)


_VERBS: Final = MappingProxyType(
    {
        "list": ("show the suppressed addresses", _list_views.list_arguments, _list_views.list_),
        "show": ("show all data about an address", _list_views.show_arguments, _list_views.show_),
        "add": ("suppress an address by hand", _list_views.add_arguments, _list_views.add),
        "add-domain": (
            "suppress a whole domain by hand",
            _list_domains.add_domain_arguments,
            _list_domains.add_domain,
        ),
        "reactivate": ("lift a suppression by hand", _list_views.reactivate_arguments, _list_views.reactivate),
        "reactivate-domain": (
            "lift the suppression of a whole domain",
            _list_domains.reactivate_domain_arguments,
            _list_domains.reactivate_domain,
        ),
        "forget": ("delete all data about an address", _list_views.forget_arguments, _list_views.forget),
        "filter": (
            "write the addresses of a file that are not suppressed",
            _list_files.filter_arguments,
            _list_files.filter_,
        ),
        "import": ("import the list of another system", _list_files.import_arguments, _list_files.import_),
        "export": ("export the list", _list_files.export_arguments, _list_files.export),
        "sent": (
            "record what was mailed, so that tokens and Message-IDs prove reports",
            _list_sent.sent_arguments,
            _list_sent.sent,
        ),
        "held": (
            "show which providers are on hold, and the suppressions that wait for it",
            _list_holds.held_arguments,
            _list_holds.held,
        ),
        "confirm": ("let what is held take effect at once", _list_holds.confirm_arguments, _list_holds.confirm),
        "release": (
            "void the failures that a provider reported wrongly",
            _list_holds.release_arguments,
            _list_holds.release,
        ),
        "stats": ("show the statistics of a list", _list_views.stats_arguments, _list_views.stats),
        "settings": (
            "show or change policy, proof, hold and retention",
            _list_views.settings_arguments,
            _list_views.settings,
        ),
    }
)


def _run(options: Namespace) -> int:
    verb: Callable[[Namespace], int] = options.verb
    return verb(options)


COMMAND: Final = Command(
    name="suppressions",
    help="manage the list of addresses that must not receive mail",
    examples=(
        "undeliverable classify bounces/ --into list.db             # record the bounces in a list",
        "undeliverable suppressions list list.db",
        "undeliverable suppressions show kim@example.org list.db    # the exact error, when, which rule",
        "undeliverable suppressions filter campaign.txt list.db > send.txt",
        'undeliverable suppressions add-domain example.org --why "closed down" list.db',
        "undeliverable suppressions held list.db                    # what waits because a provider seems to err",
        'undeliverable suppressions reactivate kim@example.org --why "mailbox works again" list.db',
    ),
    arguments=_arguments,
    run=_run,
)
