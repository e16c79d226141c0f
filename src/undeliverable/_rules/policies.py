"""Policies in their layers: what follows from a failure whose reason is known.

Of each layer the first policy that fits counts. Each consequence comes from the highest layer whose first fitting policy
sets it, so that a label of one's own leaves the bounce type of a profile as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from undeliverable._rules.circumstances import Circumstances
from undeliverable.reasons import Advice, AppliesTo, BounceType, MessageAdvice, Reason
from undeliverable.verdict import PolicyRef

if TYPE_CHECKING:
    from typing import TypeAlias

    from undeliverable._rules.failure import Failure

    _Pairs: TypeAlias = Sequence[tuple["Policy", PolicyRef]]

__all__ = ["Consequence", "Policy", "PolicyTable", "followed"]


class Policy(NamedTuple):
    """A ``[[policy]]``: a condition and what follows; what it leaves open is for the layers below, and the defaults.

    :ivar examples: replies that it has to fit; `not_examples` are replies that it must not fit.
    """

    id: str
    layer: str
    when: Circumstances
    bounce_type: BounceType | None = None
    advice: Advice | None = None
    label: str | None = None
    message_advice: MessageAdvice | None = None
    retry_after: int | None = None
    applies_to: AppliesTo | None = None
    examples: tuple[str, ...] = ()
    not_examples: tuple[str, ...] = ()
    source: str | None = None
    replaces: str | None = None

    @property
    def example(self) -> str | None:
        """The first of its examples."""
        return self.examples[0] if self.examples else None

    @property
    def sets(self) -> tuple[str, ...]:
        """The consequences that it sets."""
        return tuple(key for key in Consequence._fields if getattr(self, key) is not None)

    def hides(self, other: Policy) -> bool:
        """Return whether `other`, which stands below in the same layer, loses what only it sets to this policy."""
        return set(self.sets).isdisjoint(other.sets) and self.when.meets(other.when)

    @property
    def then(self) -> str:
        """What follows, in words: the address's part by the values alone, the message's by its keys."""
        values = self.bounce_type, self.advice, self.label
        keys = "message_advice", "retry_after", "applies_to"
        named = [f"{key} {getattr(self, key)}" for key in keys if getattr(self, key) is not None]
        return ", ".join([*(str(value) for value in values if value is not None), *named])

    def ref(self) -> PolicyRef:
        """Return what a verdict keeps of the policy."""
        return PolicyRef(self.id, self.layer, self.source, self.when.when)


class Consequence(NamedTuple):
    """What follows from a failure: for the address, and for the message."""

    bounce_type: BounceType
    advice: Advice
    label: str | None = None
    message_advice: MessageAdvice | None = None
    retry_after: int | None = None
    applies_to: AppliesTo | None = None


class PolicyTable:
    """Policies in layers, the highest first, grouped by the reasons that they may be about; immutable."""

    def __init__(self, layers: Sequence[Sequence[Policy]]) -> None:
        self.policies = tuple(policy for layer in layers for policy in layer)
        pairs = [[(policy, policy.ref()) for policy in layer] for layer in reversed(layers) if layer]
        self._by_reason = {
            reason: tuple(found for layer in pairs if (found := _speaking_of(reason, layer))) for reason in Reason
        }

    def speaks_of(self, reason: Reason) -> bool:
        """Return whether any policy may apply to failures for this reason."""
        return bool(self._by_reason[reason])

    def match(self, failure: Failure) -> list[tuple[Policy, PolicyRef]]:
        """Return the first policy of each layer that fits `failure`, the lowest layer first."""
        found: list[tuple[Policy, PolicyRef]] = []
        for layer in self._by_reason[failure.reason]:
            for pair in layer:
                if pair[0].when.fits(failure):
                    found.append(pair)
                    break
        return found


def _speaking_of(reason: Reason, layer: _Pairs) -> tuple[tuple[Policy, PolicyRef], ...]:
    return tuple(pair for pair in layer if pair[0].when.reasons is None or reason in pair[0].when.reasons)


def followed(
    policies: Sequence[tuple[Policy, PolicyRef]], default: Consequence
) -> tuple[Consequence, dict[str, PolicyRef]]:
    """Return what follows from `policies`, the lowest first, and which of them set each consequence.

    A new bounce type brings its advice along unless the policy states one; it is then the policy that set the advice.
    """
    values, set_by = default._asdict(), dict[str, PolicyRef]()
    for policy, ref in policies:
        wanted = policy.bounce_type
        if wanted is not None and policy.advice is None and wanted is not values["bounce_type"]:
            before, values["advice"] = values["advice"], _advice_for(wanted, values["advice"])
            if values["advice"] is not before:
                set_by["advice"] = ref
        for key in Consequence._fields:
            value = getattr(policy, key)
            if value is not None:
                values[key] = value
                set_by[key] = ref
    return Consequence(**values), set_by


def _advice_for(bounce_type: BounceType, before: Advice) -> Advice:
    if bounce_type is BounceType.HARD:
        return Advice.SUPPRESS
    if bounce_type is BounceType.UNDETERMINED:
        return Advice.REVIEW
    return Advice.RETRY if before is Advice.SUPPRESS else before
