"""Say how far a verdict can be relied on: high, medium or low.

What decided says most of it. Words that the status agrees with, or that a transient code makes harmless, need no second
look; only where words stand alone the second opinion is asked how likely they mean what the rule takes them for. The levels
are measured in ``docs/confidence.md``: what is measured there is how often the bounce type is right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from undeliverable._rules.conditions import ABSENT, status_key
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
_TRANSIENT: Final = 4  # RFC 5321 4.2.1: what a 4yz says is never final

# Shares of the second opinion, chosen by leaving out whole sources and languages of the labelled replies.
_HARD_IS_LIKELY: Final = 0.9
_HARD_IS_UNLIKELY: Final = 0.5
_REASON_IS_LIKELY: Final = 0.3


def confidence_of(
    by_status: Callable[[int], Reason | None],
    opinion: Callable[[str, int, int, Command | None], View | None],
    verdict: Verdict,
) -> str | None:
    """Return the confidence in a verdict, or None where nothing failed.

    :param by_status: returns the reason that a status gives by itself.
    :param opinion: returns the second opinion on a reply as rules see it.
    """
    rule, reason = verdict.rule, verdict.reason
    if reason is None:
        return None
    if verdict.bounce_type is BounceType.UNDETERMINED:
        return LOW
    if rule is not None and rule.layer not in _BUILTIN:
        return HIGH  # the rule of whoever asks
    by_words = rule is not None and rule.layer != LAYER and not rule.id.startswith(BARE)
    if by_words and not verdict.conflicts:
        code = verdict.reply_code
        is_soft = verdict.bounce_type is BounceType.SOFT
        if (is_soft and code is not None and code // 100 == _TRANSIENT) or (
            verdict.status is not None and by_status(status_key(verdict.status)) is reason
        ):
            return HIGH
    return _by_opinion(view_of(opinion, verdict), verdict, by_words=by_words and not verdict.conflicts)


_BUILTIN: Final = frozenset(("builtin", LAYER))


def view_of(opinion: Callable[[str, int, int, Command | None], View | None], verdict: Verdict) -> View | None:
    """Return the second opinion on the reply of a verdict; arguments as of :func:`confidence_of`."""
    if verdict.reply is None:
        return None
    code = verdict.reply_code or ABSENT
    return opinion(visible(verdict.reply, code), code, status_key(verdict.status), verdict.command)


def _by_opinion(view: View | None, verdict: Verdict, *, by_words: bool) -> str:
    """Return the confidence in a verdict whose words stand alone, or of which only codes are known."""
    if view is None or verdict.reason is None:
        return MEDIUM
    if verdict.bounce_type is BounceType.SOFT:
        return HIGH if by_words and view.share(verdict.reason) >= _REASON_IS_LIKELY else MEDIUM
    if view.hard < _HARD_IS_UNLIKELY:
        return LOW
    return HIGH if by_words and view.hard >= _HARD_IS_LIKELY else MEDIUM
