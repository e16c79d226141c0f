"""The second opinion beside the rules of one knowledge: its advice, and how far a verdict can be relied on.

The model is read when a reply first needs it, which most replies never do.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Final

from undeliverable._rules.clauses import sentences
from undeliverable._rules.confidence import confidence_of
from undeliverable._rules.opinion import Opinion, View, advise, may_advise

if TYPE_CHECKING:
    from undeliverable._knowledge.shipped import Shipped
    from undeliverable._rules.rule import Match, Rule
    from undeliverable.model import Command
    from undeliverable.reasons import Reason
    from undeliverable.verdict import Verdict

__all__ = ["SecondOpinion"]

_REMEMBERED: Final = 1_024  # statuses


class SecondOpinion:
    """Advises on what rules find, and rates verdicts.

    :param shipped: the built-in layer, which has the model; without it there is no opinion.
    :param by_status: returns the rule that fits a status alone, by its key (0: none).
    :param counts: whether the advice is taken.
    """

    def __init__(self, shipped: Shipped | None, by_status: Callable[[int], Rule | None], *, counts: bool) -> None:
        self._shipped: Final = shipped
        self._rule_of: Final = by_status
        self._counts: Final = counts and shipped is not None
        self._reason_of: Final = lru_cache(_REMEMBERED)(self._by_status)
        # Returns how far a verdict that has a reason can be relied on. Verdicts keep it: a bound method would be a new object for each.
        self.confidence_of: Final[Callable[[Verdict], str]] = partial(confidence_of, self._reason_of, self.view)

    @cached_property
    def opinion(self) -> Opinion | None:
        """The model, or None without the built-in layer."""
        return None if self._shipped is None else self._shipped.opinion_model

    def view(self, text: str, code: int, status: int, command: Command | None) -> View | None:
        """Return the opinion on a reply as rules see it; None if there is none."""
        return None if self.opinion is None else self.opinion.view(text, code, status, command)

    def advised(self, match: Match, text: str, code: int, status: int, command: Command | None) -> Match:
        """Return what the rules found, with what is advised instead; arguments as of :meth:`view`."""
        if not (self._counts and text and may_advise(match, self._reason_of, status)):
            return match
        parts = (self.view(text[start:end], code, status, command) for start, end in sentences(text))
        found = advise(self.view(text, code, status, command), match, code, command, parts)
        return match if found is None else match._replace(advised=found)

    def clear_cache(self) -> None:
        """Forget the opinions on the replies judged so far."""
        opinion = self.__dict__.get("opinion")
        if opinion is not None:
            opinion.view.cache_clear()

    def _by_status(self, status: int) -> Reason | None:
        rule = self._rule_of(status)
        return None if rule is None else rule.reason
