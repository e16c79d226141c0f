"""What is asked of a reply before a rule applies, in the order in which it costs least."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from undeliverable._rules.conditions import PATTERN_LIMIT, RuleCondition
from undeliverable._rules.roles import NO_DOUBTS, Doubts
from undeliverable._rules.visible import SHORT, stands_in
from undeliverable._text.lazy import lazy
from undeliverable.model import Command
from undeliverable.reasons import Fault, Reason
from undeliverable.verdict import RuleRef

if TYPE_CHECKING:
    from typing import TypeAlias

    # What is asked of a clause, as a plain tuple for speed: its place in the order, reply codes, providers, the phrase,
    # the phrase between blanks, what is left to ask; the rule and what is said where it fits, or the provider that the
    # phrase is a mark of.
    Clause: TypeAlias = tuple[
        int,
        frozenset[int] | None,
        frozenset[str | None] | None,
        str,
        str,
        "Rest | None",
        "Rule | None",
        "Match",
    ]

__all__ = [
    "PARTS",
    "Clause",
    "Match",
    "Rule",
    "Ruling",
    "Seen",
    "all_stand_in",
    "between_blanks",
    "clause_of",
    "fits",
    "fits_codes",
    "one_stands_in",
]

PARTS: Final = 1_024
"""How many places a rule has, one for each phrase that it may be found by; the last one is for all further ones."""


_BLAMES: Final = frozenset((Fault.ADDRESS, Fault.MAILBOX))


class Rule(NamedTuple):
    """A ``[[rule]]``: a condition that finds the reason.

    :ivar example: a reply that the rule has to win; `examples` are further ones.
    :ivar not_examples: replies that it must not win.
    :ivar layer: ``code``, ``file:NAME`` or ``builtin``.
    :ivar replaces: the id of the entry in a lower layer whose place this one takes, or None.
    """

    id: str
    layer: str
    when: RuleCondition
    reason: Reason
    example: str | None = None
    source: str | None = None
    replaces: str | None = None
    examples: tuple[str, ...] = ()
    not_examples: tuple[str, ...] = ()

    @property
    def all_examples(self) -> tuple[str, ...]:
        """All replies that the rule has to win."""
        return (*((self.example,) if self.example else ()), *self.examples)

    @property
    def blames_recipient(self) -> bool:
        """Whether the reason is a fault of the recipient's address or mailbox."""
        return self.reason.fault in _BLAMES

    def ref(self) -> RuleRef:
        """Return what a verdict keeps of the rule."""
        when = self.when
        pattern = None if when.pattern is None else when.pattern.pattern
        words = when.words + when.any_words
        return RuleRef(self.id, self.layer, self.source, when.when, words, pattern, tuple(sorted(when.means)))


class Seen(NamedTuple):
    """What rules see of a failure: codes as integers (0: none), the text as `visible` gives it."""

    text: str
    code: int
    status: int
    command: Command | None
    provider: str | None


class Ruling(NamedTuple):
    """What is decided instead of what a rule found.

    :ivar why: what contradicts the rule; it becomes a conflict of the verdict. None where nothing does.
    :ivar ref: what found the new reason, or None.
    """

    reason: Reason
    why: str | None
    ref: RuleRef | None = None


class Match(NamedTuple):
    """What the rules said: the first rule that fits, the provider by host or marks, and what was shadowed.

    :ivar advised: what a second opinion advises instead, or None.
    :ivar seen: the reply as rules saw it; None where nobody kept it.
    """

    rule: Rule | None
    ref: RuleRef | None
    provider: str | None
    shadowed: tuple[RuleRef, ...] | None
    doubts: Doubts = NO_DOUBTS
    advised: Ruling | None = None
    seen: str | None = None

    @property
    def clears_by_words(self) -> bool:
        """Whether words of the reply name a cause that is no fault of the recipient's address or mailbox."""
        return self.rule is not None and self.rule.when.asks_words and not self.rule.blames_recipient


class Rest:
    """What is asked of a clause last.

    :ivar more: phrases that must stand in the text as well.
    :ivar any_of: phrases of which one must stand in the text as well.
    :ivar unless: phrases of which none may stand in the text.
    :ivar means: concepts that must stand together in a clause of the text.
    :ivar unless_means: concepts that must not stand in that clause, or anywhere if no clause is asked for.
    :ivar asks_concepts: whether concepts have to stand in the text, or must not.
    """

    __slots__ = (
        "any_of",
        "asks_concepts",
        "commands",
        "means",
        "more",
        "pattern",
        "plain",
        "status",
        "unless",
        "unless_means",
    )

    def __init__(self, when: RuleCondition, more: tuple[str, ...], any_of: tuple[str, ...]) -> None:
        self.status = when.status
        self.commands = when.commands
        self.pattern = when.pattern
        self.plain = None if when.pattern is None else _plain(when.pattern)
        self.more = more
        self.any_of = any_of
        self.unless = when.unless
        self.means = when.means
        self.unless_means = when.unless_means
        self.asks_concepts = bool(when.means or when.unless_means)

    def is_empty(self) -> bool:
        """Return whether there is nothing to ask."""
        asked = self.more or self.any_of or self.status or self.commands or self.pattern
        return not (asked or self.unless or self.asks_concepts)

    def fits(self, text: str, status: int, command: Command | None) -> bool:
        """Return whether a reply has it all, concepts left out."""
        return (
            (self.status is None or self.status.fit(status))
            and (self.commands is None or command in self.commands)
            and (not self.more or all_stand_in(self.more, text))
            and (not self.any_of or one_stands_in(self.any_of, text))
            and not (self.unless and one_stands_in(self.unless, text))
            and (self.pattern is None or self._is_found(text))
        )

    def is_ruled_out(self, text: str | None) -> bool:
        """Return whether a phrase that must not stand in `text` does; in none if that is None."""
        return text is not None and one_stands_in(self.unless, text)

    def is_meant(self, clauses: Sequence[frozenset[str]]) -> bool:
        """Return whether the concepts that are asked for stand in one of the `clauses`, without those that must not."""
        if self.means:
            return any(self.means <= found and self.unless_means.isdisjoint(found) for found in clauses)
        return all(self.unless_means.isdisjoint(found) for found in clauses)

    def _is_found(self, text: str) -> bool:
        pattern = self.plain if self.plain is not None and text.isascii() and text.isprintable() else self.pattern
        return pattern is not None and pattern.search(text, 0, PATTERN_LIMIT) is not None


# Lower-case ASCII, and escapes that mean the same in either case; a hyphen only where it cannot span capitals: those stand between "@" and "a".
_LOWER: Final = lazy(r"(?:[^\\A-Z\x7f-]|(?<=[a-z])-|-(?=[ -@\]])|(?<=\[)-|\\[bBdDsSwWAZ]|\\[!-/:-@[-`{-~])*")
_FLAGS: Final = lazy(r"\(\?[aiLmsux-]+[:)]")


def _plain(pattern: re.Pattern[str]) -> re.Pattern[str] | None:
    """Return a faster pattern that finds the same in printable ASCII, or None.

    The text is in lower case: where the pattern is so too, case need not be ignored.
    """
    text = pattern.pattern
    return lazy(text, re.ASCII) if text.isascii() and _LOWER.fullmatch(text) and not _FLAGS.search(text) else None


def all_stand_in(phrases: tuple[str, ...], text: str) -> bool:
    """Return whether each of the `phrases` stands in `text`."""
    for phrase in phrases:  # noqa: SIM110 # a loop is twice as fast as all() with a generator
        if phrase not in text or not stands_in(phrase, text):
            return False
    return True


def one_stands_in(phrases: tuple[str, ...], text: str) -> bool:
    """Return whether one of the `phrases` stands in `text`."""
    for phrase in phrases:  # noqa: SIM110 # a loop is twice as fast as any() with a generator
        if phrase in text and stands_in(phrase, text):
            return True
    return False


def clause_of(place: int, rule: Rule) -> Clause:
    """Return what is asked at a place of a rule."""
    when = rule.when
    words, any_of = when.words, when.any_words
    part = place % PARTS
    if part in {0, PARTS - 1}:  # found by its codes, or by any of more phrases than there are parts
        phrase = ""
    elif part <= len(words):
        phrase = words[part - 1]
        words = tuple(word for word in words if word != phrase)
    else:
        phrase, any_of = any_of[part - 1 - len(words)], ()
    rest = Rest(when, words, any_of)
    codes = None if when.reply is None else when.reply.single
    match = Match(rule, rule.ref(), None, None)
    return place, codes, when.providers, phrase, between_blanks(phrase), None if rest.is_empty() else rest, rule, match


def between_blanks(phrase: str) -> str:
    """Return the phrase as most texts have it: after a blank, and before one if its last word may not go on."""
    if not phrase:
        return ""
    may_go_on = len(phrase) >= SHORT and phrase[-SHORT:].isalnum()
    return f" {phrase}" if may_go_on else f" {phrase} "


def fits_codes(clause: Clause, code: int, status: int) -> bool:
    codes, rest = clause[1], clause[5]
    return (codes is None or code in codes) and (rest is None or rest.status is None or rest.status.fit(status))


def fits(clause: Clause, seen: Seen) -> bool:
    _, codes, providers, phrase, _, rest, _, _ = clause
    return (
        (codes is None or seen.code in codes)
        and (providers is None or seen.provider in providers)
        and (not phrase or stands_in(phrase, seen.text))
        and (rest is None or rest.fits(seen.text, seen.status, seen.command))
    )
