"""`undeliverable rules import`, `suggest` and `schema`: rule files that are made."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from undeliverable import Reason
from undeliverable.cli._command import UsageError, add_knowledge_options, knowledge_of, known_of, open_binary, warn
from undeliverable.cli._corpus import Judge, add_corpus_arguments, corpus_of
from undeliverable.cli._neutral import neutral, neutral_lines
from undeliverable.cli._words import counted, unknown_value

if TYPE_CHECKING:
    from undeliverable.rule_files import ImportedRules

__all__ = ["import_", "import_arguments", "schema", "schema_arguments", "suggest", "suggest_arguments"]


def import_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `import`."""
    from undeliverable.rule_files import programs

    parser.add_argument(
        "files", metavar="FILE", nargs="+", help="the program's files, in the order in which it asks them"
    )
    parser.add_argument("--from", dest="program", required=True, choices=programs(), help="the program they are from")
    parser.add_argument(
        "--map", metavar="CLASS=REASON", action="append", default=[],
        help="the reason for a class of your own, or another one for a known class; repeatable",
    )  # fmt: skip
    _output_argument(parser)
    parser.epilog = (
        "exit status: 0 a file was written, 1 no rule could be taken over, 2 the command line or a file is wrong"
    )


def import_(options: Namespace) -> int:
    """Write the rule file; say what was changed and what is lost."""
    from undeliverable.rule_files import import_rules

    files = [(path, _text(path)) for path in options.files]
    made = import_rules(options.program, files, reasons=_reasons(options.map))
    if made.rules:
        _write(options.output, made.toml)
    _say(made)
    return 0 if made.rules else 1


def suggest_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `suggest`."""
    add_corpus_arguments(parser)
    parser.add_argument("--least", metavar="N", type=int, default=2, help="leave out clusters of fewer replies (2)")
    parser.add_argument("--most", metavar="N", type=int, default=50, help="the largest clusters only (50)")
    _output_argument(parser)
    add_knowledge_options(parser)
    parser.epilog = "exit status: 0 a rule was drafted, 1 none was, 2 the command line or a file is wrong"


def suggest(options: Namespace) -> int:
    """Write drafts of rules for the replies that no words decided."""
    from undeliverable.rule_files import draft_rules

    knowledge = knowledge_of(options)
    judge = Judge(knowledge, known_of(options, knowledge))
    verdicts = (verdict for item in corpus_of(options) for verdict in judge.verdicts(item) or ())
    drafts = draft_rules(verdicts, knowledge, least=options.least, most=options.most)
    if drafts.rules:
        _write(options.output, drafts.toml)
    print(
        f"{drafts.unknown:,} of {counted(drafts.verdicts, 'reply', 'replies')} judged by a bare code or not at all; "
        f"{counted(drafts.rules, 'draft')} for {drafts.covered:,} of them",
        file=sys.stderr,
    )
    return 0 if drafts.rules else 1


def schema_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `schema`."""
    _output_argument(parser)


def schema(options: Namespace) -> int:
    """Write the JSON Schema of rule files."""
    import json  # other actions do without

    from undeliverable.rule_files import rule_schema

    _write(options.output, json.dumps(rule_schema(), indent=2) + "\n")
    return 0


def _reasons(pairs: Sequence[str]) -> dict[str, Reason]:
    known = {str(reason): reason for reason in Reason}
    found: dict[str, Reason] = {}
    for pair in pairs:
        class_, _, name = pair.partition("=")
        if name not in known:
            raise unknown_value("--map", name, known, expected="CLASS=REASON")
        found[class_] = known[name]
    return found


def _say(made: ImportedRules) -> None:
    """Print the losses, what may be found otherwise than before, and the numbers."""
    lines = [f"{loss.place}: not taken over: {loss.why}\n    {neutral(loss.text)}" for loss in made.losses]
    notes = Counter(note for _, note in made.rewritten)
    lines += [f"{counted(number, 'rule')}: {note}" for note, number in notes.most_common()]
    lines.append(f"{made.rules:,} of {counted(made.read, 'rule')} taken over")
    print(neutral_lines("\n".join(lines)), file=sys.stderr)


def _output_argument(parser: ArgumentParser) -> None:
    parser.add_argument("-o", "--output", metavar="FILE", help="the file to write; standard output by default")


def _text(path: str) -> str:
    with open_binary(path) as file:
        raw = file.read()
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        warn(f"{path}: not UTF-8; read as Latin-1")
        return raw.decode("latin-1")


def _write(path: str | None, text: str) -> None:
    if path is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
