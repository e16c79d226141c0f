"""`undeliverable explain`: explain why mail bounced: a message, a folder of them, a log, or the text of an SMTP reply."""

from __future__ import annotations

import os
import re
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Final, NamedTuple

from undeliverable import Knowledge, classify, is_same_address, parse, parse_log_line
from undeliverable.cli._command import (
    Command,
    Known,
    UsageError,
    add_knowledge_options,
    add_reply_options,
    knowledge_of,
    known_of,
    warn,
)
from undeliverable.cli._explained import (
    add_language_option,
    headline_style,
    in_paragraphs,
    machinery,
)
from undeliverable.cli._paragraphs import Paragraph, paragraph, write
from undeliverable.cli._screen import Screen
from undeliverable.cli._words import counted, skipped_files
from undeliverable.files import STDIN, Inbox, RecordError, report_of
from undeliverable.logs import LogReader
from undeliverable.verdict import Report, Verdict

__all__ = ["COMMAND"]

# A reply code, an enhanced status code, or several words: unlikely to be the name of a file.
_CODE: Final = re.compile(r"[2-5]\d\d(?!\d)(?!\.[A-Za-z])|[245]\.\d{1,3}\.\d{1,3}(?!\d)")
_WORDS: Final = re.compile(r"\S+\s+\S")
_MANY: Final = 20  # explanations after which a table is the better choice


class _Text(NamedTuple):
    """How explanations are written.

    :ivar providers: providers of the caller's own rule files.
    """

    lang: str
    verbose: bool
    providers: tuple[object, ...]


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "subjects",
        metavar="FILE|REPLY",
        nargs="+",
        help="files and folders of mail or records as for classify, or the text of an SMTP reply, or a line of a mail "
        "server's log",
    )
    parser.add_argument(
        "--log", action="store_true", help="the file is a mail server's log: explain each line about a failure in it"
    )
    add_language_option(parser)
    add_reply_options(parser)
    parser.add_argument("--trace", action="store_true", help="with -v: also show the other rules that matched")
    add_knowledge_options(parser)


def _run(options: Namespace) -> int:
    knowledge = knowledge_of(options)
    known = known_of(options, knowledge)
    own = tuple(one for one in knowledge.providers if one.pages) if options.rules else ()
    text = _Text(options.lang, options.verbose, own)
    screen = Screen.of(sys.stdout, options.color)
    subject = " ".join(options.subjects).strip()
    is_file = any(path == STDIN or os.path.exists(path) for path in options.subjects)
    code = None if is_file else _CODE.match(subject)
    report = None if is_file or (code and not options.log) else parse_log_line(subject, knowledge=knowledge, **known)
    if report is None and not is_file and not options.log and (code or _WORDS.match(subject)):
        write(_of_verdict(_classified(subject, options, knowledge, known), text), screen)
        return 0
    if options.host or options.smtp_command or options.protocol:
        raise UsageError("--host, --command and --protocol apply to the text of a reply, not to a file")
    if report is not None:
        write(_of_report(report, text), screen)
        return 0
    skip = _skip if options.verbose else None
    inbox = Inbox(options.subjects, warn=warn, is_log=options.log, log_option="explain --log", skipped_file=skip)
    reports = _reports(inbox, options, knowledge, known)
    if options.recipient is not None:
        reports = _about(options.recipient, reports)
    shown = _explain_all(reports, text, screen, options)
    if inbox.skipped and not options.quiet:
        warn(skipped_files(inbox.skipped, named=options.verbose))
    if not shown and options.recipient is not None:
        warn(f"nothing about {options.recipient} was found")
    return 0 if shown and not inbox.failed else 1


def _classified(reply: str, options: Namespace, knowledge: Knowledge, known: Known) -> Verdict:
    return classify(
        reply,
        host=options.host,
        command=options.smtp_command,
        protocol=options.protocol,
        recipient=options.recipient,
        knowledge=knowledge,
        trace=options.trace,
        **known,
    )


def _skip(path: str, why: str) -> None:
    warn(f"{path}: {why}; skipped")


def _explain_all(reports: Iterator[Report], text: _Text, screen: Screen, options: Namespace) -> int:
    """Explain each report, a single one without the name of its place; return how many there were."""
    first = next(reports, None)
    if first is None:
        return 0
    second = next(reports, None)
    rest = reports if second is None else chain((second,), reports)
    write(_of_report(first, text, named=second is not None or text.verbose), screen)
    shown = 1
    for report in rest:
        write((paragraph(""), *_of_report(report, text, named=True)), screen)
        shown += 1
    if shown > _MANY and not options.quiet:
        from shlex import join  # hardly ever needed

        command = join(("undeliverable", "classify", *(["--log"] if options.log else []), *options.subjects))
        warn(f"explained {counted(shown, 'message')}; as a table: {command}")
    return shown


def _reports(inbox: Inbox, options: Namespace, knowledge: Knowledge, known: Known) -> Iterator[Report]:
    """Yield the reports of a file or folder; of a log those of failures, or all where one address is asked for."""
    judge = partial(parse, knowledge=knowledge, trace=options.trace, **known)
    lines = LogReader(knowledge=knowledge, **known) if options.log else None
    for mail in inbox:
        report: Report | None
        try:
            if lines is None or mail.is_record:
                report = report_of(mail, judge)
            else:
                report = lines.feed(mail.raw, source=mail.source)
        except RecordError as error:
            warn(str(error))
        else:
            if report is not None and (lines is None or options.recipient is not None or _has_failure(report)):
                yield report
    for remark in () if lines is None else lines.remarks:
        warn(remark)


def _about(recipient: str, reports: Iterable[Report]) -> Iterator[Report]:
    """Yield the reports about an address, with the verdicts about it alone: that it failed, or that it was mailed."""
    for report in reports:
        verdicts = tuple(
            one
            for one in report.verdicts
            if any(is_same_address(recipient, each) for each in (one.recipient, one.original_recipient, one.sent_to))
        )
        if verdicts:
            yield replace(report, verdicts=verdicts)


def _has_failure(report: Report) -> bool:
    return any(verdict.reason is not None for verdict in report.verdicts)


def _of_report(report: Report, text: _Text, *, named: bool = False) -> Iterator[Paragraph]:
    """Yield the explanation of a report: what its verdicts say, and with `-v` why, and what was repaired or guessed."""
    if named:
        head = f"{report.source}: {report.kind}"
        if report.message.generator:
            head += f", written by {report.message.generator}"
        yield paragraph(head, "dim", hang=2)
    explanations = report.explanations(text.lang, providers=text.providers)
    for number, explanation in enumerate(explanations):
        verdict = report.verdicts[number] if report.verdicts else None
        if number:
            yield paragraph("")
        yield from in_paragraphs(explanation, "bold" if verdict is None else headline_style(verdict))
        if verdict is not None and text.verbose:
            yield paragraph("")
            yield from machinery(verdict)
    if text.verbose:
        yield from (paragraph(remark, label="remark") for remark in report.remarks)


def _of_verdict(verdict: Verdict, text: _Text) -> Iterator[Paragraph]:
    yield from in_paragraphs(verdict.explanation(text.lang, providers=text.providers), headline_style(verdict))
    if text.verbose:
        yield paragraph("")
        yield from machinery(verdict)


COMMAND: Final = Command(
    name="explain",
    help="explain why mail bounced and what to do: a message, a log, or an SMTP reply",
    examples=(
        "undeliverable explain bounce.eml",
        'undeliverable explain "550 5.1.1 <kim@example.org>: no such user" --command rcpt',
        "undeliverable explain bounces/ --recipient kim@example.org # why the mail of one customer bounced",
        "undeliverable explain bounce.eml --lang de                 # in German, for your support",
        "undeliverable explain --log /var/log/mail.log              # each failure in a mail server's log",
        'undeliverable explain "552 mailbox full" --rules my.toml -v --trace # with the rules that decided',
    ),
    arguments=_arguments,
    run=_run,
)
