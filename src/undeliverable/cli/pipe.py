"""`undeliverable pipe`: read one message from a mail server and store its record and events, or pass it to a program.

The exit status is 0 when they are safe and 75 (EX_TEMPFAIL) in every other case, so that the mail server keeps the message:
a message is deleted only after its record and its events in the list have been written to disk, or the program has accepted
the record.
"""

from __future__ import annotations

import os
import signal
from argparse import REMAINDER, ArgumentParser, Namespace
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from types import FrameType
from typing import Final, NoReturn

from undeliverable import Knowledge, parse
from undeliverable.cli._command import Command, Known, UsageError, add_knowledge_options, knowledge_of, known_of
from undeliverable.cli._exit import TEMPFAIL, say
from undeliverable.cli._into import Watched, add_into_options, list_of
from undeliverable.cli._numbers import add_timeout_option
from undeliverable.cli._signer import add_proof_options, asking, prover_of

__all__ = ["COMMAND"]

_STDIN: Final = 0
_BLOCK: Final = 1 << 20
# Octets of a message that are kept. The rest is read and dropped: a mail server would take a broken pipe for a failure.
_MOST: Final = 256 << 20


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--to", metavar="FILE", help="append the record to this file of JSON Lines")
    add_into_options(parser)
    parser.add_argument("--sender", metavar="ADDRESS", help="the envelope sender; empty for the null sender")
    parser.add_argument(
        "--recipient",
        metavar="ADDRESS",
        action="append",
        default=[],
        help="the recipient of the bounce itself, which is the return path of the original message; repeatable",
    )
    parser.add_argument("--source", metavar="NAME", help="a name for the message in its record, such as its queue id")
    add_timeout_option(parser, "the whole command, which then fails (300; 0: none)", default=300.0, least=0)
    add_proof_options(parser)
    add_knowledge_options(parser)
    parser.add_argument(
        "--exec",
        metavar="PROGRAM",
        dest="program",
        nargs=REMAINDER,
        default=[],
        help="instead, run this program (the rest of the line is its arguments, no shell) with the record on its standard "
        "input; it must exit with 0 once it has accepted the record",
    )


def _run(options: Namespace) -> int:
    try:
        with _interruptible(options.timeout):
            _take(options)
    except (Exception, _Interrupted) as error:  # noqa: BLE001 # after any failure the server must keep the message
        say(f"{type(error).__name__}: {error}")
        return TEMPFAIL
    return 0


def _take(options: Namespace) -> None:
    is_kept = options.to is not None or options.into is not None
    if is_kept == bool(options.program):
        raise UsageError("either --exec is required, or --to or --into or both")
    raw = _message()
    if not raw:
        raise UsageError("there is no message on standard input")
    from undeliverable.serve import Delivery  # not imported by other commands
    from undeliverable.serve._intake import Intake, Taken

    received, knowledge = datetime.now(UTC), knowledge_of(options)
    report = parse(raw, knowledge=knowledge, source=options.source, **_known(options, knowledge))
    report = replace(report, received=received)
    prover, into = prover_of(options), list_of(options)
    prover = asking(prover, into)
    if prover is not None:
        report = prover.prove(report, *options.recipient, today=received.date())
    line = Delivery(report, options.sender, tuple(options.recipient)).line()
    if options.program:
        _hand_over(options.program, line)
        return
    watched = None if into is None else Watched(into, say)
    Intake(options.to, watched).store([Taken(report, line)])


def _known(options: Namespace, knowledge: Knowledge) -> Known:
    """Return what else is known; here `--sender` is that of the notification, not of the original message."""
    known = known_of(options, knowledge)
    known.pop("sender", None)
    return known


def _message() -> bytes:
    """Read standard input to its end, so that the server never sees a broken pipe."""
    blocks: list[bytes] = []
    size = 0
    while block := os.read(_STDIN, _BLOCK):
        if size < _MOST:
            blocks.append(block)
        size += len(block)
    return b"".join(blocks)


def _hand_over(program: list[str], line: bytes) -> None:
    import subprocess  # not needed with --to

    # In its own session, so that its children are killed with it when the time is up.
    child = subprocess.Popen(program, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603 # the caller's own
    try:
        child.communicate(line)
    except BaseException:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        raise
    if child.returncode:
        raise OSError(f"{program[0]} ended with status {child.returncode}")


@contextmanager
def _interruptible(seconds: float) -> Generator[None, None, None]:
    """Turn signals that would end the process, and the timeout, into an exception, and so into an exit status."""
    names = ("SIGALRM", "SIGHUP", "SIGINT", "SIGTERM")
    before = {name: signal.signal(getattr(signal, name), _interrupt) for name in names}
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    raise _Interrupted(f"by {signal.Signals(number).name}")


class _Interrupted(BaseException):
    """Raised by signals. Not an Exception, so that no handler for errors swallows it."""


COMMAND: Final = Command(
    name="pipe",
    help="record one bounce that a mail server hands over on standard input",
    examples=(
        "undeliverable pipe --to /var/lib/bounces/bounces.jsonl < bounce.eml",
        "undeliverable pipe --recipient=bounces+x@example.com --to bounces.jsonl --into list.db < bounce.eml",
        "undeliverable pipe --exec /usr/local/bin/take-bounce --queue bounces < bounce.eml",
    ),
    arguments=_arguments,
    run=_run,
)
