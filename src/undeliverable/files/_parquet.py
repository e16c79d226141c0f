"""Messages in a Parquet file: a column of octets, as ``undeliverable export`` and the engines write them.

A file is read in small pieces whatever the size of its row groups, which some engines make as large as memory. It needs
pyarrow, which is imported only when there is such a file.
"""

# pyarrow has no types.
# pyright: basic, reportAttributeAccessIssue=false, reportOptionalMemberAccess=false, reportUnusedImport=false

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from undeliverable.errors import missing_extra
from undeliverable.files._streams import LIMIT

__all__ = ["ALONE", "NoColumnError", "ParquetMessages"]

ALONE: Final = "Parquet is read from a file of its own, and holds messages, not lines of logs"

_NAMES: Final = "id"
_TIMES: Final = "received"
_ROWS: Final = 64
_BUFFER: Final = 256 * 1024
_NAMED: Final = 10  # rows of a file that are named one by one


class NoColumnError(OSError):
    """A file has no column of messages; the message names those that it has."""


class Message(NamedTuple):
    """One row.

    :ivar name: its place: the value of the column ``id``, else the file and the number of the row.
    :ivar raw: the message.
    :ivar received: the value of the column ``received``, if there is one.
    """

    name: str
    raw: bytes
    received: datetime | None


class ParquetMessages:
    """Iterate over the messages of a file.

    :ivar unread: number of rows that are null.
    :raises OSError: when it cannot be read: it has no such column, it is damaged, or pyarrow is not installed.
    """

    __slots__ = ("_column", "_path", "_warn", "unread")

    def __init__(self, path: str, column: str, warn: Callable[[str], None]) -> None:
        """Read nothing yet.

        :param column: the name of the column that holds messages.
        :param warn: called with what cannot be read as it should, in words.
        """
        self._path = path
        self._column = column
        self._warn = warn
        self.unread = 0

    def __iter__(self) -> Iterator[Message]:
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ModuleNotFoundError as error:
            raise OSError(str(missing_extra(error, "Parquet"))) from None
        try:
            with pq.ParquetFile(self._path, pre_buffer=False, buffer_size=_BUFFER) as file:
                yield from self._messages(file, self._columns(file.schema_arrow, pa))
        except pa.ArrowException as error:
            raise OSError(" ".join(str(error).split())) from None
        if self.unread > _NAMED:
            self._warn(f"{self._path}: {self.unread:,} rows without a message")

    def _columns(self, fields: Any, pa: Any) -> list[str]:  # noqa: ANN401 # pyarrow has no types
        """Return the columns to read, each with values that can be used."""
        if self._column not in fields.names:
            raise NoColumnError(f"no column {self._column!r}; name one of {', '.join(fields.names)} with --column")
        kind = fields.field(self._column).type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        if not any(map(kind.equals, (pa.binary(), pa.large_binary(), pa.string(), pa.large_string()))):
            raise NoColumnError(f"column {self._column!r}: expected binary or string, not {kind}")
        times = _TIMES in fields.names and pa.types.is_timestamp(fields.field(_TIMES).type)
        return [self._column, *([_NAMES] if _NAMES in fields.names else []), *([_TIMES] if times else [])]

    def _messages(self, file: Any, columns: list[str]) -> Iterator[Message]:  # noqa: ANN401 # as above
        number = 0
        for batch in file.iter_batches(batch_size=_ROWS, columns=columns, use_threads=False):
            names = batch.column(_NAMES) if _NAMES in columns else None
            times = batch.column(_TIMES) if _TIMES in columns else None
            for row, scalar in enumerate(batch.column(self._column)):
                number += 1
                raw = scalar.as_py()
                name = None if names is None else names[row].as_py()
                place = f"{self._path}#{number}" if name is None else str(name)
                if raw is None:
                    self._leave(place)
                    continue
                octets = raw.encode() if isinstance(raw, str) else raw
                yield Message(place, self._cut(octets, place), None if times is None else _aware(times[row].as_py()))

    def _leave(self, place: str) -> None:
        self.unread += 1
        if self.unread <= _NAMED:
            self._warn(f"{place}: no message, column {self._column!r} is null")

    def _cut(self, octets: bytes, place: str) -> bytes:
        if len(octets) <= LIMIT:
            return octets
        self._warn(f"{place}: longer than {LIMIT >> 20} MiB; only the beginning was read")
        return octets[:LIMIT]


def _aware(time: datetime | None) -> datetime | None:
    return time if time is None or time.tzinfo is not None else time.replace(tzinfo=UTC)
