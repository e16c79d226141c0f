"""Replies of the data as samples of codes: every example of a built-in rule, judged, and bare codes.

A sample counts for a code if the library reads that code in it. A rule that asks for codes alone has no words to show; a
bare reply with each of its codes stands for it, at a host of its provider.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

from undeliverable import Knowledge, StatusCode, Verdict, classify
from undeliverable._rules.rule import Rule
from undeliverable.codes._registry import REGISTERED

__all__ = ["Sample", "bare", "bounce_types", "has_page", "judged", "of_status", "samples", "status_page"]

_STATUSES: Final = re.compile(r'\bstatus = (\[[^]]*\]|"[^"]*")')
_REPLY: Final = re.compile(r'\breply = "(\d\d\d)"')
_LEAST: Final = 3  # replies with words that a provider's page needs
_BASIC: Final = {2: "250", 4: "450", 5: "550"}


class Sample(NamedTuple):
    """A reply and what is made of it.

    :ivar host: a host of the provider whose reply it is, or None for software and words of anybody.
    :ivar provider: the name of the file that has the rule, if it is a provider's.
    :ivar is_bare: whether it has codes and no words.
    """

    reply: str
    host: str | None
    provider: str | None
    verdict: Verdict
    is_bare: bool = False


@cache
def _knowledge() -> dict[str, Knowledge]:
    builtin = Knowledge.builtin()
    return {name: builtin if name == "default" else builtin.with_profile(name) for name in Knowledge.profiles()}


@cache
def judged(reply: str, host: str | None, profile: str = "default") -> Verdict:
    """Return the verdict on a reply under a profile."""
    return classify(reply, host=host, knowledge=_knowledge()[profile])


@cache
def bounce_types(reply: str, host: str | None) -> dict[str, tuple[str, ...]]:
    """Return the profiles by the bounce type that they give to a reply."""
    found: dict[str, list[str]] = {}
    for profile in Knowledge.profiles():
        found.setdefault(str(judged(reply, host, profile).bounce_type), []).append(profile)
    return {bounce_type: tuple(profiles) for bounce_type, profiles in found.items()}


@cache
def samples() -> tuple[Sample, ...]:
    """Return all samples: those with words first, in the order of the rules, then bare ones."""
    return (*_worded(), *_of_conditions())


def _worded() -> Iterator[Sample]:
    for rule, provider, host in _rules():
        for example in rule.all_examples:
            verdict = judged(example, host)
            if verdict.rule is not None and verdict.rule.id == rule.id:  # else it needs the step of the session
                words = re.sub(r"[\d.\s-]+", "", example)
                yield Sample(example, host, provider, verdict, is_bare=not words)


def _rules() -> Iterator[tuple[Rule, str | None, str | None]]:
    """Yield each rule with the provider whose file has it, and a host of that provider."""
    providers = {provider.name: provider for provider in Knowledge.builtin().providers}
    for rule in Knowledge.builtin().rules:
        provider = providers.get(rule.id.partition(".")[0])
        yield rule, provider and provider.name, provider.hosts[0] if provider and provider.hosts else None


def _of_conditions() -> Iterator[Sample]:
    for rule, provider, host in _rules():
        asked = _STATUSES.search(rule.when.when)
        code = _REPLY.search(rule.when.when)
        for status in re.findall(r'"([245]\.\d+\.\d+)"', asked[1]) if asked else ():
            reply = f"{code[1] if code else _BASIC[int(status[0])]} {status}"
            verdict = judged(reply, host)
            if verdict.rule is not None and verdict.rule.id == rule.id:
                yield Sample(reply, host, provider, verdict, is_bare=True)


@cache
def bare() -> tuple[Sample, ...]:
    """Return a bare sample of each registered status code, permanent ones first."""
    found: list[Sample] = []
    for class_ in (5, 4):
        for subject, detail, *_ in REGISTERED:
            reply = f"{_BASIC[class_]} {StatusCode(class_, subject, detail)}"
            found.append(Sample(reply, None, None, judged(reply, None), is_bare=True))
    return tuple(found)


@cache
def of_status() -> dict[tuple[int, int], tuple[tuple[Sample, ...], tuple[Sample, ...]]]:
    """Return the samples of servers and the bare ones by subject and detail, in numeric order."""
    found: dict[tuple[int, int], tuple[list[Sample], list[Sample]]] = {}
    for number, group in enumerate((samples(), bare())):
        for sample in group:
            status = sample.verdict.status
            if status is not None and status.class_ != 2:
                found.setdefault((status.subject, status.detail), ([], []))[number].append(sample)
    return {key: (tuple(used), tuple(plain)) for key, (used, plain) in sorted(found.items())}


def status_page(status: StatusCode) -> str | None:
    """Return the name of the page of a status code: that of the permanent one where it is known; None if it has no page."""
    used, plain = of_status().get((status.subject, status.detail), ((), ()))
    classes = {one.verdict.status.class_ for one in (*used, *plain) if one.verdict.status is not None}
    return str(StatusCode(max(classes), status.subject, status.detail)) if used else None


@cache
def has_page(provider: str) -> bool:
    """Return whether a provider has a page."""
    return sum(sample.provider == provider and not sample.is_bare for sample in samples()) >= _LEAST
