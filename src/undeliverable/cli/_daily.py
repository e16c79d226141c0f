"""Read what `summary` is about: files once, in bounded memory, and what changed in a suppression list."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from functools import partial
from typing import Any, Final, cast

from undeliverable import Report, parse
from undeliverable.cli._command import RunError, UsageError, knowledge_of, known_of
from undeliverable.cli._daily_page import Problems
from undeliverable.cli._lists import open_list
from undeliverable.cli._progress import Progress
from undeliverable.files import Inbox, Mail, RecordError, report_of, size_of
from undeliverable.logs import LogReader
from undeliverable.summary import ListNews, Span, Summary, SummaryCounter, masked, stamp_of

__all__ = ["Reading", "news_of", "saved", "summary_in"]

_HEAD: Final = 256  # octets in which a saved summary says that it is one
_MARK: Final = b'"summary"'


class Reading:
    """One pass over the files.

    :ivar problems: what was not counted.
    :ivar is_empty: True if nothing was read at all.
    """

    def __init__(self, options: Namespace, now: datetime, zone: tzinfo, warn: Callable[[str], None]) -> None:
        self.problems = Problems()
        self.is_empty = True
        self._warn = warn
        self._times = partial(stamp_of, now=now, zone=zone)
        self._options = options
        self._is_log: bool = options.log
        knowledge = knowledge_of(options)
        known = known_of(options, knowledge)
        self._parse = partial(parse, knowledge=knowledge, **known)
        self._lines_of = partial(LogReader, knowledge=knowledge, **known)

    def count(self, paths: Sequence[str], counter: SummaryCounter) -> None:
        """Count what is below the paths."""
        shows = sys.stderr.isatty() and not self._options.quiet
        progress = Progress(lambda: size_of(paths), shows=shows)

        def warn(message: str) -> None:
            progress.clear()
            self._warn(message)

        def skip(path: str, why: str) -> None:
            warn(f"{path}: skipped, {why}")

        lines = self._lines_of()
        inbox = Inbox(paths, warn=warn, is_log=self._is_log, skipped_file=skip if self._options.verbose else None)
        broken = 0
        for number, mail in enumerate(inbox, start=1):
            self.is_empty = False
            counter.lines += self._is_log and not mail.is_record
            try:
                report = self._report(mail, lines)
            except RecordError as error:
                warn(str(error))
                broken += 1
                continue
            if report is not None:
                counter.add(report, self._times(mail.raw) if self._is_log else None)
            progress.update(inbox.done, number)
        progress.clear()
        for remark in lines.remarks:
            warn(remark)
        self.problems = Problems(
            inbox.failed,
            inbox.skipped,
            inbox.unread + broken,
            lines.unread,
            lines.first_unread and masked(lines.first_unread),
        )

    def _report(self, mail: Mail, lines: LogReader) -> Report | None:
        if self._is_log and not mail.is_record:
            return lines.feed(mail.raw, source=mail.source)
        return report_of(mail, self._parse)


def summary_in(path: str) -> Summary | None:
    """Return the summary that a file holds, None if it is something else.

    :raises UsageError: when it cannot be read, or is a summary that cannot be used.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
            if not (head.lstrip().startswith(b"{") and _MARK in head):
                return None
            return Summary.from_dict(json.loads(head + file.read()))
    except IsADirectoryError:  # of mails, say
        return None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: {error}") from None


def saved(path: str, record: dict[str, object]) -> None:
    """Write a record as JSON; the file of before stays whole until the new one is.

    :raises RunError: when it cannot be written.
    """
    draft = f"{path}.new"
    try:
        with open(draft, "w", encoding="ascii") as file:
            json.dump(record, file, indent=1)
            file.write("\n")
        os.replace(draft, path)
    except OSError as error:
        raise RunError(f"--save {path}: {error.strerror}") from None


def news_of(place: str, span: Span, now: datetime, scope: str = "") -> ListNews:
    """Return the state of the list at a path or URL, and what changed in a span of time."""
    added: Counter[str] = Counter()
    lifted = held = 0
    with open_list(place, scope=scope) as known:
        stats = known.stats(now)
        for entry in cast("Any", known).entries(at=now):
            state = entry.state
            if state.is_suppressed(now):
                added[str(state.cause)] += state.since is not None and state.since in span
            elif state.reactivated is not None:
                lifted += state.reactivated.time in span
        held = sum(1 for _ in known.held(at=now))
        on_hold = tuple(hold.provider for hold in known.holds(now) if hold.is_on(now))
    return ListNews(
        suppressed=stats.standings.get("suppressed", 0),
        added={cause: number for cause, number in added.most_common() if number},
        lifted=lifted,
        held=held,
        on_hold=on_hold,
        warnings=tuple(stats.warnings),
    )
