"""`undeliverable report`: a page of bounce rates, reasons and replies, and the decisions on standard output."""

from __future__ import annotations

import os
import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from undeliverable import Knowledge, parse
from undeliverable.cli._command import (
    Command,
    UsageError,
    add_knowledge_options,
    knowledge_of,
    known_of,
    refuse_input,
    warn,
)
from undeliverable.cli._levels import add_fail_on, status_of
from undeliverable.cli._neutral import neutral
from undeliverable.cli._new_file import NewFile
from undeliverable.cli._progress import Progress
from undeliverable.cli._sent import read_sent
from undeliverable.cli._tables import print_table
from undeliverable.cli._words import counted, log_remarks
from undeliverable.files import STDIN, Inbox, Mail, RecordError, report_of, size_of
from undeliverable.logs import LogReader
from undeliverable.verdict import Report

if TYPE_CHECKING:
    from undeliverable.rates import GroupRate, Share
    from undeliverable.report import Snapshot, Summary
    from undeliverable.tags import TagPlaces

__all__ = ["COMMAND"]

_TAGS: Final = ("campaign", "source", "segment")
_NAMED: Final = 5  # paths that the commands on the page repeat
_PAGE: Final = b"<!doctype html>"


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "paths", metavar="PATH", nargs="+",
        help="a message, a folder, an mbox, a Maildir, or an archive of them; or records (.jsonl) written by classify or serve",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", metavar="FILE", required=True, help="the HTML file to write; - for standard output"
    )
    parser.add_argument(
        "--sent", metavar="FILE",
        help="the number of messages sent: one number, or CSV with a column `sent` and any of campaign, source, segment, "
        "provider, domain, day; or `seen`: what was delivered or failed according to the input, the default with --log",
    )  # fmt: skip
    parser.add_argument("--title", default="What came back", help="the heading of the page")
    parser.add_argument(
        "--log", action="store_true",
        help="the files are mail server logs, whatever they are called: one record per line about a delivery",
    )  # fmt: skip
    parser.add_argument(
        "--before", metavar="FILE",
        help="compare with an earlier campaign: a page that this command wrote, or its mail, records or logs",
    )  # fmt: skip
    parser.add_argument(
        "--with-addresses", action="store_true",
        help="put the addresses to act on into the page, to be saved from there; without it the page holds none",
    )  # fmt: skip
    parser.add_argument("--docs", metavar="URL", help="where this documentation stands, for links to it")
    add_fail_on(parser)
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
    from undeliverable.report import Collector, decision_of, render

    refuse_input("-o", options.output, options.paths)
    sent = None if _counts_seen(options) else read_sent(options.sent)
    knowledge, places = knowledge_of(options), _places(options)
    before = _before(options, knowledge, places)
    collector = Collector(places, knowledge=knowledge)
    reader = _Reader(options, options.paths, knowledge)
    for report in reader:
        collector.add(report)
    summary = collector.summary(collector.seen() if sent is None else sent)
    page = render(
        summary,
        made=datetime.now(UTC),
        title=options.title,
        before=before,
        inputs=_inputs(options),
        with_addresses=options.with_addresses,
        docs=options.docs,
    )
    _write(options.output, page)
    if not options.quiet:
        if options.output != STDIN:
            _say(summary)
        sys.stdout.flush()
        failed = (
            f", {counted(reader.failed, 'file or line', 'files or lines')} could not be read" if reader.failed else ""
        )
        print(f"{counted(reader.reports, 'report')}{failed}; {neutral(options.output)}", file=sys.stderr)
    return status_of(decision_of(summary), options.fail_on) or int(not reader.reports or reader.is_torn)


def _counts_seen(options: Namespace) -> bool:
    """Return whether what was sent is counted from the input: a log holds what was delivered as well."""
    return options.sent == "seen" or (options.sent is None and options.log)


def _write(path: str, page: str) -> None:
    if path == STDIN:  # "-" names standard output here
        sys.stdout.buffer.write(page.encode("utf-8", "backslashreplace"))
        return
    file = NewFile(path)
    try:
        file.stream.write(page)
        file.keep()
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    finally:
        file.drop()


def _inputs(options: Namespace) -> str:
    """Return the arguments by which `classify` reads and judges the same mail."""
    given = ["--log"] if options.log else []
    for name in ("profile", "rules"):
        given += [word for value in getattr(options, name) for word in (f"--{name}", value)]
    if len(options.paths) > _NAMED:
        return f"{shlex.join(given)} PATH".strip()
    return shlex.join((*given, *options.paths))


def _before(options: Namespace, knowledge: Knowledge, places: TagPlaces) -> Snapshot | None:
    """Return the numbers of `--before`: those in an earlier page, or those of mail that is read now."""
    from undeliverable.report import Collector, Snapshot

    path = options.before
    if path is None:
        return None
    if (page := _page_at(path)) is not None:
        try:
            return Snapshot.of_page(page)
        except ValueError as error:
            raise UsageError(f"{path}: {error}") from None
    collector = Collector(places, knowledge=knowledge)
    reader = _Reader(options, [path], knowledge)
    for report in reader:
        collector.add(report)
    if not reader.reports:
        raise UsageError(f"{path}: nothing to compare with: neither an earlier page nor mail, records or logs")
    summary = collector.summary(collector.seen() if options.log else None)
    return Snapshot.of(summary, os.path.basename(path.rstrip("/")) or path)


def _page_at(path: str) -> str | None:
    """Return the text of a page, or None for anything else; who reads mail says what is wrong with it."""
    try:
        with open(path, "rb") as file:
            head = file.read(len(_PAGE))
            return None if head.lower() != _PAGE else (head + file.read()).decode("utf-8", "replace")
    except OSError:
        return None


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

    def __init__(self, options: Namespace, paths: Sequence[str], knowledge: Knowledge) -> None:
        self.reports = 0
        self.failed = 0
        self._quiet: bool = options.quiet
        skipped = self._skip if options.verbose else None
        self._inbox = Inbox(paths, warn=self._warn, is_log=options.log, skipped_file=skipped)
        known = known_of(options, knowledge)
        self._parse = partial(parse, knowledge=knowledge, **known)
        self._lines = LogReader(knowledge=knowledge, **known) if options.log else None
        watched = sys.stderr.isatty() and not options.quiet
        self._progress = Progress(size_of(paths) if watched else 0, shows=watched)

    def __iter__(self) -> Iterator[Report]:
        for mail in self._inbox:
            try:
                report = self._report(mail)
            except RecordError as error:
                self._warn(str(error))
                self.failed += 1
                continue
            if report is not None:
                self.reports += 1
                self._progress.update(self._inbox.done, self.reports)
                yield report
        self.failed += self._inbox.failed + self._inbox.unread
        self._progress.clear()
        if self._lines is not None and not self._quiet:
            for remark in log_remarks(self._lines):
                warn(remark)

    @property
    def is_torn(self) -> bool:
        """True if a file could not be read; lines that are no records do not count."""
        return self._inbox.failed > 0

    def _warn(self, message: str) -> None:
        self._progress.clear()
        if not (self._quiet and "warning: " in message):
            warn(message)

    def _skip(self, path: str, why: str) -> None:
        self._progress.clear()
        warn(f"{path}: skipped, {why}")

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
    help="write an HTML page: what to do, bounce rates, reasons and replies",
    examples=(
        "undeliverable report bounces/ -o report.html               # without rates: needs the number sent",
        "undeliverable report bounces/ --sent sent.csv -o report.html",
        "undeliverable report --log /var/log/mail.log* -o report.html   # a log shows how much was sent",
        "undeliverable report bounces/ --before last-month.html -o report.html",
    ),
    arguments=_arguments,
    run=_run,
)
