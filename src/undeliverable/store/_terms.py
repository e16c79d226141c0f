"""The terms of a list: by what it decides about the events that it gets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sqlalchemy import text
from sqlalchemy.engine import Connection

from undeliverable.store._errors import StoreError
from undeliverable.suppression import Policy, RequireProof

__all__ = ["DEFAULT_PROOF", "HOLD", "REQUIRE_PROOF", "Terms", "hold_named", "proof_named"]

REQUIRE_PROOF: Final = "require_proof"
"""The name of a setting, as of the argument."""
HOLD: Final = "hold"
"""The name of a setting, as of the property."""
DEFAULT_PROOF: Final = RequireProof.PREFERRED
"""What a list requires unless somebody chose otherwise, and what lists required before they had the setting."""

_DEFAULT_HOLD: Final = 5.0
_OFF: Final = "off"
_READ: Final = text(
    f"SELECT name, value FROM undeliverable_meta WHERE name IN ('policy', '{REQUIRE_PROOF}', '{HOLD}')"  # noqa: S608
)
_LOWEST: Final = 1.5
_HIGHEST: Final = 1_000.0


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a list.

    :ivar policy: how much each event counts.
    :ivar require: the proof that an event needs to count.
    :ivar hold: how many times more hard bounces than usual at a provider are held; None holds none.
    """

    policy: Policy
    require: RequireProof = DEFAULT_PROOF
    hold: float | None = _DEFAULT_HOLD

    @classmethod
    def of(cls, connection: Connection, place: str) -> Terms:
        """Return the terms of the list in a database.

        :param place: the name of the list to show in errors.
        """
        found = {row.name: row.value for row in connection.execute(_READ)}
        return cls(
            _policy(found.get("policy", "{}"), place),
            proof_named(found.get(REQUIRE_PROOF, DEFAULT_PROOF)),
            hold_named(found.get(HOLD, _DEFAULT_HOLD)),
        )


@lru_cache(maxsize=16)
def _policy(value: str, place: str) -> Policy:
    return Policy.from_dict(json.loads(value), file=place)


def proof_named(value: RequireProof | str) -> RequireProof:
    """Return the value of the setting.

    :raises StoreError: when there is no such value.
    """
    try:
        return RequireProof(value)
    except ValueError:
        raise StoreError(f"unknown value {value!r} of require_proof; expected one of {_listed(RequireProof)}") from None


def hold_named(value: float | str | None) -> float | None:
    """Return the value of the setting; "off" is None.

    :raises StoreError: when there is no such value.
    """
    if value is None or value == _OFF:
        return None
    try:
        times = float(value)
    except ValueError:
        times = 0.0
    if not _LOWEST <= times <= _HIGHEST:
        raise StoreError(f"invalid value {value!r} of hold; expected a number from {_LOWEST:g} to {_HIGHEST:g}, or off")
    return times


def _listed(names: type[RequireProof]) -> str:
    return ", ".join(names)
