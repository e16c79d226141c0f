"""Events without the proof that a list requires: counted by day, and the first ones of each known address kept.

They change nothing else. An address that the list does not know gets no entry by them, or strangers could fill the list.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.engine import Connection

from undeliverable import Proof
from undeliverable.store._engine import INSERT, members
from undeliverable.store._records import stamp
from undeliverable.store._rows import event_of, row_of
from undeliverable.store._schema import ADDRESSES, IGNORED, PROOFS
from undeliverable.store._traffic import is_beyond
from undeliverable.suppression import ListEvent

__all__ = ["ByProof", "by_proof", "count", "drop", "keep", "kept", "proved", "warning"]

ByProof = Counter[tuple[int, str]]
"""Numbers of events by day and proof."""

NOT_ASKED: Final = "none"
"""The name of the proof of events for which nobody asked."""

# As text, since this runs for every event that is recorded alone.
_ADD: Final = text(
    "INSERT INTO undeliverable_proofs AS p (day, scope, proof, taken, ignored)"
    " VALUES (:day, :scope, :proof, :taken, :ignored) ON CONFLICT (day, scope, proof)"
    " DO UPDATE SET taken = p.taken + excluded.taken, ignored = p.ignored + excluded.ignored"
)
_MOST: Final = 5  # events that are kept of an address
_LONGEST: Final = 1000  # characters of a reply that are kept: strangers wrote it
_DAYS: Final = 28  # the days that are shown, and that teach what is usual
_KEPT: Final = timedelta(days=60)
_DAY: Final = 86_400_000_000  # microseconds

_JUMP: Final = 3.0  # so many times more than usual is a jump
_USUAL: Final = 0.05  # the share of ignored events before anything is known
_USUAL_WEIGHT: Final = 100
_MANY: Final = 20
_MOST_OF_ALL: Final = 0.5


def proved(time: int, proof: Proof | None) -> tuple[int, str]:
    """Return the day of a time, and the name of a proof."""
    return time // _DAY, NOT_ASKED if proof is None else proof.value


def keep(connection: Connection, events: Sequence[tuple[str, ListEvent]], scope: str) -> ByProof:
    """Keep the first ignored events of known addresses, and return the numbers of all that were not kept before.

    :param events: the ignored events, each with its address in the form for comparison.
    """
    names = sorted({address for address, _ in events})
    known = members(
        connection, ADDRESSES, "text", ("address",), names,
        only=("id", "address"), where="t.scope = :scope", scope=scope,
    )  # fmt: skip
    ids = {row.address: row.id for row in known}
    keys: Mapping[int, set[str]] = defaultdict(set)
    for row in members(
        connection, IGNORED, "number", ("address_id",), sorted(ids.values()), only=("address_id", "key")
    ):
        keys[row.address_id].add(row.key)
    numbers, rows = ByProof(), list[dict[str, object]]()
    for address, event in events:
        id_ = ids.get(address)
        if id_ is None or event.key not in keys[id_]:
            numbers[proved(stamp(event.time), event.proof)] += 1
        if id_ is not None and event.key not in keys[id_] and len(keys[id_]) < _MOST:
            shown = event if event.reply is None else replace(event, reply=event.reply[:_LONGEST])
            values = row_of(id_, shown, "")
            rows.append({"number": len(keys[id_]), **{name: values[name] for name in _COLUMNS}})
            keys[id_].add(event.key)
    if rows:
        connection.execute(INSERT[connection.dialect.name](IGNORED).on_conflict_do_nothing(), rows)
    return numbers


_COLUMNS: Final = ("address_id", "key", "time", "body", "reply")


def kept(connection: Connection, address: str, scope: str) -> tuple[ListEvent, ...]:
    """Return the ignored events of an address that are kept, in order."""
    query = select(IGNORED).join(ADDRESSES, ADDRESSES.c.id == IGNORED.c.address_id)
    rows = connection.execute(query.where(ADDRESSES.c.address == address, ADDRESSES.c.scope == scope))
    return tuple(sorted(map(event_of, rows), key=lambda event: event.order))


def count(connection: Connection, scope: str, taken: ByProof, ignored: ByProof) -> None:
    """Add the numbers of events that counted, and of those that were ignored."""
    rows = [
        {"day": day, "scope": scope, "proof": proof, "taken": taken[day, proof], "ignored": ignored[day, proof]}
        for day, proof in sorted({*taken, *ignored})
    ]
    if rows:
        connection.execute(_ADD, rows)


def by_proof(connection: Connection, scope: str, time: int) -> dict[str, int]:
    """Return the numbers of events that were ignored in the last 28 days, by proof."""
    today = time // _DAY
    total = func.sum(PROOFS.c.ignored)
    query = select(PROOFS.c.proof, total).where(_in(scope), PROOFS.c.day.between(today - _DAYS + 1, today))
    return {str(row[0]): int(row[1]) for row in connection.execute(query.group_by(PROOFS.c.proof).having(total > 0))}


def warning(connection: Connection, scope: str, time: int) -> str | None:
    """Return a warning if far more events than usual were ignored on the last day, or most of them."""
    today = time // _DAY
    sums = (func.sum(PROOFS.c.ignored), func.sum(PROOFS.c.taken))
    query = select(PROOFS.c.day, *sums).where(_in(scope), PROOFS.c.day.between(today - _DAYS, today))
    days = {row[0]: (int(row[1]), int(row[2])) for row in connection.execute(query.group_by(PROOFS.c.day))}
    ignored, taken = days.pop(today, (0, 0))
    ignored_before, taken_before = (sum(column) for column in zip((0, 0), *days.values(), strict=True))
    usual = (ignored_before + _USUAL * _USUAL_WEIGHT) / (ignored_before + taken_before + _USUAL_WEIGHT)
    share = ignored / (ignored + taken or 1)
    jumps = is_beyond(ignored, _JUMP * usual * (ignored + taken))
    if ignored < _MANY or not (jumps or share > _MOST_OF_ALL):
        return None
    return (
        f"{ignored:,} of {ignored + taken:,} events today had no proof and were ignored ({share:.0%}, usually"
        f" {usual:.0%}): somebody sends forged reports, or your own are no longer proved"
    )


def drop(connection: Connection, at: datetime) -> None:
    """Delete the ignored events, and the numbers, that are too old to be of use."""
    before = stamp(at - _KEPT)
    connection.execute(IGNORED.delete().where(IGNORED.c.time < before))
    connection.execute(PROOFS.delete().where(PROOFS.c.day < before // _DAY))


def _in(scope: str) -> ColumnElement[bool]:
    return PROOFS.c.scope == scope
