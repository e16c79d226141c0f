"""The state machine: one table of transitions, and one pure function per effect.

A policy turns an event into a signal. The table maps the standing of the address and the signal to an effect, and the
function of that effect returns the next state. Events that arrive out of order are not applied: the caller folds the
whole history again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from undeliverable import BounceType
from undeliverable.suppression._events import EventKind, ListEvent
from undeliverable.suppression._policy import Policy, Signal
from undeliverable.suppression._state import AddressState, Cause, Reactivation, Standing

__all__ = ["TRANSITIONS", "Decision", "Effect", "apply", "fold", "in_order"]


class Effect(StrEnum):
    """The effect of an event on the state.

    ``late``: the event belongs before others that are already in the state, so the history must be folded again.
    """

    IGNORE = "ignore"
    NOTE = "note"
    COUNT = "count"
    COUNT_FULL = "count_full"
    SUPPRESS = "suppress"
    RENEW = "renew"
    RELIEVE = "relieve"
    CLEAR = "clear"
    EXPIRE = "expire"
    LATE = "late"


TRANSITIONS: Final[Mapping[tuple[Standing, Signal], Effect]] = MappingProxyType(
    {
        (Standing.CLEAR, Signal.HARMLESS): Effect.IGNORE,
        (Standing.CLEAR, Signal.NOTED): Effect.NOTE,
        (Standing.CLEAR, Signal.COUNTED): Effect.COUNT,
        (Standing.CLEAR, Signal.FULL): Effect.COUNT_FULL,
        (Standing.CLEAR, Signal.HARD): Effect.SUPPRESS,
        (Standing.CLEAR, Signal.COMPLAINT): Effect.SUPPRESS,
        (Standing.CLEAR, Signal.SUPPRESS): Effect.SUPPRESS,
        (Standing.CLEAR, Signal.DELIVERY): Effect.RELIEVE,
        (Standing.CLEAR, Signal.REACTIVATE): Effect.CLEAR,
        (Standing.CLEAR, Signal.EXPIRE): Effect.IGNORE,
        (Standing.COUNTING, Signal.HARMLESS): Effect.IGNORE,
        (Standing.COUNTING, Signal.NOTED): Effect.NOTE,
        (Standing.COUNTING, Signal.COUNTED): Effect.COUNT,
        (Standing.COUNTING, Signal.FULL): Effect.COUNT_FULL,
        (Standing.COUNTING, Signal.HARD): Effect.SUPPRESS,
        (Standing.COUNTING, Signal.COMPLAINT): Effect.SUPPRESS,
        (Standing.COUNTING, Signal.SUPPRESS): Effect.SUPPRESS,
        (Standing.COUNTING, Signal.DELIVERY): Effect.RELIEVE,
        (Standing.COUNTING, Signal.REACTIVATE): Effect.CLEAR,
        (Standing.COUNTING, Signal.EXPIRE): Effect.IGNORE,
        (Standing.SUPPRESSED, Signal.HARMLESS): Effect.IGNORE,
        (Standing.SUPPRESSED, Signal.NOTED): Effect.NOTE,
        (Standing.SUPPRESSED, Signal.COUNTED): Effect.NOTE,
        (Standing.SUPPRESSED, Signal.FULL): Effect.NOTE,
        (Standing.SUPPRESSED, Signal.HARD): Effect.RENEW,
        (Standing.SUPPRESSED, Signal.COMPLAINT): Effect.RENEW,
        (Standing.SUPPRESSED, Signal.SUPPRESS): Effect.RENEW,
        (Standing.SUPPRESSED, Signal.DELIVERY): Effect.RELIEVE,
        (Standing.SUPPRESSED, Signal.REACTIVATE): Effect.CLEAR,
        (Standing.SUPPRESSED, Signal.EXPIRE): Effect.EXPIRE,
    }
)
"""The effect of each signal in each standing."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The result of one event.

    :ivar state: the state after it.
    :ivar signal: the meaning of the event under the policy.
    :ivar effect: the effect on the state.
    :ivar before: the standing just before it, after lifting a suppression that had run out.
    """

    state: AddressState
    signal: Signal
    effect: Effect
    before: Standing

    @property
    def suppressed(self) -> bool:
        """True if this event suppressed the address and it was not suppressed before."""
        return self.state.standing is Standing.SUPPRESSED and self.before is not Standing.SUPPRESSED

    @property
    def released(self) -> bool:
        """True if this event ended a suppression."""
        return self.state.standing is not Standing.SUPPRESSED and self.before is Standing.SUPPRESSED


def apply(state: AddressState, event: ListEvent, policy: Policy) -> Decision:
    """Return the decision on `event` in `state`.

    An event that is not later than the last one changes nothing and has the effect ``late``: then fold the whole
    history.
    """
    signal = policy.signal(event)
    if state.last is not None and event.order <= state.last:
        return Decision(state, signal, Effect.LATE, state.standing)
    current = _run_out(state, event.time)
    effect = TRANSITIONS[current.standing, signal]
    after = _EFFECTS[effect](current, event, policy)
    return Decision(replace(after, last=event.order), signal, effect, current.standing)


def fold(events: Iterable[ListEvent], policy: Policy) -> AddressState:
    """Return the state after `events`, in whatever order and however often they are given."""
    state = AddressState()
    for event in in_order(events):
        state = apply(state, event, policy).state
    return state


def in_order(events: Iterable[ListEvent]) -> list[ListEvent]:
    """Return the events sorted by time and key, each key once: of two with the same key the earlier one."""
    chosen: dict[str, ListEvent] = {}
    for event in events:
        other = chosen.get(event.key)
        if other is None or event.precedence < other.precedence:
            chosen[event.key] = event
    return sorted(chosen.values(), key=lambda event: event.order)


def _run_out(state: AddressState, time: datetime) -> AddressState:
    """Return the state at `time`: a suppression that has run out is lifted, and its counts are reset."""
    if state.standing is Standing.SUPPRESSED and not state.is_suppressed(time):
        return _lifted(state)
    return state


def _lifted(state: AddressState) -> AddressState:
    return replace(
        state, standing=Standing.CLEAR, cause=None, since=None, until=None, trigger=None, points=(),
        last_point=None, full_since=None, full_count=0,
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
    counting = replace(noted, standing=Standing.COUNTING, points=points, last_point=event.time)
    return _suppressed(counting, event, Cause.STREAK, policy) if total >= _limit(state, policy) else counting


def _count_full(state: AddressState, event: ListEvent, policy: Policy) -> AddressState:
    noted = _note(_after_gap(state, event, policy), event, policy)
    assert policy.full is not None
    if policy.once_a_day and noted.full_count and _same_day(noted.last_point, event.time):
        return noted
    first = noted.full_since or event.time
    counting = replace(
        noted,
        standing=Standing.COUNTING,
        full_since=first,
        full_count=noted.full_count + 1,
        last_point=event.time,
    )
    enough = counting.full_count >= policy.full.count and event.time - first >= policy.full.time
    return _suppressed(counting, event, Cause.MAILBOX_FULL, policy) if enough else counting


def _suppress(state: AddressState, event: ListEvent, policy: Policy) -> AddressState:
    return _suppressed(_note(state, event, policy), event, _CAUSES[event.kind], policy)


def _renew(state: AddressState, event: ListEvent, policy: Policy) -> AddressState:
    """Return the state of an address that is suppressed again: the heavier cause and the later end are kept."""
    noted, cause = _note(state, event, policy), _CAUSES[event.kind]
    assert state.cause is not None
    ends = (state.until, _end(event, cause, policy))
    until = None if None in ends else max(end for end in ends if end is not None)
    if _WEIGHTS[cause] <= _WEIGHTS[state.cause]:
        return replace(noted, until=until)
    return replace(noted, until=until, cause=cause, trigger=event.key)


def _relieve(state: AddressState, event: ListEvent, policy: Policy) -> AddressState:
    delivered = replace(state, deliveries=state.deliveries + 1, last_delivery=event.time)
    points = () if policy.delivery is None else _eroded(state.points, policy.delivery)
    if state.standing is not Standing.COUNTING:
        return delivered
    # A delivery shows that the mailbox is not full; only a policy that ignores deliveries keeps that count.
    kept = policy.delivery == 0
    return replace(
        delivered,
        points=points,
        full_since=state.full_since if kept else None,
        full_count=state.full_count if kept else 0,
        standing=Standing.COUNTING if points or (kept and state.full_count) else Standing.CLEAR,
    )


def _clear(state: AddressState, event: ListEvent, _policy: Policy) -> AddressState:
    return replace(_lifted(state), reactivated=Reactivation(event.time, event.who, event.why))


def _expire(state: AddressState, _event: ListEvent, _policy: Policy) -> AddressState:
    return _lifted(state)


_EFFECTS: Final[Mapping[Effect, Callable[[AddressState, ListEvent, Policy], AddressState]]] = MappingProxyType(
    {
        Effect.IGNORE: _ignore,
        Effect.NOTE: _note,
        Effect.COUNT: _count,
        Effect.COUNT_FULL: _count_full,
        Effect.SUPPRESS: _suppress,
        Effect.RENEW: _renew,
        Effect.RELIEVE: _relieve,
        Effect.CLEAR: _clear,
        Effect.EXPIRE: _expire,
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


def _suppressed(state: AddressState, event: ListEvent, cause: Cause, policy: Policy) -> AddressState:
    return replace(
        state, standing=Standing.SUPPRESSED, cause=cause, since=event.time, until=_end(event, cause, policy),
        trigger=event.key, points=(), full_since=None, full_count=0,
    )  # fmt: skip


def _end(event: ListEvent, cause: Cause, policy: Policy) -> datetime | None:
    lasting = policy.expiry.get(cause)
    return event.until or (None if lasting is None else _later(event.time, lasting))


def _later(time: datetime, lasting: timedelta) -> datetime | None:
    try:
        return time + lasting
    except OverflowError:
        return None


def _limit(state: AddressState, policy: Policy) -> int:
    known = policy.limit_after_delivery if state.deliveries else None
    assert policy.limit is not None
    return known or policy.limit


def _after_gap(state: AddressState, event: ListEvent, policy: Policy) -> AddressState:
    if policy.gap is None or state.last_point is None or event.time - state.last_point <= policy.gap:
        return state
    return replace(state, standing=Standing.CLEAR, points=(), last_point=None, full_since=None, full_count=0)


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
