"""Compare two runs over the same messages: what another table of rules changes, on one machine or on many.

Two runs are joined by a key that names a verdict: the message's id and the verdict's number. What is compared is what
follows from a verdict, not the rule that found it: a rule may get another name and change nothing.
"""

# pyarrow has no types.
# pyright: basic, reportAttributeAccessIssue=false, reportOptionalMemberAccess=false, reportUnusedImport=false

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["COMPARED", "changes", "changes_sql"]

COMPARED: Final = ("bounce_type", "reason", "advice", "label", "message_advice", "retry_after", "applies_to")
"""The columns that are compared."""

_NAMED: Final = ("recipient", "provider")
_BOTH: Final = (*COMPARED, "rule", "policy", "policies")
_KEY: Final = ("id", "verdict")


def changes(old: pa.Table, new: pa.Table, *, on: Sequence[str] = _KEY) -> pa.Table:
    """Return the verdicts of two runs that differ, one row for each, in the order of the first run.

    It has the columns `on`, ``recipient`` and ``provider``, and each column of :data:`COMPARED`, ``rule``, ``policy`` and
    ``policies`` twice: as ``old_...`` and ``new_...``. A verdict that only one run has is null in the other's. Group it to count::

        changes(old, new).group_by(["provider", "old_reason", "new_reason"]).aggregate([([], "count_all")])

    :param old: the result of one run.
    :param new: that of another one over the same messages.
    :param on: the columns that name a verdict in both.
    :raises ValueError: when a column is missing, or a key stands in a run more than once.
    """
    for name, run in (("old", old), ("new", new)):
        _check(name, run, on)
    old_at, new_at = _places(old, new, on)
    differs = pa.array([False] * len(old_at), pa.bool_())
    for column in COMPARED:
        differs = pc.or_(differs, _differs(_plain(old, column).take(old_at), _plain(new, column).take(new_at)))
    old_at, new_at = old_at.filter(differs), new_at.filter(differs)
    found = dict(_named(old, new, old_at, new_at, on))
    for prefix, run, places in (("old", old, old_at), ("new", new, new_at)):
        found |= {f"{prefix}_{name}": _plain(run, name).take(places) for name in _BOTH}
    return pa.table(found)


def _check(name: str, run: pa.Table, on: Sequence[str]) -> None:
    missing = [column for column in (*on, *_NAMED, *_BOTH) if column not in run.schema.names]
    if missing:
        raise ValueError(f"{name}: no column {', '.join(missing)}; this is no result of read()")
    keys = pa.table({column: _plain(run, column) for column in on})
    several = keys.group_by(list(on)).aggregate([([], "count_all")])
    several = several.filter(pc.greater(several["count_all"], 1))
    if several.num_rows:
        key = ", ".join(f"{column} {several[column][0].as_py()!r}" for column in on)
        raise ValueError(
            f"{name}: {several.num_rows} keys stand there more than once, such as {key}; on: must be unique"
        )


def _places(old: pa.Table, new: pa.Table, on: Sequence[str]) -> tuple[pa.Array, pa.Array]:
    """Return where each key stands in both runs, null where it does not, in the order of the first."""
    keys = [
        pa.table(
            {
                **{column: _plain(run, column) for column in on},
                name: pa.array(range(run.num_rows), pa.int64()),
            }
        )
        for name, run in (("old_at", old), ("new_at", new))
    ]
    joined = keys[0].join(keys[1], keys=list(on), join_type="full outer", use_threads=False)
    ordered = joined.select(["old_at", "new_at"]).sort_by([("old_at", "ascending"), ("new_at", "ascending")])
    return ordered["old_at"].combine_chunks(), ordered["new_at"].combine_chunks()


def _plain(run: pa.Table, name: str) -> pa.ChunkedArray:
    """Return a column as values that can be compared: not as dictionaries, and in the types of one engine."""
    column = run[name]
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        kind = pa.string()
    elif pa.types.is_integer(kind):
        kind = pa.int64()
    return column if kind == column.type else column.cast(kind)


def _differs(before: pa.ChunkedArray, after: pa.ChunkedArray) -> pa.Array:
    unequal = pc.fill_null(pc.not_equal(before, after), False)  # noqa: FBT003 # a value, not an option
    found = pc.or_(unequal, pc.xor(pc.is_null(before), pc.is_null(after)))
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def _named(
    old: pa.Table, new: pa.Table, old_at: pa.Array, new_at: pa.Array, on: Sequence[str]
) -> Iterator[tuple[str, pa.ChunkedArray]]:
    """Yield the columns that both runs have one of: the new run's, or else the old one's."""
    for name in (*on, *_NAMED):
        yield name, pc.coalesce(_plain(new, name).take(new_at), _plain(old, name).take(old_at))


def changes_sql(old: str, new: str, *, on: Sequence[str] = _KEY) -> str:
    """Return a query that counts what changes between two runs, by provider, rule and change, the most frequent first.

    It runs on engines with ``IS DISTINCT FROM`` as SQL:1999 has it: Spark, DuckDB, PostgreSQL, Trino. Its columns are ``provider``, ``by_rule``,
    ``old_bounce_type``, ``old_reason``, ``old_advice``, the same three for ``new``, and ``verdicts``. ``by_rule`` is the policy that
    sets the bounce type where that is another one now, else the rule where that is, else null: a default.

    :param old: the table of one run, or anything else that may stand after FROM.
    :param new: that of another one over the same messages.
    :param on: the columns that name a verdict in both.
    """
    shown = COMPARED[:3]
    sides = [f"{alias}.{name} AS {prefix}_{name}" for prefix, alias in (("old", "o"), ("new", "n")) for name in shown]
    differs = "\n     OR ".join(f"o.{name} IS DISTINCT FROM n.{name}" for name in COMPARED)
    joined = " AND ".join(f"o.{name} = n.{name}" for name in on)
    columns = ", ".join(str(number) for number in range(1, 3 + len(sides)))
    return f"""\
SELECT COALESCE(n.provider, o.provider) AS provider,
       CASE WHEN n.policy IS NOT NULL AND n.policy IS DISTINCT FROM o.policy THEN n.policy
            WHEN n.rule IS DISTINCT FROM o.rule THEN n.rule END AS by_rule,
       {", ".join(sides)},
       COUNT(*) AS verdicts
  FROM {old} AS o FULL OUTER JOIN {new} AS n ON {joined}
 WHERE {differs}
 GROUP BY {columns}
 ORDER BY verdicts DESC, {columns}
"""  # noqa: S608 # the caller's own query
