"""The described format: what a table of a format file may say, checked and ready for the readers.

A description holds no code: literals that recognise a text, and patterns whose named groups are facts. In a pattern
``{recipient}``, ``{reply}`` and so on stand for a group of that name with its usual shape.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple, cast

from undeliverable._text.lazy import lazy
from undeliverable.errors import EntryError
from undeliverable.model import Action

__all__ = ["FACTS", "KEYS", "MESSAGE_FACTS", "Format", "Patterns", "begins_line", "read_table"]

_TEXT: Final = r".*"
# An address as reports print it: a quoted or plain local part (RFC 5321 4.1.2, RFC 6531), a domain or a literal, with
# East Asian punctuation not part of it. The length limits are those of RFC 5321 4.5.3.1 and keep every match local.
_ADDRESS: Final = (
    r"(?:\"[^\"\n]{1,128}\"|[^\s<>\"(),:;@\[\]\\：；，。、（）【】《》「」]{1,255})@"
    r"(?:\[[^\s\[\]]{1,64}\]|[^\s<>\"(),:;@\[\]'`\\：；，。、（）【】《》「」]{1,255})"
)
_HOST: Final = r"[\w.-]{1,255}"
FACTS: Final[Mapping[str, str]] = {
    "recipient": _ADDRESS,
    "original_recipient": _ADDRESS,
    "reply": _TEXT,
    "diagnostic": _TEXT,
    "code": r"[2-5][0-5]\d",
    "status": r"[245]\.\d{1,3}\.\d{1,3}",
    "command": r"[A-Za-z_]{4,12}",
    "remote_mta": _HOST,
    "action": r"[A-Za-z]{4,9}",
    "expired": _TEXT,
    "last_attempt_date": _TEXT,
    "will_retry_until": _TEXT,
    "vendor_code": r"[\w.-]{1,64}",
    "place": _TEXT,
    "reporting_mta": _HOST,
    "queue_id": r"[\w.-]{1,64}",
    "arrival_date": _TEXT,
    "received_from_mta": _HOST,
    "original_envelope_id": r"\S{1,998}",
}
"""The facts that a group may name, each with the pattern that ``{name}`` stands for."""
MESSAGE_FACTS: Final = frozenset(
    ("reporting_mta", "queue_id", "arrival_date", "received_from_mta", "original_envelope_id")
)
"""Of these, the facts about the message and not about one recipient."""
GENERIC: Final = "generic"
"""The name of the description of unknown text."""
HEAD_LIMIT: Final = 3072
"""How much of a text is searched for the literals of ``when`` and ``begin``, in characters."""
# What stands in no group, class or escape, roughly: where groups nest, a rest is left, and search() is used.
_OUTER: Final = lazy(r"\\.|\[[^\]]*\]|\((?:[^()\\\[\]]|\\.|\[[^\]]*\])*\)")
_PLACE: Final = lazy(r"\{([a-z_]+)\}")
_WORDS: Final = ("after", "before", "shared", "none")
_Matcher = Callable[[str], re.Match[str] | None]


class Patterns(NamedTuple):
    """The compiled patterns of a format.

    :ivar needs_at: whether a line without ``@`` cannot name a recipient.
    :ivar may_leap: whether this holds, and no field pattern is about the message as a whole.
    """

    recipient: tuple[_Matcher, ...]
    field: tuple[_Matcher, ...]
    skip: _Matcher | None
    vendor_code: _Matcher | None
    needs_at: bool
    may_leap: bool


@dataclass(frozen=True)
class Format:
    """A described format, as ``_formats.compile_format`` makes it.

    :ivar name: the file's name without its ending; reports have it as ``generator``.
    :ivar headers: per header name, the literals of which one must stand in it, case-folded.
    :ivar body: the literals of which one must begin a line near the beginning of the text (in a generic description:
        stand anywhere in it); empty: none is asked for.
    :ivar begin: the literals after the first of which the recipients stand; empty: from the beginning on.
    :ivar end: the beginnings of a line after which the returned message stands.
    :ivar words: where the words about a recipient stand: ``after`` it, ``before`` it, ``shared`` by all, ``none``.
    :ivar is_generic: whether this is the description of unknown text, to be used if no other format fits.
    :ivar paragraphs: whether each recipient after the first is named at the beginning of a paragraph, behind an empty line.
    :ivar transcript: whether the text may hold a transcript of an SMTP session; if not, it is a reply that imitates one.
    :ivar addressee: whether the returned message may name a recipient that the text does not; not where it was refused as
        a whole, whoever its recipients were.
    :ivar alias_first: whether the original recipient is named before anything is said of a recipient; below it is foreign.
    :ivar alias_fields: whether the fields of a report (RFC 3464) name the alias, and `recipient_header` what failed behind it.
    :ivar output: the beginnings of a line below which the output of a program stands: words that name nobody.
    """

    name: str
    title: str
    source: str
    headers: tuple[tuple[str, tuple[str, ...]], ...]
    body: tuple[str, ...]
    begin: tuple[str, ...]
    end: tuple[str, ...]
    words: str
    start_words: tuple[str, ...]
    stop_words: tuple[str, ...]
    recipient_header: tuple[str, ...]
    action: Action | None
    sources: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], str | None]
    is_generic: bool = False
    paragraphs: bool = False
    transcript: bool = True
    addressee: bool = True
    alias_first: bool = False
    alias_fields: bool = False
    output: tuple[str, ...] = ()

    @cached_property
    def patterns(self) -> Patterns:
        """Return the patterns, compiled when they are first needed: most formats never see a message."""
        recipient, field, skip, vendor_code = self.sources
        needs_at = all("{recipient}" in source for source in recipient)
        about_message = not all(MESSAGE_FACTS.isdisjoint(compile_pattern(source).groupindex) for source in field)
        return Patterns(
            tuple(compile_pattern(source).match for source in recipient),
            tuple(map(_finder, field)),
            _finder("|".join(f"(?:{source})" for source in skip)) if skip else None,
            None if vendor_code is None else _finder(vendor_code),
            needs_at,
            needs_at and not about_message,
        )

    def fits(self, header: Callable[[str], str | None], text: str, *, begun: bool = False) -> bool:
        """Return whether a text is of this format: all of ``when`` holds, and a ``begin`` is there.

        What comes through a mailing list (RFC 2919) is no report but quotes one.

        :param header: gives the first value of the message's header of a name, or None.
        :param text: the notification, decoded.
        :param begun: whether it is known already that a line begins with a literal of the body.
        """
        for name, literals in self.headers:
            value = header(name)
            if value is None or not _stands_in(literals, value.lower()):
                return False
        head = text[:HEAD_LIMIT]
        if self.is_generic:
            if self.body and not _stands_in(self.body, head):
                return False
        elif self.body and not begun and not begins_line(self.body, head):
            return False
        return (not self.begin or _stands_in(self.begin, head)) and header("list-id") is None


def _stands_in(literals: tuple[str, ...], text: str) -> bool:
    """Return whether one of `literals` stands in `text`."""
    for literal in literals:  # noqa: SIM110 - a loop is twice as fast as any() with a generator
        if literal in text:
            return True
    return False


def begins_line(literals: tuple[str, ...], text: str) -> bool:
    """Return whether a line of `text` begins with one of `literals`, apart from white space."""
    for literal in literals:
        at = text.find(literal)
        while at >= 0:
            if at == 0 or text[at - 1] == "\n" or not text[text.rfind("\n", 0, at) + 1 : at].strip():
                return True
            at = text.find(literal, at + 1)
    return False


def compile_pattern(source: str) -> re.Pattern[str]:
    """Return the regular expression that `source` stands for."""
    return re.compile(expand(source))


def _finder(source: str) -> _Matcher:
    """Return how to find `source` in a line: what is anchored is tried only at the beginning, unlike by search()."""
    pattern = compile_pattern(source)
    return pattern.match if source.startswith("^") and "|" not in _OUTER.sub("", source) else pattern.search


def expand(source: str) -> str:
    """Return `source` with every ``{fact}`` replaced by its group; unknown names are left as they are."""
    return _PLACE.sub(lambda match: f"(?P<{match[1]}>{FACTS[match[1]]})" if match[1] in FACTS else match[0], source)


def read_table(name: str, table: Mapping[str, object], *, trusted: bool = False) -> Format:
    """Return the format `name` that `table` describes, without its examples.

    :param trusted: leave out the check of every pattern.
    :raises EntryError: for an unknown key, a value of the wrong type, a group that is no fact, a pattern that is not
        a regular expression or not linear.
    """
    reader = _TableReader(name, table)
    reader.refuse_unknown()
    headers, body = reader.when()
    sources = (reader.texts("recipient"), reader.texts("field"), reader.texts("skip"), reader.text("vendor_code"))
    if not trusted:
        reader.check_patterns(sources)
    return Format(
        name=name,
        title=reader.required("title"),
        source=reader.required("source"),
        headers=headers,
        body=body,
        begin=reader.texts("begin"),
        end=reader.texts("end"),
        words=reader.words(),
        start_words=reader.texts("start_words"),
        stop_words=reader.texts("stop_words"),
        recipient_header=reader.texts("recipient_header"),
        action=reader.action(),
        sources=sources,
        is_generic=name == GENERIC,
        paragraphs=reader.flag("paragraphs", default=False),
        transcript=reader.flag("transcript", default=True),
        addressee=reader.flag("addressee", default=True),
        alias_first=reader.flag("alias_first", default=False),
        alias_fields=reader.flag("alias_fields", default=False),
        output=reader.texts("output"),
    )


KEYS: Final = frozenset(
    (
        "name",
        "title",
        "source",
        "when",
        "begin",
        "end",
        "recipient",
        "field",
        "skip",
        "words",
        "recipient_header",
        "start_words",
        "stop_words",
        "vendor_code",
        "action",
        "addressee",
        "alias_first",
        "alias_fields",
        "output",
        "paragraphs",
        "transcript",
        "example",
    )
)


class _TableReader(NamedTuple):
    """Reads one table and raises an EntryError that names the key at fault."""

    name: str
    table: Mapping[str, object]

    def fault(self, key: str | None, detail: str) -> EntryError:
        return EntryError(detail, entry=self.name, key=key)

    def refuse_unknown(self) -> None:
        for key in self.table:
            if key not in KEYS:
                raise self.fault(key, f"a format has no key {key!r}; known are {', '.join(sorted(KEYS))}")

    def text(self, key: str) -> str | None:
        value = self.table.get(key)
        if value is not None and not isinstance(value, str):
            raise self.fault(key, "must be a string")
        return value

    def required(self, key: str) -> str:
        value = self.text(key)
        if not value:
            raise self.fault(key, f"a format needs {key!r}")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.table.get(key, default)
        if not isinstance(value, bool):
            raise self.fault(key, "must be true or false")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        return self.strings(key, self.table.get(key, ()))

    def strings(self, key: str, value: object) -> tuple[str, ...]:
        if isinstance(value, str):
            return (value,)
        if isinstance(value, list | tuple):
            items = cast("Sequence[object]", value)
            found = tuple(item for item in items if isinstance(item, str))
            if len(found) == len(items):
                return found
        raise self.fault(key, "must be a string or a list of strings")

    def when(self) -> tuple[tuple[tuple[str, tuple[str, ...]], ...], tuple[str, ...]]:
        """Return the conditions on headers, and those on the text."""
        table = self.table.get("when")
        if table is None and self.name == GENERIC:
            return (), ()
        if not isinstance(table, Mapping) or not table:
            raise self.fault("when", "a format needs a table 'when' of header names and 'body'")
        headers: list[tuple[str, tuple[str, ...]]] = []
        body: tuple[str, ...] = ()
        for key, value in cast("Mapping[str, object]", table).items():
            literals = self.strings(f"when.{key}", value)
            if not literals:
                raise self.fault(f"when.{key}", "the list is empty")
            if key == "body":
                body = tuple(literal.lstrip() for literal in literals)
            else:
                headers.append((key.lower(), tuple(literal.lower() for literal in literals)))
        return tuple(headers), body

    def words(self) -> str:
        words = self.text("words") or "after"
        if words not in _WORDS:
            raise self.fault("words", f"must be one of {', '.join(_WORDS)}")
        return words

    def action(self) -> Action | None:
        action = self.text("action")
        try:
            return None if action is None else Action(action)
        except ValueError:
            raise self.fault("action", f"must be one of {', '.join(Action)}") from None

    def check_patterns(self, sources: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], str | None]) -> None:
        recipient, field, skip, vendor_code = sources
        for key, patterns in (("recipient", recipient), ("field", field), ("skip", skip)):
            for source in patterns:
                groups = self.check_pattern(key, source)
                if key == "recipient" and "recipient" not in groups:
                    raise self.fault(key, f"the pattern has no group 'recipient': {source!r}")
                if key == "field" and not groups:
                    raise self.fault(key, f"the pattern names no fact: {source!r}")
        if vendor_code is not None and not self.check_pattern("vendor_code", vendor_code):
            raise self.fault("vendor_code", "the pattern has no group 'vendor_code'")

    def check_pattern(self, key: str, source: str) -> frozenset[str]:
        """Return the groups of `source`, after checking the pattern."""
        from undeliverable._text.linear import check_linear

        try:
            compiled = compile_pattern(source)
        except (re.error, OverflowError, RecursionError) as error:
            raise self.fault(key, f"not a regular expression: {source!r}: {error}") from None
        unknown = sorted(set(compiled.groupindex) - set(FACTS))
        if unknown:
            raise self.fault(key, f"the group {unknown[0]!r} is no fact; facts are {', '.join(FACTS)}")
        trouble = check_linear(expand(source))
        if trouble is not None:
            raise self.fault(key, f"the pattern {source!r} may take more than linear time: {trouble}")
        return frozenset(compiled.groupindex)
