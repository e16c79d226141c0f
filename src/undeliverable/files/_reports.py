"""Reports of what an inbox holds: messages are judged, records keep what they say."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, Protocol

from undeliverable import Report
from undeliverable.files._find import STDIN
from undeliverable.files._inbox import Inbox, Mail
from undeliverable.files._records import RecordError, report_in

__all__ = ["Parse", "Paths", "read_all", "report_of"]

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
"""One path, or several."""

_LOGS: Final = "undeliverable.iter_log()"


class Parse(Protocol):
    """A function that judges a message: :func:`undeliverable.parse`, with its options filled in."""

    def __call__(self, message: bytes, /, *, source: str) -> Report:
        """Return the report of a message with the name of its place."""
        ...


def report_of(mail: Mail, parse: Parse) -> Report:
    """Return the report that `parse` makes of a message, with its time of receipt, or the one that a record holds.

    :raises RecordError: when what looks like a record is none; the message names its place and says why.
    """
    if mail.is_record:
        return report_in(mail.source, mail.raw)
    report = parse(mail.raw, source=mail.source)
    return report if mail.received is None else replace(report, received=mail.received)


def read_all(
    paths: Paths, parse: Parse, *, received_by: str | Sequence[str] = (), warn: Callable[[str], None] | None = None
) -> Iterator[Report]:
    """Return the reports of all messages and records below `paths`, read one by one.

    :param received_by: names of your own hosts, whose Received field on top of a message dates it.
    :param warn: called with each problem, in words; by default it becomes a warning.
    :raises OSError: when there is nothing at one of the paths.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else paths
    names = [os.fspath(path) for path in given]
    for name in names:
        if name != STDIN:
            os.stat(name)
    hosts = (received_by,) if isinstance(received_by, str) else tuple(received_by)
    return _reports(names, parse, hosts, warn or warnings.warn)


def _reports(names: Sequence[str], parse: Parse, hosts: Sequence[str], warn: Callable[[str], None]) -> Iterator[Report]:
    for mail in Inbox(names, warn=warn, log_option=_LOGS, received_by=hosts):
        try:
            report = report_of(mail, parse)
        except RecordError as error:
            warn(str(error))
        else:
            yield report
