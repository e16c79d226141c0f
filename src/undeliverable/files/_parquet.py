"""Messages in a Parquet file: a column of octets, as ``undeliverable export`` and the engines write them.

A file is read in small pieces whatever the size of its row groups, which some engines make as large as memory. It needs
pyarrow, which is imported only when there is such a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

__all__ = ["COLUMN", "ParquetMessages", "is_parquet"]

COLUMN: Final = "raw"
"""The column that holds messages, unless another one is named."""

_MAGIC: Final = b"PAR1"
_NAMES: Final = "id"
_TIMES: Final = "received"
_ROWS: Final = 64
_BUFFER: Final = 256 * 1024
_MISSING: Final = "this is Parquet, which needs pyarrow: pip install 'undeliverable[arrow]'"


def is_parquet(head: bytes) -> bool:
    """Return True if a file begins as Parquet does."""
    return head.startswith(_MAGIC)


class Message(NamedTuple):
    """One row.

    :ivar name: its place: the value of the column ``id``, else the file and the number of the row.
    :ivar raw: the message, or None where the column is null.
    :ivar received: the value of the column ``received``, if there is one.
    """

    name: str
    raw: bytes | None
    received: datetime | None


class ParquetMessages:
    """Iterate over the messages of a file.

    :raises OSError: when it cannot be read: it has no such column, it is damaged, or pyarrow is not installed.
    """

    __slots__ = ("_column", "_path")

    def __init__(self, path: str, column: str = COLUMN) -> None:
        self._path = path
        self._column = column

    def __iter__(self) -> Iterator[Message]:
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError:
            raise OSError(_MISSING) from None
        try:
            with pq.ParquetFile(self._path, pre_buffer=False, buffer_size=_BUFFER) as file:
                yield from self._messages(file, self._columns(file.schema_arrow, pa))
        except pa.ArrowException as error:
            raise OSError(" ".join(str(error).split())) from None

    def _columns(self, fields: Any, pa: Any) -> list[str]:  # noqa: ANN401 # pyarrow has no types
        """Return the columns to read, each with values that can be used."""
        if self._column not in fields.names:
            raise OSError(f"no column {self._column!r}; name one of {', '.join(fields.names)} with --column")
        kind = fields.field(self._column).type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        if not any(map(kind.equals, (pa.binary(), pa.large_binary(), pa.string(), pa.large_string()))):
            raise OSError(f"column {self._column!r}: expected binary or string, not {kind}")
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
                yield Message(
                    f"{self._path}#{number}" if name is None else str(name),
                    raw.encode() if isinstance(raw, str) else raw,
                    None if times is None else _aware(times[row].as_py()),
                )


def _aware(time: datetime | None) -> datetime | None:
    return time if time is None or time.tzinfo is not None else time.replace(tzinfo=UTC)
