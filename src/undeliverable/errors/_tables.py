"""Access to tables of TOML, JSON or code whose shape nobody has checked yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from undeliverable.errors import EntryError, did_you_mean

__all__ = ["as_list", "as_table", "expected", "refuse_deep", "refuse_unknown", "unknown"]

_FEW = 40  # names that an error lists
_DEEPEST = 16  # `not` within `not`: each takes some of the stack whenever a reply is judged


def as_table(value: object) -> Mapping[str, object] | None:
    """Return `value` if it is a table, else None."""
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else None


def as_list(value: object) -> Sequence[object] | None:
    """Return `value` if it is a list, else None."""
    return cast("Sequence[object]", value) if isinstance(value, list | tuple) else None


def refuse_deep(table: Mapping[str, object]) -> None:
    """Raise EntryError where conditions are nested too deeply, as in a table that holds itself."""
    inner = as_table(table.get("when"))
    for _ in range(_DEEPEST):
        inner = None if inner is None else as_table(inner.get("not"))
    if inner is not None:
        raise EntryError(f"must not be nested more than {_DEEPEST} times", key="when.not")


def refuse_unknown(
    table: Mapping[str, object], known: Iterable[str], prefix: str = "", *, entry: str | None = None
) -> None:
    """Refuse a table with a key that is not among the `known` ones.

    :param prefix: what the error writes before the key, such as ``then.``.
    :param entry: the entry that the error names; the loader adds its id otherwise.
    :raises EntryError: naming the first unknown key, and those that are valid.
    """
    valid = frozenset(known)
    for key in table:
        if key not in valid:
            raise EntryError(f"unknown key; {expected(valid)}", entry=entry, key=f"{prefix}{key}")


def expected(names: Iterable[str]) -> str:
    """Return what an error says of the names that are valid, in alphabetical order."""
    return f"expected one of {', '.join(sorted(names))}"


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Return what an error says of a name that is not among the `known` ones: the nearest of them, or all."""
    return f"unknown {kind} {name!r}{_hint(name, known)}"


def _hint(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = did_you_mean(name, names)
    return near if len(names) > _FEW else f"{near or ';'} {expected(names)}"
