"""`suppressions`: commands that show a list, and commands that change it by hand."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Final

from undeliverable import bare_address
from undeliverable.cli._command import UsageError, warn
from undeliverable.cli._list_domains import domain_record, elsewhere
from undeliverable.cli._lists import add_who, open_list, policy_named, record_of, utc, who_of
from undeliverable.cli._neutral import neutral
from undeliverable.cli._tables import aligned, print_lines
from undeliverable.cli._words import counted, unknown_value

if TYPE_CHECKING:
    from undeliverable.store import Entry, SuppressedDomain, SuppressionList
    from undeliverable.suppression import ListEvent, RequireProof

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
    over = "clear" if state.cause and not _is_held(entry, now) else state.standing
    cause = state.cause if off else f"({over})"
    said = None if event is None or not off else event.reply or event.why
    return entry.shown, cause, _day(state.since), _day(state.until), event and event.reason, said and said[:120]


def _is_held(entry: Entry, now: datetime) -> bool:
    """Return True if a suppression is held that has not taken effect yet."""
    return entry.state.standing == "held" and not entry.state.is_suppressed(now)


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
        history, ignored = known.history(options.address), known.ignored(options.address)
    if options.format == "jsonl":
        events = {"events": [event.to_dict() for event in history], "ignored": [event.to_dict() for event in ignored]}
        print(json.dumps(record_of(entry, now) | {"elsewhere": list(others)} | events))
    else:
        print_lines(_detail(entry, now, others))
        print_lines(_events("history", history))
        print_lines(_events("ignored for lack of proof (the first ones)", ignored) if ignored else ())
    return 0


def _show_unknown(address: str, others: tuple[str, ...], *, is_off: bool) -> int:
    """Print what is known of an address without an entry, and return the exit status."""
    if others:
        print_lines(f"{neutral(address)}: {neutral(other)}" for other in others)
    else:
        print(f"{neutral(address)}: {'suppressed, and forgotten on request' if is_off else 'nothing is known'}")
    return 0 if is_off else 1


def _detail(entry: Entry, now: datetime, others: tuple[str, ...]) -> Iterator[str]:
    state, event = entry.state, entry.trigger
    off, is_held = state.is_suppressed(now), _is_held(entry, now)
    here = f"suppressed ({state.cause})" if off else f"held ({state.cause})" if is_held else "not suppressed"
    yield f"{neutral(entry.shown)}: {here}{' here' if others and not off else ''}"
    yield from (f"  but {neutral(other)}" if not off else f"  also {neutral(other)}" for other in others)
    facts = {
        "since": utc(state.since) if off or is_held else None,
        "takes effect": f"{utc(state.held_until)}, unless it is delivered to or released" if is_held else None,
        "until": (utc(state.until) or "somebody reactivates it") if off else None,
        "error": event and event.reply,
        "reason": event and event.reason,
        "rule": event and event.rule,
        "policy": event and event.policy,
        "said by": event and event.who,
        "in words": event and (event.vendor or event.why),
        "counted": f"{state.score:g} points" if state.points else None,
        "reactivated": state.reactivated and f"{utc(state.reactivated.time)} by {state.reactivated.who or 'somebody'}",
        "because": state.reactivated and state.reactivated.why,
        "in all": f"{state.hard} hard, {state.soft} soft, {state.complaints} complaints, {state.deliveries} deliveries",
    }
    yield from (f"  {name:<14}{neutral(str(value))}" for name, value in facts.items() if value)


def _events(title: str, events: tuple[ListEvent, ...]) -> Iterator[str]:
    yield title
    rows = (
        (utc(event.time), event.kind, _type(event), event.reason, event.proof, event.reply or event.why)
        for event in events
    )
    yield from (f"  {line}" for line in aligned(rows, ("when", "what", "type", "reason", "proof", "words")))


def _type(event: ListEvent) -> str | None:
    return f"{event.bounce_type}, held" if event.is_held else event.bounce_type


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
    print(f"{_bare(options.address)}: {'suppressed' if outcome.suppressed else 'was suppressed before'}")
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
    print(f"{_bare(options.address)}: {was}")
    print_lines(f"  still {neutral(other)}" for other in others)
    return 0


def _bare(address: str) -> str:
    """Return the address that counts, for the terminal."""
    return neutral(bare_address(address) or address)


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
        found, policy, require = known.stats(), known.policy, known.require_proof
    for warning in found.warnings:
        warn(warning)
    numbers: dict[str, dict[str, int]] = {
        "standing": dict(found.standings),
        "cause": dict(found.causes),
        "reason": dict(found.reasons),
    }
    if options.format == "jsonl":
        sums = {"addresses": found.addresses, "events": found.events, "forgotten": found.forgotten}
        sums["domains"] = found.domains
        settings_ = {"policy": policy.name, "require_proof": require}
        print(json.dumps(sums | numbers | {"ignored": dict(found.ignored)} | settings_))
        return 0
    domains = f", {counted(found.domains, 'whole domain')}" if found.domains else ""
    print(
        f"{found.addresses:,} addresses{domains}, {found.events:,} events, {found.forgotten:,} forgotten;"
        f" policy {policy.name}, proof {require}"
    )
    if found.ignored:
        print(_ignored(dict(found.ignored)))
    rows = ((what, name, f"{number:,}") for what, group in numbers.items() for name, number in _ranked(group))
    print_lines(aligned(rows, ("by", "name", "addresses")))
    return 0


def _ignored(by_proof: dict[str, int]) -> str:
    """Return the numbers of ignored events in one line; where nobody asked for a proof its name is `none`."""
    parts = ", ".join(f"{number:,} {name}" for name, number in _ranked(by_proof))
    return f"ignored for lack of proof in the last 28 days: {counted(sum(by_proof.values()), 'event')} ({parts})"


def _ranked(group: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(group.items(), key=lambda item: (-item[1], item[0]))


def settings_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `settings`."""
    parser.add_argument(
        "--policy", metavar="NAME", help="a ready-made policy or a file; all histories are evaluated again"
    )
    parser.add_argument(
        "--require-proof", metavar="WHAT",
        help="the proof that an event needs to count: required, preferred or off; all histories are evaluated again",
    )  # fmt: skip
    parser.add_argument(
        "--hold", metavar="TIMES",
        help="how many times more hard bounces than usual at a provider are held; 'off' holds none",
    )  # fmt: skip
    parser.add_argument("--keep-replies", metavar="DAYS", help="drop raw replies that are older; 'ever' keeps all")


def settings(options: Namespace) -> int:
    """Change the settings where options say so, then show them; policy and proof create a missing list."""
    policy = None if options.policy is None else policy_named(options.policy)
    require = None if options.require_proof is None else _proof(options.require_proof)
    hold = None if options.hold is None else _times(options.hold)
    create = policy is not None or require is not None
    with open_list(options.list, scope=options.scope, create=create, policy=policy, proof_of_new=require) as known:
        if options.hold is not None:
            known.hold = hold
        if policy is not None and known.policy != policy:
            known.set_policy(policy)
        if require is not None and known.require_proof != require:
            known.set_require_proof(require)
        if options.keep_replies is not None:
            _keep_replies(known, _days(options.keep_replies))
        print_lines(_settings(known))
    return 0


def _keep_replies(known: SuppressionList, time: timedelta | None) -> None:
    known.keep_replies = time
    dropped = known.tidy()
    if dropped:
        warn(f"{dropped:,} raw replies dropped")


def _settings(known: SuppressionList) -> Iterator[str]:
    policy, kept, hold = known.policy, known.keep_replies, known.hold
    yield f"policy        {policy.name}: {policy.title}"
    yield f"proof         {known.require_proof}"
    yield f"hold          {'off' if hold is None else f'{hold:g} times more hard bounces than usual at a provider'}"
    yield f"raw replies   kept {'for ever' if kept is None else f'{kept.total_seconds() / 86400:g} days'}"
    yield f"addresses     {', '.join(name for name, value in known.identity.to_dict().items() if value) or 'as usual'}"


def _proof(text: str) -> RequireProof:
    from undeliverable.suppression import RequireProof

    if text not in set(RequireProof):
        raise unknown_value("--require-proof", text, RequireProof)
    return RequireProof(text)


def _times(text: str) -> float | None:
    if text == "off":
        return None
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"--hold: invalid value {text!r}; expected a number of times, or 'off'") from None


def _days(text: str) -> timedelta | None:
    if text == "ever":
        return None
    try:
        return timedelta(days=float(text))
    except (ValueError, OverflowError):
        raise UsageError(f"--keep-replies: invalid value {text!r}; expected a number of days, or 'ever'") from None
