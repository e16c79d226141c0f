"""`undeliverable summary`: the daily mail of a postmaster, from logs, mails, records or a suppression list."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Final

from undeliverable.cli._command import Command, UsageError, add_knowledge_options, refuse_input, warn
from undeliverable.cli._levels import add_fail_on, status_of
from undeliverable.cli._span import add_span_options, span_of, zone_of
from undeliverable.cli._tables import print_lines

if TYPE_CHECKING:
    from undeliverable.cli._daily import Reading
    from undeliverable.cli._daily_page import Page
    from undeliverable.summary import Summary

__all__ = ["COMMAND"]

_FIRST: Final = 50  # lines by which a log is known
_FORMATS: Final = ("text", "json")


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "paths", metavar="PATH", nargs="*",
        help="logs (with --log), messages, folders, mbox files, Maildirs or records (.jsonl), gzipped or not; - for standard input",
    )  # fmt: skip
    parser.add_argument("--log", action="store_true", help="the files are mail server logs")
    parser.add_argument(
        "--list",
        metavar="LIST",
        help="a suppression list, whose changes and holds are shown: a SQLite file or a URL",
    )
    parser.add_argument(
        "--sent", metavar="NUMBER", type=int, help="how many messages were sent, for rates; a log knows by itself"
    )
    add_span_options(parser)
    parser.add_argument(
        "--before", metavar="FILE", help="compare with an earlier summary (see --save), or an earlier log or folder"
    )
    parser.add_argument(
        "--save", metavar="FILE", help="also write the summary as JSON, to compare with; may be the file of --before"
    )
    parser.add_argument("--format", choices=_FORMATS, default=_FORMATS[0], help="text (default) or json")
    parser.add_argument("--ascii", action="store_true", help="write nothing but ASCII, for mails without a charset")
    add_fail_on(parser)
    parser.add_argument(
        "--quiet-when-ok",
        action="store_true",
        help="print nothing while no rate reaches a level and no provider is on hold",
    )
    add_knowledge_options(parser)


def _run(options: Namespace) -> int:
    from undeliverable.summary import decide

    _refuse(options)
    now = datetime.now(UTC)
    zone = zone_of(options)
    span = span_of(options, now, zone)
    from undeliverable.cli._daily import Reading, news_of, saved
    from undeliverable.summary import SummaryCounter

    before = _before(options, now)
    reading = Reading(options, now, zone, _warner(options))
    counter = SummaryCounter(span, zone=zone, now=now)
    reading.count(options.paths, counter)
    summary = counter.summary(sent=options.sent, is_complete=bool(options.log and options.paths))
    if options.list is not None:
        summary = replace(summary, news=news_of(options.list, span, now))
    page = _page(options, summary, before, reading)
    if options.save is not None:
        saved(options.save, {"made": now.isoformat(timespec="seconds"), **_record(page)})
    decision = decide(summary).decision
    if not options.quiet and not (options.quiet_when_ok and decision == "ok" and not reading.problems.failed):
        _print(page, options)
    if options.fail_on is not None and decision is None and summary.sent is None:
        warn("--fail-on: nothing can be decided: give --log for a log of deliveries, or --sent NUMBER")
    nothing = reading.is_empty and options.list is None
    if nothing:
        warn("nothing was read: there is no mail, no record and no line of a log")
    return status_of(decision, options.fail_on) or int(nothing or reading.problems.failed > 0)


def _refuse(options: Namespace) -> None:
    """Raise UsageError for what cannot be summarised."""
    if not options.paths and options.list is None:
        raise UsageError("nothing to summarise: name logs, with --log, or mails, or a suppression list with --list")
    refuse_input("--save", options.save, options.paths)
    if options.sent is not None and options.sent < 0:
        raise UsageError("--sent: must not be negative")
    for path in () if options.log else (*options.paths, options.before):
        if path is not None and os.path.isfile(path) and _is_log(path):
            raise UsageError(f"{path}: this is a log: add --log")


def _is_log(path: str) -> bool:
    """Return True for a log: read as mail, it would give numbers that mean nothing."""
    from undeliverable.files import Inbox
    from undeliverable.logs import looks_like_log

    lines = (line.raw for line in Inbox([path], warn=lambda _: None, is_log=True) if not line.is_record)
    return looks_like_log(b"".join(line + b"\n" for line in islice(lines, _FIRST)))


def _warner(options: Namespace) -> Callable[[str], None]:
    """Return what is done with a warning."""
    return (lambda _: None) if options.quiet else warn


def _before(options: Namespace, now: datetime) -> Summary | None:
    """Return the summary to compare with; none on the first day of a job that compares with what it saves."""
    from undeliverable.cli._daily import Reading, summary_in
    from undeliverable.summary import SummaryCounter

    path = options.before
    if path is None or (path == options.save and not os.path.exists(path)):
        return None
    found = summary_in(path)
    if found is not None:
        return found
    zone = zone_of(options)
    counter = SummaryCounter(zone=zone, now=now)
    Reading(options, now, zone, _warner(options)).count([path], counter)
    return counter.summary(is_complete=options.log)


def _page(options: Namespace, summary: Summary, before: Summary | None, reading: Reading) -> Page:
    from undeliverable.cli._daily_page import Page
    from undeliverable.cli._daily_steps import steps_of
    from undeliverable.summary import changes, decide

    return Page(
        summary,
        decide(summary),
        [*options.paths, *([options.list] if options.list is not None else [])],
        reading.problems,
        steps_of(summary, options),
        before,
        () if before is None else changes(before, summary),
    )


def _record(page: Page) -> dict[str, object]:
    """Return a page as JSON values: the summary, what was decided, and what changed."""
    return {
        **page.summary.to_dict(),
        "decision": None if page.decided.decision is None else str(page.decided.decision),
        "why": list(page.decided.why),
        "changes": [{"what": one.what, "name": one.name, "before": one.before, "now": one.now} for one in page.changes],
        "next": [{"what": what, "command": command or None} for what, command in page.steps],
        "not_counted": page.problems._asdict(),
    }


def _print(page: Page, options: Namespace) -> None:
    if options.format == "json":
        import json

        print_lines([json.dumps(_record(page), indent=1)])
    else:
        from undeliverable.cli._daily_page import lines_of
        from undeliverable.cli._daily_text import Look

        print_lines(lines_of(page, Look.of(sys.stdout, is_ascii=options.ascii)))
    sys.stdout.flush()


COMMAND: Final = Command(
    name="summary",
    help="sum up the mail of a day as plain text, for a terminal or a daily mail",
    examples=(
        "undeliverable summary --log --yesterday /var/log/mail.log*  # what cron mails each morning",
        "undeliverable summary --sent 20000 --since 7d ~/Maildir     # bounces as mail",
        "undeliverable summary --log --list list.db --before last.json --save last.json mail.log",
    ),
    arguments=_arguments,
    run=_run,
)
