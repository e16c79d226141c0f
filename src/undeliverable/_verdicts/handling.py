"""What to do with the message itself: a full mailbox is soft for the address, and a 552 ends the message all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from undeliverable._knowledge.handling import CLOSING, Handled, Handling
from undeliverable.model import Action, Command
from undeliverable.reasons import Advice, MessageAdvice, Reason

if TYPE_CHECKING:
    from undeliverable._rules.policies import Policy
    from undeliverable._verdicts.decisions import Answer
    from undeliverable.verdict import PolicyRef

__all__ = ["apply", "handled", "is_delivered", "waiting"]

_WAITING: Final = frozenset((MessageAdvice.RETRY, MessageAdvice.RETRY_ELSEWHERE))
_PASSING: Final = frozenset((Advice.RETRY, Advice.SLOW_DOWN))
_SUCCESS: Final = 300  # RFC 5321 4.2.1: 2yz


def handled(
    handling: Handling,
    reason: Reason,
    answer: Answer,
    command: Command | None,
    action: Action | None,
    *,
    transient: bool,
    expired: bool,
) -> Handled:
    """Return what to do about a refusal without a policy.

    :param transient: whether code, status or words call it temporary.
    :param expired: whether a queue gave up.
    """
    closing = answer.code == CLOSING
    silent = answer.code is None and answer.final is None
    temporary = (
        action is Action.DELAYED or transient or (silent and (reason is Reason.UNDEFINED or reason.advice in _PASSING))
    )
    found = handling.of(reason, command, temporary=temporary, closing=closing)
    if action is Action.FAILED or (expired and action is None):  # the reporting server keeps it no longer
        return found._replace(message_advice=MessageAdvice.GIVE_UP, retry_after=None)
    return found


def waiting(handling: Handling, reason: Reason, answer: Answer, command: Command | None) -> Handled:
    """Return what to do where the message waits all the same, because a policy says so."""
    return handling.of(reason, command, temporary=True, closing=answer.code == CLOSING)


def is_delivered(answer: Answer, command: Command | None) -> bool:
    """Return whether a positive reply took the message (RFC 5321 4.1.1.4)."""
    return command is Command.END_OF_DATA and answer.code is not None and answer.code < _SUCCESS


def apply(draft: Any, policies: list[tuple[Policy, PolicyRef]], if_it_waits: Handled) -> None:  # noqa: ANN401 # a draft
    """Let policies change what follows from a failure, for the address and for the message.

    :param if_it_waits: what to do where the message waits, which a policy may say of a permanent refusal.
    """
    if not policies:
        return
    from undeliverable._rules.policies import Consequence, followed  # imported already: there are policies

    before = draft.bounce_type, draft.advice, None, draft.message_advice, draft.retry_after, draft.applies_to
    found, set_by = followed(policies, Consequence(*before))
    draft.bounce_type, draft.advice, draft.label, draft.message_advice, wait, draft.applies_to = found
    if "retry_after" not in set_by:
        waits = found.message_advice in _WAITING
        wait = None if not waits else if_it_waits.retry_after if wait is None else wait
    draft.retry_after = wait
    draft.policy = set_by.get("bounce_type")
    draft.set_by = tuple((key, set_by[key]) for key in Consequence._fields if key in set_by)
