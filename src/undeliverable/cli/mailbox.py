"""`undeliverable mailbox`: take bounces out of a mailbox (IMAP) into records and a suppression list."""

from __future__ import annotations

import re
import signal
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from types import FrameType
from typing import TYPE_CHECKING, Final

from undeliverable import Kind, Knowledge, Report, parse
from undeliverable.cli._command import Command, RunError, UsageError, add_knowledge_options, known_of, warn
from undeliverable.cli._exit import INTERRUPTED
from undeliverable.cli._into import Located, Watched, add_into_options, add_max_age_option, list_of, max_age_of
from undeliverable.cli._numbers import add_max_size_option, within
from undeliverable.cli._signer import Proving, add_envelope_option, add_proof_options, asking, prover_of
from undeliverable.cli._words import counted
from undeliverable.mail import ENVELOPE_TO, delivered_to

if TYPE_CHECKING:
    from undeliverable.mailbox import Credentials, Judgement, Mail, Place, Reader, Session, Stop
    from undeliverable.proof import Prover

__all__ = ["COMMAND"]

_MIB: Final = 1 << 20
_LOGINS: Final = {
    "password_file": "file",
    "password_command": "command",
    "keyring": "keyring",
    "token_command": "token",
}
"""The options that say where the password or token comes from."""
_SAMPLE: Final = b"""\
From: MAILER-DAEMON@mx.example.net
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; kim@example.org
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user

--b--
"""
_UNSAFE: Final = re.compile(r"[^\w@.+-]", re.ASCII)


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "url",
        metavar="URL",
        help="the mailbox: imaps://USER@HOST[:PORT]/FOLDER (INBOX by default); imap:// for STARTTLS, and on loopback",
    )
    parser.add_argument("--to", metavar="FILE", help="append the records to this file of JSON Lines")
    add_into_options(parser)
    parser.add_argument("--once", action="store_true", help="read what is there and end, for cron")
    _login_arguments(parser)
    _reading_arguments(parser)
    add_proof_options(parser)
    add_envelope_option(parser)
    parser.add_argument(
        "--received-by",
        metavar="HOST",
        action="append",
        default=[],
        help="your own host that hands mail over to the mailbox: --envelope-to counts below its Received field, too; "
        "repeatable",
    )
    add_knowledge_options(parser)


def _login_arguments(parser: ArgumentParser) -> None:
    login = parser.add_argument_group(
        "login", "one of the first four is required; a password never stands on a command line"
    )
    ways = login.add_mutually_exclusive_group(required=True)
    ways.add_argument(
        "--password-file",
        metavar="FILE",
        help="the password is the first line of this file, which nobody else may read",
    )
    ways.add_argument(
        "--password-command", metavar="COMMAND", help="the password is the first line that this command prints"
    )
    ways.add_argument(
        "--keyring", metavar="SERVICE", help="the password is in the keyring, under this service and USER"
    )
    ways.add_argument(
        "--token-command",
        metavar="COMMAND",
        help="log in with the OAuth 2 access token that this command prints (XOAUTH2)",
    )
    login.add_argument(
        "--ca-file", metavar="FILE", help="trust the authorities in this file (PEM) instead of the system's"
    )


def _reading_arguments(parser: ArgumentParser) -> None:
    reading = parser.add_argument_group("reading")
    moves = reading.add_mutually_exclusive_group()
    moves.add_argument(
        "--move",
        metavar="KIND=FOLDER",
        action="append",
        default=[],
        help="move what is read to this folder (by default below Undeliverable/); a kind without a folder stays; several "
        "with commas, repeatable",
    )
    moves.add_argument("--no-move", action="store_true", help="move nothing; what was read is remembered")
    reading.add_argument(
        "--state",
        metavar="FILE",
        help="remember here what was read (by default beside the file of --to or --into, one for each mailbox)",
    )
    reading.add_argument(
        "--poll",
        metavar="SECONDS",
        type=within(float, 1),
        default=60.0,
        help="the time between two looks where the server cannot announce mail (60)",
    )
    add_max_size_option(
        reading, "read no more than this of a message (16); its beginning says what happened", default=16
    )
    add_max_age_option(
        reading,
        "what the mailbox received before is left out of the list (10): it says how addresses were, not how they are",
    )


class _Judge:
    """Says what a message is, where its record goes, and what counts in the list.

    :ivar old: how many reports were left out of the list because of their age.
    """

    def __init__(self, options: Namespace, knowledge: Callable[[], Knowledge], proving: Proving | None) -> None:
        self._options = options
        self._knowledge = knowledge
        self._proving = proving
        self._max_age = max_age_of(options)
        self.old = 0

    def __call__(self, mail: Mail) -> Judgement:
        from undeliverable.mailbox import Judgement

        now = datetime.now(UTC)
        report = self._report(mail, min(mail.received, now))
        if self._options.verbose:
            warn(f"{mail.source}: {report.kind}")
        if report.kind is Kind.OTHER:
            return Judgement(Kind.OTHER)
        line = None if self._options.to is None else self._line(report, mail.raw)
        return Judgement(report.kind, line, () if self._options.into is None else self._events(report, now))

    def _report(self, mail: Mail, received: datetime) -> Report:
        knowledge = self._knowledge()
        report = parse(mail.raw, knowledge=knowledge, source=mail.source, **known_of(self._options, knowledge))
        report = replace(report, received=received)
        if len(mail.raw) < mail.size:
            remark = f"only the first {len(mail.raw):,} of {mail.size:,} octets were read"
            report = replace(report, remarks=(*report.remarks, remark))
        return report if self._proving is None else self._proving.prove(report, mail.raw)

    def _line(self, report: Report, raw: bytes) -> bytes:
        from undeliverable.serve import Delivery

        return Delivery(
            report, None, delivered_to(raw, headers=_fields(self._options), by=self._options.received_by)
        ).line()

    def _events(self, report: Report, now: datetime) -> Sequence[Located]:
        from undeliverable.suppression import events_of

        received = report.received or now
        events = events_of(report, received)
        is_old = bool(events) and now - received > self._max_age
        self.old += is_old
        return () if is_old else events


def _fields(options: Namespace) -> tuple[str, ...]:
    return tuple(options.envelope_to) or ENVELOPE_TO


def _run(options: Namespace) -> int:
    place, folders = _checked(options)
    from undeliverable.mailbox import Limits, MailboxError, Memory, Outputs, Reader, Stop
    from undeliverable.mailbox.imap import connect

    watched = Knowledge.watch(options.rules, profiles=options.profile)
    prover, known = prover_of(options), list_of(options)
    prover = asking(prover, known)
    into = None if known is None else Watched(known, warn)
    if not options.once:
        parse(_SAMPLE, knowledge=watched.current())  # the first mail that arrives must not wait for the rules
    judge, stop = _Judge(options, watched.current, _proving(options, prover)), Stop()
    try:
        memory = Memory(_state(options, place), place.account)
    except MailboxError as error:
        raise RunError(str(error)) from None
    reader = Reader(
        place,
        memory,
        judge,
        Outputs(options.to, None if into is None else into.record),
        folders=folders,
        stop=stop,
        say=warn,
        limits=Limits(message=options.max_size * _MIB),
    )
    credentials = _credentials(options)

    def opened() -> Session:
        return connect(place, credentials, ca_file=options.ca_file, every=options.poll)

    try:
        with _stopping(stop):
            return _read(options, reader, judge, opened, stop)
    finally:
        memory.close()
        stop.close()
        if into is not None:
            into.close()


def _checked(options: Namespace) -> tuple[Place, dict[str, str]]:
    """Return the mailbox and the folders that the options name.

    :raises UsageError: for options that cannot be used.
    """
    from undeliverable.mailbox import Place, folders_of

    if options.to is None and options.into is None:
        raise UsageError("--to or --into is required: where to record bounces")
    max_age_of(options)
    try:
        return Place.of(options.url), {} if options.no_move else folders_of(options.move)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _proving(options: Namespace, prover: Prover | None) -> Proving | None:
    return None if prover is None else Proving(prover, _fields(options), tuple(options.received_by))


def _credentials(options: Namespace) -> Credentials:
    from undeliverable.mailbox import Credentials

    return next(Credentials(way, text) for name, way in _LOGINS.items() if (text := getattr(options, name)) is not None)


def _state(options: Namespace, place: Place) -> str:
    """Return the path of the state: by default beside what is written, since it says what was written there.

    :raises UsageError: when there is no such place.
    """
    if options.state is not None:
        return str(options.state)
    base = options.to or options.into
    if "://" in base:
        raise UsageError("--state is required: the file to remember in what was read")
    return f"{base}.{_UNSAFE.sub('_', place.account)}.state"


@contextmanager
def _stopping(stop: Stop) -> Generator[None, None, None]:
    """Let SIGTERM and SIGINT end the work when what was begun is on disk."""

    def stopped(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, stopped) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _read(options: Namespace, reader: Reader, judge: _Judge, opened: Callable[[], Session], stop: Stop) -> int:
    from undeliverable.mailbox import MailboxError, read_once, watch

    def done() -> None:
        if not options.quiet:
            for line in _summary(reader, judge, options.max_age):
                warn(f"{reader.place.url}: {line}")
        reader.counts.clear()

    try:
        if options.once:
            read_once(opened, reader)
            nothing = not reader.counts and not options.quiet
            done()
            if nothing:
                warn(f"{reader.place.url}: nothing new")
        else:
            watch(opened, reader, stop, begun=lambda: warn(f"watching {reader.place.url}"), done=done, failed=_failed)
    except MailboxError as error:
        raise RunError(str(error)) from None
    return INTERRUPTED if options.once and stop.is_set else int(options.once and reader.has_problems)


def _failed(error: Exception, pause: float) -> None:
    """Say what has failed, what helps, and when it is tried again."""
    from undeliverable.cli._failures import failure

    warn(f"{failure(error) if isinstance(error, OSError) else error}; trying again in {pause:g} s")


def _summary(reader: Reader, judge: _Judge, days: float) -> Iterator[str]:
    """Yield what somebody may want to know of a look at the mailbox, one line each."""
    taken = {kind: number for kind, number in sorted(reader.counts.items()) if kind != Kind.OTHER}
    others = reader.counts[Kind.OTHER]
    if taken:
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in taken.items())
        yield f"{counted(sum(taken.values()), 'report')} taken: {kinds}"
    if others:
        yield f"{counted(others, 'message')} left, no reports"
    if judge.old:
        old, judge.old = judge.old, 0
        yield f"{counted(old, 'report')} left out of the list, received more than {days:g} days ago: see --max-age"


COMMAND: Final = Command(
    name="mailbox",
    help="take bounces out of a mailbox (IMAP) into records and a list, as they arrive or once",
    examples=(
        "undeliverable mailbox imaps://bounces@imap.example.com/INBOX --password-file password --into list.db",
        "undeliverable mailbox imaps://bounces@imap.example.com/ --password-file password --to bounces.jsonl --once",
        "undeliverable mailbox imaps://bounces@imap.example.com/ --token-command ./token --into list.db --no-move",
    ),
    arguments=_arguments,
    run=_run,
)
