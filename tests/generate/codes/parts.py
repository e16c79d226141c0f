"""The parts that pages of codes are made of: tables, lists and links in Markdown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Final

from tests.generate.codes.reply_codes import REPLIES
from tests.generate.codes.samples import Sample, bounce_types, has_page, status_page
from undeliverable import Fault, Knowledge, Reason, Verdict
from undeliverable._knowledge.toml import TomlSource
from undeliverable.data import place, read

__all__ = ["HOW_TO", "NOTE", "causes", "kinds_of", "page", "provider_title", "sentence", "table_of_reasons"]

NOTE: Final = "*This page is made from the rules and their examples: `python -m tests.generate` writes it.*"

_MOST: Final = 30  # wordings of one page
_MOST_OF_ONE: Final = 3  # wordings of one provider on one page
_LONGEST: Final = 220  # characters of a reply that are shown
_SHORT: Final = 80  # the same in a table
_KNOWN: Final = ("google", "microsoft", "exchange", "yahoo", "apple", "postfix", "exim", "sendmail", "qmail")
"""Whose wordings most readers look for; the others follow by the number of their samples."""
_OTHERS: Final = "Other servers"
_MOST_LINKS: Final = 8

HOW_TO: Final[dict[str, str]] = {
    "552": "../../howto/make-552-hard-or-soft.md",
    "profiles": "../profiles.md",
    "reasons": "../reasons.md",
}
"""Where pages of codes lead to, from their folder."""

_DEAD: Final = frozenset(reason for reason in Reason if reason.fault is Fault.ADDRESS)
_SENDER: Final = frozenset({Reason.BLOCKLISTED, Reason.BAD_REPUTATION, Reason.RATE_LIMITED, Reason.AUTH_FAILED})
_LATER: Final = frozenset({Reason.GREYLISTED, Reason.NETWORK_ERROR, Reason.DNS_ERROR, Reason.TOO_MANY_RECIPIENTS})
_GUIDES: Final[tuple[tuple[str, frozenset[Reason]], ...]] = (
    (HOW_TO["552"], frozenset({Reason.MAILBOX_FULL})),
    ("../../howto/suppression-list.md", _DEAD),
    ("../../howto/watch-a-campaign.md", _SENDER),
    ("../../howto/hold-provider-errors.md", frozenset({Reason.SYSTEM_ERROR})),
    ("../message-advice.md", _LATER),
    ("../../howto/add-a-rule.md", frozenset({Reason.UNDEFINED, Reason.POLICY_REJECTED})),
)
"""Pages that help further, and the reasons that they help with."""


@cache
def causes() -> dict[Reason, str]:
    """Return the cause of each reason, as explanations put it."""
    texts = TomlSource(place("explain/en.toml"), read("explain/en.toml")).parse()["reason"]
    assert isinstance(texts, dict)
    return {Reason[name.upper()]: str(one["cause"]) for name, one in texts.items()}


@cache
def _titles() -> dict[str, str]:
    return {provider.name: provider.title for provider in Knowledge.builtin().providers}


def sentence(text: str) -> str:
    """Return a text with a capital letter in front."""
    return text[:1].upper() + text[1:]


def provider_title(name: str) -> str:
    """Return the title of a provider."""
    return _titles()[name]


def _code(text: str, longest: int = _LONGEST) -> str:
    """Return a text as code on one line, whatever it holds, cut if it is long."""
    line = " ".join(text.split())
    line = line if len(line) <= longest else f"{line[: longest - 4].rsplit(' ', 1)[0]} ..."
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    blank = " " if "`" in line else ""
    return f"{ticks}{blank}{line}{blank}{ticks}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _reason_link(verdict: Verdict) -> str:
    """Return a reason as a link to its description."""
    assert verdict.reason is not None
    return f"[`{verdict.reason}`]({HOW_TO['reasons']}#{verdict.reason.fault})"


def kinds_of(found: Iterable[Sample]) -> list[Sample]:
    """Return one sample for each reason, permanent or not, the most frequent first; one without words where there is one."""
    groups: dict[tuple[Reason, bool], list[Sample]] = {}
    for sample in found:
        if sample.verdict.reason is not None:
            groups.setdefault((sample.verdict.reason, _is_permanent(sample.verdict)), []).append(sample)
    ordered = sorted(groups.values(), key=lambda group: (-len(group), str(group[0].verdict.reason)))
    return [min(group, key=lambda one: (not one.is_bare, len(one.reply))) for group in ordered]


def _is_permanent(verdict: Verdict) -> bool:
    code = verdict.reply_code or verdict.status
    return code is not None and code.is_permanent


def table_of_reasons(kinds: Sequence[Sample]) -> Iterator[str]:
    """Yield the lines of the table: what a code is used for, what follows by default, and what to do."""
    yield "| reason | by default | what to do |"
    yield "|---|---|---|"
    permanent = {sample.verdict.reason for sample in kinds if _is_permanent(sample.verdict)}
    rows: dict[tuple[object, ...], str] = {}  # the permanent and the passing failure may differ in nothing but the wait
    for sample in kinds:
        verdict = sample.verdict
        assert verdict.reason is not None
        steps = " ".join(line.text for line in verdict.explanation("en").lines if line.topic == "next")
        differs = verdict.reason in permanent and verdict.bounce_type is not verdict.reason.bounce_type
        meaning = f"{_reason_link(verdict)}: {causes()[verdict.reason]}{', for now' if differs else ''}"
        row = f"| {_cell(meaning)} | {verdict.bounce_type}, `{verdict.advice}` | {_cell(steps)} |"
        rows.setdefault((verdict.reason, verdict.bounce_type, verdict.advice), row)
    yield from rows.values()


def page(
    found: Sequence[Sample], *, of: str, more: Sequence[str] = (), most: int = _MOST, with_profiles: bool = True
) -> Iterator[str]:
    """Yield what every page has below its introduction.

    :param of: the code or provider that the page is about.
    :param more: further links.
    :param most: the number of wordings that are shown at most.
    :param with_profiles: whether to compare profiles.
    """
    kinds = kinds_of(found)
    yield "## What it means and what to do\n"
    yield from table_of_reasons(kinds)
    shown = [*_wordings(found, most)]
    if shown:
        yield "\n## Usual wordings"
        yield from shown
    if with_profiles:
        yield "\n## Hard or soft under each profile\n"
        yield from _profiles(kinds)
    yield "\n## See also\n"
    yield from (f"- {link}" for link in (*more, *_related(found, of), *_how_to(kinds)))


def _wordings(found: Sequence[Sample], most: int) -> Iterator[str]:
    """Yield the usual wordings, by provider."""
    worded = [sample for sample in found if not sample.is_bare]
    counted = Counter(sample.provider for sample in worded)
    names = sorted(
        counted, key=lambda name: (name is None, _KNOWN.index(name) if name in _KNOWN else len(_KNOWN), -counted[name])
    )
    left = most
    for name in names:
        chosen = _chosen(
            [sample for sample in worded if sample.provider == name], most if len(names) == 1 else _MOST_OF_ONE
        )
        if chosen[:left]:
            yield f"\n{provider_title(name) if name else _OTHERS}:\n"
            yield from (f"- {_code(sample.reply)} is {_reason_link(sample.verdict)}" for sample in chosen[:left])
            left -= len(chosen[:left])
    if most - left < len(worded):
        yield "\nThe rules were written from these replies and others."


def _chosen(of_one: list[Sample], most: int) -> list[Sample]:
    """Return the samples of one provider that are shown: first one for each reason."""
    first = {sample.verdict.reason: sample for sample in reversed(of_one)}
    return sorted(of_one, key=lambda sample: first[sample.verdict.reason] is not sample)[:most]


def _profiles(kinds: Sequence[Sample]) -> Iterator[str]:
    """Yield the lines of the table: the bounce type that each profile gives."""
    columns = ("hard", "soft", "undetermined")
    yield "| reply | " + " | ".join(columns) + " |"
    yield "|---" * (1 + len(columns)) + "|"
    for sample in kinds:
        groups = bounce_types(sample.reply, sample.host)
        cells = [_profiles_in(groups, column) for column in columns]
        at = f" at {provider_title(sample.provider).partition(' (')[0]}" if sample.provider and sample.is_bare else ""
        yield f"| {_cell(_code(sample.reply, _SHORT))}{at} (`{sample.verdict.reason}`) | " + " | ".join(cells) + " |"


def _profiles_in(groups: dict[str, tuple[str, ...]], bounce_type: str) -> str:
    mine = groups.get(bounce_type, ())
    if len(groups) == 1:
        return "all" if mine else ""
    most = max(groups.values(), key=len)
    return "all others" if mine and mine is most else ", ".join(mine)


def _related(found: Sequence[Sample], of: str) -> Iterator[str]:
    """Yield links to the pages of codes and providers that stand in the same replies, the most frequent ones."""
    replies = (one.verdict.reply_code for one in found)
    codes = Counter(f"{int(code)}" for code in replies if code is not None and int(code) in REPLIES)
    statuses = Counter(filter(None, (one.verdict.status and status_page(one.verdict.status) for one in found)))
    for label, counted in (("Reply codes", codes), ("Status codes", statuses)):
        names = [name for name, _ in counted.most_common(_MOST_LINKS + 1) if name != of][:_MOST_LINKS]
        if names:
            yield f"{label}: " + ", ".join(f"[{name}]({name}.md)" for name in names)
    providers = [
        name for name, _ in Counter(one.provider for one in found if one.provider).most_common() if has_page(name)
    ]
    shown = [name for name in providers if provider_title(name) != of][:_MOST_LINKS]
    if shown:
        yield "Providers: " + ", ".join(f"[{provider_title(name)}]({name}.md)" for name in shown)


def _how_to(kinds: Sequence[Sample]) -> Iterator[str]:
    found = {sample.verdict.reason for sample in kinds}
    yield from (f"[]({target})" for target, reasons in _GUIDES if found & reasons)
    yield f"[]({HOW_TO['profiles']})"
    yield "[All codes](index.md)"
