"""Attributes of a verdict that are found when they are first asked for, since most callers never ask.

A slot holds the value, or what the judge left to find it: a function, or None. Each function of :data:`_READERS` becomes
the property of that name; it knows the slot by the same name with an underscore. What was found stays, so that copies and
pickles hold plain values. Each slot is read once: threads may share a verdict, and then each finds the same value.

To find all of these at once would take a fifth more instructions for a reply that nobody has judged, and three quarters
more for one that was judged before.
"""
# ruff: noqa: SLF001 # the slots are those of the very class whose properties these are

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, TypeAlias

    from undeliverable.verdict._refs import Details

    AnyVerdict: TypeAlias = Any  # a verdict, whose class is defined above this module

__all__ = ["DefaultWait", "PolicyWait", "find_later"]

_WAITING: Final = frozenset(("retry", "retry_elsewhere"))
_keep: Final = object.__setattr__  # past the guard of a frozen class


class DefaultWait(int):
    """Seconds to wait where the reply states none."""


class PolicyWait(int):
    """Seconds to wait that a policy set; a longer wait that the reply states counts before them."""


def _key(verdict: AnyVerdict) -> str:
    """Return what is the same for the same failure, whoever reports it: of the original message, the recipient and the action."""
    kept: str | None = verdict._key
    if kept is not None:
        return kept
    recipient, action = verdict.recipient or "", verdict.action or ""
    identity = verdict._identity.strip().strip("<>")
    key: str = _sha256()(f"{identity}\n{recipient.casefold()}\n{action}".encode(errors="replace")).hexdigest()
    _keep(verdict, "_key", key)
    return key


@lru_cache(maxsize=1)
def _sha256() -> Callable[[bytes], Any]:
    from hashlib import sha256

    return sha256


def _details(verdict: AnyVerdict) -> Details:
    """Return what the reply gives in addition; the reader knows the blocklists of the knowledge that judged."""
    details: Details = _found(verdict, "_details", verdict.reason, verdict.reply, verdict.status)
    return details


def _vendor_code(verdict: AnyVerdict) -> str | None:
    """Return the receiver's own code, by a field or in the reply."""
    code: str | None = _found(verdict, "_vendor_code", verdict.reply)
    return code


def _confidence(verdict: AnyVerdict) -> str | None:
    """Return how far the bounce type can be relied on, for which some replies have to be read again."""
    level: str | None = _found(verdict, "_confidence", verdict)
    return level


def _found(verdict: AnyVerdict, slot: str, *arguments: object) -> Any:  # noqa: ANN401 # the value
    """Return what stands in a slot; of a function, what it returns for the arguments, which then stands there."""
    kept: Any = getattr(verdict, slot)
    if not callable(kept):
        return kept
    found: Any = kept(*arguments)
    _keep(verdict, slot, found)
    return found


def _provider(verdict: AnyVerdict) -> str | None:
    """Return who received the mail."""
    return _found_provider(verdict)[0]


def _provider_from(verdict: AnyVerdict) -> str | None:
    """Return what says who received the mail."""
    return _found_provider(verdict)[1]


def _found_provider(verdict: AnyVerdict) -> tuple[str | None, str | None]:
    """Find the provider and what says so, of the host, the recipient and the provider as far as it is known."""
    kept: Any = verdict._provider
    says_so: Any = verdict._provider_from  # the one that is kept last, so what stands in the other one fits it
    if not callable(says_so):
        return verdict._provider, says_so
    both: Any = says_so(verdict.remote_mta, verdict.recipient, None if callable(kept) else kept)
    provider, found = both
    _keep(verdict, "_provider", provider)
    _keep(verdict, "_provider_from", found)
    return provider, found


def _retry_after(verdict: AnyVerdict) -> int | None:
    """Return the longer of what a policy set and what the reply states, else a default; None where nobody tries again."""
    kept: int | None = verdict._retry_after
    if kept.__class__ is int:
        return kept
    if verdict.message_advice not in _WAITING:
        return None
    stated: int | None = verdict.details.retry_after
    wait = kept
    if stated is not None and (kept is None or kept.__class__ is DefaultWait or kept < stated):
        wait = stated
    if wait is not None:
        wait = int(wait)
        _keep(verdict, "_retry_after", wait)
    return wait


_READERS: Final = {
    "key": _key,
    "vendor_code": _vendor_code,
    "confidence": _confidence,
    "details": _details,
    "provider": _provider,
    "provider_from": _provider_from,
    "retry_after": _retry_after,
}


def find_later(cls: type) -> None:
    """Put the properties over the slots of `cls`."""
    for name, read in _READERS.items():
        slot = vars(cls)[name]
        setattr(cls, f"_{name}", slot)
        setattr(cls, name, property(read, slot.__set__))
