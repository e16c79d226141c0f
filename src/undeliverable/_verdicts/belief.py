"""Which reports are believed no further than that something failed.

The sender of a message chooses its content and its recipient: a report that a person, a ticket system or another report
passes on is about somebody else's mail, as far as anybody can see. A report that names nobody and one that contradicts
itself prove nothing either.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from undeliverable.model import Action
from undeliverable.reasons import Advice, BounceType
from undeliverable.verdict import GUESSED, INSIDE, UNSURE, Verdict

__all__ = ["believed"]

_DOUBTS: Final = frozenset((INSIDE, GUESSED, UNSURE))
_SUCCESS: Final = 2  # RFC 3463 2


def believed(verdict: Verdict) -> Verdict:
    """Return `verdict`, undetermined and for review if its report is not to be believed."""
    if not _DOUBTS.isdisjoint(verdict.conflicts):
        return _doubted(verdict)
    status = verdict.status
    if (
        status is None
        or status.class_ != _SUCCESS
        or verdict.reply_code is not None
        or verdict.action is not Action.FAILED
    ):
        return verdict
    return replace(_doubted(verdict), conflicts=(*verdict.conflicts, f"Action failed but Status {status}"))


def _doubted(verdict: Verdict) -> Verdict:
    return replace(
        verdict,
        bounce_type=None if verdict.bounce_type is None else BounceType.UNDETERMINED,
        advice=verdict.advice if verdict.advice in (None, Advice.NONE) else Advice.REVIEW,
    )
