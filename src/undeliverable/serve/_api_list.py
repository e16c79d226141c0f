"""`/v1/suppressions/...`: look up addresses in the list, read it, and change it by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from undeliverable.serve._problems import ApiError, Fault, refuse
from undeliverable.serve._web import Reply, json_reply

if TYPE_CHECKING:
    from undeliverable.serve._metrics import Metrics
    from undeliverable.store import Outcome, SuppressionList

__all__ = ["ListApi"]

_T = TypeVar("_T")
_PAGE: Final = 100
_LARGEST: Final = 1000
_FRESH: Final = 30.0  # seconds for which the size of the list is not counted again: it takes a while on large ones


class ListApi:
    """The list as the API shows it; belongs to one event loop.

    :param known: the list, or None.
    :param max_addresses: the most addresses that one request may check.
    """

    def __init__(self, known: SuppressionList | None, metrics: Metrics, max_addresses: int) -> None:
        self._known = known
        self._metrics = metrics
        self._most = max_addresses
        self._standings: Mapping[str, int] | None = None
        self._counted = float("-inf")

    async def check(self, values: Mapping[str, Any]) -> Reply:
        """Return the response that says for each address whether it is suppressed."""
        addresses: tuple[str, ...] = values["addresses"]
        if len(addresses) > self._most:
            raise ApiError("too_large", f"more than {self._most} addresses")
        found = await self._ask(lambda known: list(known.check(addresses)))
        results = [{"address": address, "suppressed": suppressed} for address, suppressed in found]
        return json_reply({"results": results})

    async def list(self, values: Mapping[str, Any]) -> Reply:
        """Return the response with a page of the list."""
        limit, cursor, cause = values.get("limit", _PAGE), values.get("cursor", 0), values.get("cause")
        if not 1 <= limit <= _LARGEST:
            refuse([Fault("limit", f"must be 1 to {_LARGEST}")])
        now = datetime.now(UTC)
        wanted = None if values.get("all") else True
        entries, following = await self._ask(
            lambda known: known.page(cursor, limit, suppressed=wanted, cause=cause, at=now)
        )
        domains = () if cursor else await self._ask(lambda known: known.domains(now))
        return json_reply(
            {
                "entries": [entry.to_dict(now) for entry in entries],
                "domains": [
                    {"domain": one.domain, "since": one.since.isoformat(), "who": one.who, "why": one.why}
                    for one in domains
                ],
                "next": following,
            }
        )

    async def add(self, values: Mapping[str, Any], who: str | None) -> Reply:
        """Suppress an address, and return the response."""
        address, days, now = values["address"], values.get("days"), datetime.now(UTC)
        until = None if days is None else now + timedelta(days=days)
        outcome = await self._ask(
            lambda known: known.suppress(
                address, who=values.get("who", who), why=values.get("why"), until=until, at=now
            )
        )
        return await self._changed(address, outcome, bool(outcome.suppressed))

    async def reactivate(self, values: Mapping[str, Any], who: str | None) -> Reply:
        """Lift the suppression of an address, and return the response."""
        address = values["address"]
        outcome = await self._ask(
            lambda known: known.reactivate(address, why=values["why"], who=values.get("who", who))
        )
        return await self._changed(address, outcome, bool(outcome.released))

    async def standings(self) -> Mapping[str, int] | None:
        """Return the number of addresses by standing, counted again at most twice a minute; None without a list."""
        now = asyncio.get_running_loop().time()
        if self._known is not None and now - self._counted > _FRESH:
            self._counted = now
            self._standings = dict((await self._ask(lambda known: known.stats())).standings)
        return self._standings

    async def check_writable(self) -> None:
        """Return if the list can be written; raise StoreError if it cannot."""
        await self._ask(lambda known: known.check_writable())

    async def _changed(self, address: str, outcome: Outcome, is_changed: bool) -> Reply:  # noqa: FBT001 # of the two above
        self._metrics.recorded(outcome)
        suppressed = await self._ask(lambda known: known.is_suppressed(address))
        return json_reply({"address": address, "changed": is_changed, "suppressed": suppressed})

    async def _ask(self, work: Callable[[SuppressionList], _T]) -> _T:
        known = self._known
        if known is None:
            raise ApiError("nowhere", "this server has no list: it was started without --into")
        from undeliverable.store import PatternError  # the extra is there: it made the list

        try:
            return await asyncio.to_thread(work, known)
        except PatternError:
            detail = "stands for many addresses; expected one"
            raise ApiError("invalid", "a value cannot be used", [Fault("/address", detail)]) from None
