"""Lists as the first version of the library left them: their tables in SQL, and rows as it wrote them."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import text
from sqlalchemy.engine import Connection

from undeliverable.store._engine import engine_for, writing
from undeliverable.suppression import ListEvent, Policy, fold

SECRET: Final = "ab" * 32
META: Final = "CREATE TABLE undeliverable_meta (name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name))"
ADDRESSES: Final = """CREATE TABLE undeliverable_addresses (
    id {serial} NOT NULL, address TEXT NOT NULL, shown TEXT NOT NULL, standing TEXT NOT NULL, cause TEXT, until BIGINT,
    trigger_key TEXT, state TEXT NOT NULL, PRIMARY KEY (id),
    CONSTRAINT undeliverable_addresses_address UNIQUE (address)
)"""
EVENTS: Final = """CREATE TABLE undeliverable_events (
    address_id {id} NOT NULL, key TEXT NOT NULL, time BIGINT NOT NULL, digest TEXT NOT NULL, body TEXT NOT NULL,
    reason TEXT, reply TEXT, PRIMARY KEY (address_id, key)
){rowid}"""
FORGOTTEN: Final = "CREATE TABLE undeliverable_forgotten (hash TEXT NOT NULL, until BIGINT, PRIMARY KEY (hash)){rowid}"
SECOND: Final = (
    "CREATE INDEX undeliverable_events_replies ON undeliverable_events (time) WHERE reply IS NOT NULL",
    "CREATE INDEX undeliverable_addresses_standing ON undeliverable_addresses (standing, id) WHERE standing != 'clear'",
)
WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "sqlite": {"serial": "INTEGER", "id": "INTEGER", "rowid": " WITHOUT ROWID"},
    "postgresql": {"serial": "BIGSERIAL", "id": "BIGINT", "rowid": ""},
}

Row = tuple[str, str, Iterable[ListEvent]]
"""The form for comparison by the older rule, the spelling that came first, and the history."""


def make(
    place: str,
    rows: Iterable[Row],
    *,
    forgotten: Iterable[str] = (),
    identity: Mapping[str, bool] | None = None,
    version: int = 2,
) -> None:
    """Make a list of an earlier version.

    :param forgotten: addresses in the form of the older rule.
    """
    engine = engine_for(place, create=True)

    def work(connection: Connection) -> None:
        words = WORDS[connection.dialect.name]
        for statement in (META, ADDRESSES, EVENTS, FORGOTTEN, *(SECOND if version > 1 else ())):
            connection.execute(text(statement.format(**words)))
        settings = {
            "schema": str(version),
            "policy": json.dumps(Policy.builtin().to_dict()),
            "identity": json.dumps(identity or {}),
            "secret": SECRET,
        }
        for name, value in settings.items():
            insert(connection, "meta", name=name, value=value)
        for address, shown, events in rows:
            insert_row(connection, address, shown, list(events))
        for address in forgotten:
            hash_ = hmac.digest(bytes.fromhex(SECRET), address.encode(), hashlib.sha256).hex()
            insert(connection, "forgotten", hash=hash_)

    writing(engine, work)
    engine.dispose()


def insert_row(connection: Connection, address: str, shown: str, events: list[ListEvent]) -> None:
    state = fold(events, Policy.builtin())
    cause = None if state.cause is None else str(state.cause)
    insert(
        connection, "addresses", address=address, shown=shown, standing=str(state.standing), cause=cause,
        trigger_key=state.trigger, state=json.dumps(state.to_dict()),
    )  # fmt: skip
    find = text("SELECT id FROM undeliverable_addresses WHERE address = :address")
    id_ = connection.execute(find, {"address": address}).scalar_one()
    for event in events:
        body = {name: value for name, value in event.to_dict().items() if name not in {"key", "time", "reply"}}
        insert(
            connection, "events", address_id=id_, key=event.key, time=int(event.time.timestamp() * 10**6),
            digest=event.digest, body=json.dumps(body), reason=None if event.reason is None else str(event.reason),
            reply=None if event.reply is None else json.dumps(event.reply),
        )  # fmt: skip


def insert(connection: Connection, table: str, **values: object) -> None:
    names = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    connection.execute(text(f"INSERT INTO undeliverable_{table} ({names}) VALUES ({places})"), values)
