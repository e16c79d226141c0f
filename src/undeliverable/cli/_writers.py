"""`--format`: reports as JSON Lines, CSV or an aligned table; all foreign text made harmless."""

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
"""Makes the rows of a report, some of whose verdicts are to be shown."""


class JsonLines:
    """One public record per message and line; escapes as JSON has them keep it harmless."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @staticmethod
    def rows(report: Report, verdicts: Sequence[Verdict]) -> Rows:
        """The record, with the verdicts to be shown, as one line."""
        from json import dumps  # each format costs a cold start only what it needs

        shown = report if len(verdicts) == len(report.verdicts) else replace(report, verdicts=tuple(verdicts))
        return ((f"{dumps(shown.to_dict())}\n",),)

    def put(self, rows: Rows) -> None:
        """Writes the record."""
        for (line,) in rows:
            self._stream.write(line)

    def close(self) -> None:
        """Holds nothing back."""


class Csv:
    """One line per recipient, and one for a report without any."""

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
        """The lines, one per verdict, of harmless cells, as one text."""
        returned = report.message.returned
        shared = {
            "source": report.source,
            "kind": report.kind,
            "original_message_id": returned.message_id if returned else None,
        }
        found = [shared | (_flat(verdict) if verdict else {}) for verdict in verdicts or (None,)]
        return ((_csv([[neutral_cell(one.get(column)) for column in Csv.COLUMNS] for one in found]),),)

    def put(self, rows: Rows) -> None:
        """Writes the lines."""
        for (lines,) in rows:
            self._stream.write(lines)

    def close(self) -> None:
        """Holds nothing back."""


def _table(stream: TextIO) -> Writer:
    # Colours are for eyes only: where nobody looks, rich is not even imported.
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
"""What makes the rows that a format's writer writes; needs no stream, so any process can do it."""


def joined(name: str, shown: list[Rows]) -> list[Rows]:
    """The rows of many reports as fewer that are written with the same result: finished text needs one writing."""
    if name not in _TEXTS:
        return shown
    return [(("".join([text for rows in shown for (text,) in rows]),),)]


def writer(name: str) -> Writer:
    """The writer of a format to standard output."""
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
