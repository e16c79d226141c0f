"""Measure the second opinion and the confidence on replies that the model did not learn from.

Each source, and each language but English, is left out as a whole once. The rules know many of these replies, so the tables
flatter them; what is measured is what the second opinion adds, and how well confidence tells right verdicts from wrong ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from tests.train import Sample, fit
from undeliverable import Knowledge, Verdict
from undeliverable._knowledge.common import shipped as _shipped
from undeliverable._rules.opinion import Opinion, Weights

__all__ = ["TAILS", "Judged", "Score", "cross_validated", "hards_lost", "judged", "knowledge_with", "report", "score"]

_FOLDS: Final = 5
_RULES: Final = Knowledge.builtin().without_opinion()
TAILS: Final = (
    "Please contact your administrator.",
    "Contact the postmaster if you need help.",
    "Thank you for your patience.",
    "This message was created automatically by the mail system.",
    "Our team is happy to help.",
    "Reference number 4711.",
    "Have a nice day.",
)
"""Sentences that say nothing of the cause; none of them is learned from."""


class Judged(NamedTuple):
    """A labelled reply with what the rules say, and what they and the second opinion say together."""

    sample: Sample
    knowledge: Knowledge
    verdict: Verdict

    @property
    def rules(self) -> Verdict:
        """The verdict of the rules alone."""
        return self.sample.verdict

    def right_reason(self, verdict: Verdict) -> bool:
        """Return whether the reason is right."""
        return verdict.reason in self.sample.reasons

    def right_type(self, verdict: Verdict) -> bool:
        """Return whether the bounce type is right."""
        return verdict.bounce_type in self.sample.types


def knowledge_with(weights: Weights) -> Knowledge:
    """Return the built-in knowledge with another model."""
    knowledge = Knowledge(Knowledge.builtin().layers)
    knowledge.second.__dict__["opinion"] = Opinion(_shipped(), weights)
    return knowledge


def cross_validated(known: Sequence[Sample]) -> list[Judged]:
    """Return all labelled replies, each judged by a model that knows nothing of its source or language."""
    tested = sorted({sample.group for sample in known if sample.types})
    found: list[Judged] = []
    for fold in range(_FOLDS):
        left_out = {*tested[fold::_FOLDS]}
        asked = [sample for sample in known if sample.group in left_out and sample.types]
        same = {_bare(sample) for sample in asked}  # the same words stand in examples and other sources as well
        learned = [sample for sample in known if sample.group not in left_out and _bare(sample) not in same]
        found += judged(asked, knowledge_with(fit(learned)))
    return found


def judged(asked: Iterable[Sample], knowledge: Knowledge) -> list[Judged]:
    """Return what `knowledge` makes of replies."""
    return [Judged(sample, knowledge, sample.judge(knowledge)) for sample in asked]


def _bare(sample: Sample) -> str:
    return "".join(filter(str.isalpha, sample.text))


class Score(NamedTuple):
    """How many reasons the second opinion mends and breaks, how many types, and how many it makes hard wrongly."""

    mended: int
    broken: int
    types_mended: int
    types_broken: int
    to_hard: int


def score(found: Sequence[Judged]) -> Score:
    """Return what the second opinion changes."""
    return Score(
        *_changes(found, Judged.right_reason),
        *_changes(found, Judged.right_type),
        sum(one.verdict.bounce_type == "hard" != one.rules.bounce_type for one in found),
    )


def _changes(found: Sequence[Judged], right: Callable[[Judged, Verdict], bool]) -> tuple[int, int]:
    pairs = [(right(one, one.rules), right(one, one.verdict)) for one in found]
    return pairs.count((False, True)), pairs.count((True, False))


def hards_lost(found: Iterable[Judged]) -> Iterator[str]:
    """Yield hard replies that a tail that says nothing makes soft, though they stay hard by the rules alone."""
    for one in found:
        if one.verdict.bounce_type != "hard":
            continue
        for tail in TAILS:
            longer = one.sample._replace(reply=f"{one.sample.reply} {tail}")
            if longer.judge(one.knowledge).bounce_type != "hard" == longer.judge(_RULES).bounce_type:
                yield longer.reply


def report(found: Sequence[Judged]) -> Iterator[str]:
    """Yield the lines of what was measured, in Markdown."""
    changed = score(found)
    yield "| of the second opinion | |"
    yield "|---|---|"
    yield f"| reasons mended, broken | {changed.mended}, {changed.broken} |"
    yield f"| bounce types mended, broken | {changed.types_mended}, {changed.types_broken} |"
    yield f"| made hard | {changed.to_hard} |"
    yield f"| hard bounces lost by {len(TAILS)} sentences that say nothing, added to each reply | {len([*hards_lost(found)])} |"
    yield ""
    yield "| confidence | replies | wrong bounce type | wrong reason |"
    yield "|---|---|---|---|"
    for level in ("high", "medium", "low"):
        those = [one for one in found if one.verdict.confidence == level]
        types = sum(not one.right_type(one.verdict) for one in those)
        reasons = sum(not one.right_reason(one.verdict) for one in those)
        whole = len(those)
        yield f"| {level} | {_share(whole, len(found))} | {_share(types, whole)} | {_share(reasons, whole)} |"


def _share(part: int, whole: int) -> str:
    return f"{part} ({100 * part / whole if whole else 0:.1f} %)"
