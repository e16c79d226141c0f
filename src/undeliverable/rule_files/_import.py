"""Rules of another program, as a rule file of our own."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from undeliverable._knowledge.loader import FILE, load
from undeliverable._knowledge.toml import TomlSource
from undeliverable._text.patterns import PatternError
from undeliverable.errors import KnowledgeError
from undeliverable.reasons import Fault, Reason
from undeliverable.rule_files._foreign import Crosswalk, Foreign, crosswalk, foreign_rules
from undeliverable.rule_files._rewrite import Rewritten, rewritten, samples
from undeliverable.rule_files._toml import comment, quoted
from undeliverable.smtp import classify

__all__ = ["ForeignLoss", "ImportedRules", "import_rules"]

_HEAD: Final = """\
# Rules of {title}, in their order: the first match counts. They rank above the built-in ones.
#
# The classes are theirs; the reasons follow from the class and from what the pattern itself says.
# See what they would change before they count: undeliverable rules diff builtin THIS-FILE PATH
"""


_NOT_THE_ADDRESS: Final = ("@sender", "@client", "@content", "@policy", "@authentication", "@reputation", "@spam")
"""What a reply may be about although its code blames the address: as a rule, the words are right."""
_WORD: Final = re.compile(r"[^\W\d_]{3}")
_CODE_ALONE: Final = re.compile(r"[\W_x]*(?:[2-5]\d{0,2}[\W_x]*)?")
"""A sample of a pattern that asks for a reply code or its class at most; "x" stands for any character."""


@dataclass(frozen=True, slots=True)
class ForeignLoss:
    """A rule that could not be taken over.

    :ivar place: the file, and the line if it is known: ``bounces.txt:12``.
    :ivar text: the line as it stands there.
    :ivar why: the reason, in one sentence.
    """

    place: str
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class ImportedRules:
    """A rule file made from rules of another program.

    :ivar toml: the text of the file; it can be loaded as it is.
    :ivar read: the number of rules that were read.
    :ivar rules: the number of rules in the file.
    :ivar rewritten: the places of rules that may find more or less than before, each with what was done.
    :ivar losses: the rules that could not be taken over, in their order.
    """

    toml: str
    read: int
    rules: int
    rewritten: tuple[tuple[str, str], ...]
    losses: tuple[ForeignLoss, ...]


@dataclass(frozen=True, slots=True)
class _Taken:
    """A rule that can be taken over.

    :ivar is_idle: whether its class and its words give no reason, so that the built-in rules may know more.
    """

    rule: Foreign
    place: str
    made: Rewritten
    reason: Reason
    is_idle: bool


class _LossError(Exception):
    """A rule cannot be taken over; the message says why."""


def import_rules(
    program: str,
    files: Iterable[tuple[str, str]],
    *,
    reasons: Mapping[str, Reason] | None = None,
) -> ImportedRules:
    """Return a rule file made from files of another program; the order of files and rules stays.

    Rules rank above the built-in ones, so one that says less than these is lost: it asks for a reply code alone, or its
    class and its words give no reason.

    :param program: one of :func:`programs`.
    :param files: the name and the text of each file.
    :param reasons: reasons for classes of the caller's own, or other ones for known classes.
    :raises KnowledgeError: when a file cannot be read, or holds no rule.
    """
    walk, given = crosswalk(program), reasons or {}
    own = replace(walk, reasons={**walk.reasons, **{class_: (reason,) for class_, reason in given.items()}})
    work = _Import(own, given)
    for name, text in files:
        rules = [*foreign_rules(own, name, text)]
        if not any(rule.class_ for rule in rules):
            raise KnowledgeError(name, f"holds no rule of {walk.title}")
        for rule in rules:
            work.add(rule)
    return work.result()


class _Import:
    """Takes over one rule after the other."""

    def __init__(self, walk: Crosswalk, given: Collection[str]) -> None:
        self.walk = walk
        self.given = given
        self.read = 0
        self._outcomes: list[_Taken | ForeignLoss] = []
        self._places: dict[str, str] = {}
        self._numbers: dict[str, int] = {}

    def add(self, rule: Foreign) -> None:
        """Take over a rule, or note why it is lost."""
        self.read += 1
        place = rule.file if rule.line is None else f"{rule.file}:{rule.line}"
        try:
            self._outcomes.append(self._taken(rule, place))
        except (_LossError, PatternError) as error:
            self._outcomes.append(ForeignLoss(place, rule.text, str(error)))

    def _taken(self, rule: Foreign, place: str) -> _Taken:
        if not rule.class_:
            raise _LossError("it names no class")
        meant = self.walk.reasons.get(rule.class_)
        if meant is None:
            raise _LossError(
                f"no reason is known for the class {rule.class_!r}; name one with --map {rule.class_}=REASON"
            )
        if not meant:
            raise _LossError(f"the class {rule.class_!r} is no failure, and rules find reasons of failures")
        made = rewritten(
            rule.pattern, begins_with_status=self.walk.begins_with_status, case_matters=self.walk.case_matters
        )
        if _asks_code_alone(made.pattern):
            raise _LossError("it asks for a reply code alone; left out, so that the built-in rules read the words")
        earlier = self._places.get(made.pattern)
        if earlier is not None:
            raise _LossError(f"never reached: {earlier} has the same pattern")
        self._places[made.pattern] = place
        reason = _reason_of(made.pattern, meant)
        return _Taken(rule, place, made, reason, reason is Reason.UNDEFINED and rule.class_ not in self.given)

    def _decided(self) -> list[_Taken | ForeignLoss]:
        """Return the outcomes without the idle rules, but for those that keep replies from a later rule."""
        later: list[re.Pattern[str]] = []
        decided: list[_Taken | ForeignLoss] = []
        for outcome in reversed(self._outcomes):
            one = outcome
            if isinstance(one, _Taken) and not one.is_idle:
                later.append(re.compile(one.made.pattern, re.IGNORECASE))
            elif isinstance(one, _Taken):
                is_needed = any(found.search(text) for text in samples(one.made.pattern) for found in later)
                one = _guarding(one) if is_needed else _idle(one)
            decided.append(one)
        return decided[::-1]

    def _toml(self, taken: _Taken) -> str:
        rule, place, made, reason = taken.rule, taken.place, taken.made, taken.reason
        number = self._numbers[rule.class_] = self._numbers.get(rule.class_, 0) + 1
        action = f", {rule.action}" if rule.action else ""
        lines = [
            comment(f"{place}: {rule.text}"),
            *((comment(made.note),) if made.note else ()),
            "[[rule]]",
            f"id = {quoted(f'{self.walk.program}.{rule.class_}.{number}')}",
            f"when = {{ pattern = {quoted(made.pattern)}{_unless(made.pattern, reason)} }}",
            f"then = {{ reason = {quoted(reason)} }}",
            f"source = {quoted(f'{place} ({rule.class_}{action})')}",
        ]
        return "\n".join(lines) + "\n"

    def result(self) -> ImportedRules:
        """Return the file, which has passed the loader."""
        head = _HEAD.format(title=self.walk.title)
        decided = self._decided()
        taken = [one for one in decided if isinstance(one, _Taken)]
        losses = tuple(one for one in decided if isinstance(one, ForeignLoss))
        lost = [comment(f"not taken over: {loss.place}: {loss.text} - {loss.why}") for loss in losses]
        text = "\n".join((head, *map(self._toml, taken), *lost))
        source = TomlSource(f"{self.walk.program}.toml", text)
        load(f"file:{source.name}", FILE, source, source.parse())
        notes = tuple((one.place, one.made.note) for one in taken if one.made.note)
        return ImportedRules(text.rstrip() + "\n", self.read, len(taken), notes, losses)


def _guarding(taken: _Taken) -> _Taken:
    """Return an idle rule with a note why it is taken over."""
    note = "names no reason, but keeps replies from a later rule that would take them"
    return replace(taken, made=Rewritten(taken.made.pattern, "; ".join(filter(None, (taken.made.note, note)))))


def _idle(taken: _Taken) -> ForeignLoss:
    """Return why an idle rule is left out."""
    class_ = taken.rule.class_
    why = f"the class {class_!r} names no reason, so the built-in rules judge; name one with --map {class_}=REASON"
    return ForeignLoss(taken.place, taken.rule.text, why)


def _unless(pattern: str, reason: Reason) -> str:
    """Return what must not stand in a reply where codes alone would condemn the address."""
    if reason.fault is not Fault.ADDRESS or any(_WORD.search(text) for text in samples(pattern)):
        return ""
    return f", unless = [{', '.join(map(quoted, _NOT_THE_ADDRESS))}]"


def _asks_code_alone(pattern: str) -> bool:
    """Return whether a pattern finds replies by their code, or by its first digits, whatever their words are."""
    made = samples(pattern)
    return bool(made) and all(_CODE_ALONE.fullmatch(text) and not _WORD.search(text) for text in made)


def _reason_of(pattern: str, meant: Sequence[Reason]) -> Reason:
    """Return which of the reasons that a class can stand for the pattern itself says, by default the first."""
    found: set[Reason | None] = {classify(text).reason for text in samples(pattern)} if len(meant) > 1 else set()
    said = found.pop() if len(found) == 1 else None
    return said if said is not None and said in meant else meant[0]
