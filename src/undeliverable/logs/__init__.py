"""The door for logs: a line that a mail server wrote in, a :class:`~undeliverable.verdict.Report` out.

One line tells of a recipient and an answer; sender and Message-ID stand in other lines of the same message, as does the
last answer where a queue gave up. :func:`iter_log` joins them by the queue id within a bounded window.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from undeliverable.knowledge import Knowledge
from undeliverable.verdict import Report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["LogReader", "iter_log", "parse_log_line"]

WINDOW: Final = 10_000
"""Of how many messages the lines are joined at a time."""


def parse_log_line(line: str | bytes, *, knowledge: Knowledge | None = None) -> Report | None:
    """What one line of a mail server's log reports, or None for a line that is about no delivery.

    Lines never raise, whatever they hold.

    :param line: with or without what a logger put before it (syslog, journald), with or without its line end.
    :param knowledge: the rules and policies to judge by; the built-in ones unless given.
    """
    return LogReader(knowledge=knowledge, window=0).feed(line)


def iter_log(lines: Iterable[str | bytes], *, knowledge: Knowledge | None = None) -> Iterator[Report]:
    """The reports of a log's lines in order, each with the sender and the Message-ID that other lines told before it.

    :param lines: an open file, text or binary, or any other lines; they are read one by one, as reports are asked for.
    :param knowledge: the rules and policies to judge by; the built-in ones unless given.
    """
    reader = LogReader(knowledge=knowledge)
    for line in lines:
        report = reader.feed(line)
        if report is not None:
            yield report


class LogReader:
    """Reads a log line by line and joins the lines of a message; one reader for one log.

    :param knowledge: the rules and policies to judge by; the built-in ones unless given.
    :param window: of how many messages the lines are joined at a time; those that were silent for longest go first.
    """

    __slots__ = ("_reader",)

    def __init__(self, *, knowledge: Knowledge | None = None, window: int = WINDOW) -> None:
        from undeliverable.logs._reader import Reader  # most programs read no logs

        self._reader = Reader(Knowledge.builtin() if knowledge is None else knowledge, window)

    def feed(self, line: str | bytes, *, source: str | None = None) -> Report | None:
        """The report of the log's next line, or None for a line that is about no delivery.

        :param source: the caller's name for the line, copied into the report.
        """
        return self._reader.feed(line, source)
