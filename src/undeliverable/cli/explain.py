"""`undeliverable explain`: why a message or an SMTP reply gets its verdict."""

from __future__ import annotations

import os
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import Final

from undeliverable import Knowledge, classify, parse
from undeliverable.cli._command import Command, UsageError, add_knowledge_options, knowledge_of
from undeliverable.cli._files import STDIN
from undeliverable.cli._inputs import Inbox
from undeliverable.cli._neutral import neutral, neutral_lines
from undeliverable.model import Command as SmtpCommand
from undeliverable.verdict import Report

__all__ = ["COMMAND"]

# A reply code, an enhanced status code, or several words: nothing that a file is likely to be called.
_REPLY: Final = re.compile(r"[2-5]\d\d(?!\d)(?!\.[A-Za-z])|[245]\.\d{1,3}\.\d{1,3}(?!\d)|\S+\s+\S")


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("subject", metavar="FILE|REPLY", help="a file as for classify, or the text of an SMTP reply")
    parser.add_argument("--host", metavar="HOST", help="the host that gave the reply; provider rules ask for it")
    parser.add_argument(
        "--command",
        metavar="COMMAND",
        dest="smtp_command",
        type=str.lower,
        choices=tuple(map(str, SmtpCommand)),
        help=f"what the reply answered: {', '.join(SmtpCommand)}",
    )
    parser.add_argument("--trace", action="store_true", help="show what else matched, too")
    add_knowledge_options(parser)


def _run(options: Namespace) -> int:
    knowledge = knowledge_of(options)
    subject: str = options.subject
    if subject != STDIN and not os.path.exists(subject) and _REPLY.match(subject.strip()):
        verdict = classify(
            subject, host=options.host, command=options.smtp_command, knowledge=knowledge, trace=options.trace
        )
        print(neutral_lines(verdict.explain()))
        return 0
    if options.host or options.smtp_command:
        raise UsageError("--host and --command go with the text of a reply, not with a file")
    shown = 0
    for text in _explanations(subject, knowledge, trace=options.trace):
        print(text if not shown else f"\n{text}")
        shown += 1
    return 0 if shown else 1


def _explanations(path: str, knowledge: Knowledge, *, trace: bool) -> Iterator[str]:
    for mail in Inbox((path,)):
        yield _explanation(parse(mail.raw, knowledge=knowledge, source=mail.source, trace=trace))


def _explanation(report: Report) -> str:
    head = f"{report.source}: {report.kind}"
    if report.message.generator:
        head += f", written by {report.message.generator}"
    told = [verdict.explain() for verdict in report.verdicts] or ["It tells of no recipient."]
    remarks = "".join(f"\nremark: {remark}" for remark in report.remarks)
    return neutral(head) + "\n\n" + neutral_lines("\n\n".join(told) + remarks)


COMMAND: Final = Command(
    name="explain",
    help="say why a message or an SMTP reply gets its verdict",
    examples=(
        "undeliverable explain bounce.eml",
        'undeliverable explain "550 5.1.1 <kim@example.org>: no such user" --command rcpt',
        'undeliverable explain "552 mailbox full" --rules my.toml --trace',
    ),
    arguments=_arguments,
    run=_run,
)
