"""The pages that help a sender: the one that a reply names, the blocklist's, and those of the provider for this reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from undeliverable._knowledge.common import shipped
from undeliverable.reasons import Reason
from undeliverable.verdict import Kind, Verdict

__all__ = ["pages_for", "title_of"]

_RULES: Final = ("guidelines",)
_TRUST: Final = ("reputation", "form", "guidelines")
_KINDS: Final[Mapping[Reason | Kind | None, tuple[str, ...]]] = {
    Reason.BLOCKLISTED: ("delist", "form", "guidelines"),
    Reason.BAD_REPUTATION: _TRUST,
    Reason.RATE_LIMITED: _TRUST,
    Reason.POLICY_REJECTED: ("form", "guidelines"),
    Reason.SPAM_CONTENT: _TRUST,
    Reason.AUTH_FAILED: _RULES,
    Reason.PTR_MISSING: _RULES,
    Reason.SENDER_REJECTED: _RULES,
    Reason.SECURITY_REQUIRED: _RULES,
    Reason.CONTENT_REJECTED: _RULES,
    Kind.COMPLAINT: ("feedback", "reputation"),
}
"""The pages of a provider that help with a reason, or after a report of a kind, the most useful first."""
_MOST: Final = 2  # pages of a provider: more are a list of links, not a next step


def pages_for(
    verdict: Verdict, kind: Kind | None, providers: Iterable[Any] = ()
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the pages to show: what each is for, and the values of its sentence. No page twice.

    :param providers: further providers, which count before the built-in ones.
    """
    shown = set[str]()
    for what, name, url in _all(verdict, kind, providers):
        if url not in shown:
            shown.add(url)
            yield what, {"name": name, "url": url}


def title_of(name: str, providers: Iterable[Any] = ()) -> str:
    """Return the title of a provider; its name if it is unknown."""
    title, _ = _provider(name, providers)
    return title


def _all(verdict: Verdict, kind: Kind | None, providers: Iterable[Any]) -> Iterator[tuple[str, str, str]]:
    if verdict.help_url is not None:
        yield "help", "", "".join(verdict.help_url.split())
    if verdict.blocklist is not None:
        removal = _removal(verdict.blocklist)
        if removal is not None:
            yield "removal", verdict.blocklist, removal
    wanted = _KINDS.get(verdict.reason or kind, ())
    if verdict.provider is not None and wanted:
        title, pages = _provider(verdict.provider, providers)
        for what in [what for what in wanted if what in pages][:_MOST]:
            yield what, title, pages[what]


def _removal(blocklist: str) -> str | None:
    """Return the page of a blocklist where senders ask for removal."""
    return _removals().get(blocklist)


@lru_cache(maxsize=1)
def _removals() -> Mapping[str, str]:
    lists = shipped().document("blocklists").get("blocklist", ())
    return MappingProxyType({str(table["name"]): str(table["page"]) for table in lists if "page" in table})


def _provider(name: str, providers: Iterable[Any]) -> tuple[str, Mapping[str, str]]:
    """Return a provider's title and its pages."""
    own = next((one for one in providers if one.name == name), None)
    return _providers().get(name, (name, {})) if own is None else (str(own.title), dict(own.pages))


@lru_cache(maxsize=1)
def _providers() -> Mapping[str, tuple[str, Mapping[str, str]]]:
    tables = shipped().document("providers")
    return MappingProxyType({table["name"]: (table.get("title", ""), table.get("pages", {})) for table in tables})
