"""Hold a second opinion on a reply: which reason its concepts, words and codes point to together.

Rules know phrases; where none of them fits, little is left but a code. This is a linear model beside them, learned from
labelled replies by ``python -m tests.train``: each *sign* of a reply (a concept, two concepts in one clause, a word, the
code, the status, the command) counts for some reasons and against others, and the sums give each reason a share of 1.

It advises and does not judge: it makes nothing hard, it leaves a provider's exact phrases and the rules of users alone, and
where a reply names no concept it says nothing. How often it mends and breaks is measured by ``python -m tests.train --check``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import combinations
from math import exp
from struct import Struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from undeliverable._rules.comparisons import ABSENT
from undeliverable._rules.meaning import BY_MEANING
from undeliverable._rules.phrases import Made
from undeliverable._rules.rule import Match, Ruling
from undeliverable.model import Command
from undeliverable.reasons import BounceType, Fault, Reason
from undeliverable.verdict import RuleRef

if TYPE_CHECKING:
    from undeliverable._rules.below import Language

__all__ = ["BARE", "LAYER", "WORD", "Opinion", "Signs", "View", "Weights", "advise", "may_advise"]

LAYER: Final = "opinion"
"""The layer of the rule that a verdict names where this opinion found the reason."""
BARE: Final = "general."
"""How the ids of built-in rules begin that ask for nothing but codes."""
WORD: Final = "'"
"""How the signs begin that are words of the reply."""
_TRANSIENT: Final = 4  # RFC 5321 4.2.1: a 4yz makes nothing hard
_TENTHS: Final = 10  # weights are kept as integers
_REMEMBERED: Final = 1_024  # replies, sets of concepts, or codes
_MOVED: Final = 2**15  # added to each weight, so that none is below 0
_SHOWN: Final = 5  # signs of an explanation


class _Bar(NamedTuple):
    """From where on an opinion counts.

    :ivar likely: the share that the other reason needs.
    :ivar unlikely: the share that what the rules found may have at most; of a hard reason, that of all hard reasons.
    """

    likely: float
    unlikely: float


# Chosen by leaving out whole sources and languages of the labelled replies.
_NOTHING_FOUND: Final = _Bar(0.6, 1.0)
_BY_CODE: Final = _Bar(0.8, 0.05)
_BY_WORDS: Final = _Bar(0.8, 0.003)
_HARD: Final = _Bar(0.75, 0.02)
"""Where words make a failure hard; a code that does so stands."""


class Weights:
    """What was learned: how many tenths each sign counts for each reason.

    The weights of a sign for all reasons also stand in one integer, so that one addition adds them all.

    :ivar base: what counts for each reason before anything was read.
    :ivar place: where each reason stands in the order of the weights.
    :ivar hard: where those stand that make a permanent failure hard.
    """

    def __init__(self, reasons: tuple[Reason, ...], base: Sequence[int], signs: Mapping[str, Sequence[int]]) -> None:
        self.reasons: Final = reasons
        self.base: Final = base
        self.signs: Final = signs
        self.place: Final = {reason: place for place, reason in enumerate(reasons)}
        self.hard: Final = tuple(place for reason, place in self.place.items() if reason.bounce_type is BounceType.HARD)
        self._fields: Final = Struct(f"<{len(reasons)}I")
        self._of_base: Final = self._packed(base)
        self._of_sign: Final = Made(self._of_one).__getitem__

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Weights:
        """Return the weights of ``data/opinion.toml``."""
        return cls(tuple(Reason[name.upper()] for name in table["reasons"]), table["base"], table["signs"])

    def sums(self, signs: Iterable[str]) -> tuple[int, ...]:
        """Return how many tenths known `signs` count for each reason, all of them moved by the same number."""
        whole = sum(map(self._of_sign, signs), self._of_base)
        return self._fields.unpack(whole.to_bytes(self._fields.size, "little"))

    def of_sign(self, sign: str, reason: Reason) -> int:
        """Return how many tenths a known sign counts for a reason."""
        return self.signs[sign][self.reasons.index(reason)] if reason in self.reasons else 0

    def _of_one(self, sign: str) -> int:
        return self._packed(self.signs[sign])

    def _packed(self, weights: Sequence[int]) -> int:
        return int.from_bytes(self._fields.pack(*(weight + _MOVED for weight in weights)), "little")


class Signs:
    """Reads the signs in a reply.

    :param language: what reads replies.
    :param known: the signs to look for; all if it is None.
    """

    def __init__(self, language: Language, known: Collection[str] | None = None) -> None:
        self._language: Final = language
        self._known: Final = known
        self._words: Final = None if known is None else {sign[1:] for sign in known if sign[0] == WORD}
        self._of_codes: Final = lru_cache(maxsize=_REMEMBERED)(self._signs_of_codes)
        self._of_concepts: Final = lru_cache(maxsize=_REMEMBERED)(self._signs_of_concepts)

    def of(self, text: str, code: int, status: int, command: Command | None) -> set[str] | None:
        """Return the signs in a reply, or None where its causes name no concept.

        :param text: the reply as rules see it; code and status as integers (0: none).
        """
        form = self._language.form(text).plain()
        clauses = [*filter(None, form.concepts())]
        if not clauses:
            return None
        found = {WORD + word for word in form.words_said() if self._words is None or word in self._words}
        return found.union(self._of_codes(code, status, command), *map(self._of_concepts, clauses))

    def _signs_of_concepts(self, concepts: frozenset[str]) -> tuple[str, ...]:
        pairs = [f"{one}+{other}" for one, other in combinations(sorted(concepts), 2)]
        return tuple(self._only((*concepts, *pairs)))

    def _signs_of_codes(self, code: int, status: int, command: Command | None) -> tuple[str, ...]:
        at = () if command is None else (f"at {command}",)
        return tuple(self._only((*_signs_of_codes(code, status), *at)))

    def _only(self, signs: Iterable[str]) -> Iterator[str]:
        return (sign for sign in signs if self._known is None or sign in self._known)


def _signs_of_codes(code: int, status: int) -> Iterator[str]:
    if code == ABSENT:
        yield "no code"
    else:
        yield str(code)
        yield f"{code // 100}yz"
    if status == ABSENT:
        yield "no status"
    else:
        subject, detail = divmod(status % 1_000_000, 1_000)
        yield f"x.{subject}"
        yield f"x.{subject}.{detail}"


class Opinion:
    """The model with the words that it reads replies by; immutable.

    :param language: what reads replies.
    """

    def __init__(self, language: Language, weights: Weights) -> None:
        self._signs: Final = Signs(language, weights.signs)
        self._weights: Final = weights
        self.view: Final = lru_cache(maxsize=_REMEMBERED)(self._view)
        """Return the opinion on a reply, or None; arguments as of :meth:`Signs.of`."""

    def _view(self, text: str, code: int, status: int, command: Command | None) -> View | None:
        found = self._signs.of(text, code, status, command)
        return None if found is None else View(self._weights, found)


class View:
    """The opinion on one reply.

    :ivar top: the reason with the largest share.
    """

    def __init__(self, weights: Weights, found: Iterable[str]) -> None:
        self._weights: Final = weights
        self._signs: Final = [sign for sign in found if sign in weights.signs]
        self._sums: Final = weights.sums(self._signs)
        self.top: Final = weights.reasons[self._sums.index(max(self._sums))]
        self._parts: tuple[list[float], float] | None = None

    def _counted(self) -> tuple[list[float], float]:
        """Return how much counts for each reason, in the order of the weights, and for all of them together."""
        if self._parts is None:
            most = max(self._sums)
            parts = [exp((each - most) / _TENTHS) for each in self._sums]
            self._parts = parts, sum(parts)
        return self._parts

    def share(self, reason: Reason) -> float:
        """Return the share of a reason."""
        place = self._weights.place.get(reason)
        if place is None:
            return 0.0
        parts, whole = self._counted()
        return parts[place] / whole

    @property
    def hard(self) -> float:
        """The share of all reasons that make a permanent failure hard."""
        parts, whole = self._counted()
        return sum([parts[place] for place in self._weights.hard]) / whole

    def why(self, reason: Reason) -> str:
        """Return what counts for a reason and against it: ``mailbox_full 5.2 = full 3.1 + storage 2.1; against: 550 -0.4``."""
        weighed = sorted((-self._weights.of_sign(sign, reason), sign) for sign in self._signs)
        pro = [(-tenths, sign) for tenths, sign in weighed if tenths < 0]
        against = [(-tenths, sign) for tenths, sign in reversed(weighed) if tenths > 0]
        others = sum(tenths for tenths, _ in pro[_SHOWN:])
        shown = [*map(_named, pro[:_SHOWN]), *([f"others {others / _TENTHS}"] if others else ())]
        text = f"{reason} {sum(tenths for tenths, _ in pro) / _TENTHS} = {' + '.join(shown) or 'nothing'}"
        return f"{text}; against: {', '.join(map(_named, against[:_SHOWN]))}" if against else text


def _named(weighed: tuple[int, str]) -> str:
    tenths, sign = weighed
    return f"{repr(sign[1:]) if sign[0] == WORD else sign} {tenths / _TENTHS}"


_EARLY: Final = frozenset((Command.CONNECT, Command.EHLO, Command.STARTTLS, Command.AUTH, Command.MAIL))


def may_advise(match: Match, by_status: Callable[[int], Reason | None], status: int) -> bool:
    """Return whether there can be another opinion on what the rules found.

    There is none on a provider's exact phrases and on users' rules, nor where the status says the same as the words; two
    hard reasons are the same in this. Plain phrases for a soft reason are hardly ever wrong: asking about each of them costs
    more than it mends.

    :param by_status: returns the reason that a status gives by itself.
    """
    rule = match.rule
    if rule is None or match.doubts.hedge is not None:
        return match.doubts.hedge is None
    if rule.layer != "builtin" or not rule.id.startswith(BY_MEANING):
        return False
    if rule.id.startswith(BARE):
        return True
    said = None if status == ABSENT else by_status(status)
    if rule.reason.bounce_type is BounceType.HARD:
        return said is None or said.bounce_type is not BounceType.HARD
    return rule.when.pattern is not None and said is not rule.reason


def advise(
    view: View | None, match: Match, code: int, command: Command | None, parts: Iterable[View | None] = ()
) -> Ruling | None:
    """Return the reason to take instead of what a rule found, or None to leave it.

    :param code: the reply's (0: none).
    :param parts: the opinions on its sentences by themselves: where one is enough for a hard bounce, the others, which may
        be no more than politeness, do not undo it.
    """
    if view is None:
        return None
    rule, top = match.rule, view.top
    found = Reason.UNDEFINED if rule is None else rule.reason
    is_hard = found.bounce_type is BounceType.HARD and code // 100 != _TRANSIENT
    is_bare = rule is None or rule.id.startswith(BARE)
    if top is found or not _may_be(top, command) or (is_hard and is_bare) or found is Reason.EXPIRED:
        return None
    by_kind = _BY_CODE if is_bare else _HARD if is_hard else _BY_WORDS
    bar = _NOTHING_FOUND if found is Reason.UNDEFINED else by_kind
    if view.share(top) < bar.likely or (view.hard if is_hard else view.share(found)) > bar.unlikely:
        return None
    if is_hard and any(part is not None and part.hard > bar.unlikely for part in parts):
        return None
    return Ruling(top, None, RuleRef(f"{LAYER}.{top}", LAYER, when=view.why(top)))


def _may_be(reason: Reason, command: Command | None) -> bool:
    """Return whether this opinion may name a reason: a soft one, and before RCPT none that blames the recipient."""
    if reason.bounce_type is not BounceType.SOFT or reason is Reason.EXPIRED:  # only a queue knows that it gave up
        return False
    return command not in _EARLY or reason.fault is not Fault.MAILBOX
