"""Rules of another program, as a rule file of our own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
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


class _LossError(Exception):
    """A rule cannot be taken over; the message says why."""


def import_rules(
    program: str,
    files: Iterable[tuple[str, str]],
    *,
    reasons: Mapping[str, Reason] | None = None,
    known_only: bool = False,
) -> ImportedRules:
    """Return a rule file made from files of another program; the order of files and rules stays.

    :param program: one of :func:`programs`.
    :param files: the name and the text of each file.
    :param reasons: reasons for classes of the caller's own, or other ones for known classes.
    :param known_only: leave out rules of classes that find no reason, so that the built-in rules find one.
    :raises KnowledgeError: when a file cannot be read, or holds no rule.
    """
    walk, given = crosswalk(program), reasons or {}
    own = replace(walk, reasons={**walk.reasons, **{class_: (reason,) for class_, reason in given.items()}})
    work = _Import(own, known_only=known_only)
    for name, text in files:
        rules = [*foreign_rules(own, name, text)]
        if not any(rule.class_ for rule in rules):
            raise KnowledgeError(name, f"holds no rule of {walk.title}")
        for rule in rules:
            work.add(rule)
    return work.result()


class _Import:
    """Takes over one rule after the other."""

    def __init__(self, walk: Crosswalk, *, known_only: bool) -> None:
        self.walk = walk
        self.known_only = known_only
        self.read = 0
        self._entries: list[str] = []
        self._losses: list[ForeignLoss] = []
        self._rewritten: list[tuple[str, str]] = []
        self._places: dict[str, str] = {}
        self._numbers: dict[str, int] = {}

    def add(self, rule: Foreign) -> None:
        """Take over a rule, or note why it is lost."""
        self.read += 1
        place = rule.file if rule.line is None else f"{rule.file}:{rule.line}"
        try:
            self._entries.append(self._entry(rule, place))
        except (_LossError, PatternError) as error:
            self._losses.append(ForeignLoss(place, rule.text, str(error)))

    def _entry(self, rule: Foreign, place: str) -> str:
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
        reason = _reason_of(made.pattern, meant)
        if self.known_only and reason is Reason.UNDEFINED:
            raise _LossError(f"the class {rule.class_!r} names no reason")
        earlier = self._places.get(made.pattern)
        if earlier is not None:
            raise _LossError(f"never reached: {earlier} has the same pattern")
        self._places[made.pattern] = place
        if made.note:
            self._rewritten.append((place, made.note))
        return self._toml(rule, place, made, reason)

    def _toml(self, rule: Foreign, place: str, made: Rewritten, reason: Reason) -> str:
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
        lost = [comment(f"not taken over: {loss.place}: {loss.text} - {loss.why}") for loss in self._losses]
        text = "\n".join((head, *self._entries, *lost))
        source = TomlSource(f"{self.walk.program}.toml", text)
        load(f"file:{source.name}", FILE, source, source.parse())
        return ImportedRules(
            text.rstrip() + "\n", self.read, len(self._entries), tuple(self._rewritten), tuple(self._losses)
        )


def _unless(pattern: str, reason: Reason) -> str:
    """Return what must not stand in a reply where codes alone would condemn the address."""
    if reason.fault is not Fault.ADDRESS or any(_WORD.search(text) for text in samples(pattern)):
        return ""
    return f", unless = [{', '.join(map(quoted, _NOT_THE_ADDRESS))}]"


def _reason_of(pattern: str, meant: Sequence[Reason]) -> Reason:
    """Return which of the reasons that a class can stand for the pattern itself says, by default the first."""
    found = {classify(text).reason for text in samples(pattern)} if len(meant) > 1 else set()
    said = found.pop() if len(found) == 1 else None
    return said if said is not None and said in meant else meant[0]
