"""`classify --format`: reports as JSON Lines, CSV or an aligned table, with all foreign text made harmless.

A format has two halves. A renderer turns a report into rows and needs no stream, so worker processes can run it; a
writer puts the rows on standard output.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final, TextIO, TypeAlias

from undeliverable.cli._neutral import neutral_cell
from undeliverable.cli._rows import Rows, Table, Writer
from undeliverable.verdict import Report, Verdict

__all__ = ["FORMATS", "RENDERERS", "Renderer", "joined", "writer"]

Renderer: TypeAlias = Callable[[Report, Sequence[Verdict]], Rows]
"""A function that makes the rows of a report from those of its verdicts that are to be shown."""


class JsonLines:
    """A writer of one public record per line; JSON's own escapes make it harmless."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @staticmethod
    def rows(report: Report, verdicts: Sequence[Verdict]) -> Rows:
        """Return the record, with the verdicts to be shown, as one line."""
        from json import dumps  # a cold start imports only what its format needs

        shown = report if len(verdicts) == len(report.verdicts) else replace(report, verdicts=tuple(verdicts))
        return ((f"{dumps(shown.to_dict())}\n",),)

    def put(self, rows: Rows) -> None:
        """Write the record."""
        for (line,) in rows:
            self._stream.write(line)

    def close(self) -> None:
        """Do nothing: no rows are buffered."""


class Csv:
    """A writer of one line per recipient, and one line for a report without recipients."""

    COLUMNS: Final = (
        "source", "kind", "recipient", "original_recipient", "action", "bounce_type", "reason", "fault", "advice",
        "label", "status", "reply_code", "reply", "command", "remote_mta", "provider", "expired", "rule", "policy",
        "original_message_id",
    )  # fmt: skip

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        stream.write(_csv([self.COLUMNS]))

    @staticmethod
    def rows(report: Report, verdicts: Sequence[Verdict]) -> Rows:
        """Return the lines, one per verdict, as one text of harmless cells."""
        returned = report.message.returned
        shared = {
            "source": report.source,
            "kind": report.kind,
            "original_message_id": returned.message_id if returned else None,
        }
        found = [shared | (_flat(verdict) if verdict else {}) for verdict in verdicts or (None,)]
        return ((_csv([[neutral_cell(one.get(column)) for column in Csv.COLUMNS] for one in found]),),)

    def put(self, rows: Rows) -> None:
        """Write the lines."""
        for (lines,) in rows:
            self._stream.write(lines)

    def close(self) -> None:
        """Do nothing: no rows are buffered."""


def _table(stream: TextIO) -> Writer:
    # Colours are for terminals; otherwise rich is not even imported.
    if not stream.isatty() or os.environ.get("TERM") == "dumb":
        return Table(stream)
    try:
        from undeliverable.cli._rich import RichTable
    except ImportError:
        return Table(stream)
    return RichTable(stream)


FORMATS: Final[Mapping[str, Callable[[TextIO], Writer]]] = MappingProxyType(
    {"table": _table, "jsonl": JsonLines, "csv": Csv}
)


_TEXTS: Final = frozenset(("jsonl", "csv"))
RENDERERS: Final[Mapping[str, Renderer]] = MappingProxyType(
    {"table": Table.rows, "jsonl": JsonLines.rows, "csv": Csv.rows}
)
"""The renderer of each format."""


def joined(name: str, shown: list[Rows]) -> list[Rows]:
    """Join the rows of many reports to one where the format is finished text, so that they are written at once."""
    if name not in _TEXTS:
        return shown
    return [(("".join([text for rows in shown for (text,) in rows]),),)]


def writer(name: str) -> Writer:
    """Return the writer of a format to standard output."""
    return FORMATS[name](sys.stdout)


def _csv(rows: Sequence[Sequence[object]]) -> str:
    import csv

    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _flat(verdict: Verdict) -> dict[str, object]:
    record = verdict.to_dict()
    return record | {
        "rule": verdict.rule.id if verdict.rule else None,
        "policy": verdict.policy.id if verdict.policy else None,
    }
