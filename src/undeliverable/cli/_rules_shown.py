"""`undeliverable rules list`, `show` and `which`: what rules mean first, their conditions below, patterns only with `-v`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from typing import Final

from undeliverable import Reason, RuleRef, Verdict, classify
from undeliverable.cli._asked import in_words
from undeliverable.cli._command import add_knowledge_options, add_reply_options, files_of, knowledge_of, known_of, warn
from undeliverable.cli._entries import Entry, Place, entries_of, place_of
from undeliverable.cli._explained import headline_style, in_paragraphs
from undeliverable.cli._fit import cut, padded, width_of
from undeliverable.cli._neutral import neutral
from undeliverable.cli._paragraphs import Paragraph, Span, paragraph, write
from undeliverable.cli._screen import Screen
from undeliverable.cli._tables import print_json, print_table
from undeliverable.cli._words import did_you_mean, unknown_value

__all__ = ["list_", "list_arguments", "show", "show_arguments", "which", "which_arguments"]

_LONG: Final = 80
_GAP: Final = 2
_PLACE: Final = 7  # columns of the place of a match
_THEN: Final = 24  # columns of what follows, at most
_ROOM: Final = 24  # columns that conditions need to be of use
_SHOWN: Final = frozenset(("reply", "caution", "doubt"))
"""What `which` shows of an explanation: the rules are the answer, not what to do about the reply."""


# --- list ------------------------------------------------------------------------------------------------------------


def list_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `list`."""
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


def list_(options: Namespace) -> int:
    """Show entries, each in one line."""
    reason: str | None = options.reason
    if reason is not None and reason not in set(Reason):
        raise unknown_value("--reason", reason, map(str, Reason), expected="a reason")
    knowledge = knowledge_of(options)
    found = [entry for entry in entries_of(knowledge) if _is_wanted(entry, options)]
    screen = Screen.of(sys.stdout, options.color)
    if options.format == "json":
        print_json([entry.to_dict() for entry in found])
    elif found and screen.is_terminal:
        write(_listed(found, screen, verbose=options.verbose), screen)
    elif found:
        rows = (
            (e.id, e.kind, e.layer, ",".join(e.providers) or "-", e.then, in_words(e.when, verbose=options.verbose))
            for e in found
        )
        print_table(("id", "kind", "layer", "provider", "then", "when"), rows)
    return 0 if found else 1


def _is_wanted(entry: Entry, options: Namespace) -> bool:
    return (
        (options.kind in {None, entry.kind})
        and (options.layer in {None, entry.layer, entry.layer.partition(":")[0]})
        and (options.provider is None or options.provider.casefold() in entry.providers)
        and (options.reason is None or options.reason in entry.reasons)
    )


def _listed(found: Sequence[Entry], screen: Screen, *, verbose: bool) -> Iterator[Paragraph]:
    """Yield a line for each entry: what it finds, its id, and as far as there is room what it asks."""
    then = min(max(width_of(neutral(entry.then)) for entry in found), _THEN)
    ids = max(width_of(neutral(entry.id)) for entry in found)
    room = screen.width - then - ids - 2 * _GAP
    mark = screen.signs.ellipsis
    for entry in found:
        name = Span(padded(neutral(entry.id), ids) if room >= _ROOM else neutral(entry.id))
        if then + _GAP + ids > screen.width:  # an id is for copying: it stays whole as long as it can
            yield Paragraph((Span(cut(name.text, screen.width, mark)),))
            continue
        first = Span(padded(cut(neutral(entry.then), then, mark), then + _GAP), _style(entry))
        asks: tuple[Span, ...] = ()
        if room >= _ROOM:
            text = cut(neutral(in_words(entry.when, verbose=verbose)), room, mark)
            asks = (Span(" " * _GAP), Span(text, "dim"))
        yield Paragraph((first, name, *asks), is_set=True)


# --- show ------------------------------------------------------------------------------------------------------------


def show_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `show`."""
    parser.add_argument("id", metavar="ID", help="the id of a rule or policy, as shown by explain -v and list")
    _format_argument(parser)
    add_knowledge_options(parser)


def show(options: Namespace) -> int:
    """Show one entry: what it means, and with `-v` as it is written in its file."""
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
    write(_shown(entry, place, verbose=options.verbose), Screen.of(sys.stdout, options.color))
    return 0


def _shown(entry: Entry, place: Place | None, *, verbose: bool) -> Iterator[Paragraph]:
    yield _meaning(entry)
    yield from _below(entry, verbose=False)
    if entry.example:
        yield paragraph(entry.example, label="example")
    yield _labelled("place", f"{place.path}:{place.line}" if place else "file unknown")
    if verbose:
        yield paragraph("")
        text = place.text if place else entry.as_text()
        yield from (paragraph(line, hang=2) for line in text.split("\n"))
    elif place:
        yield _labelled("more", "-v shows it as it is written there")


# --- which -----------------------------------------------------------------------------------------------------------


def which_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `which`."""
    parser.add_argument("reply", metavar="REPLY", help="the text of an SMTP reply")
    add_reply_options(parser)
    _format_argument(parser)
    add_knowledge_options(parser)


def which(options: Namespace) -> int:
    """Show all rules that match a reply, the one that decides first."""
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
        return 0 if matches else 1
    screen = Screen.of(sys.stdout, options.color)
    explanation = verdict.explanation()
    lines = tuple(line for line in explanation.lines if line.topic in _SHOWN)
    write(in_paragraphs(explanation._replace(lines=lines), headline_style(verdict)), screen)
    write(_outcome(verdict), screen)
    for number, (entry, words) in enumerate(matches, 1):
        wins = number == 1 and verdict.rule is not None
        write(_match("decides" if wins else str(number), entry, words, options), screen)
    return 0 if matches else 1


def _match(place: str, entry: Entry, words: Sequence[str], options: Namespace) -> Iterator[Paragraph]:
    yield paragraph("")
    yield _meaning(entry, f"{place:<{_PLACE}} ")
    words = [text for text in words if not any(other != text and other in text for other in words)]
    if words:
        spans = [part for text in words for part in (Span(", "), Span(_short(text), "mark"))][1:]
        yield Paragraph(tuple(spans), "words")
    yield from _below(entry, verbose=options.verbose, asks=options.verbose or not words)


def _outcome(verdict: Verdict) -> Iterator[Paragraph]:
    """Yield what follows, in the words of records and rule files, and who says so."""
    label = f" [{verdict.label}]" if verdict.label else ""
    setters = dict.fromkeys(f"{policy.id} ({policy.layer})" for _, policy in verdict.set_by)
    policy = f"policy {', '.join(setters)}" if setters else "default"
    yield _labelled("verdict", f"{verdict.bounce_type} ({verdict.reason}) -> {verdict.advice}{label}, by {policy}")
    yield from (_labelled("conflict", conflict) for conflict in verdict.conflicts)


def _opinion(ref: RuleRef, verdict: Verdict) -> Entry:
    """Return the second opinion, which stands in no file, as a rule."""
    return Entry("rule", ref.id, ref.layer, ref.when, str(verdict.reason), (), frozenset(), None, ref.source)


# --- of all ----------------------------------------------------------------------------------------------------------


def _meaning(entry: Entry, before: str = "") -> Paragraph:
    """Return what an entry finds, in a sentence; of a policy, what it sets."""
    spans = [Span(before, "dim")] if before else []
    if entry.kind == "rule":
        return Paragraph((*spans, Span(entry.then, _style(entry)), Span(f": {_reason(entry).meaning}")), hang=2)
    return Paragraph((*spans, Span("sets "), Span(entry.then, "bold")), hang=2)


def _below(entry: Entry, *, verbose: bool, asks: bool = True) -> Iterator[Paragraph]:
    """Yield what an entry asks, its name, and where its knowledge comes from."""
    if asks and entry.when:
        yield _labelled("asks", in_words(entry.when, verbose=verbose))
    if entry.providers:
        yield _labelled("provider", ", ".join(entry.providers))
    yield _labelled(entry.kind, f"{entry.id} ({entry.layer})")
    if entry.source:
        yield _labelled("source", entry.source)


def _labelled(label: str, text: str) -> Paragraph:
    return paragraph(text, label=label)


def _style(entry: Entry) -> str:
    return str(_reason(entry).bounce_type) if entry.kind == "rule" else "bold"


def _reason(entry: Entry) -> Reason:
    return Reason[entry.then.upper()]


def _short(words: str) -> str:
    return words if len(words) <= _LONG else words[: _LONG - 3] + "..."


def _format_argument(parser: ArgumentParser) -> None:
    parser.add_argument("--format", choices=("table", "json"), default="table", help="table (default) or json")
