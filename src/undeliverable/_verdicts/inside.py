"""What a report that stands inside another message may say.

Whoever sends a message chooses what stands in it, and for whom: a report that a person, a ticket system or another report
passes on is about somebody else's mail, as far as anybody can see.
"""

from __future__ import annotations

from dataclasses import replace

from undeliverable.reasons import Advice, BounceType
from undeliverable.verdict import INSIDE, Verdict

__all__ = ["believed"]


def believed(verdict: Verdict) -> Verdict:
    """Return `verdict`, undetermined and for review if its report stands inside another message."""
    if INSIDE not in verdict.conflicts:
        return verdict
    return replace(
        verdict,
        bounce_type=None if verdict.bounce_type is None else BounceType.UNDETERMINED,
        advice=verdict.advice if verdict.advice in (None, Advice.NONE) else Advice.REVIEW,
    )
