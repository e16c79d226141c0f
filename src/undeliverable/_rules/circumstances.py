"""Conditions on a failure as a whole: all that a policy asks, and what a rule asks beside the reply.

Each key of a ``when`` table becomes one comparison. A condition that can never hold is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from undeliverable._rules import limits
from undeliverable._rules.comparisons import (
    Codes,
    describe,
    members,
    names,
    phrases,
    refuse_unknown_conditions,
    replies,
    statuses,
)
from undeliverable._rules.keys import POLICY_WHEN
from undeliverable._rules.visible import stands_in
from undeliverable.errors import EntryError
from undeliverable.errors._tables import as_table
from undeliverable.model import Command
from undeliverable.reasons import Fault, Reason

if TYPE_CHECKING:
    from typing import TypeAlias

    from undeliverable._rules.failure import Failure
    from undeliverable._rules.limits import Comparison

    _Read: TypeAlias = Callable[[Mapping[str, object], str], Comparison]

__all__ = ["Circumstances"]


class Circumstances(NamedTuple):
    """What is asked of a failure; an empty table asks nothing, and fits every one.

    :ivar when: the table as it was written.
    :ivar reasons: the reasons that it is about, or None for all.
    :ivar asked: the other comparisons, by their keys.
    """

    when: str
    reasons: frozenset[Reason] | None = None
    asked: tuple[tuple[str, Comparison], ...] = ()

    @classmethod
    def compile(cls, when: Mapping[str, object], path: str = "when") -> Circumstances:
        """Return the condition of a ``when`` table.

        :param path: what errors call the table.
        :raises EntryError: naming the key at fault.
        """
        try:
            refuse_unknown_conditions(when, POLICY_WHEN)
            reasons = _reasons(when)
            asked = tuple((key, _READ[key](when, key)) for key in when if key in _READ)
            limits.refuse_contradiction(dict(asked))
        except EntryError as error:
            if path != "when" and error.key is not None:
                error.key = path + error.key.removeprefix("when")
            raise
        return cls(describe(when), reasons, asked)

    def fits(self, failure: Failure) -> bool:
        """Return whether all of it holds for `failure`."""
        if self.reasons is not None and failure.reason not in self.reasons:
            return False
        for _, comparison in self.asked:  # noqa: SIM110 # a loop is twice as fast as all() with a generator
            if not comparison.fits(failure):
                return False
        return True

    def covers(self, other: Circumstances) -> bool:
        """Return whether whatever fits `other` fits this."""
        if self.reasons is not None and (other.reasons is None or not other.reasons <= self.reasons):
            return False
        theirs = dict(other.asked)
        return all(key in theirs and mine.covers(theirs[key]) for key, mine in self.asked)

    def meets(self, other: Circumstances) -> bool:
        """Return whether some failure may fit both, as far as the conditions that both ask for can be compared."""
        if self.reasons is not None and other.reasons is not None and self.reasons.isdisjoint(other.reasons):
            return False
        theirs = dict(other.asked)
        return all(_meet(mine, theirs[key]) for key, mine in self.asked if key in theirs)

    def without(self, key: str) -> Circumstances:
        """Return the same without what is asked under `key`; ``reason`` stands for ``fault`` as well."""
        kept = tuple(pair for pair in self.asked if pair[0] != key)
        return self._replace(asked=kept, reasons=None if key == "reason" else self.reasons)

    def named(self, key: str) -> Iterator[tuple[str, str]]:
        """Yield each name that is asked for under `key`, also below ``not``, after the dotted key where it stands."""
        for where, comparison in self.asked:
            if where == key and isinstance(comparison, OneOf):
                yield from ((f"when.{key}", name) for name in sorted(filter(None, comparison.values)))
            elif isinstance(comparison, Not):
                yield from ((f"when.not.{key}", name) for _, name in comparison.inner.named(key))


def _meet(mine: Comparison, theirs: Comparison) -> bool:
    """Return whether one value may fit both, of which one covers the other or both are lists that share a value."""
    if isinstance(mine, OneOf) and isinstance(theirs, OneOf):
        return not mine.values.isdisjoint(theirs.values)
    return mine.covers(theirs) or theirs.covers(mine)


class OneOf(NamedTuple):
    """A value is one of some."""

    of: str
    values: frozenset[str | None]

    def fits(self, failure: Failure) -> bool:
        """Return whether the value is among them."""
        return getattr(failure, self.of) in self.values

    def covers(self, other: object) -> bool:
        """Return whether `other` asks for fewer values."""
        return isinstance(other, OneOf) and other.values <= self.values


class SomeOf(NamedTuple):
    """One of several values is one of some."""

    of: str
    values: frozenset[str | None]

    def fits(self, failure: Failure) -> bool:
        """Return whether any value is among them."""
        return not self.values.isdisjoint(getattr(failure, self.of))

    def covers(self, other: object) -> bool:
        """Return whether `other` asks for fewer values."""
        return isinstance(other, SomeOf) and other.values <= self.values


class CodeOf(NamedTuple):
    """A reply code or a status is one of some."""

    of: str
    codes: Codes

    def fits(self, failure: Failure) -> bool:
        """Return whether the code is among them."""
        return self.codes.fit(getattr(failure, self.of))

    def covers(self, other: object) -> bool:
        """Return whether `other` asks for fewer codes."""
        return isinstance(other, CodeOf) and self.codes.cover(other.codes)


class Expired(NamedTuple):
    """A queue gave up, or did not."""

    wanted: bool

    def fits(self, failure: Failure) -> bool:
        """Return whether it is so."""
        return failure.expired is self.wanted

    def covers(self, other: object) -> bool:
        """Return whether `other` asks the same."""
        return self == other


class Words(NamedTuple):
    """All phrases stand in the reply, or one of them does, or none."""

    phrases: tuple[str, ...]
    how: Callable[[Iterator[bool]], bool]

    def fits(self, failure: Failure) -> bool:
        """Return whether it is so."""
        text = failure.text
        return self.how(phrase in text and stands_in(phrase, text) for phrase in self.phrases)

    def covers(self, other: object) -> bool:
        """Return whether `other` asks for the same phrases, and for all more or any fewer."""
        if not isinstance(other, Words) or other.how is not self.how:
            return False
        mine, theirs = set(self.phrases), set(other.phrases)
        return theirs <= mine if self.how is any else mine <= theirs


class Not(NamedTuple):
    """A condition does not hold."""

    inner: Circumstances

    def fits(self, failure: Failure) -> bool:
        """Return whether it does not."""
        return not self.inner.fits(failure)

    def covers(self, other: object) -> bool:
        """Return whether `other` excludes at least as much."""
        return isinstance(other, Not) and other.inner.covers(self.inner)


def _none(found: Iterator[bool]) -> bool:
    return not any(found)


def _reasons(when: Mapping[str, object]) -> frozenset[Reason] | None:
    """Return the reasons that are named, by themselves or by their fault."""
    reasons, faults = members(when, "reason", Reason), members(when, "fault", Fault)
    if faults is not None:
        blamed = frozenset(reason for reason in Reason if reason.fault in faults)
        reasons = blamed if reasons is None else blamed & reasons
        if not reasons:
            raise EntryError("never holds: no reason that is asked for has such a fault", key="when.fault")
    return None if reasons is None else frozenset(reason for reason in reasons if reason is not None)


def _one_of(of: str) -> _Read:
    return lambda when, key: OneOf(of, names(when, key) or frozenset())


def _commands(when: Mapping[str, object], key: str) -> Comparison:
    return OneOf("command", frozenset(members(when, key, Command) or ()))


def _codes(read: Callable[[Mapping[str, object], str], Codes | None]) -> _Read:
    return lambda when, key: CodeOf(key, read(when, key) or Codes(frozenset()))


def _words(how: Callable[[Iterator[bool]], bool]) -> _Read:
    return lambda when, key: Words(phrases(when, key), how)


def _expired(when: Mapping[str, object], key: str) -> Comparison:
    value = when[key]
    if not isinstance(value, bool):
        raise EntryError("must be true or false", key=f"when.{key}")
    return Expired(value)


def _not(when: Mapping[str, object], key: str) -> Comparison:
    table = as_table(when[key])
    if not table:
        raise EntryError("must be a table of conditions that must not hold", key=f"when.{key}")
    return Not(Circumstances.compile(table, "when.not"))


_READ: Final[Mapping[str, _Read]] = {
    "reply": _codes(replies),
    "status": _codes(statuses),
    "provider": _one_of("provider"),
    "command": _commands,
    "words": _words(all),
    "any_words": _words(any),
    "unless": _words(_none),
    "expired": _expired,
    "service": _one_of("service"),
    "class": lambda when, key: SomeOf("classes", names(when, key) or frozenset()),
    "vendor_code": limits.globs("vendor_codes"),
    "domain": limits.domains("domains"),
    "host": limits.domains("hosts"),
    "mx": limits.domains("mx"),
    "sender_domain": limits.domains("sender_domains"),
    "tenant": _one_of("tenant"),
    "stream": _one_of("stream"),
    "source": limits.sources,
    "attempts": limits.bounds,
    "age": limits.bounds,
    "since": limits.since,
    "until": limits.until,
    "not": _not,
}
