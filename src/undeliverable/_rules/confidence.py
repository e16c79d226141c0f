"""Say how far a verdict can be relied on: high, medium or low.

What decided says most of it. Words that the status agrees with, or that a transient code makes harmless, need no second
look; only where words stand alone the second opinion is asked how likely they mean what the rule takes them for. The levels
are measured in ``docs/explanation/confidence.md``: what is measured there is how often the bounce type is right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from undeliverable._rules.comparisons import ABSENT, status_key
from undeliverable._rules.opinion import BARE, LAYER
from undeliverable._rules.visible import visible
from undeliverable.reasons import BounceType, Reason

if TYPE_CHECKING:
    from undeliverable._rules.opinion import View
    from undeliverable.model import Command
    from undeliverable.verdict import Verdict

__all__ = ["HIGH", "LOW", "MEDIUM", "confidence_of", "view_of"]

HIGH: Final = "high"
MEDIUM: Final = "medium"
LOW: Final = "low"
_BUILTIN: Final = frozenset(("builtin", LAYER))
_TRANSIENT: Final = 4  # RFC 5321 4.2.1: what a 4yz says is never final

# Shares of the second opinion, chosen by leaving out whole sources and languages of the labelled replies.
_HARD_IS_LIKELY: Final = 0.9
_HARD_IS_UNLIKELY: Final = 0.5
_REASON_IS_LIKELY: Final = 0.3


def confidence_of(
    by_status: Callable[[int], Reason | None],
    opinion: Callable[[str, int, int, Command | None], View | None],
    verdict: Verdict,
) -> str:
    """Return the confidence in a verdict that has a reason.

    :param by_status: returns the reason that a status gives by itself.
    :param opinion: returns the second opinion on a reply as rules see it.
    """
    rule, bounce_type = verdict.rule, _read(verdict)
    if bounce_type is BounceType.UNDETERMINED:
        return LOW
    if rule is not None and rule.layer not in _BUILTIN:
        return HIGH  # the rule of whoever asks
    if rule is None or rule.layer == LAYER or rule.id.startswith(BARE) or verdict.conflicts:
        return MEDIUM if bounce_type is BounceType.SOFT else _of_hard(view_of(opinion, verdict), MEDIUM)
    return _by_words(by_status, opinion, verdict, is_soft=bounce_type is BounceType.SOFT)


def _read(verdict: Verdict) -> BounceType | None:
    """Return the bounce type as the reply was read: what a policy made of it says nothing of how sure the reading is."""
    if verdict.policy is None or verdict.reason is None:
        return verdict.bounce_type
    return BounceType.SOFT if _is_passing(verdict) else verdict.reason.bounce_type


def _is_passing(verdict: Verdict) -> bool:
    return verdict.reply_code is not None and verdict.reply_code // 100 == _TRANSIENT


def _by_words(
    by_status: Callable[[int], Reason | None],
    opinion: Callable[[str, int, int, Command | None], View | None],
    verdict: Verdict,
    *,
    is_soft: bool,
) -> str:
    """Return the confidence in what the words of a reply say, whose codes do not contradict each other."""
    status = verdict.status
    if (is_soft and _is_passing(verdict)) or (status is not None and by_status(status_key(status)) is verdict.reason):
        return HIGH
    view = view_of(opinion, verdict)
    if not is_soft:
        return _of_hard(view, HIGH)
    is_likely = view is not None and view.share(verdict.reason or Reason.UNDEFINED) >= _REASON_IS_LIKELY
    return HIGH if is_likely else MEDIUM


def _of_hard(view: View | None, best: str) -> str:
    """Return the confidence in a hard bounce, which is `best` where the second opinion agrees."""
    if view is None or _HARD_IS_UNLIKELY <= view.hard < _HARD_IS_LIKELY:
        return MEDIUM
    return best if view.hard >= _HARD_IS_LIKELY else LOW


def view_of(opinion: Callable[[str, int, int, Command | None], View | None], verdict: Verdict) -> View | None:
    """Return the second opinion on the reply of a verdict; arguments as of :func:`confidence_of`."""
    if verdict.reply is None:
        return None
    code, seen = verdict.reply_code or ABSENT, getattr(verdict, "_seen", None)
    return opinion(
        visible(verdict.reply, code) if seen is None else seen, code, status_key(verdict.status), verdict.command
    )
