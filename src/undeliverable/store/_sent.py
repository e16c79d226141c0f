"""The record of what was mailed: which address a token or a Message-ID belongs to.

It is kept for as long as reports may come back. The tokens and Message-IDs are those of the whole platform, hence the
record has no scopes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import Row
from sqlalchemy.engine import Connection

from undeliverable import bare_address, is_same_address
from undeliverable.store._engine import INSERT, members
from undeliverable.store._errors import StoreError
from undeliverable.store._identity import AddressIdentity, bounded, storable
from undeliverable.store._schema import SENT

__all__ = ["KEPT", "SentRow", "address_of", "drop", "forget", "recipients_of", "write"]

SentRow = tuple[str, str | None, str | None]
"""The address that was mailed, the id of its token, and the Message-ID; one of the two may be missing."""

KEPT: Final = timedelta(days=60)
"""For how long what was mailed is recorded: automatic replies and complaints come for a month."""

_EPOCH: Final = date(1970, 1, 1)


def write(connection: Connection, rows: Iterable[SentRow], identity: AddressIdentity, day: date) -> int:
    """Write rows, each once, and return the number of new ones."""
    values = [_values(row, identity, (day - _EPOCH).days) for row in rows]
    insert = INSERT[connection.dialect.name](SENT).on_conflict_do_nothing()
    return int(connection.execute(insert, values, execution_options={"preserve_rowcount": True}).rowcount)


def _values(row: SentRow, identity: AddressIdentity, day: int) -> dict[str, object]:
    recipient, token_id, message_id = row
    if "@" not in recipient or not (token_id or message_id):
        raise StoreError(f"not a row of what was sent: {row!r}; expected an address, and an id or a Message-ID or both")
    address, shown = identity.of(recipient), storable(bare_address(recipient) or recipient.strip())
    return {
        "id": _key(token_id).lower(),
        "message_id": _key(_bare(message_id)),
        "address": address,
        "shown": None if shown == address else shown,
        "day": day,
    }


def address_of(connection: Connection, token_id: str) -> str | None:
    """Return the address that was mailed with a token of this id; None if there is none, or more than one."""
    found = _addresses(members(connection, SENT, "text", ("id",), [_key(token_id).lower()])) if token_id else ()
    return found[0] if found and all(is_same_address(found[0], other) for other in found) else None


def recipients_of(connection: Connection, message_id: str) -> Sequence[str]:
    """Return all addresses that were mailed with this Message-ID."""
    bare = _key(_bare(message_id))
    if not bare:
        return ()
    # The second condition lets planners use the index, which leaves rows without a Message-ID out.
    return _addresses(members(connection, SENT, "text", ("message_id",), [bare], where="t.message_id <> ''"))


def _addresses(rows: Sequence[Row[Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row.address if row.shown is None else row.shown for row in rows))


def forget(connection: Connection, address: str) -> int:
    """Delete what was mailed to an address, and return the number of rows."""
    return int(connection.execute(SENT.delete().where(SENT.c.address == address)).rowcount)


def drop(connection: Connection, before: date) -> int:
    """Delete what was mailed before a day, and return the number of rows."""
    return int(connection.execute(SENT.delete().where(SENT.c.day < (before - _EPOCH).days)).rowcount)


def _bare(message_id: str | None) -> str:
    return (message_id or "").strip().strip("<>")


def _key(text: str | None) -> str:
    """Return the text as it is stored."""
    return bounded(storable((text or "").strip()))
