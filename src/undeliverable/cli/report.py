"""`undeliverable report`: a page of bounce rates, reasons and replies, and the decisions on standard output."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from undeliverable import Knowledge, parse
from undeliverable.cli._command import Command, UsageError, add_knowledge_options, knowledge_of, known_of, warn
from undeliverable.cli._neutral import neutral
from undeliverable.cli._progress import Progress
from undeliverable.cli._sent import read_sent
from undeliverable.cli._tables import print_table
from undeliverable.files import Inbox, Mail, RecordError, report_of, size_of
from undeliverable.logs import LogReader
from undeliverable.verdict import Report

if TYPE_CHECKING:
    from undeliverable.rates import GroupRate, Share
    from undeliverable.report import Summary
    from undeliverable.tags import TagPlaces

__all__ = ["COMMAND"]

_TAGS: Final = ("campaign", "source", "segment")


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "paths", metavar="PATH", nargs="+",
        help="a message, a folder, an mbox, a Maildir, gzipped or not; or records (.jsonl) written by classify or serve",
    )  # fmt: skip
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="the HTML file to write")
    parser.add_argument(
        "--sent", metavar="FILE",
        help="the number of messages sent: one number, or CSV with a column `sent` and any of campaign, source, segment, "
        "provider, domain, day",
    )  # fmt: skip
    parser.add_argument("--title", default="What came back", help="the heading of the page")
    parser.add_argument(
        "--log", action="store_true", help="the files are mail server logs: one record per line about a delivery"
    )
    for tag in _TAGS:
        parser.add_argument(
            f"--{tag}-header", metavar="NAME", action="append", help=f"the header field that names the {tag}"
        )
    parser.add_argument(
        "--verp",
        metavar="PATTERN",
        help="the pattern of return paths, such as b+{campaign}-{mailbox}={domain}@example.com",
    )
    add_knowledge_options(parser)


def _run(options: Namespace) -> int:
    from undeliverable.report import Collector, render

    sent = read_sent(options.sent)
    collector = Collector(_places(options))
    reader = _Reader(options, knowledge_of(options))
    for report in reader:
        collector.add(report)
    summary = collector.summary(sent)
    page = render(summary, made=datetime.now(UTC), title=options.title)
    try:
        with open(options.output, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(page)
    except OSError as error:
        raise UsageError(f"{options.output}: {error.strerror}") from None
    _say(summary)
    sys.stdout.flush()
    failed = f", {reader.failed:,} files or lines could not be read" if reader.failed else ""
    print(f"{reader.reports:,} reports{failed}; {neutral(options.output)}", file=sys.stderr)
    return 0 if reader.reports else 1


def _places(options: Namespace) -> TagPlaces:
    from undeliverable.tags import TagPlaces
    from undeliverable.verp import Pattern

    places = TagPlaces()
    own = {tag: names for tag in _TAGS if (names := getattr(options, f"{tag}_header"))}
    try:
        path = None if options.verp is None else Pattern(options.verp)
    except ValueError as error:
        raise UsageError(f"--verp: {error}") from None
    return replace(places, headers=dict(places.headers) | own, return_path=path)


class _Reader:
    """Iterate over the reports below the paths: mail and logs are judged now, records keep their verdicts."""

    def __init__(self, options: Namespace, knowledge: Knowledge) -> None:
        self.reports = 0
        self.failed = 0
        self._inbox = Inbox(options.paths, warn=warn, is_log=options.log)
        known = known_of(options, knowledge)
        self._parse = partial(parse, knowledge=knowledge, **known)
        self._lines = LogReader(knowledge=knowledge, **known) if options.log else None
        watched = sys.stderr.isatty()
        self._progress = Progress(size_of(options.paths) if watched else 0, shows=watched)

    def __iter__(self) -> Iterator[Report]:
        for mail in self._inbox:
            try:
                report = self._report(mail)
            except RecordError as error:
                warn(str(error))
                self.failed += 1
                continue
            if report is not None:
                self.reports += 1
                self._progress.update(self._inbox.done, self.reports)
                yield report
        self.failed += self._inbox.failed + self._inbox.unread
        self._progress.clear()
        for remark in () if self._lines is None else self._lines.remarks:
            warn(remark)

    def _report(self, mail: Mail) -> Report | None:
        if self._lines is None or mail.is_record:
            return report_of(mail, self._parse)
        return self._lines.feed(mail.raw, source=mail.source)


def _say(summary: Summary) -> None:
    """Print the totals, and the groups to watch or to pause."""
    from undeliverable.rates import By, Decision

    rows = [
        (by.value, row.group or "-", row)
        for by in (By.SOURCE, By.CAMPAIGN)
        for row in summary.rates[by].groups
        if row.decision in (Decision.WATCH, Decision.PAUSE)
    ]
    total = summary.rates[By.DAY].total
    lines = [_line("all", "", total), *(_line(*row) for row in rows)]
    print_table(("", "group", "decision", "sent", "hard", "rate", "complaints", "rate"), lines)


def _line(by: str, group: str, row: GroupRate) -> tuple[str, ...]:
    return (
        by,
        group,
        "no rate" if row.decision is None else str(row.decision),
        "-" if row.sent is None else f"{row.sent:,}",
        f"{row.hard:,}",
        _rate(row.bounce),
        f"{row.complaints:,}",
        _rate(row.complaint),
    )


def _rate(share: Share | None) -> str:
    return "-" if share is None else f"{share.rate:.2%} ({share.low * 100:.2f}-{share.high * 100:.2f})"


COMMAND: Final = Command(
    name="report",
    help="write an HTML page of bounce rates, reasons and replies",
    examples=(
        "undeliverable report bounces/ -o report.html               # without rates: needs the number sent",
        "undeliverable report bounces/ --sent sent.csv -o report.html",
        "undeliverable report --log /var/log/mail.log* --sent 20000 -o report.html",
    ),
    arguments=_arguments,
    run=_run,
)
