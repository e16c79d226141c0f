"""All that the sections of a page are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from undeliverable import Knowledge
from undeliverable.rates import By, GroupRate
from undeliverable.report._axis import Axis
from undeliverable.report._collect import Summary
from undeliverable.report._html import Cell, linked, text
from undeliverable.report._snapshot import Snapshot

__all__ = ["View", "group_name", "provider_cell", "provider_title"]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is shown, and how.

    :ivar axis: the axis of the charts, None without dates.
    :ivar inputs: the arguments by which `undeliverable classify` reads the same mail, ready for a shell.
    :ivar with_addresses: True to put the addresses into the page.
    :ivar before: the numbers to compare with, None for no comparison.
    :ivar docs: the address of the documentation, without a slash at its end; None for no links to it.
    """

    summary: Summary
    axis: Axis | None
    title: str
    made: datetime
    inputs: str
    with_addresses: bool
    before: Snapshot | None
    docs: str | None

    @property
    def total(self) -> GroupRate:
        """The numbers of all mail."""
        return self.summary.rates[By.DAY].total

    def page(self, name: str) -> str | None:
        """Return the address of a page of the documentation."""
        return None if self.docs is None else f"{self.docs}/{name}"


@cache
def _providers() -> dict[str, tuple[str, str | None]]:
    return {provider.name: (provider.title, _page(dict(provider.pages))) for provider in Knowledge.builtin().providers}


def _page(pages: Mapping[str, str]) -> str | None:
    """Return the page that a sender wants to see first: how the provider rates the mail, else what it asks."""
    return next(filter(None, map(pages.get, ("reputation", "guidelines", "form"))), None)


def provider_title(name: str) -> str:
    """Return the name of a provider for people, without what it says in brackets."""
    return _providers().get(name, (name, None))[0].partition(" (")[0]


def provider_cell(name: str | None, none: str = "–") -> Cell:
    """Return a cell with a provider, a link to its page for postmasters where it has one."""
    if name is None:
        return text(None, none=none)
    _, page = _providers().get(name, (name, None))
    shown = Cell(text(provider_title(name)).html, provider_title(name), (name,))
    return linked(shown, page, "its page for senders")


def group_name(by: By, row: GroupRate) -> str:
    """Return the name of a group, or what to say of recipients without one."""
    if row.group is not None:
        return row.group
    return {By.DAY: "no date", By.PROVIDER: "others", By.DOMAIN: "no recipient named"}.get(by, "not tagged")
