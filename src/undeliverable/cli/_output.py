"""Where `classify` writes: standard output, or a file that is there only when it is complete."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple, Protocol, runtime_checkable

from undeliverable.cli._command import warn
from undeliverable.cli._formats import FOLDERS
from undeliverable.cli._new_file import NewFile
from undeliverable.cli._rows import BLOCK, Line, Paint, Rows, Table, Writer
from undeliverable.cli._screen import Screen
from undeliverable.cli._writers import Addresses, Form, Texts, csv_head

__all__ = ["Output", "Wanted", "paint_of"]

_MARK: Final = "\ufeff"  # what makes Excel read a file as UTF-8


@runtime_checkable
class Droppable(Protocol):
    """A writer whose result can be dropped before it is complete."""

    def drop(self) -> None:
        """Remove what was written."""


class Wanted(NamedTuple):
    """What is to be written, and how.

    :ivar form: the format and its fields.
    :ivar path: the file, None for standard output.
    :ivar color: the value of `--color`.
    :ivar excel: True for a byte order mark before CSV.
    :ivar shows_all: True for all rows on a terminal.
    :ivar streams: True if rows are to be seen as they come.
    """

    form: Form
    path: str | None = None
    color: str = "auto"
    excel: bool = False
    shows_all: bool = False
    streams: bool = False


def paint_of(screen: Screen, *, color: str = "auto") -> Paint:
    """Return the function that writes lines: in colour where they are wanted and rich is installed."""
    if screen.colours:
        try:
            from undeliverable.cli._rich import RichPaint
        except ImportError:
            if color == "always":
                warn("colours need rich: pip install 'undeliverable[cli]'")
        else:
            return RichPaint(screen)

    def plain(lines: Sequence[Line]) -> None:
        screen.stream.write("".join("".join(text for text, _ in line).rstrip() + "\n" for line in lines))

    return plain


class Output:
    """The place that rows are written to.

    :ivar screen: what standard output can show.
    :ivar writer: the writer of the format.
    :ivar is_kept: True once everything is written.
    """

    def __init__(self, wanted: Wanted) -> None:
        """Open it.

        :raises UsageError: when the file cannot be made.
        """
        self.is_kept = False
        self._wanted = wanted
        self._is_folder = wanted.form.format in FOLDERS
        self._file = None if wanted.path is None or self._is_folder else NewFile(wanted.path)
        self.screen = Screen.of(sys.stdout if self._file is None else self._file.stream, wanted.color)
        with self._errors():
            self.writer = _folder(wanted) if self._is_folder else _writer(wanted, self.screen)

    @property
    def draws(self) -> bool:
        """True if rows appear on a terminal while the work goes on."""
        wanted = self._wanted
        waits = wanted.form.format == "table" and not wanted.shows_all and not wanted.streams
        return self.screen.is_terminal and not waits and not self._is_folder

    def put(self, rows: Rows) -> None:
        """Write the rows of one report.

        :raises OSError: when that fails.
        """
        with self._errors():
            self.writer.put(rows)
            if self._wanted.streams:
                self.screen.stream.flush()

    def close(self) -> None:
        """Write what is left; a file now takes its place.

        :raises OSError: when that fails.
        """
        with self._errors():
            self.writer.close()
            self.screen.stream.flush()
            if self._file is not None:
                self._file.keep()
        self.is_kept = True

    def abandon(self) -> None:
        """Drop a file or folder that is not complete."""
        if self.is_kept:
            return
        if self._file is not None:
            self._file.drop()
        elif isinstance(writer := getattr(self, "writer", None), Droppable):  # it may have failed to begin
            writer.drop()

    @contextmanager
    def _errors(self) -> Generator[None]:
        """Say where something could not be written."""
        try:
            yield
        except BrokenPipeError:  # whoever reads has enough
            raise
        except OSError as error:
            self.abandon()
            raise OSError(error.errno, error.strerror, self._wanted.path or "standard output") from None


def _folder(wanted: Wanted) -> Writer:
    from undeliverable.cli._parquet import Results  # few results are columns

    return Results(wanted.path or "")


def _writer(wanted: Wanted, screen: Screen) -> Writer:
    form, stream = wanted.form, screen.stream
    match form.format:
        case "csv":
            return Texts(stream, f"{_MARK if wanted.excel else ''}{csv_head(form.fields)}")
        case "jsonl":
            return Texts(stream)
        case "txt":
            return Addresses(stream)
        case _:
            return _table(wanted, screen)


def _table(wanted: Wanted, screen: Screen) -> Writer:
    form = wanted.form
    paint = paint_of(screen, color=wanted.color)
    if not screen.is_terminal:
        return Table(paint, form.fields, block=1 if wanted.streams else BLOCK)
    from undeliverable.cli._screen_table import ScreenTable, StreamTable

    if wanted.streams:
        return StreamTable(paint, form.fields, screen)
    return ScreenTable(paint, form.fields, screen, shows_all=wanted.shows_all)
