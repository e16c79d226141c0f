"""Compiles the descriptions of logs: the lines, JSON records and CSV rows in which a mail server logs a delivery.

A description is data: a literal that the line must contain, a pattern whose named groups are facts, and the meaning of
each outcome word. In a pattern ``{recipient}``, ``{queue_id}`` and so on are groups of that name with their usual shape.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

from undeliverable._knowledge.log_frames import NO_FRAMES, FrameTable, Path, path_of
from undeliverable._text.lazy import lazy
from undeliverable._text.linear import check_linear
from undeliverable.errors import EntryError
from undeliverable.errors._tables import as_list, as_table, refuse_unknown
from undeliverable.model import Action

__all__ = ["FACTS", "LineShape", "LogTable", "Path", "RecordShape", "Role", "compile_log", "outcome_of"]

_ADDRESS: Final = (
    r"(?:\"[^\"\n]{1,128}\"|[^\s<>\"(),:;@\[\]\\]{1,255})@(?:\[[^\s\[\]]{1,64}\]|[^\s<>\"(),:;@\[\]'\\]{1,255})"
)
FACTS: Final[Mapping[str, str]] = {
    "recipient": _ADDRESS,
    "recipients": r"[^\n]{1,500}?",
    "original_recipient": rf"{_ADDRESS}|[^\s<>]{{1,320}}",
    "alias": rf"{_ADDRESS}|[^\s<>]{{1,320}}",
    "sender": r"[^\s<>]{0,320}",
    "queue_id": r"[\w.-]{1,64}",
    "delivery_id": r"\d{1,18}",
    "message_id": r"[^\s<>]{1,512}",
    "status": r"[245]\.\d{1,3}\.\d{1,3}",
    "remote_mta": r"[\w.-]{1,255}",
    "outcome": r"[\w*=>-]{1,24}",
    "date": r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|[+-]\d\d:?\d\d))?",
    "words": r".{1,500}?",
    "reply": r".*",
    "text": r".*",
    "expired": r"",
    "code": r"[2-5]\d\d",
    "command": r"[^\n]{1,400}",
    "class": r"[\w-]{1,64}",
    "event_id": r"[\w.-]{1,64}",
}
"""The facts that a group may name, each with the shape of ``{name}``.

``alias`` is the address of a delivery to a file or a program, ``words`` are the logging server's own, ``text`` is a reply or
the server's own words, and ``expired`` is true if its group took part in the match.
"""
OTHERS: Final[Mapping[str, str]] = {"pair": r"[A-Za-z][\w.-]{0,31}=[^,\n]{0,255}"}
"""Shapes of what is no fact: ``{pair}`` is a ``name=value`` whose name nobody knows yet."""
_PLACE: Final = lazy(r"\{([a-z_]+)\}")
_LINE_KEYS: Final = frozenset(
    (
        "contains",
        "pattern",
        "action",
        "outcomes",
        "role",
        "expired",
        "expired_words",
        "own_words",
        "unescape",
        "idle",
        "waits",
        "command",
        "example",
    )
)
_RECORD_KEYS: Final = frozenset(
    (
        "form",
        "needs",
        "after",
        "contains",
        "header",
        "inside",
        "columns",
        "outcomes",
        "expired",
        "own_words",
        "own_types",
        "separator",
        "facts",
        "example",
    )
)


class Role(StrEnum):
    """The role of a line among those of a message: an outcome, facts to remember for later lines, or the message's end."""

    OUTCOME = "outcome"
    REMEMBER = "remember"
    FORGET = "forget"


@dataclass(frozen=True)
class LineShape:
    """One described line.

    :ivar name: the description's name; reports have it as ``generator``.
    :ivar id: the name with the number of the line; evidence has it.
    :ivar contains: literals; the pattern is tried only on lines that contain one of them.
    :ivar outcomes: the action for each casefolded text of the group ``outcome``, else of the group ``code``; any other
        text is no delivery. ``5xx`` stands for all reply codes that begin with the digit.
    :ivar action: the action of lines without such a word.
    :ivar expired: whether the line says that the queue gave up.
    :ivar expired_words: words of the logging server that say the same.
    :ivar own_words: whether the text is the logging server's own, even if it contains codes.
    :ivar escapes: patterns and their replacements, to undo the log's escapes in the text.
    :ivar idle: whether no delivery was tried, so that the line has no new reply.
    :ivar waits: whether the line counts only for a recipient that waits for another attempt; all others have failed
        before.
    :ivar command: the command that such lines tell the reply to, if the line does not name it; ``.`` ends the message.
    """

    name: str
    id: str
    contains: tuple[str, ...]
    source: str
    outcomes: Mapping[str, Action]
    action: Action | None
    role: Role
    expired: bool
    expired_words: tuple[str, ...]
    own_words: bool
    escapes: tuple[tuple[str, str], ...]
    idle: bool
    waits: bool
    command: str

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The pattern, compiled at first use."""
        return re.compile(expand(self.source))

    @cached_property
    def unescape(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        """The patterns of `escapes`, compiled."""
        return tuple((re.compile(found), instead) for found, instead in self.escapes)


@dataclass(frozen=True, slots=True)
class RecordShape:
    """One described record: a line that is a JSON object or a CSV row.

    :ivar form: ``json`` or ``csv``.
    :ivar needs: keys that every such record has.
    :ivar after: a literal that a JSON record follows in its line; empty where the line begins with the record.
    :ivar contains: literals of which a CSV row has one; if empty, its first cell is its type.
    :ivar header: what stands before the first column of a CSV header.
    :ivar inside: the paths in the line's object where the record may be.
    :ivar columns: the columns of rows in files without a header.
    :ivar outcomes: the action for each casefolded type of record, as in a line; any other type is no delivery.
    :ivar expired: the types that say that the queue gave up, casefolded.
    :ivar own_words: a literal that marks replies that the logging server made up itself.
    :ivar own_types: the types whose replies are the logging server's own, casefolded.
    :ivar separator: what separates several recipients in one value; their texts cannot be separated then.
    :ivar facts: the paths of each fact; the first one that is not empty counts.
    """

    name: str
    form: str
    needs: tuple[str, ...]
    after: str
    contains: tuple[str, ...]
    header: str
    inside: tuple[Path, ...]
    columns: tuple[str, ...]
    outcomes: Mapping[str, Action]
    expired: frozenset[str]
    own_words: str
    own_types: frozenset[str]
    separator: str
    facts: Mapping[str, tuple[Path, ...]]


@dataclass(frozen=True, slots=True)
class LogTable:
    """All described logs; if two shapes match a line the first one counts.

    :ivar records: the JSON records that make up a line.
    :ivar tails: the JSON records that end a line.
    :ivar rows: the CSV rows.
    :ivar frames: what may stand around a line.
    """

    lines: tuple[LineShape, ...] = ()
    records: tuple[RecordShape, ...] = ()
    tails: tuple[RecordShape, ...] = ()
    rows: tuple[RecordShape, ...] = ()
    frames: FrameTable = NO_FRAMES

    @classmethod
    def of(
        cls,
        documents: Iterable[tuple[str, Mapping[str, object]]],
        frames: FrameTable = NO_FRAMES,
        *,
        trusted: bool = True,
    ) -> LogTable:
        """Return the table of `documents`, which are the names of logs with their descriptions.

        :raises EntryError: for the first error in a description.
        """
        lines: list[LineShape] = []
        records: list[RecordShape] = []
        for name, document in documents:
            more, others = compile_log(name, document, trusted=trusted)
            lines += more
            records += others
        json = [record for record in records if record.form == "json"]
        return cls(
            lines=tuple(lines),
            records=tuple(record for record in json if not record.after),
            tails=tuple(record for record in json if record.after),
            rows=tuple(record for record in records if record.form == "csv"),
            frames=frames,
        )


def expand(source: str) -> str:
    """Return `source` with every ``{fact}`` replaced by its group; unknown names are left as they are."""
    return _PLACE.sub(_expanded, source)


def _expanded(match: re.Match[str]) -> str:
    fact = FACTS.get(match[1])
    return OTHERS.get(match[1], match[0]) if fact is None else f"(?P<{match[1]}>{fact})"


def outcome_of(outcomes: Mapping[str, Action], word: str) -> Action | None:
    """Return the action that `word` stands for: as it is, or as a reply code by its first digit."""
    found = outcomes.get(word.casefold())
    return outcomes.get(f"{word[0]}xx") if found is None and len(word) == 3 and word.isdigit() else found


def compile_log(
    name: str, document: Mapping[str, object], *, trusted: bool = False
) -> tuple[list[LineShape], list[RecordShape]]:
    """Return the shapes of the log `name` that `document` describes.

    :param trusted: skip the check of every pattern; the tests check those of the built-in data.
    :raises EntryError: for an unknown key, a value of the wrong type, a group that is no fact, a pattern that is not
        a regular expression or not linear.
    """
    lines: list[LineShape] = []
    for number, table in enumerate(_tables(document, "line"), start=1):
        lines.append(_Table(f"{name}.{number}", table, _LINE_KEYS).line(name))
        if not trusted:
            _check(lines[-1])
    records = [_Table(f"{name}.record", table, _RECORD_KEYS).record(name) for table in _tables(document, "record")]
    return lines, records


def _tables(document: Mapping[str, object], key: str) -> Sequence[Mapping[str, object]]:
    return [table for value in as_list(document.get(key)) or () if (table := as_table(value)) is not None]


def _check(shape: LineShape) -> None:
    for source in (shape.source, *(found for found, _ in shape.escapes)):
        wrong = check_linear(expand(source))
        if wrong is not None:
            raise EntryError(wrong, entry=shape.id, key="pattern")
    unknown = shape.pattern.groupindex.keys() - FACTS.keys()
    if unknown:
        raise EntryError(f"no fact is called {min(unknown)!r}", entry=shape.id, key="pattern")


@dataclass(frozen=True, slots=True)
class _Table:
    """Reads one table; errors name the key."""

    entry: str
    table: Mapping[str, object]
    known: frozenset[str]

    def __post_init__(self) -> None:
        refuse_unknown(self.table, self.known, entry=self.entry)

    def fault(self, key: str, detail: str) -> EntryError:
        return EntryError(detail, entry=self.entry, key=key)

    def line(self, name: str) -> LineShape:
        return LineShape(
            name=name,
            id=self.entry,
            contains=self.literals("contains"),
            source=self.text("pattern"),
            outcomes=self.outcomes(),
            action=self.action(),
            role=self.role(),
            expired=self.table.get("expired") is True,
            expired_words=self.texts("expired_words"),
            own_words=self.table.get("own_words") is True,
            escapes=self.escapes(),
            idle=self.table.get("idle") is True,
            waits=self.table.get("waits") is True,
            command=self.text("command", ""),
        )

    def record(self, name: str) -> RecordShape:
        form = self.text("form")
        if form not in {"json", "csv"}:
            raise self.fault("form", "must be json or csv")
        return RecordShape(
            name=name,
            form=form,
            needs=self.texts("needs"),
            after=self.text("after", ""),
            contains=self.texts("contains"),
            header=self.text("header", ""),
            inside=tuple(path_of(text) for text in self.texts("inside")) or ((),),
            columns=self.texts("columns"),
            outcomes=self.outcomes(),
            expired=frozenset(text.casefold() for text in self.texts("expired")),
            own_words=self.text("own_words", ""),
            own_types=frozenset(text.casefold() for text in self.texts("own_types")),
            separator=self.text("separator", ""),
            facts=self.facts(),
        )

    def text(self, key: str, default: str | None = None) -> str:
        value = self.table.get(key, default)
        if not isinstance(value, str):
            raise self.fault(key, "must be a string")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        return self.strings(key, self.table.get(key, ()))

    def literals(self, key: str) -> tuple[str, ...]:
        found = self.texts(key)
        if not found or "" in found:
            raise self.fault(key, "must be a string that is not empty, or several")
        return found

    def strings(self, key: str, value: object) -> tuple[str, ...]:
        items = (value,) if isinstance(value, str) else as_list(value)
        if items is not None and all(isinstance(item, str) for item in items):
            return tuple(map(str, items))
        raise self.fault(key, "must be a string or a list of strings")

    def mapping(self, key: str) -> Mapping[str, object]:
        value = as_table(self.table.get(key, {}))
        if value is None:
            raise self.fault(key, "must be a table")
        return value

    def outcomes(self) -> Mapping[str, Action]:
        return {word.casefold(): self.as_action("outcomes", value) for word, value in self.mapping("outcomes").items()}

    def as_action(self, key: str, value: object) -> Action:
        if value not in set(Action):
            raise self.fault(key, f"must be one of {', '.join(Action)}")
        return Action(str(value))

    def action(self) -> Action | None:
        value = self.table.get("action")
        return None if value is None else self.as_action("action", value)

    def role(self) -> Role:
        value = self.table.get("role", Role.OUTCOME)
        if value not in set(Role):
            raise self.fault("role", f"must be one of {', '.join(Role)}")
        return Role(str(value))

    def escapes(self) -> tuple[tuple[str, str], ...]:
        pairs = as_list(self.table.get("unescape", ()))
        if pairs is None:
            raise self.fault("unescape", "must be a list of pairs")
        found = [self.strings("unescape", pair) for pair in pairs]
        if any(len(pair) != 2 for pair in found):
            raise self.fault("unescape", "must be a list of pairs")
        return tuple((pair[0], pair[1]) for pair in found)

    def facts(self) -> Mapping[str, tuple[Path, ...]]:
        found: dict[str, tuple[Path, ...]] = {}
        for fact, paths in self.mapping("facts").items():
            if fact not in FACTS:
                raise self.fault(f"facts.{fact}", f"no fact is called {fact!r}")
            found[fact] = tuple(map(path_of, self.strings(f"facts.{fact}", paths)))
        return found
