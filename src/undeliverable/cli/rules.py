"""`undeliverable rules`: list rules and policies, match them against a reply, and compare bodies of them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Final

from undeliverable import Knowledge, KnowledgeError, Reason, RuleRef, Verdict, classify
from undeliverable.cli._checks import change, policy_errors, policy_warnings
from undeliverable.cli._command import (
    Command,
    add_knowledge_options,
    add_reply_options,
    files_of,
    knowledge_of,
    known_of,
    warn,
)
from undeliverable.cli._diff import diff, diff_arguments, with_file
from undeliverable.cli._entries import Entry, entries_of, place_of
from undeliverable.cli._neutral import neutral_lines
from undeliverable.cli._rule_files import (
    import_,
    import_arguments,
    schema,
    schema_arguments,
    suggest,
    suggest_arguments,
)
from undeliverable.cli._runs import compare_arguments, compare_runs
from undeliverable.cli._tables import print_json, print_table
from undeliverable.cli._words import counted, did_you_mean, unknown_value

__all__ = ["COMMAND"]

_LONG: Final = 80


def _arguments(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, (about, declare, run) in _ACTIONS.items():
        own = actions.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
        declare(own)
        own.set_defaults(action=run)


def _run(options: Namespace) -> int:
    return int(options.action(options))


# --- list ------------------------------------------------------------------------------------------------------------


def _list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--layer", metavar="LAYER", help="only entries of a layer: builtin, profile, file, or the full name of one"
    )
    parser.add_argument("--provider", metavar="NAME", help="only entries for a provider")
    parser.add_argument(
        "--reason",
        metavar="REASON",
        type=str.lower,
        help="only rules that find a reason, and policies that apply to it",
    )
    parser.add_argument("--kind", choices=("rule", "policy"), help="only rules, or only policies")
    _format_argument(parser)
    add_knowledge_options(parser)


def _list(options: Namespace) -> int:
    reason: str | None = options.reason
    if reason is not None and reason not in set(Reason):
        raise unknown_value("--reason", reason, map(str, Reason), expected="a reason")
    knowledge = knowledge_of(options)
    found = [entry for entry in entries_of(knowledge) if _is_wanted(entry, options)]
    if options.format == "json":
        print_json([entry.to_dict() for entry in found])
    elif found:
        rows = ((e.id, e.kind, e.layer, ",".join(e.providers) or "-", e.then, e.when) for e in found)
        print_table(("id", "kind", "layer", "provider", "then", "when"), rows)
    return 0 if found else 1


def _is_wanted(entry: Entry, options: Namespace) -> bool:
    return (
        (options.kind in {None, entry.kind})
        and (options.layer in {None, entry.layer, entry.layer.partition(":")[0]})
        and (options.provider is None or options.provider.casefold() in entry.providers)
        and (options.reason is None or options.reason in entry.reasons)
    )


# --- show ------------------------------------------------------------------------------------------------------------


def _show_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the id of a rule or policy, as shown by explain and list")
    _format_argument(parser)
    add_knowledge_options(parser)


def _show(options: Namespace) -> int:
    knowledge = knowledge_of(options)
    entry = next((entry for entry in entries_of(knowledge) if entry.id == options.id), None)
    if entry is None:
        ids = [entry.id for entry in entries_of(knowledge)]
        warn(f"no rule or policy has the id {options.id!r}{did_you_mean(options.id, ids)}")
        return 1
    place = place_of(entry, files_of(options))
    if options.format == "json":
        print_json(entry.to_dict() | {"file": place.path if place else None, "line": place.line if place else None})
        return 0
    where = f"{place.path}:{place.line}" if place else "file unknown"
    print(
        neutral_lines(f"{entry.kind} {entry.id} ({entry.layer})\n{where}\n\n{place.text if place else entry.as_text()}")
    )
    return 0


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
            warn(str(error))
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


# --- which -----------------------------------------------------------------------------------------------------------


def _which_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("reply", metavar="REPLY", help="the text of an SMTP reply")
    add_reply_options(parser)
    _format_argument(parser)
    add_knowledge_options(parser)


def _which(options: Namespace) -> int:
    knowledge = knowledge_of(options)
    verdict = classify(
        options.reply,
        host=options.host,
        command=options.smtp_command,
        protocol=options.protocol,
        recipient=options.recipient,
        knowledge=knowledge,
        trace=True,
        **known_of(options, knowledge),
    )
    fitting = ((verdict.rule,) if verdict.rule else ()) + (verdict.shadowed or ())
    known = {(entry.id, entry.layer): entry for entry in entries_of(knowledge) if entry.kind == "rule"}
    matches = [(known.get((ref.id, ref.layer)) or _opinion(ref, verdict), verdict.matched(ref)) for ref in fitting]
    if options.format == "json":
        found = [entry.to_dict() | {"matched": list(words)} for entry, words in matches]
        print_json({"matches": found, "verdict": verdict.to_dict()})
    else:
        if matches:
            places = ["wins" if verdict.rule else "1", *map(str, range(2, len(matches) + 1))]
            rows = (
                (place, e.id, e.layer, e.then, ", ".join(map(_quoted, words)) or e.when)
                for place, (e, words) in zip(places, matches, strict=True)
            )
            print_table(("", "id", "layer", "then", "matched"), rows)
            print()
        print(_outcome(verdict))
    return 0 if matches else 1


def _opinion(ref: RuleRef, verdict: Verdict) -> Entry:
    """Return the second opinion, which stands in no file, as a rule."""
    return Entry("rule", ref.id, ref.layer, ref.when, str(verdict.reason), (), frozenset(), None, ref.source)


def _quoted(words: str) -> str:
    return f'"{words if len(words) <= _LONG else words[: _LONG - 3] + "..."}"'


def _outcome(verdict: Verdict) -> str:
    label = f" [{verdict.label}]" if verdict.label else ""
    setters = dict.fromkeys(f"{policy.id} ({policy.layer})" for _, policy in verdict.set_by)
    policy = f"policy {', '.join(setters)}" if setters else "default"
    conflicts = "".join(f"\nconflict: {conflict}" for conflict in verdict.conflicts)
    return neutral_lines(f"{verdict.bounce_type} ({verdict.reason}) -> {verdict.advice}{label}, by {policy}{conflicts}")


def _format_argument(parser: ArgumentParser) -> None:
    parser.add_argument("--format", choices=("table", "json"), default="table", help="table (default) or json")


_ACTIONS: Final = {
    "list": ("show all rules and policies in order of precedence", _list_arguments, _list),
    "show": ("show one rule or policy as written in its file", _show_arguments, _show),
    "check": ("check files of rules; exit status 1 if one is invalid", _check_arguments, _check),
    "which": (
        "show all rules that match a reply, the winner first; exit status 1 if none does",
        _which_arguments,
        _which,
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
        'undeliverable rules which "552 5.2.2 mailbox full"         # all matching rules, the winner first',
        "undeliverable rules diff builtin prefinery bounces/        # what a profile would change",
        "undeliverable rules suggest --log mail.log                 # drafts of rules for unknown replies",
        "undeliverable rules import --from kumomta bounces.toml     # bounce rules of another program",
    ),
    arguments=_arguments,
    run=_run,
)
