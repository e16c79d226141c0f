"""An open list: its connections and its settings."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Final, Self

from sqlalchemy import select
from sqlalchemy.engine import Connection, Engine

from undeliverable.store import _hold, _proof, _read, _sent
from undeliverable.store._engine import INSERT, engine_for, lock_all, protect_files, reading, writing
from undeliverable.store._errors import MissingListError, StoreError
from undeliverable.store._forgotten import Hashes
from undeliverable.store._identity import AddressIdentity
from undeliverable.store._migrations import SCHEMA, migrate, version_of
from undeliverable.store._records import Migrated, stamp
from undeliverable.store._reidentify import OLDER_HASHES, REPORT
from undeliverable.store._schema import ADDRESSES, EVENTS, META
from undeliverable.store._scopes import GLOBAL, checked
from undeliverable.store._terms import DEFAULT_PROOF, HOLD, REQUIRE_PROOF, Terms, hold_named, proof_named
from undeliverable.store._write import fold_anew, save_states
from undeliverable.suppression import Policy, RequireProof

__all__ = ["BATCH", "Opened"]

BATCH: Final = 2_000
"""How many events, or histories, one transaction takes."""


class Opened:
    """The connections and settings of a list; see :class:`~undeliverable.store.SuppressionList`."""

    def __init__(
        self,
        place: str | os.PathLike[str],
        *,
        policy: Policy | None = None,
        identity: AddressIdentity | None = None,
        scope: str = GLOBAL,
        require_proof: RequireProof | str | None = None,
        create: bool = True,
    ) -> None:
        """Open the list, and create it if it is missing.

        :param place: a path (SQLite) or a URL such as ``postgresql://user@host/database``.
        :param policy: the policy of a new list, by default the builtin one; an existing list keeps its own until
            :meth:`set_policy` changes it.
        :param identity: the comparison of addresses in a new list; must equal that of an existing list if given.
        :param scope: whose list it is: a tenant (``acme``), a tenant's stream (``acme/newsletter``), or the global one.
        :param require_proof: the proof that an event needs to count, ``required``, ``preferred`` or ``off``: of a new list,
            by default ``preferred``; must equal that of an existing list if given, which :meth:`set_require_proof` changes.
        :param create: False to raise an error for a missing list.
        :raises StoreError: when the list cannot be opened, is missing, or was written by a later version.
        """
        self.place = os.fspath(place)
        self.scope = checked(scope)
        wanted = None if require_proof is None else proof_named(require_proof)
        self._engine: Engine = engine_for(place, create=create)
        self.remarks = protect_files(self._engine, create=create)
        try:
            first = Terms(policy or Policy.builtin(), DEFAULT_PROOF if wanted is None else wanted)
            self._prepare(first, identity or AddressIdentity(), create=create)
            with reading(self._engine) as connection:
                settings = _read.settings(connection)
            self.identity = self._checked(identity, settings)
            self._check_proof(wanted, settings)
            self._hashes = Hashes(bytes.fromhex(settings["secret"]), older=OLDER_HASHES in settings)
            report = settings.get(REPORT)
            self.migrated = None if report is None else Migrated.from_dict(json.loads(report))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def check_writable(self) -> None:
        """Return if the list can be written at the moment, without a change to it.

        :raises StoreError: when it is locked, read-only or cannot be reached.
        """
        writing(self._engine, lambda _connection: None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _prepare(self, terms: Terms, identity: AddressIdentity, *, create: bool) -> None:
        with reading(self._engine) as connection:
            version = version_of(connection)
        if version == SCHEMA:
            return
        if not version and not create:
            raise MissingListError(f"{self.place}: no list in this database")

        def work(connection: Connection) -> None:
            lock_all(connection)
            migrate(connection)
            first = {
                "policy": json.dumps(terms.policy.to_dict()),
                "identity": json.dumps(identity.to_dict()),
                # An existing list goes on as before; it is no new one.
                REQUIRE_PROOF: str(DEFAULT_PROOF if version else terms.require),
                "secret": secrets.token_hex(32),
            }
            insert = INSERT[connection.dialect.name](META).on_conflict_do_nothing()
            connection.execute(insert, [{"name": name, "value": value} for name, value in first.items()])

        writing(self._engine, work)

    def clear_migrated(self) -> None:
        """Delete the report of the migration, which ``migrated`` holds until somebody has read it."""
        writing(self._engine, lambda connection: connection.execute(META.delete().where(META.c.name == REPORT)))
        self.migrated = None

    def _checked(self, wanted: AddressIdentity | None, settings: Mapping[str, str]) -> AddressIdentity:
        own = AddressIdentity(**json.loads(settings["identity"]))
        if wanted is not None and wanted != own:
            raise StoreError(f"{self.place}: the list compares addresses differently: {own}")
        return own

    def _check_proof(self, wanted: RequireProof | None, settings: Mapping[str, str]) -> None:
        own = settings[REQUIRE_PROOF]
        if wanted is not None and wanted != own:
            raise StoreError(
                f"{self.place}: the list has require_proof {own}, not {wanted}; change it with set_require_proof(), or the"
                f" command 'suppressions settings --require-proof {wanted}'"
            )

    def _setting(self, name: str) -> str | None:
        with reading(self._engine) as connection:
            return _read.setting(connection, name)

    def _set(self, name: str, value: str, connection: Connection) -> None:
        insert = INSERT[connection.dialect.name](META).values(name=name, value=value)
        connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"value": value}))

    @property
    def policy(self) -> Policy:
        """The policy of the list."""
        return self._read_terms().policy

    @property
    def require_proof(self) -> RequireProof:
        """The proof that an event needs to count."""
        return self._read_terms().require

    @property
    def hold(self) -> float | None:
        """How many times more hard bounces than usual at a provider are held; None if none are."""
        return self._read_terms().hold

    @hold.setter
    def hold(self, times: float | None) -> None:
        value = "off" if hold_named(times) is None else str(times)
        writing(self._engine, lambda connection: self._set(HOLD, value, connection))

    def _read_terms(self) -> Terms:
        with reading(self._engine) as connection:
            return self._terms(connection)

    def _terms(self, connection: Connection) -> Terms:
        return Terms.of(connection, self.place)

    def set_policy(self, policy: Policy) -> None:
        """Change the policy, and evaluate all histories again with it."""
        self._change_terms("policy", json.dumps(policy.to_dict()))

    def set_require_proof(self, require: RequireProof | str) -> None:
        """Change the proof that an event needs to count, and evaluate all histories again with it.

        What was ignored so far stays ignored.
        """
        self._change_terms(REQUIRE_PROOF, str(proof_named(require)))

    def _change_terms(self, name: str, value: str) -> None:
        def change(connection: Connection) -> None:
            lock_all(connection)
            self._set(name, value, connection)

        writing(self._engine, change)
        last: int | None = 0
        while last is not None:
            last = writing(self._engine, self._refolder(last))

    def _refolder(self, after: int) -> Callable[[Connection], int | None]:
        def work(connection: Connection) -> int | None:
            query = select(ADDRESSES.c.id).where(ADDRESSES.c.id > after).order_by(ADDRESSES.c.id).limit(BATCH)
            ids = list(connection.execute(query.with_for_update()).scalars())
            save_states(connection, fold_anew(connection, ids, self._terms(connection)))
            return ids[-1] if ids else None

        return work

    @property
    def keep_replies(self) -> timedelta | None:
        """The retention time of raw replies; None means for ever."""
        days = self._setting("keep_replies")
        return None if not days else timedelta(days=float(days))

    @keep_replies.setter
    def keep_replies(self, time: timedelta | None) -> None:
        value = "" if time is None else str(time / timedelta(days=1))
        writing(self._engine, lambda connection: self._set("keep_replies", value, connection))

    def tidy(self, at: datetime | None = None) -> int:
        """Drop raw replies older than :attr:`keep_replies`, and return their number.

        What was recorded as sent, or was ignored, is dropped after 60 days, and so are providers without traffic.
        """
        now, time = at or datetime.now(UTC), self.keep_replies

        def drop(connection: Connection) -> None:
            _sent.drop(connection, (now - _sent.KEPT).date())
            _proof.drop(connection, now)
            _hold.drop(connection, now)

        writing(self._engine, drop)
        if time is None:
            return 0
        before = stamp(now - time)
        update = EVENTS.update().where(EVENTS.c.reply.is_not(None), EVENTS.c.time < before).values(reply=None)
        return writing(self._engine, lambda connection: int(connection.execute(update).rowcount))

    def __repr__(self) -> str:
        return f"SuppressionList({self._engine.url.render_as_string()!r})"
