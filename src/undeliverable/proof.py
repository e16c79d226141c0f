"""Proof: which verdicts are about messages of your own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from undeliverable import Proof
from undeliverable.verp._proving import Prover, Sent

__all__ = ["Proof", "Prover", "Sent", "SentTable"]


class SentTable(Sent):
    """What you mailed, in memory.

    :param ids: pairs of a token's id and the address that was mailed.
    :param message_ids: pairs of a Message-ID and an address that was mailed.
    """

    def __init__(self, ids: Iterable[tuple[str, str]] = (), message_ids: Iterable[tuple[str, str]] = ()) -> None:
        self._ids = dict(ids)
        self._message_ids: dict[str, list[str]] = {}
        for message_id, address in message_ids:
            self._message_ids.setdefault(message_id.strip().strip("<>"), []).append(address)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> SentTable:
        """Return the table in a file: CSV or JSON Lines with the columns recipient, id and message_id."""
        raise NotImplementedError

    def address_of(self, token_id: str) -> str | None:
        """Return the address that was mailed with the token of this id, or None if the id is not known."""
        return self._ids.get(token_id)

    def recipients_of(self, message_id: str) -> Sequence[str]:
        """Return all addresses that were mailed with this Message-ID."""
        return self._message_ids.get(message_id, ())
