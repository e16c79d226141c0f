"""`suppressions`: commands that show a list, and commands that change it by hand."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Final

from undeliverable.cli._command import UsageError, warn
from undeliverable.cli._list_domains import domain_record, elsewhere
from undeliverable.cli._lists import add_who, open_list, policy_named, record_of, who_of
from undeliverable.cli._neutral import neutral
from undeliverable.cli._tables import aligned, print_lines
from undeliverable.cli._words import counted

if TYPE_CHECKING:
    from undeliverable.store import Entry, SuppressedDomain
    from undeliverable.suppression import ListEvent

__all__ = [
    "add", "add_arguments", "forget", "forget_arguments", "list_", "list_arguments", "reactivate",
    "reactivate_arguments", "settings", "settings_arguments", "show_", "show_arguments", "stats", "stats_arguments",
]  # fmt: skip

_CAUSES: Final = ("hard_bounce", "streak", "mailbox_full", "complaint", "manual")
_COLUMNS: Final = ("address", "cause", "since", "until", "reason", "why")


def _format(parser: ArgumentParser) -> None:
    parser.add_argument("--format", choices=("table", "jsonl"), default="table", help="table (default) or JSON Lines")


def list_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `list`."""
    _format(parser)
    parser.add_argument("--cause", choices=_CAUSES, help="only addresses suppressed for this cause")
    parser.add_argument("--all", action="store_true", help="include known addresses that are not suppressed")


def list_(options: Namespace) -> int:
    """Show the addresses."""
    import json

    from undeliverable.suppression import Cause

    now = datetime.now(UTC)
    with open_list(options.list, scope=options.scope) as known:
        cause = None if options.cause is None else Cause(options.cause)
        entries = known.entries(suppressed=None if options.all else True, cause=cause, at=now)
        domains = known.domains(now) if cause in (None, Cause.MANUAL) else ()
        if options.format == "jsonl":
            records = chain(map(domain_record, domains), (record_of(entry, now) for entry in entries))
            print_lines(map(json.dumps, records))
        else:
            rows = chain(map(_domain_row, domains), (_row(entry, now) for entry in entries))
            print_lines(aligned(rows, _COLUMNS))
    return 0


def _domain_row(found: SuppressedDomain) -> tuple[object, ...]:
    return f"*@{found.domain}", "manual", _day(found.since), None, None, found.why and found.why[:120]


def _row(entry: Entry, now: datetime) -> tuple[object, ...]:
    state, event = entry.state, entry.trigger
    off = state.is_suppressed(now)
    cause = state.cause if off else f"({'clear' if state.cause else state.standing})"
    said = None if event is None or not off else event.reply or event.why
    return entry.shown, cause, _day(state.since), _day(state.until), event and event.reason, said and said[:120]


def _day(time: datetime | None) -> str | None:
    return None if time is None else time.date().isoformat()


def show_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `show`."""
    _format(parser)
    parser.add_argument("address", metavar="ADDRESS")


def show_(options: Namespace) -> int:
    """Show an address: the exact error, its time, the rule, and the history."""
    import json

    now = datetime.now(UTC)
    with open_list(options.list, scope=options.scope) as known:
        entry, others = known.get(options.address), tuple(elsewhere(known, options.address, now))
        if entry is None:
            return _show_unknown(options.address, others, is_off=known.is_suppressed(options.address, now))
        history = known.history(options.address)
    if options.format == "jsonl":
        events = [event.to_dict() for event in history]
        print(json.dumps(record_of(entry, now) | {"elsewhere": list(others), "events": events}))
    else:
        print_lines(_detail(entry, history, now, others))
    return 0


def _show_unknown(address: str, others: tuple[str, ...], *, is_off: bool) -> int:
    """Print what is known of an address without an entry, and return the exit status."""
    if others:
        print_lines(f"{neutral(address)}: {neutral(other)}" for other in others)
    else:
        print(f"{neutral(address)}: {'suppressed, and forgotten on request' if is_off else 'nothing is known'}")
    return 0 if is_off else 1


def _detail(entry: Entry, history: tuple[ListEvent, ...], now: datetime, others: tuple[str, ...]) -> Iterator[str]:
    state, event = entry.state, entry.trigger
    off = state.is_suppressed(now)
    here = f"suppressed ({state.cause})" if off else "not suppressed"
    yield f"{neutral(entry.shown)}: {here}{' here' if others and not off else ''}"
    yield from (f"  but {neutral(other)}" if not off else f"  also {neutral(other)}" for other in others)
    facts = {
        "since": _time(state.since) if off else None,
        "until": (_time(state.until) or "somebody reactivates it") if off else None,
        "error": event and event.reply,
        "reason": event and event.reason,
        "rule": event and event.rule,
        "policy": event and event.policy,
        "said by": event and event.who,
        "in words": event and (event.vendor or event.why),
        "counted": f"{state.score:g} points" if state.points else None,
        "reactivated": state.reactivated
        and f"{_time(state.reactivated.time)} by {state.reactivated.who or 'somebody'}",
        "because": state.reactivated and state.reactivated.why,
        "in all": f"{state.hard} hard, {state.soft} soft, {state.complaints} complaints, {state.deliveries} deliveries",
    }
    yield from (f"  {name:<12}{neutral(str(value))}" for name, value in facts.items() if value)
    yield "history"
    rows = (
        (_time(event.time), event.kind, event.bounce_type, event.reason, event.reply or event.why) for event in history
    )
    yield from (f"  {line}" for line in aligned(rows, ("when", "what", "type", "reason", "words")))


def _time(time: datetime | None) -> str:
    return "" if time is None else f"{time:%Y-%m-%d %H:%M} UTC"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `add`."""
    parser.add_argument("address", metavar="ADDRESS")
    parser.add_argument("--why", metavar="TEXT", help="the reason, in words")
    parser.add_argument("--days", metavar="NUMBER", type=float, help="how long to suppress it; for ever by default")
    add_who(parser)


def add(options: Namespace) -> int:
    """Suppress an address by hand."""
    now = datetime.now(UTC)
    until = None if options.days is None else now + timedelta(days=options.days)
    with open_list(options.list, scope=options.scope, create=True) as known:
        outcome = known.suppress(options.address, who=who_of(options), why=options.why, until=until, at=now)
    print(f"{neutral(options.address)}: {'suppressed' if outcome.suppressed else 'was suppressed before'}")
    return 0


def reactivate_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `reactivate`."""
    parser.add_argument("address", metavar="ADDRESS")
    parser.add_argument("--why", metavar="TEXT", required=True, help="the reason, in words; kept in the history")
    add_who(parser)


def reactivate(options: Namespace) -> int:
    """Lift a suppression by hand."""
    with open_list(options.list, scope=options.scope) as known:
        outcome = known.reactivate(options.address, who=who_of(options), why=options.why)
        others = tuple(elsewhere(known, options.address, datetime.now(UTC)))
    was = "reactivated" if outcome.released else "was not suppressed; counts from the beginning"
    print(f"{neutral(options.address)}: {was}")
    print_lines(f"  still {neutral(other)}" for other in others)
    return 0


def forget_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `forget`."""
    parser.add_argument("address", metavar="ADDRESS")


def forget(options: Namespace) -> int:
    """Delete all data about an address, except a keyed hash if it is suppressed."""
    with open_list(options.list, scope=options.scope) as known:
        found = known.forget(options.address)
        stays = found and known.is_suppressed(options.address)
    kept = "a keyed hash keeps it suppressed" if stays else "nothing is kept"
    print(f"{neutral(options.address)}: {f'forgotten; {kept}' if found else 'nothing was known'}")
    return 0 if found else 1


def stats_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `stats`."""
    _format(parser)


def stats(options: Namespace) -> int:
    """Show the statistics of a list."""
    import json

    with open_list(options.list, scope=options.scope) as known:
        found, policy = known.stats(), known.policy
    numbers: dict[str, dict[str, int]] = {
        "standing": dict(found.standings),
        "cause": dict(found.causes),
        "reason": dict(found.reasons),
    }
    if options.format == "jsonl":
        sums = {"addresses": found.addresses, "events": found.events, "forgotten": found.forgotten}
        sums["domains"] = found.domains
        print(json.dumps(sums | numbers | {"policy": policy.name}))
        return 0
    domains = f", {counted(found.domains, 'whole domain')}" if found.domains else ""
    print(
        f"{found.addresses:,} addresses{domains}, {found.events:,} events, {found.forgotten:,} forgotten;"
        f" policy {policy.name}"
    )
    rows = ((what, name, f"{number:,}") for what, group in numbers.items() for name, number in _ranked(group))
    print_lines(aligned(rows, ("by", "name", "addresses")))
    return 0


def _ranked(group: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(group.items(), key=lambda item: (-item[1], item[0]))


def settings_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `settings`."""
    parser.add_argument(
        "--policy", metavar="NAME", help="a ready-made policy or a file; all histories are evaluated again"
    )
    parser.add_argument("--keep-replies", metavar="DAYS", help="drop raw replies that are older; 'ever' keeps all")


def settings(options: Namespace) -> int:
    """Change policy and retention where options say so, then show them; a missing list is created."""
    policy = None if options.policy is None else policy_named(options.policy)
    with open_list(options.list, scope=options.scope, create=policy is not None, policy=policy) as known:
        if policy is not None and known.policy != policy:
            known.set_policy(policy)
        if options.keep_replies is not None:
            known.keep_replies = _days(options.keep_replies)
            dropped = known.tidy()
            if dropped:
                warn(f"{dropped:,} raw replies dropped")
        kept = known.keep_replies
        print(f"policy        {known.policy.name}: {known.policy.title}")
        print(f"raw replies   kept {'for ever' if kept is None else f'{kept.total_seconds() / 86400:g} days'}")
        print(
            f"addresses     {', '.join(name for name, value in known.identity.to_dict().items() if value) or 'as usual'}"
        )
    return 0


def _days(text: str) -> timedelta | None:
    if text == "ever":
        return None
    try:
        return timedelta(days=float(text))
    except (ValueError, OverflowError):
        raise UsageError(f"--keep-replies: invalid value {text!r}; expected a number of days, or 'ever'") from None
