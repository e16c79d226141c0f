"""Domains that are suppressed as a whole, by hand: wildcards such as ``*@example.org``.

They are decisions of their own and no addresses. An address with an asterisk comes from somebody who meant a pattern:
it is refused, since as an address it would stop nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from undeliverable import address_identity
from undeliverable.store._engine import INSERT, members
from undeliverable.store._errors import StoreError
from undeliverable.store._records import SuppressedDomain, moment, stamp
from undeliverable.store._schema import ADDRESSES, DOMAINS
from undeliverable.store._scopes import register
from undeliverable.suppression import EventKind

__all__ = ["active", "change", "covered", "covering", "domain_named", "domain_of", "is_pattern"]

_DOMAIN: Final = re.compile(r"[^\s@*]*[^\s@*.][^\s@*]*")
_COLUMNS: Final = ("domain", "scope", "time", "kind", "who", "why")


def is_pattern(address: str) -> bool:
    """Return whether somebody meant more than one address: ``*@example.org``, ``@example.org``, ``kim*@example.org``.

    A quoted local part is meant literally.
    """
    local, at, domain = address.strip().rpartition("@")
    return bool(at) and (not local or "*" in domain or ("*" in local and not local.startswith('"')))


def domain_named(text: str) -> str:
    """Return the domain in ``*@example.org``, ``@example.org`` or ``example.org``, in the form for comparison.

    :raises StoreError: for anything else.
    """
    domain = text.strip().removeprefix("*").removeprefix("@") if "@" in text else text.strip()
    if not _DOMAIN.fullmatch(domain):
        raise StoreError(f"invalid domain {text!r}; expected one such as *@example.org, or example.org")
    return address_identity(f"@{domain}")[1:]


def domain_of(identity: str) -> str:
    """Return the domain of an address in the form for comparison; an empty text for what is no address."""
    return identity.rpartition("@")[2] if "@" in identity else ""


def change(
    connection: Connection, domain: str, scope: str, kind: EventKind, time: datetime, who: str | None, why: str | None
) -> None:
    """Write a decision about a domain."""
    values = {"domain": domain, "scope": scope, "time": stamp(time), "kind": str(kind), "who": who, "why": why}
    register(connection, scope)
    insert = INSERT[connection.dialect.name](DOMAINS).values(**values)
    connection.execute(insert.on_conflict_do_update(index_elements=["domain", "scope", "time"], set_=values))


def covering(
    connection: Connection, domains: Collection[str], time: int, scopes: Sequence[str]
) -> list[SuppressedDomain]:
    """Return those of `domains` that are suppressed at `time` in one of `scopes`."""
    rows = members(
        connection, DOMAINS, "text", ("domain",), sorted(domains), only=_COLUMNS, where="t.time <= :time", time=time
    )
    return _last(row for row in rows if row.scope in scopes)


def active(connection: Connection, time: int, scope: str) -> list[SuppressedDomain]:
    """Return the domains that are suppressed at `time` in a scope."""
    return _last(connection.execute(select(DOMAINS).where(DOMAINS.c.scope == scope, DOMAINS.c.time <= time)))


def covered(connection: Connection, domain: str, scope: str) -> int:
    """Return the number of known addresses at a domain, in a scope and those below it."""
    query = select(func.count()).where(ADDRESSES.c.address.endswith(f"@{domain}", autoescape=True))
    if scope:
        below = ADDRESSES.c.scope.startswith(f"{scope}/", autoescape=True)
        query = query.where((ADDRESSES.c.scope == scope) | below)
    return int(connection.execute(query).scalar_one())


def _last(rows: Any) -> list[SuppressedDomain]:  # noqa: ANN401 # rows of the table
    last = {(row.domain, row.scope): row for row in sorted(rows, key=lambda row: row.time)}
    return [
        SuppressedDomain(row.domain, row.scope, moment(row.time), row.who, row.why)
        for _, row in sorted(last.items())
        if row.kind == EventKind.SUPPRESSION
    ]
