"""What a type checker sees of the public names: checked by mypy and pyright, run by nobody.

``assert_type`` is an error for a type checker where the type differs.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import assert_type

import undeliverable
from undeliverable import (
    Advice,
    BounceType,
    Command,
    Kind,
    Knowledge,
    Reason,
    ReplyCode,
    Report,
    StatusCode,
    Verdict,
    attached,
    classify,
    from_anymail,
    from_exception,
    from_refused,
    iter_log,
    parse,
    parse_log_line,
    parse_webhook,
    read,
)
from undeliverable.compat.flufl import all_failures, scan_message
from undeliverable.smtp import named_command
from undeliverable.suppression import ListEvent, events_of


def of_a_verdict(verdict: Verdict) -> None:
    assert_type(verdict.recipient, str | None)
    assert_type(verdict.bounce_type, BounceType | None)
    assert_type(verdict.reason, Reason | None)
    assert_type(verdict.advice, Advice | None)
    assert_type(verdict.reply_code, ReplyCode | None)
    assert_type(verdict.status, StatusCode | None)
    assert_type(verdict.command, Command | None)
    assert_type(verdict.is_hard, bool)
    assert_type(verdict.should_suppress, bool)
    assert_type(verdict.retry_after, int | None)
    assert_type(verdict.key, str)
    assert_type(verdict.to_json(), str)
    assert_type(verdict.to_dict(), dict[str, object])
    assert_type(repr(verdict), str)
    assert_type(verdict.explain(), str)
    assert_type(Verdict.from_dict(verdict.to_dict()), Verdict)


def of_a_report(report: Report) -> None:
    assert_type(iter(report), Iterator[Verdict])
    assert_type(list(report), list[Verdict])
    assert_type(len(report), int)
    assert_type(report.verdicts, tuple[Verdict, ...])
    assert_type(report.hard, tuple[Verdict, ...])
    assert_type(report.soft, tuple[Verdict, ...])
    assert_type(report.kind, Kind)
    assert_type(report.to_json(), str)
    assert_type(Report.from_dict(report.to_dict()), Report)
    for verdict in report:
        assert_type(verdict, Verdict)


def of_the_functions(octets: bytes, event: object, error: Exception, now: datetime) -> None:
    assert_type(parse(octets), Report)
    assert_type(classify("550 5.1.1 no", command="RCPT"), Verdict)
    assert_type(from_exception(error), tuple[Verdict, ...])
    assert_type(from_refused({}), tuple[Verdict, ...])
    assert_type(attached(octets), tuple[bytes, ...])
    assert_type(scan_message(octets), frozenset[bytes])
    assert_type(all_failures(octets), tuple[frozenset[bytes], frozenset[bytes]])
    assert_type(parse_webhook("example", octets), tuple[Report, ...])
    assert_type(from_anymail(event), Report)
    assert_type(read(Path("bounces")), Iterator[Report])
    assert_type(read(["bounces", Path("inbox.mbox")]), Iterator[Report])
    assert_type(parse_log_line("x"), Report | None)
    for report in iter_log(["x"]):
        assert_type(report, Report)
    assert_type(named_command("RCPT"), Command)
    assert_type(Knowledge.builtin(), Knowledge)
    assert_type(undeliverable.__version__, str)
    assert_type(undeliverable.compiled, bool)
    assert_type(events_of(parse(octets), now), tuple[tuple[str, ListEvent], ...])
