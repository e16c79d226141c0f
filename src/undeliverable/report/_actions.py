"""What to do, first thing on the page: a card for each advice, with the command that lists what it is about.

Addresses are in the page only on request, since pages are mailed around.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from html import escape
from typing import Final, NamedTuple

from undeliverable import Advice
from undeliverable.report._collect import Advised, Summary
from undeliverable.report._html import number, some
from undeliverable.report._requirements import requirements
from undeliverable.report._view import View, provider_title

__all__ = ["actions"]

_LISTED: Final = 4  # requirements, reasons or providers that a card names


class _Card(NamedTuple):
    """The words of a card.

    :ivar title: the heading for one address and for several.
    :ivar what: what to do about them, in one sentence.
    """

    title: str
    titles: str
    what: str


_CARDS: Final[Mapping[Advice, _Card]] = {
    Advice.SUPPRESS: _Card(
        "address to suppress", "addresses to suppress", "Mail to them fails for good, or is not wanted: never mail them again.",
    ),
    Advice.FIX_SENDER: _Card(
        "address refused because of the sender", "addresses refused because of the sender",
        "They may well be good: the refusals are about your servers, domains or reputation.",
    ),
    Advice.SLOW_DOWN: _Card("address: slow down", "addresses: slow down", "Send fewer messages at a time there."),
    Advice.FIX_MESSAGE: _Card(
        "refusal of the message", "refusals of the message", "Mend what is said or attached, then send again.",
    ),
    Advice.REVIEW: _Card("address to look at", "addresses to look at", "The replies don’t say enough: a person has to."),
    Advice.RETRY: _Card(
        "address to try again", "addresses to try again", "Nothing is wrong with them for good: send again later.",
    ),
}  # fmt: skip


def actions(view: View) -> str:
    """Return the section with the cards; a line where there is nothing to do."""
    first, *others = (_card(view, advice, card) for advice, card in _CARDS.items())
    body = (
        "".join((first, *_requirement_card(view), *others))
        or '<p class="calm">Nothing to do: no report asks for anything.</p>'
    )
    return f'<section id="todo" class="todo" aria-label="What to do"><h2>What to do</h2><div class="deck">{body}</div></section>'


def _card(view: View, advice: Advice, card: _Card) -> str:
    found = view.summary.advised[advice]
    whole = len(found.addresses)
    if not whole:
        return ""
    title = f"{number(whole)} {card.title if whole == 1 else card.titles}"
    if advice is Advice.SLOW_DOWN and found.providers:
        title = f"Slow down at {_named({provider_title(name): count for name, count in found.providers.items()}, 3)}"
    unnamed = f" {some(found.unnamed, 'more verdict')} without an address." if found.unnamed else ""
    return (
        f'<article class="card {advice}"><h3>{escape(title)}</h3><p>{card.what}{unnamed}</p>'
        f'<p class="why">{_why(found, advice)}</p>{_command(view, advice)}{_addresses(view, advice, found)}</article>'
    )


def _why(found: Advised, advice: Advice) -> str:
    reasons = _ranked(found.reasons)
    # Where most providers are unknown, those that are known would look like the whole.
    if advice is Advice.SLOW_DOWN or 2 * sum(found.providers.values()) < len(found.addresses):
        return reasons
    places = {provider_title(name): count for name, count in found.providers.items()}
    return f"{reasons}; at {_ranked(places)}"


def _ranked(counts: Mapping[str, int]) -> str:
    shown = [f"{escape(name)} {number(count)}" for name, count in list(counts.items())[:_LISTED]]
    left = sum(list(counts.values())[_LISTED:])
    return " · ".join((*shown, *([f"others {number(left)}"] if left else ())))


def _named(names: Mapping[str, int], most: int) -> str:
    shown = list(names)[:most]
    return ", ".join(shown) if len(names) <= most else f"{', '.join(shown)} and {len(names) - most} more"


def _command(view: View, advice: Advice) -> str:
    is_list = advice is Advice.SUPPRESS
    form = f"--format txt {view.inputs} > {advice}.txt" if is_list else view.inputs
    # Words stay whole where a line is broken: nobody wants to copy "--" without its "format".
    words = " ".join(
        f"<span>{escape(word)}</span>" for word in f"undeliverable classify --only {advice} {form}".split()
    )
    return f'<code class="command">{words}</code>'


def _addresses(view: View, advice: Advice, found: Advised) -> str:
    if not view.with_addresses:
        return ""
    lines = escape("\n".join(found.addresses))
    return (
        f'<details class="addresses"><summary>Show {some(len(found.addresses), "address", "addresses")}</summary>'
        f'<pre tabindex="0" data-file="{advice}.txt">{lines}</pre></details>'
    )


def _requirement_card(view: View) -> Iterator[str]:
    summary = view.summary
    if not summary.refusals:
        return
    whole = sum(refused.whole for refused in summary.refusals)
    known = requirements()
    items = "".join(
        f'<li><b>{number(count)}</b> · <a href="#requirements">{escape(known[name].title)}</a>{_of(senders)}: '
        f"{escape(known[name].fix)}</li>"
        for name, count, senders in _by_requirement(summary)
    )
    yield (
        f'<article class="card requirements"><h3>{some(whole, "refusal")} over sender requirements</h3><ul>{items}</ul>'
        "</article>"
    )


def _by_requirement(summary: Summary) -> list[tuple[str, int, Mapping[str, int]]]:
    senders: dict[str, Counter[str]] = {}
    totals: Counter[str] = Counter()
    for refused in summary.refusals:
        refusal, count = refused.refusal, refused.whole
        totals[refusal.requirement] += count
        if refusal.sender is not None:
            senders.setdefault(refusal.requirement, Counter())[refusal.sender] += count
    ranked = totals.most_common(_LISTED)
    return [(name, count, dict(senders.get(name, Counter()).most_common())) for name, count in ranked]


def _of(senders: Mapping[str, int]) -> str:
    return f" of {escape(_named(senders, 2))}" if senders else ""
