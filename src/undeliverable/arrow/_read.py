"""Batches of messages or replies in, batches of verdicts out.

A batch is read row by row, so only one message is copied at a time, and rows become columns in pieces of a bounded number.
Whatever stands in a row gives a row: a null, and what the library fails on, says so in ``error``. Rules are loaded by names and
paths, once in each process for each state of the files.
"""

# pyarrow has no types.
# pyright: basic, reportAttributeAccessIssue=false, reportOptionalMemberAccess=false, reportUnusedImport=false

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache, partial
from typing import Final, NamedTuple, TypeAlias, TypeVar

import pyarrow as pa

from undeliverable import Command, Knowledge, classify, parse
from undeliverable.arrow._records import ROWS, Row, columns, row_of_error, rows_of, rows_of_verdict
from undeliverable.arrow._schema import schema

__all__ = ["Batch", "classify_replies", "read"]

Batch: TypeAlias = "pa.RecordBatch | pa.Table"
"""What engines hand over: Spark, DuckDB and Polars batches, Ray tables."""

AnyBatch = TypeVar("AnyBatch", pa.RecordBatch, pa.Table)
Names: TypeAlias = "str | os.PathLike[str] | Sequence[str | os.PathLike[str]]"

_TYPES: Final = (
    pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary,
    pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_null,
)  # fmt: skip
_KEPT: Final = 16
"""Bodies of rules that a process keeps: one for each combination of names that its jobs use."""


def read(  # the public interface
    batch: AnyBatch,
    *,
    raw: str = "raw",
    keep: Sequence[str] = ("id",),
    profile: str | Sequence[str] | None = None,
    rules: Names = (),
    tenant: str | None = None,
    now: datetime | None = None,
    dictionary: bool = True,
) -> AnyBatch:
    """Return the verdicts on a batch of raw messages: the columns `keep`, then those of :data:`SCHEMA`.

    Each verdict is a row, with its ``kind`` and its number in ``verdict``, from 1; a message without verdicts is one row of nulls
    with the number 0. A null, and what cannot be read, is such a row with the reason in ``error``.

    :param batch: a record batch, or a table; what is returned is of the same type.
    :param raw: the column of messages, as they were stored or received: binary or string of any size.
    :param keep: columns that are copied: they say which message a row is about.
    :param profile: a profile by its name, as for :meth:`~undeliverable.knowledge.Knowledge.with_profile`, or several.
    :param rules: paths of files of rules, as every process that runs this finds them.
    :param tenant: the customer that the mail belongs to, for policies that ask.
    :param now: the time, for policies with ``since`` and ``until``; without it these do not hold.
    :param dictionary: False for plain strings instead of dictionaries, as Spark needs them.
    :raises TypeError: when `batch` is neither, or the column is of another type.
    :raises ValueError: when there is no such column.
    :raises KnowledgeError: when a profile or a file of rules cannot be used.
    """
    fields = schema(_checked(batch).schema, keep=keep, dictionary=dictionary)
    octets = _octets(batch, raw)
    judge = partial(parse, knowledge=_knowledge(profile, rules), context=_context(tenant), now=now)
    return _result(batch, (_rows(judge, value, raw) for value in octets), keep, fields)


def _rows(judge: Callable[[bytes], object], value: bytes | None, raw: str) -> list[Row]:
    if value is None:
        return [row_of_error(f"{raw} is null")]
    try:
        return rows_of(judge(value).to_dict())  # type: ignore[attr-defined]
    except Exception as error:  # noqa: BLE001 # mail never raises; if it does, the other messages must not suffer
        return [row_of_error(f"{type(error).__name__}: {error}")]


class _Reply(NamedTuple):
    """One reply with what stands beside it; the names are those of the arguments of :func:`classify`."""

    reply: bytes | None
    host: str | None
    command: str | None
    protocol: str | None
    recipient: str | None


def classify_replies(  # noqa: PLR0913 # the public interface
    batch: AnyBatch,
    *,
    reply: str = "reply",
    host: str | None = None,
    command: str | None = None,
    protocol: str | None = None,
    recipient: str | None = None,
    keep: Sequence[str] = ("id",),
    profile: str | Sequence[str] | None = None,
    rules: Names = (),
    tenant: str | None = None,
    now: datetime | None = None,
    dictionary: bool = True,
) -> AnyBatch:
    """Return the verdicts on a batch of SMTP replies, one row for each, with the columns that :func:`read` gives.

    A null is a row that says so in ``error``. A command or protocol that is none is left out, and ``error`` names it.

    :param reply: the column of replies, with or without a code, as for :func:`undeliverable.classify`.
    :param host: the column of the servers that replied; provider rules need it.
    :param command: the column of what was answered: ``rcpt``, ``end_of_data``, ...
    :param protocol: the column of the protocols, ``smtp`` or ``lmtp``.
    :param recipient: the column of the addresses that the replies are about.
    :param keep: columns that are copied; `profile`, `rules`, `tenant`, `now` and `dictionary` are as for :func:`read`.
    :raises TypeError: as :func:`read`; so are the other errors.
    """
    fields = schema(_checked(batch).schema, keep=keep, dictionary=dictionary)
    replies = _octets(batch, reply)
    beside = [_texts(batch, name) for name in (host, command, protocol, recipient)]
    judge = partial(classify, knowledge=_knowledge(profile, rules), context=_context(tenant), now=now)
    found = (_Reply(*values) for values in zip(replies, *beside, strict=True))
    return _result(batch, ([_row_of_reply(judge, one, reply)] for one in found), keep, fields)


def _row_of_reply(judge: Callable[..., object], one: _Reply, name: str) -> Row:
    if one.reply is None:
        return row_of_error(f"{name} is null")
    from undeliverable.model import Protocol

    wrong = [
        f"{what}: unknown value {value!r}; expected one of {', '.join(words)}"
        for what, value, words in (("command", one.command, Command), ("protocol", one.protocol, Protocol))
        if value is not None and value.lower() not in set(words)
    ]
    known = {
        "command": one.command and one.command.lower(),
        "protocol": one.protocol and one.protocol.lower(),
        "host": one.host,
        "recipient": one.recipient,
    }
    for fault in wrong:
        known[fault.partition(":")[0]] = None
    try:
        verdict = judge(one.reply, **{key: value for key, value in known.items() if value})
    except Exception as error:  # noqa: BLE001 # as above
        return row_of_error(f"{type(error).__name__}: {error}")
    return rows_of_verdict(verdict.to_dict(), "; ".join(wrong) or None)  # type: ignore[attr-defined]


# ----------------------------------------------------------------------------------------------------------------
# From columns and to columns


def _checked(batch: AnyBatch) -> AnyBatch:
    if not isinstance(batch, pa.RecordBatch | pa.Table):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"expected a pyarrow.RecordBatch or pyarrow.Table, not {type(batch).__name__}")
    return batch


def _octets(batch: Batch, name: str) -> Iterator[bytes | None]:
    """Yield the values of a column as octets, one by one: a batch may be larger than what is free."""
    column = _column(batch, name)
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if not any(is_it(kind) for is_it in _TYPES):
        raise TypeError(f"column {name!r}: expected binary or string, not {kind}")
    return (value.encode() if isinstance(value, str) else value for value in _values(column, kind))


def _values(column: pa.Array, kind: pa.DataType) -> Iterator[bytes | str | None]:
    if pa.types.is_string(kind):
        column = column.cast(pa.binary())  # what claims to be UTF-8 need not be
    elif pa.types.is_large_string(kind):
        column = column.cast(pa.large_binary())
    return (scalar.as_py() for scalar in column)


def _texts(batch: Batch, name: str | None) -> Iterable[str | None]:
    if name is None:
        return (None for _ in range(batch.num_rows))
    return (None if value is None else value.decode(errors="replace") for value in _octets(batch, name))


def _column(batch: Batch, name: str) -> pa.Array:
    if batch.schema.get_field_index(name) < 0:
        raise ValueError(f"no column {name!r}, or several; expected one of {', '.join(batch.schema.names)}")
    return batch.column(name)


def _result(batch: AnyBatch, found: Iterable[Sequence[Row]], keep: Sequence[str], fields: pa.Schema) -> AnyBatch:
    own = pa.schema(list(fields)[len(keep) :])
    pieces: list[pa.RecordBatch] = []
    places: list[int] = []
    rows: list[Row] = []
    for number, some in enumerate(found):
        rows += some
        places += [number] * len(some)
        if len(rows) >= ROWS:
            pieces.append(pa.record_batch(columns(rows, own), schema=own))
            rows = []
    if rows or not pieces:
        pieces.append(pa.record_batch(columns(rows, own), schema=own))
    kept = [_taken(batch.column(name), places) for name in keep]
    return _joined(batch, kept, pieces, fields)


def _taken(column: pa.Array, places: list[int]) -> pa.Array:
    """Return the values at some places; where that is each of them once, nothing is copied."""
    return column if len(places) == len(column) else column.take(pa.array(places, pa.int64()))


def _joined(batch: AnyBatch, kept: list[pa.Array], pieces: list[pa.RecordBatch], fields: pa.Schema) -> AnyBatch:
    if isinstance(batch, pa.Table):
        return pa.Table.from_arrays([*kept, *pa.Table.from_batches(pieces).columns], schema=fields)
    if len(pieces) == 1:
        return pa.RecordBatch.from_arrays([*kept, *pieces[0].columns], schema=fields)
    chunked: list[pa.ChunkedArray] = pa.Table.from_batches(pieces).unify_dictionaries().columns
    return pa.RecordBatch.from_arrays([*kept, *map(_whole, chunked)], schema=fields)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """Return a column in one piece."""
    found = column.combine_chunks()
    return found.chunk(0) if isinstance(found, pa.ChunkedArray) else found  # the one or the other, by version


# ----------------------------------------------------------------------------------------------------------------
# The rules of a process


def _context(tenant: str | None) -> Mapping[str, object] | None:
    return None if tenant is None else {"tenant": tenant}


def _knowledge(profile: str | Sequence[str] | None, rules: Names) -> Knowledge:
    """Return the rules that names and paths stand for, loaded anew only where a file has changed."""
    profiles = (profile,) if isinstance(profile, str) else tuple(profile or ())
    paths = (rules,) if isinstance(rules, str | os.PathLike) else tuple(rules)
    files = tuple(os.fspath(path) for path in paths)
    return _loaded(profiles, files, tuple(map(_state, (*profiles, *files))))


def _state(name: str) -> tuple[int, int] | None:
    """Return a value that changes with the content of a file; None for what is no file."""
    try:
        found = os.stat("".join(name.rpartition(".toml")[:2]))  # noqa: PTH116 # without what stands behind a colon
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=_KEPT)
def _loaded(profiles: tuple[str, ...], files: tuple[str, ...], _: tuple[object, ...]) -> Knowledge:
    knowledge = Knowledge.builtin()
    for name in profiles:
        knowledge = knowledge.with_profile(name)
    for path in files:
        knowledge = knowledge.with_file(path)
    return knowledge
