"""Attributes of a verdict that are found when they are first asked for, since most callers never ask.

A slot holds the value, or what the judge left to find it: a function, or None. Each function of :data:`_READERS` becomes
the property of that name; it knows the slot by the same name with an underscore. What was found stays, so that copies and
pickles hold plain values.

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

    Found: TypeAlias = Any  # a verdict, whose class is defined above this module

__all__ = ["DefaultWait", "PolicyWait", "find_later"]

_WAITING: Final = frozenset(("retry", "retry_elsewhere"))
_keep: Final = object.__setattr__  # past the guard of a frozen class


class DefaultWait(int):
    """Seconds to wait where the reply states none."""


class PolicyWait(int):
    """Seconds to wait that a policy set; a longer wait that the reply states counts before them."""


def _key(verdict: Found) -> str:
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


def _details(verdict: Found) -> Details:
    """Return what the reply gives in addition; the reader knows the blocklists of the knowledge that judged."""
    details: Details = verdict._details
    if callable(details):
        details = verdict._details(verdict.reason, verdict.reply, verdict.status)
        _keep(verdict, "_details", details)
    return details


def _vendor_code(verdict: Found) -> str | None:
    """Return the receiver's own code, by a field or in the reply."""
    code: str | None = verdict._vendor_code
    if callable(code):
        code = verdict._vendor_code(verdict.reply)
        _keep(verdict, "_vendor_code", code)
    return code


def _confidence(verdict: Found) -> str | None:
    """Return how far the bounce type can be relied on, for which some replies have to be read again."""
    level: str | None = verdict._confidence
    if callable(level):
        level = verdict._confidence(verdict)
        _keep(verdict, "_confidence", level)
    return level


def _provider(verdict: Found) -> str | None:
    """Return who received the mail."""
    provider: Any = verdict._provider
    return _found_provider(verdict)[0] if callable(provider) else provider


def _provider_from(verdict: Found) -> str | None:
    """Return what says who received the mail."""
    says_so: Any = verdict._provider_from
    return _found_provider(verdict)[1] if callable(says_so) else says_so


def _found_provider(verdict: Found) -> tuple[str | None, str | None]:
    """Find the provider and what says so, of the host, the recipient and the provider as far as it is known."""
    known = None if callable(verdict._provider) else verdict._provider
    provider, says_so = verdict._provider_from(verdict.remote_mta, verdict.recipient, known)
    _keep(verdict, "_provider", provider)
    _keep(verdict, "_provider_from", says_so)
    return provider, says_so


def _retry_after(verdict: Found) -> int | None:
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
