"""Scopes of a list: a tenant, a stream of a tenant, and the global one beneath them all.

A scope is called by a path such as ``acme`` or ``acme/newsletter``; the global one has the empty name. A look-up sees
its own scope, those above it, and the global one. What is recorded goes into the scope alone.
"""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy.engine import Connection

from undeliverable.store._engine import INSERT
from undeliverable.store._errors import StoreError
from undeliverable.store._schema import SCOPES
from undeliverable.suppression import ListEvent, RequireProof

__all__ = ["GLOBAL", "IMPORTED", "checked", "has_scopes", "is_below", "is_observed", "register", "visible"]

GLOBAL: Final = ""
"""The name of the scope that all others see."""

IMPORTED: Final = "import:"
"""The start of the keys of events that come from the list of another system."""

_NAME: Final = re.compile(r"[\w.:@+-]{1,64}(?:/[\w.:@+-]{1,64}){0,7}", re.ASCII)


def checked(name: str) -> str:
    """Return the name of a scope.

    :raises StoreError: when it cannot be one.
    """
    if name == GLOBAL or _NAME.fullmatch(name):
        return name
    raise StoreError(
        f"invalid scope {name!r}; expected names of letters, digits and . : @ + - _, such as acme/newsletter"
    )


def visible(name: str) -> tuple[str, ...]:
    """Return the scopes that a look-up in a scope sees, the nearest first."""
    if name == GLOBAL:
        return (GLOBAL,)
    parts = name.split("/")
    return (*("/".join(parts[:end]) for end in range(len(parts), 0, -1)), GLOBAL)


def is_below(name: str, other: str) -> bool:
    """Return whether a scope is `other` or below it; all are below the global one."""
    return other in (GLOBAL, name) or name.startswith(f"{other}/")


def is_observed(event: ListEvent) -> bool:
    """Return whether the platform itself observed an event, or decided it by hand.

    Nothing else gets into the global scope of a list with tenants: what one of them says of an address, or brings along,
    is nobody else's affair.
    """
    return RequireProof.REQUIRED.accepts(event.proof) and not event.key.startswith(IMPORTED)


def has_scopes(connection: Connection) -> bool:
    """Return whether the list holds anything in scopes beside the global one."""
    return connection.exec_driver_sql("SELECT 1 FROM undeliverable_scopes LIMIT 1").first() is not None


def register(connection: Connection, name: str) -> None:
    """Write down that a scope holds something."""
    if name != GLOBAL:
        insert = INSERT[connection.dialect.name](SCOPES).values(name=name)
        connection.execute(insert.on_conflict_do_nothing())
