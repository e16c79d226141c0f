"""The phrases of automatic replies, as ``autoreply.toml`` lists them by language.

Here they are read and checked; :mod:`undeliverable._reading.autoreply` recognises automatic replies by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from undeliverable._knowledge.languages import read_list, read_lists, read_strings, read_table
from undeliverable.errors import EntryError
from undeliverable.errors._tables import refuse_unknown
from undeliverable.verdict import Kind

__all__ = ["AutoReplyPhrases", "HeaderMark"]

_MARK_KINDS: Final = frozenset((Kind.AUTO_REPLY, Kind.CHALLENGE, Kind.COMPLAINT))
_SECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "subject": ("prefix", "whole", "words", "report"),
    "body": ("sentences", "words"),
    "challenge": ("subject", "reply", "held", "confirm"),
}


@dataclass(frozen=True, slots=True)
class HeaderMark:
    """A header field that shows the kind by itself.

    :ivar name: the field's name.
    :ivar values: how its value begins, casefolded; empty if its presence is enough.
    :ivar kind: what the message then is.
    :ivar subject: how the subject must begin as well, casefolded; empty if it does not matter.
    :ivar recipient: the fields of the message inside that name the recipient, or of the message itself if there is none
        inside; empty: it is the sender.
    :ivar feedback: which type of feedback (RFC 5965 7.3) a complaint is; None if it is none.
    """

    name: str
    values: tuple[str, ...]
    kind: Kind
    subject: tuple[str, ...] = ()
    recipient: tuple[str, ...] = ()
    feedback: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoReplyPhrases:
    """What automatic replies say, of all languages together, casefolded.

    :ivar marks: the header fields that tell the kind by themselves.
    :ivar signs: the header fields of automatic mail of any kind.
    :ivar subject_prefix: how subjects of automatic replies begin.
    :ivar subject_whole: what is the whole subject of one.
    :ivar subject_words: what its subject often contains.
    :ivar subject_report: what subjects of delivery reports contain.
    :ivar sentences: what people hardly write themselves.
    :ivar words: what people write as well.
    :ivar challenge_subject: what subjects of challenges contain.
    :ivar challenge_reply: what the reply of a report contains that is a challenge, its type included.
    :ivar challenge_held: how a challenge says that the mail waits.
    :ivar challenge_confirm: how it says what the sender has to do.
    """

    marks: tuple[HeaderMark, ...] = ()
    signs: tuple[str, ...] = ()
    subject_prefix: tuple[str, ...] = ()
    subject_whole: frozenset[str] = frozenset()
    subject_words: tuple[str, ...] = ()
    subject_report: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    challenge_subject: tuple[str, ...] = ()
    challenge_reply: tuple[str, ...] = ()
    challenge_held: tuple[str, ...] = ()
    challenge_confirm: tuple[str, ...] = ()

    @classmethod
    def from_table(cls, table: Mapping[str, object]) -> AutoReplyPhrases:
        """Return the phrases in `table`: ``signs``, ``[[header]]``, ``[subject.*]``, ``[body.*]``, ``[challenge.*]``.

        :raises EntryError: for an unknown key, or a value of another form.
        """
        groups = _groups(table)
        return cls(
            marks=_marks(table.get("header", [])),
            signs=read_strings(table.get("signs", []), "signs"),
            subject_prefix=groups["subject.prefix"],
            subject_whole=frozenset(groups["subject.whole"]),
            subject_words=groups["subject.words"],
            subject_report=groups["subject.report"],
            sentences=groups["body.sentences"],
            words=groups["body.words"],
            challenge_subject=groups["challenge.subject"],
            challenge_reply=groups["challenge.reply"],
            challenge_held=groups["challenge.held"],
            challenge_confirm=groups["challenge.confirm"],
        )


def _groups(table: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    """Return the phrases by section and group; a group that is missing is empty."""
    refuse_unknown(table, (*_SECTIONS, "header", "signs"))
    found: dict[str, tuple[str, ...]] = {}
    for section, names in _SECTIONS.items():
        found |= read_lists(read_table(table.get(section, {}), section), names, f"{section}.")
    return found


def _marks(value: object) -> tuple[HeaderMark, ...]:
    entries = enumerate(read_list(value, "header"))
    return tuple(_mark(read_table(entry, f"header[{number}]"), f"header[{number}]") for number, entry in entries)


def _mark(entry: Mapping[str, object], key: str) -> HeaderMark:
    refuse_unknown(entry, ("name", "values", "kind", "source", "subject", "recipient", "feedback"), f"{key}.")
    name, kind = entry.get("name"), entry.get("kind")
    if not isinstance(name, str) or kind not in _MARK_KINDS:
        raise EntryError("a mark has a name, and a kind: auto_reply, challenge or complaint", key=key)
    values, subject, recipient = (
        read_strings(entry.get(part, []), f"{key}.{part}") for part in ("values", "subject", "recipient")
    )
    feedback = entry.get("feedback")
    if feedback is not None and not isinstance(feedback, str):
        raise EntryError("a type of feedback is a string", key=f"{key}.feedback")
    return HeaderMark(name, values, Kind(str(kind)), subject, recipient, feedback)
