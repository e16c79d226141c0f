"""The state machine: one table of transitions, and a history that is folded with it.

A policy turns an event into a signal. The table maps the standing of the address and the signal to an effect, and the
function of that effect returns the next state. Which events count at all is decided before, from the whole history:
each once, however often it is reported, none without the proof that is required, and none that a release voids. So
events that arrive out of order are not applied: the caller folds the whole history again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from undeliverable.suppression._effects import EFFECTS, Effect, at_time
from undeliverable.suppression._events import EventKind, ListEvent
from undeliverable.suppression._policy import Policy, Signal
from undeliverable.suppression._proof import RequireProof
from undeliverable.suppression._state import AddressState, Standing

__all__ = ["TRANSITIONS", "Decision", "apply", "fold", "in_order", "is_stale", "may_repeat"]


TRANSITIONS: Final[Mapping[tuple[Standing, Signal], Effect]] = MappingProxyType(
    {
        (Standing.CLEAR, Signal.HARMLESS): Effect.IGNORE,
        (Standing.CLEAR, Signal.NOTED): Effect.NOTE,
        (Standing.CLEAR, Signal.COUNTED): Effect.COUNT,
        (Standing.CLEAR, Signal.FULL): Effect.COUNT_FULL,
        (Standing.CLEAR, Signal.HARD): Effect.SUPPRESS,
        (Standing.CLEAR, Signal.HELD): Effect.HOLD,
        (Standing.CLEAR, Signal.COMPLAINT): Effect.SUPPRESS,
        (Standing.CLEAR, Signal.SUPPRESS): Effect.SUPPRESS,
        (Standing.CLEAR, Signal.HEARSAY): Effect.SUPPRESS,
        (Standing.CLEAR, Signal.DELIVERY): Effect.RELIEVE,
        (Standing.CLEAR, Signal.REACTIVATE): Effect.CLEAR,
        (Standing.CLEAR, Signal.EXPIRE): Effect.IGNORE,
        (Standing.CLEAR, Signal.CONFIRM): Effect.IGNORE,
        (Standing.CLEAR, Signal.RELEASE): Effect.RELEASE,
        (Standing.COUNTING, Signal.HARMLESS): Effect.IGNORE,
        (Standing.COUNTING, Signal.NOTED): Effect.NOTE,
        (Standing.COUNTING, Signal.COUNTED): Effect.COUNT,
        (Standing.COUNTING, Signal.FULL): Effect.COUNT_FULL,
        (Standing.COUNTING, Signal.HARD): Effect.SUPPRESS,
        (Standing.COUNTING, Signal.HELD): Effect.HOLD,
        (Standing.COUNTING, Signal.COMPLAINT): Effect.SUPPRESS,
        (Standing.COUNTING, Signal.SUPPRESS): Effect.SUPPRESS,
        (Standing.COUNTING, Signal.HEARSAY): Effect.SUPPRESS,
        (Standing.COUNTING, Signal.DELIVERY): Effect.RELIEVE,
        (Standing.COUNTING, Signal.REACTIVATE): Effect.CLEAR,
        (Standing.COUNTING, Signal.EXPIRE): Effect.IGNORE,
        (Standing.COUNTING, Signal.CONFIRM): Effect.IGNORE,
        (Standing.COUNTING, Signal.RELEASE): Effect.RELEASE,
        (Standing.HELD, Signal.HARMLESS): Effect.IGNORE,
        (Standing.HELD, Signal.NOTED): Effect.NOTE,
        (Standing.HELD, Signal.COUNTED): Effect.COUNT,
        (Standing.HELD, Signal.FULL): Effect.COUNT_FULL,
        (Standing.HELD, Signal.HARD): Effect.SUPPRESS,
        (Standing.HELD, Signal.HELD): Effect.HOLD,
        (Standing.HELD, Signal.COMPLAINT): Effect.SUPPRESS,
        (Standing.HELD, Signal.SUPPRESS): Effect.SUPPRESS,
        (Standing.HELD, Signal.HEARSAY): Effect.SUPPRESS,
        (Standing.HELD, Signal.DELIVERY): Effect.RELIEVE,
        (Standing.HELD, Signal.REACTIVATE): Effect.CLEAR,
        (Standing.HELD, Signal.EXPIRE): Effect.IGNORE,
        (Standing.HELD, Signal.CONFIRM): Effect.CONFIRM,
        (Standing.HELD, Signal.RELEASE): Effect.RELEASE,
        (Standing.SUPPRESSED, Signal.HARMLESS): Effect.IGNORE,
        (Standing.SUPPRESSED, Signal.NOTED): Effect.NOTE,
        (Standing.SUPPRESSED, Signal.COUNTED): Effect.NOTE,
        (Standing.SUPPRESSED, Signal.FULL): Effect.NOTE,
        (Standing.SUPPRESSED, Signal.HARD): Effect.RENEW,
        (Standing.SUPPRESSED, Signal.HELD): Effect.RENEW,
        (Standing.SUPPRESSED, Signal.COMPLAINT): Effect.RENEW,
        (Standing.SUPPRESSED, Signal.SUPPRESS): Effect.RENEW,
        (Standing.SUPPRESSED, Signal.HEARSAY): Effect.IGNORE,
        (Standing.SUPPRESSED, Signal.DELIVERY): Effect.RELIEVE,
        (Standing.SUPPRESSED, Signal.REACTIVATE): Effect.CLEAR,
        (Standing.SUPPRESSED, Signal.EXPIRE): Effect.EXPIRE,
        (Standing.SUPPRESSED, Signal.CONFIRM): Effect.IGNORE,
        (Standing.SUPPRESSED, Signal.RELEASE): Effect.RELEASE,
    }
)
"""The effect of each signal in each standing.

Hearsay never renews a suppression. A held failure of a suppressed address renews it like any: no living address is lost
by that, and a release undoes it.
"""


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
    def anew(self) -> bool:
        """True if the event changed nothing, and the whole history must be folded again."""
        return self.effect in _ANEW

    @property
    def suppressed(self) -> bool:
        """True if this event suppressed the address and it was not suppressed before."""
        return self.state.standing is Standing.SUPPRESSED and self.before is not Standing.SUPPRESSED

    @property
    def held(self) -> bool:
        """True if this event would have suppressed the address, and is held."""
        return self.state.standing is Standing.HELD and self.before is not Standing.HELD

    @property
    def released(self) -> bool:
        """True if this event ended a suppression."""
        return self.state.standing is not Standing.SUPPRESSED and self.before is Standing.SUPPRESSED


def apply(state: AddressState, event: ListEvent, policy: Policy, require: RequireProof = RequireProof.OFF) -> Decision:
    """Return the decision on `event` in `state`.

    A release, an event that is not later than the last one, and one that may repeat another one change nothing; then
    :attr:`Decision.anew` is true: fold the whole history.

    :param require: the proof that an event needs; one without it is ignored.
    """
    signal = policy.signal(event)
    if not require.accepts(event.proof):
        return Decision(state, signal, Effect.IGNORE, state.standing)
    if (state.last is not None and event.order <= state.last) or may_repeat(state, event):
        return Decision(state, signal, Effect.LATE, state.standing)
    if signal is Signal.RELEASE:
        return Decision(state, signal, Effect.RELEASE, state.standing)
    return _step(state, event, policy, signal)


def fold(events: Iterable[ListEvent], policy: Policy, require: RequireProof = RequireProof.OFF) -> AddressState:
    """Return the state after `events`, in whatever order and however often they are given.

    :param require: the proof that an event needs; one without it is ignored.
    """
    state, ordered = AddressState(), in_order(events, require)
    releases = [event for event in ordered if event.kind is EventKind.RELEASE]
    for event in ordered:
        if any(release.voids(event) for release in releases):
            state = _remembering(state, event)  # its token is used up all the same
        else:
            state = _step(state, event, policy, policy.signal(event)).state
    return state


def in_order(events: Iterable[ListEvent], require: RequireProof = RequireProof.OFF) -> list[ListEvent]:
    """Return the accepted events sorted by time and key, each once: of those that are the same the one that counts.

    Two events are the same if they have the same key, or the same kind and token; see :attr:`ListEvent.precedence`.

    :param require: the proof that an event needs; one without it is left out.
    """
    by_key = _best((("", event.key), event) for event in events if require.accepts(event.proof))
    once = _best((("", event.key) if event.token is None else (event.kind, event.token), event) for event in by_key)
    return sorted(once, key=lambda event: event.order)


def _best(named: Iterable[tuple[tuple[str, str], ListEvent]]) -> Collection[ListEvent]:
    """Return for each name the event that counts."""
    chosen: dict[tuple[str, str], ListEvent] = {}
    for name, event in named:
        other = chosen.setdefault(name, event)
        if other is not event and _place(event) < _place(other):
            chosen[name] = event
    return chosen.values()


def _place(event: ListEvent) -> tuple[object, ...]:
    # Of the same event, held and not held, the one that takes effect first.
    return *event.precedence, event.held_until or event.time


_ANEW: Final = frozenset({Effect.LATE, Effect.RELEASE})


def _step(state: AddressState, event: ListEvent, policy: Policy, signal: Signal) -> Decision:
    """Return the decision on an event that counts and comes after all others."""
    current = at_time(state, event.time)
    effect = Effect.IGNORE if is_stale(current, event) else TRANSITIONS[current.standing, signal]
    after = EFFECTS[effect](current, event, policy)
    return Decision(_remembering(replace(after, last=event.order), event), signal, effect, current.standing)


def is_stale(state: AddressState, event: ListEvent) -> bool:
    """Return whether an event is about a message from before the address was reactivated."""
    return event.token is not None and state.reactivated is not None and event.token_day < state.reactivated.time.date()


def may_repeat(state: AddressState, event: ListEvent) -> bool:
    """Return whether an event may have the kind and token of an earlier one.

    Only the tokens of the latest day are kept in the state, which stays small.
    """
    if event.token is None or state.token_day is None:
        return False
    return event.token_day < state.token_day or (event.token_day == state.token_day and _mark(event) in state.tokens)


def _remembering(state: AddressState, event: ListEvent) -> AddressState:
    if event.token is None or (state.token_day is not None and event.token_day < state.token_day):
        return state
    others = state.tokens if event.token_day == state.token_day else ()
    return replace(state, token_day=event.token_day, tokens=(*others, _mark(event)))


def _mark(event: ListEvent) -> str:
    return f"{event.kind}:{event.token}"
