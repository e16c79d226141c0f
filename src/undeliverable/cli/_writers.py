"""`classify --format`: reports as tables, JSON Lines, CSV or addresses, with all foreign text made harmless.

A format has two halves. A form turns a report into rows and needs no stream, so worker processes can run it; a writer
puts the rows on a stream.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final, NamedTuple, TextIO, TypeAlias, cast

from undeliverable import address_identity
from undeliverable.cli._fields import CSV_FIELDS, TABLE_FIELDS, address_of, values_of
from undeliverable.cli._neutral import neutral, neutral_cell
from undeliverable.cli._rows import Rows, table_rows
from undeliverable.verdict import Report, Verdict

__all__ = ["Addresses", "Form", "Texts", "csv_head"]

_DEFAULTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({"table": TABLE_FIELDS, "csv": CSV_FIELDS})
_Renderer: TypeAlias = Callable[[Report, Sequence[Verdict], Sequence[str]], Rows]


class Form(NamedTuple):
    """What is written of a report; can be sent to another process.

    :ivar format: one of `_formats.FORMATS`.
    :ivar fields: the fields of a row; none for the whole record as JSON.
    """

    format: str
    fields: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, fields: tuple[str, ...] = ()) -> Form:
        """Return the form of a format, with its own fields unless others are asked for."""
        return cls(name, fields or _DEFAULTS.get(name, ()))

    def rows(self, report: Report, verdicts: Sequence[Verdict]) -> Rows:
        """Return the rows of a report with those of its verdicts that are to be shown."""
        return _RENDERERS[self.format](report, verdicts, self.fields)

    def joined(self, shown: list[Rows]) -> list[Rows]:
        """Join the rows of many reports to one where the format is finished text, so that they are written at once."""
        if self.format not in _TEXTS or len(shown) < 2:
            return shown
        return [(("".join([text for rows in shown for (text,) in rows]),),)]


class Texts:
    """A writer of finished text."""

    def __init__(self, stream: TextIO, head: str = "") -> None:
        self._stream = stream
        stream.write(head)

    def put(self, rows: Rows) -> None:
        """Write the rows."""
        for (text,) in rows:
            self._stream.write(text)

    def close(self) -> None:
        """Do nothing: no rows are buffered."""


class Addresses:
    """A writer of each address once, one a line, in the spelling that comes first.

    :ivar unnamed: number of recipients that their report does not name.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._seen: set[str] = set()
        self.unnamed = 0

    @property
    def number(self) -> int:
        """The number of addresses written."""
        return len(self._seen)

    def put(self, rows: Rows) -> None:
        """Write the addresses that are new."""
        for (address,) in rows:
            self.unnamed += not address
            identity = address_identity(address)
            if address and identity not in self._seen:
                self._seen.add(identity)
                self._stream.write(f"{neutral(address)}\n")

    def close(self) -> None:
        """Do nothing: no rows are buffered."""


def csv_head(fields: Sequence[str]) -> str:
    """Return the first line of CSV."""
    return _csv([fields])


def _csv_rows(report: Report, verdicts: Sequence[Verdict], fields: Sequence[str]) -> Rows:
    """Return one line per recipient, and one for a report without any, as one text of harmless cells."""
    found: Sequence[Verdict | None] = verdicts or (None,)
    return ((_csv([list(map(_csv_cell, values_of(report, verdict, fields))) for verdict in found]),),)


def _csv_cell(value: object) -> str:
    return neutral_cell("; ".join(map(str, cast("list[object]", value))) if isinstance(value, list) else value)


def _json_rows(report: Report, verdicts: Sequence[Verdict], fields: Sequence[str]) -> Rows:
    """Return the record with the verdicts to be shown, or one object per recipient with some fields.

    JSON's own escapes make it harmless.
    """
    if fields:
        from json import dumps  # a cold start imports only what its format needs

        found: Sequence[Verdict | None] = verdicts or (None,)
        values = (dict(zip(fields, values_of(report, verdict, fields), strict=True)) for verdict in found)
        return ((("".join(f"{dumps(value)}\n" for value in values)),),)
    return ((f"{_shown(report, verdicts).to_json()}\n",),)


def _record_rows(report: Report, verdicts: Sequence[Verdict], _fields: Sequence[str]) -> Rows:
    """Return the record itself, from which columns are made in the first process: others need no pyarrow."""
    return cast("Rows", ((_shown(report, verdicts).to_dict(),),))


def _shown(report: Report, verdicts: Sequence[Verdict]) -> Report:
    """Return the report with the verdicts to be shown."""
    return report if len(verdicts) == len(report.verdicts) else replace(report, verdicts=tuple(verdicts))


def _addresses(_report: Report, verdicts: Sequence[Verdict], _fields: Sequence[str]) -> Rows:
    """Return the addresses to act on, an empty one where none is named."""
    return [(address_of(verdict) or "",) for verdict in verdicts]


_TEXTS: Final = frozenset(("jsonl", "csv"))
_RENDERERS: Final[Mapping[str, _Renderer]] = MappingProxyType(
    {"table": table_rows, "jsonl": _json_rows, "csv": _csv_rows, "txt": _addresses, "parquet": _record_rows}
)


def _csv(rows: Sequence[Sequence[object]]) -> str:
    import csv

    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
