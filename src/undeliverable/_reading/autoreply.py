"""Automatic answers: RFC 3834 responses, vacation notes, challenges, and RFC 8098 disposition notifications.

RFC 3834 gives one certain sign, ``Auto-Submitted: auto-replied``, which many responders do not write and some mail
servers write into bounces. So signs are weighed: header fields, the subject, and the body's sentences; the phrases are
data (:class:`AutoReplyPhrases`). Nothing here decides what a delivery report is: it is asked where none was found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from undeliverable._dsn.grammar import FOLDED_FIELD
from undeliverable._text.lazy import lazy
from undeliverable.errors import EntryError
from undeliverable.model import Evidence, RecipientFacts, Witness
from undeliverable.verdict import Kind

__all__ = ["AutoReplyPhrases", "HeaderMark", "disposition", "fields_of_recipient", "is_answer", "recognise"]

Header: TypeAlias = Callable[[str], str | None]
"""A look-up of a header's first value by name, unfolded and decoded."""

_TEXT_LIMIT: Final = 2_500  # characters: an automatic answer says early what it is
_LINE_LIMIT: Final = 998  # RFC 5322 2.1.1
_DISPOSITION_FIELDS: Final = frozenset(("final-recipient", "original-recipient", "disposition"))
_ENOUGH: Final = 3  # what certain signs weigh, and what uncertain ones must reach together
_STRAIGHT: Final = str.maketrans("\u2018\u2019\u02bc\uff1a", "''':")
_TAGS: Final = lazy(r"(?:\[[^\[\]]{1,40}\] ?){1,4}")  # "[EXTERNAL] ", "[list-name] "
# RFC 5321 4.5.5 and RFC 2142 5: whose automatic mail is a delivery report and no answer. RFC 3834 2 knows the second name.
_ROBOTS: Final = lazy(r"(?:postmaster|mailer-daemon|mail-daemon|mail delivery)(?![a-z])")
_BULK: Final = frozenset(("bulk", "junk"))  # RFC 3834 3.1.8
_MARK_KINDS: Final = frozenset((Kind.AUTO_REPLY, Kind.CHALLENGE, Kind.COMPLAINT))


@dataclass(frozen=True, slots=True)
class HeaderMark:
    """A header field that tells the kind by itself.

    :ivar name: the field's name.
    :ivar values: how its value begins, casefolded; empty if its presence is enough.
    :ivar kind: what the message then is.
    :ivar subject: how the subject has to begin besides, casefolded; empty if it does not matter.
    :ivar recipient: the fields of the message inside that name the recipient; empty: it is the sender.
    """

    name: str
    values: tuple[str, ...]
    kind: Kind
    subject: tuple[str, ...] = ()
    recipient: tuple[str, ...] = ()

    def fits(self, header: Header) -> bool:
        """Whether the message has this mark."""
        value = header(self.name)
        if value is None or (self.values and not value.strip().casefold().startswith(self.values)):
            return False
        return not self.subject or _plain(header("subject") or "", _LINE_LIMIT).startswith(self.subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoReplyPhrases:
    """What automatic answers say, of all languages together, casefolded.

    :ivar marks: the header fields that tell the kind by themselves.
    :ivar signs: the header fields of automatic mail of any kind.
    :ivar subject_prefix: how subjects of automatic answers begin.
    :ivar subject_whole: what is the whole subject of one.
    :ivar subject_words: what its subject often contains.
    :ivar subject_reply: how subjects of answers and forwarded messages begin.
    :ivar subject_report: what subjects of delivery reports contain.
    :ivar sentences: what people hardly write themselves.
    :ivar words: what people write as well.
    :ivar challenge_subject: what subjects of challenges contain.
    :ivar challenge_held: how a challenge says that the mail waits.
    :ivar challenge_confirm: how it says what the sender has to do.
    """

    marks: tuple[HeaderMark, ...] = ()
    signs: tuple[str, ...] = ()
    subject_prefix: tuple[str, ...] = ()
    subject_whole: frozenset[str] = frozenset()
    subject_words: tuple[str, ...] = ()
    subject_reply: tuple[str, ...] = ()
    subject_report: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    challenge_subject: tuple[str, ...] = ()
    challenge_held: tuple[str, ...] = ()
    challenge_confirm: tuple[str, ...] = ()

    @classmethod
    def from_table(cls, table: Mapping[str, object]) -> AutoReplyPhrases:
        """The phrases in `table`: ``signs``, ``[[header]]``, ``[subject.*]``, ``[body.*]``, ``[challenge.*]``, lists by language.

        :raises EntryError: for an unknown key, or a value of another form.
        """
        groups = _groups(table)
        return cls(
            marks=_marks(table.get("header", [])),
            signs=_strings(table.get("signs", []), "signs"),
            subject_prefix=groups["subject", "prefix"],
            subject_whole=frozenset(groups["subject", "whole"]),
            subject_words=groups["subject", "words"],
            subject_reply=groups["subject", "reply"],
            subject_report=groups["subject", "report"],
            sentences=groups["body", "sentences"],
            words=groups["body", "words"],
            challenge_subject=groups["challenge", "subject"],
            challenge_held=groups["challenge", "held"],
            challenge_confirm=groups["challenge", "confirm"],
        )


def recognise(header: Header, text: str, phrases: AutoReplyPhrases) -> Kind | None:
    """Which automatic answer a message is: AUTO_REPLY, CHALLENGE, COMPLAINT (an opt-out request), or None for neither.

    `header` gives a header's first value, decoded; `text` is the message's own text without its attachments.
    """
    submitted = _keyword(header("auto-submitted"))
    if submitted == "no":  # RFC 3834 5: a person sent it
        return None
    subject = _plain(header("subject") or "", _LINE_LIMIT)
    mark = next((mark.kind for mark in phrases.marks if mark.fits(header)), None)
    if mark not in (None, Kind.AUTO_REPLY):
        return mark
    signs = _signs(header, submitted, phrases)
    if submitted != "auto-replied" and not mark and not signs and not _speaks(subject, phrases):
        return None
    body = _plain(_unquoted(text[: 2 * _TEXT_LIMIT]), _TEXT_LIMIT)
    if _is_challenge(subject, body, phrases, signs=signs):
        return Kind.CHALLENGE
    certain = (submitted == "auto-replied" or mark is not None) and not _is_report(header, subject, phrases)
    weight = _ENOUGH if certain else _weight(header, subject, body, phrases, signs=signs)
    return Kind.AUTO_REPLY if weight >= _ENOUGH else None


def fields_of_recipient(header: Header, phrases: AutoReplyPhrases) -> tuple[str, ...]:
    """The fields of the message inside that name the recipient, where a mark of the message says so; else none."""
    return next((mark.recipient for mark in phrases.marks if mark.recipient and mark.fits(header)), ())


def is_answer(header: Header, phrases: AutoReplyPhrases) -> bool:
    """Whether the subject says that somebody answers or forwards a message, whose words then are not the sender's."""
    return _plain(header("subject") or "", _LINE_LIMIT).startswith(phrases.subject_reply)


def disposition(text: str, part: str) -> tuple[RecipientFacts, ...]:
    """For whom the notification in `text` was sent, with the words that say what was done (RFC 8098 3.2.4, 3.2.6).

    `text` is the body of a ``message/disposition-notification`` part with the path `part`.
    """
    found: dict[str, str] = {}
    evidence: list[Evidence] = []
    for match in FOLDED_FIELD.finditer(text):
        name = match[1].lower()
        if name in _DISPOSITION_FIELDS and name not in found:
            found[name] = " ".join(match[2].split()).rpartition(";")[2].strip().strip("<>")
            evidence.append(Evidence(Witness.FIELD, part, match.start(), match[0][:_LINE_LIMIT]))
    final, original = found.get("final-recipient"), found.get("original-recipient")
    if not final and not original:
        return ()
    facts = RecipientFacts(
        witness=Witness.FIELD, recipient=final or original, original_recipient=original, evidence=tuple(evidence)
    )
    return (facts,)


def _keyword(value: str | None) -> str | None:
    """The keyword of an Auto-Submitted field without parameters and comments (RFC 3834 5), in lower case."""
    return re.split(r"[;(\s]", value.strip(), maxsplit=1)[0].lower() if value else None


def _signs(header: Header, submitted: str | None, phrases: AutoReplyPhrases) -> bool:
    """Whether software sent it, without saying what: also true of newsletters, tickets and mailing lists."""
    if submitted is not None or any(header(name) for name in phrases.signs):
        return True
    if (header("return-path") or "").strip() == "<>":  # RFC 3834 3.3
        return True
    return not _is_list(header) and (header("precedence") or "").strip().lower() in _BULK


def _is_list(header: Header) -> bool:
    return header("list-id") is not None or header("list-post") is not None  # RFC 2919, RFC 2369


def _speaks(subject: str, phrases: AutoReplyPhrases) -> bool:
    """Whether the subject alone gives a reason to read the body."""
    return _begins(subject, phrases) or _mentions(subject, phrases) or _contains(subject, phrases.challenge_subject)


def _mentions(subject: str, phrases: AutoReplyPhrases) -> bool:
    """Whether the subject has a word of automatic answers that is not somebody else's."""
    return not subject.startswith(phrases.subject_reply) and _contains(subject, phrases.subject_words)


def _begins(subject: str, phrases: AutoReplyPhrases) -> bool:
    return subject.startswith(phrases.subject_prefix) or subject.rstrip(" .!:") in phrases.subject_whole


def _weight(header: Header, subject: str, body: str, phrases: AutoReplyPhrases, *, signs: bool) -> int:
    """How much speaks for an automatic answer. On a list, where answers are discussed, a subject is not enough."""
    begins = 0
    if subject.startswith(phrases.subject_prefix):
        begins = 2 if _is_list(header) else 3
    elif _begins(subject, phrases) or _mentions(subject, phrases):
        begins = 1
    weight = begins + signs
    if weight < _ENOUGH and _contains(body, phrases.sentences):
        return weight + 2
    return weight + (weight == _ENOUGH - 1 and _contains(body, phrases.words))


def _is_challenge(subject: str, body: str, phrases: AutoReplyPhrases, *, signs: bool) -> bool:
    """Whether two of the three kinds of phrases meet in mail of software, or all three."""
    named, held = _contains(subject, phrases.challenge_subject), _contains(body, phrases.challenge_held)
    if not named and not held:
        return False
    return named + held + _contains(body, phrases.challenge_confirm) + signs >= _ENOUGH


def _is_report(header: Header, subject: str, phrases: AutoReplyPhrases) -> bool:
    """Whether a mail server speaks: by who sends it, or by a subject that no answer's prefix introduces."""
    if _begins(subject, phrases):
        return False
    sender = (header("from") or "").lower()
    if _ROBOTS.search(sender):
        return True
    return not subject.startswith(phrases.subject_reply) and _contains(subject, phrases.subject_report)


def _contains(text: str, group: Iterable[str]) -> bool:
    return any(phrase in text for phrase in group)


def _plain(text: str, limit: int) -> str:
    """The text as the phrases are written: casefolded, single blanks, straight apostrophes, no tags before it."""
    plain = " ".join(text[:limit].translate(_STRAIGHT).replace("\u00a0:", ":").replace(" :", ":").split()).casefold()
    tags = _TAGS.match(plain)
    return plain[tags.end() :] if tags else plain


def _unquoted(text: str) -> str:
    """The lines that are not quoted from another message."""
    return "\n".join(line for line in text.split("\n") if not line.lstrip().startswith((">", "|")))


def _groups(table: Mapping[str, object]) -> dict[tuple[str, str], tuple[str, ...]]:
    """The phrases by section and group; a group that is missing is empty."""
    if unknown := set(table) - set(_SECTIONS) - {"header", "signs"}:
        raise EntryError("unknown key", key=min(unknown))
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for section, names in _SECTIONS.items():
        groups = _table(table.get(section, {}), section)
        if unknown := set(groups) - set(names):
            raise EntryError("unknown key", key=f"{section}.{min(unknown)}")
        for name in names:
            found[section, name] = _phrases(_table(groups.get(name, {}), f"{section}.{name}"), f"{section}.{name}")
    return found


_SECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "subject": ("prefix", "whole", "words", "reply", "report"),
    "body": ("sentences", "words"),
    "challenge": ("subject", "held", "confirm"),
}


def _table(value: object, key: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise EntryError("a table is wanted here", key=key)
    return cast("dict[str, object]", value)


def _list(value: object, key: str) -> list[object]:
    if not isinstance(value, list):
        raise EntryError("a list is wanted here", key=key)
    return cast("list[object]", value)


def _phrases(languages: Mapping[str, object], key: str) -> tuple[str, ...]:
    """All languages' phrases, each once, in the order of the table."""
    found: dict[str, None] = {}
    for language, phrases in languages.items():
        found.update(dict.fromkeys(_strings(phrases, f"{key}.{language}")))
    return tuple(found)


def _strings(value: object, key: str) -> tuple[str, ...]:
    phrases = [item.casefold() for item in _list(value, key) if isinstance(item, str) and item.strip()]
    if len(phrases) != len(_list(value, key)):
        raise EntryError("a phrase is a string that is not empty", key=key)
    return tuple(phrases)


def _marks(value: object) -> tuple[HeaderMark, ...]:
    entries = enumerate(_list(value, "header"))
    return tuple(_mark(_table(entry, f"header[{number}]"), f"header[{number}]") for number, entry in entries)


def _mark(entry: Mapping[str, object], key: str) -> HeaderMark:
    if unknown := set(entry) - {"name", "values", "kind", "source", "subject", "recipient"}:
        raise EntryError("unknown key", key=f"{key}.{min(unknown)}")
    name, kind = entry.get("name"), entry.get("kind")
    if not isinstance(name, str) or kind not in _MARK_KINDS:
        raise EntryError("a mark has a name, and a kind: auto_reply, challenge or complaint", key=key)
    values, subject, recipient = (
        _strings(entry.get(part, []), f"{key}.{part}") for part in ("values", "subject", "recipient")
    )
    return HeaderMark(name, values, Kind(str(kind)), subject, recipient)
