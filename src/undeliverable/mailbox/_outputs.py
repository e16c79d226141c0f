"""Where reports go before their messages are moved: into a file of records, then into a suppression list.

The list takes each event once, however often it is given. The file does not, so a place in it is marked first, behind which
a reader that was interrupted finds what it had written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from undeliverable.mailbox._memory import Mark
from undeliverable.serve import records
from undeliverable.suppression import ListEvent

__all__ = ["Judgement", "Outputs"]


class Judgement(NamedTuple):
    """What a message is.

    :ivar kind: its kind as a report.
    :ivar line: its line in the file of records; None if it does not belong there.
    :ivar events: addresses with what happened to them, for the list.
    """

    kind: str
    line: bytes | None = None
    events: Sequence[tuple[str, ListEvent]] = ()


class Outputs:
    """A file of records and a list, or one of them.

    :param to: the file of records (:mod:`undeliverable.serve.records`), or None.
    :param record: records events, each once however often it is given; None without a list.
    """

    __slots__ = ("_record", "_to")

    def __init__(
        self,
        to: str | os.PathLike[str] | None = None,
        record: Callable[[Iterable[tuple[str, ListEvent]]], object] | None = None,
    ) -> None:
        self._to = to
        self._record = record

    def mark(self) -> Mark | None:
        """Return the place where the next record will begin; None without a file of records."""
        return None if self._to is None else Mark(*records.end(self._to))

    def store(self, judged: Sequence[Judgement], *, recorded: Sequence[bool]) -> None:
        """Return when everything is on disk; raise when it is not, and then it has to be given again.

        :param recorded: for each judgement, True if its line was already written.
        """
        lines = [one.line for one, is_there in zip(judged, recorded, strict=True) if one.line and not is_there]
        if self._to is not None and lines:
            records.append(self._to, lines)
        events = [event for one in judged for event in one.events]
        if self._record is not None and events:
            self._record(events)

    def sources_since(self, mark: Mark) -> set[object]:
        """Return the sources of the records that were written since a place was marked.

        A file that was renamed since then, as logrotate does it, is looked for in the same folder.
        """
        if self._to is None:
            return set()
        found: set[object] = set()
        for path, start in _files(Path(self._to), mark):
            found |= {record.get("source") for record in records.read(path, start=start)}
        return found


def _files(path: Path, mark: Mark) -> list[tuple[Path, int]]:
    """Return the files that may hold what was written behind a mark, each with the place to begin at."""
    found: list[tuple[Path, int]] = []
    for each in sorted(path.parent.iterdir()):
        status = each.lstat()
        if (status.st_dev, status.st_ino) == (mark.device, mark.inode):
            found.append((each, mark.offset))
        elif each.name == path.name:
            found.append((each, 0))
    return found
