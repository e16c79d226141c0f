"""Who received the mail: the provider by the longest known suffix of the remote host, or of the recipient's domain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from undeliverable._rules.comparisons import strings
from undeliverable._rules.keys import PAGES, PROVIDER
from undeliverable._text.fold import fold
from undeliverable._text.identity import domain_identity
from undeliverable.errors import EntryError
from undeliverable.errors._tables import as_table, unknown
from undeliverable.verdict import ProviderFrom

__all__ = ["Provider", "by_suffix", "domain_table", "finder", "host_table"]

_REMEMBERED = 4_096  # names whose provider is kept


class Provider(NamedTuple):
    """A receiving provider, or the software of many, as a ``[provider]`` table describes it.

    :ivar name: the name that rules, policies and verdicts use.
    :ivar hosts: domains whose hosts are the provider's; none for software that answers anywhere.
    :ivar domains: domains of recipients whose mailboxes are the provider's; they say who it is where no host is known.
    :ivar marks: phrases that no other provider uses, which identify the provider where no host does.
    :ivar pages: pairs of a kind of page (``PAGES`` in ``_rules/keys.py``) and its address.
    """

    name: str
    title: str
    hosts: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    source: str | None = None
    domains: tuple[str, ...] = ()
    pages: tuple[tuple[str, str], ...] = ()

    @classmethod
    def compile(cls, table: Mapping[str, object]) -> Provider:
        """Return the provider of a ``[provider]`` table.

        :raises EntryError: naming the key at fault.
        """
        for key in table:
            if key not in PROVIDER:
                raise EntryError(unknown("key", key, PROVIDER), key=key)
        if "name" not in table:
            raise EntryError("a provider must have a name", key="name")
        name = _text(table, "name").casefold()
        return cls(
            name,
            _text(table, "title") if "title" in table else name,
            _domains(table, "hosts"),
            tuple(" ".join(fold(mark).split()) for mark in strings(table["marks"], "marks"))
            if table.get("marks")
            else (),
            _text(table, "source") if "source" in table else None,
            _domains(table, "domains"),
            _pages(table),
        )


def _domains(table: Mapping[str, object], key: str) -> tuple[str, ...]:
    return tuple(name.casefold().strip(".") for name in strings(table[key], key)) if table.get(key) else ()


def _pages(table: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Return the pages for senders; only web pages, since people are sent there."""
    if table.get("pages") is None:
        return ()
    pages = as_table(table["pages"])
    if pages is None:
        raise EntryError("must be a table of addresses", key="pages")
    for kind, url in pages.items():
        if kind not in PAGES:
            raise EntryError(unknown("page", kind, PAGES), key=f"pages.{kind}")
        if not isinstance(url, str) or not url.startswith("https://"):
            raise EntryError("must be an address that begins with https://", key=f"pages.{kind}")
    return tuple((kind, str(url)) for kind, url in pages.items())


def _text(table: Mapping[str, object], key: str) -> str:
    value = table[key]
    if not isinstance(value, str) or not value.strip():
        raise EntryError("must be a string that is not empty", key=key)
    return value


def host_table(providers: Iterable[Provider]) -> dict[str, str]:
    """Return the provider's name for each domain; where two claim one the first has it."""
    table: dict[str, str] = {}
    for provider in providers:
        for host in provider.hosts:
            table.setdefault(host, provider.name)
    return table


def domain_table(providers: Iterable[Provider]) -> dict[str, str]:
    """Return the provider's name for each domain of recipients; where two claim one the first has it."""
    table: dict[str, str] = {}
    for provider in providers:
        for domain in provider.domains:
            table.setdefault(domain, provider.name)
    return table


def by_suffix(host: str, table: Mapping[str, str]) -> str | None:
    """Return the provider of `host` by the longest suffix at a dot, or None: ``mx.google.com`` has that of ``google.com``."""
    host = host.casefold().rstrip(".")
    while host:
        name = table.get(host)
        if name is not None:
            return name
        _, _, host = host.partition(".")
    return None


def finder(
    hosts: Mapping[str, str], domains: Mapping[str, str]
) -> Callable[[str | None, str | None, str | None], tuple[str | None, ProviderFrom | None]]:
    """Return what says who received the mail, and by what: of the host, the recipient, and the provider if it is known.

    :param hosts: provider names by the domains of their hosts.
    :param domains: provider names by the domains of their mailboxes.
    """
    nobody = None, None
    known_hosts: dict[str, str | None] = {}  # those that were met
    known_domains: dict[str, str | None] = {}

    def find(host: str | None, recipient: str | None, known: str | None) -> tuple[str | None, ProviderFrom | None]:
        if host is not None:
            by_host = _remembered(host, hosts, known_hosts)
            if by_host is not None:
                return known or by_host, ProviderFrom.HOST
        if known is not None:
            return known, ProviderFrom.WORDS
        if host is not None or recipient is None:
            return nobody
        provider = _remembered(recipient.rpartition("@")[2], domains, known_domains)
        return nobody if provider is None else (provider, ProviderFrom.DOMAIN)

    return find


def _remembered(name: str, table: Mapping[str, str], known: dict[str, str | None]) -> str | None:
    """Return the provider of a name, which is kept: mail is for few domains, and answered by few hosts."""
    if name in known:
        return known[name]
    if len(known) >= _REMEMBERED:
        known.clear()
    provider = known[name] = by_suffix(domain_identity(name.strip("<> ")), table)
    return provider
