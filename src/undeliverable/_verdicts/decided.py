"""The decisions on a reply alone, remembered: all replies share few reasons, codes, statuses and commands."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from undeliverable._rules.comparisons import status_by_key
from undeliverable._verdicts.decisions import (
    Answer,
    conflicts_of,
    consequence,
    has_expired,
    is_transient,
    reason_of,
    status_from,
)
from undeliverable._verdicts.handling import handled
from undeliverable.reasons import Advice, AppliesTo, BounceType, Fault, MessageAdvice, Reason

if TYPE_CHECKING:
    from undeliverable.codes import ReplyCode
    from undeliverable.model import Command
    from undeliverable.verdict import DefaultWait, StatusFrom

__all__ = ["Decided", "decided"]

_REMEMBERED: Final = 1_024  # combinations of reason, code and status; real mail has a few hundred


class Decided(NamedTuple):
    """The decisions on a reply that depend on nothing but its rule's reason, its code and its status."""

    reason: Reason
    fault: Fault
    expired: bool
    bounce_type: BounceType
    advice: Advice
    status_from: StatusFrom | None
    conflicts: tuple[str, ...]
    message_advice: MessageAdvice
    applies_to: AppliesTo
    retry_after: DefaultWait | None


@lru_cache(maxsize=_REMEMBERED)
def decided(
    by_rule: Reason | None,
    code: ReplyCode | None,
    key: int,
    command: Command | None,
    temporary: bool,  # noqa: FBT001 # a key
    why: str | None,
) -> Decided:
    """Decide on a reply.

    :param command: the step of the session, as guards go by it.
    :param key: its status as :func:`status_key` gives it, which is found faster than the status.
    :param temporary: whether its words call the failure temporary.
    :param why: why a guard gave another reason than the rule, or None.
    """
    status = status_by_key(key)
    answer = Answer(None, code, status, status, status)
    reason = reason_of(by_rule, answer, None, gave_up=False)
    expired = has_expired(reason, gave_up=False)
    transient = is_transient(reason, answer, None, expired=expired, temporary=temporary)
    bounce_type, advice = consequence(reason, None, transient=transient)
    conflicts = conflicts_of(answer, None) + (() if why is None else (why,))
    message = handled(reason, answer, command, None, transient=transient, expired=expired)
    return Decided(reason, reason.fault, expired, bounce_type, advice, status_from(answer), conflicts, *message)
