"""Compare the addresses of an older list by the present rule.

The older one folded the case of all letters and kept quotes (`_older`). So one address may have two rows now: they
become one, whose history is folded anew. And one row may hold the events of two addresses, such as ``groß@`` and
``gross@``: it goes to the spelling that was recorded first, without the events whose reply names the other spelling.
Addresses that can no longer be separated are reported.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, select
from sqlalchemy.engine import Connection

from undeliverable.store._domains import is_pattern
from undeliverable.store._engine import members
from undeliverable.store._identity import AddressIdentity, storable
from undeliverable.store._older import older_forms
from undeliverable.store._records import Migrated
from undeliverable.store._rows import event_of
from undeliverable.store._schema import ADDRESSES, EVENTS, FORGOTTEN, META
from undeliverable.store._terms import Terms
from undeliverable.store._write import fold_anew, save_states
from undeliverable.suppression import Policy

__all__ = ["OLDER_HASHES", "REPORT", "reidentify"]

REPORT: Final = "migrated"
"""The setting with the report."""
OLDER_HASHES: Final = "older_hashes"
"""The setting that is there if the list may hold hashes by the older rule."""

_ESCAPED: Final = re.compile(r"\\x00|\\ud[89a-f]")  # written for what databases do not take; no spelling to read again
_ADDRESS: Final = re.compile(r"[^\s<>()\[\],:;\"\\@]+@[^\s<>()\[\],:;\"\\@]+")
_PAGE: Final = 10_000


def reidentify(connection: Connection) -> None:
    """Give all addresses their form by the present rule, and keep a report of those that were merged or split."""
    settings = {row.name: row.value for row in connection.execute(META.select())}
    identity = AddressIdentity(**json.loads(settings["identity"]))
    work = _Work(connection, identity, Policy.from_dict(json.loads(settings["policy"])))
    work.run()
    report = work.report()
    if report:
        connection.execute(META.insert().values(name=REPORT, value=json.dumps(report.to_dict())))
    if connection.execute(select(FORGOTTEN.c.hash).limit(1)).first() is not None:
        connection.execute(META.insert().values(name=OLDER_HASHES, value="1"))


class _Work:
    """The work on one list."""

    def __init__(self, connection: Connection, identity: AddressIdentity, policy: Policy) -> None:
        self._connection, self._identity, self._policy = connection, identity, policy
        self._changes: dict[int, str] = {}
        self._others: Mapping[tuple[str, str], list[Any]] = defaultdict(list)
        self._patterns: list[str] = []
        self._merged: list[str] = []
        self._split: dict[tuple[str, str], None] = {}
        self._heirs: dict[int, int] = {}
        self._anew: set[int] = set()

    def run(self) -> None:
        """Change the tables."""
        last = 0
        while rows := self._page(last):
            self._compare(rows)
            self._take_events_of_others(rows)
            last = rows[-1].id
        self._rename()
        for (address, shown), events in self._others.items():
            self._add(self._row_of(address, shown), events)
        self._fold()

    def report(self) -> Migrated:
        """Return what was merged and split."""
        return Migrated(tuple(self._merged), tuple(self._split), tuple(self._patterns))

    def _page(self, after: int) -> Sequence[Any]:
        columns = (ADDRESSES.c.id, ADDRESSES.c.address, ADDRESSES.c.shown)
        query = select(*columns).where(ADDRESSES.c.id > after).order_by(ADDRESSES.c.id).limit(_PAGE)
        return self._connection.execute(query).all()

    def _compare(self, rows: Iterable[Any]) -> None:
        for row in rows:
            if is_pattern(row.shown):
                self._patterns.append(row.shown)
            after = row.address if _ESCAPED.search(row.shown) else self._identity.of(row.shown)
            if after != row.address:
                self._changes[row.id] = after
                if self._identity.of(row.address) != after:
                    self._split[after, row.address] = None

    def _take_events_of_others(self, rows: Sequence[Any]) -> None:
        """Set the events aside whose reply names an address that is another one now."""
        before: dict[int, str] = {row.id: row.address for row in rows}
        # Replies are stored as JSON, which escapes all characters that the two rules see differently.
        query = select(EVENTS).where(
            EVENTS.c.address_id.between(rows[0].id, rows[-1].id), EVENTS.c.reply.contains("\\u", autoescape=True)
        )
        taken: list[dict[str, object]] = []
        for row in self._connection.execute(query).all():
            own = self._changes.get(row.address_id, before[row.address_id])
            other = self._other_in(json.loads(row.reply), own, before[row.address_id])
            if other is not None:
                self._others[other].append(row)
                self._split[own, other[0]] = None
                self._anew.add(row.address_id)
                taken.append({"at": row.address_id, "named": row.key})
        if taken:
            place = (EVENTS.c.address_id == bindparam("at")) & (EVENTS.c.key == bindparam("named"))
            self._connection.execute(EVENTS.delete().where(place), taken)

    def _other_in(self, reply: str, own: str, before: str) -> tuple[str, str] | None:
        """Return the address that a reply names in place of `own`, with its spelling; None if it names `own` or none."""
        named = {self._identity.of(shown): shown for shown in _ADDRESS.findall(reply)}
        same = [(form, shown) for form, shown in named.items() if before in (form, *older_forms(form))]
        return None if own in named or len(same) != 1 else same[0]

    def _rename(self) -> None:
        rows: Mapping[str, set[int]] = defaultdict(set)
        for id_, after in self._changes.items():
            rows[after].add(id_)
        there = members(self._connection, ADDRESSES, "text", ("address",), list(rows), only=("id", "address"))
        for row in there:
            if row.id not in self._changes:
                rows[row.address].add(row.id)
        # All leave before any arrives: an address may be the old form of one row and the new form of another.
        self._set_addresses({id_: f"\n{id_}" for id_ in self._changes})
        for address, ids in rows.items():
            if len(ids) > 1:
                self._merged.append(address)
                self._merge(sorted(ids))
        self._set_addresses({min(ids): address for address, ids in rows.items()})

    def _set_addresses(self, addresses: Mapping[int, str]) -> None:
        update = ADDRESSES.update().where(ADDRESSES.c.id == bindparam("at")).values(address=bindparam("form"))
        if addresses:
            self._connection.execute(update, [{"at": id_, "form": form} for id_, form in addresses.items()])

    def _merge(self, ids: Sequence[int]) -> None:
        """Unite the histories of rows in the first of them."""
        heir, *others = ids
        self._heirs |= dict.fromkeys(others, heir)
        events = members(self._connection, EVENTS, "number", ("address_id",), others)
        self._connection.execute(EVENTS.delete().where(EVENTS.c.address_id.in_(others)))
        self._connection.execute(ADDRESSES.delete().where(ADDRESSES.c.id.in_(others)))
        self._add(heir, events)

    def _add(self, id_: int, events: Iterable[Any]) -> None:
        """Add events to the history of a row; of two with one key that with the better precedence stays."""
        there = members(self._connection, EVENTS, "number", ("address_id",), (id_,))
        best: dict[str, Any] = {}
        for row in (*there, *events):
            other = best.get(row.key)
            if other is None or event_of(row).precedence < event_of(other).precedence:
                best[row.key] = row
        self._connection.execute(EVENTS.delete().where(EVENTS.c.address_id == id_))
        names = EVENTS.c.keys()
        rows = [{name: getattr(row, name) for name in names} | {"address_id": id_} for row in best.values()]
        if rows:
            self._connection.execute(EVENTS.insert(), rows)
        self._anew.add(id_)

    def _row_of(self, address: str, shown: str) -> int:
        """Return the row of an address; create it if there is none."""
        query = select(ADDRESSES.c.id).where(ADDRESSES.c.address == address)
        found = self._connection.execute(query).scalar()
        if found is None:
            values = {"address": address, "shown": storable(shown), "standing": "clear", "state": "{}"}
            self._connection.execute(ADDRESSES.insert().values(**values))
            found = self._connection.execute(query).scalar_one()
        return int(found)

    def _fold(self) -> None:
        anew = sorted({self._heirs.get(id_, id_) for id_ in self._anew})
        for begin in range(0, len(anew), _PAGE):
            save_states(self._connection, fold_anew(self._connection, anew[begin : begin + _PAGE], Terms(self._policy)))
