"""Rules in their order: the first that fits finds the reason.

Every rule becomes one *clause* or several, each with one phrase that must stand in the text; they are filed under that
phrase or under codes (:mod:`undeliverable._rules.index`), made when a reply leads to them, and verified in rank order until
the first fits. Clauses of one provider are found only where that provider answered.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from undeliverable._rules.below import Below
from undeliverable._rules.doubts import alternative, apart_of, by_codes, condemns, denied, is_scattered, noun, unasked
from undeliverable._rules.form import Form
from undeliverable._rules.frames import STANDARD
from undeliverable._rules.index import GROUPS, MARKS, Shelf, file_rules
from undeliverable._rules.links import unnamed, within
from undeliverable._rules.meaning import Reading
from undeliverable._rules.phrases import Index, Made, Places
from undeliverable._rules.roles import NO_DOUBTS
from undeliverable._rules.rule import (
    PARTS,
    Match,
    Rule,
    Seen,
    between_blanks,
    clause_of,
    fits,
    fits_codes,
    one_stands_in,
)
from undeliverable._rules.visible import place_of, stands_in, visible
from undeliverable._text.classes import mypyc_attr
from undeliverable.model import Command
from undeliverable.reasons import Advice, Reason

if TYPE_CHECKING:
    from typing import TypeAlias

    from undeliverable._rules.rule import Clause

    _Question: TypeAlias = tuple[int, int, Command | None, str | None]
    """What a reply is judged by beside its text: code, status, command and provider."""

__all__ = ["Match", "Rule", "RuleTable", "Seen"]


_RULES: Final = MARKS // 2  # all marks stand before here, all rules behind
_REMEMBERED: Final = 1_024
_TRANSIENT: Final = 400  # RFC 5321 4.2.1: a 4yz is transient whatever its words
_PERMANENT: Final = 500
_ADDRESSING: Final = 1  # RFC 3463 3.2: X.1.x is about addresses
_MANY: Final = 64  # places: from there on it is worth while to look whether a text says the same again
_NOWHERE: Final = 2**29  # behind all rules
_NO_MATCH: Final = Match(None, None, None, None)
_NO_CODE: Final[frozenset[int]] = frozenset()  # that no reply has: for what stands where a clause should, but is none
_NO_CONCEPTS: Final[frozenset[str]] = frozenset()
_NOTHING: Final = Below()


@mypyc_attr(allow_interpreted_subclasses=True)
class RuleTable:
    """Rules in rank order with their index; immutable.

    :param rules: rules, the highest rank first.
    :param marks: phrases that identify a provider, with its name, the first one first.
    :param below: what is filed already, if there are neither rules nor marks; else no more than the words of languages.
    """

    def __init__(self, rules: Sequence[Rule], marks: Sequence[tuple[str, str]] = (), below: Below = _NOTHING) -> None:
        self._fill(dict(enumerate(rules, -len(rules))), marks, below)
        self.shelf: Shelf = self._filed() if rules or marks else below.shelf
        self._index: Places = Index(self.shelf.filed)
        self._clauses: dict[int, Clause] = Made(self._clause)
        self._clause_at = self._clauses.__getitem__

    def _fill(self, upper: Mapping[int, Rule], marks: Sequence[tuple[str, str]], below: Below) -> None:
        """Set all but how rules are found, of rules by their number: from 0 on those below, and -1 is the lowest above."""
        self._upper = upper
        self._marks = tuple(marks)
        self._below = below
        self._exact = below.exact * PARTS
        self._matches: dict[tuple[int, str], Match] = {}
        self._by_concept: dict[str, list[tuple[int, frozenset[str]]]] | None = None
        self._bare = lru_cache(maxsize=_REMEMBERED)(self._by_codes)
        self._asking_for = lru_cache(maxsize=_REMEMBERED)(self._meant_by)

    def _filed(self) -> Shelf:
        """Return where the rules and marks above are found."""
        marks = self._marks
        numbered = [(number - len(marks), phrase) for number, (phrase, _) in enumerate(marks)]
        return file_rules(sorted(self._upper.items()), numbered)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules in rank order."""
        below = {number: self._below.rule(number) for number in range(len(self._below)) if number not in self._upper}
        return tuple(rule for _, rule in sorted({**below, **self._upper}.items()))

    def match(self, seen: Seen) -> Match:
        """Return the first rule that fits what was `seen`."""
        return self.find(*seen)

    def find(self, text: str, code: int, status: int, command: Command | None, provider: str | None) -> Match:
        """Return the first rule that fits what the arguments say, which are those of :class:`Seen`.

        A rule fits a reply as it stands or in its plain form. Where a reply states no cause, but gives advice, the words
        of the advice count as weak evidence: never of a fault of the address or the mailbox.
        """
        question = code, status, command, provider
        form = self._below.form(text)
        place, match = self._look(form, question)
        whole = form.whole_plain()
        plain = whole if place < self._exact else form.plain()
        if whole is not plain and whole is not form:  # exact phrases see all of a reply
            higher, better = self._look(whole, question, self._exact)
            place, match = (higher, better) if higher < self._exact else (place, match)
        if plain is not form:
            higher, better = self._look(plain, question, place)
            place, match = (higher, better) if higher < place else (place, match)
        if _TRANSIENT <= code < _PERMANENT:
            return match
        is_exact = place < self._exact
        match = self._with_doubts(match, form, question, is_exact=is_exact)
        if match.rule is None or not condemns(match.rule):
            return match
        if place >= 0 and STANDARD in plain.text and status // 1_000 % 1_000 != _ADDRESSING:
            said = self._look(Form(plain.text.replace(STANDARD, ""), self._below), question)[1]
            if said.clears_by_words:
                return said
        if is_exact:
            return self._unadvised(match, match.rule, form, question)
        return self._said_else(match, match.rule, plain, question)

    def _unadvised(self, match: Match, rule: Rule, form: Form, question: _Question) -> Match:
        """Return `match`; or what decides without advice and footers, if only there its exact phrases begin."""
        words = rule.when.words + rule.when.any_words
        if not one_stands_in(words, form.text):
            form = form.whole_plain()
        reading = form.reading()
        cuts = [] if reading is None else reading.cuts()
        begins = [at for word in words if (at := place_of(word, form.text)) >= 0] if cuts else []
        if not begins or not all(within(at, cuts) for at in begins):
            return match
        said = self._look(Form(form.cause(), self._below), question)[1]
        return said if said.clears_by_words else match

    def _said_else(self, match: Match, rule: Rule, plain: Form, question: _Question) -> Match:
        """Return `match` with what it is about instead; or what decides without names and questions, if it blames nobody."""
        cause = plain.cause()
        text = unasked(unnamed(cause))
        if text != cause:
            said = self._look(Form(text, self._below), question)[1]
            if said.rule is None or not said.rule.blames_recipient:
                return said
        if is_scattered(rule, cause):
            apart = [self._look(Form(one, self._below), question) for one in apart_of(cause)]
            said = min(apart, key=itemgetter(0))[1]
            if said.clears_by_words:
                return said
        code, status, command, _ = question
        concepts = self._below.concepts
        other = by_codes(rule, code, status, command, plain) or noun(concepts, plain)
        state = denied(rule, concepts, plain)
        if other is None and state is None:
            return match
        return match._replace(doubts=match.doubts._replace(noun=other, denied=state))

    def _look(self, form: Form, question: _Question, below: int = _NOWHERE) -> tuple[int, Match]:
        """Return the first rule before the place `below` that fits one form of a reply, after its place."""
        code, status, command, provider = question
        found, provider = self._found(form, code, status, provider)
        question = code, status, command, provider
        if below < _NOWHERE:
            found = found[: bisect_left(found, below)]
        exact = bisect_left(found, self._exact)
        place, match = self._first(found[:exact], form, form.text, question)
        if place == _NOWHERE and exact < len(found):
            place, match = self._first(found[exact:], form, form.cause(), question)
        meant = self.shelf.meant
        if meant and meant[0] < min(place, below):
            where, better = self._by_meaning(min(place, below), form, question)
            place, match = (place, match) if where == _NOWHERE else (where, better)
        if (match.rule is None or not match.rule.when.asks_words) and form.is_advice():
            behind, weak = self._first(found, form, form.text, question)
            if weak.clears_by_words:
                return behind, weak
        return place, match

    def _by_meaning(self, below: int, form: Form, question: _Question) -> tuple[int, Match]:
        """Return the first rule by concepts before the place `below` that fits, after its place."""
        found = self._asking_for(_NO_CONCEPTS.union(*form.concepts()))
        found = found[: bisect_left(found, below)]
        return self._first(found, form, form.cause(), question) if found else (_NOWHERE, _NO_MATCH)

    def _meant_by(self, spoken_of: frozenset[str]) -> list[int]:
        """Return the places of the rules that ask for no concepts but those that a reply mentions, in their order."""
        if self._by_concept is None:
            self._by_concept = self._meant()
        meant = self._by_concept
        asked = [one for concept in spoken_of if concept in meant for one in meant[concept]]
        return sorted(place for place, means in asked if means <= spoken_of)

    def _meant(self) -> dict[str, list[tuple[int, frozenset[str]]]]:
        """Return the places of rules that only concepts find, by the one that the fewest ask for."""
        return self._by_concepts(self.shelf.meant)

    def _by_concepts(self, places: Sequence[int]) -> dict[str, list[tuple[int, frozenset[str]]]]:
        asked = [(place, self._rule(place // PARTS).when.means) for place in places]
        times = Counter(concept for _, means in asked for concept in means)
        filed: dict[str, list[tuple[int, frozenset[str]]]] = {}
        for place, means in asked:
            filed.setdefault(min(means, key=lambda concept: (times[concept], concept)), []).append((place, means))
        return filed

    def concepts_in(self, text: str) -> tuple[frozenset[str], ...]:
        """Return the concepts in each clause of a text that is no reply."""
        return self._below.concepts_in(visible(text, 0))

    def _with_doubts(self, match: Match, form: Form, question: _Question, *, is_exact: bool) -> Match:
        """Return `match` with the words that make its cause doubtful, where they would change what follows from it."""
        rule = match.rule
        if is_exact and rule is not None and not rule.blames_recipient and rule.reason.advice is not Advice.REVIEW:
            return match
        reading = form.reading()
        if reading is None:
            return match
        doubts = reading.doubts()
        if rule is not None and not rule.blames_recipient:
            if is_exact or doubts.hedge is None or not self._is_mixed(reading):
                doubts = doubts._replace(hedge=None)
            if rule.reason.advice is not Advice.REVIEW:
                doubts = doubts._replace(temporary=None, resolver=None)
        elif doubts.hedge is None and rule is not None and not is_exact and condemns(rule) and self._is_mixed(reading):
            doubts = doubts._replace(hedge="or")
        elif doubts.hedge is not None and rule is not None and self._is_certain(reading.certain(), question):
            doubts = doubts._replace(hedge=None)
        if doubts.hedge is None and rule is not None and not is_exact and condemns(rule):
            supposed = reading.supposed()
            if supposed is not None and not self._is_certain(supposed[1], question):
                doubts = doubts._replace(hedge=supposed[0])
        return match if doubts == NO_DOUBTS else match._replace(doubts=doubts)

    def _is_mixed(self, reading: Reading) -> bool:
        return alternative(self._below.concepts, reading.alternatives())

    def _is_certain(self, certain: str, question: _Question) -> bool:
        """Return whether `certain`, what a reply states beside its doubtful clauses, blames the recipient by words."""
        form = Form(certain, _NOTHING)
        code, status, _, provider = question
        found, _ = self._found(form, code, status, provider)
        rule = self._first(found, form, certain, question)[1].rule
        return rule is not None and rule.when.asks_words and rule.blames_recipient

    def _first(self, found: Sequence[int], form: Form, text: str, question: _Question) -> tuple[int, Match]:
        """Return the first rule of `found` that fits `text`, after its place.

        :param text: the whole of `form`, or the cause that it states; concepts are looked for in the cause alone.
        """
        code, status, command, provider = question
        done = None  # a rule whose other phrases need not be tried, since the rest does not fit; marks have none at all
        for place, codes, providers, phrase, spaced, rest, rule, match in map(self._clause_at, found):
            if (
                phrase in text
                and rule is not done
                and (codes is None or code in codes)
                and (providers is None or provider in providers)
                and (spaced in text or stands_in(phrase, text))
            ):
                if rest is None or (
                    rest.fits(text, status, command)
                    and (not rest.asks_concepts or rest.is_meant(form.concepts()))
                    and not (rest.unless and rest.is_ruled_out(form.other(text)))
                ):
                    return place, match if provider is None else self._at_provider(match, place, provider)
                done = rule
        return _NOWHERE, _NO_MATCH if provider is None else self._at_provider(_NO_MATCH, _NOWHERE, provider)

    def _at_provider(self, match: Match, place: int, provider: str) -> Match:
        found = self._matches.get((place, provider))
        if found is None:
            found = match._replace(provider=provider)
            if len(self._matches) < _REMEMBERED:
                self._matches[place, provider] = found
        return found

    def _found(self, form: Form, code: int, status: int, provider: str | None) -> tuple[list[int], str | None]:
        """Return the places of the clauses to ask, in their order, and the provider, by its marks if need be."""
        found = self._index.places(form.words)
        found += self._bare(code, status)
        if len(found) > _MANY:
            found = [*set(found)]
        found.sort()
        if provider is None and found and found[0] < _RULES:
            provider = self._marked(found, form.text)
        if provider is not None and found and found[-1] >= GROUPS:
            found = self._with_own(found, provider)
        return found, provider

    def _with_own(self, found: list[int], provider: str) -> list[int]:
        """Return the places with those of the provider's own clauses instead of the groups that hold them."""
        own: list[int] = []
        while found and found[-1] >= GROUPS:
            own += self.shelf.groups[found.pop() - GROUPS].get(provider, ())
        return sorted(found + own) if own else found

    def _marked(self, found: Sequence[int], text: str) -> str | None:
        """Return the provider of the first mark that stands in the text."""
        for place, _, _, phrase, spaced, _, _, match in map(self._clause_at, found):
            if place >= _RULES:
                break
            if spaced in text or (phrase in text and stands_in(phrase, text)):
                return match.provider
        return None

    def _by_codes(self, code: int, status: int) -> list[int]:
        """Return the places of the clauses that are filed under codes and fit these, and of those for every reply."""
        return self._of(self.shelf, code, status)

    def _of(self, shelf: Shelf, code: int, status: int) -> list[int]:
        found = [*shelf.free, *shelf.reply.get(str(code), ()), *shelf.status.get(str(status), ())]
        return [place for place in found if place >= GROUPS or fits_codes(self._clauses[place], code, status)]

    def _clause(self, place: int) -> Clause:
        if place >= GROUPS:
            return place, _NO_CODE, None, "", "", None, None, _NO_MATCH
        if place >= _RULES:
            return clause_of(place, self._rule(place // PARTS))
        number = place - MARKS
        phrase, provider = self._marks[number] if number < 0 else self._below.marks[number]
        return place, None, None, phrase, between_blanks(phrase), None, None, Match(None, None, provider, None)

    def _rule(self, number: int) -> Rule:
        found = self._upper.get(number)
        return self._below.rule(number) if found is None else found

    def trace(self, seen: Seen) -> Match:
        """Like :meth:`match`, with every other rule that fits: those that decide on causes first, each in rank order.

        Behind them stand those that fit by the words of advice, footers and links alone.
        """
        first = self.match(seen)
        seen = seen._replace(provider=first.provider)
        fitting = dict.fromkeys((*self.fitting(seen), *self._fitting(seen, seen.text)))
        return first._replace(shadowed=tuple(rule.ref() for rule in fitting if rule is not first.rule))

    def other_reason(self, seen: Seen) -> Reason | None:
        """Return the reason of the first rule that fits by words and does not blame the recipient, or None."""
        return next(
            (rule.reason for rule in self.fitting(seen) if rule.when.asks_words and not rule.blames_recipient), None
        )

    def fitting(self, seen: Seen) -> tuple[Rule, ...]:
        """All rules that fit, in rank order."""
        return self._fitting(seen, self._below.form(seen.text).cause())

    def _fitting(self, seen: Seen, cause: str) -> tuple[Rule, ...]:
        of_causes, concepts = seen._replace(text=cause), self._below.concepts_in(cause)
        return tuple(
            dict.fromkeys(
                clause[6]
                for clause in self._asked(seen)
                if clause[6] is not None
                and fits(clause, seen if clause[0] < self._exact else of_causes)
                and (clause[5] is None or not clause[5].asks_concepts or clause[5].is_meant(concepts))
            )
        )

    def candidates(self, seen: Seen) -> Iterator[Rule]:
        """Return the rules whose words may be in the text, or that have none and fit the codes, in rank order."""
        return (clause[6] for clause in self._asked(seen) if clause[6] is not None)

    def _asked(self, seen: Seen) -> Iterator[Clause]:
        found, _ = self._found(self._below.form(seen.text), seen.code, seen.status, seen.provider)
        return map(self._clause_at, sorted([*found, *self.shelf.meant]))
