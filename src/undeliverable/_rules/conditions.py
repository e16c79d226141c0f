"""A condition on parsed facts: what a rule or a policy asks before it applies.

Codes are compared as parsed values, never as text. Words are compared with the reply as
:mod:`undeliverable._rules.visible` makes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from undeliverable._rules.comparisons import (
    Codes,
    asked,
    describe,
    members,
    names,
    phrases,
    refuse_unknown_conditions,
    replies,
    statuses,
)
from undeliverable._rules.concept_names import CONCEPTS
from undeliverable._rules.visible import stands_in
from undeliverable._text.lazy import lazy
from undeliverable.errors import EntryError
from undeliverable.errors._tables import unknown
from undeliverable.model import Command

if TYPE_CHECKING:
    from undeliverable._rules.circumstances import Circumstances

__all__ = ["PATTERN_LIMIT", "RuleCondition"]

PATTERN_LIMIT: Final = 998
"""How many characters of a reply a regular expression may see: one line of RFC 5321 4.5.3.1.6."""
# An underscore between letters, which the fold makes a blank; what else may hold one is left alone: names and classes.
_JOINED: Final = lazy(r"\(\?P[<=>][^)>]{0,64}|\[[^\]]{0,256}\]|(?<=[a-zA-Z])(?<!\\[a-zA-Z])_(?=[a-zA-Z])")


class RuleCondition(NamedTuple):
    """What a ``[[rule]]`` asks; None and empty: anything. ``when`` is the table as it was written.

    :ivar around: what it asks beside the reply: of the report, and of what the caller knows.
    """

    when: str
    reply: Codes | None = None
    status: Codes | None = None
    words: tuple[str, ...] = ()
    any_words: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None
    commands: frozenset[Command | None] | None = None
    providers: frozenset[str | None] | None = None
    means: frozenset[str] = frozenset()
    unless: tuple[str, ...] = ()
    unless_means: frozenset[str] = frozenset()
    around: Circumstances | None = None

    @property
    def asks_words(self) -> bool:
        """Whether it asks for words of the reply, not for codes alone."""
        return bool(self.words or self.any_words or self.pattern or self.means)

    @classmethod
    def compile(cls, when: Mapping[str, object], *, trusted: bool = False, limited: bool = True) -> RuleCondition:
        """Return the condition of a rule's ``when`` table.

        :param trusted: leave out the check of its pattern, which the tests make of built-in data.
        :param limited: whether the pattern has a limit of steps; of a built-in one the tests count what it takes.

        :raises EntryError: naming the key at fault.
        """
        from undeliverable._rules.circumstances import Circumstances  # what is built in is made of the index
        from undeliverable._rules.keys import AROUND, RULE_WHEN

        refuse_unknown_conditions(when, RULE_WHEN)
        around = {key: value for key, value in when.items() if key in AROUND}
        condition = cls(
            describe(when),
            replies(when),
            statuses(when),
            phrases(when, "words"),
            phrases(when, "any_words"),
            _pattern(when, trusted=trusted, limited=limited),
            members(when, "command", Command),
            names(when, "provider"),
            frozenset(_concept(name, "when.means") for name in asked(when, "means")),
            tuple(phrase for phrase in phrases(when, "unless") if not phrase.startswith(_CONCEPT)),
            frozenset(
                _concept(name.removeprefix(_CONCEPT), "when.unless")
                for name in asked(when, "unless")
                if name.startswith(_CONCEPT)
            ),
            Circumstances.compile(around) if around else None,
        )
        if not when.keys() - {"unless"}:
            raise EntryError("a rule must ask for something", key="when")
        return condition

    def covers(self, other: RuleCondition) -> bool:
        """Return whether whatever fits `other` fits this: an entry below this one never applies."""
        return (
            _covers(self.reply, other.reply)
            and _covers(self.status, other.status)
            and _within(self.commands, other.commands)
            and _within(self.providers, other.providers)
            and all(any(stands_in(mine, theirs) for theirs in other.words) for mine in self.words)
            and self._any_covers(other)
            and self.means <= other.means
            and self.unless_means <= other.unless_means
            and set(self.unless) <= set(other.unless)
            and (self.pattern is None or (other.pattern is not None and self.pattern.pattern == other.pattern.pattern))
            and (self.around is None or (other.around is not None and self.around.covers(other.around)))
        )

    def _any_covers(self, other: RuleCondition) -> bool:
        def holds(text: str) -> bool:
            return any(stands_in(mine, text) for mine in self.any_words)

        return (
            not self.any_words
            or any(holds(text) for text in other.words)
            or (bool(other.any_words) and all(holds(text) for text in other.any_words))
        )


_CONCEPT: Final = "@"
"""Stands before a concept where a phrase might stand as well."""


def _covers(mine: Codes | None, other: Codes | None) -> bool:
    return mine is None or (other is not None and mine.cover(other))


def _within(mine: frozenset[object] | None, other: frozenset[object] | None) -> bool:
    return mine is None or (other is not None and other <= mine)


def _concept(name: str, key: str) -> str:
    if name not in CONCEPTS:
        raise EntryError(unknown("concept", name, CONCEPTS), key=key)
    return name


def _pattern(when: Mapping[str, object], *, trusted: bool, limited: bool) -> re.Pattern[str] | None:
    if "pattern" not in when:
        return None
    pattern = when["pattern"]
    if not isinstance(pattern, str) or not pattern:
        raise EntryError("must be a regular expression", key="when.pattern")
    if not trusted:
        _check_linear(pattern, limited=limited)
    return lazy(_JOINED.sub(lambda found: " " if found[0] == "_" else found[0], pattern), re.IGNORECASE)


def _check_linear(pattern: str, *, limited: bool) -> None:
    from undeliverable._text.linear import MOST_STEPS, check_linear  # what is built in was checked before it was packed

    problem = check_linear(pattern, most_steps=MOST_STEPS if limited else None)
    if problem is not None:
        raise EntryError(problem, key="when.pattern")
