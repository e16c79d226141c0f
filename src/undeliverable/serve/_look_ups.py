"""Look-ups for a mail server: what to answer when it asks whether it may send to an address.

All keys that arrive while the list is being read are looked up together in the next reading, so that one thread is
enough for thousands a second. The list is never waited for longer than a few seconds, however long it is locked or gone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from undeliverable import bare_address
from undeliverable.data import read
from undeliverable.suppression import Cause, EventKind, fold

if TYPE_CHECKING:
    from undeliverable.store import Entry, SuppressionList

__all__ = ["NOT_FOUND", "TRANSACTIONAL", "IfUnreadable", "LookUps", "reject_text"]

_LOG: Final = logging.getLogger("undeliverable.serve")
TRANSACTIONAL: Final = "transactional"
"""The stream that a complaint alone does not stop."""
NOT_FOUND: Final = "NOTFOUND "
"""The answer for whatever the list does not stop; with the blank that socketmap_table(5) asks for."""
_PATIENCE: Final = 5.0  # seconds to wait for the list
_SAID: Final = 60.0  # seconds between two lines of the log that say the same
# RFC 5321 4.5.1 and RFC 2142 4: somebody has to be reachable there, also to report a mistake in the list.
_ALWAYS: Final = frozenset({"postmaster", "abuse"})


_Batch = dict[str, list[Callable[[str], None]]]
"""The keys that are looked up together, each with whoever waits for its answer."""


class IfUnreadable(StrEnum):
    """What to answer while the list cannot be read: send to everybody, try again later, or a lasting error."""

    OPEN = "open"
    TEMP = "temp"
    PERM = "perm"


_UNREADABLE: Final[Mapping[IfUnreadable, str]] = MappingProxyType(
    {
        IfUnreadable.OPEN: NOT_FOUND,
        IfUnreadable.TEMP: "TEMP the list cannot be read",
        IfUnreadable.PERM: "PERM the list cannot be read",
    }
)


class LookUps:
    """Answers for the keys of a mail server; belongs to one event loop.

    :param known: the list.
    :param stream: the stream of mail that the server sends; for ``transactional`` a complaint alone stops nobody.
    :param if_unreadable: what to answer while the list cannot be read.
    :param text: what the mail server answers its client; strangers may see it, so it must not give the cause.
    :raises ValueError: for a text that is not one line of printable ASCII.
    """

    def __init__(
        self,
        known: SuppressionList,
        *,
        stream: str | None = None,
        if_unreadable: IfUnreadable = IfUnreadable.OPEN,
        text: str | None = None,
    ) -> None:
        said = reject_text() if text is None else text
        if not said.strip() or not said.isascii() or not said.isprintable():
            raise ValueError(f"the text of a rejection must be one line of printable ASCII, not {said!r}")
        self._known = known
        self._scopes = {known.scope: known}
        self._spares_complaints = stream == TRANSACTIONAL
        self._reject = f"OK REJECT 5.7.1 {said}"
        self._unreadable = _UNREADABLE[if_unreadable]
        self._waiting: _Batch = {}
        self._reader: asyncio.Task[None] | None = None
        self._is_stuck = False
        self._said = float("-inf")
        self._thread = ThreadPoolExecutor(1, "look-ups")

    def ask(self, key: str, then: Callable[[str], None]) -> str | None:
        """Return the answer for a key, or None; then `then` is called with it.

        It is an action of access(5) that rejects, or that nothing was found.
        """
        if not _is_address(key):
            return NOT_FOUND
        if self._is_stuck:
            return self._unreadable
        self._waiting.setdefault(key, []).append(then)
        if self._reader is None:
            self._reader = asyncio.create_task(self._read())
        return None

    def close(self) -> None:
        """Look up nothing more, and close the list."""
        self._thread.shutdown(wait=not self._is_stuck, cancel_futures=True)
        for known in self._scopes.values():
            known.close()

    async def _read(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, {}
                await self._settle(batch)
        finally:
            self._reader = None

    async def _settle(self, batch: _Batch) -> None:
        work = asyncio.get_running_loop().run_in_executor(self._thread, self._stopped, tuple(batch))
        await asyncio.wait({work}, timeout=_PATIENCE)
        self._is_stuck = not work.done()
        if self._is_stuck:
            self._warn(f"no answer within {_PATIENCE:g} s")
            self._tell(batch, None)
            batch, self._waiting = self._waiting, {}
            self._tell(batch, None)
            await asyncio.wait({work})
            self._is_stuck = False
        else:
            self._tell(batch, self._result(work))

    def _tell(self, batch: _Batch, stopped: frozenset[str] | None) -> None:
        for key, everybody in batch.items():
            answer = self._unreadable if stopped is None else self._reject if key in stopped else NOT_FOUND
            for then in everybody:
                then(answer)

    def _result(self, work: asyncio.Future[frozenset[str]]) -> frozenset[str] | None:
        try:
            return work.result()
        except Exception as error:  # noqa: BLE001 # a list that is gone, locked or damaged: mail must go on
            self._warn(f"{type(error).__name__}: {error}")
            return None

    def _warn(self, why: str) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._said >= _SAID:
            self._said = now
            _LOG.warning("the list cannot be read, look-ups are answered with %r: %s", self._unreadable.strip(), why)

    # --- in the thread ----------------------------------------------------------------------------------------------

    def _stopped(self, addresses: Iterable[str]) -> frozenset[str]:
        """Return those of `addresses` that must not be sent to."""
        now = datetime.now(UTC)
        found = [address for address, is_suppressed in self._known.check(addresses, now) if is_suppressed]
        if self._spares_complaints:
            found = [address for address in found if not self._is_for_complaints(address, now)]
        return frozenset(found)

    def _is_for_complaints(self, address: str, now: datetime) -> bool:
        """Return whether the address would not be suppressed but for complaints, in whatever scope these are."""
        entries = [entry for entry in self._known.find(address) if entry.state.is_suppressed(now)]
        if not entries or self._known.covering(address, now):
            return False  # it is forgotten, or its domain is suppressed
        return all(self._is_complaint(entry, now) for entry in entries)

    def _is_complaint(self, entry: Entry, now: datetime) -> bool:
        if entry.state.cause is not Cause.COMPLAINT:
            return False
        known = self._in_scope(entry.scope)
        others = (event for event in known.history(entry.address) if event.kind is not EventKind.COMPLAINT)
        return not fold(others, known.policy, known.require_proof).is_suppressed(now)

    def _in_scope(self, scope: str) -> SuppressionList:
        found = self._scopes.get(scope)
        if found is None:
            from undeliverable.store import SuppressionList  # the extra is there: it made the list

            found = self._scopes[scope] = SuppressionList(self._known.place, scope=scope, create=False)
        return found


def reject_text() -> str:
    """Return what mail servers say by default where the list stops a recipient."""
    import tomllib

    return str(tomllib.loads(read("origin.toml"))["look_up"]["text"])


def _is_address(key: str) -> bool:
    """Return whether a key is an address that the list may stop; Postfix also asks for ``user@`` and for domains."""
    local, _, domain = (bare_address(key) or key).rpartition("@")
    return bool(local and domain) and local.strip('"').lower() not in _ALWAYS
