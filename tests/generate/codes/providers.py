"""Pages of providers, and of the codes of their own that they put into replies: S3150, TSS04, OFR_416.

A code is the verdict's `vendor_code` of an example, or a word that a rule asks for and that is written as such codes are.
Codes that the same rule asks for have one page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

from tests.generate.codes.parts import NOTE, causes, kinds_of, page, provider_title
from tests.generate.codes.samples import Sample, has_page, samples
from undeliverable import Knowledge
from undeliverable._rules.providers import Provider

__all__ = ["Own", "own_codes", "pages", "providers"]

_WORD: Final = re.compile(
    r"""
    [a-z]{2}-\d{3}  # SC-001
    | a?s\d{3,5}  # S3150
    | (?!es|bl0|dm0|rl0|bl1|sfv)[a-z]{2,3}\d{2,4}  # TSS04, IB104; not the beginning of a longer one of Comcast
    | p=[a-z]\w{4,}  # the page that Google refers to
    | (?:mi|dt|rp|hl):[a-z]{3}  # NetEase
    """,
    re.VERBOSE,
)
_NUMBERS: Final = re.compile(r"\\b(\w+?)\[.*\(\?:([\d|]+)\)")
"""The pattern of a rule of Orange or La Poste: its letters and its numbers."""
_IN_TITLE: Final = 5  # codes that a title names
_LABELS: Final = {
    "guidelines": "what senders have to do",
    "form": "contact form for senders",
    "delist": "ask for removal from the block list",
    "removal": "ask for removal from the block list",
    "reputation": "see how your mail is rated",
    "feedback": "get a copy of each complaint",
}


class Own(NamedTuple):
    """Codes of a provider that mean the same.

    :ivar codes: as they are written in replies; the first one names the page.
    """

    provider: str
    codes: tuple[str, ...]
    found: tuple[Sample, ...]

    @property
    def name(self) -> str:
        """Return the name of its page."""
        return f"{self.provider}-{_slug(self.codes[0])}"

    @property
    def title(self) -> str:
        """Return what it means in a few words."""
        reason = kinds_of(self.found)[0].verdict.reason
        assert reason is not None
        return causes()[reason]


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")


@cache
def own_codes() -> tuple[Own, ...]:
    """Return the codes that providers have of their own."""
    by_rule: dict[str, list[Sample]] = {}
    for sample in samples():
        if sample.provider and sample.verdict.rule is not None:
            by_rule.setdefault(sample.verdict.rule.id, []).append(sample)
    pages_: dict[str, Own] = {}
    for found in by_rule.values():
        codes = _codes(found)
        if codes:
            one = Own(str(found[0].provider), codes, tuple(found))
            same = pages_.get(one.name)
            joined = (
                one
                if same is None
                else Own(one.provider, (*dict.fromkeys((*same.codes, *codes)),), (*same.found, *found))
            )
            pages_[one.name] = joined
    return tuple(sorted(pages_.values(), key=lambda own: (own.provider, own.codes)))


def _codes(found: list[Sample]) -> tuple[str, ...]:
    """Return the codes of one rule, each once: those in its examples, and those that it asks for."""
    rule = found[0].verdict.rule
    assert rule is not None
    written = dict.fromkeys(one.verdict.vendor_code for one in found if one.verdict.vendor_code)
    folded = " ".join(written).casefold()
    numbers = _NUMBERS.search(rule.pattern or "")
    if numbers is not None:
        written |= dict.fromkeys(f"{numbers[1].upper()}_{number}" for number in numbers[2].split("|"))
    else:
        words = (
            word.removeprefix("p=") if word.startswith("p=") else word.upper()
            for word in rule.words
            if _WORD.fullmatch(word)
        )
        written |= dict.fromkeys(word for word in words if word.casefold() not in folded)
    return tuple(written)


def providers() -> dict[Provider, tuple[Sample, ...]]:
    """Return the providers that have a page, with their samples."""
    ordered = sorted(Knowledge.builtin().providers, key=lambda provider: provider.title.casefold())
    return {
        provider: tuple(sample for sample in samples() if sample.provider == provider.name)
        for provider in ordered
        if has_page(provider.name)
    }


def pages() -> dict[str, str]:
    """Return every page by its path."""
    found = {own.name: "\n".join(_of_codes(own)) for own in own_codes()}
    found |= {provider.name: "\n".join(_of_provider(provider, mine)) for provider, mine in providers().items()}
    return found


def _of_codes(own: Own) -> Iterator[str]:
    title = provider_title(own.provider)
    yield f"# {', '.join(own.codes[:_IN_TITLE])} ({title.partition(' (')[0]}): {own.title}\n"
    yield f"{NOTE}\n"
    codes = ", ".join(f"`{code}`" for code in own.codes)
    yield f"{title} puts {codes} into replies: {'codes' if len(own.codes) > 1 else 'a code'} of its own.\n"
    provider = next(one for one in Knowledge.builtin().providers if one.name == own.provider)
    yield from page(own.found, of=own.codes[0], more=tuple(_links(provider)))


def _of_provider(provider: Provider, mine: tuple[Sample, ...]) -> Iterator[str]:
    yield f"# {provider.title}: bounce messages and codes\n"
    yield f"{NOTE}\n"
    hosts = ", ".join(f"`{host}`" for host in provider.hosts)
    yield "Refusals that the library knows: what follows from each by default, and what to do.\n"
    if hosts:
        yield f"Its servers are those of {hosts}; its name in rules and policies is `{provider.name}`.\n"
    own = [one for one in own_codes() if one.provider == provider.name]
    links = [f"[{', '.join(one.codes)}]({one.name}.md): {one.title}" for one in own]
    yield from page(mine, of=provider.title, more=(*_links(provider), *links), most=40, with_profiles=False)


def _links(provider: Provider) -> Iterator[str]:
    for kind, url in provider.pages:
        yield f"<{url}>: {_LABELS[kind]}"
