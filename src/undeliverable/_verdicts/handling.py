"""What to do with the message itself: a full mailbox is soft for the address, and a 552 ends the message all the same."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from undeliverable._knowledge.common import common
from undeliverable._knowledge.handling import CLOSING, Handled
from undeliverable._verdicts.surroundings import failure_about
from undeliverable.model import Action, Command
from undeliverable.reasons import Advice, MessageAdvice, Reason
from undeliverable.verdict import PolicyWait

if TYPE_CHECKING:
    from undeliverable._verdicts.decisions import Answer
    from undeliverable._verdicts.surroundings import Surroundings
    from undeliverable.knowledge import Knowledge

__all__ = ["follow", "handled", "is_delivered"]

_WAITING: Final = frozenset((MessageAdvice.RETRY, MessageAdvice.RETRY_ELSEWHERE))
_PASSING: Final = frozenset((Advice.RETRY, Advice.SLOW_DOWN))
_REMEMBERED: Final = 1_024  # cases; real mail has a few hundred
_SUCCESS: Final = 300  # RFC 5321 4.2.1: 2yz


def handled(
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
    code = answer.code
    silent = code is None and answer.final is None
    return _handled(reason, command, action, code == CLOSING, silent, transient, expired)


@lru_cache(maxsize=_REMEMBERED)
def _handled(
    reason: Reason,
    command: Command | None,
    action: Action | None,
    closing: bool,  # noqa: FBT001 # a key, as the next three
    silent: bool,  # noqa: FBT001
    transient: bool,  # noqa: FBT001
    expired: bool,  # noqa: FBT001
) -> Handled:
    """Return what :func:`handled` does, remembered.

    :param silent: whether there is neither a code nor a status.
    """
    temporary = (
        action is Action.DELAYED or transient or (silent and (reason is Reason.UNDEFINED or reason.advice in _PASSING))
    )
    found = common().handling.of(reason, command, temporary=temporary, closing=closing)
    if action is Action.FAILED or (expired and action is None):  # the reporting server keeps it no longer
        return found._replace(message_advice=MessageAdvice.GIVE_UP, retry_after=None)
    return found


def is_delivered(answer: Answer, command: Command | None) -> bool:
    """Return whether a positive reply took the message (RFC 5321 4.1.1.4)."""
    return command is Command.END_OF_DATA and answer.code is not None and answer.code < _SUCCESS


def follow(
    draft: Any,  # noqa: ANN401 # a draft
    answer: Answer,
    step: Command | None,
    seen: str,
    knowledge: Knowledge,
    surroundings: Surroundings,
) -> None:
    """Let policies change what follows from a failure, for the address and for the message.

    :param step: the step of the session that was answered.
    :param seen: the reply without the recipient's addresses.
    """
    reason, table = draft.reason, knowledge.policy_table
    if not table.speaks_of(reason):
        return
    policies = table.match(failure_about(draft, reason, answer, seen, surroundings))
    if not policies:
        return
    from undeliverable._rules.policies import Consequence, followed  # imported already: there are policies

    before = draft.bounce_type, draft.advice, None, draft.message_advice, draft.retry_after, draft.applies_to
    found, set_by = followed(policies, Consequence(*before))
    draft.bounce_type, draft.advice, draft.label, draft.message_advice, wait, draft.applies_to = found
    if found.message_advice not in _WAITING:
        wait = None
        set_by.pop("retry_after", None)
    elif "retry_after" in set_by and wait is not None:
        wait = PolicyWait(wait)
    elif wait is None:  # the message waits although it was refused for good
        closing = answer.code == CLOSING
        wait = knowledge.handling.of(reason, step, temporary=True, closing=closing).retry_after
    draft.retry_after = wait
    draft.policy = set_by.get("bounce_type")
    draft.set_by = tuple((key, set_by[key]) for key in Consequence._fields if key in set_by)
