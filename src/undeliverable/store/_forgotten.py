"""Hashes of forgotten addresses: they stay suppressed although nobody can tell from the list who they were.

A hash cannot be made anew when the rule changes by which addresses are compared. Lists that are older than the present
rule therefore also look for the hashes that their rule would have made.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Iterable, Mapping

from undeliverable.store._older import older_forms
from undeliverable.store._scopes import GLOBAL

__all__ = ["Hashes"]


class Hashes:
    """The hashes of one list; without its secret, guesses cannot be tested.

    :param older: True if the list may hold hashes of the older rule.
    """

    __slots__ = ("_older", "_secret")

    def __init__(self, secret: bytes, *, older: bool = False) -> None:
        self._secret = secret
        self._older = older

    def of(self, address: str, scope: str = GLOBAL) -> str:
        """Return the hash of an address in a scope, in the form for comparison."""
        # An address holds no NUL in that form, so that no two pairs give the same text.
        text = address if scope == GLOBAL else f"{scope}\0{address}"
        return hmac.digest(self._secret, text.encode(), hashlib.sha256).hex()

    def all_of(self, address: str, scope: str = GLOBAL) -> tuple[str, ...]:
        """Return all hashes by which an address may be kept."""
        if not self._older or scope != GLOBAL:
            return (self.of(address, scope),)
        return tuple(self.of(form) for form in dict.fromkeys((address, *older_forms(address))))

    def owners(self, addresses: Iterable[str], scopes: Iterable[str]) -> Mapping[str, set[str]]:
        """Return the addresses by each hash by which they may be kept in one of `scopes`."""
        found: Mapping[str, set[str]] = defaultdict(set)
        for address in addresses:
            for scope in scopes:
                for hash_ in self.all_of(address, scope):
                    found[hash_].add(address)
        return found
