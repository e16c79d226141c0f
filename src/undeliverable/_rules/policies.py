"""Policies in their order: what follows from a failure whose reason is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from undeliverable._rules.conditions import PolicyCondition
from undeliverable.model import Command
from undeliverable.reasons import Advice, BounceType, Reason
from undeliverable.verdict import PolicyRef

__all__ = ["Failure", "Policy", "PolicyTable"]


class Policy(NamedTuple):
    """A ``[[policy]]``: a condition and what follows; what it leaves open is the reason's own default."""

    id: str
    layer: str
    when: PolicyCondition
    bounce_type: BounceType | None = None
    advice: Advice | None = None
    label: str | None = None
    example: str | None = None
    source: str | None = None
    replaces: str | None = None

    def ref(self) -> PolicyRef:
        """Return what a verdict keeps of the policy."""
        return PolicyRef(self.id, self.layer, self.source, self.when.when)


class Failure(NamedTuple):
    """What policies see: codes as integers (0: none); a service's class alone, and as ``class/subclass``."""

    reason: Reason
    reply: int
    status: int
    provider: str | None
    command: Command | None
    expired: bool
    service: str | None = None
    class_: str | None = None
    subclass: str | None = None


class PolicyTable:
    """Policies in rank order, grouped by the reasons that they may speak of; immutable."""

    __slots__ = ("_by_reason", "policies")

    def __init__(self, policies: Sequence[Policy]) -> None:
        self.policies = tuple(policies)
        self._by_reason = {
            reason: tuple(
                (policy, policy.ref())
                for policy in policies
                if policy.when.reasons is None or reason in policy.when.reasons
            )
            for reason in Reason
        }

    def match(self, failure: Failure) -> tuple[Policy, PolicyRef] | None:
        """Return the first policy that fits `failure`, or None: then the reason's own defaults hold."""
        for found in self._by_reason[failure.reason]:
            if _fits(found[0].when, failure):
                return found
        return None


def _fits(when: PolicyCondition, failure: Failure) -> bool:
    return (
        (when.reply is None or when.reply.fit(failure.reply))
        and (when.status is None or when.status.fit(failure.status))
        and (when.providers is None or failure.provider in when.providers)
        and (when.commands is None or failure.command in when.commands)
        and (when.expired is None or when.expired is failure.expired)
        and (when.services is None or failure.service in when.services)
        and (when.classes is None or failure.class_ in when.classes or failure.subclass in when.classes)
    )
