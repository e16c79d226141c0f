"""Which proofs a list asks for, and how much each is worth beside another."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from undeliverable import Proof

__all__ = ["RequireProof", "strength"]


class RequireProof(StrEnum):
    """The proof that an event needs to count.

    ``required``: a signed token, a signed webhook, or an observation of your own; ``preferred``: also a matched message
    and events for which nobody asked for proof; ``off``: none, so whoever knows the bounce address can suppress anybody.
    """

    REQUIRED = "required"
    PREFERRED = "preferred"
    OFF = "off"

    def accepts(self, proof: Proof | None) -> bool:
        """Return whether an event with this proof counts."""
        return strength(proof) <= _WEAKEST[self]


# Nobody asked for proof (None): that is no reason for doubt, while a proof that was looked for and not found is one.
_STRENGTHS: Final[Mapping[Proof | None, int]] = MappingProxyType(
    {Proof.TOKEN: 0, Proof.SIGNED: 0, Proof.OWN: 0, Proof.MATCHED: 1, None: 2, Proof.UNPROVED: 3}
)
_WEAKEST: Final[Mapping[RequireProof, int]] = MappingProxyType(
    {
        RequireProof.REQUIRED: _STRENGTHS[Proof.OWN],
        RequireProof.PREFERRED: _STRENGTHS[None],
        RequireProof.OFF: _STRENGTHS[Proof.UNPROVED],
    }
)


def strength(proof: Proof | None) -> int:
    """Return the rank of a proof: 0 is the best, and equal numbers are equally good."""
    return _STRENGTHS[proof]
