"""Examples of the commands below another one, three for each; imported when their help is shown.

Every line is run by the tests, with files of these names: bounces/ (a folder of mail), inbox.mbox, bounce.eml, mail.log,
ours.toml and my.toml (rules), list.db (a list), campaign.txt (addresses).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["EXAMPLES"]

_RULES: Final[Mapping[str, tuple[str, ...]]] = {
    "list": (
        "undeliverable rules list --reason mailbox_full       # all rules that find a reason",
        "undeliverable rules list --rules ours.toml --layer file",
        "undeliverable rules list --kind policy --profile strict-rfc --format json",
    ),
    "show": (
        "undeliverable rules show postfix.local_unknown_user        # as written in its file, with its source",
        "undeliverable rules show ours.quota --rules ours.toml",
        "undeliverable rules show postfix.local_unknown_user --format json",
    ),
    "check": (
        "undeliverable rules check ours.toml                  # status 1 if it cannot be used",
        "undeliverable rules check ours.toml my.toml          # in a pre-commit hook",
        "undeliverable rules check ours.toml --profile strict-rfc",
    ),
    "which": (
        'undeliverable rules which "552 5.2.2 mailbox full"',
        'undeliverable rules which "550 no such user" --command rcpt --host mx.example.org',
        'undeliverable rules which "552 5.2.2 mailbox full" --rules ours.toml --format json',
    ),
    "diff": (
        "undeliverable rules diff builtin strict-rfc bounces/ # what the profile would change",
        "undeliverable rules diff builtin ours.toml inbox.mbox",
        "undeliverable rules diff builtin ours.toml --log mail.log --format json",
    ),
    "compare": (
        "undeliverable rules compare old new                  # two runs of classify --format parquet",
        "undeliverable rules compare --on source,verdict old new",
        "undeliverable rules compare --format json old new",
    ),
    "import": (
        "undeliverable rules import --from kumomta bounces.toml",
        "undeliverable rules import --from kumomta bounces.toml -o imported.toml",
        "undeliverable rules import --from kumomta bounces.toml --map InvalidRecipient=user_unknown",
    ),
    "suggest": (
        "undeliverable rules suggest bounces/                 # drafts for replies that no words decided",
        "undeliverable rules suggest --log mail.log --least 1 -o drafts.toml",
        "undeliverable rules suggest --rules ours.toml inbox.mbox",
    ),
    "schema": (
        "undeliverable rules schema                           # to standard output",
        "undeliverable rules schema -o rules.schema.json",
        "undeliverable rules schema > rules.schema.json",
    ),
}
_SUPPRESSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "list": (
        "undeliverable suppressions list list.db",
        "undeliverable suppressions list --cause hard_bounce --format jsonl list.db",
        "undeliverable suppressions list --all --scope acme list.db",
    ),
    "show": (
        "undeliverable suppressions show kim@example.org list.db",
        "undeliverable suppressions show kim@example.org list.db --format jsonl",
        "undeliverable suppressions show kim@example.org --scope acme list.db",
    ),
    "add": (
        "undeliverable suppressions add kim@example.org list.db",
        'undeliverable suppressions add kim@example.org --why "asked by phone" list.db',
        "undeliverable suppressions add kim@example.org --days 30 --who support list.db",
    ),
    "add-domain": (
        "undeliverable suppressions add-domain example.org list.db",
        'undeliverable suppressions add-domain example.org --why "closed down" list.db',
        "undeliverable suppressions add-domain example.org --who support list.db",
    ),
    "reactivate": (
        'undeliverable suppressions reactivate kim@example.org --why "mailbox works again" list.db',
        'undeliverable suppressions reactivate kim@example.org --why "asked by phone" --who support list.db',
        'undeliverable suppressions reactivate kim@example.org --why "signed up again" --scope acme list.db',
    ),
    "reactivate-domain": (
        'undeliverable suppressions reactivate-domain example.org --why "takes mail again" list.db',
        'undeliverable suppressions reactivate-domain example.org --why "a mistake" --who support list.db',
        'undeliverable suppressions reactivate-domain example.org --why "new owner" --scope acme list.db',
    ),
    "forget": (
        "undeliverable suppressions forget kim@example.org list.db",
        "undeliverable suppressions forget kim@example.org --scope acme list.db",
        "undeliverable suppressions forget --quiet kim@example.org list.db",
    ),
    "filter": (
        "undeliverable suppressions filter campaign.txt list.db > send.txt",
        "undeliverable suppressions filter --suppressed campaign.txt list.db",
        "undeliverable suppressions filter - list.db < campaign.txt",
    ),
    "import": (
        "undeliverable suppressions import campaign.txt list.db  # one address a line",
        "undeliverable suppressions import --from plain campaign.txt list.db",
        "undeliverable suppressions import - list.db < campaign.txt",
    ),
    "export": (
        "undeliverable suppressions export list.db > backup.jsonl",
        "undeliverable suppressions export --format csv list.db",
        "undeliverable suppressions export --cause hard_bounce --format plain list.db",
    ),
    "sent": (
        "undeliverable suppressions sent sent.csv list.db        # columns recipient, and id or message_id",
        "undeliverable suppressions sent - list.db < sent.csv",
        "undeliverable suppressions sent --scope acme sent.csv list.db",
    ),
    "held": (
        "undeliverable suppressions held list.db",
        "undeliverable suppressions held --provider example.org list.db",
        "undeliverable suppressions held --format jsonl list.db",
    ),
    "confirm": (
        'undeliverable suppressions confirm --why "the addresses are dead" list.db',
        'undeliverable suppressions confirm --provider example.org --why "domain closed" list.db',
        'undeliverable suppressions confirm --since 2026-11-16 --why "checked by hand" list.db',
    ),
    "release": (
        'undeliverable suppressions release --provider example.org --why "their fault" list.db',
        'undeliverable suppressions release --reason user_unknown --since 2026-11-16 --why "their fault" list.db',
        'undeliverable suppressions release --since 2026-11-16 --until 2026-11-17 --why "their fault" list.db',
    ),
    "stats": (
        "undeliverable suppressions stats list.db",
        "undeliverable suppressions stats --format jsonl list.db",
        "undeliverable suppressions stats --scope acme list.db",
    ),
    "settings": (
        "undeliverable suppressions settings list.db             # show them",
        "undeliverable suppressions settings --keep-replies 90 list.db",
        "undeliverable suppressions settings --require-proof preferred --hold 4 list.db",
    ),
}

EXAMPLES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        **{f"rules {name}": lines for name, lines in _RULES.items()},
        **{f"suppressions {name}": lines for name, lines in _SUPPRESSIONS.items()},
    }
)
"""Command lines, by the words of the nested command: ``rules list``."""
