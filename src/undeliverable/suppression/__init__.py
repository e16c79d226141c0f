"""Decide when to stop mailing an address: a pure state machine, without clock, files or network.

The state of an address is a fold of its events, sorted by time of receipt and key, each once: any order of arrival and
any duplication gives the same state. :func:`apply` advances a state by one event, :func:`fold` evaluates a whole history.
A :class:`Policy` says how much each event counts; ready-made ones come with the library. :class:`RequireProof` says
which events count at all. Time is always an argument.
"""

from __future__ import annotations

from undeliverable.suppression._effects import Effect
from undeliverable.suppression._events import EventKind, ListEvent
from undeliverable.suppression._machine import TRANSITIONS, Decision, apply, fold, in_order, is_stale, may_repeat
from undeliverable.suppression._policy import Full, Policy, Signal
from undeliverable.suppression._proof import RequireProof
from undeliverable.suppression._reports import events_of, receipt_of
from undeliverable.suppression._state import AddressState, Cause, Reactivation, Standing

__all__ = [
    "TRANSITIONS",
    "AddressState",
    "Cause",
    "Decision",
    "Effect",
    "EventKind",
    "Full",
    "ListEvent",
    "Policy",
    "Reactivation",
    "RequireProof",
    "Signal",
    "Standing",
    "apply",
    "events_of",
    "fold",
    "in_order",
    "is_stale",
    "may_repeat",
    "receipt_of",
]
