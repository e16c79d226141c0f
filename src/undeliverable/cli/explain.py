"""`undeliverable explain`: explain the verdict on a message or an SMTP reply."""

from __future__ import annotations

import os
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from functools import partial
from typing import Final

from undeliverable import Knowledge, classify, parse
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
from undeliverable.cli._neutral import neutral, neutral_lines
from undeliverable.files import STDIN, Inbox, RecordError, report_of
from undeliverable.verdict import Report

__all__ = ["COMMAND"]

# A reply code, an enhanced status code, or several words: unlikely to be the name of a file.
_REPLY: Final = re.compile(r"[2-5]\d\d(?!\d)(?!\.[A-Za-z])|[245]\.\d{1,3}\.\d{1,3}(?!\d)|\S+\s+\S")
_WITHOUT: Final = "No recipient found."


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "subject", metavar="FILE|REPLY", help="a file of mail or records as for classify, or the text of an SMTP reply"
    )
    add_reply_options(parser)
    parser.add_argument("--trace", action="store_true", help="also show the other rules that matched")
    add_knowledge_options(parser)


def _run(options: Namespace) -> int:
    knowledge = knowledge_of(options)
    known = known_of(options, knowledge)
    subject: str = options.subject
    if subject != STDIN and not os.path.exists(subject) and _REPLY.match(subject.strip()):
        verdict = classify(
            subject,
            host=options.host,
            command=options.smtp_command,
            protocol=options.protocol,
            recipient=options.recipient,
            knowledge=knowledge,
            trace=options.trace,
            **known,
        )
        print(neutral_lines(verdict.explain()))
        return 0
    if options.host or options.smtp_command or options.protocol or options.recipient:
        raise UsageError("--host, --command, --protocol and --recipient apply to the text of a reply, not to a file")
    shown = 0
    for text in _explanations(subject, knowledge, known, trace=options.trace):
        print(text if not shown else f"\n{text}")
        shown += 1
    return 0 if shown else 1


def _explanations(path: str, knowledge: Knowledge, known: Known, *, trace: bool) -> Iterator[str]:
    judge = partial(parse, knowledge=knowledge, trace=trace, **known)
    for mail in Inbox((path,), warn=warn, log_option="classify --log"):
        try:
            report = report_of(mail, judge)
        except RecordError as error:
            warn(str(error))
        else:
            yield _explanation(report)


def _explanation(report: Report) -> str:
    head = f"{report.source}: {report.kind}"
    if report.message.generator:
        head += f", written by {report.message.generator}"
    verdicts = [verdict.explain() for verdict in report.verdicts] or [_WITHOUT]
    remarks = "".join(f"\nremark: {remark}" for remark in report.remarks)
    return neutral(head) + "\n\n" + neutral_lines("\n\n".join(verdicts) + remarks)


COMMAND: Final = Command(
    name="explain",
    help="explain the verdict on a message or an SMTP reply",
    examples=(
        "undeliverable explain bounce.eml",
        'undeliverable explain "550 5.1.1 <kim@example.org>: no such user" --command rcpt',
        'undeliverable explain "552 mailbox full" --rules my.toml --trace',
    ),
    arguments=_arguments,
    run=_run,
)
