"""The effects of events: one pure function each, from a state and an event to the next state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from undeliverable import BounceType
from undeliverable.suppression._events import EventKind, ListEvent
from undeliverable.suppression._policy import Policy
from undeliverable.suppression._state import AddressState, Cause, Reactivation, Standing

__all__ = ["EFFECTS", "Effect", "at_time"]


class Effect(StrEnum):
    """The effect of an event on the state.

    ``release`` and ``late`` change no state by themselves: the history must be folded again. A release voids events
    that are already in the state; a late event belongs before others that are, or may be a repeat of one.
    """

    IGNORE = "ignore"
    NOTE = "note"
    COUNT = "count"
    COUNT_FULL = "count_full"
    HOLD = "hold"
    SUPPRESS = "suppress"
    RENEW = "renew"
    CONFIRM = "confirm"
    RELIEVE = "relieve"
    CLEAR = "clear"
    EXPIRE = "expire"
    RELEASE = "release"
    LATE = "late"


def at_time(state: AddressState, time: datetime) -> AddressState:
    """Return the state at `time`: what was held long enough is suppressed, and what has run out is lifted."""
    if state.standing is Standing.HELD and state.held_until is not None and state.held_until <= time:
        state = _begun(state, state.held_until, state.until)
    if state.standing is Standing.SUPPRESSED and not state.is_suppressed(time):
        return _lifted(state)
    return state


def _lifted(state: AddressState) -> AddressState:
    return replace(
        state, standing=Standing.CLEAR, cause=None, since=None, until=None, held_until=None, trigger=None, points=(),
        last_point=None, full_since=None, full_count=0,
    )  # fmt: skip


def _begun(state: AddressState, time: datetime, until: datetime | None) -> AddressState:
    return replace(
        state, standing=Standing.SUPPRESSED, since=time, until=until, held_until=None, points=(), full_since=None,
        full_count=0,
    )  # fmt: skip


def _ignore(state: AddressState, _event: ListEvent, _policy: Policy) -> AddressState:
    return state


def _note(state: AddressState, event: ListEvent, _policy: Policy) -> AddressState:
    if event.kind is EventKind.COMPLAINT:
        return replace(state, complaints=state.complaints + 1)
    if event.kind is not EventKind.BOUNCE:
        return state
    hard = event.bounce_type is BounceType.HARD
    return replace(state, hard=state.hard + hard, soft=state.soft + (not hard), last_bounce=event.time)


def _count(state: AddressState, event: ListEvent, policy: Policy) -> AddressState:
    noted = _note(_after_gap(state, event, policy), event, policy)
    if policy.once_a_day and _same_day(noted.last_point, event.time):
        return noted
    points = (*_alive(noted.points, event.time, policy), (event.time, policy.weight(event)))
    total = sum(weight for _, weight in points)
    if policy.window is None:
        points = ((event.time, total),)
    counting = replace(noted, standing=_counting(noted), points=points, last_point=event.time)
    return _stopped(counting, event, Cause.STREAK, policy) if total >= _limit(state, policy) else counting


def _count_full(state: AddressState, event: ListEvent, policy: Policy) -> AddressState:
    noted = _note(_after_gap(state, event, policy), event, policy)
    assert policy.full is not None
    if policy.once_a_day and noted.full_count and _same_day(noted.last_point, event.time):
        return noted
    first = noted.full_since or event.time
    counting = replace(
        noted,
        standing=_counting(noted),
        full_since=first,
        full_count=noted.full_count + 1,
        last_point=event.time,
    )
    enough = counting.full_count >= policy.full.count and event.time - first >= policy.full.time
    return _suppressed(counting, event, Cause.MAILBOX_FULL, policy) if enough else counting


def _suppress(state: AddressState, event: ListEvent, policy: Policy) -> AddressState:
    return _suppressed(_note(state, event, policy), event, _CAUSES[event.kind], policy)


def _hold(state: AddressState, event: ListEvent, policy: Policy) -> AddressState:
    return _held(_note(state, event, policy), event, _CAUSES[event.kind], policy)


def _renew(state: AddressState, event: ListEvent, policy: Policy) -> AddressState:
    """Return the state of an address that is suppressed again: the heavier cause and the later end are kept."""
    noted, cause = _note(state, event, policy), _CAUSES[event.kind]
    assert state.cause is not None
    ends = (state.until, event.until or _end(event.time, cause, policy))
    until = None if None in ends else max(end for end in ends if end is not None)
    if _WEIGHTS[cause] <= _WEIGHTS[state.cause]:
        return replace(noted, until=until)
    return replace(noted, until=until, cause=cause, trigger=event.key)


def _confirm(state: AddressState, event: ListEvent, policy: Policy) -> AddressState:
    assert state.cause is not None
    return _begun(state, event.time, _end(event.time, state.cause, policy))


def _relieve(state: AddressState, event: ListEvent, policy: Policy) -> AddressState:
    delivered = replace(state, deliveries=state.deliveries + 1, last_delivery=event.time)
    if state.standing not in _RELIEVED:
        return delivered
    points = () if policy.delivery is None else _eroded(state.points, policy.delivery)
    # A delivery shows that the mailbox is not full; only a policy that ignores deliveries keeps that count.
    kept = policy.delivery == 0
    return replace(
        delivered,
        points=points,
        full_since=state.full_since if kept else None,
        full_count=state.full_count if kept else 0,
        standing=Standing.COUNTING if points or (kept and state.full_count) else Standing.CLEAR,
        cause=None, since=None, until=None, held_until=None, trigger=None,
    )  # fmt: skip


def _clear(state: AddressState, event: ListEvent, _policy: Policy) -> AddressState:
    return replace(_lifted(state), reactivated=Reactivation(event.time, event.who, event.why))


def _expire(state: AddressState, _event: ListEvent, _policy: Policy) -> AddressState:
    return _lifted(state)


EFFECTS: Final[Mapping[Effect, Callable[[AddressState, ListEvent, Policy], AddressState]]] = MappingProxyType(
    {
        Effect.IGNORE: _ignore,
        Effect.NOTE: _note,
        Effect.COUNT: _count,
        Effect.COUNT_FULL: _count_full,
        Effect.HOLD: _hold,
        Effect.SUPPRESS: _suppress,
        Effect.RENEW: _renew,
        Effect.CONFIRM: _confirm,
        Effect.RELIEVE: _relieve,
        Effect.CLEAR: _clear,
        Effect.EXPIRE: _expire,
        Effect.RELEASE: _ignore,
    }
)
_CAUSES: Final[Mapping[EventKind, Cause]] = MappingProxyType(
    {
        EventKind.BOUNCE: Cause.HARD_BOUNCE,
        EventKind.COMPLAINT: Cause.COMPLAINT,
        EventKind.SUPPRESSION: Cause.MANUAL,
    }
)
_WEIGHTS: Final[Mapping[Cause, int]] = MappingProxyType({cause: weight for weight, cause in enumerate(Cause)})
_RELIEVED: Final = frozenset({Standing.COUNTING, Standing.HELD})


def _stopped(state: AddressState, event: ListEvent, cause: Cause, policy: Policy) -> AddressState:
    return (_held if event.is_held else _suppressed)(state, event, cause, policy)


def _suppressed(state: AddressState, event: ListEvent, cause: Cause, policy: Policy) -> AddressState:
    caused = replace(state, cause=cause, trigger=event.key)
    return _begun(caused, event.time, event.until or _end(event.time, cause, policy))


def _held(state: AddressState, event: ListEvent, cause: Cause, policy: Policy) -> AddressState:
    """Return the state with a suppression that is held; of several the one that takes effect first."""
    assert event.held_until is not None
    if state.held_until is not None and state.held_until <= event.held_until:
        return state
    return replace(
        state, standing=Standing.HELD, cause=cause, trigger=event.key, since=event.time, held_until=event.held_until,
        until=_end(event.held_until, cause, policy),
    )  # fmt: skip


def _end(time: datetime, cause: Cause, policy: Policy) -> datetime | None:
    lasting = policy.expiry.get(cause)
    return None if lasting is None else _later(time, lasting)


def _later(time: datetime, lasting: timedelta) -> datetime | None:
    try:
        return time + lasting
    except OverflowError:
        return None


def _limit(state: AddressState, policy: Policy) -> int:
    known = policy.limit_after_delivery if state.deliveries else None
    assert policy.limit is not None
    return known or policy.limit


def _counting(state: AddressState) -> Standing:
    """Return the standing of an address whose failures are counted, also while one of them is held."""
    return Standing.HELD if state.standing is Standing.HELD else Standing.COUNTING


def _after_gap(state: AddressState, event: ListEvent, policy: Policy) -> AddressState:
    if policy.gap is None or state.last_point is None or event.time - state.last_point <= policy.gap:
        return state
    standing = Standing.HELD if state.standing is Standing.HELD else Standing.CLEAR
    return replace(state, standing=standing, points=(), last_point=None, full_since=None, full_count=0)


def _alive(
    points: tuple[tuple[datetime, int], ...], time: datetime, policy: Policy
) -> tuple[tuple[datetime, int], ...]:
    if policy.window is None:
        return points
    return tuple(point for point in points if time - point[0] <= policy.window)


def _eroded(points: tuple[tuple[datetime, int], ...], taken: int) -> tuple[tuple[datetime, int], ...]:
    """Return `points` minus `taken` thousandths, removing the oldest first."""
    left: list[tuple[datetime, int]] = []
    for time, weight in points:
        less = min(weight, taken)
        taken -= less
        if weight > less:
            left.append((time, weight - less))
    return tuple(left)


def _same_day(one: datetime | None, other: datetime) -> bool:
    return one is not None and one.date() == other.date()
