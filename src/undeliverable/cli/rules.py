"""`undeliverable rules`: list rules and policies, match them against a reply, and compare bodies of them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Final

from undeliverable import Knowledge, KnowledgeError
from undeliverable.cli._checks import change, policy_errors, policy_warnings
from undeliverable.cli._command import (
    Command,
    add_knowledge_options,
    knowledge_of,
    warn,
)
from undeliverable.cli._diff import diff, diff_arguments, with_file
from undeliverable.cli._entries import entries_of, place_of
from undeliverable.cli._neutral import neutral_lines
from undeliverable.cli._rule_files import (
    import_,
    import_arguments,
    schema,
    schema_arguments,
    suggest,
    suggest_arguments,
)
from undeliverable.cli._rules_shown import list_, list_arguments, show, show_arguments, which, which_arguments
from undeliverable.cli._runs import compare_arguments, compare_runs
from undeliverable.cli._words import counted

__all__ = ["COMMAND"]


def _arguments(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, (about, declare, run) in _ACTIONS.items():
        own = actions.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
        declare(own)
        own.set_defaults(action=run)


def _run(options: Namespace) -> int:
    return int(options.action(options))


# --- check -----------------------------------------------------------------------------------------------------------


def _check_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("files", metavar="FILE", nargs="+", help="a file of rules and policies, or a profile")
    add_knowledge_options(parser)


def _check(options: Namespace) -> int:
    knowledge, status = knowledge_of(options), 0
    known = {id(layer) for layer in knowledge.layers}
    for path in options.files:
        try:
            after = with_file(knowledge, path)
        except KnowledgeError as error:
            warn(str(error), in_lines=True)
            status = 1
            continue
        (added,) = (layer for layer in after.layers if id(layer) not in known)
        place = _placed(after, added.name, path)
        for entry, fault in policy_errors(after, added):
            warn(f"{place(entry)}: entry {entry!r}: {fault}")
            status = 1
        for entry, warning in policy_warnings(knowledge, after, added):
            warn(f"{place(entry)}: warning: entry {entry!r}: {warning}")
        counts = f"{counted(len(added.rules), 'rule')}, {counted(len(added.policies), 'policy', 'policies')}"
        print(neutral_lines(f"{path}: {counts}; {change(knowledge, after, added)}"))
    return status


def _placed(knowledge: Knowledge, layer: str, path: str) -> Callable[[str], str]:
    """Return what names the file and line of an entry."""
    entries = {entry.id: entry for entry in entries_of(knowledge) if (entry.layer, entry.kind) == (layer, "policy")}

    def place(entry: str) -> str:
        found = place_of(entries[entry], (path,)) if entry in entries else None
        return f"{path}:{found.line}" if found else path

    return place


_ACTIONS: Final = {
    "list": ("show all rules and policies in order of precedence", list_arguments, list_),
    "show": ("show what a rule or policy means; with -v as it is written in its file", show_arguments, show),
    "check": ("check files of rules; exit status 1 if one is invalid", _check_arguments, _check),
    "which": (
        "show all rules that match a reply, the one that decides first; exit status 1 if none does",
        which_arguments,
        which,
    ),
    "diff": ("show the verdicts that differ between two profiles or files of rules", diff_arguments, diff),
    "compare": ("show the verdicts that differ between two runs in Parquet", compare_arguments, compare_runs),
    "import": ("make a file of rules from the bounce rules of another program", import_arguments, import_),
    "suggest": ("draft rules for replies that no words decided", suggest_arguments, suggest),
    "schema": ("print the JSON Schema of rule files, for editors", schema_arguments, schema),
}

COMMAND: Final = Command(
    name="rules",
    help="show, check and compare rules, policies and profiles",
    examples=(
        "undeliverable rules list --provider google                 # all rules for a provider",
        "undeliverable rules show google.receiving_rate             # one rule with its example and source",
        "undeliverable rules check ours.toml                        # for a pre-commit hook",
        'undeliverable rules which "552 5.2.2 mailbox full"         # all matching rules, the first decides',
        "undeliverable rules diff builtin prefinery bounces/        # what a profile would change",
        "undeliverable rules suggest --log mail.log                 # drafts of rules for unknown replies",
        "undeliverable rules import --from kumomta bounces.toml     # bounce rules of another program",
    ),
    arguments=_arguments,
    run=_run,
)
