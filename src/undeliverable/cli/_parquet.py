"""Folders of Parquet files, written in bounded memory.

A folder appears under its name when all of it is written: engines read whatever lies in a folder, and half a result looks
like a result. Rows go to the disk in groups of a bounded size, and a file ends at a size that several processes of an
engine can share.
"""

# pyarrow has no types.
# pyright: basic, reportAttributeAccessIssue=false, reportOptionalMemberAccess=false, reportUnusedImport=false

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, Self, cast

from undeliverable import __version__
from undeliverable.cli._command import RunError, UsageError
from undeliverable.cli._rows import Rows
from undeliverable.errors import missing_extra

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Folder", "Results"]

FILE: Final = 128 * 1024 * 1024
"""Octets on the disk after which the next file begins."""
_GROUP: Final = 512 * 1024
"""Octets in memory that become a row group: with more, what is written at a time is most of the memory that is needed."""
_GROUPS: Final = 500
"""Row groups after which the next file begins: what a file says of them at its end is kept in memory until then."""
_ROWS: Final = 250
"""Records that are kept before they become columns."""


class Folder:
    """A folder of Parquet files that comes into being as a whole.

    :ivar files: the number of files begun.
    :ivar octets: their size on the disk, as far as they are finished.
    """

    def __init__(self, path: str, fields: Callable[[], Any], *, file_size: int = FILE, raw: str | None = None) -> None:
        """Make the folder beside its final place.

        :param path: the folder: a new one, or an empty one.
        :param fields: a function that returns the schema, called where pyarrow is known to be there.
        :param raw: the column of whole messages, for which equal and smallest values are looked for in vain, at the price of memory.
        :raises UsageError: when it cannot be made.
        :raises MissingExtraError: when pyarrow is not installed.
        """
        # pyarrow's own allocators keep some 10 MB that they have freed; it asks for this once, when it is imported.
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
        try:
            import pyarrow.parquet  # noqa: F401 # what follows needs it
        except ModuleNotFoundError as error:
            raise missing_extra(error, "Parquet") from None
        self._path = os.path.abspath(path)
        self._named = path
        self._file_size = file_size
        self._raw = raw
        folder, name = os.path.split(self._path)
        self._draft = os.path.join(folder, f".{name}.{os.getpid()}")
        try:
            if os.path.lexists(self._path) and os.listdir(self._path):
                raise UsageError(f"-o {path}: is not empty; name a new folder")
            os.makedirs(self._draft)
        except OSError as error:
            raise UsageError(f"-o {path}: {error.strerror}") from None
        self.files = 0
        self.octets = 0
        self._batches: list[Any] = []
        self._waiting = 0
        self._groups = 0
        self._writer: Any = None
        self._file: Any = None
        self._fields = fields()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if kind is not None:
            self.drop()
            return
        try:
            self.keep()
        except BaseException:
            self.drop()
            raise

    def write(self, batches: Sequence[Any]) -> None:
        """Add record batches, which have one schema.

        :raises OSError: when they cannot be written.
        """
        for batch in batches:
            self._batches.append(batch)
            self._waiting += batch.nbytes
            if self._waiting >= _GROUP:
                self._flush()

    def keep(self) -> None:
        """Write what is left, and give the folder its name; without rows it has one empty file."""
        self._flush()
        if not self.files:
            self._begin()
        self._end()
        with self._errors():
            with suppress(FileNotFoundError):
                os.rmdir(self._path)
            os.rename(self._draft, self._path)

    def drop(self) -> None:
        """Remove all that was written."""
        with suppress(Exception):
            self._end()
        shutil.rmtree(self._draft, ignore_errors=True)

    def _flush(self) -> None:
        """Write the waiting rows as a row group."""
        if not self._batches:
            return
        import pyarrow as pa

        if self._writer is None:
            self._begin()
        table = pa.Table.from_batches(self._batches).unify_dictionaries()
        self._batches, self._waiting = [], 0
        with self._errors():
            self._writer.write_table(table, row_group_size=len(table))
        self._groups += 1
        if self._groups >= _GROUPS or self._file.tell() >= self._file_size:
            self._end()

    def _begin(self) -> None:
        import pyarrow.parquet as pq

        with self._errors():
            self._file = open(os.path.join(self._draft, f"part-{self.files:05}.parquet"), "wb")  # noqa: SIM115 # _end
            self._writer = pq.ParquetWriter(
                self._file,
                self._fields,
                compression="zstd",
                use_dictionary=self._raw is None,
                write_statistics=cast("Any", [name for name in self._fields.names if name != self._raw]),
            )
            self._writer.add_key_value_metadata({"undeliverable": __version__})
        self.files += 1
        self._groups = 0

    def _end(self) -> None:
        """Finish a file."""
        if self._writer is None:
            return
        writer, file, self._writer = self._writer, self._file, None
        with self._errors():
            try:
                writer.close()
                self.octets += file.tell()
            finally:
                file.close()

    @contextmanager
    def _errors(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            if error.errno is None:  # pyarrow has its own words
                raise RunError(f"{self._named}: {error}") from None
            raise OSError(error.errno, error.strerror, self._named) from None


class Results:
    """A writer of reports, as the record that JSON Lines hold, in columns."""

    def __init__(self, path: str) -> None:
        self._folder = Folder(path, _fields)
        self._records: list[Mapping[str, Any]] = []

    def put(self, rows: Rows) -> None:
        """Add the record of a report, which is the only cell of its only row.

        :raises OSError: when it cannot be written.
        """
        self._records += [record for (record,) in cast("Sequence[tuple[Mapping[str, Any]]]", rows)]
        if len(self._records) >= _ROWS:
            self._write()

    def close(self) -> None:
        """Write what is left; the folder now has its name.

        :raises OSError: when that fails.
        """
        self._write()
        self._folder.keep()

    def drop(self) -> None:
        """Remove what was written."""
        self._folder.drop()

    def _write(self) -> None:
        from undeliverable.arrow import from_records

        records, self._records = self._records, []
        if records:
            self._folder.write(from_records(records).to_batches())


def _fields() -> Any:  # noqa: ANN401 # pyarrow has no types
    from undeliverable.arrow import from_records

    return from_records([]).schema
