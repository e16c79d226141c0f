"""Logs of mail servers: a :class:`~undeliverable.verdict.Report` for each line about a delivery.

One line names a recipient and the remote server's reply. The sender and the Message-ID are in other lines of the same
message, and so is the last reply when a queue gives up. :func:`iter_log` and :class:`LogReader` join them by the queue
id within a bounded window; :func:`parse_log_line` reads a line by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from undeliverable.knowledge import Knowledge, caller_of
from undeliverable.verdict import Report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Final

    from undeliverable._rules.failure import Hosts

__all__ = ["LogReader", "iter_log", "looks_like_log", "parse_log_line"]

WINDOW: Final = 10_000
"""Messages whose lines are joined at a time."""


def parse_log_line(
    line: str | bytes,
    *,
    knowledge: Knowledge | None = None,
    mx: Hosts = None,
    context: Mapping[str, object] | None = None,
    now: datetime | None = None,
    sender: str | None = None,
) -> Report | None:
    """Return the report of one line of a mail server's log, or None if the line is not about a delivery.

    A line never raises, whatever it holds.

    :param line: with or without what a logger, a container engine or a collector puts around it, with or without its
        line ending.
    :param knowledge: the rules and policies to judge by; by default the built-in ones.
    :param mx: as for :func:`undeliverable.classify`; so are `context`, `now` and `sender`.
    :raises ValueError: when `context` or `now` are not as there.
    """
    reader = LogReader(knowledge=knowledge, window=0, mx=mx, context=context, now=now, sender=sender)
    return reader.feed(line)


def iter_log(
    lines: Iterable[str | bytes],
    *,
    knowledge: Knowledge | None = None,
    mx: Hosts = None,
    context: Mapping[str, object] | None = None,
    now: datetime | None = None,
    sender: str | None = None,
) -> Iterator[Report]:
    """Yield the reports of a log's lines in order, each with the sender and Message-ID from earlier lines.

    :param lines: an open file, text or binary, or any other iterable of lines, which is consumed lazily.
    :param knowledge: the rules and policies to judge by; by default the built-in ones.
    :param mx: as for :func:`undeliverable.classify`; so are `context`, `now` and `sender`.
    :raises ValueError: when `context` or `now` are not as there.
    """
    reader = LogReader(knowledge=knowledge, mx=mx, context=context, now=now, sender=sender)
    for line in lines:
        report = reader.feed(line)
        if report is not None:
            yield report


def looks_like_log(head: bytes) -> bool:
    """Return whether a file is a log, and no message: half of its first lines or more have the shape of a log's.

    The others may be about no delivery: records of a reception, say.

    :param head: the first octets of the file, uncompressed; a last line without an ending may be cut and counts
        only if there is no other.
    """
    from undeliverable.logs._reader import Reader  # most programs never read logs

    *lines, last = head.split(b"\n")
    whole = [line for line in lines if line.strip()] or [last]
    reader = Reader(Knowledge.builtin(), 1)
    known = sum(map(reader.knows, whole))
    return 0 < len(whole) <= 2 * known


class LogReader:
    """A reader of one log that joins the lines of each message.

    :param knowledge: the rules and policies to judge by; by default the built-in ones.
    :param window: the number of messages whose lines are joined at a time; the least recently seen is dropped first.
    :param mx: as for :func:`undeliverable.classify`; so are `context`, `now` and `sender`.
    :raises ValueError: when `context` or `now` are not as there.
    """

    __slots__ = ("_reader",)

    def __init__(
        self,
        *,
        knowledge: Knowledge | None = None,
        window: int = WINDOW,
        mx: Hosts = None,
        context: Mapping[str, object] | None = None,
        now: datetime | None = None,
        sender: str | None = None,
    ) -> None:
        from undeliverable.logs._reader import Reader  # most programs never read logs

        caller = caller_of(mx, context, now, sender)
        self._reader = Reader(Knowledge.builtin() if knowledge is None else knowledge, window, caller)

    def feed(self, line: str | bytes, *, source: str | None = None) -> Report | None:
        """Return the report of the log's next line, or None if the line is not about a delivery.

        :param source: the caller's name for the line, copied into the report.
        """
        return self._reader.feed(line, source)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Why lines about deliveries were not read so far, each with their number: rows of unknown columns, say."""
        return self._reader.remarks

    @property
    def unread(self) -> int:
        """The number of lines so far that look like deliveries but were not read, those of the remarks among them."""
        return self._reader.unread.count

    @property
    def first_unread(self) -> str | None:
        """The first of these lines: its source, if that was given, and its text; None if there is none."""
        return self._reader.unread.first
