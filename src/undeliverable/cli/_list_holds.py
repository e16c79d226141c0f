"""`suppressions held`, `confirm` and `release`: what to do while a provider answers wrongly, and afterwards."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any, Final

from undeliverable import Reason
from undeliverable.cli._command import UsageError
from undeliverable.cli._lists import add_who, open_list, record_of, utc, who_of
from undeliverable.cli._neutral import neutral
from undeliverable.cli._tables import aligned, print_lines
from undeliverable.cli._words import counted, unknown_value

if TYPE_CHECKING:
    from undeliverable.store import Entry, Hold, SuppressionList

__all__ = ["confirm", "confirm_arguments", "held", "held_arguments", "release", "release_arguments"]

_HOLDS: Final = ("provider", "hold", "since", "until", "held", "hard", "tried", "usual")
_ENTRIES: Final = ("address", "provider", "since", "takes effect", "reason")
_DATE: Final = 10  # characters of 2026-11-30


def held_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `held`."""
    parser.add_argument("--format", choices=("table", "jsonl"), default="table", help="table (default) or JSON Lines")
    parser.add_argument("--provider", metavar="NAME", help="only this provider: its id, else the domain")


def held(options: Namespace) -> int:
    """Show the providers that are on hold, or were in the last 30 days, and the addresses that are held."""
    import json

    now, wanted = datetime.now(UTC), _provider(options)
    with open_list(options.list, scope=options.scope) as known:
        holds = [hold for hold in known.holds(now) if wanted in (None, hold.provider)]
        entries = known.held(wanted, now)
        if options.format == "jsonl":
            print_lines(json.dumps(_hold_record(hold, now)) for hold in holds)
            print_lines(json.dumps(record_of(entry, now)) for entry in entries)
            return 0
        if holds:
            print_lines(aligned((_hold_row(hold, now) for hold in holds), _HOLDS))
            print()
        print_lines(aligned(map(_row, entries), _ENTRIES))
    return 0


def _hold_record(hold: Hold, now: datetime) -> dict[str, object]:
    return {
        "provider": hold.provider,
        "on_hold": hold.is_on(now),
        "since": hold.since.isoformat(),
        "until": hold.until.isoformat(),
        "held": hold.held,
        "hard": hold.hard,
        "tried": hold.tried,
        "expected": round(hold.expected, 1),
    }


def _hold_row(hold: Hold, now: datetime) -> tuple[object, ...]:
    numbers = (f"{number:,.0f}" for number in (hold.held, hold.hard, hold.tried, hold.expected))
    return hold.provider, "on" if hold.is_on(now) else "ended", utc(hold.since), utc(hold.until), *numbers


def _row(entry: Entry) -> tuple[object, ...]:
    event = entry.trigger
    said = (event and event.provider, utc(entry.state.since), utc(entry.state.held_until), event and event.reason)
    return entry.shown, *said


def confirm_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `confirm`."""
    _add_which(parser)


def confirm(options: Namespace) -> int:
    """Let what is held take effect."""
    which = _which(options)
    with open_list(options.list, scope=options.scope) as known:
        before = _on_hold(known)
        outcome = known.confirm(**which)
        ended = before - _on_hold(known)
    if not outcome.new and not ended:
        print("nothing of that is held")
        return 1
    over = f"; no longer on hold: {', '.join(map(neutral, sorted(ended)))}" if ended else ""
    print(f"confirmed: {_addresses(outcome.suppressed)} suppressed{over}")
    return 0


def _on_hold(known: SuppressionList) -> set[str]:
    now = datetime.now(UTC)
    return {hold.provider for hold in known.holds(now) if hold.is_on(now)}


def release_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `release`."""
    _add_which(parser)


def release(options: Namespace) -> int:
    """Void the hard failures of a span of time."""
    which = _which(options)
    if options.provider is None and options.since is None:
        raise UsageError("release: say which failures are void: --provider, or --since, or both")
    with open_list(options.list, scope=options.scope) as known:
        outcome = known.release(**which)
    if not outcome.new:
        print("no address has such failures")
        return 1
    changed = f"{_addresses(outcome.released)} no longer suppressed or held"
    print(f"released: the failures of {counted(outcome.new, 'address', 'addresses')} are void; {changed}")
    return 0


def _addresses(found: Iterable[str]) -> str:
    return counted(len(tuple(found)), "address", "addresses")


def _add_which(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--provider",
        metavar="NAME",
        help="only failures at this provider, by the name that 'held' shows: its id, else the domain",
    )
    parser.add_argument("--reason", metavar="REASON", help="only failures for this reason, such as user_unknown")
    for name, what, whole in (("since", "from", "begin"), ("until", "up to", "end")):
        parser.add_argument(
            f"--{name}", metavar="TIME",
            help=f"only failures received {what} this time: ISO 8601 with a zone, or a day, the {whole} of which in UTC is meant",
        )  # fmt: skip
    parser.add_argument("--why", metavar="TEXT", required=True, help="the reason, in words; kept in the histories")
    add_who(parser)


def _which(options: Namespace) -> dict[str, Any]:
    """Return the failures that the options select, with who decided and why, as keyword arguments.

    :raises UsageError: for an unknown reason, for what is no time, and for a span that ends before it begins.
    """
    if options.reason is not None and options.reason not in set(Reason):
        raise unknown_value("--reason", options.reason, Reason, expected="a reason of a verdict, see the manual")
    since = _time("--since", options.since, time.min)
    until = _time("--until", options.until, time.max)
    if since is not None and until is not None and until < since:
        raise UsageError(f"--until: {options.until} is before {options.since}")
    return {
        "provider": _provider(options),
        "reason": options.reason,
        "since": since,
        "until": until,
        "why": options.why,
        "who": who_of(options),
    }


def _provider(options: Namespace) -> str | None:
    return None if options.provider is None else str(options.provider).lower()


def _time(option: str, text: str | None, of_day: time) -> datetime | None:
    """Return the time that an option gives, or the begin or end of its day."""
    if text is None:
        return None
    with suppress(ValueError, OverflowError):
        if len(text) == _DATE:
            return datetime.combine(date.fromisoformat(text), of_day, UTC)
        found = datetime.fromisoformat(text)
        # Without a zone, nobody can tell whether the reader's own time is meant, or UTC, in which everything is shown.
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    raise UsageError(
        f"{option}: invalid time {text!r}; expected a time with its zone such as 2026-11-30T09:15Z or"
        " 2026-11-30T10:15+01:00, or a day (UTC) such as 2026-11-30"
    )
