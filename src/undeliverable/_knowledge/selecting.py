"""Knowledge that depends on more than the reply: layers for one tenant, and rules that ask for what the caller knows.

What holds is chosen first; what is left is a plain knowledge, which judges as any other does. Choosing it costs a look-up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, Self

    from undeliverable._rules.failure import Caller, Failure
    from undeliverable._rules.rule import Rule
    from undeliverable.verdict import Verdict

__all__ = ["Selecting"]

_COMBINATIONS: Final = 256  # of rules that hold together, kept with their tables


class Selecting:
    """The part of a knowledge that chooses.

    :ivar layers: its layers, the highest first; the built-in one has neither policies nor conditional rules of tenants.
    """

    layers: tuple[Any, ...]
    _upper: Any  # those above the built-in one

    if TYPE_CHECKING:

        def _above(self, layers: Sequence[Any]) -> Self:
            """Return such layers above the same built-in one."""
            ...

    @cached_property
    def is_plain(self) -> bool:
        """Whether reply and report alone decide: there are neither policies nor tenants nor conditional rules."""
        return not (any(layer.policies for layer in self.layers) or self._conditional or self._tenants)

    def requirement_of(self, verdict: Verdict) -> tuple[str, str | None] | None:
        """Return the requirement for senders that a refusal names, ``spf`` or ``one_click``, and the page about it.

        None where it names none. Tables of higher layers come first; no verdict depends on them.
        """
        from undeliverable._knowledge.requirements import requirement_of

        return requirement_of(verdict, (sign for layer in self._upper for sign in layer.requirements))

    def of(self, caller: Caller | None) -> Self:
        """Return what is for the caller's tenant, without what is for others."""
        if not self._tenants:
            return self
        tenant = None if caller is None else caller.tenant
        return self._tenants.get(tenant) or self._tenants[None]

    @cached_property
    def unconditional(self) -> Self:
        """This without rules that ask for more than the reply."""
        return self._given(frozenset()) if self._conditional else self

    def given(self, failure: Failure) -> Self:
        """Return this with those of its conditional rules that `failure` fits, and without the others."""
        held = frozenset(
            number
            for number, rule in enumerate(self._conditional)
            if rule.when.around is not None and rule.when.around.fits(failure)
        )
        if not held:
            return self.unconditional
        found = self._held.get(held)
        if found is None:
            if len(self._held) >= _COMBINATIONS:
                self._held.clear()
            found = self._held[held] = self._given(held)
        return found

    def parts(self) -> Iterator[Self]:
        """Yield what was made of this for tenants and conditions so far."""
        yield from self._tenants.values()
        yield from self._held.values()
        if self._conditional:
            yield self.unconditional

    @cached_property
    def _tenants(self) -> dict[str | None, Self]:
        """What is for each tenant, and under None what is for all others; empty where no layer is for one alone."""
        named = {layer.tenant for layer in self._upper} - {None}
        return {tenant: self._for(tenant) for tenant in (None, *sorted(named))} if named else {}

    def _for(self, tenant: str | None) -> Self:
        from dataclasses import replace  # hardly anybody has tenants

        kept = [layer for layer in self._upper if layer.tenant in {None, tenant}]
        return self._above([replace(layer, tenant=None) for layer in kept])

    @cached_property
    def _conditional(self) -> tuple[Rule, ...]:
        return tuple(rule for layer in self._upper for rule in layer.rules if rule.when.around is not None)

    @cached_property
    def _held(self) -> dict[frozenset[int], Self]:
        return {}

    def _given(self, held: frozenset[int]) -> Self:
        """Return this with some of its conditional rules, by number, as plain ones."""
        from dataclasses import replace  # hardly anybody has such rules

        kept = {id(rule) for number, rule in enumerate(self._conditional) if number in held}
        layers: list[Any] = []
        for layer in self._upper:
            rules = [
                rule._replace(when=rule.when._replace(around=None))
                for rule in layer.rules
                if rule.when.around is None or id(rule) in kept
            ]
            layers.append(replace(layer, rules=tuple(rules)))
        return self._above(layers)
