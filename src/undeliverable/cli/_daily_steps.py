"""What to do about the mail of a day: a sentence for each kind of trouble, with the command that goes on from there."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Mapping
from shlex import quote
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from undeliverable.cli._words import counted
from undeliverable.files import STDIN
from undeliverable.reasons import Advice

if TYPE_CHECKING:
    from undeliverable.summary import Summary

__all__ = ["steps_of"]

_MOST: Final = 200  # characters of paths that anybody would copy
_NAMED: Final = 3  # providers in a sentence
_KEPT: Final = ("rules", "profile", "tenant", "stream", "context")  # they decide what is found
_REPLIES: Final = "--fields recipient,code,remote_mta,reply"
_SENTENCES: Final[Mapping[Advice, tuple[str, str, str]]] = MappingProxyType(
    {
        Advice.SUPPRESS: ("failure says", "failures say", "that an address takes no mail any more: send no more to these"),
        Advice.FIX_SENDER: ("refusal is", "refusals are", "about the sender, not the address: set that right first"),
        Advice.SLOW_DOWN: ("refusal asks", "refusals ask", "for less mail at a time: send more slowly"),
        Advice.FIX_MESSAGE: ("refusal is", "refusals are", "about the message itself: change it before it is sent again"),
        Advice.REVIEW: ("failure says", "failures say", "nothing certain: look at the replies"),
    }
)  # fmt: skip
"""What is done by advice, the most urgent first, as it is said of one and of several; to try again needs nobody."""


def steps_of(summary: Summary, options: Namespace) -> list[tuple[str, str]]:
    """Return what to do next: sentences, each with its command or an empty text."""
    return [*_of_list(summary, options), *_of_advice(summary, options), *_of_complaints(summary, options)]


def _of_list(summary: Summary, options: Namespace) -> Iterator[tuple[str, str]]:
    news = summary.news
    if news is not None and (news.held or news.on_hold):
        where = f" at {', '.join(news.on_hold[:_NAMED])}" if news.on_hold else ""
        held = counted(news.held, "suppression is held", "suppressions are held")
        yield (
            f"{held}{where}: if the failures are right, confirm them, else release them",
            f"undeliverable suppressions held {quote(options.list)}",
        )


def _of_advice(summary: Summary, options: Namespace) -> Iterator[tuple[str, str]]:
    for advice, (one, many, rest) in _SENTENCES.items():
        number = summary.advice.get(advice, 0)
        if number:
            yield f"{counted(number, one, many)} {rest}{_where(summary, advice)}", _command(advice, options)


def _where(summary: Summary, advice: Advice) -> str:
    """Return what the replies name, and at which providers; dead addresses are everywhere."""
    if advice is Advice.SUPPRESS:
        return ""
    reasons = {row.reason for row in summary.reasons if row.advice == advice}
    there = Counter({name: sum(found.get(reason, 0) for reason in reasons) for name, found in summary.at.items()})
    parts = [_most(summary.named)] if advice is Advice.FIX_SENDER else []
    parts.append(f"at {providers}" if (providers := _most(there)) else "")
    said = "; ".join(filter(None, parts))
    return f" ({said})" if said else ""


def _most(counts: Mapping[str, int]) -> str:
    """Return the names counted most, with their numbers."""
    return ", ".join(f"{name} {number:,}" for name, number in Counter(counts).most_common(_NAMED) if number)


def _of_complaints(summary: Summary, options: Namespace) -> Iterator[tuple[str, str]]:
    number = summary.totals.complaints
    if number:
        said = f"{counted(number, 'recipient')} complained: unsubscribe them, and find out which mail it was"
        yield said, _classify("--only complaint --format txt", options, "> complaints.txt")


def _command(advice: Advice, options: Namespace) -> str:
    if advice is not Advice.SUPPRESS:
        return _classify(f"--only {advice} {_REPLIES}", options)
    if options.list is not None:
        return _classify(f"--into {quote(options.list)}", options)
    return _classify("--only suppress --format txt", options, "> dead.txt")


def _classify(words: str, options: Namespace, target: str = "") -> str:
    """Return a command for the same files, or an empty text where they are gone."""
    if not options.paths or STDIN in options.paths:
        return ""
    paths = " ".join(quote(f"./{path}" if path.startswith("-") else path) for path in options.paths)
    if len(paths) > _MOST:
        paths = f"{quote(options.paths[0])} ..."
    kept = [f"--{name} {quote(one)}" for name in _KEPT for one in _values(getattr(options, name))]
    log = ["--log"] if options.log else []
    return " ".join(filter(None, ("undeliverable classify", *log, words, *kept, paths, target)))


def _values(value: str | list[str] | None) -> list[str]:
    return value if isinstance(value, list) else [] if value is None else [value]
