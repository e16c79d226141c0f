"""`--into`: the suppression list that bounces go into, which of them count there, and what came of them."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from undeliverable import Proof, UndeliverableError
from undeliverable.cli._command import RunError, UsageError, warn
from undeliverable.cli._lists import open_list, place_of, said, warnings_of
from undeliverable.cli._words import counted, unknown_value
from undeliverable.files import Mail
from undeliverable.mail import received_at
from undeliverable.verdict import Report

if TYPE_CHECKING:
    from argparse import _ArgumentGroup as ArgumentGroup  # pyright: ignore[reportPrivateUsage]

    from undeliverable.store import Outcome, SuppressionList
    from undeliverable.suppression import ListEvent, RequireProof

__all__ = ["Into", "Located", "Recording", "Watched", "add_into_options", "add_max_age_option", "list_of", "max_age_of"]

Located: TypeAlias = "tuple[str, ListEvent]"
"""An address with an event."""

_PART: Final = 500
_OLDEST: Final = 36_500  # days
_PAUSE: Final = 60.0  # seconds between two warnings of a server: strangers must not fill its log
_PROOF: Final = "--return-path and --keys"


def add_into_options(parser: ArgumentParser | ArgumentGroup) -> None:
    """Declare `--into`, `--scope` and `--require-proof`."""
    parser.add_argument(
        "--into", metavar="LIST", help="record the events in a suppression list: a SQLite file, or a database URL"
    )
    parser.add_argument("--scope", metavar="NAME", default="", help="the tenant or stream whose part of the list it is")
    parser.add_argument(
        "--require-proof",
        metavar="WHAT",
        help="what an event must prove to count in the list: required (the default of a new list with --keys), preferred or "
        "off; a list keeps what it was made with",
    )


def add_max_age_option(parser: ArgumentParser | ArgumentGroup, about: str) -> None:
    """Declare `--max-age`, with what it means for the command."""
    parser.add_argument("--max-age", metavar="DAYS", type=float, default=10, help=about)


def max_age_of(options: Namespace) -> timedelta:
    """Return the age of `--max-age`, from which what is received gives the list no events.

    :raises UsageError: when it is not a usable number of days.
    """
    if not 0 < options.max_age <= _OLDEST:
        raise UsageError(f"--max-age: must be more than 0 and at most {_OLDEST} days")
    return timedelta(days=options.max_age)


def list_of(options: Namespace, *, reads_mail: bool = True) -> SuppressionList | None:
    """Return the list of `--into`, or None without the option; refuse one in which nothing could count.

    :param reads_mail: False if the command reads only what is proved without keys: logs, signed webhooks.
    :raises UsageError: when the list cannot be used like this.
    """
    wanted = _wanted(options)
    if options.into is None:
        return None
    lacks_keys = reads_mail and options.keys is None
    if wanted == "required" and lacks_keys:
        raise _useless(options.into)
    by_default = None if options.keys is None else _required()
    asks_nothing = lacks_keys and wanted is None and options.sent is None
    known = open_list(
        options.into,
        scope=options.scope,
        create=True,
        require_proof=wanted,
        proof_of_new=wanted or by_default,
        when_new=_say_unprotected if asks_nothing and not getattr(options, "quiet", False) else None,
    )
    if lacks_keys and known.require_proof == "required":
        known.close()
        raise _useless(options.into)
    return known


def _say_unprotected(known: SuppressionList) -> None:
    """Say of a new list, once, that strangers can change it."""
    warn(
        f"{place_of(known)}: new list, proof {known.require_proof}: whoever knows the bounce address can suppress anybody;"
        " see --keys"
    )


def _wanted(options: Namespace) -> RequireProof | None:
    text = options.require_proof
    if text is None:
        return None
    from undeliverable.suppression import RequireProof

    if text not in set(RequireProof):
        raise unknown_value("--require-proof", text, RequireProof)
    if options.into is None:
        raise UsageError("--require-proof is about the list of --into, which is missing")
    return RequireProof(text)


def _required() -> RequireProof:
    from undeliverable.suppression import RequireProof

    return RequireProof.REQUIRED


def _useless(place: str) -> UsageError:
    return UsageError(
        f"{place} takes only what is proved, and without {_PROOF} no mail is: give both (and --sent if the list does not"
        " know what was mailed); records that were proved before go in by 'undeliverable suppressions import'"
    )


class Recording(NamedTuple):
    """What of the reports goes into the list; can be sent to another process.

    :ivar max_age: the age from which a message gives no events.
    """

    max_age: timedelta

    def events_of(self, report: Report, mail: Mail) -> tuple[Sequence[Located], bool]:
        """Return the events of a report, and True if it has some that do not count because they are too old."""
        from undeliverable.suppression import events_of, receipt_of

        now = datetime.now(UTC)
        events = events_of(report, receipt_of(report, now))
        if not events:
            return (), False
        received = report.received
        if received is None and not mail.is_record:
            # Good enough to leave a message out: whoever makes up this date can do no more than that.
            received = received_at(mail.raw, by=None)
        is_old = received is not None and now - received > self.max_age
        return ((), True) if is_old else (events, False)


class Into:
    """Collect events, write them in batches, and sum up what came of them.

    :param known: the list.
    """

    __slots__ = ("_known", "_max_age", "_old", "_outcome", "_waiting", "_why")

    def __init__(self, known: SuppressionList, max_age: timedelta) -> None:
        self._known = known
        self._max_age = max_age
        self._old = 0
        self._outcome: Outcome | None = None
        self._waiting: list[Located] = []
        self._why: str | None = None

    def add(self, events: Sequence[Located], old: int) -> None:
        """Take events, and the number of messages that are too old to give some.

        :raises RunError: when the list cannot be written.
        """
        self._waiting += events
        self._old += old
        if len(self._waiting) >= _PART:
            self._write()

    def close(self) -> list[str]:
        """Write the last batch, drop raw replies that are too old, and return the lines of the summary.

        :raises RunError: when the list cannot be written.
        """
        self._write()
        with _completing():
            self._known.tidy()
        self._known.close()
        return [f"{self._known.place}: {said(self._outcome)}", *self._warnings()]

    def _warnings(self) -> list[str]:
        days = self._max_age / timedelta(days=1)
        old = f"{counted(self._old, 'message')} left out, received more than {days:g} days ago: --max-age DAYS allows them"
        return [*([old] if self._old else []), *warnings_of(self._outcome, self._why)]

    def _write(self) -> None:
        if self._waiting:
            with _completing():
                outcome = self._known.record(self._waiting)
            self._outcome = outcome if self._outcome is None else self._outcome + outcome
            self._why = self._why or _why(outcome, self._waiting)
            self._waiting.clear()


class Watched:
    """A list that says what somebody should know of the events that it takes: of those that it ignores or holds.

    :param known: the list.
    :param say: prints one line.
    """

    __slots__ = ("_known", "_lock", "_next", "_outcome", "_say", "_why")

    def __init__(self, known: SuppressionList, say: Callable[[str], None]) -> None:
        from threading import Lock  # few runs record from several threads

        self._known = known
        self._say = say
        self._lock = Lock()
        self._outcome: Outcome | None = None
        self._why: str | None = None
        self._next = -inf

    def record(self, events: Iterable[Located]) -> Outcome:
        """Record events; say what is to be said at once, and further things after a minute."""
        events = list(events)
        outcome = self._known.record(events)
        with self._lock:
            self._outcome = outcome if self._outcome is None else self._outcome + outcome
            self._why = self._why or _why(outcome, events)
            if time.monotonic() >= self._next:
                self._say_all()
        return outcome

    def close(self) -> None:
        """Say what has not been said, and close the list."""
        self._say_all()
        self._known.close()

    def _say_all(self) -> None:
        lines = warnings_of(self._outcome, self._why)
        self._outcome = self._why = None
        for line in lines:
            self._say(f"{self._known.place}: {line}")
        if lines:
            self._next = time.monotonic() + _PAUSE


def _why(outcome: Outcome, events: Iterable[Located]) -> str | None:
    """Return why nothing proves the first of the events that a list ignored; where it takes all of them, nothing."""
    if not outcome.ignored:
        return None
    return next((event.why for _, event in events if event.proof is Proof.UNPROVED and event.why), None)


@contextmanager
def _completing() -> Generator[None, None, None]:
    """Turn an error of the list into one that says what to do."""
    try:
        yield
    except UndeliverableError as error:
        raise RunError(f"{error}; run the same command again, which completes the list") from None
